"""The relay against a real broker and a real store, step by step."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pymongo import MongoClient
from pymongo.database import Database
from pymongo.monitoring import CommandListener

from shared.contracts import CATALOGUE
from shared.events.documents import cloudevent_of, document_of, event_of
from shared.events.mongo import open_database
from shared.kernel.envelope import Event, from_text, to_text
from shared.messaging.incoming import Delivery, Park
from shared.messaging.parked import ParkedMessages
from shared.messaging.publisher import BrokerAway, ConfirmedPublisher, Outgoing
from shared.messaging.topology import QUEUES, declare, exchange_of
from shared.relay.relay import HOLD_BACK, Relay
from shared.runtime.clock import MovableClock
from tests.integration.bus import NOW, an_event, channel, record, take_all, waiting_in
from tests.integration.profiler import dear, profiled
from tests.support import eventually

QUEUE = "perinatal.views"
MARK = "shared.relay.relay.Relay._mark_published"
HEARING = [queue.name for queue in QUEUES if "perinatal" in queue.hears]


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock(NOW)


@pytest.fixture
def publisher(amqp_uri: str) -> Iterator[ConfirmedPublisher]:
    declare(amqp_uri, "perinatal")
    opened = ConfirmedPublisher(amqp_uri, exchange_of("perinatal"))
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def new_relay(
    database: Database[dict[str, Any]], publisher: ConfirmedPublisher, clock: MovableClock
) -> Callable[..., Relay]:
    def make(**changes: Any) -> Relay:
        relay = Relay(database, changes.pop("publisher", publisher), service="perinatal", clock=clock, **changes)
        relay.ensure_indexes()
        return relay

    return make


def let_hear_only(amqp_uri: str, *types: str) -> None:
    """From here on, no queue takes an event of the service but those of these types, which only `QUEUE` takes."""
    with channel(amqp_uri) as on:
        for queue in HEARING:
            on.queue_unbind(queue, exchange_of("perinatal"), "#")
        for event_type in types:
            on.queue_bind(QUEUE, exchange_of("perinatal"), event_type)


def said(amqp_uri: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The events and the positions that were published since the last look."""
    bodies = [body for _, body in take_all(amqp_uri, QUEUE)]
    positions = [body for body in bodies if body["type"] == "position.reported.v1"]
    return [body for body in bodies if body not in positions], positions


def test_a_step_reads_what_is_new_and_not_what_was_published_before(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str, clock: MovableClock
) -> None:
    record(database, 1_500)
    relay = new_relay()
    while relay.step():
        pass
    said(amqp_uri)
    record(database, 5)
    clock.advance(minutes=1)
    with profiled(database) as seen:
        relay.step()
    events, positions = said(amqp_uri)
    assert len(events) == 5
    assert positions
    assert any(asked["ns"].endswith(".events") for asked in seen)
    assert dear(seen) == []


def complete_until(positions: list[dict[str, Any]], held: set[str]) -> str | None:
    """What a hearer may conclude: the newest `until` of which every manifest is here and every id it names is held."""
    manifests = {
        at["data"]["manifest"]["number"]: at["data"]["manifest"]["ids"] for at in positions if at["data"]["manifest"]
    }
    proved = [
        at["data"]["until"]
        for at in positions
        if at["data"]["until"]
        and all(
            number in manifests and held.issuperset(manifests[number]) for number in range(1, at["data"]["last"] + 1)
        )
    ]
    return max(proved, default=None)


