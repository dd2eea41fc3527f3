"""Messages that could not be handled, kept whole so that no fault of ours or of the sender loses one.

`park` returns once they are durable on a majority; only then may they be acknowledged. A message stays parked until it
is handled or a person discards it; its record stays in any case. A replay brings the next attempt forward with one
write, so it needs no broker, and the service handles the message when it can. Real time.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING, ReturnDocument, UpdateOne
from pymongo.database import Database
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from shared.events.errors import KeyReused, UnknownStream
from shared.kernel.decisions import Refused
from shared.messaging.backoff import next_try
from shared.messaging.incoming import Delivery, Done, Later, Legible, Outcome, Park, read_legible

PARKED, DONE, DISCARDED = "parked", "done", "discarded"
STATES = (PARKED, DONE, DISCARDED)
REPLAY, DISCARD = "replay", "discard"
# A MongoDB document holds 16 MiB; no body of ours comes near. Of a larger one only the beginning is kept.
BODY_KEPT = 8 * 1024 * 1024

_ID = re.compile(r"[0-9a-f]{8,64}")


@dataclass(frozen=True, slots=True)
class Act:
    """What a person did about a parked message. `reason` is free text and never leaves the service."""

    act: str
    by: str
    at: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A parked message. `retry_at` is its next attempt; None when a person has to decide."""

    id: str
    delivery: Delivery
    reason: str
    parked_at: datetime
    retry_at: datetime | None
    failures: int
    state: str
    legible: Legible
    body_size: int
    body_sha256: str
    acts: tuple[Act, ...]

    @property
    def is_whole(self) -> bool:
        """Whether the body was small enough to be kept whole."""
        return self.body_size == len(self.delivery.body)


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
        """Create the indexes; safe to repeat. Raises pymongo's errors when nothing could be parked now."""
        waiting = {"state": PARKED}
        self._collection.create_index([("message_id", ASCENDING)], name="message_id")
        self._collection.create_index([("state", ASCENDING), ("parked_at", ASCENDING)], name="state_parked_at")
        self._collection.create_index(
            [("queue", ASCENDING), ("retry_at", ASCENDING)], name="due", partialFilterExpression=waiting
        )
        self._collection.create_index([("names", ASCENDING)], name="named", partialFilterExpression=waiting)

    # --- by consumers -------------------------------------------------------------------------------------------

    def park(self, messages: Sequence[tuple[Delivery, Park | Later]]) -> None:
        """Park each message with its reason. A message that is already parked or discarded stays as it is.

        Raises pymongo's errors; then some may have been kept.
        """
        now = datetime.now(UTC)
        writes: list[UpdateOne] = []
        for delivery, outcome in messages:
            document = _document(delivery, outcome, now)
            key = {"_id": document.pop("_id")}
            writes += [
                UpdateOne(key, {"$setOnInsert": document | {"acts": []}}, upsert=True),
                UpdateOne({**key, "state": DONE}, {"$set": document}),
            ]
        if writes:
            self._collection.bulk_write(writes, ordered=False)

    def due(self, queue: str, limit: int = 500) -> list[Parked]:
        """The messages of a queue whose next attempt is due, the longest overdue first."""
        wanted = {"state": PARKED, "queue": queue, "retry_at": {"$lte": datetime.now(UTC)}}
        return [_parked(found) for found in self._collection.find(wanted, sort=[("retry_at", ASCENDING)], limit=limit)]

    def try_again(self, queue: str, hear: Callable[[list[Delivery]], list[Outcome]], limit: int = 500) -> None:
        """Handle the due messages of the queue. Raises what `hear` raises; the messages then stay due."""
        due = self.due(queue, limit)
        if due:
            for message, outcome in zip(due, hear([message.delivery for message in due]), strict=True):
                self.note_outcome(message, outcome)

    def note_outcome(self, message: Parked, outcome: Outcome) -> None:
        """Note the outcome of another attempt. Only a message that is done stops being parked; its record stays."""
        if isinstance(outcome, Done):
            self._collection.update_one({"_id": message.id}, {"$set": {"state": DONE, "done_at": datetime.now(UTC)}})
            return
        change: dict[str, Any] = {
            "reason": _storable(outcome.reason),
            "failures": message.failures + 1,
            "retry_at": None,
        }
        if isinstance(outcome, Later):
            change["retry_at"] = next_try(datetime.now(UTC), message.failures + 1)
        # Whoever asked for a replay during this try gets one more.
        self._collection.update_one({"_id": message.id, "retry_at": message.retry_at}, {"$set": change})

    # --- by people -----------------------------------------------------------------------------------------------

    def replay(self, parked_id: str, by: str, key: str) -> Act:
        """Make it due at once. With the same `key` a repeated call changes nothing more.

        Raises UnknownStream, KeyReused, or Refused when it no longer waits or was not kept whole.
        """
        message = self.get(parked_id)
        if not message.is_whole:
            raise Refused("not-whole", f"its body of {message.body_size} bytes was too large to be kept whole")
        now = datetime.now(UTC)
        return self._act(message.id, Act(REPLAY, by, now), key, {"retry_at": now})

    def discard(self, parked_id: str, by: str, reason: str, key: str) -> Act:
        """Stop trying. The record stays, with who decided so, when and why. Raises as `replay` does."""
        message = self.get(parked_id)
        return self._act(message.id, Act(DISCARD, by, datetime.now(UTC), reason), key, {"state": DISCARDED})

    def _act(self, parked_id: str, act: Act, key: str, change: Mapping[str, Any]) -> Act:
        fingerprint = hashlib.sha256(f"{act.by}\n{key}".encode()).hexdigest()
        waiting = {"_id": parked_id, "state": PARKED, "acts.key": {"$ne": fingerprint}}
        entry = {**asdict(act), "key": fingerprint}
        found = self._collection.find_one_and_update(
            waiting, {"$set": dict(change), "$push": {"acts": entry}}, return_document=ReturnDocument.AFTER
        )
        if found is not None:
            return _acts(found)[-1]
        there = self._collection.find_one({"_id": parked_id}) or {}
        earlier = [
            done for done, entry in zip(_acts(there), there.get("acts", ()), strict=True) if entry["key"] == fingerprint
        ]
        if not earlier:
            raise Refused("not-waiting", f"this message is {there.get('state')}; only one that waits can be acted on")
        if (earlier[0].act, earlier[0].reason) != (act.act, act.reason):
            raise KeyReused("this Idempotency-Key was used before with another body; choose a new key")
        return earlier[0]

    def get(self, parked_id: str) -> Parked:
        """The message with this id, or the beginning of it (at least 8 digits).

        Raises UnknownStream, or Refused when several ids begin so.
        """
        found: list[dict[str, Any]] = []
        if _ID.fullmatch(parked_id):
            wanted = {"_id": {"$gte": parked_id, "$lt": parked_id + "g"}}
            found = list(self._collection.find(wanted, sort=[("_id", ASCENDING)], limit=2))
        if not found:
            raise UnknownStream("there is no such parked message")
        if len(found) > 1:
            raise Refused("ambiguous-id", "several parked messages begin so; give more of the id")
        return _parked(found[0])

    def parked(self, limit: int = 1_000) -> list[Parked]:
        """The parked messages, the oldest first."""
        return self.page({"state": PARKED}, limit)

    def page(self, wanted: Mapping[str, Any], limit: int, after: tuple[datetime, str] | None = None) -> list[Parked]:
        """The messages with these values, the oldest first. `after`: when the previous one was parked, and its id."""
        condition: dict[str, Any] = dict(wanted)
        if after is not None:
            at, last = after
            condition["$or"] = [{"parked_at": {"$gt": at}}, {"parked_at": at, "_id": {"$gt": last}}]
        order = [("parked_at", ASCENDING), ("_id", ASCENDING)]
        return [_parked(found) for found in self._collection.find(condition, sort=order, limit=limit)]

    # --- by checks -----------------------------------------------------------------------------------------------

    def waiting(self) -> int:
        """How many are parked."""
        return self._collection.count_documents({"state": PARKED})

    def oldest(self) -> str | None:
        """The id of the message that was parked first; None when none is parked."""
        found = self._collection.find_one({"state": PARKED}, {"_id": 1}, sort=[("parked_at", ASCENDING)])
        return found["_id"] if found else None

    def overdue(self, parked_before: datetime, retry_before: datetime) -> tuple[list[str], list[str]]:
        """The ids of the messages parked before one instant, and of those due for an attempt before another."""
        old = {"state": PARKED, "parked_at": {"$lt": parked_before}}
        unheard = {"state": PARKED, "retry_at": {"$lt": retry_before}}
        old_ids, unheard_ids = (
            [found["_id"] for found in self._collection.find(wanted, {"_id": 1}).sort("_id")]
            for wanted in (old, unheard)
        )
        return old_ids, unheard_ids

    def to_tell(self, now: datetime, limit: int = 500) -> list[Parked]:
        """The parked messages that a person is to be told of at `now` (domain time), the oldest first."""
        return self.page({"state": PARKED, "tell_from": {"$not": {"$gt": now}}}, limit)

    def note_told(self, message: Parked, until: datetime) -> None:
        """Note that nobody has to be told of the message before `until` (domain time)."""
        self._collection.update_one({"_id": message.id}, {"$set": {"tell_from": until}})

    def named(self, *states: str) -> set[str]:
        """Every person (`person/<id>`) and stream that messages in these states name; by default the parked ones."""
        return set(self._collection.distinct("names", {"state": {"$in": list(states)} if states else PARKED}))

    def among(self, message_ids: Iterable[str]) -> set[str]:
        """Which of these messages were ever parked. A message that carries an event has the event's id."""
        wanted = {"message_id": {"$in": list(message_ids)}}
        return {found["message_id"] for found in self._collection.find(wanted, {"message_id": 1})}


