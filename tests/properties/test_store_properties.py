"""The event store's promise: no gap, no loss, and each version decided on its predecessor, whatever races happen."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import fields
from pymongo import MongoClient

from shared.contracts.catalogue import Catalogue, EventType
from shared.contracts.fields import EventData
from shared.events.batch_store import BatchStore
from shared.events.errors import Contended, KeyReused, StaleVersion, Taken, UnknownStream
from shared.events.mongo import open_database
from shared.events.recorder import MongoRecorder
from shared.events.store import EventStore, Recorded
from shared.kernel.decisions import Actor, Aggregate, Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.fingerprints import event_fingerprint, private_fingerprint
from shared.runtime.clock import MovableClock
from tests.support import eventually

NOW = datetime(2020, 3, 2, 9, tzinfo=UTC)
# The two ways to say that a stream may be new.
NEW = ("creates", "begins")
ANN = Actor("ann", "health_visitor", "team-a", ("essex",))


class Linked(EventData):
    token = fields.String(required=True)
    after = fields.String(required=True, allow_none=True)


CATALOGUE = Catalogue((EventType("link.added.v1", Linked, ("perinatal",), ("perinatal",), "operational"),))


@dataclass(frozen=True)
class Add:
    token: str
    refuse: bool = False


@dataclass(frozen=True)
class Typed(Add):
    type: str = "person.died.v1"


def _decide(last: str | None, command: Add, context: Context) -> Fact:
    if command.refuse:
        raise Refused("not-now", "refused for the test")
    return Fact("link.added.v1", {"token": command.token, "after": last}, context.now)


def _evolve(last: str | None, event: Event) -> str | None:
    return event.data["token"]


CHAIN: Aggregate[str | None] = Aggregate("chain", None, _decide, _evolve)


@pytest.fixture
def new_store(mongodb_uri: str, mongo_client: MongoClient[dict[str, Any]]) -> Any:
    """Makes stores over one database; each store stands for one process."""
    names: list[str] = []

    def make(name: str) -> EventStore:
        names.append(name)
        store = EventStore(
            open_database(mongodb_uri, name), source="perinatal", clock=MovableClock(NOW), catalogue=CATALOGUE
        )
        store.ensure_indexes()
        return store

    yield make
    for name in set(names):
        mongo_client.drop_database(name)


def _run(store: EventStore, stream: str, token: str, key: str, refuse: bool, how: str) -> str:
    try:
        command = Add(token, refuse)
        return store.execute(
            CHAIN,
            stream,
            command,
            ANN,
            key=key,
            body={"token": token, "refuse": refuse},
            operation="test",
            **{how: True},
        ).event.id
    except Refused:
        return "refused"
    except Contended:
        return "contended"
    except KeyReused:
        return "key reused"


def test_under_random_conflicts_no_stream_has_a_gap_and_each_version_was_decided_on_its_predecessor(
    new_store: Callable[[str], EventStore],
) -> None:
    @settings(max_examples=25)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 1), st.integers(0, 2), st.integers(0, 30), st.integers(0, 9), st.sampled_from(NEW)
            ),
            min_size=10,
            max_size=60,
        )
    )
    def check(commands: list[tuple[int, int, int, int, str]]) -> None:
        name = f"test_{uuid4().hex}"
        processes = [new_store(name), new_store(name)]
        with ThreadPoolExecutor(12) as pool:
            answers = list(
                pool.map(
                    lambda c: _run(processes[c[0]], f"chain/{c[1]}", f"token-{c[2]}", f"key-{c[2]}", c[3] == 0, c[4]),
                    commands,
                )
            )
        recorded = {answer for answer in answers if answer not in ("refused", "contended", "key reused")}
        stored = set()
        for number in range(3):
            history = processes[0].load(f"chain/{number}")
            assert [event.version for event in history] == list(range(1, len(history) + 1))
            assert [event.data["after"] for event in history] == [
                None,
                *(event.data["token"] for event in history[:-1]),
            ][: len(history)]
            assert len({event.data["token"] for event in history}) == len(history)
            stored |= {event.id for event in history}
        assert recorded == stored

    check()


@pytest.mark.parametrize("how", NEW)
def test_the_same_key_with_the_same_body_gets_the_first_answer(
    new_store: Callable[[str], EventStore], how: str
) -> None:
    store = new_store(f"test_{uuid4().hex}")
    first = store.execute(
        CHAIN, "chain/1", Add("a"), ANN, key="k", body={"token": "a"}, operation="test", **{how: True}
    )
    store.execute(CHAIN, "chain/1", Add("b"), ANN, key="k2", body={"token": "b"}, operation="test")
    again = store.execute(
        CHAIN, "chain/1", Add("a"), ANN, key="k", body={"token": "a"}, operation="test", **{how: True}
    )
    assert again.replayed
    assert (again.event, again.state) == (first.event, "a")
    assert len(store.load("chain/1")) == 2


@pytest.mark.parametrize("how", NEW)
def test_the_same_key_with_another_body_is_refused(new_store: Callable[[str], EventStore], how: str) -> None:
    store = new_store(f"test_{uuid4().hex}")
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="k", body={"token": "a"}, operation="test", **{how: True})
    with pytest.raises(KeyReused):
        store.execute(CHAIN, "chain/1", Add("b"), ANN, key="k", body={"token": "b"}, operation="test", **{how: True})


@pytest.mark.parametrize("how", NEW)
def test_the_same_key_and_body_of_another_operation_is_refused(
    new_store: Callable[[str], EventStore], how: str
) -> None:
    store = new_store(f"test_{uuid4().hex}")
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="k", body={}, operation="POST /v1/a", **{how: True})
    with pytest.raises(KeyReused):
        store.execute(CHAIN, "chain/1", Add("a"), ANN, key="k", body={}, operation="POST /v1/b", **{how: True})


@pytest.mark.parametrize(
    ("operation", "command", "word"),
    [
        ("POST /v1/referrals", Add("a"), "Intend"),
        ("POST /v1/referrals", Add("a"), "Send"),
        ("POST /v1/referrals/<>/sent", Add("a"), "MarkSent"),
        ("POST /v1/pregnancies/<>/retractions", Add("a"), "Retract"),
        ("POST /v1/people/<>/died", Typed("a"), "person.died.v1"),
        ("reaction.record", Typed("a"), "person.died.v1"),
        ("sweep", Add("a"), "Sweep"),
    ],
)
@pytest.mark.parametrize("how", NEW)
def test_a_retry_of_what_was_recorded_when_fingerprints_held_class_names_gets_the_first_answer(
    new_store: Callable[[str], EventStore], operation: str, command: Add, word: str, how: str
) -> None:
    store, body = new_store(f"test_{uuid4().hex}"), {"token": "a", "at": NOW}

    def execute(operation: str, body: dict[str, Any], command: Add = command) -> Recorded[str | None]:
        return store.execute(CHAIN, "chain/1", command, ANN, key="k", body=body, operation=operation, **{how: True})

    first = execute(operation, body)
    text = f"{word}\n{json.dumps(body, sort_keys=True, default=str)}"  # as the code of that time made it
    then = hashlib.sha256(text.encode()).hexdigest()
    store.collection.update_one({"_id": first.event.id}, {"$set": {"private.request.body": then}})
    again = execute(operation, body)
    assert (again.replayed, again.event) == (True, first.event)
    for other in ((operation, {**body, "token": "b"}), ("POST /v1/referrals/<>/offered", body, Add("a"))):
        with pytest.raises(KeyReused):
            execute(*other)


@pytest.mark.parametrize("how", NEW)
def test_the_same_key_on_another_stream_is_refused(new_store: Callable[[str], EventStore], how: str) -> None:
    store = new_store(f"test_{uuid4().hex}")
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="k", body={"token": "a"}, operation="test", **{how: True})
    with pytest.raises(KeyReused):
        store.execute(CHAIN, "chain/2", Add("a"), ANN, key="k", body={"token": "a"}, operation="test", **{how: True})
    assert not store.exists("chain/2")


def test_what_begins_a_stream_reads_it_only_when_it_is_there(
    new_store: Callable[[str], EventStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = new_store(f"test_{uuid4().hex}")
    read: list[str] = []
    look = MongoRecorder.read
    monkeypatch.setattr(MongoRecorder, "read", lambda recorder, stream: read.append(stream) or look(recorder, stream))
    assert (
        store.execute(
            CHAIN, "chain/1", Add("a"), ANN, key="1", body={"token": "a"}, operation="test", begins=True
        ).version
        == 1
    )
    assert read == []
    second = store.execute(CHAIN, "chain/1", Add("b"), ANN, key="2", body={"token": "b"}, operation="test", begins=True)
    assert (second.version, second.event.data["after"], read) == (2, "a", ["chain/1"])
    with pytest.raises(StaleVersion):
        store.execute(
            CHAIN, "chain/1", Add("c"), ANN, key="3", body={}, operation="test", begins=True, expected_version=1
        )


def test_what_is_inserted_with_others_waits_for_a_command_on_its_stream(new_store: Callable[[str], EventStore]) -> None:
    store = new_store(f"test_{uuid4().hex}")
    gathering = BatchStore(store)
    gathering.execute(CHAIN, "chain/1", Add("b"), ANN, key="2", body={}, operation="test", creates=True)
    decided, go_on = threading.Event(), threading.Event()
    tries: list[str | None] = []

    def decide(last: str | None, command: Add, context: Context) -> Fact:
        tries.append(last)
        decided.set()
        assert go_on.wait(10)
        return _decide(last, command, context)

    slow: Aggregate[str | None] = Aggregate("chain", None, decide, _evolve)
    with ThreadPoolExecutor(2) as pool:
        alone = pool.submit(
            store.execute, slow, "chain/1", Add("a"), ANN, key="1", body={}, operation="test", creates=True
        )
        assert decided.wait(10)
        flushed = pool.submit(gathering.flush)
        try:
            eventually(lambda: store._streams._locks["chain/1"][1] == 2)  # who has the turn, and who waits for it
        finally:
            go_on.set()
    assert (alone.result().version, tries) == (1, [None])
    assert [type(fate) for fate in flushed.result()] == [Taken]


def test_what_would_be_refused_now_and_is_recorded_already_gets_the_first_answer(
    new_store: Callable[[str], EventStore],
) -> None:
    store = new_store(f"test_{uuid4().hex}")
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="k", body={}, operation="test", begins=True)
    assert store.execute(
        CHAIN, "chain/1", Add("a", refuse=True), ANN, key="k", body={}, operation="test", begins=True
    ).replayed
    with pytest.raises(Refused):
        store.execute(CHAIN, "chain/2", Add("a", refuse=True), ANN, key="k2", body={}, operation="test", begins=True)
    assert not store.exists("chain/2")


def test_the_same_key_of_another_person_is_another_key(new_store: Callable[[str], EventStore]) -> None:
    store = new_store(f"test_{uuid4().hex}")
    ben = Actor("ben", "midwife", "team-b", ("essex",))
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="k", body={"token": "a"}, operation="test", creates=True)
    assert store.execute(CHAIN, "chain/1", Add("b"), ben, key="k", body={"token": "b"}, operation="test").version == 2


def test_a_stale_version_is_refused_and_nothing_is_recorded(new_store: Callable[[str], EventStore]) -> None:
    store = new_store(f"test_{uuid4().hex}")
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="1", body={"token": "a"}, operation="test", creates=True)
    store.execute(CHAIN, "chain/1", Add("b"), ANN, key="2", body={"token": "b"}, operation="test", expected_version=1)
    with pytest.raises(StaleVersion):
        store.execute(
            CHAIN, "chain/1", Add("c"), ANN, key="3", body={"token": "c"}, operation="test", expected_version=1
        )
    assert len(store.load("chain/1")) == 2


def test_a_command_on_an_unknown_stream_is_refused(new_store: Callable[[str], EventStore]) -> None:
    store = new_store(f"test_{uuid4().hex}")
    with pytest.raises(UnknownStream):
        store.execute(CHAIN, "chain/1", Add("a"), ANN, key="1", body={"token": "a"}, operation="test")
    assert not store.exists("chain/1")


def test_a_document_has_three_parts_and_the_digests_that_would_tell_of_a_change(
    new_store: Callable[[str], EventStore],
) -> None:
    store = new_store(f"test_{uuid4().hex}")
    store.execute(CHAIN, "chain/1", Add("a"), ANN, key="1", body={"token": "a"}, operation="test", creates=True)
    document = store.collection.find_one()
    assert document is not None
    assert set(document) == {"_id", "event", "private", "relay", "digests"}
    assert document["relay"] == {"pending": True}
    of_private = private_fingerprint(document["private"])
    event = store.load("chain/1")[0].to_cloudevent()
    assert document["digests"] == {"private": of_private, "event": event_fingerprint(event, of_private)}
    for changed in ({**event, "actor": "ben"}, {**event, "data": {**event["data"], "token": "b"}}):
        assert event_fingerprint(changed, of_private) != document["digests"]["event"]
    assert private_fingerprint({**document["private"], "personal": {"note": "x"}}) != of_private


def test_equal_private_parts_have_digests_that_cannot_be_compared(new_store: Callable[[str], EventStore]) -> None:
    store = new_store(f"test_{uuid4().hex}")
    for number in (1, 2):
        store.execute(
            CHAIN,
            f"chain/{number}",
            Add("a"),
            ANN,
            key=f"k{number}",
            body={"token": "a"},
            operation="test",
            creates=True,
        )
    one, other = store.collection.find()
    assert private_fingerprint({**other["private"], "salt": one["private"]["salt"]}) != other["digests"]["private"]
    assert one["digests"]["private"] != other["digests"]["private"]
