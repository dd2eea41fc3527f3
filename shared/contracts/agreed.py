"""Who has to have agreed to an entry that names them.

Whoever an entry only names as having judged or agreed has not done so yet. It is a claim until they confirm it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event

AGREED: Mapping[str, str] = MappingProxyType(
    {
        "accumulation.lead_named.v1": "lead",
        "accumulation.reviewed.v1": "lead",
        "care_leaver.entitlement_decided.v1": "decided_by",
        "care_leaver.told_apart.v1": "confirmed_by",
        "closing.reread.v1": "reviewer",
        "closings.reviewed.v1": "reviewer",
        "contacts.reviewed.v1": "reviewer",
        "harm.decided.v1": "decided_by",
        "injury.decided.v1": "decided_by",
        "offer.ended.v1": "manager",
        "person.linked.v1": "confirmed_by",
        "person.told_apart.v1": "confirmed_by",
        "person.unlinked.v1": "confirmed_by",
        "plan_item.ended.v1": "manager",
        "prebirth.screening_decided.v1": "decided_by",
        "pregnancy.joined.v1": "confirmed_by",
        "referral.withdrawn.v1": "decided_by",
        "screen.followed_up.v1": "assessed_by",
    }
)
"""By type of event: the field that names who judged or agreed to it."""
MANAGER = "manager"
MANAGERS = frozenset({MANAGER, "team_manager", "safeguarding_lead"})


def find_asked(event: Event) -> str | None:
    """Whoever the entry names as having judged or agreed to it, if that is somebody else than who made it."""
    field = AGREED.get(event.type)
    named = event.data.get(field) if field else None
    return None if named is None or named == event.actor else str(named)


def has_agreed(event: Event, actor: Actor) -> bool:
    """Whether the actor is whom the entry names, if it has to name somebody. Managers agree in their role."""
    field = AGREED.get(event.type)
    named = event.data.get(field) if field else None
    if named is None:
        return True
    return bool(named == actor.id) and (field != MANAGER or actor.role in MANAGERS)


def may_answer(claim: Event, answer: Event) -> bool:
    """Whether somebody of another team answers the claim, or whoever it names."""
    return answer.team != claim.team or answer.actor == find_asked(claim)
