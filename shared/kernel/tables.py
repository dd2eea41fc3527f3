"""Records told as a table: which event may follow which state, and what state it leads to.

Guarantee: an event is recorded only from a state that its row names, and begins a record only if its row says so; the
state keeps what the standing entries said last, by field. What else an event asks for is the `check` of its row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from shared.kernel.decisions import Aggregate, Context, Fact, Invalid, Refused
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
class BeginRecord(Begin):
    """Begins a record: the event's type, what is published of it, and what stays private.

    `known` is what the service looked up for the row's check; it is not recorded.
    """

    type: str
    data: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendEntry(Command):
    """Goes on with a record. `caused_by` is the event that made a service tell this by itself."""

    type: str
    data: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    caused_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState(History):
    """The state of such a record: `facts` has each field as it was said last, `teams` who wrote in it."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    teams: frozenset[str] = frozenset()


T = TypeVar("T", bound=RecordState)
Check = Callable[[Any, Any, Context], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Row:
    """`after`: the states it may follow. A row without any begins a record; so does one with `begins`.

    `becomes`: the state that it leads to, from whichever or by the state before; a state without one stays. `check` is
    given the state, the command and the context; it may refuse, and gives further fields of the event.
    """

    after: frozenset[str] = frozenset()
    becomes: str | Mapping[str, str] | None = None
    check: Check | None = None
    begins: bool = False

    @property
    def may_begin(self) -> bool:
        return self.begins or not self.after

    def next_state(self, status: str | None) -> str | None:
        if self.becomes is None or isinstance(self.becomes, str):
            return self.becomes or status
        return self.becomes.get(status or "", status)


def record_of(
    kind: str, rows: Mapping[str, Row], initial: Any = None, also: Mapping[str, Evolution[Any]] | None = None
) -> Aggregate[Any]:
    """The aggregate of streams `<kind>/<id>`; `rows` by event type.

    One that keeps more than a `Told` gives its own `initial`, and by event type what is kept `also`.
    """
    decisions: dict[type[Command], Decision[Any]] = {BeginRecord: start(kind, rows), AppendEntry: tell(kind, rows)}
    return history_of(kind, initial or RecordState(), decisions=decisions, evolutions=told(rows, also))


def start(kind: str, rows: Mapping[str, Row]) -> Decision[Any]:
    """The decision that begins a record."""

    def decide(state: RecordState, command: BeginRecord, context: Context) -> Fact:
        noun = kind.replace("-", " ")
        if state.entries or state.retracted:
            raise Refused("already-begun", f"this {noun} was begun before")
        if not rows[command.type].may_begin:
            raise Refused("not-a-beginning", f"{command.type} does not begin a {noun}")
        more = _checked(rows[command.type], state, command, context)
        data = {**command.data, **more, _id_of(kind): context.stream_id}
        begun = fact(command.type, context, private=dict(command.private), **data)
        area = area_to_begin_in(state, command, context.actor)
        return replace(begun, subject=command.data.get("person_id"), area=area)

    return decide


def tell(kind: str, rows: Mapping[str, Row]) -> Decision[Any]:
    """The decision that goes on with one."""
    steps = {name: row.after for name, row in rows.items()}

    def decide(state: RecordState, command: AppendEntry, context: Context) -> Fact:
        require_step(command.type, state, steps, kind.replace("-", " "))
        more = _checked(rows[command.type], state, command, context)
        known = {"person_id": state.person_id} if state.person_id else {}
        data = {**known, **command.data, **more, _id_of(kind): context.stream_id}
        said = fact(command.type, context, private=dict(command.private), **data)
        return replace(said, subject=state.person_id or data.get("person_id"), causation_id=command.caused_by)

    return decide


def told(rows: Mapping[str, Row], also: Mapping[str, Evolution[Any]] | None = None) -> dict[str, Evolution[Any]]:
    """The evolutions of these rows, each followed by the one that `also` has for the same type."""
    return {name: _evolution(row, (also or {}).get(name)) for name, row in rows.items()}


def states(*names: str) -> frozenset[str]:
    return frozenset(names)


def invalid(code: str, message: str, **faults: str) -> Refused:
    """The refusal of what a body says, with the fault of each field."""
    return Invalid(code, message, fields={name: [fault] for name, fault in faults.items()})


def _evolution(row: Row, also: Evolution[T] | None) -> Evolution[T]:
    def evolve(state: T, event: Event) -> T:
        known = replace(
            state,
            status=row.next_state(state.status),
            facts={**state.facts, **event.data},
            teams=state.teams | {event.team},
        )
        return also(known, event) if also else known

    return evolve


def _checked(row: Row, state: RecordState, command: AppendEntry | BeginRecord, context: Context) -> Mapping[str, Any]:
    return row.check(state, command, context) if row.check else {}


def _id_of(kind: str) -> str:
    return f"{kind.replace('-', '_')}_id"
