"""`python -m tests.bench.county`: a county's load on the whole stack: once, tenfold, and on to its limit.

Two things grow, one after the other: the requests a second, and the stored data. For each size it measures what an
event costs every process, how long it takes from the answer to the follow-up, and whether the stack keeps up. It then
works out by which power of the load, and of the stored data, the cost of an event grows (0: not at all). It times a
sweep of everything that is due. It judges nothing: `deploy/SCALING.md` has the conclusions, and `--write` puts the
measurements into it.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from statistics import fmean
from subprocess import SubprocessError

from rich.console import Console

from shared.events.documents import document_of, sealed
from shared.kernel.envelope import Event
from shared.kernel.ids import uuid7
from shared.runtime.clock import SystemClock
from shared.runtime.observability import configure_logging
from shared.scheduling.tick import publish_sweep
from tests.bench import copies, england, histories, scaling
from tests.bench.contestants import CONNECTIONS, seem_folded
from tests.bench.ground import Field, Stuck, ground
from tests.bench.live_events import SEEN_WITHIN, first_seen
from tests.bench.scaling import Found, Kept, Measured, Swept
from tests.bench.usage import megabytes, processes_of, processor_seconds
from tests.bench.whole import start_stack

# How many times a county's busiest hour, and for how many seconds.
LOADS = ((1, 50), (10, 20), (100, 25), (1_000, 15), (3_000, 15), (10_000, 12), (30_000, 8))
# How many years of a county are stored when the cost of an event is measured again, as far as there is time to copy
# them; and how many times the county's busiest hour comes then.
YEARS = (1, 3, 10, 30, 100)
COPYING_SECONDS = 150.0
LOAD_ON_STORED, SECONDS_ON_STORED = 1_000, 20
IDLE_SECONDS = 15
LOOK_EVERY = 0.25
PEOPLE_COPIED, COPIES_AT_ONCE = 100, 4
# The last thing that is said of these people was said so long ago: some of it is overdue, and not for years.
SAID_BEFORE = timedelta(days=14)
LEDGER = "referrals_followup"
RECORDING = ("perinatal", LEDGER)
LARGEST = 5

console = Console()


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
        said = field.database(LEDGER).reported_manifests
        from_leaving_care = {"_id": {"$regex": "^leaving_care/"}}
        field.wait("all relays have spoken", lambda: said.find_one(from_leaving_care), every=LOOK_EVERY)
        processes = processes_of(field)
        _rest(field)
        before, began = processor_seconds(processes), time.monotonic()
        time.sleep(IDLE_SECONDS)
        took = time.monotonic() - began
        return cls(field, address, processes, {name: s / took for name, s in _used(before, processes).items()})

    def measured(self, name: str, rate: float, seconds: float) -> Measured:
        """So many requests a second for so many seconds, until all of it is folded. Raises Stuck."""
        field, connections = self.field, min(CONNECTIONS, max(1, round(rate)))
        events = field.database("perinatal").events.estimated_document_count
        stored, before, began = events(), processor_seconds(self.processes), time.monotonic()
        with first_seen(field) as seen:
            answered = field.load(self.address, connections=connections, seconds=seconds, rate=rate, tells_noted=True)
            ended = time.monotonic()
            _wait_until_folded(field)
            late = time.monotonic() - ended
            noted: dict[str, float] = answered["noted"]
            field.wait("every follow-up is seen", lambda: noted.keys() <= seen.keys(), SEEN_WITHIN, LOOK_EVERY)
        recorded = events() - stored
        lags = sorted(1_000 * max(0.0, seen[referral] - at) for referral, at in noted.items())
        return Measured(
            name=name,
            asked=rate,
            answered=answered["rate"],
            refused=answered["refused"],
            events=recorded,
            stored=stored,
            cost=self.cost(before, time.monotonic() - began, recorded),
            busy=sum(_used(before, self.processes).values()) / (time.monotonic() - began),
            p50_ms=lags[len(lags) // 2] if lags else None,
            p95_ms=lags[int(len(lags) * 0.95)] if lags else None,
            late=late,
        )

    def cost(self, before: Mapping[str, float], took: float, of: int) -> dict[str, float]:
        """Processor seconds of each process since `before` for each of so many, without what nothing to do takes."""
        used = _used(before, self.processes)
        return {name: (spent - self.idle[name] * took) / max(1, of) for name, spent in used.items()}


def main(argv: Sequence[str]) -> int:
    """Raises what starting the backends raises."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.county")
    parser.add_argument("--copying", type=float, default=COPYING_SECONDS, help="seconds for filling the store")
    parser.add_argument("--loads", type=int, help="only so many of the loads, from the smallest")
    parser.add_argument("--write", action="store_true", help="put what is measured into deploy/SCALING.md")
    said = parser.parse_args(argv)
    configure_logging("bench", "county", "error")
    _say(scaling.england_needs())
    began = time.monotonic()
    with ground() as place:
        with place.field() as field:
            stack = Stack.started(field)
            loads = _grow_the_load(stack, LOADS[: said.loads])
            memory, idle = megabytes(stack.processes), stack.idle
        with place.field() as field:
            stored, swept, kept = _grow_what_is_stored(Stack.started(field), said.copying)
    found = Found(
        at=datetime.now(UTC),
        cores=os.cpu_count() or 1,
        load_average=os.getloadavg()[2],
        took=time.monotonic() - began,
        idle=idle,
        loads=loads,
        stored=stored,
        swept=swept,
        kept=kept,
        megabytes=memory,
    )
    _say(scaling.text_of(found))
    for line in scaling.exponents(found):
        _say(line)
    if said.write:
        scaling.write(found)
    return 0


