"""A stop of a serving process: what is in hand is answered, what is idle soon let go, and it is over in ten seconds."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from pymongo.database import Database

from tests.contract.toy import ROOT, Toy
from tests.support import eventually

LONGEST_STOP_SECONDS = 10


@pytest.fixture
def toy(tmp_path: Path, mongodb_uri: str, database: Database) -> Iterator[Toy]:
    toy = Toy(tmp_path, mongodb_uri=mongodb_uri, database=database.name).start()
    yield toy
    toy.process.kill()
    toy.process.wait()


def _refuses_connections(toy: Toy) -> bool:
    try:
        socket.create_connection(("127.0.0.1", toy.port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_request_in_hand_is_answered_before_the_process_ends(toy: Toy) -> None:
    with ThreadPoolExecutor() as threads, requests.Session() as session:
        in_hand = threads.submit(session.post, f"{toy.url}/v1/things/t1/wait", headers=toy.headers(), timeout=30)
        eventually((toy.folder / "waiting").exists)
        toy.process.terminate()
        eventually(lambda: _refuses_connections(toy))
        assert toy.process.poll() is None
        assert not (toy.folder / "closed").exists()
        (toy.folder / "let-go").touch()
        response = in_hand.result(30)
    assert response.status_code == 201
    assert response.headers["Connection"] == "close"
    assert toy.process.wait(LONGEST_STOP_SECONDS) == 0, toy.log
    assert (toy.folder / "closed").exists()


def test_a_request_that_never_ends_does_not_hold_the_stop_up_for_ever(toy: Toy) -> None:
    with ThreadPoolExecutor() as threads:
        in_hand = threads.submit(requests.post, f"{toy.url}/v1/things/t1/wait", headers=toy.headers(), timeout=30)
        eventually((toy.folder / "waiting").exists)
        toy.process.terminate()
        began = time.monotonic()
        toy.process.wait(30)
        assert time.monotonic() - began < LONGEST_STOP_SECONDS
        assert isinstance(in_hand.exception(30), requests.ConnectionError)


def test_idle_connections_are_closed_soon_and_a_second_signal_changes_nothing(toy: Toy) -> None:
    with requests.Session() as session, socket.create_connection(("127.0.0.1", toy.port), timeout=20) as silent:
        assert session.get(f"{toy.url}/health/live", timeout=20).ok
        toy.process.terminate()
        toy.process.terminate()
        assert silent.recv(1) == b""
        assert toy.process.wait(LONGEST_STOP_SECONDS) == 0, toy.log


def test_who_connected_before_the_stop_is_answered_though_they_had_not_asked_yet(toy: Toy) -> None:
    waiting = [socket.create_connection(("127.0.0.1", toy.port), timeout=20) for _ in range(40)]
    toy.process.terminate()
    for client in waiting:
        client.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answers = [b"".join(iter(lambda client=client: client.recv(65536), b"")) for client in waiting]
    assert [answer.partition(b"\r\n")[0] for answer in answers] == [b"HTTP/1.1 200 OK"] * 40
    assert toy.process.wait(LONGEST_STOP_SECONDS) == 0, toy.log


def test_a_port_in_use_ends_the_process_with_an_error_and_no_traceback(toy: Toy) -> None:
    settings = str(toy.folder / "settings.json")
    second = subprocess.run(
        [sys.executable, "-m", "tests.contract.toy_process", settings],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 1
    assert json.loads(second.stderr.splitlines()[-1])["event"] == "serving failed"
    assert "Traceback" not in second.stderr
