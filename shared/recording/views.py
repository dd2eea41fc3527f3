"""Views: mongoengine documents that are folds of streams. They use one database, and no global connection.

A view is written whole, and never replaces a view of more events. So the document is the same for any order of events,
with repetitions and with several workers. A rebuild replaces each document in place with an identical document.
Meanwhile, readers can still read every document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from mongoengine import BooleanField, DateTimeField, Document, IntField, ListField, StringField
from mongoengine.queryset import QuerySet
from pymongo import UpdateOne
from pymongo.database import Database

from shared.checks.invariants import read_sample
from shared.contracts import CATALOGUE
from shared.contracts.circle import teams_of
from shared.events.pages import decode_cursor, encode_cursor, split_rest
from shared.events.store import EventStore
from shared.kernel.decisions import Aggregate
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, Done, Outcome, read_event

D = TypeVar("D", bound=Document)
Stored = dict[str, Any]

STALE = "stale"
"""Marks the views that a rebuild has not replaced yet. Documents are read with `strict` off."""


class RecordView(Document):
    """The fields that the views of all records have. `begun_at` and `changed_at` are the recording times of the first
    and the last entry.

    `teams` are the teams with a part in the record. `is_claim` is set if nobody of the person's circle began it. The
    further fields come from the state of the record, or its facts.
    """

    id = StringField(primary_key=True)
    person_id = StringField(required=True)
    area = StringField(required=True)
    status = StringField()
    teams = ListField(StringField())
    is_claim = BooleanField()
    begun_at = DateTimeField(required=True)
    changed_at = DateTimeField(required=True)
    version = IntField(required=True)

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "auto_create_index": False, "strict": False}


@dataclass(frozen=True, slots=True)
class ViewOf:
    """The view of one kind of record: its document, and the aggregate whose state it shows."""

    document: type[RecordView]
    aggregate: Aggregate[Any]

    def fold(self, history: list[Event]) -> Stored:
        """The view of the whole history of a stream, as it is stored. Absent values are left out."""
        state = self.aggregate.fold(history)
        own = [name for name in self.document._fields if name not in RecordView._fields]
        values = {
            "_id": history[0].stream.partition("/")[2],
            "person_id": state.person_id,
            "area": state.area,
            "status": state.status,
            "teams": sorted(teams_of(history)),
            "is_claim": history[0].is_claim or None,
            "begun_at": history[0].recorded_at,
            "changed_at": history[-1].recorded_at,
            "version": len(history),
            **{name: getattr(state, name, state.facts.get(name)) for name in own},
        }
        return {name: value for name, value in values.items() if value is not None}


class Views(Generic[D]):
    """The views of one kind of stream. `fold` makes what is stored for a stream's whole history.

    The document class reads it. It names its collection and its indexes in `meta`, which is not `strict`. Its field
    `version` is the number of events in the fold.
    """

    def __init__(
        self,
        document: type[D],
        *,
        kind: str,
        fold: Callable[[list[Event]], Stored],
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
        """Fold the streams of this kind again, each once. Raises StoreUnavailable or PyMongoError."""
        own = (stream for stream in streams if stream.startswith(f"{self._kind}/"))
        for histories in self._store.load_all(own):
            self._write([self._fold(history) for history in histories.values() if history])

    def find_differing(self, sample: int | None, before: datetime) -> Iterator[str]:
        """The streams whose view differs from a new fold of their history. These include streams without events.

        Reads all of them, or `sample` streams and views chosen at random. Streams with an event recorded after `before`
        are left out: the service may not have received that event yet.
        """
        streams = set(self._store.streams(self._kind, sample))
        streams |= {f"{self._kind}/{found['_id']}" for found in read_sample(self._collection, {}, sample, {"_id": 1})}
        for histories in self._store.load_all(streams):
            keys = [stream.partition("/")[2] for stream in histories]
            stored = {found["_id"]: found for found in self._collection.find({"_id": {"$in": keys}})}
            for key, (stream, history) in zip(keys, histories.items(), strict=True):
                if history and history[-1].recorded_at > before:
                    continue
                if stored.get(key) != (self._fold(history) if history else None):
                    yield stream

    def rebuild(self) -> int:
        """Fold all streams again, in place, while others read and write. Returns the number of streams.

        Each view stays until its fold replaces it. If a view is not replaced, it has no stream, or its version is
        higher than that of its stream. Such a view is deleted, and its stream (if there is one) is folded again. After
        a crash, run the rebuild again.
        """
        self._collection.update_many({}, {"$set": {STALE: True}})
        streams = list(self._store.streams(self._kind))
        self.refresh(streams)
        left = [document["_id"] for document in self._collection.find({STALE: True}, {"_id": 1})]
        self._collection.delete_many({"_id": {"$in": left}, STALE: True})
        self.refresh(f"{self._kind}/{key}" for key in left)
        return len(streams)

    def _write(self, views: list[Stored]) -> None:
        if views:
            self._collection.bulk_write([write_of(view) for view in views], ordered=False)


def write_of(view: Stored) -> UpdateOne:
    """Stores the view, unless a view of more events is stored."""
    # Only the id is in the filter. So when two workers insert a view at once, MongoDB tries the later one again.
    is_older = {"$gt": ["$version", view["version"]]}
    replaced = {"$cond": [is_older, "$$ROOT", {"$literal": view}]}
    return UpdateOne({"_id": view["_id"]}, [{"$replaceWith": replaced}], upsert=True)


class FoldOfStreams(Protocol):
    """What is computed from streams, and computed again when they have further events."""

    def refresh(self, streams: Iterable[str]) -> None: ...


def refresh_views(deliveries: list[Delivery], *views: FoldOfStreams) -> list[Outcome]:
    """Fold the streams of these messages again. Returns the outcome of each message."""
    read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
    streams = {event.stream for event in read if isinstance(event, Event)}
    for view in views:
        view.refresh(streams)
    return [Done() if isinstance(event, Event) else event for event in read]


def list_page(views: QuerySet, query: Mapping[str, Any]) -> tuple[list[Any], str | None]:
    """A page of views, newest `begun_at` first, for a loaded `PageQuery`, and the cursor of the next page if any.

    Raises Invalid if the cursor is not from such a list.
    """
    last = decode_cursor(query["cursor"], (datetime, str)) if "cursor" in query else None
    rows: list[Any] = []
    for rest, order in split_rest(last, ("begun_at", "_id"), descending=True):
        left = query["limit"] + 1 - len(rows)
        newest = [f"-{key.removeprefix('_')}" for key, _ in order]
        rows += views.filter(__raw__=rest).order_by(*newest).limit(left) if left else ()
    page = rows[: query["limit"]]
    more = len(rows) > len(page)
    return page, encode_cursor(page[-1].begun_at, page[-1].id) if more else None
