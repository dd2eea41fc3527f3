"""The access log: who read which person's record. An entry is stored on a majority before the answer is sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from shared.events.coalescing import Coalescer
from shared.events.errors import store_away
from shared.kernel.decisions import Actor
from shared.runtime.clock import Clock


class AccessLog:
    """Appends to the collection `access_log`. This class never changes or removes an entry."""

    def __init__(self, database: Database, clock: Clock) -> None:
        durable = WriteConcern("majority", wtimeout=10_000)
        self._collection = database.get_collection("access_log", write_concern=durable)
        self._clock = clock
        self._entries: Coalescer[dict[str, Any], None] = Coalescer(self._insert, lost=store_away)

    def ensure_indexes(self) -> None:
        """Create the index for the question "who has read this person's record?". Safe to repeat."""
        self._collection.create_index([("subjects", ASCENDING), ("at", ASCENDING)], name="subjects_at")

    def append(
        self, actor: Actor, *, route: str, subjects: Sequence[str], correlation_id: str, glass: str | None = None
    ) -> None:
        """Record one read of `subjects` (opaque person ids) through `route` (its template), perhaps under a `glass`.

        Raises PyMongoError or StoreUnavailable.
        """
        self._entries.call(
            {
                "at": self._clock.now(),
                "actor": actor.id,
                "role": actor.role,
                "team": actor.team,
                "areas": list(actor.areas),
                "route": route,
                "subjects": sorted(set(subjects)),
                "correlation_id": correlation_id,
                **({"glass": glass} if glass else {}),
            }
        )

    def _insert(self, entries: list[dict[str, Any]]) -> list[None]:
        self._collection.insert_many(entries, ordered=False)
        return [None] * len(entries)
