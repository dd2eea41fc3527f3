"""Threads that must not fall silent: what starts again, what is known late, and what rests on a mistake."""

from __future__ import annotations

from datetime import date

import pytest

from tests.unit.practice import CHILD, GP, HV, MIDWIFE, PA, PACKS, PERSON, Practice, as_text

STEPS = PACKS["england"]["steps"]
ENTITLEMENT = "care_leaver.entitlement_decided.v1"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def matchers(content):
    """The matchers of one part of a step, each as a mapping."""
    listed = content["of"] if isinstance(content, dict) and "of" in content else content
    listed = listed if isinstance(listed, list) else [listed]
    return [item if isinstance(item, dict) else {"event": item} for item in listed]


# --- returners ----------------------------------------------------------------------------------------------------


def care_leaver(practice):
    leaver = practice.record_of("care-leaver", by=PA)
    leaver.was("care_leaver.registered.v1", "2013-01-14 10:00", category="relevant")
    leaver.was("accommodation.changed.v1", "2013-01-14 11:00", provided_by_authority=True)
    leaver.was("adviser.ended.v1", "2013-01-14 12:00", adviser="pa-lindqvist")
    leaver.was("care_leaver.moved.v1", "2013-01-14 12:00", out_of_area=True)
    leaver.was("care_leaver.move_learnt.v1", "2013-01-14 13:00")
    return leaver


ENDED_WITH_SUPPORT = sorted(
    step
    for step, content in STEPS.items()
    if content["thread"] == "care-leaver"
    and not (isinstance(content["opens_on"], dict) and "count" in content["opens_on"])
    and any(one["event"] == ENTITLEMENT for one in matchers(content.get("ended_by", [])))
)


@pytest.mark.parametrize("step", ENDED_WITH_SUPPORT)
@pytest.mark.parametrize("decision", ["declined_support", "ends"])
def test_returners_start_again(practice, step, decision):
    leaver = care_leaver(practice)
    (first,) = leaver.all(step)
    leaver.was(ENTITLEMENT, "2013-01-14 15:00", decision=decision)
    again = leaver.was(ENTITLEMENT, "2014-01-20 10:00", decision="continues")
    found = [(one.state, one.opened_by) for one in leaver.all(step)]
    assert found == [("ended", first.opened_by), ("open", again.id)]
    assert leaver.all(step)[1].due_at > again.occurred_at


def test_a_returner_is_kept_in_touch_with_for_as_long_as_support_goes_on(practice):
    leaver = care_leaver(practice)
    leaver.was(ENTITLEMENT, "2013-01-14 15:00", decision="declined_support")
    leaver.was(ENTITLEMENT, "2014-01-20 10:00", decision="continues")
    leaver.was("pa_contact.made.v1", "2014-02-03 10:00", how="in_person")
    leaver.was(ENTITLEMENT, "2014-03-03 10:00", decision="declined_support")
    leaver.was(ENTITLEMENT, "2015-03-02 10:00", decision="continues")
    rounds = [(found.state, as_text(found.due_at)) for found in leaver.all("CL-02.contact")]
    assert rounds == [
        ("ended", "2013-03-11 17:00"),
        ("met", "2014-03-17 17:00"),
        ("ended", "2014-03-31 17:00"),
        ("open", "2015-04-27 17:00"),
    ]


def test_accommodation_that_was_left_before_support_ended_is_not_visited_when_it_goes_on(practice):
    leaver = care_leaver(practice)
    leaver.was("accommodation.changed.v1", "2013-01-14 14:00", provided_by_authority=False)
    leaver.was(ENTITLEMENT, "2013-01-14 15:00", decision="ends")
    leaver.was(ENTITLEMENT, "2014-01-20 10:00", decision="continues")
    assert [found.state for found in leaver.all("CL-02.visits")] == ["ended"]


def test_a_decision_to_go_on_that_was_a_mistake_starts_nothing(practice):
    leaver = care_leaver(practice)
    leaver.was(ENTITLEMENT, "2013-01-14 15:00", decision="ends")
    leaver.retracted(leaver.was(ENTITLEMENT, "2014-01-20 10:00", decision="continues"), "2014-01-21 10:00")
    assert [found.state for found in leaver.all("CL-02.contact")] == ["ended"]


# --- what is known late -------------------------------------------------------------------------------------------

BORN = "2013-01-14"
FROM_THE_BIRTH = sorted(
    step
    for step, content in STEPS.items()
    if any(
        one["event"] == "pregnancy.ended.v1" and {"field_equals": ["outcome", "birth"]} in one.get("when", [])
        for one in matchers(content["opens_on"])
        if content["opens_on"] != "any_claim"
    )
)


