"""The entity tags of the list and of the summary: as long as the tag stays the same, so does the answer.

For a reader who sees every class, a tag is made from everything that an answer depends on, but not from the follow-ups
themselves: the question, the reader's permissions, the version of the views in the reader's areas, what is parked, how
far time has moved, the directory, and the code that makes the answer. How far each source is complete counts by the
minute. So an answer that a client keeps may claim up to a minute less than is known, and never more. That is why the
tags are weak (RFC 9110, 8.8).

Such a tag also changes with what is withheld. So for any other reader, the tag is made from the answer itself.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from services.referrals_followup.domain.directory import Directory, Member
from services.referrals_followup.domain.links import Links
from services.referrals_followup.ledger.totals import Version
from shared.kernel.decisions import Actor
from shared.kernel.fingerprints import canonical

ROOT = Path(__file__).parents[3]
MOST_REMEMBERED = 1_000


class Prepared(NamedTuple):
    """An answer that is not made yet. Find its tag first: then a change in between makes the tag too old, never the
    answer. The tag is None while the answer also depends on what a tag cannot tell.
    """

    find_tag: Callable[[], str | None]
    make: Callable[[], dict[str, Any]]


class AnswerTags:
    """Makes tags. They are the same in every process that has the same code, directory and addresses."""

    def __init__(self, directory: Directory, links: Links) -> None:
        self._directory = directory
        self._links = links
        self._people: Mapping[str, Member] = {}
        self._made_by = ""

    def _find_made_by(self) -> str:
        """The fingerprint of the code, the directory and the addresses; made again when the directory changes."""
        if self._people is not self._directory.people:
            self._people = self._directory.people
            self._made_by = _fingerprint([_code(), repr(self._people), repr(self._links)])
        return self._made_by

    def make(
        self,
        question: str,
        actor: Actor,
        query: Mapping[str, Any],
        version: Version,
        evidence: Mapping[str, Any],
        *more: Any,
    ) -> str:
        """The tag of an answer to this question. `more` is what else the answer depends on, as JSON has it."""
        asked = {name: sorted(value) if isinstance(value, (set, tuple)) else value for name, value in query.items()}
        reader = [actor.role, actor.team, sorted(set(actor.areas))]
        return _fingerprint(
            [self._find_made_by(), question, reader, asked, list(version), _known(evidence), list(more)]
        )

    def of_answer(self, question: str, actor: Actor, query: Mapping[str, Any], body: dict[str, Any]) -> Prepared:
        """This answer with a tag that is made from it."""
        shown = {name: value for name, value in body.items() if name != "evidence"}
        tag = self.make(question, actor, query, Version(()), body["evidence"], shown)
        return Prepared(lambda: tag, lambda: body)


class ShownPeople:
    """Whom the answers with the last thousand tags showed, for the access log of an answer that is not made again."""

    def __init__(self) -> None:
        self._people: OrderedDict[str, Sequence[str]] = OrderedDict()

    def remember(self, tag: str, people: Sequence[str]) -> None:
        self._people[tag] = people
        self._people.move_to_end(tag)
        while len(self._people) > MOST_REMEMBERED:
            self._people.popitem(last=False)

    def find(self, tag: str) -> Sequence[str] | None:
        """The people whom the answer with this tag shows; None if that is not remembered here."""
        return self._people.get(tag)


def _known(evidence: Mapping[str, Any]) -> list[Any]:
    sources = {source: until and _minute(until) for source, until in evidence["sources"].items()}
    return [sources, evidence["stale"], evidence["set_aside"]]


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


@cache
def _code() -> str:
    """The fingerprint of the code of this service and of what it shares with the others."""
    found = hashlib.sha256()
    for folder in ("services/referrals_followup", "shared"):
        for source in sorted((ROOT / folder).rglob("*.py")):
            found.update(source.read_bytes())
    return found.hexdigest()


def _fingerprint(value: Any) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()[:32]
