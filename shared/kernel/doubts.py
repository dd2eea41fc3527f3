"""Doubts: what an entry says that cannot be, or that is unlikely. A table of each service says which, by event type.

Guarantee: a rule compares an entry with the day of the entry and not with today. So what is entered late is judged as
if it had been entered in time. Of a month or a day, a rule takes the time at which the entry is most likely right.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, NamedTuple

from shared.kernel.decisions import ABOUT_AN_ENTRY, Fact, Invalid, ids_left_out
from shared.kernel.envelope import Event
from shared.kernel.history import SYSTEM_TEAM
from shared.kernel.tables import Row, find_misplaced
from shared.kernel.time import london_date, span

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
OCCURRED_AT = "occurred_at"
# So many entries one message names.
MOST_NAMED = 5


@dataclass(frozen=True)
class Entry:
    """A fact that is about to be recorded. `known` is what the service looked up in other records for it.

    `history` has the events of the record so far.
    """

    fact: Fact
    history: Sequence[Event] = ()
    known: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def first(self) -> date:
        """The first day on which it can have happened."""
        return london_date(span(self.fact.occurred_at, self.fact.precision)[0])

    @cached_property
    def last(self) -> date:
        """The last day on which it can have happened."""
        return london_date(span(self.fact.occurred_at, self.fact.precision)[1])

    @cached_property
    def standing(self) -> Sequence[Event]:
        """The earlier entries of the record that were neither retracted nor rejected, in the order of recording."""
        return standing_of(self.history)

    def of(self, *types: str) -> list[Event]:
        """The standing entries of these types."""
        return [event for event in self.standing if event.type in types]

    def get(self, name: str) -> Any:
        """The value of a field, published or private. None without it."""
        return self.fact.data.get(name, self.fact.private.get(name))

    def day(self, name: str) -> date | None:
        """The value of a field that is a date."""
        value = self.get(name)
        return None if value is None else date.fromisoformat(value)


Finds = Callable[[Entry], str | None]
"""What is doubtful about an entry, with the limit and the actual, and never a name. None if nothing is."""


class Doubt(NamedTuple):
    """One rule: its code, the field of the body that it is about, and what finds it. What cannot be is `impossible`."""

    code: str
    field: str
    finds: Finds
    impossible: bool = False


class Found(NamedTuple):
    """A doubt about one entry, in words."""

    code: str
    field: str
    message: str
    impossible: bool


Table = Mapping[str, Sequence[Doubt]]


class PleaseConfirm(Invalid):
    """The entry is unlikely. It is recorded when the request names the codes of its doubts in `confirms`."""


class Impossible(Invalid):
    """What the entry says cannot be. No confirmation helps."""


def find_doubts(table: Table, entry: Entry) -> list[Found]:
    """Everything that is impossible or unlikely about the entry, each code once for a field."""
    found = (
        Found(doubt.code, doubt.field, message, doubt.impossible)
        for doubt in table.get(entry.fact.type, ())
        if (message := doubt.finds(entry))
    )
    return list({(one.code, one.field): one for one in found}.values())


def require_likely(found: Sequence[Found], confirmed: frozenset[str]) -> None:
    """Raises Impossible or PleaseConfirm, which tells everything at once. `confirmed` doubts are no obstacle."""
    impossible = [one for one in found if one.impossible]
    unlikely = [one for one in found if not one.impossible and one.code not in confirmed]
    if not impossible and not unlikely:
        return
    fields: dict[str, list[str]] = {}
    for one in (*impossible, *unlikely):
        fields.setdefault(one.field, []).append(one.message)
    doubts = [{"code": one.code, "field": one.field, "message": one.message} for one in unlikely]
    more = {"doubts": doubts} if doubts else {}
    if impossible:
        message = "this cannot be; `errors` says what contradicts what, and nothing was recorded"
        raise Impossible("impossible", message, fields=fields, more=more)
    codes = ", ".join(f'"{one.code}"' for one in unlikely)
    message = f'this is unlikely; if it is right, send the same request again with "confirms": [{codes}]'
    raise PleaseConfirm("please-confirm", message, fields=fields, more=more)


def standing_of(history: Sequence[Event]) -> list[Event]:
    """The entries that were neither retracted nor rejected."""
    left_out = ids_left_out(history)
    return [event for event in history if event.type not in ABOUT_AN_ENTRY and event.id not in left_out]


def first_day_of(event: Event) -> date:
    """The first day on which a recorded event can have happened."""
    return london_date(span(event.occurred_at, event.precision)[0])


def last_day_of(event: Event) -> date:
    """The last day on which a recorded event can have happened."""
    return london_date(span(event.occurred_at, event.precision)[1])


def not_before(what: str, *types: str) -> Doubt:
    """The entry cannot have happened before the earliest of these. `what` names them in words."""

    def finds(entry: Entry) -> str | None:
        earlier = entry.of(*types)
        begun = min(map(first_day_of, earlier), default=None)
        if begun is None or entry.last >= begun:
            return None
        return f"is {in_words(begun - entry.last)} before {what}; give the day when each of them happened"

    return Doubt("out-of-order", OCCURRED_AT, finds, impossible=True)


def left_out_of_order(rows_by_kind: Mapping[str, Mapping[str, Row]], spared: Collection[str]) -> Doubt:
    """A retraction leaves no entry without what it follows. What is retracted of the types in `spared` is no doubt.

    Nor is what the service recorded by itself, since it strikes that out by itself. Only entries are named that the
    actor may read: `readable` of what is known has their ids.
    """

    def finds(entry: Entry) -> str | None:
        rows = rows_by_kind.get(entry.history[0].stream.partition("/")[0], {}) if entry.history else {}
        standing = entry.standing
        if any(event.id == entry.get("event_id") and event.type in spared for event in standing):
            return None
        before = {event.id for event in find_misplaced(rows, standing)}
        left = [event for event in standing if event.id != entry.get("event_id")]
        shown = entry.known.get("readable", ())
        misplaced = [
            event
            for event in find_misplaced(rows, left)
            if event.id in shown and event.id not in before and event.team != SYSTEM_TEAM
        ]
        if not misplaced:
            return None
        named = "; ".join(f"{event.type} of {first_day_of(event)} ({event.id})" for event in misplaced[:MOST_NAMED])
        more = f"; and {len(misplaced) - MOST_NAMED} more" if len(misplaced) > MOST_NAMED else ""
        return f"leaves entries without what they follow: {named}{more}; retract these first if they are wrong too"

    return Doubt("out-of-order", "event_id", finds)


def day_ahead(name: str, far: timedelta) -> tuple[Doubt, ...]:
    """A day that is planned lies after the entry, and not `far` after it: at five times that, it is impossible."""

    def is_past(entry: Entry) -> str | None:
        day = entry.day(name)
        if day is None or day >= entry.first:
            return None
        return f"is {in_words(entry.first - day)} before the day of this entry; a day that is planned lies ahead"

    def beyond(entry: Entry, limit: timedelta) -> str | None:
        day = entry.day(name)
        if day is None or day <= entry.last + limit:
            return None
        return f"is {in_words(day - entry.last)} after the day of this entry; the most is {in_words(limit)}"

    return (
        Doubt("day-passed", name, is_past),
        Doubt("day-far-out", name, lambda entry: None if beyond(entry, 5 * far) else beyond(entry, far)),
        Doubt("day-far-out", name, lambda entry: beyond(entry, 5 * far), impossible=True),
    )


def in_words(length: timedelta) -> str:
    """A length of time in days, from nine days on in weeks, and from three years on in years."""
    days = length.days
    if days >= 3 * 365:
        return f"{days // 365} years"
    if days > 8:
        return f"{days // 7} weeks"
    return "1 day" if days == 1 else f"{days} days"


def years_on(born: date, day: date) -> int:
    """Completed years of age on a day; negative before the birth."""
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))
