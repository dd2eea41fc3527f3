"""A condition found in a person, such as a depression: a code and how severe it is, never a description."""

from __future__ import annotations

from dataclasses import dataclass, replace

from shared.kernel.decisions import Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import Begin, History, area_to_begin_in, fact, history_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Begin):
    person_id: str
    code: str
    severity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(History):
    code: str | None = None
    severity: str | None = None


def _record(state: Condition, command: Record, context: Context) -> Fact:
    if state.entries or state.retracted:
        raise Refused("already-begun", "this condition is recorded already")
    recorded = fact(
        "condition.recorded.v1",
        context,
        condition_id=context.stream_id,
        person_id=command.person_id,
        code=command.code,
        severity=command.severity,
    )
    return replace(recorded, subject=command.person_id, area=area_to_begin_in(state, command, context.actor))


def _recorded(state: Condition, event: Event) -> Condition:
    return replace(state, status="recorded", code=event.data["code"], severity=event.data.get("severity"))


AGGREGATE = history_of(
    "condition",
    Condition(),
    decisions={Record: _record},
    evolutions={"condition.recorded.v1": _recorded},
)
