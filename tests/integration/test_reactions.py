"""What `leaving_care` and `perinatal` record by themselves, over a real bus and store: each alone, then together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from deploy.local.ports import Ports
from services.perinatal.domain.reactions import REACTIONS
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.decisions import CLAIM_CONFIRMED, CLAIM_REJECTED
from shared.kernel.envelope import CIRCLE, NONE, Event
from shared.recording.reactions import Reactions
from shared.runtime.clock import MovableClock
from tests.bench.counts import TALLY
from tests.integration.bus import channel, publish, waiting_in
from tests.integration.recording import Caller, Running, code, running
from tests.support import eventually
from tests.unit.history import NOW
from tests.unit.published import EventFeed, person

NAMES = {"given_name": "Rowan", "family_name": "Exampleton", "date_of_birth": "1994-05-20"}
LEARNT, LOST = "parenthood.learnt.v1", "parenthood.lost.v1"
MOVE_LEARNT = "care_leaver.move_learnt.v1"
CARE_LEAVER_LEARNT = "pregnancy.care_leaver_learnt.v1"
CHILD = 51


@pytest.fixture(scope="module")
def leaving_care(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("leaving_care", backends, tmp_path_factory.mktemp("leaving_care")) as service:
        yield service


@pytest.fixture(scope="module")
def perinatal(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture
def feed() -> EventFeed:
    return EventFeed()


@pytest.fixture
def her() -> str:
    """Somebody whom the other service names."""
    return f"p_{uuid4().hex}"


@pytest.fixture
def pregnancy() -> str:
    return str(uuid4())


def adviser(service: Running) -> Caller:
    return service.caller("pa-brook", "personal_adviser", "leaving-care-essex")


def manager(service: Running) -> Caller:
    return service.caller("manager-lane", "manager", "leaving-care-essex")


def midwife(service: Running) -> Caller:
    return service.caller("midwife-eider", "midwife", "midwives-colne")


def leaver(service: Running, **more: Any) -> tuple[str, str]:
    """The path and the person id of a new care leaver, registered before all other events here."""
    body = {**NAMES, "category": "former_relevant", "occurred_at": "2013-01-07", **more}
    answer = adviser(service).post("/v1/care-leavers", body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"]), str(answer.json()["person_id"])


def hear(service: Running, *events: Event) -> None:
    publish(service.environment["AMQP_URI"], f"{service.name}.reactions", *events)


def entries(caller: Caller, path: str) -> list[dict[str, Any]]:
    history: list[dict[str, Any]] = caller.get(path).json()["history"]
    return history


def list_types(caller: Caller, path: str) -> list[str]:
    """What the service recorded by itself in this record and what of it stands, by type, in the order of recording."""
    by_itself = [entry for entry in entries(caller, path) if entry["role"] == "system" and not entry["retracted"]]
    return [entry["type"] for entry in by_itself if entry["type"] != "record.retracted.v1"]


def struck_out_by_itself(caller: Caller, path: str) -> int:
    retractions = [entry for entry in entries(caller, path) if entry["type"] == "record.retracted.v1"]
    return len([entry for entry in retractions if entry["data"]["reason_code"] == "cause_retracted"])


def has_heard(service: Running, *events: Event) -> bool:
    """Whether all of these are done with, and no other waits."""
    wanted = {"_id": {"$in": [event.id for event in events]}, "settled": True}
    settled = service.database.heard.count_documents(wanted)
    return settled == len(events) and waiting_in(service.environment["AMQP_URI"], f"{service.name}.reactions") == 0


def test_a_care_leaver_who_is_named_as_partner_is_to_be_a_parent(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str
) -> None:
    path, him = leaver(leaving_care)
    named = feed.partner(pregnancy, her, him)
    hear(leaving_care, feed.booked(pregnancy, her), named)
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    entry = entries(adviser(leaving_care), path)[-1]
    assert entry["data"]["kind"] == "to_be_parent"
    assert entry["data"]["pregnancy_id"] == pregnancy
    assert (entry["actor"], entry["private"]) == ("system", {})
    recorded = leaving_care.database.events.find_one({"_id": entry["event_id"]})["event"]
    assert recorded["causationid"] == named.id
    assert recorded["time"] == recorded["recordedat"] > named.recorded_at


def test_the_same_message_twice_or_late_is_told_once(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str
) -> None:
    events = [feed.booked(pregnancy, her), feed.notified(pregnancy, her)]
    hear(leaving_care, *events)
    eventually(lambda: has_heard(leaving_care, *events))
    path, him = leaver(leaving_care)
    named = feed.partner(pregnancy, her, him)
    hear(leaving_care, named, named, feed.partner(pregnancy, her, him), events[0])
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    after = feed.joined(her, him, CHILD)
    hear(leaving_care, named, after)
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT, LEARNT])
    assert entries(adviser(leaving_care), path)[-1]["data"]["household_person_id"] == her
    assert struck_out_by_itself(adviser(leaving_care), path) == 0


def test_a_batch_about_many_records_asks_no_more_of_the_store_than_one_about_a_single_record(
    mongodb_uri: str, database: Database[dict[str, Any]], feed: EventFeed
) -> None:
    store = EventStore(
        open_database(mongodb_uri, database.name), source="perinatal", clock=MovableClock(NOW), catalogue=CATALOGUE
    )
    reactions = Reactions(store.database, store, REACTIONS)
    asked = []
    for pregnancies in (1, 20):
        booked = [feed.booked(str(uuid4()), f"p_{uuid4().hex}") for _ in range(pregnancies)]
        with TALLY.counting(database.name) as counts:
            reactions.react(booked)
        asked.append({name: count for name, count in counts.items() if not name.startswith("documents")})
    assert asked[0] == asked[1]


def test_who_is_registered_after_the_pregnancy_became_known_learns_of_it_too(
    leaving_care: Running, feed: EventFeed, pregnancy: str
) -> None:
    first, her = leaver(leaving_care, nhs_number="9990000085")
    hear(leaving_care, feed.booked(pregnancy, her))
    eventually(lambda: list_types(adviser(leaving_care), first) == [LEARNT])
    wrong = entries(adviser(leaving_care), first)[0]["event_id"]
    adviser(leaving_care).post(f"{first}/retractions", {"event_id": wrong, "reason_code": "wrong-person"})
    eventually(lambda: list_types(adviser(leaving_care), first) == [])
    assert leaver(leaving_care, nhs_number="9990000085") == (first, her)
    eventually(lambda: list_types(adviser(leaving_care), first) == [LEARNT])
    assert struck_out_by_itself(adviser(leaving_care), first) == 1


def test_what_was_said_in_error_is_struck_out_and_may_be_told_again(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str
) -> None:
    path, him = leaver(leaving_care)
    same = f"p_{uuid4().hex}"
    booked, named, link = feed.booked(pregnancy, her), feed.partner(pregnancy, her, same), feed.linked(same, him)
    hear(leaving_care, link, booked, named)
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    hear(leaving_care, feed.unlinked(him, same))
    eventually(lambda: list_types(adviser(leaving_care), path) == [])
    hear(leaving_care, feed.linked(him, same))
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    hear(leaving_care, feed.retracted(named))
    eventually(lambda: list_types(adviser(leaving_care), path) == [])
    assert struck_out_by_itself(adviser(leaving_care), path) == 2


def test_what_a_person_struck_out_is_not_told_again(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str
) -> None:
    path, him = leaver(leaving_care)
    hear(leaving_care, feed.booked(pregnancy, her), feed.partner(pregnancy, her, him))
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    loss = feed.ended(pregnancy, her, "miscarriage")
    hear(leaving_care, loss)
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT, LOST])
    learnt = next(entry for entry in entries(adviser(leaving_care), path) if entry["type"] == LEARNT)
    body = {"event_id": learnt["event_id"], "reason_code": "another-person"}
    assert code(adviser(leaving_care).post(f"{path}/retractions", body)) == "not-your-entry"
    assert manager(leaving_care).post(f"{path}/retractions", body).status_code == 201
    eventually(lambda: list_types(adviser(leaving_care), path) == [])
    again = feed.partner(pregnancy, her, him)
    hear(leaving_care, again, loss)
    eventually(lambda: has_heard(leaving_care, again))
    assert list_types(adviser(leaving_care), path) == []


def test_the_death_of_a_child_of_the_household_is_told(leaving_care: Running, feed: EventFeed, her: str) -> None:
    path, him = leaver(leaving_care)
    child = f"p_{uuid4().hex}"
    hear(leaving_care, feed.died(child, him, her), feed.joined(her, him, child))
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT, LOST])
    assert entries(adviser(leaving_care), path)[-1]["data"]["household_person_id"] == her


def test_a_move_of_a_care_leaver_is_learnt_once_and_struck_out_with_its_reason(
    leaving_care: Running, feed: EventFeed, her: str
) -> None:
    path, him = leaver(leaving_care)
    move = feed.moved(str(uuid4()), her, him)
    hear(leaving_care, move, move)
    eventually(lambda: list_types(adviser(leaving_care), path) == [MOVE_LEARNT])
    entry = entries(adviser(leaving_care), path)[-1]
    about = {"move_id": move.data["move_id"], "to_area": "norfolk", "out_of_area": True}
    assert {name: entry["data"][name] for name in about} == about
    by_themselves = {"to_area": "norfolk", "out_of_area": True}
    assert adviser(leaving_care).post(f"{path}/moved", by_themselves).status_code == 201
    hear(leaving_care, feed.retracted(move))
    eventually(lambda: list_types(adviser(leaving_care), path) == [])
    assert struck_out_by_itself(adviser(leaving_care), path) == 1


def test_a_child_born_years_before_the_registration_is_learnt_of_and_no_pregnancy(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str
) -> None:
    path, him = leaver(leaving_care)
    child = f"p_{uuid4().hex}"
    born = feed.ended(pregnancy, her, "birth", child)
    hear(leaving_care, feed.partner(pregnancy, her, him))
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    registered = datetime.fromisoformat(entries(adviser(leaving_care), path)[0]["occurred_at"])
    hear(leaving_care, replace(born, occurred_at=registered - timedelta(days=3 * 365)))
    eventually(lambda: struck_out_by_itself(adviser(leaving_care), path) == 1)
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    standing = [entry for entry in entries(adviser(leaving_care), path) if entry["type"] == LEARNT]
    assert [entry["data"].get("household_person_id") for entry in standing if not entry["retracted"]] == [child]


@pytest.mark.parametrize("answer", [CLAIM_CONFIRMED, CLAIM_REJECTED])
def test_a_reaction_to_a_claim_is_confirmed_or_rejected_together_with_it(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str, answer: str
) -> None:
    path, him = leaver(leaving_care)
    claim = replace(feed.partner(pregnancy, her, him), standing=NONE)
    hear(leaving_care, feed.booked(pregnancy, her), claim)
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    (learnt,) = [entry for entry in entries(adviser(leaving_care), path) if entry["type"] == LEARNT]
    stored = leaving_care.database.events
    assert stored.find_one({"_id": learnt["event_id"]})["event"]["standing"] == NONE
    said = {"event_id": claim.id, **({"reason_code": "not_so"} if answer == CLAIM_REJECTED else {})}
    hear(leaving_care, replace(feed.event(answer, claim.stream, **said), team="hv-harwich", standing=CIRCLE))
    expected = [LEARNT, CLAIM_CONFIRMED] if answer == CLAIM_CONFIRMED else []
    eventually(lambda: list_types(adviser(leaving_care), path) == expected)
    (last,) = entries(adviser(leaving_care), path)[-1:]
    assert (last["role"], last["data"]["event_id"]) == ("system", learnt["event_id"])
    assert stored.find_one({"_id": last["event_id"]})["event"]["standing"] == (CIRCLE if expected else NONE)


def test_what_cannot_be_read_is_parked_and_what_has_no_bearing_is_not_kept(
    leaving_care: Running, feed: EventFeed
) -> None:
    stranger = feed.event("person.registered.v1", f"person/{person(77)}", person_id=person(77), nhs_number_known=False)
    hear(leaving_care, stranger)
    publish(leaving_care.environment["AMQP_URI"], "leaving_care.reactions", (b"?", {"content_type": "text/plain"}))
    parked = leaving_care.database.parked
    eventually(lambda: parked.find_one({"queue": "leaving_care.reactions", "reason": "foreign content type"}))
    assert leaving_care.database.heard.find_one({"_id": stranger.id}) is None


def test_what_could_not_be_handled_is_tried_again_by_itself(
    leaving_care: Running, feed: EventFeed, her: str, pregnancy: str
) -> None:
    """As after a deployment in the wrong order: a type that was unknown when it came is known now."""
    path, him = leaver(leaving_care)
    named = feed.partner(pregnancy, her, him)
    unknown = {**named.to_cloudevent(), "type": "pregnancy.partner_seen.v1"}
    hear(leaving_care, Event.from_cloudevent(unknown))
    parked = leaving_care.database.parked
    waiting = eventually(lambda: parked.find_one({"message_id": named.id, "state": "parked"}))
    known = _as_message(named)
    parked.update_one({"_id": waiting["_id"]}, {"$set": {"body": known, "retry_at": waiting["parked_at"]}})
    eventually(lambda: list_types(adviser(leaving_care), path) == [LEARNT])
    eventually(lambda: parked.find_one({"_id": waiting["_id"], "state": "done"}))


@contextmanager
def another_worker(service: Running, folder: Path) -> Iterator[Any]:
    """A second `serve bus` of the service."""
    with Ports(folder / "ports.json") as ports:
        address = f"127.0.0.1:{ports.take('http')}"
        second = replace(service, environment={**service.environment, "HTTP_ADDRESS": address})
        with second.kept_running("serve", "bus") as process:
            yield process


def test_of_two_workers_one_is_killed_at_work_and_all_is_told_once(
    leaving_care: Running, feed: EventFeed, tmp_path: Path
) -> None:
    leavers = [leaver(leaving_care) for _ in range(12)]
    events = []
    for _, him in leavers:
        her, pregnancy = f"p_{uuid4().hex}", str(uuid4())
        events += [feed.partner(pregnancy, her, him), feed.booked(pregnancy, her), feed.notified(pregnancy, her)]
    before = leaving_care.database.events.count_documents({"event.type": LEARNT})
    with another_worker(leaving_care, tmp_path) as worker:
        eventually(lambda: _consumers(leaving_care) == 2)
        for _ in range(5):
            hear(leaving_care, *events)
        eventually(lambda: leaving_care.database.events.count_documents({"event.type": LEARNT}) > before)
        worker.kill()
    hear(leaving_care, *events)
    for path, _ in leavers:
        eventually(lambda path=path: list_types(adviser(leaving_care), path) == [LEARNT])
    eventually(lambda: has_heard(leaving_care, *events))
    assert leaving_care.database.events.count_documents({"event.type": LEARNT}) == before + len(leavers)


def pregnant(service: Running, **more: Any) -> tuple[str, str]:
    """The path of a new pregnancy, and its mother."""
    answer = midwife(service).post("/v1/people", {"given_name": "Wren", "family_name": "Exampleton", **more})
    mother = str(answer.json()["person_id"])
    booked = midwife(service).post("/v1/pregnancies", {"person_id": mother, "concerns": []})
    assert booked.status_code == 201, booked.text
    return str(booked.headers["Location"]), mother


def test_a_mother_who_is_a_care_leaver_is_learnt_with_the_team_to_contact(perinatal: Running, feed: EventFeed) -> None:
    path, mother = pregnant(perinatal)
    care_leaver = str(uuid4())
    assigned = feed.adviser(care_leaver, mother, "leaving-care-essex")
    registered = feed.registered(care_leaver, mother)
    hear(perinatal, assigned, registered, registered)
    eventually(lambda: list_types(midwife(perinatal), path) == [CARE_LEAVER_LEARNT])
    entry = entries(midwife(perinatal), path)[-1]
    assert entry["data"]["parent_id"] == mother
    assert entry["data"]["contact_team"] == "leaving-care-essex"
    later = feed.adviser(care_leaver, mother, "leaving-care-norfolk")
    hear(perinatal, later)
    eventually(lambda: has_heard(perinatal, later))
    assert list_types(midwife(perinatal), path) == [CARE_LEAVER_LEARNT]
    hear(perinatal, feed.retracted(registered))
    eventually(lambda: list_types(midwife(perinatal), path) == [])


def test_a_partner_who_is_linked_to_a_care_leaver_is_learnt_under_the_id_of_the_pregnancy(
    perinatal: Running, feed: EventFeed
) -> None:
    path, _ = pregnant(perinatal)
    by = midwife(perinatal)
    partner = by.post("/v1/people", {"given_name": "Rowan", "family_name": "Exampleton"}).json()["person_id"]
    him = f"p_{uuid4().hex}"
    hear(perinatal, feed.registered(str(uuid4()), him))
    named = by.post(f"{path}/partner-named", {"partner_id": partner, "relation": "father"})
    assert named.json()["facts"]["partner_known"] is False
    link = {"other_person_id": him, "reason": "confirmed", "confirmed_by": "midwife-eider"}
    assert by.post(f"/v1/people/{partner}/linked", link).status_code == 201
    eventually(lambda: list_types(by, path) == [CARE_LEAVER_LEARNT])
    assert entries(by, path)[-1]["data"]["parent_id"] == partner
    unlink = {"other_person_id": him, "reason_code": "mistaken", "confirmed_by": "midwife-eider"}
    assert by.post(f"/v1/people/{partner}/unlinked", unlink).status_code == 201
    eventually(lambda: list_types(by, path) == [])


def test_learning_that_a_parent_is_a_care_leaver_starts_no_assessment(perinatal: Running, feed: EventFeed) -> None:
    path, mother = pregnant(perinatal)
    hear(perinatal, feed.registered(str(uuid4()), mother))
    eventually(lambda: list_types(midwife(perinatal), path) == [CARE_LEAVER_LEARNT])
    record = midwife(perinatal).get(path).json()
    assert record["state"] == "booked"
    assert [entry["type"] for entry in record["history"]] == ["pregnancy.booked.v1", CARE_LEAVER_LEARNT]


@pytest.fixture(scope="module")
def both(
    leaving_care: Running, backends: Backends, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Running, Running]]:
    """`leaving_care` as in the tests above, and a `perinatal` on the same bus."""
    with running("perinatal", backends, tmp_path_factory.mktemp("beside"), beside=leaving_care) as perinatal:
        yield leaving_care, perinatal


def test_the_two_services_learn_from_each_other(both: tuple[Running, Running]) -> None:
    leaving_care, perinatal = both
    number = "9990000093"
    leaver_path, him = leaver(leaving_care, nhs_number=number)
    body = {"adviser": "pa-brook", "team": "leaving-care-essex"}
    manager(leaving_care).post(f"{leaver_path}/adviser", body)

    path, _ = pregnant(perinatal)
    by = midwife(perinatal)
    partner = by.post("/v1/people", {"given_name": "Rowan", "family_name": "Exampleton", "nhs_number": number}).json()
    assert partner["person_id"] == him
    named = by.post(f"{path}/partner-named", {"partner_id": him, "relation": "father"}).json()["event_id"]
    eventually(lambda: list_types(adviser(leaving_care), leaver_path) == [LEARNT])
    eventually(lambda: list_types(by, path) == [CARE_LEAVER_LEARNT])
    assert entries(by, path)[-1]["data"]["contact_team"] == "leaving-care-essex"

    by.post(f"{path}/ended", {"outcome": "stillbirth"})
    eventually(lambda: list_types(adviser(leaving_care), leaver_path) == [LEARNT, LOST])
    by.post(f"{path}/retractions", {"event_id": named, "reason_code": "another-man"})
    eventually(lambda: list_types(adviser(leaving_care), leaver_path) == [])
    eventually(lambda: list_types(by, path) == [])


def test_a_mother_who_is_registered_after_her_booking_is_learnt_on_both_sides(both: tuple[Running, Running]) -> None:
    leaving_care, perinatal = both
    path, her = pregnant(perinatal, nhs_number="9990000077")
    leaver_path, person_id = leaver(leaving_care, nhs_number="9990000077")
    assert person_id == her
    eventually(lambda: list_types(midwife(perinatal), path) == [CARE_LEAVER_LEARNT])
    eventually(lambda: list_types(adviser(leaving_care), leaver_path) == [LEARNT])


def test_what_the_services_record_by_themselves_carries_ids_and_codes_only(both: tuple[Running, Running]) -> None:
    for service in both:
        for document in service.database.events.find({"event.role": "system"}):
            assert not document["private"].get("personal")
            assert CATALOGUE.faults(document["event"]["type"], document["event"]["data"]) == {}
        for document in service.database.heard.find():
            assert set(document) == {"_id", "event", "refs", "settled"}
            assert not any(word in str(document) for word in ("Rowan", "Exampleton", "1994-05-20", "9990000093"))


def _consumers(service: Running) -> int:
    with channel(service.environment["AMQP_URI"]) as on:
        return int(on.queue_declare("leaving_care.reactions", passive=True).method.consumer_count)


def _as_message(event: Event) -> bytes:
    return json.dumps(event.to_cloudevent()).encode()
