"""The lists of care leavers and of plan items: one document for each, folded from its stream."""

from __future__ import annotations

from mongoengine import DateTimeField, Document, IntField, ListField, StringField

from services.leaving_care.domain import care_leaver, plan_item
from shared.kernel.envelope import Event
from shared.kernel.history import teams_of
from shared.recording.bootstrap import ViewOf


class CareLeaverView(Document):
    """`begun_at` and `changed_at` are when the first and the last entry were recorded; `teams` have a part in it."""

    id = StringField(primary_key=True)
    person_id = StringField(required=True)
    area = StringField(required=True)
    status = StringField()
    category = StringField()
    entitlement_review_on = StringField()
    adviser = StringField()
    team = StringField()
    teams = ListField(StringField())
    begun_at = DateTimeField(required=True)
    changed_at = DateTimeField(required=True)
    version = IntField(required=True)

    meta = {
        "collection": "care_leaver_views",
        "auto_create_index": False,
        "strict": False,
        "indexes": [
            ("area", "-begun_at", "-id"),
            ("adviser", "-begun_at", "-id"),
            ("person_id", "-begun_at", "-id"),
        ],
    }


class PlanItemView(Document):
    """`begun_at` and `changed_at` are when the first and the last entry were recorded; `teams` have a part in it."""

    id = StringField(primary_key=True)
    person_id = StringField(required=True)
    area = StringField(required=True)
    status = StringField()
    care_leaver_id = StringField()
    kind = StringField()
    owner = StringField()
    review_by = StringField()
    teams = ListField(StringField())
    begun_at = DateTimeField(required=True)
    changed_at = DateTimeField(required=True)
    version = IntField(required=True)

    meta = {
        "collection": "plan_item_views",
        "auto_create_index": False,
        "strict": False,
        "indexes": [("area", "-begun_at", "-id"), ("care_leaver_id", "-begun_at", "-id")],
    }


def care_leaver_view(history: list[Event]) -> CareLeaverView:
    """The view that a care leaver's whole history folds to."""
    state = care_leaver.AGGREGATE.fold(history)
    return CareLeaverView(
        id=history[0].stream.partition("/")[2],
        person_id=state.person_id,
        area=state.area,
        status=state.status,
        category=state.category,
        entitlement_review_on=state.entitlement_review_on,
        adviser=state.adviser,
        team=state.team,
        teams=sorted(teams_of(history)),
        begun_at=history[0].recorded_at,
        changed_at=history[-1].recorded_at,
        version=len(history),
    )


def plan_item_view(history: list[Event]) -> PlanItemView:
    """The view that a plan item's whole history folds to."""
    state = plan_item.AGGREGATE.fold(history)
    return PlanItemView(
        id=history[0].stream.partition("/")[2],
        person_id=state.person_id,
        area=state.area,
        status=state.status,
        care_leaver_id=state.care_leaver_id,
        kind=state.kind,
        owner=state.owner,
        review_by=state.review_by,
        teams=sorted(teams_of(history)),
        begun_at=history[0].recorded_at,
        changed_at=history[-1].recorded_at,
        version=len(history),
    )


VIEWS = {
    care_leaver.KIND: ViewOf(CareLeaverView, care_leaver_view),
    "plan-item": ViewOf(PlanItemView, plan_item_view),
}