def test_every_step_due_from_a_birthday_says_when_nobody_makes_up_for_it():
    assert FROM_THE_BIRTH
    assert [step for step in FROM_THE_BIRTH if "listed_after" not in STEPS[step]] == []


def born(practice, known):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-01-07", recorded=known, mother_age_band="from_20", edd=BORN)
    said = {"outcome": "birth", "children": [CHILD], "parents": [PERSON]}
    pregnancy.was("pregnancy.ended.v1", BORN, recorded=known, precision="day", **said)
    return practice.record_of("person", key=CHILD, by=HV)


def test_a_child_first_known_at_eight_months_is_not_chased_for_the_visit_of_its_first_fortnight(practice):
    child = born(practice, "2013-09-16 10:00")
    assert {found.step: found.inherited for found in practice.follow_ups(child.name)} == {
        "HV-01.new-birth": True,
        "HV-01.six-week": True,
        "HV-01.twelve-month": False,
        "HV-01.two-year": False,
    }
    chased = [found for found in practice.days_pass("2014-04-01 00:00") if found.step in FROM_THE_BIRTH]
    assert [(found.step, found.rungs) for found in chased] == [
        ("HV-01.new-birth", ("inherited",)),
        ("HV-01.six-week", ("inherited",)),
    ]


def test_a_child_known_three_weeks_after_the_birth_is_still_visited(practice):
    child = born(practice, "2013-02-04 10:00")
    assert not child.the("HV-01.new-birth").inherited
    assert "HV-01.new-birth" in [found.step for found in practice.sweep("2013-02-04 10:00")]


# --- what was so, not what was told -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edd", "sent", "opens"),
    [
        ("2013-09-02", "2013-01-14 10:00", True),  # seven weeks pregnant, and booked two days later
        ("2013-09-02", "2012-11-23 10:00", False),  # before the pregnancy began
        (None, "2013-01-14 10:00", True),
        (None, "2012-12-17 10:00", False),  # no test shows a pregnancy so early
    ],
)
def test_whoever_was_pregnant_on_the_day_counts_as_pregnant_although_it_was_told_later(practice, edd, sent, opens):
    referral = practice.referral(by=GP, service="talking_therapies")
    referral.was("sent", sent)
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-01-16 10:00", mother_age_band="from_20", edd=edd)
    assert bool(referral.all("MH-01")) is opens


def test_a_month_in_which_she_gave_birth_counts_as_after_the_birth(practice):
    practice.birth(CHILD, "2013-01-14")
    referral = practice.referral(by=GP, service="talking_therapies")
    referral.was("sent", "2013-01-01", precision="month", recorded="2013-01-28 10:00")
    assert as_text(referral.the("MH-01").due_at) == "2013-02-11 17:00"


def test_what_was_passed_on_before_counts_as_before_although_only_its_month_is_known(practice):
    referral = practice.referral()
    referral.was("sent", "2013-01-02 10:00")
    referral.was("acknowledged", "2013-01-03 10:00")
    referral.was("redirected", "2013-01-15 10:00", to_service="childrens_social_care", to_service_kind="social_care")
    referral.was("acknowledged", "2013-01-01", precision="month", recorded="2013-01-21 10:00")
    last = max(referral.all("REF-03"), key=lambda found: found.opened_recorded_at)
    assert as_text(last.due_at) == "2013-01-22 17:00"


# --- nets ---------------------------------------------------------------------------------------------------------

BY_THE_EDD = sorted(step for step, content in STEPS.items() if "'edd'" in repr(content["due"]))


@pytest.mark.parametrize("step", BY_THE_EDD)
def test_what_counts_from_the_delivery_date_rests_on_the_last_day_that_it_can_be(step):
    dues = []
    for edd in ("2037-09-01", "2013-10-21"):  # mistyped; 40 weeks after the first entry
        practice = Practice()
        pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
        pregnancy.was("pregnancy.booked.v1", "2013-01-14", mother_age_band="under_18", edd=edd)
        pregnancy.was("prebirth.referral_accepted.v1", "2013-02-04")
        pregnancy.was("prebirth.strategy_decided.v1", "2013-02-11", outcome="conference")
        dues.append(pregnancy.the(step).due_at)
    assert dues[0] == dues[1]
    assert dues[0].date() < date(2014, 1, 1)


def test_a_mistyped_correction_moves_no_net(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-01-14", mother_age_band="from_20", edd="2013-09-02")
    pregnancy.was("pregnancy.edd_corrected.v1", "2013-03-04", edd="2037-09-02")
    assert as_text(pregnancy.the("DATA-01.birth").due_at) == "2013-11-11 17:00"
