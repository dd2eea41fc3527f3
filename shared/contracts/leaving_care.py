"""What `leaving_care` says: care leavers, their advisers, and what became of each item of a pathway plan."""

from __future__ import annotations

from marshmallow import fields

from shared.contracts.catalogue import EventType
from shared.contracts.fields import Choice, EventData, Ref, Slug
from shared.contracts.words import (
    CARE_LEAVER_CATEGORIES,
    PLAN_ITEM_CONDITIONS,
    PLAN_ITEM_FALLBACKS,
    PLAN_ITEM_KINDS,
)


class CareLeaverRegistered(EventData):
    care_leaver_id = Ref("care-leaver", required=True)
    person_id = Ref("person", required=True)
    category = Choice(*CARE_LEAVER_CATEGORIES, required=True)


class AdviserAssigned(EventData):
    """`adviser` and `team` are directory ids."""

    care_leaver_id = Ref("care-leaver", required=True)
    person_id = Ref("person", required=True)
    adviser = Slug(required=True)
    team = Slug(required=True)


class PlanItemData(EventData):
    plan_item_id = Ref("plan-item", required=True)
    care_leaver_id = Ref("care-leaver", required=True)
    person_id = Ref("person", required=True)


class PlanItemAdded(PlanItemData):
    """`condition` says when it is to be offered, `fallback` what is to happen if it is not taken up."""

    kind = Choice(*PLAN_ITEM_KINDS, required=True)
    condition = Choice(*PLAN_ITEM_CONDITIONS, required=True)
    fallback = Choice(*PLAN_ITEM_FALLBACKS, required=True)
    review_by = fields.Date()


class PlanItemArranged(PlanItemData):
    """`owner` is a directory id; `trigger_code` says what will show that the condition is met."""

    owner = Slug(required=True)
    trigger_code = Slug(required=True)
    fallback = Choice(*PLAN_ITEM_FALLBACKS, required=True)
    review_by = fields.Date(required=True)


class PlanItemDeferred(PlanItemData):
    re_offer_by = fields.Date()


class PlanItemReviewed(PlanItemData):
    next_review_by = fields.Date()


class PlanItemEnded(PlanItemData):
    """`manager` agreed to it, by directory id; the young person's own words are private."""

    reason_code = Slug(required=True)
    young_person_view_given = fields.Boolean(required=True)
    manager = Slug(required=True)


def _said(name: str, schema: type[EventData]) -> EventType:
    return EventType(name, schema, ("leaving_care",), ("leaving_care", "referrals_followup"), "leaving_care")


TYPES = (
    _said("care_leaver.registered.v1", CareLeaverRegistered),
    _said("adviser.assigned.v1", AdviserAssigned),
    _said("plan_item.added.v1", PlanItemAdded),
    _said("plan_item.arranged.v1", PlanItemArranged),
    _said("plan_item.offered.v1", PlanItemData),
    _said("plan_item.taken_up.v1", PlanItemData),
    _said("plan_item.declined.v1", PlanItemData),
    _said("plan_item.deferred.v1", PlanItemDeferred),
    _said("plan_item.reviewed.v1", PlanItemReviewed),
    _said("plan_item.fallback_started.v1", PlanItemData),
    _said("plan_item.completed.v1", PlanItemData),
    _said("plan_item.ended.v1", PlanItemEnded),
)
