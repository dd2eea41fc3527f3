"""The reactions of `leaving_care` to events of `perinatal`: about parenthood, its loss, and moves.

They open or end obligations of a personal adviser. Each reaction is recorded once for each care leaver and pregnancy,
household or move, even if the people have several ids.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from services.leaving_care.domain import care_leaver
from shared.contracts.words import LOSSES
from shared.kernel.envelope import Event
from shared.kernel.time import london_date, plus_months
from shared.recording.reaction_rules import (
    LINKED,
    NAME_A_PARENT,
    UNLINKED,
    Reaction,
    ReactionRules,
    StandingEvents,
    find_parents,
)

REGISTERED = "care_leaver.registered.v1"
ENDED, JOINED, DIED = "pregnancy.ended.v1", "household.adult_joined.v1", "person.died.v1"
MOVED = "household.moved.v1"
LEARNT, LOST = "parenthood.learnt.v1", "parenthood.lost.v1"
MOVE_LEARNT = "care_leaver.move_learnt.v1"

# If a pregnancy was over before the care leaver was registered, reactions name the children younger than this (months).
YOUNG = 5 * 12

# The stream of a care leaver, with the pregnancy, or with the person whose household the care leaver joined.
Parenthood = tuple[str, str]
# For each person, the registrations in their streams that are not retracted.
Leavers = dict[str, list[Event]]


def find_reactions(events: Iterable[Event]) -> list[Reaction]:
    """All reactions that should be recorded for the care leavers among these events."""
    known = list(events)
    return [*find_parenthoods(known), *find_moves(known)]


def find_parenthoods(events: Iterable[Event]) -> list[Reaction]:
    """The reactions about parenthood. A parenthood comes before its loss."""
    known = StandingEvents(events)
    leavers = _leavers(known)
    pregnancies = _pregnancies(known, leavers)
    households = {**_born_before(known, leavers), **_households(known, leavers)}
    lost = {**_lost_pregnancies(known, pregnancies), **_lost_from_households(known, households)}
    return [*pregnancies.values(), *households.values(), *lost.values()]


def find_moves(events: Iterable[Event]) -> list[Reaction]:
    """The reactions about moves: one for each move of a care leaver. The area is that of the registration."""
    known = StandingEvents(events)
    leavers = _leavers(known)
    learnt: dict[tuple[str, str], Reaction] = {}
    for event in known.of(MOVED):
        move_id, to_area = event.data["move_id"], event.data["to_area"]
        for person in map(known.person, event.data["people"]):
            for registered in leavers.get(person, ()):
                data = {"move_id": move_id, "to_area": to_area, "out_of_area": to_area != registered.area}
                reaction = Reaction(registered.stream, MOVE_LEARNT, data, event.id, "move_id", frozenset({move_id}))
                learnt.setdefault((registered.stream, move_id), reaction)
    return list(learnt.values())


def _leavers(known: StandingEvents) -> Leavers:
    first: dict[str, Event] = {}
    for event in known.of(REGISTERED):
        first.setdefault(event.stream, event)
    leavers: Leavers = defaultdict(list)
    for stream in sorted(first):
        leavers[known.person(first[stream].data["person_id"])].append(first[stream])
    return leavers


def _pregnancies(known: StandingEvents, leavers: Leavers) -> dict[Parenthood, Reaction]:
    """The pregnancies of care leavers, as mother or named partner, that were not over at their registration."""
    learnt: dict[Parenthood, Reaction] = {}
    for event, registered, end in _parents(known, leavers):
        pregnancy_id = event.data["pregnancy_id"]
        if not _is_before(end, registered):
            data = {"kind": "to_be_parent", "pregnancy_id": pregnancy_id}
            reaction = Reaction(registered.stream, LEARNT, data, event.id, "pregnancy_id", frozenset({pregnancy_id}))
            learnt.setdefault((registered.stream, pregnancy_id), reaction)
    return learnt


def _born_before(known: StandingEvents, leavers: Leavers) -> dict[Parenthood, Reaction]:
    """The young children of pregnancies that were over. Each counts as a child whose household they joined."""
    learnt: dict[Parenthood, Reaction] = {}
    for _, registered, end in _parents(known, leavers):
        if end and _is_before(end, registered) and _is_young(end, registered):
            for child in end.data["children"]:
                learnt.setdefault((registered.stream, known.person(child)), _joined(known, registered, child, end))
    return learnt


def _households(known: StandingEvents, leavers: Leavers) -> dict[Parenthood, Reaction]:
    """The households that care leavers joined, whether or not every child there was named."""
    learnt: dict[Parenthood, Reaction] = {}
    for event in known.of(JOINED):
        of = event.data["person_id"]
        for registered in leavers.get(known.person(event.data["adult_id"]), ()):
            learnt.setdefault((registered.stream, known.person(of)), _joined(known, registered, of, event))
    return learnt


def _joined(known: StandingEvents, registered: Event, of: str, by: Event) -> Reaction:
    data = {"kind": "child_joined", "household_person_id": of}
    return Reaction(registered.stream, LEARNT, data, by.id, "household_person_id", known.ids(of))


def _parents(known: StandingEvents, leavers: Leavers) -> Iterator[tuple[Event, Event, Event | None]]:
    """Each event that names a care leaver as a parent, with their registration and the end of the pregnancy."""
    ends: dict[str, Event] = {}
    for event in known.of(ENDED):
        ends.setdefault(event.data["pregnancy_id"], event)
    for event, parent_id in find_parents(known):
        for registered in leavers.get(known.person(parent_id), ()):
            yield event, registered, ends.get(event.data["pregnancy_id"])


def _is_before(end: Event | None, registered: Event) -> bool:
    return end is not None and end.occurred_at < registered.occurred_at


def _is_young(born: Event, registered: Event) -> bool:
    return london_date(registered.occurred_at) < plus_months(london_date(born.occurred_at), YOUNG)


def _lost_pregnancies(known: StandingEvents, learnt: dict[Parenthood, Reaction]) -> dict[Parenthood, Reaction]:
    """The pregnancies that ended in a loss, or whose child died."""
    by_loss: dict[str, Event] = {}
    by_child: dict[str, set[str]] = defaultdict(set)
    for event in known.of(ENDED):
        if event.data["outcome"] in LOSSES:
            by_loss.setdefault(event.data["pregnancy_id"], event)
        by_child[event.data["pregnancy_id"]].update(map(known.person, event.data["children"]))
    return {
        (stream, pregnancy_id): _lost(reaction, loss)
        for (stream, pregnancy_id), reaction in learnt.items()
        if (loss := by_loss.get(pregnancy_id) or _first_death(known, by_child[pregnancy_id]))
    }


def _lost_from_households(known: StandingEvents, learnt: dict[Parenthood, Reaction]) -> dict[Parenthood, Reaction]:
    """The households in which a child died. A child with a reaction of its own counts as a household of its own."""
    children: dict[str, set[str]] = defaultdict(set)
    for event in known.of(ENDED):
        for child in map(known.person, event.data["children"]):
            children[child].add(child)
    for event in known.of(JOINED):
        children[known.person(event.data["person_id"])].update(map(known.person, event.data["children"]))
    return {
        (stream, of): _lost(reaction, death)
        for (stream, of), reaction in learnt.items()
        if (death := _first_death(known, children[of]))
    }


def _first_death(known: StandingEvents, children: set[str]) -> Event | None:
    return next((event for event in known.of(DIED) if known.person(event.data["person_id"]) in children), None)


def _lost(learnt: Reaction, by: Event) -> Reaction:
    data = {learnt.about: learnt.data[learnt.about]}
    return Reaction(learnt.stream, LOST, data, by.id, learnt.about, learnt.same, follows=LEARNT)


REACTIONS = ReactionRules(
    care_leaver.AGGREGATE,
    hears=NAME_A_PARENT | {REGISTERED, ENDED, JOINED, DIED, MOVED, LINKED, UNLINKED},
    records=frozenset({LEARNT, LOST, MOVE_LEARNT}),
    rule=find_reactions,
)
