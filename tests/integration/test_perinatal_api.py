"""The perinatal service over real HTTP, MongoDB and RabbitMQ: what it records, what it refuses, and what it lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests

from deploy.local.backends import Backends
from services.perinatal.api.referrals import ReferralBody
from shared.kernel.time import london_date
from tests.integration.recording import Caller, Running, code, faulty_fields, new_key, running
from tests.support import eventually

PERSON = {"given_name": "Wren", "family_name": "Exampleton", "date_of_birth": "1996-03-02"}
UNKNOWN = "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c"


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    return service.caller("gp-aldous", "gp_practice", "gp-harbour")


@pytest.fixture(scope="module")
def camhs(service: Running) -> Caller:
    return service.caller("camhs-intake", "mental_health_service", "camhs-essex")


@pytest.fixture
def person_id(gp: Caller) -> str:
    return str(gp.post("/v1/people", PERSON).json()["person_id"])


def intended(person_id: str, **more: Any) -> dict[str, Any]:
    said = {"stage": "intended", "person_id": person_id, "service": "camhs", "reason_code": "depression"}
    return {**said, **more}


def sent(person_id: str, **more: Any) -> dict[str, Any]:
    return {"stage": "sent", "person_id": person_id, "service": "camhs", "channel": "letter", **more}


def begun(caller: Caller, body: dict[str, Any]) -> str:
    answer = caller.post("/v1/referrals", body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["referral_id"])


def test_a_person_is_read_with_the_name_and_every_reading_is_logged(
    service: Running, gp: Caller, person_id: str
) -> None:
    answer = gp.get(f"/v1/people/{person_id}")
    assert answer.status_code == 200
    assert answer.headers["ETag"] == '"1"'
    assert {name: answer.json()[name] for name in PERSON} == PERSON
    logged = list(service.database.access_log.find({"subjects": person_id}))
    assert [(entry["actor"], entry["route"]) for entry in logged] == [("gp-aldous", "GET /v1/people/<person_id>")]


def test_an_nhs_number_names_one_person_whoever_registers_them(service: Running, gp: Caller) -> None:
    midwife = service.caller("midwife-eider", "midwife", "midwives-colne")
    body = {**PERSON, "nhs_number": "999 000 0018"}
    first = gp.post("/v1/people", body)
    assert first.status_code == 201
    again = midwife.post("/v1/people", {**PERSON, "nhs_number": "9990000018"})
    assert again.status_code == 409
    assert code(again) == "person-already-known"
    assert first.json()["person_id"] in again.json()["detail"]
    assert gp.get(f"/v1/people/{first.json()['person_id']}").json()["nhs_number"] == "999 000 0018"


def test_a_retried_registration_meets_its_own_person(gp: Caller) -> None:
    key = uuid4().hex
    answers = [gp.post("/v1/people", PERSON, key=key) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({answer.text for answer in answers}) == 1


def test_every_bad_field_of_a_registration_is_named_at_once(gp: Caller) -> None:
    answer = gp.post(
        "/v1/people", {"given_name": 7, "date_of_birth": "2 March", "nhs_number": "9111111124", "pet": "cat"}
    )
    assert answer.status_code == 422
    assert faulty_fields(answer) == {"given_name", "family_name", "date_of_birth", "nhs_number", "pet"}
    assert "9111111124" not in answer.text


def test_a_referral_only_noted_is_intended(gp: Caller, person_id: str) -> None:
    answer = gp.post("/v1/referrals", intended(person_id))
    assert answer.status_code == 201
    assert answer.json()["state"] == "intended"
    assert answer.headers["Location"] == f"/v1/referrals/{answer.json()['referral_id']}"
    assert gp.get(answer.headers["Location"]).json()["state"] == "intended"


def test_each_stage_of_a_referral_needs_its_own_fields(gp: Caller, person_id: str) -> None:
    without_reason = intended(person_id, channel="letter")
    del without_reason["reason_code"]
    assert faulty_fields(gp.post("/v1/referrals", without_reason)) == {"reason_code", "channel"}
    without_channel = sent(person_id)
    del without_channel["channel"]
    assert faulty_fields(gp.post("/v1/referrals", without_channel)) == {"channel"}


def test_a_referral_names_a_person_and_a_condition_of_theirs_that_are_known_here(gp: Caller, person_id: str) -> None:
    stranger = gp.post("/v1/referrals", intended("p_" + "0" * 32))
    assert stranger.status_code == 422
    assert faulty_fields(stranger) == {"person_id"}
    other = gp.post("/v1/people", {**PERSON, "given_name": "Lark"}).json()["person_id"]
    condition = gp.post("/v1/conditions", {"person_id": other, "code": "depression"})
    assert condition.status_code == 201
    assert gp.get(condition.headers["Location"]).json()["code"] == "depression"
    for condition_id in (condition.json()["condition_id"], UNKNOWN):
        answer = gp.post("/v1/referrals", intended(person_id, condition_id=condition_id))
        assert faulty_fields(answer) == {"condition_id"}


def test_the_sender_cannot_acknowledge_without_the_receivers_person_channel_and_reference(
    gp: Caller, camhs: Caller, person_id: str
) -> None:
    path = f"/v1/referrals/{begun(gp, sent(person_id))}"
    refused = gp.post(f"{path}/acknowledged", {"channel": "phone"})
    assert refused.status_code == 422
    assert faulty_fields(refused) == {"receiver_person", "reference"}
    proof = {"receiver_person": "Duty clinician", "channel": "phone", "reference": "call of Monday"}
    assert gp.post(f"{path}/acknowledged", proof).json()["reported_by"] == "sender"
    other = f"/v1/referrals/{begun(gp, sent(person_id))}"
    assert camhs.post(f"{other}/acknowledged", {}).json()["reported_by"] == "receiver"


def test_a_referral_goes_all_the_way_and_its_history_shows_every_step(
    gp: Caller, camhs: Caller, person_id: str
) -> None:
    path = f"/v1/referrals/{begun(gp, intended(person_id, note='She asked for it herself.'))}"
    today = london_date(datetime.now(UTC)).isoformat()
    steps: list[tuple[Caller, str, dict[str, Any]]] = [
        (gp, "sent", {"channel": "letter", "reference": "REF 12"}),
        (camhs, "acknowledged", {}),
        (camhs, "more-info-requested", {}),
        (gp, "more-info-given", {}),
        (camhs, "accepted", {}),
        (camhs, "offered", {}),
        (camhs, "appointment-booked", {"appointment_on": today}),
        (camhs, "not-attended", {"how": "was_not_brought"}),
        (camhs, "appointment-booked", {"appointment_on": today}),
        (camhs, "appointment-cancelled", {"by": "patient"}),
        (camhs, "appointment-booked", {"appointment_on": today}),
        (camhs, "attended", {}),
        (camhs, "treatment-started", {}),
        (camhs, "treatment-ended", {"reason_code": "completed"}),
        (camhs, "outcome-returned", {"outcome_code": "recovered"}),
        (camhs, "closed", {"reason_code": "discharged"}),
    ]
    for version, (caller, verb, body) in enumerate(steps, start=2):
        answer = caller.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
        assert answer.headers["ETag"] == f'"{version}"'
    record = gp.get(path).json()
    assert record["state"] == "closed"
    assert [entry["type"].split(".")[1] for entry in record["history"]] == [
        "intended",
        *(verb.replace("-", "_") for _, verb, _ in steps),
    ]
    assert record["history"][0]["private"] == {"note": "She asked for it herself."}
    assert record["history"][1]["private"] == {"reference": "REF 12"}


@pytest.mark.parametrize(
    ("verb", "body"),
    [("rejected", {"reason_code": "below-threshold"}), ("redirected", {"to_service": "talking_therapies"})],
)
def test_the_receiver_may_refuse_or_pass_on(gp: Caller, camhs: Caller, person_id: str, verb: str, body: Any) -> None:
    path = f"/v1/referrals/{begun(gp, sent(person_id))}"
    assert code(camhs.post(f"{path}/{verb}", body)) == "not-from-here"
    camhs.post(f"{path}/acknowledged", {})
    assert camhs.post(f"{path}/{verb}", body).json()["state"] == verb


def test_a_withdrawal_needs_a_reason_and_a_clinician(gp: Caller, person_id: str) -> None:
    path = f"/v1/referrals/{begun(gp, intended(person_id))}/withdrawn"
    assert faulty_fields(gp.post(path, {})) == {"reason_code", "decided_by"}
    answer = gp.post(path, {"reason_code": "declined-by-patient", "decided_by": "gp-aldous"})
    assert answer.json()["state"] == "withdrawn"


def test_an_entry_made_in_error_is_struck_out_and_stays_visible(gp: Caller, person_id: str) -> None:
    path = f"/v1/referrals/{begun(gp, intended(person_id))}"
    wrong = gp.post(f"{path}/sent", {"channel": "letter"}).json()["event_id"]
    answer = gp.post(f"{path}/retractions", {"event_id": wrong, "reason_code": "wrong-person"})
    assert answer.json()["state"] == "intended"
    assert [entry["retracted"] for entry in gp.get(path).json()["history"]] == [False, True, False]
    again = gp.post(f"{path}/retractions", {"event_id": wrong, "reason_code": "wrong-person"})
    assert code(again) == "already-retracted"


def test_the_same_key_gives_the_same_answer_and_with_another_body_none(gp: Caller, person_id: str) -> None:
    path, key = f"/v1/referrals/{begun(gp, intended(person_id))}/sent", uuid4().hex
    answers = [gp.post(path, {"channel": "letter"}, key=key) for _ in range(2)]
    assert answers[0].text == answers[1].text
    other = gp.post(path, {"channel": "phone"}, key=key)
    assert (other.status_code, code(other)) == (422, "key-reused")


def test_a_retry_of_what_was_recorded_when_fingerprints_held_class_names_gets_the_first_answer(
    service: Running, gp: Caller, person_id: str
) -> None:
    intent, sending = intended(person_id), {"channel": "letter"}
    path = f"/v1/referrals/{begun(gp, intent)}"
    bodies = {
        "/v1/referrals": ("Intend", intent, ReferralBody().load(intent)),
        f"{path}/sent": ("MarkSent", sending, sending),
    }
    for url, (class_name, body, loaded) in bodies.items():
        key = uuid4().hex
        first = gp.post(url, body, key=key)
        # The fingerprint as the code of that time made it.
        text = f"{class_name}\n{json.dumps(loaded, sort_keys=True, default=str)}"
        then = {"$set": {"private.request.body": hashlib.sha256(text.encode()).hexdigest()}}
        assert service.database.events.update_one({"_id": first.json()["event_id"]}, then).modified_count == 1
        again = gp.post(url, body, key=key)
        assert (again.status_code, again.text) == (201, first.text)
        other = gp.post(url, {**body, "note": "another"}, key=key)
        assert (other.status_code, code(other)) == (422, "key-reused")


def test_two_creations_with_one_key_are_one_referral(gp: Caller, person_id: str) -> None:
    key = uuid4().hex
    first, second = (gp.post("/v1/referrals", intended(person_id), key=key).json() for _ in range(2))
    assert first == second
    other = gp.post("/v1/referrals", intended(person_id, urgency="urgent"), key=key)
    assert (other.status_code, code(other)) == (422, "key-reused")


def test_one_key_registers_one_person_whatever_the_other_body_says(gp: Caller) -> None:
    key = uuid4().hex
    body = {"given_name": "Wren", "family_name": "Alderton", "date_of_birth": "1996-02-03"}
    assert gp.post("/v1/people", {**body, "nhs_number": "9990000050"}, key=key).status_code == 201
    for other in (body, {**body, "nhs_number": "9990000069"}):
        answer = gp.post("/v1/people", other, key=key)
        assert (answer.status_code, code(answer)) == (422, "key-reused")


def test_of_many_who_send_one_referral_at_once_one_is_recorded_and_the_others_are_told(
    gp: Caller, person_id: str
) -> None:
    referral = begun(gp, intended(person_id))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gp.post(f"/v1/referrals/{referral}/sent", {"channel": "letter"}), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {code(answer) for answer in answers if answer.status_code == 409} == {"not-from-here"}
    assert gp.get(f"/v1/referrals/{referral}").json()["version"] == 2


def test_a_stale_version_is_refused(gp: Caller, person_id: str) -> None:
    path = f"/v1/referrals/{begun(gp, intended(person_id))}"
    assert gp.post(f"{path}/sent", {"channel": "letter"}, headers={"If-Match": '"1"'}).status_code == 201
    stale = gp.post(f"{path}/closed", {"reason_code": "moved"}, headers={"If-Match": '"1"'})
    assert (stale.status_code, code(stale)) == (412, "stale-version")


def test_what_is_unknown_is_not_found(gp: Caller) -> None:
    for answer in (
        gp.get(f"/v1/people/p_{'0' * 32}"),
        gp.get(f"/v1/referrals/{UNKNOWN}"),
        gp.get(f"/v1/conditions/{UNKNOWN}"),
        gp.post(f"/v1/referrals/{UNKNOWN}/sent", {"channel": "letter"}),
        gp.post(f"/v1/referrals/{UNKNOWN}/retractions", {"event_id": UNKNOWN, "reason_code": "mistake"}),
    ):
        assert (answer.status_code, code(answer)) == (404, "not-found")


def test_nobody_is_born_tomorrow(gp: Caller) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()
    body = {"given_name": "Wren", "family_name": "Alderton", "date_of_birth": tomorrow}
    answer = gp.post("/v1/people", body)
    assert (answer.status_code, faulty_fields(answer)) == (422, {"date_of_birth"})


def test_the_past_may_be_recorded_and_the_future_not(gp: Caller, person_id: str) -> None:
    past = gp.post("/v1/referrals", intended(person_id, occurred_at="2013-01"))
    assert past.status_code == 201
    entry = gp.get(past.headers["Location"]).json()["history"][0]
    assert (entry["occurred_at"], entry["precision"]) == ("2013-01-01T00:00:00.000Z", "month")
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    future = gp.post("/v1/referrals", intended(person_id, occurred_at=tomorrow))
    assert (future.status_code, faulty_fields(future)) == (422, {"occurred_at"})


def test_nobody_gets_in_without_a_valid_token(service: Running, person_id: str) -> None:
    expired = service.caller("gp-aldous", "gp_practice", "gp-harbour", lifetime=timedelta(hours=-1))
    foreign = service.caller("gp-aldous", "gp_practice", "gp-harbour", key=new_key()[0])
    for caller in (expired, foreign, Caller(service.url, "nonsense")):
        answer = caller.get(f"/v1/people/{person_id}")
        assert answer.status_code == 401
        assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_a_role_does_only_what_the_table_allows(service: Running, camhs: Caller, person_id: str) -> None:
    reviewer = service.caller("reviewer-knot", "reviewer", "review")
    assert reviewer.post("/v1/referrals", intended(person_id)).status_code == 403
    assert camhs.post("/v1/referrals", intended(person_id)).status_code == 403
    assert reviewer.get(f"/v1/people/{person_id}").status_code == 200


def test_a_record_of_another_area_is_neither_read_nor_changed(service: Running, gp: Caller, person_id: str) -> None:
    elsewhere = service.caller("gp-cley", "gp_practice", "gp-marsh", "norfolk")
    path = f"/v1/referrals/{begun(gp, intended(person_id))}"
    for answer in (
        elsewhere.get(f"/v1/people/{person_id}"),
        elsewhere.get(path),
        elsewhere.post(f"{path}/sent", {"channel": "letter"}),
    ):
        assert (answer.status_code, code(answer)) == (403, "wrong-area")


def test_a_reader_outside_the_disclosure_class_sees_a_referral_only_if_their_team_has_a_part_in_it(
    service: Running, gp: Caller, person_id: str
) -> None:
    nursery = service.caller("nursery-oriole", "early_years", "nursery-oak")
    of_others = begun(gp, sent(person_id, service="early_help"))
    answer = nursery.get(f"/v1/referrals/{of_others}")
    assert (answer.status_code, code(answer)) == (404, "not-found")
    unknown = nursery.get(f"/v1/referrals/{uuid4()}")
    assert answer.json().keys() == unknown.json().keys()
    assert (unknown.status_code, unknown.json()["title"]) == (404, answer.json()["title"])
    own = begun(nursery, sent(person_id, service="early_help"))
    assert nursery.get(f"/v1/referrals/{own}").status_code == 200

    def list_ids() -> set[str]:
        return {row["referral_id"] for row in nursery.get("/v1/referrals", person=person_id).json()["items"]}

    assert eventually(list_ids) == {own}


def test_the_list_of_referrals_follows_what_is_recorded_and_has_pages(
    service: Running, gp: Caller, person_id: str
) -> None:
    ids = [begun(gp, intended(person_id)) for _ in range(5)]
    gp.post(f"/v1/referrals/{ids[0]}/sent", {"channel": "letter"})

    def list_ids(**query: Any) -> list[str]:
        answer = gp.get("/v1/referrals", person=person_id, **query)
        assert answer.status_code == 200, answer.text
        return [row["referral_id"] for row in answer.json()["items"]]

    eventually(lambda: list_ids(state="sent") == [ids[0]] and len(list_ids()) == 5)
    found: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while query is not None:
        page = gp.get("/v1/referrals", person=person_id, **query).json()
        found += [row["referral_id"] for row in page["items"]]
        query = {"limit": 2, "cursor": page["next"]} if page["next"] else None  # type: ignore[assignment]
    assert found == list(reversed(ids))
    elsewhere = service.caller("gp-cley", "gp_practice", "gp-marsh", "norfolk")
    assert elsewhere.get("/v1/referrals", person=person_id).json()["items"] == []
    assert faulty_fields(gp.get("/v1/referrals", cursor="nonsense")) == {"cursor"}


def test_views_dropped_and_rebuilt_are_identical(service: Running, gp: Caller, person_id: str) -> None:
    begun(gp, sent(person_id))
    views, events = service.database.referral_views, service.database.events
    begun_count = events.count_documents({"event.stream": {"$regex": "^referral/"}, "event.streamversion": 1})
    eventually(lambda: views.count_documents({}) == begun_count)

    def settled() -> bool:
        latest = events.aggregate([{"$group": {"_id": "$event.stream", "version": {"$max": "$event.streamversion"}}}])
        versions = {
            row["_id"].partition("/")[2]: row["version"] for row in latest if row["_id"].startswith("referral/")
        }
        return versions == {view["_id"]: view["version"] for view in views.find()}

    eventually(settled)
    before = list(views.find(sort=[("_id", 1)]))
    assert f"{begun_count} views rebuilt" in service.run("rebuild")
    assert [list(view.items()) for view in views.find(sort=[("_id", 1)])] == [list(view.items()) for view in before]


def test_nothing_personal_is_in_the_published_part_of_any_event(service: Running, gp: Caller, person_id: str) -> None:
    begun(gp, sent(person_id, reference="REF 12 Wren", note="Wren Exampleton was low."))
    for document in service.database.events.find({}, {"event": 1}):
        assert not any(word in str(document) for word in ("Wren", "Exampleton", "1996-03-02", "9990000018", "REF 12"))
    for view in service.database.referral_views.find():
        assert "Wren" not in str(view)


def test_the_openapi_document_describes_each_route_with_its_own_body(service: Running) -> None:
    document = requests.get(f"{service.url}/openapi.json", timeout=10).json()
    bodies = {
        path: route["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, route in document["paths"].items()
        if "requestBody" in route.get("post", {}) and path != "/v1/commands"
    }
    assert bodies["/v1/referrals/{referral_id}/sent"] == "ReferralSentBody"
    assert bodies["/v1/referrals/{referral_id}/not-attended"] == "ReferralNotAttendedBody"
    assert bodies["/v1/people"] == "PersonBody"
    assert len([path for path in bodies if path.startswith("/v1/referrals/{referral_id}/")]) == 27
