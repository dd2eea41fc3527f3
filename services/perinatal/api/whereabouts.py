"""Where somebody has come to live: the area to which the last standing move that counts says that they moved.

A move that only the new area tells of does not count until the area that was left says something of it too, or the
handover is acknowledged with the name of who gave it: nobody lets themselves in, or shuts others out, by their own
word. Only back where they came from does that word end a stay.

Read from the event store itself, so a move counts, and ceases to count when it is retracted, from the next request on.
"""

from __future__ import annotations

from collections.abc import Iterable

from services.perinatal.domain import move
from shared.events.store import EventStore
from shared.recording.records import LivesIn

MOVED = "household.moved.v1"


def lives_in(store: EventStore) -> LivesIn:
    """What answers in which area a person lives by their moves; makes sure of the index that it asks."""
    store.index_of(MOVED, "people")

    def areas(person_id: str) -> set[str]:
        return area_after(
            move.AGGREGATE.fold(store.load(stream)) for stream in store.naming(MOVED, "people", person_id)
        )

    return areas


def area_after(moves: Iterable[move.Move]) -> set[str]:
    """The area where somebody lives after these moves; none where they lived before them, for all that is known."""
    lives: set[str] = set()
    left: set[str | None] = set()
    for found in sorted((one for one in moves if one.status), key=lambda one: one.moved_at):
        if found.to_area and found.is_agreed:
            lives = {found.to_area}
            left.add(found.from_area)
        elif found.to_area in left:
            lives = set()
    return lives
