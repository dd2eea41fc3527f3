"""REF-02: a referral that was sent is acknowledged by its receiver; until then the sender owns it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.referrals_followup.domain.disclosure import is_disclosed
from services.referrals_followup.domain.follow_up import Accept, Acts, Assign, Note, Refuse
from shared.contracts import CATALOGUE
from shared.kernel.decisions import Actor, Forbidden, Refused
from tests.unit.practice import GP, NORFOLK_GP, Practice, as_text, chase

SENT = "2013-01-14 09:30"  # a Monday
SOCIAL_CARE = {"service": "childrens_social_care", "service_kind": "social_care"}
CAMHS = Actor("camhs-triage-novak", "mental_health_service", "camhs-essex", ("essex",))
HOUSING = Actor("housing-silva", "housing", "housing-essex", ("essex",))
MET_BY = ("acknowledged", "accepted", "rejected", "redirected", "more_info_requested")


@pytest.fixture
def practice() -> Practice:
    return Practice()


def test_a_sending_opens_it_and_the_sender_owns_it_until_the_receiver_answers(practice):
    referral = practice.referral()
    referral.was("intended", "2013-01-11 10:00")
    assert referral.steps() == ["REF-01"]
    referral.was("sent", SENT)
    assert referral.steps() == ["REF-01", "REF-02"]
    found = referral.the("REF-02")
    assert (found.state, found.owner.person, found.owner.team) == ("open", "gp-okafor", "gp-mill-road")


@pytest.mark.parametrize(
    "other", ["intended", "acknowledged", "accepted", "offered", "attended", "closed", "withdrawn", "outcome_returned"]
)
def test_nothing_but_a_sending_opens_it(practice, other):
    referral = practice.referral()
    referral.was(other, SENT)
    assert "REF-02" not in referral.steps()


@pytest.mark.parametrize(
    ("sent", "said", "due"),
    [
        (SENT, {}, "2013-01-17 17:00"),
        (SENT, SOCIAL_CARE, "2013-01-15 17:00"),
        (SENT, {"urgency": "urgent"}, "2013-01-17 17:00"),  # urgency is the sender's clock, not the receiver's
        ("2013-01-18 16:00", SOCIAL_CARE, "2013-01-21 17:00"),  # over the weekend
        ("2013-01-19 11:00", SOCIAL_CARE, "2013-01-22 17:00"),  # Saturday: day 0 is Monday
        ("2013-03-28 10:00", {}, "2013-04-04 17:00"),  # over Easter
        ("2013-03-28 10:00", SOCIAL_CARE, "2013-04-02 17:00"),
        ("2013-12-24 10:00", SOCIAL_CARE, "2013-12-27 17:00"),  # over Christmas
        ("2013-10-25 10:00", SOCIAL_CARE, "2013-10-28 17:00"),  # the clocks go back
    ],
)
def test_it_is_due_after_three_working_days_in_health_and_after_one_in_social_care(practice, sent, said, due):
    referral = practice.referral(**said)
    referral.was("sent", sent)
    assert as_text(referral.the("REF-02").due_at) == due


@pytest.mark.parametrize(("precision", "due"), [("day", "2013-01-17 17:00"), ("month", "2013-02-05 17:00")])
def test_known_only_by_its_day_or_month_it_counts_from_the_end_of_that(practice, precision, due):
    referral = practice.referral()
    referral.was("sent", "2013-01-14", precision=precision, recorded="2013-02-01 09:00")
    assert as_text(referral.the("REF-02").due_at) == due


@pytest.mark.parametrize("answer", MET_BY)
def test_each_answer_of_the_receiver_meets_it(practice, answer):
    referral = practice.referral()
    referral.was("sent", SENT)
    event = referral.was(answer, "2013-01-15 10:00", by=CAMHS)
    found = referral.the("REF-02")
    assert (found.state, found.closed_by, found.closed_actor) == ("met", event.id, CAMHS.id)
    chased = {chase.step for chase in practice.days_pass("2013-02-14 00:00")}
    then = {"redirected": {"REF-02.redirected"}, "acknowledged": {"REF-03"}}
    then["accepted"] = {"REF-06.appointment"}
    alternatives = {"rejected": {"REF-04"}, "more_info_requested": {"REF-04"}}
    assert chased == {**then, **alternatives}.get(answer, set())


def test_a_referral_that_was_passed_on_is_held_until_the_new_receiver_has_it(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    referral.was("redirected", "2013-01-15 10:00", by=CAMHS)
    again = referral.the("REF-02.redirected")
    assert (again.state, again.owner.person) == ("open", CAMHS.id)
    referral.was("acknowledged", "2013-01-16 10:00")
    assert referral.the("REF-02.redirected").state == "met"


@pytest.mark.parametrize(
    "other",
    sorted(
        entry.name
        for entry in CATALOGUE
        if entry.name.startswith("referral.")
        and entry.name not in ("referral.sent.v1", "referral.withdrawn.v1", *(f"referral.{name}.v1" for name in MET_BY))
    ),
)
def test_nothing_else_that_happens_to_the_referral_meets_it(practice, other):
    referral = practice.referral()
    referral.was("sent", SENT)
    referral.was(other, "2013-01-15 10:00")
    assert referral.the("REF-02").state == "open"


def test_the_senders_note_never_meets_it(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    practice.act(Note(referral.the("REF-02"), "They said they have it."), "2013-01-15 10:00")
    assert referral.the("REF-02").state == "open"


def test_an_acknowledgement_of_another_referral_does_not_meet_it(practice):
    ours, theirs = practice.referral(), practice.referral()
    ours.was("sent", SENT)
    theirs.was("sent", SENT)
    theirs.was("acknowledged", "2013-01-15 10:00", by=CAMHS)
    assert (ours.the("REF-02").state, theirs.the("REF-02").state) == ("open", "met")


def test_a_withdrawal_ends_it_with_a_reason(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    referral.was("withdrawn", "2013-01-15 10:00", reason_code="sent-twice")
    found = referral.the("REF-02")
    assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "sent-twice", "gp-okafor")


def test_in_social_care_the_receiver_is_told_at_one_day_and_the_sender_with_the_receivers_manager_at_three(practice):
    practice.referral(**SOCIAL_CARE).was("sent", SENT)
    assert practice.days_pass("2013-01-23 00:00") == [
        chase("2013-01-15 17:00", "REF-02", "owner", "gp-okafor", "sw-petrov"),
        chase("2013-01-17 17:00", "REF-02", "spa-manager", "gp-okafor", "sw-manager-diaz"),
        chase("2013-01-22 17:00", "REF-02", "spa-manager", "gp-okafor", "sw-manager-diaz"),
    ]


def test_in_health_both_fall_due_together_and_come_as_one_chase(practice):
    practice.referral().was("sent", SENT)
    assert practice.days_pass("2013-01-18 00:00") == [
        chase(
            "2013-01-17 17:00",
            "REF-02",
            "owner spa-manager",
            "gp-okafor",
            "camhs-triage-novak",
            "camhs-manager-osei",
        )
    ]


def test_the_team_it_was_sent_to_is_told_and_its_own_manager_of_the_single_point_of_access(practice):
    referral = practice.referral(service="perinatal_mental_health", to_team="perinatal-mh-essex")
    referral.was("sent", SENT)
    found = referral.the("REF-02")
    assert (found.receiver_role, found.receiver_team) == ("perinatal_mental_health", "perinatal-mh-essex")
    assert practice.days_pass("2013-01-18 00:00") == [
        chase("2013-01-17 17:00", "REF-02", "owner spa-manager", "gp-okafor", "pmh-nurse-farah", "pmh-manager-quist")
    ]


def test_without_a_named_team_the_one_of_the_area_that_takes_such_referrals_is_told(practice):
    practice.referral(service="perinatal_mental_health").was("sent", SENT)
    (only,) = practice.days_pass("2013-01-18 00:00")
    assert only.told == {"gp-okafor", "pmh-nurse-farah", "pmh-manager-quist"}


def test_where_no_team_of_the_area_takes_such_referrals_the_safeguarding_lead_is_told(practice):
    referral = practice.referral(by=NORFOLK_GP, service="family_nurse_partnership")
    referral.was("sent", SENT)
    (first, *_) = practice.days_pass("2013-01-17 00:00")
    assert first.told == {"gp-lindholm", "lead-marchetti"}


def test_a_reassigned_one_still_tells_the_sender_in_the_end(practice):
    referral = practice.referral(**SOCIAL_CARE)
    referral.was("sent", SENT)
    practice.act(Assign(referral.the("REF-02"), "gp-adeyemi", "gp-mill-road"), "2013-01-15 10:00")
    assert practice.days_pass("2013-01-18 00:00")[-1].told == {"gp-okafor", "sw-manager-diaz"}


def test_norfolk_asks_for_two_days_in_health_and_the_same_of_social_care(practice):
    health, social_care = practice.referral(by=NORFOLK_GP), practice.referral(by=NORFOLK_GP, **SOCIAL_CARE)
    health.was("sent", SENT)
    social_care.was("sent", SENT)
    assert as_text(health.the("REF-02").due_at) == "2013-01-16 17:00"
    assert as_text(social_care.the("REF-02").due_at) == "2013-01-15 17:00"
    assert health.the("REF-02").basis == "DES"
    assert practice.days_pass("2013-01-17 00:00")[-1] == chase(
        "2013-01-16 17:00", "REF-02", "owner", "gp-lindholm", "camhs-triage-weber"
    )


@pytest.mark.parametrize(
    ("by", "days"),
    [
        (GP, ["17", "22", "25"]),  # Essex repeats every three working days
        (NORFOLK_GP, ["16", "17", "24", "31"]),  # as the national pack has it, every five
        (replace(GP, areas=("suffolk",)), ["17", "24", "31"]),  # an area without a pack of its own
    ],
)
def test_the_last_rung_repeats_at_the_areas_own_interval(practice, by, days):
    practice.referral(by=by).was("sent", SENT)
    until = f"2013-01-{days[-1]} 18:00"
    assert [found.at for found in practice.days_pass(until)] == [f"2013-01-{day} 17:00" for day in days]


def test_an_acknowledgement_that_was_a_mistake_opens_it_again(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    answer = referral.was("acknowledged", "2013-01-15 10:00", by=CAMHS)
    referral.retracted(answer, "2013-01-16 10:00")
    assert referral.the("REF-02").state == "open"
    referral.was("accepted", "2013-01-16 11:00", by=CAMHS)
    assert referral.the("REF-02").state == "met"


def test_an_acknowledgement_of_before_the_sending_does_not_count_for_it(practice):
    referral = practice.referral()
    referral.was("sent", "2013-01-07 09:30")
    referral.was("acknowledged", "2013-01-08 09:30", by=CAMHS)
    referral.was("sent", SENT)
    assert [found.state for found in referral.all("REF-02")] == ["met", "open"]


def test_a_sending_that_was_a_mistake_is_void_and_the_decision_is_open_again(practice):
    referral = practice.referral()
    referral.was("intended", "2013-01-14 08:00")
    sent = referral.was("sent", SENT)
    referral.retracted(sent, "2013-01-14 12:00")
    assert (referral.the("REF-01").state, referral.the("REF-02").state) == ("open", "void")


def test_the_team_it_was_sent_to_may_read_what_it_is_about_and_no_other_team_outside_the_class(practice):
    referral = practice.referral(to_team="leaving-care-essex")
    referral.was("sent", SENT)
    found = referral.the("REF-02")
    assert is_disclosed(found, Acts(), "personal_adviser", "leaving-care-essex")
    assert not is_disclosed(found, Acts(), "personal_adviser", "leaving-care-norfolk")


def test_taking_on_a_follow_up_opens_it_to_no_team_but_being_given_it_does(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    found = referral.the("REF-02")
    lead = Actor("lead-achterberg", "safeguarding_lead", "partnership-essex", ("essex",))
    practice.act(Accept(found), "2013-01-14 10:00", by=lead)
    assert practice.acts(found).assigned_team == "partnership-essex"
    assert not is_disclosed(found, practice.acts(found), "housing", "partnership-essex")
    practice.act(Assign(found, "housing-silva", "housing-essex"), "2013-01-14 11:00", by=lead)
    practice.act(Accept(found), "2013-01-14 12:00", by=HOUSING)
    assert is_disclosed(found, practice.acts(found), "housing", "housing-essex")
    practice.act(Refuse(found, "not-ours"), "2013-01-14 13:00", by=HOUSING)
    assert not is_disclosed(found, practice.acts(found), "housing", "housing-essex")


@pytest.mark.parametrize("command", [Accept, lambda follow_up: Refuse(follow_up, "not-mine")], ids=["accept", "refuse"])
def test_only_the_owners_team_whom_it_was_given_to_and_those_who_lead_take_it_on_or_hand_it_back(practice, command):
    referral = practice.referral()
    referral.was("sent", SENT)
    found = referral.the("REF-02")
    with pytest.raises(Refused) as refused:
        practice.act(command(found), "2013-01-14 10:00", by=HOUSING)
    assert (type(refused.value), refused.value.code) == (Forbidden, "not-yours")
    manager = Actor("camhs-manager-osei", "manager", "camhs-essex", ("essex",))
    for actor in (GP, Actor("gp-adeyemi", "gp_practice", "gp-mill-road", ("essex",)), manager):
        practice.act(command(found), "2013-01-14 11:00", by=actor)
    practice.act(Assign(found, "housing-silva", "housing-essex"), "2013-01-14 12:00", by=manager)
    practice.act(command(found), "2013-01-14 13:00", by=HOUSING)
