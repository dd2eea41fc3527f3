"""Kills processes of a stack with SIGKILL, at moments of a replay that a seed chooses."""

from __future__ import annotations

import random
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Self

from deploy.local.stack import LocalStack

LATEST_SECONDS = 0.15
WITHIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kill:
    """The kill of `name`, so many seconds after the replay has begun this day."""

    on: date
    after: float
    name: str


def plan_kills(
    names: Sequence[str], eventful: Sequence[date], every: Sequence[date], seed: int, rounds: int
) -> list[Kill]:
    """The plan: each process dies on an eventful day, and once more on any day in each further round."""
    chance = random.Random(seed)
    return sorted(
        (
            Kill(chance.choice(days), chance.uniform(0, LATEST_SECONDS), name)
            for days in [eventful, *[every] * (rounds - 1)]
            for name in names
        ),
        key=lambda kill: (kill.on, kill.after),
    )


class Killer:
    """Carries out a plan in a thread, day by day, as `day_begins` is called. `killed` lists the kills."""

    def __init__(self, stack: LocalStack, plan: Sequence[Kill]) -> None:
        self._stack = stack
        self._plan: dict[date, list[Kill]] = defaultdict(list)
        for kill in plan:
            self._plan[kill.on].append(kill)
        self._ending = threading.Event()
        self._thread: threading.Thread | None = None
        self.killed: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is not None:
            self._ending.set()
        self._finish_the_day()

    def day_begins(self, day: date) -> None:
        """Waits for the kills of the day before, so that the days do not run away from the killer."""
        self._finish_the_day()
        self._thread = threading.Thread(target=self._run, args=(self._plan[day],))
        self._thread.start()

    def _finish_the_day(self) -> None:
        if self._thread is not None:
            self._thread.join(WITHIN_SECONDS)
            assert not self._thread.is_alive(), "a process that was killed has not come back to be killed again"

    def _run(self, kills: Sequence[Kill]) -> None:
        waited = 0.0
        for kill in kills:
            self._ending.wait(kill.after - waited)
            waited = kill.after
            self._kill(kill.name)

    def _kill(self, name: str) -> None:
        """Kills the process. If it is being started again, kills it as soon as it lives."""
        while not self._ending.is_set():
            try:
                self._stack.kill(name)
            except ProcessLookupError:
                self._ending.wait(0.02)
            else:
                self.killed.append(name)
                return
