"""The documents of the collection `follow_ups` and their indexes, as a mongoengine schema."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from mongoengine import BooleanField, DateTimeField, DictField, Document, ListField, StringField
from pymongo import UpdateOne
from pymongo.collection import Collection as MongoCollection

from services.referrals_followup.domain.disclosure import name_classes
from shared.kernel.chunks import chunks

TEAM_CLASS_DUE = "team_class_due"
COMPLETED_AT_A_TIME = 1_000


class FollowUpView(Document):
    """One follow-up as lists show it. All instants are UTC. `summed_in` is the sum that counts it while it is open.

    `classes` names the disclosure classes that it tells of, as far as not everybody may see them, and `teams` the teams
    that have a part in it or were given it. Who may see it follows from `matters`; these two find it by an index.
    """

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
            {"fields": ["areas", "state", "classes", "due_at", "id"], "name": "area_class_due"},
            {"fields": ["areas", "state", "classes", "opened_at", "id"], "name": "area_class_opened"},
            {"fields": ["areas", "state", "classes", "standard", "due_at", "id"], "name": "area_class_standard_due"},
            {
                "fields": ["areas", "state", "classes", "standard", "opened_at", "id"],
                "name": "area_class_standard_opened",
            },
            {"fields": ["teams", "state", "classes", "due_at", "id"], "name": TEAM_CLASS_DUE},
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
    classes = StringField()
    teams = ListField(StringField())
    receiver_role = StringField(null=True)
    receiver_team = StringField(null=True)
    closed_by = StringField(null=True)
    closed_at = DateTimeField(null=True)
    closed_recorded_at = DateTimeField(null=True)
    closed_actor = StringField(null=True)
    closed_reason = StringField(null=True)
    why = DictField()
    holders = ListField(DictField(), default=None)
    acts = DictField()
    next_rung_at = DateTimeField(null=True)
    held_until = DateTimeField()
    summed_in = StringField()


def audience_of(matters: Collection[Mapping[str, Any]], given_team: str | None) -> dict[str, Any]:
    """The fields of a view by which lists find what is disclosed to a reader."""
    teams = {team for matter in matters for team in matter["teams"]} | ({given_team} if given_team else set())
    return {"classes": name_classes(matter["type"] for matter in matters), "teams": sorted(teams)}


def ensure_indexes(views: MongoCollection[dict[str, Any]]) -> None:
    """Create the indexes that serve sweeps and lists, and complete the views of an earlier version. Safe to repeat."""
    for spec in FollowUpView._meta["index_specs"]:
        partial = {"partialFilterExpression": spec["partial"]} if "partial" in spec else {}
        views.create_index(spec["fields"], name=spec["name"], **partial)
    _complete(views)


def _complete(views: MongoCollection[dict[str, Any]]) -> None:
    """Give the views that an earlier version wrote the two fields that lists find them by."""
    incomplete = {"teams": None}
    read = {"matters": True, "acts.given_team": True}
    for some in chunks(views.find(incomplete, read, hint=TEAM_CLASS_DUE), COMPLETED_AT_A_TIME):
        audiences = {view["_id"]: audience_of(view["matters"], view["acts"]["given_team"]) for view in some}
        updates = [UpdateOne({"_id": key, **incomplete}, {"$set": audience}) for key, audience in audiences.items()]
        views.bulk_write(updates, ordered=False)
