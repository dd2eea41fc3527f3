"""How long to wait before trying again: twice as long each time, up to a cap. Real seconds."""

from __future__ import annotations


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
