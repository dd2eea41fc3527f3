"""Two indexes of the relay's pending work, so that its queries cost the same however long the history is."""

from __future__ import annotations

from typing import Any

from pymongo import ASCENDING
from pymongo.collection import Collection


def relay_indexes(events: Collection[dict[str, Any]]) -> None:
    """Create them on the collection of events; safe to repeat."""
    events.create_index(
        [("relay.pending", ASCENDING), ("_id", ASCENDING)],
        name="relay_pending",
        partialFilterExpression={"relay.pending": True},
    )
    events.create_index(
        [("relay.unlisted", ASCENDING)], name="relay_unlisted", partialFilterExpression={"relay.unlisted": True}
    )
