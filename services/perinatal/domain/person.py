"""A person in this service. Other services get an opaque id, and never the name or the NHS number.

Entries about a person may be late, so they may also follow a death. A second death is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.perinatal.domain.concern import require_judge
from shared.kernel.decisions import Actor, Context, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import require_born
from shared.kernel.tables import (
    AppendEntry,
    BeginRecord,
    Party,
    RecordState,
    Row,
    begin_decision,
    corrected_details,
    invalid,
    record_of,
    states,
)

REGISTERED, CORRECTED = "person.registered.v1", "person.corrected.v1"
LEAD = "safeguarding_lead"
EVER = states("registered", "died")


@dataclass(frozen=True, slots=True, kw_only=True)
class Person(RecordState):
    """`links` are the other ids of this person, `protected_by` the teams that protected them."""

    nhs_number_known: bool = False
    links: frozenset[str] = frozenset()
    protected_by: frozenset[str] = frozenset()


def _holds(state: Person, actor: Actor) -> bool:
    """Whether the actor is of a team that works with the person, or a safeguarding lead."""
    return actor.role == LEAD or actor.team in state.teams or actor.team == state.facts.get("team")


def _protects(state: Person, actor: Actor) -> bool:
    return actor.role == LEAD or actor.team in state.protected_by


HOLDER = Party(_holds, "not-your-person", "a team that works with the person, or a safeguarding lead, protects them")
PROTECTOR = Party(
    _protects, "not-your-protection", "the team that protected the person, or a safeguarding lead, takes it back"
)


def _registered(state: Person, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    """Without a date of birth, the age is unknown. For a child, the day of birth is the time of the birth."""
    if "date_of_birth" in command.private:
        require_born(command.private["date_of_birth"], context.now)
    return {"nhs_number_known": "nhs_number" in command.private}


def _corrected(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """Only what differs from the record is corrected. The former values stay private in the earlier entries."""
    if "date_of_birth" in command.private:
        require_born(command.private["date_of_birth"], context.now)
    details = corrected_details(command)
    return {"details": details, "nhs_number_known": state.nhs_number_known or "nhs_number" in details}


def _told_apart(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if context.stream_id in command.data["others"]:
        raise invalid("told-apart-from-itself", "a person is told apart from others", others="has this very person")
    return {}


def _linked(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["other_person_id"] == context.stream_id:
        raise invalid("linked-to-itself", "a person is linked to another id", other_person_id="is this very person")
    if command.known.get("are_two"):
        message = (
            "what is recorded of the two cannot be true of one person: they are parent and child, a couple, children of"
            " one birth, or born years apart; if the record is wrong, correct that first"
        )
        raise invalid("two-people", message, other_person_id="is somebody else, by what is recorded")
    return {}


def _unlinked(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["other_person_id"] not in state.links:
        fields = {"other_person_id": ["is not linked to this person"]}
        raise Refused("not-linked", "only what is linked can be unlinked", fields=fields)
    return {}


def _unprotected(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if not state.protected_by:
        raise Refused("not-protected", "nobody has protected this person")
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
    return {"birth_known": command.known["born_on"] is not None} if "born_on" in command.known else {}


def _led(state: Person, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    require_judge(command, "lead")
    return {}


def _with_link(state: Person, event: Event) -> Person:
    return replace(state, links=state.links | {event.data["other_person_id"]})


def _with_protection(state: Person, event: Event) -> Person:
    return replace(state, protected_by=state.protected_by | {event.team})


def _without_protection(state: Person, event: Event) -> Person:
    return replace(state, protected_by=frozenset())


def _without_link(state: Person, event: Event) -> Person:
    return replace(state, links=state.links - {event.data["other_person_id"]})


ROWS = {
    REGISTERED: Row(becomes="registered", check=_registered, sets=("nhs_number_known",)),
    CORRECTED: Row(EVER, check=_corrected, sets=("nhs_number_known",)),
    "person.told_apart.v1": Row(EVER, check=_told_apart),
    "person.linked.v1": Row(EVER, check=_linked, also=_with_link),
    "person.unlinked.v1": Row(EVER, check=_unlinked, also=_without_link),
    "person.protected.v1": Row(EVER, who=HOLDER, also=_with_protection),
    "person.unprotected.v1": Row(EVER, check=_unprotected, who=PROTECTOR, also=_without_protection),
    "person.died.v1": Row(states("registered"), "died", _died),
    "practitioner.assigned.v1": Row(EVER),
    "household.adult_joined.v1": Row(EVER, check=_joined),
    "bereavement.checked.v1": Row(EVER),
    "review.offered.v1": Row(EVER, check=_reviewed),
    "review.completed.v1": Row(EVER, check=_reviewed),
    "review.declined.v1": Row(EVER, check=_reviewed),
    "parent.checks_recorded.v1": Row(EVER),
    "accumulation.lead_named.v1": Row(EVER, check=_led),
    "accumulation.reviewed.v1": Row(EVER, check=_led),
    "contacts.reviewed.v1": Row(EVER),
    "closing.reread.v1": Row(EVER),
    "closings.reviewed.v1": Row(EVER),
}

AGGREGATE = record_of("person", ROWS, Person(), begin=begin_decision("person", ROWS, again=True))
