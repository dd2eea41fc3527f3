"""`python -m services.<name> parked list | show | replay | discard`: parked messages, whether or not the broker is up.

A replay is one write to the store. A running service handles the message within a second, another one when it starts.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from shared.cli.terminal import console
from shared.config.config import Config
from shared.events.errors import UnknownStream
from shared.events.mongo import open_database
from shared.kernel.decisions import Refused
from shared.kernel.envelope import to_text
from shared.messaging.parked import ParkedMessages
from shared.messaging.parked_summary import detail_of, summary_of

SHORT = 12
_LONGEST_REASON = 500


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the subcommands and their options."""
    acts = parser.add_subparsers(dest="act", required=True)
    acts.add_parser("list", help="the waiting messages, the oldest first")
    show = acts.add_parser("show", help="everything about one message but its body")
    show.add_argument("id", help="its id, or the beginning of its id")
    show.add_argument("--body", type=Path, metavar="FILE", help="write the body to a new file that only you can read")
    replay = acts.add_parser("replay", help="have messages handled again")
    replay.add_argument("ids", nargs="*", metavar="ID")
    replay.add_argument("--all", action="store_true", help="all waiting messages")
    discard = acts.add_parser("discard", help="nobody handles the message; its record is kept")
    discard.add_argument("ids", nargs="+", metavar="ID")
    discard.add_argument("--reason", required=True, type=_reason, help="why; it stays in this service")
    for subcommand in (replay, discard):
        subcommand.add_argument("--by", default=_user(), help="who decides this (default: %(default)s)")


def run(config: Config, arguments: argparse.Namespace) -> int:
    """Returns the exit status: 1 when the act failed for one of the messages. Raises PyMongoError."""
    parked = ParkedMessages(open_database(config.mongodb_uri, config.mongodb_database))
    if arguments.act == "list":
        return _list(parked)
    if arguments.act == "show":
        return _each([arguments.id], lambda parked_id: _show(parked, parked_id, arguments.body))
    if arguments.act == "discard":
        return _each(arguments.ids, lambda parked_id: _discard(parked, parked_id, arguments.by, arguments.reason))
    ids = [message.id for message in parked.parked(limit=0) if message.is_whole] if arguments.all else arguments.ids
    return _each(ids, lambda parked_id: _replay(parked, parked_id, arguments.by))


def _list(parked: ParkedMessages) -> int:
    from rich.table import Table

    table = Table("id", "queue", "since", "reason", "what", "tried again", "next try")
    waiting = parked.parked(limit=0)
    for message in waiting:
        line = summary_of(message)
        retry_at = to_text(message.retry_at) if message.retry_at else "when you say so"
        what = line["event_type"] or "not readable"
        since = to_text(message.parked_at)
        table.add_row(message.id[:SHORT], line["queue"], since, message.reason, what, str(message.failures), retry_at)
    console().print(table)
    console().print(f"{len(waiting)} parked")
    return 0


def _show(parked: ParkedMessages, parked_id: str, body: Path | None) -> None:
    from rich.table import Table

    message = parked.get(parked_id)
    table = Table("field", "value", show_header=False)
    for name, value in detail_of(message).items():
        table.add_row(name, "" if value is None else str(to_text(value) if name.endswith("_at") else value))
    for act in message.acts:
        table.add_row(act.act, f"{to_text(act.at)} by {act.by}" + (f": {act.reason}" if act.reason else ""))
    console().print(table)
    if body is not None:
        # A new file that only its owner can read: the body may hold what should not have been sent.
        with os.fdopen(os.open(body, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message.delivery.body)
        console().print(f"{len(message.delivery.body)} bytes of the body are in {body}")


def _replay(parked: ParkedMessages, parked_id: str, by: str) -> None:
    message = parked.get(parked_id)
    parked.replay(message.id, by, uuid4().hex)
    console().print(f"{message.id[:SHORT]} is heard again as soon as {message.delivery.queue} is consumed")


def _discard(parked: ParkedMessages, parked_id: str, by: str, reason: str) -> None:
    message = parked.get(parked_id)
    parked.discard(message.id, by, reason, uuid4().hex)
    console().print(f"{message.id[:SHORT]} is discarded")


def _each(ids: list[str], act: Any) -> int:
    failed = 0
    for parked_id in ids:
        try:
            act(parked_id)
        except (Refused, UnknownStream, FileExistsError) as error:
            failed = 1
            why = "the file is there already" if isinstance(error, FileExistsError) else str(error)
            print(f"{parked_id}: {why}", file=sys.stderr)
    return failed


def _reason(text: str) -> str:
    reason = text.strip()
    if not 0 < len(reason) <= _LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"is a text of 1 to {_LONGEST_REASON} characters")
    return reason


def _user() -> str:
    with suppress(KeyError, OSError):
        return getpass.getuser()
    return "command-line"
