"""A stack with a clock that the test moves, and with a relay of `perinatal` that it can start and kill."""

from __future__ import annotations

import email
import email.policy
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import count
from typing import Any

import requests

from deploy.local.die_with_parent import die_with_parent
from deploy.local.folders import ROOT
from deploy.local.replay import Replay, outbox_of
from deploy.local.stack import LocalStack
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.config.config import SERVICES
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.runtime.clock import ReplayClock
from shared.scheduling.tick import publish_sweep
from tests.support import eventually

PATIENCE = 60.0


class World:
    """One stack, started without `perinatal.relay`, and the people who use it."""

    def __init__(self, stack: LocalStack, replay: Replay) -> None:
        assert stack.clock_file
        self._stack = stack
        self._token = replay.token
        self._clock = ReplayClock(stack.clock_file)
        self._keys = count(1)
        self._relay: subprocess.Popen[bytes] | None = None
        self.database = open_database(stack.backends.mongodb_uri, "referrals_followup")
        self._evidence = EvidenceStore(self.database, CATALOGUE)

    def post(self, by: str, path: str, body: dict[str, Any], service: str = "perinatal") -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token(by)}", "Idempotency-Key": f"world-{next(self._keys)}"}
        return requests.post(self._stack.urls[service] + path, json=body, headers=headers, timeout=20)

    def record(self, by: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sends a command, which must succeed, and returns its answer."""
        answer = self.post(by, path, body)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def get(self, by: str, path: str, service: str = "referrals_followup") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token(by)}"}
        answer = requests.get(self._stack.urls[service] + path, headers=headers, timeout=20)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def follow_up(self, step: str, referral_id: str) -> dict[str, Any] | None:
        """The follow-up of a referral under a step, in any state, from the API; None if there is none."""
        page = self.get("lead-achterberg", f"/v1/follow-ups?state=any&step={step}&limit=200")
        found = [item for item in page["items"] if item["thread"] == f"referral/{referral_id}"]
        assert len(found) <= 1
        return self.get("lead-achterberg", f"/v1/follow-ups/{found[0]['id']}") if found else None

    def start_relay(self) -> None:
        """Starts the relay as the stack would, if it is not running."""
        if self._relay is not None:
            return
        argv = [sys.executable, "-m", "services.perinatal", "relay"]
        with (self._stack.folder / "logs" / "perinatal.relay.log").open("ab") as log:
            self._relay = subprocess.Popen(
                die_with_parent(argv),
                cwd=ROOT,
                env=self._stack.environments["perinatal"],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def kill_relay(self) -> None:
        if self._relay is not None:
            self._relay.send_signal(signal.SIGKILL)
            self._relay.wait(timeout=10)
            self._relay = None

    def move_to(self, instant: datetime) -> None:
        """Moves the clock, and waits until every running relay has reported a position there."""
        self._clock.set(instant)
        self.wait_until_told()

    def wait_until_told(self) -> None:
        """Waits until every event of the running relays is folded."""
        telling = SERVICES if self._relay else tuple(service for service in SERVICES if service != "perinatal")
        now = self._clock.now()

        def is_told() -> bool:
            complete = self._evidence.complete_until()
            return all((until := complete[service]) is not None and until >= now for service in telling)

        eventually(is_told, PATIENCE)

    def sweep(self) -> dict[str, Any]:
        """Asks for a sweep, waits until it has finished and its digests are sent, and returns its record."""
        sweep_id = publish_sweep(self._stack.backends.amqp_uri, self._clock)
        finished = {"_id": sweep_id, "finished_at": {"$exists": True}}
        sweep = eventually(lambda: self.database.sweeps.find_one(finished), PATIENCE)
        assert sweep is not None
        assert outbox_of(self._stack.environments["referrals_followup"], self.database).is_idle()
        return sweep

    def mails(self) -> list[tuple[str, str, str]]:
        """Recipient, subject and text of every mail that was delivered."""
        found = []
        for path in sorted((self._stack.backends.maildir / "new").iterdir()):
            message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            body = message.get_body()  # type: ignore[attr-defined]
            found.append((message["To"], message["Subject"], body.get_content()))
        return found


@contextmanager
def world_on(stack: LocalStack, replay: Replay) -> Iterator[World]:
    """The world with its relay running. The relay is killed at the end in any case."""
    world = World(stack, replay)
    world.start_relay()
    try:
        yield world
    finally:
        world.kill_relay()
