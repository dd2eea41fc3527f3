"""An event store for many commands at once: one query reads their streams, one insert records what they lead to.

Guarantees: a command decides on durable events only. One that depends on an event that is not durable yet is refused
with `Deferred`, so an insert holds at most one event of a stream. What `execute` returned is durable only once `flush`
has said so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from shared.events.errors import StoreUnavailable
from shared.events.recorder import Document, Fate, Recorder, Stored, key_in, stored_of
from shared.events.store import EventStore
from shared.kernel.envelope import Event


class Deferred(Exception):
    """The command depends on an event that waits for `flush`. Nothing is done; give the command again after that."""


class BatchRecorder:
    """Keeps what is inserted until `flush`, and what it has read of a stream: it reads no stream twice."""

    inserts_at_once = False

    def __init__(self, base: Recorder) -> None:
        self._base = base
        self._known: dict[str, list[Stored]] = {}
        self._under_key: dict[str, Event] = {}
        self._pending: dict[str, Document] = {}
        self._pending_keys: set[str] = set()
        self._pending_ids: set[str] = set()

    @property
    def pending(self) -> Collection[str]:
        """The streams whose events wait for `flush`, in the order in which they were recorded."""
        return self._pending.keys()

    def defers(self, record_ids: Iterable[str]) -> bool:
        """Whether a record with one of these ids has an event that waits for `flush`."""
        return not self._pending_ids.isdisjoint(record_ids)

    def read_ahead(self, streams: Collection[str], keys: Collection[str] = ()) -> None:
        """Read these streams in one query, and those of the events that were recorded under these keys."""
        if keys:
            self._under_key |= self._base.under_keys(keys)
            streams = {*streams, *(event.stream for event in self._under_key.values())}
        self._known.update(self._base.read_all([stream for stream in streams if stream not in self._known]))

    def read(self, stream: str) -> list[Stored]:
        return self.read_all([stream])[stream]

    def read_all(self, streams: Collection[str]) -> dict[str, list[Stored]]:
        if not self._pending.keys().isdisjoint(streams):
            raise Deferred
        if not self._known.keys() >= set(streams):
            self.read_ahead(streams)
        return {stream: list(self._known[stream]) for stream in streams}

    def exists(self, stream: str) -> bool:
        return bool(self.read(stream))

    def under_keys(self, keys: Collection[str]) -> dict[str, Event]:
        if not self._pending_keys.isdisjoint(keys):
            raise Deferred
        known = {key: self._under_key[key] for key in keys if key in self._under_key}
        further = [key for key in keys if key not in known]
        return known | (self._base.under_keys(further) if further else {})

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        if any(_names(document["event"], event_type, name, value) for document in self._pending.values()):
            raise Deferred
        return self._base.naming(event_type, name, value)

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        if stream in self._pending:
            raise Deferred
        return self._base.private_of(stream)

    def index_of(self, event_type: str, name: str) -> None:
        """Nothing: the index is the base recorder's."""

    def insert(self, document: Document) -> None:
        stream = document["event"]["stream"]
        self._pending[stream] = document
        self._pending_ids.add(stream.partition("/")[2])
        self._pending_keys.add(key_in(document))

    def insert_all(self, documents: Sequence[Document]) -> list[Fate]:
        fates = self._base.insert_all(documents) if documents else []
        for document, refused in zip(documents, fates, strict=True):
            stream = document["event"]["stream"]
            if refused is None and stream in self._known:
                stored = stored_of(document)
                self._known[stream].append(stored)
                self._under_key[stored.request["key"]] = stored.event
            else:
                self._known.pop(stream, None)
        return fates

    def flush(self) -> list[Fate]:
        """Insert all that waits, in one go; the fates, in the order of recording."""
        documents = list(self._pending.values())
        self._pending.clear()
        self._pending_keys.clear()
        self._pending_ids.clear()
        return self.insert_all(documents)


def _names(event: Mapping[str, Any], event_type: str, name: str, value: str) -> bool:
    """Whether the attributes are of an event of this type whose field is the value, or lists it."""
    named = event["data"].get(name) if event["type"] == event_type else None
    return value in named if isinstance(named, list) else value == named


class BatchStore(EventStore):
    """An event store over a `BatchRecorder`. It lives as long as one batch of commands."""

    def __init__(self, store: EventStore) -> None:
        self._base = store
        self._batch = BatchRecorder(store.recorder)
        super().__init__(
            store.database, source=store.source, clock=store.clock, catalogue=store.catalogue, recorder=self._batch
        )

    @property
    def pending(self) -> int:
        """How many events wait for `flush`."""
        return len(self._batch.pending)

    def defers(self, record_ids: Iterable[str]) -> bool:
        """Whether a record with one of these ids has an event that waits for `flush`."""
        return self._batch.defers(record_ids)

    def read_ahead(self, streams: Collection[str], keys: Collection[str] = ()) -> None:
        """Read these streams in one query, and those of the events under these keys (as of `key_of`).

        Raises StoreUnavailable.
        """
        self._batch.read_ahead(streams, keys)

    def flush(self) -> list[Fate]:
        """Insert all that waits, in one go; for each event, in the order of recording, None or why it may not be.

        Waits for the commands that this process is about to record on one of the streams: they would lose the race
        again and again.
        """
        with self._base.turns_on(self._batch.pending):
            return self._batch.flush()

    def record(self) -> list[bool]:
        """Flush; whether each event was recorded, in the order of recording. Raises StoreUnavailable."""
        fates = self.flush()
        for refused in fates:
            if isinstance(refused, StoreUnavailable):
                raise refused
        return [refused is None for refused in fates]
