"""MH-02: treatment that was agreed on starts within four weeks of the assessment and six of the referral."""

from __future__ import annotations

import pytest

from tests.unit.practice import CAMHS, GP, HV, Practice, as_text, chase

SENT = "2013-01-14 09:30"  # a Monday; six weeks on is Monday 25 February


@pytest.fixture
def practice() -> Practice:
    return Practice()


def assessed(practice: Practice, on: str, outcome: str = "treat", **said):
    referral = practice.referral(by=CAMHS, **said)
    referral.was("sent", SENT, by=GP)
    referral.was("assessed", on, outcome=outcome)
    return referral


@pytest.mark.parametrize(
    ("on", "due"),
    [
        ("2013-01-14 15:00", "2013-02-11 17:00"),  # four weeks
        ("2013-01-27 09:30", "2013-02-24 17:00"),
        ("2013-01-28 09:30", "2013-02-25 17:00"),  # day 14: four weeks and six weeks meet
        ("2013-01-29 09:30", "2013-02-25 17:00"),  # six weeks of the referral
        ("2013-02-22 09:30", "2013-02-25 17:00"),
        ("2013-03-11 09:30", "2013-02-25 17:00"),  # late when it opens
    ],
)
def test_it_is_due_four_weeks_after_the_assessment_or_six_after_the_referral(practice, on, due):
    assert as_text(assessed(practice, on).the("MH-02").due_at) == due


def test_the_service_director_hears_on_the_day_and_at_once_when_it_is_past(practice):
    assessed(practice, "2013-03-11 09:30")
    told = [found for found in practice.days_pass("2013-03-12 00:00") if found.step == "MH-02"]
    assert told == [chase("2013-03-11 09:30", "MH-02", "owner", "camhs-triage-novak", "service-director-oduya")]


@pytest.mark.parametrize("outcome", ["no_treatment", "refer_on"])
def test_an_assessment_without_treatment_asks_for_none(practice, outcome):
    assert "MH-02" not in assessed(practice, "2013-01-21 09:30", outcome).steps()


@pytest.mark.parametrize(
    ("service", "asked"),
    [("camhs", True), ("talking_therapies", True), ("health_visiting", False), ("midwifery", False)],
)
def test_it_is_asked_of_mental_health_services(practice, service, asked):
    assert ("MH-02" in assessed(practice, "2013-01-21 09:30", service=service).steps()) == asked


def test_it_is_asked_of_one_that_reached_mental_health_by_being_passed_on(practice):
    referral = practice.referral(by=HV, service="health_visiting")
    referral.was("sent", SENT, by=GP)
    referral.was("redirected", "2013-01-15 09:30", to_service="talking_therapies")
    referral.was("assessed", "2013-01-21 09:30", outcome="treat")
    assert as_text(referral.the("MH-02").due_at) == "2013-02-18 17:00"


def test_the_clock_of_another_referral_of_the_same_person_is_not_its_own(practice):
    practice.referral().was("sent", "2012-06-04 09:30")
    assert as_text(assessed(practice, "2013-01-29 09:30").the("MH-02").due_at) == "2013-02-25 17:00"


@pytest.mark.parametrize(("what", "state"), [("treatment_started", "met"), ("treatment_declined", "ended")])
def test_a_start_meets_it_and_a_refusal_ends_it(practice, what, state):
    referral = assessed(practice, "2013-01-21 09:30")
    event = referral.was(what, "2013-02-04 09:30")
    found = referral.the("MH-02")
    assert (found.state, found.closed_by, found.closed_actor) == (state, event.id, CAMHS.id)


@pytest.mark.parametrize("what", ["offered", "appointment_booked", "attended", "assessed", "treatment_ended"])
def test_an_appointment_is_no_treatment(practice, what):
    referral = assessed(practice, "2013-01-21 09:30")
    referral.was(what, "2013-02-04 09:30", outcome="no_treatment")
    assert referral.the("MH-02").state == "open"


def test_a_miscarriage_does_not_end_it(practice):
    referral = assessed(practice, "2013-01-21 09:30")
    pregnancy = practice.record_of("pregnancy", edd="2013-08-26")
    pregnancy.was("booked", "2013-01-07 10:00")
    pregnancy.was("ended", "2013-01-22 09:30", outcome="miscarriage")
    assert referral.the("MH-02").state == "open"
