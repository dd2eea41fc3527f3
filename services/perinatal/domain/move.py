"""A household that moved from one area to another, and the handover that goes with it.

The record belongs to the area that was left, whoever records the move. The sender owns the handover until the receiver
acknowledges it. Both areas may act on the record. The account for the receiver stays private. The subjects of the
account are published.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.perinatal.domain.acknowledgement import PROOF, reported_by, require
from shared.kernel.decisions import Actor, Context, Fact, Invalid
from shared.kernel.envelope import Event
from shared.kernel.tables import (
    AppendEntry,
    BeginRecord,
    Party,
    RecordState,
    Row,
    begin_decision,
    invalid,
    record_of,
    states,
)

OPEN = states("moved", "handover_attempted", "handover_given")
EVER = OPEN | {"acknowledged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(RecordState):
    """`senders`: the teams that recorded the move, or attempted or gave the handover. `recorded_in`: their areas.

    `moved_at`: when the household moved, and when that was recorded. `to_team`: the team that the handover went to.
    `is_acknowledged`: it was acknowledged by somebody with standing. What lacks standing names no team.
    """

    from_area: str | None = None
    to_area: str | None = None
    senders: frozenset[str] = frozenset()
    moved_at: tuple[datetime, ...] = ()
    recorded_in: frozenset[str] = frozenset()
    to_team: str | None = None
    is_acknowledged: bool = False

    @property
    def also_open_to(self) -> Collection[str]:
        return [self.to_area] if self.to_area else []

    @property
    def is_agreed(self) -> bool:
        """Whether the area that was left has recorded or confirmed any part of the move.

        The new area cannot agree with itself.
        """
        return self.is_acknowledged or self.from_area in self.recorded_in or bool(self.confirmed)

    def was_sent_to(self, actor: Actor) -> bool:
        return self.is_agreed and self.to_area in actor.areas


def is_receiver(state: Move, actor: Actor) -> bool:
    """Whether an entry of this actor counts as the new area's: they act only there, or took no part in sending.

    If the handover went to a named team, only that team receives it.
    """
    if state.to_area not in actor.areas or state.to_team not in (None, actor.team):
        return False
    return state.from_area not in actor.areas or actor.team not in state.senders


RECEIVER = Party(is_receiver, "receiver-only", "the first contact is for the new area to record")


def areas_after(moves: Iterable[Move]) -> set[str]:
    """The area where somebody lives after these moves. Empty while nothing shows that they have left their first area.

    A move counts once both areas agree on it. So no area can get access, or take it from another area, by its own
    record alone. A record of the new area alone counts only for a return: it ends a stay elsewhere.
    """
    lives: set[str] = set()
    left: set[str | None] = set()
    for move in sorted((move for move in moves if move.status), key=lambda move: move.moved_at):
        if move.to_area and move.is_agreed:
            lives = {move.to_area}
            left.add(move.from_area)
        elif move.to_area in left:
            lives = set()
    return lives


def _moved(state: Move, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    data, faults = command.data, {}
    if data["person_id"] not in data["people"]:
        faults["people"] = ["has the person whom the record is about among them"]
    if data["from_area"] == data["to_area"]:
        faults["to_area"] = ["is the area that was left: a move within one area needs no handover between areas"]
    if faults:
        raise Invalid("not-a-move", "these people did not move so", fields=faults)
    return _recorded_in(data["from_area"], data["to_area"], context.actor)


def _handed_over(state: Move, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return _recorded_in(state.from_area, state.to_area, context.actor)


def _recorded_in(from_area: str | None, to_area: str | None, actor: Actor) -> Mapping[str, Any]:
    own = [area for area in (from_area, to_area) if area in actor.areas]
    return {"recorded_in": own[0]} if own else {}


def _acknowledged(state: Move, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    by_receiver = is_receiver(state, context.actor)
    given = {**command.data, **command.private}
    if by_receiver and not state.is_agreed:
        # An acknowledgement gives access to the records of the area that was left. So it is not enough that the new
        # area says it.
        why = "the area that was left has recorded nothing of it; say who there gave it, by which channel and reference"
        require(given, PROOF, "nothing-handed-over", why)
    # A sender who reports the acknowledgement also names the team that has the handover now.
    by = reported_by(by_receiver, given, (*PROOF, "team"))
    if not by_receiver:
        return {"reported_by": by}
    team = command.data.get("team", context.actor.team)
    itself = {"practitioner": context.actor.id} if team == context.actor.team else {}
    return {"reported_by": by, "team": team, **itself, **command.data}


def _begin(state: Move, command: BeginRecord, context: Context) -> Fact:
    ends = [command.data.get(end) for end in ("from_area", "to_area")]
    if command.area not in (None, ends[0]):
        raise invalid("area-is-known", "a move belongs to the area that was left", area="is from_area; leave it out")
    own = [area for area in ends if area in context.actor.areas]
    begun = begin_decision("move", ROWS)(state, replace(command, area=own[0] if own else ends[0]), context)
    return replace(begun, area=ends[0])


def _with_time(state: Move, event: Event) -> Move:
    return replace(_with_sender(state, event), moved_at=(event.occurred_at, event.recorded_at))


def _with_sender(state: Move, event: Event) -> Move:
    areas = {event.data["recorded_in"]} if "recorded_in" in event.data and not event.is_claim else set()
    to_team = event.data.get("to_team", state.to_team) if event.has_standing_on(event.stream) else state.to_team
    return replace(state, senders=state.senders | {event.team}, recorded_in=state.recorded_in | areas, to_team=to_team)


def _with_acknowledgement(state: Move, event: Event) -> Move:
    if not event.has_standing_on(event.stream):
        return state
    return replace(state, to_team=event.data["team"], is_acknowledged=True)


ROWS = {
    "household.moved.v1": Row(becomes="moved", check=_moved, sets=("from_area", "to_area"), also=_with_time),
    "handover.attempted.v1": Row(EVER, {"moved": "handover_attempted"}, _handed_over, also=_with_sender),
    "handover.given.v1": Row(
        EVER, dict.fromkeys(("moved", "handover_attempted"), "handover_given"), _handed_over, also=_with_sender
    ),
    "handover.acknowledged.v1": Row(OPEN, "acknowledged", _acknowledged, also=_with_acknowledgement),
    "handover.first_contact_made.v1": Row(EVER, who=RECEIVER),
}

AGGREGATE = record_of("move", ROWS, Move(), begin=_begin)
