"""The index behind the search for people: by NHS number, or by family name and date of birth.

Guarantees: the index holds keyed hashes, and no name, date or number. What is found was compared with the record, so
people whose private parts were erased are not found, nor is anybody by a correction that is only claimed. The index is
the same for any order of events, with repetitions.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from pymongo import ASCENDING
from pymongo.database import Database

from shared.checks.invariants import read_sample
from shared.contracts.circle import with_standing
from shared.events.documents import event_of
from shared.events.recorder import available
from shared.events.store import STREAMS_AT_A_TIME, EventStore
from shared.kernel.chunks import chunks
from shared.kernel.decisions import Aggregate
from shared.kernel.envelope import Event
from shared.kernel.ids import person_id_from_nhs_number
from shared.kernel.person_names import spellings
from shared.recording.records import identity_in
from shared.recording.views import write_of

COLLECTION = "person_index"
MOST_FOUND = 20
# Marks an index of all people by these rules. A change of the rules takes a new number.
_COMPLETE, _RULES = "complete", 2
_HASH_BYTES = 8

Entry = dict[str, Any]
Registration = tuple[list[Event], dict[str, Mapping[str, Any]]]
"""The events of a stream, and the private part of each, by its id."""


class FoundPerson(NamedTuple):
    """A person with a standing registration. `identity` has name, date of birth and number as far as recorded."""

    record_id: str
    person_id: str
    identity: Mapping[str, Any]


class PersonIndex:
    """The people whom a service has registered. `registered` is the type of the event, `aggregate` its record."""

    def __init__(
        self,
        database: Database[dict[str, Any]],
        store: EventStore,
        key: Callable[[], bytes],
        aggregate: Aggregate[Any],
        registered: str,
    ) -> None:
        self._collection = database[COLLECTION]
        self._store = store
        self._person_id_key = key
        self.aggregate = aggregate
        self.registered = registered

    def ensure_indexes(self) -> None:
        """Create the two indexes of the search; safe to repeat."""
        for name in ("number", "born"):
            self._collection.create_index(
                [(name, ASCENDING)], name=name, partialFilterExpression={name: {"$exists": True}}
            )

    def complete(self) -> None:
        """Index everybody, unless that was done. A service that starts asks for it.

        So people are found who were recorded before there was an index, or who were restored from an export.
        """
        if self._collection.find_one({"_id": _COMPLETE, "rules": _RULES}) is None and self.rebuild():
            self._collection.update_one({"_id": _COMPLETE}, {"$set": {"rules": _RULES}}, upsert=True)

    def rebuild(self) -> int:
        """Index all people again, in place. Returns their number."""
        streams = list(self._store.streams(self.aggregate.kind))
        self.refresh(streams)
        return len(streams)

    def refresh(self, streams: Iterable[str]) -> None:
        """Index the people of these streams again. Raises StoreUnavailable or PyMongoError."""
        own = (stream for stream in streams if stream.startswith(f"{self.aggregate.kind}/"))
        for registrations in self._read_all(own):
            entries = [self._entry(stream, one) for stream, one in registrations.items()]
            if entries:
                self._collection.bulk_write([write_of(entry) for entry in entries], ordered=False)

    def find_differing(self, sample: int | None, before: datetime) -> Iterator[str]:
        """The streams whose entry differs from a new one: of all, or of `sample` chosen at random.

        Streams with an event recorded after `before` are left out.
        """
        streams = set(self._store.streams(self.aggregate.kind, sample))
        own = {"_id": {"$ne": _COMPLETE}}
        streams |= {found["_id"] for found in read_sample(self._collection, own, sample, {"_id": 1})}
        for registrations in self._read_all(streams):
            stored = {entry["_id"]: entry for entry in self._collection.find({"_id": {"$in": list(registrations)}})}
            for stream, (history, private) in registrations.items():
                is_settled = history[-1].recorded_at <= before
                if is_settled and stored.get(stream) != self._entry(stream, (history, private)):
                    yield stream

    def find_by_number(self, nhs_number: str) -> list[FoundPerson]:
        """The people with this valid NHS number. Raises StoreUnavailable."""
        return [
            found
            for found in self._find({"number": self._number(nhs_number)})
            if found.identity.get("nhs_number") == nhs_number
        ]

    def find_by_name(self, family_name: str, date_of_birth: str) -> list[FoundPerson]:
        """The people born on this day whose family name is spelled nearly like this. Raises StoreUnavailable."""
        wanted = spellings(family_name)
        hashes = self._spellings(date_of_birth, wanted)
        return [
            found
            for found in self._find({"born": self._born(date_of_birth), "spellings": {"$in": hashes}})
            if found.identity.get("date_of_birth") == date_of_birth
            and not wanted.isdisjoint(spellings(found.identity.get("family_name", "")))
        ]

    def _find(self, query: Mapping[str, Any]) -> list[FoundPerson]:
        with available():
            streams = [entry["_id"] for entry in self._collection.find(query, {"_id": 1}, limit=MOST_FOUND)]
        return [
            FoundPerson(stream.partition("/")[2], state.person_id, identity)
            for registrations in self._read_all(streams)
            for stream, one in registrations.items()
            for state, identity in [self._identity(one)]
            if identity
        ]

    def _entry(self, stream: str, registration: Registration) -> Entry:
        """What is stored of a person. Of one without a standing registration or private part, only the version."""
        _, identity = self._identity(registration)
        entry: Entry = {"_id": stream, "version": len(registration[0])}
        if identity.get("nhs_number"):
            entry["number"] = self._number(identity["nhs_number"])
        if identity.get("date_of_birth") and identity.get("family_name"):
            born = identity["date_of_birth"]
            entry["born"] = self._born(born)
            entry["spellings"] = self._spellings(born, spellings(identity["family_name"]))
        return entry

    def _identity(self, registration: Registration) -> tuple[Any, Mapping[str, Any]]:
        history, private = registration
        state = self.aggregate.fold(history)
        if state.status is None:
            return state, {}
        kept = (event for event in with_standing(history) if event.id not in state.retracted)
        standing = ((event.type, private[event.id]) for event in kept)
        return state, identity_in(standing, self.registered)

    def _read_all(self, streams: Iterable[str]) -> Iterator[dict[str, Registration]]:
        """The events of these streams with their private parts, in batches. Streams without events are left out."""
        for names in chunks(sorted(set(streams)), STREAMS_AT_A_TIME):
            registrations: dict[str, Registration] = {}
            with available():
                for document in self._store.collection.find(
                    {"event.stream": {"$in": names}},
                    {"event": 1, "private.personal": 1},
                    sort=[("event.stream", ASCENDING), ("event.streamversion", ASCENDING)],
                ):
                    event = event_of(document)
                    history, private = registrations.setdefault(event.stream, ([], {}))
                    history.append(event)
                    private[event.id] = document.get("private", {}).get("personal", {})
            yield registrations

    @cached_property
    def _key(self) -> bytes:
        """The key of the hashes. It is made from the key of the person ids, and opens nothing else."""
        return hmac.digest(self._person_id_key(), b"person index", "sha256")

    def _number(self, nhs_number: str) -> str:
        return person_id_from_nhs_number(nhs_number, self._key)

    def _born(self, date_of_birth: str) -> bytes:
        return self._hash(date_of_birth)

    def _spellings(self, date_of_birth: str, forms: Iterable[str]) -> list[bytes]:
        # Together with the day, so that a frequent name is not told by a frequent hash.
        return sorted(self._hash(f"{date_of_birth}\n{form}") for form in forms)

    def _hash(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), "sha256")[:_HASH_BYTES]
