"""CLOSE-01: when an agency closes its case, each open obligation and each live pregnancy is taken on by somebody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.referrals_followup.domain.disclosure import find_withheld_of, is_disclosed
from services.referrals_followup.domain.follow_up import Accept, Acknowledge, Assign, End, Note, Refuse
from services.referrals_followup.ledger.view_codec import document_of, follow_up_of
from shared.kernel.decisions import Actor
from tests.unit.practice import (
    CAMHS,
    CHILD,
    GP,
    HV,
    MANAGER,
    MIDWIFE,
    NURSERY,
    OTHER,
    PA,
    PARTNER,
    PERSON,
    SOCIAL_WORKER,
    Practice,
    as_text,
    chase,
)

# Case S: booked in November, closed in January.
BOOKED, CLOSED = "2013-11-18 10:00", "2014-01-15 10:00"
LEAD = "lead-achterberg"
BOSS = "sw-manager-diaz"
HV_MANAGER = Actor("hv-manager-ito", "manager", "hv-harwich", ("essex",))


@pytest.fixture
def practice() -> Practice:
    return Practice()


def pregnant(practice, at=BOOKED, **said):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", at, edd="2014-06-16", concerns=["known_to_social_care"], **said)
    return pregnancy


def case(practice, *, people=(PERSON,), by=SOCIAL_WORKER):
    return practice.record_of("case", by=by, person_id=people[0], people=list(people))


def closed(practice, at=CLOSED, *, people=(PERSON,), by=SOCIAL_WORKER, **said):
    record = case(practice, people=people, by=by)
    return record, record.was("case.closed.v1", at, **said)


def about(thread, practice):
    """The standing obligations that a closing asked about, as `step: state`."""
    references = {found.reference: found for found in practice.follow_ups(thread.name)}
    return {references[found.on].step: found.state for found in thread.all("CLOSE-01")}


def test_each_obligation_that_is_open_and_the_live_pregnancy_ask_at_once(practice):
    pregnancy = pregnant(practice)
    referral = practice.referral()
    referral.was("intended", "2014-01-13 10:00")
    _, closing = closed(practice)
    assert about(pregnancy, practice) == {"PBA-01": "open", "DATA-01.age": "open"}
    assert pregnancy.the("CLOSE-01.pregnancy").state == "open"
    (found,) = referral.all("CLOSE-01")
    assert (found.opened_by, as_text(found.due_at), found.area) == (closing.id, CLOSED, "essex")
    assert found.expects.endswith(f"REF-01 {referral.the('REF-01').reference}")
    assert (found.owner.role, found.owner.team, found.owner.person) == (
        "social_worker",
        "childrens-social-care-essex",
        "sw-petrov",
    )


def test_what_is_not_yet_visible_is_not_asked_about(practice):
    """The antenatal review is seen from 28 weeks, 24 March 2014; the six-week review from six weeks."""
    pregnancy = pregnant(practice, mother_age_band="from_20")
    closed(practice, "2014-03-23 10:00")
    assert about(pregnancy, practice) == {"PBA-01": "open"}
    practice = Practice()
    pregnancy = pregnant(practice, mother_age_band="from_20")
    closed(practice, "2014-03-25 10:00")
    assert about(pregnancy, practice) == {"PBA-01": "open", "HV-01.antenatal": "open"}


def test_what_is_closed_before_or_opened_after_is_not_asked_about(practice):
    done, later, ended = (practice.referral() for _ in range(3))
    done.was("intended", "2014-01-13 10:00")
    done.was("sent", "2014-01-14 10:00")
    done.was("acknowledged", "2014-01-15 09:00")
    done.was("rejected", "2014-01-15 09:30")
    done.was("alternative_recorded", "2014-01-15 09:45")
    ended.was("intended", "2014-01-13 10:00")
    practice.act(End(ended.the("REF-01"), "moved-abroad"), "2014-01-14 10:00", by=HV_MANAGER)
    later.was("intended", "2014-01-15 10:01")
    closed(practice)
    assert [thread.all("CLOSE-01") for thread in (done, ended, later)] == [[], [], []]


def test_only_those_whose_case_it_was_are_asked_about(practice):
    hers, his = practice.referral(), practice.referral(person_id=PARTNER)
    hers.was("intended", "2014-01-13 10:00")
    his.was("intended", "2014-01-13 10:00")
    closed(practice, people=[PERSON, CHILD])
    assert (len(hers.all("CLOSE-01")), len(his.all("CLOSE-01"))) == (1, 0)


def test_a_case_without_anything_open_closes_in_peace(practice):
    closed(practice)
    assert practice.days_pass("2016-01-01 00:00") == []


def test_a_pregnancy_that_has_ended_or_was_not_yet_known_is_not_asked_about(practice):
    pregnancy = pregnant(practice, mother_age_band="from_20")
    pregnancy.was("pregnancy.ended.v1", "2014-01-10 10:00", outcome="birth", children=[CHILD], parents=[PERSON])
    closed(practice)
    another = pregnant(practice, "2014-01-16 10:00")
    assert pregnancy.all("CLOSE-01.pregnancy") == another.all("CLOSE-01.pregnancy") == []


def test_the_closer_is_told_at_once_with_the_manager_and_then_the_safeguarding_lead_for_ever(practice):
    practice.referral().was("intended", "2014-01-14 10:00")
    closed(practice)
    found = [one for one in practice.days_pass("2014-02-20 00:00") if one.step == "CLOSE-01"]
    assert found == [
        chase(CLOSED, "CLOSE-01", "owner", "sw-petrov", BOSS),
        chase("2014-01-22 17:00", "CLOSE-01", "safeguarding-lead", "sw-petrov", BOSS, LEAD),
        chase("2014-02-05 17:00", "CLOSE-01", "safeguarding-lead", "sw-petrov", BOSS, LEAD),
        chase("2014-02-19 17:00", "CLOSE-01", "safeguarding-lead", "sw-petrov", BOSS, LEAD),
    ]


@pytest.mark.parametrize(
    ("at", "precision", "due"),
    [
        ("2014-01-18 10:00", "minute", "2014-01-18 10:00"),  # a Saturday
        ("2013-12-25 10:00", "minute", "2013-12-25 10:00"),
        ("2014-03-30 01:30", "minute", "2014-03-30 02:30"),  # an hour that London did not have
        ("2014-01-15", "day", "2014-01-15 23:59"),
        ("2014-01-01", "month", "2014-01-31 23:59"),
    ],
)
def test_it_is_due_the_moment_the_case_closes(practice, at, precision, due):
    pregnancy = pregnant(practice)
    closed(practice, at, precision=precision, recorded="2014-04-01 09:00")
    assert as_text(pregnancy.the("CLOSE-01.pregnancy").due_at) == due


@pytest.mark.parametrize("on", ["the obligation", "the question"])
def test_somebody_other_than_the_closer_accepts_it(practice, on):
    referral = practice.referral()
    referral.was("intended", "2014-01-14 10:00")
    closed(practice)
    target = referral.the("REF-01" if on == "the obligation" else "CLOSE-01")
    accepted = practice.act(Accept(target), "2014-01-16 10:00", by=HV_MANAGER)
    found = referral.the("CLOSE-01")
    assert (found.state, found.closed_by) == ("met", accepted.id)
    assert referral.the("REF-01").state == "open"


@pytest.mark.parametrize("on", ["the obligation", "the question"])
def test_that_the_closer_accepts_it_moves_nothing(practice, on):
    referral = practice.referral(by=SOCIAL_WORKER)
    referral.was("intended", "2014-01-14 10:00")
    closed(practice)
    target = referral.the("REF-01" if on == "the obligation" else "CLOSE-01")
    practice.act(Accept(target), "2014-01-16 10:00", by=SOCIAL_WORKER)
    assert referral.the("CLOSE-01").state == "open"


def test_that_it_was_given_refused_noted_or_read_meets_nothing(practice):
    referral = practice.referral()
    referral.was("intended", "2014-01-14 10:00")
    closed(practice)
    found = referral.the("CLOSE-01")
    practice.act(Assign(found, "hv-pereira", "hv-harwich"), "2014-01-16 09:00", by=HV_MANAGER)
    practice.act(Acknowledge(found), "2014-01-16 10:00", by=HV)
    practice.act(Note(found, "Spoke with the midwife."), "2014-01-16 11:00", by=HV)
    practice.act(Refuse(found, "not-mine"), "2014-01-16 12:00", by=HV)
    assert referral.the("CLOSE-01") == found


def test_what_a_named_person_had_taken_on_before_the_closing_is_not_left_by_it(practice):
    referral = practice.referral()
    referral.was("intended", "2014-01-13 10:00")
    practice.act(Accept(referral.the("REF-01")), "2014-01-14 10:00", by=GP)
    closed(practice)
    assert referral.the("CLOSE-01").state == "met"


def test_what_was_taken_on_and_handed_back_is_nobodys_again(practice):
    referral = practice.referral()
    referral.was("intended", "2014-01-13 10:00")
    closed(practice)
    practice.act(Accept(referral.the("REF-01")), "2014-01-20 10:00", by=GP)
    assert referral.the("CLOSE-01").state == "met"
    practice.act(Refuse(referral.the("REF-01"), "no-capacity"), "2014-01-20 12:00", by=GP)
    assert referral.the("CLOSE-01").state == "open"


@pytest.mark.parametrize(("what", "state"), [("sent", "met"), ("withdrawn", "met")])
def test_nothing_more_is_asked_when_the_obligation_is_done_or_given_up(practice, what, state):
    referral = practice.referral()
    referral.was("intended", "2014-01-14 10:00")
    closed(practice)
    done = referral.was(what, "2014-01-16 10:00")
    found = referral.the("CLOSE-01")
    assert (found.state, found.closed_by) == (state, done.id)


def test_when_what_met_the_obligation_was_a_mistake_the_question_is_open_again(practice):
    referral = practice.referral()
    referral.was("intended", "2014-01-14 10:00")
    closed(practice)
    sent = referral.was("sent", "2014-01-16 10:00")
    referral.retracted(sent, "2014-01-17 10:00")
    assert referral.the("CLOSE-01").state == "open"


def test_a_manager_ends_the_question_with_a_reason(practice):
    pregnancy = pregnant(practice)
    closed(practice)
    practice.act(End(pregnancy.the("CLOSE-01.pregnancy"), "midwife-leads"), "2014-01-16 10:00", by=HV_MANAGER)
    found = pregnancy.the("CLOSE-01.pregnancy")
    assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "midwife-leads", HV_MANAGER.id)


def test_the_question_about_a_pregnancy_ends_with_it_and_is_met_by_whoever_takes_it_on(practice):
    pregnancy = pregnant(practice)
    closed(practice)
    found = pregnancy.the("CLOSE-01.pregnancy")
    practice.act(Accept(found), "2014-01-16 10:00", by=HV_MANAGER)
    assert pregnancy.the("CLOSE-01.pregnancy").state == "met"
    practice = Practice()
    pregnancy = pregnant(practice)
    closed(practice)
    pregnancy.was("pregnancy.ended.v1", "2014-06-15", outcome="birth", children=[CHILD], parents=[PERSON])
    assert pregnancy.the("CLOSE-01.pregnancy").state == "ended"


OTHERS = ["pregnancy.notified.v1", "prebirth.screening_decided.v1", "prebirth.assessment_completed.v1"]
OTHERS += [
    "pregnancy.concern_noted.v1",
    "parent.checks_recorded.v1",
    "review.completed.v1",
    "pregnancy.edd_corrected.v1",
]


@pytest.mark.parametrize("other", OTHERS)
def test_no_event_of_the_pregnancy_answers_who_takes_it_on(practice, other):
    pregnancy = pregnant(practice)
    closed(practice)
    pregnancy.was(other, "2014-01-16 10:00", edd="2014-06-16")
    assert pregnancy.the("CLOSE-01.pregnancy").state == "open"


def test_a_closing_that_becomes_known_late_asks_about_what_is_still_open_and_of_the_rest_as_done(practice):
    open_still, done_since = practice.referral(), practice.referral()
    open_still.was("intended", "2014-01-14 10:00")
    done_since.was("intended", "2014-01-14 10:00")
    done_since.was("sent", "2014-01-17 10:00")
    closed(practice, recorded="2014-01-24 10:00")
    assert (open_still.the("CLOSE-01").state, done_since.the("CLOSE-01").state) == ("open", "met")
    assert [one for one in practice.days_pass("2014-01-24 10:30") if one.step == "CLOSE-01"] == [
        chase("2014-01-24 10:00", "CLOSE-01", "owner safeguarding-lead", "sw-petrov", BOSS, LEAD)
    ]


def test_known_only_by_its_month_it_asks_about_what_was_open_when_the_month_ended(practice):
    opened_then, closed_then = practice.referral(), practice.referral()
    opened_then.was("intended", "2014-01-14 10:00")
    closed_then.was("intended", "2014-01-14 10:00")
    closed_then.was("withdrawn", "2014-01-28 10:00")
    closed(practice, "2014-01-01", precision="month", recorded="2014-02-01 09:00")
    assert (len(opened_then.all("CLOSE-01")), len(closed_then.all("CLOSE-01"))) == (1, 0)


def test_a_closing_that_was_a_mistake_is_void_and_what_it_asked_stays_in_sight(practice):
    pregnancy = pregnant(practice)
    record, closing = closed(practice)
    practice.days_pass("2014-01-16 00:00")
    record.retracted(closing, "2014-01-16 10:00")
    found = [one for one in practice.follow_ups(pregnancy.name) if one.standard == "CLOSE-01"]
    assert len(found) == 3
    assert {(one.state, one.closed_reason) for one in found} == {("void", "opening recorded in error")}
    assert not [one for one in practice.days_pass("2014-03-01 00:00") if one.step.startswith("CLOSE-01")]


def test_what_turns_out_to_have_been_done_before_the_closing_was_asked_about_in_vain(practice):
    referral = practice.referral()
    referral.was("intended", "2014-01-13 10:00")
    closed(practice)
    practice.days_pass("2014-01-16 00:00")
    referral.was("withdrawn", "2014-01-14 10:00", recorded="2014-01-17 10:00")
    assert referral.the("CLOSE-01").state == "met"
    assert not [one for one in practice.days_pass("2014-03-01 00:00") if one.step == "CLOSE-01"]


def test_two_agencies_that_close_are_each_asked_and_neither_about_the_others_question(practice):
    pregnancy = pregnant(practice, mother_age_band="from_20")
    closed(practice)
    closed(practice, "2014-01-20 10:00", by=CAMHS)
    assert [found.owner.person for found in pregnancy.all("CLOSE-01.pregnancy")] == ["sw-petrov", "camhs-triage-novak"]
    assert [found.on for found in pregnancy.all("CLOSE-01")] == [pregnancy.the("PBA-01").reference] * 2
    practice.act(Accept(pregnancy.the("PBA-01")), "2014-01-22 10:00", by=MIDWIFE)
    assert [found.state for found in pregnancy.all("CLOSE-01")] == ["met", "met"]


def test_a_second_closer_can_take_on_what_the_first_left(practice):
    pregnancy = pregnant(practice, mother_age_band="from_20")
    closed(practice)
    closed(practice, "2014-01-20 10:00", by=CAMHS)
    practice.act(Accept(pregnancy.the("PBA-01")), "2014-01-22 10:00", by=replace(SOCIAL_WORKER, team="midwifery-colne"))
    assert [(found.opened_actor, found.state) for found in pregnancy.all("CLOSE-01")] == [
        ("sw-petrov", "open"),
        ("camhs-triage-novak", "met"),
    ]


def test_a_referral_that_closes_asks_about_itself_only(practice):
    """Whoever discharges after missed appointments is asked about them, not about the child's reviews."""
    practice.birth(CHILD, "2014-01-06")
    referral, another = practice.referral(person_id=CHILD), practice.referral(person_id=CHILD)
    another.was("intended", "2014-01-20 10:00")
    referral.was("not_attended", "2014-01-20 10:00", by=CAMHS)
    referral.was("closed", "2014-01-21 10:00", by=CAMHS)
    assert about(referral, practice) == {"DNA-01.contact": "open", "DNA-01.re-offer": "open"}
    assert another.all("CLOSE-01") == []
    assert not [one for one in practice.follow_ups(f"person/{CHILD}") if one.step == "CLOSE-01"]


