"""The follow-up service without its queues, in a process of its own: what each act costs.

Reads acts as JSON, one a line, and answers each with a line. `sweep` chases everything that is due and composes the
digests, which stay unsent. `hear` hears 500 events of new people. `live` hears the whole life of somebody with so many
referrals, and its last events one by one. `seconds` is real time, `cpu` processor time of this process, so without the
store's; of `live` they are the medians of a batch of one event.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from itertools import count
from statistics import median
from uuid import uuid4

from services.referrals_followup.bootstrap import Dependencies, build
from shared.cli.main import collect_rarely
from shared.config.config import load_config
from shared.kernel.envelope import from_text
from shared.runtime.clock import MovableClock
from shared.runtime.observability import configure_logging
from tests.bench.histories import life, long_life
from tests.integration.ledger import delivery

PEOPLE = 25
# Of a life, so many events are heard each by itself.
ONE_BY_ONE = 34


def main() -> None:
    """Answers acts until the input ends."""
    configure_logging("referrals_followup", "alone", "error")
    collect_rarely()
    people: dict[str, Iterator[int]] = {}
    for line in sys.stdin:
        asked = json.loads(line)
        dependencies = _parts(asked["database"], asked["now"])
        numbers = people.setdefault(asked["database"], count())
        print(json.dumps(_ACTS[asked["act"]](dependencies, numbers)), flush=True)


@cache
def _parts(database: str, now: str) -> Dependencies:
    config = load_config({**os.environ, "MONGODB_DATABASE": database}, service="referrals_followup", role="serve bus")
    return build(config, MovableClock(from_text(now)))


def _sweep(dependencies: Dependencies, numbers: Iterator[int]) -> dict[str, float]:
    with _measured() as cost:
        report = dependencies.sweeper.sweep(str(uuid4()))
        dependencies.composer.compose()
    return {**cost, "chased": report.chased, "failed": report.failed}


def _hear(dependencies: Dependencies, numbers: Iterator[int]) -> dict[str, float]:
    events = [event for _ in range(PEOPLE) for event in life(next(numbers))]
    deliveries = [delivery(event) for event in events]
    with _measured() as cost:
        dependencies.ingest.receive(deliveries)
    return {**cost, "events": len(events)}


def _live(referrals: int, dependencies: Dependencies, numbers: Iterator[int]) -> dict[str, float]:
    events = list(long_life(next(numbers), referrals))
    dependencies.ingest.receive([delivery(event) for event in events[:-ONE_BY_ONE]])
    costs = []
    for event in events[-ONE_BY_ONE:]:
        with _measured() as cost:
            dependencies.ingest.receive([delivery(event)])
        costs.append(cost)
    return {**{name: median(one[name] for one in costs) for name in ("seconds", "cpu")}, "events": len(events)}


@contextmanager
def _measured() -> Iterator[dict[str, float]]:
    began, cpu = time.monotonic(), time.process_time()
    cost: dict[str, float] = {}
    yield cost
    cost |= {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}


SHORT, LONG = "live with 3 referrals", "live with 30 referrals"
_ACTS: Mapping[str, Callable[[Dependencies, Iterator[int]], dict[str, float]]] = {
    "sweep": _sweep,
    "hear": _hear,
    SHORT: partial(_live, 3),
    LONG: partial(_live, 30),
}


if __name__ == "__main__":
    main()
