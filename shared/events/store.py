"""The event store: one MongoDB document per event, and inserting it *is* the commit and the outbox entry.

Guarantees: `(stream, version)` is unique and gapless; an event returned from `execute` is durable on a majority; one
idempotency key of one actor records at most one event; nothing of a document but its `relay` part is ever updated, save
that a lawful erasure empties its `private` part (`shared.archive.erasure`).
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from pymongo import ASCENDING
from pymongo.database import Database

from shared.contracts.catalogue import Catalogue
from shared.events.documents import document_of, sealed
from shared.events.errors import Contended, KeyReused, StaleVersion, Taken, UnknownStream
from shared.events.outbox_indexes import relay_indexes
from shared.events.recorder import MongoRecorder, Recorder, Stored, available
from shared.events.requests import fingerprint, former_fingerprints, key_of
from shared.kernel.chunks import chunks
from shared.kernel.decisions import Actor, Aggregate, Context, Fact, Refused
from shared.kernel.envelope import Event, to_ms
from shared.kernel.ids import uuid7
from shared.runtime.clock import Clock

S = TypeVar("S")

ATTEMPTS = 5
STREAMS_AT_A_TIME = 500


@dataclass(frozen=True, slots=True)
class Recorded(Generic[S]):
    """What a command led to: the event, the state after it, and whether an earlier request had recorded it already.

    `history` is the stream as far as that event, itself included.
    """

    event: Event
    state: S
    replayed: bool
    history: tuple[Event, ...]

    @property
    def version(self) -> int:
        return self.event.version


class EventStore:
    """The events of one service. `source` is the service's name; domain time comes from `clock`.

    `database` reads from and writes to a majority (`shared.events.mongo.open_database`). Without a `recorder` the store
    reads and inserts through a `MongoRecorder` over `collection`.
    """

    def __init__(
        self,
        database: Database,
        *,
        source: str,
        clock: Clock,
        catalogue: Catalogue,
        collection: str = "events",
        recorder: Recorder | None = None,
    ) -> None:
        self.database = database
        self.source = source
        self.clock = clock
        self.catalogue = catalogue
        self.collection = database[collection]
        self.recorder = recorder or MongoRecorder(self.collection)
        self._streams = _LockPerKey()

    def ensure_indexes(self) -> None:
        """Create the indexes that the guarantees rest on; safe to repeat."""
        self.collection.create_index(
            [("event.stream", ASCENDING), ("event.streamversion", ASCENDING)], unique=True, name="stream_version"
        )
        self.collection.create_index(
            [("private.request.key", ASCENDING)],
            unique=True,
            name="idempotency_key",
            partialFilterExpression={"private.request.key": {"$exists": True}},
        )
        relay_indexes(self.collection)

    def load(self, stream: str) -> list[Event]:
        """The stream's events in version order, read from a majority. Raises StoreUnavailable."""
        return [stored.event for stored in self.recorder.read(stream)]

    def load_all(self, streams: Iterable[str]) -> Iterator[dict[str, list[Event]]]:
        """The same of many streams, in their order: one query for each 500, so that they fit into memory.

        A stream that does not exist has no events. Raises StoreUnavailable.
        """
        for names in chunks(sorted(set(streams)), STREAMS_AT_A_TIME):
            yield {stream: [one.event for one in stored] for stream, stored in self.read_all(names).items()}

    def exists(self, stream: str) -> bool:
        """Whether the stream has any event. Raises StoreUnavailable."""
        return self.recorder.exists(stream)

    def recorded_under(self, actor: Actor, key: str) -> Event | None:
        """What the actor recorded with this idempotency key, if anything. Raises StoreUnavailable."""
        return self._under_key(key_of(actor, key))

    def require_new_key(self, actor: Actor, key: str, stream: str) -> None:
        """Raises KeyReused if the actor recorded something on another stream with this idempotency key."""
        self._refuse_a_key_of_another_stream(key_of(actor, key), stream)

    def index_of(self, event_type: str, name: str) -> None:
        """Create the index behind `naming` for this field of events of this type alone; safe to repeat."""
        self.recorder.index_of(event_type, name)

    def naming(self, event_type: str, name: str, value: str) -> set[str]:
        """The streams with an event of this type whose field is the value, or lists it. Raises StoreUnavailable."""
        return self.recorder.naming(event_type, name, value)

    def streams(self, kind: str, sample: int | None = None) -> Iterator[str]:
        """The names of all streams of this kind, or of `sample` chosen by chance. Raises StoreUnavailable."""
        begun = {"event.stream": {"$regex": f"^{re.escape(kind)}/"}, "event.streamversion": 1}
        stages: list[Mapping[str, Any]] = [{"$match": begun}, {"$project": {"event.stream": 1}}]
        if sample is not None:
            stages.append({"$sample": {"size": sample}})
        with available():
            for document in self.collection.aggregate(stages):
                yield document["event"]["stream"]

    def private_of(self, stream: str) -> dict[str, dict[str, Any]]:
        """The private part of each of the stream's events, by event id. Only for answers of the recording service."""
        return self.recorder.private_of(stream)

    def state_of(self, aggregate: Aggregate[S], stream: str) -> tuple[S, int]:
        """The aggregate's present state and version. Raises UnknownStream or StoreUnavailable."""
        history = self.load(stream)
        if not history:
            raise UnknownStream(f"there is no {stream}")
        return aggregate.fold(history), history[-1].version

    def execute(
        self,
        aggregate: Aggregate[S],
        stream: str,
        command: Any,
        actor: Actor,
        *,
        key: str,
        body: Mapping[str, Any] | bytes,
        operation: str,
        expected_version: int | None = None,
        correlation_id: str | None = None,
        creates: bool = False,
        begins: bool = False,
        permit: Callable[[list[Event]], Actor | None] = lambda history: None,
        stamp: Callable[[list[Event], Event], str | None] = lambda history, event: None,
        version_of: Callable[[list[Event]], int] = len,
        check: Callable[[Sequence[Event], Fact], Fact] = lambda history, fact: fact,
    ) -> Recorded[S]:
        """Decide the command on the stream's stored state and record the fact.

        `key` is the caller's idempotency key. With the same `operation` (the route, or the name of the job that asks)
        and the same `body` the first result comes back; with others KeyReused is raised. `permit` is asked first, with
        the stream's events; it may refuse, or say as who exactly the actor acts on this stream. `check` may refuse
        what was decided after these events, or add to its private part, unknown names and doubts. `stamp` gives the
        standing of the actor for the event that follows these. `creates`: the stream may be new; `begins`: it most
        likely is, so it is read only when it turns out not to be. Raises whatever `permit`, `aggregate.decide`, `check`
        and `stamp` raise, UnknownStream where it may not be new, StaleVersion when `expected_version` is not what
        `version_of` gives for these events, Contended after five lost races, StoreUnavailable.
        """
        request = {"key": key_of(actor, key), "body": fingerprint(operation, body)}
        # Decided as if the stream were new: no insert gets past what is there.
        guesses = begins and expected_version is None and self.recorder.inserts_at_once
        for attempt in range(ATTEMPTS):
            with self._streams.held(stream):
                stored = [] if guesses else self.recorder.read(stream)
                history = [one.event for one in stored]
                acting = permit(history) or actor
                for event, earlier in stored:
                    if earlier.get("key") == request["key"]:
                        same = (request["body"], *former_fingerprints(operation, command, body))
                        if earlier.get("body") not in same:
                            raise KeyReused("this Idempotency-Key was used before with another body; choose a new key")
                        known = history[: event.version]
                        return Recorded(event, aggregate.fold(known), True, tuple(known))
                if not history and not (creates or begins):
                    raise UnknownStream(f"there is no {stream}")
                if expected_version is not None and expected_version != (version := version_of(history)):
                    raise StaleVersion(f"{stream} is at version {version}, not {expected_version}; read it again")
                now = max([to_ms(self.clock.now())] + [event.recorded_at for event in history[-1:]])
                state = aggregate.fold(history)
                try:
                    fact = aggregate.decide(state, command, Context(now=now, actor=acting, stream=stream))
                    fact = check(history, fact)
                except Refused:
                    if not guesses:
                        raise
                    guesses = False  # this very command may be recorded there
                    continue
                event = self._event(fact, actor, stream, history, now, correlation_id)
                event = replace(event, standing=stamp(history, event), unknown=fact.unknown, doubts=fact.doubts)
                private = {"request": request, "personal": dict(fact.private)}
                document = document_of(event, private=private, relay={"pending": True, **fact.outbox})
                try:
                    self.recorder.insert(sealed(document))
                except Taken:
                    self._refuse_a_key_of_another_stream(request["key"], stream)
                    guesses = False
                else:
                    return Recorded(event, aggregate.fold_on(state, history, event), False, (*history, event))
            time.sleep(random.uniform(0, 0.004) * 2**attempt)
        raise Contended(f"{stream} is being changed by others; try again")

    def _refuse_a_key_of_another_stream(self, key: str, stream: str) -> None:
        found = self._under_key(key)
        if found is not None and found.stream != stream:
            raise KeyReused("this Idempotency-Key was used before for something else; choose a new key")

    def _under_key(self, key: str) -> Event | None:
        return self.recorder.under_keys([key]).get(key)

    def _event(
        self,
        fact: Fact,
        actor: Actor,
        stream: str,
        history: list[Event],
        now: Any,
        correlation_id: str | None,
    ) -> Event:
        faults = self.catalogue.faults(fact.type, fact.data)
        if faults:
            raise ValueError(f"{fact.type} would break its contract at {sorted(faults)}")
        event_id = uuid7(now)
        area = fact.area or (history[0].area if history else actor.areas[0])
        return Event(
            id=event_id,
            source=self.source,
            type=fact.type,
            subject=fact.subject,
            occurred_at=to_ms(fact.occurred_at),
            precision=fact.precision,
            recorded_at=now,
            stream=stream,
            version=len(history) + 1,
            actor=actor.id,
            role=actor.role,
            team=actor.team,
            area=area,
            correlation_id=correlation_id or event_id,
            causation_id=fact.causation_id,
            data=dict(fact.data),
        )

    @contextmanager
    def turns_on(self, streams: Iterable[str]) -> Iterator[None]:
        """Until it ends, no command of this process on one of these streams is decided or inserted."""
        with ExitStack() as turns:
            for stream in sorted(streams):  # always in one order, so that no two wait for each other
                turns.enter_context(self._streams.held(stream))
            yield

    def read_all(self, streams: Collection[str]) -> dict[str, list[Stored]]:
        """What is stored of each of these streams, in version order; nothing of one that does not exist.

        Raises StoreUnavailable.
        """
        return self.recorder.read_all(streams)


class _LockPerKey:
    """Commands of this process on one stream take turns, so that they decide on the stored state and not in vain."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, list[Any]] = {}

    @contextmanager
    def held(self, key: str) -> Iterator[None]:
        with self._guard:
            entry = self._locks.setdefault(key, [threading.Lock(), 0])
            entry[1] += 1
        try:
            with entry[0]:
                yield
        finally:
            with self._guard:
                entry[1] -= 1
                if not entry[1]:
                    del self._locks[key]
