"""Waiting for inserts, on a real store."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.monitoring import CommandListener

from shared.relay.inserts import Inserts
from tests.integration.bus import record

LONG = 60.0


@pytest.fixture
def inserts(database: Database[dict[str, Any]]) -> Iterator[Inserts]:
    waiting = Inserts(database["events"], most=0.05)
    yield waiting
    waiting.close()


def never() -> bool:
    return False


def soon() -> Callable[[], bool]:
    """A condition that is not met when it is first checked, and is met then."""
    answers = iter([False])
    return lambda: next(answers, True)


def seconds_of(wait: Callable[[], None]) -> float:
    began = time.monotonic()
    wait()
    return time.monotonic() - began


def test_it_begins_at_once_and_then_waits_for_the_next_insert(
    inserts: Inserts, database: Database[dict[str, Any]]
) -> None:
    assert seconds_of(lambda: inserts.wait(LONG, never)) < LONG / 2
    record(database, 1)
    assert seconds_of(lambda: inserts.wait(LONG, never)) < LONG / 2
    assert inserts.is_possible


def test_it_waits_so_many_seconds_for_nothing(inserts: Inserts) -> None:
    inserts.wait(LONG, never)
    assert seconds_of(lambda: inserts.wait(0.2, never)) >= 0.2


def test_it_waits_until_the_condition_is_met(inserts: Inserts) -> None:
    inserts.wait(LONG, never)
    assert seconds_of(lambda: inserts.wait(LONG, soon())) < LONG / 2


def test_only_an_insert_into_this_collection_ends_it(inserts: Inserts, database: Database[dict[str, Any]]) -> None:
    record(database, 1)
    inserts.wait(LONG, never)
    database["events"].update_many({}, {"$unset": {"relay.pending": ""}})
    database["events"].delete_many({})
    database["others"].insert_one({})
    assert seconds_of(lambda: inserts.wait(0.2, never)) >= 0.2


def test_after_an_insert_it_begins_anew_so_that_a_burst_ends_one_wait_only(
    inserts: Inserts, database: Database[dict[str, Any]]
) -> None:
    inserts.wait(LONG, never)
    record(database, 500)
    inserts.wait(LONG, never)
    inserts.wait(LONG, never)  # it begins
    assert seconds_of(lambda: inserts.wait(0.2, never)) >= 0.2


def test_it_reads_nothing_of_the_document(mongodb_uri: str, database: Database[dict[str, Any]]) -> None:
    answers: list[dict[str, Any]] = []

    class Listener(CommandListener):
        def started(self, event: Any) -> None: ...
        def succeeded(self, event: Any) -> None:
            if event.command_name in ("aggregate", "getMore"):
                answers.append(event.reply["cursor"])

        def failed(self, event: Any) -> None: ...

    with MongoClient[dict[str, Any]](mongodb_uri, event_listeners=[Listener()]) as watched:
        inserts = Inserts(watched[database.name]["events"], most=0.05)
        inserts.wait(LONG, never)
        record(database, 3)
        inserts.wait(LONG, never)
        inserts.close()
    told = [change for answer in answers for change in answer.get("firstBatch", []) + answer.get("nextBatch", [])]
    assert [set(change) for change in told] == [{"_id"}] * 3
    assert "Jane Doe" not in repr(answers)


def test_a_stream_that_the_store_refuses_is_not_asked_for_again_soon(database: Database[dict[str, Any]]) -> None:
    refused = Inserts(database["system.profile"], most=0.05)
    assert refused.is_possible
    assert seconds_of(lambda: refused.wait(LONG, never)) < LONG / 2
    assert not refused.is_possible


def test_a_cursor_that_the_store_has_lost_begins_where_it_was(
    mongodb_uri: str, database: Database[dict[str, Any]]
) -> None:
    begun: list[dict[str, Any]] = []
    cursors: list[int] = []

    class Listener(CommandListener):
        def started(self, event: Any) -> None:
            if event.command_name == "getMore":
                cursors.append(event.command["getMore"])
            if event.command_name == "aggregate":
                begun.append(event.command)

        def succeeded(self, event: Any) -> None: ...
        def failed(self, event: Any) -> None: ...

    with MongoClient[dict[str, Any]](mongodb_uri, event_listeners=[Listener()]) as watched:
        inserts = Inserts(watched[database.name]["events"], most=0.05)
        inserts.wait(LONG, never)
        inserts.wait(LONG, soon())
        database.command("killCursors", "events", cursors=cursors[-1:])
        record(database, 1)
        assert seconds_of(lambda: inserts.wait(LONG, never)) < LONG / 2
        assert len(begun) == 2
        assert inserts.is_possible
        inserts.close()


def test_when_the_collection_is_dropped_it_ends_and_begins_anew(
    inserts: Inserts, database: Database[dict[str, Any]]
) -> None:
    record(database, 1)
    inserts.wait(LONG, never)
    database["events"].drop()
    assert seconds_of(lambda: inserts.wait(LONG, never)) < LONG / 2
    inserts.wait(LONG, never)  # it begins
    record(database, 1)
    assert seconds_of(lambda: inserts.wait(LONG, never)) < LONG / 2
