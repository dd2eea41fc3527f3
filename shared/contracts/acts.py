"""The requests that record what practice standards expect, so that a follow-up can say where it is done.

The services that record serve these routes. A test compares the table with them and with the packs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Act(NamedTuple):
    """The row of the access table for the request, and the last part of its address."""

    command: str
    verb: str


ACTS: Mapping[tuple[str, str], Act] = {
    ("care-leaver", "adviser.assigned.v1"): Act("adviser.assign", "adviser"),
    ("care-leaver", "care_leaver.category_changed.v1"): Act("care_leaver.decide", "category"),
    ("care-leaver", "care_leaver.entitlement_decided.v1"): Act("care_leaver.decide", "entitlement-decided"),
    ("care-leaver", "pa_contact.made.v1"): Act("care_leaver.record", "contact-made"),
    ("care-leaver", "pa_contact.lost.v1"): Act("care_leaver.record", "contact-lost"),
    ("care-leaver", "pathway.assessed.v1"): Act("care_leaver.record", "pathway-assessed"),
    ("care-leaver", "pathway.planned.v1"): Act("care_leaver.record", "pathway-planned"),
    ("care-leaver", "pathway.reviewed.v1"): Act("care_leaver.record", "pathway-reviewed"),
    ("care-leaver", "care_leaver.moved.v1"): Act("care_leaver.record", "moved"),
    ("care-leaver", "authority.confirmed.v1"): Act("care_leaver.record", "authority-confirmed"),
    ("care-leaver", "parenthood.acknowledged.v1"): Act("care_leaver.record", "parenthood-acknowledged"),
    ("care-leaver", "support_offer.made.v1"): Act("care_leaver.record", "support-offered"),
    ("plan-item", "plan_item.arranged.v1"): Act("plan_item.arrange", "arranged"),
    ("plan-item", "plan_item.offered.v1"): Act("plan_item.record", "offered"),
    ("plan-item", "plan_item.taken_up.v1"): Act("plan_item.record", "taken-up"),
    ("plan-item", "plan_item.declined.v1"): Act("plan_item.record", "declined"),
    ("plan-item", "plan_item.deferred.v1"): Act("plan_item.record", "deferred"),
    ("plan-item", "plan_item.reviewed.v1"): Act("plan_item.record", "reviewed"),
    ("plan-item", "plan_item.fallback_started.v1"): Act("plan_item.record", "fallback-started"),
    ("plan-item", "plan_item.completed.v1"): Act("plan_item.record", "completed"),
    ("notification", "notification.acknowledged.v1"): Act("notification.acknowledge", "acknowledged"),
    ("contact", "contact.decided.v1"): Act("contact.record", "decided"),
    ("contact", "contact.referrer_told.v1"): Act("contact.record", "referrer-told"),
    ("screen", "screen.followed_up.v1"): Act("screen.record", "followed-up"),
    ("support", "support.session_held.v1"): Act("support.record", "session-held"),
    ("support", "support.miss_contacted.v1"): Act("support.record", "miss-contacted"),
    ("support", "support.misses_reviewed.v1"): Act("support.record", "misses-reviewed"),
    ("support", "support.reviewed.v1"): Act("support.record", "reviewed"),
    ("offer", "offer.made.v1"): Act("offer.record", "made-again"),
    ("offer", "offer.accepted.v1"): Act("offer.record", "accepted"),
    ("offer", "offer.declined.v1"): Act("offer.record", "declined"),
    ("offer", "offer.deferred.v1"): Act("offer.record", "deferred"),
    ("offer", "offer.fallback_started.v1"): Act("offer.record", "fallback-started"),
    ("concern", "child.seen.v1"): Act("concern.decide", "child-seen"),
    ("concern", "injury.decided.v1"): Act("concern.decide", "decided"),
    ("consultation", "consultation.outcome_acknowledged.v1"): Act("consultation.record", "outcome-acknowledged"),
    ("consultation", "consultation.rechecked.v1"): Act("consultation.answer", "rechecked"),
    ("consultation", "consultation.referred.v1"): Act("consultation.record", "referred"),
    ("move", "handover.attempted.v1"): Act("handover.record", "handover-attempted"),
    ("move", "handover.given.v1"): Act("handover.record", "handover-given"),
    ("move", "handover.acknowledged.v1"): Act("handover.record", "handover-acknowledged"),
    ("move", "handover.first_contact_made.v1"): Act("handover.record", "first-contact"),
    ("person", "person.told_apart.v1"): Act("person.link", "told-apart"),
    ("person", "person.linked.v1"): Act("person.link", "linked"),
    ("person", "bereavement.checked.v1"): Act("bereavement.check", "bereavement-checked"),
    ("person", "review.completed.v1"): Act("review.record", "review-completed"),
    ("person", "parent.checks_recorded.v1"): Act("parent.check", "parent-checks"),
    ("person", "accumulation.lead_named.v1"): Act("accumulation.review", "lead-named"),
    ("person", "accumulation.reviewed.v1"): Act("accumulation.review", "accumulation-reviewed"),
    ("pregnancy", "pregnancy.concern_noted.v1"): Act("pregnancy.record", "concern-noted"),
    ("pregnancy", "pregnancy.ended.v1"): Act("pregnancy.record", "ended"),
    ("pregnancy", "prebirth.screening_decided.v1"): Act("prebirth.decide", "screening-decided"),
    ("pregnancy", "prebirth.referred.v1"): Act("prebirth.refer", "prebirth-referred"),
    ("pregnancy", "prebirth.referral_accepted.v1"): Act("prebirth.assess", "prebirth-accepted"),
    ("pregnancy", "prebirth.assessment_started.v1"): Act("prebirth.assess", "assessment-started"),
    ("pregnancy", "prebirth.assessment_completed.v1"): Act("prebirth.assess", "assessment-completed"),
    ("pregnancy", "prebirth.conference_held.v1"): Act("prebirth.assess", "conference-held"),
    ("pregnancy", "prebirth.threshold_not_met.v1"): Act("prebirth.assess", "threshold-not-met"),
    ("pregnancy", "parent.checks_recorded.v1"): Act("parent.check", "parent-checks"),
    ("pregnancy", "bereavement.checked.v1"): Act("bereavement.check", "bereavement-checked"),
    ("pregnancy", "review.completed.v1"): Act("review.record", "review-completed"),
    ("referral", "referral.sent.v1"): Act("referral.mark_sent", "sent"),
    ("referral", "referral.acknowledged.v1"): Act("referral.acknowledge", "acknowledged"),
    ("referral", "referral.accepted.v1"): Act("referral.triage", "accepted"),
    ("referral", "referral.rejected.v1"): Act("referral.triage", "rejected"),
    ("referral", "referral.redirected.v1"): Act("referral.triage", "redirected"),
    ("referral", "referral.more_info_requested.v1"): Act("referral.triage", "more-info-requested"),
    ("referral", "referral.more_info_given.v1"): Act("referral.answer_question", "more-info-given"),
    ("referral", "referral.offered.v1"): Act("referral.offer", "offered"),
    ("referral", "referral.appointment_booked.v1"): Act("referral.book", "appointment-booked"),
    ("referral", "referral.attended.v1"): Act("referral.record_attendance", "attended"),
    ("referral", "referral.miss_contacted.v1"): Act("referral.review_misses", "miss-contacted"),
    ("referral", "referral.misses_reviewed.v1"): Act("referral.review_misses", "misses-reviewed"),
    ("referral", "referral.assessed.v1"): Act("referral.assess", "assessed"),
    ("referral", "referral.treatment_started.v1"): Act("referral.start_treatment", "treatment-started"),
    ("referral", "referral.alternative_recorded.v1"): Act("referral.answer", "alternative-recorded"),
    ("referral", "referral.outcome_returned.v1"): Act("referral.return_outcome", "outcome-returned"),
    ("referral", "referral.outcome_acknowledged.v1"): Act("referral.answer", "outcome-acknowledged"),
    ("glass", "glass.reviewed.v1"): Act("glass.review", "reviewed"),
    ("objection", "objection.answered.v1"): Act("objection.answer", "answered"),
}
"""By kind of record and event type: the request that adds this event to a record of this kind."""

BEGINS: Mapping[str, tuple[str, str]] = {
    "contact.received.v1": ("contact", "contact.record"),
    "offer.made.v1": ("offer", "offer.record"),
    "referral.sent.v1": ("referral", "referral.mark_sent"),
    "support.started.v1": ("support", "support.record"),
}
"""By event type: the kind of record that it begins, and the row of the access table for that request."""
