"""REF-04: a referral that was refused or questioned has an answer, or something else is done instead."""

from __future__ import annotations

import pytest

from tests.unit.practice import CAMHS, GP, HV, NORFOLK_GP, OTHER, Practice, as_text, chase

SENT, REFUSED = "2013-01-10 09:30", "2013-01-14 09:30"  # a Thursday, a Monday


@pytest.fixture
def practice() -> Practice:
    return Practice()


def refused(practice: Practice, how: str = "rejected", **said):
    referral = practice.referral(**said)
    referral.was("sent", SENT)
    referral.was("acknowledged", "2013-01-11 09:30", by=CAMHS)
    referral.was(how, REFUSED, by=CAMHS, reason_code="not-severe-enough")
    return referral


@pytest.mark.parametrize("how", ["rejected", "more_info_requested"])
def test_the_referrer_owns_it_not_the_service_that_refused_or_asked(practice, how):
    found = refused(practice, how).the("REF-04")
    assert (found.owner.team, found.owner.person) == ("gp-mill-road", "gp-okafor")


@pytest.mark.parametrize(("by", "due"), [(GP, "2013-01-17 17:00"), (NORFOLK_GP, "2013-01-21 17:00")])
def test_essex_asks_for_three_working_days_and_the_national_pack_for_five(practice, by, due):
    referral = practice.referral(by=by)
    referral.was("sent", SENT)
    referral.was("rejected", REFUSED)
    assert as_text(referral.the("REF-04").due_at) == due


def test_what_somebody_else_referred_in_the_meantime_does_not_make_it_theirs(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    practice.referral(by=HV, service="early_help", service_kind="social_care").was("sent", "2013-01-11 12:00")
    referral.was("rejected", REFUSED, by=CAMHS)
    assert referral.the("REF-04").owner.person == "gp-okafor"
    assert [found for found in practice.days_pass("2013-01-18 00:00") if found.step == "REF-04"] == [
        chase("2013-01-17 17:00", "REF-04", "owner", "gp-okafor")
    ]


@pytest.mark.parametrize(
    ("service", "another", "state"),
    [
        ("camhs", {}, "met"),
        ("camhs", {"by": HV, "service": "talking_therapies"}, "met"),
        ("camhs", {"person_id": OTHER}, "open"),
        ("camhs", {"by": HV, "service": "health_visiting"}, "open"),
        ("camhs", {"by": HV, "service": "midwifery"}, "open"),
        ("childrens_social_care", {"service": "early_help"}, "met"),
        ("childrens_social_care", {"service": "camhs"}, "open"),
        ("childrens_social_care", {"service": "midwifery"}, "open"),
    ],
)
def test_a_new_referral_of_the_same_person_for_the_same_need_is_an_alternative(practice, service, another, state):
    referral = refused(practice, service=service)
    practice.referral(**another).was("sent", "2013-01-15 09:30")
    assert referral.the("REF-04").state == state


def test_what_was_passed_on_to_mental_health_is_for_that_need(practice):
    referral = practice.referral(service="general_practice")
    referral.was("sent", SENT)
    referral.was("redirected", "2013-01-11 09:30", by=CAMHS)
    referral.was("rejected", REFUSED, by=CAMHS, reason_code="not-severe-enough")
    practice.referral().was("sent", "2013-01-15 09:30")
    assert referral.the("REF-04").state == "met"


def test_a_new_referral_that_is_only_intended_or_went_before_is_none(practice):
    practice.referral(service="early_help").was("sent", "2013-01-11 12:00")
    referral = refused(practice)
    practice.referral(service="early_help").was("intended", "2013-01-15 09:30")
    assert referral.the("REF-04").state == "open"


def test_a_second_question_opens_a_second_one(practice):
    referral = refused(practice, "more_info_requested")
    referral.was("more_info_given", "2013-01-15 09:30")
    referral.was("more_info_requested", "2013-01-16 09:30", by=CAMHS)
    assert [found.state for found in referral.all("REF-04")] == ["met", "open"]
