"""An agency's case about some people. Its closing is a fact, and accepted whatever else is still open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.kernel.decisions import Context
from shared.kernel.tables import AppendEntry, RecordState, Row, record_of, states


def _closed(state: RecordState, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return {name: state.facts[name] for name in ("agency", "people")}


ROWS = {
    "case.opened.v1": Row(becomes="open"),
    "case.closed.v1": Row(states("open"), "closed", _closed),
}

AGGREGATE = record_of("case", ROWS)
