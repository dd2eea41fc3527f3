"""The chronology of a person: every entry about them across the services, and every act and chase that followed.

Entries are in the order in which things happened, whenever they were recorded. Each says how late it was recorded and
whether it was retracted since. Entries that a reader may not see are shown without content.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.referrals_followup.domain.disclosure import Reader, areas_opened, whom_to_ask
from services.referrals_followup.domain.follow_up import Acts, FollowUp
from services.referrals_followup.domain.thread_history import Evidence, ThreadHistory
from shared.kernel.envelope import Event
from shared.kernel.time import london_date, span


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry, its retraction if any, and whom to ask when the reader may not see its content."""

    event: Event
    refs: frozenset[str]
    retraction: Event | None
    whom_to_ask: str | None

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
    follow_ups: Mapping[str, tuple[FollowUp, Acts]],
    reader: Reader,
) -> list[Entry]:
    """The entries about the person with the ids `people`, in order, as this reader may see them.

    `evidence` holds the events that name the person and those on the threads that these events name. `follow_ups`
    holds, by id, the follow-ups of these threads. Both are as of the same instant.
    """
    known = {item.event.id: item for item in evidence}
    history = ThreadHistory("", known.values())
    events = {event_id: item.event for event_id, item in known.items()}
    entries = [
        Entry(
            item.event,
            item.refs,
            history.retraction_of(item.event),
            whom_to_ask(item.event, events, follow_ups, reader),
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
    about = [item.event for item in evidence if is_about(people, item)]
    theirs = {event.stream for event in about}
    history = ThreadHistory("", evidence)
    standing = (
        item.event for item in evidence if item.event.stream in theirs and history.retraction_of(item.event) is None
    )
    readable = frozenset(areas) | areas_opened(standing, areas)
    return readable if any(event.area in readable for event in about) else frozenset()


def is_about(people: Collection[str], item: Evidence) -> bool:
    """Whether the event names the person with the ids `people`."""
    return any(f"person/{person_id}" in item.refs for person_id in people)
