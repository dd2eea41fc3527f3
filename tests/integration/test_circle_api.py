"""Who is in a person's circle and why, over real HTTP, as each reader may see it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from services.referrals_followup.domain.chronology import WITHOUT_OUTLINE
from shared.contracts.access import WHOM_TO_ASK
from shared.kernel.envelope import CIRCLE, NONE, OWNER, Event
from tests.integration.ledger import MONDAY, PERSON, Ledger, an_event, item_planned
from tests.integration.recording import Caller, Running, code

NOTIFIED = {"to_role": "health_visitor", "about": "pregnancy", "channel": "letter"}
PATH = f"/v1/people/{PERSON}/circle"
NOW = MONDAY + timedelta(hours=3)


@pytest.fixture(scope="module")
def ledger(whole_ledger: Ledger) -> Ledger:
    return whole_ledger


@pytest.fixture(autouse=True)
def _known(ledger: Ledger) -> None:
    """Every test begins with a person who is registered, and nothing else."""
    ledger.forget()
    ledger.clock.set(NOW)
    data = {"person_id": PERSON, "nhs_number_known": False}
    ledger.hear(entry("person.registered.v1", f"person/{PERSON}", data, at=MONDAY, team="hv-harwich"))


@pytest.fixture(scope="module")
def manager(service: Running) -> Caller:
    return service.caller("gp-manager-hale", "manager", "gp-mill-road", "essex", "norfolk")


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


def entry(event_type: str, stream: str, data: dict[str, Any], standing: str | None = None, **more: Any) -> Event:
    event = an_event(event_type, stream, data, **{"at": MONDAY + timedelta(hours=1), "subject": PERSON, **more})
    return replace(event, standing=standing)


def about(kind: str, event_type: str, data: dict[str, Any] | None = None, **more: Any) -> Event:
    """An entry that begins a record about the person."""
    record_id = str(uuid4())
    said = {f"{kind.replace('-', '_')}_id": record_id, "person_id": PERSON, **(data or {})}
    return entry(event_type, f"{kind}/{record_id}", said, **more)


def practitioner(worker: str, team: str, version: int = 2, **more: Any) -> Event:
    data = {"person_id": PERSON, "role": "health_visitor", "practitioner": worker, "team": team}
    return entry("practitioner.assigned.v1", f"person/{PERSON}", data, version=version, team="hv-harwich", **more)


def case(team: str = "childrens-social-care-essex", **more: Any) -> Event:
    data = {"people": [PERSON], "kind": "child_in_need", "agency": "childrens_social_care"}
    return about("case", "case.opened.v1", data, team=team, role="social_worker", **more)


def circle(caller: Caller) -> dict[str, Any]:
    answer = caller.get(PATH)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def why(found: dict[str, Any]) -> dict[str, list[str]]:
    return {one["team"]: one["why"] for one in found["teams"]}


def test_the_circle_tells_each_team_and_why_and_who_is_named(ledger: Ledger, manager: Caller) -> None:
    sent = {"service": "camhs", "service_kind": "health", "urgency": "routine", "channel": "letter", "evidence": True}
    referral = about("referral", "referral.sent.v1", {**sent, "to_team": "camhs-essex"}, team="gp-mill-road")
    ledger.hear(practitioner("hv-pereira", "hv-harwich"), case(), referral, *item_planned())
    found = circle(manager)
    assert found["areas"] == ["essex"]
    assert found["signposts"] == []
    here = "lives_in_its_area"
    assert why(found) == {
        "camhs-essex": [here, "referral_sent_to_it"],
        "childrens-social-care-essex": [here, "open_case"],
        "gp-mill-road": [here, "referral"],
        "hv-harwich": [here, "named"],
        "leaving-care-essex": [here, "named", "plan"],
    }
    named = {one["team"]: one["practitioners"] for one in found["teams"]}
    assert (named["hv-harwich"], named["leaving-care-essex"]) == (["hv-pereira"], ["pa-lindqvist"])


def test_a_named_practitioner_who_was_replaced_is_not_in_the_circle(ledger: Ledger, visitor: Caller) -> None:
    ledger.hear(practitioner("hv-pereira", "hv-harwich"), practitioner("hv-castro", "hv-yare", 3, at=NOW))
    assert why(circle(visitor)) == {"hv-yare": ["named"]}


def test_a_case_that_is_closed_gives_no_part(ledger: Ledger, manager: Caller) -> None:
    opened = case()
    data = {name: opened.data[name] for name in ("case_id", "person_id", "people", "agency")}
    closed = entry("case.closed.v1", opened.stream, {**data, "reason_code": "done"}, version=2, at=NOW)
    ledger.hear(opened, closed)
    assert why(circle(manager)) == {}


@pytest.mark.parametrize("standing", [NONE, OWNER])
def test_a_claim_from_elsewhere_gives_nobody_a_part(ledger: Ledger, manager: Caller, standing: str) -> None:
    ledger.hear(case("csc-norfolk", area="norfolk", standing=standing), case(standing=CIRCLE))
    assert why(circle(manager)) == {"childrens-social-care-essex": ["lives_in_its_area", "open_case"]}


def test_what_a_reader_may_not_see_leaves_no_team_and_one_signpost(ledger: Ledger, visitor: Caller) -> None:
    ledger.hear(case(), *item_planned())
    found = circle(visitor)
    assert why(found) == {"childrens-social-care-essex": ["lives_in_its_area", "open_case"]}
    assert found["signposts"] == [WHOM_TO_ASK["leaving_care"]]


def test_a_reader_always_sees_the_part_of_their_own_team(service: Running, ledger: Ledger) -> None:
    sent = {"service": "early_help", "service_kind": "social_care", "urgency": "routine", "channel": "letter"}
    referral = about("referral", "referral.sent.v1", {**sent, "evidence": True, "to_team": "little-oaks"})
    ledger.hear(referral)
    nursery = service.caller("nursery-oriole", "early_years", "little-oaks")
    assert why(circle(nursery)) == {"little-oaks": ["lives_in_its_area", "referral_sent_to_it"]}


def test_a_role_that_does_not_care_learns_of_nobody_elses_part(service: Running, ledger: Ledger) -> None:
    ledger.forget()
    housing = service.caller("housing-moss", "housing", "housing-essex")
    ledger.hear(about("notification", "notification.sent.v1", NOTIFIED, team="housing-essex", role="housing"))
    found = circle(housing)
    assert (found["areas"], found["teams"], found["signposts"]) == ([], [], [WITHOUT_OUTLINE])


def test_a_person_of_another_area_is_unknown_as_one_of_whom_nothing_is_known(service: Running) -> None:
    elsewhere = service.caller("hv-castro", "health_visitor", "hv-yare", "norfolk")
    theirs, nobodys = elsewhere.get(PATH), elsewhere.get(f"/v1/people/p_{'f' * 32}/circle")
    assert (code(theirs), code(nobodys)) == ("not-found", "not-found")
    assert theirs.json()["detail"] == nobodys.json()["detail"]


def test_who_reads_a_circle_is_entered_in_the_access_log(service: Running, visitor: Caller) -> None:
    circle(visitor)
    entries = list(service.database.access_log.find({"route": "GET /v1/people/<person_id>/circle"}))
    assert entries[-1]["subjects"] == [PERSON]
    assert entries[-1]["actor"] == "hv-pereira"
