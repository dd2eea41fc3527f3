"""The leaving-care service over real HTTP, MongoDB and RabbitMQ: care leavers, advisers, and their plan items."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

CARE_LEAVER = {
    "given_name": "Rowan",
    "family_name": "Exampleton",
    "date_of_birth": "1992-05-20",
    "category": "former_relevant",
}
# The day of the registration, when they were 20.
REGISTERED = {**CARE_LEAVER, "occurred_at": "2013-01-07"}
IN_8_WEEKS = (datetime.now(UTC) + timedelta(weeks=8)).date().isoformat()
ITEM = {"kind": "counselling", "condition": "when_ready", "fallback": "mental_health_worker"}
ARRANGED = {
    "owner": "pa-brook",
    "trigger_code": "asks-for-it",
    "fallback": "mental_health_worker",
    "review_by": IN_8_WEEKS,
}
UNKNOWN = "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c"
PREGNANCY = "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6d"


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("leaving_care", backends, tmp_path_factory.mktemp("leaving_care")) as service:
        yield service


@pytest.fixture(scope="module")
def adviser(service: Running) -> Caller:
    return service.caller("pa-brook", "personal_adviser", "leaving-care-essex")


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("manager-lane", "manager", "leaving-care-essex")


@pytest.fixture
def care_leaver_id(adviser: Caller) -> str:
    return str(adviser.post("/v1/care-leavers", REGISTERED).json()["care_leaver_id"])


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
    body = {**REGISTERED, "nhs_number": "9990000026"}
    first = adviser.post("/v1/care-leavers", body)
    assert first.status_code == 201
    again = manager.post("/v1/care-leavers", body)
    assert (again.status_code, code(again)) == (409, "care-leaver-already-known")
    assert first.json()["care_leaver_id"] in again.json()["detail"]


def test_every_bad_field_of_a_registration_is_named_at_once(adviser: Caller) -> None:
    answer = adviser.post("/v1/care-leavers", {"given_name": "", "category": "former", "nhs_number": "9222222228"})
    assert answer.status_code == 422
    assert faulty_fields(answer) == {"given_name", "family_name", "date_of_birth", "category", "nhs_number"}


def test_with_the_dates_of_care_the_category_is_worked_out_and_the_dates_stay_private(adviser: Caller) -> None:
    born = datetime.now(UTC).date() - timedelta(days=366 * 19)
    year = timedelta(days=365)
    periods = [{"from_on": (born + 10 * year).isoformat(), "to_on": (born + 17 * year).isoformat()}]
    body = {**CARE_LEAVER, "date_of_birth": born.isoformat(), "looked_after": periods}
    del body["category"]
    answer = adviser.post("/v1/care-leavers", body).json()
    assert answer["category"] == "former_relevant"
    record = adviser.get(f"/v1/care-leavers/{answer['care_leaver_id']}").json()
    assert record["looked_after"] == periods
    assert record["entitlement_review_on"] == answer["entitlement_review_on"]
    contradicting = adviser.post("/v1/care-leavers", {**body, "category": "relevant"})
    assert (contradicting.status_code, faulty_fields(contradicting)) == (422, {"category"})


def test_a_registration_says_all_that_is_wrong_with_category_and_dates_of_care(adviser: Caller) -> None:
    without = {name: value for name, value in CARE_LEAVER.items() if name != "category"}
    assert faulty_fields(adviser.post("/v1/care-leavers", without)) == {"category", "looked_after"}
    turned = {**without, "looked_after": [{"from_on": "2010-01-02", "to_on": "2010-01-01"}]}
    assert faulty_fields(adviser.post("/v1/care-leavers", turned)) == {"looked_after.0.to_on"}
    nobody = adviser.post("/v1/care-leavers", {**without, "looked_after": [{"from_on": "2010-01-02"}]})
    assert (nobody.status_code, code(nobody)) == (422, "not-a-care-leaver")


STEPS: list[tuple[str, dict[str, Any], str]] = [
    ("contact-made", {"how": "in_person"}, "pa_contact.made"),
    ("contact-failed", {"how": "phone"}, "pa_contact.failed"),
    ("contact-lost", {}, "pa_contact.lost"),
    ("pathway-assessed", {}, "pathway.assessed"),
    ("pathway-planned", {}, "pathway.planned"),
    ("pathway-reviewed", {"reason": "parent", "pregnancy_id": PREGNANCY}, "pathway.reviewed"),
    (
        "accommodation",
        {"kind": "authority", "provided_by_authority": True, "area": "norfolk"},
        "accommodation.changed",
    ),
    ("moved", {"to_area": "norfolk", "out_of_area": True}, "care_leaver.moved"),
    ("authority-confirmed", {"authority": "essex"}, "authority.confirmed"),
    ("parenthood-acknowledged", {"household_person_id": f"p_{7:032x}"}, "parenthood.acknowledged"),
    ("support-offered", {"support_code": "young-parents-group", "pregnancy_id": PREGNANCY}, "support_offer.made"),
    (
        "entitlement-decided",
        {"decision": "continues", "decided_by": "manager-lane"},
        "care_leaver.entitlement_decided",
    ),
    ("reminded", {"how": "letter"}, "care_leaver.reminded"),
    ("ending-planned", {"topics": ["housing", "children"], "agreed": True}, "care_leaver.ending_planned"),
    ("authority-told", {"authority": "norfolk", "agreed": False}, "care_leaver.authority_told"),
]


def test_everything_that_happens_with_a_care_leaver_is_recorded(adviser: Caller, care_leaver_id: str) -> None:
    path = f"/v1/care-leavers/{care_leaver_id}"
    for verb, body, _ in STEPS:
        answer = adviser.post(f"{path}/{verb}", {**body, "occurred_at": "2013-01", "note": "He was well."})
        assert answer.status_code == 201, (verb, answer.text)
        wrong = adviser.post(f"{path}/{verb}", {**dict.fromkeys(body), "adviser": "pa-brook"})
        assert faulty_fields(wrong) == {*body, "adviser"}
    record = adviser.get(path).json()
    assert (record["state"], record["version"]) == ("registered", 1 + len(STEPS))
    derived = {"care_leaver.entitlement_decided": {"entitlement_review_on": "2017-06-30"}}
    derived["care_leaver.reminded"] = derived["care_leaver.entitlement_decided"]
    expected = {name: {**body, **derived.get(name, {})} for _, body, name in STEPS}
    assert {name: record["facts"][name] for _, _, name in STEPS} == expected
    assert {entry["precision"] for entry in record["history"][1:]} == {"month"}
    assert record["history"][-1]["private"] == {"note": "He was well."}


def test_who_asks_for_support_again_at_23_is_recorded_and_at_20_only_when_it_is_confirmed(
    adviser: Caller, care_leaver_id: str
) -> None:
    path = f"/v1/care-leavers/{care_leaver_id}/support-requested"
    answer = adviser.post(path, {"how": "phone", "occurred_at": "2015-09-01"})
    assert (answer.status_code, answer.json()["facts"]["care_leaver.support_requested"]) == (
        201,
        {"how": "phone", "entitlement_review_on": "2017-06-30"},
    )
    young = {"how": "phone", "occurred_at": "2013-03-01"}
    refused = adviser.post(path, young)
    assert (refused.status_code, code(refused)) == (422, "please-confirm")
    assert adviser.post(path, {**young, "confirms": ["care-leaver-age"]}).status_code == 201


def test_a_category_is_determined_again_by_somebody(adviser: Caller, care_leaver_id: str) -> None:
    answer = adviser.post(f"/v1/care-leavers/{care_leaver_id}/category", {"category": "qualifying"})
    assert (answer.status_code, answer.json()["category"]) == (201, "qualifying")
    late = {"category": "former_relevant", "occurred_at": "2012-03-01"}
    answer = adviser.post(f"/v1/care-leavers/{care_leaver_id}/category", late)
    assert answer.json()["entitlement_review_on"] == "2013-06-30"
    assert adviser.post(f"/v1/care-leavers/{UNKNOWN}/category", {"category": "qualifying"}).status_code == 404


def test_only_the_present_adviser_can_be_ended(manager: Caller, care_leaver_id: str) -> None:
    path, ended = f"/v1/care-leavers/{care_leaver_id}", {"adviser": "pa-brook", "reason_code": "left"}
    assert code(manager.post(f"{path}/adviser-ended", ended)) == "not-the-adviser"
    manager.post(f"{path}/adviser", {"adviser": "pa-brook", "team": "leaving-care-essex"})
    assert manager.post(f"{path}/adviser-ended", ended).json()["adviser"] is None


def test_a_step_that_was_recorded_in_error_is_struck_out_of_the_facts(adviser: Caller, care_leaver_id: str) -> None:
    path = f"/v1/care-leavers/{care_leaver_id}"
    wrong = adviser.post(f"{path}/contact-made", {"how": "phone"}).json()["event_id"]
    answer = adviser.post(f"{path}/retractions", {"event_id": wrong, "reason_code": "wrong-person"})
    assert "pa_contact.made" not in answer.json()["facts"]


def test_what_only_the_service_itself_may_say_has_no_route(adviser: Caller, care_leaver_id: str) -> None:
    for verb in ("parenthood-learnt", "parenthood-lost"):
        assert adviser.post(f"/v1/care-leavers/{care_leaver_id}/{verb}", {}).status_code == 404


def test_the_list_of_care_leavers_follows_what_is_recorded(service: Running, adviser: Caller, manager: Caller) -> None:
    ids = [adviser.post("/v1/care-leavers", REGISTERED).json()["care_leaver_id"] for _ in range(2)]
    manager.post(f"/v1/care-leavers/{ids[0]}/adviser", {"adviser": "pa-wren", "team": "leaving-care-essex"})
    adviser.post(f"/v1/care-leavers/{ids[1]}/category", {"category": "relevant"})
    person_id = adviser.get(f"/v1/care-leavers/{ids[0]}").json()["person_id"]

    def list_ids(by: Caller = adviser, **query: Any) -> list[str]:
        return [row["care_leaver_id"] for row in by.get("/v1/care-leavers", **query).json()["items"]]

    eventually(lambda: list_ids(adviser="pa-wren", category="former_relevant", state="registered") == [ids[0]])
    eventually(lambda: list_ids(category="relevant") == [ids[1]])
    eventually(lambda: list_ids(limit=2) == [ids[1], ids[0]])
    assert list_ids(person=person_id) == [ids[0]]
    assert list_ids(service.caller("pa-cley", "personal_adviser", "leaving-care-norfolk", "norfolk")) == []
    logged = service.database.access_log.find_one({"route": "GET /v1/care-leavers", "subjects": person_id})
    assert logged["actor"] == "pa-brook"


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
        ("deferred", {"re_offer_by": IN_8_WEEKS}, "deferred"),
        ("reviewed", {"next_review_by": IN_8_WEEKS}, "deferred"),
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
    assert code(worker.get(path)) == "not-found"
    assert code(worker.post(f"{path}/fallback-started", {})) == "not-found"
    colleague = service.caller("mh-grebe", "mental_health_service", "leaving-care-essex")
    assert colleague.post(f"{path}/fallback-started", {}).status_code == 201
    assert colleague.get(path).status_code == 200


def test_the_list_of_plan_items_follows_what_is_recorded(adviser: Caller, care_leaver_id: str) -> None:
    paths = [added(adviser, care_leaver_id) for _ in range(3)]
    adviser.post(f"{paths[1]}/arranged", ARRANGED)

    def list_ids(**query: Any) -> list[str]:
        rows = adviser.get("/v1/plan-items", care_leaver=care_leaver_id, **query).json()["items"]
        return [f"/v1/plan-items/{row['plan_item_id']}" for row in rows]

    eventually(lambda: list_ids(state="arranged", owner="pa-brook") == [paths[1]])
    eventually(lambda: list_ids() == list(reversed(paths)))
    assert list_ids(limit=2) == [paths[2], paths[1]]


def test_views_dropped_and_rebuilt_are_identical(service: Running, adviser: Caller, care_leaver_id: str) -> None:
    path = added(adviser, care_leaver_id)
    adviser.post(f"{path}/offered", {})
    items, leavers = service.database.plan_item_views, service.database.care_leaver_views

    def views() -> list[Any]:
        return [list(view.items()) for found in (items, leavers) for view in found.find(sort=[("_id", 1)])]

    eventually(lambda: (items.find_one({"_id": path.rpartition("/")[2]}) or {}).get("version") == 2)
    eventually(lambda: leavers.find_one({"_id": care_leaver_id}))
    before = views()
    service.run("rebuild")
    assert views() == before


def test_nothing_personal_is_in_the_published_part_of_any_event(service: Running) -> None:
    for document in service.database.events.find({}, {"event": 1}):
        assert not any(
            word in str(document) for word in ("Rowan", "Exampleton", "1992-05-20", "9990000026", "I am fine")
        )


def test_the_openapi_document_describes_each_route_with_its_own_body(service: Running) -> None:
    document = requests.get(f"{service.url}/openapi.json", timeout=10).json()
    for verb, body in (("arranged", "ArrangedBody"), ("deferred", "DeferredBody"), ("ended", "EndedBody")):
        route = document["paths"][f"/v1/plan-items/{{plan_item_id}}/{verb}"]["post"]
        assert route["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith(f"/PlanItem{body}")


def test_care_leavers_who_were_told_apart_are_so_in_the_history(adviser: Caller) -> None:
    first, second = (adviser.post("/v1/care-leavers", REGISTERED).json() for _ in range(2))
    path = f"/v1/care-leavers/{second['care_leaver_id']}"
    said = {"others": [first["person_id"]], "confirmed_by": "pa-brook"}
    assert adviser.post(f"{path}/told-apart", said).status_code == 201
    itself = adviser.post(f"{path}/told-apart", {**said, "others": [second["person_id"]]})
    assert (itself.status_code, faulty_fields(itself)) == (422, {"others"})
    history = adviser.get(path).json()["history"]
    assert (history[-1]["type"], history[-1]["data"]["others"]) == ("care_leaver.told_apart.v1", [first["person_id"]])


def test_a_corrected_birthday_makes_nobody_a_care_leaver_of_8(adviser: Caller) -> None:
    path = f"/v1/care-leavers/{adviser.post('/v1/care-leavers', REGISTERED).json()['care_leaver_id']}/corrected"
    young = {"date_of_birth": "2004-05-20"}
    refused = adviser.post(path, young)
    assert refused.status_code == 422, refused.text
    assert [one["code"] for one in refused.json()["doubts"]] == ["care-leaver-age"]
    unborn = adviser.post(path, {"date_of_birth": "2014-05-20", "confirms": ["care-leaver-age"]})
    assert (code(unborn), faulty_fields(unborn)) == ("impossible", {"date_of_birth"})
    assert adviser.post(path, {**young, "confirms": ["care-leaver-age"]}).status_code == 201
