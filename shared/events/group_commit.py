"""Group commit: concurrent inserts share one `insert_many`, and each caller learns the fate of its own document.

At most one document of a stream is in a group, so a version can never be stored whose predecessor was refused in the
same group. Works under threads and under eventlet alike (it uses `threading`, which eventlet replaces).
"""

from __future__ import annotations

import threading
from collections import deque
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
            self._collection.insert_many([ticket.document for ticket in group], ordered=False)
        except BulkWriteError as error:
            refused = {failure["index"]: failure["code"] for failure in error.details["writeErrors"]}
            unconfirmed = bool(error.details["writeConcernErrors"])
            for index, ticket in enumerate(group):
                code = refused.get(index)
                if code == DUPLICATE_KEY:
                    ticket.error = Taken()
                elif code is not None or unconfirmed:
                    ticket.error = _unavailable()
        except PyMongoError:
            for ticket in group:
                ticket.error = _unavailable()
        except BaseException:
            for ticket in group:
                ticket.error = _unavailable()
            raise


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the event store did not confirm the write; send the same request again with the same key")
