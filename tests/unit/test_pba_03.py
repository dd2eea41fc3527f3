"""PBA-03: a pre-birth conference that was decided on is held, in the 34th week at the latest."""

from __future__ import annotations

import pytest

from shared.kernel.decisions import Actor
from tests.unit.practice import MIDWIFE, SOCIAL_WORKER, Practice, as_text, chase

EDD = "2014-06-15"  # 32+0 is Easter Sunday 20 April 2014, 34+0 Sunday 4 May
NORFOLK = Actor("sw-oakley", "social_worker", "childrens-social-care-norfolk", ("norfolk",))


@pytest.fixture
def practice() -> Practice:
    return Practice()


def decided(practice: Practice, at: str, outcome: str = "conference", by: Actor = SOCIAL_WORKER, edd: str | None = EDD):
    pregnancy = practice.record_of("pregnancy", by=by, edd=edd, mother_age_band="from_20")
    pregnancy.was("booked", "2013-11-28 10:00", by=MIDWIFE)
    pregnancy.was("prebirth.strategy_decided.v1", at, outcome=outcome)
    return pregnancy


def test_a_decision_against_a_conference_asks_for_none(practice):
    assert "PBA-03" not in decided(practice, "2014-01-13 10:00", "no_conference").steps()


@pytest.mark.parametrize(
    ("by", "on", "due"),
    [
        (SOCIAL_WORKER, "2014-01-13 10:00", "2014-02-03 17:00"),  # fifteen working days
        (SOCIAL_WORKER, "2014-03-17 10:00", "2014-04-06 17:00"),  # 30+0, a Sunday; the fifteenth would be the 7th
        (SOCIAL_WORKER, "2014-03-29 10:00", "2014-04-06 17:00"),  # 28+6
        (SOCIAL_WORKER, "2014-03-30 10:00", "2014-04-23 17:00"),  # 29+0, a Sunday: fifteen from Monday, over Easter
        (SOCIAL_WORKER, "2014-04-09 10:00", "2014-05-02 17:00"),  # the Friday before 34+0
        (SOCIAL_WORKER, "2014-04-10 10:00", "2014-05-04 17:00"),  # 34+0, a Sunday; the fifteenth would be the 6th
        (NORFOLK, "2014-01-13 10:00", "2014-01-27 17:00"),  # Norfolk: ten
        (NORFOLK, "2014-04-04 10:00", "2014-04-20 17:00"),  # Norfolk: 32+0
    ],
)
def test_it_is_due_after_fifteen_working_days_or_at_thirty_weeks_and_in_the_thirty_fourth_at_the_latest(
    practice, by, on, due
):
    assert as_text(decided(practice, on, by=by).the("PBA-03").due_at) == due


def test_one_decided_on_after_that_week_is_late_at_once_and_the_manager_is_told_the_same_day(practice):
    decided(practice, "2014-05-07 10:00")
    assert practice.days_pass("2014-05-07 23:00") == [
        chase("2014-05-07 10:00", "PBA-03", "owner", "sw-petrov", "cp-service-manager-eze")
    ]


def test_without_a_delivery_date_the_gap_is_told_at_once_and_the_fifteen_days_run(practice):
    found = decided(practice, "2014-01-13 10:00", edd=None).the("PBA-03")
    assert (found.gap, as_text(found.due_at)) == ("edd", "2014-02-03 17:00")
    assert [one.rungs for one in practice.sweep("2014-01-13 10:00") if one.step == "PBA-03"] == [("data-gap",)]


def test_a_threshold_that_is_not_met_ends_it_with_the_reason(practice):
    pregnancy = decided(practice, "2014-01-13 10:00")
    pregnancy.was("prebirth.threshold_not_met.v1", "2014-01-20 10:00", reason_code="risk-is-low")
    found = pregnancy.the("PBA-03")
    assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "risk-is-low", SOCIAL_WORKER.id)


def test_a_second_strategy_discussion_asks_for_a_conference_of_its_own(practice):
    pregnancy = decided(practice, "2014-01-13 10:00")
    pregnancy.was("prebirth.conference_held.v1", "2014-01-29 10:00")
    pregnancy.was("prebirth.strategy_decided.v1", "2014-03-03 10:00", outcome="conference")
    assert [(found.state, as_text(found.due_at)) for found in pregnancy.all("PBA-03")] == [
        ("met", "2014-02-03 17:00"),
        ("open", "2014-03-24 17:00"),
    ]


def test_a_loss_ends_it(practice):
    pregnancy = decided(practice, "2014-01-13 10:00")
    pregnancy.was("ended", "2014-01-15 10:00", outcome="stillbirth")
    assert pregnancy.the("PBA-03").closed_reason == "bereavement"
    assert "PBA-03" not in {found.step for found in practice.days_pass("2014-12-31 00:00")}
