"""The relay process through kills of itself, of the broker and of the store, with a consumer at the other end."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from shared.kernel.envelope import Event
from shared.messaging.topology import declare
from tests.integration.bus import NOW, Process, record, take_all, waiting_in
from tests.support import eventually, the_broker_has_saved_the_name_of

QUEUE = "perinatal.views"


@pytest.fixture
def settings(amqp_uri: str, mongodb_uri: str, database: Database[dict[str, Any]]) -> dict[str, str]:
    return {
        "TOY_AMQP_URI": amqp_uri,
        "TOY_MONGODB_URI": mongodb_uri,
        "TOY_DATABASE": database.name,
        "TOY_QUEUE": QUEUE,
        "TOY_ADDRESS": "127.0.0.1:0",
    }


@pytest.fixture
def relay(settings: dict[str, str]) -> Iterator[Process]:
    yield from prepared("tests.integration.toy_relay", settings)


@pytest.fixture
def consumer(settings: dict[str, str]) -> Iterator[Process]:
    yield from prepared("tests.integration.toy_consumer", settings)


def prepared(module: str, settings: dict[str, str]) -> Iterator[Process]:
    process = Process(module, settings)
    yield process
    if process.running is not None:
        process.kill()


def nothing_is_left(database: Database[dict[str, Any]]) -> bool:
    """Whether everything is published and named in a published manifest."""
    unfinished = {"$or": [{"relay.pending": True}, {"relay.unlisted": True}]}
    return not database["events"].count_documents(unfinished) and not database["manifests"].count_documents(
        {"published": False}
    )


def list_events(database: Database[dict[str, Any]]) -> set[str]:
    """The ids in the manifests, whose numbers must have no gap."""
    manifests = list(database["manifests"].find(sort=[("_id", 1)]))
    assert [manifest["_id"] for manifest in manifests] == list(range(1, len(manifests) + 1))
    return {event_id for manifest in manifests for event_id in manifest["ids"]}


def test_killed_at_any_point_it_goes_on_without_a_loss_or_a_gap(
    relay: Process, database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    chance = random.Random(2013)
    ids: list[str] = []
    for round_ in range(4):
        ids += record(database, 2_500, at=NOW + timedelta(minutes=round_))
        relay.start()
        enough = len(ids) - chance.randrange(2_500)
        eventually(lambda enough=enough: published(database) >= enough)
        relay.kill()
        database["leases"].delete_many({})  # as if it had lapsed, which takes five seconds
    relay.start()
    eventually(lambda: published(database) == len(ids) and nothing_is_left(database))
    assert relay.stop() == 0
    assert list_events(database) == set(ids)
    bodies = [body for _, body in take_all(amqp_uri, QUEUE)]
    assert {body["id"] for body in bodies if body["type"] != "position.reported.v1"} == set(ids)
    positions = [Event.from_cloudevent(body) for body in bodies if body["type"] == "position.reported.v1"]
    named = {at.data["manifest"]["number"] for at in positions if at.data["manifest"]}
    assert named == set(range(1, max(at.data["last"] for at in positions) + 1))


def published(database: Database[dict[str, Any]]) -> int:
    return database["events"].count_documents({"relay.pending": {"$exists": False}})


def test_kills_of_broker_store_relay_and_consumer_lose_nothing(
    relay: Process, consumer: Process, backends: Backends, database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    declare(amqp_uri, "perinatal")
    eventually(lambda: the_broker_has_saved_the_name_of(QUEUE, backends, amqp_uri))
    relay.start()
    consumer.start()
    ids = record(database, 500)
    eventually(lambda: handled(database) > 100)
    backends.kill("rabbitmq")
    ids += record(database, 500)  # recording does not notice
    backends.wait_until_ready()
    eventually(lambda: handled(database) == len(ids), within=60)

    ids += record(database, 500)
    backends.kill("mongod")
    backends.wait_until_ready()
    ids += record(database, 500)
    eventually(lambda: handled(database) == len(ids), within=60)

    ids += record(database, 500)
    relay.kill()
    consumer.kill()
    relay.start()
    consumer.start()
    eventually(lambda: handled(database) == len(ids) and nothing_is_left(database), within=60)
    assert list_events(database) == set(ids)
    assert database["parked"].count_documents({"reason": {"$regex": "^handler raised"}}) == 0
    assert relay.stop() == 0
    assert consumer.stop() == 0
    assert waiting_in(amqp_uri, QUEUE) == 0


def handled(database: Database[dict[str, Any]]) -> int:
    return database["handled"].count_documents({})


def is_waiting(database: Database[dict[str, Any]]) -> bool:
    """Whether a process waits for the next insert into the events."""
    waiting = {"op": "getmore", "ns": f"{database.name}.events"}
    return bool(database.client.admin.command("currentOp", **waiting)["inprog"])


def test_a_quiet_relay_waits_for_the_next_event_and_asks_the_store_seldom(
    relay: Process, database: Database[dict[str, Any]]
) -> None:
    relay.start()
    eventually(lambda: is_waiting(database))
    database.command("profile", 2)
    profile, events = database["system.profile"], f"{database.name}.events"
    eventually(lambda: profile.count_documents({"op": "getmore", "ns": events}) >= 3)
    waits = profile.count_documents({"op": "getmore", "ns": events})
    scans = profile.count_documents({"op": "query", "ns": events})
    database.command("profile", 0)
    assert scans <= waits + 2
    [event_id] = record(database, 1)
    eventually(lambda: published(database) == 1 and nothing_is_left(database))
    assert list_events(database) == {event_id}
    eventually(lambda: is_waiting(database))
    assert relay.stop() == 0


def test_a_relay_that_waits_goes_on_after_kills_of_the_store_and_of_the_broker(
    relay: Process, backends: Backends, database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    declare(amqp_uri, "perinatal")
    eventually(lambda: the_broker_has_saved_the_name_of(QUEUE, backends, amqp_uri))
    relay.start()
    eventually(lambda: is_waiting(database))
    backends.kill("rabbitmq")
    backends.wait_until_ready()
    ids = record(database, 1)
    eventually(lambda: nothing_is_left(database) and published(database) == 1, within=60)
    eventually(lambda: is_waiting(database))
    backends.kill("mongod")
    backends.wait_until_ready()
    ids += record(database, 1)
    eventually(lambda: nothing_is_left(database) and published(database) == 2, within=60)
    assert list_events(database) == set(ids)
    assert relay.stop() == 0


def test_a_relay_that_may_not_wait_on_the_store_polls(
    relay: Process, database: Database[dict[str, Any]], mongodb_uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    everything_else = ["find", "insert", "update", "remove", "createIndex"]
    allowed = [{"resource": {"db": database.name, "collection": ""}, "actions": everything_else}]
    database.command("createRole", "no-streams", privileges=allowed, roles=[])
    database.command("createUser", "poller", pwd="a-test", roles=["no-streams"])
    server = urlsplit(mongodb_uri)
    query = server.query.replace("authSource=admin", f"authSource={database.name}")
    as_poller = server._replace(netloc=f"poller:a-test@{server.hostname}:{server.port}", query=query)
    relay.settings = {**relay.settings, "TOY_MONGODB_URI": urlunsplit(as_poller)}
    relay.start()
    eventually(lambda: "waiting for inserts failed" in capfd.readouterr().err)
    record(database, 1)
    eventually(lambda: published(database) == 1 and nothing_is_left(database))
    assert relay.stop() == 0
    database.command("dropUser", "poller")
    database.command("dropRole", "no-streams")


def test_the_republishing_command_says_it_all_again_and_ends(
    relay: Process, settings: dict[str, str], database: Database[dict[str, Any]], amqp_uri: str
) -> None:
    ids = record(database, 30)
    relay.start()
    eventually(lambda: nothing_is_left(database) and published(database) == 30)
    assert relay.stop() == 0
    take_all(amqp_uri, QUEUE)
    relay.settings = {**settings, "TOY_REPUBLISH_SINCE": "2013-01-01T00:00:00Z"}
    relay.start()
    assert relay.running is not None
    assert relay.running.wait(timeout=30) == 0
    relay.running = None
    bodies = [body for _, body in take_all(amqp_uri, QUEUE)]
    assert {body["id"] for body in bodies if body["type"] != "position.reported.v1"} == set(ids)
    manifests = [body["data"]["manifest"] for body in bodies if body["type"] == "position.reported.v1"]
    assert {event_id for manifest in manifests for event_id in manifest["ids"]} == set(ids)


def test_told_to_stop_while_the_broker_is_away_it_stops_in_time(
    relay: Process, settings: dict[str, str], database: Database[dict[str, Any]], capfd: pytest.CaptureFixture[str]
) -> None:
    relay.settings = {**settings, "TOY_AMQP_URI": "amqp://guest:guest@127.0.0.1:9/%2F"}
    record(database, 1)
    relay.start()
    eventually(lambda: "relay interrupted" in capfd.readouterr().err)
    assert relay.stop() == 0
    assert published(database) == 0
