"""Over real HTTP: who ends a follow-up, who is told of it, and how it is given back."""

from __future__ import annotations

from uuid import uuid4

import pytest

from services.referrals_followup.domain.follow_up import FollowUp
from shared.contracts.words import END_REASONS, ROUTINE_END_REASONS
from shared.kernel.envelope import Event, from_text
from tests.integration.ledger import PERSON, Ledger, an_event, item_planned, referral_noted
from tests.integration.recording import Caller, Running, code, faulty_fields

NOW = from_text("2013-01-16T18:00:00Z")
REVIEWED = {"reason_code": "not_needed_after_review"}


@pytest.fixture
def ledger(whole_ledger: Ledger) -> Ledger:
    """Nothing is recorded but the rules, every source is complete, and it is a Wednesday evening."""
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


@pytest.fixture(scope="module")
def gp(service: Running) -> Caller:
    return service.caller("gp-okafor", "gp_practice", "gp-mill-road")


def noted(ledger: Ledger) -> FollowUp:
    event = referral_noted()
    ledger.hear(event)
    return ledger.follow_up("REF-01", event.stream)


def screen_recorded(actor: str = "hv-pereira") -> Event:
    """A health visitor recorded an answer about self-harm."""
    screen_id = str(uuid4())
    said = {"screen_id": screen_id, "person_id": PERSON, "tool": "epds", "score": 14, "self_harm": True}
    by = {"actor": actor, "role": "health_visitor", "team": "hv-harwich"}
    return an_event("screen.recorded.v1", f"screen/{screen_id}", said, subject=PERSON, **by)


def harmed(ledger: Ledger, actor: str = "hv-pereira") -> FollowUp:
    event = screen_recorded(actor)
    ledger.hear(event)
    return ledger.follow_up("MH-03.self-harm", event.stream)


def path(follow_up: FollowUp, verb: str = "ended") -> str:
    return f"/v1/follow-ups/{follow_up.id}/{verb}"


def digests_to(ledger: Ledger, person: str) -> int:
    return sum(digest.data["recipient"] == person for digest in ledger.digests())


def test_a_gp_practice_manager_cannot_end_health_visitings_self_harm_follow_up(
    ledger: Ledger, manager: Caller, service: Running
) -> None:
    follow_up = harmed(ledger)
    for reason in ("because", *END_REASONS):
        answer = manager.post(path(follow_up), {"reason_code": reason, "note": "Because."})
        assert answer.status_code == (422 if reason == "because" else 403)
    assert code(answer) == "not-above-the-owner"
    assert "hv-manager-ito, lead-achterberg" in answer.json()["detail"]
    assert ledger.follow_up("MH-03.self-harm").state == "open"
    theirs = service.caller("hv-manager-ito", "manager", "hv-harwich")
    assert theirs.post(path(follow_up), REVIEWED).status_code == 201
    assert theirs.get(f"/v1/follow-ups/{follow_up.id}").json()["state"] == "ended"


def test_a_reason_is_one_of_a_list_and_another_reason_needs_a_note(ledger: Ledger, manager: Caller) -> None:
    follow_up = noted(ledger)
    for body in ({}, {"reason_code": "because"}, {"reason_code": "moved-away"}):
        assert faulty_fields(manager.post(path(follow_up), body)) == {"reason_code"}
    assert faulty_fields(manager.post(path(follow_up), {"reason_code": "other"})) == {"note"}
    assert manager.post(path(follow_up), {"reason_code": "other", "note": "The practice closed."}).status_code == 201


def test_routine_reasons_do_not_end_a_guarded_follow_up(ledger: Ledger, lead: Caller) -> None:
    follow_up = harmed(ledger)
    assert lead.get(f"/v1/follow-ups/{follow_up.id}").json()["guarded"] is True
    for reason in ROUTINE_END_REASONS:
        answer = lead.post(path(follow_up), {"reason_code": reason})
        assert (answer.status_code, code(answer), faulty_fields(answer)) == (422, "guarded", {"reason_code"})
    assert lead.post(path(follow_up), REVIEWED).status_code == 201


