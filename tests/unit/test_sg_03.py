"""SG-03: what was said on the telephone is written down, gone back to, and named where a child may have been hurt."""

from __future__ import annotations

import pytest

from shared.contracts.words import CONSULTATION_MENTIONS
from tests.unit.practice import CHILD, FRONT_DOOR, NURSERY, Practice, as_text

HELD = "2015-04-15 10:00"  # a Wednesday; Case S: an unnamed call in April 2015


@pytest.fixture
def practice() -> Practice:
    return Practice()


def call(practice, mentions, *, by=NURSERY, at=HELD, **said):
    record = practice.record_of("consultation", by=by, person_id=None, named=False, to_team="front-door-essex", **said)
    record.was("consultation.held.v1", at, mentions=mentions)
    return record


@pytest.mark.parametrize("mention", CONSULTATION_MENTIONS)
def test_a_bruise_an_injury_or_a_disclosure_is_to_be_named_that_day_and_all_else_gone_back_to(practice, mention):
    harm = mention in ("bruise", "injury", "disclosure")
    record = call(practice, [mention])
    assert record.steps() == sorted(["SG-03.letter", "SG-03.named" if harm else "SG-03.recheck"])


def test_a_call_that_mentions_nothing_in_particular_is_written_down_and_gone_back_to(practice):
    assert call(practice, []).steps() == ["SG-03.letter", "SG-03.recheck"]


def test_case_s_two_memories_that_do_not_agree_the_one_with_the_bruise_counts(practice):
    record = call(practice, ["parenting"])
    record.was(
        "consultation.account_added.v1", "2015-04-17 10:00", by=FRONT_DOOR, side="consultant", mentions=["bruise"]
    )
    found = record.the("SG-03.named")
    assert (found.state, as_text(found.due_at), found.owner.person) == ("open", "2015-04-17 23:59", "fd-laurent")
    assert record.the("SG-03.recheck").state == "open"


def test_a_second_account_of_the_same_harm_asks_once(practice):
    record = call(practice, ["bruise"])
    record.was("consultation.account_added.v1", "2015-04-15 12:00", by=FRONT_DOOR, mentions=["bruise"])
    assert as_text(record.the("SG-03.named").due_at) == "2015-04-15 23:59"


def test_an_account_that_comes_after_the_referral_does_not_ask_for_another(practice):
    record = call(practice, ["bruise"])
    record.was("consultation.referred.v1", "2015-04-15 14:00", person_id=CHILD)
    record.was("consultation.account_added.v1", "2015-04-16 12:00", by=FRONT_DOOR, mentions=["bruise"])
    assert record.the("SG-03.named").state == "met"


def test_the_letter_counts_when_the_caller_acknowledges_it(practice):
    record = call(practice, ["other"])
    record.was("consultation.outcome_given.v1", "2015-04-15 15:00", by=FRONT_DOOR, channel="letter")
    assert record.the("SG-03.letter").state == "open"
    record.was("consultation.outcome_acknowledged.v1", "2015-04-16 09:00")
    assert record.the("SG-03.letter").state == "met"


def test_the_caller_keeps_the_concern_and_the_front_door_owes_the_letter(practice):
    record = call(practice, ["bruise"])
    assert record.the("SG-03.named").owner.person == NURSERY.id
    assert record.the("SG-03.letter").owner.team == "front-door-essex"


def test_what_was_said_in_another_call_says_nothing_of_this_one(practice):
    first, second = call(practice, ["bruise"]), call(practice, ["bruise"])
    first.was("consultation.referred.v1", "2015-04-15 14:00", person_id=CHILD)
    assert (first.the("SG-03.named").state, second.the("SG-03.named").state) == ("met", "open")
