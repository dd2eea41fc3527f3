"""Over real HTTP: a follow-up and a chronology show the claims that bear on them, to whoever may see the entries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.kernel.decisions import CLAIM_CONFIRMED, CLAIM_REJECTED
from shared.kernel.envelope import CIRCLE, NONE, Event, from_text, to_text
from tests.integration.ledger import MONDAY, PERSON, Ledger, an_event
from tests.integration.recording import Caller, Running

NOW = from_text("2013-01-16T18:00:00Z")
SCREEN = str(uuid4())
STREAM = f"screen/{SCREEN}"


@pytest.fixture
def ledger(whole_ledger: Ledger) -> Ledger:
    """A health visitor recorded an answer about self-harm, and a stranger that it was followed up."""
    whole_ledger.forget()
    whole_ledger.clock.set(NOW)
    whole_ledger.catch_up()
    said = {"screen_id": SCREEN, "person_id": PERSON, "tool": "epds", "score": 14, "self_harm": True}
    by = {"actor": "hv-pereira", "role": "health_visitor", "team": "hv-harwich", "subject": PERSON}
    whole_ledger.hear(replace(an_event("screen.recorded.v1", STREAM, said, **by), standing=CIRCLE))
    return whole_ledger


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


def followed_up() -> Event:
    said = {"screen_id": SCREEN, "person_id": PERSON, "outcome": "no_further", "assessed_by": "nobody"}
    at = MONDAY + timedelta(hours=3)
    by = {"actor": "midwife-elsewhere", "role": "midwife", "team": "midwifery-bure", "subject": PERSON, "version": 2}
    return replace(an_event("screen.followed_up.v1", STREAM, said, at=at, **by), standing=NONE)


def answer(claim: Event, event_type: str) -> Event:
    said = {"event_id": claim.id, **({"reason_code": "not_so"} if event_type == CLAIM_REJECTED else {})}
    at = MONDAY + timedelta(hours=4)
    by = {"actor": "hv-manager-ito", "role": "manager", "team": "hv-harwich", "subject": PERSON, "version": 3}
    return replace(an_event(event_type, claim.stream, said, at=at, **by), standing=CIRCLE)


def claims(caller: Caller, follow_up_id: str, **query: Any) -> list[dict[str, Any]]:
    found = caller.get(f"/v1/follow-ups/{follow_up_id}", **query)
    assert found.status_code == 200, found.text
    shown: list[dict[str, Any]] = found.json()["claims"]
    return shown


def entry_of(caller: Caller, event: Event) -> dict[str, Any]:
    items = caller.get(f"/v1/people/{PERSON}/chronology").json()["items"]
    (found,) = (item for item in items if item["event_id"] == event.id)
    return dict(found)


def test_a_follow_up_shows_who_claims_what_about_it_since_when_and_how_it_is_answered(
    ledger: Ledger, visitor: Caller
) -> None:
    follow_up = ledger.follow_up("MH-03.self-harm")
    assert claims(visitor, follow_up.id) == []
    claim = followed_up()
    ledger.hear(claim)
    (shown,) = claims(visitor, follow_up.id)
    assert shown.pop("confirm").endswith(f"/v1/screens/{SCREEN}/claims/confirmed")
    assert shown.pop("reject").endswith(f"/v1/screens/{SCREEN}/claims/rejected")
    who = {"role": "midwife", "team": "midwifery-bure", "since": to_text(claim.recorded_at)}
    assert shown == {"event_id": claim.id, "type": claim.type, "would": "close", **who}
    assert ledger.follow_up("MH-03.self-harm").state == "open"
    question = ledger.dependencies.views.collection.find_one({"step": "DATA-02.lowers", "on": follow_up.reference})
    assert question is not None
    assert [one["event_id"] for one in claims(visitor, question["_id"])] == [claim.id]
    assert visitor.get(f"/v1/follow-ups/{question['_id']}").json()["why"]["would"] == "close"
    before = to_text(claim.recorded_at - timedelta(minutes=1))
    assert claims(visitor, follow_up.id, as_of=before) == []


@pytest.mark.parametrize(
    ("event_type", "said", "state"),
    [(CLAIM_CONFIRMED, "confirmed", "met"), (CLAIM_REJECTED, "rejected", "open")],
)
def test_a_chronology_says_of_an_entry_that_it_is_a_claim_and_how_it_was_answered(
    ledger: Ledger, visitor: Caller, event_type: str, said: str, state: str
) -> None:
    claim = followed_up()
    ledger.hear(claim)
    assert entry_of(visitor, claim)["claim"] == "waiting"
    ledger.hear(answer(claim, event_type))
    assert entry_of(visitor, claim)["claim"] == said
    assert ledger.follow_up("MH-03.self-harm").state == state
    assert claims(visitor, ledger.follow_up("MH-03.self-harm").id) == []
    assert visitor.get(f"/v1/people/{PERSON}/chronology").json()["items"][0]["claim"] is None


def test_a_claim_that_a_reader_may_not_see_is_not_shown_to_them(ledger: Ledger, service: Running) -> None:
    ledger.hear(followed_up())
    adviser = service.caller("pa-lindqvist", "personal_adviser", "leaving-care-essex")
    question = ledger.follow_up("DATA-02.lowers")
    for follow_up in (ledger.follow_up("MH-03.self-harm"), question):
        assert adviser.get(f"/v1/follow-ups/{follow_up.id}").status_code == 404
