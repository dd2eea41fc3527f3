"""Configuration: read and checked once, at the start. A process starts only if every setting is right.

Settings come from the environment, then from the YAML file that `FOLLOWTHROUGH_CONFIG` names (keys in lower case). An
empty variable counts as not set. All faults are listed at once. No fault repeats a value: it may hold a password.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from shared.config.settings import Settings, amqp_hosts, mongodb_hosts
from shared.config.yamlfile import Fault, FaultyFile, Located, faults, load_yaml
from shared.runtime.clock import Clock, ReplayClock, SystemClock

SERVICES = ("perinatal", "leaving_care", "referrals_followup")
CONFIG_FILE = "FOLLOWTHROUGH_CONFIG"
STACK_FILE = "stack.json"

# The path of a file that this role does not need: opening it fails at once, and the path says why.
NOT_CONFIGURED = Path(os.devnull) / "not-configured"

_NAMES = tuple(Settings().fields)

_HEARING = frozenset({"serve", "serve bus"})
_ANSWERING = frozenset({"serve", "serve http"})
_SERVING = _HEARING | _ANSWERING

# Which roles need a setting. A setting that is not listed has a default or may be left out.
_NEEDED_BY = {
    "mongodb_uri": _SERVING
    | {"relay", "tick", "adopt", "parked", "rebuild", "check"}
    | {"export", "restore", "verify", "erase", "import"},
    "amqp_uri": _HEARING | {"relay", "topology", "tick"},
    "jwt_public_key_file": _ANSWERING,
    "person_id_key_file": _ANSWERING | {"import"},
    "directory_file": _SERVING | {"adopt", "check"},
    "standards_dir": _SERVING | {"adopt"},
    "smtp_host": _HEARING,
    "mail_from": _HEARING,
    "perinatal_url": _SERVING,
    "leaving_care_url": _SERVING,
}

# One environment may serve all processes, so a service ignores the settings of other services.
_RECORDING = ("perinatal", "leaving_care")
_FOLLOWING = ("referrals_followup",)
_ONLY_OF = {
    "person_id_key_file": _RECORDING,
    "directory_file": _FOLLOWING,
    "standards_dir": _FOLLOWING,
    "smtp_host": _FOLLOWING,
    "smtp_port": _FOLLOWING,
    "mail_from": _FOLLOWING,
    "perinatal_url": _FOLLOWING,
    "leaving_care_url": _FOLLOWING,
    "sweep_interval_seconds": _FOLLOWING,
}


class InvalidConfiguration(FaultyFile):
    """The configuration has faults. `str` lists them, one a line."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one process. A setting that its role does not need may be empty or `NOT_CONFIGURED`."""

    service: str
    role: str
    mongodb_uri: str = field(default="", repr=False)
    mongodb_database: str
    amqp_uri: str = field(default="", repr=False)
    http_address: str = "127.0.0.1:8000"
    public_url: str
    jwt_public_key_file: Path = NOT_CONFIGURED
    jwt_issuer: str = "followthrough"
    jwt_audience: str = "followthrough"
    person_id_key_file: Path = NOT_CONFIGURED
    replay_clock_file: Path | None = None
    local_stack_dir: Path | None = None
    log_level: str = "info"
    body_limit_bytes: int = 65536
    bank_holidays_until: int
    directory_file: Path = NOT_CONFIGURED
    standards_dir: Path = NOT_CONFIGURED
    smtp_host: str = ""
    smtp_port: int = 25
    mail_from: str = ""
    perinatal_url: str = ""
    leaving_care_url: str = ""
    sweep_interval_seconds: int = 60

    def clock(self) -> Clock:
        """The clock of domain time: real time, except in a replay on a local stack."""
        return ReplayClock(self.replay_clock_file) if self.replay_clock_file else SystemClock()

    def jwt_public_key(self) -> bytes:
        """The PEM text of the Ed25519 key that tokens are signed with."""
        return self.jwt_public_key_file.read_bytes()

    def person_id_key(self) -> bytes:
        """The secret that turns NHS numbers into person ids. All services that register people need the same one."""
        return self.person_id_key_file.read_bytes().strip()


