"""An agency's case about some people. Its closing is a fact. It is accepted even if other things are still open."""

from __future__ import annotations

from shared.kernel.tables import Row, record_of, states

ROWS = {
    "case.opened.v1": Row(becomes="open"),
    "case.closed.v1": Row(states("open"), "closed", repeats=("agency", "people")),
}

AGGREGATE = record_of("case", ROWS)
