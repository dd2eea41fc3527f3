"""Which standards are in force where and when: packs are adopted, area packs override the national one.

An adopted pack stays in force until the next adoption. Adoptions are never deleted, so every old due date can be
explained.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

from services.referrals_followup.domain.compiling import compile_step, read_step
from services.referrals_followup.domain.standards import ANY_THREAD, OWN, Reading, Step
from services.referrals_followup.domain.thread_history import BEARS_ON_ALL, ThreadHistory
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event
from shared.kernel.time import Offset

NATIONAL = "england"
# What a calendar is adopted as. No area has this name.
CALENDAR = "calendar"
ANYWHERE = "*"
# Whose numbers count: of the area where the person lives that day, or of the area that keeps the record.
RESIDENCE, RECORD = "residence", "record"


@dataclass(frozen=True)
class Ruleset:
    """The steps in force in one area from one instant on, with the calendar and the pack versions they come from."""

    area: str
    since: datetime
    steps: Mapping[str, Step]
    calendar: WorkingCalendar
    versions: Mapping[str, str]

    @cached_property
    def by_thread(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps by kind of thread; those for `any` thread belong to every kind."""
        found: dict[str, list[Step]] = {}
        for step in self.steps.values():
            found.setdefault(step.thread, []).append(step)
        everywhere = found.pop(ANY_THREAD, [])
        return {kind: (*steps, *everywhere) for kind, steps in found.items()}

    @cached_property
    def pauses(self) -> Mapping[str, Offset]:
        """For how long a loss or a death holds the routine follow-ups of the bereaved family, by its type."""
        holding = [step for step in self.steps.values() if step.holds and not step.opened_by_claims]
        return {matcher.event: step.holds for step in holding if step.holds for matcher in step.opens_on}


@dataclass(frozen=True, slots=True)
class StepIndex:
    """The ids of the steps for one kind of thread, by type of event.

    `by_opener` are the steps that such an event may open, `by_other_opener` those that it may open although it is not
    the thread's own. `by_counted` are the steps that count it, `by_closing` those that it opens as a closing, once for
    each open obligation. `opened_by_claims` are the steps that ask about claims of any type.
    """

    by_opener: Mapping[str, tuple[str, ...]]
    by_other_opener: Mapping[str, tuple[str, ...]]
    by_counted: Mapping[str, tuple[str, ...]]
    by_closing: Mapping[str, tuple[str, ...]]
    opened_by_claims: tuple[str, ...]

    @classmethod
    def of(cls, steps: Iterable[Step]) -> StepIndex:
        opener: dict[str, set[str]] = {}
        other_opener: dict[str, set[str]] = {}
        counted: dict[str, set[str]] = {}
        closing: dict[str, set[str]] = {}
        claims: set[str] = set()
        for step in steps:
            if step.opened_by_claims:
                claims.add(step.id)
            # What starts again what had ended may have opened the next one.
            for matcher in (one for ending in step.ended_by for one in ending.until):
                opener.setdefault(matcher.event, set()).add(step.id)
            if step.for_each_open:
                index, matchers = closing, step.opens_on
            elif step.counted:
                index, matchers = counted, step.counted.of
            else:
                # What met a round of a recurring step may have opened the next one.
                index, matchers = opener, (*step.opens_on, *(step.met_by if step.recurs else ()))
                for matcher in step.opens_on:
                    if matcher.via != OWN:
                        other_opener.setdefault(matcher.event, set()).add(step.id)
            for matcher in matchers:
                index.setdefault(matcher.event, set()).add(step.id)
        return cls(_sorted(opener), _sorted(other_opener), _sorted(counted), _sorted(closing), tuple(sorted(claims)))


def _sorted(index: Mapping[str, set[str]]) -> Mapping[str, tuple[str, ...]]:
    return {event_type: tuple(sorted(found)) for event_type, found in index.items()}


