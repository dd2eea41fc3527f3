"""Three RabbitMQ nodes as one cluster, three MongoDB members as one replica set, on the loopback, each to be lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import requests
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from deploy.local import mongo, rabbit
from deploy.local.folders import fresh_name, instance_folder, write_private
from deploy.local.ports import Ports
from deploy.local.processes import Command, NotReady, Processes
from deploy.local.secret_files import SecretFiles
from shared.messaging.topology import QUEUES

NODES = (1, 2, 3)
MONGODS = tuple(f"mongod-{number}" for number in NODES)
RABBITS = tuple(f"rabbitmq-{number}" for number in NODES)
FORMED_WITHIN = 180.0
# Members that lost sight of a node notice it after this many seconds at most (net_ticktime plus a quarter).
TICK_SECONDS = 10
LIVING = {"PRIMARY", "SECONDARY"}


@dataclass(frozen=True)
class Cluster:
    """The six processes, and their own account of their state."""

    folder: Path
    ports: Mapping[str, int]
    secrets: SecretFiles
    processes: Processes

    @property
    def mongodb_uri(self) -> str:
        """Every member, with majority writes and reads."""
        one = mongo.uri(self.ports["mongod-1"], self.secrets)
        members = ",".join(f"127.0.0.1:{self.ports[name]}" for name in MONGODS)
        return one.replace(f"127.0.0.1:{self.ports['mongod-1']}", members)

    @property
    def amqp_uri(self) -> str:
        """The address of every node."""
        return ",".join(rabbit.amqp_uri(self.ports[name], self.secrets) for name in RABBITS)

    def management(self, name: str) -> str:
        """The management address of one node."""
        return rabbit.management_uri(self.ports[f"{name}.management"], self.secrets)

    def primary(self) -> str:
        """The member that takes writes. Raises NotReady when there is none."""
        for name in MONGODS:
            with suppress(PyMongoError), self._member(name) as member:
                if member.admin.command("hello")["isWritablePrimary"]:
                    return name
        raise NotReady("the replica set has no primary")

    def step_down(self) -> None:
        """Makes the primary step down."""
        with self._member(self.primary(), **self._root()) as member, suppress(PyMongoError):
            member.admin.command("replSetStepDown", 30)

    def leader_of(self, queue: str) -> str:
        """The RabbitMQ node that leads a queue. Raises NotReady when there is none."""
        node = self._ask(f"/api/queues/%2F/{quote(queue)}").get("leader") or ""
        for name in RABBITS:
            if node.partition("@")[0].endswith(name):
                return name
        raise NotReady(f"{queue} has no leader")

    def is_whole(self) -> bool:
        """Whether every node is there, up to date, and takes part. Before that no other one may be lost."""
        return self._has_every_member() and self._has_every_node()

    def queues_are_whole(self) -> bool:
        """Whether each queue has all three nodes for members, and all of them are there."""
        queues = {queue["name"]: queue for queue in self._ask("/api/queues/%2F")}
        found = [queues.get(queue.name, {}) for queue in QUEUES]
        return all(len(one.get("members", ())) == len(one.get("online", ())) == len(NODES) for one in found)

    def queues_are_saved(self) -> bool:
        """Whether each node has written the name of each queue; killed before, that never has a leader again."""
        for name in RABBITS:
            tables = (self.folder / name / "rabbit" / "data").glob("*/quorum/*/names.dets")
            known = b"".join(table.read_bytes() for table in tables)
            if not all(f"%2F_{queue.name}".encode() in known for queue in QUEUES):
                return False
        return True

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stops the node (SIGSTOP): its connections stay open, but it answers neither clients nor peers."""
        pid = self.processes.pid(name) or 0
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def away(self, name: str) -> Iterator[None]:
        """Kills the node, and again each time its keeper starts it."""
        back = threading.Event()
        killer = threading.Thread(target=self._keep_killing, args=(name, back), daemon=True)
        killer.start()
        try:
            yield
        finally:
            back.set()
            killer.join()

    def _keep_killing(self, name: str, back: threading.Event) -> None:
        killed = None
        while not back.is_set():
            pid = self.processes.pid(name)
            if pid != killed:
                with suppress(ProcessLookupError):
                    killed = self.processes.kill(name)
            back.wait(0.05)

    def form(self) -> None:
        """Waits until the nodes are one cluster and one replica set. Raises NotReady."""
        self._initiate()
        for name, condition in (("mongod-1", self._has_every_member), ("rabbitmq-1", self._has_every_node)):
            self.processes.wait_until(name, condition, FORMED_WITHIN)

    def _initiate(self) -> None:
        members = [{"_id": number, "host": f"127.0.0.1:{self.ports[f'mongod-{number}']}"} for number in NODES]
        config = {"_id": mongo.REPLICA_SET, "members": members}

        def has_a_root_user() -> bool:
            """Whether there is a root user. Without one, MongoDB lets any client on the loopback make it."""
            try:
                with self._member("mongod-1") as first, suppress(OperationFailure):
                    first.admin.command("replSetInitiate", config)
                with self._member(self.primary()) as primary:
                    primary.admin.command("createUser", "root", pwd=self.secrets.mongo_password, roles=["root"])
            except (PyMongoError, NotReady):
                return False
            return True

        self.processes.wait_until("mongod-1", has_a_root_user, FORMED_WITHIN)

    def _has_every_member(self) -> bool:
        try:
            with self._member(self.primary(), **self._root()) as member:
                found = member.admin.command("replSetGetStatus")["members"]
        except (PyMongoError, NotReady):
            return False
        behind = max(one["optimeDate"] for one in found) - min(one["optimeDate"] for one in found)
        return {one["stateStr"] for one in found} == LIVING and behind.total_seconds() < 5

    def _has_every_node(self) -> bool:
        """Whether each node says that it and its two peers run, none cut off from another."""
        for name in RABBITS:
            try:
                nodes = rabbit.manage(self.management(name), "GET", "/api/nodes")
            except OSError:
                return False
            if len(nodes) != len(NODES) or not all(node["running"] and not node.get("partitions") for node in nodes):
                return False
        return True

    def _ask(self, path: str) -> Any:
        """The answer of the first node that answers. Raises NotReady."""
        for name in RABBITS:
            with suppress(requests.RequestException):
                return rabbit.manage(self.management(name), "GET", path)
        raise NotReady("no RabbitMQ node answers")

    def _root(self) -> dict[str, str]:
        return {"username": "root", "password": self.secrets.mongo_password}

    def _member(self, name: str, **credentials: Any) -> MongoClient[dict[str, Any]]:
        return MongoClient("127.0.0.1", self.ports[name], directConnection=True, timeoutMS=3_000, **credentials)


