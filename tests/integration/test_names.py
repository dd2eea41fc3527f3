"""What a command names is compared with the copy of the directory, on every way in, and an alarm is recorded anyway."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from services.leaving_care.api.care_leavers import require_leaving_care
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.directory_entries import AGGREGATE, List, entries_of
from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM_ACTOR
from shared.contracts.urgent import ALARMS
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Fact, Forbidden, Invalid
from shared.kernel.envelope import Event
from shared.messaging.incoming import Done
from shared.recording.directory_copy import AREA, TEAM, WORKER, CopiedPost, DirectoryCopy
from shared.recording.names import NAMED_IN_A_TEAM, NameCheck, _kinds_named_by
from shared.recording.records import Records
from shared.recording.standing import Standings
from shared.runtime.clock import MovableClock
from shared.web.exchange import Request
from tests.integration.bus import publish
from tests.integration.ledger import DIRECTORY, MONDAY, delivery
from tests.integration.recording import Caller, Running, code, faulty_fields, running
from tests.support import eventually

GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))
NAMES = {"given_name": "Wren", "family_name": "Exampleton"}
REFERRED = {"stage": "sent", "service": "perinatal_mental_health", "channel": "letter"}
MISTYPED, RIGHT = "perinatal-mental-health-essex", "perinatal-mh-essex"


def listing(database: Database[dict[str, Any]]) -> list[Event]:
    """The events with which the follow-up service lists the example directory."""
    store = EventStore(
        database, source="referrals_followup", clock=MovableClock(MONDAY), catalogue=CATALOGUE, collection="listed"
    )
    store.ensure_indexes()
    return [
        store.execute(
            AGGREGATE,
            entry.stream,
            List(entry),
            SYSTEM_ACTOR,
            key=entry.stream,
            body={},
            operation="test",
            creates=True,
        ).event
        for entry in entries_of(load_directory(DIRECTORY))
    ]


def again(event: Event, version: int, **data: Any) -> Event:
    """A later version of an entry."""
    attributes = {**event.to_cloudevent(), "id": str(uuid4()), "streamversion": version, "data": {**event.data, **data}}
    return Event.from_cloudevent(attributes)


@pytest.fixture
def copied(database: Database[dict[str, Any]]) -> DirectoryCopy:
    copy = DirectoryCopy(database)
    copy.ensure_indexes()
    return copy


# --- the copy -------------------------------------------------------------------------------------------------------


def test_the_copy_says_nothing_until_it_has_heard_of_the_directory(copied: DirectoryCopy) -> None:
    copied.refresh()
    assert copied.is_empty
    assert copied.team(RIGHT) is None
    fact = Fact("referral.sent.v1", {"to_team": MISTYPED, "urgency": "routine"}, MONDAY)
    NameCheck(copied).require_known(fact, fact.data, GP)


def test_the_copy_is_the_same_in_whatever_order_and_however_often_it_hears(
    database: Database[dict[str, Any]], copied: DirectoryCopy
) -> None:
    events = listing(database)
    (harwich,) = [event for event in events if event.stream == "team/hv-harwich"]
    events += [again(harwich, 3, duty="hv-pereira"), again(harwich, 2, duty="hv-manager-ito")]
    for seed in (1, 2):
        random.Random(seed).shuffle(events)
        outcomes = copied.receive([delivery(event) for event in [*events, *events[:20]]])
        assert all(isinstance(outcome, Done) for outcome in outcomes)
        copied.refresh()
        team = copied.team("hv-harwich")
        assert team is not None
        assert (team.duty, team.role, team.area) == ("hv-pereira", "health_visitor", "essex")
    assert set(copied.areas) == {"essex", "norfolk", "england"}
    worker = copied.worker("hv-sato")
    assert worker is not None
    assert worker.posts == (CopiedPost("health_visitor", "hv-harwich"),)
    assert copied.began_at == MONDAY


def test_another_process_follows_the_copy_and_asks_only_one_small_question_when_nothing_changed(
    database: Database[dict[str, Any]], copied: DirectoryCopy
) -> None:
    events, other = listing(database), DirectoryCopy(database)
    copied.keep(events)
    other.refresh()
    assert other.team("hv-harwich") is not None
    known = other._teams["hv-harwich"]
    other.refresh()
    assert other._teams["hv-harwich"] is known
    (harwich,) = [event for event in events if event.stream == "team/hv-harwich"]
    copied.keep([again(harwich, 2, duty="hv-pereira")])
    other.refresh()
    assert other._teams["hv-harwich"].duty == "hv-pereira"


def test_the_copy_has_no_name_and_no_address_of_anybody(
    database: Database[dict[str, Any]], copied: DirectoryCopy
) -> None:
    copied.keep(listing(database))
    stored = str(list(database["directory"].find()))
    for member in load_directory(DIRECTORY).people.values():
        assert member.name not in stored
        assert member.email not in stored


def test_whoever_has_left_and_what_was_closed_are_known_until_that_day(
    database: Database[dict[str, Any]], copied: DirectoryCopy
) -> None:
    events = {event.stream: event for event in listing(database)}
    copied.keep(events.values())
    copied.keep([again(events["worker/hv-sato"], 2, left_on="2013-02-01")])
    copied.keep([again(events["team/hv-harwich"], 2, closed_on="2013-02-01")])
    copied.keep([again(events["area/norfolk"], 2, closed_on="2013-02-01")])
    copied.refresh()
    for kind, name in ((WORKER, "hv-sato"), (TEAM, "hv-harwich"), (AREA, "norfolk")):
        assert copied.why_not(kind, name, date(2013, 1, 31)) is None
        assert "on 2013-02-01" in (copied.why_not(kind, name, date(2013, 2, 1)) or "")


# --- the check ------------------------------------------------------------------------------------------------------


@pytest.fixture
def check(database: Database[dict[str, Any]], copied: DirectoryCopy) -> NameCheck:
    copied.keep(listing(database))
    copied.refresh()
    return NameCheck(copied)


@pytest.mark.parametrize(
    ("event_type", "field", "name", "nearest"),
    [
        ("referral.sent.v1", "to_team", MISTYPED, RIGHT),
        ("household.moved.v1", "to_area", "norfk", "norfolk"),
        ("adviser.assigned.v1", "adviser", "pa-lindquist", "pa-lindqvist"),
        ("plan_item.arranged.v1", "owner", "me", ""),
        ("injury.decided.v1", "decided_by", "nobody-known", ""),
        ("handover.acknowledged.v1", "practitioner", "hv-castrro", "hv-castro"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest_that_exist(
    check: NameCheck, event_type: str, field: str, name: str, nearest: str
) -> None:
    fact = Fact(event_type, {field: name}, MONDAY)
    with pytest.raises(Invalid) as refused:
        check.require_known(fact, fact.data, GP)
    assert refused.value.code == "unknown-name"
    assert list(refused.value.fields) == [field]
    assert nearest in refused.value.fields[field][0]


@pytest.mark.parametrize("event_type", NAMED_IN_A_TEAM)
def test_whoever_has_left_the_team_is_not_named_for_it(
    check: NameCheck, database: Database[dict[str, Any]], event_type: str
) -> None:
    field = NAMED_IN_A_TEAM[event_type]
    said = {field: "hv-castro", "team": "hv-yare"}
    fact = Fact(event_type, said, MONDAY)
    assert check.require_known(fact, said, GP) is None
    elsewhere = {**said, "team": "hv-harwich"}
    with pytest.raises(Invalid) as refused:
        check.require_known(Fact(event_type, elsewhere, MONDAY), elsewhere, GP)
    assert refused.value.fields == {field: ["is not of hv-harwich; the directory has them in hv-yare"]}


@pytest.mark.parametrize(("event_type", "field"), [(name, field) for name in ALARMS for field in _kinds_named_by(name)])
def test_an_alarm_is_never_refused_for_a_name_of_any_sort_and_keeps_which_one_is_unknown(
    check: NameCheck, event_type: str, field: str
) -> None:
    fact = Fact(event_type, {field: "nobody-knows", **ALARMS[event_type]}, MONDAY)
    assert check.require_known(fact, fact.data, GP) == field


@pytest.mark.parametrize("event_type", ALARMS)
def test_an_alarm_keeps_that_the_team_of_whoever_raises_it_is_unknown(check: NameCheck, event_type: str) -> None:
    fact, stranger = Fact(event_type, ALARMS[event_type], MONDAY), replace(GP, id="nurse", team="night-team")
    assert check.require_known(fact, {}, stranger) == "team"
    assert check.require_known(fact, {}, GP) is None


def test_what_the_token_says_and_what_the_record_had_before_are_not_asked_about(check: NameCheck) -> None:
    stranger = Actor("nurse-nightingale", "health_visitor", "night-team", ("kent",), ("rutland",))
    said = {"practitioner": stranger.id, "team": stranger.team}
    check.require_known(Fact("practitioner.assigned.v1", said, MONDAY), said, stranger)
    moved = {"from_area": "kent", "to_area": "rutland"}
    check.require_known(Fact("household.moved.v1", moved, MONDAY), moved, stranger)
    check.require_known(Fact("referral.sent.v1", {"to_team": "of-old"}, MONDAY), {"channel": "letter"}, GP)


def test_rows_of_an_import_from_before_the_directory_began_keep_their_names(check: NameCheck) -> None:
    before = Fact("referral.sent.v1", {"to_team": "of-old", "urgency": "routine"}, MONDAY.replace(year=2011))
    spared = NameCheck(check.directory, spares_past=True)
    spared.require_known(before, before.data, GP)
    for strict, fact in ((check, before), (spared, Fact(before.type, before.data, MONDAY))):
        with pytest.raises(Invalid):
            strict.require_known(fact, fact.data, GP)


# --- on the running service -----------------------------------------------------------------------------------------


def tell_of_the_directory(service: Running) -> None:
    """Lets the service hear of the example directory, and waits until it has kept all of it."""
    events = listing(service.database)
    publish(service.environment["AMQP_URI"], f"{service.name}.directory", *events)
    entries = sum(event.type != "directory.duty_listed.v1" for event in events)
    eventually(lambda: service.database["directory"].count_documents({"kind": {"$exists": True}}) == entries, within=20)


@pytest.fixture(scope="module")
def service(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("perinatal", backends, tmp_path_factory.mktemp("names")) as service:
        tell_of_the_directory(service)
        yield service


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    caller = service.caller(GP.id, GP.role, GP.team)
    person = caller.post("/v1/people", NAMES).json()["person_id"]
    body = {**REFERRED, "person_id": person, "to_team": MISTYPED}
    eventually(lambda: caller.post("/v1/referrals", body).status_code == 422, within=10)
    return caller


@pytest.fixture
def person(gp: Caller) -> str:
    return str(gp.post("/v1/people", NAMES).json()["person_id"])


def test_a_referral_to_a_mistyped_team_is_refused_with_the_nearest_and_an_urgent_one_is_recorded(
    gp: Caller, person: str
) -> None:
    body = {**REFERRED, "person_id": person, "to_team": MISTYPED}
    refused = gp.post("/v1/referrals", body)
    assert code(refused) == "unknown-name"
    assert RIGHT in str(refused.json()["errors"])
    assert gp.post("/v1/referrals", {**body, "urgency": "urgent"}).status_code == 201
    assert gp.post("/v1/referrals", {**body, "to_team": RIGHT}).status_code == 201


def test_it_is_refused_in_bulk_too_and_only_that_command(gp: Caller, person: str) -> None:
    commands = [
        {"key": uuid4().hex, "path": "/v1/referrals", "body": {**REFERRED, "person_id": person, "to_team": team}}
        for team in (MISTYPED, RIGHT)
    ]
    results = gp.post("/v1/commands", commands).json()["results"]
    assert [one["status"] for one in results] == [422, 201]
    assert results[0]["body"]["type"].endswith("unknown-name")


def test_an_import_refuses_a_mistyped_team_and_keeps_the_names_of_old_rows(
    service: Running, gp: Caller, person: str, tmp_path: Path
) -> None:
    actor = {"id": GP.id, "role": GP.role, "team": GP.team, "areas": list(GP.areas)}
    rows = [
        {
            "key": uuid4().hex,
            "path": "/v1/referrals",
            "body": {**REFERRED, "person_id": person, "to_team": MISTYPED, "occurred_at": day},
            "actor": actor,
        }
        for day in ("2012-03-01", "2013-03-01")
    ]
    file = tmp_path / "rows"
    file.write_text("\n".join(map(json.dumps, rows)))
    with pytest.raises(Exception, match="returned non-zero exit status 1"):
        service.run("import", str(file))
    (refused,) = [json.loads(line) for line in (tmp_path / "rows.refused").read_text().splitlines()]
    assert (refused["row"], refused["type"]) == (2, "/problems/unknown-name")


def test_an_injury_of_a_child_and_a_consultation_are_recorded_whomever_they_name(gp: Caller, person: str) -> None:
    consulted = {
        "named": True,
        "side": "caller",
        "mentions": ["bruise"],
        "advice": "refer_now",
        "to_team": "no-such-team",
    }
    assert gp.post("/v1/consultations", {**consulted, "person_id": person}).status_code == 201
    told = {
        "person_id": person,
        "to_role": "health_visitor",
        "about": "injury",
        "to_team": "no-such",
        "channel": "phone",
    }
    assert gp.post("/v1/notifications", told).status_code == 201


def test_an_injury_told_by_a_nurse_of_an_unknown_team_is_recorded_and_says_that_the_team_is_unknown(
    service: Running, gp: Caller, person: str
) -> None:
    nurse = service.caller("nurse-nightingale", "health_visitor", "night-team")
    said = {"kind": "bruise", "site": "face", "mobility": "not_mobile", "seen": True, "clustered": False}
    order = {**said, "presented": True, "person_id": person}
    single = nurse.post("/v1/injuries", order)
    row = {"key": uuid4().hex, "path": "/v1/injuries", "body": order}
    (bulk,) = nurse.post("/v1/commands", [row]).json()["results"]
    known = gp.post("/v1/injuries", order)
    assert (single.status_code, bulk["status"], known.status_code) == (201, 201, 201)
    recorded = [single.json()["event_id"], bulk["body"]["event_id"], known.json()["event_id"]]
    found = [service.database.events.find_one({"_id": event_id})["event"] for event_id in recorded]
    assert [one.get("unknown") for one in found] == ["team", "team", None]


def test_a_practitioner_of_another_team_is_refused_alone_and_in_bulk(gp: Caller, service: Running, person: str) -> None:
    visitor = service.caller("hv-pereira", "health_visitor", "hv-harwich")
    said = {"role": "health_visitor", "practitioner": "hv-castro", "team": "hv-harwich"}
    path = f"/v1/people/{person}/practitioner"
    assert faulty_fields(visitor.post(path, said)) == {"practitioner"}
    (bulk,) = visitor.post("/v1/commands", [{"key": uuid4().hex, "path": path, "body": said}]).json()["results"]
    assert bulk["status"] == 422
    assert bulk["body"]["type"].endswith("unknown-name")
    assert visitor.post(path, {**said, "practitioner": "hv-sato"}).status_code == 201


def test_an_injury_and_an_accumulation_are_judged_only_by_a_clinician_or_lead_other_than_who_reported_it(
    service: Running, gp: Caller, person: str
) -> None:
    said = {"kind": "bruise", "site": "ear", "mobility": "walking", "seen": True, "clustered": False}
    injury = gp.post("/v1/injuries", {**said, "presented": True, "person_id": person})
    path = f"/v1/concerns/{injury.json()['concern_id']}/decided"
    colleague = service.caller("hv-pereira", "health_visitor", "hv-harwich")
    for body in ({"decided_by": "gp-manager-hale"}, {"decided_by": GP.id, "senior": True}):
        refused = colleague.post(path, {"decision": "refer", **body})
        assert (code(refused), faulty_fields(refused)) == ("another-clinician-needed", {"decided_by"})
    assert gp.post(path, {"decision": "refer", "decided_by": GP.id}).status_code == 201
    senior = {"decision": "refer", "decided_by": "named-doctor-banerjee", "senior": True}
    assert colleague.post(path, senior).status_code == 201
    people = f"/v1/people/{person}"
    for verb, body in (("lead-named", {"team": "gp-mill-road"}), ("accumulation-reviewed", {"decision": "monitor"})):
        refused = colleague.post(f"{people}/{verb}", {**body, "lead": "gp-manager-hale"})
        assert (code(refused), faulty_fields(refused)) == ("another-clinician-needed", {"lead"})
    row = {"key": uuid4().hex, "path": path, "body": {"decision": "refer", "decided_by": "gp-manager-hale"}}
    (bulk,) = colleague.post("/v1/commands", [row]).json()["results"]
    assert bulk["status"] == 422


def test_nobody_consults_their_own_team_and_what_mentions_harm_is_recorded_and_asked_about(
    service: Running, gp: Caller, person: str
) -> None:
    said = {"named": True, "person_id": person, "side": "caller", "advice": "refer_now", "to_team": GP.team}
    refused = gp.post("/v1/consultations", {**said, "mentions": ["parenting"]})
    assert (code(refused), faulty_fields(refused)) == ("own-team", {"to_team"})
    recorded = gp.post("/v1/consultations", {**said, "mentions": ["bruise"]})
    assert recorded.status_code == 201, recorded.text
    event = service.database.events.find_one({"_id": recorded.json()["event_id"]})["event"]
    assert event["unknown"] == "to_team"
    asked = {**said, "side": "consultant", "mentions": ["parenting"]}
    assert gp.post("/v1/consultations", asked).status_code == 201


def test_an_answer_about_harm_to_oneself_is_settled_only_by_another_clinician(gp: Caller, person: str) -> None:
    score = {"person_id": person, "tool": "epds", "score": 14, "self_harm": True}
    screen = f"/v1/screens/{gp.post('/v1/screens', score).json()['screen_id']}/followed-up"
    assert code(gp.post(screen, {"outcome": "no_further", "assessed_by": "nobody"})) == "unknown-name"
    for nobody_else in (GP.id, "gp-manager-hale"):
        refused = gp.post(screen, {"outcome": "no_further", "assessed_by": nobody_else})
        assert code(refused) == "another-clinician-needed"
        assert faulty_fields(refused) == {"assessed_by"}
    assert gp.post(screen, {"outcome": "refer", "assessed_by": GP.id}).status_code == 201
    assert gp.post(screen, {"outcome": "no_further", "assessed_by": "duty-clinician-berg"}).status_code == 201


def test_an_adviser_is_appointed_only_by_the_managers_of_leaving_care(
    database: Database[dict[str, Any]], copied: DirectoryCopy
) -> None:
    store = EventStore(database, source="leaving_care", clock=MovableClock(MONDAY), catalogue=CATALOGUE)
    records = Records(store, Standings(store, {}), names=NameCheck(copied))

    def by(person: str, team: str) -> Request:
        return Request(Actor(person, "manager", team, ("essex",)), "c", {})

    assert require_leaving_care(records, by("gp-manager-hale", "gp-mill-road")) == {}  # nothing is known yet
    copied.keep(listing(database))
    copied.refresh()
    assert require_leaving_care(records, by("lc-manager-varga", "leaving-care-essex")) == {}
    for team in ("gp-mill-road", "nowhere"):
        with pytest.raises(Forbidden) as refused:
            require_leaving_care(records, by("gp-manager-hale", team))
        assert refused.value.code == "not-leaving-care"


def manager_of(service: Running, team: str, person: str = "manager-of-it") -> Caller:
    return service.caller(person, "manager", team)


LEAVER = {
    "given_name": "Rowan",
    "family_name": "Exampleton",
    "date_of_birth": "2006-05-20",
    "category": "former_relevant",
}
OF_LEAVING_CARE = ("lc-manager-varga", "manager", "leaving-care-essex")
ACTS_ON_A_CARE_LEAVER: dict[str, dict[str, Any]] = {
    "contact-made": {"how": "phone"},
    "contact-lost": {},
    "pathway-reviewed": {"reason": "routine"},
    "entitlement-decided": {"decision": "ends", "decided_by": "lc-manager-varga"},
    "authority-confirmed": {"authority": "essex"},
    "category": {"category": "former_relevant"},
    "moved": {"to_area": "norfolk", "out_of_area": True},
    "corrected": {"given_name": "Wronger"},
}


@pytest.fixture(scope="module")
def leaving_care(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running("leaving_care", backends, tmp_path_factory.mktemp("leaving_care")) as service:
        tell_of_the_directory(service)
        strange = manager_of(service, "housing-essex")
        eventually(lambda: strange.post("/v1/care-leavers", LEAVER).status_code == 403, within=10)
        yield service


@pytest.mark.parametrize("act", ACTS_ON_A_CARE_LEAVER)
def test_a_manager_of_another_service_does_none_of_the_acts_of_leaving_care(leaving_care: Running, act: str) -> None:
    own = leaving_care.caller(*OF_LEAVING_CARE)
    leaver = own.post("/v1/care-leavers", LEAVER).json()["care_leaver_id"]
    path, body = f"/v1/care-leavers/{leaver}/{act}", ACTS_ON_A_CARE_LEAVER[act]
    for team in ("housing-essex", "gp-mill-road"):
        refused = manager_of(leaving_care, team).post(path, body)
        assert (refused.status_code, code(refused)) == (403, "not-your-work"), refused.text
        in_bulk = manager_of(leaving_care, team).post("/v1/commands", [{"key": "1", "path": path, "body": body}])
        assert in_bulk.json()["results"][0]["status"] == 403


def test_whoever_is_named_as_deciding_about_a_care_leaver_is_of_leaving_care(leaving_care: Running) -> None:
    own = leaving_care.caller(*OF_LEAVING_CARE)
    leaver = own.post("/v1/care-leavers", LEAVER).json()["care_leaver_id"]
    path = f"/v1/care-leavers/{leaver}/entitlement-decided"
    refused = own.post(path, {"decision": "ends", "decided_by": "housing-manager-wolff"})
    assert (code(refused), faulty_fields(refused)) == ("unknown-name", {"decided_by"})
    assert own.post(path, {"decision": "ends", "decided_by": "lc-manager-varga"}).status_code == 201


def test_a_manager_who_is_only_named_has_not_agreed_to_the_end_of_an_item_until_they_confirm_it(
    leaving_care: Running,
) -> None:
    own = leaving_care.caller(*OF_LEAVING_CARE)
    adviser = leaving_care.caller("pa-moreau", "personal_adviser", "leaving-care-essex")
    colleague = leaving_care.caller("pa-lindqvist", "personal_adviser", "leaving-care-essex")
    leaver = own.post("/v1/care-leavers", LEAVER).json()["care_leaver_id"]
    planned = {"kind": "counselling", "condition": "when_ready", "fallback": "mental_health_worker"}

    def ended_by(caller: Caller, manager: str = "lc-manager-varga") -> tuple[str, str, str]:
        item = adviser.post("/v1/plan-items", {**planned, "care_leaver_id": leaver}).json()["plan_item_id"]
        answer = caller.post(f"/v1/plan-items/{item}/ended", {"reason_code": "done", "manager": manager})
        assert answer.status_code == 201, answer.text
        event_id = answer.json()["event_id"]
        stamp = leaving_care.database.events.find_one({"_id": event_id})["event"]["standing"]
        return stamp, f"/v1/plan-items/{item}/claims/confirmed", event_id

    assert ended_by(own)[0] == "circle"
    assert ended_by(adviser, "pa-moreau")[0] == "none"
    stamp, confirm, event_id = ended_by(adviser)
    assert stamp == "none"
    for nobody_asked in (adviser, colleague):
        assert code(nobody_asked.post(confirm, {"event_id": event_id})) == "not-asked"
    assert own.post(confirm, {"event_id": event_id}).status_code == 201
    deciding = f"/v1/care-leavers/{leaver}/entitlement-decided"
    decided = adviser.post(deciding, {"decision": "ends", "decided_by": "lc-manager-varga"}).json()["event_id"]
    assert leaving_care.database.events.find_one({"_id": decided})["event"]["standing"] == "none"
