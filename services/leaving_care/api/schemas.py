"""The bodies, queries and answers of the leaving-care HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from shared.contracts.fields import Choice, Ref, Slug
from shared.contracts.words import (
    CARE_LEAVER_CATEGORIES,
    PLAN_ITEM_CONDITIONS,
    PLAN_ITEM_FALLBACKS,
    PLAN_ITEM_KINDS,
)
from shared.recording.records import Entry, RecordedAnswer
from shared.recording.routes import RecordAnswer
from shared.web.fields import Body, CommandBody, Day, FreeText, Instant, NhsNumber
from shared.web.pages import PageQuery


class LookedAfter(Body):
    """A time of being looked after: its first and its last day, both of which count. It goes on without a last day."""

    from_on = Day(required=True)
    to_on = Day()

    @validates_schema
    def is_in_order(self, said: Mapping[str, Any], **_: Any) -> None:
        if "to_on" in said and said["to_on"] < said["from_on"]:
            raise ValidationError({"to_on": ["lies before from_on"]})


class CareLeaverBody(CommandBody):
    """With `looked_after` the category follows by law; without, somebody who knows it says it."""

    given_name = FreeText(200, required=True)
    family_name = FreeText(200, required=True)
    date_of_birth = Day(required=True)
    nhs_number = NhsNumber()
    category = Choice(*CARE_LEAVER_CATEGORIES)
    looked_after = fields.List(
        fields.Nested(LookedAfter),
        validate=validate.Length(1, 50),
        metadata={"description": "every time that they were looked after, in any order; it never leaves this service"},
    )
    area = Slug(metadata={"description": "needed from somebody who acts in several areas"})

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def says_which_category(self, _: Any, said: Mapping[str, Any], **__: Any) -> None:
        if "category" not in said and "looked_after" not in said:
            why = ["one of category and looked_after is needed"]
            raise ValidationError({"category": why, "looked_after": why})


class CategoryBody(CommandBody):
    category = Choice(*CARE_LEAVER_CATEGORIES, required=True)


class AdviserBody(CommandBody):
    adviser = Slug(required=True, metadata={"description": "the personal adviser, by directory id"})
    team = Slug(required=True)


class PlanItemBody(CommandBody):
    care_leaver_id = Ref("care-leaver", required=True)
    kind = Choice(*PLAN_ITEM_KINDS, required=True)
    condition = Choice(*PLAN_ITEM_CONDITIONS, required=True)
    fallback = Choice(*PLAN_ITEM_FALLBACKS, required=True)
    review_by = Day()


class StepBody(CommandBody):
    """A step that needs no more than when it happened."""


class ArrangedBody(CommandBody):
    owner = Slug(required=True, metadata={"description": "who sees to it, by directory id"})
    trigger_code = Slug(required=True, metadata={"description": "what shows that the condition is met"})
    fallback = Choice(*PLAN_ITEM_FALLBACKS, required=True)
    review_by = Day(required=True)


class DeferredBody(CommandBody):
    re_offer_by = Day()


class ReviewedBody(CommandBody):
    next_review_by = Day()


class EndedBody(CommandBody):
    reason_code = Slug(required=True)
    manager = Slug(required=True, metadata={"description": "the manager who agreed, by directory id"})
    young_person_view = FreeText(metadata={"description": "in their own words; it never leaves this service"})


class CareLeaversQuery(PageQuery, Body):
    person = Ref("person")
    category = Choice(*CARE_LEAVER_CATEGORIES)
    adviser = Slug()
    state = Slug()


class PlanItemsQuery(PageQuery, Body):
    care_leaver = Ref("care-leaver")
    person = Ref("person")
    state = Slug()
    owner = Slug()


class CareLeaverAnswer(RecordAnswer):
    """`facts`: what each kind of entry said last, by its type without version."""

    care_leaver_id = fields.String(required=True)
    person_id = fields.String(required=True)
    category = fields.String(allow_none=True)
    entitlement_review_on = fields.String(allow_none=True)
    adviser = fields.String(allow_none=True)
    team = fields.String(allow_none=True)


class CareLeaverRecord(CareLeaverAnswer):
    """With what only this service holds. The NHS number is written 3-3-4."""

    given_name = fields.String(allow_none=True)
    family_name = fields.String(allow_none=True)
    date_of_birth = fields.String(allow_none=True)
    nhs_number = fields.String(allow_none=True)
    looked_after = fields.List(fields.Dict(keys=fields.String(), values=fields.String()))
    history = fields.List(fields.Nested(Entry), required=True)


class CareLeaverRow(RecordedAnswer):
    care_leaver_id = fields.String(required=True, attribute="id")
    category = fields.String(allow_none=True)
    entitlement_review_on = fields.String(allow_none=True)
    adviser = fields.String(allow_none=True)
    team = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)


class CareLeaverList(Body):
    items = fields.List(fields.Nested(CareLeaverRow), required=True)
    next = fields.String(allow_none=True, required=True, metadata={"description": "cursor of the next page, if any"})


class PlanItemAnswer(RecordedAnswer):
    plan_item_id = fields.String(required=True)
    care_leaver_id = fields.String(allow_none=True)
    kind = fields.String(allow_none=True)
    condition = fields.String(allow_none=True)
    fallback = fields.String(allow_none=True)
    owner = fields.String(allow_none=True)
    review_by = fields.String(allow_none=True)
    re_offer_by = fields.String(allow_none=True)
    event_id = fields.String()


class PlanItemRecord(PlanItemAnswer):
    history = fields.List(fields.Nested(Entry), required=True)


class PlanItemRow(RecordedAnswer):
    plan_item_id = fields.String(required=True, attribute="id")
    care_leaver_id = fields.String(allow_none=True)
    kind = fields.String(allow_none=True)
    owner = fields.String(allow_none=True)
    review_by = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)


class PlanItemList(Body):
    items = fields.List(fields.Nested(PlanItemRow), required=True)
    next = fields.String(allow_none=True, required=True, metadata={"description": "cursor of the next page, if any"})
