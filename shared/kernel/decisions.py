"""What a domain answers to a command: a fact to record, or a refusal with its reason.

An aggregate is two pure functions. `decide(state, command, context)` returns a `Fact` or raises `Refused`;
`evolve(state, event)` returns the next state. Time and actor are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from shared.kernel.envelope import Event

S = TypeVar("S")

RETRACTION = "record.retracted.v1"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: the person's id in the directory, their role, their team, and the areas they may act in.

    `also_in`: further areas, for the record in hand alone.
    """

    id: str
    role: str
    team: str
    areas: tuple[str, ...]
    also_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What a decision may know besides state and command: now (aware UTC), the actor, and the id of the stream."""

    now: datetime
    actor: Actor
    stream: str

    @property
    def stream_id(self) -> str:
        """The part of the stream's name after the aggregate's: `referral/<this>`."""
        return self.stream.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Fact:
    """What a decision wants recorded. `data` may be published; `private` never leaves the recording service.

    `outbox` joins the document's bookkeeping part in the same write: work that this fact leaves to be done.
    `area` overrides the area of the actor (a fact about a stream belongs to that stream's area).
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


class Refused(Exception):
    """A command that the domain does not accept, with what to do instead. Nothing was recorded.

    Raised as such, the command conflicts with what is recorded already; the subclasses name the other kinds of refusal.
    `code` names the refusal in the answer. `fields` names each offending field of the body, for example
    `{"receiver_person": ["…"]}`.
    """

    def __init__(self, code: str, message: str, *, fields: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = dict(fields or {})


class Invalid(Refused):
    """The command itself cannot be accepted, whatever is recorded: it names something unknown or contradicts itself."""


class Forbidden(Refused):
    """This actor may not give the command, by their role, team or area."""


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """An aggregate: the kind that names its streams (`<kind>/<id>`), its empty state and its two pure functions."""

    kind: str
    initial: S
    decide: Callable[[S, Any, Context], Fact]
    evolve: Callable[[S, Event], S]

    def fold(self, events: Iterable[Event]) -> S:
        """The state after `events`, in version order; those retracted later in the stream are left out."""
        history = list(events)
        retracted = {event.data["event_id"] for event in history if event.type == RETRACTION}
        state = self.initial
        for event in history:
            if event.id not in retracted:
                state = self.evolve(state, event)
        return state

    def fold_on(self, state: S, history: Sequence[Event], event: Event) -> S:
        """The state after one more event: `state` is that after `history`. Equal to the fold of both."""
        return self.fold([*history, event]) if event.type == RETRACTION else self.evolve(state, event)
