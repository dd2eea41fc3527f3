"""What must hold for every step of HV, CL, SG, BEREAVE and DATA. Each family is a table and a subclass of `StepTests`.

One row for each step: what opens it, what meets and what ends it, what comes near without counting, when it is due, and
who is told when. All else that the catalogue knows may happen to the same record and must leave it open.
CLOSE-01 is opened by other follow-ups and has its own file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar

import pytest

from services.referrals_followup.domain.follow_up import End, FollowUp
from shared.contracts import CATALOGUE
from shared.kernel.decisions import ABOUT_AN_ENTRY, Actor
from shared.kernel.envelope import Event
from tests.unit.practice import (
    CHILD,
    HV,
    MANAGER,
    PACKS,
    PERSON,
    Practice,
    Thread,
    as_text,
    chase,
    london,
)

# --- when things are due ----------------------------------------------------------------------------------------------

OPENED = "2014-01-15 10:00"  # a Wednesday
SATURDAY = "2014-01-18 10:00"
EASTER = "2014-04-16 10:00"  # Good Friday on the 18th, Easter Monday on the 21st
CHRISTMAS = "2013-12-23 10:00"  # no work on the 25th and 26th, nor on 1 January
SPRING = "2014-03-28 10:00"  # the clocks go forward on Sunday
AUTUMN = "2013-10-25 10:00"  # the clocks go back on Sunday
JANUARY = "2014-01-01 month"  # known only by its month, whose last day is a Friday
AFTER_JANUARY = "2014-02-01 09:00"
OPENINGS = (OPENED, SATURDAY, EASTER, CHRISTMAS, SPRING, AUTUMN, JANUARY)


def at_five(*days: str) -> dict[str, str]:
    return {opening: f"{day} 17:00" for opening, day in zip(OPENINGS, days, strict=True)}


D = at_five
ONE = D("2014-01-16", "2014-01-21", "2014-04-17", "2013-12-24", "2014-03-31", "2013-10-28", "2014-02-03")
TWO = D("2014-01-17", "2014-01-22", "2014-04-22", "2013-12-27", "2014-04-01", "2013-10-29", "2014-02-04")
FIVE = D("2014-01-22", "2014-01-27", "2014-04-25", "2014-01-02", "2014-04-04", "2013-11-01", "2014-02-07")
TEN = D("2014-01-29", "2014-02-03", "2014-05-02", "2014-01-09", "2014-04-11", "2013-11-08", "2014-02-14")
TWENTY = D("2014-02-12", "2014-02-17", "2014-05-19", "2014-01-23", "2014-04-29", "2013-11-22", "2014-02-28")
EIGHT_WEEKS = D("2014-03-12", "2014-03-15", "2014-06-11", "2014-02-17", "2014-05-23", "2013-12-20", "2014-03-28")
SAME_DAY = {
    **{opening: f"{opening[:10]} 23:59" for opening in OPENINGS},
    JANUARY: "2014-01-31 23:59",
    "2013-10-27 01:30": "2013-10-27 23:59",
}

# --- what can happen --------------------------------------------------------------------------------------------------

RouteBody = tuple[str, Mapping[str, Any]]


def it(event_type: str, **said: Any) -> RouteBody:
    return event_type, said


@dataclass(frozen=True)
class Row:
    """`opened`: the events in order, the last of which opens it. `setup` comes first. `on`: records of their own.

    `ladder`: when a rung is chased of what opened on 15 January 2014, and who is told.
    """

    kind: str
    opened: tuple[RouteBody, ...]
    due: Mapping[str, str]
    met: tuple[RouteBody, ...]
    ladder: tuple[tuple[str, str, str], ...]
    ended: tuple[RouteBody, ...] = ()
    near: tuple[RouteBody, ...] = ()
    setup: tuple[RouteBody, ...] = ()
    by: Actor = HV
    person: str = PERSON
    on: str | None = None
    done_before: str = "open"
    said: Mapping[str, Any] = field(default_factory=dict)


HV_DUTY, HV_BOSS = "hv-sato", "hv-manager-ito"
LATER_REVIEWS = {"new_birth", "six_week", "twelve_month", "two_year", "antenatal"}


def review(which: str, due: Mapping[str, str], *days: str) -> Row:
    return Row(
        "person",
        (it("pregnancy.ended.v1", outcome="birth", children=[CHILD], parents=[PERSON], person_id=PERSON),),
        due,
        (it("review.completed.v1", review=which),),
        tuple((f"{day} 17:00", "owner", f"{HV_DUTY} {HV_BOSS}") for day in days),
        ended=(it("review.declined.v1", review=which),),
        near=tuple(it("review.completed.v1", review=other) for other in sorted(LATER_REVIEWS - {which}))
        + tuple(it("review.declined.v1", review=other) for other in sorted(LATER_REVIEWS - {which}))
        + (it("review.offered.v1", review=which),),
        person=CHILD,
        on="pregnancy",
    )


REVIEWED = it("accumulation.reviewed.v1")


PREGNANCY_ENDED = tuple(
    it("pregnancy.ended.v1", outcome=word) for word in ("birth", "miscarriage", "termination", "stillbirth")
)

# They concern the person, not the record: what they do to every thread is told in the files about losses and links.
APART = {*ABOUT_AN_ENTRY, "person.died.v1", "person.linked.v1", "person.unlinked.v1"}
TYPES = [entry.name for entry in CATALOGUE if "referrals_followup" not in entry.speakers and entry.name not in APART]


@dataclass
class World:
    """One record, what opened the step about it, and what happens then."""

    row: Row
    step: str
    practice: Practice = field(default_factory=Practice)

    def __post_init__(self) -> None:
        row = self.row
        key = row.person if row.kind == "person" else None
        if row.kind == "consultation":
            self.thread = self.practice.record_of(row.kind, by=row.by, person_id=None, **row.said)
        else:
            self.thread = self.practice.record_of(row.kind, by=row.by, key=key, person_id=row.person, **row.said)
        for event_type, said in row.setup:
            self.happens(event_type, "2013-01-07 10:00", **said)

    def happens(self, event_type: str, at: str, *, recorded: str | None = None, **said: Any) -> Event:
        """On the record itself where the event names such a one, else on the person's."""
        thread = self.thread
        if self.row.kind == "consultation" and event_type in ("consultation.linked.v1", "consultation.referred.v1"):
            said = {"person_id": CHILD, **said}
        if self.row.kind not in CATALOGUE[event_type].ref_kinds():
            person = said.get("person_id") or self.row.person
            thread = self.practice.record_of("person", by=self.row.by, key=person)
        return thread.was(event_type, at, recorded=recorded, **{**self.row.said, **said})

    def opens(self, at: str = OPENED, *, recorded: str | None = None, precision: str = "minute") -> Event:
        """All that opens it, at the same time; the last of it is recorded as said. `self.opener` is its record."""
        for number, (event_type, said) in enumerate(self.row.opened, 1):
            self.opener: Thread = self.thread
            if self.row.on:
                about = {"person_id": self.row.person} if self.row.on in ("concern", "contact", "case") else {}
                self.opener = self.practice.record_of(self.row.on, by=self.row.by, **about)
            is_last = number == len(self.row.opened)
            self.opening = self.opener.was(
                event_type, at, recorded=recorded if is_last else None, precision=precision, **said
            )
        self.id = next((found.id for found in self.thread.all(self.step)), None)
        return self.opening

    @property
    def follow_up(self) -> FollowUp:
        (found,) = (one for one in self.practice.follow_ups(self.thread.name) if one.id == self.id)
        return found

    def closer(self) -> RouteBody | None:
        """What closed it."""
        event = self.practice._events.get(self.follow_up.closed_by or "")
        return (event.type, event.data) if event else None

    def sweep(self, at: str, minutes: int = 0) -> list[Any]:
        """Who is chased about this very follow-up when everything is looked at then."""
        instant = as_text(london(at) + timedelta(minutes=minutes))
        before = self.practice.acts(self.follow_up).chases
        chases = [one for one in self.practice.sweep(instant) if one.step == self.step]
        return chases if self.practice.acts(self.follow_up).chases > before else []


