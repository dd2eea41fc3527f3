"""The closed lists of words that commands, events and rules share. A word is never removed or given a new meaning."""

from __future__ import annotations

URGENCIES = ("routine", "urgent")
CHANNELS = ("letter", "email", "e_referral", "phone", "in_person")
SEVERITIES = ("mild", "moderate", "severe")

# Where a referral may go, and whose clocks run for it.
SERVICES = {
    "camhs": "health",
    "perinatal_mental_health": "health",
    "talking_therapies": "health",
    "adult_mental_health": "health",
    "health_visiting": "health",
    "midwifery": "health",
    "general_practice": "health",
    "family_nurse_partnership": "health",
    "childrens_social_care": "social_care",
    "early_help": "social_care",
    "leaving_care": "social_care",
}
SERVICE_KINDS = ("health", "social_care")

REPORTED_BY = ("receiver", "sender")
# Practice section 2.4: an adult did not attend, a child was not brought, nobody let the visitor in.
NOT_ATTENDED = ("did_not_attend", "was_not_brought", "no_access")
CANCELLED_BY = ("patient", "service")
OUTCOME_TO = ("referrer", "general_practice", "health_visiting")

# Practice section 4.1.
CARE_LEAVER_CATEGORIES = ("eligible", "relevant", "former_relevant", "qualifying")
PLAN_ITEM_KINDS = ("counselling",)
PLAN_ITEM_CONDITIONS = ("when_ready", "none")
PLAN_ITEM_FALLBACKS = ("mental_health_worker", "none")
