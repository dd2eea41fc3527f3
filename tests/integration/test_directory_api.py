"""Managers change the directory of their own teams over HTTP, and every serving process works by it within seconds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from shared.contracts.access import ROLES
from shared.runtime.clock import ReplayClock
from tests.integration.following import following
from tests.integration.ledger import MONDAY, Ledger, config, referral_noted
from tests.integration.recording import Caller, Running, code, faulty_fields, is_ready
from tests.support import eventually

WORKERS, TEAMS = "/v1/directory/workers", "/v1/directory/teams"
NEWCOMER = {
    "worker": "hv-newcomer",
    "name": "Nia Newcomer",
    "email": "nia.newcomer@essex.example",
    "posts": [{"role": "health_visitor", "team": "hv-harwich"}],
}


@pytest.fixture(scope="module")
def clock(backends: Backends) -> ReplayClock:
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY)
    return clock


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory, clock: ReplayClock) -> Iterator[Running]:
    with following(backends, tmp_path_factory.mktemp("directory"), "serve", "http", clock=clock) as service:
        yield service


@pytest.fixture(scope="module")
def ledger(service: Running, clock: ReplayClock) -> Iterator[Ledger]:
    ledger = Ledger(config(service.database, service.environment["MONGODB_URI"]), clock)
    yield ledger
    ledger.close()


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("hv-manager-ito", "manager", "hv-harwich")


@pytest.fixture(scope="module")
def lead(service: Running) -> Caller:
    return service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")


@pytest.fixture(scope="module")
def other(service: Running) -> Caller:
    return service.caller("gp-manager-hale", "manager", "gp-mill-road")


def newcomer(**more: Any) -> dict[str, Any]:
    return {**NEWCOMER, "worker": f"hv-{uuid4().hex[:8]}x", **more}


def team(caller: Caller, team_id: str) -> dict[str, Any]:
    (found,) = [one for one in caller.get(TEAMS).json()["items"] if one["team"] == team_id]
    return dict(found)


def test_the_teams_of_ones_areas_are_listed_with_who_works_there(manager: Caller) -> None:
    listed = manager.get(TEAMS).json()["items"]
    assert {one["area"] for one in listed} == {"essex"}
    harwich = team(manager, "hv-harwich")
    assert (harwich["manager"], harwich["duty"]) == ("hv-manager-ito", "hv-sato")
    assert {"id": "hv-sato", "name": "Emi Sato"} in harwich["workers"]


def test_a_worker_is_read_with_what_they_own_and_not_from_another_area(
    service: Running, ledger: Ledger, other: Caller
) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    ledger.catch_up()
    shown = other.get(f"{WORKERS}/{noted.actor}").json()
    assert shown["email"] == "ngozi.okafor@essex.example"
    assert [one[:3] for one in shown["open_work"]] == ["FT-"]
    norfolk = service.caller("gp-manager-fox", "manager", "gp-wensum", "norfolk")
    assert code(norfolk.get(f"{WORKERS}/{noted.actor}")) == "wrong-area"
    assert code(norfolk.get(f"{WORKERS}/gp-okafr")) == "not-found"
    assert "gp-okafor" in norfolk.get(f"{WORKERS}/gp-okafr").json()["detail"]


def test_somebody_joins_leaves_and_comes_back_and_a_repeated_request_changes_nothing(manager: Caller) -> None:
    body = newcomer()
    key = uuid4().hex
    joined = manager.post(WORKERS, body, key=key)
    assert joined.status_code == 201, joined.text
    assert manager.post(WORKERS, body, key=key).json() == joined.json()
    assert code(manager.post(WORKERS, body)) == "already-listed"
    worker = f"{WORKERS}/{body['worker']}"
    assert joined.headers["Location"] == worker
    left = manager.post(f"{worker}/left", {"left_on": "2013-01-14"})
    assert left.json()["left_on"] == "2013-01-14"
    assert body["worker"] not in [one["id"] for one in team(manager, "hv-harwich")["workers"]]
    assert manager.post(WORKERS, body).json()["left_on"] is None


def test_an_absence_ends_when_they_are_there_again(manager: Caller) -> None:
    body = newcomer()
    manager.post(WORKERS, body)
    worker = f"{WORKERS}/{body['worker']}"
    manager.post(f"{worker}/absences", {"first": "2013-01-14", "last": "2013-01-31"})
    both = manager.post(f"{worker}/absences", {"first": "2013-03-04", "last": "2013-03-08"}).json()["absences"]
    assert both == [{"first": "2013-01-14", "last": "2013-01-31"}, {"first": "2013-03-04", "last": "2013-03-08"}]
    there = manager.post(f"{worker}/returned", {"on": "2013-01-21"}).json()["absences"]
    assert there == [{"first": "2013-01-14", "last": "2013-01-20"}, {"first": "2013-03-04", "last": "2013-03-08"}]
    assert faulty_fields(manager.post(f"{worker}/absences", {"first": "2013-02-02", "last": "2013-02-01"})) == {"last"}


def test_the_person_on_duty_is_changed_with_the_hours(manager: Caller) -> None:
    hours = {"opens": "08:00", "closes": "20:00", "days": "every_day"}
    body = {"duty": "hv-pereira", "out_of_hours_duty": "hv-sato", "hours": hours}
    changed = manager.post(f"{TEAMS}/hv-harwich/duty", body).json()
    assert {**changed, **body} == changed
    kept = manager.post(f"{TEAMS}/hv-harwich/duty", {"duty": "hv-sato"}).json()
    assert (kept["duty"], kept["out_of_hours_duty"], kept["hours"]) == ("hv-sato", "hv-sato", hours)


def test_only_the_manager_of_a_team_and_the_lead_of_its_area_change_it(
    service: Running, manager: Caller, other: Caller, lead: Caller
) -> None:
    elsewhere = service.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", "norfolk")
    namesake = service.caller("hv-manager-ito", "manager", "hv-harwich", "norfolk")
    body = newcomer()
    for caller in (other, elsewhere, namesake):
        assert code(caller.post(WORKERS, body)) == "not-your-team"
        assert code(caller.post(f"{WORKERS}/hv-sato/left", {"left_on": "2013-01-14"})) == "not-your-team"
        assert code(caller.post(f"{TEAMS}/hv-harwich/duty", {"duty": "hv-pereira"})) == "not-your-team"
    assert lead.post(WORKERS, body).status_code == 201
    visitor = service.caller("hv-sato", "health_visitor", "hv-harwich")
    assert code(visitor.post(WORKERS, newcomer())) == "wrong-role"
    two_posts = [*NEWCOMER["posts"], {"role": "midwife", "team": "midwifery-colne"}]
    assert code(manager.post(WORKERS, newcomer(posts=two_posts))) == "not-your-team"


def test_an_unknown_name_is_answered_with_the_nearest(manager: Caller) -> None:
    answer = manager.post(f"{TEAMS}/hv-harwich/duty", {"duty": "hv-satto"})
    assert code(answer) == "unknown-name"
    assert "hv-sato" in str(answer.json()["errors"])
    nowhere = manager.post(WORKERS, newcomer(posts=[{"role": "health_visitor", "team": "hv-harwch"}]))
    assert faulty_fields(nowhere) == {"posts.0.team"}
    assert "hv-harwich" in str(nowhere.json()["errors"])
    assert code(manager.post(f"{TEAMS}/hv-harwch/duty", {"duty": "hv-sato"})) == "not-found"


@pytest.mark.parametrize("name", ["Nia\nNewcomer", "Nia\u202eNewcomer", "Nia\u2028Newcomer"])
def test_a_name_that_breaks_a_line_or_changes_its_direction_is_refused_here_too(manager: Caller, name: str) -> None:
    assert faulty_fields(manager.post(WORKERS, newcomer(name=name))) == {"name"}


def test_another_process_works_by_a_change_within_seconds(
    backends: Backends, service: Running, manager: Caller, tmp_path: Path
) -> None:
    address = f"127.0.0.1:{backends.ports.take(uuid4().hex)}"
    environment = {**service.environment, "HTTP_ADDRESS": address, "PUBLIC_URL": f"http://{address}"}
    second = Running(service.name, f"http://{address}", environment, service.private_key, service.database)
    with second.kept_running("serve", "http"):
        there = second.caller("hv-manager-ito", "manager", "hv-harwich")
        eventually(lambda: is_ready(second.url), within=30)
        body = newcomer()
        manager.post(WORKERS, body)
        eventually(lambda: there.get(f"{WORKERS}/{body['worker']}").status_code == 200, within=10)


# --- leaving and absence ---------------------------------------------------------------------------------------------


def test_a_leavers_open_work_is_in_the_answer_with_the_cover_and_goes_to_them(ledger: Ledger, other: Caller) -> None:
    body = newcomer(posts=[{"role": "gp_practice", "team": "gp-mill-road"}])
    assert other.post(WORKERS, body).status_code == 201
    noted = referral_noted(actor=body["worker"])
    ledger.hear(noted)
    ledger.catch_up()
    worker = f"{WORKERS}/{body['worker']}"
    there = other.get(worker).json()
    assert (len(there["open_work"]), there["cover"]) == (1, [])
    left = other.post(f"{worker}/left", {"left_on": "2013-01-16"}).json()
    because = f"duty person of gp-mill-road; {body['worker']} left on 2013-01-16"
    cover = {"reference": left["open_work"][0], "person": "gp-adeyemi", "because": because}
    assert left["cover"] == [cover]
    assert other.get(worker).json()["cover"] == []  # until the day comes
    ledger.dependencies.directory.refresh()
    follow_up = ledger.follow_up("REF-01", noted.stream)
    found = ledger.dependencies.directory.find_recipients(
        follow_up, follow_up.rungs[0], follow_up.owner, (MONDAY + timedelta(days=2)).date()
    )
    assert [recipient.person for recipient in found][:1] == ["gp-adeyemi"]


def test_an_absent_workers_open_work_is_in_the_answer_with_the_cover(ledger: Ledger, other: Caller) -> None:
    body = newcomer(posts=[{"role": "gp_practice", "team": "gp-mill-road"}])
    other.post(WORKERS, body)
    ledger.hear(referral_noted(actor=body["worker"]))
    ledger.catch_up()
    worker = f"{WORKERS}/{body['worker']}"
    away = other.post(f"{worker}/absences", {"first": "2013-01-15", "last": "2013-01-18"}).json()
    assert [one["person"] for one in away["cover"]] == ["gp-adeyemi"]
    assert [one["reference"] for one in away["cover"]] == away["open_work"]
    assert other.post(f"{worker}/returned", {"on": "2013-01-14"}).json()["cover"] == []


def test_whoever_would_leave_a_line_with_fewer_than_three_people_is_not_let_go_before_somebody_takes_their_place(
    service: Running, lead: Caller
) -> None:
    """`operations` has one worker, who is its manager. The line goes on to the lead and her deputy."""
    everywhere = service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex", "england", "essex")
    path = f"{WORKERS}/designated-nurse-hartigan"
    refused = everywhere.post(f"{path}/left", {"left_on": "2013-01-21"})
    assert (refused.status_code, code(refused)) == (422, "line-too-short")
    assert faulty_fields(refused) == {"left_on"}
    said = [error["message"] for error in refused.json()["errors"]]
    assert said[0] == (
        "a line of operations would reach only lead-achterberg and operator-kowalski; first name another manager of "
        "operations, or a head_of_service or deputy_safeguarding_lead of england among the duty_roles"
    )
    assert "a line of practice-review would reach only" in said[1]
    absence = {"first": "2013-01-21", "last": "2013-01-25"}
    assert faulty_fields(everywhere.post(f"{path}/absences", absence)) == {"first"}
    assert everywhere.get(path).json()["absences"] == []
    assert everywhere.get(path).json()["left_on"] is None


def test_whoever_is_above_a_team_changes_it_and_whoever_has_left_does_not(service: Running, lead: Caller) -> None:
    deputy = service.caller("designated-nurse-hartigan", "safeguarding_lead", "partnership-essex")
    head = service.caller("head-of-service-marlowe", "manager", "front-door-essex")
    for caller in (deputy, head):
        assert caller.post(WORKERS, newcomer()).status_code == 201
    aside = service.caller("service-manager-kruger", "manager", "childrens-social-care-essex")
    assert code(aside.post(WORKERS, newcomer())) == "not-your-team"
    assert lead.post(f"{WORKERS}/head-of-service-marlowe/left", {"left_on": "2013-01-14"}).status_code == 201
    assert code(head.post(WORKERS, newcomer())) == "not-your-team"


# --- which roles and duties a manager gives --------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(ROLES - {"housing"}))
def test_a_manager_adds_nobody_in_a_role_that_the_team_does_not_act_as(service: Running, role: str) -> None:
    manager = service.caller("housing-manager-wolff", "manager", "housing-essex")
    alone = newcomer(posts=[{"role": role, "team": "housing-essex"}])
    behind = newcomer(posts=[{"role": "housing", "team": "housing-essex"}, {"role": role, "team": "housing-essex"}])
    for body in (alone, behind):
        answer = manager.post(WORKERS, body)
        assert (answer.status_code, code(answer)) == (403, "not-a-role-of-the-team")
    assert manager.post(WORKERS, newcomer(posts=[{"role": "housing", "team": "housing-essex"}])).status_code == 201


def test_a_lead_of_the_area_adds_a_manager_and_whoever_only_says_that_they_lead_does_not(
    service: Running, lead: Caller
) -> None:
    body = newcomer(posts=[{"role": "manager", "team": "hv-harwich"}])
    pretends = service.caller("hv-manager-ito", "safeguarding_lead", "hv-harwich")
    assert code(pretends.post(WORKERS, body)) == "not-a-role-of-the-team"
    assert lead.post(WORKERS, body).status_code == 201


@pytest.mark.parametrize("name", ["duty", "out_of_hours_duty"])
def test_only_people_of_the_team_are_on_duty_for_it(service: Running, manager: Caller, lead: Caller, name: str) -> None:
    gone = newcomer()
    manager.post(WORKERS, gone)
    manager.post(f"{WORKERS}/{gone['worker']}/left", {"left_on": "2013-01-14"})
    for caller in (manager, lead):
        for worker in ("housing-silva", "gp-adeyemi", "hv-castro", gone["worker"]):
            refused = caller.post(f"{TEAMS}/hv-harwich/duty", {"duty": "hv-sato", name: worker})
            assert (code(refused), faulty_fields(refused)) == ("unknown-name", {name})


def test_a_worker_of_two_teams_leaves_by_the_word_of_somebody_above_both(
    service: Running, lead: Caller, manager: Caller
) -> None:
    posts = [{"role": "housing", "team": "housing-essex"}, {"role": "health_visitor", "team": "hv-harwich"}]
    body = newcomer(posts=posts)
    assert lead.post(WORKERS, body).status_code == 201
    path = f"{WORKERS}/{body['worker']}/left"
    assert code(manager.post(path, {"left_on": "2013-01-14"})) == "not-your-team"
    assert lead.post(path, {"left_on": "2013-02-14"}).status_code == 201
    assert code(manager.post(WORKERS, {**body, "posts": NEWCOMER["posts"]})) == "already-listed"
