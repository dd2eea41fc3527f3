"""SIGTERM and SIGINT, the same for every role: finish the work in hand, take on nothing more, end within ten seconds.

If something hangs, such as a store that does not answer, the work in hand may never finish. Then the kernel ends the
process, and the next one repeats what was not acknowledged or not marked as done, as after any kill.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from threading import Event

GONE_WITHIN = 9.5
_asked = Event()


class Stopping(Exception):
    """This process was asked to stop. What it had in hand is done again by the next one."""


def go_on() -> None:
    """Raises Stopping once this process was asked to stop. Long work calls it between its parts."""
    if _asked.is_set():
        raise Stopping


def on_stop(stop: Callable[[], None]) -> None:
    """Calls `stop` at each of the two signals. SIGALRM ends the process 9.5 s after the first of them in any case."""

    def handle(*_: object) -> None:
        if not any(signal.getitimer(signal.ITIMER_REAL)):
            signal.setitimer(signal.ITIMER_REAL, GONE_WITHIN)
        _asked.set()
        stop()

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
