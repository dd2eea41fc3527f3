"""The views of referrals and of pregnancies, for their lists."""

from __future__ import annotations

from mongoengine import StringField

from services.perinatal.domain import pregnancy, referral
from shared.recording.views import RecordView, ViewOf

INDEXES = [("area", "-begun_at", "-id"), ("person_id", "-begun_at", "-id")]


class ReferralView(RecordView):
    service = StringField()
    service_kind = StringField()
    urgency = StringField()
    to_team = StringField()

    meta = {"collection": "referral_views", "indexes": INDEXES}


class PregnancyView(RecordView):
    """`person_id` is the mother. `edd` is an ISO date, `outcome` how the pregnancy ended."""

    edd = StringField()
    outcome = StringField()

    meta = {"collection": "pregnancy_views", "indexes": INDEXES}


VIEWS = {
    "referral": ViewOf(ReferralView, referral.AGGREGATE),
    "pregnancy": ViewOf(PregnancyView, pregnancy.AGGREGATE),
}
