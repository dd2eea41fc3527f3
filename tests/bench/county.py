"""`python -m tests.bench.county`: a county's load on the whole stack: once, tenfold, and on as far as it goes.

Two things grow, one after the other: the requests a second, and what is stored already. For each it is measured what
one event costs every process, how long it takes from the answer to the follow-up, and whether the stack keeps up; then
by which power of the load, and of what is stored, the cost of an event grows (0: not at all). A sweep of everything
that is due is timed as well. Nothing is judged here: `deploy/SCALING.md` says what follows.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from math import log
from statistics import linear_regression

from rich.console import Console
from rich.table import Table

from shared.clock import SystemClock
from shared.events.documents import document_of, sealed
from shared.kernel.envelope import Event
from shared.kernel.ids import uuid7
from shared.observability import configure_logging
from shared.scheduling.tick import publish_sweep
from tests.bench import copies, england, histories
from tests.bench.contestants import CONNECTIONS, folded
from tests.bench.ground import Field, Stuck, ground
from tests.bench.usage import megabytes, processes_of, processor_seconds
from tests.bench.whole import SEEN_WITHIN, first_seen, start_stack

# How many times a county's busiest hour, and for how many seconds.
LOADS = ((1, 50), (10, 20), (100, 25), (1_000, 15), (3_000, 15), (10_000, 12), (30_000, 8))
# How many years of a county are stored when the cost of an event is measured again, as far as there is time to copy
# them; and how many times the county's busiest hour comes then.
YEARS = (1, 3, 10, 30, 100)
COPYING_SECONDS = 150.0
LOAD_ON_STORED, SECONDS_ON_STORED = 3_000, 15
IDLE_SECONDS = 15
# Whoever is asked for so much answers most of it, and is done soon after.
SHARE_ANSWERED, DONE_WITHIN = 0.95, 5.0
LOOK_EVERY = 0.25
# Below this, what nothing to do costs hides what an event costs.
LEAST_EVENTS = 50
PEOPLE_COPIED, COPIES_AT_ONCE = 100, 4
# The last thing that is said of these people was said so long ago: some of it is overdue, and not for years.
SAID_BEFORE = timedelta(days=14)
LEDGER = "referrals_followup"

console = Console(width=150)


@dataclass(frozen=True)
class Measured:
    """One load for some seconds. `cost` is processor seconds of each process for an event, without what it takes when
    there is nothing to do; `busy` how many processors were at work, with it."""

    name: str
    grown: float
    asked: float
    answered: float
    events: int
    cost: Mapping[str, float]
    busy: float
    p50_ms: float
    p95_ms: float
    late: float
    refused: int

    @property
    def keeps_up(self) -> bool:
        few = self.events < LEAST_EVENTS
        return (few or self.answered >= SHARE_ANSWERED * self.asked) and self.late <= DONE_WITHIN and not self.refused

    @property
    def total(self) -> float:
        """Processor seconds of all processes for an event."""
        return sum(self.cost.values())


@dataclass(frozen=True)
class Stack:
    """The running stack, and what its processes take a second when there is nothing to do."""

    field: Field
    address: str
    processes: Mapping[str, int]
    idle: Mapping[str, float]

    @classmethod
    def started(cls, field: Field) -> Stack:
        """The whole stack, in an empty field; and the third relay, without which no sweep would look."""
        address = start_stack(field)
        field.serve("leaving_care", "relay")
        processes = processes_of(field)
        _rest(field)
        before, began = processor_seconds(processes), time.monotonic()
        time.sleep(IDLE_SECONDS)
        took = time.monotonic() - began
        return cls(field, address, processes, {n: s / took for n, s in _used(before, processes).items()})

    def measured(self, name: str, grown: float, rate: float, seconds: float) -> Measured:
        """So many requests a second for so many seconds, until all of it is folded. Raises Stuck."""
        connections = min(CONNECTIONS, max(1, round(rate)))
        events = self.field.database("perinatal").events.estimated_document_count
        before, used_before, began = events(), processor_seconds(self.processes), time.monotonic()
        with first_seen(self.field) as seen:
            answered = self.field.load(
                self.address, connections=connections, seconds=seconds, rate=rate, tells_noted=True
            )
            ended = time.monotonic()
            _wait_until_folded(self.field)
            late = time.monotonic() - ended
            noted: dict[str, float] = answered["noted"]
            self.field.wait("every follow-up is seen", lambda: noted.keys() <= seen.keys(), SEEN_WITHIN, LOOK_EVERY)
        used, took = _used(used_before, self.processes), time.monotonic() - began
        recorded = events() - before
        lags = sorted(max(0.0, seen[referral] - at) for referral, at in noted.items()) or [0.0]
        return Measured(
            name=name,
            grown=grown,
            asked=rate,
            answered=answered["rate"],
            events=recorded,
            cost={name: (spent - self.idle[name] * took) / recorded for name, spent in used.items()},
            busy=sum(used.values()) / took,
            p50_ms=1_000 * lags[len(lags) // 2],
            p95_ms=1_000 * lags[int(len(lags) * 0.95)],
            late=late,
            refused=answered["refused"],
        )


def exponent(points: Iterable[tuple[float, float]]) -> float | None:
    """By which power of the first the second grows: least squares on logarithms. None for fewer than two points."""
    usable = [(log(x), log(y)) for x, y in points if x > 0 and y > 0]
    return linear_regression(*zip(*usable, strict=True)).slope if len(usable) > 1 else None


def main(argv: Sequence[str]) -> int:
    """Raises what starting the parts raises."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.county")
    parser.add_argument("--copying", type=float, default=COPYING_SECONDS, help="seconds for filling the store")
    parser.add_argument("--loads", type=int, help="only so many of the loads, from the smallest")
    said = parser.parse_args(argv)
    configure_logging("bench", "county", "error")
    began = time.monotonic()
    _say_what_england_needs()
    with ground() as place:
        with place.field() as field:
            loads = _grow_the_load(Stack.started(field), LOADS[: said.loads])
        with place.field() as field:
            stored = _grow_what_is_stored(Stack.started(field), said.copying)
    _show("A county's busiest hour, so many times", loads)
    _show("The same load, with so many years of a county stored", stored)
    _say_exponent("load", [one for one in loads if one.events >= LEAST_EVENTS and one.keeps_up])
    _say_exponent("what is stored", stored)
    load = os.getloadavg()[2]
    _say(
        f"{datetime.now(UTC):%d %B %Y}, {os.cpu_count()} cores, {time.monotonic() - began:.0f} s; load average of the "
        f"last 15 minutes, this run included: {load:.1f}"
    )
    return 0


