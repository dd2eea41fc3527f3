"""ACT-01: whatever meeting decided it, an action has an owner and a day, is done or replaced, and outlives a birth."""

from __future__ import annotations

import pytest

from shared.contracts.words import LOSSES, MEETINGS
from tests.unit.practice import CHILD, HV, MIDWIFE, OTHER, PERSON, SOCIAL_WORKER, TWIN, Practice, Thread, as_text

TEAM, PETROV, DIAZ = "childrens-social-care-essex", "sw-petrov", "sw-manager-diaz"
OWNED = {"owner": PETROV, "team": TEAM, "due_on": "2013-02-08"}


@pytest.fixture
def practice() -> Practice:
    return Practice()


def an_action(practice: Practice, **said: str) -> Thread:
    return practice.record_of("action", by=SOCIAL_WORKER, chair=DIAZ, chair_team=TEAM, **said)


def born(practice: Practice, *children: str, outcome: str = "birth") -> Thread:
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2012-09-03 10:00", edd="2013-01-21", mother_age_band="from_20")
    pregnancy.was("pregnancy.ended.v1", "2013-01-20 10:00", outcome=outcome, children=list(children), parents=[PERSON])
    return pregnancy


@pytest.mark.parametrize("meeting", MEETINGS)
def test_whatever_meeting_decides_it_an_action_is_asked_for_on_its_day(practice, meeting):
    action = an_action(practice, meeting=meeting)
    action.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    assert as_text(action.the("ACT-01.done").due_at) == "2013-02-08 17:00"
    assert action.all("ACT-01.owned") == []


@pytest.mark.parametrize("missing", ["owner", "due_on"])
def test_an_action_without_owner_or_day_is_the_chairs_until_it_is_arranged(practice, missing):
    action = an_action(practice)
    action.was("action.decided.v1", "2013-01-14 09:30", **{**OWNED, missing: None})
    assert action.the("ACT-01.owned").owner.person == DIAZ
    assert action.all("ACT-01.done") == []
    action.was("action.arranged.v1", "2013-01-15 09:30", **OWNED)
    assert (action.the("ACT-01.owned").state, action.the("ACT-01.done").owner.person) == ("met", PETROV)


def test_a_later_day_does_not_move_the_first_one_and_an_earlier_one_does(practice):
    action = an_action(practice)
    action.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    action.was(
        "action.arranged.v1", "2013-01-15 09:30", **{**OWNED, "due_on": "2013-03-08", "owner": "cp-service-manager-eze"}
    )
    found = action.the("ACT-01.done")
    assert (as_text(found.due_at), found.owner.person) == ("2013-02-08 17:00", "cp-service-manager-eze")
    action.was("action.arranged.v1", "2013-01-16 09:30", **{**OWNED, "due_on": "2013-01-25"})
    assert as_text(action.the("ACT-01.done").due_at) == "2013-01-25 17:00"


def test_an_action_that_takes_the_place_of_another_is_not_over_with_it(practice):
    first, second = an_action(practice), an_action(practice)
    for action in (first, second):
        action.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    first.was("action.replaced.v1", "2013-01-15 09:30", replaced_by=second.id)
    assert (first.the("ACT-01.done").state, second.the("ACT-01.done").state) == ("met", "open")
    assert second.the("ACT-01.swept").state == "open"


def test_a_meeting_goes_through_it_on_the_day_that_was_said_and_then_again(practice):
    action = an_action(practice)
    action.was("action.decided.v1", "2013-01-14 09:30", next_meeting_on="2013-01-28")
    assert as_text(action.the("ACT-01.swept").due_at) == "2013-01-28 17:00"
    action.was("action.swept.v1", "2013-01-28 10:00", by=HV, next_meeting_on="2013-02-11")
    states = [(found.state, as_text(found.due_at), found.owner.person) for found in action.all("ACT-01.swept")]
    assert states == [("met", "2013-01-28 17:00", DIAZ), ("open", "2013-02-11 17:00", DIAZ)]
    action.was("action.done.v1", "2013-02-01 10:00")
    assert [found.state for found in action.all("ACT-01.swept")] == ["met", "ended"]


def test_an_action_for_an_unborn_child_goes_on_with_the_child(practice):
    pregnancy = born(practice, CHILD)
    action = an_action(practice, pregnancy_id=pregnancy.id)
    action.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    found = action.the("ACT-01.done")
    assert (found.state, found.person) == ("open", CHILD)


def test_of_twins_it_goes_on_with_the_first_and_before_the_birth_it_is_the_mothers(practice):
    action = an_action(practice, pregnancy_id=born(practice, TWIN, CHILD).id)
    action.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    other = an_action(practice)
    other.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    assert (action.the("ACT-01.done").person, other.the("ACT-01.done").person) == (TWIN, PERSON)


@pytest.mark.parametrize("outcome", LOSSES)
def test_an_action_for_an_unborn_child_ends_with_a_loss(practice, outcome):
    pregnancy = born(practice, outcome=outcome)
    action = an_action(practice, pregnancy_id=pregnancy.id)
    action.was("action.decided.v1", "2013-01-14 09:30", **OWNED)
    assert (action.the("ACT-01.done").state, action.the("ACT-01.done").closed_reason) == ("ended", "bereavement")


def unfinished(practice: Practice, *before: str) -> Thread:
    pregnancy = practice.record_of("pregnancy", by=SOCIAL_WORKER)
    for event in before:
        pregnancy.was(event, "2013-01-10 10:00", outcome="conference" if "strategy" in event else None)
    pregnancy.was("pregnancy.ended.v1", "2013-01-14 09:30", outcome="birth", children=[CHILD], parents=[PERSON, OTHER])
    return pregnancy


@pytest.mark.parametrize(
    ("before", "asks"),
    [
        (("prebirth.referral_accepted.v1",), True),
        (("prebirth.strategy_decided.v1",), True),
        (("prebirth.assessment_started.v1", "prebirth.assessment_completed.v1"), False),
        (("prebirth.strategy_decided.v1", "prebirth.conference_held.v1"), False),
        (("prebirth.referral_accepted.v1", "prebirth.threshold_not_met.v1"), False),
        ((), False),
    ],
)
def test_what_was_begun_before_the_birth_and_not_finished_is_asked_about(practice, before, asks):
    assert bool(unfinished(practice, *before).all("ACT-01.carried")) == asks
