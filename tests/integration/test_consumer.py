"""The consumer entrypoint in a real container of its own process, on a real queue and a real store."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from pymongo.database import Database

from deploy.local import rabbit
from deploy.local.backends import Backends
from shared.contracts import CATALOGUE
from shared.kernel.envelope import CONTENT_TYPE, Event
from shared.messaging.incoming import Delivery, Done, Later, Park, read_event
from shared.messaging.parked import ParkedMessages
from shared.messaging.topology import EVIDENCE, declare
from tests.integration.bus import Process, an_event, channel, process, publish, waiting_in
from tests.support import eventually

BeginRecord = Callable[..., Process]


@pytest.fixture
def settings(amqp_uri: str, mongodb_uri: str, database: Database[dict[str, Any]]) -> dict[str, str]:
    declare(amqp_uri, "referrals_followup")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    return {
        "TOY_AMQP_URI": amqp_uri,
        "TOY_MONGODB_URI": mongodb_uri,
        "TOY_DATABASE": database.name,
        "TOY_QUEUE": EVIDENCE,
        "TOY_ADDRESS": address,
    }


@pytest.fixture
def consumer(settings: dict[str, str]) -> Iterator[Process]:
    """A consumer that has not started yet."""
    prepared = Process("tests.integration.toy_consumer", settings)
    yield prepared
    if prepared.running is not None:
        prepared.kill()


def is_ready(settings: dict[str, str]) -> bool:
    try:
        answer = requests.get(f"http://{settings['TOY_ADDRESS']}/health/ready", timeout=5)
    except requests.ConnectionError:
        return False
    return answer.status_code == 200


def handled(database: Database[dict[str, Any]]) -> dict[str, int]:
    return {found["_id"]: found["times"] for found in database["handled"].find()}


def as_message(event: Event, **changes: Any) -> tuple[bytes, dict[str, Any]]:
    body = event.to_cloudevent() | changes.pop("attributes", {})
    return json.dumps(body).encode(), {"content_type": CONTENT_TYPE, "message_id": event.id, **changes}


def test_what_waits_comes_in_batches_and_is_acknowledged_after_it_was_handled(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    events = [an_event() for _ in range(1_200)]
    publish(amqp_uri, EVIDENCE, *events)
    consumer.start()
    eventually(lambda: len(handled(database)) == 1_200)
    assert consumer.stop() == 0
    assert handled(database) == {event.id: 1 for event in events}
    assert waiting_in(amqp_uri, EVIDENCE) == 0
    sizes = [batch["size"] for batch in database["batches"].find()]
    assert sum(sizes) == 1_200
    assert max(sizes) == 500
    assert len(sizes) <= 6


def test_a_batch_is_whatever_waits(consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]) -> None:
    consumer.settings = {**consumer.settings, "TOY_BATCH": "10000"}
    publish(amqp_uri, EVIDENCE, *(an_event() for _ in range(1_200)))
    consumer.start()
    eventually(lambda: len(handled(database)) == 1_200)
    assert consumer.stop() == 0
    sizes = [batch["size"] for batch in database["batches"].find()]
    assert sum(sizes) == 1_200
    assert max(sizes) > 500


def test_a_single_message_does_not_wait_for_others(
    consumer: Process, settings: dict[str, str], amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    consumer.start()
    eventually(lambda: is_ready(settings))
    event = an_event()
    publish(amqp_uri, EVIDENCE, event)
    eventually(lambda: handled(database) == {event.id: 1}, within=5)


def test_poison_is_parked_whole_with_its_reason_and_the_rest_of_the_batch_is_handled(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    good = [an_event() for _ in range(5)]
    event = an_event()
    poison = {
        "not JSON": (b"\xff\xfe{", {"content_type": CONTENT_TYPE}),
        "foreign content type": as_message(event, content_type="application/x-pickle"),
        "not an event: the body is not a JSON object": (b"[1]", {"content_type": CONTENT_TYPE}),
        "not an event: missing or ill-formed: actor, time": as_message(event, attributes={"actor": 7, "time": "noon"}),
        "unknown type horse.bolted.v1": as_message(event, attributes={"type": "horse.bolted.v1"}),
        "unknown type of no known form": as_message(event, attributes={"type": "Jane Doe"}),
        "payload of record.retracted.v1: fields (not declared), event_id, reason_code": as_message(
            event, attributes={"data": {"event_id": "?", "Jane Doe": 1}}
        ),
        "handler raised ValueError": as_message(an_event("raise")),
        "as told": as_message(an_event("park")),
    }
    publish(amqp_uri, EVIDENCE, *good[:2], *poison.values(), *good[2:])
    consumer.start()
    eventually(lambda: database["parked"].count_documents({}) == len(poison))
    eventually(lambda: len(handled(database)) == len(good))
    assert consumer.stop() == 0
    assert waiting_in(amqp_uri, EVIDENCE) == 0
    assert set(handled(database)) == {each.id for each in good}
    parked = {each.reason: each for each in ParkedMessages(database).parked()}
    assert set(parked) == set(poison)
    for reason, (body, properties) in poison.items():
        assert parked[reason].delivery.body == body
        assert parked[reason].delivery.content_type == properties["content_type"]
        assert parked[reason].delivery.message_id == properties.get("message_id")
        assert parked[reason].delivery.queue == EVIDENCE
    may_pass_later = {each.reason for each in parked.values() if each.retry_at is not None}
    assert may_pass_later == {"unknown type horse.bolted.v1", "handler raised ValueError"}


def test_what_was_tried_in_vain_waits_ever_longer_and_what_was_done_no_longer_waits(
    database: Database[dict[str, Any]],
) -> None:
    messages = ParkedMessages(database)
    messages.park([(Delivery(EVIDENCE, b"1"), Later("not yet", 0)), (Delivery("other", b"2"), Later("not yet", 0))])
    (waiting,) = messages.due(EVIDENCE)
    waits = []
    for _ in range(4):
        messages.note_outcome(waiting, Later("still not", 0))
        (waiting,) = (each for each in messages.parked() if each.delivery.queue == EVIDENCE)
        assert waiting.retry_at is not None
        waits.append(round((waiting.retry_at - datetime.now(UTC)).total_seconds(), -1))
    assert (waits, waiting.reason, messages.due(EVIDENCE)) == ([60, 600, 3600, 3600], "still not", [])
    messages.note_outcome(waiting, Park("never"))
    (never,) = (each for each in messages.parked() if each.delivery.queue == EVIDENCE)
    assert (never.retry_at, never.reason) == (None, "never")
    messages.note_outcome(never, Done())
    assert [each.delivery.queue for each in messages.parked()] == ["other"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"data": NaN}', "not JSON"),
        (b"1" * 10_000, "not JSON"),
        (b"null", "not an event: the body is not a JSON object"),
        (
            json.dumps(an_event().to_cloudevent() | {"time": "0001-01-01T00:00:00+14:00"}).encode(),
            "not an event: an instant outside the calendar",
        ),
    ],
    ids=["empty", "deep", "not a number", "huge number", "null", "before all time"],
)
def test_a_body_made_to_break_the_reader_is_read_as_unreadable(body: bytes, reason: str) -> None:
    assert read_event(Delivery("q", body, content_type=CONTENT_TYPE), CATALOGUE) == Park(reason)


def test_the_content_type_is_read_as_the_standard_writes_it() -> None:
    event = an_event()
    body = json.dumps(event.to_cloudevent()).encode()
    for content_type in (CONTENT_TYPE, "Application/CloudEvents+JSON; charset=utf-8"):
        assert read_event(Delivery("q", body, content_type=content_type), CATALOGUE) == event
    assert read_event(Delivery("q", body), CATALOGUE) == Park("foreign content type")


def test_what_may_pass_later_is_parked_with_the_time_to_try_again(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    event = an_event("later")
    publish(amqp_uri, EVIDENCE, event)
    consumer.start()
    messages = ParkedMessages(database)
    [parked] = eventually(messages.parked)
    assert parked.retry_at is not None
    assert timedelta(seconds=59) < parked.retry_at - parked.parked_at <= timedelta(seconds=60)
    assert abs(parked.parked_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert messages.among([event.id, an_event().id]) == {event.id}


def test_what_is_parked_for_now_is_heard_again_by_whoever_consumes_its_queue_and_by_nobody_else(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    soon, raising = an_event("soon"), an_event("raise-until")
    messages = ParkedMessages(database)
    elsewhere = an_event()
    messages.park([(Delivery("other", *as_delivered(elsewhere)), Later("not yet", 0))])
    publish(amqp_uri, EVIDENCE, soon, raising)
    consumer.start()
    eventually(lambda: database["parked"].count_documents({"queue": EVIDENCE}) == 2)
    eventually(lambda: database["parked"].count_documents({"queue": EVIDENCE, "failures": {"$gte": 1}}) == 1)
    database["switches"].insert_one({"_id": "go on"})
    database["parked"].update_many({"queue": EVIDENCE}, {"$set": {"retry_at": datetime.now(UTC)}})
    eventually(lambda: set(handled(database)) == {soon.id, raising.id})
    eventually(lambda: [each.delivery.queue for each in messages.parked()] == ["other"])


def test_a_message_that_a_person_replays_is_heard_again_also_when_the_consumer_was_down_meanwhile(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    event = an_event("soon")
    messages = ParkedMessages(database)
    messages.park([(Delivery(EVIDENCE, *as_delivered(event)), Park("nobody knew why"))])
    (waiting,) = messages.parked()
    messages.replay(waiting.id, "operator-kowalski", "k")
    database["switches"].insert_one({"_id": "go on"})
    consumer.start()
    eventually(lambda: handled(database) == {event.id: 1})
    eventually(lambda: messages.parked() == [])
    assert messages.among([event.id]) == {event.id}


def as_delivered(event: Event) -> tuple[bytes, str, str]:
    return json.dumps(event.to_cloudevent()).encode(), CONTENT_TYPE, event.id


def test_the_same_poison_twice_is_parked_once(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    event, last = an_event("park"), an_event()
    publish(amqp_uri, EVIDENCE, event, event, last)
    consumer.start()
    eventually(lambda: last.id in handled(database))
    parked = eventually(ParkedMessages(database).parked)
    assert [each.delivery.message_id for each in parked] == [event.id]


def test_headers_of_every_kind_and_bodies_of_any_bytes_can_be_parked(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    headers = {
        "text": "é",
        "bytes": b"\x00\xff",
        "large": 2**62,
        "decimal": Decimal("1.50"),
        "when": datetime(2013, 1, 14),  # noqa: DTZ001 - AMQP knows no time zones
        "none": None,
        "nested": {"list": [1, "x", {"deep.er": True}]},
        "$where": 1,
    }
    publish(
        amqp_uri, EVIDENCE, (bytes(range(256)), {"headers": headers, "content_encoding": "rot13", "message_id": "m"})
    )
    consumer.start()
    [parked] = eventually(ParkedMessages(database).parked)
    assert parked.delivery.body == bytes(range(256))
    assert set(parked.delivery.headers) == set(headers)
    assert consumer.stop() == 0
    assert waiting_in(amqp_uri, EVIDENCE) == 0


def test_a_wrong_answer_of_the_handler_is_parked_and_never_taken_for_success(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    database["switches"].insert_one({"_id": "answer too short"})
    publish(amqp_uri, EVIDENCE, an_event(), an_event())
    consumer.start()
    parked = eventually(lambda: len(found := ParkedMessages(database).parked()) == 2 and found)
    assert {each.reason for each in parked} == {"handler raised WrongAnswer"}


def test_while_its_store_is_away_nothing_is_acknowledged_and_it_says_not_ready(
    consumer: Process, settings: dict[str, str], amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    database["switches"].insert_one({"_id": "store away"})
    events = [an_event() for _ in range(5)]
    publish(amqp_uri, EVIDENCE, *events)
    consumer.start()
    eventually(lambda: database["batches"].count_documents({}) >= 2)
    eventually(lambda: not is_ready(settings))
    assert database["parked"].count_documents({}) == 0
    assert handled(database) == {}
    consumer.stop()
    assert waiting_in(amqp_uri, EVIDENCE) == 5
    database["switches"].delete_many({})
    consumer.start()
    eventually(lambda: set(handled(database)) == {event.id for event in events})
    assert all(found["redelivered"] for found in database["handled"].find())
    eventually(lambda: is_ready(settings))


def test_it_comes_back_by_itself_when_its_store_does(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    database["switches"].insert_one({"_id": "store away"})
    event = an_event()
    publish(amqp_uri, EVIDENCE, event)
    consumer.start()
    eventually(lambda: database["batches"].count_documents({}) >= 2)
    database["switches"].delete_many({})
    eventually(lambda: handled(database) == {event.id: 1})


def test_killed_in_the_middle_of_a_batch_it_loses_nothing(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    events = [an_event(), an_event("linger"), an_event()]
    publish(amqp_uri, EVIDENCE, *events)
    consumer.start()
    eventually(lambda: handled(database) == {events[0].id: 1})
    consumer.kill()
    database["switches"].insert_one({"_id": "go on"})
    consumer.start()
    eventually(lambda: set(handled(database)) == {event.id for event in events})


def test_told_to_stop_it_finishes_the_batch_in_hand_and_returns_the_rest(
    consumer: Process,
    settings: dict[str, str],
    amqp_uri: str,
    database: Database[dict[str, Any]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    consumer.settings = {**settings, "TOY_BATCH": "2"}
    events = [an_event(), an_event("linger"), *(an_event() for _ in range(5))]
    publish(amqp_uri, EVIDENCE, *events)
    consumer.start()
    eventually(lambda: handled(database) == {events[0].id: 1})
    assert consumer.running is not None
    consumer.running.terminate()
    eventually(lambda: "stopping" in capfd.readouterr().err)
    database["switches"].insert_one({"_id": "go on"})
    assert consumer.running.wait(timeout=10) == 0
    consumer.running = None
    assert set(handled(database)) == {event.id for event in events[:2]}
    assert waiting_in(amqp_uri, EVIDENCE) == 5


def test_told_to_stop_it_gives_up_long_work_and_returns_all_of_the_batch(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    publish(amqp_uri, EVIDENCE, *(an_event() for _ in range(3)), an_event("long"))
    consumer.start()
    eventually(lambda: len(handled(database)) == 3)
    assert consumer.running is not None
    consumer.running.terminate()
    assert consumer.running.wait(timeout=10) == 0
    consumer.running = None
    assert waiting_in(amqp_uri, EVIDENCE) == 4
    assert database["parked_messages"].count_documents({}) == 0


def test_a_connection_lost_in_the_middle_of_a_batch_never_acknowledges_on_the_next_one(
    consumer: Process, settings: dict[str, str], backends: Backends, amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    consumer.settings = {**settings, "TOY_BATCH": "1"}
    first, second = an_event("linger"), an_event()
    publish(amqp_uri, EVIDENCE, first, second)
    consumer.start()
    eventually(lambda: database["batches"].count_documents({}) == 1)
    [name] = eventually(lambda: connections(backends, amqp_uri))
    rabbit.manage(backends.management_uri or "", "DELETE", f"/api/connections/{quote(name)}")
    eventually(lambda: database["batches"].count_documents({}) == 2)  # delivered again, on a new connection
    database["switches"].insert_one({"_id": "go on"})
    eventually(lambda: handled(database) == {first.id: 2, second.id: 1})
    assert consumer.stop() == 0
    assert waiting_in(amqp_uri, EVIDENCE) == 0


def connections(backends: Backends, amqp_uri: str) -> list[str]:
    """The names of the broker's connections in this virtual host; the broker lists a new one after some seconds."""
    vhost = urlsplit(amqp_uri).path[1:]
    return [
        found["name"]
        for found in rabbit.manage(backends.management_uri or "", "GET", f"/api/vhosts/{vhost}/connections")
    ]


