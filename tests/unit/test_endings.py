"""People above the owner end a follow-up, for a reason from a list. Reopened, it goes on as before."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.referrals_followup.domain.follow_up import Accept, End, FollowUp, Reopen, decide, find_ending
from shared.contracts.words import END_REASONS, ROUTINE_END_REASONS
from shared.kernel.decisions import Actor, Context, Fact, Forbidden, Invalid, Refused
from shared.kernel.envelope import Event
from shared.kernel.time import london_date
from tests.unit.practice import DIRECTORY, GP, HV, PACKS, Practice, chase, london

GP_MANAGER = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))
LEAD = Actor("lead-achterberg", "safeguarding_lead", "partnership-essex", ("essex",))
DEPUTY = Actor("named-nurse-lovelock", "safeguarding_lead", "partnership-essex", ("essex",))
NORFOLK_LEAD = Actor("lead-marchetti", "safeguarding_lead", "partnership-norfolk", ("essex", "norfolk"))
HV_MANAGER = Actor("hv-manager-ito", "manager", "hv-harwich", ("essex",))
STRANGER = Actor("camhs-manager-osei", "manager", "camhs-essex", ("essex",))
IMPOSTOR = Actor("manager-nobody-knows", "manager", "gp-mill-road", ("essex",))
REVIEWED, DUPLICATE = "not_needed_after_review", "duplicate"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def noted(practice: Practice) -> FollowUp:
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    return referral.the("REF-01")


def harmed(practice: Practice, by: Actor = HV) -> FollowUp:
    """Somebody of health visiting recorded a screen with an answer about self-harm."""
    screen = practice.record_of("screen", by=by)
    screen.was("screen.recorded.v1", "2013-01-14 09:30", tool="epds", score=14, self_harm=True)
    return screen.the("MH-03.self-harm")


def try_to_end(practice: Practice, found: FollowUp, by: Actor, reason: str = REVIEWED) -> Fact:
    at = london("2013-01-14 12:00")
    command = End(found, reason, "As agreed with the family.", line=DIRECTORY.line_of(found, london_date(at)))
    return decide(practice.acts(found), command, Context(at, by, f"follow-up/{found.id}"))


def try_to_reopen(practice: Practice, found: FollowUp, by: Actor) -> Fact:
    at = london("2013-01-15 12:00")
    command = Reopen(found, line=DIRECTORY.line_of(found, london_date(at)))
    return decide(practice.acts(found), command, Context(at, by, f"follow-up/{found.id}"))


# --- who ends it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", [GP_MANAGER, LEAD, DEPUTY], ids=lambda by: by.id)
def test_it_is_ended_by_the_owners_manager_the_areas_lead_or_a_deputy_of_the_lead(practice, by):
    fact = try_to_end(practice, noted(practice), by)
    assert (fact.type, fact.data["reason_code"]) == ("follow_up.ended.v1", REVIEWED)


@pytest.mark.parametrize("by", [GP, STRANGER, NORFOLK_LEAD, IMPOSTOR, HV_MANAGER], ids=lambda by: by.id)
def test_nobody_else_ends_it_and_they_are_told_who_can(practice, by):
    with pytest.raises(Forbidden, match="gp-manager-hale, lead-achterberg") as refused:
        try_to_end(practice, noted(practice), by)
    assert refused.value.code == "not-above-the-owner"


def test_a_manager_who_owns_it_does_not_end_it_but_those_above_do(practice):
    found = noted(practice)
    practice.act(Accept(found), "2013-01-14 10:00", by=GP_MANAGER)
    with pytest.raises(Forbidden):
        try_to_end(practice, found, GP_MANAGER)
    assert try_to_end(practice, found, LEAD)


def test_whoever_owns_it_at_the_decision_counts_and_not_who_owned_it_before(practice):
    found = noted(practice)
    practice.act(Accept(found), "2013-01-14 10:00", by=HV_MANAGER)
    with pytest.raises(Forbidden):
        try_to_end(practice, found, GP_MANAGER)


def test_the_owner_is_told_unless_it_is_they_who_ended_it(practice):
    assert try_to_end(practice, noted(practice), GP_MANAGER).outbox == {"mail_for": ["gp-okafor"]}
    found = noted(practice)
    practice.act(Accept(found), "2013-01-14 10:00", by=LEAD)
    assert try_to_end(practice, found, LEAD).outbox == {}


# --- guarded ------------------------------------------------------------------------------------------------------


def test_what_is_about_harm_is_guarded_and_nothing_else_is():
    guarded = {step_id for step_id, step in PACKS["england"]["steps"].items() if step.get("guarded")}
    assert guarded == {
        "MH-03.self-harm",
        *(f"SG-01.{step}" for step in ("immediate", "paediatric", "seen", "senior-review")),
        *("SG-01.decision", "SG-01.decision-for-another"),
        *("SG-02.lead", "SG-02.review", "SG-02.injuries", "SG-02.years"),
        *("HARM-01.seen", "HARM-01.decide", "HARM-01.found"),
        *("CSC-02.contacts", "CSC-02.again"),
        "SG-03.named",
        "CLOSE-02.unreviewed",
    }


@pytest.mark.parametrize("reason", END_REASONS)
def test_a_routine_reason_does_not_end_a_guarded_follow_up(practice, reason):
    found = harmed(practice)
    assert found.guarded
    if reason in ROUTINE_END_REASONS:
        with pytest.raises(Invalid, match="guarded") as refused:
            try_to_end(practice, found, LEAD, reason)
        assert set(refused.value.fields) == {"reason_code"}
    else:
        assert try_to_end(practice, found, LEAD, reason)
    assert try_to_end(practice, noted(practice), LEAD, reason)


def test_a_guarded_follow_up_is_never_ended_by_those_whose_work_it_judges(practice):
    found = harmed(practice, by=HV_MANAGER)
    with pytest.raises(Forbidden) as refused:
        try_to_end(practice, found, HV_MANAGER, DUPLICATE)
    assert "hv-manager-ito" not in refused.value.message
    # Not even when somebody else has taken it on since.
    practice.act(Accept(found), "2013-01-14 10:00", by=HV)
    with pytest.raises(Forbidden):
        try_to_end(practice, found, HV_MANAGER, DUPLICATE)
    assert try_to_end(practice, found, DEPUTY, DUPLICATE)


# --- reopened -----------------------------------------------------------------------------------------------------


def test_a_reopened_follow_up_goes_on_with_its_clock_as_it_was_and_what_was_chased_stays_chased(practice):
    found = noted(practice)
    assert practice.days_pass("2013-01-17 00:00") == [chase("2013-01-16 17:00", "REF-01", "owner", "gp-okafor")]
    practice.act(End(found, REVIEWED), "2013-01-17 10:00", by=GP_MANAGER)
    assert practice.days_pass("2013-02-28 00:00") == []
    (ended,) = practice.follow_ups(found.thread)
    practice.act(Reopen(ended), "2013-02-28 09:00", by=GP_MANAGER)
    (again,) = practice.follow_ups(found.thread)
    assert again == found
    (made_up,) = practice.sweep("2013-02-28 09:01")
    assert made_up.rungs == ("practice-lead", "named-gp")


def test_a_reopened_follow_up_is_ended_again(practice):
    found = noted(practice)
    practice.act(End(found, REVIEWED), "2013-01-14 10:00", by=GP_MANAGER)
    practice.act(Reopen(*practice.follow_ups(found.thread)), "2013-01-14 11:00", by=GP_MANAGER)
    practice.act(End(found, DUPLICATE), "2013-01-14 12:00", by=LEAD)
    (ended,) = practice.follow_ups(found.thread)
    assert (ended.state, ended.closed_reason, ended.closed_actor) == ("ended", DUPLICATE, "lead-achterberg")


def test_what_was_met_before_it_was_ended_stays_met_when_it_is_reopened(practice):
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    found = referral.the("REF-01")
    practice.act(End(found, REVIEWED), "2013-01-16 10:00", by=GP_MANAGER)
    referral.was("sent", "2013-01-15 09:00", recorded="2013-01-17 09:00")
    assert referral.the("REF-01").state == "met"
    with pytest.raises(Refused) as refused:
        practice.act(Reopen(referral.the("REF-01")), "2013-01-18 10:00", by=GP_MANAGER)
    assert refused.value.code == "not-ended"


def test_only_what_somebody_ended_can_be_reopened(practice):
    found = noted(practice)
    with pytest.raises(Refused) as refused:
        practice.act(Reopen(found), "2013-01-14 11:00", by=GP_MANAGER)
    assert refused.value.code == "not-ended"


def test_those_who_may_end_it_and_the_owner_and_their_team_reopen_it_and_nobody_else(practice):
    found = noted(practice)
    practice.act(End(found, REVIEWED), "2013-01-14 11:00", by=LEAD)
    (ended,) = practice.follow_ups(found.thread)
    colleague = Actor("gp-adeyemi", "gp_practice", "gp-mill-road", ("essex",))
    for by in (GP, colleague, GP_MANAGER, LEAD, DEPUTY):
        assert try_to_reopen(practice, ended, by).type == "follow_up.reopened.v1"
    assert try_to_reopen(practice, ended, LEAD).outbox == {"mail_for": ["gp-okafor"]}
    assert try_to_reopen(practice, ended, GP).outbox == {}
    for by in (STRANGER, NORFOLK_LEAD, HV):
        with pytest.raises(Forbidden, match="gp-manager-hale, lead-achterberg"):
            try_to_reopen(practice, ended, by)


def test_an_ending_that_was_reopened_closes_nothing_in_whatever_order_the_acts_arrive(practice):
    found = noted(practice)
    acts: list[Event] = []
    for day, end in enumerate([True, False, True, False]):
        at = f"2013-01-{14 + day} 10:00"
        command = End(found, REVIEWED) if end else Reopen(*practice.follow_ups(found.thread))
        acts.append(practice.act(command, at, by=GP_MANAGER))
    assert all(find_ending(order, found.id) == [] for order in permutations(acts))
    assert all(find_ending(order, found.id) == [acts[2]] for order in permutations(acts[:3]))
    assert all(find_ending(order, "another") == [] for order in permutations(acts[:3]))
