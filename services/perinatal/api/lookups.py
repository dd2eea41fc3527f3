"""What the routes look up: the aggregates that an id may name, and what a decision needs to know of other records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.perinatal.domain import condition, person, pregnancy
from shared.kernel.decisions import Aggregate, Invalid
from shared.recording.records import Records
from shared.recording.routes import LookUp
from shared.web.exchange import Request

KNOWN: Mapping[str, Aggregate[Any]] = {
    kind.kind: kind for kind in (person.AGGREGATE, condition.AGGREGATE, pregnancy.AGGREGATE)
}


def find_mother(records: Records, request: Request) -> Mapping[str, Any]:
    """What is known of the mother whom the body names."""
    return {"born_on": _born_on(records, request.body["person_id"])}


def find_mother_of_record(records: Records, request: Request) -> Mapping[str, Any]:
    """What is known of the mother in the record. Raises UnknownStream."""
    return {"born_on": _born_on(records, records.find(pregnancy.AGGREGATE, request.path["pregnancy_id"]).person_id)}


def find_partner(records: Records, request: Request) -> Mapping[str, Any]:
    """What is known of the partner whom the body names."""
    partner_id = request.body["partner_id"]
    known = records.state_of(person.AGGREGATE, partner_id, "partner_id")
    return {"nhs_number_known": known.nhs_number_known, "born_on": _born_on(records, partner_id)}


def find_assessor(field: str) -> LookUp:
    """Looks up the directory's roles of whoever the body names in `field`; who name themselves have their own."""

    def find(records: Records, request: Request) -> Mapping[str, Any]:
        named = request.body[field]
        if named == request.actor.id:
            return {"assessor_roles": frozenset({request.actor.role})}
        worker = records.directory.worker(named) if records.directory else None
        return {"assessor_roles": worker.roles} if worker else {}

    return find


def require_same_person(records: Records, request: Request) -> Mapping[str, Any]:
    """Refuse, as invalid, a condition of another person, and a pregnancy in which the person has no part."""
    body, faults = request.body, {}
    if "condition_id" in body:
        named = records.state_of(condition.AGGREGATE, body["condition_id"], "condition_id")
        if named.person_id != body["person_id"]:
            faults["condition_id"] = ["is a condition of another person"]
    if "pregnancy_id" in body:
        expected = records.state_of(pregnancy.AGGREGATE, body["pregnancy_id"], "pregnancy_id")
        if body["person_id"] not in expected.family:
            faults["pregnancy_id"] = ["is a pregnancy of others: the person is not the mother, a partner or a child"]
    if faults:
        raise Invalid("unknown-reference", "the record named is another person's", fields=faults)
    return {}


def _born_on(records: Records, person_id: str) -> date | None:
    """The date of birth that this service holds of a person. Only a band of ages leaves this service."""
    private = records.last_private(person.AGGREGATE, person_id, person.REGISTERED)
    return date.fromisoformat(private["date_of_birth"]) if "date_of_birth" in private else None
