"""`python -m tests.contract.edge_process <service>`: what a service class says of its routes, and whom they let in.

A process of its own, so that eventlet stays out of the tests'. Requests go through the real edge: routing, token,
access table and answer; only a method that one of them would reach is replaced, by an answer that says so.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
import warnings
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR

from deploy.local.tokens import AUDIENCE, ISSUER, mint
from shared.contracts.access import ROLES
from shared.messaging.consumer import Consumer
from shared.runtime.observability import configure_logging
from shared.web.endpoint import Endpoint, endpoints_of
from shared.web.openapi import document_of
from shared.web.problems import Problem
from shared.web.server import HttpServer, routes
from shared.web.tokens import Tokens
from tests.integration.recording import new_key

REACHED = Problem(418, "reached", "every check was passed")


class Method:
    """Stands in for a service: whatever the edge calls on it was let through."""

    def __getattr__(self, name: str) -> Any:
        raise REACHED


class NoInput:
    """A request without a body."""

    unread = False


def service_class(name: str) -> type:
    """The nameko class of a service."""
    module = importlib.import_module(f"services.{name}.service")
    (found,) = (kind for kind in vars(module).values() if isinstance(kind, type) and vars(kind).get("name") == name)
    return found


def edge_of(endpoints: list[tuple[str, Endpoint]], public_key: str) -> HttpServer:
    """The HTTP server of these endpoints, as a WSGI application without a socket."""
    server = HttpServer()
    server.tokens = Tokens(public_key.encode(), issuer=ISSUER, audience=AUDIENCE)
    server.body_limit = 0
    server.service = Method()
    for name, endpoint in endpoints:
        endpoint.server = server
        endpoint.method_name = name
    server._routes = routes([endpoint.rule for _, endpoint in endpoints])
    return server


def answer(server: HttpServer, method: str, url: str, token: str | None) -> tuple[int, str]:
    """Status and code of the problem that answers a request without a body."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": re.sub("<[^>]+>", "x", url),
        "QUERY_STRING": "",
        "HTTP_IDEMPOTENCY_KEY": "a-key",
        "CONTENT_TYPE": "application/json",
        "wsgi.input": NoInput(),
        **({"HTTP_AUTHORIZATION": f"Bearer {token}"} if token else {}),
    }
    statuses: list[str] = []
    (body,) = server.application(environ, lambda status, headers: statuses.append(status))
    return int(statuses[0][:3]), json.loads(body)["type"].removeprefix("/problems/")


def entrypoints_of(cls: type) -> Iterator[Any]:
    for name in dir(cls):
        yield from getattr(getattr(cls, name), ENTRYPOINT_EXTENSIONS_ATTR, ())


def main(name: str) -> None:
    configure_logging(name, "test", "critical")
    cls = service_class(name)
    endpoints = list(endpoints_of(cls))
    private, public = new_key()
    server = edge_of(endpoints, public)
    tokens = {role: mint(private, "somebody", role, "a-team", ["essex"], timedelta(hours=1)) for role in ROLES}
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        document = document_of(cls, endpoints)
    found = {
        "document": document,
        "warnings": [str(warning.message) for warning in warned],
        "others": [str(kind) for kind in entrypoints_of(cls) if not isinstance(kind, Endpoint | Consumer)],
        "routes": [
            {
                "method": endpoint.method,
                "url": endpoint.url,
                "operation": method,
                "command": endpoint.command,
                "parts": endpoint.parameters,
                "query": sorted(endpoint.query().fields) if endpoint.query else [],
                "body": endpoint.body.__name__ if endpoint.body else None,
                "keyed": endpoint.keyed,
                "conditional": endpoint.conditional,
                "answers": {status: schema.__name__ for status, schema in endpoint.answers.items()},
                "errors": endpoint.errors,
                "nobody": answer(server, endpoint.method, endpoint.url, None),
                "cells": {role: answer(server, endpoint.method, endpoint.url, tokens[role]) for role in tokens},
            }
            for method, endpoint in endpoints
        ],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
