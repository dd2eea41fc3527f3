"""Digests by e-mail, over one SMTP server.

The server is away if it does not answer, or answers 421. Every other refusal rejects the mail, even for a time (451):
it may concern this recipient alone, such as greylisting or a full mailbox.
"""

from __future__ import annotations

import smtplib
from contextlib import suppress
from email.message import EmailMessage
from email.utils import format_datetime

from services.referrals_followup.chasing.channels import ANSWER_SECONDS, Accepted, Away, Message, Rejected
from shared.config.config import Config
from shared.runtime.outages import Outage

OK = 250
CLOSING = 421  # "service not available, closing transmission channel": RFC 5321, section 4.2.3


class SmtpChannel:
    """Sends through one SMTP server.

    Messages share a connection until the server ends it, or until `close`. The next message opens a new connection.
    """

    name = "smtp"

    def __init__(self, host: str, port: int, sender: str) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._open: smtplib.SMTP | None = None
        self._outage = Outage("mail server", f"{host}:{port}")

    @classmethod
    def of(cls, config: Config) -> SmtpChannel:
        """The channel to the configured mail server."""
        return cls(config.smtp_host, config.smtp_port, config.mail_from)

    def close(self) -> None:
        server = self._take_connection()
        if server is not None:
            with suppress(OSError):  # every SMTPException is an OSError
                server.quit()

    def send(self, message: Message) -> Accepted | Rejected | Away:
        try:
            self._deliver(self._mail_of(message))
        except OSError as error:
            cause = type(error).__name__
            if _is_rejection(error):
                return Rejected(cause)
            self._outage.note(error)
            return Away(cause)
        self._outage.end()
        return Accepted()

    def _mail_of(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"] = self._sender
        mail["To"] = message.to.email
        mail["Subject"] = message.subject
        mail["Date"] = format_datetime(message.at)
        mail["Message-ID"] = f"<{message.id}@followthrough>"
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.body)
        return mail

    def _deliver(self, mail: EmailMessage) -> None:
        """Return once the server has taken the mail. Raises OSError, of which SMTPException is a kind."""
        if not self._deliver_on_open_connection(mail):
            self._hand_over(smtplib.SMTP(self._host, self._port, timeout=ANSWER_SECONDS), mail)

    def _deliver_on_open_connection(self, mail: EmailMessage) -> bool:
        """Returns False if there is no connection, or the server refuses the mail: a server may limit the mails per
        connection.

        Raises SMTPServerDisconnected when the mail may have been taken.
        """
        server = self._take_connection()
        if server is None or not _answers(server):
            return False
        try:
            self._hand_over(server, mail)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:
            return False
        return True

    def _hand_over(self, server: smtplib.SMTP, mail: EmailMessage) -> None:
        try:
            server.send_message(mail)
        except BaseException:
            server.close()
            raise
        self.close()
        self._open = server

    def _take_connection(self) -> smtplib.SMTP | None:
        server, self._open = self._open, None
        return server


def _is_rejection(error: OSError) -> bool:
    """Whether the server answered, and did not say that it takes nothing."""
    if isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(error, smtplib.SMTPException):
        return False
    return CLOSING not in _codes(error)


def _codes(error: smtplib.SMTPException) -> set[int]:
    """The codes that the server answered with; of several recipients, all of theirs."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return {code for code, _ in error.recipients.values()}
    return {error.smtp_code} if isinstance(error, smtplib.SMTPResponseException) else set()


def _answers(server: smtplib.SMTP) -> bool:
    try:
        if server.noop()[0] == OK:
            return True
    except smtplib.SMTPException:
        pass
    server.close()
    return False
