"""The views' promise, on a real MongoDB: however workers share, repeat and interleave the work, one result."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymongo import MongoClient
from pymongo.database import Database

from services.referrals_followup.domain.follow_up import AGGREGATE, Accept, End, Sweep
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.ledger import views
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Refused
from shared.kernel.envelope import Event
from shared.runtime.clock import MovableClock
from tests.properties.ledgers import CALENDAR, START, WORLD, histories, rules

MANAGER = Actor("mia", "manager", "team-a", ("essex", "norfolk"))


class Ledger:
    """The ledger's parts over one database, as one worker process has them."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.clock = MovableClock(START)
        self.store = EventStore(database, source="referrals_followup", clock=self.clock, catalogue=WORLD)
        self.rules = Rules(self.store)
        self.evidence = EvidenceStore(database, WORLD)
        self.views = FollowUpViews(database, self.evidence, self.rules)
        for part in (self.store, self.rules, self.evidence, self.views):
            part.ensure_indexes()

    def adopt(self, history: RulesHistory) -> list[Event]:
        """Record the adoptions of this history, each at its own time; the events that say so."""
        for adoption in history.adoptions:
            self.clock.set(adoption.at)
            pack = {"pack": adoption.pack, "version": adoption.version, "steps": adoption.content["steps"]}
            self.rules.adopt([pack], CALENDAR)
        return [event for name in ("england", "essex") for event in self.store.load(f"rules/{name}")]

    def hear(self, batch: list[Event]) -> None:
        self.views.refresh_for(self.evidence.keep(batch))

    def documents(self) -> list[dict[str, Any]]:
        return list(self.views.collection.find({}, sort=[("_id", 1)]))


@pytest.fixture(autouse=True)
def threads_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nearly every batch is folded in several parts, one beside the writing of the other."""
    monkeypatch.setattr(views, "THREADS_AT_A_TIME", 2)


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
        size = random.randint(1, 5)
        batches.append(dealt[:size])
        dealt = dealt[size:]
    return batches


def _act_on_some(ledger: Ledger, random: Random) -> list[Event]:
    """People and sweeps act on some of the follow-ups; the events that their acts are."""
    ledger.clock.set(START + timedelta(days=90))
    acts: list[Event] = []
    for document in ledger.documents():
        follow_up = follow_up_of(document)
        for command in random.sample(
            [
                Sweep(follow_up, ledger.clock.now(), CALENDAR, lambda rung, owner: ("mia",)),
                Accept(follow_up),
                End(follow_up, "not_needed"),
            ],
            k=random.randint(0, 2),
        ):
            stream = f"follow-up/{follow_up.id}"
            try:
                done = ledger.store.execute(
                    AGGREGATE,
                    stream,
                    command,
                    MANAGER,
                    key=f"{type(command).__name__}:{stream}",
                    body={},
                    operation="test",
                    creates=True,
                )
            except Refused:
                continue
            acts.append(done.event)
    return acts


def test_any_permutation_repetition_batching_and_interleaving_of_workers_gives_identical_follow_ups(
    new_database,
) -> None:
    @settings(max_examples=15)
    @given(rules(), histories(), st.integers(0, 2**32))
    def check(history: RulesHistory, events: list[Event], seed: int) -> None:
        random = Random(seed)
        database = new_database()
        first = Ledger(database)
        adopted = first.adopt(history)
        first.hear(adopted)
        workers = [Ledger(database) for _ in range(3)]
        _share_out(workers, _batches(events, random))
        acts = _act_on_some(first, random)
        _share_out(workers, _batches([*events, *acts, *adopted], random))
        found = first.documents()
        threads = first.evidence.threads(first.rules.history().thread_kinds())
        assert list(first.views.find_differing(threads)) == [], "the check calls a view wrong that is right"
        assert first.views.totals.find_differing(first.clock.now()) == [], "a sum is not what a count makes"

        first.views.rebuild()
        assert first.documents() == found, "a rebuilt view differs"

        alone = Ledger(new_database())
        alone.store.collection.insert_many(list(first.store.collection.find({})))
        for event in [*adopted, *acts, *sorted(events, key=lambda event: event.id)]:
            alone.hear([event])
        assert alone.documents() == found, "one worker alone, in another order, came to another result"

    check()


def _share_out(workers: list[Ledger], batches: list[list[Event]]) -> None:
    start = threading.Barrier(len(workers))

    def work(number: int) -> None:
        start.wait()
        for batch in batches[number :: len(workers)]:
            workers[number].hear(batch)

    with ThreadPoolExecutor(len(workers)) as pool:
        list(pool.map(work, range(len(workers))))


class _Interrupted:
    """A collection that lets something else happen just before this worker does this to it next."""

    def __init__(self, collection: Any, what: str, meanwhile: Any) -> None:
        self._collection = collection
        self._what = what
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        if name == self._what:
            meanwhile, self._meanwhile = self._meanwhile, lambda: None
            meanwhile()
        return getattr(self._collection, name)


@pytest.mark.parametrize(("interrupted", "before"), [("_threads", "find"), ("_threads", "bulk_write")])
def test_a_worker_that_read_less_and_writes_later_changes_nothing(new_database, interrupted: str, before: str) -> None:
    """Before it reads the records of its threads, and between that and its first write."""

    @settings(max_examples=25)
    @given(rules(), histories(), st.integers(0, 13))
    def check(history: RulesHistory, events: list[Event], cut: int) -> None:
        database = new_database()
        slow, quick = Ledger(database), Ledger(database)
        slow.hear(slow.adopt(history))
        early = events[: cut + 1]
        kept = slow.evidence.keep(early)
        collection = getattr(slow.views, interrupted)
        setattr(slow.views, interrupted, _Interrupted(collection, before, lambda: quick.hear(events)))
        slow.views.refresh_for(kept)
        found = quick.documents()
        assert quick.views.totals.find_differing(slow.clock.now()) == []
        quick.views.rebuild()
        assert quick.documents() == found

    check()


def test_a_rebuild_mends_what_claims_too_much_or_that_nothing_asks_for(new_database) -> None:
    @settings(max_examples=5)
    @given(rules(), histories())
    def check(history: RulesHistory, events: list[Event]) -> None:
        ledger = Ledger(new_database())
        ledger.hear(ledger.adopt(history))
        ledger.hear(events)
        right = ledger.documents()
        views, threads = ledger.views.collection, ledger.views.collection.database.threads
        threads.update_many({}, {"$inc": {"seen": 100}})
        views.update_many({}, {"$set": {"title": "by older code"}})
        views.insert_one({"_id": "of nothing", "thread": "referral/none", "summed_in": "nothing"})
        ledger.views.rebuild()
        assert ledger.documents() == right
        assert ledger.views.totals.find_differing(ledger.clock.now()) == []

    check()
