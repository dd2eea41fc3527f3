"""The exchanges and queues, as one table, and the step that declares them. Declaring twice changes nothing.

A service's step also declares the queues of the services that listen to it, so that nothing it publishes is lost
before they start. A queue is named after the service that consumes it and the purpose, never after code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from shared.config.config import SERVICES
from shared.messaging.addresses import connect

# On RabbitMQ 3.10 no limit (-1) discards a message at its first requeue, and RabbitMQ 4 limits to 20 by default.
DELIVERY_LIMIT = 1_000_000
_QUORUM = {"x-queue-type": "quorum", "x-delivery-limit": DELIVERY_LIMIT}
_PRECONDITION_FAILED = 406


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue `<hearer>.<purpose>`, and the services whose events it receives: those whose type fits `types`."""

    name: str
    hearer: str
    hears: tuple[str, ...] = ()
    types: str = "#"
    arguments: Mapping[str, Any] = field(default_factory=lambda: _QUORUM)


EVIDENCE = "referrals_followup.evidence"
SWEEP = "referrals_followup.sweep"


def check_queue_of(service: str) -> str:
    """The queue on which a service is asked to check what it has stored."""
    return f"{service}.check"


QUEUES = (
    Queue(EVIDENCE, "referrals_followup", hears=SERVICES),
    Queue(SWEEP, "referrals_followup", arguments={**_QUORUM, "x-single-active-consumer": True}),
    Queue("perinatal.views", "perinatal", hears=("perinatal",)),
    Queue("perinatal.reactions", "perinatal", hears=("perinatal", "leaving_care")),
    Queue("leaving_care.views", "leaving_care", hears=("leaving_care",)),
    Queue("leaving_care.reactions", "leaving_care", hears=("leaving_care", "perinatal")),
    Queue("perinatal.directory", "perinatal", hears=("referrals_followup",), types="directory.#"),
    Queue("leaving_care.directory", "leaving_care", hears=("referrals_followup",), types="directory.#"),
    Queue("perinatal.glass", "perinatal", hears=("referrals_followup",), types="glass.#"),
    Queue("leaving_care.glass", "leaving_care", hears=("referrals_followup",), types="glass.#"),
    *(Queue(check_queue_of(service), service) for service in SERVICES),
)


class TopologyMismatch(Exception):
    """The broker has an exchange or queue with this name and other properties. Nothing was changed."""


def exchange_of(service: str) -> str:
    """The topic exchange to which a service publishes its events; the routing key is the event type."""
    return f"{service}.events"


def is_heard_by_one(name: str) -> bool:
    """Whether the queue gives messages to only one consumer at a time."""
    return any(queue.name == name and "x-single-active-consumer" in queue.arguments for queue in QUEUES)


def queues_of(service: str) -> tuple[Queue, ...]:
    """The queues that a service consumes, and those that receive its events."""
    return tuple(queue for queue in QUEUES if queue.hearer == service or service in queue.hears)


def declare(amqp_uri: str, service: str) -> None:
    """Declare all that `service` needs on the broker. Raises TopologyMismatch, or pika's AMQPError."""
    connection = connect(amqp_uri)
    try:
        _declare(connection.channel(), service)
    except ChannelClosedByBroker as error:
        if error.reply_code != _PRECONDITION_FAILED:
            raise
        raise TopologyMismatch(
            f"{error.reply_text}. Let its consumers empty it and stop them, delete it on the broker, run the topology"
            " step again, and start them."
        ) from error
    finally:
        if connection.is_open:
            connection.close()


def _declare(channel: BlockingChannel, service: str) -> None:
    queues = queues_of(service)
    for speaker in sorted({service}.union(*(queue.hears for queue in queues))):
        channel.exchange_declare(exchange_of(speaker), exchange_type="topic", durable=True)
    for queue in queues:
        channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        for speaker in queue.hears:
            channel.queue_bind(queue.name, exchange_of(speaker), routing_key=queue.types)
