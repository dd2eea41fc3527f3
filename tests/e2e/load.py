"""Clients that record and read all the time, and fail when an answer is not as it should be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError

from deploy.local.stack import LocalStack

GP = ("gp-okafor", "gp_practice", "gp-mill-road")
PA = ("pa-lindqvist", "personal_adviser", "leaving-care-essex")
LEAD = ("lead-achterberg", "safeguarding_lead", "partnership-essex")
_PAUSE = 0.02


class Client:
    """A client of one service. It retries a refused connection, but nothing else.

    Each request has a connection of its own, unless connections are kept.
    """

    def __init__(self, stack: LocalStack, service: str, who: tuple[str, str, str], *, keep: bool = False) -> None:
        self._ask_by = requests.Session().request if keep else requests.request
        self._url = stack.urls[service]
        self._headers = {"Authorization": f"Bearer {stack.mint(*who, ['essex'])}"}
        self.refused = 0

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Sends a command and returns its answer, which must be a 201."""
        return self._ask("POST", path, 201, json=body, headers={**self._headers, "Idempotency-Key": uuid4().hex})

    def get(self, path: str) -> dict[str, Any]:
        return self._ask("GET", path, 200, headers=self._headers)

    def _ask(self, method: str, path: str, expected: int, **request: Any) -> dict[str, Any]:
        while True:
            try:
                answer = self._ask_by(method, self._url + path, timeout=20, **request)
            except requests.ConnectionError as error:
                if not _is_refused(error):
                    raise
                self.refused += 1
                time.sleep(_PAUSE)
            else:
                assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text}"
                found: dict[str, Any] = answer.json()
                return found


class Load:
    """The ids of the events that each service answered under load. `pause`: seconds between two requests."""

    def __init__(self, stack: LocalStack, pause: float = 0.0) -> None:
        self._stack = stack
        self._pause = pause
        self._over = threading.Event()
        self.events: dict[str, list[str]] = {"perinatal": [], "leaving_care": []}
        self.reads = self.refused = 0

    def perinatal(self, keep: bool) -> None:
        client = Client(self._stack, "perinatal", GP, keep=keep)
        while not self._over.wait(self._pause):
            person = client.post("/v1/people", {"given_name": "Robin", "family_name": "Example"})
            body = referral(person["person_id"])
            sent = client.post("/v1/referrals", body)
            self.events["perinatal"] += [person["event_id"], sent["event_id"]]
        self.refused += client.refused

    def leaving_care(self) -> None:
        client = Client(self._stack, "leaving_care", PA)
        while not self._over.wait(self._pause):
            answer = client.post("/v1/care-leavers", care_leaver())
            self.events["leaving_care"].append(answer["event_id"])
        self.refused += client.refused

    def follow_ups(self) -> None:
        client = Client(self._stack, "referrals_followup", LEAD, keep=True)
        while not self._over.wait(self._pause):
            client.get("/v1/follow-ups?limit=20")
            self.reads += 1
        self.refused += client.refused

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs all clients. At the end, raises what any of them raised."""
        jobs = (partial(self.perinatal, True), partial(self.perinatal, False), self.leaving_care, self.follow_ups)
        with ThreadPoolExecutor(len(jobs)) as pool:
            asked = [pool.submit(job) for job in jobs]
            try:
                yield
            finally:
                self._over.set()
            for one in asked:
                one.result()


def referral(person_id: str) -> dict[str, Any]:
    """The body of a referral that is sent today."""
    body = {"stage": "sent", "person_id": person_id, "service": "camhs", "to_team": "camhs-essex"}
    return {**body, "reason_code": "low_mood", "channel": "e_referral", "reference": "E-REF 0001"}


def care_leaver() -> dict[str, Any]:
    """The body of a registration of somebody who is 19 years old."""
    born = (datetime.now(UTC) - timedelta(days=7_000)).date().isoformat()
    his = {"given_name": "Rowan", "family_name": "Example", "date_of_birth": born}
    return {**his, "category": "former_relevant"}


def _is_refused(error: requests.ConnectionError) -> bool:
    """Whether the request was never sent, because nothing listened."""
    cause = error.args[0] if error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)
