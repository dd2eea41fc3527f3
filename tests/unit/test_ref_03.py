"""REF-03: a referral that was acknowledged is triaged: accepted, refused, passed on, or questioned."""

from __future__ import annotations

import pytest

from tests.unit.practice import CAMHS, GP, SOCIAL_WORKER, Practice, as_text, chase

SENT, ACKNOWLEDGED = "2013-01-10 09:30", "2013-01-14 09:30"  # a Thursday, a Monday
SOCIAL_CARE = {"service": "childrens_social_care", "service_kind": "social_care"}
TO_SOCIAL_CARE = {"to_service": "childrens_social_care", "to_service_kind": "social_care"}
TO_HEALTH = {"to_service": "perinatal_mental_health", "to_service_kind": "health"}


@pytest.fixture
def practice() -> Practice:
    return Practice()


def sent(practice: Practice, **said):
    referral = practice.referral(**said)
    referral.was("sent", SENT)
    return referral


@pytest.mark.parametrize(
    ("said", "passed_on", "due"),
    [
        ({}, None, "2013-01-21 17:00"),  # health: five working days
        (SOCIAL_CARE, None, "2013-01-15 17:00"),  # social care: one
        ({}, TO_SOCIAL_CARE, "2013-01-15 17:00"),  # whose clock runs is decided by who has it now
        (SOCIAL_CARE, TO_HEALTH, "2013-01-21 17:00"),
        ({}, TO_HEALTH, "2013-01-21 17:00"),
    ],
)
def test_social_care_decides_in_one_working_day_and_health_in_five(practice, said, passed_on, due):
    referral = sent(practice, **said)
    if passed_on:
        referral.was("redirected", "2013-01-11 09:30", by=CAMHS, **passed_on)
    referral.was("acknowledged", ACKNOWLEDGED, by=SOCIAL_WORKER)
    assert as_text(referral.the("REF-03").due_at) == due


def test_whoever_acknowledged_it_owns_it_and_their_team_is_told(practice):
    referral = sent(practice, **SOCIAL_CARE)
    referral.was("acknowledged", ACKNOWLEDGED, by=SOCIAL_WORKER)
    assert practice.days_pass("2013-01-19 00:00") == [
        chase("2013-01-15 17:00", "REF-03", "owner", "sw-petrov"),
        chase("2013-01-18 17:00", "REF-03", "service-manager", "sw-petrov", "sw-manager-diaz"),
    ]


def test_an_acknowledgement_that_the_sender_reports_lets_the_receiver_be_told_too(practice):
    referral = sent(practice)
    referral.was("acknowledged", ACKNOWLEDGED, by=GP, reported_by="sender", channel="phone")
    assert practice.days_pass("2013-01-22 00:00") == [
        chase("2013-01-21 17:00", "REF-03", "owner", "gp-okafor", "camhs-triage-novak")
    ]


def test_a_question_that_was_answered_is_triaged_again_and_does_not_vanish(practice):
    referral = sent(practice)
    referral.was("acknowledged", ACKNOWLEDGED, by=CAMHS)
    referral.was("more_info_requested", "2013-01-15 09:30", by=CAMHS)
    assert [found.state for found in referral.all("REF-03")] == ["met"]
    referral.was("more_info_given", "2013-01-17 09:30")
    assert [(found.state, as_text(found.due_at)) for found in referral.all("REF-03")] == [
        ("met", "2013-01-21 17:00"),
        ("open", "2013-01-24 17:00"),
    ]
    assert [found for found in practice.days_pass("2013-01-25 00:00") if found.step == "REF-03"] == [
        chase("2013-01-24 17:00", "REF-03", "owner", "gp-okafor", "camhs-triage-novak")
    ]
    referral.was("accepted", "2013-01-25 09:30", by=CAMHS)
    assert [found.state for found in referral.all("REF-03")] == ["met", "met"]


def test_one_that_is_passed_on_is_triaged_again_by_who_acknowledges_it_next(practice):
    referral = sent(practice)
    referral.was("acknowledged", ACKNOWLEDGED, by=CAMHS)
    referral.was("redirected", "2013-01-15 09:30", by=CAMHS, **TO_SOCIAL_CARE)
    referral.was("acknowledged", "2013-01-16 09:30", by=SOCIAL_WORKER)
    assert [(found.state, found.owner.person, as_text(found.due_at)) for found in referral.all("REF-03")] == [
        ("open", "sw-petrov", "2013-01-17 17:00"),
        ("met", "camhs-triage-novak", "2013-01-21 17:00"),
    ]
    told = [found.told for found in practice.days_pass("2013-01-23 00:00") if found.step == "REF-03"]
    assert told == [{"sw-petrov"}, {"sw-petrov", "sw-manager-diaz"}]  # and not those who passed it on


def test_another_referral_of_the_same_person_does_not_change_who_is_told(practice):
    referral = sent(practice)
    referral.was("acknowledged", ACKNOWLEDGED, by=GP, reported_by="sender", channel="phone")
    practice.referral(**SOCIAL_CARE, to_team="childrens-social-care-essex").was("sent", "2013-01-15 09:30")
    found = referral.the("REF-03")
    assert (found.receiver_role, found.receiver_team) == ("camhs", None)
