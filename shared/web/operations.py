"""The routes of every `serve` process that need no token: OpenAPI, its page, liveness, readiness and metrics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import eventlet
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.routing import Rule

from shared.web import docs
from shared.web.exchange import JSON, Environ, Reply
from shared.web.openapi import OPERATIONS, document_of
from shared.web.problems import FieldError, Problem

CHECK_SECONDS = 4.0


class Operation:
    """A route without token, schema or access log."""

    def __init__(self, url: str, answer: Callable[[], Reply]) -> None:
        self.rule = Rule(url, methods=["GET"], endpoint=self)
        self._answer = answer

    def respond(self, environ: Environ, path: Mapping[str, str], correlation_id: str) -> Reply:
        return self._answer()


def operations_of(service_cls: Any, entrypoints: Iterable[Any], dependencies: Any) -> list[Operation]:
    """The operations of one container. It is ready when every check passes.

    A container without routes is ready when its consumers are connected too. One with routes answers while the broker
    is away: it names the queues that it waits for.
    """
    checks: dict[str, Callable[[], object]] = dict(getattr(dependencies, "checks", {}))
    queues: dict[str, Callable[[], object]] = {}
    entrypoints = sorted(entrypoints, key=lambda entrypoint: entrypoint.method_name)
    endpoints = [(entrypoint.method_name, entrypoint) for entrypoint in entrypoints if entrypoint.kind == "http"]
    for entrypoint in entrypoints:
        if entrypoint.kind == "bus":
            name = getattr(entrypoint, "queue", entrypoint.method_name)
            queues[f"queue {name}"] = partial(getattr, entrypoint, "connected")
    if not endpoints:
        checks, queues = {**checks, **queues}, {}
    details = getattr(dependencies, "details", dict)
    observe = getattr(dependencies, "observe", lambda: None)
    openapi = Reply(200, [("Content-Type", JSON)], json.dumps(document_of(service_cls, endpoints)).encode())
    answers: Mapping[str, Callable[[], Reply]] = {
        "/openapi.json": lambda: openapi,
        "/docs": partial(docs.page, service_cls.name),
        "/health/live": lambda: _health("live"),
        "/health/ready": partial(_ready, checks, queues, details),
        "/metrics": partial(_metrics, observe),
    }
    assets = [Operation(f"/docs/{name}", partial(docs.asset, name)) for name in docs.ASSETS]
    return [*(Operation(url, answers[url]) for url in OPERATIONS), *assets]


def _ready(
    checks: Mapping[str, Callable[[], object]],
    queues: Mapping[str, Callable[[], object]],
    details: Callable[[], Mapping[str, Any]],
) -> Reply:
    failing = _failing(checks)
    if failing:
        errors = tuple(FieldError(name, "fails") for name in failing)
        raise Problem(503, "not-ready", f"not ready: {', '.join(failing)}", errors)
    waits_for = _failing(queues)
    return _health("ready", {**(_within(details) or {}), **({"waits_for": waits_for} if waits_for else {})})


def _failing(checks: Mapping[str, Callable[[], object]]) -> list[str]:
    return sorted(name for name, check in checks.items() if not _passes(check))


def _metrics(observe: Callable[[], object]) -> Reply:
    """A gauge that cannot be updated keeps its last value. So all other figures are shown while the store is away."""
    _within(observe)
    return Reply(200, [("Content-Type", CONTENT_TYPE_LATEST)], generate_latest())


def _passes(check: Callable[[], object]) -> bool:
    return _within(check, failing=False) is not False


def _within(ask: Callable[[], Any], failing: Any = None) -> Any:
    """The result of `ask`. The result is `failing` if `ask` takes too long or raises."""
    try:
        with eventlet.Timeout(CHECK_SECONDS, TimeoutError):
            return ask()
    except Exception:
        return failing


def _health(status: str, details: Mapping[str, Any] | None = None) -> Reply:
    return Reply(200, [("Content-Type", JSON)], json.dumps({"status": status, **(details or {})}).encode())
