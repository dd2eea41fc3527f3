"""Claims: what somebody without standing recorded, until somebody with standing confirms or rejects it.

A claim raises at once and lowers nothing. The stamp of each event says which standing its actor had. A confirmed claim
counts like any other event. A rejected one counts as retracted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from services.referrals_followup.domain.follow_up import OPEN, VOID, FollowUp, Rung
from services.referrals_followup.domain.thread_history import MOVED, PERSON, Evidence, order_key
from shared.contracts.access import SYSTEM
from shared.contracts.agreed import may_answer
from shared.kernel.decisions import CLAIM_ANSWERS, CLAIM_CONFIRMED, CLAIM_REJECTED, RETRACTION
from shared.kernel.envelope import NONE, Event
from shared.kernel.history import people_of

# What a claim would do to a follow-up if it was confirmed.
CLOSE, DELAY, HAND_OVER = LOWERINGS = ("close", "delay", "hand_over")
# What a claim did to the follow-up that it opened.
OPENED = "open"
WAITING, CONFIRMED, REJECTED = CLAIM_STATES = ("waiting", "confirmed", "rejected")
HANDOVERS = ("handover.attempted.v1", "handover.given.v1")
# What the new area may have recorded before the area that was left agreed to the move.
OF_A_MOVE = (MOVED, *HANDOVERS, "handover.acknowledged.v1", "handover.first_contact_made.v1")


def find_lacking(thread: str, evidence: Collection[Evidence]) -> dict[str, Evidence]:
    """What lacks standing on this thread, answered or not, by the id of the event."""
    return {item.event.id: item for item in evidence if not item.event.has_standing_on(thread)}


def find_claims(thread: str, evidence: Collection[Evidence]) -> frozenset[str]:
    """The ids of the events that lack standing on this thread and that nobody with standing has confirmed."""
    lacking = {event_id: item.event for event_id, item in find_lacking(thread, evidence).items()}
    if not lacking:
        return frozenset()
    trusted = [item.event for item in evidence if not item.event.is_claim]
    retracted = {event.data["event_id"] for event in trusted if event.type == RETRACTION}
    standing = [event for event in trusted if event.id not in retracted]
    confirmations = [event for event in standing if event.type == CLAIM_CONFIRMED]
    people = _people_of(thread, [item for item in evidence if item.event.id not in lacking]) if confirmations else []
    # The area that was left agrees to a move by recording a part of it.
    agreed = find_first(event for event in standing if event.type in (MOVED, *HANDOVERS))
    left = find_left(item.event for item in evidence)
    return frozenset(
        key
        for key, event in lacking.items()
        if not is_agreed(event, agreed, left) and not _is_confirmed(event, confirmations, people)
    )


def find_first(agreeing: Iterable[Event]) -> dict[str, int]:
    """By move: the version of the first of these entries by which the area that was left agrees to it."""
    found: dict[str, int] = {}
    for event in agreeing:
        found[event.stream] = min(event.version, found.get(event.stream, event.version))
    return found


def find_left(events: Iterable[Event]) -> dict[str, str]:
    """By move: the area that was left."""
    return {event.stream: event.data["from_area"] for event in events if event.type == MOVED}


def is_agreed(claim: Event, agreed: Mapping[str, int], left: Mapping[str, str]) -> bool:
    """Whether the new area claims a part of a move, and the area that was left agreed to that move later.

    What has no standing although it was recorded after that, or in the area that was left, is not of the new area.
    """
    if claim.type not in OF_A_MOVE or claim.stream not in agreed:
        return False
    if claim.standing != NONE:
        return True
    recorded_in, reported_by = claim.data.get("recorded_in"), claim.data.get("reported_by")
    is_of_left = reported_by == "sender" or (recorded_in is not None and recorded_in == left.get(claim.stream))
    return claim.version < agreed[claim.stream] and not is_of_left


def without_claims(thread: str, evidence: Collection[Evidence]) -> list[Evidence]:
    """The evidence that has standing on this thread."""
    claims = find_claims(thread, evidence)
    return [item for item in evidence if item.event.id not in claims]


def find_worlds(claims: Collection[str], evidence: Collection[Evidence]) -> Iterator[list[Evidence]]:
    """The evidence with standing, joined with the claims of each team in turn, and last with all claims.

    So no claim can take back what another team claimed.
    """
    team_of = {item.event.id: item.event.team for item in evidence if item.event.id in claims}
    teams = sorted(set(team_of.values()))
    for team in teams if len(teams) > 1 else ():
        yield [item for item in evidence if team_of.get(item.event.id, team) == team]
    yield list(evidence)


def find_answers(claim: Event, evidence: Iterable[Evidence]) -> list[Event]:
    """The answers to this claim, the first one first."""
    answers = (
        item.event for item in evidence if item.event.type in CLAIM_ANSWERS and item.event.data["event_id"] == claim.id
    )
    return sorted((answer for answer in answers if _is_answer(claim, answer)), key=order_key)


def find_state(claim: Event, evidence: Iterable[Evidence]) -> str | None:
    """How far the claim is answered. None for an entry that is no claim, or whose team took it back."""
    if not claim.is_claim:
        return None
    answers = [answer for answer in find_answers(claim, evidence) if not answer.is_claim]
    if any(answer.type == CLAIM_REJECTED for answer in answers):
        return REJECTED
    return CONFIRMED if any("people" not in answer.data for answer in answers) else WAITING


def find_lowering(follow_up: FollowUp, then: FollowUp | None) -> str | None:
    """What a claim would do to an open follow-up if it was confirmed. None if it would lower nothing of it."""
    if then is None or then.state != OPEN:
        return CLOSE
    if then.due_at > follow_up.due_at or then.visible_from > follow_up.visible_from:
        return DELAY
    return HAND_OVER if then.owner != follow_up.owner else None


def is_question_about(follow_up: FollowUp, other: FollowUp) -> bool:
    """Whether the other one asks about a claim that would lower the follow-up."""
    return other.on == follow_up.reference and "would" in other.why


def join(trusted: Iterable[FollowUp], worlds: Iterable[Iterable[FollowUp]]) -> list[FollowUp]:
    """For each follow-up, the more alarming of what stands without claims (`trusted`) and with them."""
    standing = {follow_up.id: follow_up for follow_up in trusted}
    claimed: dict[str, list[FollowUp]] = {}
    for world in worlds:
        for follow_up in world:
            claimed.setdefault(follow_up.id, []).append(follow_up)
    return [
        _most_alarming(standing.get(follow_up_id), claimed.get(follow_up_id, []))
        for follow_up_id in sorted(standing.keys() | claimed.keys())
    ]


def _most_alarming(trusted: FollowUp | None, claimed: list[FollowUp]) -> FollowUp:
    """Open if it is open in any world, and due at the earliest. Owner and areas are those without claims, if any."""
    every = [*([trusted] if trusted else []), *claimed]
    soonest = min(every, key=lambda one: (one.state != OPEN, one.state == VOID, one.due_at))
    if soonest.state != OPEN:
        return trusted if trusted and (trusted.state != VOID or soonest.state == VOID) else soonest
    base = trusted if trusted and trusted.state != VOID else soonest
    still_open = [one for one in every if one.state == OPEN]
    pauses = [one.held_until for one in still_open if one.held_until]
    return replace(
        base,
        state=OPEN,
        due_at=soonest.due_at,
        visible_from=min(one.visible_from for one in still_open),
        rungs=_join_rungs(base, still_open),
        rules=soonest.rules,
        gap=soonest.gap,
        why=soonest.why,
        inherited=all(one.inherited for one in still_open),
        held_until=min(pauses) if len(pauses) == len(still_open) else None,
        closed_by=None,
        closed_at=None,
        closed_recorded_at=None,
        closed_actor=None,
        closed_reason=None,
    )


def _join_rungs(base: FollowUp, still_open: list[FollowUp]) -> tuple[Rung, ...]:
    """Each rung at its earliest, and urgent if it is urgent in any world."""
    rungs: dict[str, Rung] = {rung.name: rung for rung in base.rungs}
    for rung in (rung for one in still_open for rung in one.rungs):
        known = rungs.setdefault(rung.name, rung)
        rungs[rung.name] = replace(
            known, at=min(known.at, rung.at), urgent=known.urgent or rung.urgent, alarm=known.alarm or rung.alarm
        )
    return tuple(rungs.values())


def _people_of(thread: str, trusted: Iterable[Evidence]) -> Collection[str]:
    """The people whom the thread is about."""
    kind, _, thread_id = thread.partition("/")
    if kind == PERSON:
        return [thread_id]
    own = (item for item in trusted if thread in item.refs and item.event.type not in CLAIM_ANSWERS)
    return {ref.partition("/")[2] for item in own for ref in item.refs if ref.startswith(f"{PERSON}/")}


def _is_confirmed(claim: Event, confirmations: Iterable[Event], people: Collection[str]) -> bool:
    """Whether it was confirmed for everybody whom it is about, or for those of them whom the thread is about."""
    answers = [one for one in confirmations if one.data["event_id"] == claim.id and _is_answer(claim, one)]
    if any("people" not in answer.data for answer in answers):
        return True
    concerned = people_of(claim).intersection(people)
    answered = {person_id for answer in answers for person_id in answer.data["people"]}
    return bool(concerned) and concerned <= answered


def _is_answer(claim: Event, answer: Event) -> bool:
    """Nobody answers what their own team claims, but for whoever the claim names as having judged or agreed to it.

    What a service recorded by itself, it also confirms by itself.
    """
    return answer.stream == claim.stream and (may_answer(claim, answer) or answer.role == claim.role == SYSTEM)