def _grow_the_load(stack: Stack, loads: Sequence[tuple[int, int]]) -> list[Measured]:
    """Each load in turn; the first that is too much is the last."""
    found: list[Measured] = []
    _say_parts("nothing to do, processors", stack.idle, "{:.4f}")
    for times, seconds in loads:
        rate = england.of_a_county(england.busy_hour()) * times
        try:
            found.append(stack.measured(f"{times:,}x", rate, rate, seconds))
        except Stuck as stuck:
            _say(f"{times:,}x: stuck: {stuck}")
            break
        _say_measured(found[-1])
        if not found[-1].keeps_up:
            break
    _say_parts("memory after it, MB", megabytes(stack.processes), "{:,.0f}")
    return found


def _grow_what_is_stored(stack: Stack, copying: float) -> list[Measured]:
    """The same load with more and more stored, until so many seconds were spent on copying."""
    field = stack.field
    _record(field, PEOPLE_COPIED)
    _sweep(stack)
    of_people = PEOPLE_COPIED * histories.EVENTS_EACH
    sizes = _sizes(field)
    numbered = sum(one.size for one in sizes if one.name in copies.NOT_COPIED) / of_people
    originals = copies.originals(field.database("perinatal"), field.database(LEDGER))
    a_year = england.of_a_county(england.recorded_a_year())
    rate = england.of_a_county(england.busy_hour()) * LOAD_ON_STORED
    found: list[Measured] = []
    made, spent = 1, 0.0
    for years in YEARS:
        wanted = round(a_year * years / of_people)
        while made < wanted and spent < copying:
            began, more = time.monotonic(), min(COPIES_AT_ONCE, wanted - made)
            copies.add_copies(originals, range(made, made + more))
            made, spent = made + more, spent + time.monotonic() - began
        field.client.admin.command("fsync")
        stored = made * of_people
        name = f"{stored / a_year:.1f} years" if made < wanted else f"{years} years"
        found.append(stack.measured(name, stored, rate, SECONDS_ON_STORED))
        _say_measured(found[-1])
        if made < wanted:
            break
    _say(f"{made * of_people:,} events of people stored, copied in {spent:.0f} s; a county's year is {a_year:,.0f}")
    _say_sizes(_sizes(field), made * of_people, numbered)
    _say_parts("memory after it, MB", megabytes(stack.processes), "{:,.0f}")
    return found


