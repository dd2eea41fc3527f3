"""Says in the log that something cannot be reached, and once more when that is over."""

from __future__ import annotations

from shared.runtime.observability import get_logger

log = get_logger()


class Outage:
    """What cannot be reached at times: its name in the log, and its `host:port`, if the errors do not say it."""

    def __init__(self, name: str, address: str | None = None) -> None:
        self._name = name
        self._address = address
        self._is_on = False

    def note(self, error: BaseException) -> None:
        """It could not be reached, because of this error."""
        self._is_on = True
        log.warning("connection lost", source=self._name, address=self._address, exc_info=error)

    def end(self) -> None:
        """It was reached. Says so if it could not be reached before."""
        if self._is_on:
            log.info("connection is back", source=self._name, address=self._address)
        self._is_on = False
