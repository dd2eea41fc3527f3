"""Where a person lives by their recorded moves.

The event store itself is read, so a move, or its retraction, counts from the next request on.
"""

from __future__ import annotations

from services.perinatal.domain import move
from shared.events.store import EventStore
from shared.recording.standing import LivesIn

MOVED = "household.moved.v1"


def lives_in(store: EventStore) -> LivesIn:
    """The function that finds where a person lives. Creates the index that it uses."""
    store.index_of(MOVED, "people")

    def areas(person_id: str) -> set[str]:
        return move.areas_after(
            move.AGGREGATE.fold(store.load(stream)) for stream in store.naming(MOVED, "people", person_id)
        )

    return areas
