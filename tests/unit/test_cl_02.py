"""CL-02: a care leaver is assessed, planned for, seen and kept in touch with; nothing ends by age or by silence."""

from __future__ import annotations

import pytest

from tests.unit.practice import PA, Practice, as_text, chase

REGISTERED = "2013-01-14 10:00"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def registered(practice, category="former_relevant", at=REGISTERED, **said):
    leaver = practice.record_of("care-leaver", by=PA)
    leaver.was("care_leaver.registered.v1", at, category=category, **said)
    return leaver


def rounds(leaver, step):
    return [(found.state, as_text(found.due_at)) for found in leaver.all(step)]


@pytest.mark.parametrize(
    ("category", "steps"),
    [
        ("eligible", ["CL-02.assessment", "CL-02.contact", "CL-02.review"]),
        ("relevant", ["CL-02.assessment", "CL-02.contact", "CL-02.review"]),
        ("former_relevant", ["CL-02.contact", "CL-02.review"]),
        ("qualifying", ["CL-02.contact"]),
    ],
)
def test_what_is_expected_goes_by_the_category(practice, category, steps):
    assert registered(practice, category).steps() == steps


def test_who_becomes_relevant_later_is_assessed_and_planned_for_from_then(practice):
    leaver = registered(practice, "qualifying")
    leaver.was("care_leaver.category_changed.v1", "2013-02-18 10:00", category="relevant")
    assert as_text(leaver.the("CL-02.assessment").due_at) == "2013-05-18 17:00"
    assert as_text(leaver.the("CL-02.review").due_at) == "2013-08-18 17:00"


def test_a_change_between_categories_with_the_same_duties_asks_nothing_twice(practice):
    leaver = registered(practice, "eligible")
    leaver.was("care_leaver.category_changed.v1", "2013-02-18 10:00", category="relevant")
    leaver.was("care_leaver.category_changed.v1", "2013-06-03 10:00", category="former_relevant")
    assert leaver.steps() == ["CL-02.assessment", "CL-02.contact", "CL-02.review"]


def test_each_contact_asks_for_the_next_one_eight_weeks_later(practice):
    leaver = registered(practice)
    leaver.was("pa_contact.made.v1", "2013-02-18 10:00")
    leaver.was("pa_contact.made.v1", "2013-04-30 10:00")
    assert rounds(leaver, "CL-02.contact") == [
        ("met", "2013-03-11 17:00"),
        ("met", "2013-04-15 17:00"),
        ("open", "2013-06-25 17:00"),
    ]


def test_each_review_and_each_new_plan_asks_for_a_review_in_six_months(practice):
    leaver = registered(practice)
    leaver.was("pathway.planned.v1", "2013-03-01 10:00")
    leaver.was("pathway.reviewed.v1", "2013-08-31 10:00")
    assert rounds(leaver, "CL-02.review") == [
        ("met", "2013-07-14 17:00"),
        ("met", "2013-09-01 17:00"),
        ("open", "2014-02-28 17:00"),  # February is short
    ]


def test_in_accommodation_of_the_authority_there_is_a_visit_in_a_week_and_then_every_two_months(practice):
    leaver = registered(practice)
    leaver.was("accommodation.changed.v1", "2013-02-04 10:00", provided_by_authority=True)
    leaver.was("pa_contact.made.v1", "2013-02-08 10:00", how="in_person")
    leaver.was("pa_contact.made.v1", "2013-03-08 10:00", how="phone")
    leaver.was("pa_contact.made.v1", "2013-04-05 10:00", how="in_person")
    assert rounds(leaver, "CL-02.visit") == [("met", "2013-02-11 17:00")]
    assert rounds(leaver, "CL-02.visits") == [
        ("met", "2013-04-04 17:00"),
        ("met", "2013-04-08 17:00"),
        ("open", "2013-06-05 17:00"),
    ]


def test_a_second_flat_of_the_authority_begins_it_anew_and_a_flat_of_their_own_ends_it(practice):
    leaver = registered(practice)
    leaver.was("accommodation.changed.v1", "2013-02-04 10:00", provided_by_authority=True)
    leaver.was("accommodation.changed.v1", "2013-03-04 10:00", provided_by_authority=True)
    assert rounds(leaver, "CL-02.visit") == [("ended", "2013-02-11 17:00"), ("open", "2013-03-11 17:00")]
    leaver.was("accommodation.changed.v1", "2013-03-08 10:00", provided_by_authority=False)
    assert [state for state, _ in rounds(leaver, "CL-02.visit")] == ["ended", "ended"]


def test_a_visit_that_was_recorded_before_the_change_of_address_became_known_counts(practice):
    leaver = registered(practice)
    leaver.was("pa_contact.made.v1", "2013-02-06 10:00", how="in_person")
    leaver.was("accommodation.changed.v1", "2013-02-04 10:00", recorded="2013-02-20 10:00", provided_by_authority=True)
    assert rounds(leaver, "CL-02.visit") == [("met", "2013-02-11 17:00")]


