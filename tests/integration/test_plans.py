"""What the store did for each query of a sweep and of a manager, as its profiler saw the real code ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.backends import Backends
from services.perinatal.api.views import VIEWS
from services.referrals_followup.api.filters import SORTS
from services.referrals_followup.api.schemas import FollowUpsQuery
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.decisions import Actor
from shared.kernel.ids import derived_id
from shared.recording.views import Views, list_page
from shared.runtime.clock import MovableClock
from shared.web.pages import PageQuery
from tests.integration.ledger import MONDAY, Ledger, config, referral_noted, referral_sent
from tests.integration.profiler import A_FEW, dear, profiled

STORED = 1_500
# Two standards, one of which is due, and opened, before all of the other.
STANDARDS = ("REF-01", "REF-03")
DUE = 20
RARE = {"step": "REF-02", "owner_person": "gp-okafor", "inherited": True}
MANAGER = Actor("manager-abara", "manager", "essex-managers", ("essex",))
ADVISER = Actor("pa-lindqvist", "personal_adviser", "leaving-care-essex", ("essex",))
HOUSING = Actor("housing-silva", "housing", "housing-essex", ("essex", "norfolk"))
HERS = {"matters": [{"type": "plan_item.added.v1", "teams": ["leaving-care-essex"]}], "teams": ["leaving-care-essex"]}


@contextmanager
def stored(client: MongoClient[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    """Some thousand open follow-ups, made from a real one; a few of them are due on Monday."""
    name = f"test_{uuid4().hex}"
    database = open_database(mongodb_uri, name)
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    ledger.clock.set(MONDAY)
    ledger.hear(referral_noted())
    found = ledger.dependencies.views.collection.find_one({"step": "REF-01"})
    assert found is not None
    later = MONDAY + timedelta(days=400)
    ledger.dependencies.views.collection.insert_many(
        {
            **found,
            "_id": derived_id("copy", str(number)),
            "standard": STANDARDS[2 * number // STORED],
            "due_at": found["due_at"] + timedelta(minutes=number),
            "opened_at": found["opened_at"] + timedelta(minutes=number),
            "next_rung_at": found["next_rung_at"] if number < DUE else later + timedelta(minutes=number),
            "person": f"p_{number:032x}",
            **(RARE if number % 150 == 0 else {}),
            **({**HERS, "classes": "leaving_care"} if number % 500 == 7 else {}),
        }
        for number in range(STORED)
    )
    yield ledger
    ledger.close()
    client.drop_database(name)


@pytest.fixture
def ledger(mongo_client: MongoClient[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    """For a test that changes what is stored."""
    with stored(mongo_client, mongodb_uri) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def _unchanged(mongo_client: MongoClient[dict[str, Any]], backends: Backends) -> Iterator[Ledger]:
    with stored(mongo_client, backends.mongodb_uri) as ledger:
        yield ledger


@pytest.fixture
def read_only(_unchanged: Ledger) -> Ledger:
    """For the tests that only ask, all of the same; on Monday."""
    _unchanged.clock.set(MONDAY)
    return _unchanged


def test_a_sweep_and_its_mails_read_what_is_due(ledger: Ledger) -> None:
    ledger.clock.set(MONDAY + timedelta(days=3))
    ledger.catch_up()
    with profiled(ledger.dependencies.database) as seen:
        report = ledger.dependencies.sweeper.sweep("sweep-1")
        ledger.dependencies.parked_work.retry_threads()
        ledger.dependencies.parked_work.tell()
        ledger.dependencies.composer.compose()
        ledger.dependencies.sender.send()
    assert report.chased > DUE
    assert any(asked["ns"].endswith(".follow_ups") for asked in seen)
    assert dear(seen) == []


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS)])
@pytest.mark.parametrize(
    "narrowed", [{}, {"team": "gp-mill-road"}, {"state": "any"}, *({"standard": one} for one in STANDARDS)], ids=str
)
def test_a_page_of_the_managers_list_reads_a_page(read_only: Ledger, sort: str, narrowed: dict[str, str]) -> None:
    query = FollowUpsQuery().load({"area": "essex", "sort": sort, **narrowed})
    with profiled(read_only.dependencies.database) as seen:
        page = read_only.dependencies.queries.list_page(MANAGER, query)
    assert page["items"]
    assert dear(seen) == []


@pytest.mark.parametrize(
    "narrowed",
    [
        {"owner": "gp-okafor"},
        {"step": "REF-02"},
        {"inherited": "true"},
        {"person": f"p_{7:032x}"},
        {"overdue_by_days": 0},
        {"overdue_by_days": 3_000},
    ],
    ids=str,
)
def test_a_list_of_a_few_among_many_reads_a_few(read_only: Ledger, narrowed: dict[str, Any]) -> None:
    """By when they are due, as the list comes unless another order is asked for."""
    read_only.clock.set(MONDAY + timedelta(days=30))
    query = FollowUpsQuery().load(narrowed)
    with profiled(read_only.dependencies.database) as seen:
        page = read_only.dependencies.queries.list_page(MANAGER, query)
    assert len(page["items"]) in {1, 10, 0 if narrowed == {"overdue_by_days": 3_000} else query["limit"]}
    assert dear(seen) == []


@pytest.mark.parametrize("sort", ["due_at", "-opened_at", "standard"])
def test_a_later_page_reads_no_more_than_the_first(read_only: Ledger, sort: str) -> None:
    """Of several areas too, whose parts of an index the store merges."""
    several = replace(MANAGER, areas=("essex", "norfolk"))
    query = FollowUpsQuery().load({"sort": sort, "limit": 200})
    for _ in range(7):
        with profiled(read_only.dependencies.database) as seen:
            page = read_only.dependencies.queries.list_page(several, query)
        assert len(page["items"]) == 200
        assert dear(seen) == []
        query = FollowUpsQuery().load({"sort": sort, "limit": 200, "cursor": page["next"]})


@pytest.mark.parametrize("sort", [*SORTS, *(f"-{name}" for name in SORTS)])
@pytest.mark.parametrize("narrowed", [{}, {"state": "any"}, *({"standard": one} for one in STANDARDS)], ids=str)
@pytest.mark.parametrize(("reader", "most"), [(ADVISER, 3), (HOUSING, 0)], ids=["adviser", "housing"])
def test_a_page_of_what_few_may_see_reads_a_page(
    read_only: Ledger, reader: Actor, most: int, sort: str, narrowed: dict[str, str]
) -> None:
    query = FollowUpsQuery().load({"sort": sort, **narrowed})
    with profiled(read_only.dependencies.database) as seen:
        page = read_only.dependencies.queries.list_page(reader, query)
    assert most >= len(page["items"]) >= most // 3
    assert dear(seen) == []


@pytest.mark.parametrize("sort", ["due_at", "-due_at"])
@pytest.mark.parametrize("state", ["open", "any"])
def test_a_page_of_what_a_reader_sees_by_their_team_alone_reads_a_page(
    read_only: Ledger, sort: str, state: str
) -> None:
    query = FollowUpsQuery().load({"sort": sort, "state": state})
    with profiled(read_only.dependencies.database) as seen:
        page = read_only.dependencies.queries.list_page(replace(HOUSING, team="gp-mill-road"), query)
    assert len(page["items"]) == query["limit"]
    assert dear(seen) == []


def test_a_summary_reads_the_sums_and_what_fell_due_in_the_last_hour(read_only: Ledger) -> None:
    read_only.dependencies.views.totals.recount(MONDAY - timedelta(minutes=10))
    with profiled(read_only.dependencies.database) as seen:
        rows = read_only.dependencies.queries.sum_up(MANAGER, {})["rows"]
    assert sum(row["open"] + row["inherited"] for row in rows) > STORED
    assert dear(seen) == []
    assert all(asked["docsExamined"] < A_FEW for asked in seen)


def test_a_batch_of_the_ledger_reads_what_it_bears_on(ledger: Ledger) -> None:
    """Kept, folded and noted as folded among the evidence of many others."""
    noted = referral_noted()
    ledger.hear(noted)
    kept = ledger.dependencies.database.evidence
    found = kept.find_one({"_id": noted.id})
    assert found is not None
    kept.insert_many(
        {**found, "_id": derived_id("other", str(number)), "refs": [f"referral/{number}", f"person/p_{number:032x}"]}
        for number in range(STORED)
    )
    with profiled(ledger.dependencies.database) as seen:
        ledger.hear(referral_sent(noted, MONDAY + timedelta(hours=1)))
    assert any(asked["ns"].endswith(".evidence") for asked in seen)
    assert dear(seen) == []


def test_a_page_of_a_recording_services_list_reads_a_page(database: Database[dict[str, Any]]) -> None:
    """The first and the later ones, of several areas, where many records were begun at the same instant."""
    store = EventStore(database, source="perinatal", clock=MovableClock(MONDAY), catalogue=CATALOGUE)
    views = Views(
        VIEWS["referral"].document, kind="referral", fold=VIEWS["referral"].fold, database=database, store=store
    )
    views.ensure_indexes()
    made = {"person_id": "p", "status": "sent", "changed_at": MONDAY, "version": 1}
    areas = ("essex", "norfolk")
    database["referral_views"].insert_many(
        {
            **made,
            "_id": derived_id("listed", str(number)),
            "area": areas[number % 2],
            "begun_at": MONDAY + timedelta(minutes=number // 300),
        }
        for number in range(STORED)
    )
    query, shown = PageQuery().load({"limit": 200}), []
    while True:
        with profiled(database) as seen:
            page, following = list_page(views.objects.filter(area__in=areas), query)
        assert dear(seen) == []
        shown += [(row.begun_at, row.id) for row in page]
        if following is None:
            break
        query = PageQuery().load({"limit": 200, "cursor": following})
    assert shown == sorted(shown, reverse=True)
    assert len(set(shown)) == STORED
