"""What could not be handled and is set aside: a message, a thread or a letter. Somebody is told of each one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from shared.kernel.decisions import Aggregate, Context, Fact
from shared.kernel.envelope import Event

STALLED = "work.stalled.v1"
MESSAGE, THREAD, LETTER = "message", "thread", "letter"
_LONGEST = 64


@dataclass(frozen=True, slots=True)
class TellOfStalled:
    """Tell these people that `what` (`<kind>/<id>`; a thread as it is named) is set aside, and why, in a code word."""

    kind: str
    what: str
    reason_code: str
    recipients: tuple[str, ...]


def reason_code(reason: str) -> str:
    """A reason, which names types and fields but never their values, as a code word."""
    return re.sub(r"[^a-z0-9]+", "-", reason.lower())[:_LONGEST].strip("-")


def _decide(state: None, command: TellOfStalled, context: Context) -> Fact:
    recipients = list(command.recipients)
    data = {
        "kind": command.kind,
        "what": command.what,
        "reason_code": command.reason_code,
        "recipients": recipients,
    }
    return Fact(STALLED, data, context.now, outbox={"mail_for": recipients})


def _evolve(state: None, event: Event) -> None:
    """Each telling stands for itself."""


AGGREGATE: Aggregate[None] = Aggregate(kind="stalled", initial=None, decide=_decide, evolve=_evolve)
