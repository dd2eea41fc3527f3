"""Where somebody has come to live: the areas to which a standing entry says that they moved.

Read from the event store itself, so a move counts, and ceases to count when it is retracted, from the next request on.
"""

from __future__ import annotations

from services.perinatal.domain import move
from shared.events.store import EventStore
from shared.web.records import LivesIn

MOVED = "household.moved.v1"


def lives_in(store: EventStore) -> LivesIn:
    """What answers in which areas a person lives by their moves; makes sure of the index that it asks."""
    store.index_of(MOVED, "people")

    def areas(person_id: str) -> set[str]:
        moves = [move.AGGREGATE.fold(store.load(stream)) for stream in store.naming(MOVED, "people", person_id)]
        return {found.to_area for found in moves if found.status is not None and found.to_area}

    return areas
