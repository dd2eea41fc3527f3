"""Standards change while follow-ups are open: what each was asked under stays known, and nobody is flooded."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import Accept, Assign, Refuse
from shared.kernel.decisions import Actor
from tests.unit.practice import CALENDAR, GP, NORFOLK_GP, PACKS, Practice, as_text, chase, with_holiday

NOTED = "2013-01-14 09:30"
MANAGER = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))
FOUR_DAYS = {"REF-01": {"due": {"working_days": 4}}}
FROM_2014 = {"REF-01": {"applies_from": "2014-01-01"}}


@pytest.fixture
def practice() -> Practice:
    return Practice()


def test_an_open_one_uses_the_newest_rules_and_says_so(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.adopt("england", "2013-01-15", FOUR_DAYS)
    found = referral.the("REF-01")
    assert (as_text(found.due_at), found.rules["england"]) == ("2013-01-18 17:00", "2013-01-15")
    assert practice.days_pass("2013-01-18 18:00") == [chase("2013-01-18 17:00", "REF-01", "owner", "gp-okafor")]


def test_a_closed_one_keeps_the_rules_that_were_in_force_when_it_closed(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    referral.was("sent", "2013-01-15 10:00")
    before = referral.the("REF-01")
    practice.adopt("england", "2013-01-16", FOUR_DAYS)
    assert referral.the("REF-01") == before
    assert before.rules["england"] == PACKS["england"]["version"]


def test_one_that_closes_after_a_change_closes_under_the_new_rules(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.adopt("england", "2013-01-15", FOUR_DAYS)
    referral.was("sent", "2013-01-16 10:00")
    practice.adopt("england", "2013-01-17")
    assert referral.the("REF-01").rules["england"] == "2013-01-15"


def test_a_sending_recorded_after_the_change_closes_it_under_the_new_rules_whenever_it_took_place(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.adopt("england", "2013-01-16", FOUR_DAYS)
    referral.was("sent", "2013-01-15 10:00", recorded="2013-01-17 10:00")
    found = referral.the("REF-01")
    assert (found.state, found.rules["england"]) == ("met", "2013-01-16")


def test_a_rung_that_a_change_puts_off_is_chased_again_when_it_comes(practice):
    practice.referral().was("intended", NOTED)
    assert len(practice.days_pass("2013-01-17 00:00")) == 1
    practice.adopt("england", "2013-01-17", FOUR_DAYS)
    assert practice.days_pass("2013-01-19 00:00") == [chase("2013-01-18 17:00", "REF-01", "owner", "gp-okafor")]


def test_what_a_new_standard_no_longer_asks_for_is_void_and_stays_in_sight(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.adopt("england", "2013-01-15", {"REF-01": None})
    found = referral.the("REF-01")
    assert (found.state, found.closed_reason) == ("void", "no longer asked for")
    assert practice.days_pass("2013-02-15 00:00") == []


def test_a_new_bank_holiday_moves_what_is_open_and_not_what_is_closed(practice):
    first, second = practice.referral(), practice.referral()
    first.was("intended", NOTED)
    second.was("intended", NOTED)
    first.was("sent", "2013-01-14 15:00")
    practice.adopt("england", "2013-01-15", calendar=with_holiday("2013-01-16"))
    assert as_text(first.the("REF-01").due_at) == "2013-01-16 17:00"
    assert first.the("REF-01").rules["calendar"] == CALENDAR.version
    moved = second.the("REF-01")
    assert as_text(moved.due_at) == "2013-01-17 17:00"
    assert moved.why["skipped"] == ["2013-01-16 (Extra bank holiday)"]
    assert moved.rules["calendar"] != CALENDAR.version


def test_an_adopted_bank_holiday_moves_what_is_open_in_every_area_and_says_why(practice):
    closed, essex, norfolk = practice.referral(), practice.referral(), practice.referral(by=NORFOLK_GP)
    for referral in (closed, essex, norfolk):
        referral.was("intended", NOTED)
    closed.was("sent", "2013-01-14 15:00")
    practice.adopt_calendar("2013-01-15", more="2013-01-16")
    assert as_text(closed.the("REF-01").due_at) == "2013-01-16 17:00"
    assert closed.the("REF-01").rules["calendar"] == CALENDAR.version
    for referral in (essex, norfolk):
        moved = referral.the("REF-01")
        assert as_text(moved.due_at) == "2013-01-17 17:00"
        assert moved.why["skipped"] == ["2013-01-16 (Extra bank holiday)"]
        assert moved.rules["calendar"] == f"{CALENDAR.version}+more"


def test_a_pack_that_is_adopted_later_keeps_the_bank_holidays_that_were_adopted(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.adopt_calendar("2013-01-15", more="2013-01-16")
    practice.adopt("england", "2013-01-15 12:00")
    assert as_text(referral.the("REF-01").due_at) == "2013-01-17 17:00"


def test_a_bank_holiday_that_was_adopted_in_error_is_taken_back_by_the_next_calendar(practice):
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.adopt_calendar("2013-01-15", more="2013-01-16")
    practice.adopt_calendar("2013-01-15 12:00", version="less", less="2013-01-16")
    assert as_text(referral.the("REF-01").due_at) == "2013-01-16 17:00"


def test_a_calendar_replaces_the_years_that_it_names_and_no_others(practice):
    early, late = practice.referral(), practice.referral()
    early.was("intended", "2012-12-24 09:30")
    late.was("intended", "2013-12-24 09:30")
    practice.adopt_calendar("2012-12-24 12:00", less="2013-12-26")
    assert as_text(early.the("REF-01").due_at) == "2012-12-28 17:00"
    assert as_text(late.the("REF-01").due_at) == "2013-12-27 17:00"
    assert practice.calendar().covers(2014)


def test_a_rung_that_a_bank_holiday_puts_off_is_chased_when_it_comes(practice):
    practice.referral().was("intended", NOTED)
    practice.adopt_calendar("2013-01-15", more="2013-01-16")
    assert practice.days_pass("2013-01-18 00:00") == [chase("2013-01-17 17:00", "REF-01", "owner", "gp-okafor")]


def test_an_areas_pack_changes_its_own_area_only(practice):
    essex, norfolk = practice.referral(), practice.referral(by=NORFOLK_GP)
    essex.was("sent", NOTED)
    norfolk.was("sent", NOTED)
    practice.adopt("norfolk", "2013-01-15", {"REF-02": {"due": {"working_days": 6}}})
    assert as_text(essex.the("REF-02").due_at) == "2013-01-17 17:00"
    assert as_text(norfolk.the("REF-02").due_at) == "2013-01-22 17:00"
    assert set(norfolk.the("REF-02").rules) == {"england", "norfolk", "calendar"}


def test_an_areas_number_goes_before_a_later_national_one(practice):
    norfolk = practice.referral(by=NORFOLK_GP)
    norfolk.was("sent", NOTED)
    practice.adopt("england", "2013-01-15", {"REF-02": {"due": {"working_days": 9}}})
    assert as_text(norfolk.the("REF-02").due_at) == "2013-01-16 17:00"


def test_what_opened_before_the_standard_applied_is_inherited_and_the_manager_gets_one_summary(practice):
    practice.adopt("england", "2013-01-01", FROM_2014)
    referral = practice.referral()
    referral.was("intended", NOTED)
    assert referral.the("REF-01").inherited
    assert practice.days_pass("2015-01-01 00:00") == [chase("2013-01-14 09:30", "REF-01", "inherited", MANAGER.id)]


def test_the_day_from_which_a_standard_applies_counts_by_londons_calendar(practice):
    practice.adopt("england", "2013-01-01", {"REF-01": {"applies_from": "2013-07-02"}})
    before, after = practice.referral(), practice.referral()
    before.was("intended", "2013-07-01 23:59")
    after.was("intended", "2013-07-02 00:30")  # still 1 July in UTC
    assert (before.the("REF-01").inherited, after.the("REF-01").inherited) == (True, False)


@pytest.mark.parametrize("taking", [Accept, Assign])
def test_an_inherited_one_has_its_ladder_from_when_somebody_takes_it_on(practice, taking):
    practice.adopt("england", "2013-01-01", FROM_2014)
    referral = practice.referral()
    referral.was("intended", NOTED)
    practice.days_pass("2013-03-01 00:00")
    found = referral.the("REF-01")
    command = Accept(found) if taking is Accept else Assign(found, GP.id, GP.team)
    practice.act(command, "2013-03-04 10:00", by=GP)
    lead, named_gp = "gp-safeguarding-rahman", "named-gp-ferreira"
    assert practice.days_pass("2013-03-05 00:00") == [
        chase("2013-03-04 10:00", "REF-01", "owner practice-lead named-gp", GP.id, lead, named_gp)
    ]
    assert practice.days_pass("2013-03-19 00:00") == [chase("2013-03-18 17:00", "REF-01", "named-gp", lead, named_gp)]


def test_an_inherited_one_that_was_taken_on_and_given_back_does_not_fall_silent(practice):
    practice.adopt("england", "2013-01-01", FROM_2014)
    referral = practice.referral()
    referral.was("intended", NOTED)
    found = referral.the("REF-01")
    practice.act(Accept(found), "2013-03-04 10:00", by=GP)
    practice.act(Refuse(found, "not-mine"), "2013-03-04 11:00", by=GP)
    assert practice.days_pass("2013-03-05 00:00")


def test_a_standard_adopted_for_later_makes_no_flood_of_what_is_open(practice):
    for _ in range(5):
        practice.referral().was("intended", NOTED)
    practice.adopt("england", "2013-01-15", FROM_2014)
    found = practice.days_pass("2014-01-01 00:00")
    assert {(one.rungs, one.told) for one in found} == {(("inherited",), frozenset({MANAGER.id}))}
    assert len(found) == 5


BY_REVIEW = {"due": {"after": {"field": "review_by"}, "working_days": 2}}


def test_a_date_that_is_missing_is_a_data_gap_at_once_and_no_silence(practice):
    practice.adopt("england", "2013-01-01", {"CL-01.fallback": BY_REVIEW})
    item = practice.plan_item(review_by=None)
    item.was("added", NOTED)
    found = item.the("CL-01.fallback")
    assert (found.gap, found.state) == ("review_by", "open")
    (first,) = practice.sweep(NOTED)
    assert (first.step, first.rungs) == ("CL-01.fallback", ("data-gap", "owner"))


def test_a_date_that_is_there_is_no_gap(practice):
    practice.adopt("england", "2013-01-01", {"CL-01.fallback": BY_REVIEW})
    item = practice.plan_item()
    item.was("added", NOTED)
    found = item.the("CL-01.fallback")
    assert (found.gap, as_text(found.due_at)) == (None, "2013-06-05 17:00")  # 1 June is a Saturday


def test_what_is_known_of_several_dates_is_used_and_the_gap_is_told_all_the_same(practice):
    earliest = {"due": {"earliest": [{"months": 6}, BY_REVIEW["due"]]}}
    practice.adopt("england", "2013-01-01", {"CL-01.fallback": earliest})
    item = practice.plan_item(review_by=None)
    item.was("added", NOTED)
    found = item.the("CL-01.fallback")
    assert (found.gap, as_text(found.due_at)) == ("review_by", "2013-07-14 17:00")
    assert [rung.name for rung in found.rungs] == ["data-gap", "owner", "manager", "health-lead"]


THREE_DECLINES = {
    "CL-01.fallback": {
        "opens_on": {"count": 3, "of": ["plan_item.declined.v1"], "within_days": 30},
        "due": {"working_days": 2},
        "met_by": ["plan_item.reviewed.v1"],
        "ended_by": [],
    }
}


def test_a_counted_standard_opens_on_the_nth_within_so_many_days_and_only_then(practice):
    practice.adopt("england", "2013-01-01", THREE_DECLINES)
    item = practice.plan_item()
    item.was("added", NOTED)
    for day in ("2013-01-15", "2013-02-20", "2013-02-25"):
        item.was("declined", f"{day} 10:00")
    assert item.all("CL-01.fallback") == []
    item.was("declined", "2013-03-01 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-03-05 17:00"


def test_an_episode_takes_in_all_that_follows_until_its_review_and_then_another_may_begin(practice):
    practice.adopt("england", "2013-01-01", THREE_DECLINES)
    item = practice.plan_item()
    item.was("added", NOTED)
    for day in range(15, 20):
        item.was("declined", f"2013-01-{day} 10:00")
    assert [found.state for found in item.all("CL-01.fallback")] == ["open"]
    item.was("reviewed", "2013-01-20 10:00")
    item.was("declined", "2013-01-21 10:00")
    assert [found.state for found in item.all("CL-01.fallback")] == ["met"]
    for day in (22, 23):
        item.was("declined", f"2013-01-{day} 10:00")
    assert [found.state for found in item.all("CL-01.fallback")] == ["met", "open"]
    assert practice.days_pass("2013-01-26 00:00")
    assert [found.state for found in item.all("CL-01.fallback")] == ["met", "open"]
