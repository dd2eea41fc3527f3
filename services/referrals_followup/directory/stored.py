"""The directory in the event store: each entry is the last version of its stream.

The directory's events are no thread's evidence, so no follow-up depends on them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from pymongo import ASCENDING

from services.referrals_followup.domain.directory_entries import (
    ADDED,
    AGGREGATE,
    CHANGED,
    GONE,
    IMPORTED,
    KIND_OF,
    RECORDED_IN_ORDER,
    Difference,
    Entry,
    FinishImport,
    List,
    entry_of,
)
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.batch_store import BatchStore
from shared.events.recorder import available
from shared.events.store import EventStore
from shared.kernel.chunks import chunks
from shared.kernel.decisions import Actor
from shared.kernel.fingerprints import canonical
from shared.kernel.ids import derived_id

AT_A_TIME = 500
# Every type of the directory's events begins so, and no other type does. An index holds only these.
_OURS: Mapping[str, str] = {"$gte": "directory.", "$lt": "directory/"}
_READ = {
    "_id": 0,
    **{f"event.{name}": 1 for name in ("type", "stream", "streamversion", "area", "data")},
    "private.personal": 1,
}


class Listed(NamedTuple):
    """An entry as it is stored, and the version of its stream."""

    entry: Entry
    version: int


class StoredDirectory:
    """The directory's entries in the event store of this service."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def ensure_indexes(self) -> None:
        """Create the index that finds the directory's events by the time of their recording; safe to repeat."""
        self._store.collection.create_index(
            [("event.recordedat", ASCENDING)], name="directory", partialFilterExpression={"event.type": _OURS}
        )

    def was_imported(self) -> bool:
        """Whether a whole directory was ever imported. Raises StoreUnavailable."""
        query = {"event.type": {**_OURS, "$eq": IMPORTED}}
        with available():
            return self._store.collection.find_one(query, {"_id": 1}) is not None

    def find_versions(self, since: datetime) -> dict[str, int]:
        """The versions of the entries that were recorded from this instant (UTC) on. Raises StoreUnavailable."""
        found: dict[str, int] = {}
        fields = {"_id": 0, "event.type": 1, "event.stream": 1, "event.streamversion": 1}
        with available():
            for document in self._store.collection.find(
                {"event.type": _OURS, "event.recordedat": {"$gte": since}}, fields
            ):
                event = document["event"]
                if event["type"] in KIND_OF:
                    found[event["stream"]] = max(found.get(event["stream"], 0), event["streamversion"])
        return found

    def read(self, streams: Collection[str] | None = None) -> dict[str, Listed]:
        """The entries of these streams, or every entry, by stream. Raises StoreUnavailable."""
        if streams is None:
            return self._read({"event.type": _OURS})
        return {
            stream: listed
            for some in chunks(sorted(streams), AT_A_TIME)
            for stream, listed in self._read({"event.stream": {"$in": some}}).items()
        }

    def _read(self, query: Mapping[str, Any]) -> dict[str, Listed]:
        found: dict[str, Listed] = {}
        with available():
            for document in self._store.collection.find(query, _READ):
                event = document["event"]
                stream, version = event["stream"], event["streamversion"]
                if event["type"] in KIND_OF and (stream not in found or found[stream].version < version):
                    private = document.get("private", {}).get("personal", {})
                    found[stream] = Listed(entry_of(event, private), version)
        return found

    def record(self, differences: Iterable[Difference], versions: Mapping[str, int]) -> None:
        """Record these differences and that a whole directory was imported. `versions` are the present ones, by stream.

        If it breaks off, the next import goes on. Raises StaleVersion when somebody else changed one of them meanwhile,
        and StoreUnavailable.
        """
        differences = list(differences)
        if not differences and self.was_imported():
            return
        for kind in RECORDED_IN_ORDER:
            for some in chunks((one.entry for one in differences if one.entry.kind == kind), AT_A_TIME):
                batch = BatchStore(self._store)
                batch.read_ahead([entry.stream for entry in some])
                for entry in some:
                    list_entry(batch, entry, SYSTEM_ACTOR, _key(entry, versions), versions.get(entry.stream, 0))
                if not all(batch.record()):  # Another process records it too, or something else.
                    for entry in some:
                        list_entry(
                            self._store, entry, SYSTEM_ACTOR, _key(entry, versions), versions.get(entry.stream, 0)
                        )
        counts = {what: sum(one.what == what for one in differences) for what in (ADDED, CHANGED, GONE)}
        stream = (
            f"{AGGREGATE.kind}/{derived_id(AGGREGATE.kind, *sorted(_key(one.entry, versions) for one in differences))}"
        )
        self._store.execute(
            AGGREGATE,
            stream,
            FinishImport(counts),
            SYSTEM_ACTOR,
            key=stream,
            body={},
            operation="directory.import",
            creates=True,
        )


def list_entry(store: EventStore, entry: Entry, actor: Actor, key: str, expected_version: int | None = None) -> None:
    """Record the entry. Raises StaleVersion, KeyReused or StoreUnavailable."""
    store.execute(
        AGGREGATE,
        entry.stream,
        List(entry),
        actor,
        key=key,
        body={"data": dict(entry.data), "private": dict(entry.private)},
        operation="directory.list",
        expected_version=expected_version,
        creates=True,
    )


def _key(entry: Entry, versions: Mapping[str, int]) -> str:
    """Processes that import the same file at the same time record each entry once."""
    wanted = canonical({"data": entry.data, "private": entry.private}).decode()
    return derived_id(entry.stream, str(versions.get(entry.stream, 0)), wanted)
