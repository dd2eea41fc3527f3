"""PBA-02: a pre-birth assessment that was accepted is complete and shared in time; nothing waits beyond 30 weeks."""

from __future__ import annotations

import pytest

from tests.unit.practice import CHILD, MIDWIFE, PERSON, SOCIAL_WORKER, Practice, as_text, chase

EDD = "2014-06-15"  # 28+0 is Sunday 23 March 2014, 30+0 Sunday 6 April
COMPLETED = "prebirth.assessment_completed.v1"
EVERYBODY = ["midwife", "health_visitor", "gp_practice"]


@pytest.fixture
def practice() -> Practice:
    return Practice()


def accepted(practice: Practice, at: str, edd: str | None = EDD):
    pregnancy = practice.record_of("pregnancy", by=SOCIAL_WORKER, edd=edd, mother_age_band="from_20")
    pregnancy.was("booked", "2013-11-28 10:00", by=MIDWIFE)
    pregnancy.was("prebirth.referral_accepted.v1", at)
    return pregnancy


@pytest.mark.parametrize(
    ("on", "due"),
    [
        ("2013-12-10 10:00", "2014-02-14 17:00"),  # 13+2: 45 working days, Christmas and New Year left out
        ("2014-01-17 10:00", "2014-03-21 17:00"),  # 18+5: the forty-fifth is the Friday before 28+0
        ("2014-01-20 10:00", "2014-03-23 17:00"),  # 19+1: the forty-fifth would be Monday
        ("2014-03-20 10:00", "2014-03-23 17:00"),  # 27+4
    ],
)
def test_it_is_due_after_forty_five_working_days_or_at_twenty_eight_weeks(practice, on, due):
    pregnancy = accepted(practice, on)
    assert as_text(pregnancy.the("PBA-02").due_at) == due
    assert as_text(pregnancy.the("PBA-02.hard-stop").due_at) == "2014-04-06 17:00"


@pytest.mark.parametrize(
    ("edd", "stop"),
    [
        ("2014-06-15", "2014-04-06 17:00"),
        ("2014-06-08", "2014-03-30 17:00"),  # on the day on which the clocks go forward
        ("2014-06-27", "2014-04-18 17:00"),  # on Good Friday: a pregnancy does not wait
        ("2014-03-05", "2013-12-25 17:00"),
    ],
)
def test_the_hard_stop_is_ten_weeks_before_the_expected_date_whatever_day_that_is(practice, edd, stop):
    assert as_text(accepted(practice, "2013-12-10 10:00", edd).the("PBA-02.hard-stop").due_at) == stop


def test_one_that_was_accepted_after_twenty_eight_weeks_is_late_at_once(practice):
    accepted(practice, "2014-03-31 10:00")
    worker, manager, service = "sw-petrov", "sw-manager-diaz", "service-manager-kruger"
    assert practice.days_pass("2014-04-07 00:00") == [
        chase("2014-03-31 10:00", "PBA-02", "warning owner", worker, manager),
        chase("2014-03-31 17:00", "PBA-02", "service-manager", manager, service),
        chase("2014-04-06 17:00", "PBA-02.hard-stop", "owner", worker, manager, service),
    ]


def test_the_hard_stop_is_urgent_and_told_to_all_three_at_once(practice):
    found = accepted(practice, "2013-12-10 10:00").the("PBA-02.hard-stop")
    assert [(rung.urgent, rung.to) for rung in found.rungs] == [(True, ("owner", "manager", "service_manager"))]


def test_one_that_was_completed_and_kept_from_the_midwife_is_not_done_but_holds_the_hard_stop(practice):
    pregnancy = accepted(practice, "2013-12-10 10:00")
    pregnancy.was(COMPLETED, "2014-02-10 10:00", shared_with=["health_visitor", "gp_practice"])
    assert (pregnancy.the("PBA-02").state, pregnancy.the("PBA-02.hard-stop").state) == ("open", "met")
    pregnancy.was(COMPLETED, "2014-02-12 10:00", shared_with=[*EVERYBODY, "personal_adviser"])
    assert pregnancy.the("PBA-02").state == "met"


def test_without_a_delivery_date_both_ask_for_it_at_once(practice):
    pregnancy = accepted(practice, "2013-12-10 10:00", edd=None)
    assert [pregnancy.the(step).gap for step in ("PBA-02", "PBA-02.hard-stop")] == ["edd", "edd"]
    assert {(one.step, "data-gap" in one.rungs) for one in practice.sweep("2013-12-10 10:00")} >= {
        ("PBA-02", True),
        ("PBA-02.hard-stop", True),
    }
    pregnancy.was("edd_corrected", "2013-12-11 10:00", edd=EDD)
    assert [found.gap for found in practice.follow_ups(pregnancy.name)] == [None] * len(pregnancy.steps())
    assert as_text(pregnancy.the("PBA-02").due_at) == "2014-02-14 17:00"


def test_a_scan_that_moves_the_expected_date_moves_both(practice):
    pregnancy = accepted(practice, "2014-01-20 10:00")
    pregnancy.was("edd_corrected", "2014-01-27 10:00", edd="2014-06-08")
    assert as_text(pregnancy.the("PBA-02").due_at) == "2014-03-16 17:00"
    assert as_text(pregnancy.the("PBA-02.hard-stop").due_at) == "2014-03-30 17:00"


def test_the_assessment_of_another_pregnancy_meets_neither(practice):
    ours, theirs = accepted(practice, "2013-12-10 10:00"), accepted(practice, "2013-12-10 10:00")
    theirs.was(COMPLETED, "2014-02-10 10:00", shared_with=EVERYBODY)
    assert [ours.the(step).state for step in ("PBA-02", "PBA-02.hard-stop")] == ["open", "open"]
    assert [theirs.the(step).state for step in ("PBA-02", "PBA-02.hard-stop")] == ["met", "met"]


@pytest.mark.parametrize("other", ["prebirth.referred.v1", "prebirth.assessment_started.v1"])
def test_neither_a_referral_nor_a_beginning_is_an_assessment(practice, other):
    pregnancy = accepted(practice, "2013-12-10 10:00")
    pregnancy.was(other, "2013-12-11 10:00")
    assert pregnancy.the("PBA-02").state == "open"


def test_an_acceptance_that_is_told_after_the_birth_asks_for_nothing(practice):
    pregnancy = practice.record_of("pregnancy", by=SOCIAL_WORKER, edd=EDD, mother_age_band="from_20")
    pregnancy.was("booked", "2013-11-28 10:00", by=MIDWIFE)
    pregnancy.was("ended", "2014-06-14 10:00", outcome="birth", children=[CHILD], parents=[PERSON])
    pregnancy.was("prebirth.referral_accepted.v1", "2014-02-03 10:00", recorded="2014-07-01 10:00")
    assert [pregnancy.the(step).state for step in ("PBA-02", "PBA-02.hard-stop")] == ["ended", "ended"]


@pytest.mark.parametrize("step", ["PBA-02", "PBA-02.hard-stop"])
def test_a_loss_ends_both_and_nobody_is_chased(practice, step):
    pregnancy = accepted(practice, "2013-12-10 10:00")
    pregnancy.was("ended", "2013-12-11 10:00", outcome="miscarriage")
    assert (pregnancy.the(step).state, pregnancy.the(step).closed_reason) == ("ended", "bereavement")
    assert step not in {found.step for found in practice.days_pass("2014-12-31 00:00")}
