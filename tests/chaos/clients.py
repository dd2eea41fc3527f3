"""Clients that tell stories over HTTP and send each request again, with the same key, until it has an answer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import requests

from shared.clock import Clock
from tests.chaos.stories import STORIES, Answer, Post, Story, crowded

PATIENCE_SECONDS = 180.0
TOLD_AT_ONCE = 30
IMPATIENT, IMPATIENT_SECONDS = 0.03, 0.004
ASKED_TWICE = 0.02
CROWDED = 0.05


class Refused(Exception):
    """A request of a story was answered with a refusal, or never: the stories or the system are wrong."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 2xx answer, with the domain time at which it had come."""

    post: Post
    stream: str
    event_id: str
    version: int
    state: str | None
    answered_at: datetime


class Ledger:
    """What the clients were answered, as they tell it; a lock lets them all write."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.accepted: list[Accepted] = []
        self.contradicted: list[str] = []
        self.refused: list[str] = []
        self.unexpected = 0

    def add(self, accepted: Accepted) -> None:
        with self._lock:
            self.accepted.append(accepted)

    def contradict(self, stream: str) -> None:
        """The same key got another answer than before."""
        with self._lock:
            self.contradicted.append(stream)

    def refuse(self, why: str) -> None:
        with self._lock:
            self.refused.append(why)

    def fail_unexpectedly(self) -> None:
        """A 500: somebody should look at it, and the client asks again."""
        with self._lock:
            self.unexpected += 1


@dataclass(frozen=True)
class Caller:
    """Where to ask and as whom. `addresses` has every replica of each service."""

    addresses: Mapping[str, Sequence[str]]
    token: Callable[[str], str]
    clock: Clock
    ledger: Ledger

    def tell(self, session: requests.Session, chance: Random, post: Post, key: str) -> Answer:
        """Ask until there is an answer, and note it. Raises Refused."""
        answer = self._ask(session, chance, post, key)
        self._note(post, answer)
        if chance.random() < ASKED_TWICE:
            again = self._ask(session, chance, post, key)
            if (again["event_id"], again["version"]) != (answer["event_id"], answer["version"]):
                self.ledger.contradict(post.stream(answer))
        return answer

    def _note(self, post: Post, answer: Answer) -> None:
        accepted = Accepted(
            post, post.stream(answer), answer["event_id"], answer["version"], answer["state"], self.clock.now()
        )
        self.ledger.add(accepted)

    def _ask(self, session: requests.Session, chance: Random, post: Post, key: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token(post.by)}", "Idempotency-Key": key}
        waited, pause = 0.0, threading.Event()
        while waited < PATIENCE_SECONDS:
            url = chance.choice(self.addresses[post.service]) + post.path
            within = IMPATIENT_SECONDS if chance.random() < IMPATIENT else 15.0
            try:
                answer = session.post(url, json=post.body, headers=headers, timeout=(2.0, within))
            except requests.RequestException:
                again = True
            else:
                if answer.ok:
                    found: dict[str, Any] = answer.json()
                    return found
                again = answer.status_code >= 500 or answer.json()["type"] == "/problems/contended"
                if answer.status_code == 500:
                    self.ledger.fail_unexpectedly()
                if not again:
                    raise Refused(f"{post.by} {post.path}: {answer.status_code} {answer.json()['detail']}")
            wait = chance.uniform(0.01, 0.3)
            waited += wait
            pause.wait(wait)
        raise Refused(f"{post.by} {post.path}: no answer")


class Client(threading.Thread):
    """Tells many stories side by side, one step of one of them at a time, while it may `go` and until `enough`."""

    def __init__(
        self,
        number: int,
        seed: int,
        caller: Caller,
        crowd: Sequence[str],
        enough: Callable[[], bool],
        go: threading.Event,
    ) -> None:
        super().__init__(name=f"client {number}", daemon=True)
        self._number = number
        self._chance = Random(f"{seed} client {number}")
        self._seed = seed
        self._caller = caller
        self._crowd = crowd
        self._enough = enough
        self._go = go
        self._begun = 0

    def run(self) -> None:
        told: list[tuple[Story, str, Post, int]] = []
        with requests.Session() as session:
            session.trust_env = False
            try:
                while not self._enough():
                    while len(told) < TOLD_AT_ONCE:
                        told.append(self._begin())
                    if not self._go.wait(1.0):
                        continue
                    at = self._chance.randrange(len(told))
                    story, name, post, step = told[at]
                    answer = self._caller.tell(session, self._chance, post, f"{name}-{step}")
                    try:
                        told[at] = story, name, story.send(answer), step + 1
                    except StopIteration:
                        told[at] = self._begin()
            except Refused as refused:
                self._caller.ledger.refuse(str(refused))

    def _begin(self) -> tuple[Story, str, Post, int]:
        self._begun += 1
        name = f"{self._seed}-{self._number}-{self._begun}"
        chance = Random(name)
        if chance.random() < CROWDED:
            story = crowded(chance, chance.choice(self._crowd))
        else:
            story = chance.choice(STORIES)(chance, self._number * 100_000 + self._begun)
        return story, name, next(story), 1