class StepTests:
    """The tests of one family: `steps` has a row for each step whose name begins with one of `prefixes`."""

    steps: ClassVar[Mapping[str, Row]]
    prefixes: ClassVar[tuple[str, ...]]
    open_after_a_death: ClassVar[frozenset[str]] = frozenset()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "step" in metafunc.fixturenames:
            metafunc.parametrize("step", self.steps)

    @pytest.fixture
    def world(self, step: str) -> World:
        return World(self.steps[step], step)

    def test_every_step_of_these_standards_has_its_row(self) -> None:
        assert set(self.steps) == {step for step in PACKS["england"]["steps"] if step.startswith(self.prefixes)}

    def test_it_opens_with_what_opens_it_and_not_before(self, world: World, step: str) -> None:
        for event_type, said in world.row.opened[:-1]:
            record = (
                world.practice.record_of(world.row.on, person_id=world.row.person) if world.row.on else world.thread
            )
            record.was(event_type, "2014-01-14 10:00", **said)
        assert world.thread.all(step) == []
        world.opens()
        assert world.follow_up.state == "open"
        assert world.follow_up.opened_at >= london("2014-01-14 10:00")

    def test_it_is_due_on_the_day(self, step: str) -> None:
        row, found = self.steps[step], {}
        for opening in row.due:
            world = World(row, step)
            at = opening.removesuffix(" month")
            world.opens(at, **({"precision": "month", "recorded": AFTER_JANUARY} if opening == JANUARY else {}))
            found[opening] = as_text(world.follow_up.due_at)
        assert found == row.due

    @pytest.mark.parametrize("precision", ["day", "month", "year"])
    def test_knowing_less_about_the_hour_never_makes_it_due_later(self, step: str, precision: str) -> None:
        told, dues = "2014-01-15 16:00", []
        for at, known in (("2014-01-15", precision), (told, "minute")):
            world = World(self.steps[step], step)
            world.opens(at, recorded=told, precision=known)
            dues.append(world.follow_up.due_at)
        assert dues[0] <= dues[1]

    def test_each_act_that_meets_it_meets_it(self, step: str) -> None:
        for event_type, said in self.steps[step].met:
            world = World(self.steps[step], step)
            world.opens()
            act = world.happens(event_type, "2014-01-15 15:00", **said)
            assert (world.follow_up.state, world.follow_up.closed_by) == ("met", act.id), (event_type, said)

    def test_each_act_that_ends_it_ends_it_with_its_actor_and_reason(self, step: str) -> None:
        for event_type, said in self.steps[step].ended:
            world = World(self.steps[step], step)
            world.opens()
            act = world.happens(event_type, "2014-01-15 15:00", **said)
            found = world.follow_up
            assert (found.state, found.closed_by, found.closed_actor) == ("ended", act.id, act.actor), (
                event_type,
                said,
            )
            assert found.closed_reason

    def test_nothing_else_that_can_happen_closes_it(self, world: World, step: str) -> None:
        """Every other type of event there is, on the record or about the person."""
        world.opens()
        counts = {event_type for event_type, _ in (*world.row.met, *world.row.ended)}
        for event_type in TYPES:
            if event_type not in counts:
                world.happens(event_type, "2014-01-16 15:00")
        assert (world.follow_up.state, world.closer()) == ("open", None)

    def test_what_comes_near_to_counting_does_not_count(self, world: World, step: str) -> None:
        world.opens()
        for event_type, said in world.row.near:
            world.happens(event_type, "2014-01-16 15:00", **said)
        assert (world.follow_up.state, world.closer()) == ("open", None)

    def test_it_escalates_rung_by_rung_to_the_people_of_each_rung(self, world: World, step: str) -> None:
        world.opens()
        for at, rung, told in world.row.ladder:
            assert world.sweep(at, minutes=-1) == []
            assert world.sweep(at) == [chase(at, step, rung, *told.split())]
        assert world.sweep(world.row.ladder[-1][0], minutes=1) == []

    def test_it_never_ends_by_the_clock_alone(self, world: World, step: str) -> None:
        world.opens()
        rungs = tuple(dict.fromkeys(rung for _, rung, _ in world.row.ladder))
        assert [one.rungs for one in world.sweep("2026-11-02 09:00")] == [rungs]
        assert world.follow_up.state == "open"

    def test_a_manager_ends_it_with_a_reason_and_nobody_is_chased_any_more(self, world: World, step: str) -> None:
        world.opens()
        world.practice.act(End(world.follow_up, "agreed-with-family"), "2014-01-15 11:00", by=MANAGER)
        found = world.follow_up
        assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "agreed-with-family", MANAGER.id)
        assert world.sweep("2026-11-02 09:00") == []

    def test_when_the_opening_was_a_mistake_it_is_void_and_what_was_chased_stays_in_sight(
        self, world: World, step: str
    ) -> None:
        world.opens()
        last = world.row.ladder[-1][0]
        world.sweep(last)
        world.opener.retracted(world.opening, last)
        assert (world.follow_up.state, world.follow_up.closed_reason) == ("void", "opening recorded in error")
        assert world.practice.acts(world.follow_up).chases == 1
        assert world.sweep("2026-11-02 09:00") == []

    def test_an_opening_that_becomes_known_late_is_chased_then_and_not_before(self, world: World, step: str) -> None:
        known = "2017-05-03 11:00"
        world.opens(recorded=known)
        assert as_text(world.follow_up.due_at) == world.row.due[OPENED]
        assert world.sweep(known, minutes=-1) == []
        assert [one.at for one in world.sweep(known)] == [known]

    def test_an_act_in_time_that_becomes_known_late_stops_the_ladder(self, step: str) -> None:
        for event_type, said in self.steps[step].met:
            world = World(self.steps[step], step)
            world.opens()
            first, last = world.row.ladder[0][0], world.row.ladder[-1][0]
            assert world.sweep(first)
            act = world.happens(event_type, "2014-01-15 15:00", recorded=last, **said)
            assert (world.follow_up.state, world.follow_up.closed_at) == ("met", act.occurred_at)
            assert world.sweep("2026-11-02 09:00") == []

    def test_an_act_from_before_it_opened_does_not_count(self, step: str) -> None:
        for event_type, said in self.steps[step].met:
            world = World(self.steps[step], step)
            world.happens(event_type, "2014-01-13 10:00", **said)
            world.opens()
            state = world.follow_up.state if world.id else "never opened"
            assert state == world.row.done_before, (event_type, said)

    def test_an_act_that_was_recorded_before_an_opening_that_became_known_late_counts(self, step: str) -> None:
        """Nobody is chased for what they have already recorded."""
        for event_type, said in self.steps[step].met:
            world = World(self.steps[step], step)
            act = world.happens(event_type, "2014-01-15 15:00", **said)
            world.opens(recorded="2014-01-20 10:00")
            assert (world.follow_up.state, world.follow_up.closed_by) == ("met", act.id), (event_type, said)

    def test_an_act_that_was_a_mistake_leaves_it_open(self, step: str) -> None:
        for event_type, said in (*self.steps[step].met, *self.steps[step].ended):
            world = World(self.steps[step], step)
            world.opens()
            act = world.happens(event_type, "2014-01-15 15:00", **said)
            record = (
                world.thread if act.stream == world.thread.name else world.practice.record_of("person", key=act.subject)
            )
            record.retracted(act, "2014-01-16 10:00")
            assert world.follow_up.state == "open", (event_type, said)

    def test_it_says_what_it_rests_on(self, world: World, step: str) -> None:
        world.opens()
        found = world.follow_up
        assert (found.basis in ("LAW", "NAT", "LOC", "DES"), found.confidence in ("F", "P", "M")) == (True, True)
        assert found.title and found.expects and found.source and found.why["rule"]

    def test_no_other_of_these_standards_outlasts_a_death_in_that_way(self) -> None:
        ours = {
            step for step, content in PACKS["england"]["steps"].items() if content.get("after_loss") == "never-ends"
        }
        assert ours & set(self.steps) == self.open_after_a_death
