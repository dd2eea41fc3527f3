"""A mail server that delivers nothing. It writes each mail to its Maildir before it accepts the mail.

`python -m deploy.local.smtp_sink <host> <port> <maildir>`
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP


async def serve(host: str, port: int, maildir: str) -> None:
    """Accepts mails until this process is stopped."""
    mailbox = Mailbox(Path(maildir))
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(mailbox, hostname="localhost", enable_SMTPUTF8=True), host, port)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
