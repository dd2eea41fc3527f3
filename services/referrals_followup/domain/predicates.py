"""The words in which a pack says which events count: named predicates, matchers, and where a value is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from services.referrals_followup.domain.standards import OWN, PEOPLE, PERSON, SIBLINGS, Matcher, Predicate
from services.referrals_followup.domain.thread_history import ThreadHistory, order_key
from shared.kernel.envelope import Event


def compile_matchers(content: Any) -> tuple[Matcher, ...]:
    items = content if isinstance(content, list) else [content]
    return tuple(compile_matcher(item) for item in items)


def compile_matcher(item: Any) -> Matcher:
    if isinstance(item, str):
        return Matcher(item)
    return Matcher(
        item["event"],
        compile_predicates(item.get("when", [])),
        item.get("via", OWN),
        tuple(item.get("agrees", {}).items()),
        item.get("by_another", False),
    )


def value_of(expression: Any, opening: Event, scene: ThreadHistory) -> Any:
    """A field of the opening event, or of the latest standing event of a type: of the thread's own where it has any,
    else of those about its people.

    Of a list the last event of all these types on the thread says it, even when it leaves the field out.
    """
    if isinstance(expression, list):
        fields = {item["event"]: item["field"] for item in expression}
        said = [event for event in scene.standing_of(*fields) if event.id in scene.own_ids]
        return said[-1].data.get(fields[said[-1].type]) if said else None
    if not isinstance(expression, Mapping):
        return None
    wanted = expression.get("event")
    if wanted is None:
        return opening.data.get(expression["field"])
    found = (event.data.get(expression["field"]) for event in scene.about(wanted))
    return next((value for value in found if value is not None), None)


def is_named_in(value: Any, names: Iterable[str]) -> bool:
    """Whether a field, a word or a list of words, holds one of the names."""
    return not set(names).isdisjoint(value if isinstance(value, list) else [value])


def compile_predicates(content: Iterable[Mapping[str, Any]]) -> tuple[Predicate, ...]:
    return tuple(compile_predicate(item) for item in content)


def compile_predicate(item: Mapping[str, Any]) -> Predicate:
    ((name, argument),) = item.items()
    return PREDICATES[name](argument)


def _field_equals(argument: list[Any]) -> Predicate:
    name, value = argument
    return lambda event, scene: event.data.get(name) == value


def _field_in(argument: list[Any]) -> Predicate:
    name, values = argument
    return lambda event, scene: event.data.get(name) in values


def _field_present(name: str) -> Predicate:
    return lambda event, scene: event.data.get(name) is not None


def _field_at_least(argument: list[Any]) -> Predicate:
    name, least = argument
    return lambda event, scene: isinstance(event.data.get(name), int | float) and event.data[name] >= least


def _thread_has(argument: Any) -> Predicate:
    matcher = compile_matcher(argument)
    return lambda event, scene: any(
        other.id in scene.own_ids and matcher.matches(other, scene) for other in scene.standing_of(matcher.event)
    )


def _person_has(argument: Any) -> Predicate:
    matcher = compile_matcher(argument)
    return lambda event, scene: any(
        scene.is_about(other, event.subject) and matcher.holds(other, scene)
        for other in scene.standing_of(matcher.event)
    )


def _earlier(via: str) -> Callable[[Any], Predicate]:
    """Whether such an event happened before this one: on the thread, or about its person or its people."""

    def compiled(argument: Any) -> Predicate:
        matcher = replace(compile_matcher(argument), via=via)
        return lambda event, scene: any(
            order_key(other) < order_key(event) and matcher.matches(other, scene)
            for other in scene.standing_of(matcher.event)
        )

    return compiled


def _field_has_any(argument: list[Any]) -> Predicate:
    name, wanted = argument
    return lambda event, scene: is_named_in(event.data.get(name), wanted)


def _role_in(roles: list[str]) -> Predicate:
    """Whether somebody in one of these roles recorded the event."""
    return lambda event, scene: event.role in roles


def _moved_with_the_person(wanted: bool) -> Predicate:
    """Whether the move that the event belongs to took along whom the thread is about."""
    return lambda event, scene: scene.moved_along(event, scene.person_of(event)) == wanted


def _thread_is(name: str) -> Predicate:
    """Whether the thread is what the field names (one id, or several): of a person, under whichever of their ids."""
    return lambda event, scene: is_named_in(event.data.get(name), [scene.thread_id])


def _weeks_pregnant_from(weeks: int) -> Predicate:
    return lambda event, scene: (scene.weeks_pregnant(event) or 0) >= weeks


def _is_pregnant(wanted: bool) -> Predicate:
    return lambda event, scene: scene.is_pregnant(scene.person_of(event), event) == wanted


def _about_partner(wanted: bool) -> Predicate:
    """Whether the event is a link, still standing, of a partner named for the thread's pregnancy with another id."""

    def joined(event: Event, scene: ThreadHistory) -> bool:
        ids = {scene.person(str(one)) for one in (event.subject, event.data.get("other_person_id")) if one}
        return len(ids) == 1 and not ids.isdisjoint(scene.partners)

    return lambda event, scene: joined(event, scene) == wanted


def _parent_of_child_under_months(months: int) -> Predicate:
    return lambda event, scene: scene.had_child_within(scene.person_of(event), months, event)


def _gave_birth_within_months(months: int) -> Predicate:
    return lambda event, scene: scene.gave_birth_within(scene.person_of(event), months, event)


def _child_under_months(months: int) -> Predicate:
    return lambda event, scene: scene.is_under(scene.person_of(event), months, event)


def _not(argument: Mapping[str, Any]) -> Predicate:
    inner = compile_predicate(argument)
    return lambda event, scene: not inner(event, scene)


def _all_of(argument: list[Mapping[str, Any]]) -> Predicate:
    inner = compile_predicates(argument)
    return lambda event, scene: all(predicate(event, scene) for predicate in inner)


def _any_of(argument: list[Mapping[str, Any]]) -> Predicate:
    inner = compile_predicates(argument)
    return lambda event, scene: any(predicate(event, scene) for predicate in inner)


PREDICATES: Mapping[str, Callable[[Any], Predicate]] = {
    "field_equals": _field_equals,
    "field_in": _field_in,
    "field_present": _field_present,
    "field_has_any": _field_has_any,
    "field_at_least": _field_at_least,
    "role_in": _role_in,
    "moved_with_the_person": _moved_with_the_person,
    "thread_is": _thread_is,
    "thread_has": _thread_has,
    "thread_had": _earlier(OWN),
    "person_has": _person_has,
    "person_had": _earlier(PERSON),
    "people_had": _earlier(PEOPLE),
    "siblings_had": _earlier(SIBLINGS),
    "weeks_pregnant_from": _weeks_pregnant_from,
    "pregnant": _is_pregnant,
    "about_partner": _about_partner,
    "parent_of_child_under_months": _parent_of_child_under_months,
    "gave_birth_within_months": _gave_birth_within_months,
    "child_under_months": _child_under_months,
    "not": _not,
    "all_of": _all_of,
    "any_of": _any_of,
}
