"""The outbox of digests: the chases that wait for a digest, and the state of each digest on each channel.

The outbox is in the bookkeeping part of the events themselves (`relay`). A chase names in `mail_for` the recipients who
have no digest about it yet. A digest has an entry under the name of each channel, until the digest has ended on that
channel. So an event is recorded in one write with the work that is still to be done about it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import ASCENDING
from pymongo.collection import Collection as MongoCollection

from services.referrals_followup.chasing.channels import ANSWER_SECONDS, Away
from services.referrals_followup.domain.digest import COMPOSED, UNNAMED_CHANNEL
from shared.events.documents import event_of
from shared.kernel.envelope import Event
from shared.messaging.backoff import next_try

# If the sender of a digest dies, the digest is due again after this time. A channel may wait for two answers per
# message.
TAKEN_FOR = timedelta(seconds=3 * ANSWER_SECONDS)
# The number of failed attempts after which the operators are told.
TOLD_AFTER_ATTEMPTS = 4
_WAITS = {"relay.mail_for": {"$exists": True}}


@dataclass(frozen=True, slots=True)
class Entry:
    """A digest that waits to be sent on a channel: since when (real time) it is due, and its failed attempts."""

    channel: str
    digest: Event
    due_at: datetime
    attempts: int


class DigestOutbox:
    """The outbox among the events of this service. `channels` are the names of the channels in use."""

    def __init__(self, events: MongoCollection[dict[str, Any]], channels: Iterable[str]) -> None:
        self._events = events
        self.channels = tuple(channels)

    def ensure_indexes(self) -> None:
        """Create the indexes for the queries below. Safe to repeat. They have only digests, or only what waits."""
        self._events.create_index(
            [("relay.mail_for", ASCENDING), ("_id", ASCENDING)],
            name="mail_for_in_order",
            partialFilterExpression={"relay.mail_for": {"$exists": True}},
        )
        for channel in self.channels:
            self._events.create_index(
                [(f"relay.{channel}.due_at", ASCENDING)],
                name=f"{channel}_due",
                partialFilterExpression={f"relay.{channel}.due_at": {"$exists": True}},
            )
        self._events.create_index(
            [("event.data.recipient", ASCENDING), ("event.data.chases", ASCENDING)],
            # Even if two processes compose at once, a chase is never in two digests to one recipient.
            unique=True,
            name="letter_about_chase",
            partialFilterExpression={"event.type": COMPOSED},
        )

    def is_idle(self) -> bool:
        """Whether no chase waits for a digest and no digest waits to be sent."""
        fields = ("relay.mail_for", *(f"relay.{channel}.due_at" for channel in self.channels))
        return not any(self._events.find_one({field: {"$exists": True}}) for field in fields)

    # --- chases that wait for a digest ---------------------------------------------------------------------------

    def list_recipients(self) -> list[str]:
        """All recipients who wait for a digest about a chase."""
        return sorted(self._events.distinct("relay.mail_for", _WAITS))

    def list_chases(self, recipient: str, limit: int) -> list[Event]:
        """The first chases for which the recipient waits for a digest, in order."""
        waiting = self._events.find({"relay.mail_for": recipient}, {"event": 1}).sort("_id", ASCENDING)
        return [event_of(document) for document in waiting.limit(limit)]

    def list_waiting(self, limit: int) -> list[tuple[Event, list[str]]]:
        """At most `limit` of the waiting chases, each with the recipients that it waits for, in order."""
        # The store does not sort the chases, so that it can stop as soon as it has enough.
        found = list(self._events.find(_WAITS, {"event": 1, "relay.mail_for": 1}, limit=limit))
        ordered = sorted(found, key=lambda document: document["_id"])
        return [(event_of(document), document["relay"]["mail_for"]) for document in ordered]

    def find_covered(self, recipient: str, chases: Collection[str]) -> set[str]:
        """The ones of these chases that are in a digest to the recipient."""
        about = {"event.type": COMPOSED, "event.data.recipient": recipient, "event.data.chases": {"$in": list(chases)}}
        found = self._events.find(about, {"event.data.chases": 1})
        return {chase for digest in found for chase in digest["event"]["data"]["chases"]}

    def cross_off(self, recipients: Collection[str], chases: Collection[str]) -> None:
        """Record that these recipients no longer wait for a digest about these chases."""
        left = {"$setDifference": ["$relay.mail_for", list(recipients)]}
        self._events.update_many(
            {"_id": {"$in": list(chases)}, "relay.mail_for": {"$in": list(recipients)}},
            [{"$set": {"relay.mail_for": {"$cond": [{"$eq": [left, []]}, "$$REMOVE", left]}}}],
        )

    def find_uncomposed(self, before: datetime) -> Iterator[str]:
        """The ids of chases recorded before that instant (UTC) that still wait for a digest."""
        waiting = {"relay.mail_for": {"$exists": True}, "event.recordedat": {"$lt": before}}
        return (event["_id"] for event in self._events.find(waiting, {"_id": 1}).sort("_id"))

    # --- digests that wait to be sent ----------------------------------------------------------------------------

    def list_due(self, channel: str, *, is_any_source_silent: bool) -> list[Entry]:
        """The digests that are due on the channel, the longest due first. While a source is silent, only digests that
        do not wait for sources.
        """
        due: dict[str, Any] = {f"relay.{channel}.due_at": {"$lte": datetime.now(UTC)}}
        if is_any_source_silent:
            due[f"relay.{channel}.waits_for_sources"] = False
        found = self._events.find(due, {"event": 1, f"relay.{channel}": 1}).sort(f"relay.{channel}.due_at", ASCENDING)
        entries = ((event_of(document), document["relay"][channel]) for document in found)
        return [Entry(channel, digest, entry["due_at"], entry["attempts"]) for digest, entry in entries]

    def take(self, entry: Entry) -> bool:
        """Take the digest. Returns whether this process may send it: nobody else has taken or changed it."""
        as_read = {"_id": entry.digest.id, f"relay.{entry.channel}.due_at": entry.due_at}
        taken = {"$set": {f"relay.{entry.channel}.due_at": datetime.now(UTC) + TAKEN_FOR}}
        return self._events.update_one(as_read, taken).modified_count == 1

    def has_ended(self, entry: Entry) -> bool:
        """Whether an end of the digest on the channel is recorded. Ask after `take`: only then is it certain that the
        process that had the digest before has finished.
        """
        named = {"$exists": False} if entry.channel == UNNAMED_CHANNEL else entry.channel
        later = {
            "event.stream": entry.digest.stream,
            "event.streamversion": {"$gt": entry.digest.version},
            "event.data.channel": named,
        }
        return self._events.find_one(later, {"_id": 1}) is not None

    def postpone(self, entry: Entry, reason: str) -> None:
        """Make the digest due again after a delay that grows with each attempt. `reason` is a class name."""
        state = {
            f"relay.{entry.channel}.due_at": next_try(datetime.now(UTC), entry.attempts),
            f"relay.{entry.channel}.attempts": entry.attempts + 1,
            f"relay.{entry.channel}.reason": reason,
        }
        waiting = {"_id": entry.digest.id, f"relay.{entry.channel}": {"$exists": True}}
        self._events.update_one(waiting, {"$set": state})

    def remove(self, channel: str, digests: Collection[str]) -> None:
        """Record that these digests, by id, have ended on the channel."""
        self._events.update_many({"_id": {"$in": list(digests)}}, {"$unset": {f"relay.{channel}": ""}})

    def find_failing(self) -> Iterator[tuple[str, str]]:
        """The digests that failed often on a channel, with the reason. Digests that failed because nobody answered are
        left out.

        A digest about another failing digest is left out too. Otherwise an operator without a working address would get
        new digests for ever.
        """
        for channel in self.channels:
            often = {
                f"relay.{channel}.due_at": {"$exists": True},
                f"relay.{channel}.attempts": {"$gte": TOLD_AFTER_ATTEMPTS},
                f"relay.{channel}.reason": {"$ne": Away.reason},
                "$or": [{f"relay.{channel}.waits_for_sources": True}, {"event.data.urgent": True}],
            }
            for document in list(self._events.find(often, {f"relay.{channel}": 1}).sort("_id", ASCENDING)):
                yield document["_id"], document["relay"][channel]["reason"]

    def find_unsent(self, before: datetime) -> Iterator[str]:
        """The ids of digests recorded before that instant (UTC) that a channel has not taken yet."""
        for channel in self.channels:
            waiting = {f"relay.{channel}.due_at": {"$exists": True}, "event.recordedat": {"$lt": before}}
            for event in self._events.find(waiting, {"_id": 1}).sort("_id"):
                yield event["_id"]
