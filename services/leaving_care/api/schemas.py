"""The bodies, queries and answers of the leaving-care HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from shared.contracts.fields import Choice, PossibleDuplicate, Ref, Slug
from shared.contracts.words import (
    CARE_LEAVER_CATEGORIES,
)
from shared.recording.records import RecordedAnswer
from shared.recording.routes import RecordAnswer
from shared.web.fields import Body, CommandBody, Day, Instant
from shared.web.pages import PageQuery


class LookedAfter(Body):
    """A time of being looked after: its first and its last day, both of which count. It goes on without a last day."""

    from_on = Day(required=True)
    to_on = Day()

    @validates_schema
    def is_in_order(self, given: Mapping[str, Any], **_: Any) -> None:
        if "to_on" in given and given["to_on"] < given["from_on"]:
            raise ValidationError({"to_on": ["lies before from_on"]})


class CategorisedBody(CommandBody):
    """With `looked_after` the category follows by law; without it, somebody who knows the category gives it."""

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def says_which_category(self, _: Any, given: Mapping[str, Any], **__: Any) -> None:
        if "category" not in given and "looked_after" not in given:
            why = ["one of category and looked_after is needed"]
            raise ValidationError({"category": why, "looked_after": why})


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
    """`facts`: the last data of each type of entry, by its type without version.

    `number_person_id` is the id that is made from a corrected NHS number.
    """

    care_leaver_id = fields.String(required=True)
    person_id = fields.String(required=True)
    category = fields.String(allow_none=True)
    entitlement_review_on = fields.String(allow_none=True)
    adviser = fields.String(allow_none=True)
    team = fields.String(allow_none=True)
    possible_duplicates = fields.List(fields.Nested(PossibleDuplicate))
    number_person_id = fields.String()


class CareLeaverRow(RecordedAnswer):
    care_leaver_id = fields.String(required=True, attribute="id")
    category = fields.String(allow_none=True)
    entitlement_review_on = fields.String(allow_none=True)
    adviser = fields.String(allow_none=True)
    team = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)


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


class PlanItemRow(RecordedAnswer):
    plan_item_id = fields.String(required=True, attribute="id")
    care_leaver_id = fields.String(allow_none=True)
    kind = fields.String(allow_none=True)
    owner = fields.String(allow_none=True)
    review_by = fields.String(allow_none=True)
    begun_at = Instant(required=True)
    changed_at = Instant(required=True)
