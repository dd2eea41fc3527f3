"""What a reader may see of a follow-up, or of an entry in a chronology: all of it, or nothing but whom to ask.

One rule serves both: the reader's role may see the disclosure class, or the reader's team has a part in it. What is
withheld leaves only signposts: each says whom to ask, and stands once, however much is withheld.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations

from services.referrals_followup.domain.claims import HANDOVERS, find_first, find_left, is_agreed
from services.referrals_followup.domain.follow_up import Acts, FollowUp
from services.referrals_followup.domain.objection import ABOUT_AN_ENTRY_OF_OTHERS
from services.referrals_followup.domain.protection import NOTHING_HIDDEN, Hidden
from services.referrals_followup.domain.thread_history import MOVED
from shared.contracts import CATALOGUE
from shared.contracts.access import ROLES, WHEREABOUTS, may_see
from shared.contracts.catalogue import DISCLOSURE_CLASSES, OPERATIONAL
from shared.kernel.decisions import ABOUT_AN_ENTRY, CLAIM_CONFIRMED
from shared.kernel.envelope import Event

HANDED_OVER = "handover.acknowledged.v1"
# Each of these names an entry of a record, and is seen by whoever may see that.
_NAMES_AN_ENTRY = (*ABOUT_AN_ENTRY, *ABOUT_AN_ENTRY_OF_OTHERS)

_RESTRICTED = [one for one in DISCLOSURE_CLASSES if not all(may_see(role, one) for role in ROLES)]
# Every set of classes that not everybody may see, as views name them.
_SETS_OF_CLASSES = tuple(
    "+".join(sorted(some))
    for some in chain.from_iterable(combinations(_RESTRICTED, size) for size in range(len(_RESTRICTED) + 1))
)

Pair = tuple[FollowUp, Acts]


@dataclass(frozen=True, slots=True)
class Reader:
    """The role and team of a reader, the areas whose records they may read, and the protected people among these."""

    role: str
    team: str
    areas: frozenset[str]
    hidden: Hidden = NOTHING_HIDDEN


def areas_opened(events: Iterable[Event], areas: Collection[str]) -> frozenset[str]:
    """The further areas whose entries about a person readers of `areas` may read.

    These are the areas that the family left for one of `areas`, and those that they left before for one of these, as
    far as each handover is acknowledged. `events` are the standing ones of the streams that name the person.
    """
    known = list(events)
    # The new area cannot agree with itself: the area that was left has recorded or confirmed a part of it.
    confirming = [event for event in known if event.type == CLAIM_CONFIRMED and "people" not in event.data]
    recorded = (event for event in known if not event.is_claim and event.type in (MOVED, *HANDOVERS))
    agreed, left = find_first([*recorded, *confirming]), find_left(known)
    confirmed = {event.data["event_id"] for event in confirming}
    acknowledged = {
        event.stream
        for event in known
        if event.type == HANDED_OVER
        and (event.has_standing_on(event.stream) or event.id in confirmed or is_agreed(event, agreed, left))
    }
    moves = [event for event in known if event.type == MOVED and event.stream in acknowledged]
    opened = frozenset(areas)
    while further := {move.data["from_area"] for move in moves if move.data["to_area"] in opened} - opened:
        opened |= further
    return opened - frozenset(areas)


def is_disclosed(follow_up: FollowUp, acts: Acts, role: str, team: str) -> bool:
    """Whether this reader may see the follow-up.

    For each event that it tells of, the role must see the disclosure class or the team have a part in it. A team that
    was assigned the follow-up sees all of it. Accepting a follow-up discloses nothing.
    """
    return not find_withheld_of(follow_up, acts, role, team)


@lru_cache
def types_seen_by(role: str) -> tuple[str, ...]:
    """The event types whose disclosure class the role may see."""
    return tuple(sorted(entry.name for entry in CATALOGUE if may_see(role, entry.disclosure)))


def sees_every_class(role: str) -> bool:
    """Whether nothing is withheld from this role in the areas where it may act."""
    return not sets_seen_by(role)[1]


@lru_cache
def sets_seen_by(role: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The sets of classes of which the role sees every class, and the other sets, as `name_classes` names them."""
    seen = tuple(name for name in _SETS_OF_CLASSES if all(may_see(role, one) for one in name.split("+") if one))
    return seen, tuple(name for name in _SETS_OF_CLASSES if name not in seen)


