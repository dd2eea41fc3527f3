"""The leaving-care service over real HTTP, MongoDB and RabbitMQ: care leavers, advisers, and their plan items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from deploy.local.parts import Parts
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

CARE_LEAVER = {
    "given_name": "Rowan",
    "family_name": "Exampleton",
    "date_of_birth": "1992-05-20",
    "category": "former_relevant",
}
ITEM = {"kind": "counselling", "condition": "when_ready", "fallback": "mental_health_worker"}
ARRANGED = {
    "owner": "pa-brook",
    "trigger_code": "asks-for-it",
    "fallback": "mental_health_worker",
    "review_by": "2013-03-11",
}
UNKNOWN = "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c"


@pytest.fixture(scope="module")
def service(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("leaving_care", parts, tmp_path_factory.mktemp("leaving_care")) as service:
        yield service


@pytest.fixture(scope="module")
def adviser(service: Running) -> Caller:
    return service.caller("pa-brook", "personal_adviser", "leaving-care-essex")


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("manager-lane", "manager", "leaving-care-essex")


@pytest.fixture
def care_leaver_id(adviser: Caller) -> str:
    return str(adviser.post("/v1/care-leavers", CARE_LEAVER).json()["care_leaver_id"])


def added(adviser: Caller, care_leaver_id: str, **more: Any) -> str:
    answer = adviser.post("/v1/plan-items", {**ITEM, "care_leaver_id": care_leaver_id, **more})
    assert answer.status_code == 201, answer.text
    return f"/v1/plan-items/{answer.json()['plan_item_id']}"


def test_a_care_leaver_is_read_with_the_name_and_every_reading_is_logged(
    service: Running, adviser: Caller, care_leaver_id: str
) -> None:
    answer = adviser.get(f"/v1/care-leavers/{care_leaver_id}").json()
    assert {name: answer[name] for name in CARE_LEAVER} == CARE_LEAVER
    logged = service.database.access_log.find_one({"subjects": answer["person_id"]})
    assert logged["actor"] == "pa-brook"


def test_one_person_is_one_care_leaver(adviser: Caller, manager: Caller) -> None:
    body = {**CARE_LEAVER, "nhs_number": "9990000026"}
    first = adviser.post("/v1/care-leavers", body)
    assert first.status_code == 201
    again = manager.post("/v1/care-leavers", body)
    assert (again.status_code, code(again)) == (409, "care-leaver-already-known")
    assert first.json()["care_leaver_id"] in again.json()["detail"]


def test_every_bad_field_of_a_registration_is_named_at_once(adviser: Caller) -> None:
    answer = adviser.post("/v1/care-leavers", {"given_name": "", "category": "former", "nhs_number": "9222222228"})
    assert answer.status_code == 422
    assert faulty_fields(answer) == {"given_name", "family_name", "date_of_birth", "category", "nhs_number"}


def test_a_manager_assigns_the_personal_adviser(adviser: Caller, manager: Caller, care_leaver_id: str) -> None:
    path, body = f"/v1/care-leavers/{care_leaver_id}/adviser", {"adviser": "pa-brook", "team": "leaving-care-essex"}
    assert adviser.post(path, body).status_code == 403
    assert manager.post(path, body).json()["adviser"] == "pa-brook"


def test_a_plan_item_belongs_to_a_care_leaver_who_is_known_here(adviser: Caller, care_leaver_id: str) -> None:
    stranger = adviser.post("/v1/plan-items", {**ITEM, "care_leaver_id": UNKNOWN})
    assert (stranger.status_code, faulty_fields(stranger)) == (422, {"care_leaver_id"})
    record = adviser.get(added(adviser, care_leaver_id)).json()
    assert record["state"] == "added"
    assert record["person_id"] == adviser.get(f"/v1/care-leavers/{care_leaver_id}").json()["person_id"]


def test_an_item_is_arranged_offered_declined_deferred_and_its_fallback_carried_through(
    adviser: Caller, care_leaver_id: str
) -> None:
    path = added(adviser, care_leaver_id)
    steps: list[tuple[str, dict[str, Any], str]] = [
        ("arranged", ARRANGED, "arranged"),
        ("offered", {}, "offered"),
        ("declined", {"note": "Not yet, he says."}, "declined"),
        ("offered", {}, "offered"),
        ("deferred", {"re_offer_by": "2013-05-06"}, "deferred"),
        ("reviewed", {"next_review_by": "2013-05-06"}, "deferred"),
        ("fallback-started", {}, "fallback_started"),
        ("taken-up", {}, "taken_up"),
        ("completed", {}, "completed"),
    ]
    for verb, body, state in steps:
        answer = adviser.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
        assert answer.json()["state"] == state
    record = adviser.get(path).json()
    assert record["version"] == 10
    assert record["history"][3]["private"] == {"note": "Not yet, he says."}
    assert code(adviser.post(f"{path}/offered", {})) == "not-from-here"


def test_an_item_ends_only_with_a_reason_and_a_managers_name(adviser: Caller, care_leaver_id: str) -> None:
    path = added(adviser, care_leaver_id)
    assert faulty_fields(adviser.post(f"{path}/ended", {})) == {"reason_code", "manager"}
    body = {"reason_code": "moved-away", "manager": "manager-lane", "young_person_view": "I am fine."}
    assert adviser.post(f"{path}/ended", body).json()["state"] == "ended"
    last = adviser.get(path).json()["history"][-1]
    assert last["data"]["young_person_view_given"] is True
    assert last["private"] == {"young_person_view": "I am fine."}


def test_an_entry_made_in_error_is_struck_out(adviser: Caller, care_leaver_id: str) -> None:
    path = added(adviser, care_leaver_id)
    wrong = adviser.post(f"{path}/offered", {}).json()["event_id"]
    answer = adviser.post(f"{path}/retractions", {"event_id": wrong, "reason_code": "wrong-person"})
    assert answer.json()["state"] == "added"


def test_another_areas_adviser_neither_reads_nor_adds(service: Running, adviser: Caller, care_leaver_id: str) -> None:
    elsewhere = service.caller("pa-cley", "personal_adviser", "leaving-care-norfolk", "norfolk")
    for answer in (
        elsewhere.get(f"/v1/care-leavers/{care_leaver_id}"),
        elsewhere.get(added(adviser, care_leaver_id)),
        elsewhere.post("/v1/plan-items", {**ITEM, "care_leaver_id": care_leaver_id}),
    ):
        assert (answer.status_code, code(answer)) == (403, "wrong-area")


def test_a_mental_health_worker_sees_only_items_that_their_team_has_a_part_in(
    service: Running, adviser: Caller, care_leaver_id: str
) -> None:
    worker = service.caller("mh-finch", "mental_health_service", "mental-health-essex")
    path = added(adviser, care_leaver_id)
    assert code(worker.get(path)) == "not-disclosed"
    assert code(worker.post(f"{path}/fallback-started", {})) == "not-disclosed"
    colleague = service.caller("mh-grebe", "mental_health_service", "leaving-care-essex")
    assert colleague.post(f"{path}/fallback-started", {}).status_code == 201
    assert colleague.get(path).status_code == 200


def test_the_list_of_plan_items_follows_what_is_recorded(adviser: Caller, care_leaver_id: str) -> None:
    paths = [added(adviser, care_leaver_id) for _ in range(3)]
    adviser.post(f"{paths[1]}/arranged", ARRANGED)

    def listed(**query: Any) -> list[str]:
        rows = adviser.get("/v1/plan-items", care_leaver=care_leaver_id, **query).json()["items"]
        return [f"/v1/plan-items/{row['plan_item_id']}" for row in rows]

    eventually(lambda: listed(state="arranged", owner="pa-brook") == [paths[1]])
    eventually(lambda: listed() == list(reversed(paths)))
    assert listed(limit=2) == [paths[2], paths[1]]


def test_views_dropped_and_rebuilt_are_identical(service: Running, adviser: Caller, care_leaver_id: str) -> None:
    path = added(adviser, care_leaver_id)
    adviser.post(f"{path}/offered", {})
    views = service.database.plan_item_views
    eventually(lambda: (views.find_one({"_id": path.rpartition("/")[2]}) or {}).get("version") == 2)
    before = [list(view.items()) for view in views.find(sort=[("_id", 1)])]
    service.run("rebuild")
    assert [list(view.items()) for view in views.find(sort=[("_id", 1)])] == before


def test_nothing_personal_is_in_the_published_part_of_any_event(service: Running) -> None:
    for document in service.database.events.find({}, {"event": 1}):
        assert not any(
            word in str(document) for word in ("Rowan", "Exampleton", "1992-05-20", "9990000026", "I am fine")
        )


def test_the_openapi_document_describes_each_route_with_its_own_body(service: Running) -> None:
    document = requests.get(f"{service.url}/openapi.json", timeout=10).json()
    for verb, body in (("arranged", "ArrangedBody"), ("deferred", "DeferredBody"), ("ended", "EndedBody")):
        route = document["paths"][f"/v1/plan-items/{{plan_item_id}}/{verb}"]["post"]
        assert route["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/{body}")
