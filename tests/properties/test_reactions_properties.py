"""The promise of reactions, on a real MongoDB: however workers share, repeat and interleave the hearing, one result."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.database import Database

from services.leaving_care.domain.reactions import REACTIONS as OF_LEAVING_CARE
from services.perinatal.domain.reactions import REACTIONS as OF_PERINATAL
from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM
from shared.events.documents import document_of
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event
from shared.recording.reaction_rules import ReactionRules
from shared.recording.reactions import Reactions
from shared.runtime.clock import MovableClock
from tests.unit.history import NOW
from tests.unit.published import EventFeed

REACTIONS_OF = {"leaving_care": OF_LEAVING_CARE, "perinatal": OF_PERINATAL}
OUTCOMES = ("birth", "miscarriage", "stillbirth")

people = st.integers(min_value=21, max_value=24)
# Each record is of one person: the care leaver 1 is person 21, who is the mother of the pregnancy 21.
leavers = people.map(lambda who: (who - 20, who))
pregnancies = st.sampled_from([(21, 21), (22, 22)])
ACTS = st.one_of(
    leavers.map(lambda of: ("registered", *of)),
    st.builds(lambda of, team: ("adviser", *of, team), leavers, st.sampled_from(["team-a", "team-b"])),
    st.builds(lambda how, of: (how, *of), st.sampled_from(["booked", "notified"]), pregnancies),
    st.builds(lambda of, partner: ("partner", *of, partner), pregnancies, people),
    st.builds(lambda of, how, who: ("ended", *of, how, who), pregnancies, st.sampled_from(OUTCOMES), people),
    st.tuples(st.just("joined"), people, people, people),
    st.tuples(st.just("died"), people),
    st.tuples(st.just("moved"), st.integers(min_value=61, max_value=62), people, people),
    st.tuples(st.sampled_from(["linked", "linked", "unlinked"]), people, people),
    st.tuples(st.just("retracted"), st.integers(min_value=0, max_value=30)),
)


def story(acts: list[tuple[Any, ...]]) -> list[Event]:
    """What was recorded, in the order of recording, from one care leaver and two pregnancies on.

    A retraction strikes out any earlier entry, once.
    """
    said = EventFeed()
    events = [said.registered(1, 21), said.booked(21, 21), said.booked(22, 22)]
    for name, *of in acts:
        if name != "retracted":
            events.append(getattr(said, name)(*of))
            continue
        struck = {event.data["event_id"] for event in events if event.type == RETRACTION}
        standing = [event for event in events if event.type != RETRACTION and event.id not in struck]
        if standing:
            events.append(said.retracted(standing[of[0] % len(standing)]))
    return events


class Killed(Exception):
    """The process is gone."""


class KilledAfter:
    """An event store whose process is killed when it has written so many events."""

    def __init__(self, store: EventStore, writes: int) -> None:
        self._store, self._left = store, writes

    def load_all(self, streams: Iterable[str]) -> Iterator[dict[str, list[Event]]]:
        return self._store.load_all(streams)

    def execute(self, *args: Any, **named: Any) -> Any:
        if not self._left:
            raise Killed
        self._left -= 1
        return self._store.execute(*args, **named)


class Hearing:
    """One service's reactions over a database of its own, with what it recorded itself already recorded there."""

    def __init__(self, database: Database[dict[str, Any]], of: ReactionRules, events: list[Event]) -> None:
        self._database, self._of = database, of
        self.store = EventStore(
            database, source="test", clock=MovableClock(NOW + timedelta(days=1)), catalogue=CATALOGUE
        )
        self.store.ensure_indexes()
        own = [event for event in events if event.stream.startswith(f"{of.aggregate.kind}/")]
        if own:
            self.store.collection.insert_many([document_of(event, private={}, relay={}) for event in own])
        self.worker().ensure_indexes()

    def worker(self, of: ReactionRules | None = None, store: Any = None) -> Reactions:
        """Another process of the service."""
        return Reactions(self._database, store or self.store, of or self._of)

    def read_heard(self) -> dict[str, bool]:
        """Whether each event that was kept is done with."""
        return {document["_id"]: document["settled"] for document in self._database["heard"].find()}

    def said(self) -> list[Event]:
        """Every entry that the service made by itself, retractions too."""
        streams = self.store.streams(self._of.aggregate.kind)
        return [event for stream in streams for event in self.store.load(stream) if event.role == SYSTEM]

    def standing(self) -> list[Event]:
        said = self.said()
        struck = {event.data["event_id"] for event in said if event.type == RETRACTION}
        return [event for event in said if event.type != RETRACTION and event.id not in struck]


