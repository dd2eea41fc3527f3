"""The relay: publishes every recorded event at least once, and reports how far it has come.

Guarantees: an event stays pending until the broker confirmed it in a queue and a manifest lists it. Only the published
part of a document is read. A crash of this process, the broker or MongoDB at any point leads to repeated events and
never to a lost one. Two relays at once only repeat events.

A scan that begins at T, finds less than a full batch and has all of it confirmed proves that everything recorded before
T is published: every command that was answered before T is on a majority, so the scan found its event.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from pika.exceptions import AMQPError
from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.events.documents import cloudevent_of
from shared.events.mongo import open_database
from shared.events.outbox_indexes import relay_indexes
from shared.kernel.envelope import Event
from shared.messaging.backoff import Backoff
from shared.messaging.publisher import BrokerAway, ConfirmedPublisher, Outgoing
from shared.messaging.topology import declare, exchange_of
from shared.relay.inserts import Inserts
from shared.relay.position import MANIFEST_SIZE, Position
from shared.runtime.clock import Clock
from shared.runtime.observability import RELAY_PENDING, RELAY_PUBLISHED, get_logger
from shared.runtime.stopping import on_stop
from shared.scheduling.lease import Lease

if TYPE_CHECKING:
    from shared.config.config import Config

BATCH = 1_000
IDLE = 0.02
REPORT_EVERY = 0.1
REPORT_AFTER = timedelta(seconds=1)
QUIET_REPORT_AFTER = timedelta(seconds=5)
HOLD_BACK = 1.0
MARK_AFTER = 1.0
QUIET_AFTER = 0.5
SCAN_EVERY = 1.0

log = get_logger()


class Publisher(Protocol):
    def publish(self, messages: list[Outgoing]) -> set[str]:
        """The ids of those that the broker confirmed in a queue. Raises BrokerAway."""


class Relay:
    """One service's relay: `step` again and again. Raises BrokerAway and pymongo's errors; then step again later."""

    def __init__(
        self,
        database: Database[dict[str, Any]],
        publisher: Publisher,
        *,
        service: str,
        clock: Clock,
        batch: int = BATCH,
        report_after: timedelta = REPORT_AFTER,
    ) -> None:
        self._events = database["events"]
        self._position = Position(database, self._publish_one, service=service, clock=clock)
        self._publisher = publisher
        self._clock = clock
        self._batch = batch
        self._report_after = report_after
        self._held_back: dict[str, float] = {}
        self._confirmed: set[str] = set()
        self._unmarked_since = 0.0
        self._busy_at = time.monotonic()
        self._unreported = True
        self._reported_at = 0.0
        self._reported_until: datetime | None = None

    def ensure_indexes(self) -> None:
        relay_indexes(self._events)
        self._position.ensure_indexes()

    def step(self) -> bool:
        """Publish the next batch of what is pending, and report the position when that is due.

        Returns whether there may be more to do at once.
        """
        scan_at = self._clock.now()
        held_back = self._types_held_back()
        found = self._read(self._pending(held_back))
        confirmed = self._publish_all(found)
        if confirmed:
            self._unmarked_since = self._unmarked_since if self._confirmed else time.monotonic()
            self._confirmed |= confirmed
            self._unreported = True
        RELAY_PENDING.set(len(found) - len(confirmed))
        full = len(found) == self._batch
        is_all = not full and not held_back and len(confirmed) == len(found)
        is_reporting = is_all and self._is_report_due(scan_at)
        if self._confirmed and (is_reporting or self._is_marking_due()):
            self._position.list_confirmed(sorted(self._confirmed))
            self._mark_published(self._confirmed)
            self._confirmed = set()
        if is_reporting:
            self._report(scan_at)
        if found or self._confirmed or not is_all:
            self._busy_at = time.monotonic()
        return full

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was pending for half a second, and nothing is held back."""
        return time.monotonic() >= self._busy_at + QUIET_AFTER

    def is_report_due(self) -> bool:
        """Whether a step at this moment would report the position."""
        return self._is_report_due(self._clock.now())

    def republish(self, since: datetime) -> int:
        """Publish again every event and manifest published at or after `since` (domain time); the number of events.

        Tries until the broker has confirmed them all.
        """
        last_id, total = "", 0
        while found := self._read({"_id": {"$gt": last_id}, "relay.published_at": {"$gte": since}}):
            if len(self._publish_all(found)) == len(found):
                last_id, total = found[-1]["_id"], total + len(found)
            else:
                time.sleep(HOLD_BACK)
        while not self._position.republish(since):
            time.sleep(HOLD_BACK)
        return total

    def _read(self, condition: Mapping[str, Any]) -> list[dict[str, Any]]:
        return list(self._events.find(condition, {"event": 1}, sort=[("_id", ASCENDING)], limit=self._batch))

    def _pending(self, held_back: list[str]) -> dict[str, Any]:
        """What is pending and not confirmed yet, without the types that are held back."""
        condition: dict[str, Any] = {"relay.pending": True}
        if self._confirmed:
            condition["_id"] = {"$nin": list(self._confirmed)}
        if held_back:
            condition["event.type"] = {"$nin": held_back}
        return condition

    def _is_marking_due(self) -> bool:
        """Whether to mark what is confirmed although no report is due, or none can be made."""
        return len(self._confirmed) >= MANIFEST_SIZE or time.monotonic() >= self._unmarked_since + MARK_AFTER

    def _mark_published(self, ids: set[str]) -> None:
        """Mark these events, which manifests list. After a crash before this, they are published and listed again."""
        self._events.update_many(
            {"_id": {"$in": list(ids)}, "relay.pending": True},
            {"$unset": {"relay.pending": ""}, "$set": {"relay.published_at": self._clock.now()}},
        )
        RELAY_PUBLISHED.inc(len(ids))

    def _publish_all(self, documents: Iterable[dict[str, Any]]) -> set[str]:
        return self._publish([_outgoing(cloudevent_of(document)) for document in documents])

    def _publish_one(self, event: Event) -> bool:
        return bool(self._publish([_outgoing(event.to_cloudevent())]))

    def _publish(self, messages: list[Outgoing]) -> set[str]:
        """The ids of the messages that are in a queue. The types of the others are held back for a moment."""
        confirmed = self._publisher.publish(messages) if messages else set()
        refused = {message.routing_key for message in messages if message.id not in confirmed}
        for event_type in refused:
            self._held_back[event_type] = time.monotonic() + HOLD_BACK
            log.warning("message not taken by a queue", event_type=event_type)
        return confirmed

    def _types_held_back(self) -> list[str]:
        now = time.monotonic()
        self._held_back = {name: until for name, until in self._held_back.items() if until > now}
        return sorted(self._held_back)

    def _is_report_due(self, scan_at: datetime) -> bool:
        if self._reported_until is None or abs(scan_at - self._reported_until) >= self._report_after:
            return True
        return self._unreported and time.monotonic() >= self._reported_at + REPORT_EVERY

    def _report(self, scan_at: datetime) -> None:
        if self._reported_until is None:
            self._position.list_left()
        if self._position.report(scan_at):
            self._unreported = False
            self._reported_at, self._reported_until = time.monotonic(), scan_at


