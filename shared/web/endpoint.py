"""The HTTP entrypoint: `@endpoint("POST", "/v1/…", command=…)` on a method of a service class.

Guarantee: a method runs only for an actor whose role the access table allows, with a body and query that their schemas
accept. Every exception of the method becomes a problem document, and never reaches nameko's log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

from marshmallow import Schema
from nameko.extensions import ENTRYPOINT_EXTENSIONS_ATTR, Entrypoint, register_entrypoint
from werkzeug.routing import Rule

from shared.contracts.access import ACCESS, may
from shared.kernel.decisions import Actor
from shared.web.exchange import (
    JSON,
    Answer,
    Environ,
    Reply,
    Request,
    expected_version,
    held_tags,
    idempotency_key,
    json_object,
    load_body,
    load_query,
    read_body,
)
from shared.web.fields import Body
from shared.web.problems import Problem
from shared.web.quick_schema import Dump, Load, compile_dump, compile_load
from shared.web.server import HttpServer
from shared.web.typed_ids import read_ids_before

Handler = TypeVar("Handler", bound=Callable[[Any, Request], Answer])

METHODS = ("GET", "POST")
KEPT_PRIVATELY = "private, no-cache"


class Endpoint(Entrypoint):
    """One route of a service. Its schemas are built once. The method runs in the connection's greenlet."""

    kind = "http"
    keyed = True
    server = HttpServer()

    def __init__(
        self,
        method: str,
        url: str,
        *,
        command: str,
        summary: str,
        answers: Mapping[int, type[Schema]],
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        errors: tuple[int, ...] = (),
        reads_person: bool = False,
        conditional: bool = False,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"{url}: an endpoint is one of {METHODS}, not {method}")
        if command not in ACCESS:
            raise ValueError(f"{method} {url}: the command {command} is not in the access table")
        if body is not None and method == "GET":
            raise ValueError(f"GET {url}: a GET has no body")
        super().__init__()
        self.method = method
        self.url = url
        # The route without the names of its parameters, for example `POST /v1/referrals/<>/sent`.
        self.operation = f"{method} {re.sub('<[^>]*>', '<>', url)}"
        self.command = command
        self.summary = summary
        self.errors = errors
        self.reads_person = reads_person
        self.conditional = conditional
        self.body = body
        self.query = query
        self.answers = answers
        self._query = (query or Body)()

    @cached_property
    def _load(self) -> Load:
        schema = (self.body or Body)()
        return read_ids_before(compile_load(schema), schema)

    @cached_property
    def _load_query(self) -> Load:
        return read_ids_before(self._query.load, self._query)

    @cached_property
    def _dump(self) -> Mapping[int, Dump]:
        return {status: compile_dump(schema()) for status, schema in self.answers.items()}

    @property
    def rule(self) -> Rule:
        return Rule(self.url, methods=[self.method], endpoint=self)

    @property
    def parameters(self) -> list[str]:
        """The names of the parts of the URL."""
        return re.findall(r"<(?:[^:<>]+:)?([^<>]+)>", self.url)

    def setup(self) -> None:
        self.server.register_provider(self)

    def stop(self) -> None:
        # All requests that have begun are answered before any dependency stops.
        self.server.drain()
        self.server.unregister_provider(self)

    def respond(self, environ: Environ, path: Mapping[str, str], correlation_id: str) -> Reply:
        """The answer to one request. The server turns every exception of the checks and the method into a problem."""
        request = self.request_of(environ, path, correlation_id)
        answer: Answer = getattr(self.server.service, self.method_name)(request)
        if self.reads_person:
            self.server.dependencies.access_log.append(
                request.actor,
                route=f"{self.method} {self.url}",
                subjects=answer.subjects,
                correlation_id=correlation_id,
                glass=answer.glass,
            )
        headers: list[tuple[str, str]] = []
        if answer.tag is not None:
            # The client may keep the answer for itself, and asks each time whether it still holds.
            headers += [("ETag", f'W/"{answer.tag}"'), ("Cache-Control", KEPT_PRIVATELY), ("Vary", "Authorization")]
            if request.holds(answer.tag):
                return Reply(304, headers, b"")
        headers.append(("Content-Type", JSON))
        if answer.version is not None:
            headers.append(("ETag", f'"{answer.version}"'))
        if answer.location is not None:
            headers.append(("Location", answer.location))
        return Reply(answer.status, headers, json.dumps(self.dumped(answer)).encode())

    def request_of(self, environ: Environ, path: Mapping[str, str], correlation_id: str) -> Request:
        """The checked request. Raises a Problem if anything is wrong with it."""
        actor = self.server.tokens.actor_of(environ.get("HTTP_AUTHORIZATION"))
        self.admit(actor)
        asked = environ.get("QUERY_STRING", "")
        query = load_query(self._query, self._load_query, asked) if asked or self.query else {}
        if self.method == "GET":
            return Request(actor, correlation_id, path, query, held_tags=self._held_tags(environ))
        key, version = (idempotency_key(environ), expected_version(environ)) if self.keyed else ("", None)
        raw = read_body(environ, self.server.body_limit)
        # No body is an empty one. If the route needs more, the answer names the fields.
        plain = json_object(raw, environ.get("CONTENT_TYPE")) if raw else {}
        return Request(
            actor,
            correlation_id,
            path,
            query,
            self.loaded(plain),
            raw,
            key,
            version,
            operation=self.operation,
            command=self.command,
        )

    def _held_tags(self, environ: Environ) -> frozenset[str]:
        return held_tags(environ) if self.conditional else frozenset()

    def admit(self, actor: Actor) -> None:
        """Raises a Problem (403) for an actor whose role may not do this."""
        if not may(actor.role, self.command):
            roles = ", ".join(sorted(ACCESS[self.command]))
            raise Problem(403, "wrong-role", f"{self.command} is not for the role {actor.role}; it is for: {roles}")

    def loaded(self, plain: Mapping[str, Any]) -> dict[str, Any]:
        """The body as its schema loads it. Raises a Problem (422) naming every bad field."""
        return load_body(self._load, plain)

    def dumped(self, answer: Answer) -> dict[str, Any]:
        """The body of the answer, as it is sent."""
        return self._dump[answer.status](answer.body)

    def content(self) -> dict[str, Any]:
        """The body by media type, for the OpenAPI document. Empty if the route has no body."""
        return {JSON: {"schema": self.body}} if self.body is not None else {}


