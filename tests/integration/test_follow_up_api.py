"""The follow-up service over real HTTP: what it lists, why, to whom, and what people may do about it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests

from deploy.local.backends import Backends
from services.referrals_followup.domain.disclosure import is_disclosed
from services.referrals_followup.domain.follow_up import AGGREGATE, Acts, Assign
from services.referrals_followup.ledger.view_codec import follow_up_of
from shared.config.yamlfile import load_yaml
from shared.contracts.access import SYSTEM_ACTOR
from shared.kernel.envelope import Event, from_text, to_text
from shared.messaging.incoming import Delivery, Park
from shared.messaging.topology import EVIDENCE
from shared.runtime.clock import ReplayClock
from shared.scheduling.tick import publish_sweep
from tests.integration.bus import publish
from tests.integration.following import following
from tests.integration.ledger import (
    DIRECTORY,
    MONDAY,
    PERSON,
    STANDARDS,
    Inbox,
    Ledger,
    an_event,
    item_planned,
    mail_server,
    referral_noted,
    referral_sent,
    unfoldable,
)
from tests.integration.recording import Caller, Running, code, faulty_fields, is_ready
from tests.support import eventually

NOW = from_text("2013-01-21T12:00:00Z")
SOON_DUE = NOW - timedelta(hours=1)
VERSIONS = {name: load_yaml(STANDARDS / f"{name}.yaml").value["version"] for name in ("england", "essex")}


@pytest.fixture(scope="module")
def ledger(whole_ledger: Ledger) -> Ledger:
    return whole_ledger


@pytest.fixture(autouse=True)
def _a_day_in_january(request: pytest.FixtureRequest) -> None:
    """Every test begins at the same instant, with nothing recorded but the rules, and every source complete."""
    if "service" not in request.fixturenames:
        return
    ledger: Ledger = request.getfixturevalue("ledger")
    ledger.forget()
    ledger.clock.set(NOW)
    ledger.catch_up()


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("gp-manager-hale", "manager", "gp-mill-road", "essex", "norfolk")


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    return service.caller("gp-okafor", "gp_practice", "gp-mill-road")


@pytest.fixture(scope="module")
def housing(service: Running) -> Caller:
    return service.caller("housing-silva", "housing", "housing-essex")


def list_items(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    answer = caller.get("/v1/follow-ups", **query)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def pages(caller: Caller, **query: Any) -> Iterator[list[dict[str, Any]]]:
    """The items of each page of a list."""
    cursor: dict[str, str] = {}
    while True:
        page = caller.get("/v1/follow-ups", **query, **cursor).json()
        yield page["items"]
        if page["next"] is None:
            return
        cursor = {"cursor": page["next"]}


def noted(ledger: Ledger, at: datetime = MONDAY, **more: Any) -> str:
    """The id of the follow-up of a referral that was noted."""
    event = referral_noted(at, **more)
    ledger.hear(event)
    return ledger.follow_up("REF-01", event.stream).id


def case_closed(at: datetime = SOON_DUE) -> Event:
    """A case about the usual person closes, so that what is open about them is asked about."""
    case_id = str(uuid4())
    said = {"case_id": case_id, "person_id": PERSON, "agency": "childrens_social_care", "people": [PERSON]}
    return an_event("case.closed.v1", f"case/{case_id}", {**said, "reason_code": "goals-met"}, at=at, subject=PERSON)


def in_norfolk(at: datetime = MONDAY) -> Event:
    return referral_noted(at, area="norfolk", actor="gp-lindholm", team="gp-wensum")


# --- lists --------------------------------------------------------------------------------------------------------


def test_an_open_follow_up_is_listed_with_its_owner_its_lateness_and_its_links(
    ledger: Ledger, gp: Caller, service: Running
) -> None:
    event = referral_noted()
    ledger.hear(event)
    (item,) = list_items(gp)
    follow_up = ledger.follow_up()
    assert item["reference"] == follow_up.reference
    assert item["owner"] == {"role": "gp_practice", "team": "gp-mill-road", "person": "gp-okafor"}
    assert item["due_at"] == "2013-01-16T17:00:00.000Z"
    assert item["overdue_by_days"] == 5
    assert item["disclosed"] is True
    assert item["links"] == {
        "follow_up": f"{service.url}/v1/follow-ups/{follow_up.reference}",
        "record": f"http://perinatal.example/v1/{event.stream.replace('referral/', 'referrals/')}",
    }


def test_a_follow_up_that_was_met_is_no_longer_listed_but_can_be_asked_for(ledger: Ledger, gp: Caller) -> None:
    event = referral_noted()
    ledger.hear(event, referral_sent(event, MONDAY + timedelta(hours=1)))
    assert [item["step"] for item in list_items(gp)] == ["REF-02"]
    assert [item["step"] for item in list_items(gp, state="met")] == ["REF-01"]
    assert len(list_items(gp, state="any")) == 2


def test_a_list_can_be_narrowed_by_each_of_its_filters(ledger: Ledger, manager: Caller) -> None:
    other = f"p_{'b' * 32}"
    ledger.hear(
        referral_noted(),
        referral_noted(NOW - timedelta(hours=3), actor="gp-adeyemi", person=other),
        in_norfolk(),
        *item_planned(MONDAY - timedelta(days=3)),
        referral_noted(from_text("2011-06-01T09:00:00Z"), recorded_at=MONDAY),
    )
    essex = len(list_items(manager, area="essex"))
    assert len(list_items(manager)) == essex + 1
    assert [item["area"] for item in list_items(manager, area="norfolk")] == ["norfolk"]
    assert {item["owner"]["team"] for item in list_items(manager, team="leaving-care-essex")} == {"leaving-care-essex"}
    assert [item["owner"]["person"] for item in list_items(manager, owner="gp-adeyemi")] == ["gp-adeyemi"]
    assert {item["step"] for item in list_items(manager, standard="CL-01")} == {
        "CL-01.arrange",
        "CL-01.revisit",
        "CL-01.fallback",
    }
    assert [item["step"] for item in list_items(manager, step="CL-01.arrange")] == ["CL-01.arrange"]
    assert [item["person"] for item in list_items(manager, person=other)] == [other]
    assert [item["inherited"] for item in list_items(manager, inherited="true")] == [True]
    assert len(list_items(manager, inherited="false")) == essex
    assert {item["overdue_by_days"] for item in list_items(manager, overdue_by_days=4, inherited="false")} == {5}


@pytest.mark.parametrize("sort", ["due_at", "-due_at", "opened_at", "-opened_at", "standard", "-standard"])
def test_pages_in_any_order_show_everything_once(ledger: Ledger, manager: Caller, sort: str) -> None:
    days = [MONDAY - timedelta(days=days) for days in (3, 3, 1, 0, 2)]
    ledger.hear(*(referral_noted(day) for day in days), *item_planned())
    whole = list_items(manager, sort=sort)
    assert len(whole) == 8
    field = sort.removeprefix("-")
    values = [item[field] for item in whole]
    assert values == sorted(values, reverse=sort.startswith("-"))
    shown = [item["id"] for page in pages(manager, sort=sort, limit=3) for item in page]
    assert shown == [item["id"] for item in whole]


def test_a_cursor_of_another_order_or_of_no_list_is_refused(ledger: Ledger, manager: Caller) -> None:
    ledger.hear(referral_noted(), referral_noted())
    following = manager.get("/v1/follow-ups", limit=1).json()["next"]
    for query in ({"sort": "-due_at", "cursor": following}, {"cursor": "bm90aGluZw"}, {"cursor": "W3siJGd0Ijoi"}):
        answer = manager.get("/v1/follow-ups", **query)
        assert (answer.status_code, code(answer)) == (422, "bad-cursor")
        assert faulty_fields(answer) == {"cursor"}


def test_every_bad_field_of_a_query_is_named(manager: Caller, ledger: Ledger) -> None:
    answer = manager.get(
        "/v1/follow-ups", area="Essex!", state="late", limit=201, sort="name", person="Wren", standard="x", colour="red"
    )
    assert answer.status_code == 422
    assert faulty_fields(answer) == {"area", "state", "limit", "sort", "person", "standard", "colour"}


def test_answers_say_up_to_when_the_evidence_is_complete_and_when_that_is_stale(
    ledger: Ledger, manager: Caller
) -> None:
    evidence = manager.get("/v1/follow-ups").json()["evidence"]
    assert evidence == {
        "complete_until": to_text(NOW),
        "stale": False,
        "sources": dict.fromkeys(("perinatal", "leaving_care", "referrals_followup"), to_text(NOW)),
        "set_aside": 0,
    }
    ledger.clock.set(NOW + timedelta(minutes=6))
    ledger.catch_up("leaving_care")
    evidence = manager.get("/v1/follow-ups/summary").json()["evidence"]
    assert evidence["stale"] is True
    assert evidence["complete_until"] == evidence["sources"]["leaving_care"] == to_text(NOW)
    assert evidence["sources"]["perinatal"] == to_text(NOW + timedelta(minutes=6))


def test_readiness_and_metrics_say_how_far_the_evidence_is_complete_and_which_source_is_stale(
    service: Running, ledger: Ledger
) -> None:
    now = ledger.clock.now()
    ledger.catch_up()
    ready = requests.get(f"{service.url}/health/ready", timeout=10).json()
    assert (ready["status"], ready["check"], ready["parked"]) == ("ready", None, 0)
    assert ready["evidence"]["stale"] == []
    assert set(ready["evidence"]["sources"].values()) == {to_text(now)}
    ledger.clock.set(now + timedelta(minutes=6))
    ledger.catch_up("leaving_care")
    ready = requests.get(f"{service.url}/health/ready", timeout=10).json()
    assert (ready["status"], ready["evidence"]["stale"]) == ("ready", ["leaving_care"])
    metrics = requests.get(f"{service.url}/metrics", timeout=10).text
    assert 'position_lag_seconds{source="leaving_care"} 360.0' in metrics
    assert 'position_lag_seconds{source="perinatal"} 0.0' in metrics
    ledger.catch_up()


def test_what_is_set_aside_is_counted_and_shows_on_the_follow_ups_of_whom_it_names(
    ledger: Ledger, manager: Caller
) -> None:
    hers, other = f"p_{'d' * 32}", f"p_{'e' * 32}"
    noted, others = referral_noted(SOON_DUE, person=hers), referral_noted(SOON_DUE, person=other)
    ledger.hear(noted, others)
    before = manager.get("/v1/follow-ups", person=hers).json()
    assert [item["data_problem"] for item in before["items"]] == [False]
    message = Delivery(EVIDENCE, f'{{"subject": "{hers}", broken'.encode(), message_id="poison")
    ledger.dependencies.parked.park([(message, Park("not JSON"))])
    after = manager.get("/v1/follow-ups", person=hers).json()
    assert after["evidence"]["set_aside"] == 1
    (item,) = after["items"]
    assert item == {**before["items"][0], "data_problem": True}  # and its clock runs on
    assert manager.get(f"/v1/follow-ups/{item['reference']}").json()["data_problem"] is True
    past = manager.get("/v1/follow-ups", person=hers, as_of=to_text(ledger.clock.now())).json()
    told = manager.get(f"/v1/people/{hers}/chronology").json()["follow_ups"]
    assert [line["data_problem"] for line in past["items"] + told] == [True, True]
    assert [line["data_problem"] for line in manager.get("/v1/follow-ups", person=other).json()["items"]] == [False]
    (waiting,) = ledger.dependencies.parked.parked()
    ledger.dependencies.parked.discard(waiting.id, "operator-kowalski", "read by telephone", "k")
    assert manager.get("/v1/follow-ups", person=hers).json() == before


def test_a_data_problem_follows_the_links_of_a_person_and_marks_a_parked_thread(
    ledger: Ledger, manager: Caller
) -> None:
    hers, known_as = f"p_{'6' * 32}", f"p_{'7' * 32}"
    noted = referral_noted(SOON_DUE, person=hers)
    link = {"person_id": hers, "other_person_id": known_as, "reason": "merge", "confirmed_by": "gp-okafor"}
    ledger.hear(noted, an_event("person.linked.v1", f"person/{hers}", link, subject=hers, at=MONDAY))
    message = Delivery(EVIDENCE, f'"{known_as}"'.encode(), message_id="poison")
    ledger.dependencies.parked.park([(message, Park("not an event"))])
    listed = manager.get("/v1/follow-ups", person=hers).json()["items"]
    assert listed and all(item["data_problem"] for item in listed)
    (waiting,) = ledger.dependencies.parked.parked()
    ledger.dependencies.parked.discard(waiting.id, "operator-kowalski", "read by telephone", "k")
    with unfoldable(noted.stream):
        ledger.dependencies.views.refresh([noted.stream])
    listed = manager.get("/v1/follow-ups", person=hers).json()["items"]
    assert [item["data_problem"] for item in listed if item["thread"] == noted.stream] == [True]
    ledger.dependencies.views.refresh([noted.stream])


# --- areas and disclosure -----------------------------------------------------------------------------------------


def test_nobody_sees_a_follow_up_of_another_area(ledger: Ledger, gp: Caller) -> None:
    ledger.hear(in_norfolk())
    follow_up = ledger.follow_up()
    assert list_items(gp) == []
    for path in (f"/v1/follow-ups/{follow_up.id}", f"/v1/follow-ups/{follow_up.reference}"):
        answer = gp.get(path)
        assert (answer.status_code, code(answer)) == (404, "not-found")
    for path in ("/v1/follow-ups", "/v1/follow-ups/summary"):
        answer = gp.get(path, area="norfolk")
        assert (answer.status_code, code(answer)) == (403, "wrong-area")
    answer = gp.post(f"/v1/follow-ups/{follow_up.id}/acknowledged", {})
    assert (answer.status_code, code(answer)) == (404, "not-found")


def test_what_a_role_may_not_see_leaves_whom_to_ask_where_the_question_names_the_person(
    ledger: Ledger, gp: Caller, manager: Caller, service: Running
) -> None:
    ledger.hear(*item_planned())
    follow_up = ledger.follow_up("CL-01.arrange")
    unknown = gp.get("/v1/follow-ups/FT-0000-0000-1")
    for name in (follow_up.id, follow_up.reference):
        withheld = gp.get(f"/v1/follow-ups/{name}")
        assert (withheld.status_code, withheld.json()["detail"]) == (404, unknown.json()["detail"])
    of_person = gp.get("/v1/follow-ups", person=PERSON).json()
    assert (of_person["items"], of_person["next"]) == ([], None)
    assert of_person["signposts"] == ["leaving care: contact the PA"]
    read = service.database.access_log.find_one(sort=[("_id", -1)])
    assert read["subjects"] == [PERSON]
    of_the_area = gp.get("/v1/follow-ups").json()
    assert (of_the_area["items"], of_the_area["signposts"]) == ([], [])
    full = manager.get(f"/v1/follow-ups/{follow_up.id}").json()
    assert full["title"] == "A pathway plan item has an owner, a date, a trigger and a fallback"
    assert full["history"][0]["type"] == "plan_item.added.v1"
    assert manager.get("/v1/follow-ups", person=PERSON).json()["signposts"] == []


QUERIES = [
    {},
    {"limit": "1"},
    {"state": "any", "sort": "-opened_at"},
    {"team": "leaving-care-essex"},
    {"owner": "pa-lindqvist"},
    {"overdue_by_days": "0"},
    {"standard": "CL-01"},
    {"step": "CL-01.revisit"},
    {"person": PERSON},
    {"sort": "standard"},
    {"sort": "-standard"},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_what_is_not_disclosed_is_in_no_list(
    ledger: Ledger, gp: Caller, manager: Caller, service: Running, query: dict[str, str]
) -> None:
    ledger.hear(referral_noted(), *item_planned(), case_closed())
    everything = [item for page in pages(manager, **query) for item in page]
    stored = ledger.dependencies.views.collection.find()
    readable = {
        document["_id"]
        for document in stored
        if is_disclosed(follow_up_of(document), Acts(**document["acts"]), "gp_practice", "gp-mill-road")
    }
    theirs = [item["id"] for item in everything if item["id"] in readable]
    assert len(theirs) < len(everything)
    assert [item["id"] for page in pages(gp, **query) for item in page] == theirs
    assert [item["id"] for page in pages(gp, **{**query, "limit": 1}) for item in page] == theirs
    assert list_items(service.caller("housing-silva", "housing", "housing-essex"), **query) == []
    team = service.caller("lc-mental-health-greer", "mental_health_service", "leaving-care-essex")
    assert [item for page in pages(team, **query) for item in page]


def test_the_signposts_of_a_person_depend_on_nothing_else_that_is_asked(ledger: Ledger, gp: Caller) -> None:
    ledger.hear(referral_noted(), *item_planned())
    ledger.days_pass("2013-01-21T17:00:00Z")
    signposts = ["leaving care: contact the PA"]
    asked: list[dict[str, Any]] = [*QUERIES, {"state": "met"}, {"step": "CL-01.arrange"}, {"area": "essex"}]
    for query in [*asked, {"as_of": to_text(MONDAY - timedelta(days=30))}]:
        assert gp.get("/v1/follow-ups", **{**query, "person": PERSON}).json()["signposts"] == signposts
    assert gp.get("/v1/follow-ups", person=f"p_{'f' * 32}").json()["signposts"] == []


def test_the_summary_counts_only_what_is_disclosed(ledger: Ledger, gp: Caller, manager: Caller) -> None:
    ledger.hear(referral_noted(), *item_planned(), *item_planned())
    rows = gp.get("/v1/follow-ups/summary").json()["rows"]
    assert [(row["standard"], row["team"], row["open"]) for row in rows] == [
        ("REF-01", "gp-mill-road", 1),
    ]
    assert gp.get("/v1/follow-ups/summary", standard="CL-01").json()["rows"] == []
    (row,) = manager.get("/v1/follow-ups/summary", standard="CL-01").json()["rows"]
    assert row["open"] == 6


def test_a_team_that_was_given_it_finds_it_by_what_it_is_about(ledger: Ledger, service: Running) -> None:
    ledger.hear(*item_planned())
    follow_up = ledger.follow_up("CL-01.arrange")
    housing = service.caller("housing-silva", "housing", "housing-essex")
    given = Assign(follow_up, "gp-okafor", "gp-mill-road")  # as it was recorded before the API asked who may see it
    ledger.dependencies.store.execute(
        AGGREGATE, f"follow-up/{follow_up.id}", given, SYSTEM_ACTOR, key="k", body={}, operation="test", creates=True
    )
    ledger.catch_up()
    visitor = service.caller("gp-adeyemi", "gp_practice", "gp-mill-road")
    assert [item["id"] for item in list_items(visitor, standard="CL-01")] == [follow_up.id]
    assert [row["standard"] for row in visitor.get("/v1/follow-ups/summary").json()["rows"]] == ["CL-01"]
    assert list_items(housing, standard="CL-01") == []


def test_an_act_on_what_is_withheld_is_answered_as_one_on_what_does_not_exist(ledger: Ledger, gp: Caller) -> None:
    ledger.hear(*item_planned())
    path = f"/v1/follow-ups/{ledger.follow_up('CL-01.arrange').id}"
    for verb, body in (
        ("acknowledged", {}),
        ("noted", {"note": "Rang."}),
        ("accepted", {}),
        ("refused", {"reason_code": "not-mine"}),
    ):
        answer = gp.post(f"{path}/{verb}", body)
        unknown = gp.post(f"/v1/follow-ups/nothing/{verb}", body)
        assert (answer.status_code, code(answer)) == (404, "not-found")
        assert answer.json()["detail"] == unknown.json()["detail"]


def test_another_team_cannot_take_on_what_is_not_theirs(ledger: Ledger, service: Running) -> None:
    follow_up_id = noted(ledger)
    visitor = service.caller("hv-pereira", "health_visitor", "hv-harwich")
    assert visitor.post(f"/v1/follow-ups/{follow_up_id}/acknowledged", {}).status_code == 201
    answer = visitor.post(f"/v1/follow-ups/{follow_up_id}/accepted", {})
    assert (answer.status_code, code(answer)) == (403, "not-yours")


def test_the_team_that_owns_it_sees_the_content_whatever_its_role(ledger: Ledger, service: Running) -> None:
    ledger.hear(*item_planned())
    worker = service.caller("lc-mental-health-greer", "mental_health_service", "leaving-care-essex")
    assert worker.get(f"/v1/follow-ups/{ledger.follow_up('CL-01.arrange').id}").json()["disclosed"] is True


def test_every_reading_of_a_person_is_entered_in_the_access_log(ledger: Ledger, gp: Caller, service: Running) -> None:
    service.database.access_log.delete_many({})
    follow_up_id = noted(ledger)
    list_items(gp)
    gp.get(f"/v1/follow-ups/{follow_up_id}")
    entries = list(service.database.access_log.find().sort("_id"))
    assert [entry["subjects"] for entry in entries] == [[f"p_{'a' * 32}"]] * 2
    assert [entry["actor"] for entry in entries] == ["gp-okafor"] * 2


# --- asked for again ----------------------------------------------------------------------------------------------


def ask_again(caller: Caller, path: str, tag: str, **query: Any) -> requests.Response:
    sent = {"Authorization": f"Bearer {caller.token}", "If-None-Match": tag}
    return requests.get(caller.url + path, params=query, headers=sent, timeout=10)


@pytest.mark.parametrize("path", ["/v1/follow-ups", "/v1/follow-ups/summary"])
def test_an_unchanged_answer_is_not_sent_again(ledger: Ledger, manager: Caller, path: str) -> None:
    noted(ledger)
    first = manager.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    again = ask_again(manager, path, tag)
    assert (again.status_code, again.content) == (304, b"")
    kept = ("ETag", "Cache-Control", "Vary")
    assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["Vary"] == "Authorization"
    assert not {"Content-Length", "Content-Type", "Transfer-Encoding"} & set(again.headers)
    assert ask_again(manager, path, f'"older", {tag}').status_code == 304
    assert ask_again(manager, path, "*").status_code == 304
    noted(ledger)
    changed = ask_again(manager, path, tag)
    assert changed.status_code == 200
    assert changed.json() == manager.get(path).json() != first.json()


@pytest.mark.parametrize("tag", ['W/"0f343b0931126a20f133d67c2b018a3b"', "7", '"', "W/*", ""])
def test_a_tag_of_another_answer_or_none_gets_the_whole_answer(ledger: Ledger, manager: Caller, tag: str) -> None:
    assert ask_again(manager, "/v1/follow-ups", tag).status_code == 200


def test_the_tag_of_one_reader_or_list_is_not_that_of_another(
    ledger: Ledger, manager: Caller, gp: Caller, housing: Caller
) -> None:
    noted(ledger)
    tag = manager.get("/v1/follow-ups").headers["ETag"]
    assert ask_again(gp, "/v1/follow-ups", tag).status_code == 200
    assert ask_again(housing, "/v1/follow-ups", tag).status_code == 200
    assert ask_again(manager, "/v1/follow-ups", tag, state="any").status_code == 200
    assert ask_again(manager, "/v1/follow-ups/summary", tag).status_code == 200


def test_what_is_refused_is_refused_whatever_tag_is_held(ledger: Ledger, gp: Caller) -> None:
    for path in ("/v1/follow-ups", "/v1/follow-ups/summary"):
        assert code(ask_again(gp, path, "*", area="norfolk")) == "wrong-area"
        assert ask_again(gp, path, "*", colour="red").status_code == 422
        assert requests.get(gp.url + path, headers={"If-None-Match": "*"}, timeout=10).status_code == 401
    assert code(ask_again(gp, "/v1/follow-ups", "*", cursor="bm90aGluZw")) == "bad-cursor"


@pytest.mark.parametrize("held", ["its tag", "*"])
def test_an_answer_that_is_not_sent_again_is_entered_in_the_access_log_all_the_same(
    ledger: Ledger, gp: Caller, service: Running, held: str
) -> None:
    noted(ledger)
    tag = gp.get("/v1/follow-ups").headers["ETag"]
    service.database.access_log.delete_many({})
    assert ask_again(gp, "/v1/follow-ups", tag if held == "its tag" else held).status_code == 304
    (entry,) = service.database.access_log.find()
    assert (entry["subjects"], entry["actor"], entry["route"]) == ([PERSON], "gp-okafor", "GET /v1/follow-ups")


def test_a_process_that_did_not_give_the_answer_finds_whom_it_shows(
    ledger: Ledger, gp: Caller, service: Running, backends: Backends
) -> None:
    """Two processes on the same database, as behind one address."""
    noted(ledger)
    tag = gp.get("/v1/follow-ups").headers["ETag"]
    address = f"127.0.0.1:{backends.ports.take(uuid4().hex)}"
    other = replace(service, url=f"http://{address}", environment={**service.environment, "HTTP_ADDRESS": address})
    with other.kept_running("serve", "http"):
        eventually(lambda: is_ready(other.url), within=30)
        service.database.access_log.delete_many({})
        assert ask_again(replace(gp, url=other.url), "/v1/follow-ups", tag).status_code == 304
    (entry,) = service.database.access_log.find()
    assert entry["subjects"] == [PERSON]


def test_the_past_and_one_follow_up_are_sent_again_as_ever(ledger: Ledger, gp: Caller) -> None:
    follow_up_id = noted(ledger)
    past = gp.get("/v1/follow-ups", team="gp-mill-road", as_of=to_text(NOW))
    one = gp.get(f"/v1/follow-ups/{follow_up_id}")
    assert "ETag" not in past.headers
    assert one.headers["ETag"] == '"0"'
    assert past.headers["Cache-Control"] == one.headers["Cache-Control"] == "no-store"
    assert ask_again(gp, f"/v1/follow-ups/{follow_up_id}", '"0"').status_code == 200


# --- one follow-up ------------------------------------------------------------------------------------------------


def test_a_follow_up_explains_itself(ledger: Ledger, gp: Caller) -> None:
    event = referral_noted(from_text("2012-12-21T10:00:00Z"))
    ledger.hear(event)
    follow_up = ledger.follow_up()
    answer = gp.get(f"/v1/follow-ups/{follow_up.reference.lower().replace('-', ' ')}")
    shown = answer.json()
    assert answer.headers["ETag"] == '"0"'
    assert shown["why"]["opened_type"] == "referral.intended.v1"
    assert shown["why"]["opened_by"] == event.id
    assert shown["why"]["skipped"] == [
        "2012-12-22 (Saturday)",
        "2012-12-23 (Sunday)",
        "2012-12-25 (Christmas Day)",
        "2012-12-26 (Boxing Day)",
    ]
    assert "2 working days" in shown["why"]["rule"]
    assert shown["why"]["rules"]["england"] == VERSIONS["england"]
    assert (shown["basis"], shown["why"]["confidence"]) == ("DES", "F")
    assert [rung["name"] for rung in shown["ladder"]] == ["owner", "practice-lead", "named-gp"]
    assert shown["ladder"][1]["tells"] == [
        {"person": "gp-okafor", "because": "gp_practice"},
        {"person": "gp-safeguarding-rahman", "because": "practice_safeguarding_lead of gp-mill-road"},
    ]
    assert shown["ladder"][2]["repeats_every"] == "10 working days"
    assert [entry["type"] for entry in shown["history"]] == ["referral.intended.v1"]


def test_chases_and_acts_stand_in_the_history_at_once(ledger: Ledger, gp: Caller, manager: Caller) -> None:
    follow_up_id = noted(ledger)
    ledger.sweep()  # its chase has not come back over the bus yet
    assert gp.post(f"/v1/follow-ups/{follow_up_id}/acknowledged", {"note": "On it."}).status_code == 201
    assert manager.post(f"/v1/follow-ups/{follow_up_id}/assigned", {"person": "gp-adeyemi"}).status_code == 201
    answer = gp.get(f"/v1/follow-ups/{follow_up_id}")
    shown = answer.json()
    assert answer.headers["ETag"] == '"3"'
    assert [entry["type"] for entry in shown["history"]] == [
        "referral.intended.v1",
        "follow_up.chased.v1",
        "follow_up.acknowledged.v1",
        "follow_up.assigned.v1",
    ]
    assert shown["history"][1]["recipients"] == ["gp-okafor", "gp-safeguarding-rahman"]
    assert shown["history"][1]["rungs"] == ["owner", "practice-lead"]
    assert shown["history"][2]["note"] == "On it."
    assert shown["owner"]["person"] == "gp-adeyemi"
    assert shown["chases"] == 1
    assert shown["ladder"][0]["chased_at"] == to_text(NOW)


@pytest.mark.parametrize(
    "said", ["FT-0000-0000-1", "0f4a3b7e-52d1-5c6a-9b8e-1d2c3f4a5b6c", "nothing", "%00", "x" * 500]
)
def test_a_follow_up_that_does_not_exist_is_not_found(gp: Caller, ledger: Ledger, said: str) -> None:
    answer = gp.get(f"/v1/follow-ups/{said}")
    assert (answer.status_code, code(answer)) == (404, "not-found")
    assert answer.json()["detail"] == "there is no such follow-up"
    answer = gp.post(f"/v1/follow-ups/{said}/acknowledged", {})
    assert (answer.status_code, code(answer)) == (404, "not-found")


def test_a_follow_up_with_acts_on_it_is_found_while_its_view_is_missing(ledger: Ledger, gp: Caller) -> None:
    follow_up_id = noted(ledger)
    assert gp.post(f"/v1/follow-ups/{follow_up_id}/acknowledged", {}).status_code == 201
    ledger.dependencies.views.collection.delete_many({})
    shown = gp.get(f"/v1/follow-ups/{follow_up_id}")
    assert (shown.status_code, shown.json()["state"]) == (200, "open")
    assert gp.post(f"/v1/follow-ups/{follow_up_id}/noted", {"note": "Rang."}).status_code == 201


def test_two_that_share_a_reference_are_told_apart_by_their_ids(ledger: Ledger, gp: Caller) -> None:
    one, other = noted(ledger), noted(ledger)
    shared = ledger.dependencies.views.collection.find_one({"_id": one})
    assert shared is not None
    ledger.dependencies.views.collection.update_one({"_id": other}, {"$set": {"reference": shared["reference"]}})
    answer = gp.get(f"/v1/follow-ups/{shared['reference']}")
    assert (answer.status_code, code(answer)) == (409, "ambiguous-reference")


# --- acts ---------------------------------------------------------------------------------------------------------


def test_an_acknowledgement_never_stops_the_ladder(ledger: Ledger, gp: Caller) -> None:
    ledger.clock.set(MONDAY)
    follow_up_id = noted(ledger)
    assert gp.post(f"/v1/follow-ups/{follow_up_id}/acknowledged", {}).status_code == 201
    ledger.days_pass("2013-01-16T17:00:00Z")
    assert len(ledger.chases()) == 1


def test_a_repeated_request_gets_the_first_answer_and_another_body_is_refused(ledger: Ledger, gp: Caller) -> None:
    follow_up_id = noted(ledger)
    path = f"/v1/follow-ups/{follow_up_id}/noted"
    first = gp.post(path, {"note": "Rang CAMHS."}, key="k")
    gp.post(path, {"note": "They rang back."})
    again = gp.post(path, {"note": "Rang CAMHS."}, key="k")
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    other = gp.post(path, {"note": "Something else."}, key="k")
    assert (other.status_code, code(other)) == (422, "key-reused")
    assert gp.get(f"/v1/follow-ups/{follow_up_id}").headers["ETag"] == '"2"'


def test_an_act_on_a_version_that_has_passed_is_refused(ledger: Ledger, gp: Caller) -> None:
    path = f"/v1/follow-ups/{noted(ledger)}/acknowledged"
    assert gp.post(path, {}, headers={"If-Match": '"0"'}).status_code == 201
    answer = gp.post(path, {}, headers={"If-Match": '"0"'})
    assert (answer.status_code, code(answer)) == (412, "stale-version")


def test_accepting_makes_one_the_owner_and_refusing_gives_it_back(ledger: Ledger, gp: Caller, service: Running) -> None:
    follow_up_id = noted(ledger)
    colleague = service.caller("gp-adeyemi", "gp_practice", "gp-mill-road")
    assert colleague.post(f"/v1/follow-ups/{follow_up_id}/accepted", {}).status_code == 201
    assert gp.get(f"/v1/follow-ups/{follow_up_id}").json()["owner"]["person"] == "gp-adeyemi"
    refusal = {"reason_code": "not-my-patient", "note": "Moved to another surgery."}
    assert colleague.post(f"/v1/follow-ups/{follow_up_id}/refused", refusal).status_code == 201
    shown = gp.get(f"/v1/follow-ups/{follow_up_id}").json()
    assert shown["owner"]["person"] == "gp-okafor"
    assert shown["refused_by"] == "gp-adeyemi"
    assert shown["history"][-1]["reason_code"] == "not-my-patient"


def test_ending_needs_a_reason_and_a_manager_and_then_nothing_more_is_expected(
    ledger: Ledger, gp: Caller, manager: Caller
) -> None:
    follow_up_id = noted(ledger)
    path = f"/v1/follow-ups/{follow_up_id}/ended"
    refused = gp.post(path, {"reason_code": "recorded_elsewhere"})
    assert (refused.status_code, code(refused)) == (403, "wrong-role")
    missing = manager.post(path, {})
    assert (missing.status_code, faulty_fields(missing)) == (422, {"reason_code"})
    assert manager.post(path, {"reason_code": "recorded_elsewhere"}).status_code == 201
    shown = gp.get(f"/v1/follow-ups/{follow_up_id}").json()
    assert (shown["state"], shown["closed_actor"], shown["closed_reason"]) == (
        "ended",
        "gp-manager-hale",
        "recorded_elsewhere",
    )
    for verb, body in (("ended", {"reason_code": "duplicate"}), ("accepted", {}), ("acknowledged", {})):
        answer = manager.post(f"/v1/follow-ups/{follow_up_id}/{verb}", body)
        assert (answer.status_code, code(answer)) == (409, "already-closed")
    ledger.days_pass("2013-03-01T12:00:00Z")
    assert ledger.chases() == []


def test_it_is_assigned_only_to_somebody_in_the_directory(ledger: Ledger, manager: Caller) -> None:
    path = f"/v1/follow-ups/{noted(ledger)}/assigned"
    answer = manager.post(path, {"person": "gp-nobody", "team": "no-team"})
    assert answer.status_code == 422
    assert faulty_fields(answer) == {"person", "team"}


def test_whoever_is_unknown_is_answered_with_the_nearest_that_exist(ledger: Ledger, manager: Caller) -> None:
    path = f"/v1/follow-ups/{noted(ledger)}/assigned"
    many, okafors = "/v1/reassignments", {"from_person": "gp-okafor"}
    answers = [
        (path, {"person": "gp-adeyemy"}, "person", "gp-adeyemi"),
        (path, {"person": "gp-adeyemi", "team": "gp-mil-road"}, "team", "gp-mill-road"),
        (many, {**okafors, "to_person": "gp-adeyemy"}, "to_person", "gp-adeyemi"),
        (many, {**okafors, "to_person": "gp-adeyemi", "team": "hv-harwch"}, "team", "hv-harwich"),
    ]
    for route, body, field, nearest in answers:
        answer = manager.post(route, body)
        assert (answer.status_code, code(answer), faulty_fields(answer)) == (422, "unknown-assignee", {field})
        assert f"is not in the directory; the nearest: {nearest}" in str(answer.json()["errors"])
    unknown = manager.post("/v1/reassignments", {"from_person": "gp-okafr", "to_person": "gp-adeyemi"})
    assert unknown.status_code == 404
    assert "gp-okafor" in unknown.json()["detail"]


def test_it_is_assigned_to_nobody_of_another_area(ledger: Ledger, manager: Caller) -> None:
    path = f"/v1/follow-ups/{noted(ledger)}/assigned"
    answer = manager.post(path, {"person": "gp-lindholm"})
    assert (answer.status_code, code(answer)) == (422, "assignee-elsewhere")
    assert faulty_fields(answer) == {"person"}
    answer = manager.post(path, {"person": "gp-adeyemi", "team": "gp-wensum"})
    assert (answer.status_code, faulty_fields(answer)) == (422, {"team"})
    answer = manager.post("/v1/reassignments", {"from_person": "gp-okafor", "to_person": "gp-lindholm"}).json()
    assert (answer["assigned"], [one["code"] for one in answer["refused"]]) == ([], ["assignee-elsewhere"])
    assert ledger.dependencies.store.collection.count_documents({"event.type": "follow_up.assigned.v1"}) == 0


def test_after_a_move_it_is_listed_in_the_new_area_and_assigned_to_somebody_there(
    ledger: Ledger, manager: Caller, service: Running
) -> None:
    there = service.caller("gp-lindholm", "gp_practice", "gp-wensum", "norfolk")
    path = f"/v1/follow-ups/{noted(ledger)}"
    assert (list_items(there), code(there.get(path))) == ([], "not-found")
    move_id = str(uuid4())
    said = {"person_id": PERSON, "move_id": move_id, "people": [PERSON], "from_area": "essex", "to_area": "norfolk"}
    said |= {"told_by": "family", "handover_needed": False}
    ledger.hear(an_event("household.moved.v1", f"move/{move_id}", said, at=SOON_DUE, subject=PERSON))
    assert "REF-01" in [item["step"] for item in list_items(there)]
    assert (there.get(path).status_code, there.get(path).json()["area"]) == (200, "essex")
    assert manager.post(f"{path}/assigned", {"person": "gp-lindholm"}).status_code == 201
    assert there.get(path).json()["owner"]["person"] == "gp-lindholm"
    lead = service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    assert code(manager.post(f"{path}/assigned", {"person": "gp-adeyemi"})) == "not-above-the-owner"
    assert lead.post(f"{path}/assigned", {"person": "gp-adeyemi"}).status_code == 201


def test_all_of_a_leavers_work_goes_to_somebody_else_and_a_repetition_answers_the_same(
    ledger: Ledger, manager: Caller
) -> None:
    ids = {noted(ledger), noted(ledger), noted(ledger)}
    noted(ledger, actor="gp-adeyemi")
    body = {"from_person": "gp-okafor", "to_person": "gp-safeguarding-rahman"}
    first = manager.post("/v1/reassignments", body, key="leaver")
    assert first.status_code == 200, first.text
    ledger.catch_up()
    assert {item["id"] for item in list_items(manager, owner="gp-safeguarding-rahman")} == ids
    assert list_items(manager, owner="gp-okafor") == []
    again = manager.post("/v1/reassignments", body, key="leaver")
    assert again.json()["assigned"] == first.json()["assigned"] == sorted(first.json()["assigned"])
    assert len(first.json()["assigned"]) == 3
    assert ledger.dependencies.store.collection.count_documents({"event.type": "follow_up.assigned.v1"}) == 3
    unknown = manager.post("/v1/reassignments", {"from_person": "gp-okafor", "to_person": "gp-nobody"})
    assert (unknown.status_code, faulty_fields(unknown)) == (422, {"to_person"})


def test_a_reviewer_only_reads(ledger: Ledger, service: Running) -> None:
    follow_up_id = noted(ledger)
    reviewer = service.caller("reviewer-thorne", "reviewer", "practice-review")
    assert reviewer.get(f"/v1/follow-ups/{follow_up_id}").status_code == 200
    for verb, body in (
        ("acknowledged", {}),
        ("noted", {"note": "x"}),
        ("accepted", {}),
        ("ended", {"reason_code": "x"}),
    ):
        assert reviewer.post(f"/v1/follow-ups/{follow_up_id}/{verb}", body).status_code == 403


# --- sums and standards -------------------------------------------------------------------------------------------


def test_the_summary_counts_by_standard_area_and_team_and_names_the_oldest(ledger: Ledger, manager: Caller) -> None:
    oldest = referral_noted(MONDAY - timedelta(days=7))
    ledger.hear(
        oldest,
        referral_noted(),
        referral_noted(SOON_DUE),
        in_norfolk(),
        referral_noted(from_text("2011-06-01T09:00:00Z"), recorded_at=MONDAY),
        *item_planned(),
    )
    rows = manager.get("/v1/follow-ups/summary").json()["rows"]
    found = {(row["standard"], row["area"], row["team"]): row for row in rows}
    essex = found["REF-01", "essex", "gp-mill-road"]
    assert (essex["open"], essex["overdue"], essex["inherited"]) == (3, 2, 1)
    assert essex["oldest"]["due_at"] < "2013-01-10"
    norfolk = found["REF-01", "norfolk", "gp-wensum"]
    assert (norfolk["open"], norfolk["overdue"], norfolk["inherited"]) == (1, 1, 0)
    assert norfolk["oldest"]["reference"] == list_items(manager, area="norfolk")[0]["reference"]
    assert found["CL-01", "essex", "leaving-care-essex"]["open"] == 3
    assert [row["area"] for row in manager.get("/v1/follow-ups/summary", area="norfolk").json()["rows"]] == ["norfolk"]


def test_the_standards_in_force_are_told_with_basis_and_source(gp: Caller, ledger: Ledger) -> None:
    answer = gp.get("/v1/standards")
    shown = answer.json()
    assert shown["area"] == "essex"
    assert shown["versions"]["essex"] == VERSIONS["essex"]
    found = {step["step"]: step for step in shown["standards"]}
    assert set(found) >= {"REF-01", "REF-02", "CL-01.arrange", "CL-01.revisit", "CL-01.fallback"}
    assert found["REF-01"]["basis"] == "DES"
    assert "Case S" in found["REF-01"]["source"]
    assert "2 working days" in found["REF-01"]["due"]
    assert found["REF-01"]["applies_from"] == "2012-01-01"
    assert [rung["when"] for rung in found["REF-01"]["ladder"]] == [
        "at the due date",
        "2 working days after the due date",
        "10 working days after the due date",
    ]
    assert found["REF-02"]["ladder"][1]["repeats_every"] == "3 working days"
    elsewhere = gp.get("/v1/standards", area="norfolk", at="2013-01-01T00:00:00Z").json()
    assert {step["step"]: step for step in elsewhere["standards"]}["REF-02"]["due"] != found["REF-02"]["due"]


def test_somebody_of_several_areas_says_which_standards_are_meant(manager: Caller, ledger: Ledger) -> None:
    answer = manager.get("/v1/standards")
    assert (answer.status_code, faulty_fields(answer)) == (422, {"area"})


def test_every_role_may_ask_but_not_without_a_token(housing: Caller, service: Running, ledger: Ledger) -> None:
    assert housing.get("/v1/follow-ups").status_code == 200
    assert Caller(service.url, "forged").get("/v1/follow-ups").status_code == 401


# --- the processes ------------------------------------------------------------------------------------------------


def test_a_noted_referral_that_arrives_on_the_bus_is_chased_by_mail_after_a_sweep(
    backends: Backends, tmp_path: Path
) -> None:
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY - timedelta(days=1))
    inbox = Inbox()
    port = backends.ports.take(uuid4().hex)
    with (
        mail_server(inbox, port),
        following(backends, tmp_path, "serve", clock=clock, smtp_port=port) as service,
        service.kept_running("relay"),
    ):
        amqp_uri = service.environment["AMQP_URI"]
        clock.set(MONDAY)
        publish(amqp_uri, EVIDENCE, referral_noted())
        gp = service.caller("gp-okafor", "gp_practice", "gp-mill-road")
        eventually(lambda: list_items(gp), within=20)
        due = from_text("2013-01-16T17:00:00Z")
        clock.set(due)
        data = {"until": to_text(due), "last": 0, "manifest": None}
        for source in ("perinatal", "leaving_care"):
            position = an_event("position.reported.v1", f"position/{source}", data, at=due, source=source)
            publish(amqp_uri, EVIDENCE, position)
        eventually(lambda: gp.get("/v1/follow-ups").json()["evidence"]["complete_until"] == to_text(due), within=20)
        publish_sweep(amqp_uri, clock)
        (mail,) = eventually(lambda: list(inbox.mails), within=20)
        assert mail["To"] == "ngozi.okafor@essex.example"
        assert "REF-01" in mail["Subject"]


@pytest.mark.parametrize("role", [["serve", "http"], ["serve"], ["adopt"]])
def test_with_a_faulty_directory_or_pack_nothing_starts_and_every_fault_is_told(
    service: Running, tmp_path: Path, role: list[str]
) -> None:
    directory = tmp_path / "directory.yaml"
    directory.write_text(DIRECTORY.read_text().replace("area: essex, role: gp_practice", "area: sussex, role: gp", 1))
    packs = tmp_path / "standards"
    packs.mkdir()
    (packs / "england.yaml").write_text("pack: england\nversion: [1]\nsteps: {}\n")
    environment = {
        **service.environment,
        "DIRECTORY_FILE": str(directory),
        "STANDARDS_DIR": str(packs),
    }
    done = subprocess.run(
        service._command(*role), env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    line = next(n for n, text in enumerate(directory.read_text().splitlines(), 1) if "sussex" in text)
    assert f"{directory}:{line}: teams[0].area: is not the id of one of the areas" in done.stderr
    assert f"{directory}:{line}: teams[0].role:" in done.stderr
    assert f"{packs / 'england.yaml'}:2: version:" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("role", "pack"),
    [(["serve", "http"], "england"), (["serve", "bus"], "england"), (["adopt"], "england"), (["adopt"], "essex")],
)
def test_with_a_pack_that_changed_under_the_version_in_force_nothing_starts(
    service: Running, tmp_path: Path, role: list[str], pack: str
) -> None:
    packs = Path(shutil.copytree(STANDARDS, tmp_path / "standards"))
    changed = packs / f"{pack}.yaml"
    text = changed.read_text()
    changed.write_text(text.replace('source: "', 'source: "Changed. ', 1))
    recorded = service.database.events.count_documents({})
    environment = {**service.environment, "STANDARDS_DIR": str(packs)}
    done = subprocess.run(
        service._command(*role), env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 2
    line = next(n for n, one in enumerate(text.splitlines(), 1) if one.startswith("version:"))
    (fault,) = [one for one in done.stderr.splitlines() if "in force" in one]
    assert fault.startswith(f"{changed}:{line}: version: pack {pack} ")
    assert "raise the version" in fault
    assert "Traceback" not in done.stderr
    assert service.database.events.count_documents({}) == recorded


def test_a_changed_calendar_is_adopted_with_the_packs_as_they_are(service: Running) -> None:
    environment = {**service.environment, "BANK_HOLIDAYS_UNTIL": "2029"}
    done = subprocess.run(
        service._command("adopt"), env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [
        ["adopted", pack] for pack in ("england", "essex", "norfolk")
    ]
