"""The circle of a person: which teams have a live part in their care, by one record about them. Pure.

A record about care that has not ended gives a part to the teams that work on it and to those that it names. The record
of the person gives one to the teams of those who are named for them. The person's area is no part of any record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.contracts.access import SYSTEM
from shared.kernel.decisions import ABOUT_AN_ENTRY, CLAIM_CONFIRMED, ids_left_out
from shared.kernel.envelope import Event

# A team has no live part in a record with one of these states.
OVER = ("closed", "withdrawn", "rejected", "ended", "completed")
# The events that lead to one of these states. A test compares them with the tables of the records.
ENDS = frozenset(
    {
        "case.closed.v1",
        "case.closed.v2",
        "offer.ended.v1",
        "plan_item.completed.v1",
        "plan_item.ended.v1",
        "pregnancy.ended.v1",
        "referral.closed.v1",
        "referral.rejected.v1",
        "referral.treatment_ended.v1",
        "referral.withdrawn.v1",
        "support.ended.v1",
    }
)
NAMED, SENT_TO, LIVES_THERE = "named", "referral_sent_to_it", "lives_in_its_area"
# Why a team with a part in a record of this kind is in the circle.
CARE: Mapping[str, str] = {
    "case": "open_case",
    "pregnancy": "pregnancy",
    "support": "support",
    "referral": "referral",
    "care-leaver": "plan",
    "plan-item": "plan",
}
WHY = (NAMED, *dict.fromkeys(CARE.values()), SENT_TO, LIVES_THERE)
_NAMES: Mapping[str, str] = {
    "practitioner.assigned.v1": "practitioner",
    "accumulation.lead_named.v1": "lead",
    "adviser.assigned.v1": "adviser",
}
# By one of these a team takes on a record that another team began.
TAKES_ON = frozenset(
    {
        "pregnancy.booked.v1",
        "prebirth.referral_accepted.v1",
        "referral.accepted.v1",
        "referral.acknowledged.v1",
    }
)
_NAMES_TEAMS = ("to_team", "team", "chair_team")
PROTECTED, UNPROTECTED = "person.protected.v1", "person.unprotected.v1"
_NAMES_NOBODY = {"adviser.ended.v1": "adviser.assigned.v1"}


@dataclass(frozen=True, slots=True)
class Part:
    """Why a team is in the circle, the event that says so, and the worker who is named, if one is."""

    team: str
    why: str
    event: Event
    worker: str | None = None


def parts_in(history: Sequence[Event]) -> list[Part]:
    """The parts that one record gives teams. `history` has those of its events that have standing, in order."""
    left_out = ids_left_out(history)
    standing = [event for event in history if event.id not in left_out and event.type not in ABOUT_AN_ENTRY]
    kind = history[0].stream.partition("/")[0] if history else ""
    parts = [
        Part(event.data["team"], NAMED, event, event.data[_NAMES[event.type]]) for event in _find_namings(standing)
    ]
    if kind in CARE and not any(event.type in ENDS for event in standing):
        for event in standing:
            parts += [Part(event.team, CARE[kind], event)] if event.team != SYSTEM else []
            parts += [Part(event.data["to_team"], SENT_TO, event)] if event.data.get("to_team") else []
    return parts


def with_standing(history: Iterable[Event]) -> list[Event]:
    """The events of one record that have standing: those of the circle, and the claims that were confirmed whole."""
    events = list(history)
    confirmed = {
        event.data["event_id"]
        for event in events
        if event.type == CLAIM_CONFIRMED and not event.is_claim and "people" not in event.data
    }
    return [event for event in events if not event.is_claim or event.id in confirmed]


def is_named_for(history: Sequence[Event], team: str) -> bool:
    """Whether somebody of the team is named for the person of this record."""
    return any(part.why == NAMED and part.team == team for part in parts_in(history))


def holders_of(history: Iterable[Event]) -> set[str]:
    """The teams that hold a record: that began it, took it on, or are named or addressed in it. `history` as above.

    Whoever only adds an entry to it holds nothing by that. Of those named for a person, the last in each role count.
    """
    events = list(history)
    left_out = ids_left_out(events)
    found: set[str | None] = {part.team for part in parts_in(events) if part.why == NAMED}
    for event in events:
        if event.id not in left_out and event.type not in ABOUT_AN_ENTRY:
            found.update(event.data.get(name) for name in _NAMES_TEAMS if event.type not in _NAMES)
            found.update([event.team] if event.version == 1 or event.type in TAKES_ON else [])
    return {team for team in found if team and team != SYSTEM}


def teams_with_part(history: Sequence[Event]) -> set[str]:
    """The teams that hold a live part in the person's care by this record, or that are named for the person there."""
    parts = parts_in(history)
    is_live = any(part.why != NAMED for part in parts)
    return holders_of(history) if is_live else {part.team for part in parts}


def find_protectors(history: Iterable[Event]) -> frozenset[str]:
    """The teams that protect the person of this record; none if nobody does."""
    events = list(history)
    left_out, found = ids_left_out(events), set[str]()
    for event in events:
        if event.type == PROTECTED and event.id not in left_out:
            found.add(event.team)
        elif event.type == UNPROTECTED and event.id not in left_out:
            found.clear()
    return frozenset(found)


def teams_of(history: Iterable[Event]) -> set[str]:
    """The teams with a part in what a record shows: those that made entries, and those that standing entries name."""
    events = list(history)
    left_out = ids_left_out(events)
    named = (event.data for event in events if event.id not in left_out)
    teams = {team for data in named for team in (data.get("to_team"), data.get("team"))}
    return {team for team in (*teams, *(event.team for event in events)) if team}


def _find_namings(standing: Iterable[Event]) -> Collection[Event]:
    """The last event that names somebody in each role, unless a later one says that they stopped."""
    found: dict[tuple[str, str | None], Event] = {}
    for event in standing:
        if event.type in _NAMES:
            found[event.type, event.data.get("role")] = event
        elif event.type in _NAMES_NOBODY:
            found.pop((_NAMES_NOBODY[event.type], None), None)
    return found.values()