def _record(field: Field, people: int) -> None:
    """What is recorded of so many people, as the store would, for the relay to find; then all is heard and folded."""
    documents = [
        sealed(
            document_of(
                event,
                private={"request": {"key": _digest(event.id), "body": _digest(event.stream)}, "personal": {}},
                relay={"pending": True},
            )
        )
        for event in _lately(histories.together(people))
    ]
    field.database("perinatal").events.insert_many(documents)
    _wait_until_folded(field)
    _rest(field)


def _lately(events: Sequence[Event]) -> list[Event]:
    """The same events as if they had been recorded lately, by whole weeks later."""
    weeks = (datetime.now(UTC) - SAID_BEFORE - max(event.recorded_at for event in events)) // timedelta(weeks=1)
    later = timedelta(weeks=weeks)
    return [
        replace(
            event,
            id=uuid7(event.recorded_at + later),
            occurred_at=event.occurred_at + later,
            recorded_at=event.recorded_at + later,
        )
        for event in events
    ]


def _sweep(stack: Stack) -> None:
    """Everything that is due is chased in one sweep, and the letters about it are sent."""
    field, processes = stack.field, stack.processes
    sweeps, events = field.database(LEDGER).sweeps, field.database(LEDGER).events
    before, began = processor_seconds(processes), time.monotonic()
    asked = publish_sweep(field.amqp_uri, SystemClock())
    done = {"_id": asked, "finished_at": {"$exists": True}}
    field.wait("the sweep is over", lambda: sweeps.find_one(done), within=180, every=LOOK_EVERY)
    swept = sweeps.find_one(done) or {}
    took = (swept["finished_at"] - swept["started_at"]).total_seconds()
    recorded = Counter(document["event"]["type"] for document in events.find({}, {"event.type": 1}))
    chased = swept["chased"]
    _say(
        f"a sweep: {chased} chased in {took:.1f} s with their letters, {chased / took:.0f} a second; "
        f"{', '.join(f'{count} {name}' for name, count in recorded.most_common())}"
    )
    _wait_until_folded(field)
    waited = time.monotonic() - began
    used = _used(before, processes)
    cost = {name: (spent - stack.idle[name] * waited) / chased for name, spent in used.items()}
    _say_parts("ms of processor for a chase", cost, "{:.2f}", 1_000)
    _rest(field)


def _wait_until_folded(field: Field) -> None:
    """All that is recorded is kept and folded. Raises Stuck."""
    recorded = [field.database(service).events for service in ("perinatal", LEDGER)]
    field.wait(
        "every event is folded",
        lambda: folded(field) >= sum(events.estimated_document_count() for events in recorded),
        SEEN_WITHIN * 2,
        LOOK_EVERY,
    )


