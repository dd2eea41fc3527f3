"""REF-05: the outcome of a referral comes back to the referrer and the GP or health visitor, and is taken note of."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.perinatal.domain import referral as recording
from shared.kernel.decisions import Refused
from tests.unit.history import PERSON, Stream
from tests.unit.practice import CAMHS, GP, HV, SOCIAL_WORKER, Practice, as_text, chase
from tests.unit.referrals import append, begin

SENT, ENDED = "2013-01-10 09:30", "2013-02-11 09:30"  # a Thursday, a Monday
RETURN, TELL, ACKNOWLEDGE = "REF-05.return", "REF-05.tell", "REF-05.acknowledge"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def accepted(practice: Practice, sender=GP):
    referral = practice.referral(by=CAMHS)
    referral.was("sent", SENT, by=sender)
    referral.was("acknowledged", "2013-01-11 09:30")
    referral.was("accepted", "2013-01-14 09:30")
    return referral


@pytest.mark.parametrize(
    ("what", "said", "asks"),
    [
        ("treatment_ended", {}, True),
        ("assessed", {"outcome": "no_treatment"}, True),
        ("assessed", {"outcome": "refer_on"}, True),
        ("assessed", {"outcome": "treat"}, False),
        ("closed", {}, True),
        ("attended", {}, False),
        ("treatment_started", {}, False),
    ],
)
def test_an_end_on_the_receiving_side_asks_for_the_outcome(practice, what, said, asks):
    referral = accepted(practice)
    referral.was(what, ENDED, **said)
    assert [step for step in referral.steps() if step.startswith("REF-05")] == ([RETURN, TELL] if asks else [])


def test_closing_what_was_never_acknowledged_has_no_outcome_to_return(practice):
    referral = practice.referral()
    referral.was("sent", SENT)
    referral.was("closed", ENDED)
    assert not [step for step in referral.steps() if step.startswith("REF-05")]


def test_several_ends_of_one_referral_are_one_question(practice):
    referral = accepted(practice)
    referral.was("treatment_ended", ENDED)
    referral.was("closed", "2013-02-12 09:30")
    assert [(found.state, as_text(found.due_at)) for found in referral.all(RETURN)] == [("open", "2013-02-18 17:00")]


@pytest.mark.parametrize("sender", [GP, HV])
def test_what_went_back_to_a_gp_or_health_visitor_who_referred_is_told_and_the_closing_asks_no_more(practice, sender):
    referral = accepted(practice, sender)
    referral.was("treatment_ended", ENDED)
    referral.was("outcome_returned", "2013-02-12 09:30", to="referrer")
    referral.was("outcome_acknowledged", "2013-02-13 09:30", by=sender)
    referral.was("closed", "2013-02-14 09:30")
    assert [step for step in referral.steps() if step.startswith("REF-05")] == [ACKNOWLEDGE, RETURN, TELL]
    assert {referral.the(step).state for step in (ACKNOWLEDGE, RETURN, TELL)} == {"met"}
    assert not [found for found in practice.days_pass("2014-01-01 00:00") if found.step.startswith("REF-05")]


def test_where_social_care_referred_the_gp_or_health_visitor_is_told_as_well(practice):
    referral = accepted(practice, SOCIAL_WORKER)
    referral.was("treatment_ended", ENDED)
    referral.was("outcome_returned", "2013-02-12 09:30", to="referrer")
    assert (referral.the(RETURN).state, referral.the(TELL).state) == ("met", "open")
    referral.was("closed", "2013-02-14 09:30")
    assert [found.state for found in referral.all(TELL)] == ["open"]
    referral.was("outcome_returned", "2013-02-15 09:30", to="health_visiting")
    assert [found.state for found in referral.all(TELL)] == ["met"]


@pytest.mark.parametrize(
    ("sender", "to", "asked"),
    [
        (GP, "referrer", []),
        (GP, "health_visiting", [RETURN]),
        (SOCIAL_WORKER, "referrer", [TELL]),
        (SOCIAL_WORKER, "general_practice", [RETURN]),
    ],
)
def test_a_closing_asks_only_for_what_has_not_gone_back_before(practice, sender, to, asked):
    referral = accepted(practice, sender)
    referral.was("assessed", "2013-02-04 09:30", outcome="treat")
    referral.was("outcome_returned", "2013-02-05 09:30", to=to)
    referral.was("closed", ENDED)
    assert [step for step in referral.steps() if step in (RETURN, TELL)] == asked


def test_treatment_that_ends_a_second_time_asks_again(practice):
    referral = accepted(practice)
    referral.was("treatment_ended", ENDED)
    referral.was("outcome_returned", "2013-02-12 09:30", to="referrer")
    referral.was("treatment_started", "2013-03-04 09:30")
    referral.was("treatment_ended", "2013-04-08 09:30")
    assert [(found.state, as_text(found.due_at)) for found in referral.all(RETURN)] == [
        ("met", "2013-02-18 17:00"),
        ("open", "2013-04-15 17:00"),
    ]


def test_it_is_the_receiving_service_that_owns_each_and_its_manager_that_hears(practice):
    referral = accepted(practice)
    referral.was("treatment_ended", ENDED)
    referral.was("outcome_returned", "2013-02-12 09:30", to="referrer")
    assert practice.days_pass("2013-02-27 00:00") == [
        chase("2013-02-19 17:00", ACKNOWLEDGE, "owner", "camhs-triage-novak"),
        chase("2013-02-26 17:00", ACKNOWLEDGE, "service-manager", "camhs-triage-novak", "camhs-manager-osei"),
    ]


def test_to_send_the_outcome_twice_is_not_to_have_it_acknowledged(practice):
    referral = accepted(practice)
    referral.was("treatment_ended", ENDED)
    referral.was("outcome_returned", "2013-02-12 09:30", to="referrer")
    referral.was("outcome_returned", "2013-02-13 09:30", to="referrer")
    assert [found.state for found in referral.all(ACKNOWLEDGE)] == ["open", "open"]
    referral.was("outcome_acknowledged", "2013-02-14 09:30", by=GP)
    assert [found.state for found in referral.all(ACKNOWLEDGE)] == ["met", "met"]


def test_only_the_referrer_takes_note_of_an_outcome():
    stream = Stream(recording.AGGREGATE, str(UUID(int=5)))
    stream.give(begin("sent", person_id=PERSON, service="camhs", channel="letter"), GP)
    stream.give(append("acknowledged"), CAMHS)
    stream.give(append("accepted"), CAMHS)
    stream.give(append("assessed", outcome="no_treatment"), CAMHS)
    stream.give(append("outcome_returned", outcome_code="no-treatment"), CAMHS)
    with pytest.raises(Refused, match="those who refer"):
        stream.give(append("outcome_acknowledged"), CAMHS)
    assert stream.give(append("outcome_acknowledged"), GP).type == "referral.outcome_acknowledged.v1"
