"""A stack on a cluster, with two of every process that serves; each has an address of its own."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

from deploy.local.folders import fresh_name
from deploy.local.processes import Command, Processes
from deploy.local.stack import local_stack
from tests.chaos.arena import READY_SECONDS, SECOND, Arena
from tests.chaos.clients import Caller
from tests.chaos.cluster import Cluster, cluster
from tests.chaos.process import FOLDER, Plan
from tests.chaos.reference import BEGINS
from tests.chaos.stories import Answer, Post
from tests.support import without_foreign_backends

FRONTS = {"perinatal.serve": "perinatal", "leaving_care.serve": "leaving_care"}
SERVING = (*FRONTS, "referrals_followup.http", "referrals_followup.bus")


def second_of(name: str) -> str:
    """What the second replica of a process is called."""
    return f"{name}-2"


@dataclass(frozen=True)
class PacedCaller(Caller):
    """Asks at an even pace, so that a gap in the answers is the system's, and notes when each of them came."""

    pause_seconds: float = 0.0
    answered: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def tell(self, session: Any, chance: Any, post: Post, key: str) -> Answer:
        Event().wait(chance.uniform(0, 2 * self.pause_seconds))
        return super().tell(session, chance, post, key)

    def _note(self, post: Post, answer: Answer) -> None:
        self.answered[post.service].append(time.monotonic())
        super()._note(post, answer)


@dataclass(frozen=True)
class ClusterArena(Arena):
    """The arena of a run on a cluster. `seconds` are the addresses of the second replicas."""

    cluster: Cluster = field(kw_only=True)
    seconds: Mapping[str, str] = field(kw_only=True)
    pause_seconds: float = 0.0

    @cached_property
    def caller(self) -> PacedCaller:
        addresses = {
            service: [self.stack.urls[service], self.seconds[second_of(name)]] for name, service in FRONTS.items()
        }
        return PacedCaller(addresses, self.token, self.clock, self.ledger, self.pause_seconds)

    def names(self) -> list[str]:
        """Both replicas of everything that serves."""
        return [one for name in SERVING for one in (name, second_of(name))]

    def kill(self, name: str) -> None:
        """With SIGKILL; its keeper starts it again."""
        (self.replicas.kill if name in self.seconds else self.stack.kill)(name)

    def is_ready(self) -> bool:
        """Whether every replica says so."""
        addresses = (*self.stack.health.values(), *(f"{one}/health/ready" for one in self.seconds.values()))
        with self.session() as session:
            return all(session.get(address, timeout=5).status_code == 200 for address in addresses)


@contextmanager
def cluster_arena(plan: Plan, pause_seconds: float) -> Iterator[ClusterArena]:
    """Six nodes, and on them a stack with two of everything that serves; nothing of it is left afterwards."""
    with TemporaryDirectory(prefix="chaos-") as name, cluster(without_foreign_backends()) as nodes:
        folder = Path(name)
        plan.write(folder)
        given = {
            **without_foreign_backends(),
            "MONGODB_URI": nodes.mongodb_uri,
            "AMQP_URI": nodes.amqp_uri,
            "AMQP_MANAGEMENT_URI": nodes.management("rabbitmq-1"),
        }
        settings = {FOLDER: name, "SWEEP_INTERVAL_SECONDS": "2", "LOG_LEVEL": "warning"}
        with local_stack(
            fresh_name("chaos"),
            replay_clock=BEGINS,
            settings=settings,
            environment=given,
            ticks=True,
            started_by=("tests.chaos.process",),
        ) as stack:
            addresses = {second_of(one): f"127.0.0.1:{stack.backends.ports.take(second_of(one))}" for one in SERVING}
            commands = [
                Command(
                    second_of(one),
                    stack.commands[one],
                    {**stack.environments[one.partition(".")[0]], "HTTP_ADDRESS": addresses[second_of(one)]},
                    grace=2.0,
                )
                for one in SERVING
            ]
            replicas = Processes(stack.folder, stack.backends.lock, commands)
            try:
                seconds = {one: f"http://{address}" for one, address in addresses.items()}
                ours = ClusterArena(
                    stack,
                    folder,
                    plan.seed,
                    replicas,
                    seconds[SECOND],
                    cluster=nodes,
                    seconds=seconds,
                    pause_seconds=pause_seconds,
                )
                ours.wait("every replica is ready", ours.is_ready, READY_SECONDS)
                ours.wait("each queue is on three nodes", nodes.queues_are_whole, READY_SECONDS)
                ours.wait("queues are saved", nodes.queues_are_saved, READY_SECONDS)
                yield ours
            finally:
                replicas.stop()
