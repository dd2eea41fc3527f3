"""Concurrent calls that share one: whoever comes while a group is under way goes with the next.

Works under threads and under eventlet alike (it uses `threading`, which eventlet replaces).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Asked = TypeVar("Asked")
Told = TypeVar("Told")

MOST = 500


class _Ticket(Generic[Asked, Told]):
    """`turn` is held until it is this one's turn: to lead, or to go with what it was told. A lock costs a fraction of
    an event, of which each would be used once."""

    __slots__ = ("asked", "settled", "told", "turn")

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.turn = threading.Lock()
        self.turn.acquire()
        self.settled = False
        self.told: Told | Exception | None = None


class Coalescer(Generic[Asked, Told]):
    """Calls that are answered in groups by `act`, which begins after each of a group was asked, and gives for each what
    it is told, or the error that it is to raise. With `apart`, no two for which it gives the same are in one group.

    The first caller leads one group, then hands the lead to the next who waits. What `act` raises, the leader raises,
    and the others raise what `lost` makes.
    """

    def __init__(
        self,
        act: Callable[[list[Asked]], Sequence[Told | Exception]],
        *,
        lost: Callable[[], Exception],
        apart: Callable[[Asked], Hashable] | None = None,
        most: int = MOST,
    ) -> None:
        self._act = act
        self._apart = apart
        self._lost = lost
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Asked, Told]] = deque()
        self._led = False

    def ask(self, asked: Asked) -> Told:
        """Return what is told of it, or raise it."""
        ticket: _Ticket[Asked, Told] = _Ticket(asked)
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        if not leads:
            ticket.turn.acquire()
        if not ticket.settled:
            self._lead()
        if isinstance(ticket.told, Exception):
            raise ticket.told
        return ticket.told  # type: ignore[return-value]

    def _lead(self) -> None:
        group: list[_Ticket[Asked, Told]] = []
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

    def _next_group(self) -> list[_Ticket[Asked, Told]]:
        group: list[_Ticket[Asked, Told]] = []
        later: list[_Ticket[Asked, Told]] = []
        taken: set[Hashable] = set()
        while self._waiting and len(group) < self._most:
            ticket = self._waiting.popleft()
            of = self._apart(ticket.asked) if self._apart else ticket
            (later if of in taken else group).append(ticket)
            taken.add(of)
        self._waiting.extendleft(reversed(later))
        return group

    def _answer(self, group: list[_Ticket[Asked, Told]]) -> None:
        told: Sequence[Told | Exception] | None = None
        try:
            told = self._act([ticket.asked for ticket in group])
        finally:
            for number, ticket in enumerate(group):
                ticket.told = self._lost() if told is None else told[number]
