"""CSC-01: the front door decides on a contact within one working day, and tells whoever made it."""

from __future__ import annotations

import pytest

from shared.contracts.words import CONTACT_DECISIONS, CONTACT_SOURCES, PROFESSIONAL_SOURCES
from shared.kernel.decisions import Actor
from tests.unit.practice import FRONT_DOOR, Practice, as_text, chase

RECEIVED = "2013-01-14 09:30"  # a Monday
NORFOLK = Actor("fd-sorensen", "front_door", "front-door-norfolk", ("norfolk",))


@pytest.fixture
def practice() -> Practice:
    return Practice()


def received(practice: Practice, at: str = RECEIVED, by: Actor = FRONT_DOOR, **said):
    contact = practice.record_of("contact", by=by, **said)
    contact.was("received", at)
    return contact


def test_a_contact_asks_for_a_decision_and_for_an_answer(practice):
    assert received(practice).steps() == ["CSC-01.decide", "CSC-01.tell"]


@pytest.mark.parametrize("decision", CONTACT_DECISIONS)
def test_every_decision_counts_and_none_is_an_answer(practice, decision):
    contact = received(practice)
    contact.was("decided", "2013-01-14 15:00", decision=decision)
    assert (contact.the("CSC-01.decide").state, contact.the("CSC-01.tell").state) == ("met", "open")
    contact.was("referrer_told", "2013-01-14 16:00")
    assert contact.the("CSC-01.tell").state == "met"
    assert practice.days_pass("2014-01-01 00:00") == []


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2013-01-14 00:05", "2013-01-15 17:00"),
        ("2013-01-14 23:55", "2013-01-15 17:00"),
        ("2013-12-31 16:00", "2014-01-02 17:00"),
    ],
)
def test_both_are_due_at_five_on_the_next_working_day(practice, at, due):
    assert {as_text(found.due_at) for found in practice.follow_ups(received(practice, at).name)} == {due}


def test_on_the_third_day_the_professional_who_heard_nothing_is_asked_to_follow_it_up(practice):
    received(practice, from_team="gp-mill-road")
    told = [found for found in practice.days_pass("2013-01-18 00:00") if found.step == "CSC-01.chase"]
    assert told == [chase("2013-01-17 17:00", "CSC-01.chase", "owner", "gp-adeyemi")]


@pytest.mark.parametrize("source", [*CONTACT_SOURCES, None])
def test_only_professionals_are_asked_to_chase(practice, source):
    professional = source is None or source in PROFESSIONAL_SOURCES
    contact = received(practice, source=source, from_team="little-oaks")
    assert ("CSC-01.chase" in contact.steps()) == professional
    assert "CSC-01.tell" in contact.steps()


@pytest.mark.parametrize(("feedback", "told"), [("owed", True), ("limited", True), ("not_possible", False)])
def test_whoever_may_know_anything_is_told_and_nobody_is_asked_to_tell_somebody_unknown(practice, feedback, told):
    contact = received(practice, source="anonymous", feedback=feedback)
    assert ("CSC-01.tell" in contact.steps()) == told
    assert "CSC-01.decide" in contact.steps()


def test_what_the_referrer_was_told_or_asked_stops_the_request_to_chase(practice):
    for act in ("referrer_told", "chased"):
        contact = received(practice, from_team="gp-mill-road")
        contact.was(act, "2013-01-15 10:00")
        assert contact.the("CSC-01.chase").state == "met"
    assert contact.the("CSC-01.tell").state == "open"  # asking is no answer


def test_norfolks_front_door_has_its_own_managers(practice):
    received(practice, by=NORFOLK, from_team="childminder-yare")
    assert practice.days_pass("2013-01-16 18:00") == [
        chase("2013-01-15 17:00", "CSC-01.decide", "owner", "fd-sorensen", "fd-manager-nagy"),
        chase("2013-01-15 17:00", "CSC-01.tell", "owner", "fd-sorensen"),
        chase("2013-01-16 17:00", "CSC-01.decide", "head-of-service", "fd-manager-nagy", "head-of-service-ravn"),
    ]
    assert practice.days_pass("2013-01-17 18:00")[1:] == [
        chase("2013-01-17 17:00", "CSC-01.tell", "manager", "fd-sorensen", "fd-manager-nagy"),
        chase("2013-01-17 17:00", "CSC-01.chase", "owner", "childminder-askew"),
    ]


def test_each_contact_has_its_own(practice):
    first, second = received(practice), received(practice, "2013-01-15 09:30")
    first.was("decided", "2013-01-15 10:00")
    assert (first.the("CSC-01.decide").state, second.the("CSC-01.decide").state) == ("met", "open")
