"""Clients that tell stories over HTTP and send each request again, with the same key, until it has an answer.

Now and then they send the next steps of several stories as one batch to `/v1/commands`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any

import requests

from shared.runtime.clock import Clock
from tests.chaos.stories import STORIES, Answer, Post, Story, crowded

PATIENCE_SECONDS = 180.0
TOLD_AT_ONCE = 30
IMPATIENT, IMPATIENT_SECONDS = 0.03, 0.004
ASKED_TWICE = 0.02
CROWDED = 0.05
IN_A_BATCH = 0.05
BATCH = "/v1/commands"


class Refused(Exception):
    """A request of a story was refused or never answered: the stories or the system are wrong."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A 2xx answer and the domain time at which it came."""

    post: Post
    stream: str
    event_id: str
    version: int
    state: str | None
    answered_at: datetime


class Ledger:
    """The answers that the clients got. All of them write to it, under a lock."""

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
        """Notes that a key got another answer than before."""
        with self._lock:
            self.contradicted.append(stream)

    def refuse(self, why: str) -> None:
        with self._lock:
            self.refused.append(why)

    def fail_unexpectedly(self) -> None:
        """Notes a 500, which is a fault of the run. The client sends the request again."""
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
        """Sends the request until it is answered, and notes the answer. Raises Refused."""
        answer = self._ask(session, chance, post, post.body, **{"Idempotency-Key": key})
        self._note(post, answer)
        if chance.random() < ASKED_TWICE:
            again = self._ask(session, chance, post, post.body, **{"Idempotency-Key": key})
            if (again["event_id"], again["version"]) != (answer["event_id"], answer["version"]):
                self.ledger.contradict(post.stream(answer))
        return answer

    def tell_all(self, session: requests.Session, chance: Random, posts: Mapping[str, Post]) -> dict[str, Answer]:
        """Have what one person says to one service recorded as batches, until each has an answer, by its key."""
        answers: dict[str, Answer] = {}
        by = next(iter(posts.values()))
        batch = Post(by.service, BATCH, by.by, "", "")
        while waiting := {key: post for key, post in posts.items() if key not in answers}:
            commands = [{"key": key, "path": post.path, "body": post.body} for key, post in waiting.items()]
            for result in self._ask(session, chance, batch, commands)["results"]:
                if result["status"] < 300:
                    answers[result["key"]] = result["body"]
                elif not self._is_asked_again(result["status"], result["body"]):
                    raise Refused(f"{by.by} {BATCH}: {result['status']} {result['body']['detail']}")
        for key, answer in answers.items():
            self._note(posts[key], answer)
        return answers

    def _note(self, post: Post, answer: Answer) -> None:
        accepted = Accepted(
            post, post.stream(answer), answer["event_id"], answer["version"], answer["state"], self.clock.now()
        )
        self.ledger.add(accepted)

    def _ask(self, session: requests.Session, chance: Random, post: Post, body: Any, **headers: str) -> Answer:
        headers = {"Authorization": f"Bearer {self.token(post.by)}", **headers}
        waited, pause = 0.0, threading.Event()
        while waited < PATIENCE_SECONDS:
            url = chance.choice(self.addresses[post.service]) + post.path
            within = IMPATIENT_SECONDS if chance.random() < IMPATIENT else 15.0
            try:
                answer = session.post(url, json=body, headers=headers, timeout=(2.0, within))
            except requests.RequestException:
                pass
            else:
                found: dict[str, Any] = answer.json()
                if answer.ok:
                    return found
                if not self._is_asked_again(answer.status_code, found):
                    raise Refused(f"{post.by} {post.path}: {answer.status_code} {found['detail']}")
            wait = chance.uniform(0.01, 0.3)
            waited += wait
            pause.wait(wait)
        raise Refused(f"{post.by} {post.path}: no answer")

    def _is_asked_again(self, status: int, problem: Mapping[str, Any]) -> bool:
        if status == 500:
            self.ledger.fail_unexpectedly()
        return status >= 500 or problem["type"] == "/problems/contended"


class Client(threading.Thread):
    """Tells many stories side by side, one step at a time, while `go` is set and until `enough`."""

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
                    if self._go.wait(1.0):
                        self._go_on(session, told)
            except Refused as refused:
                self._caller.ledger.refuse(str(refused))

    def _go_on(self, session: requests.Session, told: list[tuple[Story, str, Post, int]]) -> None:
        """One step of one story, or of all those in which the same person says something to the same service."""
        chosen = self._chance.randrange(len(told))
        first = told[chosen][2]
        if self._chance.random() < IN_A_BATCH:
            of_one = [
                at for at, (_, _, post, _) in enumerate(told) if (post.by, post.service) == (first.by, first.service)
            ]
            posts = {f"{told[at][1]}-{told[at][3]}": told[at][2] for at in of_one}
            answers = self._caller.tell_all(session, self._chance, posts)
        else:
            of_one, name = [chosen], f"{told[chosen][1]}-{told[chosen][3]}"
            answers = {name: self._caller.tell(session, self._chance, first, name)}
        for at in of_one:
            story, name, _, step = told[at]
            try:
                told[at] = story, name, story.send(answers[f"{name}-{step}"]), step + 1
            except StopIteration:
                told[at] = self._begin()

    def _begin(self) -> tuple[Story, str, Post, int]:
        self._begun += 1
        name = f"{self._seed}-{self._number}-{self._begun}"
        chance = Random(name)
        if chance.random() < CROWDED:
            story = crowded(chance, chance.choice(self._crowd))
        else:
            story = chance.choice(STORIES)(chance, self._number * 100_000 + self._begun)
        return story, name, next(story), 1
