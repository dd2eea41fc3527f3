"""A recording service's copy of the glass that was broken: who may read about whom until when.

Each broken glass is one document, so the copy is the same in whatever order and however often the events arrive.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database

from shared.contracts import CATALOGUE
from shared.contracts.access import may
from shared.events.recorder import available
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event, from_text
from shared.messaging.incoming import Delivery, Done, Outcome, read_event
from shared.runtime.clock import Clock

BROKEN = "glass.broken.v1"


class GlassCopy:
    """The collection `glass`."""

    def __init__(self, database: Database[dict[str, Any]], clock: Clock) -> None:
        self._stored = database["glass"]
        self._clock = clock

    def ensure_indexes(self) -> None:
        """Create the index that finds what somebody may read. Safe to repeat."""
        self._stored.create_index([("actor", ASCENDING), ("until", ASCENDING)], name="actor_until")

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """Keep what these messages say. Returns the outcome of each message. Raises PyMongoError."""
        read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
        broken = [event for event in read if isinstance(event, Event) and event.type == BROKEN]
        if broken:
            self._stored.bulk_write([_write_of(event) for event in broken], ordered=False)
        return [Done() if isinstance(event, Event) else event for event in read]

    def find_open(self, actor: Actor, people: Collection[str]) -> str | None:
        """The id of the glass under which the actor may read about one of these people now. Raises StoreUnavailable."""
        if not may(actor.role, "glass.break"):
            return None
        wanted = {"actor": actor.id, "until": {"$gt": self._clock.now()}, "people": {"$in": sorted(people)}}
        with available():
            found = self._stored.find_one(wanted, {"_id": 1})
        return str(found["_id"]) if found else None


def _write_of(event: Event) -> UpdateOne:
    until, people = from_text(event.data["until"]), list(event.data["people"])
    return UpdateOne(
        {"_id": event.data["glass_id"]}, {"$set": {"actor": event.actor, "people": people, "until": until}}, upsert=True
    )
