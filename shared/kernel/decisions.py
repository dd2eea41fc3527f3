"""Decisions: the answer of a domain to a command. It is a fact to record, or a refusal with its reason.

An aggregate is two pure functions. `decide(state, command, context)` returns a `Fact` or raises `Refused`;
`evolve(state, event)` returns the next state. Time and actor are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.kernel.envelope import Event

S = TypeVar("S")

RETRACTION = "record.retracted.v1"
DOUBTS_CONFIRMED = "record.doubts_confirmed.v1"
CLAIM_CONFIRMED, CLAIM_REJECTED = CLAIM_ANSWERS = ("record.claim_confirmed.v1", "record.claim_rejected.v1")
# Each of these is about the entry that it names, and is read by whoever may read that.
ABOUT_AN_ENTRY = (RETRACTION, *CLAIM_ANSWERS, DOUBTS_CONFIRMED)
# The event that one of these names is left out of every fold.
LEAVES_OUT = (RETRACTION, CLAIM_REJECTED)


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the person's id in the directory, their role, their team, and the areas they may act in.

    `also_in`: further areas, which only count for the record of this request.
    """

    id: str
    role: str
    team: str
    areas: tuple[str, ...]
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """The further arguments of a decision: now (aware UTC), the actor, and the id of the stream."""

    now: datetime
    actor: Actor
    stream: str

    @property
    def stream_id(self) -> str:
        """The second part of the stream's name, such as `<id>` in `referral/<id>`."""
        return self.stream.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Fact:
    """The fact that a decision leads to. `data` may be published. `private` never leaves the recording service.

    `outbox` is work that this fact leaves to be done. It is stored in the bookkeeping part of the document, in the same
    write. `area` replaces the area of the actor: a fact about a stream belongs to the area of that stream. `unknown`
    are the fields of an alarm that name nothing which the directory lists, `doubts` the codes of its doubts.
    """

    type: str
    data: Mapping[str, Any]
    occurred_at: datetime
    precision: str = "minute"
    subject: str | None = None
    area: str | None = None
    private: Mapping[str, Any] = field(default_factory=dict)
    outbox: Mapping[str, Any] = field(default_factory=dict)
    causation_id: str | None = None
    unknown: str | None = None
    doubts: str | None = None


class Refused(Exception):
    """The domain does not accept the command. The message says what to do instead. Nothing was recorded.

    This class itself means that the command conflicts with what is already recorded. The subclasses are the other kinds
    of refusal. `code` names the refusal in the answer. `fields` names each offending field of the body, for example
    `{"receiver_person": ["…"]}`. `possible`: the types of the events that can be recorded instead. `more` are further
    members of the answer.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        fields: Mapping[str, list[str]] | None = None,
        possible: Iterable[str] = (),
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = dict(fields or {})
        self.possible = tuple(possible)
        self.more = dict(more or {})


class Invalid(Refused):
    """The command cannot be accepted, whatever is recorded. It names something unknown, or contradicts itself."""


class Forbidden(Refused):
    """This actor may not give the command, by their role, team or area."""


def ids_left_out(history: Iterable[Event]) -> set[str]:
    """The ids of the entries that were retracted or rejected."""
    return {event.data["event_id"] for event in history if event.type in LEAVES_OUT}


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """An aggregate: its kind (its streams are named `<kind>/<id>`), its empty state and its two pure functions.

    `find_possible`: the types of the entries that this actor could add to a record in this state.
    """

    kind: str
    initial: S
    decide: Callable[[S, Any, Context], Fact]
    evolve: Callable[[S, Event], S]
    find_possible: Callable[[S, Actor], Collection[str]] = lambda state, actor: ()

    def fold(self, events: Iterable[Event]) -> S:
        """The state after `events`, in the order of their versions.

        Events that are retracted later, and claims that are rejected later, are left out.
        """
        history = list(events)
        retracted = ids_left_out(history)
        state = self.initial
        for event in history:
            if event.id not in retracted:
                state = self.evolve(state, event)
        return state

    def fold_on(self, state: S, history: Sequence[Event], event: Event) -> S:
        """The state after `history` and `event`. `state` is the state after `history`. Equal to the fold of all."""
        return self.fold([*history, event]) if event.type in LEAVES_OUT else self.evolve(state, event)
