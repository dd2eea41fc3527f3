"""From the content of a pack to its steps, compiled once. The content has been validated before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from services.referrals_followup.domain.due_rules import compile_due, due_in_words
from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.predicates import (
    compile_matcher,
    compile_matchers,
    compile_predicates,
    value_of,
)
from services.referrals_followup.domain.standards import ENDS, PEOPLE, Count, LadderRung, Step, Value
from services.referrals_followup.domain.thread_history import ThreadHistory, order_key
from shared.kernel.envelope import Event
from shared.kernel.time import Offset

ACTOR, ACTOR_TEAM = "actor", "actor_team"
# As an owner's team: whichever acts as the role in the area of the follow-up.
AREA = "area"


def compile_step(step_id: str, content: Mapping[str, Any]) -> Step:
    """The step that this content of a pack describes. The content has been validated; nonsense raises KeyError."""
    opening = content["opens_on"]
    counted = None
    if isinstance(opening, Mapping) and "count" in opening:
        resets = compile_matchers(opening.get("reset_by", []))
        once = opening.get("once_per_record", False)
        counted = Count(opening["count"], compile_matchers(opening["of"]), opening["within_days"], resets, once)
    return Step(
        id=step_id,
        standard=step_id.partition(".")[0],
        thread=content["thread"],
        opens_on=() if counted else compile_matchers(opening),
        counted=counted,
        for_each_open=content.get("for_each_open", False),
        met_by_acceptance=content.get("met_by_acceptance", False),
        due=compile_due(content["due"]),
        met_by=compile_matchers(content.get("met_by", [])),
        ended_by=compile_matchers(content.get("ended_by", [])),
        recurs=content.get("recurs", False),
        urgent_when=compile_predicates(content.get("urgent_when", [])),
        owner=_compile_owner(content["owner"]),
        receiver_role=_compile_value(content.get("receiver", {}).get("role")),
        receiver_team=_compile_value(content.get("receiver", {}).get("team")),
        ladder=tuple(_compile_rung(rung) for rung in content["ladder"]),
        fallback=content.get("fallback"),
        visible=compile_due(content["visible_from"]) if "visible_from" in content else None,
        applies_from=date.fromisoformat(content["applies_from"]),
        after_loss=content.get("after_loss", ENDS),
        text={
            **{name: content[name] for name in ("title", "expects", "basis", "source", "confidence")},
            "due": due_in_words(content["due"]),
        },
        content=content,
    )


def _compile_rung(content: Mapping[str, Any]) -> LadderRung:
    after = content.get("after")
    return LadderRung(
        name=content["name"],
        to=tuple(content["to"]),
        after=Offset.parse(after) if after else None,
        from_opening=content.get("from") == "opening",
        urgent=content.get("urgent", False),
        repeat=Offset.parse(content["repeat"]) if "repeat" in content else None,
    )


def _compile_owner(content: Mapping[str, Any]) -> Callable[[Event, ThreadHistory], Owner]:
    """`latest`: the events that name who has it, of which the last to match says team and person together.

    `at: opening`: only what was so when it opened counts; who took over since then does not owe it.
    """
    is_fixed = content.get("at") == "opening"
    named = [(compile_matcher({**entry, "via": PEOPLE}), entry) for entry in content.get("latest", [])]
    types = [matcher.event for matcher, _ in named]

    def owner(opening: Event, scene: ThreadHistory) -> Owner:
        role = opening.role if content["role"] == "actor" else content["role"]
        for event in reversed(scene.standing_of(*types)):
            for matcher, entry in named:
                if is_fixed and order_key(event) > order_key(opening):
                    continue
                if event.type == matcher.event and matcher.holds(event, scene):
                    return Owner(role, _said(event, entry["team"]), _said(event, entry["person"]))
        person = opening.actor if content.get("person") == "actor" else value_of(content.get("person"), opening, scene)
        team = opening.team if content.get("team") == "actor" else value_of(content.get("team"), opening, scene)
        if team is None and role == opening.role and content.get("team") != AREA:
            team = opening.team
        return Owner(role, team, person)

    return owner


def _said(event: Event, part: str) -> str | None:
    """A field of the event; `actor` and `actor_team` are who recorded it."""
    by = {ACTOR: event.actor, ACTOR_TEAM: event.team}
    said = by[part] if part in by else event.data.get(part)
    return None if said is None else str(said)


def _compile_value(content: Any) -> Value:
    """A word stands for itself; anything else is looked up among the facts."""
    if isinstance(content, str):
        return lambda opening, scene: content
    return lambda opening, scene: value_of(content, opening, scene)
