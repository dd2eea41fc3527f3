"""The whole system on one machine: the backends and every process of the three services, ready for requests.

With a replay clock, all processes read domain time from one file in the stack's folder. Then there is no `tick` unless
it is asked for: whoever moves the clock also asks for sweeps.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from deploy.local import tokens
from deploy.local.backends import Backends, local_backends
from deploy.local.folders import ROOT, write_private
from deploy.local.processes import Command, Processes, run_to_end
from shared.config.config import SERVICES

STANDARDS = ROOT / "services" / "referrals_followup" / "standards"
DIRECTORY = ROOT / "services" / "referrals_followup" / "directory" / "directory.example.yaml"
READY_WITHIN = 90.0

PROCESSES = {
    "perinatal.serve": ("perinatal", ["serve"]),
    "leaving_care.serve": ("leaving_care", ["serve"]),
    "referrals_followup.http": ("referrals_followup", ["serve", "http"]),
    "referrals_followup.bus": ("referrals_followup", ["serve", "bus"]),
    "perinatal.relay": ("perinatal", ["relay"]),
    "leaving_care.relay": ("leaving_care", ["relay"]),
    "referrals_followup.relay": ("referrals_followup", ["relay"]),
    "referrals_followup.tick": ("referrals_followup", ["tick"]),
}
_HTTP_PROCESSES = tuple(name for name, (_, roles) in PROCESSES.items() if roles[0] == "serve")
_FRONT = {
    "perinatal": "perinatal.serve",
    "leaving_care": "leaving_care.serve",
    "referrals_followup": "referrals_followup.http",
}


@dataclass(frozen=True, slots=True)
class LocalStack:
    """A running system: its addresses, the names of its processes, and their environments."""

    backends: Backends
    urls: Mapping[str, str]
    health: Mapping[str, str]
    environments: Mapping[str, Mapping[str, str]] = field(repr=False)
    directory_file: Path
    clock_file: Path | None
    commands: Mapping[str, Sequence[str]]
    processes: Processes = field(repr=False)

    @property
    def folder(self) -> Path:
        """The folder of data, logs and secrets."""
        return self.backends.folder

    def set_clock(self, instant: datetime) -> None:
        """Moves the replay clock. Raises ValueError when this stack keeps real time."""
        if self.clock_file is None:
            raise ValueError("this stack keeps real time")
        _write_clock(self.clock_file, instant)

    def mint(self, sub: str, role: str, team: str, areas: list[str]) -> str:
        """A bearer token that this stack accepts."""
        return tokens.mint(self.backends.secrets.jwt_private_key_file.read_text(), sub, role, team, areas)

    def names(self) -> tuple[str, ...]:
        """Every process that may be killed: `perinatal.serve`, `mongod` and so on."""
        return self.processes.names + self.backends.processes.names

    def pid(self, name: str) -> int | None:
        """The process id that a process of the stack has now."""
        return self._group(name).pid(name)

    def kill(self, name: str) -> int:
        """Kills a process with SIGKILL; it is started again. Returns the id it had."""
        return self._group(name).kill(name)

    def wait_until_ready(self, within: float = READY_WITHIN) -> None:
        """Waits until every backend and every HTTP process is ready. Raises NotReady."""
        self.backends.wait_until_ready(within)
        for name, address in self.health.items():
            self.processes.wait_until(name, lambda address=address: _answers(address), within)  # type: ignore[misc]

    def run(self, service: str, *role: str, within: float = 60.0) -> None:
        """Runs `python -m services.<service> <role>` to its end, in the service's environment. Raises NotReady."""
        argv = [sys.executable, "-m", f"services.{service}", *role]
        run_to_end(f"{service}.{role[0]}", argv, self.environments[service], self.folder, within)

    def _group(self, name: str) -> Processes:
        return self.processes if name in self.processes.names else self.backends.processes