def endpoint(
    method: str,
    url: str,
    *,
    command: str,
    summary: str,
    answers: Mapping[int, type[Schema]],
    body: type[Schema] | None = None,
    query: type[Schema] | None = None,
    errors: tuple[int, ...] = (),
    reads_person: bool = False,
    conditional: bool = False,
) -> Callable[[Handler], Handler]:
    """Serve the decorated method under `method url`. `errors` are the statuses that it may answer besides the usual
    ones.

    With `reads_person`, each answer is recorded in the access log before it is sent, also one without a body. With
    `conditional`, the method gives its answers a tag, and a client that holds such an answer is told so (304).
    """

    def decorate(function: Handler) -> Handler:
        register_entrypoint(
            function,
            Endpoint(
                method,
                url,
                command=command,
                summary=summary,
                answers=answers,
                body=body,
                query=query,
                errors=errors,
                reads_person=reads_person,
                conditional=conditional,
            ),
        )
        return function

    return decorate


def endpoints_of(service_cls: type) -> Iterator[tuple[str, Endpoint]]:
    """Every endpoint of a service class with the name of its method, ordered by URL and method."""
    found = [
        (name, entrypoint)
        for name in dir(service_cls)
        for entrypoint in getattr(getattr(service_cls, name), ENTRYPOINT_EXTENSIONS_ATTR, ())
        if isinstance(entrypoint, Endpoint)
    ]
    return iter(sorted(found, key=lambda pair: (pair[1].url, pair[1].method)))
