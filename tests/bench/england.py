"""How much England would record: the inputs, each with its source and date, and what follows from them.

Where a figure cannot be had, a higher one stands for it, so what follows is rather too much than too little. What is
an assumption says so. `deploy/SCALING.md` shows the same arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass

from deploy.local.case import CASE_S, CASE_T, load_case
from tests.bench.cases import years_of


@dataclass(frozen=True)
class Input:
    """A figure, and who says it of when."""

    what: str
    value: float
    source: str


BIRTHS = Input(
    "births a year to mothers under 20",
    25_977,
    "ONS for 2014, England and Wales, quoted by the Guardian, 15 July 2015; fewer since",
)
BUSY_YEARS = Input(
    "years in which events of such a case are recorded",
    3,
    "assumption: the pregnancy and until the child's review at two",
)
IN_CARE = Input("looked after on 31 March 2024", 83_630, "DfE, Children looked after in England, 2024")
SHARE_OF_16 = Input("share of these aged 16 or more", 0.23, "DfE for 2018, quoted by the Press Association, Nov 2018")
LEAVERS_17_TO_21 = Input("care leavers aged 17 to 21", 480 + 11_220 + 31_260, "DfE for 2020")
LEAVERS_22 = Input("care leavers aged 22", 11_670, "DfE for 2025, data set '22 to 25 in contact'")
LEAVERS_23 = Input("care leavers aged 23", 11_320, "DfE for 2025, the same data set")
LEAVERS_24_25 = Input("care leavers aged 24 and 25", 2 * 11_320, "assumption: each year of age as many as 23")
INPUTS = (BIRTHS, BUSY_YEARS, IN_CARE, SHARE_OF_16, LEAVERS_17_TO_21, LEAVERS_22, LEAVERS_23, LEAVERS_24_25)

# A county is the average one of the authorities with children's services: 152, by Ofsted's annual report of 2018.
AUTHORITIES = 152
WORKING_DAYS = 253
HOURS_A_DAY = 8
# How much more than an average office hour is the busiest one taken to be: Monday morning, when the weekend is entered.
PEAK = 3.0


def cases() -> float:
    """Cases in which something is recorded, at any time. Whoever is both a mother and a care leaver counts twice."""
    leavers = sum(one.value for one in (LEAVERS_17_TO_21, LEAVERS_22, LEAVERS_23, LEAVERS_24_25))
    return BIRTHS.value * BUSY_YEARS.value + IN_CARE.value * SHARE_OF_16.value + leavers


def recorded_a_case() -> float:
    """Requests that record something, for a case and year: of the busier one of Case S and Case T."""
    known = [load_case(folder) for folder in (CASE_S, CASE_T)]
    return max(len(case.recorded) / years_of(case) for case in known)


def recorded_a_year() -> float:
    """Requests a year in England that record something."""
    return cases() * recorded_a_case()


def busy_hour() -> float:
    """Requests a second in England in the busiest hour."""
    return PEAK * recorded_a_year() / (WORKING_DAYS * HOURS_A_DAY * 3_600)


def of_a_county(figure: float) -> float:
    """A county's share."""
    return figure / AUTHORITIES
