"""Of the nodes that AMQP_URI names, any one that answers will do: to declare, to publish and to consume."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from pymongo.database import Database

from shared.messaging.publisher import BrokerAway, ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVIDENCE, SWEEP, declare, exchange_of
from shared.runtime.clock import MovableClock
from shared.scheduling.tick import publish_sweep
from tests.integration.bus import NOW, Process, an_event, publish, waiting_in
from tests.support import eventually


@pytest.fixture
def nodes(amqp_uri: str) -> Iterator[str]:
    """The broker, one that is away, and one that takes connections and never says a word, as a frozen one does."""
    with socket.socket() as away, socket.socket() as silent:
        for node in (away, silent):
            node.bind(("127.0.0.1", 0))
        silent.listen()
        others = [_at(amqp_uri, node.getsockname()[1]) for node in (away, silent)]
        yield ",".join([*others, amqp_uri])


def _at(amqp_uri: str, port: int) -> str:
    parts = urlsplit(amqp_uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{port}")))


def test_the_topology_is_declared_and_a_sweep_asked_for(nodes: str, amqp_uri: str) -> None:
    declare(nodes, "referrals_followup")
    publish_sweep(nodes, MovableClock(NOW))

    assert waiting_in(amqp_uri, SWEEP) == 1


def test_a_publisher_is_at_the_broker_in_three_attempts(nodes: str, amqp_uri: str) -> None:
    declare(amqp_uri, "perinatal")
    publisher = ConfirmedPublisher(nodes, exchange_of("perinatal"))
    failures = 0
    while not publisher.is_open:
        try:
            publisher.open()
        except BrokerAway:
            failures += 1

    assert failures <= 2
    assert publisher.publish([Outgoing("1", "heard.event.v1", b"{}")]) == {"1"}
    publisher.close()


def test_a_consumer_finds_the_broker(
    nodes: str, amqp_uri: str, mongodb_uri: str, database: Database[dict[str, Any]]
) -> None:
    declare(amqp_uri, "referrals_followup")
    event = an_event()
    publish(amqp_uri, EVIDENCE, event)
    settings = {
        "TOY_AMQP_URI": nodes,
        "TOY_MONGODB_URI": mongodb_uri,
        "TOY_DATABASE": database.name,
        "TOY_QUEUE": EVIDENCE,
        "TOY_ADDRESS": "127.0.0.1:0",
    }
    consumer = Process("tests.integration.toy_consumer", settings)
    consumer.start()
    try:
        eventually(lambda: database["handled"].find_one({"_id": event.id}))
        assert consumer.stop() == 0
    finally:
        if consumer.running is not None:
            consumer.kill()


def test_a_node_that_never_answers_is_said_to_be_away(nodes: str) -> None:
    silent = nodes.split(",")[1]

    with pytest.raises(BrokerAway):
        ConfirmedPublisher(silent, exchange_of("perinatal")).open()
