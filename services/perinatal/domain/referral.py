"""A referral, from the decision to refer until its outcome has come back and it is closed (practice section 5.1).

Decided is not done: an intention is a state of its own. A sender never acknowledges for the receiver without naming the
receiver's person, the channel and the reference. Closing is a fact and is accepted from every state but closed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from services.perinatal.domain.acknowledgement import reported_by
from shared.contracts.words import SERVICES
from shared.kernel.decisions import Actor, Context, Fact, Forbidden, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import (
    Begin,
    Command,
    Decision,
    Evolution,
    History,
    area_to_begin_in,
    became,
    fact,
    history_of,
    own_fields,
    require_step,
)

MISSED = frozenset({"did_not_attend", "was_not_brought", "no_access"})
TRIAGE = frozenset({"acknowledged", "more_info_requested", "more_info_given"})
SEEN = frozenset({"attended", "assessed", "treatment_declined"})
CARE = frozenset({"accepted", "offered", "booked", "cancelled"}) | SEEN | MISSED
RETURNED = frozenset({"outcome_returned", "outcome_acknowledged"})
EVERY = (
    frozenset({"intended", "sent", "redirected", "rejected", "withdrawn", "in_treatment", "ended"})
    | TRIAGE
    | CARE
    | RETURNED
)
UNANSWERED = frozenset({"rejected", "more_info_requested", "redirected", "closed"})
# What is told of a missed appointment may be told when another one has long been kept.
AFTER_A_MISS = CARE | RETURNED | {"in_treatment", "ended", "closed"}

# Event type -> the states that it may follow. The two that may begin a referral follow none as well.
STEPS = {
    "referral.intended.v1": frozenset[str](),
    "referral.sent.v1": frozenset({"intended", "redirected"}),
    "referral.withdrawn.v1": frozenset({"intended", "sent", "redirected"}) | TRIAGE | CARE - SEEN,
    "referral.acknowledged.v1": frozenset({"sent", "redirected"}),
    "referral.accepted.v1": TRIAGE,
    "referral.rejected.v1": TRIAGE,
    "referral.redirected.v1": TRIAGE,
    "referral.more_info_requested.v1": TRIAGE,
    "referral.more_info_given.v1": frozenset({"more_info_requested"}),
    "referral.offered.v1": CARE | {"in_treatment"},
    "referral.appointment_booked.v1": CARE | {"in_treatment"},
    "referral.attended.v1": CARE | {"in_treatment"},
    "referral.not_attended.v1": CARE | {"in_treatment"},
    "referral.appointment_cancelled.v1": frozenset({"offered", "booked"}),
    "referral.miss_contacted.v1": AFTER_A_MISS,
    "referral.misses_reviewed.v1": AFTER_A_MISS,
    "referral.assessed.v1": CARE | {"in_treatment"},
    "referral.treatment_started.v1": CARE,
    "referral.treatment_declined.v1": CARE,
    "referral.treatment_ended.v1": frozenset({"in_treatment", "booked", "attended", "cancelled"}) | MISSED,
    "referral.alternative_recorded.v1": UNANSWERED | RETURNED,
    "referral.outcome_returned.v1": frozenset({"rejected", "ended", "closed"}) | SEEN | MISSED | RETURNED,
    "referral.outcome_acknowledged.v1": RETURNED | {"closed"},
    "referral.closed.v1": EVERY,
}

# Whose own entry counts as the receiver's, by the service referred to; a member of the team addressed always counts.
RECEIVING_ROLES = {
    "camhs": {"mental_health_service"},
    "perinatal_mental_health": {"mental_health_service"},
    "talking_therapies": {"mental_health_service"},
    "adult_mental_health": {"mental_health_service"},
    "health_visiting": {"health_visitor"},
    "family_nurse_partnership": {"health_visitor"},
    "midwifery": {"midwife"},
    "general_practice": {"gp_practice"},
    "childrens_social_care": {"front_door", "social_worker"},
    "early_help": {"front_door", "social_worker"},
    "leaving_care": {"personal_adviser"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address(Begin):
    person_id: str
    service: str
    urgency: str = "routine"
    to_team: str | None = None
    condition_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intend(_Address):
    """The decision to refer; nothing has been sent."""

    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Send(_Address):
    """A referral that was sent as soon as it was decided. The reference's text stays private."""

    channel: str
    reference: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSent(Command):
    channel: str
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw(Command):
    """`decided_by` is the clinician, by directory id."""

    reason_code: str
    decided_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge(Command):
    """From anybody but the receiver, all three are needed; person and reference stay private."""

    receiver_person: str | None = None
    channel: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject(Command):
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Command):
    to_service: str
    to_team: str | None = None
    reason_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestMoreInfo(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveMoreInfo(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class BookAppointment(Command):
    appointment_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAttended(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordNotAttended(Command):
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAppointment(Command):
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMissContacted(Command):
    """Whoever was missed was asked why."""

    why_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMissesReviewed(Command):
    """The safeguarding discussion after misses in a row."""

    decision_code: str
    referrer_told: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAssessed(Command):
    outcome: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTreatment(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclineTreatment(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTreatment(Command):
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordAlternative(Command):
    """What the referrer does instead, after a rejection or a question."""

    alternative_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnOutcome(Command):
    outcome_code: str
    to: str = "referrer"


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeOutcome(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(Command):
    reason_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral(History):
    """`senders` and `sender_teams` took part in deciding, sending or redirecting: none of them is the receiver.

    `is_missed`: an appointment was missed at some time; `assessed` is what the assessment found.
    """

    service: str | None = None
    service_kind: str | None = None
    urgency: str | None = None
    to_team: str | None = None
    condition_id: str | None = None
    senders: frozenset[str] = frozenset()
    sender_teams: frozenset[str] = frozenset()
    reported_by: str | None = None
    appointment_on: str | None = None
    is_missed: bool = False
    assessed: str | None = None
    outcome_code: str | None = None


def _intend(state: Referral, command: Intend, context: Context) -> Fact:
    return _begin(state, command, context, "referral.intended.v1", reason_code=command.reason_code)


def _send(state: Referral, command: Send, context: Context) -> Fact:
    begun = _begin(
        state,
        command,
        context,
        "referral.sent.v1",
        channel=command.channel,
        evidence=command.reference is not None,
        reason_code=command.reason_code,
    )
    return replace(begun, private=_held(reference=command.reference))


def _begin(state: Referral, command: _Address, context: Context, event_type: str, **data: Any) -> Fact:
    if state.entries or state.retracted:
        raise Refused("already-begun", "this referral was begun before")
    begun = fact(
        event_type,
        context,
        referral_id=context.stream_id,
        person_id=command.person_id,
        service=command.service,
        service_kind=SERVICES[command.service],
        urgency=command.urgency,
        to_team=command.to_team,
        condition_id=command.condition_id,
        **data,
    )
    return replace(begun, subject=command.person_id, area=area_to_begin_in(state, command, context.actor))


def _mark_sent(state: Referral, command: MarkSent, context: Context) -> Fact:
    return _next(
        "referral.sent.v1",
        state,
        context,
        service=state.service,
        service_kind=state.service_kind,
        urgency=state.urgency,
        to_team=state.to_team,
        condition_id=state.condition_id,
        channel=command.channel,
        evidence=command.reference is not None,
        private=_held(reference=command.reference),
    )


def _acknowledge(state: Referral, command: Acknowledge, context: Context) -> Fact:
    require_step("referral.acknowledged.v1", state, STEPS, "referral")
    by_receiver = is_receiver(state, context.actor)
    if not by_receiver and not is_sender(state, context.actor):
        raise Forbidden("no-part-in-it", "only the receiver or the sender acknowledges a referral")
    return _next(
        "referral.acknowledged.v1",
        state,
        context,
        reported_by=reported_by(by_receiver, own_fields(command)),
        channel=command.channel,
        private=_held(receiver_person=command.receiver_person, reference=command.reference),
    )


def _redirect(state: Referral, command: Redirect, context: Context) -> Fact:
    return _next(
        "referral.redirected.v1",
        state,
        context,
        to_service=command.to_service,
        to_service_kind=SERVICES[command.to_service],
        to_team=command.to_team,
        reason_code=command.reason_code,
    )


def _of_a_miss(event_type: str) -> Decision[Referral]:
    def decide(state: Referral, command: Command, context: Context) -> Fact:
        found = _step(event_type)(state, command, context)
        if not state.is_missed:
            raise Refused("nothing-missed", "no appointment of this referral was missed")
        return found

    return decide


def _acknowledge_outcome(state: Referral, command: AcknowledgeOutcome, context: Context) -> Fact:
    acknowledged = _next("referral.outcome_acknowledged.v1", state, context)
    if state.outcome_code is None:
        raise Refused("no-outcome", "no outcome has come back yet")
    return acknowledged


def _step(event_type: str) -> Decision[Referral]:
    """A decision that only asks whether the event may follow, and records the command's own fields."""

    def decide(state: Referral, command: Command, context: Context) -> Fact:
        return _next(event_type, state, context, **own_fields(command))

    return decide


def _receivers(decide: Decision[Referral]) -> Decision[Referral]:
    """The same decision, for the receiving side only: what the receiver does is not for the sender to record."""

    def decide_as_receiver(state: Referral, command: Command, context: Context) -> Fact:
        found = decide(state, command, context)
        if not is_receiver(state, context.actor):
            raise Forbidden("receiver-only", "this is for the receiving service to record")
        return found

    return decide_as_receiver


def _senders(decide: Decision[Referral]) -> Decision[Referral]:
    """The same decision, for the sending side only: who decided, sent or redirected, and their teams."""

    def decide_as_sender(state: Referral, command: Command, context: Context) -> Fact:
        found = decide(state, command, context)
        if not is_sender(state, context.actor):
            raise Forbidden("sender-only", "this is for those who refer to record")
        return found

    return decide_as_sender


def _either(decide: Decision[Referral]) -> Decision[Referral]:
    """The same decision, for the sending or the receiving side."""

    def decide_as_either(state: Referral, command: Command, context: Context) -> Fact:
        if is_sender(state, context.actor):
            return decide(state, command, context)
        return _receivers(decide)(state, command, context)

    return decide_as_either


def _next(
    event_type: str, state: Referral, context: Context, *, private: dict[str, str] | None = None, **data: Any
) -> Fact:
    require_step(event_type, state, STEPS, "referral")
    return fact(event_type, context, private=private, referral_id=context.stream_id, person_id=state.person_id, **data)


def is_sender(state: Referral, actor: Actor) -> bool:
    """Whether the actor is on the side that refers."""
    return actor.id in state.senders or actor.team in state.sender_teams


def is_receiver(state: Referral, actor: Actor) -> bool:
    """Whether an entry of this actor is the receiving side's own."""
    if is_sender(state, actor):
        return False
    return actor.team == state.to_team or actor.role in RECEIVING_ROLES.get(state.service or "", ())


def _held(**texts: str | None) -> dict[str, str]:
    return {name: text for name, text in texts.items() if text}


def _addressed(status: str) -> Evolution[Referral]:
    def evolve(state: Referral, event: Event) -> Referral:
        return replace(
            state,
            **_sender_too(state, event),
            status=status,
            service=event.data["service"],
            service_kind=event.data["service_kind"],
            urgency=event.data["urgency"],
            to_team=event.data.get("to_team"),
            condition_id=event.data.get("condition_id"),
        )

    return evolve


def _redirected(state: Referral, event: Event) -> Referral:
    return replace(
        state,
        **_sender_too(state, event),
        status="redirected",
        service=event.data["to_service"],
        service_kind=event.data["to_service_kind"],
        to_team=event.data.get("to_team"),
        reported_by=None,
    )


def _sender_too(state: Referral, event: Event) -> dict[str, Any]:
    """Who is on the side that refers, whoever recorded this included."""
    return {"senders": state.senders | {event.actor}, "sender_teams": state.sender_teams | {event.team}}


def _acknowledged(state: Referral, event: Event) -> Referral:
    return replace(state, status="acknowledged", reported_by=event.data["reported_by"])


def _booked(state: Referral, event: Event) -> Referral:
    return replace(state, status="booked", appointment_on=event.data["appointment_on"])


def _not_attended(state: Referral, event: Event) -> Referral:
    return replace(state, status=event.data["how"], is_missed=True)


def _assessed(state: Referral, event: Event) -> Referral:
    status = state.status if state.status == "in_treatment" else "assessed"
    return replace(state, status=status, assessed=event.data["outcome"])


def _outcome_returned(state: Referral, event: Event) -> Referral:
    return replace(_unless_closed(state, "outcome_returned"), outcome_code=event.data["outcome_code"])


def _outcome_acknowledged(state: Referral, event: Event) -> Referral:
    return _unless_closed(state, "outcome_acknowledged")


def _unless_closed(state: Referral, status: str) -> Referral:
    return state if state.status == "closed" else replace(state, status=status)


AGGREGATE = history_of(
    "referral",
    Referral(),
    decisions={
        Intend: _intend,
        Send: _send,
        MarkSent: _senders(_mark_sent),
        Withdraw: _senders(_step("referral.withdrawn.v1")),
        Acknowledge: _acknowledge,
        Accept: _receivers(_step("referral.accepted.v1")),
        Reject: _receivers(_step("referral.rejected.v1")),
        Redirect: _receivers(_redirect),
        RequestMoreInfo: _receivers(_step("referral.more_info_requested.v1")),
        GiveMoreInfo: _senders(_step("referral.more_info_given.v1")),
        Offer: _receivers(_step("referral.offered.v1")),
        BookAppointment: _receivers(_step("referral.appointment_booked.v1")),
        RecordAttended: _receivers(_step("referral.attended.v1")),
        RecordNotAttended: _receivers(_step("referral.not_attended.v1")),
        CancelAppointment: _receivers(_step("referral.appointment_cancelled.v1")),
        RecordMissContacted: _receivers(_of_a_miss("referral.miss_contacted.v1")),
        RecordMissesReviewed: _receivers(_of_a_miss("referral.misses_reviewed.v1")),
        RecordAssessed: _receivers(_step("referral.assessed.v1")),
        StartTreatment: _receivers(_step("referral.treatment_started.v1")),
        DeclineTreatment: _receivers(_step("referral.treatment_declined.v1")),
        EndTreatment: _receivers(_step("referral.treatment_ended.v1")),
        RecordAlternative: _senders(_step("referral.alternative_recorded.v1")),
        ReturnOutcome: _receivers(_step("referral.outcome_returned.v1")),
        AcknowledgeOutcome: _senders(_acknowledge_outcome),
        Close: _either(_step("referral.closed.v1")),
    },
    evolutions={
        "referral.intended.v1": _addressed("intended"),
        "referral.sent.v1": _addressed("sent"),
        "referral.withdrawn.v1": became("withdrawn"),
        "referral.acknowledged.v1": _acknowledged,
        "referral.accepted.v1": became("accepted"),
        "referral.rejected.v1": became("rejected"),
        "referral.redirected.v1": _redirected,
        "referral.more_info_requested.v1": became("more_info_requested"),
        "referral.more_info_given.v1": became("more_info_given"),
        "referral.offered.v1": became("offered"),
        "referral.appointment_booked.v1": _booked,
        "referral.attended.v1": became("attended"),
        "referral.not_attended.v1": _not_attended,
        "referral.appointment_cancelled.v1": became("cancelled"),
        "referral.treatment_started.v1": became("in_treatment"),
        "referral.assessed.v1": _assessed,
        "referral.treatment_declined.v1": became("treatment_declined"),
        "referral.treatment_ended.v1": became("ended"),
        "referral.outcome_returned.v1": _outcome_returned,
        "referral.outcome_acknowledged.v1": _outcome_acknowledged,
        "referral.closed.v1": became("closed"),
    },
)
