"""How every process opens MongoDB, and how it tells an unavailable store from a faulty document.

A database opened here reads what a majority has and writes to a majority, and gives aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import BulkWriteError, DocumentTooLarge, OperationFailure, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.events.errors import StoreUnavailable

T = TypeVar("T")

DUPLICATE_KEY = 11000
COMMITTED_WITHIN_MS = 10_000
# Server error codes that only the document itself can cause: a value or key that cannot be stored, a duplicate, a
# failed validation, a document over the limit. github.com/mongodb/mongo, src/mongo/base/error_codes.yml
_DOCUMENT_CODES = frozenset({2, 9, 52, 121, 10334, DUPLICATE_KEY, 17280, 17419, 17420})


def open_database(uri: str, name: str) -> Database[dict[str, Any]]:
    """The database `name`; connects on first use. A call on an unreachable store raises within seconds, never hangs."""
    client: MongoClient[dict[str, Any]] = MongoClient(
        uri, serverSelectionTimeoutMS=3_000, connectTimeoutMS=3_000, socketTimeoutMS=20_000
    )
    return client.get_database(
        name,
        codec_options=CodecOptions(tz_aware=True),
        read_concern=ReadConcern("majority"),
        write_concern=WriteConcern("majority", wtimeout=10_000),
    )


def in_transaction(database: Database[dict[str, Any]], work: Callable[[ClientSession], T]) -> T:
    """Return what `work` returns once all its writes are on a majority. If that fails, none of its writes stays.

    `work` reads from one snapshot. It is called again when another writer changed the same documents meanwhile.
    """
    with database.client.start_session() as session:
        return session.with_transaction(
            work,
            read_concern=ReadConcern("snapshot"),
            write_concern=WriteConcern("majority"),
            max_commit_time_ms=COMMITTED_WITHIN_MS,
        )


@contextmanager
def despite_duplicates() -> Iterator[None]:
    """Wrap an unordered bulk write in which a duplicate key is success: the work is already done.

    Any other error, and a write that no majority confirmed, is raised as it is.
    """
    try:
        yield
    except BulkWriteError as error:
        details = error.details
        if details["writeConcernErrors"] or any(one["code"] != DUPLICATE_KEY for one in details["writeErrors"]):
            raise


def is_store_away(error: BaseException) -> bool:
    """Whether the error, or one that it was raised from, means that the store is unavailable.

    An error that the document itself cannot have caused counts as the store's: trying again loses nothing.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, StoreUnavailable):
            return True
        if isinstance(cause, OperationFailure):
            return not _codes(cause) or bool(_codes(cause) - _DOCUMENT_CODES)
        if isinstance(cause, PyMongoError):
            return not isinstance(cause, DocumentTooLarge)
        cause = cause.__cause__ or cause.__context__
    return False


def _codes(error: OperationFailure) -> set[int]:
    """The error's own code, and for a bulk write those of its parts."""
    details = error.details or {}
    parts = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    codes = {part.get("code") for part in parts} or {error.code}
    return {code for code in codes if code is not None}
