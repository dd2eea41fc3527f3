"""Handing one mail to the mail server."""

from __future__ import annotations

import smtplib
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

SECONDS = 10.0
OK = 250


class ServerAway(Exception):
    """No mail server answered; another mail would fare no better now."""


class Rejected(Exception):
    """The mail server answered and did not take this mail."""


class Mailer:
    """Sends through one SMTP server. A mail it returned from is in the server's hands.

    Mails go over one connection, as long as the server keeps it up, until `close`; the next one opens another.
    """

    def __init__(self, host: str, port: int, sender: str) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._open: smtplib.SMTP | None = None

    def close(self) -> None:
        server = self._take()
        if server is not None:
            with suppress(OSError):  # which every SMTPException is
                server.quit()

    def send(self, *, to: str, subject: str, body: str, message_id: str, at: datetime) -> None:
        """Raises ServerAway or Rejected; after ServerAway the mail may have been taken all the same."""
        message = EmailMessage()
        message["From"] = self._sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(at)
        message["Message-ID"] = f"<{message_id}@followthrough>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(body)
        try:
            if not self._is_taken_where_others_were(message):
                self._hand_over(smtplib.SMTP(self._host, self._port, timeout=SECONDS), message)
        except smtplib.SMTPServerDisconnected as error:
            raise ServerAway from error
        except smtplib.SMTPException as error:
            raise Rejected from error
        except OSError as error:
            raise ServerAway from error

    def _is_taken_where_others_were(self, message: EmailMessage) -> bool:
        """False where there is no connection any more, or the server refuses the mail: it may take only so many on one.

        Raises SMTPServerDisconnected when it may have been taken.
        """
        server = self._take()
        if server is None or not _answers(server):
            return False
        try:
            self._hand_over(server, message)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException:
            return False
        return True

    def _hand_over(self, server: smtplib.SMTP, message: EmailMessage) -> None:
        try:
            server.send_message(message)
        except BaseException:
            server.close()
            raise
        self.close()
        self._open = server

    def _take(self) -> smtplib.SMTP | None:
        server, self._open = self._open, None
        return server


def _answers(server: smtplib.SMTP) -> bool:
    try:
        if server.noop()[0] == OK:
            return True
    except smtplib.SMTPException:
        pass
    server.close()
    return False
