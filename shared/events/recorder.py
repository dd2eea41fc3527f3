"""Where an event store reads streams and inserts documents: the protocol, and the recorder over one collection."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol

from pymongo import ASCENDING
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import BulkWriteError, PyMongoError

from shared.events.coalescing import Coalescer
from shared.events.documents import event_of
from shared.events.errors import StoreUnavailable, Taken, store_away
from shared.events.mongo import DUPLICATE_KEY
from shared.kernel.envelope import Event
from shared.runtime.observability import EVENTS_RECORDED

EVENTS_AT_A_TIME = 1_000

Document = dict[str, Any]
Fate = Taken | StoreUnavailable | None
"""What became of a document: None once it is recorded, else why it may not be."""


class Stored(NamedTuple):
    """An event of a stream, and the fingerprints of the request that recorded it."""

    event: Event
    request: Mapping[str, str]


class Recorder(Protocol):
    """What an event store needs. Every method may raise StoreUnavailable; keys are those of `key_of`.

    `inserts_at_once` says whether an insert is refused at once where something is recorded already.
    """

    @property
    def inserts_at_once(self) -> bool: ...

    def read(self, stream: str) -> list[Stored]:
        """What is recorded of the stream, in version order."""
        ...

    def read_all(self, streams: Collection[str]) -> dict[str, list[Stored]]:
        """The same of several streams; an empty list for one that does not exist."""
        ...

    def exists(self, stream: str) -> bool:
        """Whether the stream has any event."""
        ...

    def under_keys(self, keys: Collection[str]) -> dict[str, Event]:
        """The events that were recorded for requests with these keys, by key."""
        ...

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        """The streams with an event of this type whose field is the value, or lists it."""
        ...

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        """The private part of each of the stream's events, by event id."""
        ...

    def index_of(self, event_type: str, name: str) -> None:
        """Create the index behind `naming` for this field of events of this type alone; safe to repeat."""
        ...

    def insert(self, document: Document) -> None:
        """Record one document. Raises Taken where a unique index refuses it."""
        ...

    def insert_all(self, documents: Sequence[Document]) -> list[Fate]:
        """Record all that can be, at most one of a stream; the fate of each."""
        ...


class GroupCommit(Coalescer[Document, None]):
    """Group commit: concurrent inserts share one `insert_many`, and each caller gets the outcome of its own document.

    A group has at most one document of a stream. So no version is stored whose predecessor was refused in that group.
    """

    def __init__(self, collection: MongoCollection[Document]) -> None:
        super().__init__(
            partial(insert_all, collection), apart=lambda document: document["event"]["stream"], lost=_unavailable
        )

    def insert(self, document: Document) -> None:
        """Return once the document is durable on a majority. Raises Taken or StoreUnavailable."""
        self.call(document)


def insert_all(collection: MongoCollection[Document], documents: Sequence[Document]) -> list[Fate]:
    """Insert as many as possible. For each document: None once it is durable on a majority, or why it may not be."""
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        refused = {failure["index"]: failure["code"] for failure in error.details["writeErrors"]}
        unconfirmed = bool(error.details["writeConcernErrors"])
        return [_fate(refused.get(index), unconfirmed) for index in range(len(documents))]
    except PyMongoError:
        return [_unavailable() for _ in documents]
    return [None] * len(documents)


def _fate(code: int | None, unconfirmed: bool) -> Fate:
    if code == DUPLICATE_KEY:
        return Taken()
    return _unavailable() if code is not None or unconfirmed else None


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the event store did not confirm the write; send the same request again with the same key")


class MongoRecorder:
    """The recorder over one collection: what it has inserted is durable on a majority.

    Concurrent reads share one query, and concurrent inserts one write.
    """

    inserts_at_once = True

    def __init__(self, collection: MongoCollection[Document]) -> None:
        self._collection = collection
        self._commit = GroupCommit(collection)
        self._reading = Coalescer(self._read_each, lost=store_away)

    def read(self, stream: str) -> list[Stored]:
        return self._reading.call(stream)

    def _read_each(self, streams: list[str]) -> list[list[Stored]]:
        found = self.read_all(streams)
        return [found[stream] for stream in streams]

    def read_all(self, streams: Collection[str]) -> dict[str, list[Stored]]:
        found: dict[str, list[Stored]] = {stream: [] for stream in streams}
        with available():
            for document in self._collection.find(
                {"event.stream": {"$in": list(found)}},
                {"event": 1, "private.request": 1},
                sort=[("event.stream", ASCENDING), ("event.streamversion", ASCENDING)],
                batch_size=EVENTS_AT_A_TIME,
            ):
                found[document["event"]["stream"]].append(stored_of(document))
        return found

    def exists(self, stream: str) -> bool:
        with available():
            return self._collection.find_one({"event.stream": stream, "event.streamversion": 1}, {"_id": 1}) is not None

    def under_keys(self, keys: Collection[str]) -> dict[str, Event]:
        with available():
            found = self._collection.find(
                {"private.request.key": {"$in": list(keys)}}, {"event": 1, "private.request.key": 1}
            )
            return {key_in(document): event_of(document) for document in found}

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        with available():
            found = self._collection.find({"event.type": event_type, f"event.data.{name}": value}, {"event.stream": 1})
            return {document["event"]["stream"] for document in found}

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        with available():
            found = self._collection.find({"event.stream": stream}, {"private": 1})
            return {document["_id"]: document.get("private", {}).get("personal", {}) for document in found}

    def index_of(self, event_type: str, name: str) -> None:
        self._collection.create_index(
            [(f"event.data.{name}", ASCENDING)],
            name=f"{event_type}_{name}",
            partialFilterExpression={"event.type": event_type},
        )

    def insert(self, document: Document) -> None:
        self._commit.insert(document)
        _count(document)

    def insert_all(self, documents: Sequence[Document]) -> list[Fate]:
        fates = insert_all(self._collection, documents)
        for document, refused in zip(documents, fates, strict=True):
            if refused is None:
                _count(document)
        return fates


def stored_of(document: Mapping[str, Any]) -> Stored:
    """What a command needs to know of a stored document."""
    return Stored(event_of(document), document.get("private", {}).get("request", {}))


def key_in(document: Mapping[str, Any]) -> str:
    """The key of the request that the document was recorded for."""
    return str(document["private"]["request"]["key"])


@contextmanager
def available() -> Iterator[None]:
    """Raises StoreUnavailable in the place of an error of MongoDB's."""
    try:
        yield
    except PyMongoError as error:
        raise store_away() from error


def _count(document: Mapping[str, Any]) -> None:
    EVENTS_RECORDED.labels(type=document["event"]["type"]).inc()
