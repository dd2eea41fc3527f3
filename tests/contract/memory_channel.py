"""A channel that keeps what it takes, for tests of what is above a channel."""

from __future__ import annotations

from services.referrals_followup.chasing.channels import Accepted, Away, Message, Rejected


class MemoryChannel:
    """While `refuses` it answers and takes nothing; while `is_away` it does not answer."""

    name = "memory"

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.refuses = False
        self.is_away = False

    def send(self, message: Message) -> Accepted | Rejected | Away:
        if self.is_away:
            return Away("ConnectionRefusedError")
        if self.refuses:
            return Rejected("Refused")
        self.messages.append(message)
        return Accepted()

    def close(self) -> None:
        """Nothing is held between messages."""
