"""Whose hand: what the perinatal service stamps into what somebody records elsewhere, and who answers such a claim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

CONCERN = {"kind": "neglect", "seen": True}
GIVEN = {"channel": "phone", "context": "Said on the phone.", "contexts": ["mental_health"]}
PROOF = {"receiver_person": "Duty clinician", "channel": "phone", "reference": "call of Monday"}


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    return service.caller("gp-aldous", "gp_practice", "gp-harbour")


@pytest.fixture(scope="module")
def norfolk(service: Running) -> Caller:
    return service.caller("hv-castro", "health_visitor", "hv-yare", "norfolk")


@pytest.fixture
def mother(visitor: Caller) -> str:
    return registered(visitor)


def registered(caller: Caller) -> str:
    answer = caller.post("/v1/people", {"given_name": "Wren", "family_name": "Exampleton"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["person_id"])


def recorded(caller: Caller, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def standing(service: Running, event_id: str) -> str | None:
    document = service.database.events.find_one({"_id": event_id})
    stamp: str | None = document["event"].get("standing")
    return stamp


def concern(caller: Caller, person_id: str) -> dict[str, Any]:
    return recorded(caller, "/v1/concerns", {"person_id": person_id, **CONCERN})


def linked(caller: Caller, own: str, other: str) -> dict[str, Any]:
    body = {"other_person_id": other, "reason": "merge", "confirmed_by": "hv-castro"}
    return recorded(caller, f"/v1/people/{own}/linked", body)


def moved(caller: Caller, person_id: str) -> dict[str, Any]:
    ends = {"person_id": person_id, "people": [person_id], "from_area": "essex", "to_area": "norfolk"}
    return recorded(caller, "/v1/moves", {**ends, "told_by": "family", "handover_needed": True})


def test_who_acts_where_the_person_lives_is_of_the_circle_and_nobody_else_is(
    service: Running, visitor: Caller, gp: Caller, norfolk: Caller, mother: str
) -> None:
    assert standing(service, concern(visitor, mother)["event_id"]) == "circle"
    assert standing(service, concern(gp, mother)["event_id"]) == "circle"
    assert standing(service, concern(norfolk, mother)["event_id"]) == "owner"


def test_a_batch_of_commands_is_stamped_as_single_commands_are(
    service: Running, visitor: Caller, norfolk: Caller, mother: str
) -> None:
    for caller, stamp in ((visitor, "circle"), (norfolk, "owner")):
        order = {"key": f"row-{stamp}", "path": "/v1/concerns", "body": {"person_id": mother, **CONCERN}}
        (result,) = caller.post("/v1/commands", [order]).json()["results"]
        assert result["status"] == 201, result
        assert standing(service, result["body"]["event_id"]) == stamp


def test_a_link_to_somebody_of_another_area_is_a_claim_that_only_her_side_answers(
    service: Running, visitor: Caller, norfolk: Caller, mother: str
) -> None:
    own = registered(norfolk)
    claim = linked(norfolk, own, mother)
    assert standing(service, claim["event_id"]) == "none"
    body = {"event_id": claim["event_id"]}
    colleague = service.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", "norfolk")
    assert code(colleague.post(f"/v1/people/{own}/claims/confirmed", body)) == "no-standing"
    assert norfolk.post(f"/v1/people/{own}/claims/confirmed", body).status_code == 403
    answer = visitor.post(f"/v1/people/{own}/claims/confirmed", body)
    assert answer.status_code == 201, answer.text
    assert standing(service, answer.json()["event_id"]) == "circle"
    again = visitor.post(f"/v1/people/{own}/claims/rejected", {**body, "reason_code": "not_so"})
    assert code(again) == "already-answered"


def test_a_rejected_claim_stays_visible_as_retracted(visitor: Caller, norfolk: Caller, mother: str) -> None:
    claim = concern(norfolk, mother)
    path = f"/v1/concerns/{claim['concern_id']}"
    rejection = {"event_id": claim["event_id"], "reason_code": "another_child"}
    assert visitor.post(f"{path}/claims/rejected", rejection).status_code == 201
    (entry, _) = norfolk.get(path).json()["history"]
    assert entry["retracted"] is True


def test_an_entry_of_the_circle_is_no_claim(visitor: Caller, gp: Caller, mother: str) -> None:
    entry = concern(visitor, mother)
    answer = gp.post(f"/v1/concerns/{entry['concern_id']}/claims/confirmed", {"event_id": entry["event_id"]})
    assert faulty_fields(answer) == {"event_id"}


def test_each_side_of_a_claim_confirms_for_its_own_people_only(
    service: Running, visitor: Caller, norfolk: Caller, mother: str
) -> None:
    suffolk = service.caller("hv-adair", "health_visitor", "hv-stour", "suffolk")
    other, own = registered(suffolk), registered(norfolk)
    body = {"person_id": own, "people": [own, mother, other], "agency": "health_visiting", "kind": "support"}
    claim = recorded(norfolk, "/v1/cases", body)
    path, about = f"/v1/cases/{claim['case_id']}", {"event_id": claim["event_id"]}
    first = visitor.post(f"{path}/claims/confirmed", about)
    assert first.status_code == 201, first.text
    assert code(visitor.post(f"{path}/claims/confirmed", about)) == "already-answered"
    assert code(visitor.post(f"{path}/claims/rejected", {**about, "reason_code": "not_so"})) == "no-standing"
    last = suffolk.post(f"{path}/claims/confirmed", about)
    assert last.status_code == 201, last.text
    data = [service.database.events.find_one({"_id": one.json()["event_id"]})["event"]["data"] for one in (first, last)]
    assert data == [{**about, "people": [mother]}, about]


def test_a_claim_is_confirmed_in_a_batch_too(service: Running, visitor: Caller, norfolk: Caller, mother: str) -> None:
    claim = concern(norfolk, mother)
    path = f"/v1/concerns/{claim['concern_id']}/claims/confirmed"
    order = {"key": f"row-{claim['event_id']}", "path": path, "body": {"event_id": claim["event_id"]}}
    (result,) = visitor.post("/v1/commands", [order]).json()["results"]
    assert result["status"] == 201, result


def test_a_manager_of_another_team_does_not_retract_and_the_areas_safeguarding_lead_does(
    service: Running, visitor: Caller, mother: str
) -> None:
    entry = concern(visitor, mother)
    path = f"/v1/concerns/{entry['concern_id']}/retractions"
    body = {"event_id": entry["event_id"], "reason_code": "wrong"}
    manager = service.caller("gp-manager-hale", "manager", "gp-harbour")
    assert code(manager.post(path, body)) == "not-your-entry"
    lead = service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    assert lead.post(path, body).status_code == 201


def test_only_the_team_that_a_referral_was_sent_to_receives_it(service: Running, gp: Caller, mother: str) -> None:
    body = {"stage": "sent", "person_id": mother, "service": "perinatal_mental_health", "channel": "letter"}
    sent = recorded(gp, "/v1/referrals", {**body, "to_team": "perinatal-mh-essex"})
    path = f"/v1/referrals/{sent['referral_id']}"
    camhs = service.caller("camhs-intake", "mental_health_service", "camhs-essex")
    addressed = service.caller("pmh-nurse-farah", "mental_health_service", "perinatal-mh-essex")
    for said in ({}, PROOF):
        assert code(camhs.post(f"{path}/acknowledged", said)) == "no-part-in-it"
    assert faulty_fields(gp.post(f"{path}/acknowledged", {})) == set(PROOF)
    assert recorded(gp, f"{path}/acknowledged", PROOF)["reported_by"] == "sender"
    for step, said in (("accepted", {}), ("rejected", {"reason_code": "full"})):
        assert code(camhs.post(f"{path}/{step}", said)) == "receiver-only"
    assert addressed.post(f"{path}/accepted", {}).status_code == 201
    assert code(camhs.post(f"{path}/appointment-booked", {"appointment_on": "2030-01-01"})) == "receiver-only"


def test_the_new_side_cannot_read_on_by_its_own_word(
    service: Running, visitor: Caller, norfolk: Caller, mother: str
) -> None:
    move = moved(norfolk, mother)
    path = f"/v1/moves/{move['move_id']}"
    recorded(norfolk, f"{path}/handover-acknowledged", {**PROOF, "receiver_person": "Anybody"})
    assert norfolk.get(f"/v1/people/{mother}").status_code == 403
    answer = visitor.post(f"{path}/claims/confirmed", {"event_id": move["event_id"]})
    assert answer.status_code == 201, answer.text
    assert norfolk.get(f"/v1/people/{mother}").status_code == 200


def test_a_team_with_a_live_part_in_a_record_of_the_circle_is_of_the_circle(
    service: Running, gp: Caller, mother: str
) -> None:
    body = {"stage": "sent", "person_id": mother, "service": "camhs", "channel": "letter"}
    recorded(gp, "/v1/referrals", {**body, "to_team": "camhs-regional"})
    regional = service.caller("camhs-far", "mental_health_service", "camhs-regional", "norfolk")
    viewed = service.database.referral_views
    eventually(lambda: viewed.find_one({"person_id": mother, "teams": "camhs-regional"}) is not None, within=20)
    assert standing(service, concern(regional, mother)["event_id"]) == "circle"


def protected(caller: Caller, person_id: str) -> None:
    recorded(caller, f"/v1/people/{person_id}/protected", {"reason": "refuge"})


def test_a_move_of_a_protected_person_is_a_claim_of_whoever_records_it_but_their_own_team(
    service: Running, visitor: Caller, gp: Caller, mother: str
) -> None:
    assert standing(service, moved(gp, mother)["event_id"]) == "circle"
    protected(visitor, mother)
    assert standing(service, moved(gp, mother)["event_id"]) == "none"
    assert standing(service, moved(visitor, mother)["event_id"]) == "circle"
    # Anything else that the circle records counts as ever.
    assert standing(service, concern(gp, mother)["event_id"]) == "circle"


def test_only_their_own_team_and_the_leads_confirm_a_move_of_a_protected_person(
    service: Running, visitor: Caller, gp: Caller, norfolk: Caller, mother: str
) -> None:
    protected(visitor, mother)
    claim = moved(norfolk, mother)
    path, body = f"/v1/moves/{claim['move_id']}", {"event_id": claim["event_id"]}
    assert code(gp.post(f"{path}/claims/confirmed", body)) == "no-standing"
    given = service.caller("midwife-ekwueme", "midwife", "midwifery-colne")
    assert standing(service, recorded(given, f"{path}/handover-given", GIVEN)["event_id"]) == "none"
    recorded(norfolk, f"{path}/handover-acknowledged", {**PROOF, "receiver_person": "Anybody"})
    assert norfolk.get(f"/v1/people/{mother}").status_code == 403
    assert visitor.post(f"{path}/claims/confirmed", body).status_code == 201
    assert norfolk.get(f"/v1/people/{mother}").status_code == 200


def test_a_link_of_a_protected_person_is_confirmed_by_their_own_team_or_a_lead(
    service: Running, visitor: Caller, gp: Caller, mother: str
) -> None:
    other = registered(gp)
    protected(visitor, mother)
    claim = linked(gp, other, mother)
    assert standing(service, claim["event_id"]) == "none"
    midwife = service.caller("midwife-ekwueme", "midwife", "midwifery-colne")
    path, body = f"/v1/people/{other}/claims/confirmed", {"event_id": claim["event_id"]}
    assert code(midwife.post(path, body)) == "no-standing"
    lead = service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    assert lead.post(path, body).status_code == 201


def test_a_team_that_works_with_a_person_or_a_lead_protects_them_and_whoever_protects_takes_it_back(
    service: Running, visitor: Caller, gp: Caller, mother: str
) -> None:
    path = f"/v1/people/{mother}"
    assert code(gp.post(f"{path}/protected", {"reason": "refuge"})) == "not-your-person"
    assert code(visitor.post(f"{path}/unprotected", {"reason_code": "safe"})) == "not-protected"
    assert faulty_fields(visitor.post(f"{path}/protected", {"reason": "shy"})) == {"reason"}
    protected(visitor, mother)
    assert code(gp.post(f"{path}/unprotected", {"reason_code": "safe"})) == "not-your-protection"
    assert visitor.post(f"{path}/unprotected", {"reason_code": "safe"}).status_code == 201
    assert standing(service, moved(gp, mother)["event_id"]) == "circle"
    lead = service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    assert lead.post(f"{path}/protected", {"reason": "witness"}).status_code == 201


@pytest.mark.parametrize("path", ["cases", "support"])
def test_a_team_with_an_open_case_or_support_is_of_the_circle_once_that_is_confirmed(
    service: Running, visitor: Caller, norfolk: Caller, mother: str, path: str
) -> None:
    bodies = {
        "cases": {"person_id": mother, "people": [mother], "agency": "childrens_social_care", "kind": "child_in_need"},
        "support": {"person_id": mother, "kind": "family_nurse_partnership"},
    }
    begun = recorded(norfolk, f"/v1/{path}", bodies[path])
    assert standing(service, concern(norfolk, mother)["event_id"]) == "owner"
    record = f"/v1/{path}/{begun['case_id' if path == 'cases' else 'support_id']}"
    recorded(visitor, f"{record}/claims/confirmed", {"event_id": begun["event_id"]})
    assert standing(service, concern(norfolk, mother)["event_id"]) == "circle"
