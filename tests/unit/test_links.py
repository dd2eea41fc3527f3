"""Two ids that turn out to be one person: the ledger resolves them when folding, and rewrites nothing."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import Accept
from tests.unit.practice import CHILD, HV, MANAGER, MIDWIFE, NURSERY, OTHER, PERSON, TWIN, Practice, as_text

# What is counted is told under the id that was known first.
SAME = TWIN


@pytest.fixture
def practice() -> Practice:
    return Practice()


def concern(practice, child, day, **said):
    record = practice.record_of("concern", by=NURSERY, person_id=child)
    record.was("concern.raised.v1", f"{day} 10:00", **said)
    return record


def record_of(practice, person):
    return practice.record_of("person", by=HV, key=person)


def linked(practice, at="2014-03-10 12:00", one=SAME, other=CHILD):
    return record_of(practice, one).was("person.linked.v1", at, other_person_id=other)


def unlinked(practice, at="2014-03-20 12:00", one=SAME, other=CHILD):
    return record_of(practice, one).was("person.unlinked.v1", at, other_person_id=other)


def everything(practice):
    return {thread: practice.follow_ups(thread) for thread in (f"person/{CHILD}", f"person/{SAME}")}


def states(practice, person):
    return [(found.step, found.state) for found in practice.follow_ups(f"person/{person}")]


def test_concerns_under_two_ids_are_counted_once_they_are_known_to_be_one_childs_and_under_one_id(practice):
    concern(practice, CHILD, "2014-03-03")
    concern(practice, SAME, "2014-03-04")
    concern(practice, SAME, "2014-03-05")
    assert (states(practice, CHILD), states(practice, SAME)) == ([], [])
    linked(practice)
    assert states(practice, CHILD) == [("SG-02.lead", "open"), ("SG-02.review", "open")]
    assert states(practice, SAME) == []


@pytest.mark.parametrize("how", ["unlinked", "the link was a mistake"])
def test_after_the_ids_are_taken_apart_all_is_as_it_was(practice, how):
    practice.birth(SAME, "2014-02-03")
    for child, day in ((CHILD, "03-03"), (SAME, "03-04"), (SAME, "03-05"), (CHILD, "03-06"), (CHILD, "03-07")):
        concern(practice, child, f"2014-{day}")
    before = everything(practice)
    link = linked(practice)
    joined = everything(practice)
    assert joined != before
    if how == "unlinked":
        unlinked(practice)
    else:
        record_of(practice, SAME).retracted(link, "2014-03-20 12:00")
    assert everything(practice) == before


def test_what_is_expected_for_a_birth_keeps_its_id_and_its_thread_and_is_met_under_either_id(practice):
    practice.birth(SAME, "2014-02-03")
    before = practice.follow_ups(f"person/{SAME}")
    linked(practice)
    assert practice.follow_ups(f"person/{SAME}") == before
    record_of(practice, CHILD).was("review.completed.v1", "2014-02-12 10:00", review="new_birth")
    assert [(found.step, found.state) for found in practice.follow_ups(f"person/{SAME}")] == [
        ("HV-01.new-birth", "met"),
        ("HV-01.six-week", "open"),
        ("HV-01.twelve-month", "open"),
        ("HV-01.two-year", "open"),
    ]
    assert states(practice, CHILD) == []


def test_what_was_chased_about_one_id_stays_in_sight_when_it_is_told_under_the_other(practice):
    """The first count was reviewed before anybody was chased, so the chase belongs to the second."""
    record_of(practice, CHILD).was("practitioner.assigned.v1", "2014-01-06 10:00")
    for day in ("03-03", "03-03", "03-03"):
        concern(practice, SAME, f"2014-{day}")
    record_of(practice, SAME).was("accumulation.reviewed.v1", "2014-03-03 16:00")
    for day in ("03-05", "03-05", "03-05"):
        concern(practice, SAME, f"2014-{day}")
    chased = {found.step for found in practice.days_pass("2014-03-08 00:00")}
    assert chased == {"SG-02.lead", "SG-02.review"}
    linked(practice)
    assert states(practice, SAME) == [("SG-02.lead", "void"), ("SG-02.review", "void")]
    assert states(practice, CHILD) == [
        ("SG-02.lead", "met"),
        ("SG-02.review", "met"),
        ("SG-02.lead", "open"),
        ("SG-02.review", "open"),
    ]


def test_what_was_asked_under_the_id_that_was_known_first_stays_as_it_is(practice):
    for day in ("03-03", "03-04", "03-05"):
        concern(practice, SAME, f"2014-{day}")
    practice.days_pass("2014-03-08 00:00")
    practice.act(Accept(practice.follow_ups(f"person/{SAME}")[0]), "2014-03-08 10:00", by=HV)
    before = practice.follow_ups(f"person/{SAME}")
    linked(practice)
    assert practice.follow_ups(f"person/{SAME}") == before
    assert states(practice, CHILD) == []


def test_what_was_chased_while_two_ids_were_one_stays_in_sight_as_void_and_is_chased_no_more(practice):
    concern(practice, CHILD, "2014-03-03")
    concern(practice, SAME, "2014-03-04")
    concern(practice, SAME, "2014-03-05")
    linked(practice, at="2014-03-05 12:00")
    practice.days_pass("2014-03-10 00:00")
    unlinked(practice)
    found = practice.follow_ups(f"person/{CHILD}")
    assert [(one.step, one.state, one.closed_reason) for one in found] == [
        ("SG-02.lead", "void", "no longer asked for"),
        ("SG-02.review", "void", "no longer asked for"),
    ]
    assert all(practice.acts(one).chases for one in found)
    assert practice.days_pass("2015-03-10 00:00") == []


def test_ids_are_joined_along_a_chain_and_come_apart_where_a_link_is_undone(practice):
    concern(practice, CHILD, "2014-03-03")
    concern(practice, SAME, "2014-03-04")
    concern(practice, OTHER, "2014-03-05")
    linked(practice)
    assert states(practice, CHILD) == []
    linked(practice, one=OTHER, other=SAME)
    assert states(practice, CHILD) == [("SG-02.lead", "open"), ("SG-02.review", "open")]
    practice.days_pass("2014-03-12 00:00")
    unlinked(practice, one=OTHER, other=SAME)
    assert states(practice, CHILD) == [("SG-02.lead", "void"), ("SG-02.review", "void")]
    assert (states(practice, SAME), states(practice, OTHER)) == ([], [])


@pytest.mark.parametrize("act", ["chased", "accepted"])
def test_a_closing_about_the_mothers_other_id_asks_about_her_pregnancy_while_the_ids_are_one(practice, act):
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.booked.v1", "2014-01-06 10:00", edd="2014-08-04", mother_age_band="from_20")
    closing = practice.record_of("case", person_id=OTHER, people=[OTHER])
    closing.was("case.closed.v1", "2014-03-03 10:00")
    assert pregnancy.steps() == ["DATA-01.birth", "HV-01.antenatal"]
    linked(practice, one=OTHER, other=PERSON)
    found = pregnancy.the("CLOSE-01.pregnancy")
    assert (found.state, as_text(found.due_at)) == ("open", "2014-03-03 10:00")
    if act == "chased":
        practice.days_pass("2014-03-04 00:00")
    else:
        practice.act(Accept(found), "2014-03-04 10:00", by=MANAGER)
    unlinked(practice, one=OTHER, other=PERSON)
    assert pregnancy.the("CLOSE-01.pregnancy").state == "void"


def test_what_a_closing_asked_about_an_obligation_that_is_no_longer_one_stays_in_sight(practice):
    concern(practice, CHILD, "2014-03-03")
    concern(practice, SAME, "2014-03-04")
    concern(practice, SAME, "2014-03-05")
    linked(practice, at="2014-03-05 12:00")
    record_of(practice, CHILD).was("accumulation.lead_named.v1", "2014-03-05 13:00")
    practice.record_of("case", person_id=CHILD, people=[CHILD]).was("case.closed.v1", "2014-03-05 14:00")
    told = practice.days_pass("2014-03-05 15:00")
    # The concerns that nobody read are asked about too.
    assert [one.step for one in told if one.step != "CLOSE-02.unreviewed"] == ["CLOSE-01"]
    unlinked(practice)
    closings = [found for found in practice.follow_ups(f"person/{CHILD}") if found.step == "CLOSE-01"]
    assert [found.state for found in closings] == ["void"]
    listed = {found.reference: found.state for found in practice.follow_ups(f"person/{CHILD}")}
    assert listed[closings[0].on] == "void"


def test_the_last_word_about_two_ids_counts(practice):
    record_of(practice, CHILD).was("practitioner.assigned.v1", "2014-01-06 10:00")
    for day in ("03-03", "03-04", "03-05"):
        concern(practice, SAME, f"2014-{day}")
    linked(practice, "2014-03-10 10:00")
    unlinked(practice, "2014-03-11 10:00")
    assert states(practice, CHILD) == []
    linked(practice, "2014-03-12 10:00")
    assert states(practice, CHILD) == [("SG-02.lead", "open"), ("SG-02.review", "open")]
    assert states(practice, SAME) == []
