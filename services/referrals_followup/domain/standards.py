"""Practice standards as data: what a step is, once it has been compiled from a pack.

A step is one expectation about one thread with one due date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.scene import Scene
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event, to_text
from shared.kernel.time import Offset, london_date

Predicate = Callable[[Event, Scene], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which events count: a type, conditions on it, and whether they carry the thread or only concern its people."""

    event: str
    when: tuple[Predicate, ...] = ()
    via_person: bool = False

    def matches(self, event: Event, scene: Scene) -> bool:
        return event.type == self.event and all(predicate(event, scene) for predicate in self.when)

    def candidates(self, scene: Scene) -> tuple[Event, ...]:
        """The standing events it may match."""
        return scene.standing if self.via_person else scene.own_standing


@dataclass(frozen=True, slots=True)
class Count:
    """`n` matching events within so many days; an episode takes in every further one until its review is recorded."""

    n: int
    of: tuple[Matcher, ...]
    within_days: int


@dataclass(frozen=True, slots=True)
class Computed:
    """A due date with what it rests on. `gap` names an input that is missing; `at` is None when nothing can be said."""

    at: datetime | None
    skipped: tuple[tuple[date, str], ...] = ()
    because: str = ""
    gap: str | None = None


Value = Callable[[Event, Scene], Any]
DueRule = Callable[[Event, Scene, WorkingCalendar], Computed]


@dataclass(frozen=True, slots=True)
class LadderRung:
    """A rung as the pack states it: an offset from the due date, or from the opening."""

    name: str
    to: tuple[str, ...]
    after: Offset | None
    from_opening: bool
    urgent: bool
    repeat: Offset | None


@dataclass(frozen=True, slots=True)
class Step:
    """One expectation. `text` is what people read: title, expects, basis, source, confidence, the due rule in words."""

    id: str
    standard: str
    thread: str
    opens_on: tuple[Matcher, ...]
    counted: Count | None
    due: DueRule
    met_by: tuple[Matcher, ...]
    ended_by: tuple[Matcher, ...]
    recurs: bool
    urgent_when: tuple[Predicate, ...]
    owner: Callable[[Event, Scene], Owner]
    receiver_role: Value
    receiver_team: Value
    ladder: tuple[LadderRung, ...]
    fallback: str | None
    visible: DueRule | None
    applies_from: date
    text: Mapping[str, str]
    content: Mapping[str, Any]

    def opened_by(self, event: Event, scene: Scene) -> bool:
        """Whether this event, which carries the scene's thread, opens the step."""
        return any(matcher.matches(event, scene) for matcher in self.opens_on)


def is_inherited(step: Step, opening: Event) -> bool:
    """Whether the opening lies before the day from which the step applies in its area."""
    return london_date(opening.occurred_at) < step.applies_from


def explained(computed: Computed, opening: Event, are_holidays_known: bool) -> dict[str, Any]:
    """The due date's reasons, for people: the rule in words, the clock's start, the days that did not count, and
    whether the bank holidays of the year it falls in are known yet."""
    return {
        "rule": computed.because,
        "clock_started": to_text(opening.occurred_at),
        "precision": opening.precision,
        "skipped": [f"{day.isoformat()} ({why})" for day, why in computed.skipped],
        "holidays_known": are_holidays_known,
    }
