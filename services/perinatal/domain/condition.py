"""A condition found in a person, such as a depression: a code and how severe it is, never a description."""

from __future__ import annotations

from dataclasses import dataclass

from shared.kernel.tables import RecordState, Row, record_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(RecordState):
    code: str | None = None
    severity: str | None = None


ROWS = {"condition.recorded.v1": Row(becomes="recorded", sets=("code", "severity"))}

AGGREGATE = record_of("condition", ROWS, Condition())
