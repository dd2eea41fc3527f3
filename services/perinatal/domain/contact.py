"""A contact that children's social care received: what was decided, and when the referrer was told."""

from __future__ import annotations

from shared.kernel.tables import Row, record_of, states

EVER = states("received", "decided")

ROWS = {
    "contact.received.v1": Row(becomes="received"),
    "contact.decided.v1": Row(EVER, "decided"),
    "contact.referrer_told.v1": Row(EVER),
}

AGGREGATE = record_of("contact", ROWS)
