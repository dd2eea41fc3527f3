"""A concern about a child, or an injury: who saw the child, and what was decided.

There may be more than one decision on an injury, because a senior colleague may look at it again.
"""

from __future__ import annotations

from shared.kernel.tables import Row, record_of, states

ROWS = {
    "concern.raised.v1": Row(becomes="raised"),
    "injury.reported.v1": Row(becomes="reported"),
    "child.seen.v1": Row(states("raised", "reported", "decided")),
    "injury.decided.v1": Row(states("reported", "decided"), "decided"),
}

AGGREGATE = record_of("concern", ROWS)
