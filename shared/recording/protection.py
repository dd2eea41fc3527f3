"""Which people are protected, and from whom a recording service hides where they are.

The service in which people are protected reads its own records. The other one keeps a copy of what it hears of them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Protocol

from pymongo import UpdateOne
from pymongo.database import Database

from shared.contracts import CATALOGUE
from shared.contracts.circle import PROTECTED, UNPROTECTED, find_protectors
from shared.events.documents import event_of
from shared.events.recorder import available
from shared.events.store import EventStore
from shared.kernel.decisions import RETRACTION, Actor
from shared.kernel.envelope import Event
from shared.messaging.incoming import Delivery, read_event
from shared.recording.standing import LEAD

_HEARD = (PROTECTED, UNPROTECTED, RETRACTION)
_EVERYBODY = {"$gt": ""}


class Protections(Protocol):
    """Finds from whom it is hidden where somebody is."""

    def read(self, people: Collection[str] | None) -> Iterable[list[Event]]:
        """The histories in which one of these people, or anybody, was ever protected. Raises StoreUnavailable."""
        ...


def find_hidden(protections: Protections, actor: Actor, people: Collection[str] | None = None) -> frozenset[str]:
    """Those of these people, or of all, of whom the actor may not see where they are. Raises StoreUnavailable."""
    return frozenset(
        history[0].stream.partition("/")[2]
        for history in protections.read(people)
        if not _is_open_to(actor, [event for event in history if not event.is_claim])
    )


def _is_open_to(actor: Actor, history: list[Event]) -> bool:
    teams = find_protectors(history)
    return not teams or actor.team in teams or (actor.role == LEAD and history[0].area in actor.areas)


class OwnProtections:
    """Reads the records of people of this service."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def ensure_indexes(self) -> None:
        """Create the index that finds who was ever protected. Safe to repeat."""
        self._store.index_of(PROTECTED, "person_id")

    def hear(self, deliveries: Iterable[Delivery]) -> None:
        """Nothing is kept of what is recorded here."""

    def read(self, people: Collection[str] | None) -> Iterable[list[Event]]:
        whose = _EVERYBODY if people is None else {"$in": sorted(people)}
        with available():
            found = self._store.collection.find(
                {"event.type": PROTECTED, "event.data.person_id": whose}, {"event.stream": 1}
            )
            streams = {document["event"]["stream"] for document in found}
        for histories in self._store.load_all(streams):
            yield from histories.values()


class ProtectionCopy:
    """The collection `protection`: what was heard of protected people, each event once."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._stored = database["protection"]

    def ensure_indexes(self) -> None:
        """Create the index that finds what was heard of a person. Safe to repeat."""
        self._stored.create_index([("person", 1)], name="person")

    def hear(self, deliveries: Iterable[Delivery]) -> None:
        """Keep what these messages say of protected people. Raises PyMongoError."""
        heard = [_read(delivery) for delivery in deliveries if any(name.encode() in delivery.body for name in _HEARD)]
        kept = [event for event in heard if event is not None]
        if kept:
            self._stored.bulk_write([_write_of(event) for event in kept], ordered=False)

    def read(self, people: Collection[str] | None) -> Iterable[list[Event]]:
        histories: dict[str, list[Event]] = defaultdict(list)
        with available():
            for document in self._stored.find({"person": _EVERYBODY if people is None else {"$in": sorted(people)}}):
                histories[document["person"]].append(event_of(document))
        for history in histories.values():
            yield sorted(history, key=lambda event: event.version)


def open_protections(store: EventStore, database: Database[dict[str, Any]]) -> OwnProtections | ProtectionCopy:
    """What this service knows of protected people: its own records if it protects people, or else the copy."""
    protects = store.source in CATALOGUE[PROTECTED].speakers
    return OwnProtections(store) if protects else ProtectionCopy(database)


def _read(delivery: Delivery) -> Event | None:
    event = read_event(delivery, CATALOGUE)
    is_kept = isinstance(event, Event) and event.type in _HEARD and event.stream.startswith("person/")
    return event if isinstance(event, Event) and is_kept else None


def _write_of(event: Event) -> UpdateOne:
    stored: Mapping[str, Any] = {"person": event.stream.partition("/")[2], "event": event.to_attributes()}
    return UpdateOne({"_id": event.id}, {"$setOnInsert": stored}, upsert=True)
