"""Configuration: read and checked once, at the start. A process starts only if every setting is right.

Settings come from the environment, then from the YAML file that `FOLLOWTHROUGH_CONFIG` names (keys in lower case). An
empty variable counts as not set. All faults are listed at once. No fault repeats a value: it may hold a password.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from copy import copy
from dataclasses import MISSING, dataclass, field
from dataclasses import fields as declared_fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError, fields

from shared.config import kinds
from shared.config.kinds import amqp_hosts, mongodb_hosts
from shared.config.yamlfile import Fault, FaultyFile, Located, load_yaml
from shared.runtime.clock import Clock, ReplayClock, SystemClock

SERVICES = ("perinatal", "leaving_care", "referrals_followup")
CONFIG_FILE = "FOLLOWTHROUGH_CONFIG"
STACK_FILE = "stack.json"

# The path of a file that this role does not need: opening it fails at once, and the path says why.
NOT_CONFIGURED = Path(os.devnull) / "not-configured"

_RECORDING = ("perinatal", "leaving_care")
_FOLLOWING = ("referrals_followup",)

_HEARING = frozenset({"serve", "serve bus"})
_ANSWERING = frozenset({"serve", "serve http"})
_SERVING = _HEARING | _ANSWERING
_STORING = _SERVING | {"relay", "tick", "adopt", "parked", "rebuild", "check"}
_STORING |= {"export", "restore", "verify", "erase", "import", "directory"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What is declared of a setting besides its name, type and default."""

    purpose: str
    kind: fields.Field[Any]
    services: Sequence[str]
    needed_by: Set[str]


def setting(
    purpose: str,
    kind: fields.Field[Any],
    default: Any = MISSING,
    *,
    of: Sequence[str] = SERVICES,
    needed_by: Set[str] = frozenset(),
    secret: bool = False,
) -> Any:
    """Declares a setting. `purpose` is for the pages of the services; `kind` checks the value. No `repr` has a secret.

    `of`: the services that have it. One environment may serve all processes, so the other services ignore the setting.
    `needed_by`: the roles that cannot start without it. For other roles it may be empty or `NOT_CONFIGURED`.
    """
    if needed_by:
        default = NOT_CONFIGURED if isinstance(kind, kinds.File | kinds.Folder) else ""
    return field(default=default, repr=not secret, metadata={"setting": Setting(purpose, kind, of, needed_by)})


class InvalidConfiguration(FaultyFile):
    """The configuration has faults. `str` lists them, one a line."""


