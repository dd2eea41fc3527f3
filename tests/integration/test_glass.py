"""Breaking the glass: who may, what it opens and for how long, who is told, and that it lowers nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from deploy.local.backends import Backends
from shared.contracts.access import CARING, ROLES
from shared.contracts.words import GLASS_REASONS
from shared.kernel.envelope import from_text, to_text
from tests.integration.bus import publish
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Inbox,
    Ledger,
    an_event,
    item_planned,
    mail_server,
    referral_noted,
    text_of,
)
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

NOW = from_text("2013-01-16T03:00:00Z")
CHRONOLOGY = f"/v1/people/{PERSON}/chronology"
GLASS = f"/v1/people/{PERSON}/glass"
REASON = {"reason_code": "emergency_care"}
NEXT_DAY = NOW + timedelta(hours=24)


@pytest.fixture(autouse=True)
def ledger(whole_ledger: Ledger) -> Ledger:
    """It is three in the morning. A person of Essex has a named health visitor and an adviser."""
    whole_ledger.forget()
    whole_ledger.clock.set(NOW)
    data: dict[str, Any] = {"person_id": PERSON, "nhs_number_known": False}
    by = {"at": MONDAY, "subject": PERSON, "team": "hv-harwich"}
    whole_ledger.hear(an_event("person.registered.v1", f"person/{PERSON}", data, **by))
    named = {"person_id": PERSON, "role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}
    whole_ledger.hear(an_event("practitioner.assigned.v1", f"person/{PERSON}", named, version=2, **by))
    whole_ledger.hear(*item_planned())
    whole_ledger.catch_up()
    return whole_ledger


@pytest.fixture(scope="module")
def nurse(service: Running) -> Caller:
    """A midwife of a hospital of another area."""
    return service.caller("midwife-ncube", "midwife", "midwifery-bure", "norfolk")


@pytest.fixture(scope="module")
def lead(service: Running) -> Caller:
    return service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")


def broken(caller: Caller) -> dict[str, Any]:
    answer = caller.post(GLASS, REASON)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_for_24_hours_whoever_broke_the_glass_reads_everything_about_the_person_and_about_nobody_else(
    ledger: Ledger, nurse: Caller
) -> None:
    other = f"p_{'b' * 32}"
    ledger.hear(referral_noted(person=other))
    assert nurse.get(CHRONOLOGY).status_code == 404
    assert broken(nurse)["until"] == to_text(NEXT_DAY)
    ledger.catch_up()
    answer = nurse.get(CHRONOLOGY).json()
    assert {item["type"] for item in answer["items"]} >= {"person.registered.v1", "plan_item.added.v1"}
    assert answer["signposts"] == []
    assert {one["team"] for one in nurse.get(f"/v1/people/{PERSON}/circle").json()["teams"]} == {
        "hv-harwich",
        "leaving-care-essex",
    }
    found = nurse.get("/v1/follow-ups", person=PERSON).json()["items"]
    assert {item["standard"] for item in found} == {"CL-01", "GLASS-01"}
    assert nurse.get(f"/v1/follow-ups/{found[0]['id']}").status_code == 200
    past = nurse.get("/v1/follow-ups", person=PERSON, as_of=to_text(MONDAY + timedelta(hours=1))).json()
    assert {item["standard"] for item in past["items"]} == {"CL-01"}
    assert nurse.get(f"/v1/people/{other}/chronology").status_code == 404
    assert nurse.get("/v1/follow-ups", person=other).json()["items"] == []
    theirs = ledger.follow_up("REF-01")
    assert nurse.get(f"/v1/follow-ups/{theirs.id}").status_code == 404
    ledger.clock.set(NEXT_DAY + timedelta(seconds=1))
    assert nurse.get(CHRONOLOGY).status_code == 404
    assert nurse.get(f"/v1/follow-ups/{found[0]['id']}").status_code == 404


def test_the_glass_opens_nothing_to_anybody_else_of_the_team(service: Running, nurse: Caller) -> None:
    broken(nurse)
    colleague = service.caller("midwife-lead-szabo", "midwife", "midwifery-bure", "norfolk")
    assert colleague.get(CHRONOLOGY).status_code == 404


def test_under_the_glass_nothing_is_ended_taken_on_or_given_away(ledger: Ledger, service: Running) -> None:
    manager = service.caller("midwife-lead-szabo", "manager", "midwifery-bure", "norfolk")
    broken(manager)
    ledger.catch_up()
    arranged = ledger.follow_up("CL-01.arrange")
    path = f"/v1/follow-ups/{arranged.id}"
    assert manager.get(path).status_code == 200
    for act, body in (
        ("ended", {"reason_code": "duplicate"}),
        ("accepted", {}),
        ("acknowledged", {}),
        ("refused", {"reason_code": "no"}),
        ("assigned", {"person": "midwife-ncube"}),
        ("reopened", {}),
    ):
        assert manager.post(f"{path}/{act}", body).status_code == 404
    assert ledger.follow_up("CL-01.arrange") == arranged


def test_every_look_under_the_glass_is_logged_with_it(service: Running, ledger: Ledger, nurse: Caller) -> None:
    glass = broken(nurse)["glass_id"]
    ledger.catch_up()
    found = nurse.get("/v1/follow-ups", person=PERSON, standard="CL-01").json()["items"][0]
    nurse.get(f"/v1/follow-ups/{found['id']}")
    nurse.get(CHRONOLOGY)
    nurse.get(f"/v1/people/{PERSON}/circle")
    looks = list(service.database.access_log.find({"glass": glass}))
    assert {look["route"].partition(" ")[2] for look in looks} == {
        "/v1/follow-ups",
        "/v1/follow-ups/<follow_up>",
        "/v1/people/<person_id>/chronology",
        "/v1/people/<person_id>/circle",
    }
    assert {(look["actor"], *look["subjects"]) for look in looks} == {("midwife-ncube", PERSON)}


def test_the_circle_and_the_safeguarding_lead_are_told_at_once(ledger: Ledger, nurse: Caller, smtp_port: int) -> None:
    broken(nurse)
    inbox = Inbox()
    with mail_server(inbox, smtp_port):
        ledger.days_pass("2013-01-16T03:01:00Z")
    subjects = {mail["To"]: " ".join(mail["Subject"].split()) for mail in inbox.mails}
    for told in ("joana.pereira@essex.example", ledger.dependencies.directory.people["pa-lindqvist"].email):
        assert subjects[told] == "[Followthrough] urgent, glass broken by midwife-ncube (midwifery-bure)"
    lead = ledger.dependencies.directory.people["lead-achterberg"].email
    assert "GLASS-01" in subjects[lead]
    (mail,) = inbox.to("joana.pereira@essex.example")
    assert "emergency care" in text_of(mail)
    ledger.days_pass("2013-01-16T03:02:00Z")
    composed = [one.data["recipient"] for one in ledger.digests()]
    assert sorted(composed) == ["hv-pereira", "lead-achterberg", "pa-lindqvist"]


def test_a_safeguarding_lead_of_the_area_looks_at_it_and_then_nobody_is_asked_again(
    service: Running, ledger: Ledger, nurse: Caller, lead: Caller
) -> None:
    path = f"/v1/glass/{broken(nurse)['glass_id']}/reviewed"
    ledger.catch_up()
    assert ledger.follow_up("GLASS-01").state == "open"
    assert ledger.follow_up("GLASS-01").owner.role == "safeguarding_lead"
    outcome = {"outcome": "justified"}
    elsewhere = service.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", "norfolk")
    assert code(elsewhere.post(path, outcome)) == "wrong-area"
    assert code(nurse.post(path, outcome)) == "wrong-role"
    assert faulty_fields(lead.post(path, {"outcome": "fine"})) == {"outcome"}
    assert lead.post(f"/v1/glass/{uuid4()}/reviewed", outcome).status_code == 404
    assert lead.post(path, outcome).status_code == 201
    assert code(lead.post(path, {"outcome": "not_justified"})) == "already-reviewed"
    ledger.catch_up()
    assert ledger.follow_up("GLASS-01").state == "met"


def test_nobody_reviews_a_glass_that_they_broke(lead: Caller) -> None:
    assert code(lead.post(f"/v1/glass/{broken(lead)['glass_id']}/reviewed", {"outcome": "justified"})) == "own-glass"


def test_a_glass_is_seen_in_the_chronology(ledger: Ledger, nurse: Caller, lead: Caller) -> None:
    broken(nurse)
    ledger.catch_up()
    (entry,) = [item for item in lead.get(CHRONOLOGY).json()["items"] if item["type"] == "glass.broken.v1"]
    assert (entry["actor"], entry["data"]["reason_code"]) == ("midwife-ncube", "emergency_care")


def test_a_bad_reason_an_unknown_person_and_a_role_that_does_not_care_are_refused(
    service: Running, nurse: Caller
) -> None:
    assert faulty_fields(nurse.post(GLASS, {"reason_code": "curious"})) == {"reason_code"}
    assert faulty_fields(nurse.post(GLASS, {**REASON, "note": "Why not?"})) == {"note"}
    assert code(nurse.post(f"/v1/people/p_{'f' * 32}/glass", REASON)) == "not-found"
    for role in ROLES:
        answer = service.caller("somebody", role, "some-team", "norfolk").post(GLASS, REASON)
        assert answer.status_code == (201 if role in CARING - {"reviewer"} else 403), role


def test_a_repeated_request_breaks_the_glass_once(service: Running, nurse: Caller) -> None:
    first, second = (nurse.post(GLASS, REASON, key="the-same") for _ in range(2))
    assert first.json() == second.json()
    assert service.database.events.count_documents({"event.type": "glass.broken.v1"}) == 1


@pytest.mark.parametrize("reason", GLASS_REASONS)
def test_each_reason_of_the_list_is_taken(nurse: Caller, reason: str) -> None:
    assert nurse.post(GLASS, {"reason_code": reason}).status_code == 201


# --- in a recording service ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def perinatal(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("glass-perinatal")) as service:
        yield service


@pytest.fixture
def mother(perinatal: Running) -> str:
    visitor = perinatal.caller("hv-pereira", "health_visitor", "hv-harwich")
    answer = visitor.post("/v1/people", {"given_name": "Wren", "family_name": "Exampleton"})
    return str(answer.json()["person_id"])


def hear_glass(service: Running, person_id: str, actor: str, until: Any) -> str:
    glass_id = str(uuid4())
    data = {"glass_id": glass_id, "person_id": person_id, "people": [person_id], **REASON, "until": to_text(until)}
    event = an_event("glass.broken.v1", f"glass/{glass_id}", data, source="referrals_followup", subject=person_id)
    publish(service.environment["AMQP_URI"], f"{service.name}.glass", replace(event, actor=actor))
    eventually(lambda: service.database.glass.find_one({"_id": glass_id}) is not None, within=20)
    return glass_id


def begun(caller: Caller, path: str, body: dict[str, Any]) -> str:
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def test_a_recording_service_shows_every_record_of_the_person_under_the_glass(perinatal: Running, mother: str) -> None:
    visitor = perinatal.caller("hv-pereira", "health_visitor", "hv-harwich")
    adviser = perinatal.caller("mh-dubois", "mental_health_service", "camhs-norfolk", "norfolk")
    body = {"stage": "sent", "person_id": mother, "service": "camhs", "channel": "letter"}
    referral = begun(visitor, "/v1/referrals", body)
    person = f"/v1/people/{mother}"
    assert adviser.get(person).status_code == 403
    assert adviser.get(referral).status_code == 403
    eventually(lambda: perinatal.database.referral_views.find_one({"person_id": mother}) is not None, within=20)
    assert adviser.get("/v1/referrals", person=mother).json()["items"] == []
    glass = hear_glass(perinatal, mother, "mh-dubois", from_text("2099-01-01T00:00:00Z"))
    assert adviser.get(person).json()["given_name"] == "Wren"
    assert adviser.get(referral).json()["signposts"] == []
    assert len(adviser.get("/v1/referrals", person=mother).json()["items"]) == 1
    assert adviser.get("/v1/referrals").json()["items"] == []
    assert perinatal.database.access_log.count_documents({"glass": glass, "actor": "mh-dubois"}) == 3


def test_a_glass_that_has_ended_or_was_broken_by_somebody_else_or_for_somebody_else_shows_nothing(
    perinatal: Running, mother: str
) -> None:
    caller = perinatal.caller("midwife-ncube", "midwife", "midwifery-bure", "norfolk")
    hear_glass(perinatal, mother, "midwife-ncube", from_text("2013-01-01T00:00:00Z"))
    hear_glass(perinatal, mother, "somebody-else", from_text("2099-01-01T00:00:00Z"))
    hear_glass(perinatal, f"p_{'c' * 32}", "midwife-ncube", from_text("2099-01-01T00:00:00Z"))
    assert caller.get(f"/v1/people/{mother}").status_code == 403


def test_under_the_glass_no_entry_of_others_is_retracted_or_answered_and_a_new_record_is_a_claim(
    perinatal: Running, mother: str
) -> None:
    visitor = perinatal.caller("hv-pereira", "health_visitor", "hv-harwich")
    concern = begun(visitor, "/v1/concerns", {"person_id": mother, "kind": "neglect", "seen": True})
    elsewhere = perinatal.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", "norfolk")
    midwife = perinatal.caller("midwife-ncube", "midwife", "midwifery-bure", "norfolk")
    for caller in ("lead-marchetti", "midwife-ncube"):
        hear_glass(perinatal, mother, caller, from_text("2099-01-01T00:00:00Z"))
    (entry,) = elsewhere.get(concern).json()["history"]
    retraction = {"event_id": entry["event_id"], "reason_code": "wrong"}
    assert elsewhere.post(f"{concern}/retractions", retraction).status_code == 403
    assert elsewhere.post(f"{concern}/claims/rejected", retraction).status_code == 403
    assert midwife.post(f"/v1/people/{mother}/died", {"family": []}).status_code == 403
    own = begun(midwife, "/v1/concerns", {"person_id": mother, "kind": "neglect", "seen": True})
    recorded = perinatal.database.events.find_one({"event.stream": f"concern/{own.rpartition('/')[2]}"})
    assert recorded["event"]["standing"] == "owner"


@pytest.fixture(scope="module")
def leaving_care(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("leaving_care", backends, tmp_path_factory.mktemp("glass-leaving-care")) as service:
        yield service


def test_leaving_care_shows_a_care_leaver_of_another_area_under_the_glass_and_lowers_nothing(
    leaving_care: Running,
) -> None:
    own = leaving_care.caller("pa-lindqvist", "personal_adviser", "leaving-care-essex")
    body = {"given_name": "Wren", "family_name": "Exampleton", "category": "former_relevant"}
    answer = own.post("/v1/care-leavers", {**body, "date_of_birth": f"{datetime.now(UTC).year - 19}-01-02"})
    assert answer.status_code == 201, answer.text
    record, person = str(answer.headers["Location"]), answer.json()["person_id"]
    other = leaving_care.caller("pa-dubois", "personal_adviser", "leaving-care-norfolk", "norfolk")
    eventually(lambda: leaving_care.database.care_leaver_views.find_one({"person_id": person}) is not None, within=20)
    assert other.get(record).status_code == 403
    assert other.get("/v1/care-leavers", person=person).json()["items"] == []
    glass = hear_glass(leaving_care, person, "pa-dubois", from_text("2099-01-01T00:00:00Z"))
    assert other.get(record).json()["given_name"] == "Wren"
    assert len(other.get("/v1/care-leavers", person=person).json()["items"]) == 1
    assert other.get("/v1/care-leavers").json()["items"] == []
    assert leaving_care.database.access_log.count_documents({"glass": glass, "actor": "pa-dubois"}) == 2
    assert other.post(f"{record}/contact-lost", {}).status_code in (403, 404)
    housing = leaving_care.caller("pa-dubois", "housing", "housing-essex", "norfolk")
    assert housing.get(record).status_code == 403
