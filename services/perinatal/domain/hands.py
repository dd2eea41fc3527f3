"""Whose hand each entry takes that closes a follow-up or hands it over, beyond a place in the person's circle.

What is sent counts if it went to a team that does such work where the person is. Whoever is named holds the role.
"""

from __future__ import annotations

from services.perinatal.domain.referral import RECEIVING_ROLES
from shared.contracts.circle import NAMED, parts_in, with_standing
from shared.kernel.decisions import ids_left_out
from shared.kernel.hands import Hand, HandRule, HandRules
from shared.kernel.history import people_of

SOCIAL_CARE, LEAD, VISITOR = "childrens_social_care", "safeguarding_lead", "health_visitor"
ASSIGNED = "practitioner.assigned.v1"


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
    to_team = hand.state.facts.get("to_team")
    team = hand.directory.team(to_team or hand.actor.team)
    if team is None or team.role != hand.state.facts.get("to_role") or not hand.is_there(team.area):
        return False
    return _is_received(hand, to_team)


def _acknowledged(hand: Hand) -> bool:
    return _is_received(hand, hand.state.to_team)


def _is_received(hand: Hand, to_team: str | None) -> bool:
    """The receiver says so, or a sender by the directory id of a person of the team that has it, if that is listed."""
    if hand.event.data["reported_by"] == "receiver" or hand.directory.team(to_team) is None:
        return True
    told = hand.directory.worker(str(hand.private.get("receiver_person", "")).strip())
    return told is not None and to_team in told.teams


def _named_by_their_own(hand: Hand) -> bool:
    """Whoever is named works in the role and in an area of the person. Their team says so, or that of the one before
    them, or a safeguarding lead.
    """
    data = hand.event.data
    named, team = data["practitioner"], hand.directory.team(data["team"])
    worker = hand.directory.worker(named)
    themselves = (hand.actor.role, hand.actor.team) if named == hand.actor.id else None
    posts = worker.posts if worker else (themselves,)
    if (data["role"], data["team"]) not in posts or (team is not None and not hand.is_there(team.area)):
        return False
    return hand.actor.role == LEAD or hand.actor.team in {data["team"], _team_before(hand)}


def _team_before(hand: Hand) -> str | None:
    """The team of whoever was named last in this role."""
    left_out, role = ids_left_out(hand.history), hand.event.data["role"]
    teams = [
        event.data["team"]
        for event in hand.history
        if event.type == ASSIGNED and event.data["role"] == role and not event.is_claim and event.id not in left_out
    ]
    return teams[-1] if teams else None


def _referred(hand: Hand) -> bool:
    """The consultation names a referral of this child that was sent to social care, and that has standing itself."""
    referral_id = hand.event.data.get("referral_id")
    history = hand.find(f"referral/{referral_id}") if referral_id else ()
    left_out = ids_left_out(history)
    return any(
        event.type == "referral.sent.v1"
        and event.id not in left_out
        and not event.is_claim
        and event.data["service_kind"] == "social_care"
        and event.subject == hand.event.subject
        for event in history
    )


def _handed_over(hand: Hand) -> bool:
    """By the new area, the team that recorded the move, or one that somebody of is named for one of the people.

    While no health visitor of the area that was left is named for any of them, its health visitors hand over.
    """
    if hand.actor.team == hand.history[0].team or _is_of(hand, hand.state.to_area):
        return True
    named = {
        part.team
        for person_id in sorted(people_of(hand.history[0]))
        for part in parts_in(with_standing(hand.find(f"person/{person_id}")))
        if part.why == NAMED
    }
    if hand.actor.team in named:
        return True
    visiting = (_visits_in(hand, team, hand.state.from_area) for team in sorted(named))
    return _visits_in(hand, hand.actor.team, hand.state.from_area) and not any(visiting)


def _is_of(hand: Hand, area: str | None) -> bool:
    """Whether the actor's team works in the area. If the directory does not list it, the actor's own areas say so."""
    team = hand.directory.team(hand.actor.team)
    return area in hand.actor.areas if team is None else team.area == area


def _visits_in(hand: Hand, name: str, area: str | None) -> bool:
    team = hand.directory.team(name)
    return team is not None and team.role == VISITOR and team.area == area


def _taken_over(hand: Hand) -> bool:
    """A team of the new area takes over, with the practitioner in it. A side of the move says so.

    A sender reports it by the directory id of a person of that team.
    """
    data = hand.event.data
    team, practitioner = data["team"], data.get("practitioner")
    listed, worker = hand.directory.team(team), hand.directory.worker(practitioner)
    own, itself = team == hand.actor.team, practitioner == hand.actor.id
    if not (_is_of(hand, hand.state.to_area) if own else listed is not None and listed.area == hand.state.to_area):
        return False
    if practitioner is not None and not (own and itself) and (worker is None or team not in worker.teams):
        return False
    return _handed_over(hand) and _is_received(hand, team)


RULES: HandRules = {
    "referral.sent.v1": _sent_to("service"),
    "referral.redirected.v1": _sent_to("to_service"),
    "prebirth.referred.v1": _sent_to_social_care,
    "referral.acknowledged.v1": _acknowledged,
    "notification.acknowledged.v1": _notified,
    ASSIGNED: _named_by_their_own,
    "consultation.referred.v1": _referred,
    "handover.attempted.v1": _handed_over,
    "handover.given.v1": _handed_over,
    "handover.acknowledged.v1": _taken_over,
}
