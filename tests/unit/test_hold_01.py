"""HOLD-01: who holds a case, who owns what a former holder left open, and who is told beside the owner's line."""

from __future__ import annotations

from itertools import permutations

import pytest

from services.referrals_followup.domain.follow_up import Accept, Owner
from services.referrals_followup.ledger.view_codec import document_of, follow_up_of
from shared.kernel.decisions import Actor
from tests.unit.practice import CHILD, HV, PARTNER, PERSON, SOCIAL_WORKER, Practice, Thread, as_text

TEAM, PETROV, DIAZ, KRUGER = "childrens-social-care-essex", "sw-petrov", "sw-manager-diaz", "service-manager-kruger"
BOSS = Actor(DIAZ, "team_manager", TEAM, ("essex",))
COLLEAGUE = "cp-service-manager-eze"
MANAGER_OF_TEAM = Owner("team_manager", TEAM, None)


@pytest.fixture
def practice() -> Practice:
    return Practice()


def a_case(
    practice: Practice, people: tuple[str, ...] = (PERSON, CHILD), agency: str = "childrens_social_care"
) -> Thread:
    return practice.record_of("case", by=SOCIAL_WORKER, person_id=people[0], people=list(people), agency=agency)


def held(case: Thread, at: str, holder: str = PETROV) -> None:
    case.was("case.holder_named.v1", at, by=BOSS, holder=holder, team=TEAM)


def ended(case: Thread, at: str, holder: str = PETROV, reason: str = "left") -> None:
    case.was("case.holder_ended.v1", at, by=BOSS, holder=holder, reason=reason)


def taken_on(case: Thread, at: str, holder: str = COLLEAGUE) -> None:
    case.was("case.taken_on.v1", at, by=BOSS, holder=holder, team=TEAM, reported_by="sender")


def sent(practice: Practice, at: str, by: Actor = SOCIAL_WORKER, **said: str) -> Thread:
    referral = practice.referral(by=by, **said)
    referral.was("intended", at)
    return referral


def test_when_nobody_holds_the_case_the_team_manager_owns_what_its_holder_left_open_until_somebody_takes_it_on(
    practice,
):
    case, referral = a_case(practice), sent(practice, "2013-01-10 10:00")
    held(case, "2013-01-08 09:00")
    assert referral.the("REF-01").owner.person == PETROV
    ended(case, "2013-01-14 09:00")
    assert referral.the("REF-01").owner == MANAGER_OF_TEAM
    (told,) = (one for one in practice.sweep("2013-01-15 09:00") if one.step == "REF-01")
    assert told.told == {DIAZ}
    taken_on(case, "2013-01-16 09:00")
    assert referral.the("REF-01").owner == Owner("social_worker", TEAM, COLLEAGUE)


def test_somebody_who_took_a_follow_up_on_keeps_it(practice):
    case, referral = a_case(practice), sent(practice, "2013-01-10 10:00")
    held(case, "2013-01-08 09:00")
    ended(case, "2013-01-14 09:00")
    practice.act(Accept(referral.the("REF-01")), "2013-01-14 12:00", by=BOSS)
    taken_on(case, "2013-01-16 09:00")
    assert practice.owner(referral.the("REF-01")).person == DIAZ


def test_what_the_former_holder_opens_later_is_theirs(practice):
    case = a_case(practice)
    held(case, "2013-01-08 09:00")
    ended(case, "2013-01-09 09:00", reason="transfer")
    assert sent(practice, "2013-01-10 10:00").the("REF-01").owner.person == PETROV


def test_what_is_not_the_holders_and_what_is_about_others_stays_where_it_was(practice):
    case = a_case(practice)
    held(case, "2013-01-08 09:00")
    theirs, about_another = (
        sent(practice, "2013-01-10 10:00", by=HV),
        sent(practice, "2013-01-10 11:00", person_id=PARTNER),
    )
    ended(case, "2013-01-14 09:00")
    assert theirs.the("REF-01").owner.person == HV.id
    assert about_another.the("REF-01").owner.person == PETROV


def test_whoever_still_holds_another_case_about_the_family_keeps_what_is_theirs(practice):
    case, other = a_case(practice), a_case(practice, agency="early_help")
    for one in (case, other):
        held(one, "2013-01-08 09:00")
    referral = sent(practice, "2013-01-10 10:00")
    ended(case, "2013-01-14 09:00")
    assert referral.the("REF-01").owner.person == PETROV
    ended(other, "2013-01-15 09:00")
    assert referral.the("REF-01").owner == MANAGER_OF_TEAM


def test_a_decided_action_of_a_holder_who_leaves_is_the_managers(practice):
    case = a_case(practice)
    held(case, "2013-01-08 09:00")
    action = practice.record_of("action", by=SOCIAL_WORKER, chair=DIAZ, chair_team=TEAM, owner=PETROV, team=TEAM)
    action.was("action.decided.v1", "2013-01-10 10:00", due_on="2013-02-01")
    assert action.the("ACT-01.done").owner.person == PETROV
    ended(case, "2013-01-14 09:00")
    assert action.the("ACT-01.done").owner == MANAGER_OF_TEAM


def test_in_any_order_the_same_person_owns_it():
    acts = (
        lambda case: held(case, "2013-01-08 09:00"),
        lambda case: ended(case, "2013-01-14 09:00"),
        lambda case: taken_on(case, "2013-01-12 09:00"),
    )
    for order in permutations(acts):
        practice = Practice()
        case, referral = a_case(practice), sent(practice, "2013-01-10 10:00")
        for tell in order:
            tell(case)
        assert referral.the("REF-01").owner.person == COLLEAGUE
        assert case.all("HOLD-01.without") == []


