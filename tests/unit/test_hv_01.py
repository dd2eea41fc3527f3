"""HV-01: the reviews of the Healthy Child Programme are offered in their windows; a decline is not the end of it."""

from __future__ import annotations

import pytest

from tests.unit.practice import CHILD, HV, MIDWIFE, NORFOLK_HV, PERSON, TWIN, Practice, as_text, chase

REVIEWS = ["new_birth", "six_week", "twelve_month", "two_year"]


@pytest.fixture
def practice() -> Practice:
    return Practice()


def booked(practice, at="2013-11-25 10:00", edd="2014-06-16", **said):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", at, **{"edd": edd, "mother_age_band": "from_20", **said})
    return pregnancy


def child(practice, key=CHILD):
    return practice.record_of("person", by=HV, key=key)


def test_the_two_year_check_at_twenty_nine_months_is_on_time_and_quiet(practice):
    """Case S: born in July 2012, seen in December 2014."""
    practice.birth(CHILD, "2012-07-10")
    for review, day in zip(REVIEWS, ("2012-07-20", "2012-08-28", "2013-07-01", "2014-12-10"), strict=True):
        child(practice).was("review.completed.v1", day, review=review)
    assert [one for one in practice.days_pass("2016-01-01 00:00") if one.step != "HV-01.antenatal"] == []


def test_without_it_nobody_is_chased_before_thirty_months_are_over(practice):
    practice.birth(CHILD, "2012-07-10")
    child(practice).was("review.completed.v1", "2012-07-20", review="new_birth")
    child(practice).was("review.completed.v1", "2012-08-28", review="six_week")
    child(practice).was("review.completed.v1", "2013-07-01", review="twelve_month")
    assert child(practice).the("HV-01.two-year").state == "open"
    chases = [one for one in practice.days_pass("2015-01-10 18:00") if one.step == "HV-01.two-year"]
    assert chases == [chase("2015-01-10 17:00", "HV-01.two-year", "owner", "hv-sato", "hv-manager-ito")]  # a Saturday


def test_each_review_is_seen_from_the_beginning_of_its_window_and_due_at_its_end(practice):
    practice.birth(CHILD, "2014-01-15")
    windows = {
        found.step: (as_text(found.visible_from), as_text(found.due_at))
        for found in practice.follow_ups(f"person/{CHILD}")
    }
    assert windows == {
        "HV-01.new-birth": ("2014-01-16 17:00", "2014-01-29 17:00"),
        "HV-01.six-week": ("2014-02-26 17:00", "2014-03-12 17:00"),
        "HV-01.twelve-month": ("2014-10-15 17:00", "2015-04-15 17:00"),
        "HV-01.two-year": ("2016-01-15 17:00", "2016-07-15 17:00"),
    }


def test_each_twin_has_its_own(practice):
    pregnancy = booked(practice)
    pregnancy.was("pregnancy.ended.v1", "2014-06-14", outcome="birth", children=[CHILD, TWIN], parents=[PERSON])
    child(practice).was("review.completed.v1", "2014-06-20 10:00", review="new_birth")
    assert child(practice).the("HV-01.new-birth").state == "met"
    assert child(practice, TWIN).the("HV-01.new-birth").state == "open"


def test_a_child_of_whose_birth_nobody_told_is_not_asked_about(practice):
    child(practice).was("practitioner.assigned.v1", "2014-01-15 10:00")
    assert child(practice).steps() == []


# --- antenatal --------------------------------------------------------------------------------------------------------


def test_it_is_due_at_36_weeks_or_ten_working_days_after_a_late_booking(practice):
    assert as_text(booked(practice).the("HV-01.antenatal").due_at) == "2014-05-19 17:00"
    late = booked(practice, at="2014-05-12 10:00")
    # Ten working days from 12 May, over the bank holiday of the 26th.
    assert as_text(late.the("HV-01.antenatal").due_at) == "2014-05-27 17:00"


def test_without_an_expected_date_somebody_is_asked_for_it_at_once(practice):
    pregnancy = booked(practice, at="2014-01-15 10:00", edd=None)
    found = pregnancy.the("HV-01.antenatal")
    assert (found.gap, as_text(found.due_at)) == ("edd", "2014-01-29 17:00")
    assert practice.sweep("2014-01-15 10:00") == [
        chase("2014-01-15 10:00", "DATA-01.birth", "data-gap", "midwife-ekwueme"),
        chase("2014-01-15 10:00", "HV-01.antenatal", "data-gap", "hv-sato"),
    ]


