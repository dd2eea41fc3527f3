"""The bodies, queries and answers of the perinatal HTTP API."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from shared.contracts.fields import Choice, PossibleDuplicate, Ref, Slug
from shared.contracts.words import CARE_SERVICES
from shared.recording.records import RecordedAnswer
from shared.web.fields import Body, CommandBody, Instant
from shared.web.pages import PageQuery

STAGES = ("intended", "sent")


class StagedBody(CommandBody):
    """`stage` intended: decided, not sent; it needs `reason_code`. `stage` sent: it needs `channel`."""

    stage = Choice(*STAGES, required=True)

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


class ReferralsQuery(PageQuery, Body):
    person = Ref("person")
    state = Slug()
    service = Choice(*CARE_SERVICES)


class PregnanciesQuery(PageQuery, Body):
    person = Ref("person")
    state = Slug()


class PersonAnswer(RecordedAnswer):
    """`links` are this person's other ids. `number_person_id` is the id that is made from a corrected NHS number."""

    nhs_number_known = fields.Boolean(required=True)
    links = fields.List(fields.String(), required=True)
    possible_duplicates = fields.List(fields.Nested(PossibleDuplicate))
    number_person_id = fields.String()
    event_id = fields.String()


class ConditionAnswer(RecordedAnswer):
    condition_id = fields.String(required=True)
    code = fields.String(allow_none=True)
    severity = fields.String(allow_none=True)
    event_id = fields.String()


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


class ReferralRow(RecordedAnswer):
    referral_id = fields.String(required=True, attribute="id")
    service = fields.String(allow_none=True)
    service_kind = fields.String(allow_none=True)
    urgency = fields.String(allow_none=True)
    to_team = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)


class PregnancyRow(RecordedAnswer):
    pregnancy_id = fields.String(required=True, attribute="id")
    edd = fields.String(allow_none=True)
    outcome = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)
