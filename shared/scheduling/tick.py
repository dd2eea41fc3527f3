"""The tick: asks for sweeps and checks at their times, and does nothing else. The consumers of the queues do the work.

A sweep or a check that is lost or repeated does no harm: each looks at everything stored, not at what is new.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pika
from apscheduler.schedulers.blocking import BlockingScheduler
from pika.exceptions import AMQPError
from pymongo import DESCENDING
from pymongo.database import Database
from pymongo.errors import PyMongoError

from shared.config.config import SERVICES
from shared.events.mongo import open_database
from shared.kernel.ids import uuid7
from shared.kernel.time import at_london, london_date
from shared.messaging.addresses import connect, places_of
from shared.messaging.incoming import ASKED_AS
from shared.messaging.topology import SWEEP, check_queue_of
from shared.runtime.clock import Clock
from shared.runtime.observability import get_logger
from shared.runtime.outages import Outage
from shared.runtime.stopping import on_stop
from shared.scheduling.lease import Lease

if TYPE_CHECKING:
    from shared.config.config import Config

_RENEW_EVERY = 2
_LEASE_SECONDS = 6
_NIGHT_LOOKED_FOR_EVERY = 60
CHECKED_AT = time(2, 30)

log = get_logger()


def publish_sweep(amqp_uri: str, clock: Clock) -> str:
    """Ask for a sweep; returns its id once the broker has it in the queue. Raises pika's AMQPError."""
    return _ask(amqp_uri, SWEEP, "sweep", clock)


def publish_check(amqp_uri: str, service: str, clock: Clock) -> str:
    """Ask a service for a check; returns its id once the broker has it in the queue. Raises pika's AMQPError."""
    return _ask(amqp_uri, check_queue_of(service), "check", clock)


def last_night(now: datetime) -> datetime:
    """The last instant (UTC), `now` included, at which it was half past two in the morning in London."""
    today = at_london(london_date(now), CHECKED_AT)
    return today if today <= now else at_london(london_date(now) - timedelta(days=1), CHECKED_AT)


def _ask(amqp_uri: str, queue: str, what: str, clock: Clock) -> str:
    asked_id = uuid7(clock.now())
    connection = connect(amqp_uri)
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(
            "",
            queue,
            json.dumps({f"{what}_id": asked_id}).encode(),
            pika.BasicProperties(content_type=ASKED_AS, delivery_mode=2, message_id=asked_id),
            mandatory=True,
        )
    finally:
        if connection.is_open:
            connection.close()
    return asked_id


class Nights:
    """Asks every service for a check once each night. Real time: what is stored is there by day or night."""

    def __init__(self, database: Database[dict[str, Any]], ask: Callable[[str], object]) -> None:
        self._checks = database["checks"]
        self._ask = ask
        self._asked: dict[str, datetime] = {}

    def ask_when_due(self, now: datetime) -> None:
        """Ask each service that was not asked since half past two of last night. Raises pymongo's errors.

        A tick that was down at that time asks when it is back. A system that was never checked waits for its first
        night.
        """
        if not self._asked:
            last = self._checks.find_one({}, {"started_at": 1}, sort=[("started_at", DESCENDING)])
            self._asked = dict.fromkeys(SERVICES, last["started_at"] if last else now)
        for service, asked_at in self._asked.items():
            if asked_at < last_night(now):
                try:
                    self._ask(service)
                except (AMQPError, OSError) as error:
                    log.warning("check not asked for", queue=check_queue_of(service), exc_info=error)
                else:
                    self._asked[service] = now


def run_tick(config: Config) -> None:
    """Run the tick until SIGTERM or SIGINT, through outages. Of several processes, the one with the lease ticks."""
    database = open_database(config.mongodb_uri, config.mongodb_database)
    lease = Lease(database, "tick", seconds=_LEASE_SECONDS)
    clock = config.clock()
    nights = Nights(database, lambda service: publish_check(config.amqp_uri, service, clock))
    # An error of the store names its own address.
    broker, store = Outage("broker", places_of(config.amqp_uri)), Outage("database")

    def is_ours() -> bool:
        try:
            held = lease.held()
        except PyMongoError as error:
            store.note(error)
            return False
        store.end()
        return held

    def sweep() -> None:
        if is_ours():
            try:
                log.info("sweep asked for", sweep_id=publish_sweep(config.amqp_uri, clock))
            except (AMQPError, OSError) as error:
                broker.note(error)
            else:
                broker.end()

    def check() -> None:
        if is_ours():
            try:
                nights.ask_when_due(datetime.now(UTC))
            except PyMongoError as error:
                store.note(error)

    timetable: tuple[dict[str, Any], ...] = (
        {"func": is_ours, "seconds": _RENEW_EVERY, "id": "renew the lease"},
        {"func": sweep, "seconds": config.sweep_interval_seconds, "id": "sweep"},
        {"func": check, "seconds": _NIGHT_LOOKED_FOR_EVERY, "id": "check"},
    )
    scheduler = BlockingScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
    for job in timetable:
        scheduler.add_job(trigger="interval", next_run_time=datetime.now(UTC), **job)
    on_stop(sys.exit)
    try:
        scheduler.start()
    finally:
        if scheduler.running:
            scheduler.shutdown()
        lease.release()
