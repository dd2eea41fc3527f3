"""What a reader is shown of a follow-up, or of an entry in somebody's chronology: the content, or whom to ask.

One rule for both: the role may see the disclosure class, or the reader's team has a part in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from services.referrals_followup.domain.follow_up import Acts, FollowUp
from services.referrals_followup.domain.thread_history import MOVED
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event

WHOM_TO_ASK = {
    "health": "health: contact the health visitor",
    "leaving_care": "leaving care: contact the PA",
    "social_care": "social care: contact the social worker",
    "operational": "contact the operator",
}

UNDISCLOSED = "undisclosed"

HANDED_OVER = "handover.acknowledged.v1"


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: role, team, and the areas whose records are open to them."""

    role: str
    team: str
    areas: frozenset[str]


def areas_opened(events: Iterable[Event], areas: Collection[str]) -> frozenset[str]:
    """The further areas whose entries about a person are open to readers of `areas`: those that the family left for one
    of these, and those left before for them, as far as each handover is acknowledged. `events` are standing ones of
    the histories that the person is named in."""
    known = list(events)
    acknowledged = {event.stream for event in known if event.type == HANDED_OVER}
    moves = [event for event in known if event.type == MOVED and event.stream in acknowledged]
    opened = frozenset(areas)
    while further := {move.data["from_area"] for move in moves if move.data["to_area"] in opened} - opened:
        opened |= further
    return opened - frozenset(areas)


def is_disclosed(follow_up: FollowUp, acts: Acts, role: str, team: str) -> bool:
    """Whether this reader may see what it is about: everything that it tells of is of a class for their role, or their
    team has a part in that or was given the follow-up. Taking it on opens nothing."""
    return _withheld(follow_up, acts, role, team) is None


@lru_cache
def types_seen_by(role: str) -> tuple[str, ...]:
    """The event types whose class the role may see."""
    return tuple(sorted(entry.name for entry in CATALOGUE if may_see(role, entry.disclosure)))


def _withheld(follow_up: FollowUp, acts: Acts, role: str, team: str) -> str | None:
    """The type of the first matter of the follow-up that this reader may not see; None when they may see them all."""
    if team == acts.given_team:
        return None
    hidden = (matter.type for matter in follow_up.matters if not _is_for(role, team, matter.type, matter.teams))
    return next(hidden, None)


def _is_for(role: str, team: str, event_type: str | None, teams: Collection[str | None]) -> bool:
    """The one rule: the role may see the class of the event type, or the team is among those that have a part in it."""
    return team in teams or (event_type is not None and may_see(role, CATALOGUE[event_type].disclosure))


def redact(follow_up: FollowUp, acts: Acts, role: str, team: str) -> FollowUp:
    """The follow-up as a reader may see it: outside the class, only that it is there, when it is due, whom to ask."""
    withheld = _withheld(follow_up, acts, role, team)
    if withheld is None:
        return follow_up
    return replace(
        follow_up,
        step=UNDISCLOSED,
        standard=UNDISCLOSED,
        person=None,
        thread=UNDISCLOSED,
        title=WHOM_TO_ASK[CATALOGUE[withheld].disclosure],
        expects="",
        source="",
        fallback=None,
        gap=None,
        closed_reason=None,
        why={},
    )


def whom_to_ask(
    event: Event, events: Mapping[str, Event], follow_ups: Mapping[str, tuple[FollowUp, Acts]], reader: Reader
) -> str | None:
    """Whom this reader is to ask about an entry; None when they may see it. `events` and `follow_ups`: by id.

    An act on a follow-up is shown to those to whom the follow-up is, and a retraction to those to whom what it strikes
    out is: they name the same things. While that is not known here, only the team that struck it out sees it.
    """
    areas: Collection[str] = (event.area,)
    if event.stream.startswith("follow-up/"):
        pair = follow_ups.get(event.data["follow_up_id"])
        withheld = _withheld(*pair, reader.role, reader.team) if pair else None
        about = withheld or (pair[0].opened_type if pair else None)
        areas = pair[0].areas if pair else areas
        disclosed = pair is not None and withheld is None
    else:
        struck = events.get(event.data["event_id"]) if event.type == RETRACTION else event
        about = struck.type if struck else None
        disclosed = _is_for(reader.role, reader.team, about, {event.team, (struck or event).team})
    if disclosed and not reader.areas.isdisjoint(areas):
        return None
    return WHOM_TO_ASK[CATALOGUE[about].disclosure if about else "operational"]
