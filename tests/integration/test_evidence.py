"""Up to when the evidence is complete: never too early, whatever arrives first, late, twice or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.database import Database

from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.kernel.envelope import CONTENT_TYPE, Event, to_text
from shared.messaging.incoming import Delivery, Park
from shared.messaging.parked import ParkedMessages
from shared.messaging.topology import EVIDENCE
from tests.integration.ledger import MONDAY, an_event, referral_noted


@pytest.fixture
def here(database: Database[dict[str, Any]]) -> Here:
    return Here(database)


def minutes(count: int) -> datetime:
    return MONDAY + timedelta(minutes=count)


class Here:
    """The evidence store of one database, and what a test needs to feed it."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.database = database
        self.store = EvidenceStore(database, CATALOGUE)
        self.store.ensure_indexes()

    def folds(self, *events: Event) -> None:
        self.store.keep(events)
        self.store.mark_folded([event.id for event in events])

    def parks(self, event: Event) -> None:
        delivery = Delivery(EVIDENCE, b"not an event", CONTENT_TYPE, message_id=event.id)
        ParkedMessages(self.database).park([(delivery, Park("not JSON"))])

    def hears(self, last: int, until: datetime | None, *ids: str, number: int | None = None) -> None:
        self.store.note_positions([position(last, until, *ids, number=number)])

    def until(self, source: str = "perinatal") -> datetime | None:
        return self.store.complete_until()[source]


def position(
    last: int, until: datetime | None, *ids: str, number: int | None = None, source: str = "perinatal"
) -> Event:
    """What a relay says: its manifest number `last` (or `number`, when more are to come), and up to when that goes."""
    data = {
        "until": to_text(until) if until else None,
        "last": last,
        "manifest": {"number": number or last, "ids": list(ids)} if ids else None,
    }
    return an_event("position.reported.v1", f"position/{source}", data, source=source)


def test_a_source_that_never_spoke_is_not_complete_at_all(here: Here) -> None:
    here.folds(referral_noted())
    assert here.store.complete_until() == {"perinatal": None, "leaving_care": None, "referrals_followup": None}


def test_a_source_that_has_recorded_nothing_yet_is_complete_until_it_says(here: Here) -> None:
    here.hears(0, minutes(1))
    assert here.until() == minutes(1)
    here.hears(0, minutes(2))
    assert here.until() == minutes(2)


def test_a_position_that_arrives_late_or_again_takes_nothing_back(here: Here) -> None:
    for count in (2, 1, 2):
        here.hears(0, minutes(count))
    assert here.until() == minutes(2)


def test_each_source_speaks_for_itself(here: Here) -> None:
    here.hears(0, minutes(1))
    assert here.until("leaving_care") is None


def test_it_is_complete_when_every_event_that_was_named_is_folded_here(here: Here) -> None:
    noted, another = referral_noted(), referral_noted()
    here.folds(noted)
    here.hears(1, minutes(1), noted.id, another.id)
    assert here.until() is None
    here.folds(another)
    assert here.until() == minutes(1)


def test_an_event_that_is_kept_but_not_yet_folded_does_not_count(here: Here) -> None:
    noted = referral_noted()
    here.store.keep([noted])
    here.hears(1, minutes(1), noted.id)
    assert here.until() is None
    here.store.mark_folded([noted.id])
    assert here.until() == minutes(1)


def test_an_event_that_was_parked_counts_as_heard(here: Here) -> None:
    noted, another = referral_noted(), referral_noted()
    here.hears(1, minutes(1), noted.id, another.id)
    here.parks(noted)
    here.parks(noted)
    assert here.until() is None
    here.folds(another)
    assert here.until() == minutes(1)


def test_an_event_that_arrives_again_stays_folded(here: Here) -> None:
    noted = referral_noted()
    here.folds(noted)
    here.store.keep([noted])
    here.hears(1, minutes(1), noted.id)
    assert here.until() == minutes(1)


def test_a_manifest_that_is_missing_holds_up_all_that_come_after_it(here: Here) -> None:
    first, second, third = (referral_noted() for _ in range(3))
    here.folds(first, second, third)
    here.hears(1, minutes(1), first.id)
    here.hears(3, minutes(3), third.id)
    assert here.until() == minutes(1)
    here.hears(2, minutes(2), second.id)
    assert here.until() == minutes(3)


def test_a_position_whose_manifest_is_still_to_come_is_not_believed_yet(here: Here) -> None:
    noted = referral_noted()
    here.folds(noted)
    here.hears(1, minutes(5))
    assert here.until() is None
    here.hears(1, None, noted.id)
    assert here.until() == minutes(5)


def test_the_first_of_several_manifests_says_nothing_of_when(here: Here) -> None:
    first, second = referral_noted(), referral_noted()
    here.folds(first, second)
    here.hears(2, None, first.id, number=1)
    assert here.until() is None
    here.hears(2, minutes(2), second.id)
    assert here.until() == minutes(2)


def test_nothing_is_forgotten_between_two_looks(here: Here) -> None:
    noted = referral_noted()
    here.hears(0, minutes(1))
    assert here.until() == minutes(1)
    here.hears(1, minutes(2), noted.id)
    assert here.until() == minutes(1)
    here.folds(noted)
    assert EvidenceStore(here.database, CATALOGUE).complete_until()["perinatal"] == minutes(2)


@pytest.fixture
def new_database(mongodb_uri: str, mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Callable[[], Any]]:
    names: list[str] = []

    def make() -> Database[dict[str, Any]]:
        names.append(f"test_{uuid4().hex}")
        return open_database(mongodb_uri, names[-1])

    yield make
    for name in names:
        mongo_client.drop_database(name)


@given(
    sizes=st.lists(st.integers(1, 3), min_size=1, max_size=4),
    idle=st.integers(0, 2),
    random=st.randoms(use_true_random=False),
    looks=st.floats(0, 1),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_order_it_is_complete_in_the_end_and_never_too_early(
    new_database: Callable[[], Any], sizes: list[int], idle: int, random: Random, looks: float
) -> None:
    here = Here(new_database())
    manifests = [[referral_noted() for _ in range(size)] for size in sizes]
    said = [position(0, minutes(0))]
    for number, events in enumerate(manifests, 1):
        ids = [event.id for event in events]
        said += [position(number, minutes(10 * number), *ids)]
        said += [position(number, minutes(10 * number + extra)) for extra in range(1, idle + 1)]
    arriving: list[tuple[str, Event]] = [("said", event) for event in said]
    for event in (event for events in manifests for event in events):
        arriving += [("folds", event)] if random.random() < 0.8 else [("parks", event)]
    arriving += random.choices(arriving, k=3)
    random.shuffle(arriving)
    heard: set[str] = set()
    for what, event in arriving:
        if what == "said":
            here.store.note_positions([event])
        else:
            here.folds(event) if what == "folds" else here.parks(event)
            heard.add(event.id)
        if random.random() < looks:
            until = here.until()
            complete = 0
            while complete < len(manifests) and {event.id for event in manifests[complete]} <= heard:
                complete += 1
            # The next manifest names something that is not here, and was recorded after the one before.
            assert until is None or until < minutes(10 * (complete + 1))
    assert here.until() == minutes(10 * len(manifests) + idle)
