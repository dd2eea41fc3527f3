"""A condition of a person, such as depression. It has a code and a severity, and never a description."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kernel.tables import RecordState, Row, record_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(RecordState):
    code: str | None = None
    severity: str | None = None


ROWS = {"condition.recorded.v1": Row(becomes="recorded", sets=("code", "severity"))}

AGGREGATE = record_of("condition", ROWS, Condition())
