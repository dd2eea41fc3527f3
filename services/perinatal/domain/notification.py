"""A notification from one professional to another. Its state is `sent` until the receiver acknowledges it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.perinatal.domain.acknowledgement import reported_by
from shared.kernel.decisions import Actor, Context, Forbidden
from shared.kernel.tables import AppendEntry, RecordState, Row, record_of, states


def is_receiver(state: RecordState, actor: Actor) -> bool:
    """Whether this actor is the receiver: of the team that is addressed, or of the role if no team is."""
    if actor.team in state.teams:
        return False
    return state.was_sent_to(actor) if state.facts.get("to_team") else actor.role == state.facts.get("to_role")


def _acknowledged(state: RecordState, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    by_receiver = is_receiver(state, context.actor)
    if not by_receiver and context.actor.team not in state.teams:
        raise Forbidden("no-part-in-it", "only the receiver or the sender acknowledges a notification")
    return {"reported_by": reported_by(by_receiver, {**command.data, **command.private})}


ROWS = {
    "notification.sent.v1": Row(becomes="sent"),
    "notification.acknowledged.v1": Row(
        states("sent"), "acknowledged", _acknowledged, repeats=("to_role", "condition_id", "pregnancy_id")
    ),
}

AGGREGATE = record_of("notification", ROWS)
