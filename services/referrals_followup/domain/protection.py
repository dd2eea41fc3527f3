"""Protected people: from whom it is hidden where they are, and what of a follow-up or an entry shows that.

Those who protect a person and the safeguarding leads of the area of the person's record see all of it. Anybody else
sees what has happened, without area, team and worker, and nothing at all of moves. A team sees its own part.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.referrals_followup.domain.directory import SAFEGUARDING_LEAD
from services.referrals_followup.domain.follow_up import Acts, FollowUp, owner_of
from shared.contracts import CATALOGUE
from shared.contracts.whereabouts import hide_whereabouts, is_of_team, naming_fields, place_types, tell_whereabouts
from shared.kernel.envelope import Event


@dataclass(frozen=True, slots=True)
class Hidden:
    """The people of whom this reader may not see where they are, with all their ids, and the moves that name them."""

    people: frozenset[str] = frozenset()
    moves: frozenset[str] = frozenset()
    team: str = ""

    def __bool__(self) -> bool:
        return bool(self.people)

    def covers(self, person: str | None, thread: str | None) -> bool:
        """Whether it is hidden where the person of such a follow-up is."""
        return person in self.people or thread in self.moves

    def covers_event(self, event: Event) -> bool:
        """Whether the event names somebody of whom it is hidden, or belongs to their move."""
        if not self.people:
            return False
        refs = CATALOGUE.refs(event)
        return any(ref in self.moves or ref.removeprefix("person/") in self.people for ref in refs)

    def withholds(self, follow_up: FollowUp, acts: Acts) -> bool:
        """Whether the follow-up tells of a move, and is not for the reader's own team."""
        if not self.covers(follow_up.person, follow_up.thread):
            return False
        if self.team in (owner_of(follow_up, acts).team, acts.given_team):
            return False
        return any(tell_whereabouts(one.type) and self.team not in one.teams for one in follow_up.matters)

    def withholds_entry(self, event: Event) -> bool:
        """Whether the entry tells of a move, and is not by or to the reader's own team."""
        return tell_whereabouts(event.type) and not is_of_team(event, self.team) and self.covers_event(event)

    def of_follow_ups(self) -> dict[str, Any]:
        """The MongoDB condition on the views that `covers` accepts."""
        return {"$or": [{"person": {"$in": sorted(self.people)}}, {"thread": {"$in": sorted(self.moves)}}]}

    def of_withheld(self) -> dict[str, Any]:
        """The MongoDB condition on the views that `withholds` accepts."""
        told = {"type": {"$in": sorted(place_types())}, "teams": {"$ne": self.team}}
        of_others = {"owner_team": {"$ne": self.team}, "acts.given_team": {"$ne": self.team}}
        return {"$and": [self.of_follow_ups(), {**of_others, "matters": {"$elemMatch": told}}]}

    def hide_in(self, event: Event) -> Mapping[str, Any]:
        """The data of an event without what says where its person is, but for the reader's own team."""
        if event.team == self.team:
            return event.data
        return hide_whereabouts(event.data, naming_fields(event.type), {self.team})


NOTHING_HIDDEN = Hidden()


@dataclass(frozen=True, slots=True)
class Protection:
    """Which teams protect a person, in the area of the person's record, with the person's ids and moves."""

    teams: frozenset[str]
    area: str
    people: frozenset[str]
    moves: frozenset[str]

    def opens_to(self, role: str, team: str, areas: Collection[str]) -> bool:
        return team in self.teams or (role == SAFEGUARDING_LEAD and self.area in areas)


@dataclass(frozen=True, slots=True)
class Protected:
    """Everybody who is protected now."""

    protections: tuple[Protection, ...] = field(default=())

    def find_hidden(self, role: str, team: str, areas: Collection[str]) -> Hidden:
        """Of whom it is hidden from such a reader where they are."""
        closed = [one for one in self.protections if not one.opens_to(role, team, areas)]
        if not closed:
            return NOTHING_HIDDEN
        people = frozenset[str]().union(*(one.people for one in closed))
        return Hidden(people, frozenset[str]().union(*(one.moves for one in closed)), team)
