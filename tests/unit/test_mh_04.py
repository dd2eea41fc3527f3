"""MH-04: the health visitor, and in pregnancy the midwife, know of a condition found in a parent."""

from __future__ import annotations

import pytest

from tests.unit.practice import CHILD, GP, HV, MIDWIFE, OTHER, PARTNER, PERSON, Practice, chase

FOUND = "2013-01-10 09:30"  # a Thursday
HV_KNOWS, MIDWIFE_KNOWS = "MH-04", "MH-04.midwife"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def record_condition(practice: Practice, at: str = FOUND, person: str = PERSON):
    condition = practice.record_of("condition", by=GP, person_id=person)
    condition.was("recorded", at, code="depression")
    return condition


def expecting(practice: Practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE, edd="2013-07-08", mother_age_band="from_20")
    pregnancy.was("booked", "2013-01-07 10:00")
    return pregnancy


def acknowledged(practice: Practice, condition, role: str, at: str = "2013-01-11 09:30"):
    notification = practice.record_of("notification", by=GP, condition_id=condition.id, to_role=role)
    notification.was("sent", at)
    return notification.was("acknowledged", at, by=HV if role == "health_visitor" else MIDWIFE)


@pytest.mark.parametrize(
    ("at", "asked"),
    [
        ("2010-03-09 09:30", [HV_KNOWS, MIDWIFE_KNOWS]),  # the day before the birth
        ("2010-03-10 09:30", [HV_KNOWS]),
        ("2013-01-10 09:30", [HV_KNOWS]),
        ("2015-03-09 09:30", [HV_KNOWS]),  # the day before the fifth birthday
        ("2015-03-10 09:30", []),
    ],
)
def test_it_is_asked_from_pregnancy_to_the_fifth_birthday(practice, at, asked):
    practice.birth(CHILD, "2010-03-10")
    assert record_condition(practice, at).steps() == asked


@pytest.mark.parametrize(("person", "asked"), [(PERSON, [HV_KNOWS]), (PARTNER, [HV_KNOWS]), (OTHER, [])])
def test_of_a_young_child_both_parents_count_and_nobody_else(practice, person, asked):
    practice.birth(CHILD, "2012-07-10", parents=(PARTNER,))
    assert record_condition(practice, person=person).steps() == asked


def test_as_in_case_s_the_gp_is_told_on_monday_and_the_practices_lead_on_thursday(practice):
    practice.birth(CHILD, "2012-07-10")
    record_condition(practice)
    told = [one for one in practice.days_pass("2013-01-18 00:00") if one.step == HV_KNOWS]
    assert told == [
        chase("2013-01-14 17:00", HV_KNOWS, "owner", "gp-okafor"),
        chase("2013-01-17 17:00", HV_KNOWS, "practice-lead", "gp-okafor", "gp-safeguarding-rahman"),
    ]


@pytest.mark.parametrize(
    ("role", "states"),
    [("health_visitor", ("met", "open")), ("midwife", ("open", "met")), ("social_worker", ("open", "open"))],
)
def test_each_of_them_takes_note_for_themselves(practice, role, states):
    expecting(practice)
    condition = record_condition(practice)
    acknowledged(practice, condition, role)
    assert (condition.the(HV_KNOWS).state, condition.the(MIDWIFE_KNOWS).state) == states


def test_a_message_that_nobody_acknowledged_is_not_known(practice):
    practice.birth(CHILD, "2012-07-10")
    condition = record_condition(practice)
    practice.record_of("notification", by=GP, condition_id=condition.id, to_role="health_visitor").was(
        "sent", "2013-01-10 09:45"
    )
    assert condition.the(HV_KNOWS).state == "open"


def test_an_acknowledgement_about_another_condition_or_none_does_not_count(practice):
    practice.birth(CHILD, "2012-07-10")
    first, second = record_condition(practice), record_condition(practice, "2013-01-10 10:30")
    acknowledged(practice, second, "health_visitor")
    practice.record_of("notification", by=GP, to_role="health_visitor").was("acknowledged", "2013-01-11 09:30", by=HV)
    assert (first.the(HV_KNOWS).state, second.the(HV_KNOWS).state) == ("open", "met")


@pytest.mark.parametrize("outcome", ["miscarriage", "termination", "stillbirth"])
def test_after_a_loss_the_midwife_need_not_be_told_any_more_and_the_health_visitor_still_does(practice, outcome):
    pregnancy = expecting(practice)
    condition = record_condition(practice)
    pregnancy.was("ended", "2013-01-11 09:30", outcome=outcome)
    assert (condition.the(HV_KNOWS).state, condition.the(MIDWIFE_KNOWS).state) == ("open", "ended")
    told = {one.step for one in practice.days_pass("2013-06-01 00:00")}
    assert told == {HV_KNOWS, "BEREAVE-01.loss"}


def test_a_birth_ends_neither(practice):
    pregnancy = expecting(practice)
    condition = record_condition(practice)
    pregnancy.was("ended", "2013-01-11 09:30", outcome="birth", children=[CHILD], parents=[PERSON])
    assert (condition.the(HV_KNOWS).state, condition.the(MIDWIFE_KNOWS).state) == ("open", "open")
