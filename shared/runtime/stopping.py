"""SIGTERM and SIGINT, the same for every role: finish what is in hand, take on nothing more, be gone in ten seconds.

Where a part hangs (a store that answers no more, say), what is in hand may never finish. The kernel ends the process
then: what it had not acknowledged, or not marked as done, is done again by the next one, as after any kill.
"""

from __future__ import annotations

import signal
from collections.abc import Callable

GONE_WITHIN = 9.5


def on_stop(stop: Callable[[], None]) -> None:
    """Call `stop` at each of the two signals; 9.5 s after the first the process ends in any case, by SIGALRM."""

    def heard(*_: object) -> None:
        if not any(signal.getitimer(signal.ITIMER_REAL)):
            signal.setitimer(signal.ITIMER_REAL, GONE_WITHIN)
        stop()

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, heard)
