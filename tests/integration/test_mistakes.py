"""Mistakes that people make, over HTTP against running services: each is mended from what the answer says, alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

import pytest
import requests
from pymongo import MongoClient

from deploy.local.backends import Backends
from shared.kernel.envelope import from_text
from shared.recording.directory_copy import DirectoryCopy
from tests.integration.ledger import Ledger, referral_noted
from tests.integration.recording import Caller, Running, code, running
from tests.integration.test_names import listing

PERSON = {"given_name": "Wren", "family_name": "Exampleton", "date_of_birth": "1996-06-21"}
THEN = "2013-11-28"
WITHDRAWN = {"reason_code": "moved", "decided_by": "gp-okafor"}
NOW = from_text("2013-01-16T18:00:00Z")


@pytest.fixture(scope="module")
def perinatal(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        with MongoClient[Any](backends.mongodb_uri, tz_aware=True) as client:
            lists = client[f"test_{uuid4().hex}"]
            DirectoryCopy(service.database).keep(listing(lists))
            client.drop_database(lists)
        yield service


@pytest.fixture(scope="module")
def leaving_care(backends: Backends, perinatal: Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("leaving_care", backends, tmp_path_factory.mktemp("leaving_care"), beside=perinatal) as service:
        yield service


@pytest.fixture(scope="module")
def gp(perinatal: Running) -> Caller:
    return perinatal.caller("gp-okafor", "gp_practice", "gp-mill-road")


@pytest.fixture(scope="module")
def visitor(perinatal: Running) -> Caller:
    return perinatal.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture
def person_id(gp: Caller) -> str:
    return str(
        gp.post("/v1/people", {"given_name": f"Wren {uuid4().hex}", "family_name": "Exampleton"}).json()["person_id"]
    )


@pytest.fixture
def referral(gp: Caller, person_id: str) -> str:
    """The address of a referral that was sent."""
    answer = gp.post("/v1/referrals", sent(person_id))
    assert answer.status_code == 201, answer.text
    return f"/v1/referrals/{answer.json()['referral_id']}"


def sent(person_id: str, **more: Any) -> dict[str, Any]:
    return {"stage": "sent", "person_id": person_id, "service": "camhs", "channel": "letter", **more}


def refused(answer: requests.Response, status: int, name: str) -> dict[str, Any]:
    """The problem, which never repeats the names that were sent."""
    assert (answer.status_code, code(answer)) == (status, name), answer.text
    assert "Exampleton" not in answer.text
    return dict(answer.json())


def fault(problem: Mapping[str, Any], field: str) -> str:
    """What the problem says about this field, the only one that it names."""
    assert [one["field"] for one in problem["errors"]] == [field], problem
    return str(problem["errors"][0]["message"])


def recorded(answer: requests.Response, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json())


# --- what was pasted or typed ---------------------------------------------------------------------------------------


def test_1_a_pasted_number_that_lost_a_digit(gp: Caller) -> None:
    said = fault(refused(gp.post("/v1/people", {**PERSON, "nhs_number": "999 100 011"}), 422, "invalid"), "nhs_number")
    assert "10 digits" in said
    assert "has 9" in said
    recorded(gp.post("/v1/people", {**PERSON, "nhs_number": "999 100 0119"}))


def test_2_a_number_with_two_digits_swapped(gp: Caller) -> None:
    body = {**PERSON, "given_name": "Robin", "nhs_number": "999 100 0172"}
    said = fault(refused(gp.post("/v1/people", body), 422, "invalid"), "nhs_number")
    assert "mistyped" in said
    recorded(gp.post("/v1/people", {**body, "nhs_number": "999 100 0127"}))


def test_3_day_and_month_swapped(gp: Caller) -> None:
    body = {**PERSON, "given_name": "Lark", "date_of_birth": "1996-21-06"}
    said = fault(refused(gp.post("/v1/people", body), 422, "invalid"), "date_of_birth")
    assert "day and month seem to be swapped" in said
    assert "1996" not in said
    year, day, month = body["date_of_birth"].split("-")
    recorded(gp.post("/v1/people", {**body, "date_of_birth": f"{year}-{month}-{day}"}))


def test_4_a_date_as_it_is_spoken(gp: Caller) -> None:
    body = {**PERSON, "given_name": "Finch", "date_of_birth": "21/06/1996"}
    said = fault(refused(gp.post("/v1/people", body), 422, "invalid"), "date_of_birth")
    assert "such as 2013-01-14" in said
    recorded(gp.post("/v1/people", {**body, "date_of_birth": "1996-06-21"}))


def test_5_a_name_with_a_line_break(gp: Caller) -> None:
    body = {**PERSON, "given_name": "Wren\nMay"}
    assert "line breaks" in fault(refused(gp.post("/v1/people", body), 422, "invalid"), "given_name")
    recorded(gp.post("/v1/people", {**body, "given_name": "Wren May"}))


def test_6_an_expected_date_in_the_wrong_year(visitor: Caller, person_id: str) -> None:
    body = {"person_id": person_id, "concerns": [], "occurred_at": THEN, "edd": "2041-06-15"}
    said = fault(refused(visitor.post("/v1/pregnancies", body), 422, "impossible"), "edd")
    assert "years after the day of this entry" in said
    recorded(visitor.post("/v1/pregnancies", {**body, "edd": "2014-06-15"}))


def test_7_an_unlikely_date_that_is_right(visitor: Caller, person_id: str) -> None:
    body = {"person_id": person_id, "concerns": [], "occurred_at": THEN, "edd": "2014-12-15"}
    problem = refused(visitor.post("/v1/pregnancies", body), 422, "please-confirm")
    recorded(visitor.post("/v1/pregnancies", {**body, "confirms": [one["code"] for one in problem["doubts"]]}))


def test_8_a_day_in_the_future(gp: Caller, person_id: str) -> None:
    body = sent(person_id, occurred_at="2199-01-01T00:00:00Z")
    said = fault(refused(gp.post("/v1/referrals", body), 422, "in-the-future"), "occurred_at")
    latest = re.search(r"the latest is (\S+Z)", said)
    assert latest
    recorded(gp.post("/v1/referrals", {**body, "occurred_at": latest[1].replace("Z", ":00Z")}))


def test_9_a_score_that_the_tool_does_not_have(visitor: Caller, person_id: str) -> None:
    body = {"person_id": person_id, "tool": "epds", "score": 31, "self_harm": False}
    said = fault(refused(visitor.post("/v1/screens", body), 422, "invalid"), "score")
    assert said == "is 31; allowed is 0 to 30"
    recorded(visitor.post("/v1/screens", {**body, "score": 13}))
    of_another = refused(visitor.post("/v1/screens", {**body, "tool": "gad7", "score": 22}), 422, "not-of-this-tool")
    assert fault(of_another, "score") == "gad7 has scores from 0 to 21; this is 22"
    recorded(visitor.post("/v1/screens", {**body, "tool": "gad7", "score": 21}))


# --- fields and codes -----------------------------------------------------------------------------------------------


def test_10_a_field_that_is_missing(gp: Caller, referral: str) -> None:
    problem = refused(gp.post(f"{referral}/withdrawn", {"reason_code": "moved"}), 422, "invalid")
    assert fault(problem, "decided_by").startswith("Missing data")
    following = {one["address"]: one for one in recorded(gp.get(referral), 200)["next"]}
    assert {"field": "decided_by", "title": "Decided by"} in following[f"{referral}/withdrawn"]["needs"]
    recorded(gp.post(f"{referral}/withdrawn", WITHDRAWN))


def nearest_in(message: str) -> str:
    """The first name that a message gives as the nearest."""
    found = re.search(r"the nearest: ([\w-]+)", message)
    assert found, message
    return found[1]


def test_11_a_field_under_another_name(gp: Caller, person_id: str) -> None:
    body = sent(person_id)
    body["chanel"] = body.pop("channel")
    problem = refused(gp.post("/v1/referrals", body), 422, "invalid")
    said = {one["field"]: one["message"] for one in problem["errors"]}
    body[nearest_in(said["chanel"])] = body.pop("chanel")
    recorded(gp.post("/v1/referrals", body))


def test_12_a_code_that_is_nearly_right(gp: Caller, person_id: str) -> None:
    body = sent(person_id, service="Perinatal mental health")
    said = fault(refused(gp.post("/v1/referrals", body), 422, "invalid"), "service")
    recorded(gp.post("/v1/referrals", {**body, "service": nearest_in(said)}))


def test_13_an_unknown_team(gp: Caller, person_id: str) -> None:
    body = sent(person_id, to_team="perinatal-mental-health-essex")
    said = fault(refused(gp.post("/v1/referrals", body), 422, "unknown-name"), "to_team")
    recorded(gp.post("/v1/referrals", {**body, "to_team": nearest_in(said)}))


def test_14_an_area_that_nobody_named(perinatal: Running) -> None:
    caller = perinatal.caller("gp-okafor", "gp_practice", "gp-mill-road", "essex", "norfolk")
    said = fault(refused(caller.post("/v1/people", PERSON), 422, "area-needed"), "area")
    assert said == "one of: essex, norfolk"
    recorded(caller.post("/v1/people", {**PERSON, "area": said.removeprefix("one of: ").split(", ")[0]}))


def test_15_a_number_beside_a_name_in_a_search(gp: Caller) -> None:
    body = {"nhs_number": "999 100 0119", "family_name": "Exampleton", "date_of_birth": "1996-06-21"}
    problem = refused(gp.post("/v1/people/search", body), 422, "invalid")
    for one in problem["errors"]:
        assert "leave it out" in one["message"]
        del body[one["field"]]
    recorded(gp.post("/v1/people/search", body), 200)


# --- the wrong person, twice, the wrong order -----------------------------------------------------------------------


def test_16_the_number_of_somebody_who_is_known(gp: Caller) -> None:
    known = recorded(gp.post("/v1/people", {**PERSON, "given_name": "Dove", "nhs_number": "999 100 0135"}))
    problem = refused(gp.post("/v1/people", {**PERSON, "nhs_number": "999 100 0135"}), 409, "person-details-differ")
    assert [one["field"] for one in problem["errors"]] == ["given_name"]
    assert problem["person_id"] == known["person_id"]
    recorded(gp.post(f"/v1/people/{problem['person_id']}/corrected", {"given_name": "Wren"}))


def test_17_a_registration_twice(gp: Caller) -> None:
    body = {**PERSON, "given_name": "Heron", "nhs_number": "999 100 0143"}
    recorded(gp.post("/v1/people", body))
    problem = refused(gp.post("/v1/people", body), 409, "person-already-known")
    recorded(gp.post("/v1/referrals", sent(problem["person_id"])))


def test_18_another_request_under_a_key_that_was_used(gp: Caller, person_id: str) -> None:
    key = uuid4().hex
    recorded(gp.post("/v1/referrals", sent(person_id), key=key))
    problem = refused(gp.post("/v1/referrals", sent(person_id, service="midwifery"), key=key), 422, "key-reused")
    assert "choose a new key" in problem["detail"]
    recorded(gp.post("/v1/referrals", sent(person_id, service="midwifery"), key=uuid4().hex))


def test_19_the_wrong_order(gp: Caller, referral: str) -> None:
    recorded(gp.post(f"{referral}/withdrawn", WITHDRAWN))
    problem = refused(gp.post(f"{referral}/withdrawn", WITHDRAWN), 409, "not-from-here")
    (closing,) = [one for one in problem["next"] if one["address"] == f"{referral}/closed"]
    body = {one["field"]: "moved" for one in closing["needs"]}
    recorded(gp.post(closing["address"], body))


def test_20_the_wrong_order_in_a_list_of_commands(gp: Caller, referral: str) -> None:
    command = {"key": uuid4().hex, "path": f"{referral}/more-info-given", "body": {}}
    (result,) = recorded(gp.post("/v1/commands", [command]), 200)["results"]
    assert result["status"] == 409, result
    addresses = [one["address"] for one in result["body"]["next"]]
    assert f"{referral}/withdrawn" in addresses
    again = {"key": uuid4().hex, "path": f"{referral}/withdrawn", "body": WITHDRAWN}
    (result,) = recorded(gp.post("/v1/commands", [again]), 200)["results"]
    assert result["status"] == 201, result


def test_21_a_version_that_has_passed(gp: Caller, referral: str) -> None:
    recorded(gp.post(f"{referral}/withdrawn", WITHDRAWN))
    closed = {"reason_code": "moved"}
    problem = refused(gp.post(f"{referral}/closed", closed, headers={"If-Match": '"1"'}), 412, "stale-version")
    version = re.search(r"is at version (\d+)", problem["detail"])
    assert version
    recorded(gp.post(f"{referral}/closed", closed, headers={"If-Match": f'"{version[1]}"'}))


def test_22_a_record_that_is_not_known_here(gp: Caller, person_id: str) -> None:
    problem = refused(gp.post("/v1/referrals", sent(f"p_{uuid4().hex}")), 422, "unknown-reference")
    assert "POST /v1/people/search" in fault(problem, "person_id")
    recorded(gp.post("/v1/referrals", sent(person_id)))


def test_39_the_wrong_order_in_leaving_care(leaving_care: Running) -> None:
    adviser = leaving_care.caller("pa-brook", "personal_adviser", "leaving-care-essex")
    leaver = {**PERSON, "category": "former_relevant", "confirms": ["care-leaver-age"]}
    care_leaver_id = recorded(adviser.post("/v1/care-leavers", leaver))["care_leaver_id"]
    item = {"care_leaver_id": care_leaver_id, "kind": "counselling", "condition": "none", "fallback": "none"}
    address = f"/v1/plan-items/{recorded(adviser.post('/v1/plan-items', item))['plan_item_id']}"
    problem = refused(adviser.post(f"{address}/completed", {}), 409, "not-from-here")
    (taking_up,) = [one for one in problem["next"] if one["address"] == f"{address}/taken-up"]
    assert taking_up["needs"] == []
    recorded(adviser.post(taking_up["address"], {}))
    recorded(adviser.post(f"{address}/completed", {}))


# --- the wrong place, the wrong hand --------------------------------------------------------------------------------


def test_23_the_wrong_service(leaving_care: Running, perinatal: Running, person_id: str) -> None:
    services = {"perinatal": perinatal, "leaving_care": leaving_care}
    who = ("gp-okafor", "gp_practice", "gp-mill-road")
    problem = refused(leaving_care.caller(*who).post("/v1/referrals", sent(person_id)), 404, "no-such-route")
    named = re.search(r"the service (\w+):", problem["detail"])
    assert named
    recorded(services[named[1]].caller(*who).post("/v1/referrals", sent(person_id)))


def test_24_an_address_that_is_mistyped(gp: Caller, person_id: str) -> None:
    problem = refused(gp.post("/v1/referal", sent(person_id)), 404, "no-such-route")
    nearest = re.search(r"the nearest: (/v1/[\w-]+)", problem["detail"])
    assert nearest
    recorded(gp.post(nearest[1], sent(person_id)))


def test_25_the_wrong_method(gp: Caller, referral: str) -> None:
    answer = gp.get(f"{referral}/withdrawn")
    refused(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "POST"
    recorded(gp.post(f"{referral}/withdrawn", WITHDRAWN))


def test_26_the_wrong_role(perinatal: Running, gp: Caller, referral: str) -> None:
    housing = perinatal.caller("housing-silva", "housing", "housing-essex")
    screen = {"tool": "epds", "score": 4, "self_harm": False}
    person = {"person_id": recorded(gp.get(referral), 200)["person_id"]}
    problem = refused(housing.post("/v1/screens", {**person, **screen}), 403, "wrong-role")
    roles = problem["detail"].rpartition("it is for: ")[2].split(", ")
    assert "gp_practice" in roles
    recorded(gp.post("/v1/screens", {**person, **screen}))


# --- how a request is sent ------------------------------------------------------------------------------------------


def send(caller: Caller, path: str, body: bytes | str, **headers: str) -> requests.Response:
    sent = {"Authorization": f"Bearer {caller.token}", "Content-Type": "application/json", "Idempotency-Key": "k"}
    sent = {name: value for name, value in {**sent, **headers}.items() if value}
    return requests.post(caller.url + path, data=body, headers=sent, timeout=10)


def test_27_no_idempotency_key(gp: Caller, referral: str) -> None:
    body = '{"reason_code": "moved", "decided_by": "gp-okafor"}'
    problem = refused(
        send(gp, f"{referral}/withdrawn", body, **{"Idempotency-Key": ""}), 400, "idempotency-key-missing"
    )
    (error,) = problem["errors"]
    recorded(send(gp, f"{referral}/withdrawn", body, **{error["field"]: uuid4().hex}))


def test_28_a_key_with_a_space(gp: Caller, referral: str) -> None:
    body, key = '{"reason_code": "moved", "decided_by": "gp-okafor"}', f"row 1 {uuid4().hex}"
    problem = refused(
        send(gp, f"{referral}/withdrawn", body, **{"Idempotency-Key": key}), 400, "idempotency-key-invalid"
    )
    assert "no space" in fault(problem, "Idempotency-Key")
    recorded(send(gp, f"{referral}/withdrawn", body, **{"Idempotency-Key": key.replace(" ", "-")}))


def test_29_a_body_that_is_a_list(gp: Caller) -> None:
    problem = refused(gp.post("/v1/people", [PERSON]), 400, "malformed-json")
    assert "an array and not an object" in problem["detail"]
    recorded(gp.post("/v1/people", PERSON))


def test_30_another_content_type(gp: Caller, referral: str) -> None:
    body, key = '{"reason_code": "moved", "decided_by": "gp-okafor"}', {"Idempotency-Key": uuid4().hex}
    problem = refused(
        send(gp, f"{referral}/withdrawn", body, **{"Content-Type": "text/plain", **key}), 415, "wrong-content-type"
    )
    named = re.search(r"Content-Type: (\S+),", problem["detail"])
    assert named
    recorded(send(gp, f"{referral}/withdrawn", body, **{"Content-Type": named[1], **key}))


def test_31_no_token_and_one_of_another_system(gp: Caller, referral: str) -> None:
    for header in ("", "Bearer abc.def.ghi"):
        answer = send(gp, f"{referral}/withdrawn", "{}", Authorization=header)
        problem = refused(answer, 401, "token-invalid" if header else "no-token")
        assert "new one" in problem["detail"] or "Authorization header" in problem["detail"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
    recorded(gp.post(f"{referral}/withdrawn", WITHDRAWN))


def test_32_a_page_that_is_too_long(gp: Caller) -> None:
    said = fault(refused(gp.get("/v1/referrals", limit=500), 422, "invalid"), "limit")
    most = re.search(r"1 to (\d+)", said)
    assert most
    recorded(gp.get("/v1/referrals", limit=int(most[1])), 200)


def test_33_a_cursor_of_somewhere_else(gp: Caller) -> None:
    said = fault(refused(gp.get("/v1/referrals", cursor="abc"), 422, "bad-cursor"), "cursor")
    assert "begin again without one" in said
    recorded(gp.get("/v1/referrals"), 200)


# --- follow-ups ------------------------------------------------------------------------------------------------------


@pytest.fixture
def ledger(whole_ledger: Ledger) -> Ledger:
    whole_ledger.forget()
    whole_ledger.clock.set(NOW)
    whole_ledger.catch_up()
    return whole_ledger


@pytest.fixture
def follow_up(ledger: Ledger) -> str:
    """The address of a follow-up of a GP."""
    event = referral_noted()
    ledger.hear(event)
    return f"/v1/follow-ups/{ledger.follow_up('REF-01', event.stream).id}"


@pytest.fixture(scope="module")
def lead(service: Running) -> Caller:
    return service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")


def test_34_an_offset_whose_plus_became_a_space(lead: Caller, follow_up: str) -> None:
    url, headers = lead.url + follow_up, {"Authorization": f"Bearer {lead.token}"}
    answer = requests.get(f"{url}?as_of=2013-01-15T09:30:00+01:00", headers=headers, timeout=10)
    said = fault(refused(answer, 422, "invalid"), "as_of")
    assert "%2B" in said
    recorded(requests.get(f"{url}?as_of=2013-01-15T09:30:00%2B01:00", headers=headers, timeout=10), 200)


def test_35_an_instant_that_lies_ahead(lead: Caller, follow_up: str) -> None:
    said = fault(refused(lead.get(follow_up, as_of="2013-02-01T09:00:00Z"), 422, "in-the-future"), "as_of")
    now = re.search(r"it is (\S+Z) here", said)
    assert now
    recorded(lead.get(follow_up, as_of=now[1]), 200)


def test_36_an_act_on_a_follow_up_that_is_closed(lead: Caller, follow_up: str) -> None:
    ended = {"reason_code": "not_needed_after_review"}
    recorded(lead.post(f"{follow_up}/ended", ended))
    problem = refused(lead.post(f"{follow_up}/ended", ended), 409, "already-closed")
    (reopening,) = [one["address"] for one in problem["next"] if one["address"].endswith("/reopened")]
    recorded(lead.post(reopening, {}))


def test_37_a_reason_that_is_nearly_one(lead: Caller, follow_up: str) -> None:
    problem = refused(lead.post(f"{follow_up}/ended", {"reason_code": "not_needed_after_revue"}), 422, "unknown-reason")
    recorded(lead.post(f"{follow_up}/ended", {"reason_code": nearest_in(fault(problem, "reason_code"))}))


def test_38_somebody_who_may_not_end_it(service: Running, lead: Caller, follow_up: str) -> None:
    another = service.caller("hv-manager-ito", "manager", "hv-harwich")
    ended = {"reason_code": "not_needed_after_review"}
    problem = refused(another.post(f"{follow_up}/ended", ended), 403, "not-above-the-owner")
    assert "lead-achterberg" in problem["detail"].rpartition("is ended by: ")[2].split(", ")
    recorded(lead.post(f"{follow_up}/ended", ended))
