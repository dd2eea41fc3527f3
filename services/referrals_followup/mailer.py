"""Handing one mail to the mail server."""

from __future__ import annotations

import smtplib
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

SECONDS = 10.0


class ServerAway(Exception):
    """No mail server answered; another mail would fare no better now."""


class Rejected(Exception):
    """The mail server answered and did not take this mail."""


class Mailer:
    """Sends through one SMTP server. A mail it returned from is in the server's hands."""

    def __init__(self, host: str, port: int, sender: str) -> None:
        self._host = host
        self._port = port
        self._sender = sender

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
            with smtplib.SMTP(self._host, self._port, timeout=SECONDS) as server:
                server.send_message(message)
        except smtplib.SMTPServerDisconnected as error:
            raise ServerAway from error
        except smtplib.SMTPException as error:
            raise Rejected from error
        except OSError as error:
            raise ServerAway from error
