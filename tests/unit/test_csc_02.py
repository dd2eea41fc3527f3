"""CSC-02 and the counts over a household: once for each event, over years, emptied only of what somebody read."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.follow_up import End, Line, decide
from shared.kernel.decisions import Actor, Context, Forbidden
from tests.unit.practice import (
    CHILD,
    FRONT_DOOR,
    GP,
    HV,
    NURSERY,
    OTHER,
    PERSON,
    SOCIAL_WORKER,
    TWIN,
    Practice,
    as_text,
    london,
)

BOSS = Actor("fd-manager-kaya", "manager", "front-door-essex", ("essex",))
LEAD = Actor("lead-achterberg", "safeguarding_lead", "partnership-essex", ("essex",))


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
def family(practice) -> Practice:
    """PERSON has two children: CHILD and TWIN."""
    practice.birth(CHILD, "2010-03-01")
    practice.birth(TWIN, "2012-05-01")
    return practice


def contact(practice, on, *, child=CHILD, recorded=None, **said):
    record = practice.record_of("contact", by=FRONT_DOOR, person_id=child)
    return record, record.was("contact.received.v1", on, recorded=recorded, **said)


def injury(practice, on, *, child=CHILD, by=GP, **said):
    record = practice.record_of("concern", by=by, person_id=child)
    return record, record.was("injury.reported.v1", on, **{"mobility": "walking", "seen": True, "site": "limb", **said})


def alleged(practice, on, *, child=CHILD, **said):
    record = practice.record_of("concern", by=NURSERY, person_id=child)
    return record, record.was("harm.alleged.v1", on, **said)


def concern(practice, on, *, child=CHILD, **said):
    record = practice.record_of("concern", by=NURSERY, person_id=child)
    return record, record.was("concern.raised.v1", on, **said)


def of(practice, person=CHILD):
    return practice.record_of("person", by=HV, key=person)


def case(practice, closed_on, *, by=SOCIAL_WORKER, child=CHILD, agency="childrens_social_care"):
    record = practice.record_of("case", by=by, person_id=child, people=[child], agency=agency)
    record.was("case.opened.v1", "2013-01-07 10:00")
    record.was("case.closed.v1", closed_on)
    return record


def states(practice, step, *people):
    return [(who, found.state) for who in people or (CHILD, TWIN, PERSON) for found in of(practice, who).all(step)]


# --- how many, over which time ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "asked"),
    [
        (("2013-01-14", "2013-04-14"), True),  # two within ninety days
        (("2013-01-14", "2013-04-15"), False),  # ninety-one
        (("2013-01-14", "2013-06-03", "2014-01-14"), True),  # three within a year
        (("2013-01-13", "2013-06-03", "2014-01-14"), False),
    ],
)
def test_three_contacts_in_a_year_or_two_in_ninety_days_are_read_together(practice, days, asked):
    for day in days:
        contact(practice, f"{day} 10:00")
    assert bool(of(practice).all("CSC-02.contacts")) == asked


@pytest.mark.parametrize("source", ["neighbour", "anonymous", "family", "police", None])
def test_contacts_of_the_public_and_of_professionals_count_equally(practice, source):
    contact(practice, "2013-01-14 10:00", source=source)
    contact(practice, "2013-02-14 10:00")
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]


def test_what_adds_up_over_years_is_read_although_no_ninety_days_hold_three(practice):
    for day in ("2013-01-14", "2013-06-14", "2013-11-14", "2014-04-14", "2014-09-14"):
        concern(practice, f"{day} 10:00")
    assert of(practice).steps() == []
    concern(practice, "2015-02-14 10:00")
    assert of(practice).steps() == ["SG-02.years"]


# --- one household ------------------------------------------------------------------------------------------------


def test_brothers_and_sisters_count_together_and_only_one_of_them_is_asked_about(family):
    contact(family, "2013-01-14 10:00", child=CHILD)
    contact(family, "2013-02-14 10:00", child=TWIN)
    assert states(family, "CSC-02.contacts") == [(TWIN, "open")]
    contact(family, "2013-02-20 10:00", child=CHILD)
    assert states(family, "CSC-02.contacts") == [(TWIN, "open")]


def test_a_contact_about_the_mother_counts_for_her_household(family):
    contact(family, "2013-01-14 10:00", child=PERSON)
    contact(family, "2013-02-14 10:00", child=TWIN)
    assert states(family, "CSC-02.contacts") == [(TWIN, "open")]


def test_strangers_do_not_count_together(family):
    contact(family, "2013-01-14 10:00", child=CHILD)
    contact(family, "2013-02-14 10:00", child=OTHER)
    assert states(family, "CSC-02.contacts", CHILD, OTHER) == []


def test_a_birth_that_was_a_mistake_joins_nobody(practice):
    birth = practice.birth(TWIN, "2012-05-01")
    practice.birth(CHILD, "2010-03-01")
    contact(practice, "2013-01-14 10:00", child=CHILD)
    contact(practice, "2013-02-14 10:00", child=TWIN)
    assert states(practice, "CSC-02.contacts") == [(TWIN, "open")]
    ended = [event for event in practice.events() if event.type == "pregnancy.ended.v1" and TWIN in str(event.data)]
    birth.retracted(ended[0], "2013-03-01 10:00")
    assert [state for _, state in states(practice, "CSC-02.contacts")] in ([], ["void"])


def test_who_moved_in_with_a_family_belongs_to_its_household(practice):
    home = of(practice, PERSON)
    home.was("household.adult_joined.v1", "2012-12-01 10:00", adult_id=OTHER, children=[CHILD])
    contact(practice, "2013-01-14 10:00", child=OTHER)
    contact(practice, "2013-02-14 10:00", child=CHILD)
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]


def test_two_injuries_of_two_children_of_one_household_are_read_together(family):
    injury(family, "2014-01-01 10:00", child=CHILD)
    injury(family, "2014-03-01 10:00", child=TWIN)
    assert states(family, "SG-02.injuries") == [(TWIN, "open")]
    of(family, CHILD).was("accumulation.reviewed.v1", "2014-03-02 10:00", decision="assess")
    assert states(family, "SG-02.injuries") == [(TWIN, "met")]


# --- once for each event ------------------------------------------------------------------------------------------

NOTICED = {"group_id": "incident-of-may", "about": ["domestic_abuse"]}


def test_several_notices_of_one_event_count_once(practice):
    for _ in range(4):
        contact(practice, "2013-05-01 10:00", **NOTICED)
    assert states(practice, "CSC-02.contacts") == []
    contact(practice, "2013-05-20 10:00")
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]


@pytest.mark.parametrize(
    "other",
    [
        {"group_id": "incident-of-june"},
        {"about": ["neglect"]},
        {"at": "2013-05-02 10:00"},
        {"happened_on": "2013-04-28"},
        {"group_id": None},
    ],
)
def test_a_group_that_is_used_again_for_another_kind_or_day_hides_nothing(practice, other):
    contact(practice, "2013-05-01 10:00", **NOTICED)
    said = {**NOTICED, **other}
    contact(practice, said.pop("at", "2013-05-01 11:00"), **said)
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]


def test_notices_that_arrive_on_other_days_are_one_where_the_day_of_the_event_is_given(practice):
    contact(practice, "2013-05-02 10:00", happened_on="2013-05-01", **NOTICED)
    contact(practice, "2013-05-03 10:00", happened_on="2013-05-01", **NOTICED)
    assert states(practice, "CSC-02.contacts") == []


@pytest.mark.parametrize("other", [{"child": TWIN}, {"kind": "burn"}, {"site": "ear"}, {"group_id": "another"}])
def test_a_reused_group_never_hides_a_second_injury(family, other):
    said = {"group_id": "incident", "kind": "bruise", "site": "limb"}
    injury(family, "2014-01-01 10:00", **said)
    injury(family, "2014-01-01 11:00", **said)
    assert states(family, "SG-02.injuries") == []
    injury(family, "2014-01-01 12:00", **{**said, **other})
    assert len(states(family, "SG-02.injuries")) == 1


def test_when_the_notice_that_counted_was_a_mistake_the_other_one_counts(practice):
    record, first = contact(practice, "2013-05-01 10:00", **NOTICED)
    contact(practice, "2013-05-01 11:00", **NOTICED)
    contact(practice, "2013-05-20 10:00")
    record.retracted(first, "2013-05-21 10:00")
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]


# --- contacts, alleged harm and injuries alike --------------------------------------------------------------------


def test_contacts_alleged_harm_and_injuries_add_up_alike(practice):
    contact(practice, "2014-01-06 10:00")
    alleged(practice, "2014-01-20 10:00")
    assert states(practice, "SG-02.review") == []
    injury(practice, "2014-02-03 10:00")
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "open")]
    assert states(practice, "SG-02.injuries", CHILD) == [(CHILD, "open")]


# --- what a review empties, and what a closing does not -----------------------------------------------------------


def test_a_closing_lowers_no_count_and_ends_nothing_that_is_not_its_own(practice):
    contact(practice, "2013-01-14 10:00")
    case(practice, "2013-01-20 10:00")
    contact(practice, "2013-02-14 10:00")
    case(practice, "2013-02-20 10:00")
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]


def test_a_review_empties_only_of_the_contacts_that_it_names(practice):
    first, _ = contact(practice, "2013-01-14 10:00")
    second, _ = contact(practice, "2013-02-14 10:00")
    child = of(practice)
    child.was("contacts.reviewed.v1", "2013-02-15 10:00", by=BOSS, contacts=[first.id])
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]
    child.was("contacts.reviewed.v1", "2013-02-15 11:00", by=BOSS, contacts=[first.id, second.id])
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "met")]
    contact(practice, "2013-02-20 10:00")
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "met")]
    contact(practice, "2013-02-21 10:00")
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "met"), (CHILD, "open")]


def test_what_becomes_known_after_a_review_was_not_read_and_counts_on(practice):
    for day in ("2014-06-02", "2014-06-10", "2014-06-23"):
        concern(practice, f"{day} 10:00")
    of(practice).was("accumulation.reviewed.v1", "2014-06-25 10:00", decision="assess")
    record = practice.record_of("concern", by=NURSERY, person_id=CHILD)
    record.was("concern.raised.v1", "2014-06-20 10:00", recorded="2014-06-30 10:00")
    concern(practice, "2014-07-01 10:00")
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "met")]
    concern(practice, "2014-07-02 10:00")
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "met"), (CHILD, "open")]


def test_a_pattern_that_grows_says_so_to_the_same_people(practice):
    contact(practice, "2013-01-14 10:00")
    contact(practice, "2013-02-14 10:00")
    told = [found for found in practice.days_pass("2013-02-19 00:00") if found.step == "CSC-02.contacts"]
    assert [found.rungs for found in told] == [("owner",)]
    contact(practice, "2013-02-19 10:00")
    grown = [found for found in practice.days_pass("2013-02-19 12:00") if found.step == "CSC-02.contacts"]
    assert [(found.rungs, found.told) for found in grown] == [(("grown-1",), told[0].told)]
    contact(practice, "2013-02-21 10:00")
    again = [found for found in practice.days_pass("2013-02-21 12:00") if found.step == "CSC-02.contacts"]
    assert [found.rungs for found in again] == [("head-of-service",), ("grown-2",)]


def test_the_one_who_closed_a_case_cannot_review_away_what_is_open_in_it(practice):
    for day in ("2014-06-02", "2014-06-10", "2014-06-23"):
        concern(practice, f"{day} 10:00")
    case(practice, "2014-06-24 10:00", by=SOCIAL_WORKER)
    child = of(practice)
    child.was("accumulation.reviewed.v1", "2014-06-25 10:00", by=SOCIAL_WORKER, decision="monitor")
    child.was("accumulation.reviewed.v1", "2014-06-25 11:00", by=HV, decision="monitor", lead=SOCIAL_WORKER.id)
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "open")]
    child.was("accumulation.reviewed.v1", "2014-06-25 12:00", by=HV, decision="monitor", lead=HV.id)
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "met")]


def test_nor_by_reviewing_it_first_on_the_day_of_the_closing(practice):
    for day in ("2014-06-02", "2014-06-10", "2014-06-23"):
        concern(practice, f"{day} 10:00")
    of(practice).was("accumulation.reviewed.v1", "2014-06-24 09:00", by=SOCIAL_WORKER, decision="support")
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "met")]
    case(practice, "2014-06-24 10:00", by=SOCIAL_WORKER)
    assert states(practice, "SG-02.review", CHILD) == [(CHILD, "open")]


def test_nor_by_ending_it(practice):
    for day in ("2014-06-02", "2014-06-10", "2014-06-23"):
        concern(practice, f"{day} 10:00")
    case(practice, "2014-06-24 10:00", by=LEAD)
    found = of(practice).the("SG-02.review")
    line = Line(above=lambda owner: [LEAD.id, BOSS.id], leads=[], told=lambda owner: [])
    context = Context(london("2014-06-25 12:00"), LEAD, f"follow-up/{found.id}")
    with pytest.raises(Forbidden):
        decide(practice.acts(found), End(found, "not_needed_after_review", line=line), context)
    assert decide(
        practice.acts(found), End(found, "not_needed_after_review", line=line), Context(context.now, BOSS, "")
    )


def test_whoever_screened_one_of_the_contacts_does_not_review_them(practice):
    first, _ = contact(practice, "2013-01-14 10:00")
    second, _ = contact(practice, "2013-02-14 10:00")
    first.was("contact.decided.v1", "2013-01-14 15:00", by=BOSS)
    other = Actor("head-of-service-marlowe", "manager", "front-door-essex", ("essex",))
    child = of(practice)
    child.was("contacts.reviewed.v1", "2013-02-15 10:00", by=BOSS, contacts=[first.id, second.id])
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "open")]
    child.was("contacts.reviewed.v1", "2013-02-15 11:00", by=other, contacts=[first.id, second.id])
    assert states(practice, "CSC-02.contacts", CHILD) == [(CHILD, "met")]


@pytest.mark.parametrize(("day", "due"), [("2014-07-21", "2014-07-21 17:00"), (None, "2014-07-23 17:00")])
def test_to_monitor_is_to_look_again_on_a_day(practice, day, due):
    child = of(practice)
    child.was("accumulation.reviewed.v1", "2014-06-25 10:00", decision="monitor", look_again_on=day)
    assert as_text(child.the("SG-02.again").due_at) == due
    child.was("accumulation.reviewed.v1", "2014-07-10 10:00", decision="support")
    assert child.the("SG-02.again").state == "met"


@pytest.mark.parametrize("decision", ["refer", "assess", "support"])
def test_another_decision_is_not_looked_at_again(practice, decision):
    child = of(practice)
    child.was("accumulation.reviewed.v1", "2014-06-25 10:00", decision=decision)
    assert child.all("SG-02.again") == []


# --- closings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("day", "asked"), [("2014-06-24", True), ("2014-06-25", False)])
def test_a_contact_within_a_year_of_a_closing_has_the_closing_read_again(practice, day, asked):
    case(practice, "2013-06-24 10:00")
    contact(practice, f"{day} 10:00")
    assert bool(of(practice).all("CSC-02.again")) == asked


def test_a_contact_about_a_sister_has_it_read_again_too(family):
    case(family, "2013-06-24 10:00", child=CHILD)
    contact(family, "2013-08-01 10:00", child=TWIN)
    assert states(family, "CSC-02.again") == [(TWIN, "open")]


def test_a_health_visitors_closing_is_no_closing_of_social_care(practice):
    case(practice, "2013-06-24 10:00", by=HV, agency="health_visiting")
    contact(practice, "2013-08-01 10:00")
    assert of(practice).all("CSC-02.again") == []


def test_the_cases_of_brothers_and_sisters_closed_on_one_day_are_one_closing(family):
    case(family, "2013-06-24 10:00", child=CHILD)
    case(family, "2013-06-24 11:00", child=TWIN)
    assert states(family, "CSC-02.closings") == []
    case(family, "2014-02-03 10:00", child=TWIN)
    assert states(family, "CSC-02.closings") == [(TWIN, "open")]
