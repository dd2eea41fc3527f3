"""The list of plan items: one document for each, folded from its stream."""

from __future__ import annotations

from typing import Any

from mongoengine import DateTimeField, Document, IntField, ListField, StringField
from pymongo.database import Database

from services.leaving_care.domain import plan_item
from shared.config import Config
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.envelope import Event
from shared.kernel.history import teams_of
from shared.views import Views


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
        "indexes": [("area", "-begun_at", "-id"), ("care_leaver_id", "-begun_at", "-id")],
    }


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


def plan_item_views(database: Database[dict[str, Any]], store: EventStore) -> Views[PlanItemView]:
    """The views of all plan items in this database."""
    return Views(PlanItemView, kind="plan-item", fold=plan_item_view, database=database, store=store)


def rebuild(config: Config) -> int:
    """Drop every view of the configured database and fold it again; returns how many."""
    database = open_database(config.mongodb_uri, config.mongodb_database)
    store = EventStore(database, source="leaving_care", clock=config.clock(), catalogue=CATALOGUE)
    return plan_item_views(database, store).rebuild()
