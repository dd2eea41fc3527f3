"""How long to wait before trying again: twice as long each time, up to a cap. Real seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

RETRY_AFTER = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""The waits before each new try of what is kept until it succeeds, however long that takes; the last one repeats."""


def next_try(now: datetime, failures: int) -> datetime:
    """When to try again what has failed so often before this time."""
    return now + RETRY_AFTER[min(failures, len(RETRY_AFTER) - 1)]


class Backoff:
    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._next = first

    def next(self) -> float:
        """The seconds to wait now; the next answer is longer."""
        wait, self._next = self._next, min(self._next * 2, self._most)
        return wait

    def reset(self) -> None:
        """It worked: begin again with the shortest wait."""
        self._next = self._first
