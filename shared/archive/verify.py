"""Verify: whether an export or a database still has what was recorded and, if not, which events differ.

In a file: every event against its fingerprint, all events against the chain, every byte against the checksum. In a
database: every event against its fingerprints, every stream for gaps, every missing private part against the recorded
erasures and, given an earlier export, every event against that. Memory grows only with the number of erased events.
What is recorded or erased meanwhile is no finding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymongo import ASCENDING
from pymongo.collection import Collection
from pymongo.database import Database

from shared.archive.erasure import erased_in
from shared.archive.export import first_id
from shared.archive.lines import FORMAT, UnusableFile, beginning_of_chain, next_chain, read_lines
from shared.archive.sealing import Sealer, Unopenable
from shared.events.documents import cloudevent_of
from shared.kernel.envelope import from_text
from shared.kernel.fingerprints import canonical, event_digest, private_digest


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault. `what` is an event's id, a stream, or a part of the file."""

    what: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.what}: {self.wrong}"


class FileCheck:
    """One reading of an export. `end` is set once `findings` has been read to its end.

    With `key_file` the private parts are opened and compared with their fingerprints too.
    """

    def __init__(self, path: Path, service: str, key_file: Path | None = None) -> None:
        self.path = path
        self._service = service
        self._key_file = key_file
        self.header: Mapping[str, Any] = {}
        self.end: Mapping[str, Any] = {}

    def findings(self) -> Iterator[Finding]:
        """All faults, in the order of the file. Raises UnusableFile or WrongKey."""
        sha256 = hashlib.sha256()
        with self.path.open("rb") as file:
            lines = read_lines(file)
            raw, self.header = next(lines, (b"", {}))
            header_fits(self.header, self._service)
            sha256.update(raw)
            sealer = _sealer(self.header, self._key_file)
            chain, heard = _Chain(beginning_of_chain(self._service)), 0
            for number, (raw, line) in enumerate(lines, start=2):
                if self.end:
                    yield Finding(f"line {number}", "was added after the last one")
                    continue
                if isinstance(line.get("end"), dict):
                    self.end = line["end"]
                    yield from self._at_the_end(chain, heard, sha256.hexdigest())
                    continue
                sha256.update(raw)
                if "heard" in line:
                    heard += 1
                elif _is_of_an_event(line):
                    yield from chain.follow(line)
                    yield from _private_findings(line, sealer)
                else:
                    yield Finding(f"line {number}", "is no line of an export")
        if not self.end:
            yield Finding("the last line", "is missing: the file was cut off")

    def _at_the_end(self, chain: _Chain, heard: int, sha256: str) -> Iterator[Finding]:
        for name, found in (("events", chain.number), ("heard", heard), ("chain", chain.value), ("sha256", sha256)):
            if self.end.get(name) != found:
                yield Finding("the last line", f"says {name} {self.end.get(name)}, but it is {found}")
        try:
            from_text(self.end.get("complete_until", ""))
        except (TypeError, ValueError):
            yield Finding("the last line", "does not say up to when the export is complete")


class _Chain:
    """Compares the chain of each line with the one that follows from the line before."""

    def __init__(self, beginning: str) -> None:
        self.value = self._before = beginning
        self.number = 0
        self._last_id = ""
        self._doubtful: str | None = None

    def follow(self, line: Mapping[str, Any]) -> Iterator[Finding]:
        event_id = str(line["event"].get("id"))
        wrong = list(self._wrong_with(line, event_id))
        number = line.get("n")
        if isinstance(number, int) and number <= self.number:
            yield Finding(event_id, "was inserted: its line has the number of another")
            return
        if isinstance(number, int) and number > self.number + 1:
            missing = number - self.number - 1
            after = f"after {self._last_id}" if self._last_id else "at the beginning"
            yield Finding(event_id, f"{missing} before it were removed ({after})")
        elif next_chain(self.value, line) != line.get("chain"):
            if self._doubtful and next_chain(self._before, line) == line.get("chain"):
                yield Finding(self._doubtful, "was inserted: the chain goes on without it")
            else:
                wrong = wrong or ["was changed, or others before it were: the chain does not lead to it"]
                self._doubtful = event_id
        for one in wrong:
            yield Finding(event_id, one)
        self._before, self.value = self.value, str(line.get("chain"))
        self.number = number if isinstance(number, int) else self.number + 1
        self._last_id = event_id

    def _wrong_with(self, line: Mapping[str, Any], event_id: str) -> Iterator[str]:
        if event_id <= self._last_id:
            yield "stands twice, or out of its order"
        yield from _event_faults(line["event"], line.get("digests"))


def header_fits(header: Mapping[str, Any], service: str) -> None:
    """Raises UnusableFile for the header of something else."""
    if header.get("format") != FORMAT:
        raise UnusableFile(f"this is no export in the format {FORMAT}")
    if header.get("service") != service:
        raise UnusableFile(f"this is an export of {header.get('service')}, not of {service}")


