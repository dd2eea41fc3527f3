"""The roles `export`, `restore`, `verify` and `erase` of a service's command line.

Each prints what it found or did. Exit status 0: done, and nothing is wrong; 1: something is wrong, with a line for each
finding; 2: it failed, with the reason.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.config.config import Config, config_or_exit
from shared.contracts.fields import SLUG
from shared.runtime.observability import configure_logging

if TYPE_CHECKING:
    from pymongo.database import Database

    from shared.archive.verify import FileCheck, Finding
    from shared.events.store import EventStore

About = Callable[["Database[dict[str, Any]]", str], Mapping[str, Any]]
"""The query for the events of a service's database that are about a person."""

MOST_LINES = 100


def by_subject(database: Database[dict[str, Any]], person_id: str) -> Mapping[str, Any]:
    """The events whose subject this person is."""
    return {"event.subject": person_id}


def add_roles(roles: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the four roles to the command line."""
    export = roles.add_parser("export", help="write all events to a file that shows every change made to it")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--private", action="store_true", help="with the private parts, encrypted")
    export.add_argument("--key-file", type=Path, help="the secret to encrypt with, at least 32 bytes")

    restore = roles.add_parser("restore", help="fill an empty database from such a file")
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument("--key-file", type=Path, help="the secret that the file was encrypted with")

    verify = roles.add_parser("verify", help="find what was changed, removed or inserted in a file or in the database")
    verify.add_argument("file", type=Path, nargs="?", metavar="FILE")
    verify.add_argument("--database", action="store_true", help="look at the database; beside FILE, against that")
    verify.add_argument("--key-file", type=Path, help="look at the private parts in FILE too")
    verify.add_argument("--chain", help="what the export printed, to be found at the end of FILE")

    erase = roles.add_parser("erase", help="remove private parts for good, and record by whom and why")
    which = erase.add_mutually_exclusive_group(required=True)
    which.add_argument("--person", metavar="PERSON_ID", help="of all events about this person")
    which.add_argument("--stream", metavar="KIND/ID", help="of all events of this record")
    erase.add_argument("--by", type=_slug, required=True, metavar="NAME", help="who is responsible for the erasure")
    erase.add_argument("--reason", type=_slug, required=True, metavar="CODE", help="such as court_order")

    for name in ("export", "restore", "verify", "erase"):
        roles.choices[name].set_defaults(archive=ROLES[name], usage_error=roles.choices[name].error)


def run(service: str, arguments: argparse.Namespace, about: About = by_subject) -> int:
    """Runs the role that the arguments name and returns the exit status."""
    from pymongo.errors import PyMongoError

    from shared.archive.lines import UnusableFile
    from shared.archive.restore import NotEmpty
    from shared.archive.sealing import WrongKey
    from shared.events.errors import EventStoreError

    configure_logging(service, arguments.role)
    arguments.about = about
    try:
        status: int = arguments.archive(service, arguments)
    except (UnusableFile, NotEmpty, WrongKey, EventStoreError, OSError) as error:
        print(f"{service} {arguments.role}: {error}", file=sys.stderr)
        return 2
    except PyMongoError as error:
        print(f"{service} {arguments.role}: the database could not serve ({type(error).__name__})", file=sys.stderr)
        return 2
    return status


def _export(service: str, arguments: argparse.Namespace) -> int:
    from shared.archive.export import export
    from shared.archive.sealing import Sealer
    from shared.kernel.envelope import to_text

    if arguments.private != bool(arguments.key_file):
        arguments.usage_error("--private and --key-file go together")
    config, database = _open(service, "export")
    sealer = Sealer.fresh(arguments.key_file) if arguments.private else None
    written = export(database, service, arguments.file, clock=config.clock(), sealer=sealer)
    print(f"{written.events} events up to {to_text(written.complete_until)} and what was recorded since")
    print(f"chain {written.chain}")
    return 0


def _restore(service: str, arguments: argparse.Namespace) -> int:
    from shared.archive.restore import Faulty, restore

    config, database = _open(service, "restore")
    try:
        restored = restore(database, service, arguments.file, arguments.key_file)
    except Faulty as faulty:
        return _print_findings(faulty.findings, "nothing was restored")
    _store(config, database).ensure_indexes()
    print(f"{restored.events} events restored, {'with' if restored.private else 'without'} private parts")
    print(f"chain {restored.chain}")
    return 0


def _verify(service: str, arguments: argparse.Namespace) -> int:
    from shared.archive.verify import FileCheck, database_findings

    if arguments.file is None and not arguments.database:
        arguments.usage_error("say what to look at: a FILE, --database, or both")
    if arguments.file is None and (arguments.chain or arguments.key_file):
        arguments.usage_error("--chain and --key-file are about a FILE")
    check = FileCheck(arguments.file, service, arguments.key_file) if arguments.file else None
    if check:
        findings = [*islice(check.findings(), MOST_LINES), *_chain_findings(check, arguments.chain)]
        if findings:
            return _print_findings(findings, f"{arguments.file} does not hold")
        print(f"{arguments.file} holds: {check.end['events']} events up to {check.end['complete_until']} and since")
    if arguments.database:
        _, database = _open(service, "verify")
        findings = list(islice(database_findings(database, check), MOST_LINES))
        if findings:
            return _print_findings(findings, "the database does not hold")
        print(f"the database holds: {database['events'].count_documents({})} events")
    return 0


def _erase(service: str, arguments: argparse.Namespace) -> int:
    from shared.archive.erasure import erase

    config, database = _open(service, "erase")
    which = arguments.about(database, arguments.person) if arguments.person else {"event.stream": arguments.stream}
    count = erase(_store(config, database), which, by=arguments.by, reason_code=arguments.reason)
    print(f"{count} private parts erased")
    return 0


ROLES = {"export": _export, "restore": _restore, "verify": _verify, "erase": _erase}


def _open(service: str, role: str) -> tuple[Config, Database[dict[str, Any]]]:
    from shared.events.mongo import open_database

    config = config_or_exit(service, role)
    return config, open_database(config.mongodb_uri, config.mongodb_database)


def _store(config: Config, database: Database[dict[str, Any]]) -> EventStore:
    from shared.contracts import CATALOGUE
    from shared.events.store import EventStore

    return EventStore(database, source=config.service, clock=config.clock(), catalogue=CATALOGUE)


def _chain_findings(check: FileCheck, chain: str | None) -> list[Finding]:
    from shared.archive.verify import Finding

    if chain is None or check.end.get("chain") == chain:
        return []
    return [Finding("the chain", "is whole, but not the one that was asked for: the file was made anew")]


def _print_findings(findings: list[Finding], summary: str) -> int:
    for finding in findings:
        print(finding)
    print(f"{summary}: {len(findings)}{' or more' if len(findings) >= MOST_LINES else ''} findings", file=sys.stderr)
    return 1


def _slug(text: str) -> str:
    if not re.fullmatch(SLUG, text) or len(text) > 64:
        raise argparse.ArgumentTypeError(
            "is a code word: lower-case letters, digits and . _ -, beginning with a letter"
        )
    return text
