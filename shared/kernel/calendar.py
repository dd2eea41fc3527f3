"""Working days: all days except Saturdays, Sundays and bank holidays. A calendar is a value with a version, so an old
answer can be computed again. In years without known bank holidays, only weekends are left out. `covers` says whether
they are known.
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
        """The name of the bank holiday, or the name of the weekend day. None for a working day."""
        if day in self.holidays:
            return self.holidays[day]
        return None if day.weekday() < 5 else ("Saturday", "Sunday")[day.weekday() - 5]

    def next_working_day(self, day: date) -> date:
        """The day itself if it is a working day, or else the first working day after it."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def add_working_days(self, day: date, count: int) -> date:
        """The working day that is `count` working days after day 0. Day 0 is `day` itself, or the next working day. A
        negative count goes back: -1 is the last working day before `day`.
        """
        day = self.next_working_day(day)
        step = _DAY if count > 0 else -_DAY
        for _ in range(abs(count)):
            day += step
            while not self.is_working_day(day):
                day += step
        return day

    def skipped(self, first: date, last: date) -> list[tuple[date, str]]:
        """The days from `first` to `last` (both included) that are not working days, each with the reason."""
        days = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [(day, why) for day in days if (why := self.why_not_working(day))]

    def covers(self, year: int) -> bool:
        """Whether the bank holidays of this year are known."""
        return year in self._years

    @cached_property
    def _years(self) -> frozenset[int]:
        return frozenset(day.year for day in self.holidays)

    def with_years_of(self, other: WorkingCalendar) -> WorkingCalendar:
        """This calendar, with each year that the other one knows as the other one has it."""
        kept = {day: name for day, name in self.holidays.items() if not other.covers(day.year)}
        return WorkingCalendar({**kept, **other.holidays}, f"{self.version}+{other.version}")

    def to_json(self) -> dict[str, Any]:
        return {"version": self.version, "holidays": dict(_written(self.holidays))}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> WorkingCalendar:
        return cls({date.fromisoformat(day): why for day, why in body["holidays"].items()}, body["version"])


def england(until_year: int) -> WorkingCalendar:
    """England's bank holidays from 2012 to the end of `until_year`. The version is made from the content."""
    # The table is large. It is only needed to make a calendar, and not to read one back.
    import holidays

    found = holidays.country_holidays("GB", subdiv="ENG", years=range(ENGLAND_SINCE, until_year + 1))
    days = {day: found[day] for day in sorted(found) if ENGLAND_SINCE <= day.year <= until_year}
    digest = hashlib.sha256(json.dumps(list(_written(days))).encode()).hexdigest()[:8]
    return WorkingCalendar(days, f"england-{ENGLAND_SINCE}-{until_year}-{digest}")


def _written(holidays: Mapping[date, str]) -> Iterator[tuple[str, str]]:
    return ((day.isoformat(), holidays[day]) for day in sorted(holidays))