def test_what_is_counted_is_asked_about_too(practice):
    for _ in range(3):
        practice.record_of("concern", by=HV, person_id=CHILD).was("concern.raised.v1", "2014-01-14 10:00")
    closed(practice, people=[PERSON, CHILD])
    child = practice.record_of("person", key=CHILD)
    assert about(child, practice) == {"SG-02.lead": "open", "SG-02.review": "open"}


def test_the_loss_of_the_pregnancy_ends_the_question_about_it(practice):
    pregnancy = pregnant(practice)
    closed(practice)
    pregnancy.was("pregnancy.ended.v1", "2014-01-20 10:00", outcome="miscarriage", children=[], parents=[PERSON])
    found = [one for one in practice.follow_ups(pregnancy.name) if one.standard == "CLOSE-01"]
    assert {one.state for one in found} == {"ended"}


def test_a_closing_about_somebody_else_asks_nothing(practice):
    pregnancy = pregnant(practice)
    closed(practice, people=[OTHER])
    assert not [one for one in practice.follow_ups(pregnancy.name) if one.standard == "CLOSE-01"]


# --- who is told what the question is about ---------------------------------------------------------------------------


def readers(found, practice, *people):
    """Those of these people to whom it is disclosed."""
    return [one.role for one in people if is_disclosed(found, practice.acts(found), one.role, one.team)]


