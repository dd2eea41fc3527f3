"""What holds for every step about who holds a case and how it closes, and for decided actions, in tables by hand."""

from __future__ import annotations

from typing import Any

from shared.contracts.words import CLOSING_CHECKS
from shared.kernel.decisions import Actor
from tests.unit.pathway_steps import Begin, Step, StepTests, day_before, ladder, record
from tests.unit.practice import CHILD, HV, PERSON, SOCIAL_WORKER, Chase, Practice, Thread

PETROV, DIAZ, KRUGER, MARLOWE = "sw-petrov", "sw-manager-diaz", "service-manager-kruger", "head-of-service-marlowe"
TEAM = "childrens-social-care-essex"
HELD = ("case.holder_named.v1", {"holder": PETROV, "team": TEAM, "held_as": "employed"})
BY_ANOTHER = ("case.holder_named.v1", {"holder": DIAZ, "team": TEAM, "held_as": "duty"})
TAKEN_ON = ("case.taken_on.v1", {"holder": DIAZ, "team": TEAM, "reported_by": "receiver"})
CLOSED = (("case.closed.v1", {"reason_code": "plan_completed"}), ("case.closed.v2", {}))
LEFT = ("case.holder_ended.v1", {"holder": PETROV, "reason": "left"})
CASE: dict[str, Any] = {"agency": "childrens_social_care", "people": [PERSON, CHILD]}
CHECKED = "case.closing_checked.v1"
BOSS = Actor(DIAZ, "team_manager", TEAM, ("essex",))
READ_BY_ANOTHER = ("accumulation.reviewed.v1", {"by": HV})
SEEN = ("child.seen.v1", {"clinician": False})
TOLD = ("case.told.v1", {"to": ["parents", "gp_practice"], "about": "holder"})


def of_managers(step: str, due: str, higher: str, head: str, again: str) -> tuple[Chase, ...]:
    """The manager of the team is the owner."""
    return ladder(
        step,
        (due, "owner", (DIAZ,)),
        (higher, "service-manager", (DIAZ, KRUGER)),
        (head, "head", (KRUGER, MARLOWE)),
        (again, "head", (KRUGER, MARLOWE)),
    )


def of_holders(step: str, due: str, manager: str, head: str, again: str, *beside: str) -> tuple[Chase, ...]:
    """The holder of the case, or of the action, is the owner; whoever holds a case is told `beside` the line."""
    return ladder(
        step,
        (due, "owner", (PETROV, *beside)),
        (manager, "manager", (PETROV, DIAZ)),
        (head, "head", (DIAZ, MARLOWE, *beside)),
        (again, "head", (DIAZ, MARLOWE, *beside)),
    )


def a_case(*before: str | tuple[str, dict[str, Any]], **said: Any) -> Begin:
    return record("case", *before, by=SOCIAL_WORKER, **{**CASE, **said})


def an_unfinished_assessment(practice: Practice, at: str) -> Thread:
    found = practice.record_of("pregnancy", by=SOCIAL_WORKER, edd=at[:10])
    found.was("prebirth.assessment_started.v1", day_before(at))
    return found


HOLDERS = {
    "HOLD-01.named": Step(
        begin=a_case(),
        opens=("case.opened.v1", {"kind": "assessment"}),
        due="1 working day",
        meets=(HELD, TAKEN_ON),
        ends=CLOSED,
        ladder=of_managers("HOLD-01.named", "2013-01-15", "2013-01-17", "2013-01-22", "2013-02-05"),
    ),
    "HOLD-01.without": Step(
        begin=a_case(HELD),
        opens=LEFT,
        due="7 days",
        meets=(("case.unheld_reviewed.v1", {}),),
        ends=(HELD, TAKEN_ON, *CLOSED),
        ladder=ladder(
            "HOLD-01.without",
            ("2013-01-21", "owner", (DIAZ,)),
            ("2013-01-28", "head", (DIAZ, KRUGER, MARLOWE)),
            ("2013-02-11", "head", (DIAZ, KRUGER, MARLOWE)),
        ),
    ),
    "HOLD-01.leaving": Step(
        begin=a_case(),
        opens=("case.leaving_announced.v1", {"holder": PETROV, "team": TEAM, "last_day": "2013-02-08"}),
        due="1 February",
        meets=(("case.handover_given.v1", {"to_holder": DIAZ, "to_team": TEAM}),),
        ends=CLOSED,
        ladder=of_holders("HOLD-01.leaving", "2013-02-01", "2013-02-05", "2013-02-08", "2013-02-22"),
    ),
    "HOLD-01.taken": Step(
        begin=a_case(),
        opens=("case.handover_given.v1", {"to_holder": PETROV, "to_team": TEAM}),
        due="2 working days",
        meets=(TAKEN_ON,),
        short_of_meeting=(BY_ANOTHER, HELD),  # decided is not done
        ends=CLOSED,
        ladder=of_holders("HOLD-01.taken", "2013-01-16", "2013-01-18", "2013-01-23", "2013-02-06"),
    ),
    "HOLD-01.visit": Step(
        begin=a_case(BY_ANOTHER),
        opens=HELD,
        might_open=("case.taken_on.v1",),
        due="10 working days",
        meets=(SEEN,),
        ends=CLOSED,
        ladder=of_holders("HOLD-01.visit", "2013-01-28", "2013-01-30", "2013-02-04", "2013-02-18", PETROV),
    ),
    "HOLD-01.told": Step(
        begin=a_case(BY_ANOTHER),
        opens=HELD,
        might_open=("case.taken_on.v1",),
        due="5 working days",
        meets=(TOLD, ("case.told.v1", {"to": ["child", "school"], "about": "unheld"})),
        short_of_meeting=(
            ("case.told.v1", {"to": ["parents"], "about": "holder"}),
            ("case.told.v1", {"to": ["gp_practice"], "about": "holder"}),
            ("case.told.v1", {"to": ["parents", "gp_practice"], "about": "opened"}),
        ),
        ends=CLOSED,
        ladder=ladder(
            "HOLD-01.told",
            ("2013-01-21", "owner", (DIAZ, PETROV)),
            ("2013-02-04", "service-manager", (DIAZ, KRUGER, PETROV)),
            ("2013-02-18", "head", (KRUGER, MARLOWE, PETROV)),
            ("2013-03-18", "head", (KRUGER, MARLOWE, PETROV)),
        ),
    ),
}


