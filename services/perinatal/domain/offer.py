"""Help that was offered to somebody, and what happened then. A refusal or a "not yet" does not end the offer.

An end has a reason and a manager's name. The person's own words stay private. The fact that they were asked is
published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.kernel.decisions import Context
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, invalid, record_of, states

ANSWERED = states("made", "accepted", "declined", "deferred", "fallback_started")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(RecordState):
    """`what` is the help that was offered, even if something else was started instead."""

    what: str | None = None


def _made(state: Offer, command: BeginRecord | AppendEntry, context: Context) -> Mapping[str, Any]:
    what = command.data.get("what", state.what)
    if state.what not in (None, what):
        raise invalid("another-offer", "what is offered again is the same", what="is another thing: begin a new offer")
    return {"what": what}


def _ended(state: Offer, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return {"view_given": "persons_view" in command.private}


ROWS = {
    "offer.made.v1": Row(ANSWERED, "made", _made, begins=True, sets=("what",)),
    "offer.accepted.v1": Row(ANSWERED, "accepted"),
    "offer.declined.v1": Row(ANSWERED, "declined"),
    "offer.deferred.v1": Row(ANSWERED, "deferred"),
    "offer.fallback_started.v1": Row(states("made", "declined", "deferred"), "fallback_started"),
    "offer.ended.v1": Row(ANSWERED, "ended", _ended),
}

AGGREGATE = record_of("offer", ROWS, Offer())
