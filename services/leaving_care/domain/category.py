"""The category that the law gives a care leaver on a day, from the date of birth and the times of being looked after.

The definitions are those of the Children Act 1989, as in practice section 4.1. Some facts do not show in dates, and a
person decides on them: a settled return home, a guardianship order, detention at 16.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from shared.kernel.time import plus_months

# SI 2010/959 reg.40: the prescribed period is 13 weeks since the age of 14, some of it after 16.
PRESCRIBED = timedelta(weeks=13)
_DAY = timedelta(days=1)
# Months before the end of the quarter from which a decision answers its review.
ANSWERED_AHEAD = 6


@dataclass(frozen=True, slots=True)
class Period:
    """A time of being looked after: its first and last day, which both count. Without a last day, it still goes on."""

    from_on: date
    to_on: date | None = None


def category_on(born: date, looked_after: Iterable[Period], on: date) -> str | None:
    """The category on that day. None for somebody who, by these dates, is not, not yet or no longer a care leaver.

    From 21, a former relevant young person has this category on request (Children Act 1989 s.23CZB).
    """
    periods = [*looked_after]
    if not birthday(born, 16) <= on < birthday(born, 25):
        return None
    last_of_childhood = birthday(born, 18) - _DAY
    last = _last_day(periods, birthday(born, 16), min(on, last_of_childhood))
    if last is None:
        return None
    was_eligible = _days(periods, birthday(born, 14), last) >= PRESCRIBED
    if on > last_of_childhood:
        if was_eligible:
            return "former_relevant"
        return "qualifying" if on < birthday(born, 21) else None
    if last < on:
        return "relevant" if was_eligible else "qualifying"
    return "eligible" if was_eligible else None


def entitlement_review_on(born: date, on: date) -> date | None:
    """The last day of the quarter in which they turn 21. If that day is past, the same for 25. None if both are past.

    It is a quarter so that it does not reveal the birthday.
    """
    ends = (_quarter_end(birthday(born, age)) for age in (21, 25))
    return next((end for end in ends if end >= on), None)


def next_review_on(born: date, on: date) -> date | None:
    """The review after the one that a decision of this day answers. None if that one was the last.

    A decision answers a review from half a year before its quarter ends.
    """
    ends = (_quarter_end(birthday(born, age)) for age in (21, 25))
    return next((end for end in ends if plus_months(on, ANSWERED_AHEAD) < end), None)


def birthday(born: date, age: int) -> date:
    """The day on which they reach this age. For a birth on 29 February, that is 1 March in other years."""
    try:
        return born.replace(year=born.year + age)
    except ValueError:
        return date(born.year + age, 3, 1)


def _last_day(periods: list[Period], since: date, until: date) -> date | None:
    """The last of the days `since` to `until` on which they were looked after."""
    return max((end for _, end in _clipped(periods, since, until)), default=None)


def _days(periods: list[Period], since: date, until: date) -> timedelta:
    """The number of these days on which they were looked after. A day in two periods counts once."""
    total, counted_until = timedelta(), since - _DAY
    for start, end in sorted(_clipped(periods, since, until)):
        if end > counted_until:
            total += end - max(start, counted_until + _DAY) + _DAY
            counted_until = end
    return total


def _clipped(periods: list[Period], since: date, until: date) -> Iterator[tuple[date, date]]:
    for period in periods:
        start, end = max(period.from_on, since), min(period.to_on or until, until)
        if start <= end:
            yield start, end


def _quarter_end(day: date) -> date:
    year, month = divmod(day.year * 12 + (day.month - 1) // 3 * 3 + 3, 12)
    return date(year, month + 1, 1) - _DAY
