"""A mental-health screen: the tool, the score, and whether the item about self-harm was above zero. No answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.contracts.words import SCREENS, SCREENS_WITH_SELF_HARM_ITEM
from shared.kernel.decisions import Context, Invalid
from shared.kernel.tables import BeginRecord, Row, record_of, states


def score_fault(tool: str, score: int) -> str | None:
    """What is wrong with a score of this tool, in words. None if the score is valid."""
    highest = SCREENS[tool]
    return None if 0 <= score <= highest else f"{tool} has scores from 0 to {highest}"


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


ROWS = {
    "screen.recorded.v1": Row(becomes="recorded", check=_recorded),
    "screen.followed_up.v1": Row(states("recorded", "followed_up"), "followed_up"),
}

AGGREGATE = record_of("screen", ROWS)
