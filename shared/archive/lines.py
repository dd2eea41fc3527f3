"""The lines of an export: newline-delimited JSON, one line for each event, in the order of their ids.

    {"format": ..., "service": ..., "exported_at": ..., "private": null or how it is encrypted}
    {"n": 1, "event": ..., "digests": ..., "key": ..., "outbox": ..., "private": ..., "chain": ...}
    {"heard": ..., "settled": ...}
    {"end": {"events": ..., "heard": ..., "complete_until": ..., "chain": ..., "sha256": ...}}

`digests` are the fingerprints of the event and of its private part. `chain` is SHA-256 over the chain before it and
this line's event and fingerprints, and nothing else. So two exports of the same events have the same chain, with
private parts or without, before an erasure or after. `sha256` covers every byte before the last line.

`key` is the hash of the idempotency key. `outbox` has the digests that were still to be composed or sent. `heard` is an
event of another service that this one reacts to: without it, a reaction would seem to have no reason.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, BinaryIO

from bson.json_util import CANONICAL_JSON_OPTIONS, JSONOptions, dumps, loads

from shared.archive.sealing import Sealer
from shared.events.documents import cloudevent_of
from shared.kernel.envelope import to_text
from shared.kernel.fingerprints import canonical, chained

FORMAT = "followthrough-events/1"
# Not exported: where an export is restored, publishing begins anew.
_OF_THE_RELAY = frozenset({"pending", "unlisted", "published_at"})
_OUTBOX_JSON: JSONOptions = CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)


class UnusableFile(Exception):
    """The file is not an export, is of another service, or is not whole. The message says which."""


def beginning_of_chain(service: str) -> str:
    """The chain before the first event."""
    return hashlib.sha256(canonical({"format": FORMAT, "service": service})).hexdigest()


def next_chain(before: str, line: Mapping[str, Any]) -> str:
    """The chain after this line's event."""
    return chained(before, {"event": line["event"], "digests": line.get("digests")})


class Writer:
    """Writes one export to `file`, line by line, in constant memory."""

    def __init__(self, file: BinaryIO, service: str, exported_at: datetime, sealer: Sealer | None) -> None:
        self._file = file
        self._sealer = sealer
        self._sha256 = hashlib.sha256()
        self.chain = beginning_of_chain(service)
        self.events = self.heard = 0
        self._write(
            {
                "format": FORMAT,
                "service": service,
                "exported_at": to_text(exported_at),
                "private": sealer.header if sealer else None,
            }
        )

    def add_event(self, document: Mapping[str, Any]) -> None:
        """Writes a stored event and its hashed idempotency key. Only the sealer writes its private part."""
        self.events += 1
        private = dict(document.get("private") or {})
        line = {"n": self.events, "event": cloudevent_of(document), "digests": document.get("digests")}
        key = private.get("request", {}).get("key")
        if key:
            line["key"] = key
        outbox = {name: value for name, value in (document.get("relay") or {}).items() if name not in _OF_THE_RELAY}
        if outbox:
            line["outbox"] = json.loads(dumps(outbox, json_options=_OUTBOX_JSON))
        if self._sealer and "personal" in private:
            line["private"] = self._sealer.close(document["_id"], private)
        self.chain = next_chain(self.chain, line)
        self._write({**line, "chain": self.chain})

    def add_heard(self, document: Mapping[str, Any]) -> None:
        """Writes an event of another service that this one reacts to."""
        self.heard += 1
        self._write({"heard": cloudevent_of(document), "settled": document["settled"]})

    def end(self, complete_until: datetime) -> None:
        """Writes the last line. The file has everything that was recorded before `complete_until`."""
        end = {
            "events": self.events,
            "heard": self.heard,
            "complete_until": to_text(complete_until),
            "chain": self.chain,
            "sha256": self._sha256.hexdigest(),
        }
        self._write({"end": end})

    def _write(self, line: Mapping[str, Any]) -> None:
        data = canonical(line) + b"\n"
        self._sha256.update(data)
        self._file.write(data)


def read_lines(file: BinaryIO) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line, as bytes and parsed. Raises UnusableFile at a line that is not a JSON object."""
    for number, raw in enumerate(file, start=1):
        try:
            line = json.loads(raw)
        except ValueError:
            line = None
        if not isinstance(line, dict):
            raise UnusableFile(f"line {number} is not a JSON object: the file is damaged there")
        yield raw, line


def outbox_of(line: Mapping[str, Any]) -> dict[str, Any]:
    """The digests that were still to be composed or sent, as the stored document has them."""
    outbox: dict[str, Any] = loads(json.dumps(line.get("outbox", {})), json_options=_OUTBOX_JSON)
    return outbox
