"""What a role outside an event type's disclosure class is shown instead of the content: whom to ask, no more."""

from __future__ import annotations

from dataclasses import replace

from services.referrals_followup.domain.follow_up import Acts, FollowUp
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see

WHOM_TO_ASK = {
    "health": "health: contact the health visitor",
    "leaving_care": "leaving care: contact the PA",
    "social_care": "social care: contact the social worker",
    "operational": "contact the operator",
}


UNDISCLOSED = "undisclosed"


def is_disclosed(follow_up: FollowUp, acts: Acts, role: str, team: str) -> bool:
    """Whether this reader may see what it is about: by the class of the event that opened it, or because their team
    opened it, owns it by the facts, was given it or is the one it was sent to. Taking it on opens nothing."""
    teams = (follow_up.opened_team, follow_up.owner.team, follow_up.receiver_team, acts.given_team)
    return may_see(role, CATALOGUE[follow_up.opened_type].disclosure) or team in teams


def as_shown_to(follow_up: FollowUp, acts: Acts, role: str, team: str) -> FollowUp:
    """The follow-up as a reader may see it: outside the class, only that it is there, when it is due, whom to ask."""
    if is_disclosed(follow_up, acts, role, team):
        return follow_up
    return replace(
        follow_up,
        step=UNDISCLOSED,
        standard=UNDISCLOSED,
        person=None,
        thread=UNDISCLOSED,
        title=WHOM_TO_ASK[CATALOGUE[follow_up.opened_type].disclosure],
        expects="",
        source="",
        fallback=None,
        gap=None,
        closed_reason=None,
        why={},
    )
