"""SG-02: several concerns about one child, each slight and from anywhere, are put together by a named lead."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import End
from tests.unit.practice import (
    CHILD,
    FRONT_DOOR,
    GP,
    HV,
    MANAGER,
    NORFOLK_HV,
    NURSERY,
    PERSON,
    TWIN,
    Practice,
    as_text,
    chase,
)


@pytest.fixture
def practice() -> Practice:
    return Practice()


def concern(practice, on, *, by=NURSERY, child=CHILD, **said):
    record = practice.record_of("concern", by=by, person_id=child)
    return record, record.was("concern.raised.v1", on, **said)


def injury(practice, on, *, by=NURSERY, child=CHILD, **said):
    record = practice.record_of("concern", by=by, person_id=child)
    usual = {"seen": True, "mobility": "walking", "site": "limb"}
    return record, record.was("injury.reported.v1", on, **{**usual, **said})


def of_child(practice, child=CHILD):
    return practice.record_of("person", by=HV, key=child)


def steps(practice, child=CHILD):
    return [(found.step, found.state) for found in practice.follow_ups(f"person/{child}")]


THREE = ("2014-06-02 10:00", "2014-06-10 10:00", "2014-06-23 10:00")
BOTH = [("SG-02.lead", "open"), ("SG-02.review", "open")]


def test_two_concerns_ask_nothing_and_the_third_asks_for_a_lead_that_day_and_a_review_in_two(practice):
    concern(practice, THREE[0])
    concern(practice, THREE[1])
    assert steps(practice) == []
    concern(practice, THREE[2])
    lead, review = practice.follow_ups(f"person/{CHILD}")
    assert (lead.step, as_text(lead.due_at)) == ("SG-02.lead", "2014-06-23 23:59")
    assert (review.step, as_text(review.due_at)) == ("SG-02.review", "2014-06-25 17:00")


def test_whichever_agencies_they_came_from_and_however_each_was_told(practice):
    concern(practice, THREE[0], by=NURSERY)
    injury(practice, THREE[1], by=GP)
    call = practice.record_of("consultation", by=FRONT_DOOR, person_id=None)
    call.was("consultation.held.v1", "2014-06-20 10:00", named=False)
    assert steps(practice) == []
    call.was("consultation.linked.v1", THREE[2], person_id=CHILD)
    assert steps(practice) == BOTH


def test_one_call_counts_once_however_often_it_is_told(practice):
    concern(practice, THREE[0])
    call = practice.record_of("consultation", by=FRONT_DOOR, person_id=CHILD)
    call.was("consultation.held.v1", THREE[1], named=True)
    call.was("consultation.linked.v1", "2014-06-11 10:00")
    call.was("consultation.referred.v1", THREE[2])
    assert steps(practice) == []
    concern(practice, "2014-06-24 10:00")
    assert steps(practice) == BOTH


@pytest.mark.parametrize("kind", ["child.seen.v1", "injury.decided.v1"])
def test_what_follows_on_a_concern_is_no_further_concern(practice, kind):
    record, _ = concern(practice, THREE[0])
    concern(practice, THREE[1])
    record.was(kind, THREE[2])
    assert steps(practice) == []


def test_concerns_about_another_child_do_not_count(practice):
    concern(practice, THREE[0])
    concern(practice, THREE[1], child=TWIN)
    concern(practice, THREE[2], child=TWIN)
    assert steps(practice) == steps(practice, TWIN) == []


@pytest.mark.parametrize(
    ("first", "third", "counts"),
    [
        ("2014-01-01 18:00", "2014-04-01 09:00", True),  # ninety days
        ("2014-01-01 09:00", "2014-04-01 18:00", True),  # the days count, not the hours
        ("2014-01-01 18:00", "2014-04-02 09:00", False),  # ninety-one
        ("2014-09-01 10:00", "2014-11-30 10:00", True),  # ninety, and an hour more by the clocks
        ("2014-09-01 10:00", "2014-12-01 10:00", False),
    ],
)
def test_three_within_ninety_days_count(practice, first, third, counts):
    concern(practice, first)
    concern(practice, third)
    concern(practice, third)
    assert steps(practice) == (BOTH if counts else [])


@pytest.mark.parametrize(
    ("second", "counts"),
    [("2014-06-30 09:00", True), ("2014-07-01 09:00", False)],
)
def test_two_injuries_within_a_hundred_and_eighty_days_count(practice, second, counts):
    injury(practice, "2014-01-01 10:00")
    injury(practice, second)
    assert [step for step, _ in steps(practice)] == (["SG-02.injuries"] if counts else [])


def test_known_only_by_their_months_they_count_when_they_can_have_been_that_near(practice):
    concern(practice, "2015-02-01", precision="month")
    concern(practice, "2015-04-01", precision="month")
    concern(practice, "2015-05-28 10:00")  # 89 days after 28 February
    assert steps(practice) == BOTH


@pytest.mark.parametrize(
    ("third", "lead", "review"),
    [
        ("2014-06-23 10:00", "2014-06-23 23:59", "2014-06-25 17:00"),
        ("2014-06-21 10:00", "2014-06-21 23:59", "2014-06-25 17:00"),  # a Saturday: two days from Monday
        ("2014-04-17 10:00", "2014-04-17 23:59", "2014-04-23 17:00"),  # over Easter
        ("2014-12-24 10:00", "2014-12-24 23:59", "2014-12-30 17:00"),  # over Christmas
        ("2014-10-24 10:00", "2014-10-24 23:59", "2014-10-28 17:00"),  # over the change of the clocks
    ],
)
def test_they_are_due_on_the_day(practice, third, lead, review):
    for _ in range(3):
        concern(practice, third)
    assert [as_text(found.due_at) for found in practice.follow_ups(f"person/{CHILD}")] == [lead, review]


def test_the_health_visitor_owns_it_until_a_lead_is_named_who_then_owns_the_review(practice):
    child = of_child(practice)
    child.was("practitioner.assigned.v1", "2014-01-06 10:00", role="health_visitor")
    for day in THREE:
        concern(practice, day)
    assert {found.owner.person for found in practice.follow_ups(child.name)} == {"hv-pereira"}
    child.was("accumulation.lead_named.v1", "2014-06-23 14:00", by=HV, lead="hv-sato", team="hv-harwich")
    assert (child.the("SG-02.lead").state, child.the("SG-02.review").owner.person) == ("met", "hv-sato")


def test_it_goes_up_from_the_health_visitor_to_the_safeguarding_lead_to_the_front_door(practice):
    for day in THREE:
        concern(practice, day)
    of_child(practice).was("accumulation.lead_named.v1", "2014-06-23 14:00", lead="hv-pereira", team="hv-harwich")
    duty, lead, door = "hv-sato", "lead-achterberg", "fd-laurent"
    assert practice.days_pass("2014-07-10 00:00") == [
        chase("2014-06-25 17:00", "SG-02.review", "owner", "hv-pereira", duty),
        chase("2014-06-27 17:00", "SG-02.review", "safeguarding-lead", "hv-pereira", duty, lead),
        chase("2014-07-02 17:00", "SG-02.review", "mash", lead, door),
        chase("2014-07-09 17:00", "SG-02.review", "mash", lead, door),
    ]


OTHERS = ["review.completed.v1", "review.declined.v1", "practitioner.assigned.v1", "parent.checks_recorded.v1"]


@pytest.mark.parametrize("other", [*OTHERS, "accumulation.lead_named.v1"])
def test_only_a_review_meets_the_review(practice, other):
    for day in THREE:
        concern(practice, day)
    of_child(practice).was(other, "2014-06-24 10:00")
    assert of_child(practice).the("SG-02.review").state == "open"


def test_a_review_meets_all_three(practice):
    for day in THREE:
        injury(practice, day)
    of_child(practice).was("accumulation.reviewed.v1", "2014-06-24 10:00", decision="assess")
    assert {state for step, state in steps(practice)} == {"met"}


def test_an_open_one_takes_in_every_further_concern(practice):
    for day in (*THREE, "2014-06-24 10:00", "2014-07-24 10:00", "2015-06-24 10:00"):
        concern(practice, day)
    assert steps(practice) == [*BOTH, ("SG-02.years", "open")]  # the sixth in three years


def test_after_a_review_the_count_starts_anew(practice):
    for day in THREE:
        concern(practice, day)
    of_child(practice).was("accumulation.reviewed.v1", "2014-06-25 10:00")
    concern(practice, "2014-06-26 10:00")
    concern(practice, "2014-06-27 10:00")
    assert [state for _, state in steps(practice)] == ["met", "met"]
    concern(practice, "2014-06-30 10:00")
    assert steps(practice)[2:] == BOTH


@pytest.mark.parametrize("step", ["SG-02.lead", "SG-02.review"])
def test_after_a_manager_ended_it_with_a_reason_the_count_starts_anew_and_is_not_silent_for_ever(practice, step):
    for day in THREE:
        concern(practice, day)
    practice.act(End(of_child(practice).the(step), "known-and-explained"), "2014-06-24 10:00", by=MANAGER)
    for day in ("2014-06-25 10:00", "2014-06-26 10:00"):
        concern(practice, day)
    assert [found.state for found in of_child(practice).all(step)] == ["ended"]
    concern(practice, "2014-06-27 10:00")
    assert [found.state for found in of_child(practice).all(step)] == ["ended", "open"]


def test_a_concern_that_becomes_known_late_and_changes_which_is_the_third_moves_no_chase(practice):
    for day in THREE:
        concern(practice, day)
    practice.days_pass("2014-06-28 00:00")
    before = of_child(practice).the("SG-02.review")
    concern(practice, "2014-06-05 10:00", recorded="2014-06-30 10:00")
    found = of_child(practice).the("SG-02.review")
    assert (found.id, as_text(found.opened_at), as_text(found.due_at)) == (
        before.id,
        THREE[1],
        "2014-06-12 17:00",
    )
    assert practice.acts(found).chases == 2
    # The health visitor and the lead have been told; the front door's rung turns out to be due long since. The health
    # visitor learns that there is one more.
    told = [one for one in practice.sweep("2014-06-30 10:00") if one.step == "SG-02.review"]
    told_now = ("lead-achterberg", "fd-laurent", "hv-sato")
    assert told == [chase("2014-06-30 10:00", "SG-02.review", "mash grown-1", *told_now)]


def test_a_concern_that_was_a_mistake_no_longer_counts_and_what_was_asked_stays_in_sight(practice):
    for day in THREE[:2]:
        concern(practice, day)
    record, third = concern(practice, THREE[2])
    practice.days_pass("2014-06-26 00:00")
    retraction = record.retracted(third, "2014-06-26 10:00")
    found = practice.follow_ups(f"person/{CHILD}")
    assert {(one.state, one.closed_by) for one in found} == {("void", retraction.id)}
    assert practice.days_pass("2015-06-26 00:00") == []
    concern(practice, "2014-06-27 10:00", recorded="2014-06-30 10:00")
    assert steps(practice) == BOTH


def test_it_is_void_by_what_struck_out_its_own_facts_and_not_by_anybody_elses_correction(practice):
    for day in THREE[:2]:
        concern(practice, day)
    record, third = concern(practice, THREE[2])
    own = record.retracted(third, "2014-06-26 10:00")
    other, mistaken = concern(practice, THREE[0], child=TWIN)
    other.retracted(mistaken, "2014-06-27 10:00")
    assert {one.closed_by for one in practice.follow_ups(f"person/{CHILD}")} == {own.id}


def test_where_the_family_moved_to_a_new_one_opens_and_the_first_stays_with_the_area_that_was_left(practice):
    for day in THREE:
        concern(practice, day)
    move = practice.record_of("move", people=[PERSON, CHILD])
    move.was("household.moved.v1", "2014-07-07", precision="day", from_area="essex", to_area="norfolk")
    concern(practice, "2014-07-08 10:00", by=NORFOLK_HV)
    concern(practice, "2014-07-09 10:00", by=NORFOLK_HV)
    reviews = of_child(practice).all("SG-02.review")
    assert [(found.area, as_text(found.opened_at), found.state) for found in reviews] == [
        ("essex", THREE[2], "open"),
        ("norfolk", "2014-07-08 10:00", "open"),
    ]


def test_the_move_that_was_a_mistake_leaves_one_and_the_other_void(practice):
    for day in THREE:
        concern(practice, day)
    move = practice.record_of("move", people=[PERSON, CHILD])
    moved = move.was("household.moved.v1", "2014-07-07", precision="day", from_area="essex", to_area="norfolk")
    concern(practice, "2014-07-08 10:00", by=NURSERY)
    practice.days_pass("2014-07-14 00:00")
    move.retracted(moved, "2014-07-14 10:00")
    reviews = of_child(practice).all("SG-02.review")
    assert [found.state for found in reviews] == ["open", "void"]


def test_the_injuries_of_an_older_child_count_too(practice):
    practice.birth(CHILD, "2008-01-01")
    injury(practice, "2014-01-01 10:00")
    injury(practice, "2014-01-02 10:00")
    assert ("SG-02.injuries", "open") in steps(practice)
