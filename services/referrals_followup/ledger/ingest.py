"""From a batch of messages to follow-ups: keep the evidence, fold what it touches, and only then call it done.

Guarantees: a message is done when it is kept on a majority and every view that it bears on is written; killed in
between and delivered again, it ends the same. What cannot be read is parked, and counts as heard. What a check found is
told to the operators, and at each sweep what lies parked, here or elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from services.referrals_followup.chasing import parked_work as stalled
from shared.checks.checker import FINISHED
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, Done, Outcome, read_event
from shared.relay.position import POSITION

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies


def hear(dependencies: Dependencies, deliveries: list[Delivery]) -> list[Outcome]:
    """The outcome of each delivery. Raises when the store cannot be reached; nothing is acknowledged then."""
    read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
    said = [event for event in read if isinstance(event, Event)]
    events = [event for event in said if event.type != POSITION]
    dependencies.evidence.keep(events)
    dependencies.views.refresh_for(events)
    dependencies.evidence.mark_folded(events)
    positions = [event for event in said if event.type == POSITION]
    dependencies.evidence.note_positions(positions)
    for position in positions:
        stalled.note_parked(dependencies, position)
    for event in events:
        if event.type == FINISHED:
            stalled.tell_of_findings(dependencies, event)
    return [Done() if isinstance(event, Event) else event for event in read]
