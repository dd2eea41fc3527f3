"""CL-03: a care leaver who is to be a parent, joins a household with a child, or moves: the adviser knows and acts."""

from __future__ import annotations

import pytest

from tests.unit.practice import CHILD, MIDWIFE, PA, PARTNER, PERSON, Practice, as_text, chase

PARENT_STEPS = ["CL-03.contact", "CL-03.review", "CL-03.support", "CL-03.told"]


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
def leaver(practice):
    return practice.record_of("care-leaver", by=PA, person_id=PARTNER)


@pytest.mark.parametrize("kind", ["to_be_parent", "child_joined"])
def test_to_be_a_parent_or_to_live_with_a_child_asks_for_all_four(leaver, kind):
    leaver.was("parenthood.learnt.v1", "2013-11-25 10:00", kind=kind)
    assert leaver.steps() == PARENT_STEPS


@pytest.mark.parametrize(
    ("out_of_area", "steps"),
    [
        (False, ["CL-03.contact", "CL-03.review"]),
        (True, ["CL-03.authority", "CL-03.contact", "CL-03.review", "CL-04.place"]),
    ],
)
def test_a_move_asks_for_a_contact_and_a_review_and_out_of_the_area_who_is_responsible(leaver, out_of_area, steps):
    leaver.was("care_leaver.moved.v1", "2014-09-08 10:00", out_of_area=out_of_area)
    assert leaver.steps() == steps


def test_an_adviser_is_told_of_a_move_that_others_recorded(practice, leaver):
    leaver.was("adviser.assigned.v1", "2014-01-06 10:00", team="leaving-care-essex")
    leaver.was("care_leaver.move_learnt.v1", "2014-09-08 10:00")  # a Monday
    assert leaver.steps() == ["CL-03.move-told"]
    assert practice.sweep("2014-09-10 17:00") == [chase("2014-09-10 17:00", "CL-03.move-told", "owner", "pa-lindqvist")]
    leaver.was("care_leaver.moved.v1", "2014-09-11 10:00", out_of_area=True)
    assert leaver.the("CL-03.move-told").state == "met"


def test_case_s_the_adviser_is_told_within_two_working_days_and_reviews_within_four_weeks(leaver):
    leaver.was("parenthood.learnt.v1", "2013-11-25 10:00", kind="to_be_parent")
    assert {step: as_text(leaver.the(step).due_at) for step in PARENT_STEPS} == {
        "CL-03.told": "2013-11-27 17:00",
        "CL-03.contact": "2013-12-09 17:00",
        "CL-03.review": "2013-12-23 17:00",
        "CL-03.support": "2013-12-23 17:00",
    }


def test_care_experience_asks_a_question_of_the_pregnancy_and_starts_no_assessment(practice, leaver):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-11-25 10:00", edd="2014-06-16", mother_age_band="from_20")
    leaver.was("parenthood.learnt.v1", "2013-11-25 10:00", kind="to_be_parent", pregnancy_id=pregnancy.id)
    assert pregnancy.steps() == ["DATA-01.birth", "HV-01.antenatal"]
    pregnancy.was("pregnancy.care_leaver_learnt.v1", "2013-11-26 10:00", parent_id=PARTNER)
    assert pregnancy.steps() == ["DATA-01.birth", "HV-01.antenatal", "PBA-01"]


def test_each_child_asks_anew_and_what_was_done_before_does_not_count(leaver):
    leaver.was("parenthood.learnt.v1", "2013-11-25 10:00", kind="to_be_parent")
    leaver.was("support_offer.made.v1", "2013-12-02 10:00")
    leaver.was("parenthood.learnt.v1", "2014-09-08 10:00", kind="child_joined", household_person_id=CHILD)
    assert [found.state for found in leaver.all("CL-03.support")] == ["met", "open"]


def test_the_death_of_the_child_he_came_to_live_with_ends_it_for_that_child_only(practice, leaver):
    for child in (CHILD, PERSON):
        leaver.was("parenthood.learnt.v1", "2014-09-08 10:00", kind="child_joined", household_person_id=child)
    dead = practice.record_of("person", key=CHILD)
    dead.was("person.died.v1", "2014-09-10 10:00", family=[PARTNER])
    assert sorted(found.state for found in leaver.all("CL-03.support")) == ["ended", "open"]


def test_it_ends_too_when_his_own_service_says_that_this_child_is_no_more(leaver):
    for child in (CHILD, PERSON):
        leaver.was("parenthood.learnt.v1", "2014-09-08 10:00", kind="child_joined", household_person_id=child)
    leaver.was("parenthood.lost.v1", "2014-09-10 10:00", household_person_id=CHILD)
    assert sorted(found.state for found in leaver.all("CL-03.support")) == ["ended", "open"]


def test_a_loss_ends_nothing_of_another_leaver(practice, leaver):
    other = practice.record_of("care-leaver", by=PA, person_id=PERSON)
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    for one in (leaver, other):
        one.was("parenthood.learnt.v1", "2013-11-25 10:00", kind="to_be_parent", pregnancy_id=pregnancy.id)
    other.was("parenthood.lost.v1", "2014-01-06 10:00", pregnancy_id=pregnancy.id)
    assert (leaver.the("CL-03.told").state, other.the("CL-03.told").state) == ("open", "ended")