def test_the_date_that_was_said_last_counts(practice):
    pregnancy = booked(practice)
    pregnancy.was("pregnancy.edd_corrected.v1", "2014-01-20 10:00", edd="2014-06-30")
    found = pregnancy.the("HV-01.antenatal")
    assert (as_text(found.due_at), as_text(found.visible_from)) == (
        "2014-06-02 17:00",
        "2014-04-07 17:00",
    )


def test_a_word_of_the_pregnancy_and_its_booking_ask_once(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.notified.v1", "2013-11-04 10:00", mother_age_band="from_20")
    pregnancy.was("pregnancy.booked.v1", "2013-11-25 10:00", edd="2014-06-16", mother_age_band="from_20")
    assert as_text(pregnancy.the("HV-01.antenatal").due_at) == "2014-05-19 17:00"
    assert pregnancy.the("HV-01.antenatal").gap is None


@pytest.mark.parametrize("answer", ["completed", "declined"])
def test_a_booking_after_the_review_was_done_or_declined_does_not_ask_again(practice, answer):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.notified.v1", "2014-03-31 10:00", edd="2014-06-16", mother_age_band="from_20")
    pregnancy.was(f"review.{answer}.v1", "2014-04-14 10:00", review="antenatal")
    pregnancy.was("pregnancy.booked.v1", "2014-04-15 10:00", edd="2014-06-16", mother_age_band="from_20")
    assert len(pregnancy.all("HV-01.antenatal")) == 1
    assert pregnancy.the("HV-01.antenatal").state != "open"


def test_what_the_first_pregnancy_got_does_not_count_for_the_second(practice):
    first = booked(practice, at="2012-05-07 10:00", edd="2012-11-26")
    first.was("review.completed.v1", "2012-10-01 10:00", review="antenatal")
    second = booked(practice)
    assert (first.the("HV-01.antenatal").state, second.the("HV-01.antenatal").state) == ("met", "open")


# --- declined ---------------------------------------------------------------------------------------------------------


def test_one_decline_closes_that_offer_and_no_other_and_asks_nothing_more(practice):
    practice.birth(CHILD, "2014-01-15")
    child(practice).was("review.declined.v1", "2014-01-20 10:00", review="new_birth")
    assert [(found.step, found.state) for found in practice.follow_ups(f"person/{CHILD}")] == [
        ("HV-01.new-birth", "ended"),
        ("HV-01.six-week", "open"),
        ("HV-01.twelve-month", "open"),
        ("HV-01.two-year", "open"),
    ]


@pytest.mark.parametrize(("second", "asks"), [("2016-01-15 17:00", True), ("2016-01-16 09:00", False)])
def test_two_declines_within_two_years_are_looked_at_together(practice, second, asks):
    child(practice).was("review.declined.v1", "2014-01-15 10:00", review="new_birth")
    child(practice).was("review.declined.v1", second, review="two_year")
    assert bool(child(practice).all("HV-01.declined-twice")) == asks


def test_who_is_named_as_the_health_visitor_owns_it_and_after_a_handover_who_took_over(practice):
    practice.birth(CHILD, "2014-01-15")
    child(practice).was(
        "practitioner.assigned.v1", "2014-01-16 10:00", role="health_visitor", practitioner="hv-pereira"
    )
    assert child(practice).the("HV-01.six-week").owner.person == "hv-pereira"
    child(practice).was("practitioner.assigned.v1", "2014-01-17 10:00", role="midwife", practitioner="midwife-ekwueme")
    assert child(practice).the("HV-01.six-week").owner.person == "hv-pereira"
    move = practice.record_of("move", people=[PERSON, CHILD], from_area="essex", to_area="norfolk")
    move.was("household.moved.v1", "2014-02-10", precision="day", handover_needed=True)
    move.was("handover.acknowledged.v1", "2014-02-12 10:00", by=NORFOLK_HV, practitioner="hv-castro", team="hv-yare")
    owner = child(practice).the("HV-01.six-week").owner
    assert (owner.person, owner.team) == ("hv-castro", "hv-yare")
