"""The circle of a person as it stands: who has a part in their care, and why, as far as one reader may see it.

What gives a part, `shared.contracts.circle` says for one record. Here the evidence of all services is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date

from services.referrals_followup.domain.chronology import has_outline, is_about
from services.referrals_followup.domain.claims import without_claims
from services.referrals_followup.domain.directory import Directory, Parties
from services.referrals_followup.domain.disclosure import Reader, find_withheld_of_entry
from services.referrals_followup.domain.follow_up import OWNER, Owner
from services.referrals_followup.domain.thread_history import MOVED, PERSON, Evidence, is_act, order_key
from shared.contracts.circle import LIVES_THERE, Part, parts_in
from shared.kernel.decisions import ABOUT_AN_ENTRY, ids_left_out
from shared.kernel.envelope import Event


@dataclass(slots=True)
class TeamInCircle:
    """A team of the circle: why it is in it, and who of it is named."""

    team: str
    why: set[str] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Circle:
    """The parts that teams have in the care of a person, and the areas where the person lives.

    These are the area that knew the person first, and then the one to which they moved last.
    """

    parts: tuple[Part, ...]
    areas: tuple[str, ...]

    def list_teams(self, directory: Directory) -> list[TeamInCircle]:
        """The teams with a part, by id. Those of an area where the person lives have that reason too."""
        found: dict[str, TeamInCircle] = {}
        for part in self.parts:
            team = found.setdefault(part.team, TeamInCircle(part.team))
            team.why.add(part.why)
            team.workers.update([part.worker] if part.worker else [])
        for team in found.values():
            listed = directory.team(team.team)
            team.why.update([LIVES_THERE] if listed is not None and listed.area in self.areas else [])
        return [found[team] for team in sorted(found)]


def find_told(circle: Circle, directory: Directory, area: str, on: date) -> list[str]:
    """Of each team of the circle those who are named, or else its duty person; whoever is there for them that day."""
    found: dict[str, None] = {}
    for one in circle.list_teams(directory):
        team = directory.team(one.team)
        if team is None:
            continue
        named = [Owner(team.role, team.id, worker) for worker in sorted(one.workers)]
        for owner in named or [Owner(team.role, team.id)]:
            parties = Parties(area, owner, sender=team.duty, senders_team=team.id)
            found.update(dict.fromkeys(recipient.person for recipient in directory.resolve(OWNER, parties, on)))
    return list(found)


def circle_of(
    person_id: str, people: Collection[str], evidence: Collection[Evidence], reader: Reader | None = None
) -> Circle:
    """The circle of the person with the ids `people`. `evidence` as for the chronology. Claims give nobody a part.

    With a `reader`, it is what they may see of it. Their own team always sees its own part.
    """
    parts: list[Part] = []
    standing: list[Event] = []
    for history in _histories(person_id, people, evidence):
        left_out = ids_left_out(history)
        parts += parts_in(history)
        standing += [event for event in history if event.id not in left_out and _concerns(event, people)]
    if reader is not None:
        events = {item.event.id: item.event for item in evidence}
        sees_more = has_outline(reader, people, evidence)

        def is_seen(event: Event) -> bool:
            return sees_more and not find_withheld_of_entry(event, events, {}, reader)

        parts = [part for part in parts if part.team == reader.team or is_seen(part.event)]
        standing = list(filter(is_seen, standing))
    return Circle(tuple(parts), tuple(dict.fromkeys(_find_areas(standing))))


def find_withheld_about(
    people: Collection[str], evidence: Collection[Evidence], reader: Reader
) -> Iterator[Collection[str]]:
    """For each event about the person, the classes that are withheld from this reader."""
    events = {item.event.id: item.event for item in evidence}
    for item in evidence:
        if is_about(people, item) and not is_act(item.event):
            yield find_withheld_of_entry(item.event, events, {}, reader)


def _histories(person_id: str, people: Collection[str], evidence: Iterable[Evidence]) -> Iterator[list[Event]]:
    """The records that concern the person, each with its events that have standing, in order."""
    found: dict[str, list[Event]] = defaultdict(list)
    for item in without_claims(f"{PERSON}/{person_id}", list(evidence)):
        if not is_act(item.event):
            found[item.event.stream].append(item.event)
    for history in found.values():
        if any(_concerns(event, people) for event in history):
            yield sorted(history, key=lambda event: event.version)


def _concerns(event: Event, people: Collection[str]) -> bool:
    named = {event.subject, *event.data.get("people", ())}
    return event.type not in ABOUT_AN_ENTRY and not named.isdisjoint(people)


def _find_areas(standing: Collection[Event]) -> Iterator[str]:
    first = min(standing, key=lambda event: (event.recorded_at, event.id), default=None)
    last = max((event for event in standing if event.type == MOVED), key=order_key, default=None)
    yield from [first.area] if first else []
    yield from [last.data["to_area"]] if last else []
