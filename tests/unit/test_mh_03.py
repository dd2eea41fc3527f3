"""MH-03: a positive screen leads to an assessment or a referral; an answer about self-harm is acted on the same day."""

from __future__ import annotations

import pytest

from tests.unit.practice import GP, HV, OTHER, Practice, as_text, chase

SCREENED = "2013-01-14 09:30"  # a Monday
HARM = "MH-03.self-harm"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def screened(practice: Practice, tool: str, score: int, self_harm: bool = False, at: str = SCREENED):
    screen = practice.record_of("screen", by=HV)
    screen.was("recorded", at, tool=tool, score=score, self_harm=self_harm)
    return screen


def referred(practice: Practice, at: str, service: str = "camhs", **said):
    return practice.referral(by=HV, service=service, **said).was("sent", at)


@pytest.mark.parametrize(
    ("tool", "score", "positive"),
    [
        ("whooley", 0, False),
        ("whooley", 1, True),
        ("whooley", 2, True),
        ("epds", 0, False),
        ("epds", 9, False),
        ("epds", 10, True),
        ("epds", 13, True),
        ("epds", 30, True),
        ("phq9", 9, False),
        ("phq9", 10, True),
        ("phq9", 27, True),
        ("gad2", 2, False),
        ("gad2", 3, True),
        ("gad2", 6, True),
        ("gad7", 7, False),
        ("gad7", 8, True),
        ("gad7", 21, True),
    ],
)
def test_a_score_is_positive_from_its_threshold_on(practice, tool, score, positive):
    assert screened(practice, tool, score).steps() == (["MH-03"] if positive else [])


@pytest.mark.parametrize("tool", ["epds", "phq9"])
@pytest.mark.parametrize(("score", "steps"), [(1, [HARM]), (9, [HARM]), (10, ["MH-03", HARM])])
def test_an_answer_about_self_harm_counts_whatever_the_score(practice, tool, score, steps):
    assert screened(practice, tool, score, self_harm=True).steps() == steps


@pytest.mark.parametrize(
    ("at", "due"),
    [
        ("2013-01-14 09:30", "2013-01-14 23:59"),
        ("2013-01-19 23:30", "2013-01-19 23:59"),  # a Saturday night does not wait for Monday
        ("2013-12-25 11:00", "2013-12-25 23:59"),
        ("2013-10-27 00:30", "2013-10-27 23:59"),  # the day with twenty-five hours
    ],
)
def test_self_harm_is_due_the_same_day_and_told_the_same_minute(practice, at, due):
    found = screened(practice, "epds", 4, self_harm=True, at=at).the(HARM)
    assert as_text(found.due_at) == due
    assert practice.sweep(at) == [chase(at, HARM, "at-once", "hv-pereira", "duty-clinician-berg")]


def test_every_rung_of_self_harm_is_urgent_and_goes_on_day_after_day(practice):
    found = screened(practice, "phq9", 4, self_harm=True).the(HARM)
    assert [rung.urgent for rung in found.rungs] == [True, True]
    told = practice.days_pass("2013-01-18 00:00")
    assert [one.at for one in told] == ["2013-01-14 09:30", *(f"2013-01-{day} 23:59" for day in (14, 15, 16, 17))]


@pytest.mark.parametrize("outcome", ["refer", "urgent"])
def test_a_decision_to_refer_is_not_a_referral_and_holds_the_screen_open_until_it_is_sent(practice, outcome):
    screen = screened(practice, "epds", 14)
    screen.was("followed_up", "2013-01-15 09:30", outcome=outcome)
    assert screen.the("MH-03").state == "open"
    sent = referred(practice, "2013-01-16 09:30")
    found = screen.the("MH-03")
    assert (found.state, found.closed_by) == ("met", sent.id)


@pytest.mark.parametrize("outcome", ["refer", "urgent"])
@pytest.mark.parametrize("sent_first", [True, False])
def test_after_an_answer_about_self_harm_she_is_seen_and_the_referral_is_sent_in_either_order(
    practice, sent_first, outcome
):
    screen = screened(practice, "epds", 4, self_harm=True)
    states = []
    for is_sending in (sent_first, not sent_first):
        if is_sending:
            referred(practice, "2013-01-14 12:00")
        else:
            screen.was("followed_up", "2013-01-14 12:00", outcome=outcome)
        states.append(screen.the(HARM).state)
    assert states == ["open", "met"]


@pytest.mark.parametrize(
    ("service", "state"),
    [
        ("camhs", "met"),
        ("perinatal_mental_health", "met"),
        ("talking_therapies", "met"),
        ("adult_mental_health", "met"),
        ("general_practice", "met"),  # to the GP, as the two questions ask for
        ("early_help", "open"),
        ("health_visiting", "open"),
    ],
)
def test_a_referral_to_mental_health_or_the_gp_answers_a_positive_screen(practice, service, state):
    screen = screened(practice, "whooley", 1)
    referred(practice, "2013-01-15 09:30", service)
    assert screen.the("MH-03").state == state


def test_a_referral_of_before_the_screen_or_of_somebody_else_does_not(practice):
    referred(practice, "2013-01-11 09:30")
    screen = screened(practice, "epds", 14)
    referred(practice, "2013-01-15 09:30", person_id=OTHER)
    assert screen.the("MH-03").state == "open"


def test_each_screen_is_followed_up_itself(practice):
    first = screened(practice, "epds", 14)
    second = screened(practice, "epds", 12, at="2013-01-28 09:30")
    second.was("followed_up", "2013-01-29 09:30", outcome="no_further")
    assert (first.the("MH-03").state, second.the("MH-03").state) == ("open", "met")


def test_one_referral_answers_every_screen_of_before_it(practice):
    screens = [screened(practice, "whooley", 1), screened(practice, "epds", 14)]
    referred(practice, "2013-01-15 09:30")
    assert [screen.the("MH-03").state for screen in screens] == ["met", "met"]


def test_whoever_screened_owns_it_a_gp_too(practice):
    screen = practice.record_of("screen", by=GP)
    screen.was("recorded", SCREENED, tool="phq9", score=11, self_harm=False)
    assert practice.days_pass("2013-01-24 00:00") == [
        chase("2013-01-21 17:00", "MH-03", "owner", "gp-okafor"),
        chase("2013-01-23 17:00", "MH-03", "lead", "gp-okafor", "gp-manager-hale"),
    ]


def test_a_loss_ends_neither(practice):
    pregnancy = practice.record_of("pregnancy", edd="2013-08-26")
    pregnancy.was("booked", "2013-01-07 10:00")
    screen = practice.record_of("screen", by=HV, pregnancy_id=pregnancy.id)
    screen.was("recorded", SCREENED, tool="epds", score=14, self_harm=True)
    pregnancy.was("ended", "2013-01-15 09:30", outcome="miscarriage")
    assert (screen.the("MH-03").state, screen.the(HARM).state) == ("open", "open")
