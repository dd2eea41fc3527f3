"""The backends of the services: a real MongoDB, a real RabbitMQ and a mail sink, private to one stack.

`MONGODB_URI` and `AMQP_URI` name backends that run elsewhere; they are used as they are. Backends that this module
starts are started again when they are killed. They end with the process that started them, however that ends.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from deploy.local import mongo, rabbit
from deploy.local.folders import instance_folder, write_private
from deploy.local.ports import Ports
from deploy.local.processes import Command, NotReady, Processes
from deploy.local.secret_files import SecretFiles

PORT_NAMES = ("mongodb", "amqp", "management", "distribution", "epmd", "smtp")


@dataclass(frozen=True, slots=True)
class Backends:
    """The addresses of the backends, and those that this stack runs."""

    instance: str
    folder: Path
    lock: int
    ports: Ports
    secrets: SecretFiles
    mongodb_uri: str
    amqp_uri: str
    management_uri: str | None
    smtp: tuple[str, int]
    processes: Processes = field(repr=False)

    @property
    def maildir(self) -> Path:
        """The Maildir of all delivered mails."""
        return self.folder / "mail" / "inbox"

    def new_vhost(self, name: str) -> str:
        """Makes a virtual host and returns its AMQP address. Raises NotReady where no management address is known."""
        rabbit.add_vhost(self._management(), name)
        return urlunsplit(urlsplit(self.amqp_uri)._replace(path=f"/{quote(name, safe='')}"))

    def drop_vhost(self, name: str) -> None:
        """Removes a virtual host."""
        rabbit.remove_vhost(self._management(), name)

    def mongod_pid(self) -> int | None:
        """The process id of this stack's own MongoDB, if it runs one."""
        return self.processes.pid("mongod")

    def rabbit_pid(self) -> int | None:
        """The process id of this stack's own broker, if it runs one."""
        return self.processes.pid("rabbitmq")

    def kill(self, name: str) -> int:
        """Kills `mongod`, `rabbitmq`, `epmd` or `smtp` with SIGKILL; it is started again. Returns the id it had."""
        return self.processes.kill(name)

    def wait_until_ready(self, within: float = 60.0) -> None:
        """Waits until every backend that this stack runs is ready, after a start or a kill. Raises NotReady."""
        names = self.processes.names
        if "mongod" in names:
            port = urlsplit(self.mongodb_uri).port or 0
            self.processes.wait_until("mongod", lambda: mongo.is_ready(port, self.secrets), within)
        if "rabbitmq" in names:
            management = self._management()
            self.processes.wait_until("rabbitmq", lambda: rabbit.is_ready(self.amqp_uri, management), within)
        self.processes.wait_until("smtp", lambda: listens(*self.smtp), within)

    def _management(self) -> str:
        if self.management_uri is None:
            raise NotReady("AMQP_URI is set without AMQP_MANAGEMENT_URI, so no virtual host can be made")
        return self.management_uri


@contextmanager
def local_backends(
    instance: str,
    *,
    keep: bool = False,
    environment: Mapping[str, str] = os.environ,
    mongod_parameters: Sequence[str] = (),
) -> Iterator[Backends]:
    """Starts the backends of one stack and stops them again. `keep` leaves data and secrets for the next start.

    `mongod_parameters` are `name=value`, for a MongoDB that is started here.

    Raises InstanceBusy, NotInstalled or NotReady, each with a message for a person.
    """
    inherited = {name: value for name, value in environment.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
    with instance_folder(instance, keep=keep) as (folder, lock), Ports(folder / "ports.json") as ports:
        secrets = SecretFiles(folder / "secrets")
        numbers = {name: ports.take(name) for name in PORT_NAMES}
        smtp = ("127.0.0.1", numbers["smtp"])
        sink = [sys.executable, "-m", "deploy.local.smtp_sink", *map(str, smtp), str(folder / "mail" / "inbox")]
        commands = [Command("smtp", sink, inherited)]

        mongodb_uri = environment.get("MONGODB_URI")
        if not mongodb_uri:
            mongodb_uri = mongo.uri(numbers["mongodb"], secrets)
            commands.append(mongo.command(folder, numbers["mongodb"], secrets, inherited, mongod_parameters))

        amqp_uri, management_uri = environment.get("AMQP_URI"), environment.get("AMQP_MANAGEMENT_URI")
        if not amqp_uri:
            amqp_uri = rabbit.amqp_uri(numbers["amqp"], secrets)
            management_uri = rabbit.management_uri(numbers["management"], secrets)
            commands += rabbit.commands(folder, instance, numbers, secrets, inherited)

        addresses = {"mongodb_uri": mongodb_uri, "amqp_uri": amqp_uri}
        write_private(
            folder / "stack.json",
            json.dumps({name: _without_credentials(uri) for name, uri in addresses.items()}, indent=2),
        )
        if not keep:  # its data are thrown away, and a node takes 6 s to stop in order
            commands = [replace(command, grace=0.0) for command in commands]
        processes = Processes(folder, lock, commands)
        try:
            backends = Backends(
                instance, folder, lock, ports, secrets, mongodb_uri, amqp_uri, management_uri or None, smtp, processes
            )
            backends.wait_until_ready()
            yield backends
        finally:
            processes.stop()


def _without_credentials(uri: str) -> str:
    return re.sub(r"//[^/@]*@", "//", uri)


def listens(host: str, port: int) -> bool:
    """Whether something takes connections there."""
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex((host, port)) == 0
