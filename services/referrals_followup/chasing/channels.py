"""The port by which digests leave: a channel takes a message, or says why it did not.

`tests/contract/test_channels.py` holds every channel to the same rules; `bootstrap.py` lists the channels in use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Protocol

from services.referrals_followup.domain.directory import Member

ANSWER_SECONDS = 10.0
"""How long a channel waits for one answer. It asks at most twice for one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """A digest as text. The receiver can tell a repeated message by its `id`; `at` is domain time."""

    id: str
    to: Member
    subject: str
    body: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """The receiver has taken the message, which must not be sent again."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The receiver answered and did not take the message; it may take the next one. `cause` is for the log."""

    cause: str
    reason: ClassVar[str] = "Rejected"


@dataclass(frozen=True, slots=True)
class Away:
    """Nobody answered, and the next message would fare no better. This one may have been taken all the same.

    The other digests wait too. Operators are not told of single digests that end so.
    """

    cause: str
    reason: ClassVar[str] = "ServerAway"


class Channel(Protocol):
    """Sends messages one at a time.

    `name` is the key under which each digest keeps its state for this channel: never change it.
    """

    name: str

    def send(self, message: Message) -> Accepted | Rejected | Away:
        """Hand over one message. Raises only what nobody foresaw."""

    def close(self) -> None:
        """Give up what is held between messages, such as a connection. Sending again is allowed."""
