"""Support such as listening visits: the sessions, the reviews (each with a decision), and the end.

A session or a review that was held before the end may be recorded after the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.perinatal.domain.screen import score_fault
from shared.kernel.decisions import Context
from shared.kernel.tables import AppendEntry, Row, invalid, record_of, states

EVER = states("started", "ended")


def _reviewed(state: Any, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    tool, score = command.data.get("tool"), command.data.get("score")
    if (tool is None) != (score is None):
        missing = "tool" if tool is None else "score"
        raise invalid("score-and-tool", "tool and score go together", **{missing: "is needed beside the other"})
    if tool is not None and score is not None and (fault := score_fault(tool, score)):
        raise invalid("not-of-this-tool", "the tool has no such result", score=fault)
    return {}


ROWS = {
    "support.started.v1": Row(becomes="started"),
    "support.session_held.v1": Row(EVER),
    "support.session_missed.v1": Row(EVER),
    "support.miss_contacted.v1": Row(EVER),
    "support.misses_reviewed.v1": Row(EVER),
    "support.reviewed.v1": Row(EVER, check=_reviewed),
    "support.ended.v1": Row(states("started"), "ended"),
}

AGGREGATE = record_of("support", ROWS)
