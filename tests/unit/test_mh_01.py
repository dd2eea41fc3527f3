"""MH-01: a mother who was referred to a mental-health service is assessed in two weeks, whoever has the referral."""

from __future__ import annotations

import pytest

from tests.unit.practice import CAMHS, CHILD, GP, HV, MIDWIFE, OTHER, PARTNER, PERSON, Practice, as_text, chase

SENT = "2013-01-14 09:30"  # a Monday
CAMHS_SAYS, PERINATAL = {"service": "camhs"}, {"service": "perinatal_mental_health"}
LEAD = "perinatal-lead-vasquez"
TO_PERINATAL = {"to_service": "perinatal_mental_health", "to_team": "perinatal-mh-essex"}


@pytest.fixture
def practice() -> Practice:
    return Practice()


def expecting(practice: Practice, mother: str = PERSON):
    pregnancy = practice.record_of(
        "pregnancy", by=MIDWIFE, person_id=mother, edd="2013-08-26", mother_age_band="from_20"
    )
    pregnancy.was("booked", "2013-01-07 10:00")
    return pregnancy


@pytest.mark.parametrize(
    ("service", "asked"),
    [
        ("camhs", True),
        ("perinatal_mental_health", True),
        ("talking_therapies", True),
        ("adult_mental_health", True),
        ("health_visiting", False),
        ("general_practice", False),
        ("early_help", False),
    ],
)
def test_in_pregnancy_every_mental_health_service_has_two_weeks_and_no_other(practice, service, asked):
    expecting(practice)
    referral = practice.referral(service=service)
    referral.was("sent", SENT)
    assert ("MH-01" in referral.steps()) == asked


@pytest.mark.parametrize(
    ("sent", "said", "asked"),
    [
        ("2013-03-09 09:30", CAMHS_SAYS, True),  # the day before the birth: pregnant
        ("2013-03-10 09:30", CAMHS_SAYS, True),  # the day of the birth
        ("2014-03-09 09:30", CAMHS_SAYS, True),  # the last day of the year
        ("2014-03-10 09:30", CAMHS_SAYS, False),  # twelve months are up
        ("2014-03-10 09:30", {"service": "talking_therapies"}, False),
        ("2014-03-10 09:30", PERINATAL, True),  # the specialist service goes on to twenty-four months
        ("2015-03-09 09:30", PERINATAL, True),
        ("2015-03-10 09:30", PERINATAL, False),
    ],
)
def test_after_the_birth_it_is_asked_for_a_year_and_of_the_perinatal_service_for_two(practice, sent, said, asked):
    practice.birth(CHILD, "2013-03-10")
    referral = practice.referral(**said)
    referral.was("sent", sent)
    assert ("MH-01" in referral.steps()) == asked


def test_who_is_neither_pregnant_nor_a_mother_is_not_asked_for(practice):
    expecting(practice, OTHER)
    referral = practice.referral()
    referral.was("sent", SENT)
    assert "MH-01" not in referral.steps()


@pytest.mark.parametrize(
    ("sent", "asked"), [("2013-11-25 09:30", True), ("2013-11-26 09:30", False), ("2016-05-09 09:30", False)]
)
def test_a_pregnancy_without_an_expected_date_and_an_end_is_over_46_weeks_after_its_first_entry(practice, sent, asked):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE, mother_age_band="from_20")
    pregnancy.was("notified", "2013-01-07 10:00")
    pregnancy.was("booked", "2013-02-04 10:00")
    referral = practice.referral()
    referral.was("sent", sent)
    assert ("MH-01" in referral.steps()) == asked


def test_the_two_weeks_are_the_mothers_not_the_fathers(practice):
    practice.birth(CHILD, "2013-03-10", parents=(PARTNER,))
    mothers, fathers = practice.referral(), practice.referral(person_id=PARTNER)
    mothers.was("sent", "2013-05-13 09:30")
    fathers.was("sent", "2013-05-13 09:30")
    assert ("MH-01" in mothers.steps(), "MH-01" in fathers.steps()) == (True, False)


