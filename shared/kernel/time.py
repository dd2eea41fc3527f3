"""When something is due. Dates and working days are in Europe/London time. Instants are aware UTC, in milliseconds.

If only the day, month or year of an event is known, time counts from the end of it, or from when it was recorded if
that comes first.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import PRECISIONS, to_ms

LONDON = ZoneInfo("Europe/London")
CLOSE_OF_WORK = time(17, 0)
END_OF_DAY = time(23, 59)

_RUNNING = ("hours", "minutes")
_CALENDAR = ("months", "weeks", "days")
_UNITS = ("working_days", "same_day", *_CALENDAR, *_RUNNING)
# Far more than any standard needs, and so little that every due date is in a year that `date` can have.
_MOST = 10_000
# The number of days times the number of offsets. What is counted falls due within a few years, by some dozens of
# offsets.
_REMEMBERED = 20_000


def london_date(instant: datetime) -> date:
    """The date in London at this instant. Raises ValueError for a naive datetime."""
    return to_ms(instant).astimezone(LONDON).date()


def at_london(day: date, at: time) -> datetime:
    """The UTC instant at which clocks in London show this time on this day."""
    return to_ms(datetime.combine(day, at, tzinfo=LONDON))


def days_overdue(due_at: datetime, now: datetime) -> int:
    """The whole days in London from the day on which it was due to today. 0 on that day and before it."""
    return max(0, (london_date(now) - london_date(due_at)).days)


def occurred_on(occurred_at: datetime, precision: str) -> str:
    """The day in London on which it happened (`2026-10-01`), or the month or year if no more is known."""
    return london_date(occurred_at).isoformat()[: _LENGTHS.get(precision)]


def span(occurred_at: datetime, precision: str) -> tuple[datetime, datetime]:
    """The first and the last instant (UTC) at which an event with this date and precision can have happened."""
    if precision not in PRECISIONS:
        raise ValueError(f"precision is one of {', '.join(PRECISIONS)}")
    if precision == "minute":
        instant = to_ms(occurred_at)
        return instant, instant
    day = london_date(occurred_at)
    first, last = _FIRST_AND_LAST[precision](day)
    return at_london(first, time()), at_london(last + timedelta(days=1), time()) - timedelta(milliseconds=1)


def last_moment(occurred_at: datetime, precision: str, recorded_at: datetime) -> datetime:
    """The last instant (UTC) at which it can have happened: nothing happens after it was recorded."""
    latest = span(occurred_at, precision)[1]
    return latest if precision == "minute" else min(latest, to_ms(recorded_at))


@dataclass(frozen=True, slots=True)
class Offset:
    """A length of time after something, or before it if `negated`. It is given in exactly one family of units: working
    days; the same day; months, weeks and days, which follow the calendar; or hours and minutes, which follow the clock.
    """

    working_days: int | None = None
    same_day: bool = False
    months: int | None = None
    weeks: int | None = None
    days: int | None = None
    hours: int | None = None
    minutes: int | None = None
    negated: bool = False

    def __post_init__(self) -> None:
        faults = _faults(self._units(), self.negated)
        if faults:
            raise ValueError("; ".join(faults))

    @classmethod
    def parse(cls, mapping: Any) -> Offset:
        """The offset written as `{"weeks": 8}`, `{"same_day": true}` or `{"before": {"working_days": 2}}`.

        Raises ValueError, whose text lists every fault.
        """
        negated = isinstance(mapping, Mapping) and set(mapping) == {"before"}
        units = mapping["before"] if negated else mapping
        faults = _faults(units, negated)
        if faults:
            raise ValueError("; ".join(faults))
        return cls(**units, negated=negated)

    def to_json(self) -> dict[str, Any]:
        """The mapping that `parse` reads."""
        return {"before": self._units()} if self.negated else self._units()

    def text(self) -> str:
        """The offset in words: `2 working days`, `6 months and 2 weeks`, `the same day`, `24 hours before`."""
        parts = [_counted(count, unit) for unit, count in self._units().items() if unit != "same_day"]
        return (" and ".join(parts) or "the same day") + (" before" if self.negated else "")

    def _units(self) -> dict[str, Any]:
        return {unit: value for unit in _UNITS if (value := getattr(self, unit)) is not None and value is not False}

    def _signed(self, units: tuple[str, ...]) -> dict[str, int]:
        sign = -1 if self.negated else 1
        return {unit: sign * (getattr(self, unit) or 0) for unit in units}


@dataclass(frozen=True, slots=True)
class Due:
    """The instant (UTC) at which something is due, and the days that did not count, each with the reason."""

    at: datetime
    skipped: tuple[tuple[date, str], ...] = ()


def due(offset: Offset, occurred_at: datetime, precision: str, calendar: WorkingCalendar) -> Due:
    """The end of the offset from `occurred_at`.

    Working days count from the day of the event, or from the next working day, and end at 17:00. The same day ends at
    23:59. Months (cut to the end of a shorter month), then weeks and days, end at 17:00 on that date. Hours and minutes
    also run outside working hours.
    """
    latest = span(occurred_at, precision)[1]
    if offset.hours is not None or offset.minutes is not None:
        return Due(latest + timedelta(**offset._signed(_RUNNING)))
    return _due_from(offset, london_date(latest), calendar)


@lru_cache(_REMEMBERED)
def _due_from(offset: Offset, day: date, calendar: WorkingCalendar) -> Due:
    if offset.working_days is not None:
        until = calendar.add_working_days(day, -offset.working_days if offset.negated else offset.working_days)
        return Due(at_london(until, CLOSE_OF_WORK), tuple(calendar.skipped(min(day, until), max(day, until))))
    if offset.same_day:
        return Due(at_london(day, END_OF_DAY))
    by_calendar = offset._signed(_CALENDAR)
    until = plus_months(day, by_calendar.pop("months")) + timedelta(**by_calendar)
    return Due(at_london(until, CLOSE_OF_WORK))


def plus_months(day: date, count: int) -> date:
    """The same day of another month, or the last day of that month if it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + count, 12)
    first = date(year, month + 1, 1)
    return first.replace(day=min(day.day, _month_end(first).day))


def _month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


_FIRST_AND_LAST: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "day": lambda day: (day, day),
    "month": lambda day: (day.replace(day=1), _month_end(day)),
    "year": lambda day: (date(day.year, 1, 1), date(day.year, 12, 31)),
}
# How much of a date in ISO 8601 is known.
_LENGTHS = {"month": 7, "year": 4}


def _faults(units: Any, negated: bool) -> list[str]:
    if not isinstance(units, Mapping) or not units:
        return ["an offset is a mapping such as {working_days: 2}"]
    least = 1 if negated else 0
    faults = [f"unknown unit {unit!r}; known are {', '.join(_UNITS)}" for unit in units if unit not in _UNITS]
    known = [unit for unit in _UNITS if unit in units]
    families = {_CALENDAR if unit in _CALENDAR else _RUNNING if unit in _RUNNING else unit for unit in known}
    if len(families) > 1:
        faults.append(f"{', '.join(known)} do not go together")
    for unit in known:
        value = units[unit]
        if unit == "same_day":
            if value is not True:
                faults.append("same_day can only be true")
            if negated:
                faults.append("same_day has no before")
        elif not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _MOST:
            faults.append(f"{unit} is a whole number from {least} to {_MOST}")
    return faults


def _counted(count: int, unit: str) -> str:
    words = unit.replace("_", " ")
    return f"{count} {words.removesuffix('s') if count == 1 else words}"
