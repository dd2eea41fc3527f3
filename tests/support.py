"""Helpers for tests of every kind. Tests never sleep: they wait for a condition, with a deadline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import quote, unquote, urlsplit

from deploy.local.backends import Backends

T = TypeVar("T")


def the_broker_has_saved_the_name_of(queue: str, backends: Backends, amqp_uri: str) -> bool:
    """Whether the broker has saved the queue's name, which RabbitMQ 3.10 does a second late.

    If the broker is killed before that, the queue never finds a leader again.
    """
    host = unquote(urlsplit(amqp_uri).path.removeprefix("/")) or "/"
    wanted = f"{quote(host, safe='')}_{queue}".encode()
    tables = (backends.folder / "rabbit" / "data").glob("*/quorum/*/names.dets")
    return any(wanted in table.read_bytes() for table in tables)


def eventually(condition: Callable[[], T], within: float = 30.0) -> T:
    """The first truthy answer of `condition`. Fails when there is none within so many seconds.

    An AssertionError that the condition raises counts as "not yet"; the last one is shown.
    """
    deadline = time.monotonic() + within
    while True:
        last: BaseException | None = None
        try:
            answer = condition()
        except AssertionError as not_yet:
            answer, last = None, not_yet  # type: ignore[assignment]
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s; the last answer was {answer!r}") from last
        time.sleep(0.02)


def without_foreign_backends() -> dict[str, str]:
    """The environment for a stack that runs its own MongoDB and RabbitMQ, whatever the caller's environment names."""
    return {name: value for name, value in os.environ.items() if name not in ("MONGODB_URI", "AMQP_URI")}
