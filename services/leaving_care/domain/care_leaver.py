"""A care leaver, their category by law, and the personal adviser who is responsible for their plan.

Name, dates of birth and of care, and NHS number stay private. The category is published, and the quarter in which age
next changes it. After the registration, all entries may be recorded late and in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

from services.leaving_care.domain.category import Period, category_on, entitlement_review_on, next_review_on
from shared.kernel.decisions import Context, Invalid, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import Command, require_born, when
from shared.kernel.ids import derived_id
from shared.kernel.tables import (
    AppendEntry,
    BeginRecord,
    RecordState,
    Row,
    begin_decision,
    corrected_details,
    invalid,
    record_of,
    states,
)
from shared.kernel.time import london_date, span

KIND = "care-leaver"
REGISTERED, CORRECTED = "care_leaver.registered.v1", "care_leaver.corrected.v1"


def care_leaver_id_of(person_id: str) -> str:
    """One person is one care leaver, whoever registers them and however often."""
    return derived_id(KIND, person_id)


def stream_of(person_id: str) -> str:
    """The stream that registers a person as a care leaver."""
    return f"{KIND}/{care_leaver_id_of(person_id)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CareLeaver(RecordState):
    """`facts` has the last data of each type of entry. The key is the type without its version: `pa_contact.made`."""

    category: str | None = None
    entitlement_review_on: str | None = None
    adviser: str | None = None
    team: str | None = None


def _registered(state: CareLeaver, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    """With `looked_after`, the category is the one that the law gives on the day. It need not be in the body."""
    born = command.private["date_of_birth"]
    require_born(born, context.now)
    on = _day_of(command, context)
    return {
        "category": _category(command, born, on, london_date(context.now)),
        "entitlement_review_on": entitlement_review_on(born, on),
    }


def _corrected(state: CareLeaver, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """A corrected birthday moves the review of the entitlement. The category stays until somebody decides it again."""
    born = command.private.get("date_of_birth")
    if born is None:
        return {"details": corrected_details(command), "entitlement_review_on": state.entitlement_review_on}
    require_born(born, context.now)
    review_on = entitlement_review_on(born, _day_of(command, context))
    return {"details": corrected_details(command), "entitlement_review_on": review_on}


def _told_apart(state: CareLeaver, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if state.person_id in command.data["others"]:
        message = "a care leaver is told apart from others"
        raise invalid("told-apart-from-itself", message, others="has this very person")
    return {}


def _category(command: BeginRecord, born: date, on: date, today: date) -> str:
    """The category to register. Raises Invalid for dates that are impossible, contradict it, or give no category."""
    given: str | None = command.data.get("category")
    looked_after = [Period(**period) for period in command.private.get("looked_after", ())]
    if not looked_after:
        if given is None:
            why = ["give this or the other: the category, or when they were looked after"]
            fields = {"category": why, "looked_after": why}
            raise Invalid("category-needed", "nothing says which category they are", fields=fields)
        return given
    faults = dict(_faults(looked_after, born, today))
    if faults:
        raise Invalid("not-so-looked-after", "these periods of care cannot be", fields=faults)
    category = category_on(born, looked_after, on)
    if category is None:
        raise Invalid(
            "not-a-care-leaver",
            f"by these dates they are not a care leaver on {on.isoformat()}: one is 16 to 24 years old and was looked"
            " after at 16 or 17; while that goes on, and from 21, for at least 13 weeks since the age of 14",
            fields={"looked_after": ["makes nobody of this date of birth a care leaver on that day"]},
        )
    if given not in (None, category):
        raise Invalid(
            "another-category",
            f"by these dates they are {category} on {on.isoformat()}; leave out the one or the other",
            fields={"category": [f"is {category} by the dates of looked_after"]},
        )
    return category


def _faults(looked_after: Sequence[Period], born: date, today: date) -> Iterator[tuple[str, list[str]]]:
    for number, period in enumerate(looked_after):
        if period.from_on > today:
            yield f"looked_after.{number}.from_on", ["lies in the future"]
        if period.from_on < born:
            yield f"looked_after.{number}.from_on", ["lies before the birth"]
        if period.to_on is not None and period.to_on > today:
            yield f"looked_after.{number}.to_on", ["lies in the future; leave it out while it goes on"]
        elif period.to_on is not None and period.to_on < period.from_on:
            yield f"looked_after.{number}.to_on", ["lies before from_on"]


def _category_changed(state: CareLeaver, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """A person determines the category, whatever the dates say. The date of birth is unknown if it was erased."""
    born = command.known.get("date_of_birth")
    return {"entitlement_review_on": born and entitlement_review_on(born, _day_of(command, context))}


def _next_review(state: CareLeaver, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """When age next changes the entitlement, after the change that this entry is about."""
    born = command.known.get("date_of_birth")
    return {"entitlement_review_on": born and next_review_on(born, _day_of(command, context))}


def _adviser_ended(state: CareLeaver, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if command.data["adviser"] != state.adviser:
        raise Refused(
            "not-the-adviser",
            f"their personal adviser is {state.adviser or 'nobody'}",
            fields={"adviser": ["is not their personal adviser now"]},
        )
    return {}


def _day_of(command: Command, context: Context) -> date:
    """The day (in London) for which a category is determined: the last day on which the entry can have happened."""
    return london_date(min(span(when(command, context.now), command.precision)[1], context.now))


def _without_adviser(state: CareLeaver, event: Event) -> CareLeaver:
    return replace(state, adviser=None, team=None)


def _facts_of(event: Event) -> Mapping[str, Any]:
    ids = ("care_leaver_id", "person_id")
    return {event.type.rpartition(".")[0]: {name: value for name, value in event.data.items() if name not in ids}}


_Row = partial(Row, states("registered"))
CATEGORY = ("category", "entitlement_review_on")

# There is no state in which somebody stops being a care leaver: the last entry is a decision.
ROWS = {
    REGISTERED: Row(becomes="registered", check=_registered, sets=CATEGORY),
    CORRECTED: _Row(check=_corrected, sets=("entitlement_review_on",)),
    "care_leaver.told_apart.v1": _Row(check=_told_apart),
    "care_leaver.category_changed.v1": _Row(check=_category_changed, sets=CATEGORY),
    "adviser.assigned.v1": _Row(sets=("adviser", "team")),
    "adviser.ended.v1": _Row(check=_adviser_ended, also=_without_adviser),
    "care_leaver.entitlement_decided.v1": _Row(check=_next_review),
    "care_leaver.support_requested.v1": _Row(check=_next_review),
    "care_leaver.reminded.v1": _Row(check=_next_review),
    "care_leaver.ending_planned.v1": _Row(),
    "care_leaver.authority_told.v1": _Row(),
    "pa_contact.made.v1": _Row(),
    "pa_contact.failed.v1": _Row(),
    "pa_contact.lost.v1": _Row(),
    "pathway.assessed.v1": _Row(),
    "pathway.planned.v1": _Row(),
    "pathway.reviewed.v1": _Row(),
    "accommodation.changed.v1": _Row(),
    "care_leaver.moved.v1": _Row(),
    "care_leaver.move_learnt.v1": _Row(),
    "authority.confirmed.v1": _Row(),
    "parenthood.learnt.v1": _Row(),
    "parenthood.acknowledged.v1": _Row(),
    "parenthood.lost.v1": _Row(),
    "support_offer.made.v1": _Row(),
}

AGGREGATE = record_of(KIND, ROWS, CareLeaver(), begin=begin_decision(KIND, ROWS, again=True), facts_of=_facts_of)
