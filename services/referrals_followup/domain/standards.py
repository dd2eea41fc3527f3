"""Practice standards as data: what a step is, once it has been compiled from a pack.

A step is one expectation about one thread with one due date.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.thread_history import ThreadHistory, last_moment_of
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event, to_text
from shared.kernel.time import Offset, due, london_date

Predicate = Callable[[Event, ThreadHistory], bool]


# What a loss or a death does to a step. `ends`: it ends. `continues`: it goes on unless the person it is about died.
# `never-ends`: it goes on in any case.
ENDS, CONTINUES, NEVER_ENDS = "ends", "continues", "never-ends"
# What opens a step: whatever entry without standing would lower an open follow-up.
ANY_CLAIM = "any_claim"
# The thread of a step that applies to every kind of thread.
ANY_THREAD = "any"

OWN, PERSON, PEOPLE, SIBLINGS, HOUSEHOLD = "own", "person", "people", "siblings", "household"
VIA = (PERSON, PEOPLE, SIBLINGS, HOUSEHOLD)


@dataclass(frozen=True, slots=True)
class Reading:
    """A type of event that a rule looks at, and whose: the thread's own, or those about some people (see `Matcher`)."""

    event: str
    via: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which events count: a type, conditions on it, and how they belong to the thread.

    `via` is one of: own, the events that carry the thread; person, those about the person whom the thread is about;
    people, those about anybody whom its events name; siblings, those about an older child of the parents of the
    pregnancy; household, those about the person of the thread or anybody of their household. For a closing event,
    `agrees` maps its fields to fields of the opening: the values must agree, or the closing's list must hold the
    opening's value; a missing value agrees. With `by_another` somebody other than the opener must record it. With
    `names_opening` it must name the very event that opened. What it ends starts again with the first later event that
    one of `until` matches.
    """

    event: str
    when: tuple[Predicate, ...] = ()
    via: str = OWN
    agrees: tuple[tuple[str, str], ...] = ()
    by_another: bool = False
    names_opening: bool = False
    until: tuple[Matcher, ...] = ()

    def matches(self, event: Event, history: ThreadHistory) -> bool:
        return event.type == self.event and self._belongs(event, history) and self.holds(event, history)

    def closes(self, event: Event, opening: Event, history: ThreadHistory) -> bool:
        """Whether it matches, and is about the same thing as the opening."""
        if self.by_another and event.actor == opening.actor:
            return False
        if self.names_opening and event.data.get("event_id") != opening.id:
            return False
        if event.id in history.ends_of_joined and self.via == OWN:
            return event.type == self.event and self._agrees(event, opening, history) and self.holds(event, history)
        return self._agrees(event, opening, history) and self.matches(event, history)

    def _agrees(self, event: Event, opening: Event, history: ThreadHistory) -> bool:
        for closing_field, opening_field in self.agrees:
            here, there = event.data.get(closing_field), opening.data.get(opening_field)
            named = {history.person(str(one)) for one in (here if isinstance(here, list) else [here])}
            if here is not None and there is not None and history.person(str(there)) not in named:
                return False
        return True

    def holds(self, event: Event, history: ThreadHistory) -> bool:
        return all(predicate(event, history) for predicate in self.when)

    def _belongs(self, event: Event, history: ThreadHistory) -> bool:
        if self.via == OWN:
            return event.id in history.own_ids
        if self.via == PERSON:
            return any(history.is_about(event, person) for person in history.subjects)
        if self.via == HOUSEHOLD:
            return any(history.is_about(event, person) for person in history.household)
        return (event.id in history.of_siblings) == (self.via == SIBLINGS)


@dataclass(frozen=True, slots=True)
class Count:
    """An episode opens with so many matching events within so many days and none of `reset_by` between them.

    It takes in every further event of its area until its review is recorded. With `once_per_record` each record counts
    once. What a review of `emptied_by` read counts no longer. `thresholds` has the counts, each with its days; one of
    them is enough. Any number of notices of one event is one: these have the same group, kind and day.
    """

    thresholds: tuple[tuple[int, int], ...]
    of: tuple[Matcher, ...]
    reset_by: tuple[Matcher, ...] = ()
    once_per_record: bool = False
    emptied_by: tuple[Matcher, ...] = ()

    @property
    def tells_growth(self) -> bool:
        """Whether one more sign is told again: signs about a household add up to a pattern, sessions do not."""
        return any(matcher.via == HOUSEHOLD for matcher in self.of)


@dataclass(frozen=True, slots=True)
class Computed:
    """A due date and what it rests on. `gap` names a missing input; `at` is None when no date can be computed."""

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
    """One expectation. `text` holds what people read: title, expects, basis, source, confidence, due rule in words.

    One that is `opened_by_claims` asks the owner of each follow-up that an entry without standing would lower.
    `holds` is for how long a claimed death holds the chases of the routine follow-ups that it would end.
    An opening that becomes known later than `listed_after` is listed and not chased.
    One that is `guarded` is about harm. Routine reasons never end it, nor does anybody whose own work it judges.
    """

    id: str
    standard: str
    thread: str
    opens_on: tuple[Matcher, ...]
    counted: Count | None
    for_each_open: bool
    opened_by_claims: bool
    holds: Offset | None
    met_by_acceptance: bool
    guarded: bool
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
    listed_after: Offset | None
    after_loss: str
    text: Mapping[str, str]
    content: Mapping[str, Any]

    def opened_by(self, event: Event, history: ThreadHistory) -> bool:
        """Whether this event opens the step about the thread of this history."""
        return any(matcher.matches(event, history) for matcher in self.opens_on)


def is_inherited(step: Step, opening: Event, calendar: WorkingCalendar) -> bool:
    """Whether the opening happened before the day from which the step applies in its area, or became known so late that
    nobody makes up for it."""
    if london_date(opening.occurred_at) < step.applies_from:
        return True
    if step.listed_after is None:
        return False
    return opening.recorded_at > due(step.listed_after, last_moment_of(opening), "minute", calendar).at


def explain(computed: Computed, opening: Event, are_holidays_known: bool) -> dict[str, Any]:
    """The reasons for a due date: the rule in words, when the clock started, which days did not count, and whether the
    bank holidays of its year are known yet."""
    return {
        "rule": computed.because,
        "clock_started": to_text(opening.occurred_at),
        "precision": opening.precision,
        "skipped": [f"{day.isoformat()} ({why})" for day, why in computed.skipped],
        "holidays_known": are_holidays_known,
    }
