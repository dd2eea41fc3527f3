"""What a service is made of: the objects that `build` makes of its configuration, once, when the container starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from nameko.extensions import DependencyProvider

SETTINGS = "followthrough"


class ServiceParts(Protocol):
    """What every service's parts have. A check is ready when it returns anything but False, and does not raise.

    Parts may also have `details`, what readiness shows beside, and `observe`, which brings the gauges up to date.
    """

    access_log: Any
    checks: Mapping[str, Callable[[], object]]


class BootstrapProvider(DependencyProvider):
    """`parts = Parts(build)` on a service class: its methods find what `build(config)` returned as `self.parts`.

    `build` may raise; the process then does not start. Parts with a `close` method are closed after the last request.
    """

    def __init__(self, build: Callable[[Any], Any]) -> None:
        self.build = build

    def setup(self) -> None:
        self.built = self.build(self.container.config[SETTINGS])

    def get_dependency(self, worker_ctx: Any) -> Any:
        return self.built

    def stop(self) -> None:
        close = getattr(self.built, "close", None)
        if close is not None:
            close()
