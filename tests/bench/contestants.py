"""The contestants: ours, peers and floors. Each starts its processes in an empty field, works, and is measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Protocol
from uuid import uuid4

import pika

from shared.kernel.envelope import Event
from shared.messaging.topology import EVIDENCE
from tests.bench import histories
from tests.bench.ground import LOOK_EVERY, PEERS, Field

Figures = Mapping[str, float]

CONNECTIONS = 16
WORK_WITHIN = 120.0
# To ask a peer how far it is costs more than to ask ours or the floor.
LOOK_AT_PEERS_EVERY = 0.1
QUEUE = "outstanding"
HANDLER_QUEUE = "evt-recording-recorded--outstanding.hear"


class Contestant(Protocol):
    """One contestant of a race."""

    @property
    def name(self) -> str:
        """As the results have it."""

    def run(self, field: Field) -> Figures:
        """One round: at least the `rate`. Raises Stuck."""


# --- recording over HTTP --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Recording:
    """So many connections tell stories for so many seconds; each answer comes after the write is on a majority."""

    name: str
    start: Callable[[Field, str], None]
    seconds: float = 5.0

    def run(self, field: Field) -> Figures:
        address = field.address()
        self.start(field, address)
        field.wait_for(address)
        measured = field.load(address, connections=CONNECTIONS, seconds=self.seconds)
        return {name: measured[name] for name in ("rate", "p50_ms", "p95_ms", "refused", "own_cpu")}


def ours_http(field: Field, address: str) -> None:
    """One `serve http` process of perinatal."""
    field.serve("perinatal", "serve", "http", HTTP_ADDRESS=address)


def ours_http_and_relay(field: Field, address: str) -> None:
    """The same, with the relay publishing meanwhile."""
    field.run("perinatal", "topology")
    field.serve("perinatal", "relay")
    ours_http(field, address)


def empty_http(field: Field, address: str) -> None:
    field.start([sys.executable, "-m", "tests.bench.floors.empty_http"], field.settings("floor", HTTP_ADDRESS=address))


def nameko_http(field: Field, address: str) -> None:
    with field.channel() as channel:
        channel.exchange_declare("recording.events", exchange_type="topic", durable=True)
        channel.queue_declare(HANDLER_QUEUE, durable=True)
        channel.queue_bind(HANDLER_QUEUE, "recording.events", "recorded")
    field.start([*_nameko, "http"], field.settings("peer", HTTP_ADDRESS=address))


def fast_http(workers: int) -> Callable[[Field, str], None]:
    def start(field: Field, address: str) -> None:
        host, port = address.split(":")
        command = [str(PEERS / "uvicorn"), "tests.bench.peers.fast_http:app", "--host", host, "--port", port]
        field.start([*command, "--workers", str(workers), "--no-access-log"], field.settings("peer"))

    return start


# --- folding what waits in a queue ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hearing:
    """What so many people's events leave in a queue is heard until all is done; then the rate is known."""

    name: str
    prepare: Callable[[Field, Sequence[Event]], None]
    start: Callable[[Field], None]
    done: Callable[[Field], int]
    events: Callable[[int], list[Event]]
    people: int
    every: float = LOOK_EVERY

    def run(self, field: Field) -> Figures:
        events = _events(self.events, self.people)
        self.prepare(field, events)
        self.start(field)
        return {"rate": field.rate(len(events), lambda: self.done(field), WORK_WITHIN, self.every)}


@cache
def _events(of: Callable[[int], list[Event]], people: int) -> list[Event]:
    return of(people)


def fill_evidence(field: Field, events: Sequence[Event]) -> None:
    field.run("referrals_followup", "topology")
    field.publish(EVIDENCE, [histories.message(event) for event in events])


def start_ledger(field: Field) -> None:
    """One `serve bus` process, with all packs in force."""
    field.run("referrals_followup", "adopt")
    field.serve("referrals_followup", "serve", "bus", HTTP_ADDRESS=field.address())


def folded(field: Field) -> int:
    """How many events are kept, and folded into every view that they bear on."""
    evidence = field.database("referrals_followup").evidence
    return evidence.estimated_document_count() - evidence.count_documents({"folded": False})


def start_floor(field: Field) -> None:
    field.start([sys.executable, "-m", "tests.bench.floors.consume"], field.settings("floor"))


def inserted(field: Field) -> int:
    return field.database("floor").floor.estimated_document_count()


def count_heard(field: Field) -> int:
    """How many events the rows of a peer have heard of."""
    rows = field.database("peer").outstanding.aggregate([{"$group": {"_id": None, "heard": {"$sum": "$heard"}}}])
    return sum(row["heard"] for row in rows)


def fill_plain(queue: str) -> Callable[[Field, Sequence[Event]], None]:
    def fill(field: Field, events: Sequence[Event]) -> None:
        _declare_durable(field, queue)
        field.publish(queue, [histories.message(event) for event in events], content_type="application/json")

    return fill


def fill_celery(field: Field, events: Sequence[Event]) -> None:
    """The messages that `hear.delay(event)` would send (Celery's message protocol, version 2)."""
    _declare_durable(field, QUEUE)
    with field.channel() as channel:
        for event in events:
            task = str(uuid4())
            how = pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                correlation_id=task,
                headers={"lang": "py", "task": "hear", "id": task, "root_id": task, "argsrepr": "", "kwargsrepr": ""},
            )
            body = [[event.to_cloudevent()], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
            channel.basic_publish("", QUEUE, json.dumps(body).encode(), how)
    field.wait(f"{QUEUE} is filled", lambda: field.waiting_in(QUEUE) == len(events))


def start_nameko_bus(field: Field) -> None:
    field.start([*_nameko, "bus"], field.settings("peer", HTTP_ADDRESS=field.address()))


def start_fast_bus(workers: int) -> Callable[[Field], None]:
    def start(field: Field) -> None:
        command = [str(PEERS / "faststream"), "run", "tests.bench.peers.fast_bus:app", "--log-level", "warning"]
        field.start([*command, *(["--workers", str(workers)] if workers > 1 else [])], field.settings("peer"))

    return start


def start_celery(workers: int) -> Callable[[Field], None]:
    def start(field: Field) -> None:
        command = [str(PEERS / "celery"), "-A", "tests.bench.peers.celery_bus", "worker", "--loglevel", "warning"]
        lean = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        field.start([*command, *lean, "--concurrency", str(workers)], field.settings("peer"))

    return start


_nameko = [str(PEERS / "python"), "-W", "ignore", "-m", "tests.bench.peers.usual_nameko"]


def _declare_durable(field: Field, queue: str) -> None:
    with field.channel() as channel:
        channel.queue_declare(queue, durable=True)
