"""Age as a band. Of a date of birth, only the band leaves this service."""

from __future__ import annotations

from datetime import date, datetime

from shared.contracts.words import AGE_BANDS
from shared.kernel.history import Command, when
from shared.kernel.time import london_date, span

# For each band except the last: the first age, in completed years, that is above the band.
_FROM = (13, 16, 18, 20)


def age_band(born_on: date, on: date) -> str:
    """The band of the completed years on a day. For a birth on 29 February, a year ends on 1 March in other years."""
    years = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    return AGE_BANDS[sum(years >= age for age in _FROM)]


def band_at(command: Command, now: datetime, born_on: date | None) -> str | None:
    """The band on the day of the command, or on the first day of its month. None when no birthday is known.

    If two ages are possible, the younger one is used: it opens a question, which a person answers. The older one might
    open none.
    """
    if born_on is None:
        return None
    return age_band(born_on, london_date(span(when(command, now), command.precision)[0]))
