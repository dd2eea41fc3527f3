"""A death from a registered source works at once wherever the person lives, and the source takes it back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.backends import Backends
from tests.integration.bus import publish
from tests.integration.ledger import an_event
from tests.integration.recording import Caller, Running, running
from tests.integration.test_standing import recorded, registered, standing
from tests.support import eventually

SOURCES = {"coroner-anglia": "coroner", "hospital-yare": "hospital", "midwives-yare": "midwifery"}


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("deaths")) as service:
        by = {"source": "referrals_followup", "actor": "lead-marchetti", "role": "manager", "team": "partnership"}
        listed = [an_event("directory.area_listed.v1", "directory/area-norfolk", {"area": "norfolk"}, **by)]
        for team, does in SOURCES.items():
            data = {"team": team, "area": "norfolk", "role": "midwife", "services": [does]}
            data |= {"manager": "somebody", "duty": "somebody"}
            listed.append(an_event("directory.team_listed.v1", f"directory/team-{team}", data, **by))
        publish(service.environment["AMQP_URI"], "perinatal.directory", *listed)
        known = {"kind": {"$exists": True}}
        eventually(lambda: service.database["directory"].count_documents(known) == len(listed), within=20)
        yield service


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


def of_team(service: Running, team: str) -> Caller:
    return service.caller("somebody", "midwife", team, "norfolk")


@pytest.mark.parametrize("team", ["coroner-anglia", "hospital-yare"])
def test_a_death_from_a_registered_source_works_at_once_and_is_taken_back(
    service: Running, visitor: Caller, team: str
) -> None:
    person, source = registered(visitor), of_team(service, team)
    path = f"/v1/people/{person}"
    eventually(lambda: source.post(f"{path}/died", {"family": []}).status_code == 201, within=20)
    (death,) = [entry for entry in visitor.get(path).json()["history"] if entry["type"] == "person.died.v1"]
    assert standing(service, death["event_id"]) == "circle"
    assert visitor.get(path).json()["state"] == "died"
    back = recorded(source, f"{path}/retractions", {"event_id": death["event_id"], "reason_code": "another-person"})
    assert standing(service, back["event_id"]) == "circle"
    assert visitor.get(path).json()["state"] == "registered"


def test_a_source_of_deaths_learns_nothing_else_by_it_and_does_nothing_else(service: Running, visitor: Caller) -> None:
    person, source = registered(visitor), of_team(service, "coroner-anglia")
    path = f"/v1/people/{person}"
    eventually(lambda: source.post(f"{path}/died", {"family": []}).status_code == 201, within=20)
    assert source.get(path).status_code == 403
    entries = visitor.get(path).json()["history"]
    body = {"event_id": entries[0]["event_id"], "reason_code": "wrong"}
    assert source.post(f"{path}/retractions", body).status_code == 403
    assert source.post(f"{path}/bereavement-checked", {}).status_code in (403, 422)
    assert source.post(f"{path}/adult-joined", {"adult_id": person, "children": []}).status_code == 403


def test_a_team_elsewhere_that_is_no_source_tells_of_no_death(service: Running, visitor: Caller) -> None:
    person = registered(visitor)
    other = of_team(service, "midwives-yare")
    assert other.post(f"/v1/people/{person}/died", {"family": []}).status_code == 403


def test_no_source_takes_back_a_death_that_others_recorded(service: Running, visitor: Caller) -> None:
    person, source = registered(visitor), of_team(service, "coroner-anglia")
    path = f"/v1/people/{person}"
    death = recorded(visitor, f"{path}/died", {"family": []})
    body = {"event_id": death["event_id"], "reason_code": "wrong"}
    assert source.post(f"{path}/retractions", body).status_code == 403
