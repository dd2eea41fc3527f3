"""Who of a person's circle is told when somebody else begins a record, and what follows when they object."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from shared.contracts.words import OBJECTION_OUTCOMES, OBJECTION_REASONS
from shared.kernel.envelope import CIRCLE, NONE, OWNER, Event
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Inbox,
    Ledger,
    an_event,
    item_planned,
    mail_server,
    text_of,
)
from tests.integration.recording import Caller, Running, code, faulty_fields

NOW = MONDAY + timedelta(hours=3)
OBJECTIONS = f"/v1/people/{PERSON}/objections"
CHRONOLOGY = f"/v1/people/{PERSON}/chronology"


@pytest.fixture(autouse=True)
def ledger(whole_ledger: Ledger) -> Ledger:
    """A person of Essex has a named health visitor and an adviser."""
    whole_ledger.forget()
    whole_ledger.clock.set(NOW)
    by: dict[str, Any] = {"at": MONDAY, "subject": PERSON, "team": "hv-harwich"}
    data: dict[str, Any] = {"person_id": PERSON, "nhs_number_known": False}
    named = {"person_id": PERSON, "role": "health_visitor", "practitioner": "hv-pereira", "team": "hv-harwich"}
    whole_ledger.hear(
        an_event("person.registered.v1", f"person/{PERSON}", data, **by),
        an_event("practitioner.assigned.v1", f"person/{PERSON}", named, version=2, **by),
        *item_planned(),
    )
    whole_ledger.catch_up()
    return whole_ledger


@pytest.fixture(scope="module")
def visitor(service: Running) -> Caller:
    return service.caller("hv-pereira", "health_visitor", "hv-harwich")


@pytest.fixture(scope="module")
def lead(service: Running) -> Caller:
    return service.caller("lead-achterberg", "safeguarding_lead", "partnership-essex")


def concern(standing: str = OWNER, **more: Any) -> Event:
    """A concern about the person; a health visitor of Norfolk raised it, unless something else is said."""
    concern_id = str(uuid4())
    data = {"concern_id": concern_id, "person_id": PERSON, "kind": "neglect", "seen": True}
    by = {"at": NOW, "actor": "hv-castro", "role": "health_visitor", "team": "hv-yare", "area": "norfolk"}
    event = an_event("concern.raised.v1", f"concern/{concern_id}", data, subject=PERSON, **{**by, **more})
    return replace(event, standing=standing)


def list_told(ledger: Ledger) -> list[str]:
    found = ledger.dependencies.store.collection.find({"event.type": "circle.told.v1"})
    return sorted(person for document in found for person in document["event"]["data"]["recipients"])


def objection(entry: Event, reason: str = "not_so") -> dict[str, str]:
    return {"event_id": entry.id, "reason_code": reason}


@pytest.mark.parametrize("standing", [OWNER, NONE])
def test_those_of_the_circle_who_may_see_a_record_of_somebody_else_are_told_of_it_the_same_day(
    ledger: Ledger, smtp_port: int, standing: str
) -> None:
    entry = concern(standing)
    ledger.hear(entry)
    # The adviser is of the circle too, but may not see a concern.
    assert list_told(ledger) == ["hv-pereira"]
    inbox = Inbox()
    with mail_server(inbox, smtp_port):
        ledger.days_pass("2013-01-14T12:31:00Z")
    (text,) = [body for mail in inbox.to("joana.pereira@essex.example") if entry.id in (body := text_of(mail))]
    assert "hv-castro (hv-yare) has begun a record (concern)" in text
    ledger.days_pass("2013-01-15T12:31:00Z")
    assert list_told(ledger) == ["hv-pereira"]


def test_the_circle_is_told_once_however_often_the_record_is_heard(ledger: Ledger) -> None:
    entry = concern()
    for _ in range(3):
        ledger.hear(entry)
    assert list_told(ledger) == ["hv-pereira"]


def test_the_circle_is_not_told_of_its_own_records_nor_of_further_entries(ledger: Ledger) -> None:
    ledger.hear(concern(CIRCLE, area="essex", team="hv-harwich"), concern(version=2))
    assert list_told(ledger) == []


def test_nobody_is_told_about_somebody_without_a_circle(ledger: Ledger) -> None:
    ledger.forget()
    ledger.hear(concern())
    assert list_told(ledger) == []


def test_an_objection_is_an_entry_that_the_recorder_and_the_lead_are_shown(
    ledger: Ledger, visitor: Caller, lead: Caller, smtp_port: int
) -> None:
    entry = concern()
    ledger.hear(entry)
    answer = visitor.post(OBJECTIONS, objection(entry))
    assert answer.status_code == 201, answer.text
    ledger.catch_up()
    follow_up = ledger.follow_up("DATA-02.objection")
    assert (follow_up.state, follow_up.owner.role) == ("open", "safeguarding_lead")
    inbox = Inbox()
    with mail_server(inbox, smtp_port):
        ledger.days_pass("2013-01-14T12:32:00Z")
    (text,) = [body for mail in inbox.to("ines.castro@norfolk.example") if entry.id in (body := text_of(mail))]
    assert "hv-pereira (hv-harwich) objects to your entry" in text
    address = ledger.dependencies.directory.people["lead-achterberg"].email
    assert any("DATA-02.objection" in text_of(mail) for mail in inbox.to(address))
    shown = [item for item in lead.get(CHRONOLOGY).json()["items"] if item["type"] == "entry.objected.v1"]
    assert [(one["actor"], one["data"]["event_id"]) for one in shown] == [("hv-pereira", entry.id)]


def test_an_objection_by_itself_lowers_nothing(ledger: Ledger, visitor: Caller) -> None:
    entry = concern()
    ledger.hear(entry)
    views = ledger.dependencies.views.collection

    def stand() -> list[tuple[Any, ...]]:
        found = views.find({"step": {"$ne": "DATA-02.objection"}}).sort("_id")
        return [(one["_id"], one["state"], one["due_at"], one["owner_person"]) for one in found]

    before = stand()
    assert before
    for reason in OBJECTION_REASONS:
        assert visitor.post(OBJECTIONS, objection(entry, reason)).status_code == 201
    ledger.catch_up()
    assert stand() == before


@pytest.mark.parametrize("outcome", OBJECTION_OUTCOMES)
def test_a_safeguarding_lead_of_the_area_answers_an_objection(
    service: Running, ledger: Ledger, visitor: Caller, lead: Caller, outcome: str
) -> None:
    entry = concern()
    ledger.hear(entry)
    path = f"/v1/objections/{visitor.post(OBJECTIONS, objection(entry)).json()['objection_id']}/answered"
    elsewhere = service.caller("lead-marchetti", "safeguarding_lead", "partnership-norfolk", "norfolk")
    assert code(elsewhere.post(path, {"outcome": outcome})) == "wrong-area"
    assert code(visitor.post(path, {"outcome": outcome})) == "wrong-role"
    assert lead.post(f"/v1/objections/{uuid4()}/answered", {"outcome": outcome}).status_code == 404
    assert lead.post(path, {"outcome": outcome}).status_code == 201
    assert code(lead.post(path, {"outcome": outcome})) == "already-answered"
    ledger.catch_up()
    assert ledger.follow_up("DATA-02.objection").state == "met"


def test_only_the_circle_objects_and_only_to_what_it_may_see_and_did_not_record_itself(
    service: Running, ledger: Ledger, visitor: Caller
) -> None:
    entry, own = concern(), concern(CIRCLE, area="essex", team="hv-harwich")
    ledger.hear(entry, own)
    elsewhere = service.caller("midwife-ncube", "midwife", "midwifery-bure", "norfolk")
    adviser = service.caller("pa-lindqvist", "personal_adviser", "leaving-care-essex")
    assert code(elsewhere.post(OBJECTIONS, objection(entry))) == "no-standing"
    assert code(adviser.post(OBJECTIONS, objection(entry))) == "not-found"
    assert code(visitor.post(OBJECTIONS, {**objection(entry), "event_id": str(uuid4())})) == "not-found"
    assert code(visitor.post(OBJECTIONS, objection(own))) == "own-entry"
    assert faulty_fields(visitor.post(OBJECTIONS, objection(entry, "because"))) == {"reason_code"}
    reviewer = service.caller("reviewer-ng", "reviewer", "partnership-essex")
    assert code(reviewer.post(OBJECTIONS, objection(entry))) == "wrong-role"


def test_what_a_reader_may_not_see_shows_neither_its_telling_nor_an_objection_to_it(
    service: Running, ledger: Ledger, visitor: Caller
) -> None:
    entry = concern()
    ledger.hear(entry)
    assert visitor.post(OBJECTIONS, objection(entry)).status_code == 201
    ledger.catch_up()
    adviser = service.caller("pa-lindqvist", "personal_adviser", "leaving-care-essex")
    types = {item["type"] for item in adviser.get(CHRONOLOGY).json()["items"]}
    assert types.isdisjoint({"circle.told.v1", "entry.objected.v1", "concern.raised.v1"})
    assert "plan_item.added.v1" in types
