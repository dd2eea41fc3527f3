"""The practice standards that are in force in an area, as answers show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.referrals_followup.api.presenter import offset_text
from services.referrals_followup.domain.standards import LadderRung, Step
from services.referrals_followup.standards.rules import Rules
from shared.kernel.decisions import Actor, Invalid
from shared.runtime.clock import Clock


class StandardsInForce:
    """Reads the steps in force in an area."""

    def __init__(self, rules: Rules, clock: Clock) -> None:
        self._rules = rules
        self._clock = clock

    def read(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        """The steps in force at the instant `at` (UTC), or at present.

        Raises Invalid when the query names no area and the actor acts in several.
        """
        area = query["area"] if "area" in query else _only_area(actor)
        at = query.get("at") or self._clock.now()
        ruleset = self._rules.history().in_force(area, at)
        return {
            "area": area,
            "at": at,
            "in_force_since": ruleset.since if ruleset else None,
            "versions": ruleset.versions if ruleset else {},
            "standards": [_present(ruleset.steps[step_id]) for step_id in sorted(ruleset.steps)] if ruleset else [],
        }


def _only_area(actor: Actor) -> str:
    if len(actor.areas) == 1:
        return actor.areas[0]
    choice = [f"one of: {', '.join(actor.areas)}"]
    raise Invalid("area-needed", "say whose standards are meant", fields={"area": choice})


def _present(step: Step) -> dict[str, Any]:
    return {
        **step.text,
        "step": step.id,
        "standard": step.standard,
        "thread": step.thread,
        "recurs": step.recurs,
        "guarded": step.guarded,
        "ladder": [_present_rung(rung) for rung in step.ladder],
        "fallback": step.fallback,
        "applies_from": step.applies_from,
    }


def _present_rung(rung: LadderRung) -> dict[str, Any]:
    start = "opening" if rung.from_opening else "due date"
    if rung.after is None:
        when = f"at the {start}"
    else:
        words = rung.after.text()
        when = f"{words} the {start}" if rung.after.negated else f"{words} after the {start}"
    return {
        "name": rung.name,
        "when": when,
        "to": list(rung.to),
        "urgent": rung.urgent,
        "repeats_every": offset_text(rung.repeat),
    }