def test_a_recorded_event_is_published_once_as_its_cloudevent(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    event = an_event()
    database["events"].insert_one(document_of(event, private={"personal": {"name": "Jane"}}, relay={"pending": True}))
    relay = new_relay()
    relay.step()
    relay.step()
    [(properties, body), *positions] = take_all(amqp_uri, QUEUE)
    assert body == event.to_cloudevent()
    assert Event.from_cloudevent(body) == event
    assert (properties.content_type, properties.message_id) == ("application/cloudevents+json", event.id)
    assert properties.delivery_mode == 2
    assert all(body["type"] == "position.reported.v1" for _, body in positions)
    stored = database["events"].find_one({"_id": event.id})
    assert stored is not None
    assert "pending" not in stored["relay"]
    assert stored["relay"]["published_at"] == NOW
    assert stored["private"] == {"personal": {"name": "Jane"}}


def test_a_position_says_how_many_messages_lie_parked_and_which_is_the_oldest(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str, clock: MovableClock
) -> None:
    parked, relay = ParkedMessages(database), new_relay()
    told: list[Any] = []
    for number in range(3):
        relay.step()
        _, positions = said(amqp_uri)
        told += [position["data"].get("parked") for position in positions if position["data"]["until"]]
        assert all(CATALOGUE.faults("position.reported.v1", position["data"]) == {} for position in positions)
        clock.advance(minutes=1)
        if number == 0:
            parked.park([(Delivery("q", b"1"), Park("no"))])
            parked.park([(Delivery("q", b"2"), Park("no"))])
            first = parked.parked()[0].id
        else:
            for message in parked.parked():
                parked.discard(message.id, "operator-kowalski", "a test", "k")
    assert told == [None, {"count": 2, "oldest": first}, None]


def test_a_stored_document_gives_back_the_very_event(database: Database[dict[str, Any]]) -> None:
    event = an_event()
    database["events"].insert_one(document_of(event, private={}, relay={}))
    stored = database["events"].find_one({})
    assert stored is not None
    assert event_of(stored) == event
    assert cloudevent_of(stored) == event.to_cloudevent()
    assert isinstance(stored["event"]["time"], datetime)


def test_the_relay_asks_the_store_for_nothing_but_the_published_part(
    mongodb_uri: str, database: Database[dict[str, Any]], publisher: ConfirmedPublisher, clock: MovableClock
) -> None:
    asked: list[dict[str, Any]] = []

    class Listener(CommandListener):
        def started(self, event: Any) -> None:
            if event.command_name == "find":
                asked.append(dict(event.command))

        def succeeded(self, event: Any) -> None: ...
        def failed(self, event: Any) -> None: ...

    record(database, 3)
    watched: MongoClient[dict[str, Any]] = MongoClient(mongodb_uri, tz_aware=True, event_listeners=[Listener()])
    relay = Relay(
        watched.get_database(database.name, codec_options=database.codec_options),
        publisher,
        service="perinatal",
        clock=clock,
    )
    relay.step()
    relay.republish(NOW)
    projections = [find["projection"] for find in asked if find["find"] == "events"]
    assert projections
    assert all(projection in ({"event": 1}, {"_id": 1}) for projection in projections)


def test_the_position_comes_after_everything_that_was_visible_is_confirmed(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    ids = record(database, 25)
    relay = new_relay(batch=10)
    assert relay.step()
    assert relay.step()
    events, positions = said(amqp_uri)
    assert (len(events), positions) == (20, [])
    assert not relay.step()
    later, positions = said(amqp_uri)
    assert complete_until(positions, {event["id"] for event in events + later}) == to_text(NOW)
    assert complete_until(positions, {event["id"] for event in later}) is None
    assert sorted(event["id"] for event in events + later) == sorted(ids)


def test_a_position_is_a_valid_event_that_says_the_time_before_the_scan(
    database: Database[dict[str, Any]], publisher: ConfirmedPublisher, clock: MovableClock, amqp_uri: str
) -> None:
    class LatePublisher:
        """Time passes, and an act is recorded, while the events are on their way to the broker."""

        def publish(self, messages: list[Outgoing]) -> set[str]:
            if messages[0].routing_key != "position.reported.v1":
                clock.advance(minutes=1)
                record(database, 1, at=clock.now())
            return publisher.publish(messages)

    record(database, 1)
    Relay(database, LatePublisher(), service="perinatal", clock=clock).step()
    _, [position] = said(amqp_uri)
    assert position["data"]["until"] == to_text(NOW)
    event = Event.from_cloudevent(position)
    assert CATALOGUE.faults(event.type, event.data) == {}
    assert (event.stream, event.version, event.actor, event.role) == ("position/perinatal", 1, "relay", "system")
    assert (event.team, event.area, event.subject) == ("system", "england", None)
    assert UUID(event.id).version == 7


def test_a_service_that_never_recorded_anything_reports_its_position(
    new_relay: Callable[..., Relay], amqp_uri: str
) -> None:
    new_relay().step()
    _, [position] = said(amqp_uri)
    assert position["data"] == {"until": to_text(NOW), "last": 0, "manifest": None}
    assert complete_until([position], set()) == to_text(NOW)


def test_the_position_follows_the_clock_and_news_and_is_silent_otherwise(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], clock: MovableClock, amqp_uri: str
) -> None:
    relay = new_relay()
    for _ in range(20):
        relay.step()
    assert len(said(amqp_uri)[1]) == 1
    clock.advance(days=2)
    relay.step()
    assert [at["data"]["until"] for at in said(amqp_uri)[1]] == [to_text(NOW + timedelta(days=2))]
    [event_id] = record(database, 1)
    position = eventually(lambda: (relay.step(), said(amqp_uri)[1])[1])
    assert position[0]["data"]["manifest"] == {"number": 1, "ids": [event_id]}


def test_a_relay_that_reports_seldom_still_reports_news_soon(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], clock: MovableClock, amqp_uri: str
) -> None:
    relay = new_relay(report_after=timedelta(seconds=5))
    relay.step()
    said(amqp_uri)
    clock.advance(seconds=4)
    assert not relay.is_report_due()
    relay.step()
    assert said(amqp_uri)[1] == []
    [event_id] = record(database, 1)
    position = eventually(lambda: (relay.step(), said(amqp_uri)[1])[1])
    assert position[0]["data"]["manifest"] == {"number": 1, "ids": [event_id]}
    clock.advance(seconds=5)
    assert relay.is_report_due()
    relay.step()
    assert [at["data"]["until"] for at in said(amqp_uri)[1]] == [to_text(NOW + timedelta(seconds=9))]


