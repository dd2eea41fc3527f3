"""`make demo`: Case S on the local stack. Exits with 0 only when every expected alarm was raised and no other."""

from __future__ import annotations

import email
import email.policy
from datetime import date
from email.message import EmailMessage
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from deploy.local.case import Case, Fact, load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Alarm, Replay, judged
from deploy.local.stack import local_stack

WIDTH = 140
SHOWN_MAIL = "REF-01"


def main() -> int:
    """Runs the demo; its exit code."""
    case = load_case()
    console = Console(width=WIDTH, soft_wrap=False)
    console.print("Starting MongoDB, RabbitMQ, the mail sink and the services …")
    with local_stack(fresh_name("demo"), replay_clock=case.begins) as stack:
        alarms = show(Replay(stack, case), console)
    return verdict(case, alarms, console)


def show(replay: Replay, console: Console) -> list[Alarm]:
    """Lets the days of the case pass and prints what came of them; the alarms that were raised."""
    recorded = _pass_days(replay, console)
    alarms = replay.alarms()
    console.print(_table(replay.case, recorded, alarms))
    console.print("\nOne of the mails, as it was delivered:\n", style="bold")
    console.print(_mail(replay.stack.parts.maildir), markup=False, highlight=False)
    return alarms


def verdict(case: Case, alarms: list[Alarm], console: Console) -> int:
    """Prints every alarm that is missing or unexpected, and the count as the last line; the exit code."""
    pairs, unexpected = judged(case, alarms)
    for expected, alarm in pairs:
        if alarm is None:
            console.print(f"missing: {expected.step} {expected.rung} on {expected.on:%d %b %Y} (row {expected.row})")
    for alarm in unexpected:
        console.print(f"unexpected: {alarm.step} {alarm.rung} on {alarm.on:%d %b %Y}, told {', '.join(alarm.told)}")
    raised = sum(alarm is not None for _, alarm in pairs)
    console.print(
        f"{case.name}: {raised}/{len(pairs)} expected alarms raised, {len(unexpected)} unexpected",
        markup=False,
        highlight=False,
        soft_wrap=True,
    )
    return 0 if raised == len(pairs) and not unexpected else 1


def _pass_days(replay: Replay, console: Console) -> list[tuple[date, Fact]]:
    case = replay.case
    recorded: list[tuple[date, Fact]] = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("days"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        total = (case.ends - case.begins.date()).days + 1
        task = progress.add_task("", total=total)
        for day, facts in replay.days():
            recorded += [(day, fact) for fact in facts]
            progress.update(task, advance=1, description=f"{day:%a %d %b %Y}")
    return recorded


def _table(case: Case, recorded: list[tuple[date, Fact]], alarms: list[Alarm]) -> Table:
    table = Table(title=f"{case.name}: what was recorded, and what the system raised", expand=True)
    table.add_column("day", no_wrap=True)
    table.add_column("recorded", ratio=4)
    table.add_column("raised", ratio=4)
    table.add_column("basis", no_wrap=True)
    table.add_column("told", ratio=3)
    rows = [(day, 0, fact.happened, "", "", f"by {fact.by}") for day, fact in recorded]
    rows += [
        (
            alarm.on,
            1,
            "",
            f"{alarm.step} [{alarm.reference}] {alarm.title}" if alarm.rung == "owner" else f"{alarm.step} escalated",
            alarm.basis,
            ("" if alarm.rung == "owner" else f"{alarm.rung}: ") + ", ".join(alarm.told),
        )
        for alarm in alarms
    ]
    for day, _, *cells in sorted(rows, key=lambda row: row[:2]):
        table.add_row(f"{day:%a %d %b %Y}", *(cell.replace("[", r"\[") for cell in cells))
    return table


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
