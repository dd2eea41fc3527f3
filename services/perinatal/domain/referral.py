"""A referral, from the decision to refer until its outcome has come back and it is closed (practice section 5.1).

A decision to refer is a state of its own: it does not mean that anything is sent. Only the team that the referral was
sent or passed to receives it. Whoever else acknowledges it names the person at the receiver, the channel and the
reference. A closing is accepted in every state except `closed`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.perinatal.domain.acknowledgement import reported_by
from shared.contracts.words import CARE_SERVICES
from shared.kernel.decisions import Actor, Context, Refused
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord, Party, RecordState, Row, record_of, states

MISSED = states("did_not_attend", "was_not_brought", "no_access")
TRIAGE = states("acknowledged", "more_info_requested", "more_info_given")
SEEN = states("attended", "assessed", "treatment_declined")
CARE = states("accepted", "offered", "booked", "cancelled") | SEEN | MISSED
RETURNED = states("outcome_returned", "outcome_acknowledged")
EVERY = (
    states("intended", "sent", "redirected", "rejected", "withdrawn", "in_treatment", "ended")
    | TRIAGE
    | CARE
    | RETURNED
)
UNANSWERED = states("rejected", "more_info_requested", "redirected", "closed")
# A missed appointment may be followed up even after a later appointment was kept.
AFTER_A_MISS = CARE | RETURNED | states("in_treatment", "ended", "closed")

# The roles that receive referrals for each service, if no team is named.
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
class Referral(RecordState):
    """`senders` and `sender_teams` took part in deciding, sending or redirecting. None of them counts as the receiver.

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

    def was_sent_to(self, actor: Actor) -> bool:
        return actor.team == self.to_team


def is_sender(state: Referral, actor: Actor) -> bool:
    """Whether the actor is on the side that refers."""
    return actor.id in state.senders or actor.team in state.sender_teams


def is_receiver(state: Referral, actor: Actor) -> bool:
    """Whether the actor is on the side that receives: the team it was sent to, or the role if no team was named."""
    if is_sender(state, actor):
        return False
    return state.was_sent_to(actor) if state.to_team else is_of_receiving_role(state, actor)


def is_of_receiving_role(state: Referral, actor: Actor) -> bool:
    return actor.role in RECEIVING_ROLES.get(state.service or "", ())


def has_part(state: Referral, actor: Actor) -> bool:
    return is_sender(state, actor) or is_receiver(state, actor)


FOR_RECEIVER = "receiver-only", "this is for the receiving service to record"
SENDER = Party(is_sender, "sender-only", "this is for those who refer to record")
RECEIVER = Party(is_receiver, *FOR_RECEIVER)
EITHER = Party(has_part, *FOR_RECEIVER)
ACKNOWLEDGER = Party(has_part, "no-part-in-it", "only the receiver or the sender acknowledges a referral")


def _addressed(state: Referral, command: BeginRecord | AppendEntry, context: Context) -> Mapping[str, Any]:
    return {"service_kind": CARE_SERVICES[command.data["service"]]}


def _sent(state: Referral, command: BeginRecord | AppendEntry, context: Context) -> Mapping[str, Any]:
    address = _addressed(state, command, context) if "service" in command.data else {}
    return {**address, "evidence": "reference" in command.private}


