"""The standing of whoever records an event with the people whom it is about: circle, receiver, owner or none.

Standing is decided once, from the service's own records, when the event is recorded. Usually nothing more is read for
it: the actor acts in the area where the record and its person belong. An event about several people needs the circle of
each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any

from shared.contracts.agreed import find_asked, has_agreed
from shared.contracts.circle import (
    PROTECTED,
    UNPROTECTED,
    find_protectors,
    holders_of,
    is_named_for,
    parts_in,
    teams_with_part,
    with_standing,
)
from shared.contracts.words import DEATH_SOURCES
from shared.events.store import EventStore
from shared.kernel.calendar import WorkingCalendar, england
from shared.kernel.decisions import (
    CLAIM_ANSWERS,
    CLAIM_CONFIRMED,
    DOUBTS_CONFIRMED,
    RETRACTION,
    Actor,
    Aggregate,
    Forbidden,
)
from shared.kernel.envelope import CIRCLE, NONE, OWNER, RECEIVER, Event
from shared.kernel.hands import Hand, HandRules
from shared.kernel.history import people_of, require_area
from shared.kernel.time import Offset, due
from shared.recording.directory_copy import DirectoryCopy
from shared.recording.views import Views

LivesIn = Callable[[str], Collection[str]]
"""The areas where a person lives, according to their recorded moves."""

RecordOf = Callable[[str], str]
"""The stream that registers a person in this service."""

# What two sides have to agree on. Who begins such a record owns neither side.
BETWEEN_SIDES = frozenset(
    {
        "person.linked.v1",
        "person.unlinked.v1",
        "household.moved.v1",
        "handover.attempted.v1",
        "handover.given.v1",
        "handover.acknowledged.v1",
        "handover.first_contact_made.v1",
    }
)
# What joins two ids, or parts them.
LINKS = ("person.linked.v1", "person.unlinked.v1")
# While somebody is protected, these are for those who protect them. Anybody else only claims them.
FOR_PROTECTORS = BETWEEN_SIDES | {PROTECTED, UNPROTECTED}
DIED = "person.died.v1"
LEAD = "safeguarding_lead"
MOST_AREAS = 10_000
NOT_ASKED = (
    "a claim is answered by those who are asked: the teams with a part in the person's care, the team that holds the"
    " record, and the safeguarding lead of the person's area"
)
OWN_CLAIM = "the team that made an entry cannot confirm or reject it; retract it instead"
NOT_NAMED = "only whoever this entry names as having judged or agreed to it confirms it"
# For so long a claim is for the other side alone to answer.
SILENCE = Offset(working_days=2)


NO_RULES: HandRules = {}


def nowhere_else(person_id: str) -> Collection[str]:
    """The function for a service that records no moves between areas."""
    return ()


def person_record(person_id: str) -> str:
    """The stream that registers a person in a service whose records of people are named by their id."""
    return f"person/{person_id}"


class Standings:
    """Decides the standing of actors. `views` find the records of a person in which a team may have a part.

    `begun_by` has, for the records without views, the events that begin them and the field that names the person.
    `hands` are the service's rules about entries that take a certain hand. They ask the directory, once it is known.
    """

    def __init__(
        self,
        store: EventStore,
        views: Mapping[str, Views[Any]],
        lives_in: LivesIn = nowhere_else,
        record_of: RecordOf = person_record,
        begun_by: Mapping[str, str] = MappingProxyType({}),
        directory: DirectoryCopy | None = None,
        hands: HandRules = NO_RULES,
    ) -> None:
        self._directory = directory
        self._begun_by = begun_by
        self._hands = hands
        self._store = store
        self._views = views
        self._lives_in = lives_in
        self._record_of = record_of
        self._areas: dict[str, str] = {}

    def note(self, stream: str, history: Sequence[Event]) -> None:
        """Remember the area of a record that was read. It never changes."""
        if history:
            if len(self._areas) >= MOST_AREAS:
                self._areas.clear()
            self._areas[stream] = history[0].area

    def find(
        self,
        aggregate: Aggregate[Any],
        history: Sequence[Event],
        event: Event,
        actor: Actor,
        private: Mapping[str, Any] = MappingProxyType({}),
        directory: DirectoryCopy | None = None,
    ) -> str:
        """The standing of the actor for this event, which follows `history`. May raise StoreUnavailable.

        `directory` is what the rules about hands ask. Without it, none of them applies. Who is only named has not
        agreed, so an entry that names somebody else as its judge has no standing.
        """
        found = self._find(aggregate, history, event, actor)
        rule = self._hands.get(event.type)
        if found == NONE or directory is None:
            return found
        if not has_agreed(event, actor):
            return NONE
        if rule is None:
            return found
        begun_in = history[0].area if history else event.area

        def is_there(area: str) -> bool:
            person_id = event.subject
            home = begun_in if person_id is None else self._area_of(person_id) or begun_in
            return area == home or (person_id is not None and area in self._lives_in(person_id))

        def is_nobodys() -> bool:
            person_id = event.subject
            if person_id is None or event.stream != self._record_of(person_id):
                return False
            return not self._find_teams(person_id) - {actor.team}

        hand = Hand(
            event,
            history,
            aggregate.fold(history),
            actor,
            is_there,
            directory,
            self._store.load,
            private,
            holds_record=lambda: _holds(history, actor),
            has_part=lambda person_id: actor.team in self._find_teams(person_id, event.stream),
            is_on_side_of=lambda person_id: self._is_on_side_of(person_id, actor.team, event.stream),
            is_nobodys=is_nobodys,
        )
        return found if rule(hand) else NONE

    def _find(self, aggregate: Aggregate[Any], history: Sequence[Event], event: Event, actor: Actor) -> str:
        if event.type in (*CLAIM_ANSWERS, DOUBTS_CONFIRMED):
            return CIRCLE  # nobody else is admitted to answer
        if event.type == DIED and self.registers_deaths(actor):
            return CIRCLE
        about = entry_of(event, history)
        if event.type == RETRACTION and about.team == actor.team:
            return about.standing or CIRCLE
        if about.type in FOR_PROTECTORS:
            people = sorted(people_of(about))
            if not all(self._may_answer_for(one, self._find_protectors(one), actor) for one in people):
                return NONE
        if self._is_in_circle_of_all(about, history, actor):
            return CIRCLE
        if history and aggregate.fold(history).was_sent_to(actor):
            return RECEIVER
        if about.type in BETWEEN_SIDES:
            return NONE
        begun = history[0] if history else event
        return OWNER if begun.team == actor.team or begun.area in actor.areas else NONE

    def registers_deaths(self, actor: Actor) -> bool:
        """Whether the directory lists the actor's team as a source of deaths: a hospital, or the coroner's officers."""
        team = self._directory.team(actor.team) if self._directory else None
        return team is not None and not team.closed_on and not set(DEATH_SOURCES).isdisjoint(team.services)

    def is_source_elsewhere(self, history: Sequence[Event], actor: Actor) -> bool:
        """Whether the actor is a source of deaths and acts on a record of an area that is not theirs."""
        return bool(history) and history[0].area not in actor.areas and self.registers_deaths(actor)

    def admit_to_answer(self, history: Sequence[Event], event_id: str, actor: Actor, *, for_all: bool) -> Actor:
        """The actor, as somebody who may answer this claim. Refuses everybody else as forbidden.

        It is for those who are asked: the teams with a live part in the care of whom it is about, the team that holds
        the record, and the lead of the person's area. To live in the area alone is no part. If they are silent for two
        working days, the safeguarding lead of the area that claims it may answer too. With `for_all`, the actor has to
        answer for everybody whom it is about. If it names who judged or agreed to it, and lacks nothing but their word,
        only they confirm it, and they may reject it.
        """
        claim = next((event for event in history if event.id == event_id), None)
        if claim is None or not claim.is_claim:
            require_area(actor, history[0].area if history else "")
            return actor
        if actor.team == claim.team and actor.id != find_asked(claim):
            raise Forbidden("own-claim", OWN_CLAIM)
        if not people_of(claim) and self._holds_thread(claim, history, actor):
            return replace(actor, also_in=(history[0].area,))
        named = self._find_named(claim, history)
        if named is not None and any(self.is_in_circle(one, actor) for one in sorted(people_of(claim))):
            if has_agreed(claim, actor):
                return replace(actor, also_in=(history[0].area,))
            if not for_all:
                raise Forbidden("not-asked", NOT_NAMED)
        theirs, held = self._find_sides(claim, history, actor)
        if not held or (for_all and held != theirs):
            raise Forbidden("no-standing", NOT_ASKED)
        return replace(actor, also_in=(history[0].area,))

    def find_people_to_confirm(self, history: Sequence[Event], event_id: str, actor: Actor) -> tuple[str, ...]:
        """The people whom the actor's confirmation of this claim is for; empty if nobody else has to answer then."""
        claim = next((event for event in history if event.id == event_id), None)
        if claim is None or self._find_named(claim, history) == actor.id:
            return ()
        theirs, held = self._find_sides(claim, history, actor)
        answers = (event for event in history if event.type == CLAIM_CONFIRMED and event.data["event_id"] == event_id)
        answered = {person_id for event in answers for person_id in event.data.get("people", ())}
        return tuple(sorted(held)) if theirs - held - answered else ()

    def _find_sides(self, claim: Event, history: Sequence[Event], actor: Actor) -> tuple[set[str], set[str]]:
        """The people of the claim whose side is asked, and those of them for whom the actor answers.

        Asked are the sides of the people of other areas than the claiming one. Of two people whom a link joins or
        parts, each side is asked that is not the claiming team's own. Only the teams that protect somebody, and the
        leads of their area, answer for them where two sides meet.
        """
        claimed_in = claim.data.get("recorded_in", history[0].area)
        people = people_of(claim)
        theirs = {person_id for person_id in people if self._area_of(person_id) != claimed_in}
        guarded: set[str] = set()
        if claim.type in LINKS:
            theirs |= {one for one in sorted(people) if not self._is_on_side_of(one, claim.team)}
        if claim.type in BETWEEN_SIDES:
            by_person = {person_id: self._find_protectors(person_id) for person_id in sorted(people)}
            theirs |= {person_id for person_id, teams in by_person.items() if teams}
            guarded = {one for one, teams in by_person.items() if not self._may_answer_for(one, teams, actor)}
        theirs = theirs or people
        if actor.role == LEAD and claimed_in in actor.areas and self._has_waited(claim):
            return theirs, theirs - guarded
        if claim.type not in BETWEEN_SIDES and self._holds_thread(claim, history, actor):
            return theirs, set(theirs)
        held = {person_id for person_id in sorted(theirs) if self._is_asked_for(person_id, claim, actor)}
        return theirs, held - guarded

    def _holds_thread(self, claim: Event, history: Sequence[Event], actor: Actor) -> bool:
        """Whether the actor's team holds the record to which somebody else added this claim, and it is no person's."""
        is_persons_own = any(claim.stream == self._record_of(one) for one in people_of(claim))
        is_begun = bool(history) and history[0].id != claim.id and not history[0].is_claim
        return is_begun and not is_persons_own and _holds(history, actor)

    def _is_asked_for(self, person_id: str, claim: Event, actor: Actor) -> bool:
        """Whether the actor's team has a part in the care of this person of the claim, or the actor leads where they
        live. Nobody else can have a part in somebody who is unknown here."""
        area = self._area_of(person_id)
        if area is None:
            return True
        if actor.role == LEAD and not {area, *self._lives_in(person_id)}.isdisjoint(actor.areas):
            return True
        return actor.team in self._find_side(person_id, claim)

    def _find_side(self, person_id: str, claim: Event) -> Collection[str]:
        """The teams with a live part in the person's care but the claiming one. Without any, who registered them.

        A record that was begun after the claim gives nobody a part to answer it by.
        """
        teams = self._find_teams(person_id, until=claim.recorded_at) - {claim.team}
        return teams or {event.team for event in self._store.load(self._record_of(person_id))[:1]}

    def _find_named(self, claim: Event, history: Sequence[Event]) -> str | None:
        """Whom the claim names as having judged or agreed to it, if it lacks nothing but their word."""
        named, people = find_asked(claim), sorted(people_of(claim))
        if named is None or self._is_between_sides(claim, history[0].area):
            return None
        if claim.type not in self._hands or (
            claim.type not in LINKS and claim.team in holders_of(with_standing(history))
        ):
            return named
        return named if all(self._is_on_side_of(person_id, claim.team) for person_id in people) else None

    def _is_between_sides(self, claim: Event, area: str) -> bool:
        """Whether two sides meet in the claim: people of another area than the claiming one, or who are protected."""
        claimed_in = claim.data.get("recorded_in", area)
        return claim.type in BETWEEN_SIDES and any(
            self._area_of(person_id) != claimed_in or self._find_protectors(person_id)
            for person_id in sorted(people_of(claim))
        )

    def _is_on_side_of(self, person_id: str, team: str, but: str = "") -> bool:
        """Whether the team has a live part in the person's care beside the record `but`, or registered them.

        Of somebody who is unknown here, nobody has a part that could be asked for.
        """
        own = self._store.load(self._record_of(person_id))
        return not own or own[0].team == team or team in self._find_teams(person_id, but)

    def _find_protectors(self, person_id: str) -> Collection[str]:
        """The teams that protect the person."""
        own = self._store.load(self._record_of(person_id))
        return find_protectors(event for event in own if not event.is_claim)

    def _may_answer_for(self, person_id: str, protectors: Collection[str], actor: Actor) -> bool:
        """Whether nobody protects the person, or the actor's team does, or the actor leads in the person's area."""
        if not protectors or actor.team in protectors:
            return True
        return actor.role == LEAD and self._area_of(person_id) in actor.areas

    def _has_waited(self, claim: Event) -> bool:
        now = self._store.clock.now()
        return now > due(SILENCE, claim.recorded_at, "minute", _calendar(now.year + 1)).at

    def is_in_circle(self, person_id: str, actor: Actor, but: str = "") -> bool:
        """Whether the person lives in an area of the actor, or the actor's team has a live part in their care.

        A part in the record `but` does not count. Nobody else can have a part in somebody who is unknown here.
        """
        area = self._area_of(person_id)
        if area is None or area in actor.areas or not set(actor.areas).isdisjoint(self._lives_in(person_id)):
            return True
        return self._is_named_for(person_id, actor.team) or self._has_part(person_id, actor.team, but)

    def _area_of(self, person_id: str) -> str | None:
        """The area of the person's record. None if they are unknown here."""
        stream = self._record_of(person_id)
        if stream not in self._areas:
            self.note(stream, self._store.load(stream))
        return self._areas.get(stream)

    def _is_in_circle_of_all(self, about: Event, history: Sequence[Event], actor: Actor) -> bool:
        people = people_of(about)
        if not history and about.stream == self._record_of(about.subject or ""):
            people.discard(about.subject or "")
        elif history and not history[0].is_claim and history[0].area in actor.areas:
            people -= people_of(history[0])
        return all(self.is_in_circle(person_id, actor, about.stream) for person_id in sorted(people))

    def _is_named_for(self, person_id: str, team: str) -> bool:
        """Whether the person's own record names somebody of the team."""
        own = self._store.load(self._record_of(person_id))
        return is_named_for(with_standing(own), team)

    def _has_part(self, person_id: str, team: str, but: str) -> bool:
        return any(
            part.team == team
            for history in self._records_about(person_id, but, teams=team)
            for part in parts_in(with_standing(history))
        )

    def _find_teams(self, person_id: str, but: str = "", until: datetime | None = None) -> set[str]:
        """The teams that hold a live part in the person's care, or are named for them.

        The record `but` is left out, and so are records that were begun after `until`.
        """
        found = teams_with_part(with_standing(self._store.load(self._record_of(person_id))))
        for history in self._records_about(person_id, but):
            if until is None or history[0].recorded_at <= until:
                found |= teams_with_part(with_standing(history))
        return found

    def _records_about(self, person_id: str, but: str, **wanted: str) -> Iterator[list[Event]]:
        """The histories of the records about the person in which a team may have a part, save `but`."""
        streams = {
            f"{kind}/{view.id}"
            for kind, views in self._views.items()
            for view in views.objects.filter(__raw__={"person_id": person_id, **wanted}).only("id")
        }
        for event_type, name in self._begun_by.items():
            streams |= self._store.naming(event_type, name, person_id)
        for histories in self._store.load_all(streams - {but}):
            yield from histories.values()


def _holds(history: Sequence[Event], actor: Actor) -> bool:
    """Whether the actor's team holds this record, or begins it now. Whoever began it holds it without standing too."""
    return not history or history[0].team == actor.team or actor.team in holders_of(with_standing(history))


def entry_of(event: Event, history: Sequence[Event]) -> Event:
    """The entry that a retraction is about; any other event itself."""
    if event.type != RETRACTION:
        return event
    return next((entry for entry in history if entry.id == event.data["event_id"]), event)


@cache
def _calendar(until_year: int) -> WorkingCalendar:
    return england(until_year)
