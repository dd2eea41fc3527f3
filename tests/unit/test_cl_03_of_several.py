"""CL-03 hangs on this pregnancy, or this household: what becomes of another one ends nothing."""

from __future__ import annotations

import pytest

from tests.unit.practice import CHILD, PA, TWIN, Practice, Thread

LEARNT = "2016-09-26 10:05"
LOST, LIVE = "00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"
STEPS = ["CL-03.contact", "CL-03.review", "CL-03.support", "CL-03.told"]


@pytest.fixture
def leaver() -> Thread:
    practice = Practice()
    practice.adviser("pa-lindqvist", "2016-01-06")
    return practice.record_of("care-leaver", by=PA)


def open_steps(leaver: Thread) -> list[str]:
    return [step for step in STEPS for found in leaver.all(step) if found.state == "open"]


def test_the_loss_of_one_pregnancy_leaves_what_is_asked_for_another(leaver: Thread) -> None:
    for pregnancy in (LOST, LIVE):
        leaver.was(
            "parenthood.learnt.v1", LEARNT, kind="to_be_parent", pregnancy_id=pregnancy, household_person_id=None
        )
    leaver.was("parenthood.lost.v1", LEARNT, pregnancy_id=LOST, household_person_id=None)
    assert open_steps(leaver) == STEPS


def test_the_loss_of_the_pregnancy_ends_what_was_asked_because_of_it(leaver: Thread) -> None:
    leaver.was("parenthood.learnt.v1", LEARNT, kind="to_be_parent", pregnancy_id=LOST, household_person_id=None)
    leaver.was("parenthood.lost.v1", "2016-09-27 09:00", pregnancy_id=LOST, household_person_id=None)
    assert open_steps(leaver) == []


def test_a_death_in_one_household_leaves_what_is_asked_because_of_another(leaver: Thread) -> None:
    for person in (CHILD, TWIN):
        leaver.was("parenthood.learnt.v1", LEARNT, kind="child_joined", pregnancy_id=None, household_person_id=person)
    leaver.was("parenthood.lost.v1", "2016-09-27 09:00", pregnancy_id=None, household_person_id=CHILD)
    assert open_steps(leaver) == STEPS
