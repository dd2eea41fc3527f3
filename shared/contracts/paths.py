"""Where each service keeps what it serves: the part of the address after `/v1/`. A test compares it with the routes."""

from __future__ import annotations

from collections.abc import Mapping

PERINATAL: Mapping[str, str] = {
    "person": "people",
    "condition": "conditions",
    "referral": "referrals",
    "pregnancy": "pregnancies",
    "screen": "screens",
    "support": "support",
    "offer": "offers",
    "move": "moves",
    "concern": "concerns",
    "consultation": "consultations",
    "notification": "notifications",
    "contact": "contacts",
    "case": "cases",
    "action": "actions",
}
LEAVING_CARE: Mapping[str, str] = {"care-leaver": "care-leavers", "plan-item": "plan-items"}
REFERRALS_FOLLOWUP: Mapping[str, str] = {"follow-up": "follow-ups", "glass": "glass", "objection": "objections"}
"""By kind of record: where its records are."""

SERVED_BY: Mapping[str, str] = {
    **dict.fromkeys((*PERINATAL.values(), "injuries", "alleged-harm"), "perinatal"),
    **dict.fromkeys(LEAVING_CARE.values(), "leaving_care"),
    **dict.fromkeys((*REFERRALS_FOLLOWUP.values(), "reassignments", "standards", "directory"), "referrals_followup"),
}
"""By the first part of an address: the service that serves it. Of several, the one that records it."""
