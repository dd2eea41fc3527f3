"""What the tests of the bus share: events to record, looks into queues, processes to kill, waiting on a condition."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
from pymongo.database import Database

from shared.events.documents import document_of
from shared.kernel.envelope import CONTENT_TYPE, Event
from shared.kernel.ids import uuid7

NOW = datetime(2013, 1, 14, 9, 30, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


def an_event(reason_code: str = "typing-error", at: datetime = NOW, source: str = "perinatal") -> Event:
    """A valid event; the toy handler does what its reason code says."""
    return Event(
        id=uuid7(at),
        source=source,
        type="record.retracted.v1",
        subject=None,
        occurred_at=at,
        recorded_at=at,
        stream=f"referral/{uuid4()}",
        version=1,
        actor="hv-1",
        role="health-visitor",
        team="t-1",
        area="essex",
        correlation_id="c-1",
        data={"event_id": str(uuid4()), "reason_code": reason_code},
    )


def record(database: Database[dict[str, Any]], count: int, at: datetime = NOW) -> list[str]:
    """Record that many events as the event store does; their ids."""
    events = [an_event(at=at) for _ in range(count)]
    database["events"].insert_many(
        document_of(event, private={"personal": {"name": "Jane Doe"}}, relay={"pending": True}) for event in events
    )
    return [event.id for event in events]


@contextmanager
def channel(amqp_uri: str) -> Iterator[Any]:
    """A channel with confirms."""
    connection = pika.BlockingConnection(pika.URLParameters(amqp_uri))
    opened = connection.channel()
    opened.confirm_delivery()
    try:
        yield opened
    finally:
        if connection.is_open:
            connection.close()


def publish(amqp_uri: str, queue: str, *messages: Event | tuple[bytes, Mapping[str, Any]]) -> None:
    """Put messages straight into a queue: events as the relay sends them, or a body with its properties."""
    with channel(amqp_uri) as to:
        for message in messages:
            if isinstance(message, Event):
                body, properties = json.dumps(message.to_cloudevent()).encode(), {"message_id": message.id}
                message = (body, {"content_type": CONTENT_TYPE, **properties})
            to.basic_publish("", queue, message[0], pika.BasicProperties(**message[1]), mandatory=True)


def waiting_in(amqp_uri: str, queue: str) -> int:
    """How many messages are ready in the queue, those in the hands of a consumer not counted."""
    with channel(amqp_uri) as on:
        return int(on.queue_declare(queue, passive=True).method.message_count)


def take_all(amqp_uri: str, queue: str) -> list[tuple[Any, dict[str, Any]]]:
    """Every message that is ready now, with its properties and its body; they are gone from the queue then."""
    taken: list[tuple[Any, dict[str, Any]]] = []
    with channel(amqp_uri) as of:
        count = of.queue_declare(queue, passive=True).method.message_count
        while len(taken) < count:
            got, properties, body = next(of.consume(queue, inactivity_timeout=10))
            assert got is not None, f"{count} messages were ready, {len(taken)} came"
            taken.append((properties, json.loads(body)))
            of.basic_ack(got.delivery_tag)
        of.cancel()
    return taken


@dataclass
class Process:
    """A Python module of the tests, run as a process of its own."""

    module: str
    settings: Mapping[str, str]
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.running = subprocess.Popen(
            [sys.executable, "-m", self.module], cwd=ROOT, env={**os.environ, **self.settings}
        )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; the exit status. Fails when it takes ten seconds or longer."""
        return self._end(signal.SIGTERM)

    def _end(self, number: int) -> int:
        assert self.running is not None
        running, self.running = self.running, None
        running.send_signal(number)
        try:
            return running.wait(timeout=10)
        finally:
            running.kill()
            running.wait()


@contextmanager
def process(module: str, **settings: str) -> Iterator[Process]:
    """The running process; it is gone at the end of the block in any case."""
    started = Process(module, settings)
    started.start()
    try:
        yield started
    finally:
        if started.running is not None:
            started.kill()