def _rest(field: Field) -> None:
    """Nothing is left to publish or to name in a manifest, and no queue has anything. Raises Stuck."""
    stores = [field.database(service).events for service in ("perinatal", LEDGER)]
    todo = {"$or": [{"relay.pending": True}, {"relay.unlisted": True}]}
    field.wait("the relays are done", lambda: not any(events.find_one(todo) for events in stores), every=LOOK_EVERY)
    heard = ("perinatal.views", "perinatal.reactions")
    field.wait("the queues are heard", lambda: not any(map(field.waiting_in, heard)), every=LOOK_EVERY)
    time.sleep(2)


@dataclass(frozen=True)
class Size:
    """The bytes of a collection before compression, with its indexes."""

    service: str
    name: str
    documents: int
    size: float


def _sizes(field: Field) -> list[Size]:
    found = []
    for service in ("perinatal", LEDGER):
        database = field.database(service)
        for name in database.list_collection_names():
            stats = database.command("collStats", name)
            found.append(Size(service, name, stats["count"], stats["size"] + stats["totalIndexSize"]))
    return found


def _used(before: Mapping[str, float], processes: Mapping[str, int]) -> dict[str, float]:
    return {name: after - before[name] for name, after in processor_seconds(processes).items()}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


# --- what is printed ------------------------------------------------------------------------------------------------


def _say(line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True)


def _say_what_england_needs() -> None:
    for one in england.INPUTS:
        _say(f"{one.what}: {one.value:,g} ({one.source})")
    a_year, busy = england.recorded_a_year(), england.busy_hour()
    _say(
        f"England: {england.cases():,.0f} cases, {england.recorded_a_case():.1f} requests for each a year, "
        f"{a_year:,.0f} a year, {busy:.2f}/s in the busiest hour"
    )
    _say(f"a county: {england.of_a_county(a_year):,.0f} a year, {england.of_a_county(busy):.4f}/s in the busiest hour")


def _say_measured(one: Measured) -> None:
    _say_parts(f"{one.name}, ms of processor for an event ({one.events} events)", one.cost, "{:.2f}", 1_000)


def _say_parts(what: str, of: Mapping[str, float], form: str, times: float = 1.0) -> None:
    _say(f"{what}: {', '.join(f'{name} {form.format(figure * times)}' for name, figure in of.items())}")


def _say_sizes(sizes: Sequence[Size], events: int, numbered: float) -> None:
    """Bytes for an event that somebody recorded, with all that follows from it, before compression."""
    copied = [one for one in sizes if one.name not in copies.NOT_COPIED and one.documents >= PEOPLE_COPIED]
    for one in copied:
        _say(
            f"{one.service}.{one.name}: {one.size / one.documents:,.0f} bytes a document with its indexes, "
            f"{one.size / events:,.0f} for an event"
        )
    in_all = sum(one.size for one in copied) / events + numbered
    _say(f"bytes stored for an event, with {numbered:,.0f} of manifests and the like: {in_all:,.0f}")


def _say_exponent(of: str, measured: Sequence[Measured]) -> None:
    found = exponent((one.grown, one.total) for one in measured)
    told = "not measured" if found is None else f"{found:.2f} ({len(measured)} points)"
    _say(f"exponent of processor time per event against {of}: {told}")


def _show(title: str, measured: Sequence[Measured]) -> None:
    names = [name for one in measured[:1] for name in one.cost]
    table = Table(
        "", "asked/s", "answered/s", "events", *names, "all, ms", "busy", "p50", "p95", "late", "", title=title
    )
    for one in measured:
        table.add_row(
            one.name,
            f"{one.asked:,.2f}",
            f"{one.answered:,.2f}",
            f"{one.events:,}",
            *(f"{1_000 * cost:,.2f}" for cost in one.cost.values()),
            f"{1_000 * one.total:,.2f}",
            f"{one.busy:.2f}",
            f"{one.p50_ms:,.0f} ms",
            f"{one.p95_ms:,.0f} ms",
            f"{one.late:.1f} s",
            "keeps up" if one.keeps_up else "DOES NOT KEEP UP",
        )
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
