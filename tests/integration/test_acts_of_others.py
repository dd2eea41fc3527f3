"""Whose record, whose claim, whose name: what a team that only lives in the area cannot do to what others hold.

The perinatal service knows the example directory. `none` is the standing of a claim: it is kept, and lowers nothing.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.kernel.nhs_number import why_invalid
from tests.integration import test_hands
from tests.integration.recording import Caller, Running, code, faulty_fields
from tests.integration.test_hands import CLAIM, NAMES, STANDS, WAYS, Workers, recorded
from tests.support import eventually

service, by, baby = test_hands.service, test_hands.by, test_hands.baby

OPENED = {"agency": "childrens_social_care", "kind": "child_in_need"}
LINK = {"reason": "merge", "confirmed_by": "gp-okafor"}


@pytest.fixture
def social_worker(by: Workers) -> Caller:
    return by("sw-petrov", "social_worker", "childrens-social-care-essex")


@pytest.fixture
def nursery(by: Workers) -> Caller:
    return by("ey-jansen", "early_years", "little-oaks")


@pytest.fixture
def mother(by: Workers) -> str:
    """A woman of Essex whom her surgery registered."""
    return str(recorded(by.gp, "/v1/people", {**NAMES, "date_of_birth": "1991-08-30"})["person_id"])


def booked(service: Running, by: Workers, mother: str, **more: Any) -> str:
    """The record of a pregnancy that the midwives began; its path. It is in the views that say who has a part."""
    body = {"person_id": mother, "concerns": [], **more}
    pregnancy_id = recorded(by.midwife, "/v1/pregnancies", body)["pregnancy_id"]
    eventually(lambda: service.database.pregnancy_views.find_one({"person_id": mother}) is not None, within=20)
    return f"/v1/pregnancies/{pregnancy_id}"


def opened(caller: Caller, person_id: str) -> str:
    case_id = recorded(caller, "/v1/cases", {"person_id": person_id, "people": [person_id], **OPENED})["case_id"]
    return f"/v1/cases/{case_id}"


def supported(caller: Caller, person_id: str) -> str:
    body = {"person_id": person_id, "kind": "listening_visits"}
    return f"/v1/support/{recorded(caller, '/v1/support', body)['support_id']}"


def claimed(service: Running, caller: Caller, path: str, body: dict[str, Any]) -> str:
    """The id of an entry that is a claim."""
    event_id = str(recorded(caller, path, body)["event_id"])
    assert test_hands._standing(service, event_id) == CLAIM
    return event_id


# --- what another team holds ------------------------------------------------------------------------------------------


@WAYS
def test_a_midwife_closes_no_case_of_social_care_even_beside_her_own_pregnancy_record(
    service: Running, by: Workers, mother: str, social_worker: Caller, way: Any
) -> None:
    booked(service, by, mother)
    case = opened(social_worker, mother)
    assert way(service, by.midwife, f"{case}/closed", {"reason_code": "done"}) == CLAIM
    assert social_worker.get(case).json()["state"] == "open"
    assert way(service, social_worker, f"{case}/closed", {"reason_code": "done"}) == STANDS


def test_a_confirmed_closing_closes_the_case(service: Running, by: Workers, mother: str, social_worker: Caller) -> None:
    case = opened(social_worker, mother)
    event_id = claimed(service, by.midwife, f"{case}/closed", {"reason_code": "done"})
    recorded(social_worker, f"{case}/claims/confirmed", {"event_id": event_id})
    assert social_worker.get(case).json()["state"] == "closed"


def test_nobody_names_themselves_the_holder_of_a_case_of_another_team(
    service: Running, by: Workers, mother: str, social_worker: Caller
) -> None:
    case = opened(social_worker, mother)
    holder = {"holder": "midwife-ekwueme", "team": "midwifery-colne", "held_as": "employed"}
    claimed(service, by.midwife, f"{case}/holder-named", holder)
    claimed(service, by.midwife, f"{case}/closed", {"reason_code": "done"})


@WAYS
def test_a_midwife_neither_ends_nor_reviews_the_support_of_the_health_visitor(
    service: Running, by: Workers, mother: str, way: Any
) -> None:
    support = supported(by.visitor, mother)
    for caller, stamp in ((by.midwife, CLAIM), (by.visitor, STANDS)):
        assert way(service, caller, f"{support}/session-held", {}) == stamp
        assert way(service, caller, f"{support}/ended", {"reason_code": "done"}) == stamp


@WAYS
def test_a_midwife_neither_declines_nor_completes_the_reviews_of_the_named_health_visitor(
    service: Running, by: Workers, baby: str, way: Any
) -> None:
    for caller, stamp in ((by.midwife, CLAIM), (by.visitor, STANDS)):
        for verb in ("review-declined", "review-completed"):
            assert way(service, caller, f"/v1/people/{baby}/{verb}", {"review": "six_week"}) == stamp


def test_while_nobody_is_named_any_health_visitor_reviews(service: Running, by: Workers, mother: str) -> None:
    pregnancy = booked(service, by, mother)
    reviewed = f"{pregnancy}/review-completed"
    assert test_hands.stamped(service, by.visitor, reviewed, {"review": "antenatal"}) == STANDS


@WAYS
def test_only_a_team_with_a_part_moves_the_expected_date_or_ends_the_pregnancy(
    service: Running, by: Workers, mother: str, way: Any
) -> None:
    due = datetime.now(UTC).date() + timedelta(days=100)
    pregnancy = booked(service, by, mother, edd=due.isoformat(), edd_source="scan")
    moved = {"edd": (due + timedelta(days=20)).isoformat(), "edd_source": "scan"}
    for caller in (by.visitor, by.gp):
        assert way(service, caller, f"{pregnancy}/edd-corrected", moved) == CLAIM
        assert way(service, caller, f"{pregnancy}/ended", {"outcome": "miscarriage"}) == CLAIM
    assert by.midwife.get(pregnancy).json()["state"] == "booked"
    assert way(service, by.midwife, f"{pregnancy}/edd-corrected", moved) == STANDS
    assert way(service, by.midwife, f"{pregnancy}/ended", {"outcome": "miscarriage"}) == STANDS


@WAYS
def test_a_social_worker_without_a_part_decides_on_no_contact_of_the_front_door(
    service: Running, by: Workers, mother: str, social_worker: Caller, way: Any
) -> None:
    received = {"person_id": mother, "from_team": "a-school", "channel": "phone"}
    contact = f"/v1/contacts/{recorded(by.front_door, '/v1/contacts', received)['contact_id']}"
    for verb, body in (("decided", {"decision": "assessment"}), ("referrer-told", {"channel": "phone"})):
        assert way(service, social_worker, f"{contact}/{verb}", body) == CLAIM
        assert way(service, by.front_door, f"{contact}/{verb}", body) == STANDS
    opened(social_worker, mother)
    assert way(service, social_worker, f"{contact}/decided", {"decision": "assessment"}) == STANDS


@WAYS
def test_a_prebirth_assessment_that_was_asked_of_social_care_is_not_completed_by_the_front_door(
    service: Running, by: Workers, mother: str, social_worker: Caller, way: Any
) -> None:
    pregnancy = booked(service, by, mother)
    recorded(by.midwife, f"{pregnancy}/prebirth-referred", {"to_team": "childrens-social-care-essex"})
    for verb, body in (("assessment-started", {}), ("assessment-completed", {"shared_with": ["midwife"]})):
        assert way(service, by.front_door, f"{pregnancy}/{verb}", body) == CLAIM
        assert way(service, social_worker, f"{pregnancy}/{verb}", body) == STANDS


def test_before_it_was_asked_of_anybody_social_care_takes_an_assessment_on(
    service: Running, by: Workers, mother: str, social_worker: Caller
) -> None:
    pregnancy = booked(service, by, mother)
    assert test_hands.stamped(service, social_worker, f"{pregnancy}/prebirth-accepted", {}) == STANDS
    completed = {"shared_with": ["midwife"]}
    assert test_hands.stamped(service, social_worker, f"{pregnancy}/assessment-completed", completed) == STANDS


# --- who answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["visitor", "lead"])
def test_a_claim_is_answered_by_those_who_are_asked_and_by_no_other_team_of_the_area(
    service: Running, by: Workers, baby: str, nursery: Caller, who: str
) -> None:
    claim = recorded(by.norfolk, "/v1/concerns", {"person_id": baby, "kind": "neglect", "seen": True})
    path, body = f"/v1/concerns/{claim['concern_id']}/claims", {"event_id": claim["event_id"]}
    # A part that somebody gives themselves after the claim is none to answer it by.
    opened(by.front_door, baby)
    for caller in (nursery, by.front_door, by.housing, by.gp, by.midwife):
        assert code(caller.post(f"{path}/confirmed", body)) == "no-standing"
        assert code(caller.post(f"{path}/rejected", {**body, "reason_code": "not_so"})) == "no-standing"
        order = {"key": uuid4().hex, "path": f"{path}/confirmed", "body": body}
        (result,) = caller.post("/v1/commands", [order]).json()["results"]
        assert result["status"] == 403, result
    asked: Caller = getattr(by, who)
    recorded(asked, f"{path}/confirmed", body)


def test_an_entry_added_to_a_record_of_others_gives_no_part_to_answer_by(
    service: Running, by: Workers, mother: str, social_worker: Caller
) -> None:
    case = opened(social_worker, mother)
    claimed(service, by.midwife, f"{case}/told", {"to": ["gp_practice"], "about": "holder", "channel": "phone"})
    concern = {"person_id": mother, "kind": "neglect", "seen": True}
    claim = recorded(by.norfolk, "/v1/concerns", concern)
    path = f"/v1/concerns/{claim['concern_id']}/claims/confirmed"
    assert code(by.midwife.post(path, {"event_id": claim["event_id"]})) == "no-standing"
    recorded(social_worker, path, {"event_id": claim["event_id"]})


def test_the_team_that_holds_the_record_answers_what_others_claim_in_it(
    service: Running, by: Workers, mother: str
) -> None:
    support = supported(by.visitor, mother)
    event_id = claimed(service, by.midwife, f"{support}/ended", {"reason_code": "done"})
    recorded(by.visitor, f"{support}/claims/rejected", {"event_id": event_id, "reason_code": "not_so"})
    assert by.visitor.get(support).json()["state"] == "started"


# --- two people as one ------------------------------------------------------------------------------------------------


def test_a_mother_and_her_own_child_are_not_linked(service: Running, by: Workers, mother: str, baby: str) -> None:
    pregnancy = booked(service, by, mother)
    recorded(by.midwife, f"{pregnancy}/ended", {"outcome": "birth", "children": [baby]})
    for own, other in ((baby, mother), (mother, baby)):
        answer = by.midwife.post(f"/v1/people/{own}/linked", {"other_person_id": other, **LINK})
        assert (code(answer), faulty_fields(answer)) == ("two-people", {"other_person_id"})
        order = {"key": uuid4().hex, "path": f"/v1/people/{own}/linked", "body": {"other_person_id": other, **LINK}}
        (result,) = by.midwife.post("/v1/commands", [order]).json()["results"]
        assert result["status"] == 422, result


def test_people_born_years_apart_are_not_linked(by: Workers, mother: str) -> None:
    other = recorded(by.gp, "/v1/people", {**NAMES, "date_of_birth": "2020-02-03"})["person_id"]
    answer = by.gp.post(f"/v1/people/{other}/linked", {"other_person_id": mother, **LINK})
    assert code(answer) == "two-people"
    assert "1991" not in answer.text


@WAYS
def test_a_bystander_neither_links_nor_parts_people_whom_others_hold_whoever_is_said_to_confirm_it(
    service: Running, by: Workers, way: Any
) -> None:
    one, other = (recorded(caller, "/v1/people", NAMES)["person_id"] for caller in (by.visitor, by.gp))
    callers = {"midwife-ekwueme": by.midwife, "hv-pereira": by.visitor, "gp-okafor": by.gp}
    for own_id, caller in callers.items():
        for confirmed_by in (own_id, "hv-sato"):
            said = {"other_person_id": other, "reason": "merge", "confirmed_by": confirmed_by}
            assert way(service, caller, f"/v1/people/{one}/linked", said) == CLAIM


def test_a_link_counts_once_each_side_has_confirmed_it(service: Running, by: Workers) -> None:
    one, other = (recorded(caller, "/v1/people", NAMES)["person_id"] for caller in (by.visitor, by.gp))
    said = {"other_person_id": other, "reason": "merge", "confirmed_by": "midwife-ekwueme"}
    event_id = claimed(service, by.midwife, f"/v1/people/{one}/linked", said)
    path = f"/v1/people/{one}/claims/confirmed"
    first = recorded(by.visitor, path, {"event_id": event_id})
    last = recorded(by.gp, path, {"event_id": event_id})
    found = (service.database.events.find_one({"_id": answer["event_id"]}) for answer in (first, last))
    assert [document["event"]["data"].get("people") for document in found] == [[one], None]


# --- who somebody is --------------------------------------------------------------------------------------------------


@WAYS
def test_a_bystander_corrects_nobodys_identity(service: Running, by: Workers, baby: str, way: Any) -> None:
    path = f"/v1/people/{baby}"
    for body in ({"given_name": "Robin"}, {"date_of_birth": "2010-01-01"}):
        assert way(service, by.housing, f"{path}/corrected", body) == CLAIM
    shown = by.visitor.get(path).json()
    assert (shown["given_name"], shown.get("date_of_birth")) == ("Wren", None)
    assert way(service, by.visitor, f"{path}/corrected", {"given_name": "Jay"}) == STANDS
    assert by.visitor.get(path).json()["given_name"] == "Jay"


def test_a_confirmed_correction_counts(service: Running, by: Workers, baby: str) -> None:
    path = f"/v1/people/{baby}"
    event_id = claimed(service, by.housing, f"{path}/corrected", {"given_name": "Robin"})
    recorded(by.visitor, f"{path}/claims/confirmed", {"event_id": event_id})
    assert by.visitor.get(path).json()["given_name"] == "Robin"


def test_a_stranger_with_a_number_is_not_told_which_details_differ(by: Workers) -> None:
    number = next(f"99910099{n}" for n in range(10, 100) if why_invalid(f"99910099{n}") is None)
    registered = recorded(by.gp, "/v1/people", {**NAMES, "date_of_birth": "1991-08-30", "nhs_number": number})
    right = {**NAMES, "date_of_birth": "1991-08-30", "nhs_number": number}
    answers = [
        by.norfolk.post("/v1/people", {**right, **wrong})
        for wrong in ({"given_name": "Robin"}, {"family_name": "Sampleford"}, {"date_of_birth": "1990-01-01"})
    ]
    assert {code(answer) for answer in answers} == {"person-details-differ"}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert [faulty_fields(answer) for answer in answers] == [set()] * 3
    assert all(registered["person_id"] not in answer.text for answer in answers)
    known = by.visitor.post("/v1/people", {**right, "given_name": "Robin"})
    assert faulty_fields(known) == {"given_name"}


@WAYS
def test_the_word_of_a_bystander_that_somebody_died_is_a_claim(
    service: Running, by: Workers, baby: str, way: Any
) -> None:
    path = f"/v1/people/{baby}"
    assert way(service, by.midwife, f"{path}/died", {"family": []}) == CLAIM
    assert by.visitor.get(path).json()["state"] == "registered"
    assert way(service, by.visitor, f"{path}/died", {"family": []}) == STANDS
