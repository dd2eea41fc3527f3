"""Makes years of a county's history in minutes: copies what the services stored of a few people, under new ids.

A copy has everything that the services store of these people: events, evidence, follow-ups, threads, views, chases and
digests. Ids keep their form and their place in time, and differ otherwise, so that indexes grow as they would. Counters
and sums, such as manifests, are not copied. Fingerprints are those of the originals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import md5
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from services.referrals_followup.domain.rules import ADOPTED

# Numbered through, sums of what is there, or about processes and not about people.
NOT_COPIED = {
    *("access_log", "checks", "leases", "manifests", "parked", "parked_threads", "positions", "reported_manifests"),
    *("reported_parked", "sweeps", "totals", "totals_notes"),
}
_RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
_QUICKLY = WriteConcern(w=1, j=False)
_ID = re.compile(rb"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{32})")
_AT_ONCE = 1_000
_WRITERS = 2


@dataclass(frozen=True)
class Originals:
    """The documents of one collection, each cut at its ids: between the texts stand the numbers of the `ids`."""

    collection: Collection[Any]
    ids: tuple[bytes, ...]
    documents: tuple[tuple[bytes | int, ...], ...]

    def copy(self, number: int) -> int:
        """Writes the copy of that number; how many documents it has. Two copies of one number collide."""
        mask = int.from_bytes(md5(b"%d" % number).digest()[:6], "big")
        ids = [_other(one, mask) for one in self.ids]
        for first in range(0, len(self.documents), _AT_ONCE):
            made = [
                RawBSONDocument(b"".join([ids[part] if isinstance(part, int) else part for part in parts]), _RAW)
                for parts in self.documents[first : first + _AT_ONCE]
            ]
            self.collection.insert_many(made, ordered=False)
        return len(self.documents)


def originals(*databases: Database[dict[str, Any]]) -> list[Originals]:
    """What there is to copy in these databases, now."""
    return [found for database in databases for found in _originals(database)]


def add_copies(of: list[Originals], numbers: range) -> int:
    """Writes the copies of these numbers; how many documents they have."""
    with ThreadPoolExecutor(_WRITERS) as writers:
        return sum(writers.map(lambda number: sum(one.copy(number) for one in of), numbers))


def _originals(database: Database[dict[str, Any]]) -> Iterator[Originals]:
    for name in database.list_collection_names():
        if name in NOT_COPIED:
            continue
        collection: Collection[Any] = database.get_collection(name, codec_options=_RAW, write_concern=_QUICKLY)
        found: Iterable[RawBSONDocument] = collection.find({"event.type": {"$ne": ADOPTED}})
        numbers: dict[bytes, int] = {}
        documents = tuple(_cut(bytes(document.raw), numbers) for document in found)
        if documents:
            yield Originals(collection, tuple(numbers), documents)


def _cut(document: bytes, numbers: dict[bytes, int]) -> tuple[bytes | int, ...]:
    """The document with the number of each id in its place; ids that are new to `numbers` are added."""
    parts = _ID.split(document)
    return tuple(numbers.setdefault(part, len(numbers)) if place % 2 else part for place, part in enumerate(parts))


def _other(original: bytes, mask: int) -> bytes:
    """Another id of the same form: of a UUID of version 7 it ends otherwise and the time stays, others begin so."""
    if b"-" not in original:
        return b"%012x%s" % (int(original[:12], 16) ^ mask, original[12:])
    if original[14:15] == b"7":
        return b"%s%012x" % (original[:24], int(original[24:], 16) ^ mask)
    begins = b"%012x" % (int(original[:8] + original[9:13], 16) ^ mask)
    return b"%s-%s%s" % (begins[:8], begins[8:], original[13:])
