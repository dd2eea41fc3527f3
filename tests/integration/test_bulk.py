"""Many commands in one request: each has the result that it would have alone; none is lost, doubled or overtaken."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any
from uuid import uuid4

import pytest
import requests
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from deploy.local.backends import Backends
from services.perinatal.bootstrap import build
from services.perinatal.service import PerinatalService
from shared.config.config import Config
from shared.events.errors import StoreUnavailable
from shared.events.recorder import MongoRecorder
from shared.kernel.decisions import Actor
from shared.recording.bulk import Bulk, Order, Result, Source
from shared.recording.bulk_routes import MOST_BYTES, MOST_COMMANDS, NDJSON, URL
from shared.web.exchange import JSON
from tests.integration.recording import Caller, Running, code, running

GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))
NAMES = {"given_name": "Wren", "family_name": "Exampleton"}
NOTED = {"stage": "intended", "service": "camhs", "reason_code": "depression", "urgency": "routine"}


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("bulk")) as service:
        yield service


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    return service.caller(GP.id, GP.role, GP.team)


def command(key: str, path: str, body: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {"key": key, "path": path, "body": body or {}, **more}


def a_story(key: str) -> list[dict[str, Any]]:
    """Somebody is registered and a referral noted, which is sent and then withdrawn: each builds on one before."""
    step = "/v1/referrals/{referral_id}"
    return [
        command(f"{key}-person", "/v1/people", NAMES),
        command(f"{key}-noted", "/v1/referrals", NOTED, **{"from": {"person_id": f"{key}-person"}}),
        command(f"{key}-sent", f"{step}/sent", {"channel": "letter"}, **{"from": {"referral_id": f"{key}-noted"}}),
        command(
            f"{key}-withdrawn",
            f"{step}/withdrawn",
            {"reason_code": "declined", "decided_by": GP.id},
            **{"from": {"referral_id": f"{key}-noted"}},
        ),
    ]


def give(caller: Caller, commands: Any, content_type: str = JSON) -> requests.Response:
    body = "\n".join(map(json.dumps, commands)) if content_type == NDJSON else json.dumps(commands)
    headers = {"Authorization": f"Bearer {caller.token}", "Content-Type": content_type}
    return requests.post(caller.url + URL, data=body, headers=headers, timeout=30)


def results(answer: requests.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return list(answer.json()["results"])


def statuses(answer: requests.Response) -> list[int]:
    return [result["status"] for result in results(answer)]


def test_each_command_has_its_own_result_in_their_order_and_may_build_on_one_before(gp: Caller) -> None:
    commands = [*a_story(uuid4().hex), *a_story(uuid4().hex)]
    told = results(give(gp, commands))
    assert [result["key"] for result in told] == [one["key"] for one in commands]
    assert [result["status"] for result in told] == [201] * 8
    assert [result["body"]["state"] for result in told] == ["registered", "intended", "sent", "withdrawn"] * 2
    assert told[0]["location"] == f"/v1/people/{told[0]['body']['person_id']}"
    assert told[3]["body"] == gp_reads(gp, told[1]["location"]) | {"event_id": told[3]["body"]["event_id"]}


def gp_reads(gp: Caller, location: str) -> dict[str, Any]:
    shown: dict[str, Any] = gp.get(location).json()
    shown.pop("history")
    assert shown.pop("signposts") == []
    assert {request["address"] for request in shown.pop("next")} == {f"{location}/closed"}
    return shown


def test_the_same_commands_again_have_the_same_results_and_record_nothing(service: Running, gp: Caller) -> None:
    commands = a_story(uuid4().hex)
    first = results(give(gp, commands))
    before = service.database.events.count_documents({})
    assert results(give(gp, commands, NDJSON)) == first
    assert service.database.events.count_documents({}) == before


def test_a_refused_command_hinders_only_those_that_build_on_it(gp: Caller) -> None:
    broken, sound = a_story(uuid4().hex), a_story(uuid4().hex)
    broken[1]["body"] = {**NOTED, "urgency": "at once", "surprise": 1}
    told = results(give(gp, [*broken, *sound]))
    assert [result["status"] for result in told] == [201, 422, 424, 424, 201, 201, 201, 201]
    assert [fault["field"] for fault in told[1]["body"]["errors"]] == ["surprise", "urgency"]
    assert told[2]["body"]["type"] == "/problems/nothing-recorded"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"path": "/v1/people"}, "key"),
        ({"key": "no spaces please", "path": "/v1/people"}, "key"),
        ({"key": "k"}, "path"),
        ({"key": "k", "path": "/v1/people", "body": []}, "body"),
        ({"key": "k", "path": "/v1/people", "if_match": "7"}, "if_match"),
        ({"key": "k", "path": "/v1/people", "from": {"person_id": 7}}, "from.person_id"),
        ({"key": "k", "path": "/v1/people", "from": "other"}, "from"),
        ({"key": "k", "path": "/v1/people", "actor": {}}, "actor"),
        ({"key": "k", "path": "/v1/referrals/{referral_id}/sent"}, "from.referral_id"),
        ({"key": "k", "path": "/v1/people", "body": {"note": "a"}, "from": {"note": "FIRST"}}, "from.note"),
        ({"key": "k", "path": "/v1/referrals", "from": {"care_leaver_id": "FIRST"}}, "from.care_leaver_id"),
    ],
)
def test_every_bad_field_of_a_command_is_named_and_the_others_are_recorded(
    gp: Caller, said: dict[str, Any], field: str
) -> None:
    first = uuid4().hex
    said = json.loads(json.dumps(said).replace("FIRST", first))
    told = results(give(gp, [command(first, "/v1/people", NAMES), said]))
    assert [result["status"] for result in told] == [201, 422]
    assert [fault["field"] for fault in told[1]["body"]["errors"]] == [field]


def test_a_line_that_is_no_json_is_the_result_of_that_line(gp: Caller) -> None:
    good = [json.dumps(one) for one in a_story(uuid4().hex)]
    body = "\n".join([good[0], "{", '{"key": "a", "key": "b"}', "", *good[1:], "7"])
    headers = {"Authorization": f"Bearer {gp.token}", "Content-Type": f"{NDJSON}; charset=utf-8"}
    answer = requests.post(gp.url + URL, data=body, headers=headers, timeout=30)
    assert statuses(answer) == [201, 400, 400, 201, 201, 201, 422]
    assert (answer.json()["recorded"], answer.json()["refused"]) == (4, 3)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "problem"),
    [
        ("{}", JSON, 400, "malformed-json"),
        ("[", JSON, 400, "malformed-json"),
        ("[]", "text/csv", 415, "wrong-content-type"),
        ("[]", f"{JSON}; charset=latin-1", 415, "wrong-content-type"),
        (json.dumps([{}] * (MOST_COMMANDS + 1)), JSON, 413, "too-many-commands"),
        ("[" + " " * MOST_BYTES + "]", JSON, 413, "body-too-large"),
    ],
)
def test_a_body_that_cannot_be_taken_apart_is_refused_whole(
    gp: Caller, body: str, content_type: str, status: int, problem: str
) -> None:
    headers = {"Authorization": f"Bearer {gp.token}", "Content-Type": content_type}
    answer = requests.post(gp.url + URL, data=body, headers=headers, timeout=30)
    assert (answer.status_code, code(answer)) == (status, problem)


def test_each_command_is_for_the_roles_and_areas_of_its_own_route(service: Running, gp: Caller) -> None:
    told = results(give(gp, a_story(uuid4().hex)))
    referral, person = told[1]["body"]["referral_id"], told[0]["body"]["person_id"]
    elsewhere = service.caller("camhs-intake", "mental_health_service", "camhs-norfolk", "norfolk")
    given = [
        command(uuid4().hex, "/v1/people", NAMES),
        command(uuid4().hex, f"/v1/referrals/{referral}/accepted"),
        command(uuid4().hex, f"/v1/people/{person}"),
        command(uuid4().hex, URL),
        command(uuid4().hex, "/v1/referrals"),
    ]
    assert statuses(give(elsewhere, given)) == [403, 403, 404, 404, 403]
    reviewer = service.caller("reviewer-thorne", "reviewer", "reviews")
    assert give(reviewer, given).status_code == 403


def test_a_version_that_is_no_longer_the_present_one_is_refused(gp: Caller) -> None:
    person, noted, sent, withdrawn = a_story(uuid4().hex)
    told = statuses(give(gp, [person, noted, {**sent, "if_match": 1}, {**withdrawn, "if_match": 1}]))
    assert told == [201, 201, 201, 412]


def test_an_id_of_another_name_and_a_list_of_ids_are_filled_from_earlier_commands(service: Running) -> None:
    nurse, key = service.caller("hv-pereira", "health_visitor", "hv-harwich"), uuid4().hex
    children = [command(f"{key}-{number}", "/v1/people", NAMES) for number in range(2)]
    body = {"from_area": "essex", "to_area": "norfolk", "told_by": "family", "handover_needed": True}
    ids = [{"key": one["key"], "field": "person_id"} for one in children]
    both = {"people": ids, "person_id": ids[0]}
    told = results(give(nurse, [*children, command(f"{key}-moved", "/v1/moves", body, **{"from": both})]))
    assert [result["status"] for result in told] == [201, 201, 201], told
    assert told[2]["body"]["facts"]["people"] == [result["body"]["person_id"] for result in told[:2]]


def test_many_at_once_on_the_same_records_lose_and_double_nothing(service: Running, gp: Caller) -> None:
    """The same commands from four at once, and others on the same record: versions have no gap, each key one event."""
    key = uuid4().hex
    stories = [one for number in range(10) for one in a_story(f"{key}-{number}")]
    person = results(give(gp, [command(f"{key}-crowded", "/v1/people", NAMES)]))[0]["body"]["person_id"]
    assigned = {"role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}
    nurse = service.caller("hv-pereira", "health_visitor", "hv-harwich")
    crowd = [
        [command(f"{key}-{caller}-{n}", f"/v1/people/{person}/practitioner", assigned) for n in range(10)]
        for caller in range(4)
    ]
    with ThreadPoolExecutor(8) as callers:
        same = [callers.submit(give, gp, stories) for _ in range(4)]
        different = [callers.submit(give, nurse, commands) for commands in crowd]
        told = [results(answer.result()) for answer in same]
        others = [result for answer in different for result in results(answer.result())]
    assert {result["status"] for result in [*told[0], *others]} == {201}
    assert told[1:] == told[:1] * 3
    versions = [result["body"]["version"] for result in others]
    assert sorted(versions) == list(range(2, 42))
    streams = [f"referral/{result['body']['referral_id']}" for result in told[0] if "referral_id" in result["body"]]
    stored = service.database.events.find({"event.stream": {"$in": [*streams, f"person/{person}"]}}, {"event": 1})
    found = Counter((one["event"]["stream"], one["event"]["streamversion"]) for one in stored)
    assert len(found) == 30 + 41
    assert set(found.values()) == {1}


# --- the same as one by one -----------------------------------------------------------------------------------------


@pytest.fixture
def perinatal(database: Database[dict[str, Any]], mongodb_uri: str, tmp_path: Any) -> Iterator[PerinatalService]:
    """The service class with its parts, without a container."""
    (tmp_path / "person.key").write_text("5" * 64)
    service = PerinatalService()
    service.dependencies = build(
        Config(
            service="perinatal",
            role="import",
            mongodb_uri=mongodb_uri,
            mongodb_database=database.name,
            public_url="http://perinatal.example",
            bank_holidays_until=2016,
            person_id_key_file=tmp_path / "person.key",
        )
    )
    yield service
    service.dependencies.close()


def some_orders(chance: Random, name: str) -> list[Order]:
    """Commands on a few records, many of which do not follow from the state; some have a key that was used before."""
    orders = []
    for number in range(6):
        key = f"{name}-{number}"
        orders += [
            Order(GP, f"{key}-person", "/v1/people", NAMES),
            Order(
                GP, f"{key}-noted", "/v1/referrals", NOTED, sources={"person_id": Source(f"{key}-person", "person_id")}
            ),
        ]
        for step in range(chance.randrange(5)):
            verb, body = chance.choice(
                [
                    ("sent", {"channel": "letter"}),
                    ("withdrawn", {"reason_code": "declined", "decided_by": GP.id}),
                    ("closed", {"reason_code": "done"}),
                    ("sent", {}),
                ]
            )
            used = chance.choice([f"{key}-{step}", f"{key}-{step}", f"{key}-0"])
            found = {"referral_id": Source(f"{key}-noted", "referral_id")}
            orders.append(Order(GP, used, f"/v1/referrals/{{referral_id}}/{verb}", body, sources=found))
    whole = chance.random() < 0.5
    return orders if whole else chance.sample(orders, len(orders))


def told_of(results: Sequence[Result]) -> list[tuple[int, Any, Any]]:
    return [
        (result.status, result.body.get("state", result.body.get("type")), result.body.get("version"))
        for result in results
    ]


@pytest.mark.parametrize("seed", range(8))
def test_a_batch_leads_to_what_its_commands_lead_to_one_by_one(perinatal: PerinatalService, seed: int) -> None:
    bulk = Bulk(perinatal)
    together = bulk.give(some_orders(Random(seed), "together"), str(uuid4()))
    alone = [bulk.give([order], str(uuid4()))[0] for order in some_orders(Random(seed), "alone")]
    assert told_of(together) == told_of(alone)
    found = perinatal.dependencies.store.collection.find({}, {"event.stream": 1, "event.streamversion": 1})
    versions: dict[str, list[int]] = {}
    for one in found:
        versions.setdefault(one["event"]["stream"], []).append(one["event"]["streamversion"])
    assert all(sorted(each) == list(range(1, len(each) + 1)) for each in versions.values())
    recorded = {result.body["event_id"] for result in together + alone if result.is_recorded}
    assert recorded == set(perinatal.dependencies.store.collection.distinct("_id"))


def test_what_was_stored_and_not_confirmed_is_asked_for_again_and_not_doubled(
    perinatal: PerinatalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = MongoRecorder.insert_all

    def unconfirmed(recorder: MongoRecorder, documents: Sequence[dict[str, Any]]) -> list[Any]:
        real(recorder, documents)
        return [StoreUnavailable("not confirmed") for _ in documents]

    monkeypatch.setattr(MongoRecorder, "insert_all", unconfirmed)
    told = Bulk(perinatal).give(some_orders(Random(1), "unconfirmed"), str(uuid4()))
    recorded = {result.body["event_id"] for result in told if result.is_recorded}
    assert len(recorded) > 12
    assert recorded == set(perinatal.dependencies.store.collection.distinct("_id"))


def test_while_the_store_is_away_nothing_is_called_recorded_and_all_can_be_given_again(
    perinatal: PerinatalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [Order(GP, f"key-{number}", "/v1/people", NAMES) for number in range(4)]

    def away(*_: Any, **__: Any) -> None:
        raise AutoReconnect

    with monkeypatch.context() as failing:
        failing.setattr(Collection, "insert_many", away)
        told = Bulk(perinatal).give(orders, str(uuid4()))
    assert [result.status for result in told] == [503] * 4
    assert [result.status for result in Bulk(perinatal).give(orders, str(uuid4()))] == [201] * 4
    assert perinatal.dependencies.store.collection.count_documents({}) == 4
