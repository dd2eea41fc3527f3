"""The names of a pack in plain words: types of event, values and ages."""

from __future__ import annotations

from typing import Any


def event_in_words(event_type: str) -> str:
    """`prebirth.screening_decided.v1` -> "prebirth screening decided"."""
    return in_words(event_type.rpartition(".v")[0].replace(".", " "))


def in_words(value: Any) -> str:
    """The name of a field, or the value of one: `["to_team", true]` -> "to team, yes"."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(in_words, value)) if isinstance(value, list) else str(value).replace("_", " ")


def age_in_words(months: int) -> str:
    """Whole years from the second birthday on, else months."""
    return f"{months // 12} years" if months % 12 == 0 and months > 12 else f"{months} months"