def test_a_queue_that_is_not_there_yet_is_waited_for(
    consumer: Process,
    amqp_uri: str,
    database: Database[dict[str, Any]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    with channel(amqp_uri) as on:
        on.queue_delete(EVIDENCE)
    consumer.start()
    eventually(lambda: "consumer interrupted" in capfd.readouterr().err)
    declare(amqp_uri, "referrals_followup")
    event = an_event()
    publish(amqp_uri, EVIDENCE, event)
    eventually(lambda: handled(database) == {event.id: 1})


def test_two_consumers_share_a_queue_and_one_killed_costs_nothing(
    settings: dict[str, str], amqp_uri: str, database: Database[dict[str, Any]]
) -> None:
    events = [an_event() for _ in range(2_000)]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        other = f"127.0.0.1:{probe.getsockname()[1]}"
    small = {**settings, "TOY_BATCH": "20"}
    with (
        process("tests.integration.toy_consumer", **small) as first,
        process("tests.integration.toy_consumer", **{**small, "TOY_ADDRESS": other}) as second,
    ):
        eventually(lambda: is_ready(small) and is_ready({**small, "TOY_ADDRESS": other}))
        publish(amqp_uri, EVIDENCE, *events)
        first.kill()
        eventually(lambda: len(handled(database)) == len(events))
        assert second.stop() == 0
    assert waiting_in(amqp_uri, EVIDENCE) == 0


def test_no_text_of_an_exception_reaches_a_log_or_the_parked_reason(
    consumer: Process, amqp_uri: str, database: Database[dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    publish(amqp_uri, EVIDENCE, an_event("raise"))
    consumer.start()
    [parked] = eventually(ParkedMessages(database).parked)
    consumer.stop()
    written = capfd.readouterr().err
    assert "handler raised" in written
    assert "ValueError" in written
    assert "Jane Doe" not in written
    assert "Jane Doe" not in json.dumps(replace(parked, delivery=None).reason)  # type: ignore[arg-type]
