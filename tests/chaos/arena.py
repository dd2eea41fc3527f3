"""A stack on which everything may die, with a clock to move and somebody to ask; and how it comes to rest."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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

from deploy.local.folders import fresh_name
from deploy.local.processes import Command, NotReady, Processes
from deploy.local.stack import SERVICES, LocalStack, local_stack
from services.leaving_care.domain.reactions import REACTIONS as OF_LEAVING_CARE
from services.perinatal.domain.reactions import REACTIONS as OF_PERINATAL
from services.referrals_followup import mails
from services.referrals_followup.directory_file import load_directory
from services.referrals_followup.domain.follow_up import OPEN
from services.referrals_followup.evidence import EvidenceStore
from shared.clock import ReplayClock
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.messaging.topology import QUEUES, SWEEP
from shared.reactions import has_settled
from tests.chaos import poison
from tests.chaos.clients import Caller, Ledger
from tests.chaos.points import Deaths
from tests.chaos.process import FOLDER, Plan
from tests.chaos.reference import BEGINS, Record
from tests.chaos.stories import Answer, Post
from tests.chaos.verdict import RECORDING, VIEWS, Left
from tests.support import the_broker_has_saved_the_name_of, without_foreign_parts

READER = "reviewer-thorne"
REACTIONS = {"perinatal": OF_PERINATAL, "leaving_care": OF_LEAVING_CARE}
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


@dataclass(frozen=True)
class Arena:
    """One run's stack, and all that the run knows of it."""

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
        return {service: open_database(self.stack.parts.mongodb_uri, service) for service in SERVICES}

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

    @cached_property
    def _evidence(self) -> EvidenceStore:
        return EvidenceStore(self.databases["referrals_followup"], CATALOGUE)

    def token(self, person: str) -> str:
        """A token for somebody in the directory; the reader's is for every area."""
        if person not in self._tokens:
            member, team = self._directory.member(person), self._directory.team_of(person)
            areas = sorted(self._directory.areas) if person == READER else [team.area]
            self._tokens[person] = self.stack.mint(member.id, member.role, team.id, areas)
        return self._tokens[person]

    def tell(self, post: Post, key: str) -> Answer:
        """Have one thing recorded, by whichever replica."""
        with self.session() as session:
            return self.caller.tell(session, Random(key), post, key)

    def session(self) -> requests.Session:
        """A connection to the services, with no proxy on the loopback."""
        session = requests.Session()
        session.trust_env = False
        return session

    def names(self) -> list[str]:
        """Every process that may be killed, but for the mail server and the port mapper of the broker."""
        return [SECOND, *(name for name in self.stack.names() if name not in ("smtp", "epmd"))]

    def kill(self, name: str) -> None:
        """With SIGKILL, as soon as it lives."""
        kill = self.replicas.kill if name == SECOND else self.stack.kill
        self.wait(f"{name} lives to be killed", lambda: _done(lambda: kill(name)), 20)

    def wait_until_queues_are_saved(self) -> None:
        """A queue whose broker is killed before never finds a leader again."""
        parts = self.stack.parts
        found = the_broker_has_saved_the_name_of
        self.wait("queues are saved", lambda: all(found(one.name, parts, parts.amqp_uri) for one in QUEUES), 60)

    def wait(self, what: str, condition: Callable[[], Any], within: float) -> bool:
        """Whether it came true within so many seconds; what did not is a fault of the run."""
        deadline, pause = time.monotonic() + within, threading.Event()
        while time.monotonic() < deadline:
            with suppress(PyMongoError, pika.exceptions.AMQPError, OSError, NotReady):
                if condition():
                    return True
            pause.wait(0.05)
        self.faults.append(f"waited {within:.0f} s in vain until {what}")
        return False

    def is_ready(self) -> bool:
        """Whether every process that serves HTTP says so."""
        addresses = (*self.stack.health.values(), f"{self.second}/health/ready")
        with self.session() as session:
            return all(session.get(address, timeout=5).status_code == 200 for address in addresses)

    def begin_anew(self, plan: Plan, *restarted: str) -> Arena:
        """The same stack at its beginning, for another run: nothing is recorded, and these processes have the plan."""
        self.deaths.arm(0)
        for name in ("deaths", "mailing"):
            (self.folder / name).unlink(missing_ok=True)
        for mail in (self.stack.parts.maildir / "new").iterdir():
            mail.unlink()
        with self.stopped(TICK):
            self.wait("no sweep goes on", self._no_sweep_goes_on, READY_SECONDS)
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
        anew.wait("every source has said that there is nothing", anew.is_told, READY_SECONDS)
        return anew

    @contextmanager
    def stopped(self, name: str) -> Iterator[None]:
        """The process stands still, alive; when it is killed meanwhile, another one goes on."""
        pid = self.stack.pid(name) or 0
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _no_sweep_goes_on(self) -> bool:
        if self.databases["referrals_followup"].sweeps.find_one({"finished_at": {"$exists": False}}):
            return False
        with pika.BlockingConnection(pika.URLParameters(self.stack.parts.amqp_uri)) as connection:
            waiting = connection.channel().queue_declare(SWEEP, passive=True)
            return bool(waiting.method.message_count == 0)

    def is_told(self) -> bool:
        """Whether all that was recorded is published, reacted to, and folded, up to now."""
        recording = {service: self.databases[service] for service in RECORDING}
        now = self.clock.now()
        for database in self.databases.values():
            if any(database.events.find_one({part: True}) for part in ("relay.pending", "relay.unlisted")):
                return False
        if not all(has_settled(REACTIONS[name], store, recording.values()) for name, store in recording.items()):
            return False
        return all(until is not None and until >= now for until in self._evidence.complete_until().values())

    def come_to_rest(self, until: datetime, within: float) -> None:
        """Let nothing die any more, move the clock to `until`, and wait until nothing is left to do."""
        self.deaths.arm(0)
        over = time.monotonic() + within

        def comes(what: str, condition: Callable[[], Any]) -> bool:
            return self.wait(what, condition, over - time.monotonic())

        def is_told_at(instant: datetime) -> bool:
            self.clock.set(instant)
            return comes("all is told", self.is_told)

        if (
            comes("every process is ready", self.is_ready)
            and is_told_at(self.clock.now() + timedelta(minutes=1))
            and is_told_at(until)
            and comes("the lists are full", self._lists_are_full)
            and comes("all poison is parked", self._poison_is_parked)
            and comes("nothing is owed and no mail waits", self.is_at_rest)
        ):
            swept = self.sweeps()
            comes("one more sweep changes nothing", lambda: self.sweeps() > swept and self.is_at_rest())

    def sweeps(self) -> int:
        """How many sweeps have looked as of now."""
        finished = {"finished_at": {"$exists": True}, "as_of": self.clock.now()}
        return self.databases["referrals_followup"].sweeps.count_documents(finished)

    def is_at_rest(self) -> bool:
        """Whether nobody is owed a chase, no mail waits, and all is told."""
        database = self.databases["referrals_followup"]
        owed = {"state": OPEN, "next_rung_at": {"$lte": self.clock.now()}}
        return not database.follow_ups.find_one(owed) and mails.is_idle(database.events) and self.is_told()

    def _lists_are_full(self) -> bool:
        for kind, (service, collection) in VIEWS.items():
            recorded = self.databases[service].events.count_documents({"event.stream": {"$regex": f"^{kind}/"}})
            shown = self.databases[service][collection].aggregate([{"$group": {"_id": 0, "all": {"$sum": "$version"}}}])
            if sum(found["all"] for found in shown) != recorded:
                return False
        return True

    def _poison_is_parked(self) -> bool:
        wanted = {"message_id": {"$regex": "^poison-"}}
        return sum(one.parked.count_documents(wanted) for one in self.databases.values()) >= len(self.poison)

    def left(self, until: datetime) -> Left:
        """What the run left behind, to be judged."""
        streams = {(one.post.service, one.stream) for one in self.ledger.accepted}
        with ThreadPoolExecutor(ASKED_AT_ONCE) as asking:
            records = [record for record in asking.map(self._shown, sorted(streams)) if record]
        return Left(
            ledger=self.ledger,
            records={record.stream: record for record in records},
            databases=self.databases,
            maildir=self.stack.parts.maildir,
            poison=len(self.poison),
            deaths_while_mailing=self.deaths.while_mailing(),
            until=until,
        )

    def _shown(self, named: tuple[str, str]) -> Record | None:
        service, stream = named
        kind, _, record_id = stream.partition("/")
        url = f"{self.stack.urls[service]}{PATHS[kind]}/{record_id}"
        answer = self._session().get(url, headers={"Authorization": f"Bearer {self.token(READER)}"}, timeout=30)
        return Record.of(service, stream, answer.json()) if answer.ok else None

    @cached_property
    def _sessions(self) -> threading.local:
        return threading.local()

    def _session(self) -> requests.Session:
        if not hasattr(self._sessions, "session"):
            self._sessions.session = self.session()
        session: requests.Session = self._sessions.session
        return session

    def refuse_writes(self, mode: Any, **how: Any) -> None:
        """Have MongoDB refuse the next writes, or with the mode `off` no more of them; nothing when it is away."""
        data = {"failCommands": ["insert", "update", "delete", "findAndModify"], **how}
        with suppress(PyMongoError), MongoClient[Any](self.stack.parts.mongodb_uri, timeoutMS=3000) as client:
            client.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)


