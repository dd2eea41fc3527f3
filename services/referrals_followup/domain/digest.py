"""A digest tells one recipient of some chases. It is composed once; on each channel it is then accepted or overtaken.

Overtaken means that everything it was about closed before the channel could hand it over: then it is not sent.
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
UNNAMED_CHANNEL = "smtp"
"""The channel of an ending that names none."""


@dataclass(frozen=True, slots=True)
class Chase:
    """A recorded event that somebody is to be told of."""

    id: str
    urgent: bool
    about_follow_up: bool = True

    @property
    def waits_for_sources(self) -> bool:
        """Whether its digest waits until every source has reported what it recorded."""
        return self.about_follow_up and not self.urgent


@dataclass(frozen=True, slots=True)
class Compose:
    """One digest about these chases, to be sent on each of the channels from `send_from` (real time)."""

    recipient: str
    chases: tuple[Chase, ...]
    area: str
    send_from: datetime
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Accept:
    """The channel took the digest. `recipient` is who it went to: a stand-in if the addressee has left the
    directory."""

    digest_id: str
    recipient: str
    channel: str = UNNAMED_CHANNEL


@dataclass(frozen=True, slots=True)
class Overtake:
    """Everything the digest was about has closed, so the channel does not send it."""

    digest_id: str
    recipient: str
    channel: str = UNNAMED_CHANNEL


def group_chases(chases: Iterable[Chase]) -> list[tuple[Chase, ...]]:
    """The chases of each digest: every urgent one alone and first, then the other follow-ups, then the rest."""
    given = list(chases)
    routine = tuple(chase for chase in given if chase.waits_for_sources)
    other = tuple(chase for chase in given if not chase.urgent and not chase.about_follow_up)
    return [(chase,) for chase in given if chase.urgent] + [together for together in (routine, other) if together]


def ending_key(digest_id: str, channel: str) -> str:
    """The idempotency key under which the end of a digest on a channel is recorded."""
    return ":".join(["ended", digest_id, *_name(channel).values()])


def _name(channel: str) -> dict[str, str]:
    return {} if channel == UNNAMED_CHANNEL else {"channel": channel}


def decide(state: None, command: Any, context: Context) -> Fact:
    return _DECIDE[type(command)](command, context)


def _compose(command: Compose, context: Context) -> Fact:
    data = {
        "recipient": command.recipient,
        "urgent": any(chase.urgent for chase in command.chases),
        "chases": [chase.id for chase in command.chases],
    }
    waits = any(chase.waits_for_sources for chase in command.chases)
    entry = {"due_at": command.send_from, "attempts": 0, "waits_for_sources": waits}
    outbox = {channel: dict(entry) for channel in command.channels}
    return Fact(COMPOSED, data, context.now, area=command.area, outbox=outbox)


def _accept(command: Accept, context: Context) -> Fact:
    return _end(ACCEPTED, command, context)


def _overtake(command: Overtake, context: Context) -> Fact:
    return _end(OVERTAKEN, command, context)


def _end(event_type: str, command: Accept | Overtake, context: Context) -> Fact:
    data = {"recipient": command.recipient, "digest_id": command.digest_id, **_name(command.channel)}
    return Fact(event_type, data, context.now, causation_id=command.digest_id)


_DECIDE: Mapping[type, Callable[[Any, Context], Fact]] = {Compose: _compose, Accept: _accept, Overtake: _overtake}


def _evolve(state: None, event: Event) -> None:
    """A digest's stream holds how it ended on each channel; nothing else is decided on it."""


AGGREGATE: Aggregate[None] = Aggregate(kind="mail", initial=None, decide=decide, evolve=_evolve)
