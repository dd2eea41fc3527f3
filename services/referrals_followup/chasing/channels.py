"""The interface of the channels for digests. A channel takes a message, or says why it did not take it.

`tests/contract/test_channels.py` tests every channel by the same rules. `bootstrap.py` lists the channels in use.
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
    """A digest as text. The receiver can recognise a repeated message by its `id`. `at` is domain time."""

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
    """The receiver answered and did not take the message. It may take the next message. `cause` is for the log."""

    cause: str
    reason: ClassVar[str] = "Rejected"


@dataclass(frozen=True, slots=True)
class Away:
    """The receiver did not answer, and would not answer a next message. It may still have taken this one.

    The other digests wait too. The operators are not told of single digests that end so.
    """

    cause: str
    reason: ClassVar[str] = "ServerAway"


class Channel(Protocol):
    """Sends messages one at a time.

    `name` is the key under which each digest keeps its state for this channel. Never change the name.
    """

    name: str

    def send(self, message: Message) -> Accepted | Rejected | Away:
        """Hand over one message. Raises only unexpected errors."""

    def close(self) -> None:
        """Release what is kept between messages, such as a connection. You may send again after that."""