def test_a_message_that_no_queue_takes_stays_pending_and_holds_back_the_position(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    ids = record(database, 3)
    let_hear_only(amqp_uri)
    relay = new_relay()
    relay.step()
    assert database["events"].count_documents({"relay.pending": True}) == 3
    relay.step()
    assert database["manifests"].count_documents({}) == 0
    declare(amqp_uri, "perinatal")
    eventually(
        lambda: (relay.step(), database["events"].count_documents({"relay.pending": True}) == 0)[1], HOLD_BACK * 5
    )
    events, positions = said(amqp_uri)
    assert sorted(event["id"] for event in events) == sorted(ids)
    assert complete_until(positions, set(ids)) == to_text(NOW)


def test_one_type_that_no_queue_takes_does_not_stop_the_others(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    let_hear_only(amqp_uri, "record.retracted.v1")
    unheard = [document_of(an_event(), private={}, relay={"pending": True}) for _ in range(10)]
    for document in unheard:
        document["event"]["type"] = "nobody.listens.v1"
    database["events"].insert_many(unheard)
    ids = record(database, 1, at=NOW + timedelta(seconds=1))
    relay = new_relay(batch=10)
    relay.step()
    relay.step()
    events, positions = said(amqp_uri)
    assert [event["id"] for event in events] == ids
    assert positions == []


def test_manifests_name_every_published_event_at_most_a_thousand_at_a_time(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    ids = record(database, 2_300)
    relay = new_relay()
    while relay.step():
        pass
    manifests = list(database["manifests"].find(sort=[("_id", 1)]))
    assert [manifest["_id"] for manifest in manifests] == [1, 2, 3]
    assert [len(manifest["ids"]) for manifest in manifests] == [1_000, 1_000, 300]
    assert sorted(listed for manifest in manifests for listed in manifest["ids"]) == sorted(ids)
    assert all(manifest["published"] for manifest in manifests)
    _, positions = said(amqp_uri)
    assert [at["data"]["until"] is None for at in positions] == [True, True, False]
    assert complete_until(positions, set(ids)) == to_text(NOW)


def test_a_broker_that_fails_between_events_and_manifest_loses_neither(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], publisher: ConfirmedPublisher, amqp_uri: str
) -> None:
    class Failing:
        def publish(self, messages: list[Outgoing]) -> set[str]:
            if messages[0].routing_key == "position.reported.v1":
                raise BrokerAway("ConnectionError")
            return publisher.publish(messages)

    ids = record(database, 5)
    with pytest.raises(BrokerAway):
        new_relay(publisher=Failing()).step()
    assert said(amqp_uri)[1] == []
    new_relay().step()
    assert complete_until(said(amqp_uri)[1], set(ids)) == to_text(NOW)


def test_an_event_is_updated_once(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    ids = record(database, 5)
    with profiled(database) as seen:
        new_relay().step()
    updates = [asked for asked in seen if asked["op"] == "update" and asked["ns"] == f"{database.name}.events"]
    assert sum(update["nModified"] for update in updates) == 5
    events, positions = said(amqp_uri)
    assert sorted(event["id"] for event in events) == sorted(ids)
    assert complete_until(positions, set(ids)) == to_text(NOW)


class Killed(Exception):
    """Stands for the end of the process at this very place."""


def kills(*_: Any) -> None:
    raise Killed


@pytest.mark.parametrize("place", ["shared.relay.position.Position.list_confirmed", MARK])
def test_killed_after_it_published_it_publishes_and_lists_again(
    place: str,
    new_relay: Callable[..., Relay],
    database: Database[dict[str, Any]],
    amqp_uri: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = record(database, 5)
    with monkeypatch.context() as dying:
        dying.setattr(place, kills)
        with pytest.raises(Killed):
            new_relay().step()
    assert database["events"].count_documents({"relay.pending": True}) == 5
    new_relay().step()
    events, positions = said(amqp_uri)
    assert sorted(event["id"] for event in events) == sorted(2 * ids)
    assert complete_until(positions, set(ids)) == to_text(NOW)
    manifests = database["manifests"].find(sort=[("_id", 1)]).to_list()
    assert [manifest["_id"] for manifest in manifests] == list(range(1, 3 if place == MARK else 2))
    assert all(sorted(manifest["ids"]) == sorted(ids) and manifest["published"] for manifest in manifests)


def test_when_the_store_fails_between_manifest_and_mark_the_same_relay_marks_later_without_publishing_again(
    new_relay: Callable[..., Relay],
    database: Database[dict[str, Any]],
    amqp_uri: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = record(database, 5)
    relay = new_relay()
    with monkeypatch.context() as failing:
        failing.setattr(MARK, kills)
        with pytest.raises(Killed):
            relay.step()
    relay.step()
    events, positions = said(amqp_uri)
    assert sorted(event["id"] for event in events) == sorted(ids)
    assert complete_until(positions, set(ids)) == to_text(NOW)
    assert database["events"].count_documents({"relay.pending": True}) == 0


def test_events_that_follow_each_other_closely_are_published_at_once_and_share_a_manifest(
    new_relay: Callable[..., Relay],
    database: Database[dict[str, Any]],
    amqp_uri: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    relay = new_relay()
    relay.step()
    monkeypatch.setattr("shared.relay.relay.REPORT_EVERY", 60.0)
    monkeypatch.setattr("shared.relay.relay.MARK_AFTER", 60.0)
    ids = []
    for _ in range(3):
        ids += record(database, 1)
        relay.step()
    events, _ = said(amqp_uri)
    assert [event["id"] for event in events] == ids
    assert database["manifests"].count_documents({}) == 0
    monkeypatch.setattr("shared.relay.relay.REPORT_EVERY", 0.0)
    relay.step()
    events, [position] = said(amqp_uri)
    assert events == []
    assert position["data"]["manifest"] == {"number": 1, "ids": sorted(ids)}


def test_what_a_queue_took_is_marked_within_seconds_although_another_type_is_held_back(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    let_hear_only(amqp_uri, "record.retracted.v1")
    unheard = document_of(an_event(), private={}, relay={"pending": True})
    unheard["event"]["type"] = "nobody.listens.v1"
    database["events"].insert_one(unheard)
    relay = new_relay()
    relay.step()
    [event_id] = record(database, 1)
    marked = {"_id": event_id, "relay.published_at": {"$exists": True}}
    eventually(lambda: (relay.step(), database["events"].find_one(marked))[1])
    events, positions = said(amqp_uri)
    assert [event["id"] for event in events] == [event_id]
    assert positions == []
    assert not relay.is_quiet


def test_events_that_an_earlier_version_published_and_did_not_list_are_listed(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    ids = record(database, 1_200)
    before = {"$unset": {"relay.pending": ""}, "$set": {"relay.published_at": NOW, "relay.unlisted": True}}
    database["events"].update_many({}, before)
    new_relay().step()
    events, positions = said(amqp_uri)
    assert events == []
    assert complete_until(positions, set(ids)) == to_text(NOW)
    assert complete_until(positions, set(ids[1:])) is None
    assert database["events"].count_documents({"relay.unlisted": {"$exists": True}}) == 0


def test_two_relays_at_once_only_make_repeats(
    new_relay: Callable[..., Relay],
    database: Database[dict[str, Any]],
    publisher: ConfirmedPublisher,
    clock: MovableClock,
    amqp_uri: str,
) -> None:
    """The other runs a whole step between every two of this one's doings: the worst interleaving of a single thread."""
    other = new_relay()

    class Interrupted:
        def publish(self, messages: list[Outgoing]) -> set[str]:
            clock.advance(seconds=2)
            record(database, 1, at=clock.now())
            other.step()
            confirmed = publisher.publish(messages)
            other.step()
            return confirmed

    record(database, 20)
    relay = new_relay(publisher=Interrupted(), batch=7)
    for _ in range(6):
        relay.step()
    clock.advance(seconds=2)
    other.step()
    recorded = {document["_id"] for document in database["events"].find({}, {"_id": 1})}
    events, positions = said(amqp_uri)
    assert {event["id"] for event in events} == recorded
    numbers = [manifest["_id"] for manifest in database["manifests"].find(sort=[("_id", 1)])]
    assert numbers == list(range(1, len(numbers) + 1))
    assert complete_until(positions, recorded) == to_text(clock.now())
    for position in positions:
        if position["data"]["until"]:
            before = [
                document["_id"]
                for document in database["events"].find(
                    {"event.recordedat": {"$lt": from_text(position["data"]["until"])}}
                )
            ]
            named = database["manifests"].find({"_id": {"$lte": position["data"]["last"]}})
            assert set(before) <= {listed for manifest in named for listed in manifest["ids"]}


def test_what_was_published_since_a_time_can_be_published_again(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], clock: MovableClock, amqp_uri: str
) -> None:
    relay = new_relay(batch=10)
    record(database, 5)
    relay.step()
    clock.advance(hours=1)
    lost = record(database, 25, at=clock.now())
    while relay.step():
        pass
    take_all(amqp_uri, QUEUE)  # the hearer loses all of this
    assert new_relay(batch=10).republish(NOW + timedelta(minutes=30)) == 25
    events, positions = said(amqp_uri)
    assert sorted(event["id"] for event in events) == sorted(lost)
    assert [at["data"]["manifest"]["number"] for at in positions] == [2]
    assert sorted(positions[0]["data"]["manifest"]["ids"]) == sorted(lost)


def test_a_relays_question_costs_what_is_pending_and_not_what_was_ever_recorded(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]]
) -> None:
    record(database, 1_500)
    relay = new_relay()
    while relay.step():
        pass
    record(database, 2)
    for condition in ({"relay.pending": True}, {"relay.unlisted": True}):
        plan = database["events"].find(condition, {"event": 1}).sort("_id", 1).limit(1_000).explain()
        assert plan["executionStats"]["totalKeysExamined"] <= 2
        assert plan["executionStats"]["totalDocsExamined"] <= 2


def test_the_publisher_confirms_only_what_a_queue_has(publisher: ConfirmedPublisher, amqp_uri: str) -> None:
    let_hear_only(amqp_uri, "heard.*.v1")
    messages = [Outgoing(str(n), f"{'heard' if n % 3 else 'unheard'}.event.v1", b"{}") for n in range(900)]
    assert publisher.publish(messages) == {
        message.id for message in messages if message.routing_key.startswith("heard")
    }
    assert waiting_in(amqp_uri, QUEUE) == 600


def test_the_publisher_keeps_its_connection_while_idle_and_says_when_it_is_lost(
    publisher: ConfirmedPublisher, backends: Any, amqp_uri: str
) -> None:
    publisher.idle(0.2)
    assert publisher.publish([Outgoing("1", "heard.event.v1", b"{}")]) == {"1"}
    with channel(amqp_uri) as on:
        on.exchange_delete(exchange_of("perinatal"))
    with pytest.raises(BrokerAway):
        publisher.publish([Outgoing("2", "heard.event.v1", b"{}")])
    assert not publisher.is_open
    declare(amqp_uri, "perinatal")
    publisher.open()
    assert publisher.publish([Outgoing("2", "heard.event.v1", b"{}")]) == {"2"}


def test_a_broker_that_is_not_there_is_said_to_be_away() -> None:
    with pytest.raises(BrokerAway):
        ConfirmedPublisher("amqp://guest:guest@127.0.0.1:9/%2F", "perinatal.events").open()


def test_no_private_part_is_ever_on_the_bus(
    new_relay: Callable[..., Relay], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    record(database, 3)
    new_relay().step()
    assert "Jane Doe" not in json.dumps([body for _, body in take_all(amqp_uri, QUEUE)])


def test_a_database_reads_and_writes_by_majority_with_aware_times(mongodb_uri: str) -> None:
    opened = open_database(mongodb_uri, "any")
    assert opened.read_concern.level == "majority"
    assert opened.write_concern.document["w"] == "majority"
    assert opened.codec_options.tz_aware
