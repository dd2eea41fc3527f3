"""Answers of a recording service that say what to do, and requests that are read as a person writes them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

PERSON = {"given_name": "Wren", "family_name": "Exampleton", "date_of_birth": "1996-03-02"}
WITHDRAWN = {"reason_code": "moved", "decided_by": "gp-aldous"}


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


def begin_referral(caller: Caller, person_id: str, **more: Any) -> dict[str, Any]:
    body = {"stage": "sent", "person_id": person_id, "service": "camhs", "channel": "letter", **more}
    answer = caller.post("/v1/referrals", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


# --- requests -----------------------------------------------------------------------------------------------------


def test_an_empty_body_where_none_is_needed_is_an_empty_object(gp: Caller, camhs: Caller, person_id: str) -> None:
    path = f"/v1/referrals/{begin_referral(gp, person_id)['referral_id']}/acknowledged"
    headers = {"Authorization": f"Bearer {camhs.token}", "Idempotency-Key": "an-empty-body"}
    answer = requests.post(camhs.url + path, headers=headers, timeout=10)
    assert answer.status_code == 201, answer.text


def test_an_empty_body_where_one_is_needed_names_the_fields(gp: Caller) -> None:
    headers = {"Authorization": f"Bearer {gp.token}", "Idempotency-Key": "an-empty-person"}
    answer = requests.post(f"{gp.url}/v1/people", headers=headers, timeout=10)
    assert (answer.status_code, code(answer)) == (422, "invalid")
    assert faulty_fields(answer) == {"given_name", "family_name"}


def as_typed(an_id: str) -> list[str]:
    """An id in the forms in which people paste it."""
    letters = an_id.removeprefix("p_").replace("-", "")
    prefix = "P_" if an_id.startswith("p_") else ""
    forms = [an_id.upper(), f" {an_id} ", prefix + letters.upper()]
    return [*forms, an_id.replace("-", " "), an_id.replace("-", "\u2013"), prefix + f"{letters[:16]} {letters[16:]}"]


def test_an_id_in_a_body_is_read_in_upper_case_with_blanks_and_without_dashes(gp: Caller, person_id: str) -> None:
    for typed in as_typed(person_id):
        assert begin_referral(gp, typed)["person_id"] == person_id


def test_an_id_in_an_address_is_read_in_upper_case_with_blanks_and_without_dashes(gp: Caller, person_id: str) -> None:
    referral_id = begin_referral(gp, person_id)["referral_id"]
    for typed in as_typed(referral_id):
        answer = gp.get(f"/v1/referrals/{typed}")
        assert (answer.status_code, answer.json().get("referral_id")) == (200, referral_id)
    for typed in as_typed(person_id):
        assert gp.get(f"/v1/people/{typed}").json()["person_id"] == person_id


def test_an_id_in_a_list_of_commands_is_read_as_in_a_request(gp: Caller, person_id: str) -> None:
    referral_id = begin_referral(gp, person_id)["referral_id"]
    commands = [
        {"key": "typed-1", "path": f"/v1/referrals/{referral_id.upper()}/withdrawn", "body": WITHDRAWN},
        {"key": "typed-2", "path": "/v1/conditions", "body": {"person_id": person_id.upper(), "code": "depression"}},
    ]
    results = gp.post("/v1/commands", commands).json()["results"]
    assert [result["status"] for result in results] == [201, 201], results
    assert results[1]["body"]["person_id"] == person_id


def test_what_is_no_id_is_refused_as_before(gp: Caller) -> None:
    assert gp.get(f"/v1/referrals/{'x' * 36}").status_code == 404
    body = {"stage": "sent", "person_id": "P_123", "service": "camhs", "channel": "letter"}
    assert faulty_fields(gp.post("/v1/referrals", body)) == {"person_id"}


# --- answers ------------------------------------------------------------------------------------------------------


def test_a_day_that_is_known_by_its_date_reads_back_as_that_date(gp: Caller, person_id: str) -> None:
    for given, read in (("2026-10-01", "2026-10-01"), ("2026-09", "2026-09"), ("2026-07-01T23:30:00Z", "2026-07-02")):
        referral_id = begin_referral(gp, person_id, occurred_at=given)["referral_id"]
        (entry,) = gp.get(f"/v1/referrals/{referral_id}").json()["history"]
        assert entry["occurred_on"] == read


def test_a_record_answers_with_what_this_reader_may_do_next(gp: Caller, camhs: Caller, person_id: str) -> None:
    referral_id = begin_referral(gp, person_id)["referral_id"]
    following = gp.get(f"/v1/referrals/{referral_id}").json()["next"]
    addresses = [request["address"] for request in following]
    assert f"/v1/referrals/{referral_id}/withdrawn" in addresses
    assert f"/v1/referrals/{referral_id}/attended" not in addresses
    assert all(request["verb"] == "POST" and request["title"] for request in following)
    theirs = [request["address"] for request in camhs.get(f"/v1/referrals/{referral_id}").json()["next"]]
    assert f"/v1/referrals/{referral_id}/acknowledged" in theirs


def test_everything_that_a_record_names_as_next_is_accepted_or_asks_for_fields(gp: Caller, person_id: str) -> None:
    referral_id = begin_referral(gp, person_id)["referral_id"]
    for request in gp.get(f"/v1/referrals/{referral_id}").json()["next"]:
        answer = gp.post(request["address"], {"no-such-field": 1})
        assert (answer.status_code, code(answer)) == (422, "invalid"), request


def test_the_wrong_order_names_the_routes_that_may_follow(gp: Caller, person_id: str) -> None:
    referral_id = begin_referral(gp, person_id)["referral_id"]
    path = f"/v1/referrals/{referral_id}"
    assert gp.post(f"{path}/withdrawn", WITHDRAWN).status_code == 201
    refused = gp.post(f"{path}/sent", {"channel": "letter"})
    assert (refused.status_code, code(refused)) == (409, "not-from-here")
    named = {request["address"] for request in refused.json()["next"]}
    assert f"{path}/closed" in named
    assert named <= {request["address"] for request in gp.get(path).json()["next"]}


def test_the_future_is_refused_with_the_limit(gp: Caller, person_id: str) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    body = {"stage": "sent", "person_id": person_id, "service": "camhs", "channel": "letter", "occurred_at": ahead}
    (fault,) = gp.post("/v1/referrals", body).json()["errors"]
    assert fault["field"] == "occurred_at"
    assert f"the latest is {datetime.now(UTC):%Y-%m-%d}T" in fault["message"]


# --- operation ----------------------------------------------------------------------------------------------------


def test_a_service_records_and_is_ready_while_the_broker_is_away(
    backends: Backends, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with running("perinatal", backends, tmp_path_factory.mktemp("brokerless")) as service:
        vhost = service.environment["AMQP_URI"].rpartition("/")[2]
        backends.drop_vhost(vhost)
        eventually(lambda: "queue perinatal.reactions" in waits_for(service), within=30)
        caller = service.caller("gp-aldous", "gp_practice", "gp-harbour")
        assert caller.post("/v1/people", PERSON).status_code == 201
        backends.new_vhost(vhost)


def waits_for(service: Running) -> list[str]:
    answer = requests.get(f"{service.url}/health/ready", timeout=5)
    assert answer.status_code == 200
    return list(answer.json().get("waits_for", []))
