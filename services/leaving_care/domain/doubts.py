"""What is impossible or unlikely in the records of leaving care, by type of event."""

from __future__ import annotations

from datetime import timedelta

from services.leaving_care.domain import care_leaver, plan_item
from services.leaving_care.domain.care_leaver import CORRECTED, REGISTERED
from shared.contracts.urgent import SETTLING
from shared.kernel.decisions import RETRACTION
from shared.kernel.doubts import (
    OCCURRED_AT,
    Doubt,
    Entry,
    Table,
    day_ahead,
    first_day_of,
    in_words,
    last_day_of,
    left_out_of_order,
    not_before,
    years_on,
)

# Practice section 4.1: somebody is a care leaver from 16 until the day before they turn 25.
YOUNGEST, OLDEST = 16, 24
# Section 4.1 as well: from 21, support is there for who asks for it (Children Act 1989 s.23CZB).
MAY_ASK_AGAIN = 21
# A review or a new offer is planned within months; the most that a plan looks ahead is two years.
PLANNED_AHEAD = timedelta(days=2 * 365)


def _age(entry: Entry) -> str | None:
    """The age at the registration. Of a month or a day, the age that is most likely right."""
    born, registered = entry.day("date_of_birth"), entry.of(REGISTERED)
    if born is None:
        return None
    first = first_day_of(registered[-1]) if registered else entry.first
    last = last_day_of(registered[-1]) if registered else entry.last
    youngest, oldest = years_on(born, first), years_on(born, last)
    if oldest < YOUNGEST or youngest > OLDEST:
        age = max(oldest, 0)
        return f"makes them {age} years old on the day of their registration; a care leaver is {YOUNGEST} to {OLDEST}"
    return None


def _age_to_ask_again(entry: Entry) -> str | None:
    born = entry.known.get("date_of_birth")
    if born is None or (years_on(born, entry.last) >= MAY_ASK_AGAIN and years_on(born, entry.first) <= OLDEST):
        return None
    return (
        f"makes them {years_on(born, entry.last)} years old on the day of this entry; support is asked for again at"
        f" {MAY_ASK_AGAIN} to {OLDEST}"
    )


def _unborn(entry: Entry) -> str | None:
    """No entry about them is from before their birth, nor an earlier one where the birthday is corrected."""
    born = entry.day("date_of_birth")
    day = min([entry.last, *map(last_day_of, entry.standing)])
    if born is None or born <= day:
        return None
    return f"is {in_words(born - day)} after an entry about them, {day}; nobody is a care leaver before their birth"


_REVIEW = day_ahead("review_by", PLANNED_AHEAD)
_LATER_THAN_ADDED = not_before("the item was added to the plan", "plan_item.added.v1")
_LATER_THAN_OFFERED = not_before("it was offered", "plan_item.offered.v1")

AGE = (
    Doubt("care-leaver-age", "date_of_birth", _age),
    Doubt("care-leaver-age", "date_of_birth", _unborn, impossible=True),
)
_ROWS = {module.AGGREGATE.kind: module.ROWS for module in (care_leaver, plan_item)}

DOUBTS: Table = {
    RETRACTION: (left_out_of_order(_ROWS, spared=SETTLING),),
    REGISTERED: AGE,
    CORRECTED: AGE,
    "care_leaver.support_requested.v1": (Doubt("care-leaver-age", OCCURRED_AT, _age_to_ask_again),),
    "adviser.ended.v1": (not_before("they were named", "adviser.assigned.v1"),),
    "plan_item.added.v1": _REVIEW,
    "plan_item.arranged.v1": _REVIEW,
    "plan_item.reviewed.v1": (*day_ahead("next_review_by", PLANNED_AHEAD), _LATER_THAN_ADDED),
    "plan_item.taken_up.v1": (_LATER_THAN_OFFERED,),
    "plan_item.declined.v1": (_LATER_THAN_OFFERED,),
    "plan_item.deferred.v1": (*day_ahead("re_offer_by", PLANNED_AHEAD), _LATER_THAN_OFFERED),
    "plan_item.completed.v1": (_LATER_THAN_ADDED,),
    "plan_item.ended.v1": (_LATER_THAN_ADDED,),
}