def _grow_the_load(stack: Stack, loads: Sequence[tuple[int, int]]) -> list[Measured]:
    """Each load in turn; the first of which less than half is answered is the last."""
    found: list[Measured] = []
    for times, seconds in loads:
        one = _measured(stack, f"{times:,}x", times, seconds)
        found += [one] if one else []
        if one is None or (one.is_measurable and one.answered < one.asked / 2):
            break
    return found


def _measured(stack: Stack, name: str, times: int, seconds: float) -> Measured | None:
    """A county's busiest hour, so many times; None when the stack got stuck, which is printed."""
    try:
        found = stack.measured(name, england.of_a_county(england.busy_hour()) * times, seconds)
    except (Stuck, SubprocessError) as stuck:
        _say(f"{name}: stuck: {stuck}")
        return None
    costs = ", ".join(f"{process} {1_000 * cost:.2f}" for process, cost in found.cost.items())
    _say(f"{name}: {found.answered:,.2f}/s of {found.asked:,.2f} answered, {found.events} events, ms for one: {costs}")
    return found


def _grow_what_is_stored(stack: Stack, copying: float) -> tuple[list[Measured], Swept, Kept]:
    """The same load with more and more stored, until so many seconds were spent on copying."""
    field = stack.field
    _record(field, PEOPLE_COPIED)
    swept = _swept(stack)
    of_people = PEOPLE_COPIED * histories.EVENTS_EACH
    numbered = sum(one.size for one in _sizes(field) if one.name in copies.NOT_COPIED) / of_people
    originals = copies.originals(*map(field.database, RECORDING))
    a_year = england.of_a_county(england.recorded_a_year())
    found: list[Measured] = []
    made, spent = 1, 0.0
    for years in YEARS:
        wanted = round(a_year * years / of_people)
        while made < wanted and spent < copying:
            began, more = time.monotonic(), min(COPIES_AT_ONCE, wanted - made)
            copies.add_copies(originals, range(made, made + more))
            made, spent = made + more, spent + time.monotonic() - began
        if made * of_people <= (found[-1].stored if found else 0):
            break
        field.client.admin.command("fsync")
        one = _measured(stack, f"{made * of_people / a_year:.1f} years", LOAD_ON_STORED, SECONDS_ON_STORED)
        found += [one] if one else []
        if one is None or made < wanted:
            break
    return found, swept, _kept(field, made * of_people, numbered)


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


def _swept(stack: Stack) -> Swept:
    """Chases everything that is due in one sweep, and sends the digests. Raises Stuck."""
    field = stack.field
    ledger = field.database(LEDGER)
    before, began = processor_seconds(stack.processes), time.monotonic()
    asked = publish_sweep(field.amqp_uri, SystemClock())
    done = {"_id": asked, "finished_at": {"$exists": True}}
    field.wait("the sweep is over", lambda: ledger.sweeps.find_one(done), within=180, every=LOOK_EVERY)
    _wait_until_folded(field)
    waited = time.monotonic() - began
    sweep = ledger.sweeps.find_one(done) or {}
    swept = Swept(
        chased=sweep["chased"],
        letters=ledger.events.count_documents({"event.type": "digest.composed.v1"}),
        seconds=(sweep["finished_at"] - sweep["started_at"]).total_seconds(),
        cost=stack.cost(before, waited, sweep["chased"]),
    )
    _say(f"a sweep chased {swept.chased} in {swept.seconds:.1f} s, with {swept.letters} letters")
    _rest(field)
    return swept


def _wait_until_folded(field: Field) -> None:
    """Waits until everything recorded is stored and folded. Raises Stuck."""
    recorded = [field.database(service).events for service in RECORDING]
    field.wait(
        "every event is folded",
        lambda: seem_folded(field, sum(events.estimated_document_count() for events in recorded)),
        SEEN_WITHIN * 2,
        LOOK_EVERY,
    )


def _rest(field: Field) -> None:
    """Waits until nothing is left to publish or to name in a manifest, and every queue is empty. Raises Stuck."""
    stores = [field.database(service).events for service in RECORDING]
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
    for service in RECORDING:
        database = field.database(service)
        for name in database.list_collection_names():
            stats = database.command("collStats", name)
            found.append(Size(service, name, stats["count"], stats["size"] + stats["totalIndexSize"]))
    return found


def _kept(field: Field, events: int, numbered: float) -> Kept:
    """`events` of people are stored; for each, so many bytes of what is `numbered` through are not among the copies."""
    sizes = _sizes(field)
    copied = {f"{one.service}.{one.name}": one.size / events for one in sizes if one.name not in copies.NOT_COPIED}
    largest = sorted(copied, key=lambda name: -copied[name])[:LARGEST]
    of_one = {(one.service, one.name): one.size / max(1, one.documents) for one in sizes}
    return Kept(
        an_event=sum(copied.values()) + numbered,
        a_chase=of_one[LEDGER, "events"] + of_one[LEDGER, "evidence"],
        a_message=fmean(len(histories.message(event)) for event in histories.together(1)),
        largest={name: copied[name] for name in largest},
    )


def _used(before: Mapping[str, float], processes: Mapping[str, int]) -> dict[str, float]:
    return {name: after - before[name] for name, after in processor_seconds(processes).items()}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def _say(line: str) -> None:
    console.print(line, highlight=False, soft_wrap=True, markup=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
