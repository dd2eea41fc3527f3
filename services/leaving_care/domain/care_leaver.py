"""A care leaver, their category by law, and the personal adviser who holds their plan.

Name, dates of birth and of care, and NHS number stay private; what is published is the category and, by the quarter,
when age next changes it. After the registration anything may be recorded, late and in any order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from services.leaving_care.domain.category import Period, category_on, entitlement_review_on
from shared.kernel.decisions import Context, Fact, Invalid, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import (
    Begin,
    Command,
    Evolution,
    area_to_begin_in,
    fact,
    history_of,
    own_fields,
    require_born,
    require_step,
    when,
)
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, states, tell
from shared.kernel.time import london_date, span

KIND = "care-leaver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(Begin):
    """`nhs_number` is ten digits, already checked. Name, date of birth, periods of care and number stay private.

    With `looked_after` the category is that of the law on the day, and need not be said.
    """

    person_id: str
    given_name: str
    family_name: str
    date_of_birth: date
    category: str | None = None
    looked_after: tuple[Period, ...] = ()
    nhs_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignAdviser(Command):
    """`adviser` and `team` are directory ids."""

    adviser: str
    team: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeCategory(Command):
    """A person determines it again, whatever the dates say. `date_of_birth`: as registered, unless it was erased."""

    category: str
    date_of_birth: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CareLeaver(RecordState):
    """`facts` has what each kind of entry said last, by its type without version: `pa_contact.made`."""

    category: str | None = None
    entitlement_review_on: str | None = None
    adviser: str | None = None
    team: str | None = None


def _register(state: CareLeaver, command: Register, context: Context) -> Fact:
    care_leaver_id = context.stream_id
    if state.status is not None:
        raise Refused("care-leaver-already-known", f"known here as {care_leaver_id}; go on with that id")
    require_born(command.date_of_birth, context.now)
    on = _day_of(command, context)
    registered = fact(
        "care_leaver.registered.v1",
        context,
        care_leaver_id=care_leaver_id,
        person_id=command.person_id,
        category=_category(command, on, london_date(context.now)),
        entitlement_review_on=entitlement_review_on(command.date_of_birth, on),
        private={
            "given_name": command.given_name,
            "family_name": command.family_name,
            "date_of_birth": command.date_of_birth.isoformat(),
            "nhs_number": command.nhs_number,
            "looked_after": [_written(period) for period in command.looked_after] or None,
        },
    )
    return replace(registered, subject=command.person_id, area=area_to_begin_in(state, command, context.actor))


def _category(command: Register, on: date, today: date) -> str:
    """The category to register. Raises Invalid for dates that are impossible, contradict it, or make nobody one."""
    if not command.looked_after:
        if command.category is None:
            why = ["give this or the other: the category, or when they were looked after"]
            fields = {"category": why, "looked_after": why}
            raise Invalid("category-needed", "nothing says which category they are", fields=fields)
        return command.category
    faults = dict(_faults(command, today))
    if faults:
        raise Invalid("not-so-looked-after", "these periods of care cannot be", fields=faults)
    category = category_on(command.date_of_birth, command.looked_after, on)
    if category is None:
        raise Invalid(
            "not-a-care-leaver",
            f"by these dates they are not a care leaver on {on.isoformat()}: one is 16 to 24 years old and was looked"
            " after at 16 or 17; while that goes on, and from 21, for at least 13 weeks since the age of 14",
            fields={"looked_after": ["makes nobody of this date of birth a care leaver on that day"]},
        )
    if command.category not in (None, category):
        raise Invalid(
            "another-category",
            f"by these dates they are {category} on {on.isoformat()}; leave out the one or the other",
            fields={"category": [f"is {category} by the dates of looked_after"]},
        )
    return category


def _faults(command: Register, today: date) -> Iterator[tuple[str, list[str]]]:
    for number, period in enumerate(command.looked_after):
        if period.from_on > today:
            yield f"looked_after.{number}.from_on", ["lies in the future"]
        if period.from_on < command.date_of_birth:
            yield f"looked_after.{number}.from_on", ["lies before the birth"]
        if period.to_on is not None and period.to_on > today:
            yield f"looked_after.{number}.to_on", ["lies in the future; leave it out while it goes on"]
        elif period.to_on is not None and period.to_on < period.from_on:
            yield f"looked_after.{number}.to_on", ["lies before from_on"]


def _change_category(state: CareLeaver, command: ChangeCategory, context: Context) -> Fact:
    _require_registered("care_leaver.category_changed.v1", state)
    born = command.date_of_birth
    return fact(
        "care_leaver.category_changed.v1",
        context,
        care_leaver_id=context.stream_id,
        person_id=state.person_id,
        category=command.category,
        entitlement_review_on=born and entitlement_review_on(born, _day_of(command, context)),
    )


def _assign_adviser(state: CareLeaver, command: AssignAdviser, context: Context) -> Fact:
    _require_registered("adviser.assigned.v1", state)
    return fact(
        "adviser.assigned.v1",
        context,
        care_leaver_id=context.stream_id,
        person_id=state.person_id,
        **own_fields(command),
    )


def _present_adviser(state: RecordState, command: AppendEntry | BeginRecord, context: Context) -> Mapping[str, Any]:
    present = state.adviser if isinstance(state, CareLeaver) else None
    if command.data["adviser"] != present:
        raise Refused(
            "not-the-adviser",
            f"their personal adviser is {present or 'nobody'}",
            fields={"adviser": ["is not their personal adviser now"]},
        )
    return {}


REGISTERED = states("registered")

# Event type -> the states that it may follow. Nobody stops being a care leaver here: the last word is a decision.
ROWS = {
    "adviser.ended.v1": Row(after=REGISTERED, check=_present_adviser),
    "care_leaver.entitlement_decided.v1": Row(after=REGISTERED),
    "pa_contact.made.v1": Row(after=REGISTERED),
    "pa_contact.failed.v1": Row(after=REGISTERED),
    "pa_contact.lost.v1": Row(after=REGISTERED),
    "pathway.assessed.v1": Row(after=REGISTERED),
    "pathway.planned.v1": Row(after=REGISTERED),
    "pathway.reviewed.v1": Row(after=REGISTERED),
    "accommodation.changed.v1": Row(after=REGISTERED),
    "care_leaver.moved.v1": Row(after=REGISTERED),
    "care_leaver.move_learnt.v1": Row(after=REGISTERED),
    "authority.confirmed.v1": Row(after=REGISTERED),
    "parenthood.learnt.v1": Row(after=REGISTERED),
    "parenthood.acknowledged.v1": Row(after=REGISTERED),
    "parenthood.lost.v1": Row(after=REGISTERED),
    "support_offer.made.v1": Row(after=REGISTERED),
}


def _require_registered(event_type: str, state: CareLeaver) -> None:
    require_step(event_type, state, {event_type: REGISTERED}, "care leaver")


def _day_of(command: Command, context: Context) -> date:
    """The day (in London) as of which a category is determined: the last on which it can have happened."""
    return london_date(min(span(when(command, context.now), command.precision)[1], context.now))


def _written(period: Period) -> dict[str, str]:
    days = {"from_on": period.from_on, "to_on": period.to_on}
    return {name: day.isoformat() for name, day in days.items() if day is not None}


def _registered(state: CareLeaver, event: Event) -> CareLeaver:
    return replace(_category_said(state, event), status="registered")


def _category_said(state: CareLeaver, event: Event) -> CareLeaver:
    data = event.data
    return replace(state, category=data["category"], entitlement_review_on=data.get("entitlement_review_on"))


def _assigned(state: CareLeaver, event: Event) -> CareLeaver:
    return replace(state, adviser=event.data["adviser"], team=event.data["team"])


def _adviser_ended(state: CareLeaver, event: Event) -> CareLeaver:
    return replace(state, adviser=None, team=None)


def _told(evolution: Evolution[CareLeaver]) -> Evolution[CareLeaver]:
    def evolve(state: CareLeaver, event: Event) -> CareLeaver:
        name = event.type.rpartition(".")[0]
        said = {field: value for field, value in event.data.items() if field not in ("care_leaver_id", "person_id")}
        known = evolution(state, event)
        return replace(known, facts={**known.facts, name: said}, teams=known.teams | {event.team})

    return evolve


_CHANGES: Mapping[str, Evolution[CareLeaver]] = {
    "care_leaver.registered.v1": _registered,
    "care_leaver.category_changed.v1": _category_said,
    "adviser.assigned.v1": _assigned,
    "adviser.ended.v1": _adviser_ended,
}

AGGREGATE = history_of(
    KIND,
    CareLeaver(),
    decisions={
        Register: _register,
        AssignAdviser: _assign_adviser,
        ChangeCategory: _change_category,
        AppendEntry: tell(KIND, ROWS),
    },
    evolutions={name: _told(_CHANGES.get(name, lambda state, event: state)) for name in (*ROWS, *_CHANGES)},
)
