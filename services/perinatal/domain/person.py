"""A person as this service knows them: an opaque id for everybody, the name and NHS number for nobody else.

Whatever is told of a person may be told late, so after a death as well; nobody dies twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.kernel.decisions import Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import Begin, area_to_begin_in, fact, history_of, require_born
from shared.kernel.tables import AppendEntry, RecordState, Row, invalid, states, tell, told

REGISTERED = "person.registered.v1"
EVER = states("registered", "died")


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Begin):
    """`nhs_number` is ten digits, already checked. Name, date of birth and number stay private.

    Without a date of birth the age is unknown; a child's day of birth is the time of the birth.
    """

    given_name: str
    family_name: str
    date_of_birth: date | None = None
    nhs_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(RecordState):
    """`links` are the other ids that are said to be this person's."""

    nhs_number_known: bool = False
    links: frozenset[str] = frozenset()


def _register(state: Person, command: Register, context: Context) -> Fact:
    person_id = context.stream_id
    if state.status is not None:
        raise Refused("person-already-known", f"this person is known here as {person_id}; go on with that id")
    if command.date_of_birth:
        require_born(command.date_of_birth, context.now)
    registered = fact(
        REGISTERED,
        context,
        person_id=person_id,
        nhs_number_known=command.nhs_number is not None,
        private={
            "given_name": command.given_name,
            "family_name": command.family_name,
            "date_of_birth": command.date_of_birth.isoformat() if command.date_of_birth else None,
            "nhs_number": command.nhs_number,
        },
    )
    return replace(registered, subject=person_id, area=area_to_begin_in(state, command, context.actor))


def _linked(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["other_person_id"] == context.stream_id:
        raise invalid("linked-to-itself", "a person is linked to another id", other_person_id="is this very person")
    return {}


def _unlinked(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["other_person_id"] not in state.links:
        fields = {"other_person_id": ["is not linked to this person"]}
        raise Refused("not-linked", "only what is linked can be unlinked", fields=fields)
    return {}


def _died(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if context.stream_id in command.data["family"]:
        raise invalid("own-family", "the family are the others", family="has the one who died in it")
    return {}


def _joined(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    adult, children = command.data["adult_id"], command.data["children"]
    if adult == context.stream_id or adult in children:
        raise invalid("joined-themselves", "somebody else joined", adult_id="is one of those who were joined")
    return {}


def _reviewed(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["review"] == "antenatal" and "pregnancy_id" not in command.data:
        raise invalid("which-pregnancy", "an antenatal review is of one pregnancy", pregnancy_id="is needed: of which")
    return {}


def _registered(state: Person, event: Event) -> Person:
    return replace(state, status="registered", nhs_number_known=event.data["nhs_number_known"])


def _with_link(state: Person, event: Event) -> Person:
    return replace(state, links=state.links | {event.data["other_person_id"]})


def _without_link(state: Person, event: Event) -> Person:
    return replace(state, links=state.links - {event.data["other_person_id"]})


ROWS = {
    "person.linked.v1": Row(EVER, check=_linked),
    "person.unlinked.v1": Row(EVER, check=_unlinked),
    "person.died.v1": Row(states("registered"), "died", _died),
    "practitioner.assigned.v1": Row(EVER),
    "household.adult_joined.v1": Row(EVER, check=_joined),
    "bereavement.checked.v1": Row(EVER),
    "review.offered.v1": Row(EVER, check=_reviewed),
    "review.completed.v1": Row(EVER, check=_reviewed),
    "review.declined.v1": Row(EVER, check=_reviewed),
    "parent.checks_recorded.v1": Row(EVER),
    "accumulation.lead_named.v1": Row(EVER),
    "accumulation.reviewed.v1": Row(EVER),
}

AGGREGATE = history_of(
    "person",
    Person(),
    decisions={Register: _register, AppendEntry: tell("person", ROWS)},
    evolutions={
        REGISTERED: _registered,
        **told(ROWS, also={"person.linked.v1": _with_link, "person.unlinked.v1": _without_link}),
    },
)
