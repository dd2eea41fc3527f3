"""PBA-04: both parents, or an adult who joins a household with a child, are checked and somebody is told."""

from __future__ import annotations

import pytest

from shared.kernel.decisions import Actor
from tests.unit.practice import (
    CHILD,
    HV,
    MIDWIFE,
    NORFOLK_HV,
    OTHER,
    PARTNER,
    PERSON,
    TWIN,
    Practice,
    as_text,
    chase,
)

NAMED = "2013-11-28 10:00"  # a Thursday
NORFOLK = Actor("midwife-ncube", "midwife", "midwifery-bure", ("norfolk",))


@pytest.fixture
def practice() -> Practice:
    return Practice()


def booked(practice: Practice, by: Actor = MIDWIFE):
    pregnancy = practice.record_of("pregnancy", by=by, edd="2014-06-15", mother_age_band="from_20")
    pregnancy.was("booked", "2013-11-27 10:00")
    return pregnancy


@pytest.mark.parametrize("relation", ["father", "partner"])
@pytest.mark.parametrize("known", [True, False])
def test_a_father_or_a_partner_known_by_his_number_or_not_opens_it(practice, relation, known):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER, relation=relation, partner_known=known)
    assert pregnancy.the("PBA-04").state == "open"
    assert ("DATA-01.partner" in pregnancy.steps()) == (not known)


def test_as_the_second_pregnancy_of_case_s_it_is_due_on_the_twelfth_of_december(practice):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER, partner_known=True)
    assert [found for found in practice.days_pass("2013-12-20 00:00") if found.step == "PBA-04"] == [
        chase("2013-12-12 17:00", "PBA-04", "owner", "midwife-ekwueme"),
        chase("2013-12-19 17:00", "PBA-04", "named-midwife", "midwife-ekwueme", "named-midwife-oyelaran"),
    ]


def test_norfolk_asks_for_five_working_days(practice):
    pregnancy = booked(practice, NORFOLK)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER)
    assert as_text(pregnancy.the("PBA-04").due_at) == "2013-12-05 17:00"
    household = practice.record_of("person", by=NORFOLK_HV)
    household.was("household.adult_joined.v1", NAMED, adult_id=PARTNER, children=[CHILD])
    assert as_text(household.the("PBA-04.household").due_at) == "2013-12-12 17:00"  # as the national pack has it


def test_each_partner_who_is_named_opens_one(practice):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER, relation="father")
    pregnancy.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=[PERSON, PARTNER])
    pregnancy.was("partner_named", "2013-12-03 10:00", partner_id=OTHER, relation="partner")
    assert [found.state for found in pregnancy.all("PBA-04")] == ["met", "open"]


@pytest.mark.parametrize(("checked", "other"), [(PARTNER, OTHER), (OTHER, PARTNER)])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("by", [MIDWIFE, NORFOLK])
def test_a_check_that_names_one_of_two_partners_leaves_the_other_open(practice, by, known, checked, other):
    pregnancy = booked(practice, by)
    opened = {
        partner: pregnancy.was("partner_named", NAMED, partner_id=partner, partner_known=known).id
        for partner in (PARTNER, OTHER)
    }

    def states(partner):
        found = practice.follow_ups(pregnancy.name)
        return {(one.step, one.state) for one in found if one.opened_by == opened[partner]}

    steps = ("PBA-04", "DATA-01.partner")[: 1 if known else 2]
    pregnancy.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=[PERSON, checked])
    assert (states(checked), states(other)) == ({(step, "met") for step in steps}, {(step, "open") for step in steps})
    told = [found.step for found in practice.days_pass("2013-12-12 17:00") if found.step == "PBA-04"]
    assert told and len([one for one in pregnancy.all("PBA-04") if practice.acts(one).chases]) == 1
    pregnancy.was("parent.checks_recorded.v1", "2013-12-13 10:00", parents=[other])
    assert states(other) == {(step, "met") for step in steps}


@pytest.mark.parametrize("parents", [[], [PERSON], [PERSON, OTHER]])
def test_a_check_of_the_mother_alone_or_of_another_man_is_none_of_the_partner(practice, parents):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER)
    pregnancy.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=parents)
    assert pregnancy.the("PBA-04").state == "open"


def test_a_check_under_another_id_of_the_partner_counts_once_the_two_are_known_to_be_one(practice):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER, partner_known=False)
    pregnancy.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=[PERSON, OTHER])
    assert pregnancy.the("PBA-04").state == "open"
    practice.record_of("person", by=HV, key=OTHER).was("person.linked.v1", "2013-12-03 10:00", other_person_id=PARTNER)
    assert pregnancy.the("PBA-04").state == "met"


def test_checks_of_another_pregnancy_of_the_same_mother_do_not_count(practice):
    ours, theirs = booked(practice), booked(practice)
    ours.was("partner_named", NAMED, partner_id=PARTNER)
    theirs.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=[PERSON, PARTNER])
    assert ours.the("PBA-04").state == "open"


def test_a_loss_ends_the_checks_of_the_parents(practice):
    pregnancy = booked(practice)
    pregnancy.was("partner_named", NAMED, partner_id=PARTNER, partner_known=True)
    pregnancy.was("ended", "2013-12-02 10:00", outcome="termination")
    assert pregnancy.the("PBA-04").closed_reason == "bereavement"
    assert {found.step for found in practice.days_pass("2014-12-31 00:00")} == {"BEREAVE-01.loss"}


def test_an_adult_who_joins_opens_one_for_the_household_and_none_for_each_child(practice):
    household = practice.record_of("person", by=HV)
    household.was("household.adult_joined.v1", NAMED, adult_id=PARTNER, children=[CHILD, TWIN])
    assert household.the("PBA-04.household").state == "open"
    elsewhere = [found for who in (PARTNER, CHILD, TWIN) for found in practice.follow_ups(f"person/{who}")]
    assert [found.step for found in elsewhere if found.standard == "PBA-04"] == []


def test_each_adult_who_joins_is_checked(practice):
    household = practice.record_of("person", by=HV)
    household.was("household.adult_joined.v1", NAMED, adult_id=PARTNER)
    household.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=[PARTNER])
    household.was("household.adult_joined.v1", "2014-01-13 10:00", adult_id=OTHER)
    assert [(found.state, as_text(found.due_at)) for found in household.all("PBA-04.household")] == [
        ("met", "2013-12-12 17:00"),
        ("open", "2014-01-27 17:00"),
    ]


def test_a_check_that_names_one_of_two_adults_who_joined_leaves_the_other_open(practice):
    household = practice.record_of("person", by=HV)
    for adult in (PARTNER, OTHER):
        household.was("household.adult_joined.v1", NAMED, adult_id=adult, children=[CHILD])
    household.was("parent.checks_recorded.v1", "2013-12-02 10:00", parents=[PERSON, PARTNER])
    assert sorted(found.state for found in household.all("PBA-04.household")) == ["met", "open"]
    household.was("parent.checks_recorded.v1", "2013-12-03 10:00", parents=[OTHER])
    assert [found.state for found in household.all("PBA-04.household")] == ["met", "met"]
