"""One item of a pathway plan, such as "counselling when he is ready, otherwise a mental-health worker".

It stays live until it is completed, or ended with a reason and a manager's name; declining or deferring ends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from shared.kernel.decisions import Context, Fact, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import (
    Begin,
    Command,
    Decision,
    History,
    area_to_begin_in,
    became,
    fact,
    history_of,
    own_fields,
    require_step,
)

WAITING = frozenset({"added", "arranged", "offered", "declined", "deferred"})
LIVE = WAITING | {"taken_up", "fallback_started"}

# Event type -> the states that it may follow. Adding begins the item.
STEPS = {
    "plan_item.added.v1": frozenset[str](),
    "plan_item.arranged.v1": LIVE,
    "plan_item.offered.v1": WAITING | {"fallback_started"},
    "plan_item.taken_up.v1": WAITING | {"fallback_started"},
    "plan_item.declined.v1": frozenset({"offered", "deferred"}),
    "plan_item.deferred.v1": frozenset({"offered", "declined", "deferred"}),
    "plan_item.reviewed.v1": LIVE,
    "plan_item.fallback_started.v1": WAITING,
    "plan_item.completed.v1": frozenset({"taken_up", "fallback_started"}),
    "plan_item.ended.v1": LIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Add(Begin):
    """`person_id` and `area` are those of the care leaver whose plan it is."""

    care_leaver_id: str
    person_id: str
    kind: str
    condition: str
    fallback: str
    review_by: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrange(Command):
    """A named owner, what shows that the condition is met, the fallback, and the day to look again."""

    owner: str
    trigger_code: str
    fallback: str
    review_by: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeUp(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Decline(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer(Command):
    re_offer_by: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review(Command):
    next_review_by: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StartFallback(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Complete(Command):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class End(Command):
    """`manager` agreed, by directory id. The young person's own words stay private; that they were asked does not."""

    reason_code: str
    manager: str
    young_person_view: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem(History):
    """`review_by` is the date last set for looking at the item again."""

    care_leaver_id: str | None = None
    kind: str | None = None
    condition: str | None = None
    fallback: str | None = None
    owner: str | None = None
    review_by: str | None = None
    re_offer_by: str | None = None


def _add(state: PlanItem, command: Add, context: Context) -> Fact:
    if state.entries or state.retracted:
        raise Refused("already-begun", "this plan item was added before")
    added = fact(
        "plan_item.added.v1",
        context,
        plan_item_id=context.stream_id,
        care_leaver_id=command.care_leaver_id,
        person_id=command.person_id,
        kind=command.kind,
        condition=command.condition,
        fallback=command.fallback,
        review_by=command.review_by,
    )
    return replace(added, subject=command.person_id, area=area_to_begin_in(state, command, context.actor))


def _start_fallback(state: PlanItem, command: StartFallback, context: Context) -> Fact:
    started = _next("plan_item.fallback_started.v1", state, context)
    if state.fallback == "none":
        raise Refused("no-fallback", "this item was given no fallback; arrange one first")
    return started


def _end(state: PlanItem, command: End, context: Context) -> Fact:
    view = (command.young_person_view or "").strip()
    return _next(
        "plan_item.ended.v1",
        state,
        context,
        private={"young_person_view": view} if view else {},
        reason_code=command.reason_code,
        young_person_view_given=bool(view),
        manager=command.manager,
    )


def _step(event_type: str) -> Decision[PlanItem]:
    """A decision that only asks whether the event may follow, and records the command's own fields."""

    def decide(state: PlanItem, command: Command, context: Context) -> Fact:
        return _next(event_type, state, context, **own_fields(command))

    return decide


def _next(
    event_type: str, state: PlanItem, context: Context, *, private: dict[str, str] | None = None, **data: Any
) -> Fact:
    require_step(event_type, state, STEPS, "plan item")
    return fact(
        event_type,
        context,
        private=private,
        plan_item_id=context.stream_id,
        care_leaver_id=state.care_leaver_id,
        person_id=state.person_id,
        **data,
    )


def _added(state: PlanItem, event: Event) -> PlanItem:
    return replace(
        state,
        status="added",
        care_leaver_id=event.data["care_leaver_id"],
        kind=event.data["kind"],
        condition=event.data["condition"],
        fallback=event.data["fallback"],
        review_by=event.data.get("review_by"),
    )


def _arranged(state: PlanItem, event: Event) -> PlanItem:
    # Arranging late, or again, does not undo an offer or an answer.
    return replace(
        state,
        status="arranged" if state.status == "added" else state.status,
        owner=event.data["owner"],
        fallback=event.data["fallback"],
        review_by=event.data["review_by"],
    )


def _deferred(state: PlanItem, event: Event) -> PlanItem:
    return replace(state, status="deferred", re_offer_by=event.data.get("re_offer_by"))


def _reviewed(state: PlanItem, event: Event) -> PlanItem:
    return replace(state, review_by=event.data.get("next_review_by"))


AGGREGATE = history_of(
    "plan-item",
    PlanItem(),
    decisions={
        Add: _add,
        Arrange: _step("plan_item.arranged.v1"),
        Offer: _step("plan_item.offered.v1"),
        TakeUp: _step("plan_item.taken_up.v1"),
        Decline: _step("plan_item.declined.v1"),
        Defer: _step("plan_item.deferred.v1"),
        Review: _step("plan_item.reviewed.v1"),
        StartFallback: _start_fallback,
        Complete: _step("plan_item.completed.v1"),
        End: _end,
    },
    evolutions={
        "plan_item.added.v1": _added,
        "plan_item.arranged.v1": _arranged,
        "plan_item.offered.v1": became("offered"),
        "plan_item.taken_up.v1": became("taken_up"),
        "plan_item.declined.v1": became("declined"),
        "plan_item.deferred.v1": _deferred,
        "plan_item.reviewed.v1": _reviewed,
        "plan_item.fallback_started.v1": became("fallback_started"),
        "plan_item.completed.v1": became("completed"),
        "plan_item.ended.v1": became("ended"),
    },
)
