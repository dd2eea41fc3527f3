"""The tick: says when to look, and nothing else. The looking is done by whoever consumes the queue of sweeps.

A sweep that is lost or said twice does no harm: it looks at what is stored, not at what came since the last one.
"""

from __future__ import annotations

import json
import signal
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pika
from apscheduler.schedulers.blocking import BlockingScheduler
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from shared.clock import Clock
from shared.events.mongo import open_database
from shared.kernel.ids import uuid7
from shared.messaging.addresses import connect
from shared.messaging.topology import SWEEP
from shared.observability import get_logger
from shared.scheduling.lease import Lease

if TYPE_CHECKING:
    from shared.config import Config

CONTENT_TYPE = "application/json"
_RENEW_EVERY = 2
_LEASE_SECONDS = 6

log = get_logger()


def publish_sweep(amqp_uri: str, clock: Clock) -> str:
    """Ask for a sweep; returns its id once the broker has it in the queue. Raises pika's AMQPError."""
    sweep_id = uuid7(clock.now())
    connection = connect(amqp_uri)
    try:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.basic_publish(
            "",
            SWEEP,
            json.dumps({"sweep_id": sweep_id}).encode(),
            pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2, message_id=sweep_id),
            mandatory=True,
        )
    finally:
        if connection.is_open:
            connection.close()
    return sweep_id


def run_tick(config: Config) -> None:
    """The tick process: runs until SIGTERM or SIGINT, through outages. Of several, the one with the lease ticks."""
    lease = Lease(open_database(config.mongodb_uri, config.mongodb_database), "tick", seconds=_LEASE_SECONDS)
    clock = config.clock()

    def sweep() -> None:
        if _is_ours(lease):
            try:
                log.info("sweep asked for", sweep_id=publish_sweep(config.amqp_uri, clock))
            except (AMQPError, OSError) as error:
                log.warning("tick interrupted", exc_info=error)

    timetable: tuple[dict[str, Any], ...] = (
        {"func": lambda: _is_ours(lease), "seconds": _RENEW_EVERY, "id": "renew the lease"},
        {"func": sweep, "seconds": config.sweep_interval_seconds, "id": "sweep"},
    )
    scheduler = BlockingScheduler(timezone=UTC, job_defaults={"coalesce": True, "misfire_grace_time": None})
    for job in timetable:
        scheduler.add_job(trigger="interval", next_run_time=datetime.now(UTC), **job)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        scheduler.start()
    finally:
        if scheduler.running:
            scheduler.shutdown()
        lease.release()


def _is_ours(lease: Lease) -> bool:
    try:
        return lease.held()
    except PyMongoError as error:
        log.warning("tick interrupted", exc_info=error)
        return False
