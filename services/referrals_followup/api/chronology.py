"""The chronology of a person: what is known of them across the services, who was told, and what followed.

Guarantees: entries outside the reader's areas or disclosure class are shown without content. A reader with no entry
about the person in their areas is refused. What is known today decides about areas, also in a question about the past.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from services.referrals_followup.api.as_of import PastThreads
from services.referrals_followup.api.presenter import FollowUpPresenter
from services.referrals_followup.api.queries import parse_as_of
from services.referrals_followup.domain.chronology import Entry, areas_open_to, entries_of
from services.referrals_followup.domain.disclosure import Reader
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.view_codec import document_of
from services.referrals_followup.standards.rules import Rules
from shared.events.errors import UnknownStream
from shared.events.pages import decode_cursor, encode_cursor
from shared.kernel.decisions import Actor, Forbidden
from shared.kernel.envelope import Event
from shared.runtime.clock import Clock

_COPIED = ("type", "precision", "actor", "role", "team", "source", "stream", "data")


class Chronologies:
    """Reads the chronology of one person."""

    def __init__(
        self,
        evidence: EvidenceStore,
        rules: Rules,
        known: Completeness,
        presenter: FollowUpPresenter,
        clock: Clock,
    ) -> None:
        self._evidence = evidence
        self._rules = rules
        self._known = known
        self._presenter = presenter
        self._clock = clock

    def read(self, actor: Actor, person_id: str, query: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """A page of the chronology, and the ids of its person. Each page reads the whole history of the person.

        Raises UnknownStream for a person of whom nothing is known; Forbidden when nothing about them is in the actor's
        areas; Invalid for an instant in the future or the cursor of another list.
        """
        now = self._clock.now()
        as_of = parse_as_of(query, now)
        at = as_of or now
        known = self._known.report()
        today = self._evidence.ids_of(person_id)
        people = self._evidence.ids_of(person_id, at)
        evidence = self._evidence.find_around(today | people)
        if not evidence:
            raise UnknownStream("nothing is known of this person here")
        reader = Reader(actor.role, actor.team, areas_open_to(actor.areas, today, evidence))
        if not reader.areas:
            raise Forbidden("wrong-area", "nothing about this person belongs to an area where you may act")

        rules = self._rules.history()
        past = PastThreads(self._evidence, rules, at)
        threads = self._evidence.threads_of(people, rules.thread_kinds())
        pairs = {follow_up.id: (follow_up, acts) for follow_up, acts in past.fold(sorted(threads))}
        entries = entries_of(people, past.as_of.known(evidence), pairs, reader)
        follow_ups = None
        if "cursor" in query:
            last = decode_cursor(query["cursor"], (datetime, datetime, str))
            entries = [entry for entry in entries if entry.place > last]
        else:
            theirs = [pair for pair in pairs.values() if pair[0].person in people and reader.areas & set(pair[0].areas)]
            theirs.sort(key=lambda pair: (pair[0].due_at, pair[0].id))
            views = [document_of(follow_up, acts, None) for follow_up, acts in theirs]
            follow_ups = self._presenter.present(actor, views, at, known.problems)
        page = entries[: query["limit"]]
        body = {
            "person": person_id,
            "items": [_present(entry) for entry in page],
            "next": encode_cursor(*page[-1].place) if len(entries) > len(page) else None,
            "follow_ups": follow_ups,
            "as_of": as_of,
            "left_out": past.left_out,
            "evidence": known.evidence,
        }
        return body, sorted(people)


def _present(entry: Entry) -> dict[str, Any]:
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
        "retracted": _present_retraction(entry.retraction) if entry.retraction else None,
    }


def _present_retraction(retraction: Event) -> dict[str, Any]:
    return {
        "at": retraction.recorded_at,
        "actor": retraction.actor,
        "role": retraction.role,
        "team": retraction.team,
        "reason_code": retraction.data["reason_code"],
    }
