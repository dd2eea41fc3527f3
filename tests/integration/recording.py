"""A recording service as real processes (`serve`, `relay`) on its own database and virtual host, and its callers."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from pymongo import MongoClient

from deploy.local.backends import Backends
from deploy.local.ports import Ports
from deploy.local.tokens import mint
from shared.messaging.topology import declare
from tests.support import eventually

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Caller:
    """Somebody with a token. Each `post` has a key of its own unless one is given."""

    url: str
    token: str

    def post(
        self, path: str, body: Any, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or uuid4().hex, **(headers or {})}
        return requests.post(self.url + path, json=body, headers=sent, timeout=10)

    def get(self, path: str, **query: Any) -> requests.Response:
        sent = {"Authorization": f"Bearer {self.token}"}
        return requests.get(self.url + path, params=query, headers=sent, timeout=10)


@dataclass(frozen=True)
class Running:
    """A service that answers. `environment` is that of its processes, `private_key` signs its tokens."""

    name: str
    url: str
    environment: dict[str, str]
    private_key: str
    database: Any

    def caller(
        self, person: str, role: str, team: str, *areas: str, key: str | None = None, lifetime: timedelta = HOUR
    ) -> Caller:
        return Caller(self.url, mint(key or self.private_key, person, role, team, areas or ("essex",), lifetime))

    def run(self, *role: str) -> str:
        """A role that ends; its standard output."""
        done = subprocess.run(
            self._command(*role), cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    @contextmanager
    def kept_running(self, *role: str) -> Iterator[subprocess.Popen[bytes]]:
        """A role that serves until the block ends."""
        with subprocess.Popen(self._command(*role), cwd=ROOT, env=self.environment) as process:
            try:
                yield process
            finally:
                process.terminate()
                process.wait(20)

    def _command(self, *role: str) -> list[str]:
        return [sys.executable, "-W", "ignore", "-m", f"services.{self.name}", *role]


def new_key() -> tuple[str, str]:
    """A private key and its public key, in PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()


@contextmanager
def running(name: str, backends: Backends, folder: Path, beside: Running | None = None) -> Iterator[Running]:
    """The service with its relay, on an empty database and an empty virtual host.

    `beside` another service it has that one's virtual host, and takes the same tokens and the same people.
    """
    own = f"test_{uuid4().hex}"
    private, public = new_key()
    (folder / "public.pem").write_text(public)
    (folder / "person.key").write_text(secrets.token_hex(32))
    shared: dict[str, str] = {}
    if beside is not None:
        private = beside.private_key
        shared = {name: beside.environment[name] for name in ("AMQP_URI", "JWT_PUBLIC_KEY_FILE", "PERSON_ID_KEY_FILE")}
    with Ports(folder / "ports.json") as ports, MongoClient[Any](backends.mongodb_uri, tz_aware=True) as client:
        address = f"127.0.0.1:{ports.take('http')}"
        environment = {
            **os.environ,
            "MONGODB_URI": backends.mongodb_uri,
            "MONGODB_DATABASE": own,
            "AMQP_URI": backends.new_vhost(own),
            "HTTP_ADDRESS": address,
            "JWT_PUBLIC_KEY_FILE": str(folder / "public.pem"),
            "PERSON_ID_KEY_FILE": str(folder / "person.key"),
            "LOG_LEVEL": "warning",
            **shared,
        }
        service = Running(name, f"http://{address}", environment, private, client[own])
        try:
            declare(environment["AMQP_URI"], name)
            with service.kept_running("serve"), service.kept_running("relay"):
                eventually(lambda: is_ready(service.url), within=30)
                yield service
        finally:
            client.drop_database(own)
            backends.drop_vhost(own)


def is_ready(url: str) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"{url}/health/ready", timeout=5).status_code == 200
    return False


def faulty_fields(response: requests.Response) -> set[str]:
    """The fields that a problem names."""
    return {error["field"] for error in response.json().get("errors", [])}


def code(response: requests.Response) -> str:
    """The code of a problem, checked to be one."""
    assert response.headers["Content-Type"].startswith("application/problem+json"), response.text
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    return str(problem["type"]).removeprefix("/problems/")
