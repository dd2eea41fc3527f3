"""Records told as a table: which event may follow which state, and what state it leads to.

Guarantee: an event is recorded only from a state that its row names; the state keeps what the standing entries said
last, by field. For records whose rules are no more than that; a record with rules of its own decides for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.kernel.decisions import Aggregate, Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import (
    Begin,
    Command,
    Decision,
    Evolution,
    History,
    area_to_begin_in,
    fact,
    history_of,
    require_step,
)

Data = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start(Begin):
    """Begins a record: the event's type, what is published of it, and what stays private."""

    type: str
    data: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tell(Command):
    """Goes on with a record. `caused_by` is the event that made a service tell this by itself."""

    type: str
    data: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)
    caused_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told(History):
    """The state of such a record: `facts` has each field as it was said last, `teams` who wrote in it."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    teams: frozenset[str] = frozenset()


Check = Callable[[Told, Tell | Start, Context], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """`after`: the states it may follow; none for one that begins. `becomes` None: the state stays.

    `check` may refuse, and gives further fields of the event.
    """

    after: frozenset[str] = frozenset()
    becomes: str | None = None
    check: Check | None = None


def record_of(kind: str, rows: Mapping[str, Row]) -> Aggregate[Told]:
    """The aggregate of streams `<kind>/<id>`; `rows` by event type. Rows without `after` begin it."""
    return history_of(kind, Told(), decisions={Start: start(kind, rows), Tell: tell(kind, rows)}, evolutions=told(rows))


def start(kind: str, rows: Mapping[str, Row]) -> Decision[Any]:
    """The decision that begins a record."""

    def decide(state: Told, command: Start, context: Context) -> Fact:
        noun = kind.replace("-", " ")
        if state.entries or state.retracted:
            raise Refused("already-begun", f"this {noun} was begun before")
        more = _checked(rows[command.type], state, command, context)
        data = {**command.data, **more, _id_of(kind): context.stream_id}
        begun = fact(command.type, context, private=dict(command.private), **data)
        area = area_to_begin_in(state, command, context.actor)
        return replace(begun, subject=command.data.get("person_id"), area=area)

    return decide


def tell(kind: str, rows: Mapping[str, Row]) -> Decision[Any]:
    """The decision that goes on with one."""
    steps = {name: row.after for name, row in rows.items()}

    def decide(state: Told, command: Tell, context: Context) -> Fact:
        require_step(command.type, state, steps, kind.replace("-", " "))
        more = _checked(rows[command.type], state, command, context)
        known = {"person_id": state.person_id} if state.person_id else {}
        data = {**known, **command.data, **more, _id_of(kind): context.stream_id}
        said = fact(command.type, context, private=dict(command.private), **data)
        return replace(said, subject=state.person_id or data.get("person_id"), causation_id=command.caused_by)

    return decide


def told(rows: Mapping[str, Row]) -> dict[str, Evolution[Any]]:
    """The evolutions of these rows."""
    return {name: _evolution(row) for name, row in rows.items()}


def states(*names: str) -> frozenset[str]:
    return frozenset(names)


def _evolution(row: Row) -> Evolution[Told]:
    def evolve(state: Told, event: Event) -> Told:
        return replace(
            state,
            status=row.becomes or state.status,
            facts={**state.facts, **event.data},
            teams=state.teams | {event.team},
        )

    return evolve


def _checked(row: Row, state: Told, command: Tell | Start, context: Context) -> Mapping[str, Any]:
    return row.check(state, command, context) if row.check else {}


def _id_of(kind: str) -> str:
    return f"{kind.replace('-', '_')}_id"
