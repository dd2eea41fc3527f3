"""Restore: an export into an empty database, from which everything else is computed again.

Guarantees: nothing is written unless the whole file holds; only an empty database is accepted; after a kill, the same
command goes on and doubles nothing. The relay publishes every event again, so views and follow-ups come out as they
were. A digest that was sent is not sent again, because its sending is an event too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.archive.lines import outbox_of, read_lines
from shared.archive.sealing import Sealer, WrongKey
from shared.archive.verify import FileCheck, Finding
from shared.contracts import CATALOGUE
from shared.events.documents import document_of
from shared.events.mongo import despite_duplicates
from shared.kernel.chunks import chunks
from shared.kernel.envelope import Event

_BATCH = 1_000
# The collection that says which file is being restored, and those that hold no data.
_MARKS, _NO_DATA = "restores", frozenset({"leases", "looks"})


class NotEmpty(Exception):
    """The database is not empty."""


class Faulty(Exception):
    """The file is damaged or was changed. `findings` are the first faults."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(f"{len(findings)} findings")
        self.findings = findings


@dataclass(frozen=True, slots=True)
class Restored:
    """What the database holds now. `private` says whether the private parts came with it."""

    events: int
    heard: int
    private: bool
    chain: str


def restore(database: Database[dict[str, Any]], service: str, path: Path, key_file: Path | None = None) -> Restored:
    """Restores the file. A file with private parts needs `key_file`.

    Raises Faulty, NotEmpty, UnusableFile, WrongKey, or PyMongoError (run it again then).
    """
    check = FileCheck(path, service, key_file)
    findings = list(islice(check.findings(), 100))
    if findings:
        raise Faulty(findings)
    sealer = None
    if check.header["private"]:
        if key_file is None:
            raise WrongKey("the export has private parts; say with which key it was written")
        sealer = Sealer.of(check.header["private"], key_file)
    _begin(database, check.end["chain"])
    with path.open("rb") as file:
        lines = (line for _, line in read_lines(file))
        for name, documents in _documents(lines, sealer):
            with despite_duplicates():
                database[name].insert_many(documents, ordered=False)
    database[_MARKS].update_one({"_id": "events"}, {"$set": {"finished": True}})
    return Restored(check.end["events"], check.end["heard"], sealer is not None, check.end["chain"])


def _begin(database: Database[dict[str, Any]], chain: str) -> None:
    """Claims the empty database for this file, or goes on where a restore of the same file broke off."""
    begun = database[_MARKS].find_one({"_id": "events"})
    if begun is None:
        full = [
            name
            for name in database.list_collection_names()
            if name not in _NO_DATA and database[name].find_one({}, {"_id": 1}) is not None
        ]
        if full:
            raise NotEmpty(f"{database.name} has {', '.join(sorted(full))} in it; restore into an empty database")
        try:
            database[_MARKS].insert_one({"_id": "events", "chain": chain, "finished": False})
        except DuplicateKeyError:
            begun = database[_MARKS].find_one({"_id": "events"})
    if begun and (begun["finished"] or begun["chain"] != chain):
        raise NotEmpty(f"{database.name} has had a restore already; restore into an empty database")


def _documents(lines: Iterator[dict[str, Any]], sealer: Sealer | None) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The documents to insert, in batches, each with the name of its collection."""
    made = (document for line in lines if (document := _document(line, sealer)))
    for some in chunks(made, _BATCH):
        for name in ("events", "heard"):
            documents = [document for where, document in some if where == name]
            if documents:
                yield name, documents


def _document(line: Mapping[str, Any], sealer: Sealer | None) -> tuple[str, dict[str, Any]] | None:
    if "heard" in line:
        event = Event.from_cloudevent(line["heard"])
        heard = document_of(event, private={}, relay={})
        refs = list(CATALOGUE.refs(event))
        return "heard", {"_id": event.id, "event": heard["event"], "refs": refs, "settled": line["settled"]}
    if "event" not in line:
        return None
    event = Event.from_cloudevent(line["event"])
    private: dict[str, Any] = {"request": {"key": line["key"]}} if "key" in line else {}
    if sealer and "private" in line:
        private = sealer.open(event.id, line["private"])
    document = document_of(event, private=private, relay={"pending": True, **outbox_of(line)})
    return "events", {**document, "digests": line["digests"]}
