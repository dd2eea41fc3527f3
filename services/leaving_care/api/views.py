"""The views of care leavers and of plan items, for their lists."""

from __future__ import annotations

from mongoengine import StringField

from services.leaving_care.domain import care_leaver, plan_item
from shared.recording.views import RecordView, ViewOf


class CareLeaverView(RecordView):
    category = StringField()
    entitlement_review_on = StringField()
    adviser = StringField()
    team = StringField()

    meta = {
        "collection": "care_leaver_views",
        "indexes": [
            ("area", "-begun_at", "-id"),
            ("adviser", "-begun_at", "-id"),
            ("person_id", "-begun_at", "-id"),
        ],
    }


class PlanItemView(RecordView):
    care_leaver_id = StringField()
    kind = StringField()
    owner = StringField()
    review_by = StringField()

    meta = {
        "collection": "plan_item_views",
        "indexes": [
            ("area", "-begun_at", "-id"),
            ("care_leaver_id", "-begun_at", "-id"),
            ("person_id", "-begun_at", "-id"),
        ],
    }


VIEWS = {
    "care-leaver": ViewOf(CareLeaverView, care_leaver.AGGREGATE),
    "plan-item": ViewOf(PlanItemView, plan_item.AGGREGATE),
}
