"""A person is under the rules of the area where they live that day; leaving care stays with who is responsible."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import End
from tests.unit.practice import CHILD, HV, MANAGER, MIDWIFE, NORFOLK_HV, PA, PERSON, Practice, as_text, chase

# The second decline opens HV-01.declined-twice: five working days in Essex (the national number), three in Norfolk.
MOVED = "2014-03-12"  # a Wednesday


@pytest.fixture
def practice() -> Practice:
    return Practice()


def moved(practice, on=MOVED, to="norfolk", *, recorded=None, people=(PERSON, CHILD), by=HV, **said):
    """The record of a move belongs to the area that was left."""
    origin = "essex" if to == "norfolk" else "norfolk"
    record = practice.record_of("move", by=by, people=list(people), from_area=origin, to_area=to, **said)
    return record, record.was("household.moved.v1", on, precision="day", recorded=recorded)


def declined(practice, second, first="2014-02-10 10:00"):
    child = practice.record_of("person", by=HV, key=CHILD)
    child.was("review.declined.v1", first, review="twelve_month")
    child.was("review.declined.v1", second, review="two_year")
    return child


def area_and_due_of(child):
    found = child.the("HV-01.declined-twice")
    return found.area, as_text(found.due_at)


@pytest.mark.parametrize(
    ("second", "area", "due"),
    [
        ("2014-03-11 10:00", "essex", "2014-03-18 17:00"),  # the day before: over a weekend
        ("2014-03-11 23:59", "essex", "2014-03-18 17:00"),
        ("2014-03-12 00:00", "norfolk", "2014-03-17 17:00"),  # the day of the move
        ("2014-03-12 10:00", "norfolk", "2014-03-17 17:00"),
        ("2014-04-17 10:00", "norfolk", "2014-04-24 17:00"),  # over Good Friday, Easter and its Monday
    ],
)
def test_what_opens_from_the_day_of_the_move_is_due_by_the_new_areas_numbers(practice, second, area, due):
    moved(practice)
    assert area_and_due_of(declined(practice, second)) == (area, due)


@pytest.mark.parametrize("second", ["2014-03-11 10:00", "2014-03-12 10:00"])
def test_both_areas_see_what_one_of_them_recorded_about_somebody_who_lives_in_the_other(practice, second):
    child = declined(practice, second)
    assert child.the("HV-01.declined-twice").areas == ("essex",)
    record, move = moved(practice)
    assert child.the("HV-01.declined-twice").areas == ("essex", "norfolk")
    record.retracted(move, "2014-03-19 10:00")
    assert child.the("HV-01.declined-twice").areas == ("essex",)


def test_an_area_through_which_somebody_only_passed_no_longer_sees_what_was_open_before(practice):
    child = declined(practice, "2014-03-11 10:00")
    moved(practice)
    moved(practice, "2014-03-19", "essex")
    assert child.the("HV-01.declined-twice").areas == ("essex",)


def test_whoever_acknowledged_the_handover_is_of_an_area_that_sees_what_she_owns(practice):
    child = declined(practice, "2014-03-10 10:00")
    record, _ = moved(practice, handover_needed=True)
    record.was("handover.acknowledged.v1", "2014-03-13 10:00", by=NORFOLK_HV, practitioner="hv-castro", team="hv-yare")
    found = child.the("HV-01.declined-twice")
    assert (found.owner.person, found.owner.team, found.area) == ("hv-castro", "hv-yare", "essex")
    assert found.areas == ("essex", "norfolk")


def test_who_stayed_behind_stays_under_the_old_rules(practice):
    moved(practice, people=[PERSON])
    assert area_and_due_of(declined(practice, "2014-03-13 10:00")) == ("essex", "2014-03-20 17:00")


def test_who_moved_back_is_under_the_old_rules_again(practice):
    moved(practice)
    moved(practice, "2014-03-19", "essex")
    assert area_and_due_of(declined(practice, "2014-03-18 10:00")) == ("norfolk", "2014-03-21 17:00")
    practice = Practice()
    moved(practice)
    moved(practice, "2014-03-19", "essex")
    assert area_and_due_of(declined(practice, "2014-03-19 10:00")) == ("essex", "2014-03-26 17:00")


def test_a_move_that_was_a_mistake_never_was(practice):
    record, move = moved(practice)
    child = declined(practice, "2014-03-13 10:00")
    assert area_and_due_of(child)[0] == "norfolk"
    practice.days_pass("2014-03-19 00:00")
    chased = child.the("HV-01.declined-twice").id
    record.retracted(move, "2014-03-19 10:00")
    found = child.the("HV-01.declined-twice")
    assert (found.id, found.state, area_and_due_of(child)) == (chased, "open", ("essex", "2014-03-20 17:00"))
    assert practice.acts(found).chases == 1


def test_a_move_that_becomes_known_late_changes_whose_rules_hold_and_not_what_was_chased(practice):
    child = declined(practice, "2014-03-13 10:00")
    assert area_and_due_of(child) == ("essex", "2014-03-20 17:00")
    before = child.the("HV-01.declined-twice").id
    assert [one.at for one in practice.days_pass("2014-03-21 00:00")] == ["2014-03-20 17:00"]
    moved(practice, recorded="2014-03-24 10:00")
    found = child.the("HV-01.declined-twice")
    assert (found.id, area_and_due_of(child)) == (before, ("norfolk", "2014-03-18 17:00"))
    assert practice.acts(found).chases == 1
    assert not [one for one in practice.days_pass("2014-03-25 00:00") if one.step == "HV-01.declined-twice"]


def test_what_closed_before_the_move_stays_with_the_area_in_which_it_was_asked(practice):
    moved(practice)
    child = declined(practice, "2014-03-11 10:00")
    practice.act(End(child.the("HV-01.declined-twice"), "seen-by-gp"), "2014-03-13 10:00", by=MANAGER)
    assert area_and_due_of(child) == ("essex", "2014-03-18 17:00")


def test_leaving_care_stays_with_the_responsible_authority(practice):
    leaver = practice.record_of("care-leaver", by=PA)
    leaver.was("care_leaver.registered.v1", "2014-01-06 10:00", category="former_relevant")
    moved(practice)
    leaver.was("care_leaver.moved.v1", "2014-03-12 10:00", to_area="norfolk", out_of_area=True)
    leaver.was("adviser.assigned.v1", "2014-03-13 10:00")
    leaver.was("adviser.ended.v1", "2014-03-14 10:00")
    found = {one.step: one for one in practice.follow_ups(leaver.name)}
    assert {one.area for one in found.values()} == {"essex"}
    # Three working days without an adviser are Essex's own number; five are the national one.
    assert as_text(found["CL-02.adviser"].due_at) == "2014-03-19 17:00"


def test_both_areas_see_the_handover_and_it_is_the_sending_areas_until_it_is_acknowledged(practice):
    record, _ = moved(practice, handover_needed=True)
    found = {step: record.the(step) for step in ("HV-02.attempt", "HV-02.acknowledge", "HV-02.first-contact")}
    assert {one.areas for one in found.values()} == {("essex", "norfolk")}
    assert [one.area for one in found.values()] == ["essex", "essex", "norfolk"]


def test_a_pregnancy_moves_with_the_mother(practice):
    moved(practice, people=[PERSON])
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.partner_named.v1", "2014-03-11 10:00")
    pregnancy.was("pregnancy.partner_named.v1", "2014-03-12 10:00")
    # PBA-04: ten working days, five in Norfolk.
    assert [(one.area, as_text(one.due_at)) for one in pregnancy.all("PBA-04")] == [
        ("norfolk", "2014-03-19 17:00"),
        ("essex", "2014-03-25 17:00"),
    ]


def test_who_came_from_elsewhere_was_under_the_rules_there_before(practice):
    moved(practice, to="essex", by=NORFOLK_HV)
    assert area_and_due_of(declined(practice, "2014-03-11 10:00")) == ("norfolk", "2014-03-14 17:00")


def test_a_second_handover_is_owned_by_who_acknowledged_the_first_and_received_by_somebody_of_the_next_area(practice):
    first, _ = moved(practice, handover_needed=True)
    first.was("handover.acknowledged.v1", "2014-03-13 10:00", by=NORFOLK_HV, practitioner="hv-castro", team="hv-yare")
    back, _ = moved(practice, "2014-04-09", "essex", by=NORFOLK_HV, handover_needed=True)
    assert back.the("HV-02.acknowledge").owner.person == "hv-castro"
    receiving = back.the("HV-02.first-contact")
    assert (receiving.area, receiving.owner.team, receiving.owner.person) == ("essex", None, None)
    assert chase("2014-04-25 17:00", "HV-02.first-contact", "owner", "hv-sato") in practice.days_pass("2014-04-26")
