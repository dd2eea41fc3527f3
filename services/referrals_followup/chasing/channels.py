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
    """The receiver answered and did not take this message: not at present (SMTP 451), or until somebody acts.

    Somebody has to act on a wrong address, a wrong password (HTTP 401) or a wrong setting. The sweep goes on with the
    next digest. If a digest keeps being rejected, the operators are told of it. `cause` is for the log.
    """

    cause: str
    reason: ClassVar[str] = "Rejected"


@dataclass(frozen=True, slots=True)
class Away:
    """The receiver takes no message at present, and will do so again without anybody acting.

    It did not answer, or it answered that it takes nothing (SMTP 421, HTTP 429 or 503). It may still have taken this
    message. All other digests wait for the next sweep. The operators are not told of single digests. The nightly check
    reports those that have waited for an hour.
    """

    cause: str
    reason: ClassVar[str] = "ServerAway"


class Channel(Protocol):
    """Sends messages one at a time.

    `name` is the name of the channel's module: small letters and underscores. It is also the key under which each
    digest keeps its state for this channel, so never change it.
    """

    name: str

    def send(self, message: Message) -> Accepted | Rejected | Away:
        """Hand over one message. Raises only unexpected errors."""

    def close(self) -> None:
        """Release what is kept between messages, such as a connection. You may send again after that."""
