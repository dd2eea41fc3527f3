"""The contestants: ours, peers and floors. Each starts its processes in an empty field, works, and is measured."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol
from uuid import uuid4

import pika

from shared.kernel.envelope import Event
from shared.messaging.topology import EVIDENCE
from tests.bench import histories
from tests.bench.ground import LOOK_EVERY, PEERS, Field
from tests.bench.live_events import live_events
from tests.bench.usage import memory

Figures = Mapping[str, float]

CONNECTIONS = 16
WORK_WITHIN = 900.0
# The figure of how much of a backlog is done in a second, from the first delivery until the last is done.
WHOLE = "whole_rate"
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
        """One round: its figures by name. Raises Stuck."""


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
    """Hears the events of so many people, which wait in a queue, until all are done."""

    name: str
    queue: str
    prepare: Callable[[Field, Sequence[bytes]], None]
    start: Callable[[Field], None]
    are_done: Callable[[Field, int], bool]
    events: Callable[[int], list[Event]]
    people: int
    every: float = LOOK_EVERY

    def run(self, field: Field) -> Figures:
        messages = _messages(self.events, self.people)
        self.prepare(field, messages)
        self.start(field)
        began = field.first_delivery(self.queue, len(messages))
        field.wait("all is heard", lambda: self.are_done(field, len(messages)), WORK_WITHIN, self.every)
        return {WHOLE: len(messages) / (time.monotonic() - began)}


@dataclass(frozen=True)
class HearingOurs:
    """One `serve bus` hears such a backlog, alone or beside one live event a second. `megabytes` is the most that the
    process ever had in memory; `live_s` is how long the slowest live event took to become visible."""

    name: str
    events: Callable[[int], list[Event]]
    people: int
    beside_live: bool = False

    def run(self, field: Field) -> Figures:
        messages = _messages(self.events, self.people)
        fill_evidence(field, messages)
        start_ledger(field)
        ledger = field.started[-1].pid
        began = field.first_delivery(EVIDENCE, len(messages))
        with live_events(field) if self.beside_live else nullcontext() as live:
            others = [event.id for event in live.events] if live else []
            field.wait("all is folded", lambda: are_folded(field, len(messages), others), WORK_WITHIN)
            took = time.monotonic() - began
        figures = {WHOLE: len(messages) / took, "megabytes": memory(ledger, "VmHWM")}
        return {**figures, "live_s": live.slowest()} if live else figures


@cache
def _messages(of: Callable[[int], list[Event]], people: int) -> list[bytes]:
    return [histories.message(event) for event in of(people)]


def fill_evidence(field: Field, messages: Sequence[bytes]) -> None:
    field.run("referrals_followup", "topology")
    field.publish(EVIDENCE, messages)


def start_ledger(field: Field) -> None:
    """One `serve bus` process, with all packs in force."""
    field.run("referrals_followup", "adopt")
    field.serve("referrals_followup", "serve", "bus", HTTP_ADDRESS=field.address())


def are_folded(field: Field, events: int, others: Sequence[str] = ()) -> bool:
    """Whether so many recorded events are kept and folded, without the others (by id) and the adopted rules.

    One query counts them, so the count is of one instant. It reads all evidence, and runs only when little can be left.
    """
    wanted = {"folded": True, "event.source": "perinatal", "_id": {"$nin": list(others)}}
    return seem_folded(field, events) and _evidence(field).count_documents(wanted) >= events


def seem_folded(field: Field, events: int) -> bool:
    """The same, cheaply. It may be true one insert too early, because the store's count has what it is inserting."""
    evidence = _evidence(field)
    return evidence.estimated_document_count() >= events and evidence.find_one({"folded": False}) is None


def _evidence(field: Field) -> Any:
    return field.database("referrals_followup").evidence


def start_floor(field: Field) -> None:
    field.start([sys.executable, "-m", "tests.bench.floors.consume"], field.settings("floor"))


def are_inserted(field: Field, events: int) -> bool:
    kept = field.database("floor").floor
    return kept.estimated_document_count() >= events and kept.count_documents({}) >= events


def are_heard(field: Field, events: int) -> bool:
    return count_heard(field) >= events


def count_heard(field: Field) -> int:
    """How many events the rows of a peer have heard of."""
    rows = field.database("peer").outstanding.aggregate([{"$group": {"_id": None, "heard": {"$sum": "$heard"}}}])
    return sum(row["heard"] for row in rows)


def fill_plain(queue: str) -> Callable[[Field, Sequence[bytes]], None]:
    def fill(field: Field, messages: Sequence[bytes]) -> None:
        _declare_durable(field, queue)
        field.publish(queue, messages, content_type="application/json")

    return fill


def fill_celery(field: Field, messages: Sequence[bytes]) -> None:
    """The messages that `hear.delay(event)` would send (Celery's message protocol, version 2)."""
    _declare_durable(field, QUEUE)
    with field.channel() as channel:
        for message in messages:
            task = str(uuid4())
            how = pika.BasicProperties(
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                correlation_id=task,
                headers={"lang": "py", "task": "hear", "id": task, "root_id": task, "argsrepr": "", "kwargsrepr": ""},
            )
            body = b"[[%b], {}, %b]" % (message, json.dumps(dict.fromkeys(_CELERY_EMBEDS)).encode())
            channel.basic_publish("", QUEUE, body, how)
    field.wait(f"{QUEUE} is filled", lambda: field.waiting_in(QUEUE) == len(messages))


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


_CELERY_EMBEDS = ("callbacks", "errbacks", "chain", "chord")
_nameko = [str(PEERS / "python"), "-W", "ignore", "-m", "tests.bench.peers.usual_nameko"]


def _declare_durable(field: Field, queue: str) -> None:
    with field.channel() as channel:
        channel.queue_declare(queue, durable=True)
