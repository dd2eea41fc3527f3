"""`check` as people run it and as the tick asks for it, on real processes, and what readiness and metrics say of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
import requests

from deploy.local.backends import Backends
from shared.runtime.clock import SystemClock
from shared.scheduling.tick import publish_check
from tests.integration.bus import publish
from tests.integration.recording import Running, running
from tests.support import eventually


@pytest.fixture(scope="module")
def perinatal(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


def check(service: Running, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service._command("check", *options),
        env={**service.environment, "AMQP_URI": "", **settings},  # it looks at the store alone
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_exit_status_tells_findings_from_none_and_from_an_incomplete_check(
    perinatal: Running,
) -> None:
    well = check(perinatal)
    assert (well.returncode, well.stdout.strip()) == (0, "0 findings"), well.stderr
    perinatal.database.heard.insert_one({"_id": "copied-whole", "private": {"personal": {"name": "Jane Doe"}}})
    try:
        shown = check(perinatal, "--full")
        assert shown.returncode == 1, shown.stderr
        assert "private-leftovers" in shown.stdout and "copied-whole" in shown.stdout and "1 finding" in shown.stdout
        listed = check(perinatal, "--json")
        assert listed.returncode == 1, listed.stderr
        (finding,) = json.loads(listed.stdout)
        assert (finding["code"], finding["ids"], finding["count"]) == ("private-leftovers", ["copied-whole"], 1)
        assert finding["what_to_do"]
        assert "Jane" not in shown.stdout + listed.stdout
    finally:
        perinatal.database.heard.delete_one({"_id": "copied-whole"})
    away = check(perinatal, MONGODB_URI="mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=200")
    assert (away.returncode, away.stdout) == (2, "")
    assert "cannot be checked" in away.stderr


def test_a_check_that_is_asked_for_over_the_bus_shows_in_readiness_and_metrics(perinatal: Running) -> None:
    perinatal.database.heard.insert_one({"_id": "copied-whole", "private": {"personal": {}, "request": {"key": "k"}}})
    amqp_uri = perinatal.environment["AMQP_URI"]
    check_id = publish_check(amqp_uri, "perinatal", SystemClock())
    eventually(lambda: perinatal.database.checks.find_one({"_id": check_id}))
    perinatal.database.heard.delete_one({"_id": "copied-whole"})
    publish(amqp_uri, "perinatal.views", (b"?", {"content_type": "text/plain"}))
    eventually(lambda: perinatal.database.parked.count_documents({}) == 1)
    ready = requests.get(f"{perinatal.url}/health/ready", timeout=10).json()
    assert (ready["status"], ready["parked"]) == ("ready", 1)
    assert ready["check"]["findings"] == {"private-leftovers": 1}
    metrics = requests.get(f"{perinatal.url}/metrics", timeout=10).text
    assert 'findings{code="private-leftovers"} 1.0' in metrics
    assert "parked_waiting 1.0" in metrics
    assert float(metrics.split("\ncheck_finished_timestamp_seconds ")[1].split()[0]) > 1_700_000_000
    said = perinatal.database.events.find_one({"event.type": "check.finished.v1"})
    assert said["event"]["stream"] == f"check/{check_id}"
