"""A concern about a child, an injury, or alleged harm: who saw the child, and what was decided.

There may be more than one decision on an injury, because a senior colleague may look at it again. Whoever decides is a
clinician, a social worker or a safeguarding lead. Whoever reported the injury is no second opinion on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.kernel.decisions import Context
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, RecordState, Row, invalid, record_of, states

JUDGES = (
    "front_door",
    "gp_practice",
    "health_visitor",
    "mental_health_service",
    "midwife",
    "safeguarding_lead",
    "social_worker",
)
# Police officers and schools see children too, but judge no injury.
NO_CLINICIANS = ("police", "school")


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern(RecordState):
    """`reporter` is whoever reported the injury or the alleged harm."""

    reporter: str | None = None


def require_judge(command: AppendEntry, field: str, judged: str | None = None) -> None:
    """Refuse a worker in this field who judges their own work, or whose roles in the directory do not let them judge.

    `command.known` has these roles, as far as this service knows them.
    """
    roles = command.known.get("assessor_roles")
    if judged is not None and command.data[field] == judged:
        fault = "reported it; somebody else has to judge it"
    elif roles is not None and roles.isdisjoint(JUDGES):
        fault = f"is in no role that judges harm; it is for: {', '.join(JUDGES)}"
    else:
        return
    raise invalid("another-clinician-needed", "harm is judged by a named clinician or lead", **{field: fault})


def _decided(state: Concern, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    require_judge(command, "decided_by", state.reporter if command.data.get("senior") else None)
    return {}


def _harm_decided(state: Concern, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    require_judge(command, "decided_by")
    return {}


def _with_reporter(state: Concern, event: Event) -> Concern:
    return replace(state, reporter=event.actor)


def _seen(state: Concern, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["clinician"] and context.actor.role in NO_CLINICIANS:
        raise invalid("no-clinician", "whoever can judge an injury records it", clinician="is no here")
    return {}


EVER = states("raised", "reported", "alleged", "decided")

ROWS = {
    "concern.raised.v1": Row(becomes="raised"),
    "injury.reported.v1": Row(becomes="reported", also=_with_reporter),
    "harm.alleged.v1": Row(becomes="alleged", also=_with_reporter),
    "child.seen.v1": Row(EVER, check=_seen),
    "child.not_found.v1": Row(EVER),
    "harm.decided.v1": Row(states("alleged", "decided"), "decided", _harm_decided),
    "injury.decided.v1": Row(states("reported", "decided"), "decided", _decided),
}

AGGREGATE = record_of("concern", ROWS, Concern())