def _document(delivery: Delivery, outcome: Park | Later, now: datetime) -> dict[str, Any]:
    retry_at = now + timedelta(seconds=outcome.after_seconds) if isinstance(outcome, Later) else None
    body_sha256 = hashlib.sha256(delivery.body).hexdigest()
    identity = repr((delivery.queue, delivery.content_type, delivery.message_id, body_sha256))
    read = read_legible(delivery)
    return {
        "_id": hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest(),
        "state": PARKED,
        "reason": _storable(outcome.reason),
        "parked_at": now,
        "retry_at": retry_at,
        "failures": 0,
        "tell_from": None,
        "queue": delivery.queue,
        "message_id": _storable(delivery.message_id),
        "content_type": _storable(delivery.content_type),
        "routing_key": _storable(delivery.routing_key),
        # As text: a header may hold what BSON cannot.
        "headers": json.dumps(dict(delivery.headers), default=repr),
        "event_id": read.event_id,
        "event_type": read.event_type,
        "source": read.source,
        "names": list(read.names),
        "body": delivery.body[:BODY_KEPT],
        "body_size": len(delivery.body),
        "body_sha256": body_sha256,
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
        state=document["state"],
        legible=Legible(
            document.get("event_id"),
            document.get("event_type"),
            document.get("source"),
            tuple(document.get("names", ())),
        ),
        body_size=document["body_size"],
        body_sha256=document["body_sha256"],
        acts=_acts(document),
    )


def _acts(document: Mapping[str, Any]) -> tuple[Act, ...]:
    return tuple(Act(each["act"], each["by"], each["at"], each["reason"]) for each in document.get("acts", ()))


def _storable(text: str | None) -> str | None:
    """The text without lone surrogates, which BSON cannot hold."""
    return None if text is None else text.encode("utf-8", "replace").decode()