CLOSINGS = {
    "CLOSE-02.checks": Step(
        begin=a_case(),
        opens=("case.closing_proposed.v1", {"close_on": "2013-02-08"}),
        might_open=("case.closed.v2",),
        due="8 February",
        meets=(
            (CHECKED, {"checks": list(CLOSING_CHECKS), "missing": []}),
            (CHECKED, {"checks": ["chronology"], "missing": ["child_seen"], "by": BOSS}),
        ),
        short_of_meeting=((CHECKED, {"checks": ["chronology"], "missing": ["child_seen"]}),),
        ladder=of_holders("CLOSE-02.checks", "2013-02-08", "2013-02-12", "2013-02-15", "2013-03-01"),
    ),
    "CLOSE-02.told": Step(
        begin=a_case(),
        opens=("case.closed.v2", {"told": ["parents", "referrer", "gp_practice"]}),
        due="5 working days",
        meets=(
            ("case.told.v1", {"about": "closed", "to": ["health_visitor"]}),
            ("case.told.v1", {"about": "closed", "to": ["school"], "not_there": ["health_visitor"]}),
        ),
        short_of_meeting=(
            ("case.told.v1", {"about": "closed", "to": ["school"]}),
            ("case.told.v1", {"about": "holder", "to": ["health_visitor"]}),
        ),
        ladder=of_holders("CLOSE-02.told", "2013-01-21", "2013-01-23", "2013-01-28", "2013-02-11"),
    ),
    "CLOSE-02.disengaged": Step(
        begin=a_case(),
        opens=("case.closed.v2", {"reason": "not_engaging"}),
        due="2 working days",
        meets=(READ_BY_ANOTHER, ("case.opened.v1", {})),
        short_of_meeting=(("accumulation.reviewed.v1", {}),),  # by whoever closed it
        ladder=of_managers("CLOSE-02.disengaged", "2013-01-16", "2013-01-18", "2013-01-23", "2013-02-06"),
    ),
}


CHAIR = {"chair": PETROV, "chair_team": TEAM}
OWNED = {**CHAIR, "owner": PETROV, "team": TEAM, "due_on": "2013-02-08"}
ARRANGED = ("action.arranged.v1", {"owner": PETROV, "team": TEAM, "due_on": "2013-02-08"})
DONE, REPLACED = ("action.done.v1", {}), ("action.replaced.v1", {})
SWEPT = ("action.swept.v1", {})

ACTIONS = {
    "ACT-01.owned": Step(
        begin=record("action", by=SOCIAL_WORKER, **CHAIR),
        opens=("action.decided.v1", {"owner": PETROV}),
        due="2 working days",
        meets=(ARRANGED,),
        short_of_meeting=(SWEPT,),
        ends=(DONE, REPLACED),
        ladder=of_holders("ACT-01.owned", "2013-01-16", "2013-01-18", "2013-01-23", "2013-02-06"),
    ),
    "ACT-01.done": Step(
        begin=record("action", by=SOCIAL_WORKER, **CHAIR),
        opens=("action.decided.v1", OWNED),
        might_open=("action.arranged.v1",),
        due="8 February",
        meets=(DONE, REPLACED),
        short_of_meeting=(ARRANGED, SWEPT),
        ladder=of_holders("ACT-01.done", "2013-02-08", "2013-02-12", "2013-02-15", "2013-03-01"),
    ),
    "ACT-01.carried": Step(
        begin=an_unfinished_assessment,
        opens=("pregnancy.ended.v1", {"outcome": "birth", "children": [CHILD]}),
        due="1 working day",
        meets=(
            ("prebirth.assessment_completed.v1", {}),
            ("prebirth.conference_held.v1", {}),
            ("prebirth.threshold_not_met.v1", {}),
            ("case.opened.v1", {"agency": "childrens_social_care"}),
        ),
        unless_done_before=True,
        ladder=of_holders("ACT-01.carried", "2013-01-15", "2013-01-17", "2013-01-22", "2013-02-05"),
    ),
    "ACT-01.swept": Step(
        begin=record("action", by=SOCIAL_WORKER, **CHAIR),
        opens=("action.decided.v1", {}),
        due="20 working days",
        meets=(SWEPT,),
        short_of_meeting=(ARRANGED,),
        ends=(DONE, REPLACED),
        ladder=of_holders("ACT-01.swept", "2013-02-11", "2013-02-13", "2013-02-18", "2013-03-04"),
    ),
}


STEPS = {**HOLDERS, **CLOSINGS, **ACTIONS}


class TestCases(StepTests):
    steps = STEPS
    prefixes = ("HOLD-", "ACT-", "CLOSE-02.checks", "CLOSE-02.told", "CLOSE-02.disengaged")
