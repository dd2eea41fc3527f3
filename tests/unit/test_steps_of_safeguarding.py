"""What holds for every step of safeguarding (SG), in a table worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.unit.family_steps import (
    CHRISTMAS,
    FIVE,
    HV_DUTY,
    JANUARY,
    ONE,
    OPENED,
    OPENINGS,
    REVIEWED,
    SAME_DAY,
    SATURDAY,
    TEN,
    TWENTY,
    TWO,
    RouteBody,
    Row,
    StepTests,
    World,
    it,
)
from tests.unit.practice import CHILD, GP, HV, NURSERY, OTHER

AT_ONCE = {**{opening: opening for opening in OPENINGS}, JANUARY: "2014-01-31 23:59"}

IN_4_HOURS = {
    OPENED: "2014-01-15 14:00",
    SATURDAY: "2014-01-18 14:00",
    CHRISTMAS: "2013-12-23 14:00",
    "2014-03-30 00:30": "2014-03-30 05:30",
    "2013-10-26 23:00": "2013-10-27 02:00",
    JANUARY: "2014-02-01 03:59",
}

IN_24_HOURS = {
    OPENED: "2014-01-16 10:00",
    SATURDAY: "2014-01-19 10:00",
    "2013-12-24 16:30": "2013-12-25 16:30",
    "2014-03-29 10:00": "2014-03-30 11:00",
    "2013-10-26 10:00": "2013-10-27 09:00",
    JANUARY: "2014-02-01 23:59",
}

DOCTOR, SOCIAL_CARE = "named-doctor-banerjee", "sw-petrov"
LEAD, DOOR, DOOR_BOSS = "lead-achterberg", "fd-laurent", "fd-manager-kaya"
JANSEN = "ey-jansen"


def injury(**said: Any) -> RouteBody:
    usual = {"seen": True, "mobility": "walking", "site": "limb", "clustered": False}
    return it("injury.reported.v1", **{**usual, **said})


TO_SOCIAL_CARE = it("referral.sent.v1", service="childrens_social_care")
DECISIONS = ("consistent_with_account", "monitor", "discuss", "refer")


def accumulated(opened: RouteBody, n: int, due: Mapping[str, str], met: tuple[RouteBody, ...], *at: str) -> Row:
    owner, lead, door, again = at
    return Row(
        "person",
        (opened,) * n,
        due,
        met,
        (
            (owner, "owner", HV_DUTY),
            (lead, "safeguarding-lead", f"{HV_DUTY} {LEAD}"),
            (door, "mash", f"{LEAD} {DOOR}"),
            (again, "mash", f"{LEAD} {DOOR}"),
        ),
        by=NURSERY,
        person=CHILD,
        on="concern",
    )


NAMED_LEAD = it("accumulation.lead_named.v1")
SUMMER = ("2014-01-17 17:00", "2014-01-21 17:00", "2014-01-24 17:00", "2014-01-31 17:00")
HARM = it("consultation.held.v1", mentions=["parenting", "bruise"], named=False, to_team="front-door-essex")
NO_HARM = it("consultation.held.v1", mentions=["parenting"], named=False, to_team="front-door-essex")


STEPS: dict[str, Row] = {
    "SG-01.immediate": Row(
        "concern",
        (injury(mobility="not_mobile"),),
        AT_ONCE,
        (it("contact.received.v1"), TO_SOCIAL_CARE),
        (
            ("2014-01-15 10:00", "owner", f"{JANSEN} {DOCTOR}"),
            ("2014-01-15 14:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
            ("2014-01-16 14:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
        ),
        near=(
            *(it("injury.decided.v1", decision=word, senior=True) for word in DECISIONS),
            it("child.seen.v1", clinician=True),
            *(it("referral.sent.v1", service=word) for word in ("early_help", "general_practice", "midwifery")),
            it("contact.received.v1", person_id=OTHER),
            it("referral.sent.v1", service="childrens_social_care", person_id=OTHER),
        ),
        by=NURSERY,
        person=CHILD,
    ),
    "SG-01.paediatric": Row(
        "concern",
        (injury(mobility="not_mobile"),),
        IN_4_HOURS,
        (it("child.seen.v1", clinician=True),),
        (
            ("2014-01-15 14:00", "owner", f"{JANSEN} {DOCTOR}"),
            ("2014-01-15 18:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
            ("2014-01-16 18:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
        ),
        near=(
            it("child.seen.v1", clinician=False),
            it("injury.decided.v1", decision="refer", senior=True),
            it("contact.received.v1"),
            TO_SOCIAL_CARE,
        ),
        by=NURSERY,
        person=CHILD,
    ),
    "SG-01.seen": Row(
        "concern",
        (injury(seen=False),),
        IN_24_HOURS,
        (it("child.seen.v1", clinician=True),),
        (
            ("2014-01-16 10:00", "owner", f"{JANSEN} {DOCTOR}"),
            ("2014-01-17 10:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
            ("2014-01-24 17:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
        ),
        near=(it("child.seen.v1", clinician=False), it("injury.decided.v1", decision="refer", senior=True)),
        by=NURSERY,
        person=CHILD,
    ),
    "SG-01.senior-review": Row(
        "concern",
        (injury(site="ear"),),
        SAME_DAY,
        tuple(it("injury.decided.v1", decision=word, senior=True, by=GP) for word in DECISIONS),
        (
            ("2014-01-15 23:59", "owner", f"{JANSEN} {DOCTOR}"),
            ("2014-01-16 23:59", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
            ("2014-01-23 17:00", "social-care", f"{JANSEN} {DOCTOR} {SOCIAL_CARE}"),
        ),
        near=(
            *(it("injury.decided.v1", decision=word, senior=False, by=GP) for word in DECISIONS),
            *(it("injury.decided.v1", decision=word, senior=True) for word in DECISIONS),  # by who reported it
            it("injury.decided.v1", senior=None, by=GP),
            it("child.seen.v1", clinician=True),
        ),
        by=NURSERY,
        person=CHILD,
    ),
    "SG-01.decision": Row(
        "concern",
        (injury(),),
        TWO,
        tuple(it("injury.decided.v1", decision=word) for word in DECISIONS),
        (
            ("2014-01-17 17:00", "owner", "hv-pereira"),
            ("2014-01-21 17:00", "named-doctor", f"hv-pereira {DOCTOR}"),
            ("2014-01-28 17:00", "named-doctor", f"hv-pereira {DOCTOR}"),
        ),
        near=(it("child.seen.v1", clinician=True),),
        person=CHILD,
    ),
    "SG-01.decision-for-another": Row(
        "concern",
        (injury(),),
        TWO,
        tuple(it("injury.decided.v1", decision=word, by=GP) for word in DECISIONS),
        (
            ("2014-01-17 17:00", "owner", HV_DUTY),
            ("2014-01-21 17:00", "named-doctor", f"{HV_DUTY} {DOCTOR}"),
            ("2014-01-28 17:00", "named-doctor", f"{HV_DUTY} {DOCTOR}"),
        ),
        near=(it("child.seen.v1", clinician=True),),
        by=NURSERY,
        person=CHILD,
    ),
    "SG-02.lead": accumulated(
        it("concern.raised.v1"),
        3,
        SAME_DAY,
        (NAMED_LEAD, REVIEWED),
        "2014-01-15 23:59",
        "2014-01-17 17:00",
        "2014-01-22 17:00",
        "2014-01-29 17:00",
    ),
    "SG-02.review": accumulated(it("concern.raised.v1"), 3, TWO, (REVIEWED,), *SUMMER),
    "SG-02.injuries": accumulated(injury(), 2, TWO, (REVIEWED,), *SUMMER),
    "SG-02.years": accumulated(
        it("concern.raised.v1"),
        6,
        FIVE,
        (REVIEWED,),
        *("2014-01-22 17:00", "2014-01-24 17:00", "2014-01-29 17:00", "2014-02-05 17:00"),
    ),
    "SG-02.again": Row(
        "person",
        (it("accumulation.reviewed.v1", decision="monitor"),),
        TWENTY,
        (REVIEWED,),
        (
            ("2014-02-12 17:00", "owner", HV_DUTY),
            ("2014-02-14 17:00", "safeguarding-lead", f"{HV_DUTY} {LEAD}"),
            ("2014-02-19 17:00", "mash", f"{LEAD} {DOOR}"),
            ("2014-02-26 17:00", "mash", f"{LEAD} {DOOR}"),
        ),
        person=CHILD,
    ),
    "SG-03.named": Row(
        "consultation",
        (HARM,),
        SAME_DAY,
        (it("consultation.referred.v1", person_id=CHILD),),
        (
            ("2014-01-15 23:59", "owner", f"{JANSEN} {DOOR}"),
            ("2014-01-16 17:00", "front-door-manager", f"{JANSEN} {DOOR} {DOOR_BOSS}"),
            ("2014-01-23 17:00", "front-door-manager", f"{JANSEN} {DOOR} {DOOR_BOSS}"),
        ),
        near=(it("consultation.linked.v1", person_id=CHILD), it("consultation.rechecked.v1", outcome="referred")),
        by=NURSERY,
        done_before="never opened",
    ),
    "SG-03.letter": Row(
        "consultation",
        (HARM,),
        ONE,
        (it("consultation.outcome_acknowledged.v1"),),
        (
            ("2014-01-16 17:00", "owner", DOOR),
            ("2014-01-17 17:00", "front-door-manager", f"{DOOR} {DOOR_BOSS}"),
            ("2014-01-24 17:00", "front-door-manager", f"{DOOR} {DOOR_BOSS}"),
        ),
        near=(it("consultation.outcome_given.v1"),),
        by=NURSERY,
    ),
    "SG-03.recheck": Row(
        "consultation",
        (NO_HARM,),
        TEN,
        (it("consultation.rechecked.v1"), it("consultation.referred.v1", person_id=CHILD)),
        (
            ("2014-01-29 17:00", "owner", DOOR),
            ("2014-01-30 17:00", "front-door-manager", f"{DOOR} {DOOR_BOSS}"),
            ("2014-02-06 17:00", "front-door-manager", f"{DOOR} {DOOR_BOSS}"),
        ),
        by=NURSERY,
    ),
}


class TestStepsOfSafeguarding(StepTests):
    steps = STEPS
    prefixes = ("SG-",)
    open_after_a_death = frozenset({"SG-01.immediate", "SG-01.decision", "SG-01.decision-for-another"})


@pytest.mark.parametrize("step", sorted(TestStepsOfSafeguarding.open_after_a_death))
def test_no_death_ends_what_a_family_or_a_child_is_owed_all_the_same(step: str) -> None:
    world = World(STEPS[step], step)
    world.opens()
    dead = world.practice.record_of("person", by=HV, key=world.row.person)
    dead.was("person.died.v1", "2014-01-15 11:00")
    assert (world.follow_up.state, world.closer()) == ("open", None)
    event_type, said = world.row.met[0]
    world.happens(event_type, "2014-01-15 15:00", **said)
    assert world.follow_up.state == "met"
