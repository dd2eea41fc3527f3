"""The names most like a name that nobody has, for the answer to somebody who mistyped it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from heapq import nlargest
from itertools import pairwise

MOST = 3
# To compare two names takes some microseconds, so only so many are compared: those with the most pairs in common.
COMPARED = 200


def find_nearest(name: str, names: Iterable[str]) -> list[str]:
    """At most three of the names that are alike, the most like first."""
    pairs = _pairs_of(name)
    alike = nlargest(COMPARED, sorted(names), key=lambda one: len(pairs.intersection(_pairs_of(one))))
    return get_close_matches(name, alike, MOST)


def _pairs_of(name: str) -> set[tuple[str, str]]:
    """Each letter with the one after it."""
    return set(pairwise(name))


def say_nearest(name: str, names: Iterable[str]) -> str:
    """The end of a message about this name, which says what is alike; empty when nothing is."""
    nearest = find_nearest(name, names)
    return f"; the nearest: {', '.join(nearest)}" if nearest else ""
