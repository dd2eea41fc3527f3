"""What the event store refuses, as types; the HTTP edge gives each its status. Nothing was recorded then."""

from __future__ import annotations


class EventStoreError(Exception):
    """Base of the store's refusals; `message` says what is wrong and what to do, and holds no personal value."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnknownStream(EventStoreError):
    """A command on a stream that has no events."""


class StaleVersion(EventStoreError):
    """The caller stated a version (`If-Match`) that is no longer the stream's."""


class KeyReused(EventStoreError):
    """The idempotency key was used before with another body."""


class Contended(EventStoreError):
    """Other writers kept coming first; the command was decided again five times and gave up."""


class StoreUnavailable(EventStoreError):
    """MongoDB did not confirm the write on a majority: it may be kept or not, so the same key must be sent again."""


def store_away() -> StoreUnavailable:
    """What is raised when MongoDB cannot be reached."""
    return StoreUnavailable("the event store cannot be reached; try again")
