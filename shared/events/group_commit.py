"""Group commit: one `insert_many` serves concurrent inserts, and each caller gets the outcome of its own document.

A group has at most one document of a stream, so no version is stored whose predecessor was refused in the same group.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, PyMongoError

from shared.events.coalescing import Coalescer
from shared.events.errors import StoreUnavailable
from shared.events.mongo import DUPLICATE_KEY


class Taken(Exception):
    """A unique index refused the document: another event has its `(stream, version)` or its idempotency key."""


class GroupCommit(Coalescer[dict[str, Any], None]):
    """Inserts into one collection."""

    def __init__(self, collection: Collection[dict[str, Any]]) -> None:
        super().__init__(
            partial(insert_all, collection), apart=lambda document: document["event"]["stream"], lost=_unavailable
        )

    def insert(self, document: dict[str, Any]) -> None:
        """Return once the document is durable on a majority. Raises Taken or StoreUnavailable."""
        self.call(document)


def insert_all(
    collection: Collection[dict[str, Any]], documents: Sequence[dict[str, Any]]
) -> list[Taken | StoreUnavailable | None]:
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


def _fate(code: int | None, unconfirmed: bool) -> Taken | StoreUnavailable | None:
    if code == DUPLICATE_KEY:
        return Taken()
    return _unavailable() if code is not None or unconfirmed else None


def _unavailable() -> StoreUnavailable:
    return StoreUnavailable("the event store did not confirm the write; send the same request again with the same key")
