"""What holds for every step of the assessment before a birth (PBA), in a table worked out by hand."""

from __future__ import annotations

from tests.unit.pathway_steps import (
    EKWUEME,
    ITO,
    OYELARAN,
    Step,
    StepTests,
    edd_at_eight_weeks,
    ladder,
    pregnancy,
    record,
)
from tests.unit.practice import MIDWIFE, OTHER, PARTNER, PERSON, SOCIAL_WORKER, Chase

PETROV, DIAZ, KRUGER = "sw-petrov", "sw-manager-diaz", "service-manager-kruger"
ENDED = ("pregnancy.ended.v1", {"outcome": "birth", "children": ["p_" + "c" * 32]})
SHARED = {"shared_with": ["midwife", "health_visitor", "gp_practice"]}
DECIDED_OTHERWISE = ("prebirth.screening_decided.v1", {"outcome": "none", "reason_code": "no-risk-found"})


def checks_ladder(step: str, owner: str) -> tuple[Chase, ...]:
    rungs = [("2013-02-04", "named-midwife", (owner, OYELARAN)), ("2013-02-18", "named-midwife", (owner, OYELARAN))]
    return ladder(step, ("2013-01-28", "owner", (owner,)), *rungs)


STEPS = {
    "PBA-01": Step(
        begin=pregnancy(MIDWIFE, booked=False),
        opens=("pregnancy.booked.v1", {"mother_age_band": "under_18"}),
        said={"edd": edd_at_eight_weeks},
        might_open=(
            "pregnancy.notified.v1",
            "pregnancy.concern_noted.v1",
            "pregnancy.care_leaver_learnt.v1",
            "pregnancy.partner_named.v1",
            "condition.recorded.v1",
            "case.opened.v1",
        ),
        due="10 working days",
        meets=tuple(
            ("prebirth.screening_decided.v1", {"outcome": outcome})
            for outcome in ("assess", "support_offer", "early_help", "none")
        ),
        ends=(ENDED,),
        ladder=ladder(
            "PBA-01",
            ("2013-01-28", "owner", (EKWUEME,)),
            ("2013-01-31", "named-midwife", (EKWUEME, OYELARAN)),
            ("2013-02-11", "designated-nurse", (OYELARAN, "designated-nurse-hartigan")),
            ("2013-02-25", "designated-nurse", (OYELARAN, "designated-nurse-hartigan")),
        ),
    ),
    "PBA-01.refer": Step(
        begin=pregnancy(MIDWIFE),
        opens=("prebirth.screening_decided.v1", {"outcome": "assess"}),
        due="2 working days",
        meets=(
            ("prebirth.referred.v1", {}),
            ("prebirth.referral_accepted.v1", {}),
            ("prebirth.assessment_started.v1", {}),
            ("prebirth.assessment_completed.v1", {}),
        ),
        ends=(DECIDED_OTHERWISE, ENDED),
        ladder=ladder(
            "PBA-01.refer",
            ("2013-01-16", "owner", (EKWUEME,)),
            ("2013-01-21", "named-midwife", (EKWUEME, OYELARAN)),
            ("2013-01-28", "named-midwife", (EKWUEME, OYELARAN)),
        ),
    ),
    "PBA-01.accept": Step(
        begin=pregnancy(MIDWIFE),
        opens=("prebirth.referred.v1", {}),
        due="1 working day",
        meets=(
            ("prebirth.referral_accepted.v1", {}),
            ("prebirth.assessment_started.v1", {}),
            ("prebirth.assessment_completed.v1", {}),
            ("prebirth.threshold_not_met.v1", {}),
        ),
        short_of_meeting=(DECIDED_OTHERWISE,),
        ends=(ENDED,),
        ladder=ladder(
            "PBA-01.accept",
            ("2013-01-15", "owner", (EKWUEME, PETROV)),  # who is on duty at Essex's social care
            ("2013-01-18", "service-manager", (EKWUEME, PETROV, KRUGER)),
            ("2013-01-25", "service-manager", (EKWUEME, PETROV, KRUGER)),
        ),
    ),
    "PBA-01.offer": Step(
        begin=pregnancy(MIDWIFE),
        opens=("prebirth.screening_decided.v1", {"outcome": "support_offer"}),
        due="10 working days",
        meets=(
            ("offer.made.v1", {}),
            ("support_offer.made.v1", {}),  # by the leaving-care service
            ("support.started.v1", {}),
            *(
                ("referral.sent.v1", {"service": service})
                for service in ("early_help", "childrens_social_care", "family_nurse_partnership", "leaving_care")
            ),
        ),
        short_of_meeting=(
            ("referral.intended.v1", {"service": "early_help"}),  # decided is not done
            ("referral.sent.v1", {"service": "midwifery"}),
        ),
        ends=(DECIDED_OTHERWISE, ENDED),
        ladder=ladder(
            "PBA-01.offer",
            ("2013-01-28", "owner", (EKWUEME,)),
            ("2013-01-31", "named-midwife", (EKWUEME, OYELARAN)),
            ("2013-02-07", "named-midwife", (EKWUEME, OYELARAN)),
        ),
    ),
    "PBA-02": Step(
        begin=pregnancy(SOCIAL_WORKER),
        opens=("prebirth.referral_accepted.v1", {}),
        due="45 working days",
        meets=(("prebirth.assessment_completed.v1", SHARED),),
        short_of_meeting=(
            ("prebirth.assessment_completed.v1", {"shared_with": []}),
            ("prebirth.assessment_completed.v1", {"shared_with": ["midwife", "health_visitor", "social_worker"]}),
        ),
        ends=(ENDED,),
        ladder=ladder(
            "PBA-02",
            ("2013-03-01", "warning", (PETROV, DIAZ)),  # three quarters of 45 working days are 34
            ("2013-03-18", "owner", (PETROV, DIAZ)),
            ("2013-03-25", "service-manager", (DIAZ, KRUGER)),
            ("2013-04-03", "service-manager", (DIAZ, KRUGER)),
        ),
    ),
    "PBA-02.hard-stop": Step(
        begin=pregnancy(SOCIAL_WORKER),
        opens=("prebirth.referral_accepted.v1", {}),
        due="30+0",
        meets=(("prebirth.assessment_completed.v1", {}),),
        ends=(ENDED,),
        ladder=ladder(
            "PBA-02.hard-stop",
            ("2013-06-17", "owner", (PETROV, DIAZ, KRUGER)),
            ("2013-06-19", "owner", (PETROV, DIAZ, KRUGER)),
        ),
    ),
    "PBA-03": Step(
        begin=pregnancy(SOCIAL_WORKER),
        opens=("prebirth.strategy_decided.v1", {"outcome": "conference"}),
        due="15 working days",
        meets=(("prebirth.conference_held.v1", {}),),
        ends=(("prebirth.threshold_not_met.v1", {"reason_code": "risk-is-low"}), ENDED),
        ladder=ladder(
            "PBA-03",
            ("2013-02-04", "owner", (PETROV, "cp-service-manager-eze")),
            ("2013-02-06", "owner", (PETROV, "cp-service-manager-eze")),
        ),
    ),
    "PBA-04": Step(
        begin=pregnancy(MIDWIFE),
        opens=("pregnancy.partner_named.v1", {}),
        due="10 working days",
        meets=tuple(("parent.checks_recorded.v1", {"parents": checked}) for checked in ([PERSON, PARTNER], [PARTNER])),
        short_of_meeting=tuple(
            ("parent.checks_recorded.v1", {"parents": checked}) for checked in ([], [PERSON], [PERSON, OTHER])
        ),
        ends=(ENDED,),
        ladder=checks_ladder("PBA-04", EKWUEME),
    ),
    "PBA-04.household": Step(
        begin=record("person", adult_id=PARTNER),
        opens=("household.adult_joined.v1", {}),
        due="10 working days",
        meets=tuple(("parent.checks_recorded.v1", {"parents": checked}) for checked in ([PARTNER], [PERSON, PARTNER])),
        short_of_meeting=tuple(
            ("parent.checks_recorded.v1", {"parents": checked}) for checked in ([], [PERSON], [PERSON, OTHER])
        ),
        ladder=ladder(
            "PBA-04.household",
            ("2013-01-28", "owner", ("hv-sato",)),
            ("2013-02-04", "manager", ("hv-sato", ITO)),
            ("2013-02-18", "manager", ("hv-sato", ITO)),
        ),
    ),
}


class TestStepsOfPrebirth(StepTests):
    steps = STEPS
    prefixes = ("PBA-",)
