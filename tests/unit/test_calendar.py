"""Working days in England, from 2012 to next year."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.calendar import WorkingCalendar, england

ENGLAND = england(2027)
days = st.dates(date(2012, 1, 1), date(2027, 12, 1))
counts = st.integers(-80, 80)


def test_the_bank_holidays_of_next_year_are_known():
    next_year = datetime.now(UTC).year + 1
    calendar = england(next_year)

    assert calendar.covers(next_year), "update the holidays library: next year's bank holidays are missing"
    on_weekdays = [day for day in calendar.holidays if day.year == next_year and day.weekday() < 5]
    # New Year, Good Friday, Easter Monday, two in May, August, Christmas and Boxing Day, or their substitutes.
    assert len(on_weekdays) >= 8, f"England has at least 8 bank holidays on weekdays, found {on_weekdays}"


@pytest.mark.parametrize("year", range(2012, 2028))
def test_every_year_since_2012_has_its_eight_ordinary_bank_holidays_on_weekdays(year):
    found = [day for day in ENGLAND.holidays if day.year == year and day.weekday() < 5]

    assert len(found) == 8 + {2012: 1, 2022: 2, 2023: 1}.get(year, 0)


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2012, 6, 4), "Spring Bank Holiday"),
        (date(2012, 6, 5), "Diamond Jubilee"),
        (date(2013, 3, 29), "Good Friday"),
        (date(2013, 4, 1), "Easter Monday"),
        (date(2020, 5, 8), "May Day"),
        (date(2021, 12, 27), "Christmas Day"),
        (date(2021, 12, 28), "Boxing Day"),
        (date(2022, 6, 3), "Platinum Jubilee"),
        (date(2022, 9, 19), "State Funeral"),
        (date(2023, 5, 8), "Coronation"),
    ],
)
def test_a_known_bank_holiday_is_no_working_day_and_says_its_name(day, name):
    assert not ENGLAND.is_working_day(day)
    assert name in ENGLAND.why_not_working(day)


@pytest.mark.parametrize("day", [date(2012, 5, 28), date(2020, 5, 4), date(2013, 3, 28), date(2013, 8, 5)])
def test_a_day_that_is_a_holiday_in_another_year_or_country_only_is_worked(day):
    assert ENGLAND.is_working_day(day)
    assert ENGLAND.why_not_working(day) is None


def test_weekends_are_skipped_by_their_names():
    assert ENGLAND.skipped(date(2013, 3, 28), date(2013, 4, 2)) == [
        (date(2013, 3, 29), "Good Friday"),
        (date(2013, 3, 30), "Saturday"),
        (date(2013, 3, 31), "Sunday"),
        (date(2013, 4, 1), "Easter Monday"),
    ]


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2013, 1, 14), 0, date(2013, 1, 14)),
        (date(2013, 1, 14), 2, date(2013, 1, 16)),
        (date(2013, 1, 12), 0, date(2013, 1, 14)),
        (date(2013, 1, 12), 2, date(2013, 1, 16)),
        (date(2013, 3, 28), 1, date(2013, 4, 2)),
        (date(2013, 3, 29), 1, date(2013, 4, 3)),
        (date(2013, 4, 2), -1, date(2013, 3, 28)),
        (date(2013, 4, 1), -1, date(2013, 3, 28)),
        (date(2012, 12, 24), 3, date(2012, 12, 31)),
    ],
)
def test_working_days_count_from_the_day_itself_or_the_next_working_day(day, count, expected):
    assert ENGLAND.add_working_days(day, count) == expected


@given(days, counts)
def test_counting_working_days_lands_on_a_working_day(day, count):
    assert ENGLAND.is_working_day(ENGLAND.add_working_days(day, count))


@given(days, days, counts, counts)
def test_counting_working_days_never_overtakes(one, other, few, many):
    if one <= other and few <= many:
        assert ENGLAND.add_working_days(one, few) <= ENGLAND.add_working_days(other, many)


@given(days, st.integers(0, 60), st.integers(0, 60))
def test_counting_on_is_the_same_as_counting_at_once(day, few, more):
    assert ENGLAND.add_working_days(ENGLAND.add_working_days(day, few), more) == ENGLAND.add_working_days(
        day, few + more
    )


@given(days, st.integers(0, 80))
def test_the_days_counted_and_the_days_skipped_are_all_the_days_there_are(day, count):
    until = ENGLAND.add_working_days(day, count)

    assert len(ENGLAND.skipped(day, until)) + count + 1 == (until - day).days + 1


def test_a_calendar_is_the_same_after_a_round_trip():
    assert WorkingCalendar.from_json(ENGLAND.to_json()) == ENGLAND


def test_the_version_tells_the_years_and_changes_with_the_content():
    assert ENGLAND.version.startswith("england-2012-2027-")
    assert england(2027).version == ENGLAND.version != england(2026).version


def test_a_year_that_is_not_covered_says_so_and_has_weekends():
    assert [year for year in (2011, 2012, 2027, 2028) if ENGLAND.covers(year)] == [2012, 2027]
    assert not ENGLAND.is_working_day(date(2030, 1, 5))
    assert ENGLAND.next_working_day(date(2030, 1, 5)) == date(2030, 1, 5) + timedelta(days=2)
