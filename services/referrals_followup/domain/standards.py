"""Practice standards as data: what a step is, once it has been compiled from a pack.

A step is one expectation about one thread with one due date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.thread_history import ThreadHistory
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event, to_text
from shared.kernel.time import Offset, london_date

Predicate = Callable[[Event, ThreadHistory], bool]


# What a loss or a death means for a step: it ends; it goes on, unless the person themselves died; or it never ends so.
ENDS, CONTINUES, NEVER_ENDS = "ends", "continues", "never-ends"
# A step about every kind of thread.
ANY_THREAD = "any"

OWN, PERSON, PEOPLE, SIBLINGS = "own", "person", "people", "siblings"
VIA = (PERSON, PEOPLE, SIBLINGS)


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which events count: a type, conditions on it, and how they belong to the thread.

    `via` own: they carry it; person: they are about whom it is about; people: about anybody that its events name;
    siblings: about a child born before to the parents of the pregnancy that the thread is.
    Of what closes: `agrees` maps its fields to those of the opening that they have to be, or be among, unless it leaves
    them out; `by_another`: somebody else than who opened has to record it.
    """

    event: str
    when: tuple[Predicate, ...] = ()
    via: str = OWN
    agrees: tuple[tuple[str, str], ...] = ()
    by_another: bool = False

    def matches(self, event: Event, scene: ThreadHistory) -> bool:
        return event.type == self.event and self._belongs(event, scene) and self.holds(event, scene)

    def closes(self, event: Event, opening: Event, scene: ThreadHistory) -> bool:
        """Whether it matches, and is about the same thing as the opening."""
        if self.by_another and event.actor == opening.actor:
            return False
        return self._agrees(event, opening, scene) and self.matches(event, scene)

    def _agrees(self, event: Event, opening: Event, scene: ThreadHistory) -> bool:
        for said, asked in self.agrees:
            here, there = event.data.get(said), opening.data.get(asked)
            named = {scene.person(str(one)) for one in (here if isinstance(here, list) else [here])}
            if here is not None and there is not None and scene.person(str(there)) not in named:
                return False
        return True

    def holds(self, event: Event, scene: ThreadHistory) -> bool:
        return all(predicate(event, scene) for predicate in self.when)

    def _belongs(self, event: Event, scene: ThreadHistory) -> bool:
        if self.via == OWN:
            return event.id in scene.own_ids
        if self.via == PERSON:
            return any(scene.is_about(event, person) for person in scene.subjects)
        return (event.id in scene.of_siblings) == (self.via == SIBLINGS)


@dataclass(frozen=True, slots=True)
class Count:
    """`n` matching events within so many days, none of `reset_by` between them; an episode takes in every further one
    of its area until its review is recorded. `once_per_record`: what one record says again is nothing more."""

    n: int
    of: tuple[Matcher, ...]
    within_days: int
    reset_by: tuple[Matcher, ...] = ()
    once_per_record: bool = False


@dataclass(frozen=True, slots=True)
class Computed:
    """A due date with what it rests on. `gap` names an input that is missing; `at` is None when nothing can be said."""

    at: datetime | None
    skipped: tuple[tuple[date, str], ...] = ()
    because: str = ""
    gap: str | None = None


Value = Callable[[Event, ThreadHistory], Any]
DueRule = Callable[[Event, ThreadHistory, WorkingCalendar], Computed]


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
    for_each_open: bool
    met_by_acceptance: bool
    due: DueRule
    met_by: tuple[Matcher, ...]
    ended_by: tuple[Matcher, ...]
    recurs: bool
    urgent_when: tuple[Predicate, ...]
    owner: Callable[[Event, ThreadHistory], Owner]
    receiver_role: Value
    receiver_team: Value
    ladder: tuple[LadderRung, ...]
    fallback: str | None
    visible: DueRule | None
    applies_from: date
    after_loss: str
    text: Mapping[str, str]
    content: Mapping[str, Any]

    def opened_by(self, event: Event, scene: ThreadHistory) -> bool:
        """Whether this event opens the step about the scene's thread."""
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
