"""CL-01: an item of a pathway plan is arranged, revisited every eight weeks, and falls back when not taken up."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import Acknowledge, End
from shared.contracts import CATALOGUE
from tests.unit.practice import MANAGER, PA, Practice, as_text, chase

ADDED = "2013-01-15 10:00"  # a Tuesday
ADVISER, LEADER, HEALTH = "pa-lindqvist", "lc-manager-varga", "lc-mental-health-greer"
STEPS = ["CL-01.arrange", "CL-01.fallback", "CL-01.revisit"]
AGREED = {"plan_item.arranged.v1", "plan_item.deferred.v1", "plan_item.reviewed.v1"}
TYPES = [
    entry.name for entry in CATALOGUE if entry.name.startswith("plan_item.") and entry.name != "plan_item.added.v1"
]


@pytest.fixture
def practice() -> Practice:
    practice = Practice()
    practice.adviser(ADVISER, "2012-06-01")
    return practice


@pytest.fixture
def item(practice):
    item = practice.plan_item()
    item.was("added", ADDED, review_by=None)
    return item


def test_an_item_opens_all_three_and_the_personal_adviser_owns_them(practice, item):
    assert item.steps() == STEPS
    owners = {item.the(step).owner for step in STEPS}
    assert {(owner.role, owner.team, owner.person) for owner in owners} == {
        ("personal_adviser", "leaving-care-essex", ADVISER)
    }


@pytest.mark.parametrize("other", TYPES)
def test_nothing_else_that_happens_to_an_item_opens_any(practice, other):
    item = practice.plan_item(fallback="none", re_offer_by="2013-06-01", next_review_by="2013-06-01")
    item.was(other, ADDED)
    assert item.steps() == (["CL-01.review-by"] if other in AGREED else [])


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("added", {"review_by": "2013-02-14"}),
        ("arranged", {"review_by": "2013-02-14"}),
        ("deferred", {"re_offer_by": "2013-02-14"}),
        ("reviewed", {"next_review_by": "2013-02-14"}),
    ],
)
def test_a_day_that_was_agreed_is_kept(practice, event, said):
    item = practice.plan_item(fallback="none", review_by="2013-12-01")
    item.was(event, ADDED, **said)
    found = item.the("CL-01.review-by")
    assert (found.state, as_text(found.due_at), found.owner.person) == ("open", "2013-02-14 17:00", ADVISER)
    item.was("reviewed", "2013-02-13 10:00")
    assert item.the("CL-01.review-by").state == "met"


def test_a_day_that_is_agreed_anew_takes_the_place_of_the_one_before(practice):
    item = practice.plan_item(fallback="none", review_by="2013-02-14")
    item.was("added", ADDED)
    item.was("arranged", "2013-01-17 10:00", review_by="2013-03-01")
    found = [(one.state, as_text(one.due_at)) for one in item.all("CL-01.review-by")]
    assert found == [("ended", "2013-02-14 17:00"), ("open", "2013-03-01 17:00")]


@pytest.mark.parametrize(("event", "field"), [("deferred", "re_offer_by"), ("reviewed", "next_review_by")])
def test_where_no_day_was_agreed_none_is_asked_for(practice, item, event, field):
    item.was(event, "2013-01-16 10:00", **{field: None})
    assert item.all("CL-01.review-by") == []


def test_a_fallback_that_is_named_only_when_the_item_is_arranged_is_held_too(practice):
    item = practice.plan_item(fallback="none")
    item.was("added", ADDED)
    item.was("arranged", ADDED, fallback="mental_health_worker")
    assert item.the("CL-01.fallback").state == "open"


def test_an_item_without_a_fallback_is_not_expected_to_fall_back(practice):
    item = practice.plan_item(fallback="none", review_by=None)
    item.was("added", ADDED)
    assert item.steps() == ["CL-01.arrange", "CL-01.revisit"]


@pytest.mark.parametrize(
    ("added", "arrange", "revisit", "fallback"),
    [
        (ADDED, "2013-01-22 17:00", "2013-03-12 17:00", "2013-07-15 17:00"),
        ("2013-01-19 10:00", "2013-01-28 17:00", "2013-03-16 17:00", "2013-07-19 17:00"),  # a Saturday
        ("2013-03-26 10:00", "2013-04-04 17:00", "2013-05-21 17:00", "2013-09-26 17:00"),  # over Easter
        ("2013-12-20 10:00", "2013-12-31 17:00", "2014-02-14 17:00", "2014-06-20 17:00"),  # over Christmas
        ("2013-08-31 10:00", "2013-09-09 17:00", "2013-10-26 17:00", "2014-02-28 17:00"),  # February is short
    ],
)
def test_each_is_due_on_its_day_at_five(practice, added, arrange, revisit, fallback):
    item = practice.plan_item()
    item.was("added", added)
    assert [as_text(item.the(f"CL-01.{step}").due_at) for step in ("arrange", "revisit", "fallback")] == [
        arrange,
        revisit,
        fallback,
    ]


@pytest.mark.parametrize(
    ("precision", "dues"),
    [
        ("day", ["2013-01-22 17:00", "2013-03-12 17:00", "2013-07-15 17:00"]),
        ("month", ["2013-02-07 17:00", "2013-03-28 17:00", "2013-07-31 17:00"]),  # from Thursday 31 January
    ],
)
def test_known_only_by_its_day_or_month_it_counts_from_the_end_of_that(practice, precision, dues):
    item = practice.plan_item()
    item.was("added", "2013-01-15", precision=precision, recorded="2013-02-01 09:00")
    assert [as_text(item.the(f"CL-01.{step}").due_at) for step in ("arrange", "revisit", "fallback")] == dues


EFFECTS = {
    "plan_item.arranged.v1": ("met", "open", "open"),
    "plan_item.offered.v1": ("open", "met", "open"),
    "plan_item.taken_up.v1": ("open", "met", "ended"),
    "plan_item.declined.v1": ("open", "met", "open"),
    "plan_item.deferred.v1": ("open", "met", "open"),
    "plan_item.reviewed.v1": ("open", "met", "open"),
    "plan_item.fallback_started.v1": ("open", "met", "met"),
    "plan_item.completed.v1": ("met", "ended", "ended"),
    "plan_item.ended.v1": ("ended", "ended", "ended"),
}


def test_every_event_of_a_plan_item_has_its_effects_here():
    assert set(EFFECTS) == set(TYPES)


@pytest.mark.parametrize("event_type", EFFECTS)
def test_each_event_meets_or_ends_just_what_it_should(practice, item, event_type):
    item.was(event_type, "2013-01-16 10:00")
    found = [item.all(f"CL-01.{step}")[0].state for step in ("arrange", "revisit", "fallback")]
    assert tuple(found) == EFFECTS[event_type]


def test_an_end_keeps_who_and_why(practice, item):
    item.was("ended", "2013-01-16 10:00", by=PA, reason_code="does-not-want-it")
    found = [item.the(step) for step in STEPS]
    assert {(one.state, one.closed_reason, one.closed_actor) for one in found} == {("ended", "does-not-want-it", PA.id)}


def test_what_happens_to_another_item_of_the_same_leaver_changes_nothing(practice, item):
    other = practice.plan_item()
    other.was("added", ADDED)
    other.was("completed", "2013-01-16 10:00")
    assert [item.the(step).state for step in STEPS] == ["open"] * 3


def test_the_ladders_go_from_the_adviser_to_the_manager_to_the_health_lead(practice, item):
    firsts = {}
    for found in practice.days_pass("2013-08-13 00:00"):
        for rung in found.rungs:
            firsts.setdefault((found.step, rung), found)
    ladder = {
        "CL-01.arrange": ("2013-01-22", "2013-02-05", "2013-02-19"),
        "CL-01.revisit": ("2013-03-12", "2013-03-26", "2013-04-11"),
        "CL-01.fallback": ("2013-07-15", "2013-07-29", "2013-08-12"),
    }
    told = {"owner": (ADVISER,), "manager": (ADVISER, LEADER), "health-lead": (LEADER, HEALTH)}
    assert firsts == {
        (step, rung): chase(f"{day} 17:00", step, rung, *told[rung])
        for step, days in ladder.items()
        for rung, day in zip(told, days, strict=True)
    }


def test_the_last_rung_repeats_every_twenty_working_days(practice, item):
    days = [found.at for found in practice.days_pass("2013-05-01 00:00") if found.step == "CL-01.arrange"]
    assert days[2:] == ["2013-02-19 17:00", "2013-03-19 17:00", "2013-04-18 17:00"]


def test_each_visit_asks_for_the_next_one_eight_weeks_later(practice, item):
    item.was("offered", "2013-02-12 10:00")
    item.was("declined", "2013-04-02 10:00")
    item.was("reviewed", "2013-05-21 10:00")
    assert [(found.state, as_text(found.due_at)) for found in item.all("CL-01.revisit")] == [
        ("met", "2013-03-12 17:00"),
        ("met", "2013-04-09 17:00"),
        ("met", "2013-05-28 17:00"),
        ("open", "2013-07-16 17:00"),
    ]


def test_several_visits_at_once_are_one_round(practice, item):
    item.was("offered", "2013-02-12 10:00")
    item.was("declined", "2013-02-12 10:00")
    assert [found.state for found in item.all("CL-01.revisit")] == ["met", "met", "open"]
    assert as_text(item.all("CL-01.revisit")[-1].due_at) == "2013-04-09 17:00"


def test_a_later_round_goes_up_its_ladder_like_the_first(practice, item):
    item.was("offered", "2013-02-12 10:00")
    found = [one for one in practice.days_pass("2013-05-08 18:00") if one.step == "CL-01.revisit"]
    assert found == [
        chase("2013-04-09 17:00", "CL-01.revisit", "owner", ADVISER),
        chase("2013-04-23 17:00", "CL-01.revisit", "manager", ADVISER, LEADER),
        chase("2013-05-08 17:00", "CL-01.revisit", "health-lead", LEADER, HEALTH),
    ]
    assert item.all("CL-01.revisit")[-1].state == "open"


def test_acting_on_a_later_round_leaves_it_open(practice, item):
    item.was("offered", "2013-02-12 10:00")
    practice.act(Acknowledge(item.all("CL-01.revisit")[-1]), "2013-02-13 10:00", by=PA)
    assert [found.state for found in item.all("CL-01.revisit")] == ["met", "open"]


def test_an_item_that_was_taken_up_is_asked_about_until_it_is_completed(practice, item):
    item.was("offered", "2013-02-12 10:00")
    item.was("taken_up", "2013-02-19 10:00")
    assert [(found.state, as_text(found.due_at)) for found in item.all("CL-01.revisit")] == [
        ("met", "2013-03-12 17:00"),
        ("met", "2013-04-09 17:00"),
        ("open", "2013-04-16 17:00"),
    ]
    item.was("completed", "2013-03-19 10:00")
    assert [found.state for found in item.all("CL-01.revisit")] == ["met", "met", "ended"]


def test_a_round_that_somebody_ended_is_not_followed_by_another(practice, item):
    practice.act(End(item.the("CL-01.revisit"), "young-person-asked-us-to-stop"), "2013-02-12 10:00", by=MANAGER)
    item.was("offered", "2013-02-19 10:00")
    assert [found.state for found in item.all("CL-01.revisit")] == ["ended"]


def test_a_visit_that_becomes_known_late_takes_its_place_between_the_others(practice, item):
    item.was("offered", "2013-03-05 10:00")
    practice.days_pass("2013-05-01 00:00")
    item.was("reviewed", "2013-02-05 10:00", recorded="2013-05-01 10:00")
    assert [(found.state, as_text(found.due_at)) for found in item.all("CL-01.revisit")] == [
        ("met", "2013-03-12 17:00"),
        ("met", "2013-04-02 17:00"),
        ("open", "2013-04-30 17:00"),
    ]


def test_a_round_whose_visit_was_a_mistake_is_void_and_the_one_before_is_open_again(practice, item):
    visit = item.was("offered", "2013-02-12 10:00")
    practice.days_pass("2013-04-10 00:00")
    item.retracted(visit, "2013-04-10 10:00")
    assert [(found.state, as_text(found.due_at)) for found in item.all("CL-01.revisit")] == [
        ("open", "2013-03-12 17:00"),
        ("void", "2013-04-09 17:00"),
    ]


def test_the_fallback_is_due_five_working_days_after_the_second_time_it_was_declined(practice, item):
    item.was("declined", "2013-02-12 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-07-15 17:00"
    item.was("declined", "2013-03-27 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-04-05 17:00"
    item.was("declined", "2013-04-03 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-04-05 17:00"


def test_the_fallback_is_due_at_six_months_when_the_second_time_comes_later(practice, item):
    item.was("declined", "2013-02-12 10:00")
    item.was("declined", "2013-07-12 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-07-15 17:00"


def test_a_refusal_that_was_a_mistake_does_not_count_as_one_of_the_two(practice, item):
    item.was("declined", "2013-02-12 10:00")
    second = item.was("declined", "2013-03-05 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-03-12 17:00"
    item.retracted(second, "2013-03-06 10:00")
    assert as_text(item.the("CL-01.fallback").due_at) == "2013-07-15 17:00"


def test_two_refusals_that_become_known_late_are_chased_at_once_and_not_before(practice, item):
    item.was("declined", "2013-02-12 10:00")
    item.was("declined", "2013-03-05 10:00", recorded="2013-03-20 10:00")
    found = [one for one in practice.days_pass("2013-03-21 00:00") if one.step == "CL-01.fallback"]
    assert [one.rungs for one in found] == [("owner",)]


def test_the_fallback_names_the_step_that_the_rounds_fall_back_on(practice, item):
    assert item.the("CL-01.revisit").fallback == "CL-01.fallback"


def test_a_new_personal_adviser_is_told_from_then_on(practice, item):
    practice.adviser("pa-moreau", "2013-01-18 10:00")
    assert item.the("CL-01.arrange").owner.person == "pa-moreau"
    assert practice.days_pass("2013-01-23 00:00") == [chase("2013-01-22 17:00", "CL-01.arrange", "owner", "pa-moreau")]


def test_without_an_adviser_the_duty_person_of_the_leaving_care_team_is_told():
    practice = Practice()
    practice.plan_item().was("added", ADDED)
    assert practice.days_pass("2013-01-23 00:00") == [chase("2013-01-22 17:00", "CL-01.arrange", "owner", "pa-moreau")]


def test_a_young_person_who_never_heard_again_is_never_forgotten(practice, item):
    assert len(practice.days_pass("2014-01-15 00:00")) > 20
    assert [item.the(step).state for step in STEPS] == ["open"] * 3