def _acknowledged(state: Referral, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    ACKNOWLEDGER.require(state, context.actor)
    given = {**command.data, **command.private}
    return {"reported_by": reported_by(is_receiver(state, context.actor), given)}


def _redirected(state: Referral, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return {"to_service_kind": CARE_SERVICES[command.data["to_service"]]}


def _of_a_miss(state: Referral, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if not state.is_missed:
        raise Refused("nothing-missed", "no appointment of this referral was missed")
    return {}


def _outcome_acknowledged(state: Referral, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if state.outcome_code is None:
        raise Refused("no-outcome", "no outcome has come back yet")
    return {}


def _with_sender(state: Referral, event: Event) -> Referral:
    return replace(state, senders=state.senders | {event.actor}, sender_teams=state.sender_teams | {event.team})


def _with_new_receiver(state: Referral, event: Event) -> Referral:
    return replace(_with_sender(state, event), reported_by=None)


def _with_miss(state: Referral, event: Event) -> Referral:
    return replace(state, status=event.data["how"], is_missed=True)


ADDRESS = ("service", "service_kind", "urgency", "to_team", "condition_id")
NEW_ADDRESS = {"service": "to_service", "service_kind": "to_service_kind", "to_team": "to_team"}
CLOSED = states("closed")
UNDER_CARE = CARE | {"in_treatment"}
WITHDRAWABLE = states("intended", "sent", "redirected") | TRIAGE | CARE - SEEN
TREATED = states("in_treatment", "booked", "attended", "cancelled") | MISSED
WITH_OUTCOME = states("rejected", "ended", "closed") | SEEN | MISSED | RETURNED

ROWS = {
    "referral.intended.v1": Row(becomes="intended", check=_addressed, sets=ADDRESS, also=_with_sender),
    "referral.sent.v1": Row(
        states("intended", "redirected"),
        "sent",
        _sent,
        begins=True,
        who=SENDER,
        repeats=ADDRESS,
        sets=ADDRESS,
        also=_with_sender,
    ),
    "referral.withdrawn.v1": Row(WITHDRAWABLE, "withdrawn", who=SENDER),
    "referral.acknowledged.v1": Row(states("sent", "redirected"), "acknowledged", _acknowledged, sets=("reported_by",)),
    "referral.accepted.v1": Row(TRIAGE, "accepted", who=RECEIVER),
    "referral.rejected.v1": Row(TRIAGE, "rejected", who=RECEIVER),
    "referral.redirected.v1": Row(
        TRIAGE, "redirected", _redirected, who=RECEIVER, sets=NEW_ADDRESS, also=_with_new_receiver
    ),
    "referral.more_info_requested.v1": Row(TRIAGE, "more_info_requested", who=RECEIVER),
    "referral.more_info_given.v1": Row(states("more_info_requested"), "more_info_given", who=SENDER),
    "referral.offered.v1": Row(UNDER_CARE, "offered", who=RECEIVER),
    "referral.appointment_booked.v1": Row(UNDER_CARE, "booked", who=RECEIVER, sets=("appointment_on",)),
    "referral.attended.v1": Row(UNDER_CARE, "attended", who=RECEIVER),
    "referral.not_attended.v1": Row(UNDER_CARE, who=RECEIVER, also=_with_miss),
    "referral.appointment_cancelled.v1": Row(states("offered", "booked"), "cancelled", who=RECEIVER),
    "referral.miss_contacted.v1": Row(AFTER_A_MISS, check=_of_a_miss, who=RECEIVER),
    "referral.misses_reviewed.v1": Row(AFTER_A_MISS, check=_of_a_miss, who=RECEIVER),
    "referral.assessed.v1": Row(
        UNDER_CARE, "assessed", stays=states("in_treatment"), who=RECEIVER, sets={"assessed": "outcome"}
    ),
    "referral.treatment_started.v1": Row(CARE, "in_treatment", who=RECEIVER),
    "referral.treatment_declined.v1": Row(CARE, "treatment_declined", who=RECEIVER),
    "referral.treatment_ended.v1": Row(TREATED, "ended", who=RECEIVER),
    "referral.alternative_recorded.v1": Row(UNANSWERED | RETURNED, who=SENDER),
    "referral.outcome_returned.v1": Row(
        WITH_OUTCOME, "outcome_returned", stays=CLOSED, who=RECEIVER, sets=("outcome_code",)
    ),
    "referral.outcome_acknowledged.v1": Row(
        RETURNED | CLOSED, "outcome_acknowledged", _outcome_acknowledged, stays=CLOSED, who=SENDER
    ),
    "referral.closed.v1": Row(EVERY, "closed", who=EITHER),
}

AGGREGATE = record_of("referral", ROWS, Referral())
