"""The sums of open follow-ups: what a count of the views would be, whoever dies when and whatever the clock does."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from pymongo.database import Database

from services.referrals_followup.ledger.totals import Totals
from services.referrals_followup.ledger.views import FollowUpViews
from shared.kernel.decisions import Actor
from shared.kernel.ids import derived_id
from shared.runtime.clock import MovableClock
from tests.bench.histories import shuffled
from tests.integration.ledger import MONDAY, Ledger, config, referral_noted

MANAGER = Actor("manager-abara", "manager", "essex-managers", ("essex",))
GP = Actor("gp-0", "gp_practice", "gp-elsewhere", ("essex",))


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri), MovableClock(MONDAY))
    yield ledger
    ledger.close()


def read_sums(ledger: Ledger, reader: Actor = MANAGER) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    rows = ledger.dependencies.queries.sum_up(reader, {})["rows"]
    return {(row["standard"], row["area"], row["team"]): row for row in rows}


def counted(ledger: Ledger) -> dict[tuple[str, str, str | None], dict[str, Any]]:
    """The same, counted one by one from the views."""
    now, found = ledger.clock.now(), {}
    views = ledger.dependencies.views.collection.find({"state": "open", "areas": "essex"}).sort(
        [("due_at", 1), ("_id", 1)]
    )
    for view in views:
        key = (view["standard"], view["area"], view["owner_team"])
        row = found.setdefault(
            key, {"open": 0, "overdue": 0, "inherited": 0, "oldest": view["reference"], "due_at": view["due_at"]}
        )
        waits = view["inherited"] and view["acts"]["accepted_at"] is None
        row["inherited" if waits else "open"] += 1
        row["overdue"] += not waits and view["due_at"] <= now
    return found


def assert_right(ledger: Ledger) -> None:
    rows = {
        key: {name: row[name] for name in ("open", "overdue", "inherited")}
        | {"oldest": row["oldest"]["reference"], "due_at": row["oldest"]["due_at"]}
        for key, row in read_sums(ledger).items()
    }
    assert rows == counted(ledger)


def test_a_summary_is_what_a_count_would_be_as_facts_come_and_time_goes_on_and_back(ledger: Ledger) -> None:
    random, events = Random(5), shuffled(20)
    while events:
        size = random.randint(1, 60)
        ledger.hear(*events[:size])
        del events[:size]
        ledger.clock.set(MONDAY + timedelta(minutes=random.choice([-200_000, -50, 0, 3, 50, 10_000, 90_000])))
        assert_right(ledger)
    assert ledger.dependencies.views.totals.find_differing(ledger.clock.now()) == []
    assert {row["overdue"] for row in read_sums(ledger).values()} != {0}


def test_what_a_writer_left_half_done_counts_nowhere(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.hear(*shuffled(2))
    before = read_sums(ledger)
    note = Totals.note

    def killed(self: Totals, *args: Any) -> None:
        note(self, *args)
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Totals, "note", killed)
        with pytest.raises(KeyboardInterrupt):
            ledger.hear(referral_noted())
    assert read_sums(ledger) == before
    ledger.hear(referral_noted())
    assert read_sums(ledger) != before
    assert_right(ledger)


def test_whoever_settles_dies_or_does_so_at_the_same_time_counts_once(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hear(*shuffled(5))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(Totals, "_move_on", killed)
        with pytest.raises(KeyboardInterrupt):
            ledger.dependencies.views.totals.settle(MONDAY)
    several = [Totals(ledger.dependencies.database, ledger.dependencies.views.collection) for _ in range(4)]
    with ThreadPoolExecutor(len(several)) as pool:
        list(pool.map(lambda totals: totals.settle(MONDAY), several))
    assert_right(ledger)


def test_what_stays_as_it_was_is_not_written_again_and_changes_no_sum(ledger: Ledger) -> None:
    events = shuffled(3)
    ledger.hear(*events)
    views = ledger.dependencies.views
    views.totals.settle(MONDAY)
    views.collection.update_many({}, {"$set": {"untouched": True}})
    ledger.hear(*events)
    assert views.collection.count_documents({"untouched": True}) == views.collection.count_documents({})
    assert ledger.dependencies.database.totals_notes.count_documents({}) == 0


def test_the_check_finds_a_sum_that_is_wrong_and_a_rebuild_mends_it(ledger: Ledger) -> None:
    ledger.hear(*shuffled(2))
    right = read_sums(ledger)
    ledger.dependencies.database.totals.update_one({"open": {"$gt": 0}}, {"$inc": {"open": 1}})
    assert [finding.code for finding in ledger.dependencies.checker.run(True) if "sums" in finding.code]
    ledger.dependencies.views.rebuild()
    assert read_sums(ledger) == right
    assert not [finding for finding in ledger.dependencies.checker.run(True) if "sums" in finding.code]


def test_a_database_from_before_the_sums_has_them_after_a_rebuild(ledger: Ledger) -> None:
    ledger.hear(*shuffled(2))
    right = read_sums(ledger)
    ledger.dependencies.database.drop_collection("totals")
    ledger.dependencies.database.threads.update_many({}, {"$unset": {"views": ""}})
    ledger.dependencies.views.collection.update_many({}, {"$unset": {"summed_in": ""}})
    FollowUpViews.rebuild(ledger.dependencies.views)
    assert read_sums(ledger) == right


def test_many_open_follow_ups_cost_a_summary_no_more_than_few(ledger: Ledger) -> None:
    """What the store looks at for a summary, as its profiler saw it."""
    ledger.hear(referral_noted())
    view = ledger.dependencies.views.collection.find_one({"state": "open"})
    assert view is not None
    looked_at = []
    for stored in (10, 1_000):
        copies = ({**view, "_id": derived_id(str(stored), str(number))} for number in range(stored))
        ledger.dependencies.views.collection.insert_many(list(copies))
        ledger.dependencies.views.totals.recount(MONDAY)
        ledger.dependencies.database.command("profile", 2)
        rows = read_sums(ledger, GP) | read_sums(ledger)
        ledger.dependencies.database.command("profile", 0)
        profile = ledger.dependencies.database["system.profile"]
        asked = profile.find({"ns": {"$regex": "(totals|totals_notes|follow_ups)$"}})
        looked_at.append(sum(one.get("docsExamined", 0) + one.get("keysExamined", 0) for one in asked))
        profile.drop()
        assert sum(row["open"] for row in rows.values()) >= stored
    assert looked_at[0] == looked_at[1]
