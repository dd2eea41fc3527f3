"""The contract of every recorder: what it reads, what it refuses, and who wins a conflict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from shared.contracts import CATALOGUE
from shared.events.batch_store import BatchStore, Deferred
from shared.events.documents import document_of, sealed
from shared.events.errors import Taken
from shared.events.mongo import open_database
from shared.events.recorder import Document, Fate, Recorder
from shared.events.rehearsal import Rehearsal
from shared.events.store import EventStore
from shared.kernel.envelope import Event
from shared.kernel.ids import uuid7
from shared.runtime.clock import MovableClock

NOW = datetime(2020, 3, 2, 9, tzinfo=UTC)
TYPE = "referral.sent.v1"


def document(stream: str, version: int, *, key: str | None = None, **data: Any) -> Document:
    """What `version` of the stream could be recorded as."""
    at = NOW + timedelta(minutes=version)
    event = Event(
        id=uuid7(at),
        source="perinatal",
        type=TYPE,
        subject=None,
        occurred_at=at,
        recorded_at=at,
        stream=stream,
        version=version,
        actor="ann",
        role="midwife",
        team="team-a",
        area="essex",
        correlation_id="c",
        data=data,
    )
    request = {"key": key or uuid4().hex, "body": "b"}
    private = {"request": request, "personal": {"note": f"note {version}"}}
    return sealed(document_of(event, private=private, relay={"pending": True}))


@pytest.fixture
def store(mongodb_uri: str, mongo_client: MongoClient[dict[str, Any]]) -> Iterator[EventStore]:
    name = f"test_{uuid4().hex}"
    store = EventStore(
        open_database(mongodb_uri, name), source="perinatal", clock=MovableClock(NOW), catalogue=CATALOGUE
    )
    store.ensure_indexes()
    yield store
    mongo_client.drop_database(name)


class RecorderContract(ABC):
    """What holds for each kind of recorder. `store` is the plain event store beneath it."""

    @pytest.fixture
    def recording(self, store: EventStore) -> EventStore:
        return store

    @abstractmethod
    def insert(self, recording: EventStore, one: Document) -> Fate:
        """Insert one document as far as the recorder takes it; its fate."""

    def recorder(self, recording: EventStore) -> Recorder:
        return recording.recorder

    def test_a_stream_is_read_in_version_order_with_its_requests(self, recording: EventStore) -> None:
        first, second = document("a/1", 1), document("a/1", 2)
        assert [self.insert(recording, one) for one in (first, second)] == [None, None]
        read = self.recorder(recording).read("a/1")
        assert [stored.event.id for stored in read] == [first["_id"], second["_id"]]
        assert [stored.request["key"] for stored in read] == [
            one["private"]["request"]["key"] for one in (first, second)
        ]

    def test_a_stream_without_events_is_empty_and_does_not_exist(self, recording: EventStore) -> None:
        self.insert(recording, document("a/1", 1))
        recorder = self.recorder(recording)
        assert recorder.read("a/2") == []
        assert {stream: len(found) for stream, found in recorder.read_all(["a/1", "a/2"]).items()} == {
            "a/1": 1,
            "a/2": 0,
        }
        assert (recorder.exists("a/1"), recorder.exists("a/2")) == (True, False)

    def test_a_version_is_recorded_once_and_the_first_stays(self, recording: EventStore) -> None:
        first = document("a/1", 1)
        assert self.insert(recording, first) is None
        assert isinstance(self.insert(recording, document("a/1", 1)), Taken)
        assert [stored.event.id for stored in self.recorder(recording).read("a/1")] == [first["_id"]]

    def test_a_key_is_recorded_once_in_whatever_stream(self, recording: EventStore) -> None:
        first = document("a/1", 1, key="k")
        assert self.insert(recording, first) is None
        assert isinstance(self.insert(recording, document("a/2", 1, key="k")), Taken)
        assert self.recorder(recording).read("a/2") == []
        assert {key: event.id for key, event in self.recorder(recording).under_keys(["k", "other"]).items()} == {
            "k": first["_id"]
        }

    def test_of_several_each_has_a_fate_of_its_own(self, recording: EventStore) -> None:
        self.insert(recording, document("a/1", 1))
        fates = self.recorder(recording).insert_all([document("a/1", 1), document("a/2", 1), document("a/3", 1)])
        assert [type(fate) for fate in fates] == [Taken, type(None), type(None)]
        assert {
            stream: len(found) for stream, found in self.recorder(recording).read_all(["a/1", "a/2", "a/3"]).items()
        } == {
            "a/1": 1,
            "a/2": 1,
            "a/3": 1,
        }

    def test_what_the_plain_store_has_recorded_is_read_and_in_the_way(
        self, store: EventStore, recording: EventStore
    ) -> None:
        before = document("a/1", 1, key="k", to_team="camhs")
        store.recorder.insert(before)
        recorder = self.recorder(recording)
        assert [stored.event.id for stored in recorder.read("a/1")] == [before["_id"]]
        assert recorder.under_keys(["k"])["k"].id == before["_id"]
        assert recorder.naming(TYPE, "to_team", "camhs") == {"a/1"}
        assert isinstance(self.insert(recording, document("a/2", 1, key="k")), Taken)

    def test_streams_are_found_by_a_field_and_private_parts_by_stream(self, recording: EventStore) -> None:
        first = document("a/1", 1, to_team="camhs")
        self.insert(recording, first)
        self.insert(recording, document("a/2", 1, to_team="other"))
        assert self.recorder(recording).naming(TYPE, "to_team", "camhs") == {"a/1"}
        assert self.recorder(recording).private_of("a/1") == {first["_id"]: {"note": "note 1"}}

    def test_of_many_at_once_one_records_a_version(self, store: EventStore, recording: EventStore) -> None:
        with ThreadPoolExecutor(8) as pool:
            fates = list(pool.map(lambda _: self.insert(self.another(store, recording), document("a/1", 1)), range(8)))
        assert sorted(type(fate) is Taken for fate in fates) == [False, *[True] * 7]
        assert len(self.recorder(self.another(store, recording)).read("a/1")) == 1

    def another(self, store: EventStore, recording: EventStore) -> EventStore:
        """The store of another writer at the same time."""
        return recording


def inserted(recorder: Recorder, one: Document) -> Fate:
    try:
        recorder.insert(one)
    except Taken as taken:
        return taken
    return None


class TestPlain(RecorderContract):
    def insert(self, recording: EventStore, one: Document) -> Fate:
        return inserted(recording.recorder, one)


class TestRehearsal(RecorderContract):
    @pytest.fixture
    def recording(self, store: EventStore) -> Iterator[EventStore]:
        rehearsal = Rehearsal(store)
        with rehearsal.open():
            yield rehearsal

    def insert(self, recording: EventStore, one: Document) -> Fate:
        return inserted(recording.recorder, one)

    def test_nothing_reaches_the_plain_store(self, store: EventStore, recording: EventStore) -> None:
        assert self.insert(recording, document("a/1", 1)) is None
        assert not store.exists("a/1")


class TestBatch(RecorderContract):
    @pytest.fixture
    def recording(self, store: EventStore) -> EventStore:
        return BatchStore(store)

    def insert(self, recording: EventStore, one: Document) -> Fate:
        assert isinstance(recording, BatchStore)
        recording.recorder.insert(one)
        (fate,) = recording.flush()
        return fate

    def another(self, store: EventStore, recording: EventStore) -> EventStore:
        return BatchStore(store)

    def test_what_waits_for_the_flush_is_deferred(self, store: EventStore, recording: EventStore) -> None:
        assert isinstance(recording, BatchStore)
        recording.recorder.insert(document("a/1", 1, key="k", to_team="camhs"))
        assert recording.recorder.naming(TYPE, "to_team", "another") == set()
        assert (recording.pending, recording.defers({"1"}), store.exists("a/1")) == (1, True, False)
        for ask in (
            lambda: recording.recorder.read("a/1"),
            lambda: recording.recorder.exists("a/1"),
            lambda: recording.recorder.under_keys(["k"]),
            lambda: recording.recorder.naming(TYPE, "to_team", "camhs"),
            lambda: recording.recorder.private_of("a/1"),
        ):
            with pytest.raises(Deferred):
                ask()
        assert recording.flush() == [None]
        assert (recording.pending, store.exists("a/1")) == (0, True)
