"""Help that was offered to somebody, and what became of it. A refusal or a "not yet" ends nothing.

It ends with a reason and a manager's name; the person's own words stay private, that they were asked does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.kernel.decisions import Context
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, invalid, record_of, states

ANSWERED = states("made", "accepted", "declined", "deferred", "fallback_started")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(RecordState):
    """`what` was offered, whatever has been started instead."""

    what: str | None = None


def _made(state: Offer, command: BeginRecord | AppendEntry, context: Context) -> Mapping[str, Any]:
    what = command.data.get("what", state.what)
    if state.what not in (None, what):
        raise invalid("another-offer", "what is offered again is the same", what="is another thing: begin a new offer")
    return {"what": what}


def _ended(state: Offer, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return {"view_given": "persons_view" in command.private}


def _with_what(state: Offer, event: Event) -> Offer:
    return replace(state, what=event.data["what"])


ROWS = {
    "offer.made.v1": Row(ANSWERED, "made", _made, begins=True),
    "offer.accepted.v1": Row(ANSWERED, "accepted"),
    "offer.declined.v1": Row(ANSWERED, "declined"),
    "offer.deferred.v1": Row(ANSWERED, "deferred"),
    "offer.fallback_started.v1": Row(states("made", "declined", "deferred"), "fallback_started"),
    "offer.ended.v1": Row(ANSWERED, "ended", _ended),
}

AGGREGATE = record_of("offer", ROWS, initial=Offer(), also={"offer.made.v1": _with_what})
