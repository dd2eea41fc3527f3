"""What a reader may see of a follow-up, or of an entry in a chronology: its content, or only whom to ask.

One rule serves both: the reader's role may see the disclosure class, or the reader's team has a part in it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from services.referrals_followup.domain.claims import HANDOVERS
from services.referrals_followup.domain.follow_up import Acts, FollowUp
from services.referrals_followup.domain.thread_history import MOVED
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see
from shared.kernel.decisions import CLAIM_CONFIRMED, RETRACTION
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
    """The role and team of a reader, and the areas whose records they may read."""

    role: str
    team: str
    areas: frozenset[str]


def areas_opened(events: Iterable[Event], areas: Collection[str]) -> frozenset[str]:
    """The further areas whose entries about a person readers of `areas` may read.

    These are the areas that the family left for one of `areas`, and those that they left before for one of these, as
    far as each handover is acknowledged. `events` are the standing ones of the streams that name the person.
    """
    known = list(events)
    # The new area cannot agree with itself: the area that was left has recorded or confirmed a part of it.
    agreed = {event.stream for event in known if not event.is_claim and event.type in (MOVED, *HANDOVERS)}
    agreed |= {event.stream for event in known if event.type == CLAIM_CONFIRMED}
    acknowledged = {
        event.stream
        for event in known
        if event.type == HANDED_OVER and (event.has_standing_on(event.stream) or event.stream in agreed)
    }
    moves = [event for event in known if event.type == MOVED and event.stream in acknowledged]
    opened = frozenset(areas)
    while further := {move.data["from_area"] for move in moves if move.data["to_area"] in opened} - opened:
        opened |= further
    return opened - frozenset(areas)


def is_disclosed(follow_up: FollowUp, acts: Acts, role: str, team: str) -> bool:
    """Whether this reader may see what the follow-up is about.

    For each event that it tells of, the role must see the disclosure class or the team have a part in it. A team that
    was assigned the follow-up sees all of it. Accepting a follow-up discloses nothing.
    """
    return _find_withheld(follow_up, acts, role, team) is None


@lru_cache
def types_seen_by(role: str) -> tuple[str, ...]:
    """The event types whose disclosure class the role may see."""
    return tuple(sorted(entry.name for entry in CATALOGUE if may_see(role, entry.disclosure)))


def _find_withheld(follow_up: FollowUp, acts: Acts, role: str, team: str) -> str | None:
    matters = ((matter.type, matter.teams) for matter in follow_up.matters)
    return find_withheld(matters, acts.given_team, role, team)


def find_withheld(
    matters: Iterable[tuple[str, Collection[str]]], given_team: str | None, role: str, team: str
) -> str | None:
    """The type of the first event of a follow-up that this reader may not see; None when they may see all.

    `matters` are the event types that the follow-up tells of, each with the teams that have a part in it.
    """
    if team == given_team:
        return None
    return next((event_type for event_type, teams in matters if not _is_for(role, team, event_type, teams)), None)


def _is_for(role: str, team: str, event_type: str | None, teams: Collection[str | None]) -> bool:
    """The one rule: the role may see the class of the event type, or the team is one of those with a part in it."""
    return team in teams or (event_type is not None and may_see(role, CATALOGUE[event_type].disclosure))


def redact(follow_up: FollowUp, acts: Acts, role: str, team: str) -> FollowUp:
    """The follow-up as a reader may see it. Undisclosed, it says only that it exists, when it is due, whom to ask."""
    withheld = _find_withheld(follow_up, acts, role, team)
    return follow_up if withheld is None else replace(follow_up, **redaction_of(withheld))


def redaction_of(withheld: str) -> dict[str, Any]:
    """The fields that say what a follow-up is about, for a reader who may not see events of the type `withheld`."""
    return {
        "step": UNDISCLOSED,
        "standard": UNDISCLOSED,
        "person": None,
        "thread": UNDISCLOSED,
        "title": WHOM_TO_ASK[CATALOGUE[withheld].disclosure],
        "expects": "",
        "source": "",
        "fallback": None,
        "gap": None,
        "closed_reason": None,
        "why": {},
    }


def whom_to_ask(
    event: Event, events: Mapping[str, Event], follow_ups: Mapping[str, tuple[FollowUp, Acts]], reader: Reader
) -> str | None:
    """Whom this reader is to ask about an entry; None when they may see it. `events` and `follow_ups` are by id.

    Who may see a follow-up may see the acts on it, and who may see an event may see its retraction, because they name
    the same things. While the retracted event is unknown here, only the team that retracted it sees the retraction.
    """
    areas: Collection[str] = (event.area,)
    if event.stream.startswith("follow-up/"):
        pair = follow_ups.get(event.data["follow_up_id"])
        withheld = _find_withheld(*pair, reader.role, reader.team) if pair else None
        about = withheld or (pair[0].opened_type if pair else None)
        areas = pair[0].areas if pair else areas
        disclosed = pair is not None and withheld is None
    else:
        subject = events.get(event.data["event_id"]) if event.type == RETRACTION else event
        about = subject.type if subject else None
        disclosed = _is_for(reader.role, reader.team, about, {event.team, (subject or event).team})
    if disclosed and not reader.areas.isdisjoint(areas):
        return None
    return WHOM_TO_ASK[CATALOGUE[about].disclosure if about else "operational"]
