"""An event store to try commands on: they decide on what is recorded, and their events are kept apart from it.

Guarantee: nothing that is kept apart is ever published, shown or folded. It is deleted at the end; if the process dies
before that, within a day. One rehearsal of a database at a time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING

from shared.events.errors import Taken
from shared.events.recorder import Document, Fate, MongoRecorder, Recorder, Stored, key_in
from shared.events.store import EventStore
from shared.kernel.envelope import Event

COLLECTION = "rehearsal"
KEPT_SECONDS = 24 * 3600


class RehearsalRecorder:
    """Reads what is recorded and what is kept apart; inserts into the collection that is kept apart."""

    inserts_at_once = False  # what is recorded is in another collection, so it does not refuse an insert

    def __init__(self, recorded: Recorder, apart: Recorder) -> None:
        self._recorded = recorded
        self._apart = apart

    def read(self, stream: str) -> list[Stored]:
        return self.read_all([stream])[stream]

    def read_all(self, streams: Collection[str]) -> dict[str, list[Stored]]:
        recorded, apart = self._recorded.read_all(streams), self._apart.read_all(streams)
        return {stream: recorded[stream] + apart[stream] for stream in recorded}

    def exists(self, stream: str) -> bool:
        return self._recorded.exists(stream) or self._apart.exists(stream)

    def under_keys(self, keys: Collection[str]) -> dict[str, Event]:
        return self._apart.under_keys(keys) | self._recorded.under_keys(keys)

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        return self._recorded.naming(event_type, name, value) | self._apart.naming(event_type, name, value)

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        return self._recorded.private_of(stream) | self._apart.private_of(stream)

    def index_of(self, event_type: str, name: str) -> None:
        self._apart.index_of(event_type, name)

    def insert(self, document: Document) -> None:
        (refused,) = self.insert_all([document])
        if refused is not None:
            raise refused

    def insert_all(self, documents: Sequence[Document]) -> list[Fate]:
        now, used = datetime.now(UTC), self._recorded.under_keys([key_in(document) for document in documents])
        apart = [{**document, "kept_since": now} for document in documents if key_in(document) not in used]
        fates = dict(zip((one["_id"] for one in apart), self._apart.insert_all(apart) if apart else [], strict=True))
        return [fates.get(document["_id"], Taken()) for document in documents]


class Rehearsal(EventStore):
    """An event store over a `RehearsalRecorder`; its collection is the one that is kept apart."""

    def __init__(self, store: EventStore) -> None:
        apart = MongoRecorder(store.database[COLLECTION])
        super().__init__(
            store.database,
            source=store.source,
            clock=store.clock,
            catalogue=store.catalogue,
            collection=COLLECTION,
            recorder=RehearsalRecorder(store.recorder, apart),
        )

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
