"""The bodies, queries and answers of the perinatal HTTP API."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from shared.contracts.fields import Choice, Ref, Slug
from shared.contracts.words import (
    ASSESSED,
    CANCELLED_BY,
    CHANNELS,
    NOT_ATTENDED,
    OUTCOME_TO,
    SERVICES,
    SEVERITIES,
    URGENCIES,
)
from shared.recording.records import Entry, RecordedAnswer
from shared.web.fields import Body, CommandBody, Day, FreeText, Instant, NhsNumber, YesNo
from shared.web.pages import PageQuery

STAGES = ("intended", "sent")


class PersonBody(CommandBody):
    given_name = FreeText(200, required=True)
    family_name = FreeText(200, required=True)
    date_of_birth = Day(metadata={"description": "left out when unknown; a child's is the time of the birth"})
    nhs_number = NhsNumber()
    area = Slug(metadata={"description": "needed from somebody who acts in several areas"})


class ConditionBody(CommandBody):
    person_id = Ref("person", required=True)
    code = Slug(required=True, metadata={"examples": ["depression"]})
    severity = Choice(*SEVERITIES)
    area = Slug()


class ReferralBody(CommandBody):
    """`stage` intended: decided, not sent; it needs `reason_code`. `stage` sent: it needs `channel`."""

    stage = Choice(*STAGES, required=True)
    person_id = Ref("person", required=True)
    service = Choice(*SERVICES, required=True)
    urgency = Choice(*URGENCIES, load_default="routine")
    to_team = Slug()
    condition_id = Ref("condition")
    reason_code = Slug()
    channel = Choice(*CHANNELS)
    reference = FreeText(200)
    area = Slug()

    @validates_schema(skip_on_field_errors=False)
    def _stage_has_its_fields(self, data: dict[str, Any], **_: Any) -> None:
        faults = {}
        if data.get("stage") == "intended":
            if "reason_code" not in data:
                faults["reason_code"] = ["is needed when a referral is intended"]
            for name in ("channel", "reference"):
                if name in data:
                    faults[name] = ["belongs to a referral that was sent"]
        if data.get("stage") == "sent" and "channel" not in data:
            faults["channel"] = ["is needed when a referral was sent"]
        if faults:
            raise ValidationError(faults)


class StepBody(CommandBody):
    """A step that needs no more than when it happened."""


class ReasonBody(CommandBody):
    reason_code = Slug(required=True)


class SentBody(CommandBody):
    channel = Choice(*CHANNELS, required=True)
    reference = FreeText(200, metadata={"description": "what proves the sending; it stays here"})


class WithdrawnBody(ReasonBody):
    decided_by = Slug(required=True, metadata={"description": "the clinician, by directory id"})


class AcknowledgedBody(CommandBody):
    """All three are needed unless the receiver records it."""

    receiver_person = FreeText(200)
    channel = Choice(*CHANNELS)
    reference = FreeText(200)


class RedirectedBody(CommandBody):
    to_service = Choice(*SERVICES, required=True)
    to_team = Slug()
    reason_code = Slug()


class AppointmentBookedBody(CommandBody):
    appointment_on = Day(required=True)


class NotAttendedBody(CommandBody):
    how = Choice(*NOT_ATTENDED, required=True)


class AppointmentCancelledBody(CommandBody):
    by = Choice(*CANCELLED_BY, required=True)


class MissContactedBody(CommandBody):
    why_code = Slug(required=True)


class MissesReviewedBody(CommandBody):
    decision_code = Slug(required=True)
    referrer_told = YesNo(required=True)


class AssessedBody(CommandBody):
    outcome = Choice(*ASSESSED, required=True)


class AlternativeBody(CommandBody):
    alternative_code = Slug(required=True)


class OutcomeReturnedBody(CommandBody):
    outcome_code = Slug(required=True)
    to = Choice(*OUTCOME_TO, load_default="referrer")


class ReferralsQuery(PageQuery, Body):
    person = Ref("person")
    state = Slug()
    service = Choice(*SERVICES)


class PregnanciesQuery(PageQuery, Body):
    person = Ref("person")
    state = Slug()


class PersonAnswer(RecordedAnswer):
    """`links` are the other ids that are said to be this person's."""

    nhs_number_known = fields.Boolean(required=True)
    links = fields.List(fields.String(), required=True)
    event_id = fields.String()


class PersonRecord(PersonAnswer):
    """With what only this service holds. The NHS number is written 3-3-4."""

    given_name = fields.String(allow_none=True)
    family_name = fields.String(allow_none=True)
    date_of_birth = fields.String(allow_none=True)
    nhs_number = fields.String(allow_none=True)
    history = fields.List(fields.Nested(Entry), required=True)


class ConditionAnswer(RecordedAnswer):
    condition_id = fields.String(required=True)
    code = fields.String(allow_none=True)
    severity = fields.String(allow_none=True)
    event_id = fields.String()


class ConditionRecord(ConditionAnswer):
    history = fields.List(fields.Nested(Entry), required=True)


class ReferralAnswer(RecordedAnswer):
    referral_id = fields.String(required=True)
    service = fields.String(allow_none=True)
    service_kind = fields.String(allow_none=True)
    urgency = fields.String(allow_none=True)
    to_team = fields.String(allow_none=True)
    condition_id = fields.String(allow_none=True)
    reported_by = fields.String(allow_none=True)
    appointment_on = fields.String(allow_none=True)
    assessed = fields.String(allow_none=True)
    outcome_code = fields.String(allow_none=True)
    event_id = fields.String()


class ReferralRecord(ReferralAnswer):
    history = fields.List(fields.Nested(Entry), required=True)


class ReferralRow(RecordedAnswer):
    referral_id = fields.String(required=True, attribute="id")
    service = fields.String(allow_none=True)
    service_kind = fields.String(allow_none=True)
    urgency = fields.String(allow_none=True)
    to_team = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)


class ReferralList(Body):
    items = fields.List(fields.Nested(ReferralRow), required=True)
    next = fields.String(allow_none=True, required=True, metadata={"description": "cursor of the next page, if any"})


class PregnancyRow(RecordedAnswer):
    pregnancy_id = fields.String(required=True, attribute="id")
    edd = fields.String(allow_none=True)
    outcome = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)


class PregnancyList(Body):
    items = fields.List(fields.Nested(PregnancyRow), required=True)
    next = fields.String(allow_none=True, required=True, metadata={"description": "cursor of the next page, if any"})
