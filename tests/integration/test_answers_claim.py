"""An answer claims to be complete up to an instant: all of that is in it, whatever is folded while it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.referrals_followup.api.schemas import ChronologyQuery, FollowUpsQuery
from services.referrals_followup.bootstrap import Dependencies
from services.referrals_followup.ledger.completeness import Completeness, CompletenessReport
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.runtime.clock import MovableClock
from tests.integration.ledger import MONDAY, PERSON, Ledger, config, referral_noted, referral_sent

MANAGER = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    ledger.clock.set(MONDAY + timedelta(days=1))
    yield ledger
    ledger.close()


def the_list(dependencies: Dependencies, noted: Event) -> Mapping[str, Any]:
    return dependencies.queries.list_page(MANAGER, FollowUpsQuery().load({}))


def the_summary(dependencies: Dependencies, noted: Event) -> Mapping[str, Any]:
    return dependencies.queries.sum_up(MANAGER, {})


def a_list_as_of(dependencies: Dependencies, noted: Event) -> Mapping[str, Any]:
    return dependencies.past_follow_ups.list_page(
        MANAGER, {**FollowUpsQuery().load({"person": PERSON}), "as_of": dependencies.clock.now()}
    )


def a_chronology(dependencies: Dependencies, noted: Event) -> Mapping[str, Any]:
    return dependencies.chronologies.read(MANAGER, PERSON, ChronologyQuery().load({}))[0]


def one_follow_up(dependencies: Dependencies, noted: Event) -> Mapping[str, Any]:
    found = dependencies.views.collection.find_one({"opened_by": noted.id, "standard": "REF-01"})
    assert found is not None
    return dependencies.queries.read(MANAGER, found["_id"], {})[0]


@pytest.mark.parametrize("ask", [the_list, the_summary, a_list_as_of, a_chronology, one_follow_up])
def test_what_is_folded_while_an_answer_is_made_is_in_it_or_is_not_claimed(
    ledger: Ledger, ask: Callable[[Dependencies, Event], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    before = ask(ledger.dependencies, noted)

    def late(known: Completeness) -> CompletenessReport:
        ledger.hear(referral_sent(noted, MONDAY + timedelta(hours=1)))
        return said(known)

    said = Completeness.report
    monkeypatch.setattr(Completeness, "report", late)
    meanwhile = ask(ledger.dependencies, noted)
    monkeypatch.undo()
    assert meanwhile != before
    assert meanwhile == ask(ledger.dependencies, noted)