@dataclass(frozen=True, kw_only=True)
class Config:
    """The settings of one process. A setting that its role does not need may be empty or `NOT_CONFIGURED`."""

    service: str
    role: str
    mongodb_uri: str = setting("address of MongoDB", kinds.MONGODB_URI, needed_by=_STORING, secret=True)
    mongodb_database: str = setting("name of the database; if not set, the name of the service", kinds.DATABASE)
    amqp_uri: str = setting(
        "address of RabbitMQ; for a cluster, the address of each node, with commas or spaces between them",
        kinds.AMQP_URI,
        needed_by=_HEARING | {"relay", "topology", "tick"},
        secret=True,
    )
    http_address: str = setting("host and port that HTTP is served on", kinds.HOST_AND_PORT, "127.0.0.1:8000")
    public_url: str = setting("address of this service in links; if not set, `HTTP_ADDRESS`", kinds.WEB_ADDRESS)
    jwt_public_key_file: Path = setting(
        "file with the Ed25519 public key for checking tokens, in PEM", kinds.PublicKeyFile(), needed_by=_ANSWERING
    )
    jwt_issuer: str = setting("issuer that tokens must name", kinds.SHORT_TEXT, "followthrough")
    jwt_audience: str = setting("audience that tokens must name", kinds.SHORT_TEXT, "followthrough")
    person_id_key_file: Path = setting(
        "file with the secret that turns NHS numbers into person ids; the same in all services that register people",
        kinds.SecretFile(),
        of=_RECORDING,
        needed_by=_SERVING | {"import", "rebuild", "check"},
    )
    replay_clock_file: Path | None = setting("file with the instant of a replay, on a local stack", kinds.File(), None)
    local_stack_dir: Path | None = setting("folder of the local stack, for a replay", kinds.Folder(), None)
    log_level: str = setting("lowest level to log", kinds.OneOf("debug", "info", "warning", "error"), "info")
    body_limit_bytes: int = setting("most bytes in the body of a request", kinds.Whole(1024, 16 * 1024 * 1024), 65536)
    bank_holidays_until: int = setting("last year of the calendar; if not set, next year", kinds.Whole(2012, 2100))
    directory_file: Path = setting(
        "file of who works where and manages whom", kinds.File(), of=_FOLLOWING, needed_by=_SERVING | {"adopt", "check"}
    )
    standards_dir: Path = setting(
        "folder of the packs of standards", kinds.Folder(), of=_FOLLOWING, needed_by=_SERVING | {"adopt"}
    )
    smtp_host: str = setting("host of the mail server", kinds.HOST, of=_FOLLOWING, needed_by=_HEARING)
    smtp_port: int = setting("port of the mail server", kinds.Whole(1, 65535), 25, of=_FOLLOWING)
    mail_from: str = setting("sender of the digests", kinds.EMAIL, of=_FOLLOWING, needed_by=_HEARING)
    perinatal_url: str = setting("address of `perinatal`", kinds.WEB_ADDRESS, of=_FOLLOWING, needed_by=_SERVING)
    leaving_care_url: str = setting("address of `leaving_care`", kinds.WEB_ADDRESS, of=_FOLLOWING, needed_by=_SERVING)
    sweep_interval_seconds: int = setting("seconds between sweeps", kinds.Whole(1, 3600), 60, of=_FOLLOWING)

    def clock(self) -> Clock:
        """The clock of domain time: real time, except in a replay on a local stack."""
        return ReplayClock(self.replay_clock_file) if self.replay_clock_file else SystemClock()

    def jwt_public_key(self) -> bytes:
        """The PEM text of the Ed25519 key that tokens are signed with."""
        return self.jwt_public_key_file.read_bytes()

    def person_id_key(self) -> bytes:
        """The secret that turns NHS numbers into person ids. All services that register people need the same one."""
        return self.person_id_key_file.read_bytes().strip()


SETTINGS: Mapping[str, Setting] = {
    each.name: each.metadata["setting"] for each in declared_fields(Config) if "setting" in each.metadata
}
"""By its name in a YAML file; in the environment the name is in upper case."""
_SCHEMA = Schema.from_dict({name: copy(declared.kind) for name, declared in SETTINGS.items()})()


def load_config(env: Mapping[str, str], *, service: str, role: str) -> Config:
    """Loads the configuration of one role of one service. Raises InvalidConfiguration, which lists every fault."""
    found: list[Fault] = []
    located = _file_of(env, found)
    from_file = located.value if located and isinstance(located.value, Mapping) else {}
    from_env = {name: env[name.upper()] for name in SETTINGS if env.get(name.upper())}
    others = {name for name, declared in SETTINGS.items() if service not in declared.services}
    known = {name: value for name, value in {**from_file, **from_env}.items() if name not in others}

    def fault(name: str, message: str) -> Fault:
        if located and name not in from_env:
            return located.fault((name,), message)
        return Fault("environment", 0, name.upper(), message)

    try:
        settings: dict[str, Any] = _SCHEMA.load(known)
    except ValidationError as error:
        settings = dict(error.valid_data or {})
        for name, messages in error.messages_dict.items():
            found += [fault(name, message) for message in messages]
    if located or not env.get(CONFIG_FILE):  # If the file cannot be read, it is unknown what is missing.
        found += _missing(known, service, role, located)
    found += [fault("replay_clock_file", message) for message in _replay_faults(settings, known)]
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
    for name, one in SETTINGS.items():
        if service in one.services and role in one.needed_by and name not in known:
            message = f"is needed by {service} {role} and not set" + elsewhere.format(name)
            yield Fault("environment", 0, name.upper(), message)


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
