"""An answer claims to be complete up to an instant: all of that is in it, whatever is folded while it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from pymongo.database import Database

from services.referrals_followup import as_of, chronology, queries
from services.referrals_followup.known import Known, SoFar
from services.referrals_followup.parts import Parts
from services.referrals_followup.schemas import ChronologyQuery, FollowUpsQuery
from shared.clock import MovableClock
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from tests.integration.ledger import MONDAY, PERSON, Ledger, config, referral_noted, referral_sent

MANAGER = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))


@pytest.fixture
def ledger(database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    ledger.clock.set(MONDAY + timedelta(days=1))
    yield ledger
    ledger.close()


def the_list(parts: Parts, noted: Event) -> Mapping[str, Any]:
    return queries.listed(parts, MANAGER, FollowUpsQuery().load({}))


def the_summary(parts: Parts, noted: Event) -> Mapping[str, Any]:
    return queries.summed(parts, MANAGER, {})


def a_list_as_of(parts: Parts, noted: Event) -> Mapping[str, Any]:
    return as_of.listed(parts, MANAGER, {**FollowUpsQuery().load({"person": PERSON}), "as_of": parts.clock.now()})


def a_chronology(parts: Parts, noted: Event) -> Mapping[str, Any]:
    return chronology.read(parts, MANAGER, PERSON, ChronologyQuery().load({}))[0]


def one_follow_up(parts: Parts, noted: Event) -> Mapping[str, Any]:
    found = parts.views.collection.find_one({"opened_by": noted.id, "standard": "REF-01"})
    assert found is not None
    return as_of.read(parts, MANAGER, found["_id"], {})[0]


@pytest.mark.parametrize("ask", [the_list, the_summary, a_list_as_of, a_chronology, one_follow_up])
def test_what_is_folded_while_an_answer_is_made_is_in_it_or_is_not_claimed(
    ledger: Ledger, ask: Callable[[Parts, Event], Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    before = ask(ledger.parts, noted)

    def late(known: Known) -> SoFar:
        ledger.hear(referral_sent(noted, MONDAY + timedelta(hours=1)))
        return said(known)

    said = Known.so_far
    monkeypatch.setattr(Known, "so_far", late)
    meanwhile = ask(ledger.parts, noted)
    monkeypatch.undo()
    assert meanwhile != before
    assert meanwhile == ask(ledger.parts, noted)