@contextmanager
def cluster(environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Starts six nodes, forms the clusters, and removes everything at the end. Raises NotInstalled or NotReady."""
    instance = fresh_name("cluster")
    with instance_folder(instance, keep=False) as (folder, lock), Ports(folder / "ports.json") as held:
        secrets = SecretFiles(folder / "secrets")
        kinds = ("management", "distribution")
        names = ("epmd", *MONGODS, *RABBITS, *(f"{name}.{kind}" for name in RABBITS for kind in kinds))
        ports = {name: held.take(name) for name in names}
        inherited = {name: value for name, value in environment.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        commands = [_mongod(folder / name, name, ports[name], secrets, inherited) for name in MONGODS]
        mapper, nodes = _rabbits(folder, instance, ports, secrets, inherited)
        processes = Processes(folder, lock, [replace(one, grace=0.0) for one in (mapper, *commands, *nodes)])
        try:
            ours = Cluster(folder, ports, secrets, processes)
            ours.form()
            yield ours
        finally:
            processes.stop()


def _mongod(folder: Path, name: str, port: int, secrets: SecretFiles, environment: dict[str, str]) -> Command:
    (folder / "mongo").mkdir(mode=0o700, parents=True)
    return replace(mongo.command(folder, port, secrets, environment), name=name)


def _rabbits(
    folder: Path, instance: str, ports: Mapping[str, int], secrets: SecretFiles, environment: dict[str, str]
) -> tuple[Command, list[Command]]:
    """The port mapper, which all nodes share, and the nodes."""
    nodes = []
    for name in RABBITS:
        home = folder / name / "rabbit"
        for part in (home / "conf.d", folder / name / "logs"):
            part.mkdir(mode=0o700, parents=True)
        write_private(home / "conf.d" / "cluster.conf", _formation(instance))
        own = {
            "amqp": ports[name],
            "management": ports[f"{name}.management"],
            "distribution": ports[f"{name}.distribution"],
            "epmd": ports["epmd"],
        }
        mapper, node = rabbit.commands(folder / name, f"{instance}-{name}", own, secrets, environment)
        arguments = f"{node.env['RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS']} -kernel net_ticktime {TICK_SECONDS}"
        nodes.append(replace(node, name=name, env={**node.env, "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": arguments}))
    return mapper, nodes


def _formation(instance: str) -> str:
    lines = [f"cluster_formation.classic_config.nodes.{n} = {instance}-rabbitmq-{n}@localhost" for n in NODES]
    return "\n".join(
        [
            "cluster_name = followthrough",
            "cluster_partition_handling = autoheal",
            "cluster_formation.peer_discovery_backend = classic_config",
            *lines,
            "",
        ]
    )
