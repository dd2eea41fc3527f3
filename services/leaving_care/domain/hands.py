"""Whose hand each entry takes that closes a follow-up of leaving care, delays it or hands it over.

It is for a team with a part in the record or in the care leaver's plan. Everybody else in the area only claims it.
"""

from __future__ import annotations

from shared.kernel.hands import HandRules, of_the_person

OF_THE_PERSON = (
    "accommodation.changed.v1",
    "adviser.assigned.v1",
    "adviser.ended.v1",
    "authority.confirmed.v1",
    "care_leaver.authority_told.v1",
    "care_leaver.category_changed.v1",
    "care_leaver.corrected.v1",
    "care_leaver.ending_planned.v1",
    "care_leaver.entitlement_decided.v1",
    "care_leaver.moved.v1",
    "care_leaver.reminded.v1",
    "care_leaver.support_requested.v1",
    "care_leaver.told_apart.v1",
    "pa_contact.lost.v1",
    "pa_contact.made.v1",
    "parenthood.acknowledged.v1",
    "pathway.assessed.v1",
    "pathway.planned.v1",
    "pathway.reviewed.v1",
    "plan_item.arranged.v1",
    "plan_item.completed.v1",
    "plan_item.declined.v1",
    "plan_item.deferred.v1",
    "plan_item.ended.v1",
    "plan_item.fallback_started.v1",
    "plan_item.offered.v1",
    "plan_item.reviewed.v1",
    "plan_item.taken_up.v1",
    "support_offer.made.v1",
)

RULES: HandRules = dict.fromkeys(OF_THE_PERSON, of_the_person)