def name_classes(event_types: Iterable[str]) -> str:
    """The classes of these event types that not everybody may see, as one text. An unknown type may be of any."""
    classes: set[str] = set()
    for event_type in event_types:
        classes.update([CATALOGUE[event_type].disclosure] if event_type in CATALOGUE else _RESTRICTED)
    return "+".join(sorted(classes.intersection(_RESTRICTED)))


def find_withheld_of(follow_up: FollowUp, acts: Acts, role: str, team: str) -> frozenset[str]:
    """`find_withheld` for a follow-up and the acts on it."""
    matters = ((matter.type, matter.teams) for matter in follow_up.matters)
    return find_withheld(matters, acts.given_team, role, team)


def find_withheld(
    matters: Iterable[tuple[str, Collection[str]]], given_team: str | None, role: str, team: str
) -> frozenset[str]:
    """The disclosure classes of a follow-up that are withheld from this reader; none when they may see it.

    `matters` are the event types that the follow-up tells of, each with the teams that have a part in it.
    """
    if team == given_team:
        return frozenset()
    return frozenset(
        CATALOGUE[event_type].disclosure for event_type, teams in matters if not _is_for(role, team, event_type, teams)
    )


def find_withheld_of_past(then: FollowUp, today: Pair | None, reader: Reader) -> frozenset[str]:
    """The classes of a follow-up as it stood that are withheld from this reader by what holds today.

    `today` is the same follow-up as it stands; None when there is none, and then no team has a part in it any more.
    """
    if reader.areas.isdisjoint((today[0] if today else then).areas):
        return frozenset(CATALOGUE[matter.type].disclosure for matter in then.matters)
    if reader.hidden.withholds(*(today or (then, Acts()))):
        return frozenset({WHEREABOUTS})
    withheld = find_withheld_of(*today, reader.role, reader.team) if today else frozenset()
    known = {matter.type for matter in today[0].matters} if today else set()
    matters = ((matter.type, {reader.team} if matter.type in known else ()) for matter in then.matters)
    return withheld | find_withheld(matters, today[1].given_team if today else None, reader.role, reader.team)


def _is_for(role: str, team: str, event_type: str | None, teams: Collection[str | None]) -> bool:
    """The one rule: the role may see the class of the event type, or the team is one of those with a part in it."""
    return team in teams or (event_type is not None and may_see(role, CATALOGUE[event_type].disclosure))


def is_event_disclosed(event: Event, role: str, team: str) -> bool:
    """Whether this reader may see the event by its class or as their own, wherever it was recorded."""
    return _is_for(role, team, event.type, {event.team})


def find_withheld_of_entry(
    event: Event, events: Mapping[str, Event], follow_ups: Mapping[str, Collection[str]], reader: Reader
) -> Collection[str]:
    """The classes of an entry that are withheld from this reader; none when they may see it.

    `events` are by id. `follow_ups` has the classes that are withheld of each follow-up, by its id. Who may see a
    follow-up may see the acts on it, and who may see an event may see its retraction, because they name the same
    things. While the retracted event is unknown here, only the team that retracted it sees the retraction. Acts on a
    follow-up that there is no longer are withheld from everybody.
    """
    if event.stream.startswith("follow-up/"):
        known = follow_ups.get(event.data["follow_up_id"])
        return known if known is not None else _classes_on(event.data["thread"], events)
    subject = events.get(event.data["event_id"]) if event.type in _NAMES_AN_ENTRY else event
    if reader.hidden.withholds_entry(subject or event) and event.team != reader.team:
        return {WHEREABOUTS}
    about = subject.type if subject else None
    disclosed = _is_for(reader.role, reader.team, about, {event.team, (subject or event).team})
    if disclosed and event.area in reader.areas:
        return ()
    return {CATALOGUE[about].disclosure if about else OPERATIONAL}


def _classes_on(thread: str, events: Mapping[str, Event]) -> Collection[str]:
    """The classes of the events of a thread."""
    found = (event for event in events.values() if event.stream == thread and event.type not in ABOUT_AN_ENTRY)
    return {CATALOGUE[event.type].disclosure for event in found} or {OPERATIONAL}
