"""The `serve` roles: one nameko container in this process, until SIGTERM or SIGINT.

Guarantee: after the signal nothing new is taken on, what is in hand is finished and answered, and the process is gone
within ten seconds. A container that dies of an error ends the process with exit status 1, so that somebody restarts it.

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
    """What a `serve` role needs of the configuration, beside what the service itself reads."""

    @property
    def amqp_uri(self) -> str: ...


class Container(ServiceContainer):
    """nameko's container with the entrypoints of some kinds only (`http`, `bus`), and an HTTP server in any case."""

    def __init__(self, service_cls: type, config: dict[str, Any], kinds: frozenset[str]) -> None:
        super().__init__(service_cls, config)
        server = HttpServer().bind(self.interface)
        self.entrypoints: Any = SpawningSet(entry for entry in self.entrypoints if entry.kind in kinds)
        self.subextensions = SpawningSet({server})
        for extension in self.entrypoints | self.dependencies:
            self.subextensions.update(iter_extensions(extension))


def run_service(service_cls: type, config: ServeSettings, *, http: bool = True, bus: bool = True) -> int:
    """Serve until a signal; the exit status of the process. Endpoints only with `http`, consumers only with `bus`."""
    if not patcher.is_monkey_patched("socket"):
        raise RuntimeError("eventlet.monkey_patch() has to come before every other import of a serve process")
    # eventlet prints tracebacks by itself, with the text of the exceptions in them.
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
    """A socket on which a byte arrives with each SIGTERM or SIGINT. A handler alone would not wake eventlet's hub."""
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    # A second signal (a Ctrl-C reaches the whole process group, then its supervisor sends SIGTERM) changes nothing.
    on_stop(lambda: None)
    return heard, told


def _stop_when(signalled: Any, container: Container) -> None:
    heard, _ = signalled
    heard.recv(1)
    log.info("stopping")
    try:
        with eventlet.Timeout(STOP_SECONDS, TimeoutError):
            container.stop()
    except Exception:
        container.kill(sys.exc_info())
