"""HV-02: who moves is handed over from person to person, and the sender owns it until the receiver acknowledges."""

from __future__ import annotations

import pytest

from tests.unit.practice import CHILD, HV, NORFOLK_HV, PERSON, Practice, as_text

MOVED = "2014-09-08 10:00"  # a Monday; Case S: from Essex to Norfolk in September 2014
SENDER = ("hv-pereira", "hv-harwich")


@pytest.fixture
def practice() -> Practice:
    practice = Practice()
    visitor = practice.record_of("person", key=PERSON)
    visitor.was("practitioner.assigned.v1", "2014-01-06 10:00", role="health_visitor", practitioner=SENDER[0])
    return practice


def moved(practice, at=MOVED, *, needed=True, by=HV, **said):
    usual = {"people": [PERSON, CHILD], "from_area": "essex", "to_area": "norfolk"}
    record = practice.record_of("move", by=by, **{**usual, **said})
    record.was("household.moved.v1", at, handover_needed=needed)
    return record


def tried(record, at, outcome="not_reached"):
    record.was("handover.attempted.v1", at, outcome=outcome)


def test_a_family_with_universal_work_only_needs_no_handover(practice):
    assert moved(practice, needed=False).steps() == []


def test_a_move_asks_for_a_call_an_acknowledgement_and_a_first_contact(practice):
    record = moved(practice)
    assert {found.step: as_text(found.due_at) for found in practice.follow_ups(record.name)} == {
        "HV-02.attempt": "2014-09-09 17:00",
        "HV-02.acknowledge": "2014-09-15 17:00",
        "HV-02.acknowledge-there": "2014-09-15 17:00",
        "HV-02.first-contact": "2014-09-22 17:00",
    }


def test_notes_that_went_alone_and_calls_in_vain_are_no_handover(practice):
    record = moved(practice)
    record.was("handover.given.v1", "2014-09-09 10:00", channel="letter")
    tried(record, "2014-09-09 11:00")
    tried(record, "2014-09-10 11:00", "reached")
    assert (record.the("HV-02.attempt").state, record.the("HV-02.acknowledge").state) == ("met", "open")
    assert record.the("HV-02.acknowledge").owner.person == SENDER[0]


def test_the_sender_owns_it_whoever_is_named_for_the_family_afterwards(practice):
    record = moved(practice)
    later = practice.record_of("person", by=NORFOLK_HV, key=PERSON)
    later.was(
        "practitioner.assigned.v1", "2014-09-10 10:00", role="health_visitor", practitioner="hv-castro", team="hv-yare"
    )
    owner = record.the("HV-02.acknowledge").owner
    assert (owner.person, owner.team) == SENDER


def test_after_the_acknowledgement_the_first_contact_is_with_who_took_over(practice):
    record = moved(practice)
    assert record.the("HV-02.first-contact").owner.person is None
    record.was("handover.acknowledged.v1", "2014-09-11 10:00", by=NORFOLK_HV, practitioner="hv-castro", team="hv-yare")
    first = record.the("HV-02.first-contact")
    assert (first.state, first.owner.person, first.owner.team, first.area) == (
        "open",
        "hv-castro",
        "hv-yare",
        "norfolk",
    )
    assert record.the("HV-02.acknowledge").state == "met"
    record.was("handover.first_contact_made.v1", "2014-09-18 10:00", by=NORFOLK_HV)
    assert record.the("HV-02.first-contact").state == "met"


def test_two_calls_in_vain_go_to_the_named_nurses_of_both_areas_and_one_does_not(practice):
    record = moved(practice)
    tried(record, "2014-09-09 11:00")
    assert record.all("HV-02.unreached") == record.all("HV-02.unreached-there") == []
    tried(record, "2014-09-10 11:00")
    told = {one.step: one.told for one in practice.sweep("2014-09-10 23:59")}
    assert told["HV-02.unreached"] == {"hv-pereira", "named-nurse-lovelock"}
    assert told["HV-02.unreached-there"] == {"hv-castro", "named-nurse-penhale"}


def test_a_call_that_got_through_in_between_begins_the_count_anew(practice):
    record = moved(practice)
    tried(record, "2014-09-09 11:00")
    tried(record, "2014-09-09 15:00", "reached")
    tried(record, "2014-09-10 11:00")
    assert record.all("HV-02.unreached") == []
    tried(record, "2014-09-11 11:00")
    assert record.the("HV-02.unreached").state == "open"


def test_a_third_and_fourth_call_in_vain_are_taken_in(practice):
    record = moved(practice)
    for day in ("09", "10", "11", "12"):
        tried(record, f"2014-09-{day} 11:00")
    assert record.the("HV-02.unreached").state == "open"
    tried(record, "2014-09-15 11:00", "reached")
    assert (record.the("HV-02.unreached").state, record.the("HV-02.unreached-there").state) == ("met", "met")


def test_the_calls_about_one_move_say_nothing_of_another(practice):
    first, second = moved(practice), moved(practice, "2014-09-15 10:00", from_area="norfolk", to_area="essex")
    tried(first, "2014-09-16 11:00")
    tried(second, "2014-09-16 11:00")
    first.was("handover.acknowledged.v1", "2014-09-17 10:00", team="hv-yare")
    assert first.all("HV-02.unreached") == second.all("HV-02.unreached") == []
    assert second.the("HV-02.acknowledge").state == "open"
