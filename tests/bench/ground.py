"""The ground of every round: a real MongoDB and a real RabbitMQ, with a database and a virtual host of its own, and
the processes of a contestant, which end with the round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika
import requests
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.backends import Backends, local_backends
from deploy.local.die_with_parent import die_with_parent
from deploy.local.folders import ROOT, fresh_name
from deploy.local.stack import DIRECTORY, STANDARDS
from deploy.local.tokens import AUDIENCE, ISSUER, mint
from shared.kernel.envelope import CONTENT_TYPE

PEERS = ROOT / ".venv-bench" / "bin"
READY_WITHIN = 60.0
STOPS_WITHIN = 10.0
LOOK_EVERY = 0.02


class Stuck(Exception):
    """A contestant did not do its work in time. The message ends with the last lines of its logs."""


@dataclass
class Field:
    """The field of one round, which is empty at the beginning. Its processes run the code of one working copy."""

    backends: Backends
    name: str
    amqp_uri: str
    folder: Path
    client: MongoClient[dict[str, Any]]
    processes: ExitStack
    root: Path = ROOT
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @cached_property
    def environment(self) -> dict[str, str]:
        """The settings of every process, ours and the peers'; each of our services has a database of its own."""
        secrets = self.backends.secrets
        smtp_host, smtp_port = self.backends.smtp
        return {
            **{name: value for name, value in os.environ.items() if name != "FOLLOWTHROUGH_CONFIG"},
            "MONGODB_URI": self.backends.mongodb_uri,
            "AMQP_URI": self.amqp_uri,
            "JWT_PUBLIC_KEY_FILE": str(secrets.jwt_public_key_file),
            "JWT_ISSUER": ISSUER,
            "JWT_AUDIENCE": AUDIENCE,
            "PERSON_ID_KEY_FILE": str(secrets.person_id_key_file),
            "DIRECTORY_FILE": str(self.root / DIRECTORY.relative_to(ROOT)),
            "STANDARDS_DIR": str(self.root / STANDARDS.relative_to(ROOT)),
            "SMTP_HOST": smtp_host,
            "SMTP_PORT": str(smtp_port),
            "MAIL_FROM": "followthrough@localhost",
            "PERINATAL_URL": "http://perinatal.example",
            "LEAVING_CARE_URL": "http://leaving-care.example",
            "LOG_LEVEL": "warning",
            "PYTHONWARNINGS": "ignore",
            "PYTHONUNBUFFERED": "1",
        }

    def database(self, of: str) -> Database[dict[str, Any]]:
        """The database of one service, or of a peer, in this round."""
        return self.client[f"{self.name}_{of}"]

    def settings(self, of: str, **more: str) -> dict[str, str]:
        """The environment of a process of one service, or of a peer."""
        return {**self.environment, "MONGODB_DATABASE": self.database(of).name, **more}

    def address(self) -> str:
        """`host:port` where nothing listens yet."""
        return f"127.0.0.1:{self.backends.ports.take(uuid4().hex)}"

    def token(self, number: int) -> str:
        """A token of a GP."""
        secret = self.backends.secrets.jwt_private_key_file.read_text()
        return mint(secret, f"gp-{number}", "gp_practice", "gp-mill-road", ["essex"])

    def run(self, service: str, role: str) -> None:
        """Runs a role of one of our services to its end."""
        argv = [sys.executable, "-m", f"services.{service}", role]
        subprocess.run(argv, cwd=self.root, env=self.settings(service), check=True, capture_output=True, timeout=60)

    def serve(self, service: str, *role: str, **settings: str) -> None:
        """Starts a role of one of our services, which runs until the end of the round."""
        self.start([sys.executable, "-m", f"services.{service}", *role], self.settings(service, **settings))

    def start(self, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        """Starts a process, which runs until the end of the round."""
        log = (self.folder / f"{len(list(self.folder.iterdir()))}.log").open("wb")
        argv = die_with_parent(list(argv))
        process = subprocess.Popen(argv, cwd=self.root, env=dict(environment), stdout=log, stderr=log)
        self.started.append(process)
        self.processes.callback(_end, process)

    def publish(self, queue: str, bodies: Sequence[bytes], **properties: Any) -> None:
        """Puts durable messages into a queue. Returns when all are ready in it."""
        with self.channel() as channel:
            how = pika.BasicProperties(**{"content_type": CONTENT_TYPE, "delivery_mode": 2, **properties})
            for body in bodies:
                channel.basic_publish("", queue, body, how)
        self.wait(f"{queue} is filled", lambda: self.waiting_in(queue) == len(bodies))

    def waiting_in(self, queue: str) -> int:
        """How many messages are ready in a queue."""
        with self.channel() as channel:
            return _ready(channel, queue)

    def first_delivery(self, queue: str, waiting: int) -> float:
        """Waits until the first of so many waiting messages is delivered. Returns the instant (monotonic) of the last
        look at which all were still waiting. Raises Stuck."""
        last = time.monotonic()

        def is_delivered() -> bool:
            nonlocal last
            looked = time.monotonic()
            if _ready(channel, queue) < waiting:
                return True
            last = looked
            return False

        with self.channel() as channel:
            self.wait(f"{queue} is consumed", is_delivered)
        return last

    def hearers_of(self, queue: str) -> int:
        """How many consumers a queue has."""
        with self.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.consumer_count)

    @contextmanager
    def channel(self) -> Iterator[Any]:
        with pika.BlockingConnection(pika.URLParameters(self.amqp_uri)) as connection:
            yield connection.channel()

    def wait_for(self, address: str) -> None:
        """Waits until something answers HTTP there, with any status."""
        self.wait(f"{address} answers", lambda: _answers(address))

    def wait(
        self, what: str, condition: Callable[[], Any], within: float = READY_WITHIN, every: float = LOOK_EVERY
    ) -> None:
        """Waits until the condition is true; checks it only every so many seconds, which costs less. Raises Stuck."""
        deadline = time.monotonic() + within
        while not condition():
            self._check_living()
            if time.monotonic() > deadline:
                raise Stuck(f"not within {within:.0f} s: {what}\n{self._last_words()}")
            time.sleep(every)

    def load(self, address: str, **asked: Any) -> dict[str, Any]:
        """What the load generator, a process of its own, measured there."""
        asked = {"address": address, "tokens": [self.token(number) for number in range(asked["connections"])], **asked}
        argv = [sys.executable, "-m", "tests.bench.load"]
        within = asked["seconds"] + READY_WITHIN
        ran = subprocess.run(argv, cwd=ROOT, input=json.dumps(asked).encode(), capture_output=True, timeout=within)
        if ran.returncode:
            raise Stuck(f"{ran.stderr.decode()[-2000:]}\n{self._last_words()}")
        measured: dict[str, Any] = json.loads(ran.stdout)
        return measured

    def _check_living(self) -> None:
        """Raises Stuck when a process has ended by itself."""
        if any(process.poll() is not None for process in self.started):
            raise Stuck(f"a process ended\n{self._last_words()}")

    def _last_words(self) -> str:
        return "\n".join(f"{log.name}: {log.read_text()[-1500:]}" for log in sorted(self.folder.glob("*.log")))


