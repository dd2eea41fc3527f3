"""What the ledger knows when it looks at one thread: its own events, and those about the people they name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event
from shared.kernel.time import span


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event of any service with every thing that it names, as `<kind>/<id>`."""

    event: Event
    refs: frozenset[str]


def order_key(event: Event) -> tuple[Any, ...]:
    """The order in which things happened; the same for every worker, whatever order they arrived in."""
    return (event.occurred_at, event.recorded_at, event.stream, event.version, event.id)


class Scene:
    """What the ledger knows when it looks at one thread: its own events, and those about the people they name."""

    def __init__(self, thread: str, evidence: Iterable[Evidence]) -> None:
        known = {item.event.id: item for item in evidence}
        ordered = sorted(known.values(), key=lambda item: order_key(item.event))
        self.thread = thread
        self.kind = thread.partition("/")[0]
        self.retracted_by: dict[str, Event] = {
            item.event.data["event_id"]: item.event for item in reversed(ordered) if item.event.type == RETRACTION
        }
        self.everything = tuple(item.event for item in ordered)
        self.own = tuple(item.event for item in ordered if thread in item.refs and not self._is_act(item.event))
        self.acts = tuple(item.event for item in ordered if thread in item.refs and self._is_act(item.event))
        self.acted_on = frozenset(event.data["follow_up_id"] for event in self.acts)
        self.standing = tuple(event for event in self.everything if not self._is_struck(event))
        self.own_standing = tuple(event for event in self.own if not self._is_struck(event))

    def _is_struck(self, event: Event) -> bool:
        retraction = self.retracted_by.get(event.id)
        return retraction is not None and retraction.stream == event.stream

    @staticmethod
    def _is_act(event: Event) -> bool:
        return event.stream.startswith("follow-up/")

    def retraction_of(self, event: Event) -> Event | None:
        """The event that struck this one out, if any."""
        return self.retracted_by[event.id] if self._is_struck(event) else None


def happened_before(event: Event, opening: Event) -> bool:
    """Whether the event is over before the opening began. On one stream the order of recording decides."""
    if event.stream == opening.stream:
        return event.version < opening.version
    return span(event.occurred_at, event.precision)[1] < span(opening.occurred_at, opening.precision)[0]
