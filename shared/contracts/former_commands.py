"""Former names of commands. The fingerprint of a request once included the name of the command's class.

Events from that time are found again by these names, so no name is ever changed or removed.
"""

from __future__ import annotations

from collections.abc import Mapping

RETRACTIONS = "/retractions"
RETRACT = "Retract"

_BY_OPERATION: Mapping[str, tuple[str, ...]] = {
    "POST /v1/people": ("Register",),
    "POST /v1/conditions": ("Record",),
    "POST /v1/referrals": ("Intend", "Send"),
    "POST /v1/referrals/<>/sent": ("MarkSent",),
    "POST /v1/referrals/<>/withdrawn": ("Withdraw",),
    "POST /v1/referrals/<>/acknowledged": ("Acknowledge",),
    "POST /v1/referrals/<>/accepted": ("Accept",),
    "POST /v1/referrals/<>/rejected": ("Reject",),
    "POST /v1/referrals/<>/redirected": ("Redirect",),
    "POST /v1/referrals/<>/more-info-requested": ("RequestMoreInfo",),
    "POST /v1/referrals/<>/more-info-given": ("GiveMoreInfo",),
    "POST /v1/referrals/<>/offered": ("Offer",),
    "POST /v1/referrals/<>/appointment-booked": ("BookAppointment",),
    "POST /v1/referrals/<>/attended": ("RecordAttended",),
    "POST /v1/referrals/<>/not-attended": ("RecordNotAttended",),
    "POST /v1/referrals/<>/miss-contacted": ("RecordMissContacted",),
    "POST /v1/referrals/<>/misses-reviewed": ("RecordMissesReviewed",),
    "POST /v1/referrals/<>/appointment-cancelled": ("CancelAppointment",),
    "POST /v1/referrals/<>/assessed": ("RecordAssessed",),
    "POST /v1/referrals/<>/treatment-started": ("StartTreatment",),
    "POST /v1/referrals/<>/treatment-declined": ("DeclineTreatment",),
    "POST /v1/referrals/<>/treatment-ended": ("EndTreatment",),
    "POST /v1/referrals/<>/alternative-recorded": ("RecordAlternative",),
    "POST /v1/referrals/<>/outcome-returned": ("ReturnOutcome",),
    "POST /v1/referrals/<>/outcome-acknowledged": ("AcknowledgeOutcome",),
    "POST /v1/referrals/<>/closed": ("Close",),
    "POST /v1/care-leavers": ("Register",),
    "POST /v1/care-leavers/<>/adviser": ("AssignAdviser",),
    "POST /v1/care-leavers/<>/category": ("ChangeCategory",),
    "POST /v1/plan-items": ("Add",),
    "POST /v1/plan-items/<>/arranged": ("Arrange",),
    "POST /v1/plan-items/<>/offered": ("Offer",),
    "POST /v1/plan-items/<>/taken-up": ("TakeUp",),
    "POST /v1/plan-items/<>/declined": ("Decline",),
    "POST /v1/plan-items/<>/deferred": ("Defer",),
    "POST /v1/plan-items/<>/reviewed": ("Review",),
    "POST /v1/plan-items/<>/fallback-started": ("StartFallback",),
    "POST /v1/plan-items/<>/completed": ("Complete",),
    "POST /v1/plan-items/<>/ended": ("End",),
    "POST /v1/follow-ups/<>/acknowledged": ("Acknowledge",),
    "POST /v1/follow-ups/<>/noted": ("Note",),
    "POST /v1/follow-ups/<>/assigned": ("Assign",),
    "POST /v1/follow-ups/<>/accepted": ("Accept",),
    "POST /v1/follow-ups/<>/refused": ("Refuse",),
    "POST /v1/follow-ups/<>/ended": ("End",),
    "POST /v1/reassignments": ("Assign",),
    "check": ("Finish",),
    "digest.accept": ("Accept",),
    "digest.compose": ("Compose",),
    "digest.overtake": ("Overtake",),
    "parked.tell": ("TellOfStalled",),
    "reaction.retract": (RETRACT,),
    "silence.tell": ("TellOf",),
    "sweep": ("Sweep",),
}


def former_names(operation: str) -> tuple[str, ...]:
    """The former names of the commands of this operation. Empty if the type of the event was used instead."""
    return (RETRACT,) if operation.endswith(RETRACTIONS) else _BY_OPERATION.get(operation, ())
