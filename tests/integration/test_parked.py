"""Parked messages on a real service, bus and store: listed, shown, replayed and discarded, by HTTP and by command."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from shared.events.errors import KeyReused, UnknownStream
from shared.kernel.decisions import Refused
from shared.kernel.envelope import CONTENT_TYPE
from shared.messaging import parked as parked_module
from shared.messaging.incoming import Delivery, Done, Later, Park
from shared.messaging.parked import DISCARDED, DONE, ParkedMessages
from tests.integration.bus import publish
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually
from tests.unit.published import EventFeed

QUEUE = "perinatal.views"
WHY = "a test of the network team, says Jo"
HER = f"p_{'a' * 32}"


@pytest.fixture(scope="module")
def perinatal(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture
def messages(database: Database[dict[str, Any]]) -> ParkedMessages:
    found = ParkedMessages(database)
    found.ensure_indexes()
    return found


def operator(service: Running) -> Caller:
    return service.caller("operator-kowalski", "operator", "operations", "england")


def poison(service: Running, body: bytes | None = None) -> str:
    """A message that nobody can read lies parked; its id."""
    body = body or uuid4().hex.encode()
    publish(service.environment["AMQP_URI"], QUEUE, (body, {"content_type": CONTENT_TYPE, "message_id": "m"}))
    parked = service.database.parked
    return str(eventually(lambda: parked.find_one({"body": body}))["_id"])


def command(service: Running, *said: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service._command("parked", *said),
        env={**service.environment, "AMQP_URI": ""},  # it works without a broker
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_operator_lists_and_is_shown_what_is_parked_but_never_its_body(perinatal: Running) -> None:
    body = f'{{"subject": "{HER}", "name": "Jane Doe", broken'.encode()
    parked_id = poison(perinatal, body)
    lead = perinatal.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    for caller in (operator(perinatal), lead):
        listed = caller.get("/v1/parked", limit=200)
        assert listed.status_code == 200, listed.text
        (line,) = (item for item in listed.json()["items"] if item["id"] == parked_id)
        assert (line["queue"], line["state"], line["reason"]) == (QUEUE, "parked", "not JSON")
        assert (line["retry_at"], line["event_type"], line["names_people"]) == (None, None, 1)
        shown = caller.get(f"/v1/parked/{parked_id[:12]}")
        assert shown.status_code == 200, shown.text
        assert shown.json()["body_size"] == len(body)
        assert (shown.json()["content_type"], shown.json()["acts"]) == (CONTENT_TYPE, [])
        assert HER not in listed.text + shown.text
        assert "Jane" not in listed.text + shown.text
    assert code(operator(perinatal).get("/v1/parked/" + "0" * 64)) == "not-found"
    assert code(operator(perinatal).get("/v1/parked/%00")) == "not-found"


def test_nobody_else_may(perinatal: Running) -> None:
    parked_id = poison(perinatal)
    for role in ("manager", "reviewer", "midwife"):
        other = perinatal.caller("somebody", role, "a-team")
        assert code(other.get("/v1/parked")) == "wrong-role"
        assert code(other.post(f"/v1/parked/{parked_id}/discarded", {"reason": WHY})) == "wrong-role"


def test_the_list_is_given_in_pages(perinatal: Running) -> None:
    ids = {poison(perinatal) for _ in range(3)}
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while query:
        page = operator(perinatal).get("/v1/parked", **query).json()
        found += [item["id"] for item in page["items"]]
        query = {"limit": 2, "cursor": page["next"]} if page["next"] else {}
    assert ids <= set(found)
    assert len(found) == len(set(found))


def test_a_discarded_message_waits_no_more_and_says_who_discarded_it_when_and_why(perinatal: Running) -> None:
    parked_id = poison(perinatal)
    before = datetime.now(UTC) - timedelta(seconds=1)
    answers = [
        operator(perinatal).post(f"/v1/parked/{parked_id}/discarded", {"reason": WHY}, key="once") for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    shown = operator(perinatal).get(f"/v1/parked/{parked_id}").json()
    (act,) = shown["acts"]
    assert (shown["state"], act["act"], act["by"], act["reason"]) == ("discarded", "discard", "operator-kowalski", WHY)
    assert before < datetime.fromisoformat(act["at"]) <= datetime.now(UTC)
    assert parked_id not in operator(perinatal).get("/v1/parked", limit=200).text
    discarded = operator(perinatal).get("/v1/parked", state="discarded", limit=200)
    assert parked_id in discarded.text
    assert WHY not in discarded.text  # what a person wrote is not in a list
    other = operator(perinatal).post(f"/v1/parked/{parked_id}/discarded", {"reason": "another"}, key="once")
    assert code(other) == "key-reused"
    assert code(operator(perinatal).post(f"/v1/parked/{parked_id}/replayed", {})) == "not-waiting"


def test_a_discard_needs_a_reason(perinatal: Running) -> None:
    refused = operator(perinatal).post(f"/v1/parked/{poison(perinatal)}/discarded", {})
    assert (refused.status_code, faulty_fields(refused)) == (422, {"reason"})


def test_a_replayed_message_is_heard_by_the_service_and_only_then_done(perinatal: Running) -> None:
    parked_id = poison(perinatal)
    parked = perinatal.database.parked
    assert operator(perinatal).post(f"/v1/parked/{parked_id}/replayed", {}).status_code == 201
    eventually(lambda: parked.find_one({"_id": parked_id, "failures": 1, "retry_at": None, "state": "parked"}))
    event = EventFeed().event("person.registered.v1", f"person/{HER}", person_id=HER, nhs_number_known=False)
    readable = json.dumps(event.to_cloudevent()).encode()
    # The fault is mended: here by the message itself, otherwise by the next deployment.
    parked.update_one({"_id": parked_id}, {"$set": {"body": readable, "body_size": len(readable)}})
    assert operator(perinatal).post(f"/v1/parked/{parked_id}/replayed", {}).status_code == 201
    eventually(lambda: parked.find_one({"_id": parked_id, "state": "done"}))


def test_the_lists_of_a_service_are_caught_up_by_itself_when_what_was_parked_may_pass_later(perinatal: Running) -> None:
    event = EventFeed().event("person.registered.v1", f"person/{HER}", person_id=HER, nhs_number_known=False)
    unknown = json.dumps({**event.to_cloudevent(), "type": "horse.bolted.v1"}).encode()
    parked_id = poison(perinatal, unknown)
    parked = perinatal.database.parked
    assert parked.find_one({"_id": parked_id})["retry_at"] is not None
    parked.update_one({"_id": parked_id}, {"$set": {"body": json.dumps(event.to_cloudevent()).encode()}})
    eventually(lambda: parked.find_one({"_id": parked_id, "state": "done"}), within=15)


def test_the_command_lists_shows_replays_and_discards(perinatal: Running, tmp_path: Path) -> None:
    body = b'{"name": "Jane Doe"' + uuid4().hex.encode()
    first, second = poison(perinatal, body), poison(perinatal)
    listed = command(perinatal, "list")
    assert listed.returncode == 0, listed.stderr
    assert first[:12] in listed.stdout and second[:12] in listed.stdout and "not JSON" in listed.stdout
    shown = command(perinatal, "show", first[:10], "--body", str(tmp_path / "body"))
    assert shown.returncode == 0, shown.stderr
    assert "Jane" not in shown.stdout + listed.stdout
    assert (tmp_path / "body").read_bytes() == body
    assert stat.S_IMODE(os.stat(tmp_path / "body").st_mode) == 0o600
    again = command(perinatal, "show", first, "--body", str(tmp_path / "body"))
    assert (again.returncode, again.stderr) == (1, f"{first}: the file is there already\n")
    assert command(perinatal, "replay", first[:12], second).returncode == 0
    eventually(lambda: perinatal.database.parked.count_documents({"failures": 1, "_id": {"$in": [first, second]}}) == 2)
    done = command(perinatal, "discard", first[:12], "--reason", WHY, "--by", "operator-kowalski")
    assert done.returncode == 0, done.stderr
    message = ParkedMessages(perinatal.database).get(first)
    assert [(act.act, act.by, act.reason) for act in message.acts][1:] == [("discard", "operator-kowalski", WHY)]
    assert WHY in command(perinatal, "show", first).stdout
    assert command(perinatal, "replay", first).returncode == 1
    assert command(perinatal, "replay", "0" * 64).returncode == 1
    assert command(perinatal, "discard", second).returncode == 2  # a reason is needed
    assert command(perinatal, "replay", "--all").returncode == 0
    eventually(lambda: perinatal.database.parked.find_one({"_id": second, "failures": 2}))


# --- the store of parked messages ---------------------------------------------------------------------------------


def delivery(body: bytes = b"1") -> Delivery:
    return Delivery("q", body, CONTENT_TYPE, "m")


def test_what_comes_again_while_it_waits_is_parked_once_and_keeps_its_record(messages: ParkedMessages) -> None:
    messages.park([(delivery(), Later("first", 0))])
    (waiting,) = messages.parked()
    messages.note_outcome(waiting, Later("first", 0))
    messages.park([(delivery(), Later("again", 0)), (delivery(), Park("again"))])
    (still,) = messages.parked()
    assert (still.reason, still.failures, still.parked_at) == ("first", 1, waiting.parked_at)


def test_what_was_discarded_stays_so_and_what_was_done_waits_again_when_it_cannot_be_handled_any_more(
    messages: ParkedMessages,
) -> None:
    messages.park([(delivery(b"1"), Park("no")), (delivery(b"2"), Park("no"))])
    first, second = messages.parked()
    messages.discard(first.id, "operator-kowalski", WHY, "k")
    messages.note_outcome(second, Done())
    messages.park([(delivery(b"1"), Park("no")), (delivery(b"2"), Park("no"))])
    assert [message.id for message in messages.parked()] == [second.id]
    assert messages.get(first.id).state == DISCARDED
    assert messages.among(["m"]) == {"m"}


def test_a_replay_that_is_asked_for_during_a_try_is_not_lost(messages: ParkedMessages) -> None:
    messages.park([(delivery(), Park("no"))])

    def hear_while_somebody_asks(_: list[Delivery]) -> list[Any]:
        messages.replay(message.id, "operator-kowalski", "second")
        return [Park("still not")]

    (message,) = messages.parked()
    messages.replay(message.id, "operator-kowalski", "first")
    messages.try_again("q", hear_while_somebody_asks)
    assert [waiting.id for waiting in messages.due("q")] == [message.id]
    messages.try_again("q", lambda _: [Done()])
    assert messages.get(message.id).state == DONE


def test_a_key_does_one_thing_once(messages: ParkedMessages) -> None:
    messages.park([(delivery(), Park("no"))])
    (message,) = messages.parked()
    first = messages.replay(message.id, "operator-kowalski", "k")
    messages.note_outcome(messages.get(message.id), Park("no"))
    assert messages.replay(message.id, "operator-kowalski", "k") == first
    assert messages.due("q") == []  # the first one has been tried
    with pytest.raises(KeyReused):
        messages.discard(message.id, "operator-kowalski", WHY, "k")
    messages.discard(message.id, "lead-achterberg", WHY, "k")  # another person's key
    assert len(messages.get(message.id).acts) == 2


def test_ids_may_be_shortened_but_not_so_that_two_begin_so(messages: ParkedMessages) -> None:
    messages.park([(delivery(str(number).encode()), Park("no")) for number in range(3)])
    ids = [message.id for message in messages.parked()]
    assert messages.get(ids[0][:8]).id == ids[0]
    collection = messages._collection
    twin = {**collection.find_one({"_id": ids[0]}), "_id": ids[0][:63] + ("0" if ids[0][63] != "0" else "1")}
    collection.insert_one(twin)
    with pytest.raises(Refused, match="several"):
        messages.get(ids[0][:20])
    assert messages.get(ids[0]).id == ids[0]
    for nothing in ("", "a", ids[0][:7], "x" * 64, ids[0] + "0"):
        with pytest.raises(UnknownStream):
            messages.get(nothing)


def test_of_a_giant_the_beginning_is_kept_and_it_is_never_replayed_in_part(
    messages: ParkedMessages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parked_module, "BODY_KEPT", 10)
    messages.park([(delivery(b"x" * 11), Park("no"))])
    (message,) = messages.parked()
    assert (message.delivery.body, message.body_size, message.is_whole) == (b"x" * 10, 11, False)
    with pytest.raises(Refused, match="too large"):
        messages.replay(message.id, "operator-kowalski", "k")
    messages.discard(message.id, "operator-kowalski", WHY, "k")
