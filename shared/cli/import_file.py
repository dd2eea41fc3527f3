"""`python -m services.<name> import FILE`: records a file of commands of any size, one JSON object a line.

Each line is a command as `POST /v1/commands` takes it, with the `actor` who gave it: `id`, `role`, `team`, `areas`.

Guarantees:
- memory does not grow with the file;
- `FILE.refused` has each refused row with its number and every reason, but none of its values;
- a refused row hinders only the rows that build on it;
- after a kill, the next run goes on where this one stopped, and no row is recorded twice;
- `--dry-run` refuses the same rows and records none;
- `--confirm CODE` records the rows with this doubt too, as if each of them confirmed it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from shared.cli.terminal import console
from shared.config.config import Config
from shared.contracts.words import DOUBTS
from shared.events.errors import StoreUnavailable
from shared.kernel.chunks import chunks
from shared.messaging.backoff import Backoff

if TYPE_CHECKING:
    from rich.progress import Progress

    from shared.recording.bulk import Bulk, Order, Result

ROWS = 500
LONGEST_ROW = 65_536
PATIENCE_SECONDS = 600.0
_BEGINNING = 65_536


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--dry-run", action="store_true", help="list the rows that would be refused, and record nothing"
    )
    parser.add_argument(
        "--confirm",
        action="append",
        choices=DOUBTS,
        default=[],
        metavar="CODE",
        help="record rows with this doubt, which `please-confirm` names, all the same; may be repeated",
    )


class Row(NamedTuple):
    """One line of the file: its number from 1, and where the next one begins, in bytes."""

    number: int
    raw: bytes
    end: int


@dataclass
class ImportProgress:
    """How far an import has come, as `FILE.progress` keeps it. `refused_bytes` is the length of `FILE.refused`."""

    file: str
    end: int = 0
    row: int = 0
    recorded: int = 0
    refused: int = 0
    refused_bytes: int = 0


def run(config: Config, arguments: argparse.Namespace, load_class: Callable[[], type]) -> int:
    """Returns the exit status: 0 when every row is recorded, 1 when some are refused, 2 when the import failed."""
    from pymongo.errors import PyMongoError

    try:
        done, refused_file = _import(config, arguments.file, load_class(), arguments.dry_run, arguments.confirm)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except (PyMongoError, StoreUnavailable):
        print("the database cannot be reached; run the same command again, and it goes on from here", file=sys.stderr)
        return 2
    would = "would be " if arguments.dry_run else ""
    counts = f"{done.recorded} rows {would}recorded, {done.refused} {would}refused"
    console().print(f"{counts}; each with its reasons: {refused_file}" if done.refused else counts)
    return 1 if done.refused else 0


def _import(
    config: Config, path: Path, service_class: Any, dry_run: bool, confirmed: list[str]
) -> tuple[ImportProgress, Path]:
    """Imports the file. Returns its progress, which is at the end of the file, and the file of the refused rows."""
    from shared.events.rehearsal import Rehearsal
    from shared.recording.bulk import Bulk

    refused_file = path.with_name(f"{path.name}.{'would-be-refused' if dry_run else 'refused'}")
    progress_file = path.with_name(f"{path.name}.progress")
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        refused_file.touch()
        refused = stack.enter_context(refused_file.open("r+b"))
        progress = _read_progress(file, None if dry_run else progress_file, refused_file.stat().st_size)
        service = service_class()
        service.dependencies = dependencies = service_class.dependencies.build(config).for_import(confirmed)
        stack.callback(dependencies.close)
        if dry_run:
            rehearsal = Rehearsal(dependencies.store)
            stack.enter_context(rehearsal.open())
            service.dependencies = dependencies.over(rehearsal)
        _go_through(file, refused, progress, Bulk(service), None if dry_run else progress_file)
    progress_file.unlink(missing_ok=True)
    if not progress.refused:
        refused_file.unlink()
    return progress, refused_file


def _go_through(
    file: IO[bytes], refused: IO[bytes], progress: ImportProgress, bulk: Bulk, progress_file: Path | None
) -> None:
    correlation_id = str(uuid4())
    file.seek(progress.end)
    refused.truncate(progress.refused_bytes)
    refused.seek(0, os.SEEK_END)
    with _bar(os.fstat(file.fileno()).st_size, progress) as bar:
        for rows in chunks(_rows(file, progress.row, progress.end), ROWS):
            for row, result in zip(rows, _give(bulk, rows, correlation_id), strict=True):
                if result.is_recorded:
                    progress.recorded += 1
                else:
                    progress.refused += 1
                    why = {"row": row.number, "key": result.key, **result.body}
                    refused.write(json.dumps(why).encode() + b"\n")
            refused.flush()
            progress.row, progress.end, progress.refused_bytes = rows[-1].number, rows[-1].end, refused.tell()
            if progress_file:
                _write_progress(progress_file, progress)
            bar.update(bar.task_ids[0], completed=progress.end, rows=progress.row, refused=progress.refused)


def _give(bulk: Bulk, rows: list[Row], correlation_id: str) -> list[Result]:
    """Gives the rows' commands and returns their results. Retries while the store is away. Raises StoreUnavailable."""
    from shared.recording.bulk import Result

    orders = [_order(row, correlation_id) for row in rows]
    backoff, deadline = Backoff(0.5, 15.0), time.monotonic() + PATIENCE_SECONDS
    while True:
        given = iter(bulk.give([order for order in orders if not isinstance(order, Result)], correlation_id))
        results = [order if isinstance(order, Result) else next(given) for order in orders]
        if not any(result.status == 503 for result in results):
            return results
        if time.monotonic() > deadline:
            raise StoreUnavailable("the event store could not be reached for ten minutes")
        time.sleep(backoff.next())


