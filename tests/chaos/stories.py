"""What professionals record of made-up families: stories that are told one request at a time.

A story is a generator that gives requests and takes their answers. Its chances follow from the seed alone, so the same
seed tells the same stories; when each of their steps is recorded is for the run to say.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

Answer = Mapping[str, Any]
Story = Generator["Post", Answer, None]


@dataclass(frozen=True, slots=True)
class Post:
    """One request: who makes it, and the event that a 2xx answer says is recorded, in which kind of stream."""

    service: str
    path: str
    by: str
    type: str
    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)

    def stream(self, answer: Answer) -> str:
        """The stream in which the answer says that it was recorded."""
        return f"{self.kind}/{answer[f'{self.kind}_id'.replace('-', '_')]}"


@dataclass(frozen=True, slots=True)
class Area:
    """Who acts in one area, by directory id."""

    gp: str
    camhs: str
    camhs_team: str
    midwife: str
    health_visitor: str
    health_visitor_team: str
    social_worker: str
    adviser: str
    leaving_care_team: str
    leaving_care_manager: str


AREAS = (
    Area(
        "gp-okafor",
        "camhs-triage-novak",
        "camhs-essex",
        "midwife-ekwueme",
        "hv-pereira",
        "hv-harwich",
        "sw-petrov",
        "pa-lindqvist",
        "leaving-care-essex",
        "lc-manager-varga",
    ),
    Area(
        "gp-lindholm",
        "camhs-triage-weber",
        "camhs-norfolk",
        "midwife-ncube",
        "hv-castro",
        "hv-yare",
        "sw-oakley",
        "pa-dubois",
        "leaving-care-norfolk",
        "lc-manager-haas",
    ),
)


def nhs_number(serial: int) -> str:
    """A valid number of ten digits that no other serial below a million gives."""
    for digits in (f"9{serial:07d}{last}" for last in range(10)):
        check = (
            11 - sum(int(digit) * weight for digit, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        ) % 11
        if check != 10:
            return f"{digits}{check}"
    raise ValueError("no number of this serial is valid")


def begin_referral(by: Area, person_id: str, *, sent: bool, urgent: bool = False) -> Post:
    stage = {"stage": "sent", "channel": "letter"} if sent else {"stage": "intended", "reason_code": "low_mood"}
    body = {
        **stage,
        "person_id": person_id,
        "service": "camhs",
        "to_team": by.camhs_team,
        "urgency": "urgent" if urgent else "routine",
    }
    event_type = "referral.sent.v1" if sent else "referral.intended.v1"
    return Post("perinatal", "/v1/referrals", by.gp, event_type, "referral", body)


def on_referral(referral_id: str, by: str, verb: str, event_type: str, **body: Any) -> Post:
    return Post("perinatal", f"/v1/referrals/{referral_id}/{verb}", by, f"referral.{event_type}.v1", "referral", body)


def register(by: str, chance: Random, nhs: str | None = None) -> Post:
    body = {
        "given_name": f"Given{chance.randrange(1000)}",
        "family_name": f"Family{chance.randrange(1000)}",
        "date_of_birth": f"{chance.randrange(1993, 1998)}-0{chance.randrange(1, 10)}-15",
        **({"nhs_number": nhs} if nhs else {}),
    }
    return Post("perinatal", "/v1/people", by, "person.registered.v1", "person", body)


def a_referral(chance: Random, serial: int) -> Story:
    """From the decision, or at once, as far as chance has it: many stop where something should have followed."""
    by = chance.choice(AREAS)
    person = (yield register(by.gp, chance))["person_id"]
    sent = chance.random() < 0.3
    referral = (yield begin_referral(by, person, sent=sent, urgent=chance.random() < 0.1))["referral_id"]

    def at_gp(verb: str, event_type: str, **body: Any) -> Post:
        return on_referral(referral, by.gp, verb, event_type, **body)

    def at_camhs(verb: str, event_type: str, **body: Any) -> Post:
        return on_referral(referral, by.camhs, verb, event_type, **body)

    if not sent:
        if chance.random() < 0.1:
            return
        if chance.random() < 0.1:
            yield at_gp("withdrawn", "withdrawn", reason_code="declined", decided_by=by.gp)
            return
        yield at_gp("sent", "sent", channel="e_referral", reference=f"E-REF {serial}")
    if chance.random() < 0.1:
        return
    if chance.random() < 0.2:
        reported = {"receiver_person": by.camhs, "channel": "phone", "reference": f"call {serial}"}
        yield at_gp("acknowledged", "acknowledged", **reported)
    else:
        yield at_camhs("acknowledged", "acknowledged")
    if chance.random() < 0.2:
        yield at_camhs("more-info-requested", "more_info_requested")
        if chance.random() < 0.3:
            return
        yield at_gp("more-info-given", "more_info_given")
    if chance.random() < 0.15:
        yield at_camhs("rejected", "rejected", reason_code="below_threshold")
        if chance.random() < 0.7:
            yield at_gp("alternative-recorded", "alternative_recorded", alternative_code="school_counsellor")
        return
    yield at_camhs("accepted", "accepted")
    for _ in range(chance.randrange(1, 4)):
        # The first day of a run: whenever it is missed or attended, that is not before its day.
        booked = {"appointment_on": "2013-01-14", "confirms": ["day-passed"]}
        yield at_camhs("appointment-booked", "appointment_booked", **booked)
        if chance.random() < 0.3:
            yield at_camhs("not-attended", "not_attended", how="did_not_attend", confirms=["missed-twice"])
            yield at_camhs("miss-contacted", "miss_contacted", why_code="transport")
        else:
            yield at_camhs("attended", "attended")
    if chance.random() < 0.1:
        return
    yield at_camhs("assessed", "assessed", outcome="treat")
    yield at_camhs("treatment-started", "treatment_started")
    yield at_camhs("treatment-ended", "treatment_ended", reason_code="completed")
    yield at_camhs("outcome-returned", "outcome_returned", outcome_code="improved")
    if chance.random() < 0.8:
        yield at_gp("outcome-acknowledged", "outcome_acknowledged")
    yield at_camhs("closed", "closed", reason_code="done")


def a_plan(chance: Random, serial: int) -> Story:
    """A care leaver with a plan of a few items; some are looked after and some are not."""
    by = chance.choice(AREAS)
    leaver = (yield register_leaver(by, chance))["care_leaver_id"]
    yield on_leaver(leaver, by, "adviser", "adviser.assigned.v1", adviser=by.adviser, team=by.leaving_care_team)
    for _ in range(chance.randrange(2)):
        yield on_leaver(leaver, by, "contact-made", "pa_contact.made.v1", how="phone")
    for _ in range(chance.randrange(1, 3)):
        yield from a_plan_item(chance, by, leaver)


def a_plan_item(chance: Random, by: Area, leaver: str) -> Story:
    added = Post(
        "leaving_care",
        "/v1/plan-items",
        by.adviser,
        "plan_item.added.v1",
        "plan-item",
        {
            "care_leaver_id": leaver,
            "kind": "counselling",
            "condition": "when_ready",
            "fallback": "mental_health_worker",
        },
    )
    item = (yield added)["plan_item_id"]

    def step(verb: str, **body: Any) -> Post:
        event_type = f"plan_item.{verb.replace('-', '_')}.v1"
        return Post("leaving_care", f"/v1/plan-items/{item}/{verb}", by.adviser, event_type, "plan-item", body)

    if chance.random() < 0.15:
        return
    arrangement = {"trigger_code": "he_asks", "fallback": "mental_health_worker", "review_by": "2013-06-03"}
    yield step("arranged", owner=by.adviser, **arrangement)
    for _ in range(chance.randrange(1, 4)):
        yield step("offered")
        yield step("declined")
        if chance.random() < 0.5:
            yield step("reviewed", next_review_by="2013-06-17")
    if chance.random() < 0.3:
        return
    if chance.random() < 0.5:
        yield step("fallback-started")
    else:
        yield step("offered")
        yield step("taken-up")
    yield step("completed")


def a_pregnancy(chance: Random, serial: int) -> Story:
    """A pregnancy; now and then of a mother who is a care leaver, so that each service learns of it from the other."""
    by = chance.choice(AREAS)
    known_there = chance.random() < 0.4
    number = nhs_number(serial) if known_there else None
    mother = (yield register(by.midwife, chance, number))["person_id"]
    leaver = None
    if known_there and chance.random() < 0.5:
        leaver = (yield register_leaver(by, chance, number))["care_leaver_id"]
    booked = {"person_id": mother, "edd": "2013-08-12", "edd_source": "scan", "concerns": ["late_booking"]}
    pregnancy = (yield Post("perinatal", "/v1/pregnancies", by.midwife, "pregnancy.booked.v1", "pregnancy", booked))[
        "pregnancy_id"
    ]

    def step(verb: str, event_type: str, by: str, **body: Any) -> Post:
        return Post("perinatal", f"/v1/pregnancies/{pregnancy}/{verb}", by, event_type, "pregnancy", body)

    if known_there and leaver is None:
        leaver = (yield register_leaver(by, chance, number))["care_leaver_id"]
    if chance.random() < 0.6:
        decided = {"outcome": "none", "reason_code": "supported", "decided_by": by.midwife, "reason": "Seen at home"}
        yield step("screening-decided", "prebirth.screening_decided.v1", by.midwife, **decided)
    if chance.random() < 0.3:
        yield step("concern-noted", "pregnancy.concern_noted.v1", by.midwife, concern="homeless")
    for _ in range(chance.randrange(1, 4)):
        yield step("review-offered", "review.offered.v1", by.health_visitor)
    if chance.random() < 0.7:
        yield step("review-completed", "review.completed.v1", by.health_visitor)
    if leaver and chance.random() < 0.6:
        yield on_leaver(leaver, by, "parenthood-acknowledged", "parenthood.acknowledged.v1", pregnancy_id=pregnancy)


def register_leaver(by: Area, chance: Random, nhs: str | None = None) -> Post:
    body = {
        "given_name": f"Given{chance.randrange(1000)}",
        "family_name": f"Family{chance.randrange(1000)}",
        "date_of_birth": "1994-05-15",
        "category": "former_relevant",
        **({"nhs_number": nhs} if nhs else {}),
    }
    path = "/v1/care-leavers"
    return Post("leaving_care", path, by.adviser, "care_leaver.registered.v1", "care-leaver", body)


def on_leaver(leaver: str, by: Area, verb: str, event_type: str, **body: Any) -> Post:
    actor = by.leaving_care_manager if verb == "adviser" else by.adviser
    return Post("leaving_care", f"/v1/care-leavers/{leaver}/{verb}", actor, event_type, "care-leaver", body)


def crowded(chance: Random, person_id: str) -> Story:
    """A few entries on a record that others write to at the same time."""
    by = AREAS[0]
    for _ in range(chance.randrange(2, 5)):
        body = {"role": "health_visitor", "practitioner": by.health_visitor, "team": by.health_visitor_team}
        path = f"/v1/people/{person_id}/practitioner"
        yield Post("perinatal", path, by.health_visitor, "practitioner.assigned.v1", "person", body)


STORIES: tuple[Callable[[Random, int], Story], ...] = (a_referral, a_referral, a_plan, a_pregnancy)
