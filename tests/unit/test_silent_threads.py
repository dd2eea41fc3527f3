"""Threads that must not fall silent: what starts again, what is known late, and what rests on a mistake."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date

import pytest

from services.referrals_followup.domain.follow_up import Note
from services.referrals_followup.domain.predicates import read_predicates
from services.referrals_followup.domain.standards import OWN
from shared.kernel.decisions import Actor
from tests.unit.practice import (
    CAMHS,
    CHILD,
    FRONT_DOOR,
    GP,
    HV,
    MIDWIFE,
    PA,
    PACKS,
    PARTNER,
    PERSON,
    SOCIAL_WORKER,
    Practice,
    as_text,
)

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


# They ask about the ending itself.
ABOUT_THE_ENDING = {"CL-04.age", "CL-04.child", "CL-04.items", "CL-04.plan", "CL-04.return", "CL-04.yearly"}
ENDED_WITH_SUPPORT = sorted(
    step
    for step, content in STEPS.items()
    if content["thread"] == "care-leaver"
    and step not in ABOUT_THE_ENDING
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
    assert {found.state for found in leaver.all("CL-02.contact")} <= {"ended", "void"}


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
    # What was decided for the child before its birth is to be done however late the birth becomes known.
    assert [step for step in FROM_THE_BIRTH if "listed_after" not in STEPS[step]] == ["ACT-01.carried"]


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


# --- reviews that are offered again -------------------------------------------------------------------------------

REVIEWS = {"new_birth": "new-birth", "six_week": "six-week", "twelve_month": "twelve-month", "two_year": "two-year"}


@pytest.mark.parametrize("review", REVIEWS)
def test_a_declined_review_that_is_offered_again_starts_again_with_a_clock_of_its_own(practice, review):
    practice.birth(CHILD, "2013-01-14")
    step, child = f"HV-01.{REVIEWS[review]}", practice.record_of("person", key=CHILD, by=HV)
    child.was("review.offered.v1", "2013-01-21 10:00", review=review)
    assert len(child.all(step)) == 1
    child.was("review.declined.v1", "2013-01-22 10:00", review=review)
    child.was("review.offered.v1", "2013-03-04 10:00", review="antenatal")
    assert [one.state for one in child.all(step)] == ["ended"]
    offered = child.was("review.offered.v1", "2013-04-01 10:00", review=review)
    again = next(one for one in child.all(step) if one.opened_by == offered.id)
    assert (again.state, as_text(again.due_at), as_text(again.visible_from)) == (
        "open",
        "2013-04-29 17:00",
        "2013-04-01 10:00",
    )
    done = child.was("review.completed.v1", "2013-04-15 10:00", review=review)
    assert sorted((one.state, one.closed_by) for one in child.all(step))[1] == ("met", done.id)


def test_a_review_that_is_declined_and_offered_again_and_again_starts_each_time(practice):
    practice.birth(CHILD, "2013-01-14")
    child = practice.record_of("person", key=CHILD, by=HV)
    for month in ("02", "03", "04"):
        child.was("review.declined.v1", f"2013-{month}-04 10:00", review="six_week")
        child.was("review.offered.v1", f"2013-{month}-18 10:00", review="six_week")
    assert sorted(one.state for one in child.all("HV-01.six-week")) == ["ended", "ended", "ended", "open"]


def test_what_counts_and_was_ended_starts_again_too_and_an_act_on_it_stays_in_sight(practice):
    pregnancy = practice.record_of("pregnancy", by=HV, edd="2013-09-02", mother_age_band="from_20")
    pregnancy.was("pregnancy.booked.v1", "2013-01-14 10:00")
    pregnancy.was("review.declined.v1", "2013-06-03 10:00", review="antenatal")
    offered = pregnancy.was("review.offered.v1", "2013-07-01 10:00", review="antenatal")
    first, again = sorted(pregnancy.all("HV-01.antenatal"), key=lambda one: one.opened_at)
    assert (first.state, again.state, again.opened_by) == ("ended", "open", offered.id)
    practice.act(Note(again, "spoke with her"), "2013-07-02 10:00", by=HV)
    pregnancy.retracted(offered, "2013-07-03 10:00")
    states = {one.id: one.state for one in pregnancy.all("HV-01.antenatal")}
    assert states == {first.id: "ended", again.id: "void"}


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


@pytest.mark.parametrize(("booked", "inherited"), [("2013-02-25 17:00", False), ("2013-02-25 17:01", True)])
def test_what_opens_by_a_booking_that_was_told_long_after_is_listed_and_not_chased(practice, booked, inherited):
    referral = practice.referral(by=GP, service="talking_therapies")
    referral.was("sent", "2013-01-14 10:00")
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    known = {"recorded": booked, "mother_age_band": "from_20", "edd": "2013-09-02"}
    pregnancy.was("pregnancy.booked.v1", "2013-01-16 10:00", **known)
    found = referral.the("MH-01")
    assert (found.inherited, found.state) == (inherited, "open")
    rungs = [one.rungs for one in practice.sweep("2013-02-25 17:01") if one.step == "MH-01"]
    assert rungs == [("inherited",) if inherited else ("warning", "owner")]


def test_a_referral_that_becomes_known_late_itself_is_chased(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-01-07 10:00", mother_age_band="from_20", edd="2013-09-02")
    referral = practice.referral(by=GP, service="talking_therapies")
    referral.was("sent", "2013-01-14 10:00", recorded="2013-05-01 10:00")
    assert not referral.the("MH-01").inherited


def test_a_late_birth_lists_what_the_birth_was_needed_for(practice):
    referral = practice.referral(by=GP, service="talking_therapies")
    referral.was("sent", "2013-01-14 10:00")
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    said = {"outcome": "birth", "children": [CHILD], "parents": [PERSON]}
    ended = pregnancy.was("pregnancy.ended.v1", "2012-12-03", recorded="2013-09-02 10:00", precision="day", **said)
    assert referral.the("MH-01").inherited
    pregnancy.retracted(ended, "2013-09-03 10:00")
    assert referral.all("MH-01") == []


# Why what opens by what other records say is chased however late they say it.
CHASED_HOWEVER_LATE = {
    "PBA-01": "a pregnancy that goes on is decided about, however late somebody told of a trigger",
    "MH-04": "to tell the health visitor is worthwhile as long as nobody has",
    "MH-04.midwife": "to tell the midwife is worthwhile until the birth",
    "CLOSE-01.pregnancy": "whoever closed still has to say who holds a live pregnancy",
    "DATA-04.pregnancy": "two records that go on at once mislead until they are one",
    "REF-05.tell": "to tell an outcome is worthwhile as long as nobody has",
    "CL-03.told": "the adviser has to know, however late it is told",
    **dict.fromkeys(
        (step for step in STEPS if step.startswith("HV-02.")), "a handover is owed until the other side has it"
    ),
    **dict.fromkeys((step for step in STEPS if step.startswith("CL-01.")), "a young person is still entitled"),
}


def test_each_step_that_opens_by_what_other_records_say_says_when_that_is_too_late_or_why_it_never_is():
    opened_by_others = {
        step
        for step, content in STEPS.items()
        if content["opens_on"] != "any_claim"
        for one in matchers(content["opens_on"])
        if any(reading.via != OWN for reading in read_predicates(one.get("when", [])))
    }
    chased = {step for step in opened_by_others if "told_after" not in STEPS[step] and not STEPS[step].get("guarded")}
    assert chased <= CHASED_HOWEVER_LATE.keys()
    assert {"MH-01", "MH-01.redirected"} <= opened_by_others


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


# --- who is asked -------------------------------------------------------------------------------------------------

# Steps that their own opening may close, each with the reason.
CLOSED_BY_THEIR_KIND = {
    "REF-06.kept": "another appointment takes the place of the old one",
    "REF-06.goes-on": "what comes next asks for what comes after it",
    "REF-02.redirected": "who passes it on again hands it to another receiver, who is asked anew",
    "PBA-01.refer": "a new decision takes the place of the old one",
    "PBA-01.offer": "a new decision takes the place of the old one",
    "MH-01.redirected": "who passes it on again hands it to another service, which is asked anew",
    "MH-05.extended": "a review that extends again asks for the next review",
    "MH-06.re-offer": "an answer to the new offer asks for the next one",
    "HV-02.unreached": "calls that reach somebody close what calls in vain open",
    "HV-02.unreached-there": "calls that reach somebody close what calls in vain open",
    "CL-01.review-by": "a new day takes the place of the old one",
    "CL-02.visit": "another accommodation takes the place of the old one",
    "CL-02.settled": "another accommodation takes the place of the old one",
    "CL-02.entitlement": "another category takes the place of the old one, with its own day",
    "CL-04.age": "another category or birthday takes the place of the old one, with its own day",
    "CL-04.yearly": "each offer asks for the next one a year later",
    "DATA-01.age": "an entry that says the age answers those that did not",
    "SG-02.again": "a review that goes on watching asks for the next look",
}


def test_an_act_that_answers_a_question_never_opens_it():
    closes_itself = set()
    for step, content in STEPS.items():
        if content["opens_on"] == "any_claim" or content.get("recurs"):
            continue
        closing = [*matchers(content.get("met_by", [])), *matchers(content.get("ended_by", []))]
        opening = {one["event"] for one in matchers(content["opens_on"])} - {ENTITLEMENT}  # goes on, or ends
        if opening & {one["event"] for one in closing}:
            closes_itself.add(step)
    assert closes_itself == set(CLOSED_BY_THEIR_KIND)


@pytest.mark.parametrize("agency", ["childrens_social_care", "early_help"])
@pytest.mark.parametrize("answer", ["referral_accepted", "assessment_completed", "conference_held"])
def test_the_case_of_those_who_assess_the_pregnancy_does_not_ask_whether_to_assess_it(practice, agency, answer):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-01-14 10:00", mother_age_band="from_20", edd="2013-09-02")
    pregnancy.was(f"prebirth.{answer}.v1", "2013-02-04 10:00")
    practice.record_of("case", by=HV, people=[PERSON], agency=agency).was("opened", "2013-02-11 10:00")
    assert pregnancy.all("PBA-01") == []


@pytest.mark.parametrize("agency", ["leaving_care", "mental_health"])
def test_what_another_agency_finds_later_asks_again(practice, agency):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-01-14 10:00", mother_age_band="from_20", edd="2013-09-02")
    pregnancy.was("prebirth.assessment_completed.v1", "2013-02-04 10:00")
    practice.record_of("case", by=HV, people=[PERSON], agency=agency).was("opened", "2013-02-11 10:00")
    assert pregnancy.the("PBA-01").state == "open"


@pytest.mark.parametrize(("step", "by", "others"), [("MH-04", HV, [GP, MIDWIFE]), ("MH-04.midwife", MIDWIFE, [GP, HV])])
def test_nobody_is_asked_to_tell_themselves(practice, step, by, others):
    practice.record_of("pregnancy", by=MIDWIFE).was(
        "pregnancy.booked.v1", "2013-01-14 10:00", mother_age_band="from_20", edd="2013-09-02"
    )
    asked = {}
    for recorder in (by, *others):
        condition = practice.record_of("condition", by=recorder)
        condition.was("condition.recorded.v1", "2013-01-21 10:00")
        asked[recorder.id] = len(condition.all(step))
    assert asked == {by.id: 0, **{other.id: 1 for other in others}}


@pytest.mark.parametrize(("step", "by"), [("MH-04", HV), ("MH-04.midwife", MIDWIFE)])
def test_another_team_of_the_same_profession_is_asked_to_tell_the_one_that_is_named(practice, step, by):
    practice.record_of("pregnancy", by=MIDWIFE).was(
        "pregnancy.booked.v1", "2013-01-14 10:00", mother_age_band="from_20", edd="2013-09-02"
    )
    mother = practice.record_of("person", by=HV)
    asked = []
    for day, team in (("2013-01-15", "another-team"), ("2013-01-22", by.team)):
        mother.was("practitioner.assigned.v1", f"{day} 09:00", role=by.role, team=team)
        condition = practice.record_of("condition", by=by)
        condition.was("condition.recorded.v1", f"{day} 10:00")
        asked.append((condition, len(condition.all(step))))
    assert [number for _, number in asked] == [1, 0]
    # Who is named later bears on nothing that was recorded before.
    assert [len(condition.all(step)) for condition, _ in asked] == [1, 0]


@pytest.mark.parametrize(("by", "asked"), [(HV, 0), (GP, 0), (CAMHS, 1)])
@pytest.mark.parametrize("end", ["treatment_ended", "assessed", "closed"])
def test_whoever_would_be_told_of_an_outcome_is_not_asked_to_tell_it(practice, by, asked, end):
    referral = practice.referral(by=by, service="health_visiting", outcome="no_treatment")
    referral.was("sent", "2013-01-10 09:30", by=SOCIAL_WORKER)
    referral.was("acknowledged", "2013-01-11 09:30")
    referral.was(end, "2013-02-11 09:30")
    assert len(referral.all("REF-05.tell")) == asked


@pytest.mark.parametrize("by", [SOCIAL_WORKER, FRONT_DOOR])
def test_social_care_is_not_asked_to_refer_to_itself_and_still_has_to_decide(practice, by):
    concern = practice.record_of("concern", by=by, person_id=CHILD)
    concern.was(
        "injury.reported.v1", "2013-01-14 10:00", seen=True, mobility="not_mobile", site="limb", clustered=False
    )
    assert "SG-01.immediate" not in concern.steps()
    assert {"SG-01.decision", "SG-01.paediatric"} <= set(concern.steps())


@pytest.mark.parametrize(("team", "asked"), [("leaving-care-essex", 0), ("midwifery-colne", 1)])
def test_an_adviser_is_not_told_what_their_own_team_recorded(practice, team, asked):
    leaver = practice.record_of("care-leaver", by=PA, person_id=PARTNER)
    leaver.was("adviser.assigned.v1", "2013-01-07 10:00", adviser="pa-lindqvist", team="leaving-care-essex")
    pregnancy = practice.record_of("pregnancy", by=Actor("sw-novotny", "social_worker", team, ("essex",)))
    named = pregnancy.was("pregnancy.partner_named.v1", "2013-01-14 10:00", partner_id=PARTNER)
    learnt = leaver.was("parenthood.learnt.v1", "2013-01-14 10:00", kind="to_be_parent", pregnancy_id=pregnancy.id)
    practice._events[learnt.id] = replace(learnt, causation_id=named.id)
    assert len(leaver.all("CL-03.told")) == asked
    assert len(leaver.all("CL-03.contact")) == 1


# Steps in which somebody is to be told, and why nobody is asked to tell themselves.
NEVER_THEMSELVES = {
    "REF-05.return": "the receiving service recorded the outcome, and the referrer sent the referral",
    "REF-05.tell": "what the GP or the health visitor recorded does not open it",
    "REF-07": "who was told acknowledges it, and who sent it asks them",
    "CSC-01.tell": "the front door tells whoever contacted it",
    "PBA-02": "social care shares it with those who look after the mother",
    "PBA-04": "it is about the history of the parents; who was told is recorded beside it",
    "PBA-04.household": "it is about the history of the adult; who was told is recorded beside it",
    "MH-04": "what the health visitor recorded does not open it",
    "MH-04.midwife": "what the midwife recorded does not open it",
    "DNA-01.in-a-row": "the receiving service tells the referrer",
    "CL-02.unreached": "others may know where the young person is",
    "CL-03.told": "what the adviser's own team recorded does not open it",
    "CL-03.move-told": "the adviser records the move for leaving care, whoever told of it",
    "CL-03.authority": "the young person is told",
    "CL-04.return": "the young person is told",
    "CL-04.yearly": "the young person is told",
    "CL-04.child": "the adviser tells whoever holds the child's case",
    "CL-04.place": "the adviser tells another authority",
    "HARM-01.found": "it is to find the child, whoever looked for it",
    "SG-01.immediate": "what social care recorded does not open it",
    "SG-01.decision-for-another": "who can judge it asks who reported it",
    "HOLD-01.leaving": "the holder who leaves tells the new one",
    "HOLD-01.told": "the manager tells the family and the professionals around them",
    "CLOSE-02.told": "who was told at the closing is left out",
    "BEREAVE-01.loss": "whoever recorded the loss goes through who else must know",
    "BEREAVE-01.death": "whoever recorded the death goes through who else must know",
    "DATA-03.who": "somebody of the area finds out who is meant",
    "DATA-03.consultation": "the front door finds out who is meant",
}


def test_each_step_in_which_somebody_is_to_be_told_says_why_nobody_tells_themselves():
    telling = re.compile(r"\b(tells?|told|knows?|learns?|share|return the outcome|refer to)\b", re.IGNORECASE)
    said = {step for step, content in STEPS.items() if telling.search(f"{content['title']} {content['expects']}")}
    assert said == NEVER_THEMSELVES.keys()


# Who owes what on which record, where that is not whoever recorded what opened the step.
OWED_BY = {
    ("midwife", "pregnancy"): "until the birth",
    ("health_visitor", "pregnancy"): "the antenatal review is a health visitor's",
    ("health_visitor", "person"): "a child from birth on, and what is pieced together about them",
    ("health_visitor", "move"): "a family that moves is handed on by its health visitor",
    ("health_visitor", "concern"): "what somebody told who cannot judge it",
    ("asked_side", "referral"): "whether a referral by a stranger is right is for the side that has the person",
    ("asked_side", "person"): "whether a link or its end is right is for the side that did not claim it",
    ("social_worker", "pregnancy"): "whoever accepted the referral assesses and holds the conference",
    ("social_worker", "concern"): "alleged harm is decided on by social care",
    ("social_worker", "person"): "the closings of social care are read together there",
    ("front_door", "contact"): "a contact is answered where it was received",
    ("front_door", "person"): "contacts are read together where they come in",
    ("front_door", "consultation"): "whoever was consulted writes and asks again",
    ("gp_practice", "referral"): "an alternative is found by whoever referred",
    ("mental_health_service", "referral"): "the service to which the referral went",
    ("personal_adviser", "plan-item"): "the young person's adviser",
    ("personal_adviser", "care-leaver"): "the young person's adviser",
    ("team_manager", "case"): "the manager of the team that has the case",
    ("safeguarding_lead", "person"): "both sides need somebody above them",
    ("owner_of_it", "any"): "whoever owns what a claim would lower",
}
# They are recorded by a service: nobody of that service can be asked.
RECORDED_BY_A_SERVICE = {"parenthood.learnt.v1", "parenthood.lost.v1", "care_leaver.move_learnt.v1", "circle.told.v1"}


def test_each_step_is_owed_by_whoever_recorded_it_or_by_a_role_with_a_reason():
    owed = {(content["owner"]["role"], content["thread"]) for content in STEPS.values()}
    assert {pair for pair in owed if pair[0] != "actor"} == OWED_BY.keys()


def test_nobody_owns_as_its_recorder_what_a_service_recorded_by_itself():
    by_recorder = [content for content in STEPS.values() if content["owner"]["role"] == "actor"]
    opened_on = {one["event"] for content in by_recorder for one in matchers(content["opens_on"])}
    assert opened_on.isdisjoint(RECORDED_BY_A_SERVICE)


def test_after_the_birth_nothing_about_the_child_is_asked_of_the_midwife_except_how_the_pregnancy_ended(practice):
    pregnancy = practice.birth(CHILD, "2013-01-14")
    child = practice.record_of("person", key=CHILD, by=MIDWIFE)
    child.was("household.adult_joined.v1", "2014-10-14 10:00", adult_id=PERSON)
    for day in (14, 15, 16):
        practice.record_of("concern", person_id=CHILD, by=MIDWIFE).was("concern.raised.v1", f"2014-10-{day} 10:00")
    owners = {found.step: found.owner.role for found in practice.follow_ups(child.name)}
    assert {"PBA-04.household", "SG-02.lead", "SG-02.review"} <= owners.keys()
    assert "midwife" not in owners.values()
    assert {found.step for found in practice.follow_ups(pregnancy.name) if found.owner.role == "midwife"} <= {
        "DATA-01.birth",
        "PBA-01",
    }


def test_the_household_of_a_child_is_checked_by_the_health_visitor_whoever_recorded_it(practice):
    household = practice.record_of("person", key=CHILD, by=MIDWIFE)
    household.was("household.adult_joined.v1", "2014-10-14 10:00", adult_id=PERSON)
    assert household.the("PBA-04.household").owner.role == "health_visitor"


@pytest.mark.parametrize("step", ["CSC-01.decide", "CSC-01.tell"])
def test_a_contact_goes_up_the_line_of_those_who_received_it_wherever_the_child_lives(practice, step):
    move = practice.record_of("move", people=[PERSON])
    move.was("household.moved.v1", "2013-01-07", precision="day", from_area="essex", to_area="norfolk")
    contact = practice.record_of("contact", by=FRONT_DOOR)
    contact.was("contact.received.v1", "2013-01-14 10:00")
    assert contact.the(step).area == "essex"


def test_what_the_front_door_keeps_stays_with_the_area_that_keeps_it():
    kept = {step for step, content in STEPS.items() if content["thread"] in ("contact", "consultation")}
    resident = {step for step in kept if STEPS[step].get("area") != "record"}
    # Who is meant by an unknown name is found out where the family lives. A referrer asks, and whoever recorded
    # something doubtful looks, where they work.
    assert resident == {"DATA-03.consultation", "CSC-01.chase", "DATA-04.consultation"}
