"""Every role stops within ten seconds of SIGTERM, also while the parts that it works with have stopped answering.

That each finishes what is in hand and returns the rest, when they do answer, is shown where the role is tested.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from shared.messaging.topology import EVIDENCE, SWEEP, declare
from tests.integration.bus import NOW, Process, an_event, publish, record, waiting_in
from tests.support import eventually

LONGEST_STOP_SECONDS = 10


@contextmanager
def hanging(*pids: int | None) -> Iterator[None]:
    """These processes keep their connections and answer nothing."""
    found = [pid for pid in pids if pid is not None]
    try:
        for pid in found:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in found:
            os.kill(pid, signal.SIGCONT)


@pytest.fixture
def roles(amqp_uri: str, mongodb_uri: str, database: Database[dict[str, Any]]) -> Iterator[dict[str, Process]]:
    for service in ("perinatal", "referrals_followup"):
        declare(amqp_uri, service)
    settings = {"TOY_AMQP_URI": amqp_uri, "TOY_MONGODB_URI": mongodb_uri, "TOY_DATABASE": database.name}
    settings |= {"TOY_QUEUE": EVIDENCE, "TOY_ADDRESS": "127.0.0.1:0"}
    made = {role: Process(f"tests.integration.toy_{role}", settings) for role in ("relay", "tick", "consumer")}
    yield made
    for process in made.values():
        if process.running is not None:
            process.kill()


def test_a_role_whose_store_hangs_is_gone_in_ten_seconds_and_nothing_is_lost(
    roles: dict[str, Process], backends: Backends, database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    if backends.mongod_pid() is None:
        pytest.fail("these tests need a MongoDB that they started themselves")
    for process in roles.values():
        process.start()
    eventually(lambda: waiting_in(amqp_uri, SWEEP))
    ids = record(database, 10, at=NOW)
    eventually(lambda: database["handled"].count_documents({"_id": {"$in": ids}}) == 10)
    assert database["leases"].count_documents({}) == 2

    with hanging(backends.mongod_pid()):
        heard = [an_event() for _ in range(5)]
        publish(amqp_uri, EVIDENCE, *heard)
        running = {role: process.running for role, process in roles.items() if process.running is not None}
        began = time.monotonic()
        for process in running.values():
            process.terminate()
        for role, process in running.items():
            process.wait(timeout=LONGEST_STOP_SECONDS)
            print(role, process.returncode, f"{time.monotonic() - began:.1f} s")
        assert time.monotonic() - began < LONGEST_STOP_SECONDS

    more = record(database, 10, at=NOW)
    database["leases"].delete_many({})
    for role in ("relay", "consumer"):
        roles[role].start()
    wanted = {"_id": {"$in": [*more, *(event.id for event in heard)]}}
    eventually(lambda: database["handled"].count_documents(wanted) == 15, within=60)
    for role in ("relay", "consumer"):
        assert roles[role].stop() == 0
