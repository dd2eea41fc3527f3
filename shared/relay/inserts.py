"""Waits until something is inserted into a collection, on a change stream, instead of polling.

It only saves work: an insert may be missed, or noticed when nothing is new. So a caller still polls, but seldom. Only
the place of an insert in the stream is read, and nothing of the document.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from pymongo.change_stream import CollectionChangeStream
from pymongo.collection import Collection
from pymongo.errors import PyMongoError

from shared.runtime.observability import get_logger

TRY_AGAIN_AFTER = 60.0
_INSERTS: list[Mapping[str, Any]] = [{"$match": {"operationType": "insert"}}, {"$project": {"_id": 1}}]

log = get_logger()


class Inserts:
    """The inserts into one collection. `most` is how many seconds MongoDB holds one request while nothing comes."""

    def __init__(self, collection: Collection[dict[str, Any]], *, most: float) -> None:
        self._collection = collection
        self._most_ms = int(most * 1000)
        self._stream: CollectionChangeStream[dict[str, Any]] | None = None
        self._refused_until = 0.0

    @property
    def is_possible(self) -> bool:
        """False for a minute after the stream was refused or lost; the caller then polls."""
        return time.monotonic() >= self._refused_until

    def wait(self, seconds: float, is_over: Callable[[], bool]) -> None:
        """Return at an insert, after `seconds`, or once `is_over`.

        Returns at once when the stream has begun: what was inserted before is not in it, so look once more.
        """
        over = time.monotonic() + seconds
        try:
            if self._stream is None:
                self._stream = self._collection.watch(_INSERTS, max_await_time_ms=self._most_ms)
                return
            while time.monotonic() < over and not is_over():
                if self._stream.try_next() is not None or not self._stream.alive:
                    self.close()
                    return
        except PyMongoError as error:
            log.warning("waiting for inserts failed", exc_info=error)
            self._refused_until = time.monotonic() + TRY_AGAIN_AFTER
            self.close()

    def close(self) -> None:
        """End the stream, so that MongoDB does not read for it while nobody waits. The next `wait` begins another."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
