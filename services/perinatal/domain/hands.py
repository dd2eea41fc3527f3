"""Whose hand each entry takes that closes a follow-up, delays it or hands it over, beyond a place in the area.

What is sent counts if it went to a team that does such work where the person is. Whoever is named holds the role. Only
a team with a part in it closes what another team holds. Everybody else in the area may add.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.perinatal.domain.referral import RECEIVING_ROLES
from shared.contracts.circle import NAMED, parts_in, with_standing
from shared.contracts.words import DEATH_SOURCES
from shared.kernel.decisions import ids_left_out
from shared.kernel.envelope import Event
from shared.kernel.hands import (
    LEAD,
    Hand,
    HandRule,
    HandRules,
    of_the_person,
    of_the_record,
)
from shared.kernel.history import people_of

SOCIAL_CARE, VISITOR = "childrens_social_care", "health_visitor"
REFERRED = "prebirth.referred.v1"
# What social care records of its assessment before a birth.
ASSESSING = (
    "prebirth.referral_accepted.v1",
    "prebirth.assessment_started.v1",
    "prebirth.assessment_completed.v1",
    "prebirth.strategy_decided.v1",
    "prebirth.conference_held.v1",
    "prebirth.threshold_not_met.v1",
)
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
    return hand.actor.role == LEAD or hand.actor.team in {data["team"], _team_named(hand.history, data["role"])}


def _team_named(history: Sequence[Event], role: str) -> str | None:
    """The team of whoever was named last in this role."""
    left_out = ids_left_out(history)
    teams = [
        event.data["team"]
        for event in history
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


def _reviewed(hand: Hand) -> bool:
    """A review is for the team of the health visitor who is named.

    While none is, it is for any team of health visitors, and for a team with a part in the care.
    """
    named = _team_named(hand.find(f"person/{hand.event.subject}"), VISITOR)
    if named is not None:
        return hand.actor.role == LEAD or hand.actor.team == named
    team = hand.directory.team(hand.actor.team)
    return VISITOR in (hand.actor.role, team.role if team else None) or of_the_person(hand)


def _assessed(hand: Hand) -> bool:
    """For the team that the assessment was asked of, or that began it. For any team of social care before that."""
    if of_the_record(hand):
        return True
    left_out = ids_left_out(hand.history)
    begun = (REFERRED, *ASSESSING)
    return all(event.id in left_out or event.is_claim or event.type not in begun for event in hand.history)


def _chased(hand: Hand) -> bool:
    """The referrer chases an answer, or somebody with a part in the care does."""
    return hand.actor.team == hand.state.facts.get("from_team") or of_the_person(hand)


def _corrected(hand: Hand) -> bool:
    """Who somebody is, is for those who registered them or who have a part in their care."""
    return of_the_record(hand) or (hand.event.subject is not None and hand.has_part(hand.event.subject))


def _of_both_people(hand: Hand) -> bool:
    """For a team that has a part in the care of each of the people, or registered them, or a safeguarding lead."""
    return hand.actor.role == LEAD or all(map(hand.is_on_side_of, sorted(people_of(hand.event))))


def _died(hand: Hand) -> bool:
    """A death is for a registered source of deaths, and for a team with a part in the care."""
    team = hand.directory.team(hand.actor.team)
    is_source = team is not None and not set(DEATH_SOURCES).isdisjoint(team.services)
    return is_source or of_the_person(hand)


# What only the team that holds the record closes in it, decides in it or hands over.
OF_THE_RECORD = (
    "case.closed.v1",
    "case.closed.v2",
    "case.closing_checked.v1",
    "case.closing_proposed.v1",
    "case.handover_given.v1",
    "case.holder_ended.v1",
    "case.holder_named.v1",
    "case.leaving_announced.v1",
    "case.taken_on.v1",
    "case.told.v1",
    "case.unheld_reviewed.v1",
    "offer.ended.v1",
    "support.ended.v1",
    "support.miss_contacted.v1",
    "support.misses_reviewed.v1",
    "support.reviewed.v1",
    "support.session_held.v1",
)
# What takes a part in the record, or in the care of its person.
OF_THE_PERSON = (
    "action.arranged.v1",
    "action.done.v1",
    "action.replaced.v1",
    "action.swept.v1",
    "bereavement.checked.v1",
    "contact.decided.v1",
    "contact.referrer_told.v1",
    "offer.accepted.v1",
    "offer.declined.v1",
    "offer.deferred.v1",
    "offer.fallback_started.v1",
    "offer.made.v1",
    "parent.checks_recorded.v1",
    "person.told_apart.v1",
    "prebirth.screening_decided.v1",
    "pregnancy.edd_corrected.v1",
    "pregnancy.ended.v1",
    "pregnancy.joined.v1",
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
    **dict.fromkeys(OF_THE_RECORD, of_the_record),
    **dict.fromkeys(OF_THE_PERSON, of_the_person),
    **dict.fromkeys(ASSESSING, _assessed),
    "review.completed.v1": _reviewed,
    "review.declined.v1": _reviewed,
    "contact.chased.v1": _chased,
    "person.corrected.v1": _corrected,
    "person.died.v1": _died,
    "person.linked.v1": _of_both_people,
    "person.unlinked.v1": _of_both_people,
    "referral.sent.v1": _sent_to("service"),
    "referral.redirected.v1": _sent_to("to_service"),
    REFERRED: _sent_to_social_care,
    "referral.acknowledged.v1": _acknowledged,
    "notification.acknowledged.v1": _notified,
    ASSIGNED: _named_by_their_own,
    "consultation.referred.v1": _referred,
    "handover.attempted.v1": _handed_over,
    "handover.given.v1": _handed_over,
    "handover.acknowledged.v1": _taken_over,
}
