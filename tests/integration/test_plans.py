"""What the store did for each query of a sweep and of a manager, as its profiler saw the real code ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.referrals_followup import mails, queries, stalled, sweeps
from services.referrals_followup.schemas import SORTABLE, FollowUpsQuery
from shared.clock import MovableClock
from shared.kernel.decisions import Actor
from shared.kernel.ids import derived_id
from tests.integration.ledger import MONDAY, Ledger, config, referral_noted

STORED = 1_500
# Two standards, one of which is due, and opened, before all of the other.
STANDARDS = ("REF-01", "REF-03")
DUE = 20
A_FEW = 60
RARE = {"step": "REF-02", "owner_person": "gp-okafor", "inherited": True}
MANAGER = Actor("manager-abara", "manager", "essex-managers", ("essex",))


@pytest.fixture
def ledger(database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    """Some thousand open follow-ups, made from a real one; a few of them are due now."""
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    ledger.clock.set(MONDAY)
    ledger.hear(referral_noted())
    found = ledger.parts.views.collection.find_one({"step": "REF-01"})
    assert found is not None
    later = MONDAY + timedelta(days=400)
    ledger.parts.views.collection.insert_many(
        {
            **found,
            "_id": derived_id("copy", str(number)),
            "standard": STANDARDS[2 * number // STORED],
            "due_at": found["due_at"] + timedelta(minutes=number),
            "opened_at": found["opened_at"] + timedelta(minutes=number),
            "next_rung_at": found["next_rung_at"] if number < DUE else later + timedelta(minutes=number),
            "person": f"p_{number:032x}",
            **(RARE if number % 150 == 0 else {}),
        }
        for number in range(STORED)
    )
    yield ledger
    ledger.close()


@contextmanager
def profiled(database: Database[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What the store did for each question and update of the block, and by which plan; filled at its end."""
    seen: list[dict[str, Any]] = []
    database.command("profile", 2)
    try:
        yield seen
    finally:
        database.command("profile", 0)
        ours = {"op": {"$in": ["query", "command", "getmore", "update", "remove"]}, "planSummary": {"$exists": True}}
        seen += database["system.profile"].find({**ours, "ns": {"$ne": f"{database.name}.system.profile"}})


def dear(seen: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Those that examined more than twice what they gave and a few, or sorted more than a few in memory."""
    return [
        (asked["ns"], asked["planSummary"], asked.get("nreturned"), asked["keysExamined"], asked["docsExamined"])
        for asked in seen
        if max(asked["keysExamined"], asked["docsExamined"]) > 2 * given(asked) + A_FEW
        or (asked.get("hasSortStage") and given(asked) > A_FEW)
    ]


def given(asked: dict[str, Any]) -> int:
    return max(asked.get("nreturned", 0), asked.get("nMatched", 0), asked.get("ndeleted", 0))


def test_a_sweep_and_its_mails_read_what_is_due(ledger: Ledger) -> None:
    ledger.clock.set(MONDAY + timedelta(days=3))
    ledger.catch_up()
    with profiled(ledger.parts.database) as seen:
        report = sweeps.sweep(ledger.parts, "sweep-1")
        stalled.try_again(ledger.parts)
        stalled.tell(ledger.parts)
        mails.compose(ledger.parts)
        mails.send(ledger.parts)
    assert report.chased > DUE
    assert any(asked["ns"].endswith(".follow_ups") for asked in seen)
    assert dear(seen) == []


@pytest.mark.parametrize("sort", [*SORTABLE, *(f"-{name}" for name in SORTABLE)])
@pytest.mark.parametrize(
    "narrowed", [{}, {"team": "gp-mill-road"}, {"state": "any"}, *({"standard": one} for one in STANDARDS)], ids=str
)
def test_a_page_of_the_managers_list_reads_a_page(ledger: Ledger, sort: str, narrowed: dict[str, str]) -> None:
    query = FollowUpsQuery().load({"area": "essex", "sort": sort, **narrowed})
    with profiled(ledger.parts.database) as seen:
        page = queries.listed(ledger.parts, MANAGER, query)
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
def test_a_list_of_a_few_among_many_reads_a_few(ledger: Ledger, narrowed: dict[str, Any]) -> None:
    """By when they are due, as the list comes unless another order is asked for."""
    ledger.clock.set(MONDAY + timedelta(days=30))
    query = FollowUpsQuery().load(narrowed)
    with profiled(ledger.parts.database) as seen:
        page = queries.listed(ledger.parts, MANAGER, query)
    assert len(page["items"]) in {1, 10, 0 if narrowed == {"overdue_by_days": 3_000} else query["limit"]}
    assert dear(seen) == []


@pytest.mark.parametrize("sort", ["due_at", "-opened_at", "standard"])
def test_a_later_page_reads_no_more_than_the_first(ledger: Ledger, sort: str) -> None:
    """Of several areas too, whose parts of an index the store merges."""
    several = replace(MANAGER, areas=("essex", "norfolk"))
    query = FollowUpsQuery().load({"sort": sort, "limit": 200})
    for _ in range(7):
        with profiled(ledger.parts.database) as seen:
            page = queries.listed(ledger.parts, several, query)
        assert len(page["items"]) == 200
        assert dear(seen) == []
        query = FollowUpsQuery().load({"sort": sort, "limit": 200, "cursor": page["next"]})


def test_a_summary_reads_the_sums_and_what_fell_due_in_the_last_hour(ledger: Ledger) -> None:
    ledger.parts.views.totals.recount(MONDAY - timedelta(minutes=10))
    with profiled(ledger.parts.database) as seen:
        rows = queries.summed(ledger.parts, MANAGER, {})["rows"]
    assert sum(row["open"] + row["inherited"] for row in rows) > STORED
    assert dear(seen) == []
    assert all(asked["docsExamined"] < A_FEW for asked in seen)
