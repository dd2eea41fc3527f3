"""What must hold for every step of PBA, REF, CSC, MH and DNA. Each family is a table and a subclass of `StepTests`.

What only one standard has (its triggers, thresholds, conditions) is in that standard's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, ClassVar, TypeVar

import pytest

from services.referrals_followup.domain.follow_up import End, FollowUp
from shared.contracts import CATALOGUE
from shared.kernel.decisions import ABOUT_AN_ENTRY, Actor
from shared.kernel.envelope import Event
from tests.unit.practice import (
    CAMHS,
    GP,
    HV,
    MANAGER,
    MIDWIFE,
    OTHER,
    PACKS,
    PARTNER,
    PERSON,
    Chase,
    Practice,
    Thread,
    as_text,
    chase,
    london,
)

MONDAY = "2013-01-14 09:30"
# Every step is opened on each of these, the last known only by its month: it counts from Thursday 31 January.
OPENED = {
    "on a Monday": MONDAY,
    "on a Friday": "2013-01-18 16:00",
    "on a Saturday": "2013-01-19 11:00",
    "before Easter, when the clocks go forward": "2013-03-28 10:00",
    "on Christmas Eve": "2013-12-24 10:00",
    "before the clocks go back": "2013-10-25 10:00",
    "some time in January": "2013-01-14",
}
AT_FIVE, AT_MIDNIGHT = "17:00", "23:59"
# fmt: off
DUE = {
    "the same day":    "2013-01-14 2013-01-18 2013-01-19 2013-03-28 2013-12-24 2013-10-25 2013-01-31",
    "1 working day":   "2013-01-15 2013-01-21 2013-01-22 2013-04-02 2013-12-27 2013-10-28 2013-02-01",
    "2 working days":  "2013-01-16 2013-01-22 2013-01-23 2013-04-03 2013-12-30 2013-10-29 2013-02-04",
    "3 working days":  "2013-01-17 2013-01-23 2013-01-24 2013-04-04 2013-12-31 2013-10-30 2013-02-05",
    "5 working days":  "2013-01-21 2013-01-25 2013-01-28 2013-04-08 2014-01-03 2013-11-01 2013-02-07",
    "10 working days": "2013-01-28 2013-02-01 2013-02-04 2013-04-15 2014-01-10 2013-11-08 2013-02-14",
    "15 working days": "2013-02-04 2013-02-08 2013-02-11 2013-04-22 2014-01-17 2013-11-15 2013-02-21",
    "20 working days": "2013-02-11 2013-02-15 2013-02-18 2013-04-29 2014-01-24 2013-11-22 2013-02-28",
    "45 working days": "2013-03-18 2013-03-22 2013-03-25 2013-06-05 2014-02-28 2013-12-31 2013-04-08",
    "7 days":          "2013-01-21 2013-01-25 2013-01-26 2013-04-04 2013-12-31 2013-11-01 2013-02-07",
    # Five working days before Friday 8 February, whenever it opened.
    "1 February":      "2013-02-01 2013-02-01 2013-02-01 2013-02-01 2013-02-01 2013-02-01 2013-02-01",
    "8 February":      "2013-02-08 2013-02-08 2013-02-08 2013-02-08 2013-02-08 2013-02-08 2013-02-08",
    "14 days":         "2013-01-28 2013-02-01 2013-02-02 2013-04-11 2014-01-07 2013-11-08 2013-02-14",
    # Of a month six weeks after the sending (on the 13th) come before four after its end.
    "28 days, or six weeks": "2013-02-11 2013-02-15 2013-02-16 2013-04-25 2014-01-21 2013-11-22 2013-02-24",
    "4 weeks":         "2013-02-11 2013-02-15 2013-02-16 2013-04-25 2014-01-21 2013-11-22 2013-02-28",
    "12 weeks":        "2013-04-08 2013-04-12 2013-04-13 2013-06-20 2014-03-18 2014-01-17 2013-04-25",
    "5 weeks":         "2013-02-18 2013-02-22 2013-02-23 2013-05-02 2014-01-28 2013-11-29 2013-03-07",
    "8 weeks":         "2013-03-11 2013-03-15 2013-03-16 2013-05-23 2014-02-18 2013-12-20 2013-03-28",
    "10 weeks":        "2013-03-25 2013-03-29 2013-03-30 2013-06-06 2014-03-04 2014-01-03 2013-04-11",
    "6 months":        "2013-07-14 2013-07-18 2013-07-19 2013-09-28 2014-06-24 2014-04-25 2013-07-31",
    # At 30+0; each was 8+0 pregnant when it opened, 22 weeks before.
    "30+0":            "2013-06-17 2013-06-21 2013-06-22 2013-08-29 2014-05-27 2014-03-28 2013-06-17",
}
# fmt: on


def day_before(at: str) -> str:
    return f"{date.fromisoformat(at[:10]) - timedelta(days=1)} 09:00"


def edd_at_eight_weeks(at: str) -> str:
    """The delivery date of who is 8+0 pregnant on this day."""
    return str(date.fromisoformat(at[:10]) + timedelta(days=224))


Begin = Callable[[Practice, str], Thread]
Act = tuple[str, dict[str, Any]]


def referral(*before: str, by: Actor = CAMHS, sender: Actor = GP, pregnant: bool = False, **said: Any) -> Begin:
    """A referral of which this much had been recorded the day before; `by` goes on with it."""

    def begin(practice: Practice, at: str) -> Thread:
        if pregnant:
            expecting(practice, at)
        found = practice.referral(by=by, **said)
        for event in before:
            found.was(event, day_before(at), by=sender if event == "sent" else by)
        return found

    return begin


def expecting(practice: Practice, at: str, by: Actor = MIDWIFE, *, booked: bool = True, **said: Any) -> Thread:
    edd = edd_at_eight_weeks(at)
    found = practice.record_of("pregnancy", by=by, edd=edd, mother_age_band="from_20", partner_id=PARTNER, **said)
    if booked:
        found.was("booked", day_before(at), by=MIDWIFE)
    return found


def pregnancy(by: Actor, *, booked: bool = True) -> Begin:
    return lambda practice, at: expecting(practice, at, by, booked=booked)


def record(kind: str, *before: str | Act, by: Actor = HV, pregnant: bool = False, **said: Any) -> Begin:
    def begin(practice: Practice, at: str) -> Thread:
        if pregnant:
            expecting(practice, at)
        found = practice.record_of(kind, by=by, **said)
        for one in before:
            event, known = (one, {}) if isinstance(one, str) else one
            found.was(event, day_before(at), **known)
        return found

    return begin


@dataclass(frozen=True)
class Step:
    """One step: what there is before it, what opens it and what else might, what meets and what ends it."""

    begin: Begin
    opens: Act
    due: str
    meets: tuple[Act, ...]
    ladder: tuple[Chase, ...]
    ends: tuple[Act, ...] = ()
    might_open: tuple[str, ...] = ()
    short_of_meeting: tuple[Act, ...] = ()
    due_at: str = AT_FIVE
    unless_done_before: bool = False
    after_a_death: str = "ended"
    said: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)

    def opened(self, practice: Practice, at: str = MONDAY, **when: Any) -> tuple[Thread, Event]:
        thread = self.begin(practice, at)
        return thread, self.open(thread, at, **when)

    def open(self, thread: Thread, at: str = MONDAY, **when: Any) -> Event:
        event, said = self.opens
        return thread.was(event, at, **said, **{name: value(at) for name, value in self.said.items()}, **when)


def act(practice: Practice, thread: Thread, act: Act, at: str, **when: Any) -> Event:
    """It happens on the thread itself; a referral, an offer, a support or a notification is another record."""
    event, said = act
    noun = event.partition(".")[0]
    noun = "care-leaver" if noun == "support_offer" else noun
    kind = thread.name.partition("/")[0]
    if noun in ("referral", "notification", "offer", "support", "care-leaver") and noun != kind:
        names = {f"{kind}_id": thread.id} if noun == "notification" else {}
        return practice.record_of(noun, **names).was(event, at, **said, **when)
    return thread.was(event, at, **said, **when)


NOVAK, OSEI, OKAFOR = "camhs-triage-novak", "camhs-manager-osei", "gp-okafor"
PEREIRA, ITO, EKWUEME, OYELARAN = "hv-pereira", "hv-manager-ito", "midwife-ekwueme", "named-midwife-oyelaran"
VASQUEZ, ACHTERBERG, RAHMAN = "perinatal-lead-vasquez", "lead-achterberg", "gp-safeguarding-rahman"
WITHDRAWN = ("referral.withdrawn.v1", {"reason_code": "sent-twice"})
HELD, MISSED = "support.session_held.v1", "support.session_missed.v1"
VISITS = {"kind": "listening_visits"}


def ladder(step: str, *rungs: tuple[str, str, tuple[str, ...]]) -> tuple[Chase, ...]:
    return tuple(chase(at if ":" in at else f"{at} 17:00", step, name, *told) for at, name, told in rungs)


def chases(practice: Practice, step: str, until: str) -> list[Chase]:
    return [found for found in practice.days_pass(until) if found.step == step]


def opened_by(event: Event, thread: Thread, step: str) -> FollowUp:
    (found,) = (one for one in thread.all(step) if one.opened_by == event.id)
    return found


def all_at_once(row: Step, step: str, at: str) -> Chase:
    """One chase that names every rung of the ladder and tells all whom they tell."""
    found = row.ladder
    rungs = dict.fromkeys(rung for one in found for rung in one.rungs)
    return Chase(at, step, tuple(rungs), frozenset().union(*(one.told for one in found)))


def others(practice: Practice, thread: Thread, but: set[str], at: str) -> int:
    """All else that can be recorded, on this thread or, if it cannot name it, about the same person elsewhere."""
    kind = thread.name.partition("/")[0]
    names = {entry.name for entry in CATALOGUE if "referrals_followup" not in entry.speakers} - {*but, *APART}
    for name in sorted(names):
        on_it = kind in CATALOGUE[name].ref_kinds()
        (thread if on_it else practice.record_of("another", by=HV)).was(name, at)
    return len(names)


# How the services say how far they are, what makes up for a mistake, and what ends all that is routine.
APART = (*ABOUT_AN_ENTRY, "person.died.v1", "parenthood.lost.v1")


Test = TypeVar("Test", bound=Callable[..., None])


def acts_of(name: str) -> Callable[[Test], Test]:
    """The test runs for each step and each act that the field of its row names."""

    def mark(test: Test) -> Test:
        test.acts_of = name  # type: ignore[attr-defined]
        return test

    return mark


def steps_where(condition: Callable[[Step], bool]) -> Callable[[Test], Test]:
    """The test runs for each step whose row fulfils the condition."""

    def mark(test: Test) -> Test:
        test.condition = condition  # type: ignore[attr-defined]
        return test

    return mark


class StepTests:
    """The tests of one family: `steps` has a row for each step whose name begins with one of `prefixes`."""

    steps: ClassVar[Mapping[str, Step]]
    prefixes: ClassVar[tuple[str, ...]]
    open_after_a_death: ClassVar[frozenset[str]] = frozenset()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "what" in metafunc.fixturenames:
            field_name = metafunc.function.acts_of
            pairs = [(step, what) for step, row in self.steps.items() for what in getattr(row, field_name)]
            metafunc.parametrize(("step", "what"), pairs)
        elif "step" in metafunc.fixturenames:
            condition = getattr(metafunc.function, "condition", lambda row: True)
            metafunc.parametrize("step", [step for step, row in self.steps.items() if condition(row)])

    @pytest.fixture
    def practice(self) -> Practice:
        return Practice()

    def test_every_step_of_these_standards_is_in_the_table(self) -> None:
        assert set(self.steps) == {step for step in PACKS["england"]["steps"] if step.startswith(self.prefixes)}

    def test_it_opens_when_it_must_for_whoever_has_to_act(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        thread = row.begin(practice, MONDAY)
        assert thread.all(step) == []
        opening = row.open(thread)
        found = thread.the(step)
        assert (found.state, found.opened_by, found.person) == ("open", opening.id, PERSON)
        assert (found.area, found.inherited, found.gap) == ("essex", False, None)
        assert found.expects and found.source and found.basis in ("NAT", "LOC", "DES")

    def test_nothing_else_opens_it(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        thread = row.begin(practice, MONDAY)
        assert others(practice, thread, {row.opens[0], *row.might_open}, MONDAY) > 80
        assert thread.all(step) == []

    @pytest.mark.parametrize("when", OPENED)
    def test_it_is_due_on_the_exact_day(self, practice: Practice, step: str, when: str) -> None:
        row = self.steps[step]
        precision = {"precision": "month", "recorded": "2013-02-01 09:00"} if when == "some time in January" else {}
        thread, _ = row.opened(practice, OPENED[when], **precision)
        expected = dict(zip(OPENED, DUE[row.due].split(), strict=True))[when]
        assert as_text(thread.the(step).due_at) == f"{expected} {row.due_at}"

    @pytest.mark.parametrize("precision", ["day", "month", "year"])
    def test_knowing_less_about_the_hour_never_makes_it_due_later(self, step: str, precision: str) -> None:
        row, told, dues = self.steps[step], "2013-01-18 16:00", []
        for at, known in (("2013-01-18", precision), (told, "minute")):
            practice = Practice()
            thread, _ = row.opened(practice, at, recorded=told, precision=known)
            dues.append(thread.the(step).due_at)
        assert dues[0] <= dues[1]

    @acts_of("meets")
    def test_each_act_that_is_expected_meets_it_and_stops_its_chases(
        self, practice: Practice, step: str, what: Act
    ) -> None:
        thread, opening = self.steps[step].opened(practice)
        done = act(practice, thread, what, "2013-01-14 15:00")
        again = act(practice, thread, what, "2013-01-14 16:00")
        found = opened_by(opening, thread, step)
        assert (found.state, found.closed_by, found.closed_actor) == ("met", done.id, done.actor)
        assert again.id != done.id
        practice.sweep("2026-11-02 09:00")
        assert practice.acts(found).chases == 0

    @acts_of("ends")
    def test_each_act_that_ends_it_says_who_and_why(self, practice: Practice, step: str, what: Act) -> None:
        thread, _ = self.steps[step].opened(practice)
        ended = act(practice, thread, what, "2013-01-14 15:00")
        found = thread.the(step)
        assert (found.state, found.closed_by, found.closed_actor) == ("ended", ended.id, ended.actor)
        assert found.closed_reason == what[1].get("reason_code", what[0])
        assert chases(practice, step, "2013-03-01 00:00") == []

    def test_nothing_else_of_all_that_can_be_recorded_meets_or_ends_it(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        thread, opening = row.opened(practice)
        acts = {event for event, _ in (*row.meets, *row.ends)}
        assert others(practice, thread, acts, "2013-01-14 15:00") > 80
        assert opened_by(opening, thread, step).state == "open"

    @acts_of("short_of_meeting")
    def test_what_falls_short_of_what_is_expected_leaves_it_open(
        self, practice: Practice, step: str, what: Act
    ) -> None:
        thread, opening = self.steps[step].opened(practice)
        act(practice, thread, what, "2013-01-14 15:00")
        assert opened_by(opening, thread, step).state == "open"

    def test_what_is_done_for_another_does_not_count_for_this_one(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        thread, _ = row.opened(practice)
        noun = row.meets[0][0].partition(".")[0]
        if thread.name.startswith("person/"):
            another = practice.record_of("person", key=OTHER)
        elif noun in ("offer", "child", "accumulation"):  # whatever record it is on, it is of one person
            another = practice.record_of(noun, person_id=OTHER)
        else:
            another = row.opened(practice)[0]
        act(practice, another, row.meets[0], "2013-01-14 15:00")
        assert thread.the(step).state == "open"

    def test_the_ladder_goes_up_rung_by_rung_and_repeats(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        row.opened(practice)
        assert chases(practice, step, f"{row.ladder[-1].at[:10]} 23:59") == list(row.ladder)

    def test_nobody_is_chased_a_minute_before(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        row.opened(practice)
        before = london(row.ladder[0].at) - timedelta(minutes=1)
        assert chases(practice, step, before.strftime("%Y-%m-%d %H:%M")) == []

    def test_it_never_ends_by_the_clock_and_after_an_outage_of_years_one_chase_names_every_rung(
        self, practice: Practice, step: str
    ) -> None:
        thread, _ = self.steps[step].opened(practice)
        at = "2026-11-02 09:00"
        assert [found for found in practice.sweep(at) if found.step == step] == [
            all_at_once(self.steps[step], step, at)
        ]
        assert thread.the(step).state == "open"

    def test_a_manager_ends_it_with_a_reason(self, practice: Practice, step: str) -> None:
        thread, _ = self.steps[step].opened(practice)
        practice.act(End(thread.the(step), "moved-abroad"), "2013-01-14 12:00", by=MANAGER)
        found = thread.the(step)
        assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "moved-abroad", MANAGER.id)
        assert [one for one in practice.sweep("2026-11-02 09:00") if one.step == step] == []

    def test_an_opening_that_was_a_mistake_makes_it_void_and_its_chases_stay_in_sight(
        self, practice: Practice, step: str
    ) -> None:
        thread, opening = self.steps[step].opened(practice)
        chased = len(chases(practice, step, f"{self.steps[step].ladder[0].at}"))
        thread.retracted(opening, "2013-09-02 10:00")
        found = thread.the(step)
        assert (found.state, practice.acts(found).chases) == ("void", chased) and chased >= 1
        assert [one for one in practice.sweep("2026-11-02 09:00") if one.step == step] == []

    def test_an_opening_that_becomes_known_late_is_chased_at_once_and_not_before(
        self, practice: Practice, step: str
    ) -> None:
        thread, _ = self.steps[step].opened(practice, recorded="2013-09-02 10:00")
        assert as_text(thread.the(step).due_at) == f"{DUE[self.steps[step].due].split()[0]} {self.steps[step].due_at}"
        assert [found for found in practice.sweep("2013-09-02 09:59") if found.step == step] == []
        assert [found for found in practice.sweep("2013-09-02 10:00") if found.step == step] == [
            all_at_once(self.steps[step], step, "2013-09-02 10:00")
        ]

    def test_what_was_done_in_time_and_becomes_known_late_stops_the_chases(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        thread, opening = row.opened(practice)
        assert chases(practice, step, row.ladder[0].at) == [row.ladder[0]]
        act(practice, thread, row.meets[0], "2013-01-14 12:00", recorded="2013-09-02 10:00")
        found = opened_by(opening, thread, step)
        assert (found.state, as_text(found.closed_at)) == ("met", "2013-01-14 12:00")
        told = practice.acts(found).chases
        practice.sweep("2013-10-01 09:00")
        assert practice.acts(found).chases == told

    def test_what_was_done_before_it_opened_does_not_count(self, practice: Practice, step: str) -> None:
        row = self.steps[step]
        thread = row.begin(practice, MONDAY)
        act(practice, thread, row.meets[0], "2013-01-14 09:00")
        opening = row.open(thread)
        found = [one.state for one in thread.all(step) if one.opened_by == opening.id]
        assert found == ([] if row.unless_done_before else ["open"])

    def test_nobody_is_chased_for_what_was_recorded_before_the_opening_became_known(
        self, practice: Practice, step: str
    ) -> None:
        row = self.steps[step]
        thread = row.begin(practice, MONDAY)
        done = act(practice, thread, row.meets[0], "2013-01-15 10:00")
        opening = row.open(thread, recorded="2013-09-02 10:00")
        found = opened_by(opening, thread, step)
        assert (found.state, found.closed_by) == ("met", done.id)

    def test_when_what_met_it_was_a_mistake_it_is_open_again_and_the_ladder_goes_on(
        self, practice: Practice, step: str
    ) -> None:
        row = self.steps[step]
        thread, opening = row.opened(practice)
        done = act(practice, thread, row.meets[0], "2013-01-14 09:31")
        kind, _, key = done.stream.partition("/")
        practice.record_of(kind, key=key).retracted(done, "2013-09-02 10:00")
        assert opened_by(opening, thread, step).state == "open"
        assert all_at_once(self.steps[step], step, "2013-09-02 10:00").rungs == next(
            found.rungs for found in practice.sweep("2013-09-02 10:00") if found.step == step
        )

    @steps_where(lambda row: row.after_a_death == "ended")
    def test_the_death_of_whom_it_is_about_ends_it_and_nobody_is_chased(self, practice: Practice, step: str) -> None:
        thread, _ = self.steps[step].opened(practice)
        died = practice.record_of("person", by=HV).was("person.died.v1", "2013-01-14 12:00")
        found = thread.the(step)
        assert (found.state, found.closed_by, found.closed_reason) == ("ended", died.id, "bereavement")
        assert [one for one in practice.sweep("2026-11-02 09:00") if one.step == step] == []

    def test_no_other_of_these_steps_goes_on_after_a_death(self) -> None:
        assert {step for step, row in self.steps.items() if row.after_a_death == "open"} == self.open_after_a_death
