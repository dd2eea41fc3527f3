"""The table of filters: one row for each parameter of the list, and one answer for the present and the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo import MongoClient

from deploy.local.backends import Backends
from services.referrals_followup.api.filters import ANY, FILTERS, SORTS, Criteria, disclosed_to, parts_for
from services.referrals_followup.api.schemas import FollowUpsQuery, ScopeQuery
from services.referrals_followup.domain.disclosure import is_disclosed
from services.referrals_followup.domain.follow_up import Acts
from services.referrals_followup.ledger.view_codec import document_of, follow_up_of
from shared.events.mongo import open_database
from shared.kernel.decisions import Actor
from shared.kernel.envelope import from_text
from shared.kernel.time import days_overdue
from shared.runtime.clock import MovableClock
from shared.web.pages import PageQuery
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Ledger,
    config,
    item_planned,
    referral_noted,
    referral_sent,
)

OTHER = "p_22222222222222222222222222222222"
# The parameters of the list that are no filters.
OTHERS = {*PageQuery().fields, "sort", "as_of"}
# For each filter some values: each finds some of the follow-ups below and leaves out others.
VALUES: dict[str, list[Any]] = {
    "area": ["essex", "norfolk", ("norfolk", "suffolk")],
    "team": ["gp-mill-road", "leaving-care-essex"],
    "owner": ["gp-okafor", "gp-adeyemi"],
    "standard": ["REF-01", "CL-01"],
    "step": ["REF-01", "CL-01.revisit"],
    "person": [PERSON, {PERSON, "p_33333333333333333333333333333333"}],
    "state": ["open", "met"],
    "inherited": [True, False],
    "overdue_by_days": [0, 5, 300],
}


@pytest.fixture(scope="module")
def ledger(mongo_client: MongoClient[dict[str, Any]], backends: Backends) -> Iterator[Ledger]:
    """Follow-ups that differ in whatever a filter can ask for."""
    database = open_database(backends.mongodb_uri, "test_filters")
    ledger = Ledger(config(database, backends.mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    ledger.clock.set(MONDAY)
    sent = referral_noted(MONDAY - timedelta(days=3))
    ledger.hear(
        sent,
        referral_sent(sent, MONDAY - timedelta(days=2)),
        referral_noted(),
        referral_noted(actor="gp-adeyemi"),
        referral_noted(person=OTHER),
        referral_noted(area="norfolk"),
        referral_noted(from_text("2011-06-01T09:00:00Z"), recorded_at=MONDAY),
        *item_planned(),
    )
    ledger.clock.set(MONDAY + timedelta(days=10))
    yield ledger
    ledger.close()
    mongo_client.drop_database("test_filters")


def test_each_parameter_of_the_list_is_a_row_of_the_table_and_each_row_a_parameter() -> None:
    assert set(FollowUpsQuery().fields) - OTHERS == set(FILTERS)
    assert set(ScopeQuery().fields) <= set(FILTERS)
    assert set(FollowUpsQuery().fields["sort"].validate.choices) == {*SORTS, *(f"-{name}" for name in SORTS)}


def test_each_filter_has_values_to_try() -> None:
    assert set(VALUES) == set(FILTERS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in VALUES.items() for value in values])
def test_a_filter_finds_among_stored_follow_ups_what_it_accepts_of_the_past(
    ledger: Ledger, name: str, value: Any
) -> None:
    views, criteria = ledger.dependencies.views.collection, Criteria({name: value}, ledger.clock.now())
    stored = {document["_id"]: document for document in views.find()}
    found = {document["_id"] for document in views.find(criteria.condition())}
    accepted = {
        key
        for key, document in stored.items()
        if criteria.accept(document_of(follow_up_of(document), Acts(**document["acts"]), None))
    }
    assert found == accepted
    assert 0 < len(found) < len(stored)


def test_any_state_is_every_state(ledger: Ledger) -> None:
    views, criteria = ledger.dependencies.views.collection, Criteria({"state": ANY}, ledger.clock.now())
    assert views.count_documents(criteria.condition()) == views.count_documents({})
    assert all(criteria.accept(document) for document in views.find())


@pytest.mark.parametrize("role", ["gp_practice", "personal_adviser", "housing", "manager", "health_visitor"])
@pytest.mark.parametrize("team", ["gp-mill-road", "leaving-care-essex", "housing-essex"])
def test_what_is_disclosed_is_found_by_the_condition_that_stands_for_it(ledger: Ledger, role: str, team: str) -> None:
    views, actor = ledger.dependencies.views.collection, Actor("somebody", role, team, ("essex",))
    found = {document["_id"] for document in views.find(disclosed_to(actor))}
    disclosed = {
        document["_id"]
        for document in views.find()
        if is_disclosed(follow_up_of(document), Acts(**document["acts"]), role, team)
    }
    assert found == disclosed
    parts = [
        {document["_id"] for document in views.find(part.condition)} for part in parts_for(actor, {"sort": "due_at"})
    ]
    assert sorted(key for part in parts for key in part) == sorted(disclosed)


def test_views_of_an_earlier_version_are_completed_at_the_start(ledger: Ledger) -> None:
    views = ledger.dependencies.views.collection
    complete = list(views.find().sort("_id"))
    views.update_many({}, {"$unset": {"classes": "", "teams": ""}})
    ledger.dependencies.views.ensure_indexes()
    assert list(views.find().sort("_id")) == complete


@pytest.mark.parametrize("days", [0, 1, 3, 5, 6, 7, 300])
@pytest.mark.parametrize("hour", [0, 3, 12, 17, 23])
def test_what_is_shown_as_so_many_days_overdue_is_found_by_that_number(ledger: Ledger, days: int, hour: int) -> None:
    now = MONDAY.replace(hour=hour, minute=17) + timedelta(days=7)
    views = ledger.dependencies.views.collection
    found = {document["_id"] for document in views.find(Criteria({"overdue_by_days": days}, now).condition())}
    due = {document["_id"]: document["due_at"] for document in views.find() if document["due_at"] <= now}
    assert found == {key for key, due_at in due.items() if days_overdue(due_at, now) >= days}
