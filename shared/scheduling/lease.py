"""A lease in MongoDB: of many processes that ask, one holds it, until it lets go or stops renewing.

Time is the database server's, so the clocks of the askers do not matter. A paused holder may believe in its lease for a
moment after it lapsed; what the lease guards must bear two holders.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any
from uuid import uuid4

from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, PyMongoError


class Lease:
    """The lease `name`, asked for by this process. `seconds` is how long it outlives a holder that died."""

    def __init__(self, database: Database[dict[str, Any]], name: str, *, seconds: float = 5.0) -> None:
        self._leases = database["leases"]
        self._name = name
        self._seconds = seconds
        self._holder = str(uuid4())
        self._sure_until = 0.0

    def held(self) -> bool:
        """Whether this process holds it now; takes or renews it when that is due. Raises pymongo's errors."""
        asked_at = time.monotonic()
        if asked_at < self._sure_until:
            return True
        mine = self._take()
        self._sure_until = asked_at + self._seconds / 3 if mine else 0.0
        return mine

    def release(self) -> None:
        """Let go, when held, so that the next one need not wait. Where the store is away, it lapses by itself."""
        self._sure_until = 0.0
        with suppress(PyMongoError):
            self._leases.delete_one({"_id": self._name, "holder": self._holder})

    def _take(self) -> bool:
        until = {"$add": ["$$NOW", int(self._seconds * 1000)]}
        free = {"$or": [{"$eq": ["$holder", self._holder]}, {"$lt": [{"$ifNull": ["$until", 0]}, "$$NOW"]}]}
        take = {
            "holder": {"$cond": [free, self._holder, "$holder"]},
            "until": {"$cond": [free, until, "$until"]},
        }
        try:
            lease = self._leases.find_one_and_update(
                {"_id": self._name}, [{"$set": take}], upsert=True, return_document=ReturnDocument.AFTER
            )
        except DuplicateKeyError:  # two asked first at the same moment; the other has it
            return False
        return lease is not None and lease["holder"] == self._holder
