"""Essex and Norfolk have numbers of their own, each with its own source, and a person has those of where they live."""

from __future__ import annotations

import pytest

from tests.unit.practice import (
    CHILD,
    GP,
    HISTORY,
    HV,
    MANAGER,
    MIDWIFE,
    PA,
    PACKS,
    PERSON,
    SOCIAL_WORKER,
    Practice,
    Thread,
    as_text,
    london,
)

# All of these open on Wednesday, 15 January 2014 at ten, when the person lives in Essex, in Norfolk, or elsewhere.
OPENED = "2014-01-15 10:00"


def rejected(practice: Practice) -> Thread:
    referral = practice.referral(by=GP)
    referral.was("rejected", OPENED)
    return referral


def missed(practice: Practice) -> Thread:
    referral = practice.referral(by=GP)
    referral.was("not_attended", OPENED)
    return referral


def sent(practice: Practice) -> Thread:
    referral = practice.referral(by=GP)
    referral.was("sent", OPENED)
    return referral


def partner_named(practice: Practice) -> Thread:
    pregnancy = practice.record_of("pregnancy", by=MIDWIFE)
    pregnancy.was("pregnancy.partner_named.v1", OPENED)
    return pregnancy


def to_be_conferred(practice: Practice) -> Thread:
    pregnancy = practice.record_of("pregnancy", by=SOCIAL_WORKER)
    pregnancy.was("pregnancy.booked.v1", "2013-12-02 10:00", edd="2014-06-16", mother_age_band="from_20")
    pregnancy.was("prebirth.strategy_decided.v1", OPENED, outcome="conference")
    return pregnancy


def declined_twice(practice: Practice) -> Thread:
    child = practice.record_of("person", by=HV, key=CHILD)
    child.was("review.declined.v1", OPENED, review="twelve_month")
    child.was("review.declined.v1", OPENED, review="two_year")
    return child


# Step, how it opens, and when it is due: by the national number, in Essex, in Norfolk.
NUMBERS = [
    ("REF-04", rejected, "2014-01-22 17:00", "2014-01-20 17:00", "2014-01-22 17:00"),
    ("DNA-01.re-offer", missed, "2014-01-22 17:00", "2014-01-20 17:00", "2014-01-22 17:00"),
    ("REF-02", sent, "2014-01-20 17:00", "2014-01-20 17:00", "2014-01-17 17:00"),
    ("PBA-03", to_be_conferred, "2014-02-05 17:00", "2014-02-05 17:00", "2014-01-29 17:00"),
    ("PBA-04", partner_named, "2014-01-29 17:00", "2014-01-29 17:00", "2014-01-22 17:00"),
    ("HV-01.declined-twice", declined_twice, "2014-01-22 17:00", "2014-01-22 17:00", "2014-01-20 17:00"),
]


@pytest.mark.parametrize(("step", "opened", "national", "essex", "norfolk"), NUMBERS)
def test_who_moved_is_under_the_numbers_of_where_they_live(step, opened, national, essex, norfolk):
    found = {}
    for area in ("suffolk", "essex", "norfolk"):
        practice = Practice()
        move = practice.record_of("move", people=[PERSON, CHILD], from_area="kent", to_area=area)
        move.was("household.moved.v1", "2014-01-06", precision="day")
        follow_up = opened(practice).the(step)
        assert follow_up.area == area
        found[area] = as_text(follow_up.due_at)
    assert found == {"suffolk": national, "essex": essex, "norfolk": norfolk}


@pytest.mark.parametrize(("area", "due"), [("essex", "2014-01-20 17:00"), ("norfolk", "2014-01-22 17:00")])
def test_a_leaver_has_the_numbers_of_the_authority_that_is_responsible(area, due):
    practice = Practice()
    leaver = practice.record_of("care-leaver", by=PA)
    practice.record(
        "adviser.ended.v1",
        leaver.name,
        {"care_leaver_id": leaver.id, "person_id": PERSON, "adviser": "pa-lindqvist", "reason_code": "left"},
        london(OPENED),
        "leaving_care",
        MANAGER,
        area=area,
    )
    assert as_text(leaver.the("CL-02.adviser").due_at) == due


@pytest.mark.parametrize("area", ["essex", "norfolk"])
def test_each_area_overrides_at_least_three_numbers_and_says_on_what_they_rest(area):
    national = PACKS["england"]["steps"]
    overrides = PACKS[area]["steps"]
    numbers = {
        step: part
        for step, content in overrides.items()
        for part in ("due", "ladder", "opens_on")
        if part in content and content[part] != national[step][part]
    }
    assert len(numbers) >= 3 and set(numbers) == set(overrides)
    for step, content in overrides.items():
        assert {"basis", "source", "confidence"} <= set(content)
        assert content["source"] != national[step]["source"]
    assert len({content["source"] for content in overrides.values()}) == len(overrides)


@pytest.mark.parametrize(("step", "opened", "national", "essex", "norfolk"), NUMBERS)
def test_the_follow_up_shows_the_areas_own_source(step, opened, national, essex, norfolk):
    area = "essex" if essex != national else "norfolk"
    practice = Practice()
    move = practice.record_of("move", people=[PERSON, CHILD], from_area="kent", to_area=area)
    move.was("household.moved.v1", "2014-01-06", precision="day")
    found = opened(practice).the(step)
    assert found.source == PACKS[area]["steps"][step]["source"]
    assert found.rules[area] == PACKS[area]["version"]


def test_a_step_that_an_area_leaves_as_it_is_is_compiled_once_for_all_areas() -> None:
    essex, elsewhere = (HISTORY.timeline(area)[-1].steps for area in ("essex", "kent"))
    changed = PACKS["essex"]["steps"].keys()
    assert all(essex[step_id] is elsewhere[step_id] for step_id in elsewhere.keys() - changed)
    assert all(essex[step_id] is not elsewhere[step_id] for step_id in changed)