@dataclass(frozen=True, slots=True)
class RelevantTypes:
    """The types of event that can change the follow-ups of a kind of thread.

    `own` are the types of events that name the thread, `far` those of events that only name one of its people.
    """

    own: frozenset[str]
    far: frozenset[str]


# What is relevant to a thread that no step is about.
UNASKED = RelevantTypes(BEARS_ON_ALL, BEARS_ON_ALL)


@dataclass(frozen=True, slots=True)
class Adoption:
    """A pack was adopted: from `at` (UTC) on it is in force, whole, with this calendar.

    As `CALENDAR`, the bank holidays of some years were adopted: they replace those years in the calendar of every pack.
    """

    at: datetime
    pack: str
    version: str
    content: Mapping[str, Any]
    calendar: WorkingCalendar
    event_id: str


@dataclass(frozen=True)
class RulesHistory:
    """Every adoption so far. The first rules also apply to everything that was recorded before them."""

    adoptions: tuple[Adoption, ...]
    _timelines: dict[str, tuple[Ruleset, ...]] = field(default_factory=dict, compare=False, repr=False)
    _counted: dict[str, tuple[str, ...]] = field(default_factory=dict, compare=False, repr=False)
    _kinds: dict[tuple[str, str], StepIndex] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, adoptions: Iterable[Adoption]) -> RulesHistory:
        return cls(tuple(sorted(adoptions, key=lambda adoption: (adoption.at, adoption.event_id))))

    @property
    def number(self) -> int:
        """How many adoptions are known. Views computed under a higher number replace those under a lower one."""
        return len(self.adoptions)

    def timeline(self, area: str) -> tuple[Ruleset, ...]:
        """The rulesets of an area, oldest first; empty before the national pack is adopted."""
        if area not in self._timelines:
            self._timelines[area] = tuple(self._compiled(area))
        return self._timelines[area]

    def in_force(self, area: str, at: datetime) -> Ruleset | None:
        """The rules in force in the area at this instant; the earliest rules for any time before them."""
        timeline = self.timeline(area)
        return next(
            (ruleset for ruleset in reversed(timeline) if ruleset.since <= at), timeline[0] if timeline else None
        )

    def since(self, area: str, at: datetime) -> Iterator[tuple[Ruleset, datetime | None]]:
        """The rulesets in force from `at` on, oldest first, each with the instant at which the next one replaced it."""
        timeline = self.timeline(area)
        for position, ruleset in enumerate(timeline):
            until = timeline[position + 1].since if position + 1 < len(timeline) else None
            if until is None or until > at:
                yield ruleset, until

    def of_kind(self, area: str, kind: str) -> StepIndex:
        """The steps that were ever in force in the area for this kind of thread."""
        if (area, kind) not in self._kinds:
            steps = [step for ruleset in self.timeline(area) for step in ruleset.by_thread.get(kind, ())]
            self._kinds[area, kind] = StepIndex.of(steps)
        return self._kinds[area, kind]

    def of_any_area(self, kind: str) -> StepIndex:
        """The steps that were ever in force in any area for this kind of thread."""
        if (ANYWHERE, kind) not in self._kinds:
            rulesets = (ruleset for area in self.packs() for ruleset in self.timeline(area))
            self._kinds[ANYWHERE, kind] = StepIndex.of(
                step for each in rulesets for step in each.by_thread.get(kind, ())
            )
        return self._kinds[ANYWHERE, kind]

    def types_counted(self, step_id: str) -> tuple[str, ...]:
        """The types that this step ever counted, or that ever reset its count, in any area."""
        if step_id not in self._counted:
            steps = (ruleset.steps.get(step_id) for area in self.packs() for ruleset in self.timeline(area))
            rules = [step.counted for step in steps if step and step.counted]
            types = {matcher.event for rule in rules for matcher in (*rule.of, *rule.reset_by)}
            self._counted[step_id] = tuple(sorted(types))
        return self._counted[step_id]

    def area_for(self, step_id: str, event: Event, history: ThreadHistory) -> str:
        """Whose numbers count for a step that this event opens."""
        return event.area if step_id in self._by_record else history.area_of(event)

    @cached_property
    def _by_record(self) -> frozenset[str]:
        """The steps that stay with the area that keeps the record, wherever the person lives."""
        mode = {
            step_id: content.get("area", RESIDENCE)
            for adoption in self.adoptions
            if adoption.pack == NATIONAL
            for step_id, content in adoption.content["steps"].items()
        }
        return frozenset(step_id for step_id, value in mode.items() if value == RECORD)

    @cached_property
    def relevant(self) -> Mapping[str, RelevantTypes]:
        """The types of event relevant to each kind of thread, by every step that was ever adopted."""
        kinds_of: dict[str, set[str]] = {}
        readings: dict[str, set[Reading]] = {}
        for adoption in self.adoptions:
            for step_id, content in adoption.content["steps"].items():
                kind = content.get("thread")
                kinds_of.setdefault(step_id, set()).update(
                    self.thread_kinds() if kind == ANY_THREAD else {kind} - {None}
                )
                readings.setdefault(step_id, set()).update(read_step(content))
        found: dict[str, set[Reading]] = {kind: set() for kind in self.thread_kinds()}
        for step_id, kinds in kinds_of.items():
            for kind in kinds:
                found[kind] |= readings[step_id]
        return {
            kind: RelevantTypes(
                BEARS_ON_ALL.union(reading.event for reading in read),
                BEARS_ON_ALL.union(reading.event for reading in read if reading.via != OWN),
            )
            for kind, read in found.items()
        }

    def packs(self) -> list[str]:
        """Every area that ever had a pack of its own, and the national one."""
        return sorted({adoption.pack for adoption in self.adoptions} - {CALENDAR})

    def newest(self, area: str) -> Ruleset | None:
        """The newest rules of the area; None before anything is adopted."""
        timeline = self.timeline(area)
        return timeline[-1] if timeline else None

    def calendar(self, area: str) -> WorkingCalendar:
        """The calendar adopted last for the area. Raises LookupError before anything is adopted."""
        ruleset = self.newest(area)
        if ruleset is None:
            raise LookupError(f"no rules are in force in {area}")
        return ruleset.calendar

    def thread_kinds(self) -> frozenset[str]:
        """Every kind of thread that any adopted step is about."""
        return frozenset(
            step["thread"]
            for adoption in self.adoptions
            for step in adoption.content["steps"].values()
            if step.get("thread", ANY_THREAD) != ANY_THREAD
        )

    def _compiled(self, area: str) -> Iterable[Ruleset]:
        national: Adoption | None = None
        local: Adoption | None = None
        years: WorkingCalendar | None = None
        for adoption in self.adoptions:
            if adoption.pack == NATIONAL:
                national = adoption
            elif adoption.pack == CALENDAR:
                years = years.with_years_of(adoption.calendar) if years else adoption.calendar
            elif adoption.pack == area:
                local = adoption
            else:
                continue
            if national is not None:
                calendar = national.calendar.with_years_of(years) if years else national.calendar
                yield _ruleset(area, adoption.at, national, local, calendar)


def _ruleset(
    area: str, since: datetime, national: Adoption, local: Adoption | None, calendar: WorkingCalendar
) -> Ruleset:
    contents = dict(national.content["steps"])
    versions = {national.pack: national.version, "calendar": calendar.version}
    if local is not None:
        versions[local.pack] = local.version
        for step_id, overrides in local.content["steps"].items():
            # What is left of an override when the national pack drops its step is no step.
            if step_id in contents or "opens_on" in overrides:
                contents[step_id] = {**contents.get(step_id, {}), **overrides}
    steps = {step_id: _compile(step_id, json.dumps(content)) for step_id, content in contents.items()}
    return Ruleset(area, since, steps, calendar, versions)


@lru_cache(maxsize=2_000)
def _compile(step_id: str, content: str) -> Step:
    """The step of this content in JSON. It is compiled once for all areas and adoptions that have it as it is."""
    return compile_step(step_id, json.loads(content))
