"""How a nameko service gets its dependencies: the object that `build` returns, once, when the container starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from nameko.extensions import DependencyProvider

from shared.runtime.observability import get_logger

SETTINGS = "followthrough"
# A process looks this often for what it keeps, soon after something changed and when nothing has for a while.
SOON, LATE = 1.0, 4.0

log = get_logger()


class ServiceDependencies(Protocol):
    """What the HTTP server needs of every service. It is ready when each check returns anything but False.

    Three more methods are optional: `details` returns what readiness shows, `observe` brings the gauges up to date, and
    `refresh` brings what the process keeps up to date, and returns whether anything changed. It is called every second,
    and every four seconds if nothing has changed for a while.
    """

    @property
    def access_log(self) -> Any: ...

    @property
    def checks(self) -> Mapping[str, Callable[[], object]]: ...


class BootstrapProvider(DependencyProvider):
    """With `dependencies = BootstrapProvider(build)` in a service class, its methods find the object that
    `build(config)` returned as `self.dependencies`.

    If `build` raises, the process does not start. If the object has a `close` method, it is called after the last
    request.
    """

    def __init__(self, build: Callable[[Any], ServiceDependencies]) -> None:
        self.build = build
        self._refreshing: Any = None

    def setup(self) -> None:
        self.built = self.build(self.container.config[SETTINGS])

    def start(self) -> None:
        refresh = getattr(self.built, "refresh", None)
        if refresh is not None:
            self._refreshing = self.container.spawn_managed_thread(partial(_keep_fresh, refresh), identifier="refresh")

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.built

    def stop(self) -> None:
        if self._refreshing is not None:
            self._refreshing.kill()
        close = getattr(self.built, "close", None)
        if close is not None:
            close()


def _keep_fresh(refresh: Callable[[], bool]) -> None:
    """Goes on until it is killed. While the store is away, what the process keeps stays as it is."""
    from eventlet import sleep

    failing, wait = False, SOON
    while True:
        sleep(wait)
        try:
            wait = SOON if refresh() else min(2 * wait, LATE)
        except Exception as error:
            if not failing:
                log.warning("refresh failed", exc_info=error)
            failing = True
        else:
            if failing:
                log.info("refresh goes on")
            failing = False
