"""`make demo`: a case on the local stack, Case S by default.

It prints what happened beside the alarms that were raised, and writes the same as a page. It exits with 0 only when
every expected alarm was raised and no other.
"""

from __future__ import annotations

import email
import email.policy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from email.message import EmailMessage
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.case import Alarm, Case, Expected, Judgement, find_case, judge, load_case
from deploy.local.folders import ROOT, fresh_name
from deploy.local.missed_steps import OWNER, day_text, list_missed_steps, standing_text
from deploy.local.page import page
from deploy.local.replay import Replay
from deploy.local.stack import local_stack
from shared.kernel.time import london_date

WIDTH = 140
SHOWN_MAIL = "REF-01"
PAGES = ROOT / ".run" / "demo"


@dataclass(frozen=True, slots=True)
class DemoResult:
    """The result of a replay: its alarms, the judgement of them, and one of the delivered mails."""

    alarms: list[Alarm]
    judgement: Judgement
    mail: str


def main(letter: str = "s") -> int:
    """Runs the demo of the case with this letter; its exit code."""
    try:
        folder = find_case(letter)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    case, shown = load_case(folder), PAGES / f"{folder.name.replace('_', '-')}.html"
    console = Console(width=WIDTH, soft_wrap=False)
    console.print("Starting MongoDB, RabbitMQ, the mail sink and the services …")
    with local_stack(fresh_name("demo"), replay_clock=case.begins) as stack:
        result = show(Replay(stack, case), console)
    write_page(case, result, shown)
    console.print(f"\nThe same as a page: {shown.relative_to(ROOT)}", markup=False, highlight=False)
    return verdict(case, result.judgement, console)


def show(replay: Replay, console: Console) -> DemoResult:
    """Lets the days of the case pass and prints the result."""
    case = replay.case
    _pass_days(replay, console)
    alarms = replay.alarms()
    judgement = judge(case, alarms, replay.known)
    console.print(_days(case, judgement, alarms))
    console.print(_missed(case, judgement, alarms))
    mail = _mail(replay.stack.backends.maildir)
    console.print("\nOne of the mails, as it was delivered:\n", style="bold")
    console.print(mail, markup=False, highlight=False)
    return DemoResult(alarms, judgement, mail)


def write_page(case: Case, result: DemoResult, path: Path) -> None:
    """Writes the page and makes its folder if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = page(case, result.judgement, result.alarms, verdict_text(case, result.judgement), result.mail)
    path.write_text(text, encoding="utf-8")


def verdict(case: Case, judgement: Judgement, console: Console) -> int:
    """Prints every missing or unexpected alarm and, as the last line, the count. Returns the exit code."""
    for expected in judgement.missing:
        _say(console, f"missing: {expected.step} {expected.rung} {_when(expected)} (row {expected.row})")
    for alarm, forbidden in judgement.unexpected:
        because = f": {forbidden.because}" if forbidden else ""
        told = ", ".join(alarm.told)
        _say(console, f"unexpected: {alarm.step} {alarm.rung} on {day_text(alarm.on)}, told {told}{because}")
    _say(console, verdict_text(case, judgement))
    return 0 if judgement.is_as_expected else 1


def verdict_text(case: Case, judgement: Judgement) -> str:
    """The count, as the demo's last line."""
    expected = len(judgement.pairs)
    raised = expected - len(judgement.missing)
    return f"{case.name}: {raised}/{expected} expected alarms raised, {len(judgement.unexpected)} unexpected"


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _when(expected: Expected) -> str:
    if expected.first == expected.last:
        return f"on {day_text(expected.first)}"
    return f"from {day_text(expected.first)} to {day_text(expected.last)}"


def _pass_days(replay: Replay, console: Console) -> None:
    case = replay.case
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=(case.ends - case.begins.date()).days + 1)
        for day, _ in replay.days():
            progress.update(task, advance=1, description=f"{day:%a %d %b %Y}")


def _days(case: Case, judgement: Judgement, alarms: Sequence[Alarm]) -> Table:
    table = Table(title=f"{case.name}: what was recorded, and what the system raised", expand=True)
    table.add_column("day", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("happened", ratio=4)
    table.add_column("raised", ratio=4)
    table.add_column("basis", no_wrap=True)
    table.add_column("told", ratio=3)
    table.add_column("again", no_wrap=True, justify="right")
    rows: list[tuple[date, int, tuple[str, ...]]] = [
        (
            london_date(fact.at),
            0,
            (fact.row or "", fact.happened, "", "", f"by {fact.by}" if fact.by else "not recorded", ""),
        )
        for fact in case.facts
    ]
    for alarm in alarms:
        is_first = alarm.rung == OWNER
        raised = f"{alarm.step} [{alarm.reference}] {alarm.title}" if is_first else f"{alarm.step} escalated"
        told = ("" if is_first else f"{alarm.rung}: ") + ", ".join(alarm.told)
        again = str(len(alarm.again)) if alarm.again else ""
        rows.append((alarm.on, 1, (judgement.row_of(alarm) or "", "", raised, alarm.basis, told, again)))
    for day, _, cells in sorted(rows, key=lambda row: row[:2]):
        table.add_row(f"{day:%a %d %b %Y}", *(_plain(cell) for cell in cells))
    return table


def _missed(case: Case, judgement: Judgement, alarms: Sequence[Alarm]) -> Table:
    table = Table(title=f"{case.name}: what was missed, and how early the system said so", expand=True, show_lines=True)
    table.add_column("", no_wrap=True)
    table.add_column("missed", ratio=3)
    table.add_column("first alarm", no_wrap=True)
    for day in case.looked_at:
        table.add_column(f"by {day_text(day)}", ratio=3)
    table.add_column("days before the injury" if case.harm else "", justify="right")
    for missed_step in list_missed_steps(case, judgement, alarms):
        lead = missed_step.lead_days(case.harm[0]) if case.harm else None
        table.add_row(
            missed_step.row.id,
            _plain(missed_step.row.missed),
            day_text(missed_step.first.on) if missed_step.first else "never",
            *(_plain(standing_text(missed_step.by(day))) for day in case.looked_at),
            "" if lead is None else str(lead),
        )
    return table


def _plain(text: str) -> str:
    """The text, escaped for rich."""
    return text.replace("[", r"\[")


def _mail(maildir: Path) -> str:
    """The first delivered mail about `SHOWN_MAIL`, with its main headers."""
    found = []
    for path in sorted((maildir / "new").iterdir()):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        if isinstance(message, EmailMessage) and SHOWN_MAIL in message["Subject"]:
            found.append(message)
    if not found:
        return "(none was delivered)"
    first = min(found, key=lambda message: message["Date"].datetime)
    headers = "\n".join(f"{name}: {first[name]}" for name in ("From", "To", "Date", "Subject", "Message-ID"))
    body = first.get_body()
    return f"{headers}\n\n{body.get_content() if body else ''}"
