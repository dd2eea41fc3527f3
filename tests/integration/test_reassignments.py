"""Over real HTTP: to whom follow-ups are given, by whom, and how that is undone."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from services.referrals_followup.domain.follow_up import FollowUp
from shared.kernel.envelope import from_text
from tests.integration.ledger import Ledger, item_planned, referral_noted
from tests.integration.recording import Caller, Running, code, faulty_fields

NOW = from_text("2013-01-14T12:00:00Z")
ALL = "/v1/reassignments"


@pytest.fixture
def ledger(whole_ledger: Ledger) -> Ledger:
    """Nothing is recorded but the rules, and every source is complete."""
    whole_ledger.forget()
    whole_ledger.clock.set(NOW)
    whole_ledger.catch_up()
    return whole_ledger


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("gp-manager-hale", "manager", "gp-mill-road")


@pytest.fixture(scope="module")
def lead(service: Running) -> Caller:
    return service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")


def noted(ledger: Ledger, actor: str = "gp-okafor") -> FollowUp:
    event = referral_noted(actor=actor)
    ledger.hear(event)
    return ledger.follow_up("REF-01", event.stream)


def reassign(caller: Caller, from_person: str, to_person: str, **more: Any) -> dict[str, Any]:
    answer = caller.post(ALL, {"from_person": from_person, "to_person": to_person, **more})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def owner(ledger: Ledger, follow_up: FollowUp) -> str | None:
    ledger.catch_up()
    view = ledger.dependencies.views.collection.find_one({"_id": follow_up.id})
    assert view is not None
    found: str | None = view["owner_person"]
    return found


def count_acts(ledger: Ledger) -> int:
    return ledger.dependencies.store.collection.count_documents({"event.stream": {"$regex": "^follow-up/"}})


def test_a_personal_advisers_work_is_not_given_to_a_gp_who_may_neither_see_nor_do_it(
    ledger: Ledger, lead: Caller
) -> None:
    ledger.hear(*item_planned())
    theirs = noted(ledger, actor="pa-lindqvist")
    done = reassign(lead, "pa-lindqvist", "gp-adeyemi")
    assert done["assigned"] == [theirs.reference]
    assert {one["code"] for one in done["refused"]} == {"assignee-may-not-see-it"}
    items = [ledger.follow_up(f"CL-01.{step}") for step in ("arrange", "revisit", "fallback")]
    assert [one["reference"] for one in done["refused"]] == sorted(item.reference for item in items)
    assert all(
        item.reference in one["reason"]
        for one, item in zip(done["refused"], sorted(items, key=lambda item: item.reference), strict=True)
    )
    one = lead.post(f"/v1/follow-ups/{items[0].id}/assigned", {"person": "gp-adeyemi"})
    assert (one.status_code, code(one), faulty_fields(one)) == (422, "assignee-may-not-see-it", {"person"})


def test_it_is_not_given_to_somebody_whose_role_may_not_do_it(ledger: Ledger, lead: Caller) -> None:
    follow_up = noted(ledger)
    answer = lead.post(f"/v1/follow-ups/{follow_up.id}/assigned", {"person": "camhs-triage-novak"})
    assert answer.status_code == 201  # of that service, so it may take part in a referral
    ledger.hear(*item_planned())
    item = ledger.follow_up("CL-01.arrange")
    answer = lead.post(f"/v1/follow-ups/{item.id}/assigned", {"person": "fd-laurent"})
    assert (answer.status_code, code(answer)) == (422, "assignee-may-not-do-it")
    assert lead.post(f"/v1/follow-ups/{item.id}/assigned", {"person": "lc-mental-health-greer"}).status_code == 201


def test_only_the_owners_line_and_the_areas_leads_give_it_to_somebody_else(
    ledger: Ledger, manager: Caller, lead: Caller, service: Running
) -> None:
    follow_up = noted(ledger)
    stranger = service.caller("hv-manager-ito", "manager", "hv-harwich")
    body = {"person": "gp-adeyemi"}
    answer = stranger.post(f"/v1/follow-ups/{follow_up.id}/assigned", body)
    assert (answer.status_code, code(answer)) == (403, "not-above-the-owner")
    assert "gp-manager-hale, lead-achterberg" in answer.json()["detail"]
    assert [one["code"] for one in reassign(stranger, "gp-okafor", "gp-adeyemi")["refused"]] == ["not-above-the-owner"]
    taken = stranger.post(f"/v1/follow-ups/{follow_up.id}/accepted", {})
    assert (taken.status_code, code(taken)) == (403, "not-yours")
    assert owner(ledger, follow_up) == "gp-okafor"
    assert manager.post(f"/v1/follow-ups/{follow_up.id}/assigned", body).status_code == 201
    assert lead.post(f"/v1/follow-ups/{follow_up.id}/assigned", {"person": "gp-okafor"}).status_code == 201


def test_a_preview_says_what_would_be_and_records_nothing(ledger: Ledger, lead: Caller) -> None:
    ledger.hear(*item_planned())
    noted(ledger, actor="pa-lindqvist")
    shown = reassign(lead, "pa-lindqvist", "gp-adeyemi", preview=True)
    assert count_acts(ledger) == 0
    done = reassign(lead, "pa-lindqvist", "gp-adeyemi")
    assert count_acts(ledger) == 1
    assert [shown[name] for name in ("assigned", "refused")] == [done[name] for name in ("assigned", "refused")]
    assert (len(done["assigned"]), len(done["refused"])) == (1, 3)


def test_a_reassignment_from_somebody_nobody_knows_is_not_found(ledger: Ledger, lead: Caller) -> None:
    answer = lead.post(ALL, {"from_person": "gp-nobody", "to_person": "gp-adeyemi"})
    assert (answer.status_code, code(answer)) == (404, "not-found")
    noted(ledger, actor="gp-locum")  # who is not in the directory, and owns something
    assert len(reassign(lead, "gp-locum", "gp-adeyemi")["assigned"]) == 1
    assert reassign(lead, "gp-okafor", "gp-adeyemi")["assigned"] == []  # who is, and owns nothing


def test_a_reassignment_is_undone_and_leaves_the_receivers_own_and_what_was_moved_since(
    ledger: Ledger, manager: Caller, lead: Caller
) -> None:
    own, given, taken, moved = noted(ledger, "gp-adeyemi"), noted(ledger), noted(ledger), noted(ledger)
    assert lead.post(f"/v1/follow-ups/{moved.id}/assigned", {"person": "gp-okafor"}).status_code == 201
    ledger.catch_up()
    batch = reassign(manager, "gp-okafor", "gp-adeyemi")
    assert len(batch["assigned"]) == 3
    assert {owner(ledger, one) for one in (own, given, taken, moved)} == {"gp-adeyemi"}
    by = {"person": "gp-safeguarding-rahman"}
    assert manager.post(f"/v1/follow-ups/{taken.id}/assigned", by).status_code == 201
    ledger.catch_up()
    undone = manager.post(f"{ALL}/{batch['id']}/undone", {}, key="back")
    assert undone.status_code == 200, undone.text
    assert undone.json()["given_back"] == sorted([given.reference, moved.reference])
    assert [(one["reference"], one["code"]) for one in undone.json()["refused"]] == [(taken.reference, "moved-since")]
    owners = [owner(ledger, one) for one in (own, given, taken, moved)]
    assert owners == ["gp-adeyemi", "gp-okafor", "gp-safeguarding-rahman", "gp-okafor"]
    again = manager.post(f"{ALL}/{batch['id']}/undone", {}, key="back")
    assert again.json()["given_back"] == undone.json()["given_back"]
    assert {one["code"] for one in manager.post(f"{ALL}/{batch['id']}/undone", {}).json()["refused"]} == {"moved-since"}
    assert [owner(ledger, one) for one in (own, given, taken, moved)] == owners


def test_what_is_given_back_goes_on_with_what_the_facts_say(ledger: Ledger, manager: Caller) -> None:
    follow_up = noted(ledger)
    batch = reassign(manager, "gp-okafor", "gp-adeyemi")
    ledger.catch_up()
    assert manager.post(f"{ALL}/{batch['id']}/undone", {}).status_code == 200
    ledger.catch_up()
    view = ledger.dependencies.views.collection.find_one({"_id": follow_up.id})
    assert view is not None
    assert (view["acts"].get("assigned_person"), view["acts"].get("given_team")) == (None, None)


def test_only_a_reassignment_of_ones_areas_is_undone(ledger: Ledger, manager: Caller, service: Running) -> None:
    noted(ledger)
    batch = reassign(manager, "gp-okafor", "gp-adeyemi")
    elsewhere = service.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", "norfolk")
    for path in (f"{ALL}/{batch['id']}/undone", f"{ALL}/{uuid4()}/undone"):
        answer = elsewhere.post(path, {})
        assert (answer.status_code, code(answer)) == (404, "not-found")
    stranger = service.caller("hv-manager-ito", "manager", "hv-harwich")
    undone = stranger.post(f"{ALL}/{batch['id']}/undone", {}).json()
    assert (undone["given_back"], [one["code"] for one in undone["refused"]]) == ([], ["not-above-the-owner"])