def test_a_manager_does_not_end_what_judges_their_own_work(ledger: Ledger, lead: Caller, service: Running) -> None:
    follow_up = harmed(ledger, "hv-manager-ito")
    theirs = service.caller("hv-manager-ito", "manager", "hv-harwich")
    visitor = service.caller("hv-pereira", "health_visitor", "hv-harwich")
    assert code(theirs.post(path(follow_up), REVIEWED)) == "not-above-the-owner"
    assert visitor.post(path(follow_up, "accepted"), {}).status_code == 201
    assert code(theirs.post(path(follow_up), REVIEWED)) == "not-above-the-owner"
    assert lead.post(path(follow_up), REVIEWED).status_code == 201


def test_a_reader_outside_the_class_is_not_told_that_it_is_guarded(ledger: Ledger, service: Running) -> None:
    follow_up = harmed(ledger)
    housing = service.caller("housing-silva", "housing", "housing-essex")
    assert code(housing.get(f"/v1/follow-ups/{follow_up.id}")) == "not-found"


def test_the_owner_is_told_who_ended_it_and_may_reopen_it(ledger: Ledger, manager: Caller, gp: Caller) -> None:
    follow_up = noted(ledger)
    ledger.sweep()
    assert (len(ledger.chases()), digests_to(ledger, "gp-okafor")) == (1, 1)
    assert manager.post(path(follow_up), REVIEWED).status_code == 201
    ledger.catch_up()
    ledger.sweep()
    assert digests_to(ledger, "gp-okafor") == 2
    ledger.days_pass("2013-01-30T18:00:00Z")
    assert len(ledger.chases()) == 1
    assert gp.post(path(follow_up, "reopened"), {"note": "It was never sent."}).status_code == 201
    ledger.catch_up()
    again = ledger.follow_up()
    assert (again.state, again.due_at, again.rungs) == (follow_up.state, follow_up.due_at, follow_up.rungs)
    shown = gp.get(f"/v1/follow-ups/{follow_up.id}").json()
    assert [entry["type"].split(".")[1] for entry in shown["history"]] == ["intended", "chased", "ended", "reopened"]
    assert shown["history"][-1]["note"] == "It was never sent."
    ledger.sweep()
    assert [rung["name"] for rung in ledger.chases()[-1].data["rungs"]] == ["practice-lead", "named-gp"]
    assert code(gp.post(path(follow_up, "reopened"), {})) == "not-ended"


def test_nobody_from_outside_the_owners_line_reopens_it(
    ledger: Ledger, manager: Caller, lead: Caller, service: Running
) -> None:
    follow_up = noted(ledger)
    assert manager.post(path(follow_up), REVIEWED).status_code == 201
    stranger = service.caller("camhs-manager-osei", "manager", "camhs-essex")
    assert code(stranger.post(path(follow_up, "reopened"), {})) == "not-above-the-owner"
    assert lead.post(path(follow_up, "reopened"), {}).status_code == 201


def test_somebody_who_does_not_see_it_neither_ends_nor_reopens_it(ledger: Ledger, gp: Caller) -> None:
    ledger.hear(*item_planned())
    assert code(gp.post(path(ledger.follow_up("CL-01.arrange"), "reopened"), {})) == "not-found"


def test_an_end_from_before_the_list_of_reasons_is_read_as_it_was_recorded(ledger: Ledger, gp: Caller) -> None:
    follow_up = noted(ledger)
    said = {"follow_up_id": follow_up.id, "thread": follow_up.thread, "reason_code": "moved-away"}
    by = {"actor": "gp-manager-hale", "role": "manager", "source": "referrals_followup"}
    ledger.hear(an_event("follow_up.ended.v1", f"follow-up/{follow_up.id}", said, at=NOW, **by))
    assert [item["state"] for item in gp.get("/v1/follow-ups", state="ended").json()["items"]] == ["ended"]
    assert ledger.follow_up().closed_reason == "moved-away"
