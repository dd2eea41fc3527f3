"""Runs the toy service in a process of its own, so that eventlet stays out of the tests', and speaks to it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import jwt
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support import eventually

ROOT = Path(__file__).parents[2]
DEADLINE_SECONDS = 30.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Toy:
    """One toy process: `start`, `request`, `stop`."""

    def __init__(self, folder: Path, *, mongodb_uri: str, database: str, kinds: str = "http") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = Ed25519PrivateKey.generate()
        pem = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        (folder / "key.pem").write_bytes(pem)
        settings = {
            "http_address": f"127.0.0.1:{self.port}",
            "mongodb_uri": mongodb_uri,
            "mongodb_database": database,
            "public_key_file": str(folder / "key.pem"),
            "folder": str(folder),
            "kinds": kinds,
        }
        (folder / "settings.json").write_text(json.dumps(settings))

    def start(self) -> Toy:
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.contract.toy_process", str(self.folder / "settings.json")],
                cwd=ROOT,
                stderr=log,
                stdout=log,
            )
        eventually(self._answers, DEADLINE_SECONDS)
        return self

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise RuntimeError(self.log)
        try:
            return requests.get(f"{self.url}/health/live", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def stop(self) -> int:
        """End it by SIGTERM and return its exit status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(DEADLINE_SECONDS)
        finally:
            self.process.kill()

    def token(self, key: Ed25519PrivateKey | None = None, **claims: Any) -> str:
        """A good token, but for what `claims` change in it."""
        usual = {
            "iss": "followthrough",
            "aud": "followthrough",
            "sub": "hv-17",
            "role": "health_visitor",
            "team": "hv-chelmsford",
            "areas": ["essex"],
            "exp": time.time() + 600,
        }
        return jwt.encode({**usual, **claims}, key or self.key, algorithm="EdDSA")

    def headers(self, **claims: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token(**claims)}", "Idempotency-Key": str(uuid.uuid4())}

    def get(self, path: str, **options: Any) -> requests.Response:
        return requests.get(self.url + path, **{"headers": self.headers(), "timeout": 20, **options})

    def post(self, path: str, **options: Any) -> requests.Response:
        return requests.post(self.url + path, **{"headers": self.headers(), "timeout": 20, **options})


def problem(response: requests.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of an error answer, after checking that it is one, of this status and code."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"/problems/{code}"
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert document["instance"] == f"urn:uuid:{response.headers['X-Correlation-Id']}"
    return document


def faults(response: requests.Response, status: int = 422, code: str = "invalid") -> dict[str, str]:
    """Which field has which fault."""
    return {error["field"]: error["message"] for error in problem(response, status, code)["errors"]}
