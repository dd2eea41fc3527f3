"""How many messages a batch may hold: as many as can be handled within five seconds of work.

A service that is asked to stop finishes its present batch, and it has ten seconds for that.
"""

from __future__ import annotations

MOST = 10_000
FIRST = 2_000
SECONDS = 5.0
_GROWTH = 4


class BatchLimit:
    """The limit of the next batch. It follows from how long the batches before took, and is never above `most`."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.now = min(FIRST, most)

    def note(self, size: int, seconds: float) -> None:
        """Adjust the limit to a batch of this many messages, which took so many (real) seconds of work."""
        fits = min(self.most, max(1, int(size * SECONDS / max(seconds, 0.001))))
        if seconds > SECONDS:
            self.now = fits
        elif size >= self.now:
            self.now = min(fits, self.now * _GROWTH)
