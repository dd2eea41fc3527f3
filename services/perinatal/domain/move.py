"""A household that moved from one area to another, and the handover that goes with it.

The record belongs to the area that was left, whoever records the move: the sender owns the handover until the receiver
has it. It is the business of both areas. What the receiver has to know stays private; what it is about does not.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.perinatal.domain.acknowledgement import PROOF, reported_by, require
from shared.kernel.decisions import Actor, Context, Fact, Forbidden, Invalid
from shared.kernel.envelope import Event
from shared.kernel.history import history_of
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, invalid, start, states, tell, told

OPEN = states("moved", "handover_attempted", "handover_given")
EVER = OPEN | {"acknowledged"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(RecordState):
    """`senders` are the teams that recorded the move, or tried or gave the handover; `moved_at`: when, and when told.

    `told_in`: the areas whose people said any of that.
    """

    from_area: str | None = None
    to_area: str | None = None
    senders: frozenset[str] = frozenset()
    moved_at: tuple[datetime, ...] = ()
    told_in: frozenset[str] = frozenset()

    @property
    def also_open_to(self) -> Collection[str]:
        return [self.to_area] if self.to_area else []

    @property
    def is_agreed(self) -> bool:
        """Whether it is more than the word of the new area: that of the area that was left, or the handover is over."""
        return self.status == "acknowledged" or self.from_area in self.told_in


def is_receiver(state: Move, actor: Actor) -> bool:
    """Whether an entry of this actor is the new area's own: who acts only there, or has no part in the sending."""
    if state.to_area not in actor.areas:
        return False
    return state.from_area not in actor.areas or actor.team not in state.senders


def _moved(state: Move, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    said, faults = command.data, {}
    if said["person_id"] not in said["people"]:
        faults["people"] = ["has the person whom the record is about among them"]
    if said["from_area"] == said["to_area"]:
        faults["to_area"] = ["is the area that was left: a move within one area needs no handover between areas"]
    if faults:
        raise Invalid("not-a-move", "these people did not move so", fields=faults)
    return _recorded_in(said["from_area"], said["to_area"], context.actor)


def _handed_over(state: Move, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return _recorded_in(state.from_area, state.to_area, context.actor)


def _recorded_in(from_area: str | None, to_area: str | None, actor: Actor) -> Mapping[str, Any]:
    own = [area for area in (from_area, to_area) if area in actor.areas]
    return {"recorded_in": own[0]} if own else {}


def _acknowledged(state: Move, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    by_receiver = is_receiver(state, context.actor)
    said = {**command.data, **command.private}
    if by_receiver and not state.is_agreed:
        # To acknowledge opens the records of the area that was left: nobody lets themselves in by their own word.
        why = "the area that was left has recorded nothing of it; say who there gave it, by which channel and reference"
        require(said, PROOF, "nothing-handed-over", why)
    # A handover goes from hand to hand: a sender who reports it also says which team has it now.
    by = reported_by(by_receiver, said, (*PROOF, "team"))
    if not by_receiver:
        return {"reported_by": by}
    team = command.data.get("team", context.actor.team)
    itself = {"practitioner": context.actor.id} if team == context.actor.team else {}
    return {"reported_by": by, "team": team, **itself, **command.data}


def _contacted(state: Move, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if not is_receiver(state, context.actor):
        raise Forbidden("receiver-only", "the first contact is for the new area to record")
    return {}


def _begin(state: Move, command: BeginRecord, context: Context) -> Fact:
    ends = [command.data.get(end) for end in ("from_area", "to_area")]
    if command.area not in (None, ends[0]):
        raise invalid("area-is-known", "a move belongs to the area that was left", area="is from_area; leave it out")
    own = [area for area in ends if area in context.actor.areas]
    begun = start("move", ROWS)(state, replace(command, area=own[0] if own else ends[0]), context)
    return replace(begun, area=ends[0])


def _with_areas(state: Move, event: Event) -> Move:
    ends = {"from_area": event.data["from_area"], "to_area": event.data["to_area"]}
    return replace(_sent(state, event), **ends, moved_at=(event.occurred_at, event.recorded_at))


def _sent(state: Move, event: Event) -> Move:
    told_in = {event.data["recorded_in"]} if "recorded_in" in event.data else set()
    return replace(state, senders=state.senders | {event.team}, told_in=state.told_in | told_in)


ROWS = {
    "household.moved.v1": Row(becomes="moved", check=_moved),
    "handover.attempted.v1": Row(EVER, {"moved": "handover_attempted"}, _handed_over),
    "handover.given.v1": Row(EVER, {"moved": "handover_given", "handover_attempted": "handover_given"}, _handed_over),
    "handover.acknowledged.v1": Row(OPEN, "acknowledged", _acknowledged),
    "handover.first_contact_made.v1": Row(EVER, check=_contacted),
}

AGGREGATE = history_of(
    "move",
    Move(),
    decisions={BeginRecord: _begin, AppendEntry: tell("move", ROWS)},
    evolutions=told(
        ROWS,
        also={
            "household.moved.v1": _with_areas,
            "handover.attempted.v1": _sent,
            "handover.given.v1": _sent,
        },
    ),
)
