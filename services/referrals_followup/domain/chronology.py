"""The chronology of a person: the entries about them across the services, and the acts and chases that followed.

Entries are in the order in which things happened, whenever they were recorded. Each says how late it was recorded and
whether it was retracted since. An entry that a reader may not see leaves nothing but whom to ask.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.referrals_followup.domain.claims import find_state
from services.referrals_followup.domain.disclosure import Reader, areas_opened, find_withheld_of_entry
from services.referrals_followup.domain.thread_history import Evidence, ThreadHistory, is_act
from shared.contracts.access import CARING, SYSTEM
from shared.kernel.decisions import ABOUT_AN_ENTRY
from shared.kernel.envelope import Event
from shared.kernel.time import london_date, span

WITHOUT_OUTLINE = "anything else: contact the front door"
"""The one signpost of a reader who sees only what their own team recorded. It stands whatever there is."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, its retraction if any, and the disclosure classes of it that the reader may not see.

    `claim` is how far it is answered, if somebody without standing made it.
    """

    event: Event
    refs: frozenset[str]
    retraction: Event | None
    withheld: Collection[str]
    claim: str | None = None

    @property
    def place(self) -> tuple[datetime, datetime, str]:
        """The key that entries are sorted by."""
        return (self.event.occurred_at, self.event.recorded_at, self.event.id)

    @property
    def recorded_late_by_days(self) -> int:
        """Whole days in London from the last day on which it can have happened to the day of recording; at least 0."""
        happened = span(self.event.occurred_at, self.event.precision)[1]
        return max(0, (london_date(self.event.recorded_at) - london_date(happened)).days)


def entries_of(
    people: Collection[str],
    evidence: Iterable[Evidence],
    follow_ups: Mapping[str, Collection[str]],
    reader: Reader,
) -> list[Entry]:
    """The entries about the person with the ids `people`, in order, each with what this reader may not see of it.

    `evidence` holds the events that name the person and those on the threads that these events name. `follow_ups` has
    the classes that are withheld of each follow-up of these threads, by its id.
    """
    known = {item.event.id: item for item in evidence}
    history = ThreadHistory("", known.values())
    events = {event_id: item.event for event_id, item in known.items()}
    entries = [
        Entry(
            item.event,
            item.refs,
            history.retraction_of(item.event),
            find_withheld_of_entry(item.event, events, follow_ups, reader),
            find_state(item.event, known.values()),
        )
        for item in _belonging(people, list(known.values()))
    ]
    return sorted(entries, key=lambda entry: entry.place)


def _belonging(people: Collection[str], evidence: list[Evidence]) -> Iterator[Evidence]:
    """The events that name the person, and the acts on follow-ups of the threads that these events name."""
    about = [item for item in evidence if is_about(people, item)]
    threads = {ref for item in about for ref in item.refs if not ref.startswith("person/")}
    for item in evidence:
        if is_about(people, item) or (item.event.stream.startswith("follow-up/") and item.refs & threads):
            yield item


def areas_open_to(areas: Collection[str], people: Collection[str], evidence: Collection[Evidence]) -> frozenset[str]:
    """The areas whose entries about a person somebody who acts in `areas` may read. `evidence` as in `entries_of`.

    Empty when none of these areas has an entry about the person.
    """
    readable = frozenset(areas) | areas_opened(_find_standing(people, evidence), areas)
    about = [item.event for item in evidence if is_about(people, item)]
    return readable if any(event.area in readable for event in about) else frozenset()


def has_outline(reader: Reader, people: Collection[str], evidence: Collection[Evidence]) -> bool:
    """Whether this reader learns that there is more about the person than the records that their own team began.

    Those whose role is to care do. Others do once another team has recorded something else in the reader's areas.
    """
    own, about = own_streams(reader, evidence), {item.event.id for item in evidence if is_about(people, item)}
    return reader.role in CARING or any(
        event.id in about and event.area in reader.areas and event.stream not in own and not is_act(event)
        for event in _find_standing(people, evidence)
        if event.team not in (reader.team, SYSTEM) and event.type not in ABOUT_AN_ENTRY
    )


def own_streams(reader: Reader, evidence: Iterable[Evidence]) -> frozenset[str]:
    """The records that the reader's team began."""
    return frozenset(
        item.event.stream for item in evidence if item.event.version == 1 and item.event.team == reader.team
    )


def _find_standing(people: Collection[str], evidence: Collection[Evidence]) -> Iterator[Event]:
    """The events of the streams that name the person, without those that were retracted."""
    streams = {item.event.stream for item in evidence if is_about(people, item)}
    history = ThreadHistory("", evidence)
    for item in evidence:
        if item.event.stream in streams and history.retraction_of(item.event) is None:
            yield item.event


def is_about(people: Collection[str], item: Evidence) -> bool:
    """Whether the event names the person with the ids `people`."""
    return any(f"person/{person_id}" in item.refs for person_id in people)
