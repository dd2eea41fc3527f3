"""The tick and the lease, on a real broker and a real store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from pika.exceptions import UnroutableError
from pymongo.database import Database

from shared.messaging.topology import SWEEP, declare
from shared.runtime.clock import MovableClock
from shared.scheduling.lease import Lease
from shared.scheduling.tick import publish_sweep
from tests.integration.bus import NOW, Process, take_all, waiting_in
from tests.support import eventually


@pytest.fixture
def tick(amqp_uri: str, mongodb_uri: str, database: Database[dict[str, Any]]) -> Iterator[Process]:
    declare(amqp_uri, "referrals_followup")
    settings = {"TOY_AMQP_URI": amqp_uri, "TOY_MONGODB_URI": mongodb_uri, "TOY_DATABASE": database.name}
    prepared = Process("tests.integration.toy_tick", settings)
    yield prepared
    if prepared.running is not None:
        prepared.kill()


def test_a_sweep_is_a_durable_message_with_its_id(amqp_uri: str) -> None:
    declare(amqp_uri, "referrals_followup")
    sweep_id = publish_sweep(amqp_uri, MovableClock(NOW))
    [(properties, body)] = take_all(amqp_uri, SWEEP)
    assert body == {"sweep_id": sweep_id}
    assert UUID(sweep_id).version == 7
    assert (properties.content_type, properties.delivery_mode) == ("application/json", 2)
    assert properties.message_id == sweep_id


def test_a_sweep_that_no_queue_takes_is_an_error(amqp_uri: str) -> None:
    with pytest.raises(UnroutableError):
        publish_sweep(amqp_uri, MovableClock(NOW))


def test_the_tick_begins_at_once_goes_on_and_stops_in_order(tick: Process, amqp_uri: str) -> None:
    tick.start()
    eventually(lambda: waiting_in(amqp_uri, SWEEP) >= 3)
    assert tick.stop() == 0


def test_while_another_holds_the_lease_a_tick_says_nothing_and_then_takes_over(
    tick: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    before = time.monotonic()
    assert Lease(database, "tick", seconds=4).held()  # and it dies
    tick.start()
    eventually(lambda: waiting_in(amqp_uri, SWEEP))
    assert time.monotonic() - before >= 4


def test_a_lease_has_one_holder_until_it_lets_go(database: Database[dict[str, Any]]) -> None:
    first, second = Lease(database, "x"), Lease(database, "x")
    assert first.held()
    assert not second.held()
    assert first.held()
    second.release()
    assert first.held()
    first.release()
    assert second.held()
    assert not first.held()


def test_a_holder_that_died_is_followed_and_one_that_renews_is_not(database: Database[dict[str, Any]]) -> None:
    alive, dead = Lease(database, "alive", seconds=0.6), Lease(database, "dead", seconds=0.6)
    assert alive.held()
    assert dead.held()
    waiting = Lease(database, "alive", seconds=0.6)
    heir = Lease(database, "dead", seconds=0.6)
    eventually(lambda: alive.held() and not waiting.held() and heir.held())
    assert alive.held()


def test_leases_of_different_names_do_not_meet(database: Database[dict[str, Any]]) -> None:
    assert Lease(database, "a").held()
    assert Lease(database, "b").held()
