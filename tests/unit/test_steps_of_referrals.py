"""What holds for every step of referrals (REF), contacts (CSC) and missed appointments (DNA), worked out by hand."""

from __future__ import annotations

import pytest

from tests.unit.pathway_steps import (
    ACHTERBERG,
    HELD,
    ITO,
    MISSED,
    NOVAK,
    OKAFOR,
    OSEI,
    PEREIRA,
    RAHMAN,
    VISITS,
    WITHDRAWN,
    Step,
    StepTests,
    act,
    chases,
    ladder,
    record,
    referral,
)
from tests.unit.practice import FRONT_DOOR, GP, HV, SOCIAL_WORKER, Chase, Practice

LAURENT, KAYA, MARLOWE = "fd-laurent", "fd-manager-kaya", "head-of-service-marlowe"
RETURNED = "referral.outcome_returned.v1"


def missed_ladder(step: str, first: str, second: str, third: str) -> tuple[Chase, ...]:
    lead = (NOVAK, ACHTERBERG)
    return ladder(
        step, (first, "owner", (NOVAK,)), (second, "safeguarding-lead", lead), (third, "safeguarding-lead", lead)
    )


def returned_ladder(step: str) -> tuple[Chase, ...]:
    rungs = [("2013-01-28", "service-manager", (NOVAK, OSEI)), ("2013-02-11", "service-manager", (NOVAK, OSEI))]
    return ladder(step, ("2013-01-21", "owner", (NOVAK,)), *rungs)


SEEN_AGAIN = ("offered", "appointment_booked", "attended", "assessed", "treatment_started", "misses_reviewed")
KEPT = tuple((f"referral.{what}.v1", {}) for what in SEEN_AGAIN)
ANSWERS = tuple((f"referral.{what}.v1", {}) for what in ("accepted", "rejected", "redirected", "more_info_requested"))


CLOSED = ("referral.closed.v1", {"reason_code": "moved-away"})
SEEN = (
    *("appointment_booked", "attended", "not_attended", "assessed", "treatment_started", "treatment_declined"),
    *("treatment_ended", "outcome_returned"),
)
NEXT = tuple((f"referral.{what}.v1", {}) for what in SEEN)
CANCELLED = ("referral.appointment_cancelled.v1", {})


def service_ladder(step: str, first: str, second: str, third: str, owner: str = NOVAK, manager: str = OSEI):
    told = (owner, manager)
    return ladder(step, (first, "owner", (owner,)), (second, "service-manager", told), (third, "service-manager", told))


