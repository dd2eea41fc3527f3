"""A person's chronology over HTTP: what is known of them across the services, who was told, and what came of it.

Guarantees: entries outside the reader's areas or disclosure class are shown without content; somebody with none of the
person's entries in their areas is refused. Areas are judged by what is known today, also when asking about the past.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.referrals_followup.api import as_of, queries
from services.referrals_followup.domain.chronology import Entry, areas_open_to, entries_of
from services.referrals_followup.domain.disclosure import Reader
from shared.events.errors import UnknownStream
from shared.events.pages import decode_cursor, encode_cursor
from shared.kernel.decisions import Actor, Forbidden
from shared.kernel.envelope import Event

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies


def read(
    dependencies: Dependencies, actor: Actor, person_id: str, query: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """A page of the chronology, and the ids of the person that it is about. Each page reads their whole history.

    Raises UnknownStream for somebody nothing is known of; Forbidden when nothing about them is in the actor's areas,
    422 for an instant that lies ahead or a foreign cursor.
    """
    asked = as_of.asked(dependencies, query)
    at = asked or dependencies.clock.now()
    known = dependencies.known.so_far()
    today = dependencies.evidence.ids_of(person_id)
    people = dependencies.evidence.ids_of(person_id, at)
    evidence = dependencies.evidence.around(today | people)
    if not evidence:
        raise UnknownStream("nothing is known of this person here")
    reader = Reader(actor.role, actor.team, areas_open_to(actor.areas, today, evidence))
    if not reader.areas:
        raise Forbidden("wrong-area", "nothing about this person belongs to an area where you may act")

    past = as_of.Past(dependencies, at)
    threads = dependencies.evidence.threads_of(people, dependencies.rules.history().thread_kinds())
    pairs = {pair[0].id: pair for pair in past.of_threads(sorted(threads))}
    entries = entries_of(people, past.then.known(evidence), pairs, reader)
    follow_ups = None
    if "cursor" in query:
        last = decode_cursor(query["cursor"], (datetime, datetime, str))
        entries = [entry for entry in entries if entry.place > last]
    else:
        theirs = [pair for pair in pairs.values() if pair[0].person in people and reader.areas & set(pair[0].areas)]
        theirs.sort(key=lambda pair: (pair[0].due_at, pair[0].id))
        follow_ups = [
            queries.shown(dependencies, actor, follow_up, acts, at, known.problems) for follow_up, acts in theirs
        ]
    page = entries[: query["limit"]]
    body = {
        "person": person_id,
        "items": [_shown(entry) for entry in page],
        "next": encode_cursor(*page[-1].place) if len(entries) > len(page) else None,
        "follow_ups": follow_ups,
        "as_of": asked,
        "left_out": past.left_out,
        "evidence": known.told,
    }
    return body, sorted(people)


_COPIED = ("type", "precision", "actor", "role", "team", "source", "stream", "data")


def _shown(entry: Entry) -> dict[str, Any]:
    event = entry.event
    placed = {
        "event_id": event.id,
        "occurred_at": event.occurred_at,
        "recorded_at": event.recorded_at,
        "area": event.area,
        "disclosed": entry.whom_to_ask is None,
        "whom_to_ask": entry.whom_to_ask,
    }
    if entry.whom_to_ask is not None:
        return placed
    return {
        **placed,
        **{name: getattr(event, name) for name in _COPIED},
        "recorded_late_by_days": entry.recorded_late_by_days,
        "threads": sorted(entry.refs),
        "retracted": _struck(entry.retraction) if entry.retraction else None,
    }


def _struck(retraction: Event) -> dict[str, Any]:
    return {
        "at": retraction.recorded_at,
        "actor": retraction.actor,
        "role": retraction.role,
        "team": retraction.team,
        "reason_code": retraction.data["reason_code"],
    }
