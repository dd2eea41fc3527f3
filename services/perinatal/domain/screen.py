"""A mental-health screen: the tool, the score, and whether the item about self-harm was above zero. No answers.

If that item was above zero, only another clinician than who recorded the score can find that nothing more is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from shared.contracts.words import SCREENS, SCREENS_WITH_SELF_HARM_ITEM
from shared.kernel.decisions import Context, Invalid
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord, RecordState, Row, record_of, states

CLINICIANS = ("gp_practice", "health_visitor", "mental_health_service", "midwife")
# The outcomes after which nobody looks at it again. The others go on to somebody else, so they are always recorded.
SETTLED = ("no_further", "self_help")


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen(RecordState):
    """`self_harm` is that of the score, and `recorder` who recorded it."""

    self_harm: bool | None = None
    recorder: str | None = None


def score_fault(tool: str, score: int) -> str | None:
    """What is wrong with a score of this tool, in words. None if the score is valid."""
    highest = SCREENS[tool]
    return None if 0 <= score <= highest else f"{tool} has scores from 0 to {highest}; this is {score}"


def _recorded(state: Any, command: BeginRecord, context: Context) -> Mapping[str, Any]:
    tool = command.data["tool"]
    faults = {}
    if fault := score_fault(tool, command.data["score"]):
        faults["score"] = [fault]
    if command.data["self_harm"] and tool not in SCREENS_WITH_SELF_HARM_ITEM:
        faults["self_harm"] = [f"{tool} has no item about self-harm"]
    if faults:
        raise Invalid("not-of-this-tool", "the tool has no such result", fields=faults)
    return {}


def _followed_up(state: Screen, command: AppendEntry, context: Context) -> Mapping[str, Any]:
    """`known` has the roles of the assessor, as far as this service knows them."""
    if not state.self_harm or command.data["outcome"] not in SETTLED:
        return {}
    roles = command.known.get("assessor_roles")
    fault = None
    if command.data["assessed_by"] == state.recorder:
        fault = "recorded the score; another clinician has to assess it"
    elif roles is not None and roles.isdisjoint(CLINICIANS):
        fault = f"is no clinician; it is for: {', '.join(CLINICIANS)}"
    if fault:
        message = "an answer about harm to oneself is settled only by a clinician other than who recorded the score"
        raise Invalid("another-clinician-needed", message, fields={"assessed_by": [fault]})
    return {}


def _with_recorder(state: Screen, event: Event) -> Screen:
    return replace(state, recorder=event.actor)


ROWS = {
    "screen.recorded.v1": Row(becomes="recorded", check=_recorded, sets=("self_harm",), also=_with_recorder),
    "screen.followed_up.v1": Row(states("recorded", "followed_up"), "followed_up", _followed_up),
}

AGGREGATE = record_of("screen", ROWS, Screen())