@pytest.fixture
def new_database(mongodb_uri: str, mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Any]:
    names: list[str] = []

    def make() -> Database[dict[str, Any]]:
        names.append(f"test_{uuid4().hex}")
        return open_database(mongodb_uri, names[-1])

    yield make
    for name in names:
        mongo_client.drop_database(name)


def _batches(events: list[Event], random: Random) -> list[list[Event]]:
    """The events in any order, some of them several times, cut into batches of any size."""
    dealt = events + random.choices(events, k=len(events) // 2)
    random.shuffle(dealt)
    batches = []
    while dealt:
        size = random.randint(1, 4)
        batches.append(dealt[:size])
        dealt = dealt[size:]
    return batches


def _hear_at_once(hearing: Hearing, batches: list[list[Event]], workers: int) -> None:
    together = threading.Barrier(workers)

    def work(number: int) -> None:
        reactions = hearing.worker()
        together.wait()
        for batch in batches[number::workers]:
            reactions.react(batch)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, range(workers)))


@pytest.mark.parametrize("service", REACTIONS_OF)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(acts=st.lists(ACTS, min_size=3, max_size=14), seed=st.integers(), workers=st.integers(min_value=1, max_value=3))
def test_what_stands_is_what_follows_from_all_that_was_said_each_once(
    new_database: Any, service: str, acts: list[tuple[Any, ...]], seed: int, workers: int
) -> None:
    of, events = REACTIONS_OF[service], story(acts)
    hearing = Hearing(new_database(), of, events)
    _hear_at_once(hearing, _batches(events, Random(seed)), workers)

    standing = hearing.standing()
    expected = [reaction for reaction in of.rule(events) if hearing.store.exists(reaction.stream)]
    for reaction in expected:
        assert len([event for event in standing if event.stream == reaction.stream and reaction.matches(event)]) == 1
    assert len(standing) == len(expected)

    said = hearing.said()
    _hear_at_once(hearing, _batches([*events, *said], Random(seed)), workers)
    assert hearing.said() == said
    kept = hearing.read_heard()
    assert kept == {event.id: True for event in [*events, *said] if event.type in of.relevant_types}


def _told_of(him: int) -> tuple[EventFeed, list[Event]]:
    """A care leaver who is named as partner, under another id that is linked to his."""
    said = EventFeed()
    return said, [said.registered(1, him), said.booked(22, 22), said.partner(22, 22, 24), said.linked(24, him)]


def test_who_recorded_something_looks_again_and_strikes_it_out_when_its_reason_went_meanwhile(
    new_database: Any,
) -> None:
    said, events = _told_of(21)
    unlinked = said.unlinked(24, 21)
    hearing = Hearing(new_database(), OF_LEAVING_CARE, events)
    meanwhile = [[unlinked]]

    def rule(known: Any) -> Any:
        found = OF_LEAVING_CARE.rule(known)
        if meanwhile:
            hearing.worker().react(meanwhile.pop())
        return found

    hearing.worker(replace(OF_LEAVING_CARE, rule=rule)).react(events)
    assert meanwhile == []
    assert [event.type for event in hearing.said()] == ["parenthood.learnt.v1", RETRACTION]


def test_killed_after_any_of_its_writes_and_delivered_again_the_result_is_the_same(new_database: Any) -> None:
    said, events = _told_of(21)
    events.append(said.ended(22, 22, "miscarriage"))
    for writes in range(4):
        hearing = Hearing(new_database(), OF_LEAVING_CARE, events)
        with suppress(Killed):
            hearing.worker(store=KilledAfter(hearing.store, writes)).react(events)
        hearing.worker().react(events)
        assert [event.type for event in hearing.said()] == ["parenthood.learnt.v1", "parenthood.lost.v1"]