@dataclass(frozen=True)
class Ground:
    """The backends of all rounds of a run."""

    backends: Backends

    @contextmanager
    def field(self, root: Path = ROOT) -> Iterator[Field]:
        """An empty field for a round, which is removed afterwards."""
        name = f"bench_{uuid4().hex[:12]}"
        folder = self.backends.folder / name
        folder.mkdir()
        amqp_uri = self.backends.new_vhost(name)
        with MongoClient[Any](self.backends.mongodb_uri) as client:
            try:
                with ExitStack() as processes:
                    yield Field(self.backends, name, amqp_uri, folder, client, processes, root)
            finally:
                for database in client.list_database_names():
                    if database.startswith(name):
                        client.drop_database(database)
                self.backends.drop_vhost(name)


@contextmanager
def ground() -> Iterator[Ground]:
    """A MongoDB and a RabbitMQ for one run."""
    environment = {name: value for name, value in os.environ.items() if name not in ("MONGODB_URI", "AMQP_URI")}
    with local_backends(fresh_name("bench"), environment=environment) as backends:
        yield Ground(backends)


def _ready(channel: Any, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def _answers(address: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        with suppress(requests.RequestException):
            return session.get(f"http://{address}/health/ready", timeout=5).status_code < 500
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOPS_WITHIN)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
