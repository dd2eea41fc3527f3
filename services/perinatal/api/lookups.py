"""What the routes look up: the aggregates that an id may name, and what a decision has to know of other records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.perinatal.domain import condition, person, pregnancy
from shared.kernel.decisions import Aggregate, Invalid
from shared.web.exchange import Request

KNOWN: Mapping[str, Aggregate[Any]] = {
    kind.kind: kind for kind in (person.AGGREGATE, condition.AGGREGATE, pregnancy.AGGREGATE)
}


def born_on(service: Any, person_id: str) -> date | None:
    """The date of birth that this service holds of a person. It stays here: only a band of ages leaves."""
    private = service.dependencies.records.last_private(person.AGGREGATE, person_id, person.REGISTERED)
    return date.fromisoformat(private["date_of_birth"]) if "date_of_birth" in private else None


def mother(service: Any, request: Request) -> Mapping[str, Any]:
    """Of whoever the body says is pregnant."""
    return {"born_on": born_on(service, request.body["person_id"])}


def mother_of_record(service: Any, request: Request) -> Mapping[str, Any]:
    """Of the mother in the record."""
    state, _ = service.dependencies.store.state_of(pregnancy.AGGREGATE, f"pregnancy/{request.path['pregnancy_id']}")
    return {"born_on": born_on(service, state.person_id)}


def partner(service: Any, request: Request) -> Mapping[str, Any]:
    """Of the partner whom the body names."""
    partner_id = request.body["partner_id"]
    known = service.dependencies.records.state_of(person.AGGREGATE, partner_id, "partner_id")
    return {"nhs_number_known": known.nhs_number_known, "born_on": born_on(service, partner_id)}


def about_the_same(service: Any, request: Request) -> Mapping[str, Any]:
    """Refuse (422) a condition of another person, and a pregnancy in which the person has no part."""
    said, records, faults = request.body, service.dependencies.records, {}
    if "condition_id" in said:
        found = records.state_of(condition.AGGREGATE, said["condition_id"], "condition_id")
        if found.person_id != said["person_id"]:
            faults["condition_id"] = ["is a condition of another person"]
    if "pregnancy_id" in said:
        expected = records.state_of(pregnancy.AGGREGATE, said["pregnancy_id"], "pregnancy_id")
        if said["person_id"] not in expected.family:
            faults["pregnancy_id"] = ["is a pregnancy of others: the person is not the mother, a partner or a child"]
    if faults:
        raise Invalid("unknown-reference", "the record named is another person's", fields=faults)
    return {}
