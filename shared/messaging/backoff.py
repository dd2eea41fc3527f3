"""How long to wait before the next attempt: twice as long each time, up to a limit. Real seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

RETRY_AFTER = (timedelta(seconds=5), timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1))
"""The waits before each new attempt; the last one repeats until the attempt succeeds."""


def next_try(now: datetime, failures: int) -> datetime:
    """When to try again after this failure and `failures` earlier ones."""
    return now + RETRY_AFTER[min(failures, len(RETRY_AFTER) - 1)]


class Backoff:
    """The waits of one loop, from `first` to `most` seconds."""

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._next = first

    def next(self) -> float:
        """The seconds to wait now; the next wait is longer."""
        wait, self._next = self._next, min(self._next * 2, self._most)
        return wait

    def reset(self) -> None:
        """Begin again with the shortest wait, after a success."""
        self._next = self._first
