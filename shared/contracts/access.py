"""Who may do what: the only table of commands and roles, and the disclosure classes that each role may see.

Guarantee: a command that is not in `ACCESS` has no endpoint, and a role that is not named for a command is refused.
Areas also count: a role is valid only in the areas of the actor (`require_area`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shared.kernel.decisions import Actor
from shared.kernel.history import require_area

__all__ = [
    "ACCESS",
    "CARING",
    "DISCLOSURE",
    "LEADS",
    "ROLES",
    "SYSTEM",
    "SYSTEM_ACTOR",
    "WHEREABOUTS",
    "WHOM_TO_ASK",
    "may",
    "may_lead",
    "may_see",
    "require_area",
    "signposts_to",
    "workers_of",
]

SYSTEM = "system"
"""The role for reactions, which no person asks for. It is never accepted from a token."""

SYSTEM_ACTOR = Actor(id=SYSTEM, role=SYSTEM, team=SYSTEM, areas=("england",))
"""The actor when no person acts."""

ROLES = frozenset(
    {
        "health_visitor",
        "midwife",
        "gp_practice",
        "social_worker",
        "front_door",
        "mental_health_service",
        "early_years",
        "housing",
        "personal_adviser",
        "manager",
        "team_manager",
        "safeguarding_lead",
        "operator",
        "reviewer",
        "police",
        "school",
        "hospital",
    }
)

_CLINICAL = frozenset({"health_visitor", "midwife", "gp_practice"})
_SENDERS = _CLINICAL | {"social_worker", "early_years", "housing"}
_RECEIVERS = _CLINICAL | frozenset(
    {"mental_health_service", "social_worker", "front_door", "early_years", "housing", "personal_adviser"}
)
LEADS = frozenset({"manager", "safeguarding_lead"})
_OVERSIGHT = LEADS | {"reviewer"}
CARING = _CLINICAL | {"social_worker", "front_door", "mental_health_service", "personal_adviser"} | _OVERSIGHT
"""The roles that care for people or oversee their care. Others see less until somebody else knows the person."""
# The roles that may report a worry about a child.
_WORRIED = _SENDERS | {"front_door", "mental_health_service", "personal_adviser"}
# They notify, acknowledge, and report what they did themselves. They see nothing beyond that.
_NARROW = frozenset({"police", "school", "hospital"})
_OWNERS = ROLES - {"reviewer"}
# The manager of one team, who sees to it that somebody holds each of its cases.
TEAM_MANAGER = "team_manager"
# The roles that hold cases or manage those who do.
_HOLDERS = frozenset(
    {"social_worker", "front_door", "health_visitor", "midwife", "mental_health_service", TEAM_MANAGER}
)
# The roles that look after messages that could not be handled.
_KEEPERS = frozenset({"operator", "safeguarding_lead"})

ACCESS: Mapping[str, frozenset[str]] = {
    # perinatal
    "person.register": _SENDERS | {"front_door"} | _NARROW,
    "person.read": _SENDERS | _RECEIVERS | _OVERSIGHT | _NARROW | {TEAM_MANAGER},
    "person.search": _SENDERS | _RECEIVERS | _OVERSIGHT | _NARROW,
    "person.correct": _SENDERS | {"front_door"} | LEADS,
    "condition.record": _CLINICAL | {"mental_health_service"},
    "condition.read": _CLINICAL | {"mental_health_service"} | _OVERSIGHT,
    "referral.note": _SENDERS,
    "referral.mark_sent": _SENDERS,
    "referral.withdraw": _SENDERS,
    # If the sender gives this command, it needs the receiver's person, the channel and the reference. That is a rule of
    # the domain, and not of this table.
    "referral.acknowledge": _RECEIVERS | _SENDERS,
    "referral.triage": _RECEIVERS,
    "referral.answer_question": _SENDERS,
    "referral.offer": _RECEIVERS,
    "referral.book": _RECEIVERS,
    "referral.record_attendance": _RECEIVERS,
    "referral.start_treatment": _RECEIVERS,
    "referral.end_treatment": _RECEIVERS,
    "referral.return_outcome": _RECEIVERS,
    "referral.close": _SENDERS | _RECEIVERS,
    "referral.assess": frozenset({"mental_health_service", "social_worker", "health_visitor"}),
    "referral.review_misses": _RECEIVERS,
    "referral.answer": _SENDERS,
    "referral.read": _SENDERS | _RECEIVERS | _OVERSIGHT,
    "person.link": _CLINICAL | {"social_worker"} | LEADS,
    "person.protect": _CLINICAL | {"social_worker", "front_door"} | LEADS,
    "person.record_death": _CLINICAL | {"social_worker", "safeguarding_lead"},
    "practitioner.assign": frozenset({"health_visitor", "midwife", "social_worker"}) | LEADS,
    "household.record": _CLINICAL | {"social_worker", "front_door", "housing"},
    "bereavement.check": _CLINICAL | {"social_worker", "safeguarding_lead"},
    "review.record": frozenset({"health_visitor", "midwife"}),
    "accumulation.review": frozenset({"health_visitor", "social_worker", "front_door", "safeguarding_lead"}),
    "parent.check": frozenset({"midwife", "health_visitor", "social_worker"}),
    "pregnancy.book": _CLINICAL,
    "pregnancy.notify": _CLINICAL | {"social_worker", "front_door", "housing"},
    "pregnancy.record": _CLINICAL | {"social_worker"},
    "pregnancy.read": _CLINICAL | {"social_worker", "front_door", "mental_health_service"} | _OVERSIGHT,
    "prebirth.decide": frozenset({"midwife", "health_visitor", "social_worker", "front_door"}),
    "prebirth.refer": _CLINICAL | {"social_worker"},
    "prebirth.assess": frozenset({"social_worker", "front_door"}),
    "screen.record": _CLINICAL | {"mental_health_service"},
    "screen.read": _CLINICAL | {"mental_health_service"} | _OVERSIGHT,
    "support.record": frozenset({"health_visitor", "midwife", "mental_health_service"}),
    "support.read": _CLINICAL | {"mental_health_service", "social_worker"} | _OVERSIGHT,
    "offer.record": _CLINICAL | {"mental_health_service", "social_worker"},
    "offer.read": _CLINICAL | {"mental_health_service", "social_worker"} | _OVERSIGHT,
    "move.record": _SENDERS | {"front_door"},
    "handover.record": frozenset({"health_visitor", "midwife"}),
    "move.read": _SENDERS | {"front_door"} | _OVERSIGHT,
    "contacts.review": LEADS,
    "closings.review": LEADS,
    "concern.raise": _WORRIED | _NARROW,
    "concern.look": _CLINICAL | {"social_worker", "front_door"} | _NARROW,
    "concern.decide": _CLINICAL | {"social_worker", "front_door"},
    "concern.read": _WORRIED | _OVERSIGHT | _NARROW,
    "consultation.record": _WORRIED,
    "consultation.answer": frozenset({"front_door", "social_worker"}),
    "consultation.read": _WORRIED | _OVERSIGHT,
    "notification.record": _SENDERS | {"front_door", "mental_health_service", "personal_adviser"} | _NARROW,
    "notification.acknowledge": _RECEIVERS | _NARROW,
    "notification.read": _RECEIVERS | _OVERSIGHT | _NARROW,
    "contact.record": frozenset({"front_door", "social_worker"}),
    "contact.chase": _WORRIED | _NARROW,
    "contact.read": frozenset({"front_door", "social_worker"}) | _OVERSIGHT,
    "case.record": _HOLDERS,
    "case.manage": _HOLDERS | LEADS,
    "case.oversee": LEADS | {TEAM_MANAGER},
    "case.read": _CLINICAL | {"social_worker", "front_door", "mental_health_service", TEAM_MANAGER} | _OVERSIGHT,
    "action.record": _WORRIED | LEADS | _NARROW | {TEAM_MANAGER},
    "action.read": _WORRIED | _OVERSIGHT | _NARROW | {TEAM_MANAGER},
    # leaving_care
    "care_leaver.register": frozenset({"personal_adviser", "social_worker", "manager"}),
    "care_leaver.read": frozenset({"personal_adviser", "social_worker"}) | _OVERSIGHT,
    "care_leaver.search": frozenset({"personal_adviser", "social_worker"}) | _OVERSIGHT,
    "care_leaver.correct": frozenset({"personal_adviser", "social_worker", "manager"}),
    "care_leaver.decide": frozenset({"personal_adviser", "manager"}),
    "care_leaver.record": frozenset({"personal_adviser", "social_worker", "manager"}),
    "adviser.assign": frozenset({"manager"}),
    "plan_item.add": frozenset({"personal_adviser", "social_worker", "manager"}),
    "plan_item.arrange": frozenset({"personal_adviser", "manager"}),
    "plan_item.record": frozenset({"personal_adviser", "mental_health_service", "manager"}),
    "plan_item.end": frozenset({"personal_adviser", "manager"}),
    "plan_item.read": frozenset({"personal_adviser", "social_worker", "mental_health_service"}) | _OVERSIGHT,
    # both recording services: retract an entry of a record as made in error
    "record.retract": _SENDERS | _RECEIVERS | LEADS | _NARROW | {TEAM_MANAGER},
    # both recording services: confirm a doubtful entry of one's own team
    "doubts.confirm": _SENDERS | _RECEIVERS | LEADS | _NARROW | {TEAM_MANAGER},
    # both recording services: confirm or reject an entry of somebody without standing
    "claim.answer": _SENDERS | _RECEIVERS | LEADS | {TEAM_MANAGER},
    # both recording services: many commands at once, each of which has its own row here
    "commands.record": _SENDERS | _RECEIVERS | LEADS | _NARROW | {TEAM_MANAGER},
    # all three services: messages that could not be handled
    "parked.inspect": _KEEPERS,
    "parked.replay": _KEEPERS,
    "parked.discard": _KEEPERS,
    # referrals_followup
    "follow_up.read": ROLES,
    "chronology.read": ROLES,
    "follow_up.acknowledge": _OWNERS,
    "follow_up.note": _OWNERS,
    "follow_up.assign": LEADS | {TEAM_MANAGER},
    "follow_up.accept": _OWNERS,
    "follow_up.end": LEADS,
    "follow_up.reopen": _OWNERS,
    "standards.read": ROLES,
    "directory.read": _OVERSIGHT | {"operator"},
    "directory.change": LEADS,
    "glass.break": CARING - {"reviewer"},
    "glass.review": frozenset({"safeguarding_lead"}),
    "objection.raise": _SENDERS | _RECEIVERS | LEADS,
    "objection.answer": frozenset({"safeguarding_lead"}),
}

_EVERY_CLASS = frozenset({"health", "leaving_care", "social_care", "operational"})
_BOTH_SIDES_OF_A_BIRTH = frozenset({"health", "social_care", "operational"})

DISCLOSURE: Mapping[str, frozenset[str]] = {
    "health_visitor": _BOTH_SIDES_OF_A_BIRTH,
    "midwife": _BOTH_SIDES_OF_A_BIRTH,
    "gp_practice": _BOTH_SIDES_OF_A_BIRTH,
    "social_worker": _EVERY_CLASS,
    "front_door": _EVERY_CLASS,
    "mental_health_service": frozenset({"health", "operational"}),
    "early_years": frozenset({"social_care", "operational"}),
    "housing": frozenset({"operational"}),
    "personal_adviser": frozenset({"leaving_care", "operational"}),
    "manager": _EVERY_CLASS,
    "team_manager": frozenset({"social_care", "operational"}),
    "safeguarding_lead": _EVERY_CLASS,
    "operator": frozenset({"operational"}),
    "reviewer": _EVERY_CLASS,
    "police": frozenset({"operational"}),
    "school": frozenset({"operational"}),
    "hospital": frozenset({"operational"}),
}


def may(role: str, command: str) -> bool:
    """Whether the role may give the command at all. Raises KeyError for a command that is not in the table."""
    return role in ACCESS[command]


# Each team's manager names who of the team works with somebody. A rule about hands says whose naming counts.
OF_EACH_TEAM = "practitioner.assign"


def may_lead(team_role: str, command: str) -> bool:
    """Whether a manager may give the command for a team that works as this role: nothing that the team may not do."""
    workers = workers_of(command)
    return command == OF_EACH_TEAM or not workers or team_role in workers


def workers_of(command: str) -> frozenset[str]:
    """The roles that give the command in their own work, and not because they oversee somebody's."""
    return ACCESS[command] - _OVERSIGHT


def may_see(role: str, disclosure: str) -> bool:
    """Whether the role may see the content of events of this disclosure class."""
    return disclosure in DISCLOSURE.get(role, frozenset())


WHEREABOUTS = "whereabouts"
"""What is withheld of a protected person, beside the disclosure classes: where they are, and who works with them."""

WHOM_TO_ASK: Mapping[str, str] = {
    "health": "health: contact the health visitor",
    "leaving_care": "leaving care: contact the PA",
    "social_care": "social care: contact the social worker",
    "operational": "contact the operator",
    WHEREABOUTS: "where they are: contact the safeguarding lead",
}
"""The signposts: all that a reader is told of what they may not see, by its disclosure class, or `whereabouts`."""


def signposts_to(classes: Iterable[str]) -> list[str]:
    """The sorted texts that say whom to ask about what is withheld of these classes, each once."""
    return sorted({WHOM_TO_ASK[one] for one in classes})
