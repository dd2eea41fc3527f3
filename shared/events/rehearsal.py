"""An event store to try commands on: they decide on what is recorded, and what they lead to is kept apart from it.

Guarantee: nothing that is kept apart is ever published, shown or folded; it is gone at the end, and within a day when
nobody came to the end. One rehearsal of a database at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING

from shared.events.errors import StoreUnavailable
from shared.events.group_commit import Taken
from shared.events.store import EventStore, Stored
from shared.kernel.envelope import Event

COLLECTION = "rehearsal"
KEPT_SECONDS = 24 * 3600


class Rehearsal(EventStore):
    """The store's events, and beside them those of the rehearsal."""

    inserts_at_once = False  # what the store has is in another collection

    def __init__(self, store: EventStore) -> None:
        super().__init__(
            store.database, source=store.source, clock=store.clock, catalogue=store.catalogue, collection=COLLECTION
        )
        self._store = store

    @contextmanager
    def open(self) -> Iterator[None]:
        """Nothing is kept apart at the beginning, and nothing afterwards. Raises PyMongoError."""
        self.collection.drop()
        self.ensure_indexes()
        self.collection.create_index([("kept_since", ASCENDING)], name="kept", expireAfterSeconds=KEPT_SECONDS)
        try:
            yield
        finally:
            self.collection.drop()

    def exists(self, stream: str) -> bool:
        return self._store.exists(stream) or super().exists(stream)

    def under_keys(self, digests: Collection[str]) -> dict[str, Event]:
        return super().under_keys(digests) | self._store.under_keys(digests)

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        return self._store.naming(event_type, name, value) | super().naming(event_type, name, value)

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        return self._store.private_of(stream) | super().private_of(stream)

    def read_all(self, streams: Collection[str]) -> dict[str, list[Stored]]:
        kept, apart = self._store.read_all(streams), super().read_all(streams)
        return {stream: kept[stream] + apart[stream] for stream in kept}

    def insert_all(self, documents: Sequence[dict[str, Any]]) -> list[Taken | StoreUnavailable | None]:
        now, used = datetime.now(UTC), self._store.under_keys([_key_in(document) for document in documents])
        apart = [{**document, "kept_since": now} for document in documents if _key_in(document) not in used]
        fates = dict(zip((one["_id"] for one in apart), super().insert_all(apart) if apart else [], strict=True))
        return [fates.get(document["_id"], Taken()) for document in documents]

    def _insert(self, document: dict[str, Any]) -> None:
        (refused,) = self.insert_all([document])
        if refused is not None:
            raise refused


def _key_in(document: dict[str, Any]) -> str:
    return str(document["private"]["request"]["key"])
