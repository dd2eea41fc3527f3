"""Hears every message that anybody publishes on a stack's broker, to whatever exchange or queue, by its tracer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pika

from deploy.local.rabbit import manage
from deploy.local.stack import LocalStack

QUEUE = "test.everything"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it was published: to which exchange, with which properties and headers, saying what."""

    exchange: str
    about: dict[str, Any]
    body: bytes

    @property
    def text(self) -> str:
        return f"{self.about} {self.body.decode(errors='replace')}"

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Eavesdropper:
    """Listens from the moment it is made. What was heard waits in a queue of its own until `everything` takes it."""

    def __init__(self, stack: LocalStack) -> None:
        self._amqp_uri = stack.backends.amqp_uri
        assert stack.backends.management_uri
        with self._channel() as channel:
            channel.queue_declare(QUEUE, durable=True)
            channel.queue_bind(QUEUE, "amq.rabbitmq.trace", "publish.#")
        manage(stack.backends.management_uri, "PUT", "/api/vhosts/%2F", {"tracing": True})

    def everything(self) -> list[Heard]:
        """All that was heard so far, in the order it was published."""
        found: list[Heard] = []
        with self._channel() as channel:
            while True:
                got, properties, body = channel.basic_get(QUEUE, auto_ack=True)
                if got is None:
                    return found
                about = dict(properties.headers)
                found.append(Heard(about["exchange_name"], about, body))

    @contextmanager
    def _channel(self) -> Iterator[Any]:
        connection = pika.BlockingConnection(pika.URLParameters(self._amqp_uri))
        try:
            yield connection.channel()
        finally:
            connection.close()
