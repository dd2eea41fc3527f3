"""Breaking the glass, from request to recorded fact, and what it opens to whoever broke it.

Guarantees: it opens reading alone. Whoever reads under it sees what a safeguarding lead of every area sees of this
person, until 24 hours have passed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from marshmallow import Schema, fields
from pymongo import ASCENDING

from services.referrals_followup.api.recording import execute_for
from services.referrals_followup.domain.circle import circle_of, find_told
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.glass import AGGREGATE, BROKEN, READS_AS, Break, Review
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts.access import may
from shared.contracts.fields import Choice
from shared.contracts.words import GLASS_OUTCOMES, GLASS_REASONS
from shared.events.documents import event_of
from shared.events.errors import UnknownStream
from shared.events.recorder import available
from shared.events.store import EventStore
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event, from_text, to_text
from shared.kernel.ids import stream_id
from shared.kernel.time import london_date
from shared.runtime.clock import Clock
from shared.web.exchange import Answer, Request
from shared.web.fields import Body, Instant


class GlassBody(Body):
    """Why you need to read at once what others record about this person. They are told of it."""

    reason_code = Choice(*GLASS_REASONS, required=True)


class GlassReviewBody(Body):
    outcome = Choice(*GLASS_OUTCOMES, required=True)


class GlassAnswer(Schema):
    """You may read about the person until this instant. Every look is logged under `glass_id`."""

    glass_id = fields.String(required=True)
    person = fields.String(required=True)
    until = Instant(required=True)
    version = fields.Integer(required=True)


class Seen(NamedTuple):
    """As whom somebody reads, and the glass that lets them, if it does."""

    reader: Actor
    glass: str | None


class Glasses:
    """Records that the glass was broken, and finds what it opens."""

    def __init__(self, store: EventStore, evidence: EvidenceStore, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._evidence = evidence
        self._directory = directory
        self._clock = clock

    def ensure_indexes(self) -> None:
        """Create the index that finds what somebody may read under the glass. Safe to repeat."""
        self._store.collection.create_index(
            [("event.actor", ASCENDING), ("event.data.until", ASCENDING)],
            name="glass_of_actor",
            partialFilterExpression={"event.type": BROKEN},
        )

    def break_for(self, request: Request) -> Answer:
        """Break the glass for the person in the path. Raises UnknownStream for one of whom nothing is known."""
        person_id = request.path["person_id"]
        people = self._evidence.ids_of(person_id)
        evidence = self._evidence.find_around(people)
        about = [item.event for item in evidence if item.event.subject in people]
        if not about:
            raise UnknownStream("nothing is known about this person")
        circle = circle_of(person_id, people, evidence)
        area = circle.areas[-1] if circle.areas else min(about, key=lambda event: event.recorded_at).area
        told = set(find_told(circle, self._directory, area, london_date(self._clock.now()))) - {request.actor.id}
        command = Break(person_id, people, request.body["reason_code"], area, told)
        return self._record(request, stream_id(request.actor.id, request.key), command)

    def review(self, request: Request) -> Answer:
        """A safeguarding lead has looked at it. Raises UnknownStream."""
        return self._record(request, request.path["glass_id"], Review(request.body["outcome"]))

    def find_reader(self, actor: Actor, person_id: str | None) -> Seen:
        """As whom the actor reads about this person now."""
        return self.find_reader_by(actor, lambda reader: person_id) if person_id else Seen(actor, None)

    def find_reader_by(self, actor: Actor, find_person: Callable[[Actor], str | None]) -> Seen:
        """As whom the actor reads about the person whom `find_person` finds for somebody who reads under the glass."""
        glasses = self._list_open(actor) if may(actor.role, "glass.break") else []
        person_id = find_person(self._under(actor)) if glasses else None
        people = self._evidence.ids_of(person_id) if person_id else set()
        for glass in glasses:
            if not people.isdisjoint(glass.data["people"]):
                return Seen(self._under(actor), str(glass.data["glass_id"]))
        return Seen(actor, None)

    def _list_open(self, actor: Actor) -> list[Event]:
        """The glass that this actor broke and that still opens something. Raises StoreUnavailable."""
        now = to_text(self._clock.now())
        wanted = {"event.type": BROKEN, "event.actor": actor.id, "event.data.until": {"$gt": now}}
        with available():
            return [event_of(document) for document in self._store.collection.find(wanted, {"event": 1})]

    def _under(self, actor: Actor) -> Actor:
        """The actor as they read under the glass."""
        return replace(actor, role=READS_AS, areas=tuple(sorted({*actor.areas, *self._directory.areas})))

    def _record(self, request: Request, glass_id: str, command: Any) -> Answer:
        stream, creates = f"{AGGREGATE.kind}/{glass_id}", isinstance(command, Break)
        recorded = execute_for(request, self._store, AGGREGATE, stream, command, creates=creates)
        broken = recorded.state.broken
        body = {
            "glass_id": glass_id,
            "person": broken.data["person_id"],
            "until": from_text(broken.data["until"]),
            "version": recorded.version,
        }
        return Answer(201, body, version=recorded.version)
