"""The words of a pack as a practitioner would say them: events, conditions, and which events count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def event_in_words(event_type: str) -> str:
    """`prebirth.screening_decided.v1` -> "prebirth screening decided"."""
    return event_type.rpartition(".v")[0].replace(".", " ").replace("_", " ")


def matcher_in_words(item: Any) -> str:
    """Which events count, with their conditions in brackets."""
    if isinstance(item, str):
        return event_in_words(item)
    said = event_in_words(item["event"])
    if item.get("via") == "person":
        said += " (of the same person)"
    if item.get("via") == "people":
        said += " (of anybody named here)"
    if item.get("via") == "siblings":
        said += " (of an older child)"
    if item.get("agrees"):
        said += (
            f" (about the same {' and '.join(_plain(name).removesuffix(' id') for name in item['agrees'].values())})"
        )
    if item.get("by_another"):
        said += " (recorded by somebody else)"
    return f"{said}, if {all_in_words(item['when'])}" if item.get("when") else said


def opening_in_words(content: Any) -> str:
    """What opens a step: one of several events, or so many within so many days."""
    if isinstance(content, Mapping) and "count" in content:
        events = any_in_words(content["of"])
        if content["count"] == 1:
            return f"the first of: {events}; again after it was met"
        said = f"{content['count']} within {content['within_days']} days of: {events}"
        return f"{said}; counted anew after: {any_in_words(content['reset_by'])}" if "reset_by" in content else said
    return any_in_words(content)


def any_in_words(content: Any) -> str:
    return "; or ".join(matcher_in_words(item) for item in (content if isinstance(content, list) else [content]))


def all_in_words(predicates: list[Mapping[str, Any]]) -> str:
    return " and ".join(predicate_in_words(item) for item in predicates)


def predicate_in_words(item: Mapping[str, Any]) -> str:
    """One condition."""
    ((name, argument),) = item.items()
    return _WORDS[name](argument)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value).replace("_", " ")


def _age(months: int) -> str:
    return f"{months // 12} years" if months % 12 == 0 and months > 12 else f"{months} months"


_WORDS: Mapping[str, Callable[[Any], str]] = {
    "field_equals": lambda said: f"{_plain(said[0])} is {_plain(said[1])}",
    "field_in": lambda said: f"{_plain(said[0])} is one of {_plain(said[1])}",
    "field_has_any": lambda said: f"{_plain(said[0])} include any of {_plain(said[1])}",
    "field_at_least": lambda said: f"{_plain(said[0])} at least {said[1]}",
    "field_present": lambda name: f"{_plain(name)} is given",
    "moved_with_the_person": lambda wanted: f"the person {'was' if wanted else 'was not'} among those who moved",
    "role_in": lambda roles: f"recorded by one of {_plain(roles)}",
    "thread_is": lambda name: (
        f"it is about one of its {_plain(name)}" if name == "children" else "it is about this one"
    ),
    "thread_has": lambda item: f"the record has: {matcher_in_words(item)}",
    "thread_had": lambda item: f"the record had before: {matcher_in_words(item)}",
    "person_has": lambda item: f"about the person there is: {matcher_in_words(item)}",
    "person_had": lambda item: f"about the person there was before: {matcher_in_words(item)}",
    "people_had": lambda item: f"about anybody named here there was before: {matcher_in_words(item)}",
    "siblings_had": lambda item: f"about an older child there was before: {matcher_in_words(item)}",
    "weeks_pregnant_from": lambda weeks: f"{weeks} weeks of pregnancy are completed",
    "pregnant": lambda wanted: "she is pregnant then" if wanted else "she is not pregnant then",
    "about_partner": lambda wanted: f"it {'names' if wanted else 'does not name'} a partner of this pregnancy",
    "parent_of_child_under_months": lambda months: f"a parent of a child under {_age(months)}",
    "gave_birth_within_months": lambda months: f"she gave birth less than {months} months before",
    "child_under_months": lambda months: f"the child is under {_age(months)}, or of unknown age",
    "not": lambda item: f"not ({predicate_in_words(item)})",
    "all_of": lambda items: f"({all_in_words(items)})",
    "any_of": lambda items: "(" + " or ".join(predicate_in_words(item) for item in items) + ")",
}
