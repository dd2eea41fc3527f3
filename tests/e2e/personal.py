"""The personal values of a case, which must never leave the recording services, each in every possible spelling.

Names, dates of birth, NHS numbers and free texts are personal, and so is each word of a free text that does not occur
in the project's own code and packs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from deploy.local.case import Case
from deploy.local.folders import ROOT
from shared.kernel.time import london_date

TEXTS = frozenset({"note", "reason", "context", "outcome", "persons_view", "young_person_view", "receiver_person"})
SHORTEST_WORD = 4
SPOKEN_BY = ("services", "shared", "deploy")
CASES = ROOT / "deploy" / "cases"
_WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True, slots=True)
class Secret:
    """One personal value: the field it was given in, and its spellings, lower-case."""

    field: str
    spellings: tuple[str, ...]

    def found_in(self, text: str) -> str | None:
        """The spelling that stands in `text` (lower-case), not as a part of a longer word or number."""
        for spelling in self.spellings:
            if spelling in text and re.search(rf"(?<![0-9a-z]){re.escape(spelling)}(?![0-9a-z])", text):
                return spelling
        return None


def secrets_of(case: Case) -> list[Secret]:
    """Every personal value in the bodies of the case."""
    return [secret for fact in case.facts for secret in _secrets_of(fact.body)]


def days_with_secrets(case: Case) -> set[date]:
    """The London days on which something personal is recorded."""
    return {london_date(fact.at) for fact in case.facts if any(_secrets_of(fact.body))}


def leaks(secrets: Iterable[Secret], places: Mapping[str, str]) -> list[str]:
    """Which secret stands where; `places` are texts by what to call them."""
    return [
        f"{secret.field} as {spelling!r} in {place}"
        for place, text in places.items()
        for folded in [_folded(text)]
        for secret in secrets
        if (spelling := secret.found_in(folded))
    ]


def _folded(text: str) -> str:
    """Lower-case, with line breaks and runs of blanks as one blank: a mail may have broken the line anywhere."""
    return " ".join(text.lower().split())


def _secrets_of(body: Mapping[str, Any]) -> Iterator[Secret]:
    for field, value in body.items():
        if field in ("given_name", "family_name"):
            yield Secret(field, (_folded(value),))
        elif field == "date_of_birth":
            yield Secret(field, tuple(_spellings_of_day(date.fromisoformat(value))))
        elif field == "nhs_number":
            groups = value.split()
            yield Secret(field, tuple(between.join(groups) for between in ("", " ", "-", ".", "%20", "+")))
        elif field in TEXTS and " " in value:  # a code has no blank
            yield Secret(field, (_folded(value),))
            for word in sorted(set(_WORD.findall(value.lower()))):
                if len(word) >= SHORTEST_WORD and word not in _own_words():
                    yield Secret("a word of a text", (word,))


def _spellings_of_day(day: date) -> Iterator[str]:
    for pattern in ("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y.%m.%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%Y"):
        yield day.strftime(pattern)
    yield day.strftime("%d/%m/%y")
    for month in (day.strftime("%B").lower(), day.strftime("%b").lower()):
        for number in {str(day.day), f"{day.day:02}"}:
            yield f"{number} {month} {day.year}"
            yield f"{month} {number}, {day.year}"
            yield f"{month} {number} {day.year}"
    yield f"{day.year}, {day.month}, {day.day}"  # as Python shows a date


@cache
def _own_words() -> frozenset[str]:
    """Every word of this project's code and packs: those it may say at any time."""
    files = (
        path
        for folder in SPOKEN_BY
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yaml") and not path.is_relative_to(CASES)
    )
    return frozenset(word for path in files for word in _WORD.findall(path.read_text().lower()))