@pytest.mark.parametrize(("third", "asks"), [("2013-03-05 09:00", True), ("2013-04-01 09:00", False)])
def test_three_tries_in_vain_within_sixty_days_are_treated_as_lost_contact(practice, third, asks):
    leaver = registered(practice)
    for at in ("2013-01-30 10:00", "2013-02-13 10:00", third):
        leaver.was("pa_contact.failed.v1", at)
    assert bool(leaver.all("CL-02.unreached")) == asks


def test_a_contact_between_the_tries_begins_the_count_anew(practice):
    leaver = registered(practice)
    for at, what in (("14", "failed"), ("15", "failed"), ("16", "made"), ("17", "failed"), ("18", "failed")):
        leaver.was(f"pa_contact.{what}.v1", f"2013-01-{at} 12:00")
    assert leaver.all("CL-02.unreached") == []
    leaver.was("pa_contact.failed.v1", "2013-01-21 12:00")
    assert leaver.the("CL-02.unreached").state == "open"


def test_contact_that_is_lost_again_and_again_is_looked_for_once_until_it_is_found(practice):
    leaver = registered(practice)
    for day in ("04", "11", "18"):
        leaver.was("pa_contact.lost.v1", f"2013-02-{day} 10:00")
    assert rounds(leaver, "CL-02.lost") == [("open", "2013-02-18 17:00")]
    leaver.was("pa_contact.made.v1", "2013-02-20 10:00")
    leaver.was("pa_contact.lost.v1", "2013-03-04 10:00")
    assert rounds(leaver, "CL-02.lost") == [("met", "2013-02-18 17:00"), ("open", "2013-03-18 17:00")]


def test_no_birthday_ends_anything_it_asks_somebody_to_decide(practice):
    leaver = registered(practice, entitlement_review_on="2014-03-31")
    found = leaver.the("CL-02.entitlement")
    assert (as_text(found.visible_from), as_text(found.due_at)) == (
        "2013-12-31 17:00",
        "2014-03-31 17:00",
    )
    practice.sweep("2026-01-05 10:00")
    assert {one.state for one in practice.follow_ups(leaver.name)} == {"open"}


@pytest.mark.parametrize(
    ("decision", "left", "to_be_planned"),
    [("continues", "open", "ended"), ("ends", "ended", "open"), ("declined_support", "ended", "open")],
)
def test_the_decision_of_a_named_person_ends_support_or_goes_on(practice, decision, left, to_be_planned):
    leaver = registered(practice, entitlement_review_on="2014-03-31")
    leaver.was("accommodation.changed.v1", "2014-03-17 10:00", provided_by_authority=True)
    leaver.was("care_leaver.entitlement_decided.v1", "2014-03-20 10:00", decision=decision)
    states = {found.step: found.state for found in practice.follow_ups(leaver.name)}
    assert (states.pop("CL-02.entitlement"), states.pop("CL-04.age")) == ("met", to_be_planned)
    assert set(states.values()) == {left} and len(states) == 5


def test_a_change_of_category_that_names_the_next_day_to_decide_asks_for_that_one(practice):
    leaver = registered(practice, "relevant", entitlement_review_on="2013-09-30")
    leaver.was(
        "care_leaver.category_changed.v1", "2013-09-02", category="former_relevant", entitlement_review_on="2016-09-30"
    )
    assert rounds(leaver, "CL-02.entitlement") == [("met", "2013-09-30 17:00"), ("open", "2016-09-30 17:00")]


def test_the_adviser_of_another_leaver_in_the_family_owns_nothing_here(practice):
    """Both of a couple are care leavers, and each has an adviser; the one assigned last is not everybody's."""
    his = registered(practice)
    his.was("adviser.assigned.v1", "2013-01-15 10:00", adviser="pa-lindqvist", team="leaving-care-essex")
    her_id = f"p_{'f' * 32}"
    his.was("parenthood.learnt.v1", "2013-02-01 10:00", kind="child_joined", household_person_id=her_id)
    hers = practice.record_of("care-leaver", by=PA, person_id=her_id)
    hers.was("care_leaver.registered.v1", "2013-02-04 10:00")
    hers.was("adviser.assigned.v1", "2013-02-04 10:00", adviser="pa-moreau", team="leaving-care-essex")
    assert {found.owner.person for found in practice.follow_ups(his.name)} == {"pa-lindqvist"}
    assert {found.owner.person for found in practice.follow_ups(hers.name)} == {"pa-moreau"}


def test_one_who_is_gone_is_replaced_and_the_manager_asked_until_then(practice):
    leaver = registered(practice)
    leaver.was("adviser.assigned.v1", "2013-01-14 12:00", adviser="pa-lindqvist", team="leaving-care-essex")
    leaver.was("adviser.ended.v1", "2013-01-21 10:00")
    assert practice.days_pass("2013-02-01 00:00") == [
        chase("2013-01-24 17:00", "CL-02.adviser", "owner", "lc-manager-varga"),
        chase("2013-01-31 17:00", "CL-02.adviser", "owner", "lc-manager-varga"),
    ]
    leaver.was("adviser.assigned.v1", "2013-02-01 10:00", adviser="pa-moreau", team="leaving-care-essex")
    assert leaver.the("CL-02.adviser").state == "met"
    assert leaver.the("CL-02.contact").owner.person == "pa-moreau"
