"""`python -m services.<name> check [--full] [--json]`: checks the stored data now and stores nothing.

Exit status 0: no findings; 1: findings; 2: it could not check everything.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict

from pymongo.errors import PyMongoError

from shared.checks.checker import NOT_CHECKED, CheckFinding
from shared.cli.terminal import console
from shared.config.config import Config
from shared.events.errors import StoreUnavailable

NO_FINDINGS, FINDINGS, INCOMPLETE = 0, 1, 2
_MOST_IDS = 10

RunCheck = Callable[[Config, bool], list[CheckFinding]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of the command."""
    parser.add_argument("--full", action="store_true", help="check everything that is otherwise sampled")
    parser.add_argument("--json", action="store_true", help="one JSON list of the findings, with all their ids")


def run(config: Config, arguments: argparse.Namespace, run_check: RunCheck) -> int:
    """Prints the findings and returns the exit status."""
    try:
        findings = run_check(config, arguments.full)
    except (PyMongoError, StoreUnavailable) as error:
        print(f"{config.service} cannot be checked: {type(error).__name__}", file=sys.stderr)
        return INCOMPLETE
    print_json(findings) if arguments.json else print_table(findings)
    if any(finding.code == NOT_CHECKED for finding in findings):
        return INCOMPLETE
    return FINDINGS if findings else NO_FINDINGS


def print_json(findings: list[CheckFinding]) -> None:
    print(json.dumps([asdict(finding) for finding in findings], indent=2))


def print_table(findings: list[CheckFinding]) -> None:
    from rich.table import Table

    out = console()
    if findings:
        table = Table("code", "how many", "which", "what to do", show_lines=True)
        for finding in findings:
            ids = [*finding.ids[:_MOST_IDS], *(["..."] if finding.count > _MOST_IDS else [])]
            table.add_row(finding.code, str(finding.count), "\n".join(ids), finding.what_to_do)
        out.print(table)
    out.print(f"{len(findings)} findings" if len(findings) != 1 else "1 finding")
