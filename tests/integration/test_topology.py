"""Exchanges and queues on a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pika
import pytest

from shared.config.config import SERVICES
from shared.messaging.topology import DELIVERY_LIMIT, EVIDENCE, QUEUES, SWEEP, TopologyMismatch, declare, exchange_of
from tests.integration.bus import an_event, channel, publish, waiting_in

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def on(amqp_uri: str) -> Iterator[Any]:
    with channel(amqp_uri) as opened:
        yield opened


@pytest.mark.parametrize("service", SERVICES)
def test_one_services_step_alone_lets_nothing_it_says_be_lost(amqp_uri: str, on: Any, service: str) -> None:
    declare(amqp_uri, service)
    on.basic_publish(exchange_of(service), "referral.sent.v1", b"x", mandatory=True)
    heard_by = [queue for queue in QUEUES if service in queue.hears and queue.types == "#"]
    assert EVIDENCE in [queue.name for queue in heard_by]
    assert [waiting_in(amqp_uri, queue.name) for queue in heard_by] == [1] * len(heard_by)


def test_the_recording_services_hear_of_the_directory_and_of_nothing_else_of_its_service(
    amqp_uri: str, on: Any
) -> None:
    declare(amqp_uri, "referrals_followup")
    exchange = exchange_of("referrals_followup")
    on.basic_publish(exchange, "directory.team_listed.v1", b"x", mandatory=True)
    on.basic_publish(exchange, "follow_up.chased.v1", b"x", mandatory=True)
    assert [waiting_in(amqp_uri, f"{service}.directory") for service in ("perinatal", "leaving_care")] == [1, 1]
    assert waiting_in(amqp_uri, EVIDENCE) == 2


def test_declaring_again_changes_nothing(amqp_uri: str) -> None:
    declare(amqp_uri, "referrals_followup")
    publish(amqp_uri, EVIDENCE, an_event())
    for service in SERVICES:
        declare(amqp_uri, service)
    assert waiting_in(amqp_uri, EVIDENCE) == 1


def test_every_queue_is_named_after_its_hearer_and_is_a_quorum_queue_with_our_delivery_limit() -> None:
    for queue in QUEUES:
        assert queue.name.startswith(f"{queue.hearer}.")
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-delivery-limit"] == DELIVERY_LIMIT


def test_a_queue_that_exists_with_other_arguments_is_a_clear_error_and_stays_as_it_is(amqp_uri: str, on: Any) -> None:
    on.queue_declare(EVIDENCE, durable=True)
    with pytest.raises(
        TopologyMismatch, match=r"'referrals_followup\.evidence'.*run the topology step again, and start them"
    ):
        declare(amqp_uri, "referrals_followup")
    assert waiting_in(amqp_uri, EVIDENCE) == 0


def test_a_message_survives_far_more_returns_than_the_default_limit_of_a_new_broker(amqp_uri: str, on: Any) -> None:
    declare(amqp_uri, "referrals_followup")
    publish(amqp_uri, EVIDENCE, an_event())
    returned = 0
    while returned < 50:
        for got, _, _ in on.consume(EVIDENCE, inactivity_timeout=10):
            assert got is not None, f"the message was gone after {returned} returns"
            on.basic_nack(got.delivery_tag, requeue=True)
            returned += 1
            if returned == 50:
                break
    on.cancel()
    on.connection.close()
    assert waiting_in(amqp_uri, EVIDENCE) == 1


def test_sweeps_go_to_one_consumer_at_a_time(amqp_uri: str) -> None:
    declare(amqp_uri, "referrals_followup")
    publish(amqp_uri, SWEEP, (b"first", {}))
    with channel(amqp_uri) as first, channel(amqp_uri) as second:
        heard: list[str] = []
        first.basic_consume(SWEEP, lambda *_: heard.append("first"), auto_ack=True)
        second.basic_consume(SWEEP, lambda *_: heard.append("second"), auto_ack=True)
        for _ in range(5):
            publish(amqp_uri, SWEEP, (b"again", {}))
            first.connection.process_data_events(0.2)
            second.connection.process_data_events(0.05)
    assert heard == ["first"] * 6


def test_a_broker_that_is_away_raises_pikas_own_error() -> None:
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        declare("amqp://guest:guest@127.0.0.1:9/%2F", "perinatal")
