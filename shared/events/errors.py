"""What the event store raises when it records nothing."""

from __future__ import annotations


class EventStoreError(Exception):
    """Base of the store's refusals; `message` says what is wrong and what to do, and holds no personal value."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class UnknownStream(EventStoreError):
    """The command needs a stream that has no events."""


class StaleVersion(EventStoreError):
    """The caller stated a version (`If-Match`) that is no longer the stream's."""


class KeyReused(EventStoreError):
    """The idempotency key was used before for another request."""


class Contended(EventStoreError):
    """Other writers were faster each time; the store gave up after five attempts."""


class StoreUnavailable(EventStoreError):
    """MongoDB did not confirm the write on a majority. It may be stored or not, so send the same key again."""


def store_away() -> StoreUnavailable:
    """The error for a MongoDB that cannot be reached."""
    return StoreUnavailable("the event store cannot be reached; try again")


class Taken(Exception):
    """A unique index refused the document: another event has its `(stream, version)` or its idempotency key."""
