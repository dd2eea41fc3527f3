"""The category of a care leaver by law, at each boundary of age and of the thirteen weeks (practice section 4.1)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from services.leaving_care.domain.category import Period, birthday, category_on, entitlement_review_on, next_review_on

BORN = date(1996, 5, 20)
SIXTEEN, EIGHTEEN, TWENTY_ONE, TWENTY_FIVE = (birthday(BORN, age) for age in (16, 18, 21, 25))
DAY = timedelta(days=1)


def days(first: date, count: int) -> Period:
    """A period of so many days, the first and the last of which count."""
    return Period(first, first + timedelta(days=count - 1))


def until(last: date, count: int = 91) -> Period:
    return days(last - timedelta(days=count - 1), count)


SINCE_FOURTEEN = Period(date(2010, 5, 20))


@pytest.mark.parametrize(
    ("looked_after", "on", "category"),
    [
        # eligible: 16 or 17, still looked after, for thirteen weeks since 14, some of it after 16
        ([SINCE_FOURTEEN], SIXTEEN - DAY, None),
        ([SINCE_FOURTEEN], SIXTEEN, "eligible"),
        ([SINCE_FOURTEEN], EIGHTEEN - DAY, "eligible"),
        ([Period(SIXTEEN)], SIXTEEN + timedelta(days=90), "eligible"),
        ([Period(SIXTEEN)], SIXTEEN + timedelta(days=89), None),
        # relevant: no longer looked after at 16 or 17, having been eligible
        ([until(SIXTEEN)], SIXTEEN + DAY, "relevant"),
        ([until(SIXTEEN, 90)], SIXTEEN + DAY, "qualifying"),
        ([until(SIXTEEN - DAY, 500)], SIXTEEN + DAY, None),
        ([days(SIXTEEN, 91)], SIXTEEN + timedelta(days=91), "relevant"),
        ([days(SIXTEEN, 90)], SIXTEEN + timedelta(days=90), "qualifying"),
        ([until(SIXTEEN)], EIGHTEEN - DAY, "relevant"),
        # what came before 14 does not count
        ([until(birthday(BORN, 14) - DAY, 91), days(SIXTEEN, 1)], SIXTEEN + DAY, "qualifying"),
        ([Period(birthday(BORN, 14), birthday(BORN, 14) + 89 * DAY), days(SIXTEEN, 1)], SIXTEEN + DAY, "relevant"),
        (
            [Period(birthday(BORN, 14) - DAY, birthday(BORN, 14) + 88 * DAY), days(SIXTEEN, 1)],
            SIXTEEN + DAY,
            "qualifying",
        ),
        # former relevant: from 18, having been relevant, or eligible and looked after at 18
        ([SINCE_FOURTEEN], EIGHTEEN, "former_relevant"),
        ([until(SIXTEEN)], EIGHTEEN, "former_relevant"),
        ([until(SIXTEEN)], TWENTY_ONE - DAY, "former_relevant"),
        ([until(SIXTEEN)], TWENTY_ONE, "former_relevant"),
        ([until(SIXTEEN)], TWENTY_FIVE - DAY, "former_relevant"),
        ([until(SIXTEEN)], TWENTY_FIVE, None),
        ([until(EIGHTEEN - DAY, 91)], EIGHTEEN, "former_relevant"),
        ([Period(EIGHTEEN - 90 * DAY)], EIGHTEEN, "qualifying"),
        ([Period(EIGHTEEN - 91 * DAY)], EIGHTEEN, "former_relevant"),
        # qualifying: 16 to under 21, looked after at any time after 16 but none of the others
        ([days(SIXTEEN, 1)], SIXTEEN, None),
        ([days(SIXTEEN, 1)], SIXTEEN + DAY, "qualifying"),
        ([days(EIGHTEEN - DAY, 1)], TWENTY_ONE - DAY, "qualifying"),
        ([days(EIGHTEEN - DAY, 1)], TWENTY_ONE, None),
        ([days(EIGHTEEN, 100)], EIGHTEEN + timedelta(days=100), None),
        # several periods add up, and a day in two of them is one day
        ([days(SIXTEEN - 60 * DAY, 45), days(SIXTEEN, 46)], SIXTEEN + timedelta(days=46), "relevant"),
        ([days(SIXTEEN - 60 * DAY, 45), days(SIXTEEN, 45)], SIXTEEN + timedelta(days=45), "qualifying"),
        ([days(SIXTEEN, 60), days(SIXTEEN + 30 * DAY, 60)], SIXTEEN + timedelta(days=90), "qualifying"),
        ([days(SIXTEEN, 60), days(SIXTEEN + 30 * DAY, 61)], SIXTEEN + timedelta(days=91), "relevant"),
        ([days(SIXTEEN, 91), days(SIXTEEN + 10 * DAY, 5)], SIXTEEN + timedelta(days=91), "relevant"),
        # who comes back into care is eligible again; what is to come does not count yet
        ([days(SIXTEEN, 91), Period(SIXTEEN + 200 * DAY)], SIXTEEN + timedelta(days=200), "eligible"),
        ([Period(SIXTEEN)], SIXTEEN - DAY, None),
        ([Period(SIXTEEN + DAY)], SIXTEEN, None),
        ([], SIXTEEN, None),
    ],
)
def test_the_category_is_that_of_the_law_on_the_day(looked_after: list[Period], on: date, category: str | None) -> None:
    assert category_on(BORN, looked_after, on) == category
    assert category_on(BORN, reversed(looked_after), on) == category


@pytest.mark.parametrize(
    ("on", "category"),
    [
        (date(2016, 2, 28), None),
        (date(2016, 2, 29), "eligible"),
        (date(2018, 2, 28), "eligible"),
        (date(2018, 3, 1), "former_relevant"),
        (date(2025, 2, 28), "former_relevant"),
        (date(2025, 3, 1), None),
    ],
)
def test_who_was_born_on_29_february_reaches_an_age_on_1_march_in_other_years(on: date, category: str | None) -> None:
    assert category_on(date(2000, 2, 29), [Period(date(2014, 3, 1))], on) == category


@pytest.mark.parametrize(
    ("born", "on", "review"),
    [
        (date(1996, 5, 20), date(2013, 1, 14), date(2017, 6, 30)),
        (date(1996, 5, 20), date(2017, 6, 30), date(2017, 6, 30)),
        (date(1996, 5, 20), date(2017, 7, 1), date(2021, 6, 30)),
        (date(1996, 5, 20), date(2021, 7, 1), None),
        (date(1996, 1, 1), date(2013, 1, 14), date(2017, 3, 31)),
        (date(1996, 3, 31), date(2013, 1, 14), date(2017, 3, 31)),
        (date(1996, 12, 31), date(2013, 1, 14), date(2017, 12, 31)),
        (date(1996, 2, 29), date(2013, 1, 14), date(2017, 3, 31)),
    ],
)
def test_entitlement_is_looked_at_by_the_end_of_the_quarter_of_the_21st_then_of_the_25th_birthday(
    born: date, on: date, review: date | None
) -> None:
    assert entitlement_review_on(born, on) == review


def test_everybody_born_in_a_quarter_has_the_same_day_of_review() -> None:
    first = date(1996, 4, 1)
    assert {entitlement_review_on(first + timedelta(days=n), date(2013, 1, 14)) for n in range(91)} == {
        date(2017, 6, 30)
    }


@pytest.mark.parametrize(
    ("on", "review"),
    [
        (date(2012, 12, 29), date(2013, 6, 30)),  # more than half a year before the quarter of 21 ends
        (date(2012, 12, 30), date(2017, 6, 30)),
        (date(2013, 6, 30), date(2017, 6, 30)),
        (date(2015, 1, 14), date(2017, 6, 30)),
        (date(2016, 12, 29), date(2017, 6, 30)),
        (date(2016, 12, 30), None),
        (date(2020, 1, 1), None),
    ],
)
def test_a_decision_names_the_review_after_the_one_that_it_answers(on: date, review: date | None) -> None:
    assert next_review_on(date(1992, 5, 20), on) == review
