"""`python -m services.<name> import FILE`: records a file of commands of any size, one JSON object a line.

Each line is a command as `POST /v1/commands` takes it, with the `actor` who gave it: `id`, `role`, `team`, `areas`.

Guarantees: memory does not grow with the file; a row that is refused stands in `FILE.refused` with its number, every
reason and no value of it, and hinders only the rows that build on it; run again after a kill it goes on where it
stopped, and whatever the file, no row is recorded twice; with `--dry-run` the same rows are refused and none recorded.
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
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from shared.cli.terminal import console
from shared.config.config import Config
from shared.events.errors import StoreUnavailable
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
    parser.add_argument("--dry-run", action="store_true", help="say what would be refused, and record nothing")


class Row(NamedTuple):
    """One line of the file: its number from 1, and where the next one begins, in bytes."""

    number: int
    raw: bytes
    end: int


@dataclass
class Progressed:
    """How far an import has come, as `FILE.progress` keeps it. `refused_bytes` is the length of `FILE.refused`."""

    file: str
    end: int = 0
    row: int = 0
    recorded: int = 0
    refused: int = 0
    refused_bytes: int = 0


def run(config: Config, said: argparse.Namespace, load_class: Callable[[], type]) -> int:
    """The exit status: 0 when every row is recorded, 1 when some are refused, 2 when it could not be done."""
    from pymongo.errors import PyMongoError

    try:
        done, told = _import(config, said.file, load_class(), said.dry_run)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    except (PyMongoError, StoreUnavailable):
        print("the database cannot be reached; run the same again, it goes on here", file=sys.stderr)
        return 2
    would = "would be " if said.dry_run else ""
    counts = f"{done.recorded} rows {would}recorded, {done.refused} {would}refused"
    console().print(f"{counts}; each with its reasons: {told}" if done.refused else counts)
    return 1 if done.refused else 0


def _import(config: Config, path: Path, service_class: Any, dry_run: bool) -> tuple[Progressed, Path]:
    """Import the file; how far it came, which is its end, and where the refused rows stand."""
    from shared.events.rehearsal import Rehearsal
    from shared.recording.bulk import Bulk

    told = path.with_name(f"{path.name}.{'would-be-refused' if dry_run else 'refused'}")
    kept = path.with_name(f"{path.name}.progress")
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        told.touch()
        refused = stack.enter_context(told.open("r+b"))
        progressed = _begun(file, None if dry_run else kept, told.stat().st_size)
        service = service_class()
        service.dependencies = dependencies = service_class.dependencies.build(config)
        stack.callback(dependencies.close)
        if dry_run:
            rehearsal = Rehearsal(dependencies.store)
            stack.enter_context(rehearsal.open())
            service.dependencies = dependencies.over(rehearsal)
        _go_through(file, refused, progressed, Bulk(service), None if dry_run else kept)
    kept.unlink(missing_ok=True)
    if not progressed.refused:
        told.unlink()
    return progressed, told


def _go_through(file: IO[bytes], refused: IO[bytes], progressed: Progressed, bulk: Bulk, kept: Path | None) -> None:
    correlation_id = str(uuid4())
    file.seek(progressed.end)
    refused.truncate(progressed.refused_bytes)
    refused.seek(0, os.SEEK_END)
    with _bar(os.fstat(file.fileno()).st_size, progressed) as bar:
        for rows in _batches(_rows(file, progressed.row, progressed.end)):
            for row, result in zip(rows, _given(bulk, rows, correlation_id), strict=True):
                if result.is_recorded:
                    progressed.recorded += 1
                else:
                    progressed.refused += 1
                    why = {"row": row.number, "key": result.key, **result.body}
                    refused.write(json.dumps(why).encode() + b"\n")
            refused.flush()
            progressed.row, progressed.end, progressed.refused_bytes = rows[-1].number, rows[-1].end, refused.tell()
            if kept:
                _keep(kept, progressed)
            bar.update(bar.task_ids[0], completed=progressed.end, rows=progressed.row, refused=progressed.refused)


def _given(bulk: Bulk, rows: list[Row], correlation_id: str) -> list[Result]:
    """The result of each row. While the store is away it is asked again. Raises StoreUnavailable."""
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

    said = None
    try:
        if len(row.raw) > LONGEST_ROW:
            raise Problem(413, "row-too-large", f"a row may have {LONGEST_ROW} bytes at most")
        said = json_value(row.raw)
        return signed_order_of(said)
    except Problem as problem:
        return unreadable(said, problem, correlation_id)


def _rows(file: IO[bytes], number: int, end: int) -> Iterator[Row]:
    """The rows from here on that are not empty. Of one that is too long no more than is needed to say so is read."""
    while raw := file.readline(LONGEST_ROW + 1):
        number, end = number + 1, end + len(raw)
        rest = raw
        while rest and not rest.endswith(b"\n"):
            rest = file.readline(LONGEST_ROW)
            end += len(rest)
        if raw.strip():
            yield Row(number, raw, end)


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while batch := list(islice(rows, ROWS)):
        yield batch


def _fingerprint(file: IO[bytes]) -> str:
    """What tells a file from another one that has its name now: its length and how it begins."""
    file.seek(0)
    beginning = hashlib.sha256(file.read(_BEGINNING)).hexdigest()
    return f"{os.fstat(file.fileno()).st_size} {beginning}"


def _begun(file: IO[bytes], kept: Path | None, refused_bytes: int) -> Progressed:
    """How far an earlier import of this very file came; its beginning when there was none."""
    fingerprint = _fingerprint(file)
    try:
        found = Progressed(**json.loads(kept.read_bytes())) if kept else None
    except (FileNotFoundError, ValueError, TypeError):
        found = None
    is_of_this = found is not None and found.file == fingerprint and found.refused_bytes <= refused_bytes
    return found if found and is_of_this else Progressed(fingerprint)


def _keep(kept: Path, progressed: Progressed) -> None:
    written = kept.with_suffix(".new")
    written.write_text(json.dumps(asdict(progressed)), encoding="ascii")
    written.replace(kept)


def _bar(size: int, progressed: Progressed) -> Progress:
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

    begun_at = progressed.row

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{(task.fields['rows'] - begun_at) / (task.elapsed or 1):,.0f} rows/s")

    counts = TextColumn("{task.fields[rows]:,} rows, {task.fields[refused]:,} refused")
    columns = (BarColumn(), TaskProgressColumn(), counts, Rate(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True))
    bar.add_task("", total=size, completed=progressed.end, rows=progressed.row, refused=progressed.refused)
    return bar
