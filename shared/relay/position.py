"""The relay's position: "everything recorded before T is published, and manifests 1 to n name all of it".

A report also says how many messages are parked in the service, so that a person is told of them.

Guarantees: manifests are numbered from 1 without a gap. An id is named only after the broker confirmed its event, and
before the event is marked as published. After a crash some ids may be in two manifests, but none is left out. By the
manifests a consumer knows whether it holds everything; repeated events do not disturb that, as they would a count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.kernel.envelope import Event, to_text
from shared.kernel.ids import uuid7
from shared.messaging.parked import ParkedMessages
from shared.runtime.clock import Clock

POSITION = "position.reported.v1"
MANIFEST_SIZE = 1_000


class Position:
    """The position of one service's relay. `publish` answers whether the broker confirmed the event."""

    def __init__(
        self, database: Database[dict[str, Any]], publish: Callable[[Event], bool], *, service: str, clock: Clock
    ) -> None:
        self._events = database["events"]
        self._manifests = database["manifests"]
        self._parked = ParkedMessages(database)
        self._publish = publish
        self._service = service
        self._clock = clock

    def ensure_indexes(self) -> None:
        self._manifests.create_index(
            [("published", ASCENDING)], name="unpublished", partialFilterExpression={"published": False}
        )

    def report(self, until: datetime) -> bool:
        """Report that everything recorded before `until` is published. Returns whether the broker confirmed all.

        The events published before `until` must be listed.
        """
        numbers = self._unpublished()
        return self._publish_each(numbers[:-1]) and self._publish_one(until, numbers[-1] if numbers else None)

    def republish(self, since: datetime) -> bool:
        """Publish the manifests made since `since` again. Returns whether the broker confirmed all of them."""
        self._manifests.update_many({"made_at": {"$gte": since}}, {"$set": {"published": False}})
        return self._publish_each(self._unpublished())

    def list_confirmed(self, ids: Sequence[str]) -> None:
        """Add the ids of confirmed events to new manifests. If it raises, some may be listed; then list all again."""
        left = list(ids)
        while left:
            manifest = {
                "_id": self._last() + 1,
                "ids": left[:MANIFEST_SIZE],
                "made_at": self._clock.now(),
                "published": False,
            }
            with suppress(DuplicateKeyError):  # another relay took the number: look again
                self._manifests.insert_one(manifest)
                del left[:MANIFEST_SIZE]

    def list_left(self) -> None:
        """List the events that an earlier version of the relay marked as published and did not list."""
        while left := self._events.find({"relay.unlisted": True}, {"_id": 1}, limit=MANIFEST_SIZE).to_list():
            ids = [document["_id"] for document in left]
            self.list_confirmed(ids)
            self._events.update_many({"_id": {"$in": ids}}, {"$unset": {"relay.unlisted": ""}})

    def _last(self) -> int:
        last = self._manifests.find_one({}, {"_id": 1}, sort=[("_id", DESCENDING)])
        return last["_id"] if last else 0

    def _unpublished(self) -> list[int]:
        found = self._manifests.find({"published": False}, {"_id": 1}, sort=[("_id", ASCENDING)])
        return [manifest["_id"] for manifest in found]

    def _publish_each(self, numbers: list[int]) -> bool:
        return all(self._publish_one(None, number) for number in numbers)

    def _publish_one(self, until: datetime | None, number: int | None) -> bool:
        manifest = self._manifests.find_one({"_id": number}, {"ids": 1}) if number is not None else None
        event = self._event(until, {"number": number, "ids": manifest["ids"]} if manifest else None)
        confirmed = self._publish(event)
        if confirmed and manifest:
            self._manifests.update_one({"_id": number}, {"$set": {"published": True}})
        return confirmed

    def _event(self, until: datetime | None, manifest: dict[str, Any] | None) -> Event:
        now = self._clock.now()
        last = self._last()
        event_id = uuid7(now)
        data = {"until": to_text(until) if until else None, "last": last, "manifest": manifest}
        oldest = self._parked.oldest() if until else None
        if oldest:
            data["parked"] = {"count": max(1, self._parked.waiting()), "oldest": oldest}
        return Event(
            id=event_id,
            source=self._service,
            type=POSITION,
            subject=None,
            occurred_at=until or now,
            recorded_at=now,
            stream=f"position/{self._service}",
            version=max(1, last),
            actor="relay",
            role="system",
            team="system",
            area="england",
            correlation_id=event_id,
            data=data,
        )
