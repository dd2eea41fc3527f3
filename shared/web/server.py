"""The HTTP server of a container. Each process has one, for all its endpoints. It also runs without endpoints.

Guarantee: when the server stops, it answers all requests that have begun, with `Connection: close`. No client is left
waiting. A slow or broken client affects only its own connection. Every error is a problem document. No text of a
request is logged.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

import eventlet
from eventlet import wsgi
from eventlet.event import Event
from eventlet.greenio import GreenSocket
from eventlet.semaphore import Semaphore
from nameko.web.server import WebServer, parse_address
from werkzeug.exceptions import NotFound
from werkzeug.routing import Map, MapAdapter, Rule

from shared.contracts.fields import UUID
from shared.runtime.dependencies import SETTINGS, BootstrapProvider
from shared.runtime.observability import HTTP_REQUEST_SECONDS, HTTP_REQUESTS, get_logger
from shared.web.exchange import Environ, Reply
from shared.web.operations import operations_of
from shared.web.problems import CONTENT_TYPE, problem_of, unexpected
from shared.web.tokens import Tokens
from shared.web.typed_ids import read_path
from shared.web.unserved import problem_of_unserved
from shared.web.wire import Connection, WireProtocol

MOST_CONNECTIONS = 1024
DRAIN_SECONDS = 6.0
LAST_REQUEST_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 75.0
SOCKET_SECONDS = 20.0

_UUID = re.compile(UUID)
_REASONS = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}

log = get_logger()


class HttpSettings(Protocol):
    """The settings that the server needs. `http_address` is `host:port`."""

    @property
    def http_address(self) -> str: ...
    @property
    def body_limit_bytes(self) -> int: ...
    @property
    def jwt_issuer(self) -> str: ...
    @property
    def jwt_audience(self) -> str: ...
    def jwt_public_key(self) -> bytes: ...


class HttpServer(WebServer):
    """nameko's web server, with the routing and answers of this project. A stop finishes all requests that began."""

    def __init__(self) -> None:
        super().__init__()
        self._connections: dict[Any, Connection] = {}
        self._places = Semaphore(MOST_CONNECTIONS)
        self._emptied: Event | None = None
        self.dependencies: Any = None

    @property
    def settings(self) -> HttpSettings:
        settings: HttpSettings = self.container.config[SETTINGS]
        return settings

    @property
    def bind_addr(self) -> tuple[str, int]:
        address = parse_address(self.settings.http_address)
        return address.address, address.port

    def start(self) -> None:
        # One instance serves all requests, because handlers keep nothing on `self`.
        self.service = self.container.service_cls()
        for provider in self.container.dependencies:
            dependency = provider.get_dependency(None)
            setattr(self.service, provider.attr_name, dependency)
            if isinstance(provider, BootstrapProvider):
                self.dependencies = dependency
        settings = self.settings
        self.body_limit = settings.body_limit_bytes
        if self._providers:
            key = settings.jwt_public_key()
            self.tokens = Tokens(key, issuer=settings.jwt_issuer, audience=settings.jwt_audience)
        operations = operations_of(self.container.service_cls, self.container.entrypoints, self.dependencies)
        self._routes = routes([answering.rule for answering in (*operations, *self._providers)])
        try:
            self._sock = eventlet.listen(self.bind_addr, backlog=512, reuse_port=False)
        except OSError as error:
            log.error("cannot listen", address=settings.http_address, exc_info=error)
            raise
        self._sock.settimeout(None)
        self._serv = wsgi.Server(
            self._sock,
            self._sock.getsockname(),
            self.application,
            protocol=WireProtocol,
            keepalive=KEEP_ALIVE_SECONDS,
            socket_timeout=SOCKET_SECONDS,
            log_output=False,
            debug=False,
        )
        self._gt = self.container.spawn_managed_thread(self.run, identifier="http accept")

    def run(self) -> None:
        """Accept connections until the stop. When file descriptors run out, wait."""
        while self._is_accepting:
            self._places.acquire()
            try:
                sock, address = self._sock.accept()
            except OSError:
                self._places.release()
                eventlet.sleep(0.05)
                continue
            self._take(sock, address)

    def _take(self, sock: Any, address: Any) -> None:
        sock.settimeout(SOCKET_SECONDS)
        connection = Connection(address, sock)
        self._connections[address] = connection
        self.container.spawn_managed_thread(partial(self._converse, connection), identifier="http connection")

    def _accept_who_waits(self) -> None:
        """Accept the waiting connections. Otherwise, closing the socket would break off their requests."""
        self._sock.settimeout(0)
        with suppress(OSError):
            while self._places.acquire(blocking=False):
                sock, address = self._sock.accept()
                self._take(GreenSocket(sock), address)
            return
        self._places.release()

    def _converse(self, connection: Connection) -> None:
        try:
            self._serv.process_request(connection)
        except OSError:
            # The client closed the connection; the container goes on.
            pass
        except Exception as error:
            log.error("http connection failed", exc_info=error)
        finally:
            connection.sock.close()
            self._places.release()
            del self._connections[connection.address]
            if self._emptied is not None and not self._connections and not self._emptied.ready():
                self._emptied.send(None)

    def drain(self) -> None:
        """Accept no more connections. Return when all requests that have begun are answered, or after six seconds.

        A connection without a request is closed after a second.
        """
        if self._emptied is None:
            self._emptied = Event()
            self._is_accepting = False
            self._gt.kill()
            self._accept_who_waits()
            self._sock.close()
            # Every further answer has `Connection: close`.
            self._serv.keepalive = False
            for connection in list(self._connections.values()):
                # A new or busy connection may have a request on its way.
                eventlet.spawn_after(LAST_REQUEST_SECONDS, connection.end_input_if_idle)
            if not self._connections:
                self._emptied.send(None)
        with eventlet.Timeout(DRAIN_SECONDS, False):
            self._emptied.wait()
        if not self._emptied.ready():
            self._emptied.send(None)

    def stop(self) -> None:
        self.drain()
        self.wait_for_providers()

    def application(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI application: it finds the route, answers and counts. It raises nothing."""
        began = time.perf_counter()
        asked = environ.get("HTTP_X_CORRELATION_ID", "")
        correlation_id = asked if _UUID.fullmatch(asked) else str(uuid.uuid4())
        route = "unmatched"
        try:
            rule, path = self._match(environ)
            route = rule.rule
            reply = rule.endpoint.respond(environ, path, correlation_id)
        except Exception as error:
            reply = self._problem(error, route, correlation_id)
        if environ["wsgi.input"].unread:
            environ["followthrough.close"]()
        headers = [*reply.headers, ("X-Correlation-Id", correlation_id)]
        if reply.status != HTTPStatus.NOT_MODIFIED:  # There, it would be the length of the body that is left out.
            headers.append(("Content-Length", str(len(reply.body))))
        if all(name != "Cache-Control" for name, _ in reply.headers):
            headers.append(("Cache-Control", "no-store"))
        HTTP_REQUESTS.labels(route=route, status=str(reply.status)).inc()
        HTTP_REQUEST_SECONDS.observe(time.perf_counter() - began)
        start_response(_REASONS[reply.status], headers)
        return [reply.body] if reply.body and environ["REQUEST_METHOD"] != "HEAD" else []

    def _match(self, environ: Environ) -> tuple[Rule, Mapping[str, str]]:
        path = read_path(environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"))
        try:
            rule, values = self._routes.match(path, environ["REQUEST_METHOD"], return_rule=True)
        except NotFound:
            raise problem_of_unserved(path, {rule.rule for rule in self._routes.map.iter_rules()}) from None
        return rule, values

    def _problem(self, error: Exception, route: str, correlation_id: str) -> Reply:
        problem = problem_of(error)
        if problem is None:
            problem = unexpected()
            log.error("request failed", route=route, correlation_id=correlation_id, exc_info=error)
        else:
            log.info(
                "request refused", route=route, status=problem.status, code=problem.code, correlation_id=correlation_id
            )
        headers = [("Content-Type", CONTENT_TYPE), *problem.headers]
        return Reply(problem.status, headers, problem.body(correlation_id))


def routes(rules: list[Rule]) -> MapAdapter:
    """The table of routes. A URL has to match as written; there are no redirects."""
    return Map(rules, strict_slashes=False, merge_slashes=False).bind("localhost")
