"""DATA-01: what is missing is asked for: is the partner known to leaving care, how old is the mother, was it born?"""

from __future__ import annotations

import pytest

from shared.contracts.words import AGE_BANDS
from tests.unit.practice import CHILD, HV, MIDWIFE, OTHER, PARTNER, PERSON, TWIN, Practice, as_text, chase


@pytest.fixture
def practice() -> Practice:
    return Practice()


def named(practice, at="2013-11-25 10:00", partner=PARTNER, known=False, pregnancy=None):
    pregnancy = pregnancy or practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.partner_named.v1", at, partner_id=partner, partner_known=known)
    return pregnancy


def linked(practice, one, other, at="2013-11-27 10:00"):
    record = practice.record_of("person", by=HV, key=one)
    return record, record.was("person.linked.v1", at, other_person_id=other)


def test_a_partner_whose_number_is_known_leaves_nothing_to_ask(practice):
    assert named(practice, known=True).all("DATA-01.partner") == []


@pytest.mark.parametrize(("one", "other"), [(PARTNER, OTHER), (OTHER, PARTNER)])
def test_when_his_ids_are_linked_it_is_known(practice, one, other):
    pregnancy = named(practice)
    linked(practice, one, other)
    assert pregnancy.the("DATA-01.partner").state == "met"


@pytest.mark.parametrize(("one", "other"), [(PERSON, OTHER), (TWIN, PERSON), (CHILD, TWIN)])
def test_a_link_of_somebody_elses_ids_says_nothing_of_him(practice, one, other):
    pregnancy = named(practice)
    linked(practice, one, other)
    assert pregnancy.the("DATA-01.partner").state == "open"


def test_a_link_that_was_a_mistake_leaves_the_question_open(practice):
    pregnancy = named(practice)
    record, link = linked(practice, PARTNER, OTHER)
    record.retracted(link, "2013-11-28 10:00")
    assert pregnancy.the("DATA-01.partner").state == "open"


def test_ids_that_are_told_apart_again_leave_the_question_open(practice):
    pregnancy = named(practice)
    record, _ = linked(practice, PARTNER, OTHER)
    record.was("person.unlinked.v1", "2013-11-28 10:00", other_person_id=OTHER)
    assert pregnancy.the("DATA-01.partner").state == "open"
    record.was("person.linked.v1", "2013-11-29 10:00", other_person_id=OTHER)
    assert pregnancy.the("DATA-01.partner").state == "met"


def test_checks_of_the_first_pregnancy_do_not_answer_for_the_second(practice):
    first, second = named(practice), named(practice)
    first.was("parent.checks_recorded.v1", "2013-11-28 10:00", parents=[PARTNER])
    assert (first.the("DATA-01.partner").state, second.the("DATA-01.partner").state) == ("met", "open")


@pytest.mark.parametrize("band", [*AGE_BANDS, None])
def test_the_mothers_age_is_asked_for_only_when_nobody_knows_it(practice, band):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2013-11-25 10:00", mother_age_band=band)
    assert bool(pregnancy.all("DATA-01.age")) == (band is None)


@pytest.mark.parametrize("band", ["from_20", None])
def test_the_mothers_age_is_asked_for_once_from_the_first_word_of_the_pregnancy_until_it_is_given(practice, band):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.notified.v1", "2013-11-04 10:00")
    assert pregnancy.the("DATA-01.age").state == "open"
    pregnancy.was("pregnancy.booked.v1", "2013-11-25 10:00", mother_age_band=band)
    assert pregnancy.the("DATA-01.age").state == ("met" if band else "open")


def test_the_birthday_of_a_child_who_is_reviewed_is_asked_for_once_until_the_birth_is_on_record(practice):
    child = practice.record_of("person", key=OTHER)
    for at, review in (("2014-07-07 10:00", "new_birth"), ("2014-07-28 10:00", "six_week")):
        child.was("review.completed.v1", at, review=review, birth_known=False)
    child.the("DATA-01.birthday")
    practice.birth(OTHER, "2014-06-16")
    assert child.all("DATA-01.birthday") == []


@pytest.mark.parametrize(("mobility", "asked"), [("not_mobile", 1), ("crawling", 1), ("walking", 0), ("unknown", 0)])
def test_the_birthday_of_a_baby_whose_birth_nobody_recorded_is_asked_for_as_no_review_would_be(
    practice, mobility, asked
):
    concern = practice.record_of("concern", person_id=OTHER)
    concern.was("injury.reported.v1", "2014-07-07 10:00", mobility=mobility)
    child = practice.record_of("person", key=OTHER)
    assert len(child.all("DATA-01.birthday")) == asked
    child.was("person.corrected.v1", "2014-07-08 10:00", details=["date_of_birth"])
    concern.was("injury.reported.v1", "2014-07-09 10:00", mobility=mobility)
    assert [one.state for one in child.all("DATA-01.birthday")] == ["met"] * asked


def test_the_birthday_of_a_baby_whose_birth_is_recorded_is_not_asked_for(practice):
    practice.birth(OTHER, "2014-06-16")
    practice.record_of("concern", person_id=OTHER).was("injury.reported.v1", "2014-07-07 10:00", mobility="not_mobile")
    assert practice.record_of("person", key=OTHER).all("DATA-01.birthday") == []


@pytest.mark.parametrize("known", [True, None])
def test_a_birthday_that_is_known_is_not_asked_for(practice, known):
    child = practice.record_of("person", key=OTHER)
    child.was("review.completed.v1", "2014-07-07 10:00", review="new_birth", birth_known=known)
    assert child.all("DATA-01.birthday") == []


@pytest.mark.parametrize("checked", [[], [PERSON], [PERSON, OTHER]])
def test_checks_of_others_do_not_answer_for_him(practice, checked):
    pregnancy = named(practice)
    pregnancy.was("parent.checks_recorded.v1", "2013-11-28 10:00", parents=checked)
    assert pregnancy.the("DATA-01.partner").state == "open"


def test_a_word_of_the_pregnancy_and_its_booking_ask_once_how_it_ended(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.notified.v1", "2013-11-04 10:00", mother_age_band="from_20")
    pregnancy.was("pregnancy.booked.v1", "2013-11-25 10:00", edd="2014-06-16", mother_age_band="from_20")
    found = pregnancy.the("DATA-01.birth")
    assert (found.gap, as_text(found.visible_from), as_text(found.due_at)) == (
        None,
        "2014-06-16 17:00",
        "2014-07-07 17:00",
    )


def test_who_books_after_the_expected_date_has_ten_working_days(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2014-06-30 10:00", edd="2014-06-16", mother_age_band="from_20")
    assert as_text(pregnancy.the("DATA-01.birth").due_at) == "2014-07-14 17:00"


def test_without_an_expected_date_the_midwife_is_asked_for_it_at_once(practice):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2014-01-15 10:00", mother_age_band="from_20")
    assert pregnancy.the("DATA-01.birth").gap == "edd"
    asked = [one for one in practice.sweep("2014-01-15 10:00") if one.step == "DATA-01.birth"]
    assert asked == [chase("2014-01-15 10:00", "DATA-01.birth", "data-gap", "midwife-ekwueme")]
