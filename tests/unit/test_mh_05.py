"""MH-05: listening visits are reviewed at the fourth, and come to a decision by the eighth or after ten weeks."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.unit.practice import HV, Practice, Thread, as_text, chase

STARTED = date(2014, 3, 19)  # a Wednesday; as in Case S the fourth visit is on 16 April, the eighth on 14 May
MID, END, EXTENDED = "MH-05.mid", "MH-05.end", "MH-05.extended"
ASKED, IN_A_ROW = "DNA-01.visit-contact", "DNA-01.visits-in-a-row"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def visits(practice: Practice, held: int, kind: str = "listening_visits") -> Thread:
    """Weekly visits; the first one a week after they were agreed on."""
    support = practice.record_of("support", by=HV)
    support.was("started", f"{STARTED} 10:00", kind=kind)
    for number in range(1, held + 1):
        support.was("session_held", on(number))
    return support


def on(visit: int) -> str:
    return f"{STARTED + timedelta(weeks=visit)} 14:00"


@pytest.mark.parametrize(
    ("held", "steps"), [(0, [END]), (1, [END]), (3, [END]), (4, [END, MID]), (5, [END, MID]), (8, [END, MID])]
)
def test_the_fourth_visit_asks_for_a_review_once(practice, held, steps):
    assert visits(practice, held).steps() == steps


@pytest.mark.parametrize("kind", ["intensive_visiting", "family_nurse_partnership", "parenting"])
def test_no_other_support_asks_for_any(practice, kind):
    assert visits(practice, 8, kind).steps() == ["MH-05.other"]


def test_the_review_at_the_fourth_is_due_that_day(practice):
    assert as_text(visits(practice, 5).the(MID).due_at) == "2014-04-16 23:59"


@pytest.mark.parametrize(
    ("held", "due"),
    [
        (7, "2014-05-28 17:00"),  # ten weeks
        (8, "2014-05-14 23:59"),  # the day of the eighth
        (9, "2014-05-14 23:59"),
    ],
)
def test_the_decision_is_due_with_the_eighth_visit_or_after_ten_weeks(practice, held, due):
    assert as_text(visits(practice, held).the(END).due_at) == due


def test_an_eighth_visit_after_the_ten_weeks_puts_nothing_off(practice):
    support = visits(practice, 7)
    support.was("session_held", "2014-06-11 14:00")
    assert as_text(support.the(END).due_at) == "2014-05-28 17:00"


def test_as_in_case_s_the_team_lead_hears_at_the_eighth_and_the_perinatal_lead_a_week_later(practice):
    visits(practice, 8)
    found = practice.days_pass("2014-05-22 00:00")
    assert [one for one in found if one.step == END] == [
        chase("2014-05-14 23:59", END, "owner", "hv-pereira", "hv-manager-ito"),
        chase("2014-05-21 17:00", END, "perinatal-lead", "hv-pereira", "perinatal-lead-vasquez"),
    ]
    assert [one for one in found if one.step == MID][:2] == [
        chase("2014-04-16 23:59", MID, "owner", "hv-pereira"),
        chase("2014-04-22 17:00", MID, "team-lead", "hv-pereira", "hv-manager-ito"),  # over Easter
    ]


def test_a_visit_at_which_nobody_was_there_does_not_count(practice):
    support = visits(practice, 3)
    support.was("session_missed", on(4))
    assert support.steps() == [ASKED, END]
    support.was("session_held", on(5))
    assert as_text(support.the(MID).due_at) == "2014-04-23 23:59"


def test_two_visits_missed_in_a_row_are_talked_over_and_one_held_between_them_starts_anew(practice):
    support = visits(practice, 0)
    support.was("session_missed", on(1))
    support.was("session_held", on(2))
    support.was("session_missed", on(3))
    assert support.all(IN_A_ROW) == []
    again = support.was("session_missed", on(4))  # Wednesday 16 April, before Easter
    found = support.the(IN_A_ROW)
    assert (found.state, found.opened_by, as_text(found.due_at)) == ("open", again.id, "2014-04-17 17:00")
    support.was("misses_reviewed", "2014-04-17 10:00")
    assert (support.the(IN_A_ROW).state, {one.state for one in support.all(ASKED)}) == ("met", {"met"})


def test_a_visit_that_was_a_mistake_does_not_count(practice):
    support = visits(practice, 3)
    fourth = support.was("session_held", on(4))
    support.retracted(fourth, "2014-04-17 09:00")
    assert support.the(MID).state == "void"
    support.was("session_held", on(5))
    assert (support.the(MID).state, as_text(support.the(MID).due_at)) == ("open", "2014-04-23 23:59")


def test_a_visit_that_becomes_known_late_takes_its_place_in_the_count(practice):
    support = visits(practice, 0)
    for number in (1, 2, 4):
        support.was("session_held", on(number))
    assert practice.days_pass("2014-04-24 23:59") == []
    support.was("session_held", on(3), recorded="2014-04-25 09:00")
    assert as_text(support.the(MID).due_at) == "2014-04-16 23:59"
    assert [one.rungs for one in practice.sweep("2014-04-25 09:00")] == [("owner", "team-lead")]


@pytest.mark.parametrize("decision", ["step_up", "end", "extend"])
@pytest.mark.parametrize(("stage", "states"), [("mid", ("met", "open")), ("end", ("met", "met"))])
def test_each_decision_counts_for_its_stage(practice, stage, states, decision):
    support = visits(practice, 4)
    support.was("reviewed", on(4), stage=stage, decision=decision)
    assert (support.the(MID).state, support.the(END).state) == states


def test_a_review_of_before_the_fourth_visit_is_the_mid_review(practice):
    support = visits(practice, 3)
    support.was("reviewed", on(3), stage="mid", decision="extend")
    support.was("session_held", on(4))
    assert (support.steps(), support.the(END).state) == ([END, EXTENDED], "open")


@pytest.mark.parametrize("stage", ["mid", "end"])
@pytest.mark.parametrize(("decision", "asked"), [("extend", True), ("step_up", False), ("end", False)])
def test_only_an_extension_asks_for_another_review(practice, stage, decision, asked):
    support = visits(practice, 4)
    support.was("reviewed", on(4), stage=stage, decision=decision)
    assert (EXTENDED in support.steps()) == asked


@pytest.mark.parametrize("kind", ["intensive_visiting", "family_nurse_partnership", "parenting"])
def test_other_support_that_is_extended_is_reviewed_again_after_twelve_weeks_only(practice, kind):
    support = visits(practice, 8, kind)
    support.was("reviewed", on(8), stage="end", decision="extend")  # Wednesday 14 May
    found = [(one.step, one.state, as_text(one.due_at)) for one in support.all("MH-05.other")]
    assert found[1:] == [("MH-05.other", "open", "2014-08-06 17:00")]
    assert set(support.steps()) == {"MH-05.other"}


def test_extended_visits_are_reviewed_again_after_five_weeks_and_somebody_is_told_until_they_are(practice):
    support = visits(practice, 8)
    support.was("reviewed", on(4), stage="mid", decision="step_up")
    support.was("reviewed", on(8), stage="end", decision="extend")  # Wednesday 14 May
    assert (support.the(END).state, as_text(support.the(EXTENDED).due_at)) == ("met", "2014-06-18 17:00")
    assert practice.days_pass("2014-07-05 00:00") == [
        chase("2014-06-18 17:00", EXTENDED, "owner", "hv-pereira"),
        chase("2014-06-20 17:00", EXTENDED, "team-lead", "hv-pereira", "hv-manager-ito"),
        chase("2014-07-04 17:00", EXTENDED, "team-lead", "hv-pereira", "hv-manager-ito"),
    ]
    again = support.was("reviewed", "2014-07-07 14:00", stage="end", decision="step_up")
    assert (support.the(EXTENDED).state, support.the(EXTENDED).closed_by) == ("met", again.id)
    assert practice.days_pass("2015-01-01 00:00") == []


def test_an_extension_that_is_extended_asks_once_more(practice):
    support = visits(practice, 8)
    support.was("reviewed", on(8), stage="end", decision="extend")
    support.was("reviewed", on(12), stage="end", decision="extend")  # Wednesday 11 June
    assert [(found.state, as_text(found.due_at)) for found in support.all(EXTENDED)] == [
        ("met", "2014-06-18 17:00"),
        ("open", "2014-07-16 17:00"),
    ]


def test_to_end_extended_visits_ends_the_wait_for_a_review(practice):
    support = visits(practice, 8)
    support.was("reviewed", on(8), stage="end", decision="extend")
    support.was("ended", "2014-05-20 10:00", reason_code="moved-away")
    assert (support.the(EXTENDED).state, support.the(EXTENDED).closed_reason) == ("ended", "moved-away")


def test_to_end_the_visits_ends_both_with_the_reason(practice):
    support = visits(practice, 4)
    support.was("ended", "2014-04-17 10:00", reason_code="moved-away")
    found = [(support.the(step).state, support.the(step).closed_reason) for step in (MID, END)]
    assert found == [("ended", "moved-away")] * 2


def test_the_visits_of_another_course_do_not_add_up(practice):
    first, second = visits(practice, 2), visits(practice, 2)
    assert (first.steps(), second.steps()) == ([END], [END])
