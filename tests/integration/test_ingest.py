"""A large batch is kept and folded in parts, and is done as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from services.referrals_followup.ledger import ingest, views
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, Done, Park
from shared.runtime.clock import MovableClock
from shared.runtime.stopping import Stopping
from tests.integration.ledger import MONDAY, Ledger, config, delivery, referral_noted, referral_sent

PEOPLE = [f"p_{number:032x}" for number in range(12)]


@pytest.fixture
def ledger(database: Database[dict[str, Any]], mongodb_uri: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    monkeypatch.setattr(views, "THREADS_AT_A_TIME", 3)
    monkeypatch.setattr(ingest, "DELIVERIES_AT_A_TIME", 4)
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY))
    yield ledger
    ledger.close()


def noted_and_sent() -> list[Event]:
    noted = [referral_noted(person=person) for person in PEOPLE]
    return [*noted, *(referral_sent(one, MONDAY + timedelta(hours=1)) for one in noted)]


def unfolded(ledger: Ledger) -> int:
    return ledger.dependencies.database.evidence.count_documents({"folded": False})


def documents(ledger: Ledger) -> list[dict[str, Any]]:
    return list(ledger.dependencies.views.collection.find().sort("_id"))


def test_each_delivery_has_its_own_outcome_whatever_part_it_is_in(ledger: Ledger) -> None:
    deliveries = [delivery(event) for event in noted_and_sent()]
    broken = {3: b"{", 4: b"[1]", 11: b"null", 23: b""}
    for number, body in broken.items():
        deliveries[number] = replace(deliveries[number], body=body)
    outcomes = ledger.dependencies.ingest.receive(deliveries)
    assert len(outcomes) == len(deliveries)
    for number, outcome in enumerate(outcomes):
        assert isinstance(outcome, Park if number in broken else Done)
    assert unfolded(ledger) == 0


def test_a_batch_in_parts_gives_the_same_follow_ups_as_its_events_one_by_one(
    ledger: Ledger, database: Database[dict[str, Any]], mongodb_uri: str
) -> None:
    events = noted_and_sent()
    ledger.hear(*events)
    found = documents(ledger)
    assert len(found) >= len(PEOPLE)
    ledger.forget()
    for event in reversed(events):
        ledger.hear(event)
    assert documents(ledger) == found


@pytest.mark.parametrize("fails_at", [1, 2, 4])
def test_when_a_part_cannot_be_written_nothing_is_done_and_the_batch_delivered_again_makes_it_whole(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    deliveries: list[Delivery] = [delivery(event) for event in noted_and_sent()]
    written = 0
    write = ledger.dependencies.views._write_in

    def write_some(*args: Any) -> Any:
        nonlocal written
        written += 1
        if written == fails_at:
            raise AutoReconnect
        return write(*args)

    with monkeypatch.context() as faulty:
        faulty.setattr(ledger.dependencies.views, "_write_in", write_some)
        with pytest.raises(AutoReconnect):
            ledger.dependencies.ingest.receive(deliveries)
    assert written == fails_at
    assert unfolded(ledger) == len(deliveries)
    assert ledger.dependencies.ingest.receive(deliveries) == [Done()] * len(deliveries)
    assert unfolded(ledger) == 0
    assert list(ledger.dependencies.views.find_differing(view["thread"] for view in documents(ledger))) == []


def test_a_batch_that_a_stop_ends_between_two_parts_is_made_whole_when_it_is_delivered_again(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliveries: list[Delivery] = [delivery(event) for event in noted_and_sent()]
    parts = 0

    def stop_before_the_third() -> None:
        nonlocal parts
        parts += 1
        if parts == 3:
            raise Stopping

    with monkeypatch.context() as asked:
        asked.setattr("services.referrals_followup.ledger.views.go_on", stop_before_the_third)
        with pytest.raises(Stopping):
            ledger.dependencies.ingest.receive(deliveries)
    assert unfolded(ledger) == len(deliveries)
    assert ledger.dependencies.ingest.receive(deliveries) == [Done()] * len(deliveries)
    assert unfolded(ledger) == 0
    assert list(ledger.dependencies.views.find_differing(view["thread"] for view in documents(ledger))) == []
