"""What every channel of digests promises, asked of each: the real one with a real server, and the one in memory."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from email.header import decode_header, make_header
from typing import NamedTuple, Protocol

import pytest

from services.referrals_followup.chasing.channels import Accepted, Away, Channel, Message, Rejected
from services.referrals_followup.chasing.smtp import SmtpChannel
from services.referrals_followup.domain.directory import Member
from tests.contract.memory_channel import MemoryChannel
from tests.contract.toy import free_port
from tests.integration.ledger import Inbox, mail_server, text_of

MESSAGE = Message(
    id="0193f0e1-0000-7000-8000-000000000001",
    to=Member("gp-okafor", "Dr Ngozi Okafor", "ngozi.okafor@essex.example", "gp_practice", "gp-mill-road"),
    subject="[Followthrough] 1 overdue: REF-01 (Essex)",
    body="Dear Dr Ngozi Okafor,\n\nZoë’s référral is 2 days late.\n",
    at=datetime(2013, 1, 16, 17, 0, tzinfo=UTC),
)
OTHER = replace(MESSAGE, id="0193f0e1-0000-7000-8000-000000000002", subject="another")


class Received(NamedTuple):
    id: str
    to: str
    subject: str
    body: str


class Receiver(Protocol):
    """The other end of a channel, which the test makes refuse messages or go away."""

    channel: Channel

    def received(self) -> list[Received]: ...
    def refuse(self, refuses: bool) -> None: ...
    def go_away(self) -> None: ...
    def come_back(self) -> None: ...
    def close(self) -> None: ...


class MailReceiver:
    def __init__(self) -> None:
        port = free_port()
        self.channel = SmtpChannel("127.0.0.1", port, "followthrough@localhost")
        self.inbox, self._port, self._server = Inbox(), port, ExitStack()
        self.come_back()

    def received(self) -> list[Received]:
        return [
            Received(
                mail["Message-ID"].removeprefix("<").partition("@")[0],
                mail["To"],
                str(make_header(decode_header(mail["Subject"]))),
                text_of(mail).replace("\r\n", "\n"),
            )
            for mail in self.inbox.mails
        ]

    def refuse(self, refuses: bool) -> None:
        self.inbox.refuses = refuses

    def go_away(self) -> None:
        self._server.close()

    def come_back(self) -> None:
        self._server.enter_context(mail_server(self.inbox, self._port))

    def close(self) -> None:
        self._server.close()


class MemoryReceiver:
    def __init__(self) -> None:
        self.channel = MemoryChannel()

    def received(self) -> list[Received]:
        return [Received(one.id, one.to.email, one.subject, one.body) for one in self.channel.messages]

    def refuse(self, refuses: bool) -> None:
        self.channel.refuses = refuses

    def go_away(self) -> None:
        self.channel.is_away = True

    def come_back(self) -> None:
        self.channel.is_away = False

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(params=[MailReceiver, MemoryReceiver])  # one of each channel
def receiver(request: pytest.FixtureRequest) -> Iterator[Receiver]:
    receiver: Receiver = request.param()
    yield receiver
    receiver.channel.close()
    receiver.close()


@pytest.fixture
def mail_receiver() -> Iterator[MailReceiver]:
    receiver = MailReceiver()
    yield receiver
    receiver.channel.close()
    receiver.close()


def as_received(message: Message) -> Received:
    return Received(message.id, message.to.email, message.subject, message.body)


def test_a_message_that_is_accepted_has_arrived_as_it_was(receiver: Receiver) -> None:
    assert receiver.channel.send(MESSAGE) == Accepted()
    assert receiver.received() == [as_received(MESSAGE)]


def test_several_messages_arrive_in_order(receiver: Receiver) -> None:
    assert [receiver.channel.send(message) for message in (MESSAGE, OTHER)] == [Accepted(), Accepted()]
    assert receiver.received() == [as_received(MESSAGE), as_received(OTHER)]


def test_a_rejected_message_has_not_arrived_and_the_next_one_may(receiver: Receiver) -> None:
    receiver.refuse(True)
    answer = receiver.channel.send(MESSAGE)
    assert isinstance(answer, Rejected)
    assert answer.cause
    receiver.refuse(False)
    assert receiver.channel.send(OTHER) == Accepted()
    assert receiver.received() == [as_received(OTHER)]


def test_a_receiver_that_is_away_is_no_rejection_and_takes_the_message_when_it_is_back(receiver: Receiver) -> None:
    receiver.go_away()
    answer = receiver.channel.send(MESSAGE)
    assert isinstance(answer, Away)
    assert answer.cause
    receiver.come_back()
    assert receiver.channel.send(MESSAGE) == Accepted()
    assert receiver.received() == [as_received(MESSAGE)]


def test_a_receiver_that_goes_away_between_two_messages_is_noticed(receiver: Receiver) -> None:
    assert receiver.channel.send(MESSAGE) == Accepted()
    receiver.go_away()
    assert isinstance(receiver.channel.send(OTHER), Away)
    assert receiver.received() == [as_received(MESSAGE)]


def test_a_message_that_is_sent_again_keeps_its_id(receiver: Receiver) -> None:
    for _ in range(2):
        assert receiver.channel.send(MESSAGE) == Accepted()
    assert [one.id for one in receiver.received()] == [MESSAGE.id] * 2


def test_a_closed_channel_can_be_closed_again_and_sends_again(receiver: Receiver) -> None:
    receiver.channel.close()
    assert receiver.channel.send(MESSAGE) == Accepted()
    receiver.channel.close()
    receiver.channel.close()
    assert receiver.channel.send(OTHER) == Accepted()


def test_the_name_can_be_a_key_beside_the_other_bookkeeping_of_an_event(receiver: Receiver) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", receiver.channel.name)
    assert receiver.channel.name not in {"pending", "unlisted", "published_at", "mail_for"}


# --- what only one channel does ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "answer"),
    [("421 closing", Away), ("451 greylisted", Rejected), ("452 mailbox full", Rejected), ("554 no", Rejected)],
)
def test_a_mail_server_is_away_only_if_it_says_that_it_takes_nothing(
    mail_receiver: MailReceiver, refusal: str, answer: type
) -> None:
    mail_receiver.inbox.refuses, mail_receiver.inbox.refusal = True, refusal
    assert mail_receiver.channel.send(MESSAGE) == answer("SMTPDataError")


@pytest.mark.parametrize(("code", "answer"), [(421, Away), (450, Rejected), (550, Rejected)])
def test_a_refused_recipient_is_told_apart_from_a_server_that_takes_nothing(
    mail_receiver: MailReceiver, monkeypatch: pytest.MonkeyPatch, code: int, answer: type
) -> None:
    def refuse(self: smtplib.SMTP, recipient: str, options: object = ()) -> tuple[int, bytes]:
        return code, b"no"

    monkeypatch.setattr(smtplib.SMTP, "rcpt", refuse)
    assert mail_receiver.channel.send(MESSAGE) == answer("SMTPRecipientsRefused")
