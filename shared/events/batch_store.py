"""An event store for many commands at once: one query reads their streams, one insert records what they lead to.

Guarantees: a command decides on durable events alone, for one that needs to know what is not durable yet is put off
(`Deferred`); so at most one event of a stream is in one insert, as in a group commit. What `execute` returned is
durable only once `flush` has said so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from shared.events.errors import StoreUnavailable
from shared.events.group_commit import Taken
from shared.events.store import EventStore, Stored, stored_of
from shared.kernel.envelope import Event


class Deferred(Exception):
    """What the command needs to know is recorded, but not durable yet. Nothing is done: give it again after `flush`."""


class BatchStore(EventStore):
    """Lives as long as one batch of commands: what it has read of a stream, it does not read again."""

    inserts_at_once = False

    def __init__(self, store: EventStore) -> None:
        super().__init__(store.database, source=store.source, clock=store.clock, catalogue=store.catalogue)
        self._base = store
        self._known: dict[str, list[Stored]] = {}
        self._under_key: dict[str, Event] = {}
        self._gathered: dict[str, dict[str, Any]] = {}
        self._gathered_keys: set[str] = set()
        self._gathered_ids: set[str] = set()

    @property
    def gathered(self) -> int:
        """How many events wait for `flush`."""
        return len(self._gathered)

    def defers(self, record_ids: Iterable[str]) -> bool:
        """Whether a record with one of these ids has an event that waits for `flush`."""
        return not self._gathered_ids.isdisjoint(record_ids)

    def read_ahead(self, streams: Collection[str], keys: Collection[str] = ()) -> None:
        """Read these streams at once, those that do not exist too, and those of the events under these keys (digests).

        Raises StoreUnavailable.
        """
        if keys:
            self._under_key |= self._base.under_keys(keys)
            streams = {*streams, *(event.stream for event in self._under_key.values())}
        self._known.update(self._base.read_all([stream for stream in streams if stream not in self._known]))

    def index_of(self, event_type: str, name: str) -> None:
        """Its base has seen to that."""

    def exists(self, stream: str) -> bool:
        return bool(self._read(stream))

    def under_key(self, digest: str) -> Event | None:
        if digest in self._gathered_keys:
            raise Deferred
        return self._under_key.get(digest) or self._base.under_key(digest)

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        if self._gathered:
            raise Deferred
        return self._base.naming(event_type, name, value)

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        if stream in self._gathered:
            raise Deferred
        return self._base.private_of(stream)

    def flush(self) -> list[Taken | StoreUnavailable | None]:
        """Insert what is gathered, in one go; for each, in the order in which it was recorded, None or why not.

        It waits for whoever is about to insert into one of the streams, who would lose the race again and again.
        """
        streams, documents = list(self._gathered), list(self._gathered.values())
        self._gathered.clear()
        self._gathered_keys.clear()
        self._gathered_ids.clear()
        with self._base.turns_on(streams):
            fates = self._base.insert_all(documents) if documents else []
        for document, refused in zip(documents, fates, strict=True):
            stream = document["event"]["stream"]
            if refused is None:
                stored = stored_of(document)
                self._known[stream].append(stored)
                self._under_key[stored.request["key"]] = stored.event
            else:
                self._known.pop(stream, None)
        return fates

    def record(self) -> list[bool]:
        """`flush`, where only the store can stop what follows: whether each was recorded. Raises StoreUnavailable."""
        fates = self.flush()
        for refused in fates:
            if isinstance(refused, StoreUnavailable):
                raise refused
        return [refused is None for refused in fates]

    def _read(self, stream: str) -> list[Stored]:
        if stream in self._gathered:
            raise Deferred
        if stream not in self._known:
            self.read_ahead([stream])
        return list(self._known[stream])

    def _insert(self, document: dict[str, Any]) -> None:
        stream = document["event"]["stream"]
        self._gathered[stream] = document
        self._gathered_ids.add(stream.partition("/")[2])
        self._gathered_keys.add(document["private"]["request"]["key"])