def _is_of_an_event(line: Mapping[str, Any]) -> bool:
    event, digests = line.get("event"), line.get("digests")
    return isinstance(event, dict) and isinstance(event.get("id"), str) and _are_digests(digests)


def _are_digests(digests: Any) -> bool:
    return digests is None or (isinstance(digests, dict) and digests.keys() == {"private", "event"})


def _sealer(header: Mapping[str, Any], key_file: Path | None) -> Sealer | None:
    return Sealer.of(header["private"], key_file) if header.get("private") and key_file else None


def _event_faults(cloudevent: Mapping[str, Any], digests: Mapping[str, str] | None) -> Iterator[str]:
    if not digests:
        yield "has no fingerprints: it did not come through the event store"
    elif event_digest(cloudevent, digests["private"]) != digests["event"]:
        yield "was changed: its fingerprint is of something else"


def _private_findings(line: Mapping[str, Any], sealer: Sealer | None) -> Iterator[Finding]:
    if sealer is None or "private" not in line:
        return
    event_id = line["event"]["id"]
    try:
        private = sealer.open(event_id, line["private"])
    except Unopenable:
        yield Finding(event_id, "its private part was changed, or put here from another event")
    else:
        if line.get("digests") and not _is_private_part(private, line["digests"]):
            yield Finding(event_id, "its private part was changed")


def database_findings(database: Database[dict[str, Any]], beside: FileCheck | None = None) -> Iterator[Finding]:
    """All faults of the database; with `beside`, a checked export without faults, also what differs from that.

    An event that the export lacks was inserted, if it is older than the time for which the export is complete.
    """
    events = database["events"]
    without_private: list[str] = []
    exported = _exported(beside) if beside else iter(())
    closed = first_id(from_text(beside.end["complete_until"])) if beside else ""
    expected = next(exported, None)
    for document in events.find({}, sort=[("_id", ASCENDING)]):
        event_id = document["_id"]
        while expected is not None and expected["event"]["id"] < event_id:
            yield Finding(expected["event"]["id"], "was removed: the export has it")
            expected = next(exported, None)
        try:
            cloudevent, digests = cloudevent_of(document), document.get("digests")
        except (AttributeError, KeyError, TypeError):
            cloudevent, digests = {}, None
        if not _are_digests(digests):
            digests = None
        faults = list(_event_faults(cloudevent, digests))
        if cloudevent.get("id") != event_id:
            faults.append("was changed: it is kept under an id that is not its own")
        if expected is not None and expected["event"]["id"] == event_id:
            as_recorded = canonical({"event": expected["event"], "digests": expected["digests"]})
            if canonical({"event": cloudevent, "digests": digests}) != as_recorded:
                faults = ["was changed: the export has it otherwise"]
            expected = next(exported, None)
        elif event_id < closed:
            yield Finding(event_id, "was inserted: the export is complete for its time and does not have it")
        if digests and not _has_private(document):
            without_private.append(event_id)
        for fault in [*faults, *_private_faults(document)]:
            yield Finding(event_id, fault)
    while expected is not None:
        yield Finding(expected["event"]["id"], "was removed: the export has it")
        expected = next(exported, None)
    erased = erased_in(events) if without_private else set()
    for event_id in without_private:
        if event_id not in erased:
            yield Finding(event_id, "its private part is gone, and no erasure of it is on record")
    yield from _gaps(events)


def _exported(beside: FileCheck) -> Iterator[dict[str, Any]]:
    with beside.path.open("rb") as file:
        yield from (line for _, line in read_lines(file) if "event" in line)


def _has_private(document: Mapping[str, Any]) -> bool:
    return {"personal", "salt"} <= (document.get("private") or {}).keys()


def _private_faults(document: Mapping[str, Any]) -> Iterator[str]:
    digests = document.get("digests")
    if digests and _has_private(document) and not _is_private_part(document["private"], digests):
        yield "its private part was changed"


def _is_private_part(private: Mapping[str, Any], digests: Mapping[str, str]) -> bool:
    try:
        return private_digest(private) == digests["private"]
    except (KeyError, TypeError, ValueError):
        return False


def _gaps(events: Collection[dict[str, Any]]) -> Iterator[Finding]:
    version = "$event.streamversion"
    stages: list[Mapping[str, Any]] = [
        {
            "$group": {
                "_id": "$event.stream",
                "count": {"$sum": 1},
                "first": {"$min": version},
                "last": {"$max": version},
            }
        },
        {"$match": {"$expr": {"$or": [{"$ne": ["$first", 1]}, {"$ne": ["$last", "$count"]}]}}},
        {"$sort": {"_id": 1}},
    ]
    for suspect in events.aggregate(stages, allowDiskUse=True):
        # It may have grown while all were read. Read alone it has no gap then.
        of_stream = {"event.stream": suspect["_id"]}
        versions = [found["event"]["streamversion"] for found in events.find(of_stream, {"event.streamversion": 1})]
        if sorted(versions) != list(range(1, len(versions) + 1)):
            span = f"{min(versions)} to {max(versions)}"
            yield Finding(suspect["_id"], f"has {len(versions)} events, with versions {span}")