@pytest.mark.parametrize(("outcome", "asked"), [("stillbirth", True), ("miscarriage", False), ("termination", False)])
def test_a_mother_whose_child_was_stillborn_is_still_a_mother(practice, outcome, asked):
    expecting(practice).was("ended", "2013-01-10 10:00", outcome=outcome)
    referral = practice.referral()
    referral.was("sent", SENT)
    assert ("MH-01" in referral.steps()) == asked


def test_a_pregnancy_that_becomes_known_later_asks_from_the_day_of_the_referral(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    assert "MH-01" not in referral.steps()
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE, edd="2013-08-26", mother_age_band="from_20")
    pregnancy.was("booked", "2013-01-10 10:00", recorded="2013-01-21 10:00")
    assert as_text(referral.the("MH-01").due_at) == "2013-01-28 17:00"


def test_a_loss_does_not_end_it(practice):
    pregnancy = expecting(practice)
    referral = practice.referral()
    referral.was("sent", SENT)
    pregnancy.was("ended", "2013-01-15 10:00", outcome="miscarriage")
    assert referral.the("MH-01").state == "open"


def test_the_manager_hears_on_day_ten_and_on_day_fourteen_the_gp_and_the_perinatal_lead(practice):
    expecting(practice)
    practice.referral(**PERINATAL).was("sent", SENT)
    assert [found for found in practice.days_pass("2013-01-29 00:00") if found.step == "MH-01"] == [
        chase("2013-01-24 17:00", "MH-01", "warning", "pmh-manager-quist"),
        chase("2013-01-28 17:00", "MH-01", "owner", "camhs-triage-novak", "pmh-nurse-farah", "gp-okafor", LEAD),
    ]


def test_an_appointment_is_no_assessment(practice):
    expecting(practice)
    referral = practice.referral()
    referral.was("sent", SENT)
    for step in ("acknowledged", "accepted", "offered", "appointment_booked", "not_attended", "attended"):
        referral.was(step, "2013-01-15 09:30", by=CAMHS)
    assert referral.the("MH-01").state == "open"


def test_to_be_passed_on_between_services_does_not_start_the_two_weeks_again(practice):
    expecting(practice)
    referral = practice.referral()
    referral.was("sent", SENT)
    referral.was("acknowledged", "2013-01-15 09:30", by=CAMHS)
    referral.was("redirected", "2013-01-21 09:30", by=CAMHS, **TO_PERINATAL)
    first, second = referral.the("MH-01"), referral.the("MH-01.redirected")
    assert (first.state, second.state, as_text(second.due_at)) == ("ended", "open", "2013-01-28 17:00")
    assert [found for found in practice.days_pass("2013-01-29 00:00") if found.step.startswith("MH-01")] == [
        chase("2013-01-24 17:00", "MH-01.redirected", "warning", "pmh-manager-quist"),
        chase("2013-01-28 17:00", "MH-01.redirected", "owner", "pmh-nurse-farah", "camhs-triage-novak", LEAD),
    ]
    referral.was("assessed", "2013-01-30 09:30", outcome="treat")
    assert referral.the("MH-01.redirected").state == "met"


def test_one_that_reaches_mental_health_only_by_being_passed_on_has_two_weeks_from_then(practice):
    expecting(practice)
    referral = practice.referral(by=HV, service="health_visiting")
    referral.was("sent", "2013-01-07 09:30", by=GP)
    referral.was("redirected", SENT, **TO_PERINATAL)
    assert as_text(referral.the("MH-01.redirected").due_at) == "2013-01-28 17:00"


@pytest.mark.parametrize(
    ("to", "asked"),
    [("perinatal_mental_health", True), ("adult_mental_health", False), ("early_help", False)],
)
def test_passed_on_in_the_second_year_it_is_the_perinatal_services_alone(practice, to, asked):
    practice.birth(CHILD, "2013-03-10")
    referral = practice.referral(**PERINATAL)
    referral.was("sent", "2014-06-02 09:30")
    referral.was("redirected", "2014-06-03 09:30", to_service=to)
    assert ("MH-01.redirected" in referral.steps()) == asked
