"""Weeks of pregnancy from the expected delivery date."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.gestation import date_at, gestation_on

EDD = date(2013, 10, 8)
dates = st.dates(date(2000, 1, 1), date(2100, 1, 1))


@pytest.mark.parametrize(
    ("on", "expected"),
    [
        (date(2013, 1, 1), (0, 0)),
        (date(2013, 1, 7), (0, 6)),
        (date(2013, 1, 8), (1, 0)),
        (date(2013, 5, 21), (20, 0)),
        (EDD, (40, 0)),
        (EDD + timedelta(days=10), (41, 3)),
        (date(2012, 12, 31), (-1, 6)),
    ],
)
def test_a_pregnancy_is_forty_weeks_on_the_expected_delivery_date(on, expected):
    assert gestation_on(EDD, on) == expected


@pytest.mark.parametrize(
    ("weeks", "on"),
    [
        (12, date(2013, 12, 1)),
        (16, date(2013, 12, 29)),
        (28, date(2014, 3, 23)),
        (30, date(2014, 4, 6)),
        (34, date(2014, 5, 4)),
        (40, date(2014, 6, 15)),
    ],
)
def test_the_weeks_of_the_sibling_of_case_s_fall_on_the_days_that_the_practice_gives(weeks, on):
    assert date_at(date(2014, 6, 15), weeks) == on
    assert gestation_on(date(2014, 6, 15), on) == (weeks, 0)
    assert gestation_on(date(2014, 6, 15), on - timedelta(days=1)) == (weeks - 1, 6)


@given(dates, st.integers(0, 45), st.integers(0, 6))
def test_the_date_of_a_gestation_has_that_gestation(edd, weeks, days):
    assert gestation_on(edd, date_at(edd, weeks, days)) == (weeks, days)


def test_days_may_be_left_out():
    assert date_at(EDD, 40) == EDD
