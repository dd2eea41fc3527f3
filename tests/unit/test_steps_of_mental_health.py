"""What holds for every step of mental health (MH), in a table worked out by hand."""

from __future__ import annotations

from tests.unit.pathway_steps import (
    AT_MIDNIGHT,
    HELD,
    ITO,
    NOVAK,
    OKAFOR,
    OSEI,
    PEREIRA,
    RAHMAN,
    VASQUEZ,
    VISITS,
    WITHDRAWN,
    Step,
    StepTests,
    ladder,
    record,
    referral,
)
from tests.unit.practice import GP, HV, Chase

HARMED = {"tool": "epds", "score": 3, "self_harm": True}


def practice_ladder(step: str) -> tuple[Chase, ...]:
    rungs = [("2013-01-21", "practice-lead", (OKAFOR, RAHMAN)), ("2013-02-04", "practice-lead", (OKAFOR, RAHMAN))]
    return ladder(step, ("2013-01-16", "owner", (OKAFOR,)), *rungs)


def offer_ladder(step: str):
    told = (PEREIRA, ITO)
    return ladder(
        step,
        ("2013-02-11", "owner", (PEREIRA,)),
        ("2013-02-25", "line-manager", told),
        ("2013-03-11", "line-manager", told),
    )


STEPS = {
    "MH-01": Step(
        begin=referral(by=GP, pregnant=True, to_team="camhs-essex"),
        opens=("referral.sent.v1", {}),
        due="14 days",
        meets=(("referral.assessed.v1", {}), ("referral.treatment_started.v1", {})),
        ends=(
            WITHDRAWN,
            ("referral.rejected.v1", {"reason_code": "full"}),
            ("referral.redirected.v1", {"reason_code": "full"}),
        ),
        ladder=ladder(
            "MH-01",
            ("2013-01-24", "warning", (OSEI,)),
            ("2013-01-28", "owner", (NOVAK, OKAFOR, VASQUEZ)),
            ("2013-02-04", "owner", (NOVAK, OKAFOR, VASQUEZ)),
        ),
    ),
    "MH-01.redirected": Step(
        begin=referral("sent", by=HV, pregnant=True, service="health_visiting"),
        opens=("referral.redirected.v1", {"to_service": "perinatal_mental_health", "to_team": "perinatal-mh-essex"}),
        due="14 days",
        meets=(("referral.assessed.v1", {}), ("referral.treatment_started.v1", {})),
        ends=(
            WITHDRAWN,
            ("referral.rejected.v1", {"reason_code": "full"}),
            ("referral.redirected.v1", {"to_service": "early_help", "reason_code": "full"}),
        ),
        ladder=ladder(
            "MH-01.redirected",
            ("2013-01-24", "warning", ("pmh-manager-quist",)),
            ("2013-01-28", "owner", ("pmh-nurse-farah", PEREIRA, VASQUEZ)),
            ("2013-02-04", "owner", ("pmh-nurse-farah", PEREIRA, VASQUEZ)),
        ),
    ),
    "MH-02": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.assessed.v1", {"outcome": "treat"}),
        due="28 days, or six weeks",
        meets=(("referral.treatment_started.v1", {}),),
        ends=(("referral.treatment_declined.v1", {}), WITHDRAWN),
        ladder=ladder(
            "MH-02",
            ("2013-02-11", "owner", (NOVAK, "service-director-oduya")),
            ("2013-02-18", "owner", (NOVAK, "service-director-oduya")),
        ),
    ),
    "MH-03": Step(
        begin=record("screen"),
        opens=("screen.recorded.v1", {"tool": "epds", "score": 12}),
        due="5 working days",
        meets=(
            *(("screen.followed_up.v1", {"outcome": outcome}) for outcome in ("no_further", "self_help")),
            *(
                ("referral.sent.v1", {"service": service})
                for service in ("camhs", "adult_mental_health", "general_practice")
            ),
        ),
        short_of_meeting=(
            ("screen.followed_up.v1", {"outcome": "refer"}),  # decided is not done
            ("screen.followed_up.v1", {"outcome": "urgent"}),
            ("referral.intended.v1", {"service": "camhs"}),
            ("referral.sent.v1", {"service": "midwifery"}),
        ),
        ladder=ladder(
            "MH-03",
            ("2013-01-21", "owner", (PEREIRA,)),
            ("2013-01-23", "lead", (PEREIRA, ITO)),
            ("2013-01-30", "lead", (PEREIRA, ITO)),
        ),
    ),
    "MH-03.self-harm": Step(
        begin=record("screen"),
        opens=("screen.recorded.v1", HARMED),
        due="the same day",
        due_at=AT_MIDNIGHT,
        meets=tuple(("screen.followed_up.v1", {"outcome": outcome}) for outcome in ("no_further", "self_help")),
        short_of_meeting=tuple(("screen.followed_up.v1", {"outcome": outcome}) for outcome in ("refer", "urgent")),
        ladder=ladder(
            "MH-03.self-harm",
            ("2013-01-14 09:30", "at-once", (PEREIRA, "duty-clinician-berg")),
            ("2013-01-14 23:59", "owner", (PEREIRA, "duty-clinician-berg", ITO)),
            ("2013-01-15 23:59", "owner", (PEREIRA, "duty-clinician-berg", ITO)),
        ),
    ),
    "MH-04": Step(
        begin=record("condition", by=GP, pregnant=True),
        opens=("condition.recorded.v1", {}),
        due="2 working days",
        meets=(("notification.acknowledged.v1", {"to_role": "health_visitor"}),),
        short_of_meeting=(
            ("notification.acknowledged.v1", {"to_role": "midwife"}),
            ("notification.sent.v1", {"to_role": "health_visitor"}),
        ),
        ladder=practice_ladder("MH-04"),
    ),
    "MH-04.midwife": Step(
        begin=record("condition", by=GP, pregnant=True),
        opens=("condition.recorded.v1", {}),
        due="2 working days",
        meets=(("notification.acknowledged.v1", {"to_role": "midwife"}),),
        short_of_meeting=(
            ("notification.acknowledged.v1", {"to_role": "health_visitor"}),
            ("notification.sent.v1", {"to_role": "midwife"}),
        ),
        ladder=practice_ladder("MH-04.midwife"),
    ),
    "MH-05.mid": Step(
        begin=record("support", ("support.started.v1", VISITS), HELD, HELD, HELD),
        opens=(HELD, {}),
        due="the same day",
        due_at=AT_MIDNIGHT,
        meets=tuple(("support.reviewed.v1", {"stage": stage}) for stage in ("mid", "end")),
        ends=(("support.ended.v1", {"reason_code": "moved-away"}),),
        unless_done_before=True,
        ladder=ladder(
            "MH-05.mid",
            ("2013-01-14 23:59", "owner", (PEREIRA,)),
            ("2013-01-16", "team-lead", (PEREIRA, ITO)),
            ("2013-01-30", "team-lead", (PEREIRA, ITO)),
        ),
    ),
    "MH-05.end": Step(
        begin=record("support"),
        opens=("support.started.v1", VISITS),
        due="10 weeks",
        meets=(("support.reviewed.v1", {"stage": "end"}),),
        short_of_meeting=(("support.reviewed.v1", {"stage": "mid"}),),
        ends=(("support.ended.v1", {"reason_code": "moved-away"}),),
        ladder=ladder(
            "MH-05.end",
            ("2013-03-25", "owner", (PEREIRA, ITO)),
            ("2013-04-03", "perinatal-lead", (PEREIRA, VASQUEZ)),
            ("2013-04-17", "perinatal-lead", (PEREIRA, VASQUEZ)),
        ),
    ),
    "MH-05.extended": Step(
        begin=record("support", ("support.started.v1", VISITS)),
        opens=("support.reviewed.v1", {"decision": "extend"}),
        due="5 weeks",
        meets=tuple(
            ("support.reviewed.v1", {"stage": stage, "decision": decision})
            for stage in ("mid", "end")
            for decision in ("step_up", "end", "extend")
        ),
        short_of_meeting=((HELD, {}),),
        ends=(("support.ended.v1", {"reason_code": "moved-away"}),),
        ladder=ladder(
            "MH-05.extended",
            ("2013-02-18", "owner", (PEREIRA,)),
            ("2013-02-20", "team-lead", (PEREIRA, ITO)),
            ("2013-03-06", "team-lead", (PEREIRA, ITO)),
        ),
    ),
    "MH-05.other": Step(
        begin=record("support"),
        opens=("support.started.v1", {"kind": "parenting"}),
        due="12 weeks",
        meets=tuple(("support.reviewed.v1", {"stage": stage}) for stage in ("mid", "end")),
        short_of_meeting=((HELD, {}),),
        ends=(("support.ended.v1", {"reason_code": "moved-away"}),),
        ladder=ladder(
            "MH-05.other",
            ("2013-04-08", "owner", (PEREIRA,)),
            ("2013-04-10", "team-lead", (PEREIRA, ITO)),
            ("2013-04-24", "team-lead", (PEREIRA, ITO)),
        ),
    ),
    "MH-06.answer": Step(
        begin=record("offer"),
        opens=("offer.made.v1", {}),
        due="4 weeks",
        meets=tuple((f"offer.{what}.v1", {}) for what in ("accepted", "declined", "deferred", "fallback_started")),
        ends=(("offer.ended.v1", {"reason_code": "moved-away"}),),
        ladder=offer_ladder("MH-06.answer"),
    ),
    "MH-06.begin": Step(
        begin=record("offer", "offer.made.v1"),
        opens=("offer.accepted.v1", {}),
        due="4 weeks",
        meets=(
            *((f"offer.{what}.v1", {}) for what in ("made", "declined", "deferred")),
            ("support.started.v1", {}),
            ("referral.sent.v1", {"service": "camhs"}),
        ),
        ends=(("offer.ended.v1", {"reason_code": "moved-away"}),),
        ladder=offer_ladder("MH-06.begin"),
    ),
    "MH-06.re-offer": Step(
        begin=record("offer", "offer.made.v1"),
        opens=("offer.declined.v1", {}),
        might_open=("offer.deferred.v1",),
        due="8 weeks",
        meets=tuple(
            (f"offer.{what}.v1", {}) for what in ("made", "accepted", "fallback_started", "declined", "deferred")
        ),
        ends=(("offer.ended.v1", {"reason_code": "moved-away"}),),
        ladder=ladder(
            "MH-06.re-offer",
            ("2013-03-11", "owner", (PEREIRA,)),
            ("2013-03-25", "line-manager", (PEREIRA, ITO)),
            ("2013-04-10", "line-manager", (PEREIRA, ITO)),
        ),
    ),
    "MH-06.fallback": Step(
        begin=record("offer", "offer.made.v1"),
        opens=("offer.declined.v1", {}),
        might_open=("offer.deferred.v1",),
        due="6 months",
        meets=(("offer.fallback_started.v1", {}),),
        short_of_meeting=(("offer.made.v1", {}), ("offer.deferred.v1", {})),
        ends=(("offer.accepted.v1", {}), ("offer.ended.v1", {"reason_code": "moved-away"})),
        ladder=ladder(
            "MH-06.fallback",
            ("2013-07-14", "owner", (PEREIRA,)),  # a Sunday, so the ten days count from Monday
            ("2013-07-29", "line-manager", (PEREIRA, ITO)),
            ("2013-08-12", "line-manager", (PEREIRA, ITO)),
        ),
    ),
    "MH-06.treatment": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.treatment_declined.v1", {}),
        due="8 weeks",
        meets=(
            ("referral.treatment_started.v1", {}),
            ("referral.offered.v1", {}),
            ("referral.alternative_recorded.v1", {}),
            ("offer.made.v1", {}),
            ("support.started.v1", {}),
            ("referral.sent.v1", {"service": "talking_therapies"}),
        ),
        short_of_meeting=(("referral.sent.v1", {"service": "midwifery"}), ("referral.attended.v1", {})),
        ends=(WITHDRAWN,),
        ladder=ladder(
            "MH-06.treatment",
            ("2013-03-11", "owner", (NOVAK,)),
            ("2013-03-25", "line-manager", (NOVAK, OSEI)),
            ("2013-04-10", "line-manager", (NOVAK, OSEI)),
        ),
    ),
}


class TestStepsOfMentalHealth(StepTests):
    steps = STEPS
    prefixes = ("MH-",)
