"""A rebuild mends what no hearing could: views of nothing, views that claim too much, views folded by older code."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mongoengine import Document, IntField, StringField
from pymongo.database import Database

from shared.events import store as store_module
from shared.events.mongo import open_database
from shared.kernel.envelope import Event
from shared.recording.views import Views
from tests.bench.counts import TALLY
from tests.integration.kept import PRACTITIONER, Kept


class PersonView(Document):
    id = StringField(primary_key=True)
    last_entry = StringField()
    version = IntField(required=True)

    meta = {"collection": "person_views", "auto_create_index": False, "strict": False, "indexes": []}


def person_view(history: list[Event]) -> dict[str, Any]:
    return {
        "_id": history[0].stream.partition("/")[2],
        "last_entry": history[-1].type,
        "version": len(history),
    }


@pytest.fixture
def kept(mongodb_uri: str, database: Database[dict[str, Any]]) -> Kept:
    return Kept(open_database(mongodb_uri, database.name))


@pytest.fixture
def views(kept: Kept) -> Views[PersonView]:
    return Views(PersonView, kind="person", fold=person_view, database=kept.database, store=kept.store)


def documents(kept: Kept) -> list[dict[str, Any]]:
    return list(kept.database.person_views.find(sort=[("_id", 1)]))


def test_views_that_no_stream_accounts_for_go_or_are_made_right(kept: Kept, views: Views[PersonView]) -> None:
    kept.people(4)
    assert views.rebuild() == 4
    right = documents(kept)
    assert [view["version"] for view in right] == [2, 2, 2, 2]
    first, second, third, _ = (view["_id"] for view in right)
    collection = kept.database.person_views
    collection.update_one({"_id": first}, {"$set": {"version": 9, "last_entry": "nothing.known.v1"}})
    collection.update_one({"_id": second}, {"$set": {"last_entry": "by.older_code.v1", "dropped": 1}})
    collection.delete_one({"_id": third})
    collection.insert_one({"_id": "p_of_nobody", "version": 3})
    assert views.rebuild() == 4
    assert documents(kept) == right


def test_the_views_of_many_streams_cost_one_read_and_one_write(kept: Kept, views: Views[PersonView]) -> None:
    streams = [event.stream for event in kept.people(20)]
    assert len(streams) == 40
    with TALLY.counting(kept.database.name) as counts:
        views.refresh([*streams, "referral/of-another-kind", "person/p_without_events"])
    assert counts == {"find queries": 1, "updates": 1, "documents in updates": 20}
    assert [view["version"] for view in documents(kept)] == [2] * 20


def test_more_streams_than_are_read_at_a_time_are_all_folded_and_compared(
    kept: Kept, views: Views[PersonView], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "STREAMS_AT_A_TIME", 3)
    kept.people(8)
    assert views.rebuild() == 8
    assert [view["version"] for view in documents(kept)] == [2] * 8
    kept.database.person_views.update_one({"_id": f"p_{5:032x}"}, {"$set": {"last_entry": "by.older_code.v1"}})
    kept.database.person_views.delete_one({"_id": f"p_{7:032x}"})
    kept.database.person_views.insert_one({"_id": "p_of_nobody", "version": 3})
    differing = views.find_differing(None, kept.clock.now())
    assert list(differing) == [f"person/p_{5:032x}", f"person/p_{7:032x}", "person/p_of_nobody"]


def test_of_workers_that_write_a_new_view_at_once_the_one_that_read_most_has_the_last_word(
    kept: Kept, mongodb_uri: str
) -> None:
    people, workers = 100, 6
    streams = sorted({event.stream for event in kept.people(people)})
    together = threading.Barrier(workers)

    def work(read: int) -> None:
        # Its own store and its own connection, as another process has.
        database = open_database(mongodb_uri, kept.database.name)
        views = Views(
            PersonView,
            kind="person",
            fold=lambda history: person_view(history[:read]),
            database=database,
            store=Kept(database).store,
        )
        for stream in streams:
            together.wait()
            views.refresh([stream])
        database.client.close()

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(work, [1, 2] * (workers // 2)))
    assert [view["version"] for view in documents(kept)] == [2] * people


def test_no_reader_misses_a_view_while_it_is_rebuilt_and_no_write_is_undone(
    kept: Kept, views: Views[PersonView]
) -> None:
    people = 40
    kept.people(people)
    views.rebuild()
    over = threading.Event()

    def read() -> int:
        times = 0
        while not over.is_set():
            found = list(views.objects.only("id", "version"))
            assert len(found) == people
            assert min(view.version for view in found) >= 2
            times += 1
        return times

    def write() -> int:
        times = 0
        while not over.is_set():
            event = kept.tell(times % people, "practitioner.assigned.v1", PRACTITIONER)
            views.refresh([event.stream])
            times += 1
        return times

    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(read), pool.submit(read), pool.submit(write)]
        try:
            for _ in range(5):
                assert views.rebuild() == people
        finally:
            over.set()
        print([job.result() for job in jobs])
        assert all(job.result() for job in jobs)
    found = documents(kept)
    assert [view["version"] for view in found] == [len(kept.store.load(f"person/{view['_id']}")) for view in found]
    assert not [view for view in found if "stale" in view]
