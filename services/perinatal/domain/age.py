"""Age as a band. Nothing else of a date of birth leaves this service."""

from __future__ import annotations

from datetime import date, datetime

from shared.contracts.words import AGE_BANDS
from shared.kernel.history import Command, when
from shared.kernel.time import london_date, span

# The first age, in completed years, that is above each band but the last.
_FROM = (13, 16, 18, 20)


def age_band(born_on: date, on: date) -> str:
    """The band of the years completed on a day. A year from 29 February is complete on 1 March of other years."""
    years = on.year - born_on.year - ((on.month, on.day) < (born_on.month, born_on.day))
    return AGE_BANDS[sum(years >= age for age in _FROM)]


def band_at(command: Command, now: datetime, born_on: date | None) -> str | None:
    """The band on the day of the command, or on the first day of its month. None when no birthday is known.

    The younger of two possible ages opens a question that a person answers; the older one would be silence.
    """
    if born_on is None:
        return None
    return age_band(born_on, london_date(span(when(command, now), command.precision)[0]))
