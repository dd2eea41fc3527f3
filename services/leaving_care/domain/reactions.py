"""What `perinatal` says that opens or ends a personal adviser's obligations: parenthood, learnt and lost.

Once for each care leaver and pregnancy, and for each care leaver and household, under whichever ids the people go.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from services.leaving_care.domain import care_leaver
from shared.contracts.words import LOSSES
from shared.kernel.envelope import Event
from shared.kernel.reactions import LINKED, NAME_A_PARENT, UNLINKED, Known, Reaction, ReactionsOf, parents_named

REGISTERED = "care_leaver.registered.v1"
ENDED, JOINED, DIED = "pregnancy.ended.v1", "household.adult_joined.v1", "person.died.v1"
LEARNT, LOST = "parenthood.learnt.v1", "parenthood.lost.v1"

# A care leaver's stream, and the pregnancy or the person whose household it is.
Parenthood = tuple[str, str]


def parenthoods(events: Iterable[Event]) -> list[Reaction]:
    """What should stand recorded of the care leavers among these events; what was learnt comes before what was lost."""
    known = Known(events)
    leavers: dict[str, set[str]] = defaultdict(set)
    for event in known.of(REGISTERED):
        leavers[known.person(event.data["person_id"])].add(event.stream)
    pregnancies = _pregnancies(known, leavers)
    households = _households(known, leavers)
    lost = {**_lost_pregnancies(known, pregnancies), **_lost_from_households(known, households)}
    return [*pregnancies.values(), *households.values(), *lost.values()]


def _pregnancies(known: Known, leavers: dict[str, set[str]]) -> dict[Parenthood, Reaction]:
    """Those of which a care leaver is the mother or a named partner."""
    learnt: dict[Parenthood, Reaction] = {}
    for event, parent_id in parents_named(known):
        pregnancy_id = event.data["pregnancy_id"]
        for stream in sorted(leavers.get(known.person(parent_id), ())):
            data = {"kind": "to_be_parent", "pregnancy_id": pregnancy_id}
            reaction = Reaction(stream, LEARNT, data, event.id, "pregnancy_id", frozenset({pregnancy_id}))
            learnt.setdefault((stream, pregnancy_id), reaction)
    return learnt


def _households(known: Known, leavers: dict[str, set[str]]) -> dict[Parenthood, Reaction]:
    """Those that a care leaver joined, whether or not each child in them was named."""
    learnt: dict[Parenthood, Reaction] = {}
    for event in known.of(JOINED):
        of = event.data["person_id"]
        for stream in sorted(leavers.get(known.person(event.data["adult_id"]), ())):
            data = {"kind": "child_joined", "household_person_id": of}
            reaction = Reaction(stream, LEARNT, data, event.id, "household_person_id", known.ids(of))
            learnt.setdefault((stream, known.person(of)), reaction)
    return learnt


def _lost_pregnancies(known: Known, learnt: dict[Parenthood, Reaction]) -> dict[Parenthood, Reaction]:
    """Those that ended in a loss, or whose child died."""
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


def _lost_from_households(known: Known, learnt: dict[Parenthood, Reaction]) -> dict[Parenthood, Reaction]:
    """Those of which a child died."""
    children: dict[str, set[str]] = defaultdict(set)
    for event in known.of(JOINED):
        children[known.person(event.data["person_id"])].update(map(known.person, event.data["children"]))
    return {
        (stream, of): _lost(reaction, death)
        for (stream, of), reaction in learnt.items()
        if (death := _first_death(known, children[of]))
    }


def _first_death(known: Known, children: set[str]) -> Event | None:
    return next((event for event in known.of(DIED) if known.person(event.data["person_id"]) in children), None)


def _lost(learnt: Reaction, by: Event) -> Reaction:
    data = {learnt.about: learnt.data[learnt.about]}
    return Reaction(learnt.stream, LOST, data, by.id, learnt.about, learnt.same, follows=LEARNT)


REACTIONS = ReactionsOf(
    care_leaver.AGGREGATE,
    hears=NAME_A_PARENT | {REGISTERED, ENDED, JOINED, DIED, LINKED, UNLINKED},
    says=frozenset({LEARNT, LOST}),
    rule=parenthoods,
)
