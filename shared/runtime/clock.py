"""Domain time. Every process takes it from one clock, as aware UTC instants in milliseconds.

Tokens, leases and retry delays use real time instead.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.kernel.envelope import from_text, to_ms, to_text


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        return to_ms(datetime.now(UTC))


class ReplayClock:
    """The instant written in a file that all processes of a local stack read. It moves only when `set`."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def now(self) -> datetime:
        """Raises ValueError when the file does not hold one RFC 3339 instant, OSError when it cannot be read."""
        return from_text(self.path.read_text(encoding="ascii").strip())

    def set(self, instant: datetime) -> None:
        """Replaces the file in one step: a reader sees the old instant or the new one."""
        written = self.path.with_name(f"{self.path.name}.{os.getpid()}.new")
        written.write_text(to_text(instant) + "\n", encoding="ascii")
        written.replace(self.path)


class MovableClock:
    """A clock for tests: stands still until it is set or advanced."""

    def __init__(self, now: datetime) -> None:
        self.set(now)

    def now(self) -> datetime:
        return self._now

    def set(self, instant: datetime) -> None:
        self._now = to_ms(instant)

    def advance(self, by: timedelta = timedelta(), **units: float) -> None:
        """Moves on by a timedelta, or by units as timedelta takes them: `advance(days=2)`."""
        self.set(self._now + by + timedelta(**units))
