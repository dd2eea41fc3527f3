"""The circle of a person: which teams have a part in their care, and why.

Guarantees: a reader sees what they may see of the person's chronology, and nothing that they may not see changes the
answer but by whom to ask. A person of whom nothing is known in the reader's areas is answered as an unknown one.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

from services.referrals_followup.domain.chronology import WITHOUT_OUTLINE, areas_open_to, has_outline
from services.referrals_followup.domain.circle import circle_of, find_withheld_about
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.disclosure import Reader
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts.access import WHEREABOUTS, signposts_to
from shared.events.errors import UnknownStream
from shared.kernel.decisions import Actor

UNKNOWN_PERSON = "nothing about this person is known in an area where you may act"


class Circles:
    """Reads the circle of one person."""

    def __init__(self, evidence: EvidenceStore, directory: Directory, known: Completeness) -> None:
        self._evidence = evidence
        self._directory = directory
        self._known = known

    def read(self, actor: Actor, person_id: str) -> tuple[dict[str, Any], list[str]]:
        """The circle as of now, and the ids of the person. Raises UnknownStream."""
        known = self._known.report()
        people = self._evidence.ids_of(person_id)
        evidence = self._evidence.find_around(people)
        hidden = self._evidence.find_protected().find_hidden(actor.role, actor.team, actor.areas)
        reader = Reader(actor.role, actor.team, areas_open_to(actor.areas, people, evidence), hidden)
        if not reader.areas:
            raise UnknownStream(UNKNOWN_PERSON)
        circle = circle_of(person_id, people, evidence, reader)
        is_hidden = not hidden.people.isdisjoint(people)
        if has_outline(reader, people, evidence):
            more = [{WHEREABOUTS}] if is_hidden else []
            signposts = signposts_to(chain(*more, *find_withheld_about(people, evidence, reader)))
        else:
            signposts = [WITHOUT_OUTLINE]
        teams = [
            {"team": one.team, "why": sorted(one.why), "practitioners": sorted(one.workers)}
            for one in circle.list_teams(self._directory)
            if one.team == actor.team or not is_hidden
        ]
        body = {
            "person": person_id,
            "areas": [] if is_hidden else sorted(circle.areas),
            "teams": teams,
            "signposts": signposts,
            "evidence": known.evidence,
        }
        return body, sorted(people)
