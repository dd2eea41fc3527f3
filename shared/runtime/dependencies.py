"""How a nameko service gets its dependencies: the object that `build` returns, once, when the container starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nameko.extensions import DependencyProvider

SETTINGS = "followthrough"


class ServiceDependencies(Protocol):
    """What the HTTP server needs of every service. It is ready when each check returns anything but False.

    Two more methods are optional: `details` returns what readiness shows, and `observe` brings the gauges up to date.
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

    def setup(self) -> None:
        self.built = self.build(self.container.config[SETTINGS])

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.built

    def stop(self) -> None:
        close = getattr(self.built, "close", None)
        if close is not None:
            close()
