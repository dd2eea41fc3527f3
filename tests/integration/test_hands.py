"""Whose hand: what an insider with a valid token records in the name of others is kept, raises, and lowers nothing.

The perinatal service knows the example directory. Each test reads the standing that an act was stamped with: `none`
meets no expectation, ends none, and hands none over, until somebody else confirms it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymongo import MongoClient

from deploy.local.backends import Backends
from services.perinatal.domain.referral import RECEIVING_ROLES
from shared.contracts.words import CARE_SERVICES
from tests.integration.bus import publish
from tests.integration.recording import Caller, Running, code, running
from tests.integration.test_names import listing
from tests.support import eventually

NAMES = {"given_name": "Wren", "family_name": "Exampleton"}
INJURY = {"kind": "bruise", "site": "face", "mobility": "not_mobile", "seen": True, "clustered": False}
CLAIM, STANDS = "none", "circle"


class Workers:
    """Callers by the id of the directory."""

    def __init__(self, service: Running) -> None:
        self._service = service

    def __call__(self, person: str, role: str, team: str, *areas: str) -> Caller:
        return self._service.caller(person, role, team, *areas)

    @property
    def visitor(self) -> Caller:
        return self("hv-pereira", "health_visitor", "hv-harwich")

    @property
    def midwife(self) -> Caller:
        return self("midwife-ekwueme", "midwife", "midwifery-colne")

    @property
    def gp(self) -> Caller:
        return self("gp-okafor", "gp_practice", "gp-mill-road")

    @property
    def housing(self) -> Caller:
        return self("housing-silva", "housing", "housing-essex")

    @property
    def housing_manager(self) -> Caller:
        return self("housing-manager-wolff", "manager", "housing-essex")

    @property
    def front_door(self) -> Caller:
        return self("fd-laurent", "front_door", "front-door-essex")

    @property
    def camhs(self) -> Caller:
        return self("camhs-triage-novak", "mental_health_service", "camhs-essex")

    @property
    def lead(self) -> Caller:
        return self("lead-achterberg", "safeguarding_lead", "partnership-essex")

    @property
    def norfolk(self) -> Caller:
        return self("hv-castro", "health_visitor", "hv-yare", "norfolk")


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("hands")) as service:
        with MongoClient[Any](backends.mongodb_uri, tz_aware=True) as client:
            elsewhere = f"listed_{uuid4().hex}"
            events = listing(client[elsewhere])
            client.drop_database(elsewhere)
        publish(service.environment["AMQP_URI"], "perinatal.directory", *events)
        entries = sum(event.type != "directory.duty_listed.v1" for event in events)
        eventually(
            lambda: service.database["directory"].count_documents({"kind": {"$exists": True}}) == entries, within=20
        )
        caller = Workers(service).visitor
        person = caller.post("/v1/people", NAMES).json()["person_id"]
        mistyped = {"role": "health_visitor", "practitioner": "hv-satto", "team": "hv-harwich"}
        eventually(lambda: caller.post(f"/v1/people/{person}/practitioner", mistyped).status_code == 422, within=10)
        yield service


@pytest.fixture(scope="module")
def by(service: Running) -> Workers:
    return Workers(service)


@pytest.fixture
def baby(by: Workers) -> str:
    """A child of Essex whose named health visitor is `hv-pereira`."""
    child = str(by.visitor.post("/v1/people", NAMES).json()["person_id"])
    named = {"role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}
    recorded(by.visitor, f"/v1/people/{child}/practitioner", named)
    return child


def recorded(caller: Caller, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = caller.post(path, body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def stamped(service: Running, caller: Caller, path: str, body: dict[str, Any]) -> str:
    """The standing of this act, given alone."""
    return _standing(service, recorded(caller, path, body)["event_id"])


def stamped_in_bulk(service: Running, caller: Caller, path: str, body: dict[str, Any]) -> str:
    """The standing of this act, given as a command of a bulk request."""
    order = {"key": uuid4().hex, "path": path, "body": body}
    (result,) = caller.post("/v1/commands", [order]).json()["results"]
    assert result["status"] == 201, result
    return _standing(service, result["body"]["event_id"])


def _standing(service: Running, event_id: str) -> str:
    return str(service.database.events.find_one({"_id": event_id})["event"]["standing"])


WAYS = pytest.mark.parametrize("way", [stamped, stamped_in_bulk])


# --- what is sent -----------------------------------------------------------------------------------------------------


@WAYS
@pytest.mark.parametrize(
    ("service_asked", "to_team", "stamp"),
    [
        ("childrens_social_care", "housing-essex", CLAIM),
        ("childrens_social_care", "camhs-essex", CLAIM),
        ("childrens_social_care", "hv-harwich", CLAIM),
        ("childrens_social_care", "front-door-norfolk", CLAIM),
        ("childrens_social_care", None, CLAIM),
        ("childrens_social_care", "childrens-social-care-essex", STANDS),
        ("childrens_social_care", "front-door-essex", STANDS),
        ("adult_mental_health", "housing-essex", CLAIM),
        ("adult_mental_health", "perinatal-mh-essex", STANDS),
    ],
)
def test_a_referral_counts_only_if_it_was_sent_to_a_team_of_the_service_where_the_child_is(
    service: Running, by: Workers, baby: str, way: Any, service_asked: str, to_team: str | None, stamp: str
) -> None:
    body = {"stage": "sent", "person_id": baby, "service": service_asked, "channel": "phone"}
    body |= {"to_team": to_team} if to_team else {}
    for caller in (by.housing, by.visitor):
        assert way(service, caller, "/v1/referrals", body) == stamp


def test_an_urgent_referral_to_a_team_that_nobody_knows_is_recorded_and_is_a_claim(
    service: Running, by: Workers, baby: str
) -> None:
    body = {"stage": "sent", "person_id": baby, "service": "childrens_social_care", "channel": "phone"}
    urgent = {**body, "urgency": "urgent", "to_team": "no-such-team"}
    assert stamped(service, by.visitor, "/v1/referrals", urgent) == CLAIM


def test_a_referral_that_was_decided_on_counts_as_sent_by_the_same_rule(
    service: Running, by: Workers, baby: str
) -> None:
    for to_team, stamp in (("housing-essex", CLAIM), ("camhs-essex", STANDS)):
        body = {"stage": "intended", "person_id": baby, "service": "camhs", "to_team": to_team}
        referral = recorded(by.gp, "/v1/referrals", {**body, "reason_code": "low_mood"})["referral_id"]
        assert stamped(service, by.gp, f"/v1/referrals/{referral}/sent", {"channel": "letter"}) == stamp


def test_a_referral_is_passed_on_only_to_a_team_of_the_other_service(service: Running, by: Workers, baby: str) -> None:
    sent = {"stage": "sent", "person_id": baby, "service": "camhs", "channel": "phone", "to_team": "camhs-essex"}
    for to_team, stamp in (("housing-essex", CLAIM), ("perinatal-mh-norfolk", CLAIM), ("perinatal-mh-essex", STANDS)):
        referral = f"/v1/referrals/{recorded(by.gp, '/v1/referrals', sent)['referral_id']}"
        recorded(by.camhs, f"{referral}/acknowledged", {})
        passed_on = {"to_service": "adult_mental_health", "to_team": to_team}
        assert stamped(service, by.camhs, f"{referral}/redirected", passed_on) == stamp


def test_a_prebirth_referral_counts_only_if_it_was_sent_to_social_care_of_the_area(
    service: Running, by: Workers
) -> None:
    mother = recorded(by.midwife, "/v1/people", NAMES)["person_id"]
    booked = {"person_id": mother, "concerns": []}
    pregnancy = f"/v1/pregnancies/{recorded(by.midwife, '/v1/pregnancies', booked)['pregnancy_id']}"
    for to_team, stamp in (
        ("camhs-essex", CLAIM),
        ("front-door-norfolk", CLAIM),
        (None, CLAIM),
        ("childrens-social-care-essex", STANDS),
    ):
        body = {"to_team": to_team} if to_team else {}
        assert stamped(service, by.midwife, f"{pregnancy}/prebirth-referred", body) == stamp


def test_a_notification_is_acknowledged_only_for_a_team_of_the_role_that_was_to_be_told(
    service: Running, by: Workers, baby: str
) -> None:
    told = {"person_id": baby, "to_role": "health_visitor", "about": "condition", "channel": "phone"}
    for caller, to_team, stamp in (
        (by.housing, "housing-essex", CLAIM),
        (by.norfolk, "hv-yare", CLAIM),
        (by.visitor, "hv-harwich", STANDS),
        (by.visitor, None, STANDS),
    ):
        body = {**told, "to_team": to_team} if to_team else told
        sent = recorded(by.gp, "/v1/notifications", body)
        answer = caller.post(f"/v1/notifications/{sent['notification_id']}/acknowledged", {})
        if answer.status_code == 201:
            assert _standing(service, answer.json()["event_id"]) == stamp
        else:
            assert stamp == CLAIM


def test_each_service_that_people_are_referred_to_has_a_role_that_receives_it() -> None:
    assert RECEIVING_ROLES.keys() == CARE_SERVICES.keys()


# --- who is named -----------------------------------------------------------------------------------------------------


@WAYS
def test_only_who_works_in_the_role_where_the_child_is_is_named_and_by_their_own_team(
    service: Running, by: Workers, baby: str, way: Any
) -> None:
    path = f"/v1/people/{baby}/practitioner"
    visitor = {"role": "health_visitor", "practitioner": "hv-sato", "team": "hv-harwich"}
    for caller, body, stamp in (
        (by.housing_manager, {**visitor, "practitioner": "housing-silva", "team": "housing-essex"}, CLAIM),
        (by.housing_manager, {**visitor, "practitioner": "midwife-ekwueme", "team": "midwifery-colne"}, CLAIM),
        (by.housing_manager, {**visitor, "role": "midwife"}, CLAIM),
        (by.midwife, {**visitor, "practitioner": "hv-castro", "team": "hv-yare"}, CLAIM),
        (by.visitor, {"role": "midwife", "practitioner": "midwife-ncube", "team": "midwifery-bure"}, CLAIM),
        (by.visitor, {**visitor, "practitioner": "hv-manager-ito"}, CLAIM),
        (by.midwife, visitor, CLAIM),
        (by.visitor, visitor, STANDS),
        (by("hv-manager-ito", "manager", "hv-harwich"), visitor, STANDS),
        (by.lead, visitor, STANDS),
        (by.midwife, {"role": "midwife", "practitioner": "midwife-ekwueme", "team": "midwifery-colne"}, STANDS),
    ):
        assert way(service, caller, path, body) == stamp, body


def test_the_team_of_whoever_was_named_before_names_somebody_of_another_team(
    service: Running, by: Workers, baby: str
) -> None:
    path = f"/v1/people/{baby}/practitioner"
    body = {"role": "social_worker", "practitioner": "sw-petrov", "team": "childrens-social-care-essex"}
    assert stamped(service, by.visitor, path, body) == CLAIM
    assert stamped(service, by("sw-petrov", "social_worker", "childrens-social-care-essex"), path, body) == STANDS


# --- who acknowledges -------------------------------------------------------------------------------------------------


def test_a_team_on_neither_side_acknowledges_nothing_whatever_its_role(by: Workers, baby: str) -> None:
    proof = {"channel": "phone", "receiver_person": "Nobody Atall", "reference": "x"}
    sent = {"stage": "sent", "person_id": baby, "service": "adult_mental_health", "channel": "phone"}
    referral = recorded(by.gp, "/v1/referrals", {**sent, "to_team": "perinatal-mh-essex"})["referral_id"]
    told = {"person_id": baby, "to_role": "mental_health_service", "about": "condition", "channel": "phone"}
    notified = recorded(by.gp, "/v1/notifications", {**told, "to_team": "perinatal-mh-essex"})["notification_id"]
    for path in (f"/v1/referrals/{referral}/acknowledged", f"/v1/notifications/{notified}/acknowledged"):
        for caller in (by.camhs, by.visitor):
            assert code(caller.post(path, proof)) == "no-part-in-it"


@WAYS
def test_a_sender_reports_the_receipt_only_by_a_person_of_the_team_that_has_it(
    service: Running, by: Workers, baby: str, way: Any
) -> None:
    for person, stamp in (("Nobody Atall", CLAIM), ("hv-pereira", CLAIM), ("pmh-nurse-farah", STANDS)):
        proof = {"channel": "phone", "receiver_person": person, "reference": "x"}
        sent = {"stage": "sent", "person_id": baby, "service": "adult_mental_health", "channel": "phone"}
        referral = recorded(by.gp, "/v1/referrals", {**sent, "to_team": "perinatal-mh-essex"})["referral_id"]
        assert way(service, by.gp, f"/v1/referrals/{referral}/acknowledged", proof) == stamp
        told = {"person_id": baby, "to_role": "mental_health_service", "about": "condition", "channel": "phone"}
        notified = recorded(by.gp, "/v1/notifications", {**told, "to_team": "perinatal-mh-essex"})["notification_id"]
        assert way(service, by.gp, f"/v1/notifications/{notified}/acknowledged", proof) == stamp


# --- who is only named ------------------------------------------------------------------------------------------------


def a_screen(by: Workers, baby: str) -> str:
    """Whoever recorded the score is another clinician than those who assess it."""
    score = {"person_id": baby, "tool": "epds", "score": 14, "self_harm": True}
    return f"/v1/screens/{recorded(by.gp, '/v1/screens', score)['screen_id']}"


def an_injury(by: Workers, baby: str) -> str:
    said = {**INJURY, "person_id": baby, "presented": True}
    return f"/v1/concerns/{recorded(by.visitor, '/v1/injuries', said)['concern_id']}"


def alleged_harm(by: Workers, baby: str) -> str:
    said = {"kind": "hit", "told_by": "relative", "when": "week", "injury": "none_seen", "access_continues": True}
    return f"/v1/concerns/{recorded(by.visitor, '/v1/alleged-harm', {**said, 'person_id': baby})['concern_id']}"


def an_offer(by: Workers, baby: str) -> str:
    made = {"person_id": baby, "what": "counselling"}
    return f"/v1/offers/{recorded(by.gp, '/v1/offers', made)['offer_id']}"


def a_referral(by: Workers, baby: str) -> str:
    noted = {"stage": "intended", "person_id": baby, "service": "camhs", "to_team": "camhs-essex", "reason_code": "low"}
    return f"/v1/referrals/{recorded(by.gp, '/v1/referrals', noted)['referral_id']}"


def a_pregnancy(by: Workers, baby: str) -> str:
    mother = recorded(by.midwife, "/v1/people", NAMES)["person_id"]
    booked = {"person_id": mother, "concerns": []}
    return f"/v1/pregnancies/{recorded(by.midwife, '/v1/pregnancies', booked)['pregnancy_id']}"


def the_person(by: Workers, baby: str) -> str:
    return f"/v1/people/{baby}"


FOLLOWED_UP = {"outcome": "no_further"}
HARM_DECIDED = {"medical": "not_needed", "decision": "assess"}
SCREENED = {"outcome": "assess", "reason_code": "history", "reason": "Afraid"}
# Which record, the verb and body, the field that names somebody, a colleague of whoever records it, and somebody else.
NAMING: dict[str, tuple[Any, str, dict[str, Any], str, str, str]] = {
    "score": (a_screen, "followed-up", FOLLOWED_UP, "assessed_by", "hv-sato", "hv-castro"),
    "injury": (an_injury, "decided", {"decision": "refer"}, "decided_by", "hv-sato", "named-doctor-banerjee"),
    "harm": (alleged_harm, "harm-decided", HARM_DECIDED, "decided_by", "hv-sato", "sw-petrov"),
    "lead": (the_person, "lead-named", {"team": "hv-harwich"}, "lead", "hv-sato", "hv-sato"),
    "read": (the_person, "accumulation-reviewed", {"decision": "monitor"}, "lead", "hv-sato", "named-nurse-lovelock"),
    "referral": (a_referral, "withdrawn", {"reason_code": "declined"}, "decided_by", "hv-sato", "gp-adeyemi"),
    "pregnancy": (a_pregnancy, "screening-decided", SCREENED, "decided_by", "named-midwife-oyelaran", "hv-sato"),
}


@WAYS
@pytest.mark.parametrize("what", NAMING)
def test_whoever_is_only_named_has_not_judged_or_agreed(
    service: Running, by: Workers, baby: str, way: Any, what: str
) -> None:
    begin, verb, body, field, colleague, other = NAMING[what]
    for named, stamp in (("hv-pereira", STANDS), (colleague, CLAIM), (other, CLAIM)):
        record = begin(by, baby)
        themselves = {"referral": ("gp-okafor", by.gp), "pregnancy": ("midwife-ekwueme", by.midwife)}
        own, recorder = themselves.get(what, ("hv-pereira", by.visitor))
        named = own if stamp == STANDS else named
        assert way(service, recorder, f"{record}/{verb}", {**body, field: named}) == stamp, named


@WAYS
def test_whoever_is_only_named_has_not_looked_at_two_records(service: Running, by: Workers, way: Any) -> None:
    for named, stamp in (("gp-okafor", CLAIM), ("named-midwife-oyelaran", CLAIM), ("midwife-ekwueme", STANDS)):
        own, other = (recorded(by.midwife, "/v1/people", NAMES)["person_id"] for _ in range(2))
        path, link = f"/v1/people/{own}", {"other_person_id": other, "confirmed_by": named}
        apart = {"others": [other], "confirmed_by": named}
        assert way(service, by.midwife, f"{path}/told-apart", apart) == stamp
        assert way(service, by.midwife, f"{path}/linked", {**link, "reason": "merge"}) == stamp
        assert way(service, by.midwife, f"{path}/unlinked", {**link, "reason_code": "mistaken"}) == stamp


@WAYS
def test_an_offer_ends_by_the_word_of_a_manager(service: Running, by: Workers, baby: str, way: Any) -> None:
    for named in ("gp-okafor", "gp-adeyemi", "gp-manager-hale", "hv-manager-ito"):
        ended = {"reason_code": "moved", "manager": named}
        assert way(service, by.gp, f"{an_offer(by, baby)}/ended", ended) == CLAIM, named
    for person, role, team, status in (
        ("gp-adeyemi", "gp_practice", "gp-mill-road", 403),
        ("gp-manager-hale", "manager", "gp-mill-road", 201),
    ):
        offer = an_offer(by, baby)
        event_id = recorded(by.gp, f"{offer}/ended", {"reason_code": "moved", "manager": person})["event_id"]
        for nobody_asked in (by.visitor, by.lead):
            assert code(nobody_asked.post(f"{offer}/claims/confirmed", {"event_id": event_id})) == "not-asked"
        answer = by(person, role, team).post(f"{offer}/claims/confirmed", {"event_id": event_id})
        assert answer.status_code == status, answer.text


def confirmed(way: str, caller: Caller, path: str, body: dict[str, Any]) -> tuple[int, str | None]:
    if way == "alone":
        answer = caller.post(path, body)
        return answer.status_code, None if answer.status_code == 201 else code(answer)
    (result,) = caller.post("/v1/commands", [{"key": uuid4().hex, "path": path, "body": body}]).json()["results"]
    return result["status"], None if result["status"] == 201 else result["body"]["type"].rpartition("/")[2]


@pytest.mark.parametrize("way", ["alone", "in bulk"])
def test_only_whoever_is_named_confirms_it_also_from_the_team_that_claims_it(
    service: Running, by: Workers, baby: str, way: str
) -> None:
    screen = a_screen(by, baby)
    said = {**FOLLOWED_UP, "assessed_by": "hv-sato"}
    about = {"event_id": recorded(by.visitor, f"{screen}/followed-up", said)["event_id"]}
    path = f"{screen}/claims/confirmed"
    for nobody_asked in (by.visitor, by("hv-manager-ito", "manager", "hv-harwich"), by.midwife, by.gp, by.lead):
        assert confirmed(way, nobody_asked, path, about) == (403, "not-asked")
    sato = by("hv-sato", "health_visitor", "hv-harwich")
    assert confirmed(way, sato, path, about) == (201, None)
    assert confirmed(way, sato, path, about)[1] == "already-answered"


def test_whoever_is_named_and_the_team_that_holds_the_record_reject_it(by: Workers, baby: str) -> None:
    for caller in (by("hv-sato", "health_visitor", "hv-harwich"), by.gp):
        screen = a_screen(by, baby)
        said = {**FOLLOWED_UP, "assessed_by": "hv-sato"}
        event_id = recorded(by.visitor, f"{screen}/followed-up", said)["event_id"]
        rejection = {"event_id": event_id, "reason_code": "not_mine"}
        assert code(by.visitor.post(f"{screen}/claims/rejected", rejection)) == "own-claim"
        recorded(caller, f"{screen}/claims/rejected", rejection)


def test_whoever_is_named_and_has_no_part_in_the_child_confirms_nothing(by: Workers, baby: str) -> None:
    screen = a_screen(by, baby)
    said = {**FOLLOWED_UP, "assessed_by": "hv-castro"}
    about = {"event_id": recorded(by.visitor, f"{screen}/followed-up", said)["event_id"]}
    assert code(by.norfolk.post(f"{screen}/claims/confirmed", about)) == "no-standing"


def test_a_named_lead_who_may_not_record_a_decision_confirms_it(by: Workers, baby: str) -> None:
    injury = an_injury(by, baby)
    said = {"decision": "refer", "decided_by": "named-doctor-banerjee", "senior": True}
    about = {"event_id": recorded(by.midwife, f"{injury}/decided", said)["event_id"]}
    doctor = by("named-doctor-banerjee", "safeguarding_lead", "partnership-essex")
    recorded(doctor, f"{injury}/claims/confirmed", about)


# --- handovers --------------------------------------------------------------------------------------------------------

ATTEMPTED = {"outcome": "reached", "channel": "phone", "to_team": "hv-yare"}
GIVEN = {"contexts": ["mental_health"], "channel": "phone", "context": "Sleeps badly", "to_team": "hv-yare"}
PROOF = {"channel": "phone", "receiver_person": "hv-castro", "reference": "x"}


def a_move(caller: Caller, child: str) -> str:
    ends = {"from_area": "essex", "to_area": "norfolk", "told_by": "family", "handover_needed": True}
    return f"/v1/moves/{recorded(caller, '/v1/moves', {**ends, 'person_id': child, 'people': [child]})['move_id']}"


@WAYS
@pytest.mark.parametrize(("verb", "body"), [("handover-attempted", ATTEMPTED), ("handover-given", GIVEN)])
def test_a_handover_is_for_whoever_told_of_the_move_the_named_practitioners_team_and_the_new_area(
    service: Running, by: Workers, baby: str, way: Any, verb: str, body: dict[str, Any]
) -> None:
    colleague = by("hv-sato", "health_visitor", "hv-harwich")
    for teller, stamp in ((by.visitor, CLAIM), (by.midwife, STANDS)):
        path = f"{a_move(teller, baby)}/{verb}"
        assert way(service, by.midwife, path, body) == stamp
        for caller in (by.visitor, colleague, by.norfolk):
            assert way(service, caller, path, body) == STANDS


def test_while_no_health_visitor_is_named_those_of_the_area_hand_over(service: Running, by: Workers) -> None:
    child = str(recorded(by.gp, "/v1/people", NAMES)["person_id"])
    path = f"{a_move(by.gp, child)}/handover-attempted"
    assert stamped(service, by.midwife, path, ATTEMPTED) == CLAIM
    assert stamped(service, by.visitor, path, ATTEMPTED) == STANDS


@WAYS
def test_a_handover_is_acknowledged_for_a_team_of_the_new_area_by_a_side_of_the_move(
    service: Running, by: Workers, baby: str, way: Any
) -> None:
    there = {"team": "hv-yare", "practitioner": "hv-castro"}
    here = {"team": "midwifery-colne", "practitioner": "midwife-ekwueme"}
    for caller, body, stamp in (
        (by.midwife, {**PROOF, **here, "receiver_person": "No Body"}, CLAIM),
        (by.midwife, {**PROOF, **there}, CLAIM),
        (by.visitor, {**PROOF, **here, "receiver_person": "midwife-ekwueme"}, CLAIM),
        (by.visitor, {**PROOF, **there, "receiver_person": "No Body"}, CLAIM),
        (by.visitor, {**PROOF, **there}, STANDS),
        (by.norfolk, {"team": "hv-harwich"}, CLAIM),
        (by.norfolk, {"team": "midwifery-bure", "practitioner": "midwife-ncube"}, STANDS),
        (by.norfolk, {}, STANDS),
    ):
        path = f"{a_move(by.visitor, baby)}/handover-acknowledged"
        assert way(service, caller, path, body) == stamp, body


def test_the_team_that_a_bystander_says_it_gave_the_handover_to_takes_it_from_nobody(by: Workers, baby: str) -> None:
    move = a_move(by.visitor, baby)
    recorded(by.midwife, f"{move}/handover-given", {**GIVEN, "to_team": "midwifery-bure"})
    taken = recorded(by.norfolk, f"{move}/handover-acknowledged", {})
    assert (taken["facts"]["reported_by"], taken["facts"]["team"]) == ("receiver", "hv-yare")


# --- a consultation that became a referral ----------------------------------------------------------------------------


@WAYS
def test_a_consultation_is_referred_only_by_the_id_of_a_referral_of_this_child_that_was_sent_to_social_care(
    service: Running, by: Workers, baby: str, way: Any
) -> None:
    consulted = {"named": True, "person_id": baby, "side": "caller", "mentions": ["injury"], "advice": "refer_now"}
    call = recorded(by.visitor, "/v1/consultations", {**consulted, "to_team": "front-door-essex"})
    path = f"/v1/consultations/{call['consultation_id']}/referred"
    other = recorded(by.visitor, "/v1/people", NAMES)["person_id"]
    sent = {"stage": "sent", "person_id": baby, "service": "childrens_social_care", "channel": "phone"}
    right = {**sent, "to_team": "front-door-essex"}
    intended = {**right, "stage": "intended", "reason_code": "injury"}
    del intended["channel"]
    for body, stamp in (
        (None, CLAIM),
        ({**right, "to_team": "housing-essex"}, CLAIM),
        ({**right, "service": "camhs", "to_team": "camhs-essex"}, CLAIM),
        ({**right, "person_id": other}, CLAIM),
        (intended, CLAIM),
        (right, STANDS),
    ):
        referral = {"referral_id": recorded(by.visitor, "/v1/referrals", body)["referral_id"]} if body else {}
        assert way(service, by.midwife, path, {"person_id": baby, **referral}) == stamp, body
    assert way(service, by.midwife, path, {"person_id": baby, "referral_id": str(uuid4())}) == CLAIM
