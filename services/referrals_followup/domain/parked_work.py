"""Parked work is what could not be handled: a message, a thread or a digest. People are told until it is handled.

The operators are told at once. They and the safeguarding leads are told after one working day, and again after each
further one. Each stream is one spell of being parked: what is parked again starts at the foot of the ladder. Of a
finding of a check the operators are told once in each spell.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Aggregate, Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.time import Offset, due

STALLED = "work.stalled.v1"
MESSAGE, THREAD, DIGEST, FINDING = "message", "thread", "letter", "finding"
AGAIN_AFTER = Offset(working_days=1)
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class TellOfStalled:
    """Tell of parked work and why it is parked. `what` is `<kind>/<id>`, or a thread's own name; `reason_code` is a
    code word."""

    kind: str
    what: str
    reason_code: str
    operators: tuple[str, ...]
    leads: tuple[str, ...]
    calendar: WorkingCalendar


def reason_code(reason: str) -> str:
    """A reason, which names types and fields but never their values, as a code word."""
    return re.sub(r"[^a-z0-9]+", "-", reason.lower())[:_LONGEST].strip("-")


def next_told_at(told_at: datetime, calendar: WorkingCalendar) -> datetime:
    """When (UTC) the next rung is owed after one told at `told_at`."""
    return due(AGAIN_AFTER, told_at, "minute", calendar).at


def _decide(told_at: datetime | None, command: TellOfStalled, context: Context) -> Fact:
    recipients = list(command.operators)
    if told_at is not None:
        if command.kind == FINDING or context.now < next_told_at(told_at, command.calendar):
            raise Refused("nothing-owed", "no rung is owed")
        recipients = list(dict.fromkeys([*command.operators, *command.leads]))
    data = {
        "kind": command.kind,
        "what": command.what,
        "reason_code": command.reason_code,
        "recipients": recipients,
    }
    return Fact(STALLED, data, context.now, outbox={"mail_for": recipients})


def _evolve(told_at: datetime | None, event: Event) -> datetime | None:
    """When somebody was last told."""
    return event.occurred_at


AGGREGATE: Aggregate[datetime | None] = Aggregate(kind="stalled", initial=None, decide=_decide, evolve=_evolve)
