"""The closed lists of words that commands, events and rules share. A word is never removed or given a new meaning."""

from __future__ import annotations

URGENCIES = ("routine", "urgent")
CHANNELS = ("letter", "email", "e_referral", "phone", "in_person")
SEVERITIES = ("mild", "moderate", "severe")

# The services to which a referral may go. Each has its own due times.
CARE_SERVICES = {
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
# What a team does beside: the word of such a team that somebody died counts at once, wherever the person lives.
DEATH_SOURCES = ("hospital", "coroner")
SERVICE_KINDS = ("health", "social_care")

REPORTED_BY = ("receiver", "sender")
# Practice section 2.4: an adult did not attend, a child was not brought, nobody let the visitor in.
NOT_ATTENDED = ("did_not_attend", "was_not_brought", "no_access")
CANCELLED_BY = ("patient", "service")
OUTCOME_TO = ("referrer", "general_practice", "health_visiting")
ASSESSED = ("treat", "no_treatment", "refer_on")
# What a professional is to a person or to another professional, as a role of the access table.
PRACTITIONERS = (
    "health_visitor",
    "midwife",
    "gp_practice",
    "social_worker",
    "mental_health_service",
    "early_years",
    "personal_adviser",
)
# Whom a professional notifies: practitioners, and those who have a part in a few things only.
NOTIFIED = (*PRACTITIONERS, "police", "school", "hospital")

# How sure an expected delivery date is, and how a pregnancy ended (practice section 1).
EDD_SOURCES = ("last_period", "scan", "clinical")
PREGNANCY_OUTCOMES = ("birth", "miscarriage", "termination", "stillbirth")
LOSSES = ("miscarriage", "termination", "stillbirth")
# Completed years at the event, never the date of birth.
AGE_BANDS = ("under_13", "under_16", "under_18", "under_20", "from_20")
# Practice section 1.2: the reasons for a screening decision about a pregnancy.
PREGNANCY_CONCERNS = (
    "known_to_social_care",
    "looked_after",
    "care_leaver",
    "child_in_need",
    "previous_child_removed",
    "child_protection_plan",
    "unexplained_death",
    "previous_injury",
    "mental_ill_health",
    "substance_misuse",
    "domestic_abuse",
    "learning_difficulty",
    "person_posing_risk",
    "concealed",
    "avoiding_antenatal_care",
    "late_booking",
    "homeless",
)
PARTNER_IS = ("father", "partner")
SCREENING_OUTCOMES = ("assess", "support_offer", "early_help", "none")
STRATEGY_OUTCOMES = ("conference", "no_conference")

# Practice section 2.2: the highest score of each tool. No question text is kept anywhere.
SCREENS = {"whooley": 2, "epds": 30, "phq9": 27, "gad2": 6, "gad7": 21}
# The tools with an item about harm to oneself: EPDS item 10, PHQ-9 item 9.
SCREENS_WITH_SELF_HARM_ITEM = ("epds", "phq9")
SCREEN_OUTCOMES = ("no_further", "self_help", "refer", "urgent")

SUPPORT_KINDS = ("listening_visits", "intensive_visiting", "family_nurse_partnership", "parenting")
SUPPORT_REVIEWS = ("mid", "end")
SUPPORT_DECISIONS = ("step_up", "end", "extend")
OFFERS = ("counselling", "medication", "listening_visits", "talking_therapies", "parenting", "housing", "other")

# How a move became known (practice section 8: a change of GP or address may reveal a move that nobody announced).
TOLD_BY = ("family", "agency", "gp_change", "address_change")
HANDOVER_ATTEMPTS = ("reached", "not_reached")
# What a receiver has to know, as codes. The account itself is private.
HANDOVER_CONTEXTS = (
    "mental_health",
    "support_under_way",
    "injuries",
    "parenting",
    "care_leaver_parent",
    "young_parent",
    "housing",
    "social_care_history",
    "domestic_abuse",
    "pregnancy",
)

CONCERNS = (
    "parenting",
    "emotional_harm",
    "neglect",
    "disclosure",
    "behaviour",
    "domestic_abuse",
    "sibling_incident",
    "wary_of_adult",
    "other",
    "physical_harm",
    "sexual_harm",
    "exploitation",
    "parental_drug_use",
    "parental_alcohol_use",
    "parental_mental_health",
    "parental_conflict",
    "person_posing_risk",
    "supervision",
    "home_conditions",
    "homelessness",
    "missed_appointments",
    "missing",
    "self_harm",
)
INJURIES = (
    *("bruise", "fracture", "burn", "head_injury", "bite", "fall", "other"),
    *("cut", "scald", "swelling", "bleeding", "poisoning"),
)
SITES = (
    *("ear", "face", "head", "trunk", "limb", "buttocks", "several", "unknown"),
    *("mouth", "eye", "neck", "back", "abdomen", "genitals", "arm", "hand", "leg", "foot"),
)
MOBILITIES = ("not_mobile", "crawling", "walking", "unknown")
# Harm that somebody alleges, whether or not there is anything to see.
HARMS = (
    *("hit", "shaken", "restrained", "neglect", "emotional", "sexual", "other"),
    *("thrown", "choked", "burned", "given_substance", "threatened"),
)
HARM_TOLD_BY = (
    *("child", "parent", "relative", "professional", "anonymous"),
    *("friend", "neighbour", "public", "police", "school", "hospital"),
)
HARM_WHEN = ("today", "week", "older", "unknown")
INJURY_LOOKED_FOR = ("seen", "none_seen", "not_looked")
MEDICALS = ("arranged", "not_needed", "declined")
HARM_DECISIONS = ("strategy", "assess", "support", "no_further")
# A child who was looked for in vain: how, where, and what came of it.
LOOKED_FOR = ("visit", "search")
PLACES = ("home", "relative", "nursery", "school", "hospital", "public_place", "other")
NOT_FOUND = ("nobody_answered", "not_there", "refused", "moved_away", "asleep", "unknown_whereabouts")
INJURY_DECISIONS = ("consistent_with_account", "monitor", "discuss", "refer")

CONSULTATION_MENTIONS = ("bruise", "injury", "disclosure", "parenting", "other")
CONSULTATION_SIDES = ("caller", "consultant")
CONSULTATION_ADVICE = ("refer_now", "record_and_watch", "speak_to_parent", "no_action", "other")

RECHECKS = ("no_further_concern", "concern_continues", "referred", "caller_not_reached")

NOTIFICATIONS = (
    *("condition", "pregnancy", "injury", "move", "missed_appointments", "birth", "leaving_care", "other"),
    *("alleged_harm", "domestic_abuse", "missing", "attendance", "absence"),
)
# Who speaks in a contact, and whether they are owed an answer. Professionals are; nobody else is asked to chase one.
PROFESSIONAL_SOURCES = ("professional", "police", "school", "hospital")
CONTACT_SOURCES = (*PROFESSIONAL_SOURCES, "family", "friend", "neighbour", "child", "public", "anonymous")
# On whose word the police, or another professional, passes something on.
ON_WORD_OF = (
    "own_observation",
    "child",
    "parent",
    "relative",
    "friend",
    "neighbour",
    "public",
    "anonymous",
    "professional",
)
FEEDBACKS = ("owed", "limited", "not_possible")
CONTACT_ABOUT = (
    *("injury", "alleged_harm", "domestic_abuse", "neglect", "low_mood", "care"),
    *("emotional_harm", "physical_harm", "sexual_harm", "exploitation", "supervision", "home_conditions"),
    *("parental_drug_use", "parental_alcohol_use", "parental_mental_health", "parental_conflict"),
    *("person_posing_risk", "unborn", "missing", "missed_appointments", "homelessness", "self_harm", "other"),
)
CONTACT_REVIEWS = ("assess", "strategy", "early_help", "support", "no_change")
CONTACT_DECISIONS = ("assessment", "strategy_discussion", "early_help", "advice", "no_further_action")
AGENCIES = ("childrens_social_care", "health_visiting", "midwifery", "mental_health", "early_help", "leaving_care")
CASE_KINDS = ("child_in_need", "child_protection", "assessment", "early_help", "support", "other")
# Who holds a case, why they stop, and what they hand on that is still open.
HOLDER_KINDS = ("employed", "agency", "duty")
HOLDER_ENDINGS = ("left", "leave", "sickness", "transfer")
OPEN_ITEMS = ("visit", "assessment", "plan", "action", "referral", "contact", "meeting", "court", "other")
UNHELD_RISKS = ("low", "medium", "high")
# Who is told of a case, and of what.
TOLD_OF_A_CASE = ("parents", "child", "referrer", "health_visitor", "gp_practice", "school", "other")
CASE_NEWS = ("opened", "holder", "unheld", "closed")
# What is looked at before a case closes, and why it closes.
CLOSING_CHECKS = ("child_seen", "parents_seen", "home_seen", "contacts_read", "chronology", "next_lead", "views")
CLOSING_REASONS = (
    "needs_met",
    "stepped_down",
    "threshold_not_met",
    "not_engaging",
    "moved",
    "transferred",
    "other",
)
# Where an action is decided, what it is, whose it is, and what shows that it was done.
MEETINGS = ("strategy", "conference", "core_group", "legal_planning", "marac", "supervision", "review")
ACTION_KINDS = (
    "letter",
    "visit",
    "referral",
    "meeting",
    "assessment",
    "checks",
    "medical",
    "legal",
    "support",
    "sharing",
    "other",
)
ACTION_AGENCIES = (*AGENCIES, "police", "school", "hospital", "gp_practice", "early_years", "housing", "probation")
ACTION_EVIDENCE = ("letter_sent", "visit", "referral_id", "meeting", "other")
ACTION_REPLACED = ("overtaken", "not_possible", "another_day", "another_action", "not_needed")

# Healthy Child Programme (6 Feb 2026), practice section 3.1.
REVIEWS = ("antenatal", "new_birth", "six_week", "twelve_month", "two_year")
ACCUMULATION_DECISIONS = ("refer", "assess", "support", "monitor")
DETAILS = ("given_name", "family_name", "date_of_birth", "nhs_number")
LINK_REASONS = ("number_now_known", "merge", "confirmed")

# Practice section 4.1.
CARE_LEAVER_CATEGORIES = ("eligible", "relevant", "former_relevant", "qualifying")
PA_CONTACTS = ("in_person", "video", "phone", "text", "letter")
PATHWAY_REVIEWS = ("routine", "request", "parent", "move", "accommodation")
ACCOMMODATIONS = (
    "authority",
    "own_tenancy",
    "family",
    "staying_put",
    "semi_independent",
    "homeless",
    "custody",
    "other",
)
# How a care leaver became connected with a child.
PARENTHOODS = ("to_be_parent", "child_joined")
ENTITLEMENT_DECISIONS = ("continues", "ends", "declined_support")
# What is planned before the support of a care leaver changes with age: theirs, and about their own children.
ENDING_TOPICS = ("housing", "health", "money", "children", "safety")
PLAN_ITEM_KINDS = (
    "counselling",
    "mental_health",
    "health",
    "accommodation",
    "education",
    "employment",
    "finance",
    "relationships",
    "parenting",
)
PLAN_ITEM_CONDITIONS = ("when_ready", "none")
PLAN_ITEM_FALLBACKS = ("mental_health_worker", "none")

# The days on which a team of the directory works.
TEAM_DAYS = ("working_days", "every_day")
# Why somebody ends a follow-up; for another reason they write a note. The routine reasons never end a guarded one: what
# was done about that is recorded, and a move is handed over.
OTHER_REASON = "other"
ROUTINE_END_REASONS = ("recorded_elsewhere", "declined", "moved_out_of_reach")
REVIEWED_REASON = "not_needed_after_review"
END_REASONS = (*ROUTINE_END_REASONS, REVIEWED_REASON, "duplicate", "person_died", OTHER_REASON)
# Why somebody outside a person's circle breaks the glass, and what a safeguarding lead finds when they look at it.
GLASS_REASONS = ("emergency_care", "risk_of_harm", "missing_person", "circle_not_reached", "statutory_enquiry")
GLASS_OUTCOMES = ("justified", "not_justified", "taken_further")
# Why a person is protected: where they live is known to their own team and the safeguarding leads.
PROTECTIONS = ("refuge", "adoption", "witness")
# Why somebody of a circle objects to an entry of somebody outside it, and what a safeguarding lead decides about that.
OBJECTION_REASONS = ("not_this_person", "not_so", "not_needed", "harmful", "already_done")
OBJECTION_OUTCOMES = ("upheld", "not_upheld", "taken_further")

# What is unlikely about an entry, or cannot be. A request confirms what is unlikely by these codes.
DOUBTS = (
    "appointment-later",
    "born-long-ago",
    "care-leaver-age",
    "child-born-another-day",
    "day-far-out",
    "day-passed",
    "edd-far-out",
    "edd-moved-far",
    "equal-support",
    "missed-twice",
    "mother-age",
    "out-of-order",
    "pregnancy-length",
    "score-and-self-harm",
    "second-live-pregnancy",
)