def _order(row: Row, correlation_id: str) -> Order | Result:
    from shared.recording.bulk import signed_order_of, unreadable
    from shared.web.exchange import json_value
    from shared.web.problems import Problem

    value = None
    try:
        if len(row.raw) > LONGEST_ROW:
            raise Problem(413, "row-too-large", f"a row may have {LONGEST_ROW} bytes at most; this one has more")
        value = json_value(row.raw)
        return signed_order_of(value)
    except Problem as problem:
        return unreadable(value, problem, correlation_id)


def _rows(file: IO[bytes], number: int, end: int) -> Iterator[Row]:
    """The rows from here on that are not empty. Of a row that is too long, only the beginning is progress_file."""
    while raw := file.readline(LONGEST_ROW + 1):
        number, end = number + 1, end + len(raw)
        rest = raw
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_ROW)
            end += len(rest)
        if raw.strip():
            yield Row(number, raw, end)


def _fingerprint(file: IO[bytes]) -> str:
    """Tells this file from another of the same name, by its length and its beginning."""
    file.seek(0)
    beginning = hashlib.sha256(file.read(_BEGINNING)).hexdigest()
    return f"{os.fstat(file.fileno()).st_size} {beginning}"


def _read_progress(file: IO[bytes], progress_file: Path | None, refused_bytes: int) -> ImportProgress:
    """The progress of an earlier import of this very file; without one, its beginning."""
    fingerprint = _fingerprint(file)
    try:
        found = ImportProgress(**json.loads(progress_file.read_bytes())) if progress_file else None
    except (FileNotFoundError, ValueError, TypeError):
        found = None
    is_of_this = found is not None and found.file == fingerprint and found.refused_bytes <= refused_bytes
    return found if found and is_of_this else ImportProgress(fingerprint)


def _write_progress(progress_file: Path, progress: ImportProgress) -> None:
    written = progress_file.with_suffix(".new")
    written.write_text(json.dumps(asdict(progress)), encoding="ascii")
    written.replace(progress_file)


def _bar(size: int, progress: ImportProgress) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    begun_at = progress.row

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{(task.fields['rows'] - begun_at) / (task.elapsed or 1):,.0f} rows/s")

    counts = TextColumn("{task.fields[rows]:,} rows, {task.fields[refused]:,} refused")
    columns = (BarColumn(), TaskProgressColumn(), counts, Rate(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    bar.add_task("", total=size, completed=progress.end, rows=progress.row, refused=progress.refused)
    return bar
