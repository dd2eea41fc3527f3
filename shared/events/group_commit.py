"""Group commit: concurrent inserts share one `insert_many`, and each caller learns the fate of its own document.

At most one document of a stream is in a group, so a version can never be stored whose predecessor was refused in the
same group. Works under threads and under eventlet alike (it uses `threading`, which eventlet replaces).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, PyMongoError

from shared.events.errors import StoreUnavailable
from shared.events.mongo import DUPLICATE_KEY


class Taken(Exception):
    """A unique index refused the document: another event has this `(stream, version)`, or this idempotency key."""


class _Ticket:
    __slots__ = ("document", "error", "settled", "turn")

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.turn = threading.Event()
        self.settled = False
        self.error: Exception | None = None


class GroupCommit:
    """Inserts into one collection. The first caller leads one group, then hands the lead to the next who waits."""

    def __init__(self, collection: Collection, most: int = 500) -> None:
        self._collection = collection
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._led = False

    def insert(self, document: dict[str, Any]) -> None:
        """Return once the document is durable on a majority. Raises Taken or StoreUnavailable."""
        ticket = _Ticket(document)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.turn.wait()
        if not ticket.settled:
            self._lead()
        if ticket.error is not None:
            raise ticket.error

    def _lead(self) -> None:
        group: list[_Ticket] = []
        try:
            with self._lock:
                group = self._next_group()
            self._store(group)
        finally:
            with self._lock:
                for ticket in group:
                    ticket.settled = True
                    ticket.turn.set()
                if self._waiting:
                    self._waiting[0].turn.set()
                else:
                    self._led = False

    def _next_group(self) -> list[_Ticket]:
        group: list[_Ticket] = []
        later: list[_Ticket] = []
        streams: set[str] = set()
        while self._waiting and len(group) < self._most:
            ticket = self._waiting.popleft()
            stream = ticket.document["event"]["stream"]
            (later if stream in streams else group).append(ticket)
            streams.add(stream)
        self._waiting.extendleft(reversed(later))
        return group

    def _store(self, group: list[_Ticket]) -> None:
        try:
            fates = insert_all(self._collection, [ticket.document for ticket in group])
        except BaseException:
            fates = [_unavailable()] * len(group)
            raise
        finally:
            for ticket, fate in zip(group, fates, strict=True):
                ticket.error = fate


def insert_all(
    collection: Collection[dict[str, Any]], documents: Sequence[dict[str, Any]]
) -> list[Taken | StoreUnavailable | None]:
    """Insert all that can be; for each document None once it is durable on a majority, or why it may not be."""
    try:
        collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        refused = {failure["index"]: failure["code"] for failure in error.details["writeErrors"]}
        unconfirmed = bool(error.details["writeConcernErrors"])
        return [_fate(refused.get(index), unconfirmed) for index in range(len(documents))]
    except PyMongoError:
        return [_unavailable() for _ in documents]
    return [None] * len(documents)


def _fate(code: int | None, unconfirmed: bool) -> Taken | StoreUnavailable | None:
    if code == DUPLICATE_KEY:
        return Taken()
    return _unavailable() if code is not None or unconfirmed else None


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the event store did not confirm the write; send the same request again with the same key")
