"""A death reaches the stored follow-ups of the whole family, whatever arrives last. A retraction gives them back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo.database import Database

from shared.kernel.envelope import from_text
from shared.runtime.clock import MovableClock
from tests.integration.ledger import MONDAY, Ledger, config
from tests.unit.practice import CHILD, HV, PERSON, TWIN, Practice

UNTIL = from_text("2013-02-11T17:00:00Z")


@pytest.fixture
def ledger(database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY))
    yield ledger
    ledger.close()


@pytest.mark.parametrize("last", ["person.died.v1", "pregnancy.ended.v1", "referral.intended.v1"])
def test_a_death_holds_what_is_routine_about_the_family_whatever_arrives_last(ledger: Ledger, last: str) -> None:
    practice = Practice()
    for child, born in ((CHILD, "2011-02-03"), (TWIN, "2012-11-05")):
        practice.birth(child, born)
    referrals = [practice.referral(person_id=person) for person in (PERSON, CHILD)]
    for referral in referrals:
        referral.was("intended", "2013-01-14 09:30")
    dead = practice.record_of("person", by=HV, key=TWIN)
    death = dead.was("person.died.v1", "2013-01-14 10:00", family=[])
    # Nobody names a family: only the births show it.
    ledger.hear(*(event for event in practice.events() if event.type != last))
    for event in practice.events():
        if event.type == last:
            ledger.hear(event)
    for referral in referrals:
        found = ledger.follow_up("REF-01", referral.name)
        assert (found.state, found.held_until) == ("open", UNTIL)
        view = ledger.dependencies.views.collection.find_one({"step": "REF-01", "thread": referral.name})
        assert view is not None and view["next_rung_at"] == UNTIL
    ledger.hear(dead.retracted(death, "2013-01-14 11:00"))
    assert [ledger.follow_up("REF-01", referral.name).held_until for referral in referrals] == [None, None]