@contextmanager
def local_stack(
    instance: str,
    *,
    replay_clock: datetime | None = None,
    keep: bool = False,
    without: Collection[str] = (),
    settings: Mapping[str, str] | None = None,
    environment: Mapping[str, str] = os.environ,
    ticks: bool = False,
    started_by: Sequence[str] = (),
    mongod_parameters: Sequence[str] = (),
) -> Iterator[LocalStack]:
    """Starts everything and stops it again. `settings` are configuration variables for all services.

    `without` names processes that are left out, such as `perinatal.relay`, but none that serves HTTP. `ticks` asks for
    a `tick` with a replay clock too. `started_by` is a module that is run instead of each process, with the process's
    module and role as arguments. `mongod_parameters` are `name=value`.

    Raises InstanceBusy, NotInstalled or NotReady, each with a message for a person.
    """
    with local_backends(instance, keep=keep, environment=environment, mongod_parameters=mongod_parameters) as backends:
        clock_file = _write_clock(backends.folder / "clock", replay_clock) if replay_clock else None
        directory_file = Path(environment.get("DIRECTORY_FILE") or DIRECTORY)
        addresses = {name: f"127.0.0.1:{backends.ports.take(name)}" for name in _HTTP_PROCESSES}
        common = _common_settings(backends, environment, clock_file, addresses, directory_file) | dict(settings or {})
        environments = {service: common | _settings_of(service, backends, addresses) for service in SERVICES}
        commands = [
            Command(
                name,
                [sys.executable, "-m", *started_by, f"services.{service}", *roles],
                environments[service] | ({"HTTP_ADDRESS": addresses[name]} if name in addresses else {}),
                grace=10.0 if keep else 2.0,
            )
            for name, (service, roles) in PROCESSES.items()
            if name not in without and (ticks or not clock_file or name != "referrals_followup.tick")
        ]
        _prepare(backends, environments)
        processes = Processes(backends.folder, backends.lock, commands)
        try:
            stack = LocalStack(
                backends=backends,
                urls={service: f"http://{addresses[_FRONT[service]]}" for service in SERVICES},
                health={name: f"http://{address}/health/ready" for name, address in addresses.items()},
                environments=environments,
                directory_file=directory_file,
                clock_file=clock_file,
                commands={command.name: command.argv for command in commands},
                processes=processes,
            )
            stack.wait_until_ready()
            yield stack
        finally:
            processes.stop()


def _prepare(backends: Backends, environments: Mapping[str, Mapping[str, str]]) -> None:
    def run(service: str, role: str) -> None:
        argv = [sys.executable, "-m", f"services.{service}", role]
        run_to_end(f"{service}.{role}", argv, environments[service], backends.folder)

    roles = [*((service, "topology") for service in SERVICES), ("referrals_followup", "adopt")]
    with ThreadPoolExecutor() as at_once:
        list(at_once.map(lambda role: run(*role), roles))


def _common_settings(
    backends: Backends,
    environment: Mapping[str, str],
    clock_file: Path | None,
    addresses: Mapping[str, str],
    directory_file: Path,
) -> dict[str, str]:
    settings = {name: value for name, value in environment.items() if name != "FOLLOWTHROUGH_CONFIG"}
    settings |= {
        "MONGODB_URI": backends.mongodb_uri,
        "AMQP_URI": backends.amqp_uri,
        "JWT_PUBLIC_KEY_FILE": str(backends.secrets.jwt_public_key_file),
        "JWT_ISSUER": tokens.ISSUER,
        "JWT_AUDIENCE": tokens.AUDIENCE,
        "DIRECTORY_FILE": str(directory_file),
        "STANDARDS_DIR": environment.get("STANDARDS_DIR") or str(STANDARDS),
        "SMTP_HOST": backends.smtp[0],
        "SMTP_PORT": str(backends.smtp[1]),
        "MAIL_FROM": environment.get("MAIL_FROM") or "followthrough@localhost",
        "PERINATAL_URL": f"http://{addresses[_FRONT['perinatal']]}",
        "LEAVING_CARE_URL": f"http://{addresses[_FRONT['leaving_care']]}",
        "PYTHONUNBUFFERED": "1",
    }
    settings.pop("REPLAY_CLOCK_FILE", None)
    settings.pop("LOCAL_STACK_DIR", None)
    if clock_file:
        settings |= {"REPLAY_CLOCK_FILE": str(clock_file), "LOCAL_STACK_DIR": str(backends.folder)}
    return settings


def _settings_of(service: str, backends: Backends, addresses: Mapping[str, str]) -> dict[str, str]:
    settings = {
        "MONGODB_DATABASE": service,
        "HTTP_ADDRESS": addresses[_FRONT[service]],
        "PUBLIC_URL": f"http://{addresses[_FRONT[service]]}",
    }
    if service != "referrals_followup":
        settings["PERSON_ID_KEY_FILE"] = str(backends.secrets.person_id_key_file)
    return settings


def _write_clock(path: Path, instant: datetime) -> Path:
    return write_private(path, instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z") + "\n")


def _answers(address: str) -> bool:
    with requests.Session() as session:
        session.trust_env = False  # no proxy on the loopback
        try:
            return session.get(address, timeout=5).status_code == 200
        except requests.RequestException:
            return False
