"""The types with which a service writes its reaction rules: what it records by itself because of received events.

A rule is a pure function from the known events to the reactions that should be recorded because of them. Its result is
the same for any order and repetition of the events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.kernel.decisions import ABOUT_AN_ENTRY, LEAVES_OUT, Aggregate
from shared.kernel.envelope import Event

LINKED, UNLINKED = "person.linked.v1", "person.unlinked.v1"
BOOKED, NOTIFIED, PARTNER_NAMED = "pregnancy.booked.v1", "pregnancy.notified.v1", "pregnancy.partner_named.v1"
NAME_A_PARENT = frozenset({BOOKED, NOTIFIED, PARTNER_NAMED})


@dataclass(frozen=True, slots=True)
class Reaction:
    """An event that should be recorded on `stream`, because of the event `cause`. `data` holds ids and codes only.

    `about` names the field of `data` with the subject. `same` has all values of that field for the same subject, such
    as all ids of one person. `follows` is the type of another reaction about the same subject. Without that one, this
    reaction has no meaning.
    """

    stream: str
    type: str
    data: Mapping[str, Any]
    cause: str
    about: str
    same: frozenset[str]
    follows: str | None = None

    def matches(self, event: Event) -> bool:
        """Whether this event records the reaction, whatever its other fields are."""
        return event.type == self.type and self._is_about_the_same(event)

    def is_same_as(self, other: Reaction) -> bool:
        """Whether the other one records the same about the same subject in the same stream, whatever caused it."""
        return (self.stream, self.type) == (other.stream, other.type) and other.data[self.about] in self.same

    def is_ruled_out_by(self, retracted: Event) -> bool:
        """Whether a person's retraction of this event rules out the reaction, or the reaction that it follows."""
        return retracted.type in (self.type, self.follows) and self._is_about_the_same(retracted)

    def _is_about_the_same(self, event: Event) -> bool:
        return event.data.get(self.about) in self.same


@dataclass(frozen=True, slots=True)
class ReactionRules:
    """What one service receives (`hears`), and the types that it `records` in streams of `aggregate` by its `rule`."""

    aggregate: Aggregate[Any]
    hears: frozenset[str]
    records: frozenset[str]
    rule: Callable[[Iterable[Event]], Sequence[Reaction]]

    @property
    def relevant_types(self) -> frozenset[str]:
        """All types that can change the reactions. They include the service's own: a person may retract its entries."""
        return self.hears | self.records.union(ABOUT_AN_ENTRY)


class StandingEvents:
    """The known events that are not retracted, each once and in the order of recording, and the ids of each person."""

    def __init__(self, events: Iterable[Event]) -> None:
        ordered = sorted({event.id: event for event in events}.values(), key=_recording_order)
        retracted = {(event.stream, event.data["event_id"]) for event in ordered if event.type in LEAVES_OUT}
        facts = [event for event in ordered if event.type not in LEAVES_OUT]
        self.standing = [event for event in facts if (event.stream, event.id) not in retracted]
        self.retracted = [event for event in facts if (event.stream, event.id) in retracted]
        self._ids = _link_ids(self.standing)

    def of(self, *types: str) -> list[Event]:
        """The standing events of these types, in the order of recording."""
        return [event for event in self.standing if event.type in types]

    def ids(self, person_id: str) -> frozenset[str]:
        """Every id of this person, by the links that are not retracted. Each of these ids gives the same set."""
        return self._ids.get(person_id, frozenset({person_id}))

    def person(self, person_id: str) -> str:
        """The id by which this object names the person: always the same one of their ids."""
        return min(self.ids(person_id))


def find_parents(known: StandingEvents) -> Iterator[tuple[Event, str]]:
    """Each event that names a mother or a partner, with the id. Pregnancies recorded in error are left out."""
    begun = {event.stream for event in known.of(BOOKED, NOTIFIED)}
    in_error = {event.stream for event in known.retracted if event.type in (BOOKED, NOTIFIED)} - begun
    for event in known.of(*NAME_A_PARENT):
        if event.stream not in in_error:
            yield event, event.data["partner_id" if event.type == PARTNER_NAMED else "person_id"]


def _recording_order(event: Event) -> tuple[Any, ...]:
    return (event.recorded_at, event.stream, event.version, event.id)


def _link_ids(standing: Iterable[Event]) -> dict[str, frozenset[str]]:
    """All ids of each linked person. The last event about two ids decides whether they are linked."""
    linked: dict[frozenset[str], bool] = {}
    for event in standing:
        if event.type in (LINKED, UNLINKED):
            linked[frozenset({event.data["person_id"], event.data["other_person_id"]})] = event.type == LINKED
    people: dict[str, frozenset[str]] = {}
    for pair in (pair for pair, stands in linked.items() if stands):
        together = pair.union(*(people.get(one, frozenset()) for one in pair))
        people |= dict.fromkeys(together, together)
    return people
