"""Over real HTTP: a follow-up says what this reader may do with it, and where what would meet it is recorded."""

from __future__ import annotations

from typing import Any

import pytest

from services.referrals_followup.api.follow_ups import ONE, FollowUpRoutes
from services.referrals_followup.domain.follow_up import FollowUp
from shared.kernel.envelope import from_text
from shared.web.endpoint import endpoints_of
from tests.integration.ledger import Ledger, referral_noted
from tests.integration.recording import Caller, Running

NOW = from_text("2013-01-16T18:00:00Z")
BODIES: dict[str, dict[str, Any]] = {
    "noted": {"note": "rang them"},
    "assigned": {"person": "gp-okafor"},
    "refused": {"reason_code": "not_ours"},
    "ended": {"reason_code": "not_needed_after_review"},
}
ACTS = [one.url.rpartition("/")[2] for _, one in endpoints_of(FollowUpRoutes) if one.url.startswith(f"{ONE}/")]


@pytest.fixture
def ledger(whole_ledger: Ledger) -> Ledger:
    whole_ledger.forget()
    whole_ledger.clock.set(NOW)
    whole_ledger.catch_up()
    return whole_ledger


@pytest.fixture(scope="module")
def callers(service: Running) -> dict[str, Caller]:
    return {
        "gp": service.caller("gp-okafor", "gp_practice", "gp-mill-road"),
        "manager": service.caller("gp-manager-hale", "manager", "gp-mill-road"),
        "lead": service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex"),
        "another team": service.caller("hv-sato", "health_visitor", "hv-harwich"),
        "reviewer": service.caller("reviewer-one", "reviewer", "partnership-essex"),
    }


def noted(ledger: Ledger) -> FollowUp:
    event = referral_noted()
    ledger.hear(event)
    return ledger.follow_up("REF-01", event.stream)


def ended(ledger: Ledger, lead: Caller) -> FollowUp:
    follow_up = noted(ledger)
    assert lead.post(f"/v1/follow-ups/{follow_up.id}/ended", BODIES["ended"]).status_code == 201
    return follow_up


def next_of(caller: Caller, follow_up: FollowUp, **query: str) -> dict[str, dict[str, Any]]:
    answer = caller.get(f"/v1/follow-ups/{follow_up.id}", **query)
    assert answer.status_code == 200, answer.text
    return {one["address"]: one for one in answer.json()["next"]}


def test_a_follow_up_says_where_what_meets_it_is_recorded(ledger: Ledger, callers: dict[str, Caller]) -> None:
    follow_up = noted(ledger)
    sent = f"http://perinatal.example/v1/{follow_up.thread.replace('referral/', 'referrals/')}/sent"
    following = next_of(callers["gp"], follow_up)
    assert following[sent] == {"verb": "POST", "title": "Referral sent", "address": sent}
    assert sent not in next_of(callers["manager"], follow_up), "a manager marks no referral as sent"


def test_an_act_says_its_body_and_what_that_needs(ledger: Ledger, callers: dict[str, Caller]) -> None:
    follow_up = noted(ledger)
    assigned = next_of(callers["manager"], follow_up)[f"/v1/follow-ups/{follow_up.id}/assigned"]
    assert assigned["body"] == "AssignedBody"
    assert assigned["needs"] == [{"field": "person", "title": "Give it to"}]


@pytest.mark.parametrize("who", ["gp", "manager", "lead", "another team", "reviewer"])
@pytest.mark.parametrize("state", ["open", "ended"])
def test_exactly_the_acts_that_are_named_are_accepted(
    ledger: Ledger, callers: dict[str, Caller], who: str, state: str
) -> None:
    caller = callers[who]
    for act in ACTS:
        follow_up = noted(ledger) if state == "open" else ended(ledger, callers["lead"])
        address = f"/v1/follow-ups/{follow_up.id}/{act}"
        is_named = address in next_of(caller, follow_up)
        answer = caller.post(address, BODIES.get(act, {}))
        assert (answer.status_code == 201) == is_named, f"{act}: {answer.text}"


def test_a_closed_follow_up_asks_nobody_to_record_anything(ledger: Ledger, callers: dict[str, Caller]) -> None:
    follow_up = ended(ledger, callers["lead"])
    assert all(address.startswith("/v1/follow-ups/") for address in next_of(callers["gp"], follow_up))


def test_the_past_has_nothing_that_may_follow(ledger: Ledger, callers: dict[str, Caller]) -> None:
    follow_up = noted(ledger)
    assert next_of(callers["gp"], follow_up, as_of="2013-01-15") == {}
