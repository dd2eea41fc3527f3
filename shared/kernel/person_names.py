"""Names of people: which texts can be a name, when two spellings are the same name, and when they are nearly the same.

Two family names are the same if their letters are: case, accents, spaces, hyphens and apostrophes do not count. For
given names, the order does not count either, and one spelling may leave out some of the other's given names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from itertools import pairwise

COMPARED = ("given_name", "family_name", "date_of_birth")
"""The details that tell whether two registrations are of one person."""

# Letters of some languages join with these two, so a name may have them.
_JOINERS = "\u200c\u200d"
# Letters and symbols that look empty.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
# What the decomposition of Unicode does not take apart.
_PLAIN = str.maketrans(
    {"æ": "ae", "œ": "oe", "þ": "th", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "ı": "i", "ħ": "h", "ŧ": "t"}
)
_BETWEEN = re.compile(r"[\s\-\u2010-\u2015]+")
_SOUNDS = (("ph", "f"), ("gh", "g"), ("ck", "k"), ("sch", "sh"), ("tz", "s"))
_SOUND = str.maketrans("cqxzvjw", "kkssfiu")
_VOWELS = frozenset("aeiouyh")
# Leaving a letter out of a shorter name leaves too little of it.
_SHORTEST = 4
_LONGEST = 40


def why_not_a_name(text: str) -> str | None:
    """What is wrong with the text as a name, in words for the person who typed it. None if nothing is."""
    if any((unicodedata.category(one)[0] == "C" and one not in _JOINERS) or one in "\u2028\u2029" for one in text):
        return "has line breaks, or characters that cannot be seen or turn the direction of the text; type it anew"
    if not any(unicodedata.category(one)[0] in "LNPS" and one not in _FILLERS for one in text):
        return "has no character that can be seen; type the name"
    return None


def fold(text: str) -> str:
    """The letters and digits of a name, without case and accents. A text without any stays as it is."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(_PLAIN)
    return "".join(filter(_counts, plain)) or text.strip().casefold()


def differing(known: Mapping[str, str], given: Mapping[str, str]) -> list[str]:
    """The details that both have and that differ."""
    is_same = {"given_name": _is_same_given, "family_name": _is_same_family, "date_of_birth": str.__eq__}
    both = (name for name in COMPARED if known.get(name) and given.get(name))
    return [name for name in both if not is_same[name](known[name], given[name])]


def spellings(family_name: str) -> set[str]:
    """The forms of a family name. Two names are spelled nearly the same if they have a form in common.

    A form is the name, each of its parts, the name without any one letter, and its consonants by their sound. So one
    letter may be wrong, missing or too many, and two neighbours may have changed places.
    """
    whole = fold(family_name)[:_LONGEST]
    parts = {part for part in _words(family_name) if len(part) >= _SHORTEST}
    return {whole, *parts, *_shortened(whole), f"~{_consonants(whole)}"}


def is_alike(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether both names are spelled nearly the same, so that these are likely one person."""
    if not all(details.get(name) for details in (one, other) for name in ("given_name", "family_name")):
        return False
    is_family = not spellings(one["family_name"]).isdisjoint(spellings(other["family_name"]))
    return is_family and is_alike_given(one["given_name"], other["given_name"])


def is_alike_given(one: str, other: str) -> bool:
    """Whether these are likely the given names of one person: the same, or the first differs by one letter."""
    if _is_same_given(one, other):
        return True
    firsts = [words[0] for words in (_words(one), _words(other)) if words]
    return len(firsts) == 2 and not _shortened(firsts[0]).isdisjoint({firsts[1], *_shortened(firsts[1])})


def _counts(character: str) -> bool:
    category = unicodedata.category(character)
    is_letter = character.isalnum() and category != "Lm"
    return is_letter or (category[0] == "M" and not unicodedata.combining(character) and category != "Me")


def _words(text: str) -> list[str]:
    return [fold(part) for part in _BETWEEN.split(text.strip()) if part]


def _is_same_family(one: str, other: str) -> bool:
    return fold(one) == fold(other)


def _is_same_given(one: str, other: str) -> bool:
    first, second = set(_words(one)), set(_words(other))
    return fold(one) == fold(other) or bool(first and second and (first <= second or second <= first))


def _shortened(word: str) -> set[str]:
    if len(word) < _SHORTEST:
        return set()
    return {word[:place] + word[place + 1 :] for place in range(len(word))} | {word}


def _consonants(word: str) -> str:
    for written, sound in _SOUNDS:
        word = word.replace(written, sound)
    word = word.translate(_SOUND)
    following = (after for before, after in pairwise(word) if after != before and after not in _VOWELS)
    return word[:1] + "".join(following)
