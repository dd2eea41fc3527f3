"""When something is due, compiled from a pack: an offset after something, the first or last of several, or by case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from services.referrals_followup.domain.predicates import (
    compile_matcher,
    compile_predicates,
    value_of,
)
from services.referrals_followup.domain.standards import Computed, DueRule, Predicate
from services.referrals_followup.domain.thread_history import ThreadHistory, happened_before
from services.referrals_followup.domain.wording import all_in_words, event_in_words
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event
from shared.kernel.time import Offset, at_london, due

EDD, OPENING = "edd", "opening"


def compile_due(content: Mapping[str, Any]) -> DueRule:
    """A due rule: an offset after something, the earliest or latest of several, or the first case that applies."""
    if "earliest" in content:
        return _chosen(min, [compile_due(option) for option in content["earliest"]])
    if "latest" in content:
        return _chosen(max, [compile_due(option) for option in content["latest"]])
    if "choose" in content:
        return _first_case(
            [(compile_predicates(case.get("when", [])), compile_due(case["then"])) for case in content["choose"]]
        )
    return _after(content.get("after", OPENING), Offset.parse(offset_part(content)), due_in_words(content))


def offset_part(content: Mapping[str, Any]) -> dict[str, Any]:
    """The offset of a plain due rule, without its anchor."""
    return {name: value for name, value in content.items() if name != "after"}


def _after(anchor: Any, offset: Offset, words: str) -> DueRule:
    matcher = compile_matcher(anchor) if "nth" in anchor else None
    is_since = matcher is not None and anchor.get("since") == OPENING

    def computed(opening: Event, scene: ThreadHistory, calendar: WorkingCalendar) -> Computed:
        if anchor == OPENING:
            found = due(offset, opening.occurred_at, opening.precision, calendar)
            return Computed(found.at, found.skipped, words)
        if anchor == EDD:
            edd = scene.edd()
            if edd is None:
                return Computed(None, gap=EDD)
            found = due(offset, at_london(date.fromisoformat(edd), datetime.min.time()), "day", calendar)
            return Computed(found.at, found.skipped, words)
        if matcher is not None:
            matching = [
                event
                for event in scene.standing_of(matcher.event)
                if matcher.matches(event, scene) and not (is_since and happened_before(event, opening))
            ]
            if len(matching) < anchor["nth"]:
                return Computed(None)
            event = matching[anchor["nth"] - 1]
            found = due(offset, event.occurred_at, event.precision, calendar)
            return Computed(found.at, found.skipped, words)
        value = value_of(anchor, opening, scene)
        if value is None:
            return Computed(None, gap=anchor["field"])
        day = at_london(date.fromisoformat(value), datetime.min.time())
        found = due(offset, day, "day", calendar)
        return Computed(found.at, found.skipped, words)

    return computed


def _chosen(pick: Callable[..., Computed], options: list[DueRule]) -> DueRule:
    def computed(opening: Event, scene: ThreadHistory, calendar: WorkingCalendar) -> Computed:
        results = [option(opening, scene, calendar) for option in options]
        gap = next((result.gap for result in results if result.gap), None)
        known = [result for result in results if result.at is not None]
        if not known:
            return Computed(None, gap=gap)
        best = pick(known, key=lambda result: result.at)
        return Computed(best.at, best.skipped, best.because, gap)

    return computed


def _first_case(cases: list[tuple[tuple[Predicate, ...], DueRule]]) -> DueRule:
    def computed(opening: Event, scene: ThreadHistory, calendar: WorkingCalendar) -> Computed:
        for predicates, rule in cases:
            if all(predicate(opening, scene) for predicate in predicates):
                return rule(opening, scene, calendar)
        return Computed(None, gap="due-rule")

    return computed


def due_in_words(content: Mapping[str, Any]) -> str:
    """The due rule as a practitioner would say it."""
    if "earliest" in content:
        return "whichever comes first of: " + "; ".join(due_in_words(option) for option in content["earliest"])
    if "latest" in content:
        return "whichever comes last of: " + "; ".join(due_in_words(option) for option in content["latest"])
    if "choose" in content:
        return "; ".join(_case_in_words(case) for case in content["choose"])
    anchor = content.get("after", OPENING)
    words = Offset.parse(offset_part(content)).text()
    if anchor == OPENING:
        return f"{words} after it opened" if words != "the same day" else "the same day"
    if anchor == EDD:
        return f"{words} {'' if words.endswith('before') else 'after '}the expected delivery date"
    if "nth" in anchor:
        counted = f"{words} after {event_in_words(anchor['event'])} number {anchor['nth']}"
        return f"{counted} from the opening on" if "since" in anchor else counted
    return f"{words} {'' if words.endswith('before') else 'after '}the {anchor['field'].replace('_', ' ')}"


def _case_in_words(case: Mapping[str, Any]) -> str:
    conditions = all_in_words(case.get("when", []))
    return f"{conditions or 'otherwise'}: {due_in_words(case['then'])}"
