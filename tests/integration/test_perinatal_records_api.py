"""The records of the perinatal service over real HTTP: each kind begun, gone on with, shown and struck out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests

from deploy.local.backends import Backends
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

UNKNOWN = "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c"
NOBODY = "p_" + "0" * 32
# The day of a booking with the expected date 2014-06-15.
THEN = {"occurred_at": "2013-11-28"}
SECRET = "Wren Exampleton was low, and said so."


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("perinatal")) as service:
        yield service


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture(scope="module")
def midwife(service: Running) -> Caller:
    return service.caller("midwife-eider", "midwife", "midwives-colne")


@pytest.fixture(scope="module")
def worker(service: Running) -> Caller:
    return service.caller("sw-ebb", "social_worker", "csc-essex")


@pytest.fixture(scope="module")
def door(service: Running) -> Caller:
    return service.caller("mash-fen", "front_door", "mash-essex")


@pytest.fixture(scope="module")
def norfolk(service: Running) -> Caller:
    return service.caller("hv-yare", "health_visitor", "hv-yare-team", "norfolk")


def registered(caller: Caller, **more: Any) -> str:
    answer = caller.post("/v1/people", {"given_name": "Wren", "family_name": "Exampleton", **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["person_id"])


@pytest.fixture
def person_id(visitor: Caller) -> str:
    return registered(visitor, date_of_birth="1996-03-02")


@pytest.fixture
def child_id(visitor: Caller) -> str:
    return registered(visitor)


def begun(caller: Caller, path: str, body: dict[str, Any]) -> str:
    """The path of a new record."""
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["Location"])


def booked(caller: Caller, person_id: str, **more: Any) -> str:
    return begun(caller, "/v1/pregnancies", {"person_id": person_id, "concerns": [], **more})


def last(caller: Caller, path: str) -> dict[str, Any]:
    """The last entry of a record."""
    entry: dict[str, Any] = caller.get(path).json()["history"][-1]
    return entry


def test_a_pregnancy_is_told_from_its_notification_to_the_birth(
    service: Running, visitor: Caller, midwife: Caller, worker: Caller, person_id: str
) -> None:
    partner = registered(visitor, nhs_number="9990000107", date_of_birth="1994-11-03")
    twins = [registered(visitor), registered(visitor)]
    said = {"person_id": person_id, "concerns": ["homeless"], "occurred_at": "2013-11-20"}
    path = begun(worker, "/v1/pregnancies/notified", said)
    steps: list[tuple[Caller, str, dict[str, Any]]] = [
        (midwife, "booked", {"concerns": ["mental_ill_health"], "edd": "2014-06-15", "edd_source": "scan", **THEN}),
        (midwife, "edd-corrected", {"edd": "2014-06-18", "edd_source": "scan", **THEN}),
        (midwife, "concern-noted", {"concern": "late_booking"}),
        (midwife, "partner-named", {"partner_id": partner, "relation": "father", "occurred_at": "2013-11-28"}),
        (
            midwife,
            "screening-decided",
            {"outcome": "assess", "reason_code": "history", "decided_by": "midwife-eider", "reason": SECRET},
        ),
        (midwife, "prebirth-referred", {"to_team": "csc-essex"}),
        (worker, "prebirth-accepted", {}),
        (worker, "assessment-started", {}),
        (worker, "assessment-completed", {"shared_with": ["midwife", "health_visitor"]}),
        (worker, "strategy-decided", {"outcome": "conference"}),
        (worker, "conference-held", {}),
        (worker, "threshold-not-met", {"reason_code": "support-accepted"}),
        (midwife, "parent-checks", {"parents": [person_id, partner], "told": ["health_visitor"]}),
        (visitor, "review-offered", {}),
        (visitor, "review-declined", {}),
        (visitor, "review-completed", {"review": "antenatal"}),
        (midwife, "ended", {"outcome": "birth", "children": twins, "occurred_at": "2014-06-14"}),
        (midwife, "bereavement-checked", {"told": ["gp_practice"]}),
    ]
    for version, (caller, verb, body) in enumerate(steps, start=2):
        answer = caller.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
        assert answer.headers["ETag"] == f'"{version}"'
    record = midwife.get(path).json()
    assert record["state"] == "ended"
    assert record["person_id"] == person_id
    entries = {entry["type"]: entry for entry in record["history"]}
    assert entries["pregnancy.notified.v1"]["data"]["mother_age_band"] == "under_18"
    assert entries["pregnancy.partner_named.v1"]["data"]["partner_known"] is True
    assert entries["pregnancy.partner_named.v1"]["data"]["partner_age_band"] == "under_20"
    assert entries["prebirth.screening_decided.v1"]["private"] == {"reason": SECRET}
    assert entries["review.declined.v1"]["data"]["review"] == "antenatal"
    assert entries["pregnancy.ended.v1"]["data"]["parents"] == [person_id, partner]
    assert entries["bereavement.checked.v1"]["data"]["pregnancy_id"] == record["pregnancy_id"]
    again = midwife.post(f"{path}/ended", {"outcome": "stillbirth"})
    assert (again.status_code, code(again)) == (409, "not-from-here")


def test_the_age_of_a_mother_without_a_known_birthday_is_left_open(midwife: Caller, child_id: str) -> None:
    answer = midwife.post("/v1/pregnancies", {"person_id": child_id, "concerns": []})
    assert answer.status_code == 201
    assert "mother_age_band" not in answer.json()["facts"]


def test_a_person_is_told_of_step_by_step(
    service: Running, visitor: Caller, worker: Caller, person_id: str, child_id: str
) -> None:
    path, adult = f"/v1/people/{child_id}", registered(visitor)
    link = {"other_person_id": NOBODY, "confirmed_by": "hv-pereira"}
    steps: list[tuple[Caller, str, dict[str, Any]]] = [
        (visitor, "linked", {**link, "reason": "number_now_known"}),
        (visitor, "unlinked", {**link, "reason_code": "mistaken"}),
        (visitor, "practitioner", {"role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}),
        (visitor, "adult-joined", {"adult_id": adult, "children": [child_id]}),
        (visitor, "review-offered", {"review": "new_birth"}),
        (visitor, "review-completed", {"review": "new_birth"}),
        (visitor, "review-declined", {"review": "six_week"}),
        (visitor, "parent-checks", {"parents": [person_id, adult], "told": ["midwife"]}),
        (visitor, "lead-named", {"lead": "hv-pereira", "team": "hv-harwich"}),
        (visitor, "accumulation-reviewed", {"decision": "monitor", "lead": "hv-pereira"}),
        (worker, "died", {"family": [person_id]}),
        (visitor, "bereavement-checked", {"told": ["gp_practice"]}),
    ]
    for caller, verb, body in steps:
        answer = caller.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
    record = visitor.get(path).json()
    assert (record["state"], record["links"], record.get("date_of_birth")) == ("died", [], None)
    assert len(record["history"]) == 1 + len(steps)
    assert visitor.post(f"{path}/linked", {**link, "other_person_id": child_id, "reason": "merge"}).status_code == 422
    assert code(visitor.post(f"{path}/unlinked", {**link, "reason_code": "mistaken"})) == "not-linked"


def test_a_screen_is_recorded_and_followed_up(visitor: Caller, person_id: str) -> None:
    pregnancy = booked(visitor, person_id).rpartition("/")[2]
    said = {"person_id": person_id, "tool": "epds", "score": 14, "self_harm": True, "pregnancy_id": pregnancy}
    path = begun(visitor, "/v1/screens", said)
    answer = visitor.post(f"{path}/followed-up", {"outcome": "refer", "assessed_by": "hv-pereira"})
    assert answer.json()["state"] == "followed_up"
    beyond = visitor.post("/v1/screens", {**said, "tool": "gad2", "score": 7})
    assert (beyond.status_code, faulty_fields(beyond)) == (422, {"score", "self_harm"})
    others = visitor.post("/v1/screens", {**said, "person_id": registered(visitor)})
    assert (others.status_code, faulty_fields(others)) == (422, {"pregnancy_id"})


def test_support_has_sessions_reviews_and_an_end(visitor: Caller, person_id: str) -> None:
    path = begun(visitor, "/v1/support", {"person_id": person_id, "kind": "listening_visits"})
    for verb, body in (
        ("session-held", {}),
        ("session-missed", {"how": "no_access"}),
        ("miss-contacted", {"why_code": "no-transport"}),
        ("misses-reviewed", {"decision_code": "offer-again", "referrer_told": True}),
        ("reviewed", {"stage": "mid", "decision": "step_up", "reason_code": "worse", "reason": SECRET}),
        ("reviewed", {"stage": "end", "decision": "end", "reason_code": "better", "tool": "epds", "score": 6}),
        ("ended", {"reason_code": "completed"}),
    ):
        assert visitor.post(f"{path}/{verb}", body).status_code == 201, verb
    record = visitor.get(path).json()
    assert record["state"] == "ended"
    assert record["history"][5]["private"] == {"reason": SECRET}
    alone = {"stage": "end", "decision": "end", "reason_code": "better", "tool": "epds"}
    assert faulty_fields(visitor.post(f"{path}/reviewed", alone)) == {"score"}


def test_an_offer_declined_is_made_again_until_it_ends_with_a_reason_and_a_manager(
    visitor: Caller, person_id: str
) -> None:
    path = begun(visitor, "/v1/offers", {"person_id": person_id, "what": "counselling"})
    for verb, body in (
        ("declined", {}),
        ("made-again", {}),
        ("deferred", {"re_offer_by": (datetime.now(UTC) + timedelta(weeks=8)).date().isoformat()}),
        ("fallback-started", {"what": "listening_visits"}),
        ("made-again", {"what": "counselling"}),
        ("accepted", {}),
    ):
        assert visitor.post(f"{path}/{verb}", body).status_code == 201, verb
    assert faulty_fields(visitor.post(f"{path}/made-again", {"what": "housing"})) == {"what"}
    ended = {"reason_code": "moved", "manager": "hv-lead", "persons_view": SECRET}
    assert visitor.post(f"{path}/ended", ended).json()["state"] == "ended"
    entry = last(visitor, path)
    assert entry["data"]["view_given"] is True
    assert entry["private"] == {"persons_view": SECRET}


def moved(person_id: str, **more: Any) -> dict[str, Any]:
    said = {"person_id": person_id, "people": [person_id], "from_area": "essex", "to_area": "norfolk"}
    return {**said, "told_by": "family", "handover_needed": True, **more}


def test_the_sender_keeps_a_handover_until_the_new_area_acknowledges_it(
    visitor: Caller, norfolk: Caller, person_id: str
) -> None:
    path = begun(visitor, "/v1/moves", moved(person_id))
    for verb, body in (
        ("handover-attempted", {"outcome": "not_reached", "channel": "phone"}),
        ("handover-given", {"contexts": ["mental_health"], "channel": "phone", "context": SECRET}),
    ):
        assert visitor.post(f"{path}/{verb}", body).status_code == 201, verb
    alone = visitor.post(f"{path}/handover-acknowledged", {"channel": "phone"})
    assert (alone.status_code, faulty_fields(alone)) == (422, {"receiver_person", "reference", "team"})
    early = visitor.post(f"{path}/first-contact", {})
    assert (early.status_code, code(early)) == (403, "receiver-only")
    taken = norfolk.post(f"{path}/handover-acknowledged", {}).json()
    assert taken["state"] == "acknowledged"
    said = {name: taken["facts"][name] for name in ("reported_by", "team", "practitioner")}
    assert said == {"reported_by": "receiver", "team": "hv-yare-team", "practitioner": "hv-yare"}
    assert norfolk.post(f"{path}/first-contact", {}).status_code == 201
    assert last(norfolk, path)["type"] == "handover.first_contact_made.v1"


def test_an_acknowledgement_that_the_sender_reports_says_so_and_names_nobody_in_public(
    visitor: Caller, person_id: str
) -> None:
    path = begun(visitor, "/v1/moves", moved(person_id))
    proof = {"team": "hv-yare-team", "receiver_person": "Robin", "channel": "phone", "reference": "call of Monday"}
    assert visitor.post(f"{path}/handover-acknowledged", proof).json()["facts"]["reported_by"] == "sender"
    assert last(visitor, path)["private"] == {"receiver_person": "Robin", "reference": "call of Monday"}


def test_a_move_is_of_somebody_between_two_areas_one_of_which_is_the_actors(
    service: Running, visitor: Caller, person_id: str, child_id: str
) -> None:
    wrong = visitor.post("/v1/moves", moved(person_id, people=[child_id], to_area="essex"))
    assert (wrong.status_code, faulty_fields(wrong)) == (422, {"people", "to_area"})
    other = visitor.post("/v1/moves", moved(person_id, from_area="suffolk"))
    assert (other.status_code, code(other)) == (403, "wrong-area")


def test_the_health_visitor_of_the_new_area_may_act_after_the_move_and_not_before(
    service: Running, visitor: Caller, norfolk: Caller, person_id: str
) -> None:
    path = booked(visitor, person_id)
    noted = {"concern": "homeless"}

    def list_ids() -> list[str]:
        rows = norfolk.get("/v1/pregnancies", person=person_id).json()["items"]
        return [f"/v1/pregnancies/{row['pregnancy_id']}" for row in rows]

    for answer in (
        norfolk.get(path),
        norfolk.post(f"{path}/concern-noted", noted),
        norfolk.get(f"/v1/people/{person_id}"),
    ):
        assert (answer.status_code, code(answer)) == (403, "wrong-area")
    assert list_ids() == []
    move = visitor.post("/v1/moves", moved(person_id))
    assert norfolk.get(path).status_code == 200
    assert norfolk.get(f"/v1/people/{person_id}").status_code == 200
    told = norfolk.post(f"{path}/concern-noted", noted)
    assert told.status_code == 201
    assert told.json()["area"] == "essex"
    event = service.database.events.find_one({"_id": told.json()["event_id"]})
    assert (event["event"]["area"], event["event"]["team"]) == ("essex", "hv-yare-team")
    assert eventually(list_ids) == [path]
    entry = {"event_id": move.json()["event_id"], "reason_code": "wrong-person"}
    assert visitor.post(f"{move.headers['Location']}/retractions", entry).status_code == 201
    assert code(norfolk.get(path)) == "wrong-area"
    assert list_ids() == []


def test_who_moved_back_is_no_longer_the_other_areas_to_read_or_write(
    visitor: Caller, norfolk: Caller, person_id: str
) -> None:
    path = booked(visitor, person_id)
    there = begun(visitor, "/v1/moves", moved(person_id, occurred_at="2013-01-07"))
    assert norfolk.post(f"{path}/concern-noted", {"concern": "homeless"}).status_code == 201
    theirs = begun(norfolk, "/v1/screens", {"person_id": person_id, "tool": "epds", "score": 9, "self_harm": False})
    back = moved(person_id, from_area="norfolk", to_area="essex", occurred_at="2013-01-10")
    begun(norfolk, "/v1/moves", back)
    for answer in (norfolk.get(path), norfolk.post(f"{path}/concern-noted", {"concern": "homeless"})):
        assert (answer.status_code, code(answer)) == (403, "wrong-area")
    assert norfolk.get("/v1/pregnancies", person=person_id).json()["items"] == []
    # What is their own stays theirs, and the handover that they took part in.
    assert [caller.get(theirs).status_code for caller in (norfolk, visitor)] == [200, 200]
    assert norfolk.get(there).status_code == 200


def test_an_area_is_not_let_in_by_its_own_word_but_may_record_the_move_and_take_the_handover(
    service: Running, visitor: Caller, norfolk: Caller, person_id: str
) -> None:
    path = booked(visitor, person_id)
    housing = service.caller("officer-reed", "housing", "housing-norwich", "norfolk")
    move = begun(housing, "/v1/moves", moved(person_id))
    assert housing.get(move).status_code == 200
    for answer in (norfolk.get(path), norfolk.get(f"/v1/people/{person_id}"), housing.get(f"/v1/people/{person_id}")):
        assert (answer.status_code, code(answer)) == (403, "wrong-area")
    assert norfolk.get("/v1/pregnancies", person=person_id).json()["items"] == []
    assert norfolk.get(move).status_code == 200
    alone = norfolk.post(f"{move}/handover-acknowledged", {})
    assert (alone.status_code, code(alone)) == (422, "nothing-handed-over")
    assert norfolk.get(path).status_code == 403
    given = {"receiver_person": "Robin", "channel": "phone", "reference": "call of Monday"}
    assert norfolk.post(f"{move}/handover-acknowledged", given).json()["facts"]["reported_by"] == "receiver"
    assert norfolk.get(path).status_code == 403
    claim = {"event_id": visitor.get(move).json()["history"][0]["event_id"]}
    assert visitor.post(f"{move}/claims/confirmed", claim).status_code == 201
    assert norfolk.get(path).status_code == 200


def test_an_area_is_let_in_when_the_area_that_was_left_writes_of_the_move_too(
    visitor: Caller, norfolk: Caller, person_id: str
) -> None:
    path = booked(visitor, person_id)
    move = begun(norfolk, "/v1/moves", moved(person_id))
    assert norfolk.get(path).status_code == 403
    reached = visitor.post(f"{move}/handover-attempted", {"outcome": "reached", "channel": "phone"})
    assert reached.status_code == 201
    assert norfolk.get(path).status_code == 200


def test_where_somebody_lives_is_asked_of_an_index_of_moves_alone(service: Running, person_id: str) -> None:
    asked = {"event.type": "household.moved.v1", "event.data.people": person_id}
    plan = service.database.events.find(asked).explain()["queryPlanner"]["winningPlan"]
    assert "household.moved.v1_people" in str(plan)
    index = service.database.events.index_information()["household.moved.v1_people"]
    assert index["partialFilterExpression"] == {"event.type": "household.moved.v1"}


def test_a_concern_is_raised_and_an_injury_decided(visitor: Caller, worker: Caller, child_id: str) -> None:
    concern = begun(visitor, "/v1/concerns", {"person_id": child_id, "kind": "parenting", "seen": True})
    assert visitor.post(f"{concern}/child-seen", {"clinician": False}).status_code == 201
    decided = {"decision": "refer", "decided_by": "sw-ebb"}
    assert code(worker.post(f"{concern}/decided", decided)) == "not-from-here"
    injury = {"person_id": child_id, "kind": "bruise", "site": "ear", "mobility": "walking"}
    path = begun(
        visitor, "/v1/injuries", {**injury, "seen": False, "clustered": False, "presented": True, "note": SECRET}
    )
    assert path.startswith("/v1/concerns/")
    assert visitor.post(f"{path}/child-seen", {"clinician": True}).status_code == 201
    assert worker.post(f"{path}/decided", decided).json()["state"] == "decided"
    assert visitor.get(path).json()["history"][0]["private"] == {"note": SECRET}


def test_a_consultation_without_a_child_is_read_and_later_linked_to_one(
    service: Running, visitor: Caller, door: Caller, child_id: str
) -> None:
    said = {"named": False, "side": "caller", "mentions": ["bruise"], "advice": "record_and_watch"}
    path = begun(visitor, "/v1/consultations", {**said, "to_team": "mash-essex"})
    assert visitor.get(path).json()["person_id"] is None
    logged = list(service.database.access_log.find({"route": "GET /v1/consultations/<consultation_id>"}))
    assert [entry["subjects"] for entry in logged] == [[]]
    for caller, verb, body in (
        (door, "account", {"side": "consultant", "mentions": ["parenting"]}),
        (door, "outcome-given", {"channel": "letter", "outcome": SECRET}),
        (visitor, "outcome-acknowledged", {}),
        (door, "rechecked", {"outcome": "concern_continues"}),
    ):
        answer = caller.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
        assert answer.json()["person_id"] is None
    assert code(door.post(f"{path}/outcome-acknowledged", {})) == "caller-only"
    linked = visitor.post(f"{path}/linked", {"person_id": child_id})
    assert linked.json()["person_id"] == child_id
    assert service.database.events.find_one({"_id": linked.json()["event_id"]})["event"]["subject"] == child_id
    other = visitor.post(f"{path}/referred", {"person_id": registered(visitor)})
    assert (other.status_code, faulty_fields(other)) == (422, {"person_id"})
    entry = {"event_id": linked.json()["event_id"], "reason_code": "wrong-child"}
    assert visitor.post(f"{path}/retractions", entry).json()["person_id"] is None
    assert visitor.post(f"{path}/referred", {"person_id": child_id}).json()["person_id"] == child_id
    visitor.get(path)
    assert service.database.access_log.find_one({"subjects": child_id, "actor": "hv-pereira"})
    for named in ({"named": True}, {"person_id": child_id}):
        answer = visitor.post("/v1/consultations", {**said, "to_team": "mash-essex", **named})
        assert (answer.status_code, faulty_fields(answer)) == (422, {"person_id"})


def test_a_notification_is_acknowledged_by_its_receiver_or_with_proof(
    service: Running, visitor: Caller, midwife: Caller, worker: Caller, person_id: str
) -> None:
    condition = visitor.post("/v1/conditions", {"person_id": person_id, "code": "depression"}).json()["condition_id"]
    said = {"person_id": person_id, "to_role": "midwife", "about": "condition", "channel": "email"}
    path = begun(visitor, "/v1/notifications", {**said, "condition_id": condition})
    assert code(worker.post(f"{path}/acknowledged", {})) == "no-part-in-it"
    alone = visitor.post(f"{path}/acknowledged", {})
    assert faulty_fields(alone) == {"receiver_person", "channel", "reference"}
    taken = midwife.post(f"{path}/acknowledged", {})
    assert taken.json()["facts"]["reported_by"] == "receiver"
    data = last(visitor, path)["data"]
    assert (data["to_role"], data["condition_id"]) == ("midwife", condition)
    other = registered(visitor)
    wrong = visitor.post("/v1/notifications", {**said, "person_id": other, "condition_id": condition})
    assert faulty_fields(wrong) == {"condition_id"}


def test_a_contact_is_decided_and_the_referrer_told(door: Caller, person_id: str) -> None:
    path = begun(door, "/v1/contacts", {"person_id": person_id, "from_team": "hv-harwich", "channel": "phone"})
    assert door.post(f"{path}/referrer-told", {"channel": "email"}).json()["state"] == "received"
    assert door.post(f"{path}/decided", {"decision": "assessment"}).json()["state"] == "decided"
    assert door.get(path).status_code == 200


def test_the_closing_of_a_case_is_recorded_with_its_agency_and_people(
    worker: Caller, person_id: str, child_id: str
) -> None:
    people = [person_id, child_id]
    said = {"person_id": person_id, "agency": "childrens_social_care", "people": people, "kind": "child_in_need"}
    path = begun(worker, "/v1/cases", said)
    assert worker.post(f"{path}/closed", {"reason_code": "needs-met"}).json()["state"] == "closed"
    data = last(worker, path)["data"]
    assert (data["agency"], data["people"]) == ("childrens_social_care", people)
    assert code(worker.post(f"{path}/closed", {"reason_code": "needs-met"})) == "not-from-here"


def test_a_referral_is_assessed_and_its_misses_are_looked_into(
    service: Running, visitor: Caller, person_id: str
) -> None:
    clinic = service.caller("camhs-intake", "mental_health_service", "camhs-essex")
    said = {"stage": "sent", "person_id": person_id, "service": "camhs", "channel": "letter"}
    path = begun(visitor, "/v1/referrals", said)
    steps: list[tuple[Caller, str, dict[str, Any]]] = [
        (clinic, "acknowledged", {}),
        (clinic, "accepted", {}),
        (clinic, "not-attended", {"how": "did_not_attend"}),
        (clinic, "miss-contacted", {"why_code": "forgot"}),
        (clinic, "misses-reviewed", {"decision_code": "no-concern", "referrer_told": True}),
        (clinic, "assessed", {"outcome": "treat"}),
        (clinic, "treatment-declined", {}),
        (clinic, "outcome-returned", {"outcome_code": "declined"}),
        (visitor, "outcome-acknowledged", {}),
        (visitor, "alternative-recorded", {"alternative_code": "listening-visits"}),
    ]
    for caller, verb, body in steps:
        answer = caller.post(f"{path}/{verb}", body)
        assert answer.status_code == 201, (verb, answer.text)
    record = visitor.get(path).json()
    assert (record["state"], record["assessed"]) == ("outcome_acknowledged", "treat")


BEGINNINGS = {
    "/v1/pregnancies": {"person_id", "concerns"},
    "/v1/pregnancies/notified": {"person_id", "concerns"},
    "/v1/screens": {"person_id", "tool", "score", "self_harm"},
    "/v1/support": {"person_id", "kind"},
    "/v1/offers": {"person_id", "what"},
    "/v1/moves": {"person_id", "people", "from_area", "to_area", "told_by", "handover_needed"},
    "/v1/concerns": {"person_id", "kind", "seen"},
    "/v1/injuries": {"person_id", "kind", "site", "mobility", "seen", "clustered", "presented"},
    "/v1/consultations": {"named", "side", "mentions", "advice", "to_team"},
    "/v1/notifications": {"person_id", "to_role", "about", "channel"},
    "/v1/cases": {"person_id", "agency", "people", "kind"},
}


@pytest.mark.parametrize("path", sorted(BEGINNINGS))
def test_a_beginning_names_every_bad_field_at_once_and_repeats_no_value(visitor: Caller, path: str) -> None:
    answer = visitor.post(path, {"pet": SECRET, "occurred_at": "last Monday"})
    assert answer.status_code == 422
    assert faulty_fields(answer) == BEGINNINGS[path] | {"pet", "occurred_at"}
    assert SECRET not in answer.text


def test_every_id_that_is_not_known_here_is_named(visitor: Caller, person_id: str) -> None:
    answer = visitor.post("/v1/moves", moved(NOBODY, people=[person_id, NOBODY]))
    assert (answer.status_code, code(answer)) == (422, "unknown-reference")
    assert faulty_fields(answer) == {"person_id", "people.1"}


def test_an_entry_struck_out_stays_visible_and_the_state_is_as_before(visitor: Caller, person_id: str) -> None:
    path = begun(visitor, "/v1/offers", {"person_id": person_id, "what": "counselling"})
    wrong = visitor.post(f"{path}/declined", {}).json()["event_id"]
    answer = visitor.post(f"{path}/retractions", {"event_id": wrong, "reason_code": "wrong-person"})
    assert answer.json()["state"] == "made"
    assert [entry["retracted"] for entry in visitor.get(path).json()["history"]] == [False, True, False]


def test_a_retried_request_gets_the_first_answer_and_its_key_is_good_for_nothing_else(
    visitor: Caller, person_id: str
) -> None:
    key, body = uuid4().hex, {"person_id": person_id, "what": "counselling"}
    answers = [visitor.post("/v1/offers", body, key=key) for _ in range(2)]
    assert answers[0].text == answers[1].text
    path, key = answers[0].headers["Location"], uuid4().hex
    first, second = (visitor.post(f"{path}/declined", {}, key=key) for _ in range(2))
    assert first.text == second.text
    other = visitor.post(f"{path}/accepted", {}, key=key)
    assert (other.status_code, code(other)) == (422, "key-reused")
    assert visitor.get(path).json()["version"] == 2


def test_every_reading_of_a_record_is_logged(service: Running, visitor: Caller, person_id: str) -> None:
    path = booked(visitor, person_id)
    visitor.get(path)
    eventually(lambda: visitor.get("/v1/pregnancies", person=person_id).json()["items"])
    routes = {entry["route"] for entry in service.database.access_log.find({"subjects": person_id})}
    assert routes == {"GET /v1/pregnancies/<pregnancy_id>", "GET /v1/pregnancies"}


def test_of_an_entry_of_another_class_a_reader_of_the_record_learns_only_whom_to_ask(
    service: Running, visitor: Caller, midwife: Caller, person_id: str
) -> None:
    path = booked(midwife, person_id, edd="2014-06-15", **THEN)
    decided = {"outcome": "early_help", "reason_code": "history", "decided_by": "midwife-eider", "reason": SECRET}
    midwife.post(f"{path}/screening-decided", decided)
    clinic = service.caller("camhs-intake", "mental_health_service", "camhs-essex")
    answer = clinic.get(path)
    record = answer.json()
    assert [entry["type"] for entry in record["history"]] == ["pregnancy.booked.v1"]
    assert record["signposts"] == ["social care: contact the social worker"]
    assert (record["version"], answer.headers["ETag"]) == (1, '"1"')
    assert midwife.get(path).json()["signposts"] == []
    assert record["facts"]["edd"] == "2014-06-15"
    assert "outcome" not in record["facts"]


def test_a_version_counts_what_its_reader_may_read_also_for_if_match_and_in_lists(
    service: Running, visitor: Caller, midwife: Caller, person_id: str
) -> None:
    path = booked(midwife, person_id, edd="2014-06-15", **THEN)
    clinic = service.caller("camhs-intake", "mental_health_service", "camhs-essex")
    decided = {"outcome": "early_help", "reason_code": "history", "decided_by": "midwife-eider", "reason": SECRET}
    decision = midwife.post(f"{path}/screening-decided", decided).json()["event_id"]
    wrong = {"event_id": decision, "reason_code": "wrong-person"}
    assert midwife.post(f"{path}/retractions", wrong).json()["version"] == 3
    record = clinic.get(path).json()
    assert (record["version"], len(record["history"])) == (1, 1)
    assert record["signposts"] == ["social care: contact the social worker"]
    (row,) = eventually(lambda: clinic.get("/v1/pregnancies", person=person_id).json()["items"])
    eventually(lambda: visitor.get("/v1/pregnancies", person=person_id).json()["items"][0]["version"] == 3)
    (again,) = clinic.get("/v1/pregnancies", person=person_id).json()["items"]
    assert again == row
    assert (again["version"], again["changed_at"]) == (1, record["history"][0]["recorded_at"])


def test_if_match_takes_the_version_that_its_reader_was_shown(
    service: Running, visitor: Caller, person_id: str
) -> None:
    path = f"/v1/people/{person_id}"
    housing = service.caller("housing-silva", "housing", "housing-essex")
    assert visitor.post(f"{path}/review-offered", {"review": "new_birth"}).json()["version"] == 2
    shown = housing.get(path)
    assert (shown.json()["version"], shown.json()["signposts"]) == (1, ["health: contact the health visitor"])
    joined, held = {"adult_id": registered(visitor), "children": []}, {"If-Match": shown.headers["ETag"]}
    first = housing.post(f"{path}/adult-joined", joined, headers=held, key="joined")
    assert (first.status_code, first.json()["version"], first.headers["ETag"]) == (201, 2, '"2"')
    assert housing.post(f"{path}/adult-joined", joined, headers=held, key="joined").json() == first.json()
    stale = housing.post(f"{path}/adult-joined", joined, headers=held)
    assert (stale.status_code, code(stale)) == (412, "stale-version")
    assert "version 2" in stale.json()["detail"]


def test_the_answer_to_a_command_tells_what_a_reader_of_the_record_may_see(
    service: Running, visitor: Caller, midwife: Caller, person_id: str
) -> None:
    path = booked(midwife, person_id, edd="2014-06-15", **THEN)
    decided = {"outcome": "early_help", "reason_code": "history", "decided_by": "midwife-eider", "reason": SECRET}
    assert midwife.post(f"{path}/screening-decided", decided).json()["facts"]["outcome"] == "early_help"
    gone_on = visitor.post(f"{path}/concern-noted", {"concern": "late_booking"}).json()
    assert gone_on["facts"] == visitor.get(path).json()["facts"]


def test_the_answer_to_a_command_of_who_may_not_read_the_record_tells_of_their_own_entries_alone(
    service: Running, midwife: Caller, person_id: str
) -> None:
    housing = service.caller("housing-silva", "housing", "housing-essex")
    notified = housing.post("/v1/pregnancies/notified", {"person_id": person_id, "concerns": ["homeless"]}, key="n")
    assert notified.json()["facts"]["concerns"] == ["homeless"]
    path = notified.headers["Location"]
    midwife.post(f"{path}/booked", {"concerns": ["mental_ill_health"], "edd": "2014-06-15", **THEN})
    decided = {"outcome": "early_help", "reason_code": "history", "decided_by": "midwife-eider", "reason": SECRET}
    assert midwife.post(f"{path}/screening-decided", decided).status_code == 201
    assert housing.get(path).status_code == 403
    again = housing.post("/v1/pregnancies/notified", {"person_id": person_id, "concerns": ["homeless"]}, key="n")
    assert again.json() == notified.json()
    entry = {"event_id": notified.json()["event_id"], "reason_code": "wrong-person"}
    retracted = housing.post(f"{path}/retractions", entry, key="r")
    assert (retracted.status_code, retracted.json()["version"]) == (201, 2)
    assert (retracted.json()["facts"], retracted.json()["state"]) == ({}, None)
    assert housing.post(f"{path}/retractions", entry, key="r").json() == retracted.json()


def test_pregnancies_are_listed_newest_first_by_mother_and_state(visitor: Caller, person_id: str) -> None:
    first = booked(visitor, person_id)
    second = booked(visitor, person_id, confirms=["second-live-pregnancy"])
    visitor.post(f"{first}/ended", {"outcome": "miscarriage"})

    def list_ids(**query: Any) -> list[str]:
        rows = visitor.get("/v1/pregnancies", person=person_id, **query).json()["items"]
        return [f"/v1/pregnancies/{row['pregnancy_id']}" for row in rows]

    eventually(lambda: list_ids(state="ended") == [first] and list_ids() == [second, first])
    assert list_ids(state="booked") == [second]
    row = visitor.get("/v1/pregnancies", person=person_id, state="ended").json()["items"][0]
    assert row["outcome"] == "miscarriage"


def test_nothing_personal_is_in_the_published_part_of_any_event(service: Running) -> None:
    for document in service.database.events.find({}, {"event": 1}):
        assert not any(word in str(document) for word in ("Wren", "Exampleton", "1996-03-02", "Robin", "Monday"))


def test_each_route_has_a_body_of_its_own_in_the_openapi_document(service: Running) -> None:
    document = requests.get(f"{service.url}/openapi.json", timeout=10).json()
    bodies = [
        route["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, route in document["paths"].items()
        if "requestBody" in route.get("post", {})
        and not path.endswith(("/retractions", "/commands"))
        and "/claims/" not in path
        and "/doubts/" not in path
    ]
    told = [name for name in bodies if name not in ("StepBody", "ReasonBody")]
    assert len(set(told)) == len(told)
    assert "person_id" in document["components"]["schemas"]["ConsultationLinkedBody"]["properties"]
    assert "person_id" not in document["components"]["schemas"]["ConsultationAccountBody"]["properties"]
