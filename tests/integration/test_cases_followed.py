"""From the act to the chronology and the digest: what is recorded of cases and actions reaches who has to act."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from tests.integration.ledger import MONDAY, PERSON, Ledger, an_event
from tests.integration.recording import Caller, Running

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TEAM, PETROV, DIAZ = "childrens-social-care-essex", "sw-petrov", "sw-manager-diaz"
TYPES = sorted(one.name for one in CATALOGUE if one.name.startswith(("case.", "action.")))


@pytest.fixture(scope="module")
def ledger(whole_ledger: Ledger) -> Ledger:
    return whole_ledger


@pytest.fixture(autouse=True)
def _a_monday_in_january(ledger: Ledger) -> None:
    ledger.forget()
    ledger.clock.set(MONDAY)
    ledger.catch_up()


@pytest.fixture(scope="module")
def worker(service: Running) -> Caller:
    return service.caller(PETROV, "social_worker", TEAM)


def of_a_worker(event_type: str, stream: str, data: dict[str, Any], **more: Any) -> Event:
    return an_event(event_type, stream, data, actor=PETROV, role="social_worker", team=TEAM, subject=PERSON, **more)


@pytest.mark.parametrize("event_type", TYPES)
def test_each_fact_is_in_the_chronology_with_all_that_it_says(ledger: Ledger, worker: Caller, event_type: str) -> None:
    example = json.loads((GOLDEN / f"{event_type}.json").read_text(encoding="utf-8"))
    ledger.hear(of_a_worker(event_type, example["stream"], example["data"]))
    answer = worker.get(f"/v1/people/{PERSON}/chronology")
    assert [(one["type"], one["data"]) for one in answer.json()["items"]] == [(event_type, example["data"])]


def test_the_manager_of_the_team_gets_a_digest_about_a_case_without_a_holder_and_the_holder_about_their_action(
    ledger: Ledger,
) -> None:
    case_id, action_id = str(uuid4()), str(uuid4())
    case = {"person_id": PERSON, "case_id": case_id, "people": [PERSON], "agency": "childrens_social_care"}
    ledger.hear(of_a_worker("case.opened.v1", f"case/{case_id}", {**case, "kind": "assessment"}))
    ledger.days_pass("2013-01-15T17:00:00Z")
    assert [digest.data["recipient"] for digest in ledger.digests()] == [DIAZ]
    held = {"holder": PETROV, "team": TEAM, "held_as": "employed"}
    decided = {"meeting": "marac", "kind": "letter", "chair": DIAZ, "chair_team": TEAM}
    owned = {"owner": "hv-pereira", "team": "hv-harwich", "due_on": "2013-01-16"}
    now = ledger.clock.now()
    ledger.hear(
        of_a_worker("case.holder_named.v1", f"case/{case_id}", {**case, **held}, version=2, at=now),
        of_a_worker(
            "action.decided.v1",
            f"action/{action_id}",
            {"person_id": PERSON, "action_id": action_id, **decided, **owned},
            at=now,
        ),
    )
    ledger.days_pass("2013-01-16T17:00:00Z")
    assert sorted(digest.data["recipient"] for digest in ledger.digests()) == ["hv-pereira", DIAZ, PETROV]
