"""An age leaves the service as a band only, of completed years on the day of the event."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from services.perinatal.domain.age import age_band, band_at
from shared.contracts.words import AGE_BANDS
from shared.kernel.tables import AppendEntry

NOW = datetime(2013, 1, 14, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("born_on", "on", "band"),
    [
        (date(2000, 3, 2), date(2013, 3, 1), "under_13"),
        (date(2000, 3, 2), date(2013, 3, 2), "under_16"),
        (date(2000, 3, 2), date(2016, 3, 1), "under_16"),
        (date(2000, 3, 2), date(2016, 3, 2), "under_18"),
        (date(2000, 3, 2), date(2018, 3, 1), "under_18"),
        (date(2000, 3, 2), date(2018, 3, 2), "under_20"),
        (date(2000, 3, 2), date(2020, 3, 1), "under_20"),
        (date(2000, 3, 2), date(2020, 3, 2), "from_20"),
        (date(2000, 3, 2), date(2060, 1, 1), "from_20"),
        # Born on 29 February: of age on 1 March of a year without one, and on the day itself in a leap year.
        (date(2000, 2, 29), date(2013, 2, 28), "under_13"),
        (date(2000, 2, 29), date(2013, 3, 1), "under_16"),
        (date(2000, 2, 29), date(2016, 2, 28), "under_16"),
        (date(2000, 2, 29), date(2016, 2, 29), "under_18"),
        (date(2000, 2, 29), date(2018, 2, 28), "under_18"),
        (date(2000, 2, 29), date(2018, 3, 1), "under_20"),
        (date(2000, 2, 29), date(2020, 2, 29), "from_20"),
    ],
)
def test_a_band_begins_on_the_birthday(born_on: date, on: date, band: str) -> None:
    assert age_band(born_on, on) == band


def test_every_band_is_reached() -> None:
    assert tuple(age_band(date(1990, 1, 1), date(1990 + age, 1, 1)) for age in (0, 13, 16, 18, 20)) == AGE_BANDS


def band(born_on: date | None, occurred_at: datetime | None = None, precision: str = "minute") -> str | None:
    command = AppendEntry(type="pregnancy.booked.v1", data={}, occurred_at=occurred_at, precision=precision)
    return band_at(command, NOW, born_on)


def test_an_unknown_birthday_is_no_band() -> None:
    assert band(None) is None


def test_the_age_is_that_of_the_day_that_is_told_of_and_not_of_the_recording() -> None:
    assert band(date(1995, 1, 10)) == "under_20"
    assert band(date(1995, 1, 10), datetime(2012, 12, 1, tzinfo=UTC)) == "under_18"


def test_the_day_is_that_of_london() -> None:
    just_after_midnight_in_summer = datetime(2012, 7, 9, 23, 30, tzinfo=UTC)
    assert band(date(1994, 7, 10), just_after_midnight_in_summer) == "under_20"


def test_of_a_month_the_younger_age_counts() -> None:
    assert band(date(1994, 12, 15), datetime(2012, 12, 1, tzinfo=UTC), "month") == "under_18"
