"""A lease in MongoDB: one of several processes holds it until it releases it or stops renewing it.

Time is that of the database server, so the clocks of the processes do not matter. A paused holder may rely on its lease
for a moment after it lapsed, so the work that it guards must tolerate two holders.
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
    """The lease `name`, as this process sees it. It lapses `seconds` after its holder has died."""

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
        """Release the lease if held, so that the next holder need not wait. If the store is unavailable, it lapses."""
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
