"""Whose hand each entry takes that closes a follow-up or hands it over, beyond a place in the person's circle.

What is sent counts if it went to a team that does such work where the person is. Whoever is named holds the role.
"""

from __future__ import annotations

from services.perinatal.domain.referral import RECEIVING_ROLES
from shared.kernel.hands import Hand, HandRule, HandRules

SOCIAL_CARE = "childrens_social_care"


def goes_to_service(hand: Hand, service: str, to_team: str | None) -> bool:
    """Whether this is a team that does the work of the service in an area of the person."""
    team = hand.directory.team(to_team)
    if team is None or not hand.is_there(team.area):
        return False
    return service in team.services or team.role in RECEIVING_ROLES.get(service, ())


def _sent_to(service_field: str) -> HandRule:
    def is_sent_to_service(hand: Hand) -> bool:
        data = hand.event.data
        return goes_to_service(hand, data[service_field], data.get("to_team"))

    return is_sent_to_service


def _sent_to_social_care(hand: Hand) -> bool:
    return goes_to_service(hand, SOCIAL_CARE, hand.event.data.get("to_team"))


def _notified(hand: Hand) -> bool:
    """A notification is acknowledged for a team of the role that was to be told, in an area of the person."""
    team = hand.directory.team(hand.state.facts.get("to_team", hand.actor.team))
    return team is not None and team.role == hand.state.facts.get("to_role") and hand.is_there(team.area)


RULES: HandRules = {
    "referral.sent.v1": _sent_to("service"),
    "referral.redirected.v1": _sent_to("to_service"),
    "prebirth.referred.v1": _sent_to_social_care,
    "notification.acknowledged.v1": _notified,
}
