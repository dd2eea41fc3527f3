"""A session with a real broker: what waits is received as it was sent, and within bounds."""

from __future__ import annotations

from itertools import chain

import pytest

from shared.messaging import session
from shared.messaging.session import Session
from shared.messaging.topology import EVIDENCE, declare
from tests.integration.bus import publish, waiting_in
from tests.support import eventually


def received(opened: Session, most: int, count: int) -> list[list[bytes]]:
    """The bodies of as many batches as it takes to receive so many messages. Each batch is acknowledged."""
    batches: list[list[bytes]] = []
    while sum(map(len, batches)) < count:
        messages = opened.receive(most, within=10)
        assert messages
        batches.append([message.body or b"" for message in messages])
        opened.acknowledge(messages)
    return batches


@pytest.fixture
def queue(amqp_uri: str) -> str:
    declare(amqp_uri, "referrals_followup")
    return EVIDENCE


def test_bodies_of_every_size_arrive_whole_and_in_order(amqp_uri: str, queue: str) -> None:
    bodies = [bytes([size % 251]) * size for size in (0, 1, 7, 8, 700, 131_063, 131_064, 131_065, 500_000, 3)]
    publish(amqp_uri, queue, *((body, {}) for body in bodies))
    opened = Session(amqp_uri, queue, prefetch=100)
    assert [*chain(*received(opened, 100, len(bodies)))] == bodies
    opened.close()
    eventually(lambda: waiting_in(amqp_uri, queue) == 0)


def test_a_batch_has_no_more_messages_than_were_asked_for(amqp_uri: str, queue: str) -> None:
    publish(amqp_uri, queue, *((b"x", {}) for _ in range(25)))
    opened = Session(amqp_uri, queue, prefetch=100)
    assert max(map(len, received(opened, 10, 25))) <= 10
    opened.close()


def test_a_batch_is_bounded_in_bytes_and_what_waits_beyond_is_not_read(
    amqp_uri: str, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_BYTES", 1_000)
    publish(amqp_uri, queue, *((b"x" * 400, {}) for _ in range(30)))
    opened = Session(amqp_uri, queue, prefetch=100)
    opened.breathe()
    for batch in received(opened, 100, 30):
        assert sum(map(len, batch)) < 1_000 + 400
    opened.close()
