"""DNA-01: a missed appointment is asked about, offered again, and talked over when it is the second in a row."""

from __future__ import annotations

import pytest

from shared.contracts.words import NOT_ATTENDED
from shared.kernel.decisions import Actor
from tests.unit.practice import CAMHS, GP, PERSON, Practice, Thread, as_text, chase, london

MISSED = "2013-01-14 09:30"  # a Monday
CONTACT, RE_OFFER, IN_A_ROW = "DNA-01.contact", "DNA-01.re-offer", "DNA-01.in-a-row"
NORFOLK = Actor("camhs-triage-weber", "mental_health_service", "camhs-norfolk", ("norfolk",))


@pytest.fixture
def practice() -> Practice:
    return Practice()


def booked(practice: Practice, by: Actor = CAMHS):
    referral = practice.referral(by=by)
    referral.was("sent", "2013-01-02 09:30", by=GP)
    for step in ("acknowledged", "accepted", "appointment_booked"):
        referral.was(step, "2013-01-03 09:30")
    return referral


def cancelled(practice: Practice, referral: Thread, at: str, by: str) -> None:
    data = {"referral_id": referral.id, "person_id": PERSON, "by": by}
    practice.record("referral.appointment_cancelled.v1", referral.name, data, london(at), "perinatal", CAMHS)


def missed_steps(referral) -> list[str]:
    return [step for step in referral.steps() if step.startswith("DNA-01")]


@pytest.mark.parametrize("how", NOT_ATTENDED)
def test_whether_nobody_came_or_nobody_brought_the_child_or_nobody_opened_the_door(practice, how):
    referral = booked(practice)
    referral.was("not_attended", MISSED, how=how)
    assert missed_steps(referral) == [CONTACT, RE_OFFER]


@pytest.mark.parametrize("by", ["patient", "service"])
def test_a_cancelled_appointment_is_offered_again_whoever_cancelled_it(practice, by):
    referral = booked(practice)
    cancelled(practice, referral, MISSED, by)
    assert missed_steps(referral) == [RE_OFFER]
    assert [found for found in practice.days_pass("2013-01-18 00:00") if found.step == RE_OFFER] == [
        chase("2013-01-17 17:00", RE_OFFER, "owner", "camhs-triage-novak")
    ]
    referral.was("appointment_booked", "2013-01-18 09:30")
    assert referral.the(RE_OFFER).state == "met"


@pytest.mark.parametrize(("by", "due"), [(CAMHS, "2013-01-17 17:00"), (NORFOLK, "2013-01-21 17:00")])
def test_essex_offers_again_in_three_working_days_and_the_national_pack_in_five(practice, by, due):
    referral = practice.referral(by=by)
    referral.was("not_attended", MISSED)
    assert as_text(referral.the(RE_OFFER).due_at) == due
    assert as_text(referral.the(CONTACT).due_at) == "2013-01-15 17:00"


