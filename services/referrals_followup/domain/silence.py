"""A silent source: nobody is chased on the evidence of a source whose position stands still, so its silence is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.kernel.decisions import Aggregate, Context, Fact
from shared.kernel.envelope import Event, to_text

FELL_SILENT = "source.fell_silent.v1"
TOLERATED = timedelta(minutes=5)


def find_silent(complete_until: Mapping[str, datetime | None], now: datetime) -> frozenset[str]:
    """The sources that have never reported a position, or whose position is older than five minutes."""
    return frozenset(service for service, until in complete_until.items() if until is None or now - until > TOLERATED)


def find_horizon(complete_until: Mapping[str, datetime | None], now: datetime) -> datetime | None:
    """The latest instant (UTC) up to which every source is complete: a sweep looks no later. None if one is unknown."""
    instants = [until for until in complete_until.values() if until is not None]
    return min([now, *instants]) if len(instants) == len(complete_until) else None


@dataclass(frozen=True, slots=True)
class TellOf:
    """Tell these people that the service of the stream has been silent since `complete_until` (None: always)."""

    complete_until: datetime | None
    recipients: tuple[str, ...]


def _decide(state: None, command: TellOf, context: Context) -> Fact:
    until = to_text(command.complete_until) if command.complete_until else None
    recipients = list(command.recipients)
    data = {"service": context.stream_id, "complete_until": until, "recipients": recipients}
    return Fact(FELL_SILENT, data, context.now, outbox={"mail_for": recipients})


def _evolve(state: None, event: Event) -> None:
    """No silence depends on an earlier one."""


AGGREGATE: Aggregate[None] = Aggregate(kind="source", initial=None, decide=_decide, evolve=_evolve)
