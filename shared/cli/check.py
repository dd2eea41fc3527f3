"""`python -m services.<name> check [--full] [--json]`: looks now, stores nothing.

Exit status 0: nothing found; 1: something was; 2: it could not look, or not at everything.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from pymongo.errors import PyMongoError

from shared.checks.checker import NOT_LOOKED, Finding
from shared.cli.terminal import console
from shared.config.config import Config
from shared.events.errors import StoreUnavailable

NOTHING, SOMETHING, CANNOT_LOOK = 0, 1, 2
_MOST_SHOWN = 10

Look = Callable[[Config, bool], list[Finding]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--full", action="store_true", help="look at everything that is otherwise sampled")
    parser.add_argument("--json", action="store_true", help="one JSON list of the findings, with all their ids")


def run(config: Config, said: argparse.Namespace, look: Look) -> int:
    """The exit status."""
    try:
        findings = look(config, said.full)
    except (PyMongoError, StoreUnavailable) as error:
        print(f"{config.service} cannot be checked: {type(error).__name__}", file=sys.stderr)
        return CANNOT_LOOK
    print_json(findings) if said.json else print_table(findings)
    if any(finding.code == NOT_LOOKED for finding in findings):
        return CANNOT_LOOK
    return SOMETHING if findings else NOTHING


def print_json(findings: list[Finding]) -> None:
    print(json.dumps([asdict(finding) for finding in findings], indent=2))


def print_table(findings: list[Finding]) -> None:
    from rich.table import Table

    out = console()
    if findings:
        table = Table("code", "how many", "which", "what to do", show_lines=True)
        for finding in findings:
            shown = [*finding.ids[:_MOST_SHOWN], *(["..."] if finding.count > _MOST_SHOWN else [])]
            table.add_row(finding.code, str(finding.count), "\n".join(shown), finding.what_to_do)
        out.print(table)
    out.print(f"{len(findings)} findings" if len(findings) != 1 else "1 finding")