def test_an_end_that_was_a_mistake_gives_everything_back(practice):
    case, referral = a_case(practice), sent(practice, "2013-01-10 10:00")
    held(case, "2013-01-08 09:00")
    end = case.was("case.holder_ended.v1", "2013-01-14 09:00", by=BOSS, holder=PETROV, reason="left")
    case.retracted(end, "2013-01-14 10:00")
    assert referral.the("REF-01").owner.person == PETROV
    assert case.the("HOLD-01.without").state == "void"


def test_whoever_holds_the_case_is_told_beside_the_owners_line(practice):
    case, referral = a_case(practice), sent(practice, "2013-01-10 10:00", by=HV)
    held(case, "2013-01-08 09:00")
    found = [one for one in practice.days_pass("2013-01-20 00:00") if one.step == "REF-01"]
    assert found and all(PETROV in one.told for one in found)
    assert referral.the("REF-01").holders == (Owner("case_holder", TEAM, PETROV),)


def test_nobody_is_told_as_the_holder_after_the_case_closed_or_while_nobody_holds_it(practice):
    case, referral = a_case(practice), sent(practice, "2013-01-10 10:00", by=HV)
    held(case, "2013-01-08 09:00")
    ended(case, "2013-01-09 09:00")
    assert referral.the("REF-01").holders == ()
    taken_on(case, "2013-01-10 09:00")
    assert [holder.person for holder in referral.the("REF-01").holders] == [COLLEAGUE]
    case.was("case.closed.v2", "2013-01-11 09:00")
    assert referral.the("REF-01").holders == ()


def test_the_view_of_a_follow_up_keeps_the_holders(practice):
    case, referral = a_case(practice), sent(practice, "2013-01-10 10:00", by=HV)
    held(case, "2013-01-08 09:00")
    found = referral.the("REF-01")
    assert follow_up_of(document_of(found, practice.acts(found), None)).holders == found.holders


def test_a_case_of_another_agency_need_not_have_a_holder(practice):
    case = a_case(practice, agency="health_visiting")
    case.was("case.opened.v1", "2013-01-14 09:30")
    assert case.all("HOLD-01.named") == []


def test_a_case_that_was_transferred_needs_a_holder_the_next_working_day_unless_somebody_has_taken_it_on(practice):
    left, followed = a_case(practice), a_case(practice)
    for case in (left, followed):
        held(case, "2013-01-08 09:00")
    taken_on(followed, "2013-01-13 09:00")
    for case in (left, followed):
        ended(case, "2013-01-14 09:00", reason="transfer")
    assert as_text(left.the("HOLD-01.named").due_at) == "2013-01-15 17:00"
    assert followed.all("HOLD-01.named") == [] and followed.all("HOLD-01.without") == []


def test_a_case_that_nobody_holds_is_looked_at_again_a_week_after_each_look(practice):
    case = a_case(practice)
    held(case, "2013-01-08 09:00")
    ended(case, "2013-01-14 09:30")
    case.was("case.unheld_reviewed.v1", "2013-01-18 10:00", by=BOSS)
    states = [(found.state, as_text(found.due_at)) for found in case.all("HOLD-01.without")]
    assert states == [("met", "2013-01-21 17:00"), ("open", "2013-01-25 17:00")]
    taken_on(case, "2013-01-22 10:00")
    assert [found.state for found in case.all("HOLD-01.without")] == ["met", "ended"]


def test_a_first_holder_changes_nothing_and_one_who_is_named_and_then_takes_it_on_changes_it_once(practice):
    case = a_case(practice)
    held(case, "2013-01-08 09:00")
    assert case.all("HOLD-01.visit") == case.all("HOLD-01.told") == []
    held(case, "2013-01-14 09:00", holder=COLLEAGUE)
    taken_on(case, "2013-01-15 09:00")
    assert len(case.all("HOLD-01.visit")) == len(case.all("HOLD-01.told")) == 1
    assert case.the("HOLD-01.visit").owner.person == COLLEAGUE


def test_a_child_of_a_protection_plan_is_seen_within_five_working_days(practice):
    case = a_case(practice)
    case.was("case.opened.v1", "2013-01-07 09:00", kind="child_protection")
    held(case, "2013-01-08 09:00")
    taken_on(case, "2013-01-14 09:30")
    assert as_text(case.the("HOLD-01.visit").due_at) == "2013-01-21 17:00"


def test_family_and_professionals_may_be_told_on_different_days_but_not_before_the_change(practice):
    case = a_case(practice)
    held(case, "2013-01-08 09:00")
    case.was("case.told.v1", "2013-01-09 09:00", to=["parents", "school"], about="holder")
    taken_on(case, "2013-01-14 09:30")
    case.was("case.told.v1", "2013-01-15 09:00", to=["parents"], about="holder")
    assert case.the("HOLD-01.told").state == "open"
    case.was("case.told.v1", "2013-01-16 09:00", to=["health_visitor"], about="holder")
    assert case.the("HOLD-01.told").state == "met"


def test_the_ladder_of_a_team_managers_follow_up_tells_whoever_manages_the_team_and_then_who_is_above_them(practice):
    case = a_case(practice)
    case.was("case.opened.v1", "2013-01-14 09:30")
    told = [one.told for one in practice.days_pass("2013-01-18 00:00") if one.step == "HOLD-01.named"]
    assert told == [{DIAZ}, {DIAZ, KRUGER}]
