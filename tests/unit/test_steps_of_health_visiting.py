"""What holds for every step of health visiting (HV), in a table worked out by hand."""

from __future__ import annotations

import pytest

from tests.unit.family_steps import (
    EIGHT_WEEKS,
    FIVE,
    HV_BOSS,
    HV_DUTY,
    ONE,
    OPENINGS,
    PREGNANCY_ENDED,
    REVIEWED,
    SAME_DAY,
    TEN,
    D,
    Row,
    StepTests,
    World,
    it,
    review,
)
from tests.unit.practice import CHILD, HV, MIDWIFE, PERSON

FORTNIGHT = D("2014-01-29", "2014-02-01", "2014-04-30", "2014-01-06", "2014-04-11", "2013-11-08", "2014-02-14")
FIFTEEN_MONTHS = D("2015-04-15", "2015-04-18", "2015-07-16", "2015-03-23", "2015-06-28", "2015-01-25", "2015-04-30")
THIRTY_MONTHS = D("2016-07-15", "2016-07-18", "2016-10-16", "2016-06-23", "2016-09-28", "2016-04-25", "2016-07-31")
FOUR_WEEKS_BEFORE_BIRTH = dict.fromkeys(OPENINGS, "2014-05-19 17:00")  # expected on 16 June
MOVED = it("household.moved.v1", handover_needed=True, people=[PERSON], from_area="essex", to_area="norfolk")
IN_VAIN = (it("handover.attempted.v1", outcome="not_reached"),) * 2
REACHED = it("handover.attempted.v1", outcome="reached")
TAKEN_OVER = it("handover.acknowledged.v1", team="hv-yare", practitioner="hv-castro")


STEPS: dict[str, Row] = {
    "HV-01.antenatal": Row(
        "pregnancy",
        (it("pregnancy.booked.v1", edd="2014-06-16", mother_age_band="from_20"),),
        FOUR_WEEKS_BEFORE_BIRTH,
        (it("review.completed.v1", review="antenatal"),),
        (("2014-05-19 17:00", "owner", f"{HV_DUTY} {HV_BOSS}"), ("2014-06-17 17:00", "owner", f"{HV_DUTY} {HV_BOSS}")),
        ended=(it("review.declined.v1", review="antenatal"), *PREGNANCY_ENDED),
        near=(it("review.offered.v1", review="antenatal"),),
        by=MIDWIFE,
        done_before="never opened",
        said={"edd": "2014-06-16"},
    ),
    "HV-01.new-birth": review("new_birth", FORTNIGHT, "2014-01-29", "2014-02-26"),
    "HV-01.six-week": review("six_week", EIGHT_WEEKS, "2014-03-12", "2014-04-09"),
    "HV-01.twelve-month": review("twelve_month", FIFTEEN_MONTHS, "2015-04-15", "2015-05-14"),
    "HV-01.two-year": review("two_year", THIRTY_MONTHS, "2016-07-15", "2016-08-12"),
    "HV-01.declined-twice": Row(
        "person",
        (it("review.declined.v1", review="twelve_month"), it("review.declined.v1", review="two_year")),
        FIVE,
        (REVIEWED, it("review.completed.v1", review="two_year")),
        (("2014-01-22 17:00", "owner", f"{HV_DUTY} {HV_BOSS}"), ("2014-02-19 17:00", "owner", f"{HV_DUTY} {HV_BOSS}")),
        person=CHILD,
    ),
    "HV-02.attempt": Row(
        "move",
        (MOVED,),
        ONE,
        (REACHED, it("handover.attempted.v1", outcome="not_reached"), it("handover.given.v1"), TAKEN_OVER),
        (
            ("2014-01-16 17:00", "owner", HV_DUTY),
            ("2014-01-20 17:00", "manager", f"{HV_DUTY} {HV_BOSS}"),
            ("2014-01-27 17:00", "manager", f"{HV_DUTY} {HV_BOSS}"),
        ),
    ),
    "HV-02.acknowledge": Row(
        "move",
        (MOVED,),
        FIVE,
        (TAKEN_OVER,),
        (
            ("2014-01-22 17:00", "owner", f"{HV_DUTY} {HV_BOSS}"),
            ("2014-01-29 17:00", "designated-nurse", f"{HV_DUTY} named-nurse-lovelock designated-nurse-hartigan"),
            ("2014-02-05 17:00", "designated-nurse", f"{HV_DUTY} named-nurse-lovelock designated-nurse-hartigan"),
        ),
        near=(REACHED, it("handover.given.v1")),
    ),
    "HV-02.acknowledge-there": Row(
        "move",
        (MOVED,),
        FIVE,
        (TAKEN_OVER,),
        (
            ("2014-01-22 17:00", "owner", "hv-castro hv-manager-blom"),
            ("2014-01-29 17:00", "designated-nurse", "hv-castro named-nurse-penhale designated-nurse-asante"),
            ("2014-02-05 17:00", "designated-nurse", "hv-castro named-nurse-penhale designated-nurse-asante"),
        ),
        near=(REACHED, it("handover.given.v1")),
    ),
    "HV-02.first-contact": Row(
        "move",
        (MOVED,),
        TEN,
        (it("handover.first_contact_made.v1"),),
        (
            ("2014-01-29 17:00", "owner", "hv-castro"),
            ("2014-02-05 17:00", "manager", "hv-castro hv-manager-blom"),
            ("2014-02-19 17:00", "manager", "hv-castro hv-manager-blom"),
        ),
        near=(TAKEN_OVER,),
    ),
    "HV-02.unreached": Row(
        "move",
        IN_VAIN,
        SAME_DAY,
        (REACHED, TAKEN_OVER),
        (
            ("2014-01-15 23:59", "owner", f"{HV_DUTY} named-nurse-lovelock"),
            ("2014-01-22 17:00", "owner", f"{HV_DUTY} named-nurse-lovelock"),
        ),
        near=(*IN_VAIN, it("handover.given.v1")),
        setup=(MOVED,),
    ),
    "HV-02.unreached-there": Row(
        "move",
        IN_VAIN,
        SAME_DAY,
        (REACHED, TAKEN_OVER),
        (
            ("2014-01-15 23:59", "owner", "hv-castro named-nurse-penhale"),
            ("2014-01-22 17:00", "owner", "hv-castro named-nurse-penhale"),
        ),
        near=(*IN_VAIN, it("handover.given.v1")),
        setup=(MOVED,),
    ),
}


class TestStepsOfHealthVisiting(StepTests):
    steps = STEPS
    prefixes = ("HV-",)
    open_after_a_death = frozenset(step for step in STEPS if step.startswith("HV-02."))


@pytest.mark.parametrize("step", sorted(TestStepsOfHealthVisiting.open_after_a_death))
def test_no_death_ends_what_a_family_or_a_child_is_owed_all_the_same(step: str) -> None:
    world = World(STEPS[step], step)
    world.opens()
    dead = world.practice.record_of("person", by=HV, key=world.row.person)
    dead.was("person.died.v1", "2014-01-15 11:00")
    assert (world.follow_up.state, world.closer()) == ("open", None)
    event_type, said = world.row.met[0]
    world.happens(event_type, "2014-01-15 15:00", **said)
    assert world.follow_up.state == "met"
