"""Working days: neither Saturday, Sunday nor a bank holiday. A calendar is a value with a version, so an answer of
years ago can be given again. Years that it does not cover have weekends only: ask `covers`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

ENGLAND_SINCE = 2012

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class WorkingCalendar:
    """The bank holidays of one place by date, with their names, under a version."""

    holidays: Mapping[date, str] = field(repr=False, hash=False)
    version: str

    def is_working_day(self, day: date) -> bool:
        return day.weekday() < 5 and day not in self.holidays

    def why_not_working(self, day: date) -> str | None:
        """The name of the bank holiday, else of the day of the weekend; None for a working day."""
        if day in self.holidays:
            return self.holidays[day]
        return None if day.weekday() < 5 else ("Saturday", "Sunday")[day.weekday() - 5]

    def next_working_day(self, day: date) -> date:
        """The day itself when it is a working day, else the first one after it."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def add_working_days(self, day: date, count: int) -> date:
        """The working day `count` after day 0, which is the day itself or the next working day; a negative count goes
        back, so that -1 is the last working day before `day`."""
        day = self.next_working_day(day)
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day += step
            while not self.is_working_day(day):
                day += step
        return day

    def skipped(self, first: date, last: date) -> list[tuple[date, str]]:
        """The days from `first` to `last`, both included, that are no working days, each with the reason."""
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [(day, why) for day in days if (why := self.why_not_working(day))]

    def covers(self, year: int) -> bool:
        """Whether the bank holidays of this year are known."""
        return year in self._years

    @cached_property
    def _years(self) -> frozenset[int]:
        return frozenset(day.year for day in self.holidays)

    def to_json(self) -> dict[str, Any]:
        return {"version": self.version, "holidays": dict(_written(self.holidays))}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> WorkingCalendar:
        return cls({date.fromisoformat(day): why for day, why in body["holidays"].items()}, body["version"])


def england(until_year: int) -> WorkingCalendar:
    """England's bank holidays from 2012 to the end of `until_year`; the version is made from the content."""
    # The table is large and only needed where a calendar is made, not where one is read back.
    import holidays

    found = holidays.country_holidays("GB", subdiv="ENG", years=range(ENGLAND_SINCE, until_year + 1))
    days = {day: found[day] for day in sorted(found) if ENGLAND_SINCE <= day.year <= until_year}
    digest = hashlib.sha256(json.dumps(list(_written(days))).encode()).hexdigest()[:8]
    return WorkingCalendar(days, f"england-{ENGLAND_SINCE}-{until_year}-{digest}")


def _written(holidays: Mapping[date, str]) -> Iterator[tuple[str, str]]:
    return ((day.isoformat(), holidays[day]) for day in sorted(holidays))
