"""The upkeep of a system in use: every process is restarted, every view is rebuilt."""

from __future__ import annotations

import os
import re
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from deploy.local.folders import fresh_name
from deploy.local.stack import LocalStack, local_stack
from shared.config.config import SERVICES
from shared.events.mongo import open_database
from tests.e2e.load import GP, LEAD, PA, Client, Load, care_leaver, referral
from tests.support import eventually, without_foreign_backends

pytestmark = pytest.mark.heavy

LONGEST_STOP_SECONDS = 10
_PAUSE = 0.01


@pytest.fixture(scope="module")
def stack() -> Iterator[LocalStack]:
    settings = {"SWEEP_INTERVAL_SECONDS": "1"}
    with local_stack(fresh_name("test"), settings=settings, environment=without_foreign_backends()) as stack:
        yield stack


def _restart(stack: LocalStack, name: str) -> float:
    """Ask a process to stop, as a deployment does, and wait for the next one; how long the stop took, in seconds."""
    pid = stack.pid(name)
    assert pid is not None
    watched = os.pidfd_open(pid)
    try:
        began = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        gone, _, _ = select.select([watched], [], [], LONGEST_STOP_SECONDS)
        took = time.monotonic() - began
        assert gone, f"{name} did not stop within {LONGEST_STOP_SECONDS} s"
    finally:
        os.close(watched)
    eventually(lambda: stack.pid(name) not in (pid, None))
    if name in stack.health:
        eventually(lambda: _is_ready(stack.health[name]), within=60)
    return took


def _is_ready(address: str) -> bool:
    try:
        return requests.get(address, timeout=5).status_code == 200
    except requests.ConnectionError:
        return False


class Reader:
    """Reads one list again and again; `known` has to be in it, unchanged, every time."""

    def __init__(self, read: Callable[[], dict[str, Any]], known: dict[str, Any]) -> None:
        self._read = read
        self._known = known
        self.times = 0

    def go_on(self, over: threading.Event) -> None:
        while not over.wait(_PAUSE):
            found = {item["id"]: item for item in _items(self._read())}
            assert {key: found.get(key) for key in self._known} == self._known
            self.times += 1


def _items(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a list, each with its id."""
    return [
        {"id": row.get("id") or row.get("referral_id") or row.get("care_leaver_id"), **row} for row in page["items"]
    ]


def test_a_rebuild_of_every_view_hinders_neither_readers_nor_writers(stack: LocalStack) -> None:
    perinatal = Client(stack, "perinatal", GP)
    leaving_care = Client(stack, "leaving_care", PA)
    followup = Client(stack, "referrals_followup", LEAD)
    person = perinatal.post("/v1/people", {"given_name": "Wren", "family_name": "Example"})["person_id"]
    for _ in range(5):
        perinatal.post("/v1/referrals", referral(person))
    leaver = leaving_care.post("/v1/care-leavers", care_leaver())["person_id"]
    lists = {
        "perinatal": (perinatal, f"/v1/referrals?person={person}&limit=100", 5),
        "leaving_care": (leaving_care, f"/v1/care-leavers?person={leaver}&limit=100", 1),
        "referrals_followup": (followup, f"/v1/follow-ups?person={person}&state=any&limit=100", 5),
    }
    readers = {}
    for service, (client, path, count) in lists.items():
        items = eventually(lambda client=client, path=path, count=count: _of(client.get(path), count))
        known = {item["id"]: item for item in items}
        readers[service] = Reader(lambda client=client, path=path: client.get(path), known)
    over = threading.Event()
    load = Load(stack, pause=0.3)
    with load.running(), ThreadPoolExecutor(len(readers)) as pool:
        reading = [pool.submit(reader.go_on, over) for reader in readers.values()]
        try:
            for service in SERVICES:
                before = readers[service].times
                stack.run(service, "rebuild", within=240)
                assert readers[service].times > before
        finally:
            over.set()
        for one in reading:
            one.result()
    print({service: reader.times for service, reader in readers.items()}, {k: len(v) for k, v in load.events.items()})
    for service in SERVICES:
        stack.run(service, "verify", "--database")


def _of(page: dict[str, Any], count: int) -> list[dict[str, Any]]:
    items = _items(page)
    assert len(items) >= count
    return items


def test_every_process_is_restarted_under_load_and_nobody_loses_a_request_or_an_event(stack: LocalStack) -> None:
    load = Load(stack)
    with load.running():
        stops = {name: _restart(stack, name) for name in stack.processes.names}
    print({name: round(seconds, 2) for name, seconds in stops.items()})
    print({name: len(ids) for name, ids in load.events.items()}, load.reads, "reads", load.refused, "refused")
    assert load.refused
    assert all(load.events.values())
    assert load.reads

    how = re.findall(r"(\S+) died \(([^)]+)\)", (stack.folder / "logs" / "keepers.log").read_text())
    assert {name: ended for name, ended in how if name in stops} == dict.fromkeys(stops, "exit 0")
    ledger = open_database(stack.backends.mongodb_uri, "referrals_followup")
    for service, ids in load.events.items():
        events = open_database(stack.backends.mongodb_uri, service).events
        assert {found["_id"] for found in events.find({"_id": {"$in": ids}}, {"_id": 1})} == set(ids)
        wanted = {"_id": {"$in": ids}, "folded": True}
        eventually(lambda wanted=wanted, ids=ids: ledger.evidence.count_documents(wanted) == len(ids), within=60)
