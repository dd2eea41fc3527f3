"""The `serve` roles: one nameko container in this process, until SIGTERM or SIGINT.

Guarantee: after the signal the process takes on nothing new, finishes and answers what is in hand, and ends within ten
seconds. If the container dies of an error, the process exits with 1, so that a supervisor restarts it.

`services/<name>/__main__.py` calls `eventlet.monkey_patch()` before anything else is imported.
"""

from __future__ import annotations

import signal
import sys
from typing import Any, Protocol

import eventlet
from eventlet import debug, greenpool, patcher
from eventlet.green import socket
from nameko.containers import ServiceContainer
from nameko.extensions import iter_extensions
from nameko.utils.concurrency import SpawningSet

from shared.runtime.dependencies import SETTINGS
from shared.runtime.observability import get_logger
from shared.runtime.stopping import on_stop
from shared.web.server import HttpServer, HttpSettings

STOP_SECONDS = 9.0
HEARTBEAT_SECONDS = 30


log = get_logger()


class ServeSettings(HttpSettings, Protocol):
    """The settings that a `serve` role needs, besides those of the service itself."""

    @property
    def amqp_uri(self) -> str: ...


class Container(ServiceContainer):
    """nameko's container with the entrypoints of some kinds only (`http`, `bus`). It always has an HTTP server."""

    def __init__(self, service_cls: type, config: dict[str, Any], kinds: frozenset[str]) -> None:
        super().__init__(service_cls, config)
        server = HttpServer().bind(self.interface)
        self.entrypoints: Any = SpawningSet(entry for entry in self.entrypoints if entry.kind in kinds)
        self.subextensions = SpawningSet({server})
        for extension in self.entrypoints | self.dependencies:
            self.subextensions.update(iter_extensions(extension))


def run_service(service_cls: type, config: ServeSettings, *, http: bool = True, bus: bool = True) -> int:
    """Serves until a signal and returns the exit status. `http` starts the endpoints, `bus` the consumers."""
    if not patcher.is_monkey_patched("socket"):
        raise RuntimeError("eventlet.monkey_patch() has to come before every other import of a serve process")
    # eventlet would print tracebacks, which contain the text of exceptions.
    debug.hub_exceptions(False)
    greenpool.DEBUG = False
    kinds = frozenset(kind for kind, wanted in (("http", http), ("bus", bus)) if wanted)
    settings = {SETTINGS: config, "AMQP_URI": config.amqp_uri, "HEARTBEAT": HEARTBEAT_SECONDS}
    signalled = _signals()
    container = Container(service_cls, settings, kinds)
    try:
        container.start()
        log.info("serving")
        stopper = eventlet.spawn(_stop_when, signalled, container)
        container.wait()
        stopper.kill()
    except Exception as error:
        log.error("serving failed", exc_info=error)
        return 1
    log.info("stopped")
    return 0


def _signals() -> Any:
    """Two sockets. Each SIGTERM or SIGINT sends a byte to the first: a handler would not wake eventlet's hub."""
    receiving, sending = socket.socketpair()
    sending.setblocking(False)
    signal.set_wakeup_fd(sending.fileno(), warn_on_full_buffer=False)
    # A second signal changes nothing: Ctrl-C reaches the whole process group, and then its supervisor sends SIGTERM.
    on_stop(lambda: None)
    return receiving, sending


def _stop_when(signalled: Any, container: Container) -> None:
    receiving, _ = signalled
    receiving.recv(1)
    log.info("stopping")
    try:
        with eventlet.Timeout(STOP_SECONDS, TimeoutError):
            container.stop()
    except Exception:
        container.kill(sys.exc_info())
