"""The filters and sorts of the list of follow-ups, in one table each.

The list, the summary, the past list and the choice of an index all read these tables, so a filter is one row here and
one field in `schemas.py`. A test compares the two, and another compares what each filter finds among stored follow-ups
with what it accepts of those of the past. A filter or an order never finds what is not disclosed to the reader.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, NamedTuple

from services.referrals_followup.domain.disclosure import sets_seen_by, types_seen_by
from services.referrals_followup.domain.follow_up import ENDED_STATE, MET, OPEN, VOID
from services.referrals_followup.domain.protection import Hidden
from shared.kernel.decisions import Actor
from shared.kernel.time import at_london, london_date

STATES = (OPEN, MET, ENDED_STATE, VOID)
ANY = "any"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Accepts a value that is one of these, or a list that holds one of them."""

    values: Collection[Any]

    def condition(self) -> Any:
        if len(self.values) == 1:
            return next(iter(self.values))
        return {"$in": sorted(self.values)}

    def accepts(self, value: Any) -> bool:
        return not set(self.values).isdisjoint(value if isinstance(value, list) else [value])


@dataclass(frozen=True, slots=True)
class NotAfter:
    """Accepts an instant (UTC) up to this one."""

    instant: datetime

    def condition(self) -> Any:
        return {"$lte": self.instant}

    def accepts(self, value: Any) -> bool:
        return bool(value <= self.instant)


Criterion = AnyOf | NotAfter


def _any_of(wanted: Any, now: datetime) -> Criterion:
    return AnyOf(wanted if isinstance(wanted, (set, frozenset, tuple)) else (wanted,))


def _state(wanted: Any, now: datetime) -> Criterion:
    # Each state by name: MongoDB then merges their parts of an index, each in order, and sorts nothing.
    return AnyOf(STATES if wanted == ANY else (wanted,))


def _overdue(days: Any, now: datetime) -> Criterion:
    """Due by now, and at least so many days ago, in the days that `days_overdue` counts."""
    if not days:
        return NotAfter(now)
    following = at_london(london_date(now) - timedelta(days=days - 1), time())
    return NotAfter(following - timedelta(milliseconds=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One filter: the parameter of the query, the field of the view, and what the field must be.

    `narrows`: it leaves so few follow-ups that any index serves the list.
    `criterion` makes what the field must be from the value in the query and the present instant (UTC).
    """

    name: str
    field: str
    narrows: bool
    criterion: Callable[[Any, datetime], Criterion] = _any_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sort:
    """One order of the list, by these fields and last by id."""

    fields: tuple[str, ...]


FILTERS = {
    row.name: row
    for row in (
        Filter(name="area", field="areas", narrows=False),
        Filter(name="team", field="owner_team", narrows=True),
        Filter(name="owner", field="owner_person", narrows=True),
        Filter(name="standard", field="standard", narrows=False),
        Filter(name="step", field="step", narrows=True),
        Filter(name="person", field="person", narrows=True),
        Filter(name="state", field="state", narrows=False, criterion=_state),
        Filter(name="inherited", field="inherited", narrows=True),
        Filter(name="overdue_by_days", field="due_at", narrows=True, criterion=_overdue),
    )
}

SORTS = {
    "due_at": Sort(fields=("due_at",)),
    "opened_at": Sort(fields=("opened_at",)),
    "standard": Sort(fields=("standard", "due_at")),
}


class Criteria:
    """What a query asks of a follow-up, for stored ones as a condition and for those of the past as a judgement.

    A set or tuple in the query accepts any of its values, such as all ids of a person or all areas of the reader.
    """

    def __init__(self, query: Mapping[str, Any], now: datetime) -> None:
        self._criteria = [(row.field, row.criterion(query[row.name], now)) for row in _filters_in(query)]

    def condition(self) -> dict[str, Any]:
        """The MongoDB condition on the documents of the views."""
        return {"$and": [{field: criterion.condition()} for field, criterion in self._criteria]}

    def accept(self, document: Mapping[str, Any]) -> bool:
        """Whether a follow-up with this document is wanted."""
        return all(criterion.accepts(document.get(field)) for field, criterion in self._criteria)


def asks_for_whereabouts(actor: Actor, query: Mapping[str, Any]) -> bool:
    """Whether the query asks for a team, for a worker, or for a part of the actor's areas.

    Of people of whom the actor may not see where they are, it finds only what the actor's own team owns.
    """
    is_narrow = "area" in query and {query["area"]} != set(actor.areas)
    return is_narrow or "team" in query or "owner" in query


def shown_to(actor: Actor, query: Mapping[str, Any], hidden: Hidden) -> list[dict[str, Any]]:
    """The MongoDB conditions on what a list of follow-ups may show and find of protected people."""
    if not hidden:
        return []
    left_out = [hidden.of_withheld()]
    if asks_for_whereabouts(actor, query):
        left_out.append({"$and": [hidden.of_follow_ups(), {"owner_team": {"$ne": actor.team}}]})
    return [{"$nor": left_out}]


def disclosed_to(actor: Actor) -> dict[str, Any]:
    """`is_disclosed` of the domain as a MongoDB condition on the documents of the views."""
    withheld = {"type": {"$nin": types_seen_by(actor.role)}, "teams": {"$ne": actor.team}}
    none_withheld = {"matters.0": {"$exists": True}, "matters": {"$not": {"$elemMatch": withheld}}}
    return {"$or": [{"acts.given_team": actor.team}, none_withheld]}


class Part(NamedTuple):
    """Some of the follow-ups that are disclosed to a reader, and the index that holds a page of them in its order."""

    condition: Mapping[str, Any]
    hint: str | None


def parts_for(actor: Actor, query: Mapping[str, Any]) -> list[Part]:
    """What is disclosed to the actor, in parts that have no follow-up in common: by their role, and by their team.

    So a page of what few may see reads no more than the page.
    """
    seen, others = sets_seen_by(actor.role)
    index = index_for(query)
    if not others:
        return [Part({}, index)]
    by_team = {"teams": actor.team, "classes": {"$in": others}, **disclosed_to(actor)}
    return [
        Part({"classes": {"$in": seen}}, index and index.replace("area_", "area_class_")),
        Part(by_team, index and "team_class_due"),
    ]


def index_for(query: Mapping[str, Any]) -> str | None:
    """The index that holds a page of this list in its order; None where MongoDB is to choose.

    A filter on the field that the list is sorted by does not narrow: the index serves both.
    """
    fields = sort_of(query).fields
    if any(row.narrows and row.field != fields[0] for row in _filters_in(query)):
        return None
    scope = "area_standard" if "standard" in {*fields, *query} else "area"
    return f"{scope}_opened" if "opened_at" in fields else f"{scope}_due"


def sort_of(query: Mapping[str, Any]) -> Sort:
    return SORTS[query["sort"].removeprefix("-")]


def is_descending(query: Mapping[str, Any]) -> bool:
    return bool(query["sort"].startswith("-"))


def _filters_in(query: Mapping[str, Any]) -> Iterable[Filter]:
    return [row for row in FILTERS.values() if row.name in query]
