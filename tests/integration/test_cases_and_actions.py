"""Cases and decided actions over real HTTP: who holds a case, how it closes, and what becomes of what was decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, faulty_fields, running

TEAM = "csc-essex"
SOON = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
SECRET = "Write to the landlord of Wren Exampleton"


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("cases")) as service:
        yield service


@pytest.fixture(scope="module")
def worker(service: Running) -> Caller:
    return service.caller("sw-ebb", "social_worker", TEAM)


@pytest.fixture(scope="module")
def boss(service: Running) -> Caller:
    return service.caller("sw-boss", "team_manager", TEAM)


@pytest.fixture
def person_id(worker: Caller) -> str:
    answer = worker.post("/v1/people", {"given_name": "Wren", "family_name": "Exampleton"})
    return str(answer.json()["person_id"])


@pytest.fixture
def case(worker: Caller, person_id: str) -> str:
    body = {"person_id": person_id, "people": [person_id], "agency": "childrens_social_care", "kind": "assessment"}
    return str(worker.post("/v1/cases", body).headers["Location"])


def decided(caller: Caller, person_id: str, **more: Any) -> requests.Response:
    said = {"person_id": person_id, "meeting": "strategy", "kind": "letter", "what": SECRET}
    return caller.post("/v1/actions", {**said, **more})


def data_of(caller: Caller, path: str) -> dict[str, Any]:
    """What the last entry of the record says."""
    return dict(caller.get(path).json()["history"][-1]["data"])


def test_a_case_is_held_handed_over_taken_on_and_closed_with_a_reason(
    worker: Caller, boss: Caller, case: str, person_id: str
) -> None:
    steps: list[tuple[Caller, str, dict[str, Any]]] = [
        (boss, "holder-named", {"holder": "sw-ebb", "team": TEAM}),
        (worker, "told", {"to": ["parents", "gp_practice"], "about": "holder", "channel": "letter"}),
        (worker, "leaving-announced", {"last_day": SOON}),
        (worker, "handover-given", {"to_holder": "sw-flood", "to_team": TEAM, "open_items": [], "account": SECRET}),
        (boss, "taken-on", {"holder": "sw-flood", "team": TEAM, "channel": "phone", "reference": "call of Monday"}),
        (boss, "unheld-reviewed", {"risk": "low"}),
        (worker, "closing-proposed", {"close_on": SOON, "reason": "needs_met"}),
        (worker, "closing-checked", {"checks": ["child_seen", "contacts_read"]}),
        (boss, "closure", {"reason": "needs_met", "told": ["parents"], "authorised_by": "sw-boss"}),
    ]
    for caller, verb, body in steps:
        answer = caller.post(f"{case}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
    record = worker.get(case).json()
    assert (record["state"], record["facts"]["kind"]) == ("closed", "assessment")
    said = {entry["type"]: entry["data"] for entry in record["history"]}
    assert said["case.holder_named.v1"]["held_as"] == "employed"
    assert said["case.leaving_announced.v1"]["holder"] == "sw-ebb"
    assert said["case.taken_on.v1"]["reported_by"] == "sender"
    missing = ["parents_seen", "home_seen", "chronology", "next_lead", "views"]
    assert said["case.closing_checked.v1"]["missing"] == missing
    assert all(data["people"] == [person_id] for data in said.values())
    assert SECRET not in str(said)


def test_the_first_version_of_a_closing_is_recorded_as_before(worker: Caller, case: str) -> None:
    assert worker.post(f"{case}/closed", {"reason_code": "plan_completed"}).status_code == 201
    assert worker.get(case).json()["state"] == "closed"


def test_a_closing_is_always_recorded_even_over_what_nobody_read_and_by_whoever_is_unknown(
    worker: Caller, boss: Caller, case: str, person_id: str
) -> None:
    worker.post("/v1/concerns", {"person_id": person_id, "kind": "neglect", "seen": False})
    answer = worker.post(f"{case}/closure", {"reason": "not_engaging", "authorised_by": "nobody-known"})
    assert answer.status_code == 201, answer.text
    assert data_of(worker, case)["told"] == []


def test_nobody_says_that_a_holder_stopped_when_there_is_none_and_a_holder_need_not_be_named_again(
    worker: Caller, boss: Caller, case: str
) -> None:
    refused = boss.post(f"{case}/holder-ended", {"reason": "left"})
    assert (refused.status_code, code(refused)) == (422, "nobody-holds-it")
    boss.post(f"{case}/holder-named", {"holder": "sw-ebb", "team": TEAM, "held_as": "agency"})
    assert boss.post(f"{case}/holder-ended", {"reason": "sickness"}).status_code == 201
    assert data_of(boss, case)["holder"] == "sw-ebb"


def test_whoever_takes_a_case_on_says_so_and_others_say_how_they_know(
    service: Running, boss: Caller, case: str
) -> None:
    refused = boss.post(f"{case}/taken-on", {"holder": "sw-flood", "team": TEAM})
    assert faulty_fields(refused) == {"channel", "reference"}
    holder = service.caller("sw-flood", "social_worker", TEAM)
    assert holder.post(f"{case}/taken-on", {}).status_code == 201
    said = data_of(holder, case)
    assert (said["holder"], said["team"], said["reported_by"]) == ("sw-flood", TEAM, "receiver")


def test_nobody_is_told_who_is_not_there(worker: Caller, case: str) -> None:
    body = {"to": ["parents"], "not_there": ["parents"], "about": "opened", "channel": "phone"}
    assert code(worker.post(f"{case}/told", body)) == "told-or-not-there"


def test_only_a_manager_looks_at_a_case_that_nobody_holds(worker: Caller, case: str) -> None:
    assert worker.post(f"{case}/unheld-reviewed", {"risk": "low"}).status_code == 403


def test_a_child_was_seen_by_the_day_of_the_look(boss: Caller, case: str) -> None:
    refused = boss.post(f"{case}/unheld-reviewed", {"risk": "low", "child_seen_on": SOON})
    assert (refused.status_code, code(refused)) == (422, "impossible")


def test_an_action_is_decided_arranged_gone_through_and_done_with_evidence(
    worker: Caller, boss: Caller, case: str, person_id: str
) -> None:
    path = str(decided(worker, person_id, case_id=case.rpartition("/")[2]).headers["Location"])
    said = data_of(worker, path)
    assert (said["chair"], said["chair_team"]) == ("sw-ebb", TEAM) and SECRET not in str(said)
    assert worker.get(path).json()["history"][0]["private"]["what"] == SECRET
    for caller, verb, body in (
        (boss, "arranged", {"owner": "sw-boss", "due_on": SOON}),
        (worker, "swept", {"meeting": "core_group", "next_meeting_on": SOON}),
        (boss, "done", {"evidence": "letter_sent", "reference": "letter of Monday"}),
        (worker, "swept", {"meeting": "review"}),
    ):
        answer = caller.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
    assert worker.get(path).json()["state"] == "done"
    assert worker.post(f"{path}/replaced", {"reason": "overtaken"}).status_code == 409


def test_decided_is_not_done_so_a_referral_that_was_only_noted_shows_nothing(worker: Caller, person_id: str) -> None:
    path = str(decided(worker, person_id).headers["Location"])
    noted = {"stage": "intended", "service": "camhs", "reason_code": "mood", "urgency": "routine"}
    noted["person_id"] = person_id
    referral = str(worker.post("/v1/referrals", noted).headers["Location"])
    shown = {"evidence": "referral_id", "referral_id": referral.rpartition("/")[2]}
    assert code(worker.post(f"{path}/done", {"evidence": "referral_id"})) == "which-referral"
    assert code(worker.post(f"{path}/done", {**shown, "evidence": "visit"})) == "which-referral"
    assert code(worker.post(f"{path}/done", shown)) == "not-sent"
    worker.post(f"{referral}/sent", {"channel": "letter"})
    assert worker.post(f"{path}/done", shown).status_code == 201


def test_the_actions_of_a_meeting_are_recorded_in_one_request(worker: Caller, person_id: str) -> None:
    kinds = ("letter", "visit", "checks", "medical", "legal")
    said = {"person_id": person_id, "meeting": "legal_planning", "owner": "sw-ebb", "team": TEAM, "due_on": SOON}
    commands = [
        {"key": f"{person_id}-{kind}", "path": "/v1/actions", "body": {**said, "kind": kind, "what": SECRET}}
        for kind in kinds
    ]
    headers = {"Authorization": f"Bearer {worker.token}"}
    answer = requests.post(f"{worker.url}/v1/commands", json=commands, headers=headers, timeout=30)
    assert [result["status"] for result in answer.json()["results"]] == [201] * len(kinds)


def test_an_action_that_is_replaced_names_the_one_that_takes_its_place(worker: Caller, person_id: str) -> None:
    first, second = (str(decided(worker, person_id).headers["Location"]) for _ in range(2))
    unknown = {"reason": "another_action", "replaced_by": "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c"}
    assert code(worker.post(f"{first}/replaced", unknown)) == "unknown-reference"
    by = {"reason": "another_action", "replaced_by": second.rpartition("/")[2]}
    assert worker.post(f"{first}/replaced", by).status_code == 201
    assert worker.get(second).json()["state"] == "decided"


def test_an_action_needs_somebody_of_a_team(worker: Caller, person_id: str) -> None:
    path = str(decided(worker, person_id).headers["Location"])
    refused = worker.post(f"{path}/arranged", {"owner": "sw-flood", "due_on": SOON})
    assert code(refused) == "team-needed"