def run_relay(config: Config, service: str, republish_since: datetime | None = None) -> None:
    """Run the relay until SIGTERM or SIGINT, then finish the present step. During an outage it waits and tries again.

    With `republish_since` it publishes the events published since then again, and ends. Raises TopologyMismatch.
    """
    stopping = threading.Event()
    if republish_since is None:
        on_stop(stopping.set)
    database = open_database(config.mongodb_uri, config.mongodb_database)
    lease = Lease(database, "relay")
    publisher = ConfirmedPublisher(config.amqp_uri, exchange_of(service))
    # A replay clock may jump at any moment, and then a report is due.
    may_jump = config.replay_clock_file is not None
    report_after = REPORT_AFTER if may_jump else QUIET_REPORT_AFTER
    relay = Relay(database, publisher, service=service, clock=config.clock(), report_after=report_after)
    inserts = Inserts(database["events"], most=IDLE if may_jump else SCAN_EVERY)
    backoff = Backoff(first=0.1, most=1.0)
    ready = interrupted = False
    while not stopping.is_set():
        try:
            if not publisher.is_open:
                declare(config.amqp_uri, service)
                publisher.open()
            if not ready:
                relay.ensure_indexes()
                ready = True
            if republish_since is not None:
                log.info("republished", count=relay.republish(republish_since))
                break
            if not lease.held():
                publisher.idle(1.0)
            elif not relay.step():
                if relay.is_quiet and inserts.is_possible:
                    inserts.wait(SCAN_EVERY, relay.is_report_due)
                    publisher.idle(0)
                else:
                    publisher.idle(IDLE)
            backoff.reset()
            if interrupted:
                log.info("relay goes on", address=publisher.place)
                interrupted = False
        except (BrokerAway, AMQPError, OSError, PyMongoError) as error:
            interrupted = True
            # An error of the store names its own address.
            address = None if isinstance(error, PyMongoError) else publisher.place
            log.warning("relay interrupted", address=address, exc_info=error)
            _wait(publisher, backoff.next())
    publisher.close()
    lease.release()


def _wait(publisher: ConfirmedPublisher, seconds: float) -> None:
    try:
        publisher.idle(seconds)
    except BrokerAway:
        time.sleep(seconds)


def _outgoing(cloudevent: Mapping[str, Any]) -> Outgoing:
    body = json.dumps(cloudevent, separators=(",", ":"), ensure_ascii=False).encode()
    return Outgoing(cloudevent["id"], cloudevent["type"], body)
