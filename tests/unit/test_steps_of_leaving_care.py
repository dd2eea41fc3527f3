"""What holds for every step of leaving care (CL), in a table worked out by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.unit.family_steps import (
    EIGHT_WEEKS,
    FIVE,
    OPENINGS,
    SAME_DAY,
    TEN,
    TWO,
    D,
    RouteBody,
    Row,
    StepTests,
    World,
    it,
)
from tests.unit.practice import PA, as_text

THREE = D("2014-01-20", "2014-01-23", "2014-04-23", "2013-12-30", "2014-04-02", "2013-10-30", "2014-02-05")
WEEK = D("2014-01-22", "2014-01-25", "2014-04-23", "2013-12-30", "2014-04-04", "2013-11-01", "2014-02-07")
FOUR_WEEKS = D("2014-02-12", "2014-02-15", "2014-05-14", "2014-01-20", "2014-04-25", "2013-11-22", "2014-02-28")
TWO_MONTHS = D("2014-03-15", "2014-03-18", "2014-06-16", "2014-02-23", "2014-05-28", "2013-12-25", "2014-03-31")
THREE_MONTHS = D("2014-04-15", "2014-04-18", "2014-07-16", "2014-03-23", "2014-06-28", "2014-01-25", "2014-04-30")
SIX_MONTHS = D("2014-07-15", "2014-07-18", "2014-10-16", "2014-06-23", "2014-09-28", "2014-04-25", "2014-07-31")
END_OF_QUARTER = dict.fromkeys(OPENINGS, "2015-03-31 17:00")
TWELVE_MONTHS = D("2015-01-15", "2015-01-18", "2015-04-16", "2014-12-23", "2015-03-28", "2014-10-25", "2015-01-31")
HEAD = "head-of-service-marlowe"
LC_BOSS, HEALTH = "lc-manager-varga", "lc-mental-health-greer"
ASSIGNED = it("adviser.assigned.v1", adviser="pa-lindqvist", team="leaving-care-essex")
SUPPORT_ENDS = tuple(it("care_leaver.entitlement_decided.v1", decision=word) for word in ("ends", "declined_support"))
ASKED = it("care_leaver.support_requested.v1", how="phone")
ANOTHER_BIRTHDAY = it("care_leaver.corrected.v1", details=["date_of_birth"], entitlement_review_on="2015-06-30")
GOES_ON = it("care_leaver.entitlement_decided.v1", decision="continues")


def leaver(
    opened: RouteBody | tuple[RouteBody, ...],
    due: Mapping[str, str],
    met: tuple[RouteBody, ...],
    *days: str,
    **more: Any,
) -> Row:
    """A step of CL-02 or CL-03, with the ladder from the adviser to the leaving-care manager."""
    owner, first, again = (f"{day} 17:00" for day in days)
    both = f"pa-lindqvist {LC_BOSS}"
    usual: dict[str, Any] = {"setup": (ASSIGNED,), "by": PA}
    ladder = ((owner, "owner", "pa-lindqvist"), (first, "manager", both), (again, "manager", both))
    several = opened if isinstance(opened[0], tuple) else (opened,)
    return Row("care-leaver", several, due, met, ladder, **{**usual, **more})  # type: ignore[arg-type]


def unhurried(
    opened: RouteBody, due: Mapping[str, str], met: RouteBody, *days: str, also: tuple[RouteBody, ...] = (), **more: Any
) -> Row:
    """A step of CL-04, with the ladder from the adviser by way of the manager to the head of service."""
    owner, manager, head, again = (f"{day} 17:00" for day in days)
    ladder = (
        (owner, "owner", "pa-lindqvist"),
        (manager, "manager", f"pa-lindqvist {LC_BOSS}"),
        (head, "head", f"{LC_BOSS} {HEAD}"),
        (again, "head", f"{LC_BOSS} {HEAD}"),
    )
    return Row("care-leaver", (opened,), due, (met, *also), ladder, setup=(ASSIGNED,), by=PA, **more)


def item(due: Mapping[str, str], met: tuple[str, ...], ended: tuple[str, ...], *days: str) -> Row:
    owner, manager, health, again = (f"{day} 17:00" for day in days)
    return Row(
        "plan-item",
        (it("plan_item.added.v1", fallback="mental_health_worker"),),
        due,
        tuple(it(name) for name in met),
        (
            (owner, "owner", "pa-lindqvist"),
            (manager, "manager", f"pa-lindqvist {LC_BOSS}"),
            (health, "health-lead", f"{LC_BOSS} {HEALTH}"),
            (again, "health-lead", f"{LC_BOSS} {HEALTH}"),
        ),
        ended=(*(it(name) for name in ended), *SUPPORT_ENDS),
        near=(GOES_ON,),
        by=PA,
        setup=(ASSIGNED,),
    )


REGISTERED = it("care_leaver.registered.v1", category="relevant", entitlement_review_on="2015-03-31")
ACCOMMODATED = it("accommodation.changed.v1", provided_by_authority=True)
ELSEWHERE = (it("accommodation.changed.v1", provided_by_authority=False), *SUPPORT_ENDS)
PARENT = it("parenthood.learnt.v1", kind="to_be_parent")
IN_PERSON = it("pa_contact.made.v1", how="in_person")
FROM_AFAR = tuple(it("pa_contact.made.v1", how=how) for how in ("video", "phone", "text", "letter"))
NOT_REACHED = (it("pa_contact.failed.v1"), it("pa_contact.lost.v1"))
VISITED_WITHIN = ("plan_item.offered.v1", "plan_item.reviewed.v1", "plan_item.declined.v1", "plan_item.deferred.v1")
DONE_WITH = ("plan_item.taken_up.v1", "plan_item.completed.v1", "plan_item.ended.v1")


STEPS: dict[str, Row] = {
    "CL-01.arrange": item(
        FIVE,
        ("plan_item.arranged.v1", "plan_item.completed.v1"),
        ("plan_item.ended.v1",),
        "2014-01-22",
        "2014-02-05",
        "2014-02-19",
        "2014-03-19",
    ),
    "CL-01.revisit": item(
        EIGHT_WEEKS,
        (*VISITED_WITHIN, "plan_item.fallback_started.v1", "plan_item.taken_up.v1"),
        DONE_WITH[1:],
        "2014-03-12",
        "2014-03-26",
        "2014-04-09",
        "2014-05-12",
    ),
    "CL-01.review-by": Row(
        "plan-item",
        (it("plan_item.arranged.v1", review_by="2015-03-31"),),
        END_OF_QUARTER,
        tuple(it(name) for name in (*VISITED_WITHIN, "plan_item.fallback_started.v1", "plan_item.taken_up.v1")),
        (
            ("2015-03-31 17:00", "owner", "pa-lindqvist"),
            ("2015-04-16 17:00", "manager", f"pa-lindqvist {LC_BOSS}"),
            ("2015-05-15 17:00", "manager", f"pa-lindqvist {LC_BOSS}"),
        ),
        ended=(*(it(name) for name in ("plan_item.arranged.v1", *DONE_WITH[1:])), *SUPPORT_ENDS),
        near=(GOES_ON,),
        by=PA,
        setup=(ASSIGNED,),
    ),
    "CL-01.fallback": item(
        SIX_MONTHS,
        ("plan_item.fallback_started.v1",),
        DONE_WITH,
        "2014-07-15",
        "2014-07-29",
        "2014-08-12",
        "2014-09-10",
    ),
    "CL-02.assessment": leaver(
        REGISTERED,
        THREE_MONTHS,
        (it("pathway.assessed.v1"), it("pathway.planned.v1")),
        "2014-04-15",
        "2014-04-24",
        "2014-05-09",
        ended=SUPPORT_ENDS,
        near=(GOES_ON,),
    ),
    "CL-02.review": leaver(
        REGISTERED,
        SIX_MONTHS,
        (it("pathway.reviewed.v1", reason="routine"), it("pathway.planned.v1")),
        "2014-07-15",
        "2014-07-22",
        "2014-08-05",
        ended=SUPPORT_ENDS,
        near=(GOES_ON,),
    ),
    "CL-02.contact": leaver(
        REGISTERED,
        EIGHT_WEEKS,
        (IN_PERSON, *FROM_AFAR),
        "2014-03-12",
        "2014-03-19",
        "2014-04-02",
        ended=SUPPORT_ENDS,
        near=(*NOT_REACHED, GOES_ON),
    ),
    "CL-02.visit": leaver(
        ACCOMMODATED, WEEK, (IN_PERSON,), "2014-01-22", "2014-01-29", "2014-02-12", ended=ELSEWHERE, near=FROM_AFAR
    ),
    "CL-02.visits": leaver(
        ACCOMMODATED,
        TWO_MONTHS,
        (IN_PERSON,),
        "2014-03-15",
        "2014-03-24",
        "2014-04-07",
        ended=ELSEWHERE,
        near=FROM_AFAR,
    ),
    "CL-02.settled": leaver(
        ACCOMMODATED,
        FOUR_WEEKS,
        (it("pathway.reviewed.v1", reason="accommodation"),),
        "2014-02-12",
        "2014-02-19",
        "2014-03-05",
        ended=ELSEWHERE,
    ),
    "CL-02.lost": leaver(
        it("pa_contact.lost.v1"),
        TEN,
        (IN_PERSON, *FROM_AFAR),
        "2014-01-29",
        "2014-02-05",
        "2014-02-19",
        ended=SUPPORT_ENDS,
        near=(*NOT_REACHED, GOES_ON),
    ),
    "CL-02.unreached": leaver(
        (it("pa_contact.failed.v1"),) * 3,
        FIVE,
        (IN_PERSON, *FROM_AFAR, it("pa_contact.lost.v1")),
        "2014-01-22",
        "2014-01-29",
        "2014-02-12",
        ended=SUPPORT_ENDS,
        near=(it("pa_contact.failed.v1"), GOES_ON),
    ),
    "CL-02.entitlement": leaver(
        REGISTERED,
        END_OF_QUARTER,
        (GOES_ON, *SUPPORT_ENDS, it("care_leaver.category_changed.v1")),
        "2015-03-31",
        "2015-04-09",
        "2015-04-23",
        ended=(ANOTHER_BIRTHDAY,),
        near=(it("care_leaver.corrected.v1", details=["family_name"]),),
    ),
    "CL-02.adviser": Row(
        "care-leaver",
        (it("adviser.ended.v1"),),
        THREE,  # Essex's number; five are the national one
        (it("adviser.assigned.v1"),),
        tuple((f"2014-{day} 17:00", "owner", LC_BOSS) for day in ("01-20", "01-27", "02-03")),
        ended=SUPPORT_ENDS,
        setup=(ASSIGNED,),
        by=PA,
    ),
    "CL-03.told": leaver(PARENT, TWO, (it("parenthood.acknowledged.v1"),), "2014-01-17", "2014-01-24", "2014-02-07"),
    "CL-03.move-told": leaver(
        it("care_leaver.move_learnt.v1"),
        TWO,
        (it("care_leaver.moved.v1"), IN_PERSON, *FROM_AFAR),
        "2014-01-17",
        "2014-01-24",
        "2014-02-07",
        ended=SUPPORT_ENDS,
        near=(*NOT_REACHED, GOES_ON),
    ),
    "CL-03.contact": leaver(
        PARENT, TEN, (IN_PERSON, *FROM_AFAR), "2014-01-29", "2014-02-05", "2014-02-19", near=NOT_REACHED
    ),
    "CL-03.review": leaver(
        PARENT,
        FOUR_WEEKS,
        (it("pathway.reviewed.v1", reason="parent"), it("pathway.reviewed.v1", reason="move")),
        "2014-02-12",
        "2014-02-19",
        "2014-03-05",
        near=tuple(it("pathway.reviewed.v1", reason=word) for word in ("routine", "request", "accommodation")),
    ),
    "CL-03.support": leaver(
        PARENT, FOUR_WEEKS, (it("support_offer.made.v1"),), "2014-02-12", "2014-02-19", "2014-03-05"
    ),
    "CL-03.authority": leaver(
        it("care_leaver.moved.v1", out_of_area=True),
        FIVE,
        (it("authority.confirmed.v1"),),
        "2014-01-22",
        "2014-01-29",
        "2014-02-12",
        ended=SUPPORT_ENDS,
        near=(GOES_ON,),
    ),
    "CL-04.return": Row(
        "care-leaver",
        (ASKED,),
        TEN,
        (ASSIGNED,),
        (
            ("2014-01-29 17:00", "owner", LC_BOSS),
            ("2014-01-31 17:00", "manager", f"{LC_BOSS} service-manager-kruger"),
            ("2014-02-05 17:00", "head", f"{LC_BOSS} {HEAD}"),
            ("2014-02-19 17:00", "head", f"{LC_BOSS} {HEAD}"),
        ),
        ended=SUPPORT_ENDS,
        near=(GOES_ON,),
        setup=(ASSIGNED,),
        by=PA,
    ),
    "CL-04.plan": unhurried(
        ASKED,
        THREE_MONTHS,
        it("pathway.planned.v1"),
        "2014-04-15",
        "2014-05-01",
        "2014-05-16",
        "2014-06-16",
        ended=SUPPORT_ENDS,
        near=(GOES_ON, it("pathway.assessed.v1")),
    ),
    "CL-04.yearly": unhurried(
        it("care_leaver.entitlement_decided.v1", decision="declined_support", entitlement_review_on="2018-12-31"),
        TWELVE_MONTHS,
        it("care_leaver.reminded.v1"),
        "2015-01-15",
        "2015-01-29",
        "2015-02-12",
        "2015-03-12",
        also=(ASKED,),
        ended=(GOES_ON, *SUPPORT_ENDS),
    ),
    "CL-04.age": unhurried(
        REGISTERED,
        END_OF_QUARTER,
        it("care_leaver.ending_planned.v1"),
        "2015-03-31",
        "2015-04-16",
        "2015-04-30",
        "2015-06-01",
        ended=(GOES_ON, it("care_leaver.category_changed.v1", entitlement_review_on="2015-03-31"), ANOTHER_BIRTHDAY),
        near=(*SUPPORT_ENDS, it("care_leaver.corrected.v1", details=["family_name"])),
    ),
    "CL-04.child": Row(
        "care-leaver",
        (SUPPORT_ENDS[0],),
        SAME_DAY,
        (it("notification.sent.v1", about="leaving_care"),),
        (
            ("2014-01-15 23:59", "owner", "pa-lindqvist"),
            ("2014-01-17 17:00", "manager", f"pa-lindqvist {LC_BOSS}"),
            ("2014-01-22 17:00", "safeguarding", f"{LC_BOSS} lead-achterberg"),
            ("2014-02-05 17:00", "safeguarding", f"{LC_BOSS} lead-achterberg"),
        ),
        ended=(GOES_ON, ASKED),
        near=(*SUPPORT_ENDS, it("notification.sent.v1", about="birth")),
        setup=(ASSIGNED, PARENT),
        by=PA,
    ),
    "CL-04.place": unhurried(
        it("care_leaver.moved.v1", out_of_area=True),
        FIVE,
        it("care_leaver.authority_told.v1", agreed=True),
        "2014-01-22",
        "2014-02-05",
        "2014-02-19",
        "2014-03-19",
        ended=(it("care_leaver.authority_told.v1", agreed=False), *SUPPORT_ENDS),
        near=(GOES_ON,),
    ),
    "CL-04.items": Row(
        "care-leaver",
        (SUPPORT_ENDS[0],),
        TEN,
        (it("plan_item.ended.v1"), it("plan_item.completed.v1")),
        tuple((f"2014-{day} 17:00", "owner", LC_BOSS) for day in ("01-29", "02-12", "02-26")),
        ended=(GOES_ON, ASKED),
        near=SUPPORT_ENDS,
        setup=(ASSIGNED, it("plan_item.added.v1")),
        done_before="never opened",
        by=PA,
    ),
}


class TestStepsOfLeavingCare(StepTests):
    steps = STEPS
    prefixes = ("CL-",)


def test_what_is_taken_up_is_revisited_all_the_same():
    world = World(STEPS["CL-01.revisit"], "CL-01.revisit")
    world.opens()
    world.happens("plan_item.taken_up.v1", "2014-01-22 10:00")
    found = [(one.state, as_text(one.due_at)) for one in world.thread.all("CL-01.revisit")]
    assert found == [("met", "2014-03-12 17:00"), ("open", "2014-03-19 17:00")]
