"""Records whose rules are a table. It says which entry may follow which state, and which state the entry leads to.

Guarantee: an entry is recorded only if its row names the present state of the record. An entry begins a record only if
its row says so. The state keeps the last value of each field, from the entries that are not retracted. The row of an
entry also has the further rules for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.kernel.decisions import Actor, Aggregate, Context, Fact, Forbidden, Invalid, Refused
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginRecord(Begin):
    """Begins a record with an event of `type`. `data` is published and `private` is not.

    `known` is what the service looked up for the check of the row. It is not recorded.
    """

    type: str
    data: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendEntry(Command):
    """Adds an event of `type` to a record. `caused_by` is the event to which a service reacts with this entry."""

    type: str
    data: Mapping[str, Any]
    private: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] = field(default_factory=dict)
    caused_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordState(History):
    """The state of a record. `facts` has the last value of each field. `teams` are the teams that made entries."""

    facts: Mapping[str, Any] = field(default_factory=dict)
    teams: frozenset[str] = frozenset()

    def was_sent_to(self, actor: Actor) -> bool:
        return actor.team == self.facts.get("to_team")


class AlreadyKnown(Refused):
    """The record was begun before. Only a command without a fault is answered so."""


class BegunInError(AlreadyKnown):
    """The record was begun in error before, perhaps about somebody else."""

    def __init__(self, kind: str) -> None:
        message = (
            "this NHS number was registered here in error, so what is on record under it may be about somebody else;"
            " register them without the number, and ask the safeguarding lead"
        )
        super().__init__(f"{kind}-registered-in-error", message)


Check = Callable[[Any, Any, Context], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Party:
    """The people who may record an entry. Anybody else is refused as forbidden, with this code and message."""

    includes: Callable[[Any, Actor], bool]
    code: str
    message: str

    def require(self, state: Any, actor: Actor) -> None:
        if not self.includes(state, actor):
            raise Forbidden(self.code, self.message)


@dataclass(frozen=True, slots=True)
class Row:
    """The rules of one type of entry.

    `after`: the states that the entry may follow. An entry begins a record if it follows no state, or if it `begins`.
    `becomes`: the next state, or a mapping from the state before to the next state. States in `stays`, and states that
    the mapping leaves out, do not change.
    `check` gets the state, the command and the context. It may refuse, and returns further fields of the event.
    `who`: the people who may add the entry to a record that has begun. Without `who`, the role of the actor decides.
    `repeats`: the fields that the entry copies from the state of the record, or from its facts.
    `sets`: the fields of the state that the event sets. A mapping gives the name of the event's field for each.
    `also`: a function that makes further changes to the state.
    `waits`: a claim of it changes the state only once it is confirmed, as one that would end the record does.
    """

    after: frozenset[str] = frozenset()
    becomes: str | Mapping[str, str] | None = None
    check: Check | None = None
    begins: bool = False
    who: Party | None = None
    stays: frozenset[str] = frozenset()
    repeats: Collection[str] = ()
    sets: Collection[str] | Mapping[str, str] = ()
    also: Evolution[Any] | None = None
    waits: bool = False

    @property
    def may_begin(self) -> bool:
        return self.begins or not self.after

    def next_state(self, status: str | None) -> str | None:
        if self.becomes is None or status in self.stays:
            return status
        return self.becomes if isinstance(self.becomes, str) else self.becomes.get(status or "", status)


def record_of(
    kind: str,
    rows: Mapping[str, Row],
    initial: RecordState | None = None,
    *,
    begin: Decision[Any] | None = None,
    facts_of: Callable[[Event], Mapping[str, Any]] = lambda event: event.data,
) -> Aggregate[Any]:
    """The aggregate of streams `<kind>/<id>`, with its rows by event type.

    `initial`: the empty state, if the record keeps more than a `RecordState`. `begin`: the decision that begins a
    record, if it differs from `begin_decision`. `facts_of`: what an entry adds to the facts.
    """
    built = history_of(
        kind,
        initial or RecordState(),
        decisions={BeginRecord: begin or begin_decision(kind, rows), AppendEntry: append_decision(kind, rows)},
        evolutions={event_type: _evolution(row, facts_of) for event_type, row in rows.items()},
        waiting=frozenset(event_type for event_type, row in rows.items() if row.waits),
    )

    def find_possible(state: RecordState, actor: Actor) -> list[str]:
        following = {name: row for name, row in rows.items() if state.status in row.after}
        return [name for name, row in following.items() if row.who is None or row.who.includes(state, actor)]

    return replace(built, find_possible=find_possible)


def begin_decision(kind: str, rows: Mapping[str, Row], *, again: bool = False) -> Decision[Any]:
    """The decision that begins a record. With `again`, a record may begin again after its beginning was retracted."""
    noun = kind.replace("-", " ")

    def decide(state: RecordState, command: BeginRecord, context: Context) -> Fact:
        if not again and (state.entries or state.retracted):
            raise Refused("already-begun", f"this {noun} was begun before")
        row = rows[command.type]
        if not row.may_begin:
            raise Refused("not-a-beginning", f"{command.type} does not begin a {noun}")
        # All faults of the command come first. So nobody learns from a faulty command what is recorded.
        data = {**command.data, **_checked(row, state, command, context), _id_of(kind): context.stream_id}
        begun = fact(command.type, context, private=command.private, **data)
        area = area_to_begin_in(command, context.actor)
        if again and state.status is not None:
            known_as = f"this {noun} is known here as {context.stream_id}; go on with that id"
            raise AlreadyKnown(f"{kind}-already-known", known_as)
        if again and state.area is not None and state.area not in context.actor.areas:
            raise BegunInError(kind)
        return replace(begun, subject=data.get("person_id"), area=area)

    return decide


def append_decision(kind: str, rows: Mapping[str, Row]) -> Decision[Any]:
    """The decision that adds an entry to a record."""
    steps = {event_type: row.after for event_type, row in rows.items()}

    def decide(state: RecordState, command: AppendEntry, context: Context) -> Fact:
        require_step(command.type, state, steps, kind.replace("-", " "))
        row = rows[command.type]
        more = _checked(row, state, command, context)
        if row.who:
            row.who.require(state, context.actor)
        known = {name: getattr(state, name, state.facts.get(name)) for name in ("person_id", *row.repeats)}
        data = {**known, **command.data, **more, _id_of(kind): context.stream_id}
        entry = fact(command.type, context, private=command.private, **data)
        return replace(entry, subject=state.person_id or data.get("person_id"), causation_id=command.caused_by)

    return decide


def corrected_details(command: AppendEntry) -> list[str]:
    """The details of a person that the command corrects: `known` lists those that differ from the record.

    Raises Invalid if there is none.
    """
    details: list[str] = command.known["details"]
    if not details:
        raise Invalid("nothing-corrected", "this is what is on record; give at least one detail that differs")
    return details


def find_misplaced(rows: Mapping[str, Row], entries: Iterable[Event]) -> list[Event]:
    """Those of the entries of one record, in order, that could not follow what comes before them."""
    status: str | None = None
    found = []
    for event in (event for event in entries if event.type in rows):
        row = rows[event.type]
        if not (row.may_begin if status is None else status in row.after):
            found.append(event)
        status = row.next_state(status)
    return found


def states(*names: str) -> frozenset[str]:
    return frozenset(names)


def invalid(code: str, message: str, **faults: str) -> Refused:
    """The refusal of a body, with the fault of each faulty field."""
    return Invalid(code, message, fields={name: [fault] for name, fault in faults.items()})


def _evolution(row: Row, facts_of: Callable[[Event], Mapping[str, Any]]) -> Evolution[Any]:
    sets = row.sets if isinstance(row.sets, Mapping) else {name: name for name in row.sets}

    def evolve(state: Any, event: Event) -> Any:
        following = replace(
            state,
            status=row.next_state(state.status),
            facts={**state.facts, **facts_of(event)},
            teams=state.teams | {event.team},
            **{name: event.data.get(given) for name, given in sets.items()},
        )
        return row.also(following, event) if row.also else following

    return evolve


def _checked(row: Row, state: RecordState, command: AppendEntry | BeginRecord, context: Context) -> Mapping[str, Any]:
    return row.check(state, command, context) if row.check else {}


def _id_of(kind: str) -> str:
    return f"{kind.replace('-', '_')}_id"
