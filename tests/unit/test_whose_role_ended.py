"""Whoever's role has ended is not told in place of others: the next in line is told at once."""

from __future__ import annotations

from uuid import UUID

import pytest

from tests.unit.practice import DIRECTORY, MANAGER, PA, Practice, Thread, london


@pytest.fixture
def practice() -> Practice:
    return Practice()


def leaver_of(practice: Practice) -> Thread:
    return practice.record_of("care-leaver", by=MANAGER, key=str(UUID(int=1)))


def with_item(practice: Practice) -> Thread:
    practice.adviser("pa-lindqvist", "2013-01-10 09:00")
    item = practice.plan_item()
    item.was("added", "2013-01-14 09:30", by=PA)
    return item


def list_told(practice: Practice, item: Thread, until: str) -> frozenset[str]:
    """The people whom the first chase about the item's arrangement tells."""
    return next(chase for chase in practice.days_pass(until) if chase.step == "CL-01.arrange").told


def test_after_an_adviser_has_ended_the_duty_person_of_the_team_is_told(practice):
    item = with_item(practice)
    assert item.the("CL-01.arrange").owner.person == "pa-lindqvist"
    leaver_of(practice).was("adviser.ended.v1", "2013-01-15 09:00", adviser="pa-lindqvist")
    owner = item.the("CL-01.arrange").owner
    assert (owner.team, owner.person) == ("leaving-care-essex", None)
    assert list_told(practice, item, "2013-01-22 00:00") == {"pa-moreau"}


def test_the_next_adviser_owns_what_the_one_before_owned(practice):
    item = with_item(practice)
    leaver_of(practice).was("adviser.ended.v1", "2013-01-15 09:00", adviser="pa-lindqvist")
    practice.adviser("pa-moreau", "2013-01-16 09:00")
    assert item.the("CL-01.arrange").owner.person == "pa-moreau"


def test_an_adviser_who_comes_back_owns_it_again(practice):
    item = with_item(practice)
    leaver_of(practice).was("adviser.ended.v1", "2013-01-15 09:00", adviser="pa-lindqvist")
    practice.adviser("pa-lindqvist", "2013-02-01 09:00")
    assert item.the("CL-01.arrange").owner.person == "pa-lindqvist"


def test_the_end_of_another_adviser_changes_nothing(practice):
    item = with_item(practice)
    leaver_of(practice).was("adviser.ended.v1", "2013-01-15 09:00", adviser="pa-moreau")
    assert item.the("CL-01.arrange").owner.person == "pa-lindqvist"


def test_an_end_that_was_recorded_in_error_changes_nothing(practice):
    item, leaver = with_item(practice), leaver_of(practice)
    leaver.retracted(leaver.was("adviser.ended.v1", "2013-01-15 09:00", adviser="pa-lindqvist"), "2013-01-15 10:00")
    assert item.the("CL-01.arrange").owner.person == "pa-lindqvist"


def test_a_named_professional_who_is_of_another_team_by_now_is_not_told_but_the_named_team_is(practice):
    """The directory says that hv-castro works in Norfolk."""
    child = practice.record_of("person")
    child.was(
        "practitioner.assigned.v1",
        "2013-01-10 09:00",
        practitioner="hv-castro",
        team="hv-harwich",
        role="health_visitor",
    )
    for at in ("2013-01-14 10:00", "2013-01-14 11:00", "2013-01-14 12:00"):
        practice.record_of("concern", people=[child.id]).was("concern.raised.v1", at, people=[child.id])
    (found,) = [one for one in practice.follow_ups(child.name) if one.step == "SG-02.review"]
    assert (found.owner.person, found.owner.team) == ("hv-castro", "hv-harwich")
    recipients = DIRECTORY.find_recipients(found, found.rungs[0], found.owner, london("2013-01-16 17:00").date())
    assert recipients[0].person == "hv-sato"
    assert recipients[0].because == "duty person of hv-harwich; hv-castro is not of hv-harwich"
    assert "hv-castro" not in {recipient.person for recipient in recipients}


def test_the_manager_of_health_visiting_who_is_named_for_a_child_is_not_escalated_to_herself(practice):
    child = practice.record_of("person")
    named = {"practitioner": "hv-manager-ito", "team": "hv-harwich", "role": "health_visitor"}
    child.was("practitioner.assigned.v1", "2013-01-10 09:00", **named)
    injury = practice.record_of("concern", people=[child.id])
    injury.was("injury.reported.v1", "2013-01-14 10:00", by=PA, people=[child.id], mobility="walking")
    found = injury.the("SG-01.decision-for-another")
    assert found.owner.person == "hv-manager-ito"
    for rung in found.rungs[1:]:
        on = london("2013-01-16 17:00").date()
        recipients = {one.person for one in DIRECTORY.find_recipients(found, rung, found.owner, on)}
        assert recipients - {"hv-manager-ito"}
