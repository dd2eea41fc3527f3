"""Whose hand it takes: rules that say, of an entry by somebody in the circle, whether it may lower follow-ups. Pure.

An entry that its rule turns down is recorded as a claim. So it raises alarms, and lowers nothing until it is confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event


class ListedTeam(Protocol):
    """A team of the directory. `role` is what its members act as, `services` what is referred to it."""

    @property
    def area(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def services(self) -> Collection[str]: ...
    @property
    def manager(self) -> str: ...


class ListedWorker(Protocol):
    """A worker of the directory."""

    @property
    def posts(self) -> Collection[tuple[str, str]]: ...
    @property
    def teams(self) -> Collection[str]: ...


class Listed(Protocol):
    """Who works where."""

    def team(self, name: str | None) -> ListedTeam | None: ...
    def worker(self, name: str | None) -> ListedWorker | None: ...


@dataclass(frozen=True, slots=True)
class Hand:
    """An entry and whoever makes it. `history` and `state` are those of its record before it.

    `is_there` says of an area whether the person's record belongs to it, or the person lives there. `find` gives the
    events of another record, `private` is the private part of the entry.
    """

    event: Event
    history: Sequence[Event]
    state: Any
    actor: Actor
    is_there: Callable[[str], bool]
    directory: Listed
    find: Callable[[str], Sequence[Event]]
    private: Mapping[str, Any] = field(default_factory=dict)


HandRule = Callable[[Hand], bool]
HandRules = Mapping[str, HandRule]
"""By type of event, whether the entry may lower follow-ups."""
