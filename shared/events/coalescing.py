"""Concurrent calls that are answered together: calls that come while a group is being answered form the next group.

Works under threads and under eventlet alike (it uses `threading`, which eventlet replaces).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Argument = TypeVar("Argument")
Result = TypeVar("Result")

MOST = 500


class _Ticket(Generic[Argument, Result]):
    """One call. It holds `turn` until it has to lead a group, or has its result.

    A lock costs a fraction of an event, and each ticket would use its event only once.
    """

    __slots__ = ("argument", "result", "settled", "turn")

    def __init__(self, argument: Argument) -> None:
        self.argument = argument
        self.turn = threading.Lock()
        self.turn.acquire()
        self.settled = False
        self.result: Result | Exception | None = None


class Coalescer(Generic[Argument, Result]):
    """Answers concurrent calls in groups.

    `act` is given the arguments of a group and returns a result for each, or the error that this call is to raise. It
    begins after every call of its group has been made. With `apart`, a group never has two arguments for which `apart`
    gives the same value. The first caller leads one group, then the next caller that waits. If `act` raises, the leader
    raises the same error and the other callers raise what `lost` makes.
    """

    def __init__(
        self,
        act: Callable[[list[Argument]], Sequence[Result | Exception]],
        *,
        lost: Callable[[], Exception],
        apart: Callable[[Argument], Hashable] | None = None,
        most: int = MOST,
    ) -> None:
        self._act = act
        self._apart = apart
        self._lost = lost
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Argument, Result]] = deque()
        self._led = False

    def call(self, argument: Argument) -> Result:
        """Return the result for this argument, or raise its error."""
        ticket: _Ticket[Argument, Result] = _Ticket(argument)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.turn.acquire()
        if not ticket.settled:
            self._lead()
        if isinstance(ticket.result, Exception):
            raise ticket.result
        return ticket.result  # type: ignore[return-value]

    def _lead(self) -> None:
        group: list[_Ticket[Argument, Result]] = []
        try:
            with self._lock:
                group = self._next_group()
            self._answer(group)
        finally:
            with self._lock:
                for ticket in group:
                    ticket.settled = True
                    ticket.turn.release()
                if self._waiting:
                    self._waiting[0].turn.release()
                else:
                    self._led = False

    def _next_group(self) -> list[_Ticket[Argument, Result]]:
        group: list[_Ticket[Argument, Result]] = []
        later: list[_Ticket[Argument, Result]] = []
        taken: set[Hashable] = set()
        while self._waiting and len(group) < self._most:
            ticket = self._waiting.popleft()
            of = self._apart(ticket.argument) if self._apart else ticket
            (later if of in taken else group).append(ticket)
            taken.add(of)
        self._waiting.extendleft(reversed(later))
        return group

    def _answer(self, group: list[_Ticket[Argument, Result]]) -> None:
        results: Sequence[Result | Exception] | None = None
        try:
            results = self._act([ticket.argument for ticket in group])
        finally:
            for number, ticket in enumerate(group):
                ticket.result = self._lost() if results is None else results[number]