def _done(act: Callable[[], Any]) -> bool:
    """Whether it could be done, which a process that is just being started again does not allow."""
    try:
        act()
    except ProcessLookupError:
        return False
    return True


@contextmanager
def arena(plan: Plan) -> Iterator[Arena]:
    """A stack of its own for this plan, with a second replica of one service; nothing of it is left afterwards."""
    with TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        plan.write(folder)
        settings = {FOLDER: name, "SWEEP_INTERVAL_SECONDS": "1", "LOG_LEVEL": "warning"}
        with local_stack(
            fresh_name("chaos"),
            replay_clock=BEGINS,
            settings=settings,
            environment=without_foreign_parts(),
            ticks=True,
            started_by=("tests.chaos.process",),
            mongod_parameters=("enableTestCommands=1",),
        ) as stack:
            address = f"127.0.0.1:{stack.parts.ports.take(SECOND)}"
            environment = {**stack.environments["perinatal"], "HTTP_ADDRESS": address}
            argv = [*stack.commands["perinatal.serve"], "http"]
            commands = [Command(SECOND, argv, environment, grace=2.0)]
            replicas = Processes(stack.folder, stack.parts.lock, "replicas", commands)
            try:
                ours = Arena(stack, folder, plan.seed, replicas, f"http://{address}")
                ours.wait("the second replica is ready", ours.is_ready, READY_SECONDS)
                yield ours
            finally:
                replicas.stop()
