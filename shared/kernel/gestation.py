"""Weeks of pregnancy, counted from the expected delivery date (EDD). Week 0, day 0 is 280 days before the EDD."""

from __future__ import annotations

from datetime import date, timedelta

TERM = timedelta(days=280)


def gestation_on(edd: date, on: date) -> tuple[int, int]:
    """Completed weeks and days on this date, for example (20, 3). Before week 0 the weeks are negative."""
    return divmod((on - (edd - TERM)).days, 7)


def date_at(edd: date, weeks: int, days: int = 0) -> date:
    """The date on which this number of weeks and days is completed."""
    return edd - TERM + timedelta(weeks=weeks, days=days)
