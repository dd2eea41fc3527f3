"""What `perinatal` says: people, conditions, and every step of a referral from the decision to its outcome."""

from __future__ import annotations

from marshmallow import fields

from shared.contracts.catalogue import EventType
from shared.contracts.fields import Choice, EventData, Ref, Slug
from shared.contracts.words import (
    CANCELLED_BY,
    CHANNELS,
    NOT_ATTENDED,
    OUTCOME_TO,
    REPORTED_BY,
    SERVICE_KINDS,
    SERVICES,
    SEVERITIES,
    URGENCIES,
)


class PersonRegistered(EventData):
    person_id = Ref("person", required=True)
    nhs_number_known = fields.Boolean(required=True)


class ConditionRecorded(EventData):
    condition_id = Ref("condition", required=True)
    person_id = Ref("person", required=True)
    code = Slug(required=True)
    severity = Choice(*SEVERITIES)


class ReferralData(EventData):
    referral_id = Ref("referral", required=True)
    person_id = Ref("person", required=True)


class ReferralAddressed(ReferralData):
    service = Choice(*SERVICES, required=True)
    service_kind = Choice(*SERVICE_KINDS, required=True)
    urgency = Choice(*URGENCIES, required=True)
    to_team = Slug()
    condition_id = Ref("condition")


class ReferralIntended(ReferralAddressed):
    reason_code = Slug(required=True)


class ReferralSent(ReferralAddressed):
    """`evidence`: a reference of the sending is held (its text is private)."""

    channel = Choice(*CHANNELS, required=True)
    evidence = fields.Boolean(required=True)
    reason_code = Slug()


class ReferralWithdrawn(ReferralData):
    """`decided_by`: the clinician, by directory id."""

    reason_code = Slug(required=True)
    decided_by = Slug(required=True)


class ReferralAcknowledged(ReferralData):
    """`reported_by` sender: the receiver's person and reference are held (private)."""

    reported_by = Choice(*REPORTED_BY, required=True)
    channel = Choice(*CHANNELS)


class ReferralRedirected(ReferralData):
    to_service = Choice(*SERVICES, required=True)
    to_service_kind = Choice(*SERVICE_KINDS, required=True)
    to_team = Slug()
    reason_code = Slug()


class ReferralEnded(ReferralData):
    """Any step that needs a reason and nothing else."""

    reason_code = Slug(required=True)


class ReferralAppointmentBooked(ReferralData):
    appointment_on = fields.Date(required=True)


class ReferralNotAttended(ReferralData):
    how = Choice(*NOT_ATTENDED, required=True)


class ReferralAppointmentCancelled(ReferralData):
    by = Choice(*CANCELLED_BY, required=True)


class ReferralOutcomeReturned(ReferralData):
    outcome_code = Slug(required=True)
    to = Choice(*OUTCOME_TO, required=True)


def _said(name: str, schema: type[EventData], disclosure: str = "health") -> EventType:
    return EventType(name, schema, ("perinatal",), ("perinatal", "referrals_followup"), disclosure)


TYPES = (
    _said("person.registered.v1", PersonRegistered, "operational"),
    _said("condition.recorded.v1", ConditionRecorded),
    _said("referral.intended.v1", ReferralIntended),
    _said("referral.sent.v1", ReferralSent),
    _said("referral.withdrawn.v1", ReferralWithdrawn),
    _said("referral.acknowledged.v1", ReferralAcknowledged),
    _said("referral.accepted.v1", ReferralData),
    _said("referral.rejected.v1", ReferralEnded),
    _said("referral.redirected.v1", ReferralRedirected),
    _said("referral.more_info_requested.v1", ReferralData),
    _said("referral.more_info_given.v1", ReferralData),
    _said("referral.offered.v1", ReferralData),
    _said("referral.appointment_booked.v1", ReferralAppointmentBooked),
    _said("referral.attended.v1", ReferralData),
    _said("referral.not_attended.v1", ReferralNotAttended),
    _said("referral.appointment_cancelled.v1", ReferralAppointmentCancelled),
    _said("referral.treatment_started.v1", ReferralData),
    _said("referral.treatment_ended.v1", ReferralEnded),
    _said("referral.outcome_returned.v1", ReferralOutcomeReturned),
    _said("referral.closed.v1", ReferralEnded),
)
