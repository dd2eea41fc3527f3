"""The lists of referrals and of pregnancies: one document for each, folded from its stream."""

from __future__ import annotations

from mongoengine import DateTimeField, Document, IntField, ListField, StringField

from services.perinatal.domain import pregnancy, referral
from shared.kernel.envelope import Event
from shared.kernel.history import teams_of
from shared.recording.bootstrap import ViewOf


class ReferralView(Document):
    """`begun_at` and `changed_at` are when the first and the last entry were recorded; `teams` have a part in it."""

    id = StringField(primary_key=True)
    person_id = StringField(required=True)
    area = StringField(required=True)
    status = StringField()
    service = StringField()
    service_kind = StringField()
    urgency = StringField()
    to_team = StringField()
    teams = ListField(StringField())
    begun_at = DateTimeField(required=True)
    changed_at = DateTimeField(required=True)
    version = IntField(required=True)

    meta = {
        "collection": "referral_views",
        "auto_create_index": False,
        "strict": False,
        "indexes": [("area", "-begun_at", "-id"), ("person_id", "-begun_at", "-id")],
    }


class PregnancyView(Document):
    """`person_id` is the mother. `edd` is an ISO date, `outcome` how it ended."""

    id = StringField(primary_key=True)
    person_id = StringField(required=True)
    area = StringField(required=True)
    status = StringField()
    edd = StringField()
    outcome = StringField()
    teams = ListField(StringField())
    begun_at = DateTimeField(required=True)
    changed_at = DateTimeField(required=True)
    version = IntField(required=True)

    meta = {
        "collection": "pregnancy_views",
        "auto_create_index": False,
        "strict": False,
        "indexes": [("area", "-begun_at", "-id"), ("person_id", "-begun_at", "-id")],
    }


def referral_view(history: list[Event]) -> ReferralView:
    """The view that a referral's whole history folds to."""
    state = referral.AGGREGATE.fold(history)
    return ReferralView(
        id=history[0].stream.partition("/")[2],
        person_id=state.person_id,
        area=state.area,
        status=state.status,
        service=state.service,
        service_kind=state.service_kind,
        urgency=state.urgency,
        to_team=state.to_team,
        teams=sorted(teams_of(history)),
        begun_at=history[0].recorded_at,
        changed_at=history[-1].recorded_at,
        version=len(history),
    )


def pregnancy_view(history: list[Event]) -> PregnancyView:
    """The view that a pregnancy's whole history folds to."""
    state = pregnancy.AGGREGATE.fold(history)
    return PregnancyView(
        id=history[0].stream.partition("/")[2],
        person_id=state.person_id,
        area=state.area,
        status=state.status,
        edd=state.facts.get("edd"),
        outcome=state.outcome,
        teams=sorted(teams_of(history)),
        begun_at=history[0].recorded_at,
        changed_at=history[-1].recorded_at,
        version=len(history),
    )


VIEWS = {
    "referral": ViewOf(ReferralView, referral_view),
    "pregnancy": ViewOf(PregnancyView, pregnancy_view),
}
