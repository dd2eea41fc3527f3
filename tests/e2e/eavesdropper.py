"""Collects every message that is published on a stack's broker, to any exchange or queue, with the broker's tracer."""

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
    """A published message: its exchange, its properties and headers, and its body."""

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
    """Collects from the moment that it is made. The messages wait in its own queue until `everything` takes them."""

    def __init__(self, stack: LocalStack) -> None:
        self._amqp_uri = stack.backends.amqp_uri
        assert stack.backends.management_uri
        with self._channel() as channel:
            channel.queue_declare(QUEUE, durable=True)
            channel.queue_bind(QUEUE, "amq.rabbitmq.trace", "publish.#")
        manage(stack.backends.management_uri, "PUT", "/api/vhosts/%2F", {"tracing": True})

    def everything(self) -> list[Heard]:
        """All messages so far, in the order of their publication."""
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