def test_to_have_asked_why_is_not_to_have_offered_another(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was("miss_contacted", "2013-01-14 15:00")
    assert (referral.the(CONTACT).state, referral.the(RE_OFFER).state) == ("met", "open")


def test_each_miss_is_asked_about_by_itself(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was("miss_contacted", "2013-01-14 15:00")
    referral.was("not_attended", "2013-01-21 09:30")
    assert [found.state for found in referral.all(CONTACT)] == ["met", "open"]
    assert [found.state for found in referral.all(RE_OFFER)] == ["open", "open"]
    referral.was("offered", "2013-01-22 09:30")
    assert [found.state for found in referral.all(RE_OFFER)] == ["met", "met"]


def test_the_second_in_a_row_is_talked_over_the_next_day_with_the_safeguarding_lead(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    assert IN_A_ROW not in referral.steps()
    second = referral.was("not_attended", "2013-01-18 09:30")  # a Friday
    found = referral.the(IN_A_ROW)
    assert (found.opened_by, as_text(found.due_at)) == (second.id, "2013-01-21 17:00")
    assert [one for one in practice.days_pass("2013-01-22 00:00") if one.step == IN_A_ROW] == [
        chase("2013-01-21 17:00", IN_A_ROW, "owner", "camhs-triage-novak", "lead-achterberg")
    ]


@pytest.mark.parametrize(
    ("between", "in_a_row"),
    [
        ("attended", False),
        ("assessed", False),
        ("treatment_started", False),
        ("miss_contacted", True),
        ("offered", True),
        ("appointment_booked", True),  # to have booked is not to have come
    ],
)
def test_only_to_have_come_between_them_breaks_the_row(practice, between, in_a_row):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was(between, "2013-01-15 09:30")
    referral.was("not_attended", "2013-01-21 09:30")
    assert (IN_A_ROW in referral.steps()) == in_a_row


def test_a_visit_that_becomes_known_late_breaks_the_row_and_what_was_asked_stays_in_sight(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was("not_attended", "2013-01-21 09:30")
    assert IN_A_ROW in {found.step for found in practice.days_pass("2013-01-23 00:00")}
    referral.was("attended", "2013-01-16 09:30", recorded="2013-01-23 09:30")
    assert referral.the(IN_A_ROW).state == "void"
    assert IN_A_ROW not in {found.step for found in practice.days_pass("2013-12-31 00:00")}


@pytest.mark.parametrize(
    ("first", "second", "in_a_row"),
    [
        ("missed", "missed", True),
        ("patient", "missed", True),  # to cancel again and again may be a sign too
        ("missed", "patient", True),
        ("patient", "patient", True),
        ("service", "missed", False),
        ("missed", "service", False),
    ],
)
def test_what_the_patient_cancelled_counts_and_what_the_service_cancelled_does_not(practice, first, second, in_a_row):
    referral = booked(practice)
    for what, at in ((first, MISSED), (second, "2013-01-21 09:30")):
        if what == "missed":
            referral.was("not_attended", at)
        else:
            cancelled(practice, referral, at, what)
    assert (IN_A_ROW in referral.steps()) == in_a_row


def test_a_third_miss_is_taken_in_until_it_was_talked_over_and_then_two_more_ask_again(practice):
    referral = booked(practice)
    for at in (MISSED, "2013-01-21 09:30", "2013-01-22 09:30"):
        referral.was("not_attended", at)
    assert [found.state for found in referral.all(IN_A_ROW)] == ["open"]
    referral.was("misses_reviewed", "2013-01-23 09:30", referrer_told=True)
    referral.was("not_attended", "2013-02-04 09:30")
    assert [found.state for found in referral.all(IN_A_ROW)] == ["met"]
    referral.was("not_attended", "2013-02-11 09:30")
    assert [(found.state, as_text(found.due_at)) for found in referral.all(IN_A_ROW)] == [
        ("met", "2013-01-22 17:00"),
        ("open", "2013-02-12 17:00"),
    ]


def test_a_discussion_of_which_the_referrer_was_not_told_leaves_it_open(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was("not_attended", "2013-01-21 09:30")
    referral.was("misses_reviewed", "2013-01-22 09:30", referrer_told=False)
    assert referral.the(IN_A_ROW).state == "open"
    assert [found.state for found in referral.all(CONTACT)] == ["met", "met"]


def test_misses_of_two_referrals_are_not_in_a_row(practice):
    first, second = booked(practice), booked(practice)
    first.was("not_attended", MISSED)
    second.was("not_attended", "2013-01-21 09:30")
    assert (IN_A_ROW in first.steps(), IN_A_ROW in second.steps()) == (False, False)


def test_there_is_no_silent_discharge(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was("not_attended", "2013-01-21 09:30")
    referral.was("closed", "2013-01-21 10:00", reason_code="did-not-attend")
    found = {step: {one.state for one in referral.all(step)} for step in (CONTACT, RE_OFFER, IN_A_ROW)}
    assert found == {CONTACT: {"open"}, RE_OFFER: {"open"}, IN_A_ROW: {"open"}}
    assert len(referral.all("CLOSE-01")) == 5 and referral.the("REF-05.return").state == "open"


def test_a_withdrawal_makes_another_offer_needless_and_not_the_question_why(practice):
    referral = booked(practice)
    referral.was("not_attended", MISSED)
    referral.was("withdrawn", "2013-01-15 09:30", reason_code="moved-abroad")
    assert (referral.the(RE_OFFER).state, referral.the(RE_OFFER).closed_reason) == ("ended", "moved-abroad")
    assert referral.the(CONTACT).state == "open"


def test_a_miss_that_is_told_when_she_has_long_come_is_not_chased(practice):
    referral = booked(practice)
    referral.was("attended", "2013-01-21 09:30")
    referral.was("not_attended", MISSED, recorded="2013-01-28 09:30")
    assert (referral.the(CONTACT).state, referral.the(RE_OFFER).state) == ("met", "met")
    assert not [found for found in practice.days_pass("2014-01-01 00:00") if found.step.startswith("DNA-01")]
