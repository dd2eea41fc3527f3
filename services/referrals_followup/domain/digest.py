"""A letter to one recipient: it covers chases, is composed once, and ends accepted by a server or overtaken.

Overtaken means that all it was about had closed before any mail server took it: then nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.kernel.decisions import Aggregate, Context, Fact
from shared.kernel.envelope import Event

COMPOSED = "digest.composed.v1"
ACCEPTED = "digest.accepted.v1"
OVERTAKEN = "digest.overtaken.v1"


@dataclass(frozen=True, slots=True)
class Chase:
    """A recorded event that somebody is to be told of."""

    id: str
    urgent: bool
    about_follow_up: bool = True

    @property
    def waits_for_sources(self) -> bool:
        """Whether telling of it waits until every source is known to have told what it recorded."""
        return self.about_follow_up and not self.urgent


@dataclass(frozen=True, slots=True)
class Compose:
    """One letter about these chases. `send_from` is real time: sending waits for it."""

    recipient: str
    chases: tuple[Chase, ...]
    area: str
    send_from: datetime


@dataclass(frozen=True, slots=True)
class Accept:
    """A mail server took the letter. `recipient` is who it went to: a stand-in when the addressee is unknown by now."""

    digest_id: str
    recipient: str


@dataclass(frozen=True, slots=True)
class Overtake:
    digest_id: str
    recipient: str


def letters(chases: Iterable[Chase]) -> list[tuple[Chase, ...]]:
    """How chases are put together: each urgent one alone and first, then the follow-ups in one, and the rest in one."""
    found = list(chases)
    routine = tuple(chase for chase in found if chase.waits_for_sources)
    other = tuple(chase for chase in found if not chase.urgent and not chase.about_follow_up)
    return [(chase,) for chase in found if chase.urgent] + [together for together in (routine, other) if together]


def decide(state: None, command: Any, context: Context) -> Fact:
    return _DECIDE[type(command)](command, context)


def _compose(command: Compose, context: Context) -> Fact:
    data = {
        "recipient": command.recipient,
        "urgent": any(chase.urgent for chase in command.chases),
        "chases": [chase.id for chase in command.chases],
    }
    waits = any(chase.waits_for_sources for chase in command.chases)
    smtp = {"due_at": command.send_from, "attempts": 0, "waits_for_sources": waits}
    return Fact(COMPOSED, data, context.now, area=command.area, outbox={"smtp": smtp})


def _accept(command: Accept, context: Context) -> Fact:
    data = {"recipient": command.recipient, "digest_id": command.digest_id}
    return Fact(ACCEPTED, data, context.now, causation_id=command.digest_id)


def _overtake(command: Overtake, context: Context) -> Fact:
    data = {"recipient": command.recipient, "digest_id": command.digest_id}
    return Fact(OVERTAKEN, data, context.now, causation_id=command.digest_id)


_DECIDE: Mapping[type, Callable[[Any, Context], Fact]] = {Compose: _compose, Accept: _accept, Overtake: _overtake}


def _evolve(state: None, event: Event) -> None:
    """What comes after the letter in its stream is its fate; nothing else is decided on it."""


AGGREGATE: Aggregate[None] = Aggregate(kind="mail", initial=None, decide=decide, evolve=_evolve)
