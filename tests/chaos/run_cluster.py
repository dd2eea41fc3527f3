"""`python -m tests.chaos.run_cluster [--seed N] [--events N]`: three nodes of each backend, any of which is lost.

Under an even load each node is killed and kept away, the primary is stepped down, a node of each backend is frozen, and
each of two replicas is killed. The verdict is that of `tests.chaos.run`, its last line too. No recording service may be
without an answer for longer than LIMIT_SECONDS.

A frozen node (SIGSTOP) stands for one that is cut off: its connections stay open, and neither its peers nor its clients
get a word from it. When it goes on, it learns that the others have gone on without it.
"""

from __future__ import annotations

import argparse
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from random import Random

from rich.console import Console

from shared.messaging.topology import EVIDENCE
from tests.chaos import poison
from tests.chaos.clients import Client
from tests.chaos.cluster import MONGODS, RABBITS
from tests.chaos.gaps import Hearing, Span, longest_gap, table_of
from tests.chaos.process import Plan
from tests.chaos.reference import ENDS
from tests.chaos.replicas import ClusterArena, cluster_arena
from tests.chaos.rest import come_to_rest
from tests.chaos.verdict import Verdict, conclude, judge

CLIENTS = 8
EVENTS_PER_SECOND = 15
# An election takes MongoDB 10 to 12 s. Of a frozen primary the driver learns in 13 s, a call that waits for it in 20 s.
LIMIT_SECONDS = 30.0
AWAY_SECONDS = 12.0
FROZEN_SECONDS = 30.0
WHOLE_WITHIN, LOAD_SECONDS, REST_SECONDS = 120.0, 600.0, 240.0
DAYS = 62
CREEP = timedelta(seconds=40)

Trouble = Callable[[], None]


class Troubles(threading.Thread):
    """One trouble after the other, in an order that the seed chooses. Each begins when the one before is over.

    `spans` tells when each was.
    """

    def __init__(self, arena: ClusterArena) -> None:
        super().__init__(name="troubles", daemon=True)
        self._arena = arena
        chance = Random(f"{arena.seed} troubles")
        self._plan = list(self._planned())
        chance.shuffle(self._plan)
        self._poison = poison.poison(len(self._plan) * 3, arena.seed)
        self._day = timedelta(days=DAYS) / (2 * len(self._plan))
        self.spans: list[Span] = []
        self.are_over = threading.Event()

    def _planned(self) -> Iterator[tuple[str, Trouble]]:
        arena, cluster = self._arena, self._arena.cluster
        for name in (*MONGODS, *RABBITS):
            yield f"killed {name}", partial(self._without, lambda name=name: name, cluster.away, AWAY_SECONDS)
        yield "primary killed", partial(self._without, cluster.primary, cluster.away, AWAY_SECONDS)
        yield "primary stepped down", cluster.step_down
        yield "primary frozen", partial(self._without, cluster.primary, cluster.frozen, FROZEN_SECONDS)
        yield (
            "leader of the evidence queue frozen",
            partial(self._without, lambda: cluster.leader_of(EVIDENCE), cluster.frozen, FROZEN_SECONDS),
        )
        for name in arena.names():
            yield f"killed {name}", partial(arena.kill, name)

    def run(self) -> None:
        try:
            self._let(10.0)
            for what, trouble in self._plan:
                begun = time.monotonic()
                self._pass(self._day)
                trouble()
                self._let(2.0)
                self._pass(self._day)
                self._send_poison()
                self._mended(what)
                self.spans.append(Span(what, begun, time.monotonic()))
                print(f"{what}: mended after {self.spans[-1].over - begun:.0f} s", flush=True)
            self._let(5.0)
        except Exception as error:
            self._arena.faults.append(f"the troubles ended early: {error!r}")
        finally:
            self.are_over.set()

    def _without(self, which: Callable[[], str], lost: Callable[[str], AbstractContextManager], seconds: float) -> None:
        with lost(which()):
            self._let(seconds)

    def _mended(self, what: str) -> None:
        def is_mended() -> bool:
            self._let(0.5)
            return self._arena.cluster.is_whole() and self._arena.cluster.queues_are_whole() and self._arena.is_ready()

        self._arena.wait(f"all is mended after: {what}", is_mended, WHOLE_WITHIN)

    def _let(self, seconds: float) -> None:
        over, pause = time.monotonic() + seconds, threading.Event()
        while time.monotonic() < over:
            self._pass(CREEP)
            pause.wait(0.5)

    def _pass(self, much: timedelta) -> None:
        clock = self._arena.clock
        clock.set(clock.now() + much)

    def _send_poison(self) -> None:
        some, self._poison = self._poison[:3], self._poison[3:]
        amqp_uri = self._arena.stack.backends.amqp_uri
        self._arena.wait("poison is sent", lambda: poison.send(some, amqp_uri), 60)
        self._arena.poison.extend(some)


def chaos(seed: int, events: int) -> Verdict:
    """Records while one node after the other is lost, lets the system come to rest, and judges the result.

    Raises NotReady or NotInstalled.
    """
    begun = time.monotonic()
    with cluster_arena(Plan(seed), CLIENTS / EVENTS_PER_SECOND) as ours:
        print(
            f"a cluster of six nodes, two replicas of each service, after {time.monotonic() - begun:.0f} s", flush=True
        )
        hearing = Hearing(ours.databases["referrals_followup"].evidence)
        hearing.start()
        troubles = _burden(ours, events)
        answered = {service: list(times) for service, times in sorted(ours.caller.answered.items())}
        come_to_rest(ours, ENDS, REST_SECONDS)
        hearing.end()
        print(f"at rest after {time.monotonic() - begun:.0f} s", flush=True)
        verdict = judge(ours.left())
        Console(width=120).print(table_of(troubles.spans, answered, hearing.heard, LIMIT_SECONDS))
        for service, times in answered.items():
            late = [span.what for span in troubles.spans if longest_gap(times, span.begun, span.over) > LIMIT_SECONDS]
            verdict.blame(f"{service}: nothing was recorded for more than {LIMIT_SECONDS:.0f} s around", late)
        verdict.faults += ours.faults
        if ours.ledger.unexpected:
            print(f"answers 500, asked again: {ours.ledger.unexpected}")
        return verdict


def _burden(ours: ClusterArena, events: int) -> Troubles:
    """Runs the load for as long as the troubles."""
    crowd = ours.crowd()
    accepted, go = ours.ledger.accepted, threading.Event()
    go.set()
    load_by, troubles = time.monotonic() + LOAD_SECONDS, Troubles(ours)

    def enough() -> bool:
        return time.monotonic() > load_by or (troubles.are_over.is_set() and len(accepted) >= events)

    clients = [Client(number, ours.seed, ours.caller, crowd, enough, go) for number in range(CLIENTS)]
    for thread in (*clients, troubles):
        thread.start()
    for thread in (*clients, troubles):
        thread.join()
    if len(accepted) < events:
        ours.faults.append(f"only {len(accepted)} events were recorded in {LOAD_SECONDS:.0f} s")
    return troubles


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run_cluster")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--events", type=int, default=3_000, help="at least so many; the load lasts for all troubles")
    said = parser.parse_args()
    print(f"seed {said.seed}: --seed {said.seed} chooses the same stories and the same order of troubles", flush=True)
    return conclude(lambda: chaos(said.seed, said.events))


if __name__ == "__main__":
    sys.exit(main())
