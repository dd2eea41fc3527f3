"""What holds for every step of PBA, REF, CSC, MH and DNA alike, in one table worked out by hand.

What only one standard has (its triggers, thresholds, conditions) is in that standard's own file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from services.referrals_followup.domain.follow_up import End, FollowUp
from shared.contracts import CATALOGUE
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from tests.unit.practice import (
    CAMHS,
    FRONT_DOOR,
    GP,
    HV,
    MANAGER,
    MIDWIFE,
    OTHER,
    PACKS,
    PARTNER,
    PERSON,
    SOCIAL_WORKER,
    Chase,
    Practice,
    Thread,
    chase,
    london,
    shown,
)

MONDAY = "2013-01-14 09:30"
# Every step is opened on each of these, the last known only by its month: it counts from Thursday 31 January.
OPENED = {
    "on a Monday": MONDAY,
    "on a Friday": "2013-01-18 16:00",
    "on a Saturday": "2013-01-19 11:00",
    "before Easter, when the clocks go forward": "2013-03-28 10:00",
    "on Christmas Eve": "2013-12-24 10:00",
    "before the clocks go back": "2013-10-25 10:00",
    "some time in January": "2013-01-14",
}
AT_FIVE, AT_MIDNIGHT = "17:00", "23:59"
# fmt: off
DUE = {
    "the same day":    "2013-01-14 2013-01-18 2013-01-19 2013-03-28 2013-12-24 2013-10-25 2013-01-31",
    "1 working day":   "2013-01-15 2013-01-21 2013-01-22 2013-04-02 2013-12-27 2013-10-28 2013-02-01",
    "2 working days":  "2013-01-16 2013-01-22 2013-01-23 2013-04-03 2013-12-30 2013-10-29 2013-02-04",
    "3 working days":  "2013-01-17 2013-01-23 2013-01-24 2013-04-04 2013-12-31 2013-10-30 2013-02-05",
    "5 working days":  "2013-01-21 2013-01-25 2013-01-28 2013-04-08 2014-01-03 2013-11-01 2013-02-07",
    "10 working days": "2013-01-28 2013-02-01 2013-02-04 2013-04-15 2014-01-10 2013-11-08 2013-02-14",
    "15 working days": "2013-02-04 2013-02-08 2013-02-11 2013-04-22 2014-01-17 2013-11-15 2013-02-21",
    "45 working days": "2013-03-18 2013-03-22 2013-03-25 2013-06-05 2014-02-28 2013-12-31 2013-04-08",
    "14 days":         "2013-01-28 2013-02-01 2013-02-02 2013-04-11 2014-01-07 2013-11-08 2013-02-14",
    # Of a month six weeks after the sending (on the 13th) come before four after its end.
    "28 days":         "2013-02-11 2013-02-15 2013-02-16 2013-04-25 2014-01-21 2013-11-22 2013-02-24",
    "5 weeks":         "2013-02-18 2013-02-22 2013-02-23 2013-05-02 2014-01-28 2013-11-29 2013-03-07",
    "8 weeks":         "2013-03-11 2013-03-15 2013-03-16 2013-05-23 2014-02-18 2013-12-20 2013-03-28",
    "10 weeks":        "2013-03-25 2013-03-29 2013-03-30 2013-06-06 2014-03-04 2014-01-03 2013-04-11",
    "6 months":        "2013-07-14 2013-07-18 2013-07-19 2013-09-28 2014-06-24 2014-04-25 2013-07-31",
    # At 30+0; each was 8+0 pregnant when it opened, 22 weeks before.
    "30+0":            "2013-06-17 2013-06-21 2013-06-22 2013-08-29 2014-05-27 2014-03-28 2013-06-17",
}
# fmt: on


def day_before(at: str) -> str:
    return f"{date.fromisoformat(at[:10]) - timedelta(days=1)} 09:00"


def edd_at_eight_weeks(at: str) -> str:
    """The delivery date of who is 8+0 pregnant on this day."""
    return str(date.fromisoformat(at[:10]) + timedelta(days=224))


Begin = Callable[[Practice, str], Thread]
Act = tuple[str, dict[str, Any]]


def referral(*before: str, by: Actor = CAMHS, sender: Actor = GP, pregnant: bool = False, **said: Any) -> Begin:
    """A referral of which this much had been recorded the day before; `by` goes on with it."""

    def begin(practice: Practice, at: str) -> Thread:
        if pregnant:
            expecting(practice, at)
        found = practice.referral(by=by, **said)
        for event in before:
            found.was(event, day_before(at), by=sender if event == "sent" else by)
        return found

    return begin


def expecting(practice: Practice, at: str, by: Actor = MIDWIFE, *, booked: bool = True, **said: Any) -> Thread:
    edd = edd_at_eight_weeks(at)
    found = practice.record_of("pregnancy", by=by, edd=edd, mother_age_band="from_20", partner_id=PARTNER, **said)
    if booked:
        found.was("booked", day_before(at), by=MIDWIFE)
    return found


def pregnancy(by: Actor, *, booked: bool = True) -> Begin:
    return lambda practice, at: expecting(practice, at, by, booked=booked)


def record(kind: str, *before: str | Act, by: Actor = HV, pregnant: bool = False, **said: Any) -> Begin:
    def begin(practice: Practice, at: str) -> Thread:
        if pregnant:
            expecting(practice, at)
        found = practice.record_of(kind, by=by, **said)
        for one in before:
            event, known = (one, {}) if isinstance(one, str) else one
            found.was(event, day_before(at), **known)
        return found

    return begin


@dataclass(frozen=True)
class Step:
    """One step: what there is before it, what opens it and what else might, what meets and what ends it."""

    begin: Begin
    opens: Act
    due: str
    meets: tuple[Act, ...]
    ladder: tuple[Chase, ...]
    ends: tuple[Act, ...] = ()
    might_open: tuple[str, ...] = ()
    short_of_meeting: tuple[Act, ...] = ()
    due_at: str = AT_FIVE
    unless_done_before: bool = False
    after_a_death: str = "ended"
    said: Mapping[str, Callable[[str], Any]] = field(default_factory=dict)

    def opened(self, practice: Practice, at: str = MONDAY, **when: Any) -> tuple[Thread, Event]:
        thread = self.begin(practice, at)
        return thread, self.open(thread, at, **when)

    def open(self, thread: Thread, at: str = MONDAY, **when: Any) -> Event:
        event, said = self.opens
        return thread.was(event, at, **said, **{name: value(at) for name, value in self.said.items()}, **when)


def act(practice: Practice, thread: Thread, act: Act, at: str, **when: Any) -> Event:
    """It happens on the thread itself; a referral, an offer, a support or a notification is another record."""
    event, said = act
    noun = event.partition(".")[0]
    noun = "care-leaver" if noun == "support_offer" else noun
    kind = thread.name.partition("/")[0]
    if noun in ("referral", "notification", "offer", "support", "care-leaver") and noun != kind:
        names = {f"{kind}_id": thread.id} if noun == "notification" else {}
        return practice.record_of(noun, **names).was(event, at, **said, **when)
    return thread.was(event, at, **said, **when)


NOVAK, OSEI, OKAFOR = "camhs-triage-novak", "camhs-manager-osei", "gp-okafor"
PEREIRA, ITO, EKWUEME, OYELARAN = "hv-pereira", "hv-manager-ito", "midwife-ekwueme", "named-midwife-oyelaran"
PETROV, DIAZ, KRUGER = "sw-petrov", "sw-manager-diaz", "service-manager-kruger"
LAURENT, KAYA, MARLOWE = "fd-laurent", "fd-manager-kaya", "head-of-service-marlowe"
VASQUEZ, ACHTERBERG, RAHMAN = "perinatal-lead-vasquez", "lead-achterberg", "gp-safeguarding-rahman"
ENDED = ("pregnancy.ended.v1", {"outcome": "birth", "children": ["p_" + "c" * 32]})
SHARED = {"shared_with": ["midwife", "health_visitor", "gp_practice"]}
DECIDED_OTHERWISE = ("prebirth.screening_decided.v1", {"outcome": "none", "reason_code": "no-risk-found"})
WITHDRAWN = ("referral.withdrawn.v1", {"reason_code": "sent-twice"})
RETURNED = "referral.outcome_returned.v1"
HARMED = {"tool": "epds", "score": 3, "self_harm": True}
HELD, MISSED = "support.session_held.v1", "support.session_missed.v1"
VISITS = {"kind": "listening_visits"}


def ladder(step: str, *rungs: tuple[str, str, tuple[str, ...]]) -> tuple[Chase, ...]:
    return tuple(chase(at if ":" in at else f"{at} 17:00", step, name, *told) for at, name, told in rungs)


def missed_ladder(step: str, first: str, second: str, third: str) -> tuple[Chase, ...]:
    lead = (NOVAK, ACHTERBERG)
    return ladder(
        step, (first, "owner", (NOVAK,)), (second, "safeguarding-lead", lead), (third, "safeguarding-lead", lead)
    )


def returned_ladder(step: str) -> tuple[Chase, ...]:
    rungs = [("2013-01-28", "service-manager", (NOVAK, OSEI)), ("2013-02-11", "service-manager", (NOVAK, OSEI))]
    return ladder(step, ("2013-01-21", "owner", (NOVAK,)), *rungs)


def practice_ladder(step: str) -> tuple[Chase, ...]:
    rungs = [("2013-01-21", "practice-lead", (OKAFOR, RAHMAN)), ("2013-02-04", "practice-lead", (OKAFOR, RAHMAN))]
    return ladder(step, ("2013-01-16", "owner", (OKAFOR,)), *rungs)


def checks_ladder(step: str, owner: str) -> tuple[Chase, ...]:
    rungs = [("2013-02-04", "named-midwife", (owner, OYELARAN)), ("2013-02-18", "named-midwife", (owner, OYELARAN))]
    return ladder(step, ("2013-01-28", "owner", (owner,)), *rungs)


SEEN_AGAIN = ("offered", "appointment_booked", "attended", "assessed", "treatment_started", "misses_reviewed")
KEPT = tuple((f"referral.{what}.v1", {}) for what in SEEN_AGAIN)
ANSWERS = tuple((f"referral.{what}.v1", {}) for what in ("accepted", "rejected", "redirected", "more_info_requested"))

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
        ladder=checks_ladder("PBA-04.household", PEREIRA),
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
        meets=(("referral.alternative_recorded.v1", {}), ("referral.more_info_given.v1", {}), ("referral.sent.v1", {})),
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
            ("2013-01-15", "owner", (LAURENT, KAYA)),
            ("2013-01-16", "head-of-service", (MARLOWE, "ey-jansen")),  # the referrer's team, who may escalate
            ("2013-01-17", "head-of-service", (MARLOWE, "ey-jansen")),
        ),
    ),
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
        due="28 days",
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
MINE = ("PBA-", "REF-", "CSC-", "MH-", "DNA-")

every_step = pytest.mark.parametrize("step", STEPS)
every_meeting = pytest.mark.parametrize(
    ("step", "what"), [(step, what) for step, row in STEPS.items() for what in row.meets]
)


@pytest.fixture
def practice() -> Practice:
    return Practice()


def chases(practice: Practice, step: str, until: str) -> list[Chase]:
    return [found for found in practice.days_pass(until) if found.step == step]


def opened_by(event: Event, thread: Thread, step: str) -> FollowUp:
    (found,) = (one for one in thread.all(step) if one.opened_by == event.id)
    return found


def all_at_once(step: str, at: str) -> Chase:
    """One chase that names every rung of the ladder and tells all whom they tell."""
    found = STEPS[step].ladder
    rungs = dict.fromkeys(rung for one in found for rung in one.rungs)
    return Chase(at, step, tuple(rungs), frozenset().union(*(one.told for one in found)))


def test_every_step_of_these_standards_is_in_the_table():
    assert set(STEPS) == {step for step in PACKS["england"]["steps"] if step.startswith(MINE)}


@every_step
def test_it_opens_when_it_must_for_whoever_has_to_act(practice, step):
    row = STEPS[step]
    thread = row.begin(practice, MONDAY)
    assert thread.all(step) == []
    opening = row.open(thread)
    found = thread.the(step)
    assert (found.state, found.opened_by, found.person) == ("open", opening.id, PERSON)
    assert (found.area, found.inherited, found.gap) == ("essex", False, None)
    assert found.expects and found.source and found.basis in ("NAT", "LOC", "DES")


def others(practice: Practice, thread: Thread, but: set[str], at: str) -> int:
    """All else that can be recorded, on this thread or, if it cannot name it, about the same person elsewhere."""
    kind = thread.name.partition("/")[0]
    names = {entry.name for entry in CATALOGUE if entry.speakers != ("referrals_followup",)} - {*but, *APART}
    for name in sorted(names):
        on_it = kind in CATALOGUE[name].ref_kinds()
        (thread if on_it else practice.record_of("another", by=HV)).was(name, at)
    return len(names)


# How the services say how far they are, what makes up for a mistake, and what ends all that is routine.
APART = ("position.reported.v1", "record.retracted.v1", "person.died.v1", "parenthood.lost.v1")


@every_step
def test_nothing_else_opens_it(practice, step):
    row = STEPS[step]
    thread = row.begin(practice, MONDAY)
    assert others(practice, thread, {row.opens[0], *row.might_open}, MONDAY) > 80
    assert thread.all(step) == []


@pytest.mark.parametrize("when", OPENED)
@every_step
def test_it_is_due_on_the_exact_day(practice, step, when):
    row = STEPS[step]
    precision = {"precision": "month"} if when == "some time in January" else {}
    thread, _ = row.opened(practice, OPENED[when], **precision)
    expected = dict(zip(OPENED, DUE[row.due].split(), strict=True))[when]
    assert shown(thread.the(step).due_at) == f"{expected} {row.due_at}"


@every_meeting
def test_each_act_that_is_expected_meets_it_and_stops_its_chases(practice, step, what):
    thread, opening = STEPS[step].opened(practice)
    done = act(practice, thread, what, "2013-01-14 15:00")
    again = act(practice, thread, what, "2013-01-14 16:00")
    found = opened_by(opening, thread, step)
    assert (found.state, found.closed_by, found.closed_actor) == ("met", done.id, done.actor) and again.id != done.id
    practice.sweep("2026-11-02 09:00")
    assert practice.acts(found).chases == 0


@pytest.mark.parametrize(("step", "what"), [(step, what) for step, row in STEPS.items() for what in row.ends])
def test_each_act_that_ends_it_says_who_and_why(practice, step, what):
    thread, _ = STEPS[step].opened(practice)
    ended = act(practice, thread, what, "2013-01-14 15:00")
    found = thread.the(step)
    assert (found.state, found.closed_by, found.closed_actor) == ("ended", ended.id, ended.actor)
    assert found.closed_reason == what[1].get("reason_code", what[0])
    assert chases(practice, step, "2013-03-01 00:00") == []


@every_step
def test_nothing_else_of_all_that_can_be_recorded_meets_or_ends_it(practice, step):
    row = STEPS[step]
    thread, opening = row.opened(practice)
    acts = {event for event, _ in (*row.meets, *row.ends)}
    assert others(practice, thread, acts, "2013-01-14 15:00") > 80
    assert opened_by(opening, thread, step).state == "open"


@pytest.mark.parametrize(
    ("step", "what"), [(step, what) for step, row in STEPS.items() for what in row.short_of_meeting]
)
def test_what_falls_short_of_what_is_expected_leaves_it_open(practice, step, what):
    thread, opening = STEPS[step].opened(practice)
    act(practice, thread, what, "2013-01-14 15:00")
    assert opened_by(opening, thread, step).state == "open"


@every_step
def test_what_is_done_for_another_does_not_count_for_this_one(practice, step):
    row = STEPS[step]
    thread, _ = row.opened(practice)
    noun = row.meets[0][0].partition(".")[0]
    if thread.name.startswith("person/"):
        another = practice.record_of("person", key=OTHER)
    elif noun == "offer":  # whatever record it is on, it is of one person
        another = practice.record_of(noun, person_id=OTHER)
    else:
        another = row.opened(practice)[0]
    act(practice, another, row.meets[0], "2013-01-14 15:00")
    assert thread.the(step).state == "open"


@every_step
def test_the_ladder_goes_up_rung_by_rung_and_repeats(practice, step):
    row = STEPS[step]
    row.opened(practice)
    assert chases(practice, step, f"{row.ladder[-1].at[:10]} 23:59") == list(row.ladder)


@every_step
def test_nobody_is_chased_a_minute_before(practice, step):
    row = STEPS[step]
    row.opened(practice)
    before = london(row.ladder[0].at) - timedelta(minutes=1)
    assert chases(practice, step, before.strftime("%Y-%m-%d %H:%M")) == []


@every_step
def test_it_never_ends_by_the_clock_and_after_an_outage_of_years_one_chase_names_every_rung(practice, step):
    thread, _ = STEPS[step].opened(practice)
    at = "2026-11-02 09:00"
    assert [found for found in practice.sweep(at) if found.step == step] == [all_at_once(step, at)]
    assert thread.the(step).state == "open"


@every_step
def test_a_manager_ends_it_with_a_reason(practice, step):
    thread, _ = STEPS[step].opened(practice)
    practice.act(End(thread.the(step), "moved-abroad"), "2013-01-14 12:00", by=MANAGER)
    found = thread.the(step)
    assert (found.state, found.closed_reason, found.closed_actor) == ("ended", "moved-abroad", MANAGER.id)
    assert [one for one in practice.sweep("2026-11-02 09:00") if one.step == step] == []


@every_step
def test_an_opening_that_was_a_mistake_makes_it_void_and_its_chases_stay_in_sight(practice, step):
    thread, opening = STEPS[step].opened(practice)
    chased = len(chases(practice, step, f"{STEPS[step].ladder[0].at}"))
    thread.retracted(opening, "2013-09-02 10:00")
    found = thread.the(step)
    assert (found.state, practice.acts(found).chases) == ("void", chased) and chased >= 1
    assert [one for one in practice.sweep("2026-11-02 09:00") if one.step == step] == []


@every_step
def test_an_opening_that_becomes_known_late_is_chased_at_once_and_not_before(practice, step):
    thread, _ = STEPS[step].opened(practice, recorded="2013-09-02 10:00")
    assert shown(thread.the(step).due_at) == f"{DUE[STEPS[step].due].split()[0]} {STEPS[step].due_at}"
    assert [found for found in practice.sweep("2013-09-02 09:59") if found.step == step] == []
    assert [found for found in practice.sweep("2013-09-02 10:00") if found.step == step] == [
        all_at_once(step, "2013-09-02 10:00")
    ]


@every_step
def test_what_was_done_in_time_and_becomes_known_late_stops_the_chases(practice, step):
    row = STEPS[step]
    thread, opening = row.opened(practice)
    assert chases(practice, step, row.ladder[0].at) == [row.ladder[0]]
    act(practice, thread, row.meets[0], "2013-01-14 12:00", recorded="2013-09-02 10:00")
    found = opened_by(opening, thread, step)
    assert (found.state, shown(found.closed_at)) == ("met", "2013-01-14 12:00")
    told = practice.acts(found).chases
    practice.sweep("2013-10-01 09:00")
    assert practice.acts(found).chases == told


@every_step
def test_what_was_done_before_it_opened_does_not_count(practice, step):
    row = STEPS[step]
    thread = row.begin(practice, MONDAY)
    act(practice, thread, row.meets[0], "2013-01-14 09:00")
    opening = row.open(thread)
    found = [one.state for one in thread.all(step) if one.opened_by == opening.id]
    assert found == ([] if row.unless_done_before else ["open"])


@every_step
def test_nobody_is_chased_for_what_was_recorded_before_the_opening_became_known(practice, step):
    row = STEPS[step]
    thread = row.begin(practice, MONDAY)
    done = act(practice, thread, row.meets[0], "2013-01-15 10:00")
    opening = row.open(thread, recorded="2013-09-02 10:00")
    found = opened_by(opening, thread, step)
    assert (found.state, found.closed_by) == ("met", done.id)


@every_step
def test_when_what_met_it_was_a_mistake_it_is_open_again_and_the_ladder_goes_on(practice, step):
    row = STEPS[step]
    thread, opening = row.opened(practice)
    done = act(practice, thread, row.meets[0], "2013-01-14 09:31")
    kind, _, key = done.stream.partition("/")
    practice.record_of(kind, key=key).retracted(done, "2013-09-02 10:00")
    assert opened_by(opening, thread, step).state == "open"
    assert all_at_once(step, "2013-09-02 10:00").rungs == next(
        found.rungs for found in practice.sweep("2013-09-02 10:00") if found.step == step
    )


@pytest.mark.parametrize("step", [step for step, row in STEPS.items() if row.after_a_death == "ended"])
def test_the_death_of_whom_it_is_about_ends_it_and_nobody_is_chased(practice, step):
    thread, _ = STEPS[step].opened(practice)
    died = practice.record_of("person", by=HV).was("person.died.v1", "2013-01-14 12:00")
    found = thread.the(step)
    assert (found.state, found.closed_by, found.closed_reason) == ("ended", died.id, "bereavement")
    assert [one for one in practice.sweep("2026-11-02 09:00") if one.step == step] == []


@pytest.mark.parametrize("step", [step for step, row in STEPS.items() if row.after_a_death == "open"])
def test_no_death_ends_what_the_front_door_owes_and_the_ladder_goes_on(practice, step):
    thread, _ = STEPS[step].opened(practice)
    practice.record_of("person", by=HV).was("person.died.v1", "2013-01-14 12:00")
    assert thread.the(step).state == "open"
    assert chases(practice, step, f"{STEPS[step].ladder[-1].at[:10]} 23:59") == list(STEPS[step].ladder)
    act(practice, thread, STEPS[step].meets[0], "2013-01-18 10:00")
    assert thread.the(step).state == "met"


def test_only_the_front_door_owes_on_after_a_death():
    assert {step for step, row in STEPS.items() if row.after_a_death == "open"} == {"CSC-01.decide", "CSC-01.tell"}
