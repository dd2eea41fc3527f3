"""Who holds a case at which time, and whose its follow-ups are when somebody stops. Pure, in whatever order it arrives.

When nobody holds a case, the manager of the team owns the open follow-ups of whoever held it, until somebody takes the
case on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.referrals_followup.domain.follow_up import TEAM_MANAGER, Owner
from services.referrals_followup.domain.thread_history import (
    CASE_CLOSED,
    HOLDER_ENDED,
    HOLDING,
    ThreadHistory,
    order_key,
)
from shared.kernel.envelope import Event


@dataclass(frozen=True, slots=True)
class Holding:
    """From `event` on, `holder` of `team` holds the case; without a holder nobody does, and `team` held it last."""

    event: Event
    holder: str | None
    team: str


def find_holdings(history: ThreadHistory, people: Collection[str | None]) -> list[list[Holding]]:
    """For each case about one of the people, who held it one after the other."""
    cases: dict[str, list[Event]] = {}
    for event in history.standing_of(*HOLDING):
        if event.id not in history.claims and any(history.is_about(event, one) for one in people):
            cases.setdefault(event.data["case_id"], []).append(event)
    return [_one_after_another(events) for events in cases.values()]


def _one_after_another(events: Iterable[Event]) -> list[Holding]:
    found: list[Holding] = []
    for event in events:
        present = found[-1] if found else None
        if event.type != HOLDER_ENDED:
            found.append(Holding(event, event.data["holder"], event.data["team"]))
        elif present is not None and present.holder == event.data["holder"]:
            found.append(Holding(event, None, present.team))
        elif present is None:
            found.append(Holding(event, None, event.team))
    return found


def find_owner(owner: Owner, opening: Event, history: ThreadHistory, people: Collection[str | None]) -> Owner:
    """The owner; of a follow-up that opened while they held a case about its people, whoever holds the case now.

    Whoever still holds another case about them keeps it.
    """
    cases = find_holdings(history, people) if owner.person and history.standing_of(*HOLDING) else []
    if any(holdings[-1].holder == owner.person for holdings in cases):
        return owner
    for holdings in cases:
        held = [place for place, holding in enumerate(holdings) if holding.holder == owner.person]
        if held and order_key(opening) < order_key(holdings[held[-1] + 1].event):
            now = holdings[-1]
            return Owner(owner.role if now.holder else TEAM_MANAGER, now.team, now.holder)
    return owner


def find_present_holders(history: ThreadHistory, people: Collection[str | None]) -> tuple[Owner, ...]:
    """Whoever holds a case about one of the people now that was not closed, one for each case."""
    if not history.standing_of(*HOLDING):
        return ()
    closed = {event.data["case_id"] for event in history.standing_of(*CASE_CLOSED) if event.id not in history.claims}
    last = [holdings[-1] for holdings in find_holdings(history, people)]
    return tuple(
        Owner("case_holder", holding.team, holding.holder)
        for holding in last
        if holding.holder and holding.event.data["case_id"] not in closed
    )


def leaves_unheld(event: Event, history: ThreadHistory) -> bool:
    """Whether nobody holds the case of this event from then on: nobody else had taken it on."""
    before = _before(event, history)
    if event.type != HOLDER_ENDED:
        return False
    after = _one_after_another([*before, event])
    return after[-1].holder is None and after[-1].event.id == event.id


def changes_holder(event: Event, history: ThreadHistory) -> bool:
    """Whether somebody else held the case before whoever holds it from this event on."""
    before = [holding.holder for holding in _one_after_another(_before(event, history)) if holding.holder]
    return bool(before) and before[-1] != event.data.get("holder")


def _before(event: Event, history: ThreadHistory) -> list[Event]:
    """What says who held the case of this event until then."""
    return [
        other
        for other in history.standing_of(*HOLDING)
        if other.data["case_id"] == event.data.get("case_id") and order_key(other) < order_key(event)
    ]


def are_told(everyone: Iterable[Iterable[str]], event: Event, history: ThreadHistory) -> bool:
    """Whether one of each group was told of the case by this event, or since its holder changed or it closed.

    Whom there is not to tell counts as told.
    """
    since = [
        order_key(other)
        for other in history.standing_of(*HOLDING, *CASE_CLOSED)
        if other.data["case_id"] == event.data.get("case_id") and order_key(other) <= order_key(event)
    ]
    told: set[str] = set(_told_by(event.data))
    for other in history.standing_of("case.told.v1", *CASE_CLOSED):
        is_of_it = other.data["case_id"] == event.data.get("case_id") and other.data.get("about") in (
            event.data.get("about"),
            None,
        )
        if is_of_it and max(since, default=()) <= order_key(other) <= order_key(event):
            told.update(_told_by(other.data))
    return all(not told.isdisjoint(group) for group in everyone)


def _told_by(data: Mapping[str, Any]) -> Iterable[str]:
    return (one for name in ("told", "to", "not_there") for one in data.get(name, ()))
