"""Messages that could not be handled, kept whole so that no message is ever lost to a fault, ours or its sender's.

`park` returns once they are durable on a majority; only then may they be acknowledged. Parking the same message again
replaces its record. Times are real time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, ReplaceOne
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.events.mongo import is_store_away
from shared.messaging.backoff import next_try
from shared.messaging.incoming import Delivery, Done, Later, Outcome, Park
from shared.observability import get_logger

PARKED, DONE = "parked", "done"
# A MongoDB document holds 16 MiB; nothing of ours comes near. Of a giant the beginning, size and digest are kept.
BODY_KEPT = 8 * 1024 * 1024

log = get_logger()


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked message: why and since when, and when it may be tried again (None: when a person decides)."""

    id: str
    delivery: Delivery
    reason: str
    parked_at: datetime
    retry_at: datetime | None
    failures: int


class ParkedMessages:
    """The parked messages of one service."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._collection = database.get_collection(
            "parked",
            codec_options=database.codec_options.with_options(tz_aware=True),
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority", wtimeout=10_000),
        )

    def ensure_indexes(self) -> None:
        """Safe to repeat. Raises pymongo's errors when nothing could be parked now."""
        self._collection.create_index([("message_id", ASCENDING)], name="message_id")
        self._collection.create_index([("state", ASCENDING), ("parked_at", ASCENDING)], name="state_parked_at")

    def park(self, messages: Sequence[tuple[Delivery, Park | Later]]) -> None:
        """Keep each message with its reason. Raises pymongo's errors; then some may have been kept."""
        now = datetime.now(UTC)
        documents = [_document(delivery, outcome, now) for delivery, outcome in messages]
        if documents:
            self._collection.bulk_write(
                [ReplaceOne({"_id": document["_id"]}, document, upsert=True) for document in documents], ordered=False
            )

    def parked(self, limit: int = 1_000) -> list[Parked]:
        """Those that wait, the oldest first."""
        found = self._collection.find({"state": PARKED}, sort=[("parked_at", ASCENDING)], limit=limit)
        return [_parked(document) for document in found]

    def due(self, queue: str, limit: int = 500) -> list[Parked]:
        """Those of a queue whose time to be tried again has come, the longest overdue first."""
        wanted = {"state": PARKED, "queue": queue, "retry_at": {"$lte": datetime.now(UTC)}}
        return [_parked(found) for found in self._collection.find(wanted, sort=[("retry_at", ASCENDING)], limit=limit)]

    def tried(self, message: Parked, outcome: Outcome) -> None:
        """Note what came of another try. Only what is done no longer waits; its record is kept."""
        change: dict[str, Any] = {"state": DONE}
        if not isinstance(outcome, Done):
            change = {"reason": _storable(outcome.reason), "failures": message.failures + 1, "retry_at": None}
        if isinstance(outcome, Later):
            change["retry_at"] = next_try(datetime.now(UTC), message.failures + 1)
        self._collection.update_one({"_id": message.id}, {"$set": change})

    def try_again(self, queue: str, hear: Callable[[list[Delivery]], list[Outcome]]) -> None:
        """Hear those of the queue whose time has come, each by itself. Raises when the store is away."""
        for message in self.due(queue):
            try:
                (outcome,) = hear([message.delivery])
            except Exception as error:
                if is_store_away(error):
                    raise
                log.error("handler raised", queue=queue, exc_info=error)
                outcome = Later(f"handler raised {type(error).__name__}", 0)
            self.tried(message, outcome)

    def untold(self, limit: int = 500) -> list[Parked]:
        """Those that wait and that nobody has been told of, the oldest first."""
        wanted = {"state": PARKED, "told": {"$ne": True}}
        return [_parked(found) for found in self._collection.find(wanted, sort=[("parked_at", ASCENDING)], limit=limit)]

    def told(self, message: Parked) -> None:
        """Note that somebody has been told of it."""
        self._collection.update_one({"_id": message.id}, {"$set": {"told": True}})

    def among(self, message_ids: Iterable[str]) -> set[str]:
        """Which of these messages were ever parked. A message that carries an event has the event's id."""
        wanted = {"message_id": {"$in": list(message_ids)}}
        return {found["message_id"] for found in self._collection.find(wanted, {"message_id": 1})}


def _document(delivery: Delivery, outcome: Park | Later, now: datetime) -> dict[str, Any]:
    retry_at = now + timedelta(seconds=outcome.after_seconds) if isinstance(outcome, Later) else None
    digest = hashlib.sha256(delivery.body).hexdigest()
    identity = repr((delivery.queue, delivery.content_type, delivery.message_id, digest))
    return {
        "_id": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest(),
        "state": PARKED,
        "reason": _storable(outcome.reason),
        "parked_at": now,
        "retry_at": retry_at,
        "failures": 0,
        "told": False,
        "queue": delivery.queue,
        "message_id": _storable(delivery.message_id),
        "content_type": _storable(delivery.content_type),
        "routing_key": _storable(delivery.routing_key),
        # As text: a header may hold what BSON cannot.
        "headers": json.dumps(dict(delivery.headers), default=repr),
        "body": delivery.body[:BODY_KEPT],
        "body_size": len(delivery.body),
        "body_sha256": digest,
    }


def _parked(document: Mapping[str, Any]) -> Parked:
    delivery = Delivery(
        queue=document["queue"],
        body=document["body"],
        content_type=document["content_type"],
        message_id=document["message_id"],
        routing_key=document["routing_key"],
        headers=json.loads(document["headers"]),
    )
    return Parked(
        id=document["_id"],
        delivery=delivery,
        reason=document["reason"],
        parked_at=document["parked_at"],
        retry_at=document["retry_at"],
        failures=document.get("failures", 0),
    )


def _storable(text: str | None) -> str | None:
    """The text without lone surrogates, which BSON cannot hold."""
    return None if text is None else text.encode("utf-8", "replace").decode()