STEPS = {
    "REF-06.appointment": Step(
        begin=referral("sent", "acknowledged"),
        opens=("referral.accepted.v1", {}),
        might_open=("referral.offered.v1",),
        due="4 weeks",
        meets=NEXT,
        short_of_meeting=(("referral.offered.v1", {}), ("referral.outcome_acknowledged.v1", {})),
        ends=(WITHDRAWN, CLOSED),
        ladder=service_ladder("REF-06.appointment", "2013-02-11", "2013-02-18", "2013-03-04"),
    ),
    "REF-06.kept": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.appointment_booked.v1", {}),
        said={"appointment_on": lambda at: "2013-01-31" if at == "2013-01-14" else at[:10]},
        due="2 working days",
        meets=(*NEXT, CANCELLED),
        short_of_meeting=(("referral.offered.v1", {}),),
        ends=(WITHDRAWN, CLOSED),
        ladder=service_ladder("REF-06.kept", "2013-01-16", "2013-01-23", "2013-02-06"),
    ),
    "REF-06.goes-on": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.attended.v1", {}),
        might_open=("referral.assessed.v1", "referral.treatment_started.v1"),
        due="12 weeks",
        meets=(*NEXT, CANCELLED, ("referral.offered.v1", {})),
        short_of_meeting=(("referral.miss_contacted.v1", {}),),
        ends=(WITHDRAWN, CLOSED),
        ladder=service_ladder("REF-06.goes-on", "2013-04-08", "2013-04-15", "2013-04-29"),
    ),
    "REF-07": Step(
        begin=record("notification"),
        opens=("notification.sent.v1", {}),
        due="5 working days",
        meets=(("notification.acknowledged.v1", {}),),
        ladder=service_ladder("REF-07", "2013-01-21", "2013-01-28", "2013-02-11", PEREIRA, ITO),
    ),
    "REF-01": Step(
        begin=referral(by=GP),
        opens=("referral.intended.v1", {}),
        due="2 working days",
        meets=(("referral.sent.v1", {}),),
        ends=(WITHDRAWN,),
        ladder=ladder(
            "REF-01",
            ("2013-01-16", "owner", (OKAFOR,)),
            ("2013-01-18", "practice-lead", (OKAFOR, RAHMAN)),
            ("2013-01-30", "named-gp", (RAHMAN, "named-gp-ferreira")),
            ("2013-02-13", "named-gp", (RAHMAN, "named-gp-ferreira")),
        ),
    ),
    "REF-02": Step(
        begin=referral(by=GP),
        opens=("referral.sent.v1", {}),
        due="3 working days",
        meets=(("referral.acknowledged.v1", {}), *ANSWERS),
        ends=(WITHDRAWN,),
        ladder=ladder(
            "REF-02",
            ("2013-01-17", "owner spa-manager", (OKAFOR, NOVAK, OSEI)),
            ("2013-01-22", "spa-manager", (OKAFOR, OSEI)),  # Essex repeats every three working days
        ),
    ),
    "REF-02.redirected": Step(
        begin=referral("sent", "acknowledged"),
        opens=("referral.redirected.v1", {"to_service": "talking_therapies"}),
        due="3 working days",
        meets=(("referral.acknowledged.v1", {}), *ANSWERS),
        ends=(WITHDRAWN,),
        ladder=ladder(
            "REF-02.redirected",
            ("2013-01-17", "owner spa-manager", (NOVAK, "pmh-nurse-farah", "pmh-manager-quist")),
            ("2013-01-24", "spa-manager", (NOVAK, "pmh-manager-quist")),
        ),
    ),
    "REF-03": Step(
        begin=referral("sent"),
        opens=("referral.acknowledged.v1", {}),
        might_open=("referral.more_info_given.v1",),
        due="5 working days",
        meets=ANSWERS,
        ends=(WITHDRAWN, ("referral.closed.v1", {"reason_code": "moved-away"})),
        ladder=ladder(
            "REF-03",
            ("2013-01-21", "owner", (NOVAK,)),
            ("2013-01-24", "service-manager", (NOVAK, OSEI)),
            ("2013-01-31", "service-manager", (NOVAK, OSEI)),
        ),
    ),
    "REF-04": Step(
        begin=referral("sent", "acknowledged"),
        opens=("referral.rejected.v1", {"reason_code": "not-severe-enough"}),
        might_open=("referral.more_info_requested.v1",),
        due="3 working days",  # as Essex has it
        meets=(
            ("referral.alternative_recorded.v1", {}),
            ("referral.more_info_given.v1", {}),
            ("referral.sent.v1", {"service": "talking_therapies"}),
        ),
        ends=(WITHDRAWN,),
        ladder=ladder(
            "REF-04",
            ("2013-01-17", "owner", (OKAFOR,)),
            ("2013-01-22", "referrers-lead", (OKAFOR, "gp-manager-hale")),
            ("2013-02-05", "referrers-lead", (OKAFOR, "gp-manager-hale")),
        ),
    ),
    "REF-05.return": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.treatment_ended.v1", {}),
        might_open=("referral.assessed.v1", "referral.closed.v1"),
        due="5 working days",
        meets=((RETURNED, {"to": "referrer"}),),
        short_of_meeting=((RETURNED, {"to": "general_practice"}), (RETURNED, {"to": "health_visiting"})),
        ladder=returned_ladder("REF-05.return"),
    ),
    "REF-05.tell": Step(
        begin=referral("sent", "acknowledged", "accepted", sender=SOCIAL_WORKER),
        opens=("referral.treatment_ended.v1", {}),
        might_open=("referral.assessed.v1", "referral.closed.v1"),
        due="5 working days",
        meets=((RETURNED, {"to": "general_practice"}), (RETURNED, {"to": "health_visiting"})),
        short_of_meeting=((RETURNED, {"to": "referrer"}),),
        ladder=returned_ladder("REF-05.tell"),
    ),
    "REF-05.acknowledge": Step(
        begin=referral("sent", "acknowledged", "accepted", "treatment_ended"),
        opens=(RETURNED, {"to": "referrer"}),
        due="5 working days",
        meets=(("referral.outcome_acknowledged.v1", {}),),
        short_of_meeting=((RETURNED, {"to": "general_practice"}),),
        ladder=returned_ladder("REF-05.acknowledge"),
    ),
    "CSC-01.decide": Step(
        begin=record("contact", by=FRONT_DOOR),
        after_a_death="open",  # safeguarding does not end with a death
        opens=("contact.received.v1", {}),
        due="1 working day",
        meets=(("contact.decided.v1", {}),),
        ladder=ladder(
            "CSC-01.decide",
            ("2013-01-15", "owner", (LAURENT, KAYA)),
            ("2013-01-16", "head-of-service", (KAYA, MARLOWE)),
            ("2013-01-17", "head-of-service", (KAYA, MARLOWE)),
        ),
    ),
    "CSC-01.tell": Step(
        begin=record("contact", by=FRONT_DOOR),
        after_a_death="open",  # safeguarding does not end with a death
        opens=("contact.received.v1", {}),
        due="1 working day",
        meets=(("contact.referrer_told.v1", {}),),
        ladder=ladder(
            "CSC-01.tell",
            ("2013-01-15", "owner", (LAURENT,)),
            ("2013-01-17", "manager", (LAURENT, KAYA)),
            ("2013-01-22", "head-of-service", (KAYA, MARLOWE)),
            ("2013-02-05", "head-of-service", (KAYA, MARLOWE)),
        ),
    ),
    "CSC-01.chase": Step(
        begin=record("contact", by=FRONT_DOOR, from_team="gp-mill-road"),
        after_a_death="open",
        opens=("contact.received.v1", {"source": "professional"}),
        due="3 working days",
        meets=(("contact.referrer_told.v1", {}), ("contact.chased.v1", {})),
        ladder=ladder(
            "CSC-01.chase",
            ("2013-01-17", "owner", ("gp-adeyemi",)),
            ("2013-01-31", "manager", ("gp-adeyemi", "gp-manager-hale")),
            ("2013-02-14", "head-of-service", ("gp-manager-hale", MARLOWE)),
            ("2013-03-14", "head-of-service", ("gp-manager-hale", MARLOWE)),
        ),
    ),
    "DNA-01.contact": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.not_attended.v1", {}),
        due="1 working day",
        meets=(*KEPT, ("referral.miss_contacted.v1", {})),
        ladder=missed_ladder("DNA-01.contact", "2013-01-15", "2013-01-17", "2013-01-31"),
    ),
    "DNA-01.re-offer": Step(
        begin=referral("sent", "acknowledged", "accepted"),
        opens=("referral.not_attended.v1", {}),
        might_open=("referral.appointment_cancelled.v1",),
        due="3 working days",  # as Essex has it
        meets=KEPT,
        short_of_meeting=(("referral.miss_contacted.v1", {}),),
        ends=(WITHDRAWN,),
        ladder=missed_ladder("DNA-01.re-offer", "2013-01-17", "2013-01-21", "2013-02-04"),
    ),
    "DNA-01.in-a-row": Step(
        begin=referral("sent", "acknowledged", "accepted", "not_attended"),
        opens=("referral.not_attended.v1", {}),
        might_open=("referral.appointment_cancelled.v1",),
        due="1 working day",
        meets=(("referral.misses_reviewed.v1", {"referrer_told": True}),),
        short_of_meeting=(("referral.misses_reviewed.v1", {"referrer_told": False}), *KEPT[:5]),
        ladder=ladder(
            "DNA-01.in-a-row",
            ("2013-01-15", "owner", (NOVAK, ACHTERBERG)),
            ("2013-01-22", "owner", (NOVAK, ACHTERBERG)),
        ),
    ),
    "DNA-01.visit-contact": Step(
        begin=record("support", ("support.started.v1", VISITS)),
        opens=(MISSED, {}),
        due="1 working day",
        meets=(("support.miss_contacted.v1", {}), (HELD, {}), ("support.misses_reviewed.v1", {})),
        ends=(("support.ended.v1", {"reason_code": "moved-away"}),),
        ladder=ladder(
            "DNA-01.visit-contact",
            ("2013-01-15", "owner", (PEREIRA,)),
            ("2013-01-17", "safeguarding-lead", (PEREIRA, ACHTERBERG)),
            ("2013-01-31", "safeguarding-lead", (PEREIRA, ACHTERBERG)),
        ),
    ),
    "DNA-01.visits-in-a-row": Step(
        begin=record("support", ("support.started.v1", VISITS), MISSED),
        opens=(MISSED, {}),
        due="1 working day",
        meets=(("support.misses_reviewed.v1", {}),),
        short_of_meeting=(
            ("support.miss_contacted.v1", {}),
            (HELD, {}),
            ("support.ended.v1", {"reason_code": "moved-away"}),
        ),
        ladder=ladder(
            "DNA-01.visits-in-a-row",
            ("2013-01-15", "owner", (PEREIRA, ACHTERBERG)),
            ("2013-01-22", "owner", (PEREIRA, ACHTERBERG)),
        ),
    ),
}


class TestStepsOfReferrals(StepTests):
    steps = STEPS
    prefixes = ("REF-", "CSC-01", "DNA-")
    open_after_a_death = frozenset({"CSC-01.decide", "CSC-01.tell", "CSC-01.chase"})


@pytest.mark.parametrize("step", [step for step, row in STEPS.items() if row.after_a_death == "open"])
def test_no_death_ends_what_the_front_door_owes_and_the_ladder_goes_on(step):
    practice = Practice()
    thread, _ = STEPS[step].opened(practice)
    practice.record_of("person", by=HV).was("person.died.v1", "2013-01-14 12:00")
    assert thread.the(step).state == "open"
    assert chases(practice, step, f"{STEPS[step].ladder[-1].at[:10]} 23:59") == list(STEPS[step].ladder)
    act(practice, thread, STEPS[step].meets[0], "2013-01-18 10:00")
    assert thread.the(step).state == "met"
