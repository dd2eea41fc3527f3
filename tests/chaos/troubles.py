"""The troubles of a run, one after the other, each at a share of the load that a seed chooses."""

from __future__ import annotations

import json
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from random import Random

import pika
from pika.exceptions import AMQPError
from pymongo.errors import PyMongoError

from shared.config.config import SERVICES
from shared.events.documents import cloudevent_of
from shared.kernel.envelope import CONTENT_TYPE
from shared.messaging.topology import exchange_of
from tests.chaos import poison
from tests.chaos.arena import TICK, Arena
from tests.chaos.reference import BEGINS
from tests.chaos.verdict import RECORDING

PARTS = ("mongod", "rabbitmq")
CREEP = timedelta(minutes=1)
MOST_UNFOLDED = 500
FOLDED = {"folded": True, "event.source": {"$in": list(RECORDING)}}
# OutOfDiskSpace; WriteConcernFailed. github.com/mongodb/mongo, src/mongo/base/error_codes.yml
REFUSALS = (
    {"errorCode": 14031},
    {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
    {"closeConnection": True},
)

DISK_LOST_FROM = 1_000

Trouble = Callable[[], None]


class Troubles(threading.Thread):
    """Carries out its plan as the load goes on, and lets the clock creep meanwhile. `had` counts what it did.

    The clients may `go` while the ledger keeps up with them: else nothing would be known in time, and nobody chased.
    """

    def __init__(
        self, arena: Arena, events: int, days: int, progress: Callable[[], float], go: threading.Event
    ) -> None:
        super().__init__(name="troubles", daemon=True)
        self._arena = arena
        self._progress = progress
        self._go = go
        self._chance = Random(f"{arena.seed} troubles")
        self._over = threading.Event()
        self.had: Counter[str] = Counter()
        self._unsent = poison.poison(max(6, events // 100), arena.seed)
        plan = [(self._chance.uniform(0.02, 0.97), name, trouble) for name, trouble in self._planned(events, days)]
        if events >= DISK_LOST_FROM:  # all that was published until then is said again: early, as that takes its time
            plan.append((self._chance.uniform(0.1, 0.25), "broker lost its disk", self._lose_the_disk))
        self._plan = sorted(plan, key=lambda planned: planned[0])

    def _planned(self, events: int, days: int) -> Iterator[tuple[str, Trouble]]:
        arena, size = self._arena, events / 20_000
        for name in arena.names():
            times = max(1, round((5 if name in PARTS else 4) * size))
            yield from [(f"killed {name}", partial(arena.kill, name))] * times
        yield from [("refused writes", self._refuse)] * max(2, round(20 * size))
        yield from [("repeated and reordered", self._repeat)] * max(4, round(40 * size))
        yield from [("poisoned", self._poison)] * max(3, round(20 * size))
        jumps = max(4, round(24 * size))
        yield from [("days passed", partial(self._pass, timedelta(days=days) / (jumps + 2)))] * jumps
        yield from [("tick away for days", partial(self._tick_away, timedelta(days=days) / (jumps + 2)))] * 2

    def run(self) -> None:
        try:
            while self._plan and not self._over.is_set():
                self._go_on()
        except Exception as error:
            self._arena.faults.append(f"the troubles ended early: {error}")
        finally:
            self._go.set()

    def _go_on(self) -> None:
        if self._plan[0][0] <= self._progress():
            _, name, trouble = self._plan.pop(0)
            trouble()
            self.had[name] += 1
        else:
            self._arena.deaths.arm(self._progress())
            self._pass(CREEP)
            self._hold_back()
            self._over.wait(1.0)

    def _hold_back(self) -> None:
        with suppress(PyMongoError):
            folded = self._arena.databases["referrals_followup"].evidence.count_documents(FOLDED)
            if len(self._arena.ledger.accepted) - folded < MOST_UNFOLDED:
                self._go.set()
            else:
                self._go.clear()

    def end(self) -> None:
        """Stops the troubles and sends the poison that was not sent yet."""
        self._over.set()
        self.join()
        self._arena.refuse_writes("off")
        self._arena.wait("all poison is sent", lambda: self._send(self._unsent), 60)

    def _pass(self, much: timedelta) -> None:
        clock = self._arena.clock
        clock.set(clock.now() + much)

    def _tick_away(self, much: timedelta) -> None:
        """Stops the scheduler while days pass. It does not know of them when it goes on."""
        with self._arena.stopped(TICK):
            self._pass(much)
            self._over.wait(3.0)

    def _refuse(self) -> None:
        self._arena.refuse_writes({"times": self._chance.randrange(1, 6)}, **self._chance.choice(REFUSALS))

    def _repeat(self) -> None:
        """Publishes some events again, in any order, and some before their relay does."""
        for service in SERVICES:
            with suppress(PyMongoError, AMQPError, OSError):
                events = self._arena.databases[service].events
                found = list(events.aggregate([{"$sample": {"size": 20}}, {"$project": {"event": 1}}]))
                connection = pika.BlockingConnection(pika.URLParameters(self._arena.stack.backends.amqp_uri))
                with connection:
                    channel = connection.channel()
                    for document in found:
                        event = cloudevent_of(document)
                        properties = pika.BasicProperties(
                            content_type=CONTENT_TYPE, delivery_mode=2, message_id=event["id"]
                        )
                        body = json.dumps(event).encode()
                        channel.basic_publish(exchange_of(service), event["type"], body, properties)

    def _poison(self) -> None:
        self._send(self._unsent[: self._chance.randrange(5, 16)])

    def _send(self, some: list[poison.Poison]) -> bool:
        if not poison.send(some, self._arena.stack.backends.amqp_uri):
            return False
        self._arena.poison.extend(some)
        del self._unsent[: len(some)]
        return True

    def _lose_the_disk(self) -> None:
        """Makes the broker forget every queue and message. The remedy is topology, and publishing everything again."""
        arena, backends = self._arena, self._arena.stack.backends
        data = backends.folder / "rabbit" / "data"
        data.rename(data.with_name("lost"))
        arena.kill("rabbitmq")
        shutil.rmtree(data.with_name("lost"))
        backends.wait_until_ready()
        for service in SERVICES:
            arena.stack.run(service, "topology")
        arena.wait_until_queues_are_saved()
        since = BEGINS.isoformat()
        for service in SERVICES:
            arena.stack.run(service, "relay", "--republish-since", since, within=300)
        arena.wait("poison is sent again", lambda: poison.send(arena.poison, backends.amqp_uri), 60)
