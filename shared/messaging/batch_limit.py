"""How many messages a batch may hold: as many as can be handled within twenty seconds of work.

The seconds bound how long a message waits for the batch before its own. A stop does not wait for a batch: it gives a
long one up between two parts.
"""

from __future__ import annotations

MOST = 20_000
SECONDS = 20.0
_GROWTH = 4


class BatchLimit:
    """The limit of the next batch. It follows from how long the batches before took, and is never above `most`."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.now = most

    def note(self, size: int, seconds: float) -> None:
        """Adjust the limit to a batch of this many messages, which took so many (real) seconds of work."""
        fits = min(self.most, max(1, int(size * SECONDS / max(seconds, 0.001))))
        if seconds > SECONDS:
            self.now = fits
        elif size >= self.now:
            self.now = min(fits, self.now * _GROWTH)
