"""Whose answer a claim needs: the side that stands to lose by it, and never whoever claims it. Pure."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.thread_history import CASE_CLOSED, PREGNANCY_ENDED, ThreadHistory, order_key
from shared.contracts.circle import NAMED, Part, parts_in, with_standing
from shared.kernel.envelope import Event

LEAD, VISITOR = "safeguarding_lead", "health_visitor"
ASSIGNED = "practitioner.assigned.v1"
# What gives a team a part in a person's care, or ends it. A record that is no person's reads only the first of them.
READS = (
    ASSIGNED,
    "case.opened.v1",
    *CASE_CLOSED,
    "pregnancy.booked.v1",
    "pregnancy.notified.v1",
    PREGNANCY_ENDED,
    "support.started.v1",
    "support.ended.v1",
)


def find_asked_side(claim: Event, history: ThreadHistory) -> Owner:
    """The team with a part in the person's care: the named health visitor, else who is named, else the latest record's.

    The claiming team is not asked, and nothing that is only claimed counts. Where nobody else has a part, it is the
    safeguarding lead of the area.
    """
    person_id = history.person_of(claim)
    records: dict[str, list[Event]] = defaultdict(list)
    for event in history.standing:
        is_known = event.id not in history.claims and not history.is_joined_by_claim(event)
        if is_known and event.id != claim.id and history.is_about(event, person_id):
            records[event.stream].append(event)
    parts = [
        part
        for events in records.values()
        for part in parts_in(with_standing(sorted(events, key=lambda event: event.version)))
        if part.team != claim.team and (part.why == NAMED or part.team == part.event.team)
    ]
    best = max(parts, key=_order, default=None)
    return Owner(_role_of(best), best.team, best.worker) if best else Owner(LEAD)


def _order(part: Part) -> tuple[bool, bool, Any]:
    return part.why == NAMED and _role_of(part) == VISITOR, part.why == NAMED, order_key(part.event)


def _role_of(part: Part) -> str:
    return str(part.event.data.get("role", part.event.role)) if part.why == NAMED else part.event.role
