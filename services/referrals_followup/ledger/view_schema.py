"""The documents of the collection `follow_ups` and their indexes, as a mongoengine schema."""

from __future__ import annotations

from typing import Any

from mongoengine import BooleanField, DateTimeField, DictField, Document, ListField, StringField
from pymongo.collection import Collection


class FollowUpView(Document):
    """One follow-up as lists show it. All instants are UTC. `summed_in` is the sum that counts it while it is open."""

    meta = {
        "collection": "follow_ups",
        "auto_create_index": False,
        "strict": False,
        "index_cls": False,
        "indexes": [
            {"fields": ["state", "next_rung_at", "id"], "name": "sweep_in_order"},
            {"fields": ["areas", "state", "due_at", "id"], "name": "area_due"},
            {"fields": ["areas", "state", "opened_at", "id"], "name": "area_opened"},
            {"fields": ["areas", "state", "standard", "due_at", "id"], "name": "area_standard_due"},
            {"fields": ["areas", "state", "standard", "opened_at", "id"], "name": "area_standard_opened"},
            {"fields": ["areas", "state", "step", "due_at", "id"], "name": "area_step"},
            {"fields": ["areas", "state", "due_at", "id"], "name": "area_inherited", "partial": {"inherited": True}},
            {"fields": ["owner_team", "state", "due_at", "id"], "name": "team_due"},
            {"fields": ["owner_person", "state", "due_at", "id"], "name": "owner_due"},
            {"fields": ["person", "state", "due_at", "id"], "name": "person_due"},
            {"fields": ["thread"], "name": "thread"},
            {"fields": ["reference"], "name": "reference"},
        ],
    }

    id = StringField(primary_key=True)
    reference = StringField()
    step = StringField()
    standard = StringField()
    title = StringField()
    expects = StringField()
    thread = StringField()
    person = StringField(null=True)
    area = StringField()
    areas = ListField(StringField())
    state = StringField()
    opened_by = StringField()
    opened_type = StringField()
    opened_at = DateTimeField()
    opened_recorded_at = DateTimeField()
    opened_actor = StringField()
    opened_team = StringField()
    due_at = DateTimeField()
    visible_from = DateTimeField()
    asked_of = DictField()
    owner_role = StringField()
    owner_team = StringField(null=True)
    owner_person = StringField(null=True)
    rungs = ListField(DictField())
    rules = DictField()
    basis = StringField()
    source = StringField()
    confidence = StringField()
    inherited = BooleanField()
    guarded = BooleanField()
    gap = StringField(null=True)
    fallback = StringField(null=True)
    on = StringField(null=True)
    matters = ListField(DictField())
    receiver_role = StringField(null=True)
    receiver_team = StringField(null=True)
    closed_by = StringField(null=True)
    closed_at = DateTimeField(null=True)
    closed_recorded_at = DateTimeField(null=True)
    closed_actor = StringField(null=True)
    closed_reason = StringField(null=True)
    why = DictField()
    acts = DictField()
    next_rung_at = DateTimeField(null=True)
    summed_in = StringField()


def ensure_indexes(views: Collection[dict[str, Any]]) -> None:
    """Create the indexes that serve sweeps and lists. Safe to repeat."""
    for spec in FollowUpView._meta["index_specs"]:
        partial = {"partialFilterExpression": spec["partial"]} if "partial" in spec else {}
        views.create_index(spec["fields"], name=spec["name"], **partial)
