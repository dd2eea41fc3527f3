"""The chronology of a person: what is known of them across the services, who was told, and what followed.

Guarantees: of entries and follow-ups outside the reader's areas or disclosure class, an answer tells only whom to ask
about them. What holds today decides, also in a question about the past. A person of whom nothing is known in the
reader's areas is answered as one of whom nothing is known at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from services.referrals_followup.api.as_of import PastThreads
from services.referrals_followup.api.circle import UNKNOWN_PERSON
from services.referrals_followup.api.presenter import FollowUpPresenter
from services.referrals_followup.api.queries import parse_as_of
from services.referrals_followup.domain.chronology import (
    WITHOUT_OUTLINE,
    Entry,
    areas_open_to,
    entries_of,
    has_outline,
    own_streams,
)
from services.referrals_followup.domain.disclosure import Reader, find_withheld_of_past
from services.referrals_followup.domain.protection import Hidden
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.view_codec import document_of
from services.referrals_followup.standards.rules import Rules
from shared.contracts.access import WHEREABOUTS, signposts_to
from shared.events.errors import UnknownStream
from shared.events.pages import decode_cursor, encode_cursor
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.time import occurred_on
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

        Raises UnknownStream for a person of whom nothing is known in the actor's areas; Invalid for an instant in the
        future or the cursor of another list.
        """
        now = self._clock.now()
        as_of = parse_as_of(query, now)
        at = as_of or now
        known = self._known.report()
        today = self._evidence.ids_of(person_id)
        people = self._evidence.ids_of(person_id, at)
        evidence = self._evidence.find_around(today | people)
        hidden = self._evidence.find_protected().find_hidden(actor.role, actor.team, actor.areas)
        reader = Reader(actor.role, actor.team, areas_open_to(actor.areas, today, evidence), hidden)
        if not reader.areas:
            raise UnknownStream(UNKNOWN_PERSON)

        rules = self._rules.history()
        past = PastThreads(self._evidence, rules, at, now, reader)
        threads = self._evidence.threads_of(today | people, rules.thread_kinds())
        found = [*past.fold(sorted(threads))]
        withheld = {one.then.id: one.find_withheld(reader) for one in found}
        entries = entries_of(people, past.as_of.known(evidence), withheld, reader)
        shown = [entry for entry in entries if not entry.withheld]
        theirs = [one for one in found if one.then.person in people and not withheld[one.then.id]]
        if has_outline(reader, today, evidence):
            # Those of today, whatever the instant in question: others would tell since when something is withheld.
            withheld_today = {pair[0].id: find_withheld_of_past(pair[0], pair, reader) for pair in past.today}
            classes = [entry.withheld for entry in entries_of(today, evidence, withheld_today, reader)]
            classes += [withheld_today[follow_up.id] for follow_up, _ in past.today if follow_up.person in today]
            classes += [] if hidden.people.isdisjoint(today) else [{WHEREABOUTS}]
            signposts = signposts_to(chain.from_iterable(classes))
        else:
            own = own_streams(reader, evidence)
            shown = [entry for entry in shown if entry.event.stream in own or entry.event.team == reader.team]
            theirs = [one for one in theirs if one.then.opened_team == reader.team]
            signposts = [WITHOUT_OUTLINE]
        follow_ups = None
        if "cursor" in query:
            last = decode_cursor(query["cursor"], (datetime, datetime, str))
            shown = [entry for entry in shown if entry.place > last]
        else:
            theirs.sort(key=lambda one: (one.then.due_at, one.then.id))
            views = [document_of(one.then, one.acts, None) for one in theirs]
            follow_ups = self._presenter.present(views, at, known.problems, hidden)
        page = shown[: query["limit"]]
        body = {
            "person": person_id,
            "items": [_present(entry, hidden, is_hidden=not hidden.people.isdisjoint(today)) for entry in page],
            "next": encode_cursor(*page[-1].place) if len(shown) > len(page) else None,
            "signposts": signposts,
            "follow_ups": follow_ups,
            "as_of": as_of,
            "left_out": past.left_out,
            "evidence": known.evidence,
        }
        return body, sorted(people)


def _present(entry: Entry, hidden: Hidden, *, is_hidden: bool) -> dict[str, Any]:
    """The entry. If it is hidden where its person is, it names only what is the reader's own."""
    shown = _present_all(entry)
    is_of_hidden = is_hidden or hidden.covers_event(entry.event) or not hidden.moves.isdisjoint(entry.refs)
    if not is_of_hidden:
        return shown
    shown |= {"area": None, "data": hidden.hide_in(entry.event)}
    if entry.event.team != hidden.team:
        shown |= {"actor": None, "team": None}
    if entry.retraction and entry.retraction.team != hidden.team:
        shown["retracted"] |= {"actor": None, "team": None}
    return shown


def _present_all(entry: Entry) -> dict[str, Any]:
    event = entry.event
    return {
        "event_id": event.id,
        "occurred_at": event.occurred_at,
        "occurred_on": occurred_on(event.occurred_at, event.precision),
        "recorded_at": event.recorded_at,
        "area": event.area,
        "disclosed": True,
        "whom_to_ask": None,
        **{name: getattr(event, name) for name in _COPIED},
        "recorded_late_by_days": entry.recorded_late_by_days,
        "threads": sorted(entry.refs),
        "claim": entry.claim,
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
