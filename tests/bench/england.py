"""How much England would record: the inputs, each with its source and date, and the results.

Where a figure is not available, a higher one stands for it, so the results are too high rather than too low.
Assumptions are marked as such. `deploy/SCALING.md` shows the same arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from deploy.local.case import CASE_S, CASE_T, Case, load_case

DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Input:
    """A figure, and who says it of when."""

    what: str
    value: float
    source: str


@dataclass(frozen=True)
class Sent:
    """What the services record of a case besides what people do: `python -m tests.bench.cases` counts it."""

    case: Path
    chases: int
    letters: int

    @property
    def years(self) -> float:
        return years_of(load_known_case(self.case))

    @property
    def chases_a_year(self) -> float:
        """Chases in all of England in a year, if every case were like this one."""
        return cases() * self.chases / self.years

    @property
    def letters_a_year(self) -> float:
        """Digests, each to one recipient. With many cases a digest has many chases, so there are fewer."""
        return cases() * self.letters / self.years


BIRTHS = Input(
    "births a year to mothers under 20",
    25_977,
    "ONS for 2014, England and Wales, quoted by the Guardian, 15 July 2015; fewer since",
)
BUSY_YEARS = Input(
    "years in which such a case is recorded about",
    3,
    "assumption: the pregnancy, and until the child's review at two",
)
IN_CARE = Input("children looked after, 31 March 2024", 83_630, "DfE, Children looked after in England, 2024")
SHARE_OF_16 = Input("share of these aged 16 or more", 0.23, "DfE for 2018, quoted by the Press Association, Nov 2018")
LEAVERS_17_TO_21 = Input("care leavers aged 17 to 21", 480 + 11_220 + 31_260, "DfE for 2020")
LEAVERS_22 = Input("care leavers aged 22", 11_670, "DfE for 2025, data set of care leavers aged 22 to 25")
LEAVERS_23 = Input("care leavers aged 23", 11_320, "DfE for 2025, the same data set")
LEAVERS_24_25 = Input("care leavers aged 24 and 25", 2 * 11_320, "assumption: in each year of age as many as at 23")
AUTHORITIES = Input("authorities with children's services", 152, "Ofsted, annual report of 2018")
WORKING_DAYS = Input("working days a year", 253, "365 less weekends and eight bank holidays")
HOURS_A_DAY = Input("office hours a day", 8, "assumption; nights and weekends are entered on Monday")
PEAK = Input("busiest hour over a mean office hour", 3, "assumption: Monday morning, when a weekend is entered")
INPUTS = (
    *(BIRTHS, BUSY_YEARS, IN_CARE, SHARE_OF_16, LEAVERS_17_TO_21, LEAVERS_22, LEAVERS_23, LEAVERS_24_25),
    *(AUTHORITIES, WORKING_DAYS, HOURS_A_DAY, PEAK),
)
# Counted on 28 November 2026. In Case S nobody answers and everything is chased for years; in Case T most is done.
SENT = (Sent(CASE_T, chases=27, letters=42), Sent(CASE_S, chases=1_355, letters=2_190))


@cache
def load_known_case(folder: Path) -> Case:
    """A case of the project's own."""
    return load_case(folder)


def years_of(case: Case) -> float:
    """From the first fact that is recorded to the last day of the case."""
    return (case.ends - case.recorded[0].at.date()).days / DAYS_A_YEAR


def cases() -> float:
    """Cases in which something is recorded, at any time. Whoever is both a mother and a care leaver counts twice."""
    leavers = sum(one.value for one in (LEAVERS_17_TO_21, LEAVERS_22, LEAVERS_23, LEAVERS_24_25))
    return BIRTHS.value * BUSY_YEARS.value + IN_CARE.value * SHARE_OF_16.value + leavers


def recorded_a_case() -> float:
    """Requests that record something, for a case and year: of the busier one of Case S and Case T."""
    return max(len(case.recorded) / years_of(case) for case in map(load_known_case, (CASE_S, CASE_T)))


def recorded_a_year() -> float:
    """Requests a year in England that record something."""
    return cases() * recorded_a_case()


def busy_hour() -> float:
    """Requests a second in England in the busiest hour."""
    return PEAK.value * recorded_a_year() / (WORKING_DAYS.value * HOURS_A_DAY.value * 3_600)


def of_a_county(figure: float) -> float:
    """A county's share: a county is the average authority."""
    return figure / AUTHORITIES.value
