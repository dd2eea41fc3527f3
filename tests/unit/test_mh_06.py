"""MH-06: what was declined or put off is offered again, and something else is started when it is not taken up."""

from __future__ import annotations

import pytest

from tests.unit.practice import HV, Practice, Thread, as_text

DECLINED = "2014-03-12 10:00"  # a Wednesday; as in Case S eight weeks is 7 May, six months 12 September
RE_OFFER, FALLBACK = "MH-06.re-offer", "MH-06.fallback"


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
def offer(practice) -> Thread:
    offer = practice.record_of("offer", by=HV)
    offer.was("made", "2014-03-10 10:00")
    return offer


def test_an_offer_that_is_made_or_accepted_is_not_offered_again(offer):
    offer.was("accepted", DECLINED)
    assert offer.steps() == ["MH-06.answer", "MH-06.begin"]


@pytest.mark.parametrize("answer", ["declined", "deferred"])
def test_a_refusal_and_a_not_yet_both_ask_for_another_offer_and_a_fallback(offer, answer):
    offer.was(answer, DECLINED)
    assert offer.steps() == ["MH-06.answer", FALLBACK, RE_OFFER]
    assert (as_text(offer.the(RE_OFFER).due_at), as_text(offer.the(FALLBACK).due_at)) == (
        "2014-05-07 17:00",
        "2014-09-12 17:00",
    )


@pytest.mark.parametrize(
    ("re_offer_by", "due"),
    [
        ("2014-03-31", "2014-03-31 17:00"),
        ("2014-04-20", "2014-04-20 17:00"),  # on Easter Sunday, as was agreed
        ("2014-05-06", "2014-05-06 17:00"),
        ("2014-05-07", "2014-05-07 17:00"),
        ("2014-05-08", "2014-05-07 17:00"),  # eight weeks at most
        ("2014-12-01", "2014-05-07 17:00"),
        (None, "2014-05-07 17:00"),  # no date is no gap: eight weeks
    ],
)
def test_a_date_that_was_agreed_counts_up_to_eight_weeks(offer, re_offer_by, due):
    offer.was("deferred", DECLINED, re_offer_by=re_offer_by)
    found = offer.the(RE_OFFER)
    assert (as_text(found.due_at), found.gap) == (due, None)


def test_a_second_refusal_shows_that_it_was_offered_again_and_asks_anew(offer):
    offer.was("declined", DECLINED)
    offer.was("declined", "2014-04-30 10:00")
    assert [(found.state, as_text(found.due_at)) for found in offer.all(RE_OFFER)] == [
        ("met", "2014-05-07 17:00"),
        ("open", "2014-06-25 17:00"),
    ]


def test_the_fallback_is_due_five_working_days_after_the_second_refusal(offer):
    offer.was("declined", DECLINED)
    offer.was("declined", "2014-04-16 10:00")  # before Easter
    assert as_text(offer.the(FALLBACK).due_at) == "2014-04-25 17:00"
    offer.was("declined", "2014-05-01 10:00")
    assert as_text(offer.the(FALLBACK).due_at) == "2014-04-25 17:00"


def test_to_put_it_off_is_no_refusal(offer):
    for at in (DECLINED, "2014-04-30 10:00", "2014-06-18 10:00"):
        offer.was("deferred", at)
    assert as_text(offer.the(FALLBACK).due_at) == "2014-09-12 17:00"
    offer.was("declined", "2014-07-01 10:00")
    assert as_text(offer.the(FALLBACK).due_at) == "2014-09-12 17:00"
    offer.was("declined", "2014-07-08 10:00")
    assert as_text(offer.the(FALLBACK).due_at) == "2014-07-15 17:00"


def test_the_fallback_is_one_question_however_often_it_is_refused(offer):
    for at in (DECLINED, "2014-04-02 10:00", "2014-04-23 10:00"):
        offer.was("declined", at)
    assert [found.state for found in offer.all(FALLBACK)] == ["open"]


def test_to_be_offered_again_meets_the_one_and_not_the_other(offer):
    offer.was("deferred", DECLINED)
    offer.was("made", "2014-04-30 10:00")
    assert (offer.the(RE_OFFER).state, offer.the(FALLBACK).state) == ("met", "open")


def test_the_fallback_meets_both(offer):
    offer.was("deferred", DECLINED)
    offer.was("fallback_started", "2014-04-30 10:00")
    assert (offer.the(RE_OFFER).state, offer.the(FALLBACK).state) == ("met", "met")


def test_to_be_accepted_meets_the_offer_and_makes_the_fallback_needless(offer):
    offer.was("deferred", DECLINED)
    offer.was("accepted", "2014-04-30 10:00")
    assert (offer.the(RE_OFFER).state, offer.the(FALLBACK).state) == ("met", "ended")


def test_an_end_needs_a_reason_and_keeps_who_ended_it(offer):
    offer.was("declined", DECLINED)
    offer.was("ended", "2014-04-30 10:00", reason_code="treated-elsewhere", manager="hv-manager-ito")
    found = [offer.the(step) for step in (RE_OFFER, FALLBACK)]
    assert {(one.state, one.closed_reason, one.closed_actor) for one in found} == {
        ("ended", "treated-elsewhere", HV.id)
    }


def test_what_was_refused_before_the_fallback_does_not_hurry_the_next_one(offer):
    offer.was("declined", DECLINED)
    offer.was("declined", "2014-04-16 10:00")
    offer.was("fallback_started", "2014-04-22 10:00")
    offer.was("made", "2014-10-01 10:00")
    offer.was("declined", "2014-10-02 10:00")
    assert [(found.state, as_text(found.due_at)) for found in offer.all(FALLBACK)] == [
        ("met", "2014-04-25 17:00"),
        ("open", "2015-04-02 17:00"),
    ]
    offer.was("declined", "2014-11-03 10:00")
    assert as_text(offer.all(FALLBACK)[-1].due_at) == "2014-11-10 17:00"


def test_another_offer_to_the_same_person_changes_nothing(practice, offer):
    offer.was("declined", DECLINED)
    another = practice.record_of("offer", by=HV)
    another.was("made", "2014-04-02 10:00")
    another.was("accepted", "2014-04-03 10:00")
    assert (offer.the(RE_OFFER).state, offer.the(FALLBACK).state) == ("open", "open")


def test_who_never_heard_again_is_never_forgotten(practice, offer):
    offer.was("deferred", DECLINED)
    assert len(practice.days_pass("2015-03-12 00:00")) > 20
    assert (offer.the(RE_OFFER).state, offer.the(FALLBACK).state) == ("open", "open")
