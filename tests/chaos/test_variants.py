"""The harness finds faults: each deliberate fault makes a directed run fail, which passes without it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random

import pytest

from tests.chaos.arena import SECOND, Arena, arena
from tests.chaos.clients import Refused
from tests.chaos.points import BUS, Dying
from tests.chaos.process import Plan
from tests.chaos.rest import come_to_rest, is_told, sweeps
from tests.chaos.stories import AREAS, Post, begin_referral, on_referral, register
from tests.chaos.variants import VARIANTS
from tests.chaos.verdict import Verdict, judge

pytestmark = pytest.mark.heavy

BY = AREAS[0]
# Whenever it begins, a referral that is only decided on has fallen due by then.
OVERDUE = timedelta(days=6)
# Once somebody died within a transaction, those who write the same wait for up to half of this.
REST_SECONDS = 60.0
# A run with a fault may never come to rest.
GIVEN_UP_AFTER_SECONDS = 3.0
EVIDENCE = "after-evidence-before-follow-ups"
COMMIT = "after-follow-ups-before-commit"
PUBLISH = "after-publish-before-marking"


def refer(ours: Arena, name: str, *, mortal: bool = False) -> str:
    """A referral that is decided on and not sent: REF-01 falls due two working days later.

    `mortal`: the points kill from when its person is known.
    """
    person = ours.tell(register(BY.gp, Random(name)), f"{name}-person")["person_id"]
    if mortal:
        ours.wait("the person is known", lambda: is_told(ours), REST_SECONDS)
        ours.deaths.arm(1)
    return str(ours.tell(begin_referral(BY, person, sent=False), f"{name}-referral")["referral_id"])


def dies_at(point: str) -> Callable[[Arena], None]:
    """One referral, of which the news passes a death at this point; of a second one all is known at the end."""

    def scenario(ours: Arena) -> None:
        refer(ours, f"{point}-first", mortal=True)
        ours.wait("somebody dies", lambda: ours.deaths.by_point()[point] > 0, REST_SECONDS)
        second = refer(ours, f"{point}-second")
        views = ours.databases["referrals_followup"].follow_ups
        ours.wait("the second is known", lambda: views.find_one({"thread": f"referral/{second}"}), REST_SECONDS)

    return scenario


def write_at_once(ours: Arena) -> None:
    """Many write to one record, by way of both replicas."""
    person = ours.tell(register(BY.gp, Random(0)), "crowd")["person_id"]
    body = {"role": "health_visitor", "practitioner": BY.health_visitor, "team": BY.health_visitor_team}
    path = f"/v1/people/{person}/practitioner"
    post = Post("perinatal", path, BY.health_visitor, "practitioner.assigned.v1", "person", body)
    with ThreadPoolExecutor(8) as writers:
        list(writers.map(lambda number: ours.tell(post, f"crowd-{number}"), range(40)))


def overtake(ours: Arena) -> None:
    """A referral is sent and acknowledged by way of one replica, while the other withdraws it."""
    first, second = ours.caller.addresses["perinatal"]
    pause = threading.Event()

    def attempt(number: int) -> None:
        referral = refer(ours, f"race-{number}")
        posts = (
            (first, on_referral(referral, BY.gp, "sent", "sent", channel="letter")),
            (first, on_referral(referral, BY.camhs, "acknowledged", "acknowledged")),
            (second, on_referral(referral, BY.gp, "withdrawn", "withdrawn", reason_code="x", decided_by=BY.gp)),
        )
        with ThreadPoolExecutor(len(posts)) as racers:
            for step, (url, post) in enumerate(posts):
                racers.submit(ask, url, post, f"race-{number}-{step}")
                pause.wait(0.05)

    def ask(url: str, post: Post, key: str) -> None:
        caller = replace(ours.caller, addresses={"perinatal": [url]})
        with ours.session() as session, suppress(Refused):  # whoever comes too late is refused
            caller.tell(session, Random(key), post, key)

    for number in range(3):
        attempt(number)


def fall_due(ours: Arena) -> None:
    """One referral, which falls due; several sweeps go by."""
    refer(ours, "due")
    ours.wait("it is told", lambda: is_told(ours), REST_SECONDS)
    ours.clock.set(ours.clock.now() + OVERDUE)
    ours.wait("sweeps go by", lambda: sweeps(ours) > 2, REST_SECONDS)


def tell_late(ours: Arena) -> None:
    """A referral is sent in time, but the relay that has to say so stands still until long after it was due."""
    referral = refer(ours, "late")
    ours.wait("it is told", lambda: is_told(ours), REST_SECONDS)
    with ours.stopped("perinatal.relay"):
        ours.tell(on_referral(referral, BY.gp, "sent", "sent", channel="letter"), "late-sent")
        now = ours.clock.now() + OVERDUE
        ours.clock.set(now)
        looked = {"finished_at": {"$exists": True}, "now": now}
        done = ours.databases["referrals_followup"].sweeps
        ours.wait("a sweep has looked", lambda: done.count_documents(looked) > 1, REST_SECONDS)


@dataclass(frozen=True, slots=True)
class Directed:
    """What is done, which count is wrong with the fault, which processes have the fault, and where one of them dies."""

    scenario: Callable[[Arena], None]
    shows: Callable[[Verdict], bool]
    faulty: tuple[str, ...]
    dying: Mapping[str, Dying] = field(default_factory=dict)


def loses_what_is_owed(verdict: Verdict) -> bool:
    """A follow-up is missing; or, when it was another event that was lost, nobody is chased for want of a position."""
    return verdict.follow_ups_right < verdict.follow_ups or verdict.rungs_lost > 0


def loses_a_record(verdict: Verdict) -> bool:
    return verdict.lost > 0


def doubles_a_record(verdict: Verdict) -> bool:
    return verdict.doubled > 0


def chases_too_much(verdict: Verdict) -> bool:
    return verdict.rungs_doubled > 0


RELAY = ("perinatal.relay",)
REPLICAS = ("perinatal.serve", SECOND)
DYING_AT_EVIDENCE = {EVIDENCE: Dying(1, 1)}
DYING_AT_COMMIT = {COMMIT: Dying(1, 1)}
DYING_AT_PUBLISH = {PUBLISH: Dying(1, 1, *RELAY)}
DIRECTED = {
    "ack-before-write": Directed(dies_at(EVIDENCE), loses_what_is_owed, BUS, DYING_AT_EVIDENCE),
    "mark-before-publish": Directed(dies_at(PUBLISH), loses_what_is_owed, RELAY, DYING_AT_PUBLISH),
    "no-version-check": Directed(write_at_once, doubles_a_record, REPLICAS),
    "two-of-a-stream-in-one-group": Directed(overtake, loses_a_record, REPLICAS[:1]),
    "chase-outside-its-stream": Directed(fall_due, chases_too_much, BUS),
    "sweep-ahead-of-the-position": Directed(tell_late, chases_too_much, BUS),
    "seen-and-not-folded": Directed(dies_at(EVIDENCE), loses_what_is_owed, BUS, DYING_AT_EVIDENCE),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with arena(Plan(1)) as first:
        yield Stage(first)


class Stage:
    """One stack for all runs. Each run starts with empty data; processes that have or had a fault are restarted."""

    def __init__(self, first: Arena) -> None:
        self._first = first
        self._faulty: set[str] = set()

    def set_up(self, plan: Plan, faulty: Iterable[str]) -> Arena:
        restarted = self._faulty | set(faulty)
        self._faulty = set(faulty) if plan.variant else set()
        return self._first.begin_anew(plan, *sorted(restarted))


def test_every_fault_has_a_run_that_aims_at_it() -> None:
    assert DIRECTED.keys() == VARIANTS.keys()


@pytest.mark.parametrize("name", DIRECTED)
def test_a_deliberate_fault_makes_the_run_fail(name: str, stage: Stage) -> None:
    directed = DIRECTED[name]
    ours = stage.set_up(Plan(1, directed.dying, name), directed.faulty)
    directed.scenario(ours)
    assert ours.faults == []
    come_to_rest(ours, ours.clock.now() + OVERDUE, GIVEN_UP_AFTER_SECONDS)
    verdict = judge(ours.left())
    assert not verdict.agrees
    assert directed.shows(verdict), "\n".join([*verdict.faults, verdict.line()])


def test_without_a_fault_the_same_runs_pass(stage: Stage) -> None:
    ours = stage.set_up(Plan(1, DYING_AT_EVIDENCE | DYING_AT_COMMIT | DYING_AT_PUBLISH), {*BUS, *RELAY})
    for scenario in (
        dies_at(EVIDENCE),
        dies_at(COMMIT),
        dies_at(PUBLISH),
        write_at_once,
        overtake,
        fall_due,
        tell_late,
    ):
        scenario(ours)
    come_to_rest(ours, ours.clock.now() + OVERDUE, REST_SECONDS)
    verdict = judge(ours.left())
    assert verdict.agrees, "\n".join([*verdict.faults, verdict.line()])
    assert ours.faults == []
