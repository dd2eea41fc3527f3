"""A stack whose processes may all be killed, with a clock that the run moves and a client that reads."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pika
import pika.exceptions
import requests
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError
from requests.adapters import HTTPAdapter

from deploy.local.folders import fresh_name
from deploy.local.processes import Command, NotReady, Processes
from deploy.local.stack import LocalStack, local_stack
from services.referrals_followup.directory.loader import load_directory
from shared.config.config import SERVICES
from shared.events.mongo import open_database
from shared.messaging.topology import QUEUES
from shared.runtime.clock import ReplayClock
from shared.scheduling.tick import publish_sweep
from tests.chaos import poison
from tests.chaos.clients import Caller, Ledger
from tests.chaos.points import Deaths
from tests.chaos.process import FOLDER, Plan
from tests.chaos.reference import BEGINS, Record
from tests.chaos.rest import is_told, unpublished, untold
from tests.chaos.stories import AREAS, Answer, Post, register
from tests.chaos.verdict import Left
from tests.support import the_broker_has_saved_the_name_of, without_foreign_backends

READER = "reviewer-thorne"
PATHS = {
    "person": "/v1/people",
    "pregnancy": "/v1/pregnancies",
    "referral": "/v1/referrals",
    "care-leaver": "/v1/care-leavers",
    "plan-item": "/v1/plan-items",
}
SECOND = "perinatal.serve-2"
TICK = "referrals_followup.tick"
ASKED_AT_ONCE = 6
READY_SECONDS = 60.0
IN_HAND_SECONDS = 10.0
CROWD = 4


@dataclass(frozen=True)
class Arena:
    """The stack of one run, and what the run knows about it."""

    stack: LocalStack
    folder: Path
    seed: int
    replicas: Processes
    second: str
    ledger: Ledger = field(default_factory=Ledger)
    faults: list[str] = field(default_factory=list)
    poison: list[poison.Poison] = field(default_factory=list)

    @cached_property
    def clock(self) -> ReplayClock:
        assert self.stack.clock_file
        return ReplayClock(self.stack.clock_file)

    @cached_property
    def deaths(self) -> Deaths:
        return Deaths(self.folder)

    @cached_property
    def databases(self) -> dict[str, Database[dict[str, Any]]]:
        return {service: open_database(self.stack.backends.mongodb_uri, service) for service in SERVICES}

    @cached_property
    def caller(self) -> Caller:
        addresses = {service: [url] for service, url in self.stack.urls.items()}
        addresses["perinatal"].append(self.second)
        return Caller(addresses, self.token, self.clock, self.ledger)

    @cached_property
    def _directory(self) -> Any:
        return load_directory(self.stack.directory_file)

    @cached_property
    def _tokens(self) -> dict[str, str]:
        return {}

    def token(self, person: str) -> str:
        """A token for somebody in the directory. The token of the reader is for every area."""
        if person not in self._tokens:
            member, team = self._directory.member(person), self._directory.team_of(person)
            areas = sorted(self._directory.areas) if person == READER else [team.area]
            self._tokens[person] = self.stack.mint(member.id, member.role, team.id, areas)
        return self._tokens[person]

    def tell(self, post: Post, key: str) -> Answer:
        """Records one command by any replica."""
        with self.session() as session:
            return self.caller.tell(session, Random(key), post, key)

    def crowd(self) -> list[str]:
        """A few people about whom every client records."""
        chance = Random(f"{self.seed} crowd")
        registered = (
            self.tell(register(AREAS[0].gp, chance), f"{self.seed}-crowd-{number}") for number in range(CROWD)
        )
        return [str(answer["person_id"]) for answer in registered]

    def session(self) -> requests.Session:
        """A connection to the services, with no proxy on the loopback."""
        session = requests.Session()
        session.trust_env = False
        return session

    def names(self) -> list[str]:
        """Every process that may be killed, but for the mail server and the port mapper of the broker."""
        return [SECOND, *(name for name in self.stack.names() if name not in ("smtp", "epmd"))]

    def kill(self, name: str) -> None:
        """Kills the process with SIGKILL as soon as it lives."""
        kill = self.replicas.kill if name == SECOND else self.stack.kill
        self.wait(f"{name} lives to be killed", lambda: _done(lambda: kill(name)), 20)

    def wait_until_queues_are_saved(self) -> None:
        """A queue whose broker is killed before never finds a leader again."""
        backends = self.stack.backends
        found = the_broker_has_saved_the_name_of
        self.wait("queues are saved", lambda: all(found(one.name, backends, backends.amqp_uri) for one in QUEUES), 60)

    def wait(self, what: str, condition: Callable[[], Any], within: float) -> bool:
        """Whether it came true within so many seconds; what did not is a fault of the run, with what is not told."""
        deadline, pause = time.monotonic() + within, threading.Event()
        while time.monotonic() < deadline:
            with suppress(PyMongoError, pika.exceptions.AMQPError, OSError, NotReady):
                if condition():
                    return True
            pause.wait(0.05)
        self.faults.append(f"waited {within:.0f} s in vain until {what}")
        with suppress(PyMongoError):
            self.faults.extend([*unpublished(self), *untold(self)])
        return False

    def is_ready(self) -> bool:
        """Whether every process that serves HTTP is ready."""
        addresses = (*self.stack.health.values(), f"{self.second}/health/ready")
        with self.session() as session:
            return all(session.get(address, timeout=5).status_code == 200 for address in addresses)

    def begin_anew(self, plan: Plan, *restarted: str) -> Arena:
        """The same stack at its beginning, for another run: nothing is recorded, and these processes have the plan.

        What is still in hand ends first, or it would be written after all else is gone: a manifest of events that are
        there no more is waited for in vain. What a fault has lost is not waited for long.
        """
        self.deaths.arm(0)
        for name in ("deaths", "mailing"):
            (self.folder / name).unlink(missing_ok=True)
        for mail in (self.stack.backends.maildir / "new").iterdir():
            mail.unlink()
        with self.stopped(TICK):
            last = publish_sweep(self.stack.backends.amqp_uri, self.clock)
            self.wait("all sweeps have ended", lambda: self._has_ended(last), READY_SECONDS)
            self.wait("all is published", lambda: not unpublished(self), READY_SECONDS)
            self.wait("all is told", lambda: is_told(self), IN_HAND_SECONDS)
            self.clock.set(BEGINS - timedelta(days=1))
            for database in self.databases.values():
                for name in database.list_collection_names():
                    database[name].delete_many({"event.type": {"$ne": "rules.adopted.v1"}})
            plan.write(self.folder)
            for name in restarted:
                self.kill(name)
        anew = Arena(self.stack, self.folder, plan.seed, self.replicas, self.second)
        anew.wait("the processes are back", anew.is_ready, READY_SECONDS)
        self.clock.set(BEGINS)
        anew.wait("every source has said that there is nothing", lambda: is_told(anew), READY_SECONDS)
        return anew

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """Stops the process without ending it (SIGSTOP). If it is killed meanwhile, the new one is not stopped."""
        pid = self.stack.pid(name) or 0
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _has_ended(self, sweep_id: str) -> bool:
        """Sweeps are done in the order in which they were asked for."""
        ended = {"_id": sweep_id, "finished_at": {"$exists": True}}
        return self.databases["referrals_followup"].sweeps.find_one(ended) is not None

    def left(self) -> Left:
        """What the run has left behind so far, to be judged."""
        streams = {(one.post.service, one.stream) for one in self.ledger.accepted}
        with self.session() as session, ThreadPoolExecutor(ASKED_AT_ONCE) as asking:
            session.mount("http://", HTTPAdapter(pool_maxsize=ASKED_AT_ONCE))
            records = list(asking.map(lambda named: self._read(session, *named), sorted(streams)))
        return Left(
            ledger=self.ledger,
            records={record.stream: record for record in records if record},
            databases=self.databases,
            maildir=self.stack.backends.maildir,
            poison=len(self.poison),
            deaths_while_mailing=self.deaths.while_mailing(),
            until=self.clock.now(),
        )

    def _read(self, session: requests.Session, service: str, stream: str) -> Record | None:
        kind, _, record_id = stream.partition("/")
        url = f"{self.stack.urls[service]}{PATHS[kind]}/{record_id}"
        answer = session.get(url, headers={"Authorization": f"Bearer {self.token(READER)}"}, timeout=30)
        return Record.of(service, stream, answer.json()) if answer.ok else None

    def refuse_writes(self, mode: Any, **how: Any) -> None:
        """Have MongoDB refuse the next writes, or with the mode `off` no more of them; nothing when it is away."""
        data = {"failCommands": ["insert", "update", "delete", "findAndModify"], **how}
        with suppress(PyMongoError), MongoClient[Any](self.stack.backends.mongodb_uri, timeoutMS=3000) as client:
            client.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)


def _done(act: Callable[[], Any]) -> bool:
    """Whether the act succeeded; it fails while the process is being started again."""
    try:
        act()
    except ProcessLookupError:
        return False
    return True


@contextmanager
def arena(plan: Plan, sweep_seconds: int = 1) -> Iterator[Arena]:
    """A stack of its own for this plan, with a second replica of one service; nothing of it is left afterwards.

    `sweep_seconds` is how often (in real seconds) a sweep is asked for.
    """
    with TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        plan.write(folder)
        settings = {FOLDER: name, "SWEEP_INTERVAL_SECONDS": str(sweep_seconds), "LOG_LEVEL": "warning"}
        with local_stack(
            fresh_name("chaos"),
            replay_clock=BEGINS,
            settings=settings,
            environment=without_foreign_backends(),
            ticks=True,
            started_by=("tests.chaos.process",),
            mongod_parameters=("enableTestCommands=1",),
        ) as stack:
            address = f"127.0.0.1:{stack.backends.ports.take(SECOND)}"
            environment = {**stack.environments["perinatal"], "HTTP_ADDRESS": address}
            argv = [*stack.commands["perinatal.serve"], "http"]
            commands = [Command(SECOND, argv, environment, grace=2.0)]
            replicas = Processes(stack.folder, stack.backends.lock, commands)
            try:
                ours = Arena(stack, folder, plan.seed, replicas, f"http://{address}")
                ours.wait("the second replica is ready", ours.is_ready, READY_SECONDS)
                yield ours
            finally:
                replicas.stop()