def test_what_a_closing_left_open_is_told_only_to_those_who_may_see_the_closing_and_the_obligation(practice):
    item = practice.plan_item()
    item.was("added", "2014-01-14 10:00")
    _, closing = closed(practice, by=HV)
    found = next(one for one in item.all("CLOSE-01") if "CL-01.fallback" in one.expects)
    assert found.opened_by == closing.id
    # She closed the case, and leaving care is not for her; the adviser's team planned the item, and the case is not.
    assert readers(found, practice, NURSERY, HV, PA, SOCIAL_WORKER, MANAGER) == ["social_worker", "manager"]
    assert find_withheld_of(found, practice.acts(found), HV.role, HV.team) == {"leaving_care"}
    kept = follow_up_of(document_of(found, practice.acts(found), None))
    assert kept.matters == found.matters
    practice.act(Assign(found, PA.id, PA.team), "2014-01-16 10:00", by=MANAGER)
    assert readers(found, practice, NURSERY, HV, PA) == ["personal_adviser"]


def test_a_team_with_a_part_in_both_sees_what_its_closing_left_open_whatever_its_role(practice):
    housing = Actor("housing-silva", "housing", "housing-essex", ("essex",))
    referral = practice.referral(by=housing)
    referral.was("not_attended", "2014-01-20 10:00")
    referral.was("closed", "2014-01-21 10:00")
    found = referral.all("CLOSE-01")[0]
    assert readers(found, practice, housing, replace(housing, team="housing-norfolk")) == ["housing"]


def test_that_somebody_is_pregnant_is_not_told_by_a_closing_to_those_outside_the_class(practice):
    pregnancy = pregnant(practice)
    closed(practice)
    about_it = (*pregnancy.all("CLOSE-01"), pregnancy.the("CLOSE-01.pregnancy"))
    assert {tuple(readers(found, practice, NURSERY, MIDWIFE)) for found in about_it} == {("midwife",)}


def test_that_somebody_is_pregnant_is_not_told_by_what_a_case_opens_either(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", BOOKED, mother_age_band="from_20", concerns=[])
    case(practice).was("case.opened.v1", "2013-12-02 10:00", agency="childrens_social_care")
    found = pregnancy.the("PBA-01")
    assert (found.opened_type, readers(found, practice, NURSERY, MIDWIFE)) == ("case.opened.v1", ["midwife"])
