"""How every process opens MongoDB, and how it tells "the store is away" from "this document is at fault".

A database opened here reads what a majority has and writes to a majority, and gives aware UTC datetimes.
"""

from __future__ import annotations

from typing import Any

from bson.codec_options import CodecOptions
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, ExecutionTimeout, OperationFailure, WriteConcernError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.events.errors import StoreUnavailable

# Server error codes that say the store cannot serve now: unreachable or stepping down, shutting down, no majority,
# no permission (a rotated password), disk full. github.com/mongodb/mongo, src/mongo/base/error_codes.yml
_AWAY_CODES = frozenset({6, 7, 13, 18, 64, 89, 91, 100, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031})


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


def is_store_away(error: BaseException) -> bool:
    """Whether the error, or one that it was raised from, means that the store could not serve: no message's fault."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ConnectionFailure, StoreUnavailable, ExecutionTimeout, WriteConcernError)):
            return True
        if isinstance(cause, OperationFailure) and _codes(cause) & _AWAY_CODES:
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _codes(error: OperationFailure) -> set[int]:
    """The error's own code, and for a bulk write those of its parts."""
    details = error.details or {}
    parts = [*details.get("writeErrors", ()), *details.get("writeConcernErrors", ())]
    return {code for code in (error.code, *(part.get("code") for part in parts)) if code is not None}
