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
    events of another record, `private` is the private part of the entry. `holds_record`: the actor's team began the
    record, took it on, or is named or addressed in it. `has_part` says of a person whether that team has a live part in
    their care beside this record, `is_on_side_of` whether it has one or registered them. `is_nobodys`: it is the
    person's own record, and no other team has a part.
    """

    event: Event
    history: Sequence[Event]
    state: Any
    actor: Actor
    is_there: Callable[[str], bool]
    directory: Listed
    find: Callable[[str], Sequence[Event]]
    private: Mapping[str, Any] = field(default_factory=dict)
    holds_record: Callable[[], bool] = field(kw_only=True)
    has_part: Callable[[str], bool] = field(kw_only=True)
    is_on_side_of: Callable[[str], bool] = field(kw_only=True)
    is_nobodys: Callable[[], bool] = field(kw_only=True)


HandRule = Callable[[Hand], bool]
HandRules = Mapping[str, HandRule]
"""By type of event, whether the entry may lower follow-ups."""


LEAD, SYSTEM = "safeguarding_lead", "system"


def of_the_record(hand: Hand) -> bool:
    """For the team that holds the record, or a safeguarding lead."""
    return hand.actor.role in (LEAD, SYSTEM) or hand.holds_record()


def of_the_person(hand: Hand) -> bool:
    """For a team with a part in the record or in the person's care. For anybody of the circle where no team has one."""
    person_id = hand.event.subject
    return of_the_record(hand) or (person_id is not None and hand.has_part(person_id)) or hand.is_nobodys()