def load_config(env: Mapping[str, str], *, service: str, role: str) -> Config:
    """Loads the configuration of one role of one service. Raises InvalidConfiguration, which lists every fault."""
    found: list[Fault] = []
    located = _file_of(env, found)
    from_file = located.value if located and isinstance(located.value, Mapping) else {}
    from_env = {name: env[name.upper()] for name in _NAMES if env.get(name.upper())}
    known = {name: value for name, value in {**from_file, **from_env}.items() if _concerns(name, service)}
    try:
        settings: dict[str, Any] = Settings().load(known)
    except ValidationError as error:
        settings = dict(error.valid_data or {})
        for name, messages in error.messages_dict.items():
            if located and name not in from_env:
                found += faults(located, {name: messages})
            else:
                found += [Fault("environment", 0, name.upper(), message) for message in messages]
    if located or not env.get(CONFIG_FILE):  # If the file cannot be read, it is unknown what is missing.
        found += _missing(known, service, role, located)
    for message in _replay_faults(settings, known):
        if located and "replay_clock_file" not in from_env:
            found.append(located.fault(("replay_clock_file",), message))
        else:
            found.append(Fault("environment", 0, "REPLAY_CLOCK_FILE", message))
    if found:
        raise InvalidConfiguration(found)
    settings.setdefault("mongodb_database", service)
    settings.setdefault("public_url", f"http://{settings.get('http_address', Config.http_address)}")
    settings.setdefault("bank_holidays_until", datetime.now(UTC).year + 1)
    return Config(service=service, role=role, **settings)


def config_or_exit(service: str, role: str, env: Mapping[str, str] | None = None) -> Config:
    """Loads the configuration from the environment. If it has faults, prints them to stderr and exits 2."""
    try:
        return load_config(os.environ if env is None else env, service=service, role=role)
    except InvalidConfiguration as error:
        print(f"{service} {role} cannot start:\n{error}", file=sys.stderr)
        raise SystemExit(2) from None


def _file_of(env: Mapping[str, str], found: list[Fault]) -> Located | None:
    path = env.get(CONFIG_FILE)
    if not path:
        return None
    try:
        located = load_yaml(path)
    except FaultyFile as error:
        found += error.faults
        return None
    if not isinstance(located.value, Mapping | None):
        found.append(located.fault((), "the file is a mapping of settings"))
    return located


def _missing(known: Mapping[str, Any], service: str, role: str, located: Located | None) -> Iterator[Fault]:
    elsewhere = f", nor is {{}} in {located.file}" if located else ""
    for name, roles in _NEEDED_BY.items():
        if role in roles and _concerns(name, service) and name not in known:
            message = f"is needed by {service} {role} and not set" + elsewhere.format(name)
            yield Fault("environment", 0, name.upper(), message)


def _concerns(name: Any, service: str) -> bool:
    return service in _ONLY_OF.get(name, SERVICES)


def _replay_faults(settings: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    """Faults of the replay clock. A replay clock on a real system would let deadlines pass unseen."""
    clock_file = settings.get("replay_clock_file")
    if clock_file is None:
        return
    try:
        ReplayClock(clock_file).now()
    except (OSError, ValueError):
        yield "names a file that does not hold one RFC 3339 instant"
    folder = settings.get("local_stack_dir")
    if folder is None:
        if "local_stack_dir" not in known:
            yield "is for the local stack only, and local_stack_dir is not set"
        return
    if not clock_file.resolve().is_relative_to(folder.resolve()):
        yield "is for the local stack only, and the file lies outside local_stack_dir"
    try:
        stack = json.loads((folder / STACK_FILE).read_bytes())
        started = {"mongodb_uri": mongodb_hosts(stack["mongodb_uri"]), "amqp_uri": amqp_hosts(stack["amqp_uri"])}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        yield f"is for the local stack only, and local_stack_dir holds no {STACK_FILE} that names its two addresses"
        return
    for name, hosts_of in (("mongodb_uri", mongodb_hosts), ("amqp_uri", amqp_hosts)):
        if name not in settings:
            continue
        hosts = hosts_of(settings[name])
        if hosts != started[name]:
            yield f"is for the local stack only, and {name} is not the one in {STACK_FILE}"
        if not all(_is_loopback(host) for host, _ in hosts):
            yield f"is for the local stack only, and {name} is not on this machine's loopback"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
