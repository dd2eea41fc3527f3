"""Makes follow-ups from a batch of messages: keeps the evidence, folds its threads, and only then reports it as done.

Guarantees: a message is done when it is kept on a majority and every view that it affects is written. If the process is
killed in between and the message is delivered again, the result is the same. A message that cannot be read is parked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, Done, Outcome, read_event
from shared.relay.position import POSITION


class Ingest:
    """Takes in events. `listeners` are called by event type, after the events of the batch are folded."""

    def __init__(
        self, evidence: EvidenceStore, views: FollowUpViews, listeners: Mapping[str, Callable[[Event], None]]
    ) -> None:
        self._evidence = evidence
        self._views = views
        self._listeners = listeners

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """The outcome of each delivery. Raises when the store cannot be reached. Then nothing is acknowledged."""
        read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
        received = [event for event in read if isinstance(event, Event)]
        events = [event for event in received if event.type != POSITION]
        positions = [event for event in received if event.type == POSITION]
        self._views.refresh_for(self._evidence.keep(events))
        self._evidence.note_positions(positions)
        for event in (*positions, *events):
            if event.type in self._listeners:
                self._listeners[event.type](event)
        return [Done() if isinstance(event, Event) else event for event in read]
