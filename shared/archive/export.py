"""Export: all events of one service in one file, while the service runs.

Guarantees: the file holds exactly what the database held at one instant. So it has every event that was answered
before the export began, and no event without those before it in its stream. Nothing appears under the file's name
before all of it is on disk.

Several processes make ids, each a moment before the event is stored, so ids are not in the order of storing. Events
older than `SETTLED_AFTER` do not change and are read without a snapshot. The few others are then read in one snapshot,
well within the time for which MongoDB keeps it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo import ASCENDING
from pymongo.client_session import ClientSession
from pymongo.database import Database

from shared.archive.lines import Writer
from shared.archive.sealing import Sealer
from shared.kernel.envelope import to_ms
from shared.kernel.ids import uuid7
from shared.runtime.clock import Clock

# Longer than storing an event may take (20 s for an answer, 10 s for its majority) and clocks may differ.
SETTLED_AFTER = timedelta(seconds=60)
_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Exported:
    """What is in the file. `chain` stands for all its events: a copy kept elsewhere proves that the file is whole."""

    events: int
    heard: int
    complete_until: datetime
    chain: str


def export(
    database: Database[dict[str, Any]], service: str, path: Path, *, clock: Clock, sealer: Sealer | None = None
) -> Exported:
    """Writes the export to `path` and replaces a file of that name. It has private parts only with a `sealer`.

    Raises OSError when the file cannot be written, PyMongoError when the database cannot be read. Then no file is left.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            writer = Writer(file, service, clock.now(), sealer)
            complete_until = _write(database, writer, clock)
            writer.end(complete_until)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return Exported(writer.events, writer.heard, complete_until, writer.chain)


def _write(database: Database[dict[str, Any]], writer: Writer, clock: Clock) -> datetime:
    settled = first_id(clock.now() - SETTLED_AFTER)
    for document in _events(database, {"$lt": settled}):
        writer.add_event(document)
    with database.client.start_session(snapshot=True) as snapshot:
        complete_until = to_ms(clock.now() - SETTLED_AFTER)
        for document in _events(database, {"$gte": settled}, snapshot):
            writer.add_event(document)
    # Read last: what an event was a reaction to had been heard before it was recorded.
    for document in database["heard"].find({}, {"event": 1, "settled": 1}, sort=[("_id", ASCENDING)]):
        writer.add_heard(document)
    return complete_until


def first_id(instant: datetime) -> str:
    """No event recorded at or after `instant` has a lower id."""
    return uuid7(instant, bytes(10))


def _events(
    database: Database[dict[str, Any]], ids: dict[str, str], session: ClientSession | None = None
) -> Iterator[dict[str, Any]]:
    found = database["events"].find({"_id": ids}, sort=[("_id", ASCENDING)], batch_size=_BATCH, session=session)
    yield from found
