"""Read models: mongoengine documents that are folds of streams, bound to one database and to no global connection.

A view is written whole and never over a fuller one, so any order and any repetition of hearing, by any number of
hearers, ends in the same document. A rebuild gives identical documents, one after the other in place, and readers miss
none meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Generic, TypeVar

from mongoengine import Document
from mongoengine.queryset import QuerySet
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.checks.invariants import read_sample
from shared.contracts import CATALOGUE
from shared.events.pages import decode_cursor, encode_cursor, split_rest
from shared.events.store import EventStore
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, Done, Outcome, read_event

D = TypeVar("D", bound=Document)

STALE = "stale"
"""Marks, during a rebuild, the views that are not replaced yet; documents are read with `strict` off."""


class Views(Generic[D]):
    """The views of one kind of stream. `fold` makes the document of a stream's whole history.

    The document class names its collection and its indexes in `meta`, which is not `strict`, and has a field `version`:
    the number of events that it was folded from.
    """

    def __init__(
        self,
        document: type[D],
        *,
        kind: str,
        fold: Callable[[list[Event]], D],
        database: Database[dict[str, Any]],
        store: EventStore,
    ) -> None:
        self._document = document
        self._collection = database[document._meta["collection"]]
        self._kind = kind
        self._fold = fold
        self._store = store

    def ensure_indexes(self) -> None:
        """Create the indexes that the document declares; safe to repeat."""
        for spec in self._document._meta["index_specs"]:
            self._collection.create_index(spec["fields"])

    @property
    def objects(self) -> QuerySet:
        """A new mongoengine query over these views."""
        return QuerySet(self._document, self._collection)

    def refresh(self, streams: Iterable[str]) -> None:
        """Fold those of the streams that are of this kind again. Raises StoreUnavailable or PyMongoError."""
        for stream in sorted(set(streams)):
            if stream.startswith(f"{self._kind}/"):
                history = self._store.load(stream)
                if history:
                    self._write(self._fold(history))

    def differing(self, sample: int | None, before: datetime) -> Iterator[str]:
        """The streams whose view is not what a fold of their history makes now, and views without a stream.

        Looks at all of them, or at `sample` streams and views chosen by chance. Streams with an event recorded after
        `before` are left out: what was just recorded may not have been heard yet.
        """
        streams = set(self._store.streams(self._kind, sample))
        streams |= {f"{self._kind}/{found['_id']}" for found in read_sample(self._collection, {}, sample, {"_id": 1})}
        for stream in sorted(streams):
            history = self._store.load(stream)
            if history and history[-1].recorded_at > before:
                continue
            stored = self._collection.find_one({"_id": stream.partition("/")[2]})
            if stored != (self._fold(history).to_mongo().to_dict() if history else None):
                yield stream

    def rebuild(self) -> int:
        """Fold all streams again, in place, while others read and write; how many there are then.

        Each view stands until its fold replaces it. What nothing replaced is of no stream, or says that it is fuller
        than its stream is: it goes, and its stream, if there is one, is folded again. Run it again after a crash.
        """
        self._collection.update_many({}, {"$set": {STALE: True}})
        streams = list(self._store.streams(self._kind))
        self.refresh(streams)
        left = [document["_id"] for document in self._collection.find({STALE: True}, {"_id": 1})]
        self._collection.delete_many({"_id": {"$in": left}, STALE: True})
        self.refresh(f"{self._kind}/{key}" for key in left)
        return len(streams)

    def _write(self, view: D) -> None:
        guard = {"_id": view.pk, "version": {"$lte": view.version}}
        # A duplicate key means that the guard did not match and the id exists: a fuller view is already there.
        with suppress(DuplicateKeyError):
            self._collection.replace_one(guard, view.to_mongo().to_dict(), upsert=True)


def refresh_views(deliveries: list[Delivery], *views: Views[Any]) -> list[Outcome]:
    """What became of each message on a service's own queue: its stream was folded again, or it cannot be read."""
    read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
    streams = {event.stream for event in read if isinstance(event, Event)}
    for view in views:
        view.refresh(streams)
    return [Done() if isinstance(event, Event) else event for event in read]


def newest_first(found: QuerySet, query: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    """A page of views that have `begun_at`, for a loaded `PageQuery`, and the cursor of the next page if there is one.

    Raises Invalid for a cursor that is not of such a list.
    """
    last = decode_cursor(query["cursor"], (datetime, str)) if "cursor" in query else None
    rows: list[Any] = []
    for rest, order in split_rest(last, ("begun_at", "_id"), descending=True):
        left = query["limit"] + 1 - len(rows)
        newest = [f"-{key.removeprefix('_')}" for key, _ in order]
        rows += found.filter(__raw__=rest).order_by(*newest).limit(left) if left else ()
    page = rows[: query["limit"]]
    more = len(rows) > len(page)
    return page, encode_cursor(page[-1].begun_at, page[-1].id) if more else None
