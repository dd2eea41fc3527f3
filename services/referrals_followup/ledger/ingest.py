"""Makes follow-ups from a batch of messages: keeps the evidence, folds its threads, and only then reports it as done.

Guarantees: a message is done when it is kept on a majority and every view that it affects is written. If the process is
killed in between and the message is delivered again, the result is the same. A message that cannot be read is parked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.overlap import store_beside
from services.referrals_followup.ledger.views import FollowUpViews
from shared.contracts import CATALOGUE
from shared.kernel.chunks import chunks
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, Done, Later, Outcome, Park, read_event
from shared.relay.position import POSITION

DELIVERIES_AT_A_TIME = 1_000


class Ingest:
    """Takes in events. After a batch is folded, each event is given to `hear`, and to the listener of its type."""

    def __init__(
        self,
        evidence: EvidenceStore,
        views: FollowUpViews,
        listeners: Mapping[str, Callable[[Event], None]],
        hear: Callable[[Event], None] = lambda event: None,
    ) -> None:
        self._evidence = evidence
        self._views = views
        self._listeners = listeners
        self._hear = hear

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """The outcome of each delivery. Raises when the store cannot be reached. Then nothing is acknowledged."""
        read, kept = self._read_and_keep(deliveries)
        self._views.refresh_for(kept)
        positions = [event for event in read if isinstance(event, Event) and event.type == POSITION]
        self._evidence.note_positions(positions)
        for item in kept:
            self._hear(item.event)
        for event in (*positions, *(item.event for item in kept)):
            if event.type in self._listeners:
                self._listeners[event.type](event)
        return [Done() if isinstance(event, Event) else event for event in read]

    def _read_and_keep(self, deliveries: list[Delivery]) -> tuple[list[Event | Park | Later], list[Evidence]]:
        """What each delivery holds, and the evidence among it, which is kept. A large batch is kept in parts."""
        read: list[Event | Park | Later] = []
        kept: list[Evidence] = []

        def read_some(some: list[Delivery]) -> list[Event]:
            found = [read_event(delivery, CATALOGUE) for delivery in some]
            read.extend(found)
            return [event for event in found if isinstance(event, Event) and event.type != POSITION]

        def keep(events: list[Event]) -> None:
            kept.extend(self._evidence.keep(events))

        if len(deliveries) > DELIVERIES_AT_A_TIME:
            store_beside(map(read_some, chunks(deliveries, DELIVERIES_AT_A_TIME)), keep)
        else:
            keep(read_some(deliveries))
        return read, kept
