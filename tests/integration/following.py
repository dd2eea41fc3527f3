"""The follow-up service as real processes on its own database and virtual host, at a time that a test sets."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from pymongo import MongoClient

from deploy.local.backends import Backends
from shared.messaging.topology import declare
from shared.runtime.clock import ReplayClock
from tests.integration.ledger import DIRECTORY, STANDARDS
from tests.integration.recording import Running, is_ready, new_key
from tests.support import eventually


@contextmanager
def following(
    backends: Backends, folder: Path, *role: str, clock: ReplayClock, smtp_port: int = 1
) -> Iterator[Running]:
    """The service on an empty database and an empty virtual host, its rules adopted; its clock is that of a replay."""
    own = f"test_{uuid4().hex}"
    private, public = new_key()
    (folder / "public.pem").write_text(public)
    with MongoClient[Any](backends.mongodb_uri, tz_aware=True) as client:
        address = f"127.0.0.1:{backends.ports.take(own)}"
        environment = {
            **os.environ,
            "MONGODB_URI": backends.mongodb_uri,
            "MONGODB_DATABASE": own,
            "AMQP_URI": backends.amqp_uri if role == ("serve", "http") else backends.new_vhost(own),
            "HTTP_ADDRESS": address,
            "PUBLIC_URL": f"http://{address}",
            "JWT_PUBLIC_KEY_FILE": str(folder / "public.pem"),
            "DIRECTORY_FILE": str(DIRECTORY),
            "STANDARDS_DIR": str(STANDARDS),
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(smtp_port),
            "MAIL_FROM": "followthrough@localhost",
            "PERINATAL_URL": "http://perinatal.example",
            "LEAVING_CARE_URL": "http://leaving-care.example",
            "REPLAY_CLOCK_FILE": str(clock.path),
            "LOCAL_STACK_DIR": str(backends.folder),
            "LOG_LEVEL": "warning",
        }
        service = Running("referrals_followup", f"http://{address}", environment, private, client[own])
        try:
            service.run("adopt")
            if role == ("serve",):
                declare(environment["AMQP_URI"], service.name)
            with service.kept_running(*role):
                eventually(lambda: is_ready(service.url), within=30)
                yield service
        finally:
            client.drop_database(own)
            if role != ("serve", "http"):
                backends.drop_vhost(own)
