"""A person's chronology and the past over real HTTP: who sees what, what was known when, and what became of it then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import requests
from openapi_spec_validator import OpenAPIV31SpecValidator

from services.referrals_followup.domain import as_of as pure
from services.referrals_followup.domain.chronology import WITHOUT_OUTLINE
from services.referrals_followup.domain.follow_up import AGGREGATE, Assign
from shared.contracts.access import ROLES, SYSTEM_ACTOR, WHOM_TO_ASK, may_see
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event, from_text, to_text
from shared.kernel.time import LONDON
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Ledger,
    an_event,
    item_planned,
    referral_noted,
    referral_sent,
)
from tests.integration.recording import Caller, Running, code, faulty_fields

NOW = from_text("2013-01-21T12:00:00Z")
OTHER = f"p_{'b' * 32}"
CHRONOLOGY = f"/v1/people/{PERSON}/chronology"


@pytest.fixture(scope="module")
def ledger(whole_ledger: Ledger) -> Ledger:
    return whole_ledger


@pytest.fixture(autouse=True)
def _a_monday_in_january(ledger: Ledger) -> None:
    """Every test begins with nothing recorded but the rules."""
    ledger.forget()
    ledger.clock.set(MONDAY)
    ledger.catch_up()


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("gp-manager-hale", "manager", "gp-mill-road", "essex", "norfolk")


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    return service.caller("gp-okafor", "gp_practice", "gp-mill-road")


def answered(caller: Caller, path: str, **query: Any) -> dict[str, Any]:
    answer = caller.get(path, **query)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def entries(caller: Caller, **query: Any) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = answered(caller, CHRONOLOGY, **query)["items"]
    return items


def types(found: list[dict[str, Any]]) -> list[str]:
    return [entry["type"] for entry in found]


def steps(caller: Caller, **query: Any) -> list[tuple[str, str]]:
    """What a list shows of the past: step and state."""
    return sorted((item["step"], item["state"]) for item in answered(caller, "/v1/follow-ups", **query)["items"])


def registered() -> Event:
    data = {"person_id": PERSON, "nhs_number_known": False}
    return an_event("person.registered.v1", f"person/{PERSON}", data, at=MONDAY - timedelta(hours=1), subject=PERSON)


def retracted(event: Event, at: str) -> Event:
    data = {"event_id": event.id, "reason_code": "wrong-patient"}
    instant = from_text(at)
    return an_event("record.retracted.v1", event.stream, data, at=instant, version=2, subject=event.subject)


# --- the chronology -----------------------------------------------------------------------------------------------


def test_everything_about_a_person_is_told_in_order_with_who_was_told_and_when(ledger: Ledger, manager: Caller) -> None:
    noted, (_, added) = referral_noted(), item_planned(MONDAY + timedelta(hours=1))
    ledger.hear(added, noted, registered(), referral_noted(person=OTHER))
    ledger.days_pass("2013-01-16T17:00:00Z")
    found = entries(manager)
    assert [(entry["source"], entry["type"]) for entry in found] == [
        ("perinatal", "person.registered.v1"),
        ("perinatal", "referral.intended.v1"),
        ("leaving_care", "plan_item.added.v1"),
        ("referrals_followup", "follow_up.chased.v1"),
    ]
    assert found[1] == {
        "event_id": noted.id,
        "type": "referral.intended.v1",
        "occurred_at": to_text(MONDAY),
        "occurred_on": "2013-01-14",
        "precision": "minute",
        "recorded_at": to_text(MONDAY),
        "recorded_late_by_days": 0,
        "actor": "gp-okafor",
        "role": "gp_practice",
        "team": "gp-mill-road",
        "area": "essex",
        "source": "perinatal",
        "stream": noted.stream,
        "threads": [f"person/{PERSON}", noted.stream],
        "data": dict(noted.data),
        "claim": None,
        "retracted": None,
        "disclosed": True,
        "whom_to_ask": None,
    }
    assert found[-1]["data"]["recipients"] == ["gp-okafor"]
    assert found[-1]["recorded_at"] == "2013-01-16T17:00:00.000Z"
    assert noted.stream in found[-1]["threads"]


def test_what_came_of_it_is_told_on_the_first_page(ledger: Ledger, manager: Caller) -> None:
    ledger.hear(referral_noted(), *item_planned(MONDAY + timedelta(hours=1)), referral_noted(person=OTHER))
    ledger.days_pass("2013-01-18T17:00:00Z")
    found = answered(manager, CHRONOLOGY)
    assert found["follow_ups"][0]["step"] == "REF-01"
    assert {item["step"] for item in found["follow_ups"]} == {
        "REF-01",
        "CL-01.arrange",
        "CL-01.revisit",
        "CL-01.fallback",
    }
    assert found["follow_ups"][0]["overdue_by_days"] == 2
    assert (found["person"], found["as_of"], found["left_out"]) == (PERSON, None, 0)
    assert found["evidence"]["complete_until"] >= "2013-01-18T17:00:00.000Z"


def test_pages_show_every_entry_once_and_each_page_is_entered_in_the_access_log(
    ledger: Ledger, manager: Caller, service: Running
) -> None:
    ledger.hear(*(referral_noted() for _ in range(4)), *item_planned(), registered())
    whole = entries(manager)
    service.database.access_log.delete_many({})
    pages, cursor = [], {}
    while True:
        pages.append(answered(manager, CHRONOLOGY, limit=3, **cursor))
        if pages[-1]["next"] is None:
            break
        cursor = {"cursor": pages[-1]["next"]}
    assert [entry for page in pages for entry in page["items"]] == whole
    assert [page["follow_ups"] is None for page in pages] == [False, True, True]
    log = list(service.database.access_log.find())
    assert [entry["subjects"] for entry in log] == [[PERSON]] * 3
    assert {entry["route"] for entry in log} == {"GET /v1/people/<person_id>/chronology"}


def test_a_cursor_of_another_list_or_an_unknown_field_is_refused(ledger: Ledger, manager: Caller) -> None:
    ledger.hear(referral_noted(), referral_noted())
    of_the_list = answered(manager, "/v1/follow-ups", limit=1)["next"]
    answer = manager.get(CHRONOLOGY, cursor=of_the_list)
    assert (answer.status_code, code(answer), faulty_fields(answer)) == (422, "bad-cursor", {"cursor"})
    answer = manager.get(CHRONOLOGY, colour="red", limit=0, as_of="yesterday")
    assert (answer.status_code, faulty_fields(answer)) == (422, {"colour", "limit", "as_of"})


def test_an_entry_says_how_late_it_was_recorded_and_that_it_was_struck_out(ledger: Ledger, manager: Caller) -> None:
    late = referral_noted(recorded_at=from_text("2013-01-18T09:00:00Z"))
    ledger.hear(late, retracted(late, "2013-01-19T10:00:00Z"))
    ledger.clock.set(NOW)
    struck, retraction = entries(manager)
    assert struck["recorded_late_by_days"] == 4
    assert struck["retracted"] == {
        "at": "2013-01-19T10:00:00.000Z",
        "actor": "gp-okafor",
        "role": "gp_practice",
        "team": "gp-mill-road",
        "reason_code": "wrong-patient",
    }
    assert (retraction["type"], retraction["retracted"]) == ("record.retracted.v1", None)


@pytest.mark.parametrize("person", [OTHER, "nobody", "%00", "x" * 500])
def test_somebody_nothing_is_known_of_is_not_found(ledger: Ledger, manager: Caller, person: str) -> None:
    ledger.hear(referral_noted())
    answer = manager.get(f"/v1/people/{person}/chronology")
    assert (answer.status_code, code(answer)) == (404, "not-found")


def test_the_document_of_the_api_is_valid_and_has_the_chronology(service: Running) -> None:
    document = requests.get(f"{service.url}/openapi.json", timeout=10).json()
    OpenAPIV31SpecValidator(document).validate()
    operation = document["paths"]["/v1/people/{person_id}/chronology"]["get"]
    assert {parameter["name"] for parameter in operation["parameters"]} >= {"person_id", "as_of", "limit", "cursor"}
    assert operation["x-roles"] == sorted(ROLES)


# --- who sees what ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_sees_what_is_of_its_classes_and_of_the_others_whom_to_ask(
    ledger: Ledger, service: Running, role: str
) -> None:
    noted, (assigned, added) = referral_noted(), item_planned(MONDAY + timedelta(hours=1))
    ledger.hear(registered(), noted, assigned, added)
    for day in (16, 18, 21):  # the referral is chased, the referral once more, the plan item
        ledger.days_pass(f"2013-01-{day}T17:00:00Z")
    answer = service.caller("somebody", role, "some-team").get(CHRONOLOGY)
    found = answer.json()
    classes = ["operational", "health", "leaving_care", "leaving_care", "health", "health", "leaving_care"]
    seen = [disclosure for disclosure in classes if may_see(role, disclosure)]
    assert len(found["items"]) == len(seen)
    assert found["signposts"] == sorted({WHOM_TO_ASK[one] for one in {*classes} - {*seen}})
    assert {entry["disclosed"] for entry in found["items"]} <= {True}
    assert {item["disclosed"] for item in found["follow_ups"]} <= {True}
    hidden = {
        "health": ("REF-01", "referral/", "referral.", "depression"),
        "leaving_care": ("CL-01", "plan-item", "plan_item", "counselling"),
    }
    for disclosure, words in hidden.items():
        if not may_see(role, disclosure):
            assert not [word for word in words if word in answer.text]


def test_the_team_that_made_an_entry_sees_it_whatever_its_role(ledger: Ledger, service: Running) -> None:
    ledger.hear(*item_planned())
    worker = service.caller("lc-mental-health-greer", "mental_health_service", "leaving-care-essex")
    found = answered(worker, CHRONOLOGY)
    assert (sorted(types(found["items"])), found["signposts"]) == (["adviser.assigned.v1", "plan_item.added.v1"], [])


def test_nobody_outside_the_persons_areas_reads_anything_and_no_reading_is_logged(
    ledger: Ledger, service: Running
) -> None:
    ledger.hear(referral_noted())
    service.database.access_log.delete_many({})
    for query in ({}, {"as_of": to_text(MONDAY)}):
        answer = service.caller("gp-lindholm", "gp_practice", "gp-wensum", "norfolk").get(CHRONOLOGY, **query)
        assert (answer.status_code, code(answer)) == (404, "not-found")
    assert service.database.access_log.count_documents({}) == 0


def test_of_another_area_only_whom_to_ask_is_told(ledger: Ledger, gp: Caller) -> None:
    there = referral_noted(MONDAY + timedelta(days=1), area="norfolk", actor="gp-lindholm", team="gp-wensum")
    ledger.hear(referral_noted(), there)
    for day in (16, 17):
        ledger.days_pass(f"2013-01-{day}T17:00:00Z")
    found = answered(gp, CHRONOLOGY)
    assert types(found["items"]) == ["referral.intended.v1", "follow_up.chased.v1"]
    assert found["signposts"] == ["health: contact the health visitor"]
    assert not [word for word in ("norfolk", "gp-lindholm", there.stream) if word in str(found)]
    assert [item["area"] for item in found["follow_ups"]] == ["essex"]


def moved(at: str, *people: str) -> tuple[Event, Event]:
    """A household moves from Essex to Norfolk, and three days later the handover is acknowledged there."""
    first, instant = people[0], from_text(at)
    move_id = str(uuid4())
    by = {"actor": "hv-pereira", "role": "health_visitor", "team": "hv-harwich", "subject": first}
    known = {"person_id": first, "move_id": move_id}
    household = {"people": list(people), "from_area": "essex", "to_area": "norfolk", "told_by": "family"}
    taken_over = {"reported_by": "receiver", "practitioner": "hv-castro", "team": "hv-yare"}
    return (
        an_event(
            "household.moved.v1",
            f"move/{move_id}",
            {**known, **household, "handover_needed": True},
            at=instant,
            **by,
        ),
        an_event(
            "handover.acknowledged.v1",
            f"move/{move_id}",
            {**known, **taken_over},
            at=instant + timedelta(days=3),
            version=2,
            **{**by, "actor": "hv-castro", "team": "hv-yare"},
        ),
    )


@pytest.mark.parametrize("person", [PERSON, OTHER])
def test_after_the_handover_the_new_area_sees_what_the_old_one_recorded_and_not_the_reverse(
    ledger: Ledger, service: Running, person: str
) -> None:
    """Also about those who moved along, and also of the time before."""
    ledger.hear(referral_noted(person=person))
    move, handover = moved("2013-01-16T09:00:00Z", PERSON, OTHER)
    ledger.hear(move)
    path = f"/v1/people/{person}/chronology"
    visitor = service.caller("hv-castro", "health_visitor", "hv-yare", "norfolk")
    refused = visitor.get(path)
    assert (refused.status_code, code(refused)) == (404, "not-found")
    there = from_text("2013-01-20T09:00:00Z")
    ledger.hear(handover, referral_noted(there, person=person, area="norfolk", actor="gp-lindholm", team="gp-wensum"))
    ledger.clock.set(NOW)
    found = answered(visitor, path)
    assert found["signposts"] == []
    assert "essex" in {item["area"] for item in found["follow_ups"]}
    before = answered(visitor, path, as_of="2013-01-15T09:00:00Z")
    assert [(entry["area"], entry["disclosed"]) for entry in before["items"]] == [("essex", True)]
    left = service.caller("gp-okafor", "gp_practice", "gp-mill-road").get(path).json()
    assert not [entry for entry in left["items"] if entry["area"] == "norfolk"]
    assert left["signposts"] == ["health: contact the health visitor"]


def linked(at: str, version: int, *, again: bool = False) -> Event:
    data = {"person_id": PERSON, "other_person_id": OTHER, "confirmed_by": "gp-okafor"}
    kind = "person.unlinked.v1" if again else "person.linked.v1"
    data |= {"reason_code": "two-people"} if again else {"reason": "confirmed"}
    instant = from_text(at)
    return an_event(kind, f"person/{PERSON}", data, at=instant, version=version, subject=PERSON)


def test_while_two_ids_are_linked_they_are_one_person(ledger: Ledger, manager: Caller, service: Running) -> None:
    ledger.hear(
        referral_noted(),
        referral_noted(person=OTHER),
        linked("2013-01-15T09:00:00Z", 1),
        linked("2013-01-17T09:00:00Z", 2, again=True),
    )
    ledger.clock.set(NOW)
    days = {"2013-01-15T08:00:00Z": 1, "2013-01-16T08:00:00Z": 2, "2013-01-18T08:00:00Z": 1}
    for instant, count in days.items():
        service.database.access_log.delete_many({})
        found = answered(manager, CHRONOLOGY, as_of=instant)
        assert types(found["items"]).count("referral.intended.v1") == count
        assert len(found["follow_ups"]) == count
        assert steps(manager, person=PERSON, as_of=instant) == [("REF-01", "open")] * count
        read = service.database.access_log.find_one({"route": "GET /v1/people/<person_id>/chronology"})
        assert read["subjects"] == [PERSON, OTHER][:count]
    assert steps(manager, person=OTHER) == [("REF-01", "open")]


def test_the_present_list_of_a_person_is_that_of_all_their_ids(ledger: Ledger, manager: Caller) -> None:
    ledger.hear(referral_noted(), referral_noted(person=OTHER), linked("2013-01-15T09:00:00Z", 1))
    assert len(steps(manager, person=PERSON)) == len(steps(manager, person=OTHER)) == 2


# --- as of an instant ---------------------------------------------------------------------------------------------


def test_before_a_late_fact_was_recorded_the_referral_was_overdue_and_chased(ledger: Ledger, manager: Caller) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    ledger.days_pass("2013-01-16T17:00:00Z")
    ledger.days_pass("2013-01-18T17:00:00Z")
    ledger.hear(referral_sent(noted, from_text("2013-01-15T10:00:00Z"), recorded_at=from_text("2013-01-19T09:00:00Z")))
    ledger.clock.set(NOW)
    ledger.catch_up()
    then = answered(manager, CHRONOLOGY, as_of="2013-01-18T18:00:00+01:00")
    assert types(then["items"]) == ["referral.intended.v1", "follow_up.chased.v1", "follow_up.chased.v1"]
    (stood,) = then["follow_ups"]
    assert (stood["step"], stood["state"], stood["overdue_by_days"], stood["chases"]) == ("REF-01", "open", 2, 2)
    assert stood["last_chased_at"] == then["as_of"] == "2013-01-18T17:00:00.000Z"
    assert then["evidence"]["complete_until"] > then["as_of"]
    (earlier,) = answered(manager, CHRONOLOGY, as_of="2013-01-16T16:59:00Z")["follow_ups"]
    assert (earlier["state"], earlier["overdue_by_days"], earlier["chases"]) == ("open", 0, 0)
    now = answered(manager, CHRONOLOGY)
    assert types(now["items"])[1] == "referral.sent.v1"
    assert now["items"][1]["recorded_late_by_days"] == 4
    assert [(item["step"], item["state"]) for item in now["follow_ups"]] == [("REF-01", "met"), ("REF-02", "open")]


def test_a_retraction_counts_from_when_it_was_recorded(ledger: Ledger, manager: Caller) -> None:
    noted = referral_noted()
    ledger.hear(noted, retracted(noted, "2013-01-18T09:00:00Z"))
    ledger.clock.set(NOW)
    before = answered(manager, CHRONOLOGY, as_of="2013-01-18T08:59:59.999Z")
    assert [entry["retracted"] for entry in before["items"]] == [None]
    assert before["follow_ups"][0]["state"] == "open"
    after = answered(manager, CHRONOLOGY, as_of="2013-01-18T09:00:00Z")
    assert [entry["retracted"] is None for entry in after["items"]] == [False, True]
    assert after["follow_ups"][0]["state"] == "void"


def test_before_anything_was_recorded_nothing_was_known(ledger: Ledger, manager: Caller) -> None:
    ledger.hear(referral_noted())
    before = answered(manager, CHRONOLOGY, as_of=to_text(MONDAY - timedelta(hours=1)))
    assert before["items"] == before["follow_ups"] == []
    assert steps(manager, person=PERSON, as_of=to_text(MONDAY - timedelta(hours=1))) == []


def test_the_list_of_a_person_shows_what_was_open_then(ledger: Ledger, manager: Caller) -> None:
    noted = referral_noted()
    ledger.hear(noted, referral_sent(noted, from_text("2013-01-17T10:00:00Z")), referral_noted(person=OTHER))
    ledger.clock.set(NOW)
    asked = {"person": PERSON, "as_of": "2013-01-17T09:59:00Z"}
    assert steps(manager, **asked) == [("REF-01", "open")]
    assert steps(manager, **asked, state="met") == []
    assert steps(manager, person=PERSON, as_of="2013-01-17T10:00:00Z", state="any") == [
        ("REF-01", "met"),
        ("REF-02", "open"),
    ]
    found = answered(manager, "/v1/follow-ups", **asked)
    assert (found["as_of"], found["left_out"]) == ("2013-01-17T09:59:00.000Z", 0)
    assert found["items"][0]["overdue_by_days"] == 1
    assert answered(manager, "/v1/follow-ups", person=PERSON)["as_of"] is None


def test_the_list_of_a_team_shows_what_was_theirs_before_and_after_it_was_given_away(
    ledger: Ledger, manager: Caller
) -> None:
    ledger.hear(referral_noted())
    ledger.clock.set(from_text("2013-01-15T09:00:00Z"))
    path = f"/v1/follow-ups/{ledger.follow_up().id}/assigned"
    assert manager.post(path, {"person": "hv-pereira"}).status_code == 201
    ledger.clock.set(NOW)
    ledger.catch_up()
    before, after = "2013-01-15T08:59:00Z", "2013-01-15T09:00:00Z"
    assert steps(manager, team="gp-mill-road", as_of=before) == [("REF-01", "open")]
    assert steps(manager, team="hv-harwich", as_of=before) == []
    assert steps(manager, team="gp-mill-road", as_of=after) == []
    assert steps(manager, team="hv-harwich", as_of=after, owner="hv-pereira") == [("REF-01", "open")]


def test_a_team_that_a_follow_up_is_owed_by_because_of_another_thread_of_the_person_is_found(
    ledger: Ledger, manager: Caller
) -> None:
    """The adviser's team is named by the person's adviser, not by the plan item."""
    assigned, added = item_planned()
    by_others = {"actor": "sw-petrov", "role": "social_worker", "team": "childrens-social-care-essex"}
    changed = {**by_others, "at": MONDAY, "source": "leaving_care", "subject": PERSON}
    ledger.hear(
        an_event(assigned.type, assigned.stream, dict(assigned.data), **changed),
        an_event(added.type, added.stream, dict(added.data), **changed),
    )
    present = steps(manager, team="leaving-care-essex")
    assert present
    assert steps(manager, team="leaving-care-essex", as_of=to_text(MONDAY)) == present


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"state": "any"},
        {"state": "met"},
        {"standard": "REF-01"},
        {"step": "CL-01.revisit"},
        {"area": "norfolk"},
        {"owner": "gp-adeyemi"},
        {"inherited": "true", "state": "any"},
        {"inherited": "false"},
        {"overdue_by_days": "0"},
        {"overdue_by_days": "5"},
        *({"sort": sort, "state": "any"} for sort in ("due_at", "-due_at", "opened_at", "-opened_at", "-standard")),
    ],
    ids=str,
)
@pytest.mark.parametrize("of", [{"person": PERSON}, {"team": "gp-mill-road"}, {"team": "leaving-care-essex"}], ids=str)
def test_as_of_now_a_list_is_the_present_list(
    ledger: Ledger, manager: Caller, of: dict[str, str], query: dict[str, str]
) -> None:
    sent = referral_noted(MONDAY - timedelta(days=3))
    ledger.hear(
        sent,
        referral_sent(sent, MONDAY - timedelta(days=2)),
        referral_noted(),
        referral_noted(actor="gp-adeyemi"),
        referral_noted(person=OTHER),
        referral_noted(area="norfolk"),
        referral_noted(from_text("2011-06-01T09:00:00Z"), recorded_at=MONDAY),
        *item_planned(),
    )
    ledger.days_pass("2013-01-21T17:00:00Z")
    present = answered(manager, "/v1/follow-ups", **of, **query)
    as_it_stood = answered(manager, "/v1/follow-ups", **of, **query, as_of="2013-01-21T17:00:00Z")
    assert as_it_stood["items"] == present["items"]
    shown: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = answered(manager, "/v1/follow-ups", **of, **query, as_of="2013-01-21T17:00:00Z", limit=2, **cursor)
        shown += page["items"]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert shown == present["items"]


def test_the_past_is_not_shown_to_other_areas_nor_outside_the_class(ledger: Ledger, gp: Caller) -> None:
    ledger.hear(*item_planned(), referral_noted(area="norfolk"))
    past = {"team": "leaving-care-essex", "as_of": to_text(MONDAY)}
    assert answered(gp, "/v1/follow-ups", **past)["items"] == []
    answer = gp.get("/v1/follow-ups", **past, area="norfolk")
    assert (answer.status_code, code(answer)) == (403, "wrong-area")


@pytest.mark.parametrize(
    "query",
    [
        {"person": PERSON},
        {"person": PERSON, "step": "CL-01.revisit"},
        {"team": "leaving-care-essex", "standard": "CL-01"},
        {"team": "leaving-care-essex", "sort": "standard"},
    ],
    ids=str,
)
def test_of_the_past_as_of_the_present_only_what_is_disclosed_is_found_by_what_it_is_about(
    ledger: Ledger, gp: Caller, manager: Caller, query: dict[str, str]
) -> None:
    ledger.hear(*item_planned(), referral_noted())
    assert len(steps(manager, **query)) > len(steps(gp, **query))
    present = answered(gp, "/v1/follow-ups", **query)["items"]
    assert answered(gp, "/v1/follow-ups", **query, as_of=to_text(MONDAY))["items"] == present
    assert {item["standard"] for item in present} == ({"REF-01"} if query == {"person": PERSON} else set())


def test_the_past_is_of_somebody_and_does_not_lie_ahead(ledger: Ledger, manager: Caller) -> None:
    ledger.hear(referral_noted())
    of_nobody = manager.get("/v1/follow-ups", as_of=to_text(MONDAY), limit=0)
    assert (of_nobody.status_code, faulty_fields(of_nobody)) == (422, {"as_of", "limit"})
    ahead = to_text(MONDAY + timedelta(milliseconds=1))
    for path, query in (
        ("/v1/follow-ups", {"team": "gp-mill-road"}),
        (CHRONOLOGY, {}),
        (f"/v1/follow-ups/{ledger.follow_up().id}", {}),
    ):
        answer = manager.get(path, **query, as_of=ahead)
        assert (answer.status_code, code(answer), faulty_fields(answer)) == (422, "in-the-future", {"as_of"})


def test_one_follow_up_is_explained_as_it_was_known_then(ledger: Ledger, manager: Caller, gp: Caller) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    ledger.days_pass("2013-01-16T17:00:00Z")
    follow_up = ledger.follow_up()
    path = f"/v1/follow-ups/{follow_up.reference}"
    ledger.clock.set(from_text("2013-01-17T09:00:00Z"))
    assert gp.post(f"{path}/acknowledged", {"note": "On it."}).status_code == 201
    ledger.hear(referral_sent(noted, from_text("2013-01-17T10:00:00Z")))
    ledger.clock.set(NOW)
    then = gp.get(path, as_of="2013-01-16T18:00:00Z")
    shown = then.json()
    assert (shown["state"], shown["closed_at"], shown["version"]) == ("open", None, 1)
    assert "ETag" not in then.headers
    assert types(shown["history"]) == ["referral.intended.v1", "follow_up.chased.v1"]
    assert shown["acknowledged_by"] is None
    assert [rung["chased_at"] is not None for rung in shown["ladder"]] == [True, False, False]
    assert shown["why"]["opened_by"] == noted.id
    assert shown["as_of"] == "2013-01-16T18:00:00.000Z"
    now = gp.get(path)
    assert (now.json()["state"], now.json()["as_of"], now.headers["ETag"]) == ("met", None, '"2"')
    assert types(now.json()["history"])[2:] == ["follow_up.acknowledged.v1", "referral.sent.v1"]
    before = gp.get(path, as_of=to_text(MONDAY - timedelta(minutes=1)))
    assert (before.status_code, code(before)) == (404, "not-found")


def test_of_the_past_a_reader_sees_what_they_may_see_today(ledger: Ledger, manager: Caller, service: Running) -> None:
    """A team that was given a follow-up, and from which it was taken back, sees nothing of it any more."""
    ledger.hear(*item_planned())
    follow_up = ledger.follow_up("CL-01.arrange")
    path, gp = f"/v1/follow-ups/{follow_up.id}", service.caller("gp-okafor", "gp_practice", "gp-mill-road")
    ledger.clock.set(from_text("2013-01-15T09:00:00Z"))
    given = Assign(follow_up, "gp-okafor", "gp-mill-road")  # as it was recorded before the API asked who may see it
    ledger.dependencies.store.execute(
        AGGREGATE, f"follow-up/{follow_up.id}", given, SYSTEM_ACTOR, key="k", body={}, operation="test", creates=True
    )
    ledger.catch_up()
    then = "2013-01-15T10:00:00Z"
    ledger.clock.set(from_text(then))
    of_person, of_team = {"person": PERSON, "as_of": then}, {"team": "gp-mill-road", "as_of": then}
    assert gp.get(path, as_of=then).status_code == 200
    assert steps(gp, **of_person) == steps(gp, **of_team) == [("CL-01.arrange", "open")]
    assert "follow_up.assigned.v1" in types(entries(gp, as_of=then))
    ledger.clock.set(from_text("2013-01-16T09:00:00Z"))
    lead = service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")
    assert lead.post(f"{path}/assigned", {"person": "pa-lindqvist"}).status_code == 201
    ledger.catch_up()
    ledger.clock.set(NOW)
    assert gp.get(path, as_of=then).status_code == gp.get(path).status_code == 404
    assert steps(gp, **of_person) == steps(gp, **of_team) == steps(gp, person=PERSON) == []
    told = answered(gp, CHRONOLOGY, as_of=then)
    assert (told["items"], told["follow_ups"], told["signposts"]) == ([], [], ["leaving care: contact the PA"])
    assert steps(manager, **of_team) == [("CL-01.arrange", "open")]
    assert gp.get("/v1/follow-ups", **of_person).json()["signposts"] == ["leaving care: contact the PA"]


def test_an_instant_before_anything_was_withheld_does_not_tell_since_when_it_is(ledger: Ledger, gp: Caller) -> None:
    ledger.hear(registered(), *item_planned())
    ledger.clock.set(NOW)
    before, after = (answered(gp, CHRONOLOGY, as_of=to_text(MONDAY + timedelta(minutes=one))) for one in (-30, 30))
    assert {**before, "as_of": None} == {**after, "as_of": None}
    assert before["signposts"] == ["leaving care: contact the PA"]


def test_somebody_who_recorded_one_concern_sees_their_own_record_and_no_outline(
    ledger: Ledger, service: Running, gp: Caller
) -> None:
    concern_id, by = str(uuid4()), {"actor": "ey-jansen", "role": "early_years", "team": "little-oaks"}
    said = {"concern_id": concern_id, "person_id": PERSON, "kind": "neglect", "seen": True}
    raised = an_event("concern.raised.v1", f"concern/{concern_id}", said, subject=PERSON, **by)
    elsewhere = {"actor": "gp-lindholm", "team": "gp-wensum", "area": "norfolk"}
    alone = {"items": ["concern.raised.v1"], "signposts": [WITHOUT_OUTLINE], "left_out": 0}
    nursery = service.caller("ey-jansen", "early_years", "little-oaks")

    def outline() -> dict[str, Any]:
        told = answered(nursery, CHRONOLOGY)
        return {"items": types(told["items"]), "signposts": told["signposts"], "left_out": told["left_out"]}

    ledger.hear(raised)
    assert outline() == alone
    ledger.hear(referral_noted(**elsewhere), referral_noted(**elsewhere))
    assert outline() == alone
    assert answered(gp, CHRONOLOGY)["signposts"] == ["health: contact the health visitor"]


# --- what it costs, and what cannot be folded ---------------------------------------------------------------------


def test_the_list_of_a_team_reads_the_events_of_that_team_only(ledger: Ledger) -> None:
    ledger.hear(*(referral_noted(actor="gp-lindholm", team="gp-wensum") for _ in range(30)), referral_noted())
    wanted = {"teams": "gp-mill-road", "event.recordedat": {"$lte": NOW}}
    stats = ledger.dependencies.database.evidence.find(wanted).explain()["executionStats"]
    assert (stats["nReturned"], stats["totalDocsExamined"]) == (1, 1)


def test_the_system_is_no_team_however_much_it_chases(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass("2013-01-16T17:00:00Z")
    teams = ledger.dependencies.database.evidence.distinct("teams", {"event.type": "follow_up.chased.v1"})
    assert teams == []


def test_a_thread_that_cannot_be_folded_is_counted_and_stops_no_others(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, broken = referral_noted(), referral_noted()
    ledger.hear(sound, broken)
    real = pure.fold

    def fold(rules: Any, thread: str, evidence: Any) -> Any:
        if thread == broken.stream:
            raise TypeError
        return real(rules, thread, evidence)

    monkeypatch.setattr(pure, "fold", fold)
    actor = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))
    query = {"team": "gp-mill-road", "as_of": MONDAY, "state": "open", "sort": "due_at", "limit": 50}
    found = ledger.dependencies.past_follow_ups.list_page(actor, query)
    assert [item["thread"] for item in found["items"]] == [sound.stream]
    assert found["left_out"] == 1
    outsider = Actor("housing-silva", "housing", "housing-essex", ("essex",))
    assert ledger.dependencies.past_follow_ups.list_page(outsider, query)["left_out"] == 0


def test_a_plain_day_is_the_end_of_that_day_in_london(ledger: Ledger, manager: Caller) -> None:
    noted = referral_noted()
    ledger.hear(noted, referral_sent(noted, from_text("2013-01-17T10:00:00Z")))
    ledger.clock.set(NOW)
    on_the_day = answered(manager, "/v1/follow-ups", person=PERSON, as_of="2013-01-17", state="any")
    assert on_the_day["as_of"] == "2013-01-17T23:59:59.999Z"
    assert [(item["step"], item["state"]) for item in on_the_day["items"]] == [("REF-01", "met"), ("REF-02", "open")]
    assert steps(manager, person=PERSON, as_of="2013-01-16") == [("REF-01", "open")]
    today = NOW.astimezone(LONDON).date()
    assert answered(manager, "/v1/follow-ups", person=PERSON, as_of=today.isoformat())["as_of"] == to_text(NOW)
    assert answered(manager, CHRONOLOGY, as_of=today.isoformat())["as_of"] is None
    tomorrow = manager.get(CHRONOLOGY, as_of=(today + timedelta(days=1)).isoformat())
    assert (tomorrow.status_code, faulty_fields(tomorrow)) == (422, {"as_of"})
    assert to_text(NOW) in tomorrow.json()["errors"][0]["message"]


@pytest.mark.parametrize("said", ["2013-01-32", "2013-02-30", "2013-01-17T10:00:00", "17.01.2013"])
def test_what_is_neither_a_day_nor_an_instant_is_refused_and_says_what_is(manager: Caller, said: str) -> None:
    (fault,) = manager.get(CHRONOLOGY, as_of=said).json()["errors"]
    assert "day" in fault["message"]


def test_a_plus_that_arrived_as_a_blank_is_explained(manager: Caller) -> None:
    answer = requests.get(
        f"{manager.url}{CHRONOLOGY}?as_of=2013-01-17T10:00:00+01:00",
        headers={"Authorization": f"Bearer {manager.token}"},
        timeout=10,
    )
    (fault,) = answer.json()["errors"]
    assert "%2B" in fault["message"]


def test_an_entry_that_is_known_by_its_day_reads_back_as_that_day(ledger: Ledger, manager: Caller) -> None:
    noted = referral_noted(from_text("2012-09-30T23:00:00Z"), recorded_at=MONDAY)
    ledger.hear(replace(noted, precision="day"))
    ledger.clock.set(NOW)
    (entry,) = answered(manager, CHRONOLOGY)["items"]
    assert (entry["occurred_at"], entry["occurred_on"]) == ("2012-09-30T23:00:00.000Z", "2012-10-01")
