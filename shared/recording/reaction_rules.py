"""What a service records by itself because of what is said on the bus: the words in which its rules are written.

A rule is a pure function from the events that are known to the reactions that should stand recorded because of them. It
says the same for any order and repetition of the events, so it never matters how they came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.kernel.decisions import RETRACTION, Aggregate
from shared.kernel.envelope import Event

LINKED, UNLINKED = "person.linked.v1", "person.unlinked.v1"
BOOKED, NOTIFIED, PARTNER_NAMED = "pregnancy.booked.v1", "pregnancy.notified.v1", "pregnancy.partner_named.v1"
NAME_A_PARENT = frozenset({BOOKED, NOTIFIED, PARTNER_NAMED})


@dataclass(frozen=True, slots=True)
class Reaction:
    """An event that should stand on `stream`, by reason of the event `cause`.

    `about` names the field of `data` that tells what it is about; one whose field has any value of `same`, such as
    another id of the same person, says the same. `data` holds ids and codes only. `follows`: the type of the reaction
    about the same thing without which this one has no meaning.
    """

    stream: str
    type: str
    data: Mapping[str, Any]
    cause: str
    about: str
    same: frozenset[str]
    follows: str | None = None

    def is_said_by(self, event: Event) -> bool:
        """Whether this event says it, whatever else it tells."""
        return event.type == self.type and self._is_about_the_same(event)

    def is_denied_by(self, struck: Event) -> bool:
        """Whether who struck out this event struck out the reaction with it, or what it follows."""
        return struck.type in (self.type, self.follows) and self._is_about_the_same(struck)

    def _is_about_the_same(self, event: Event) -> bool:
        return event.data.get(self.about) in self.same


@dataclass(frozen=True, slots=True)
class ReactionsOf:
    """What one service hears, and how it reacts: events of the types `says`, in streams of `aggregate`, by `rule`."""

    aggregate: Aggregate[Any]
    hears: frozenset[str]
    says: frozenset[str]
    rule: Callable[[Iterable[Event]], Sequence[Reaction]]

    @property
    def matters(self) -> frozenset[str]:
        """All types that can change what follows; a person may strike out what the service said itself."""
        return self.hears | self.says | {RETRACTION}


class StandingEvents:
    """The events among those known that stand, each once and in the order of recording, and who is one person."""

    def __init__(self, events: Iterable[Event]) -> None:
        ordered = sorted({event.id: event for event in events}.values(), key=_recorded)
        struck = {(event.stream, event.data["event_id"]) for event in ordered if event.type == RETRACTION}
        facts = [event for event in ordered if event.type != RETRACTION]
        self.standing = [event for event in facts if (event.stream, event.id) not in struck]
        self.struck = [event for event in facts if (event.stream, event.id) in struck]
        self._ids = _people(self.standing)

    def of(self, *types: str) -> list[Event]:
        """Those of these types that stand, in the order of recording."""
        return [event for event in self.standing if event.type in types]

    def ids(self, person_id: str) -> frozenset[str]:
        """Every id of this person, by the links that stand; the same set for each of them."""
        return self._ids.get(person_id, frozenset({person_id}))

    def person(self, person_id: str) -> str:
        """The one of their ids that stands for the person here."""
        return min(self.ids(person_id))


def parents_named(known: StandingEvents) -> Iterator[tuple[Event, str]]:
    """Each event that names a mother or a partner, with the id it names. A pregnancy recorded in error has neither."""
    begun = {event.stream for event in known.of(BOOKED, NOTIFIED)}
    in_error = {event.stream for event in known.struck if event.type in (BOOKED, NOTIFIED)} - begun
    for event in known.of(*NAME_A_PARENT):
        if event.stream not in in_error:
            yield event, event.data["partner_id" if event.type == PARTNER_NAMED else "person_id"]


def _recorded(event: Event) -> tuple[Any, ...]:
    return (event.recorded_at, event.stream, event.version, event.id)


def _people(standing: Iterable[Event]) -> dict[str, frozenset[str]]:
    """All ids of each linked person. Of two ids, what was recorded last says whether they are linked."""
    linked: dict[frozenset[str], bool] = {}
    for event in standing:
        if event.type in (LINKED, UNLINKED):
            linked[frozenset({event.data["person_id"], event.data["other_person_id"]})] = event.type == LINKED
    people: dict[str, frozenset[str]] = {}
    for pair in (pair for pair, stands in linked.items() if stands):
        together = pair.union(*(people.get(one, frozenset()) for one in pair))
        people |= dict.fromkeys(together, together)
    return people
