"""The names most like a name that nobody has, for the answer to somebody who mistyped it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

MOST = 3


def find_nearest(name: str, names: Iterable[str]) -> list[str]:
    """At most three of the names that are alike, the most like first."""
    return get_close_matches(name, sorted(names), MOST)


def say_nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about this name, which says what is alike; empty when nothing is."""
    nearest = find_nearest(name, names)
    return f"; the nearest: {', '.join(nearest)}" if nearest else ""
