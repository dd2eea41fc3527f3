"""One item of a pathway plan, such as "counselling when he is ready, otherwise a mental-health worker".

An item is live until it is completed, or ended with a reason and a manager's name. If it is declined or deferred, it is
still live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from shared.kernel.decisions import Context, Refused
from shared.kernel.tables import AppendEntry, RecordState, Row, record_of, states


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanItem(RecordState):
    """`review_by` is the last date that was set for a review of the item."""

    care_leaver_id: str | None = None
    kind: str | None = None
    condition: str | None = None
    fallback: str | None = None
    owner: str | None = None
    review_by: str | None = None
    re_offer_by: str | None = None


def _fallback_started(state: PlanItem, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    if state.fallback == "none":
        raise Refused("no-fallback", "this item was given no fallback; arrange one first")
    return {}


def _ended(state: PlanItem, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    return {"young_person_view_given": "young_person_view" in command.private}


WAITING = states("added", "arranged", "offered", "declined", "deferred")
LIVE = WAITING | states("taken_up", "fallback_started")
OFFERED_OR_PUT_OFF = states("offered", "declined", "deferred")

# Every later entry also names the care leaver.
_Row = partial(Row, repeats=("care_leaver_id",))

ROWS = {
    "plan_item.added.v1": Row(becomes="added", sets=("care_leaver_id", "kind", "condition", "fallback", "review_by")),
    # If an item is arranged late, or again, its offers and answers still count.
    "plan_item.arranged.v1": _Row(LIVE, {"added": "arranged"}, sets=("owner", "fallback", "review_by")),
    "plan_item.offered.v1": _Row(WAITING | states("fallback_started"), "offered"),
    "plan_item.taken_up.v1": _Row(WAITING | states("fallback_started"), "taken_up"),
    "plan_item.declined.v1": _Row(states("offered", "deferred"), "declined"),
    "plan_item.deferred.v1": _Row(OFFERED_OR_PUT_OFF, "deferred", sets=("re_offer_by",)),
    "plan_item.reviewed.v1": _Row(LIVE, sets={"review_by": "next_review_by"}),
    "plan_item.fallback_started.v1": _Row(WAITING, "fallback_started", _fallback_started),
    "plan_item.completed.v1": _Row(states("taken_up", "fallback_started"), "completed"),
    "plan_item.ended.v1": _Row(LIVE, "ended", _ended),
}

AGGREGATE = record_of("plan-item", ROWS, PlanItem())
