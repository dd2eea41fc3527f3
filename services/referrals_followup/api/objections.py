"""Telling a person's circle that somebody outside it began a record, and the objections of the circle.

Guarantees: the circle is told once of each record, and only those who may see it. An objection lowers nothing.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields

from services.referrals_followup.api.recording import execute_for
from services.referrals_followup.domain.chronology import is_about
from services.referrals_followup.domain.circle import Circle, circle_of, find_told
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.disclosure import is_event_disclosed
from services.referrals_followup.domain.objection import AGGREGATE, TELLING, AnswerObjection, Object, Tell
from services.referrals_followup.domain.thread_history import Evidence, is_act
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts.access import SYSTEM_ACTOR
from shared.contracts.fields import Choice
from shared.contracts.words import OBJECTION_OUTCOMES, OBJECTION_REASONS
from shared.events.errors import UnknownStream
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Forbidden
from shared.kernel.envelope import Event
from shared.kernel.ids import stream_id
from shared.kernel.time import london_date
from shared.runtime.clock import Clock
from shared.runtime.observability import get_logger
from shared.web.exchange import Answer, Request
from shared.web.fields import Body

log = get_logger()


class ObjectionBody(Body):
    """You are of the circle and object to this entry of somebody else. They and the safeguarding lead are told."""

    event_id = fields.UUID(required=True)
    reason_code = Choice(*OBJECTION_REASONS, required=True)


class ObjectionAnswerBody(Body):
    outcome = Choice(*OBJECTION_OUTCOMES, required=True)


class ObjectionAnswer(Schema):
    objection_id = fields.String(required=True)
    person = fields.String(required=True)
    event_id = fields.String(required=True)
    version = fields.Integer(required=True)


class Objections:
    """Tells circles, and records objections and their answers."""

    def __init__(self, store: EventStore, evidence: EvidenceStore, directory: Directory, clock: Clock) -> None:
        self._store = store
        self._evidence = evidence
        self._directory = directory
        self._clock = clock

    def hear(self, event: Event) -> None:
        """If somebody outside the circle began a record with this event, tell the circle, once.

        Raises when the store cannot be reached.
        """
        if event.version > 1 or not event.is_claim or event.subject is None:
            return
        try:
            self._tell(event, event.subject)
        except Exception as error:
            if is_store_away(error):
                raise
            # The record counts all the same, and whoever is asked to confirm it is told.
            log.error("circle not told", event_id=event.id, exc_info=error)

    def _tell(self, event: Event, person_id: str) -> None:
        circle, _ = self._circle_of(person_id)
        if not circle.areas:
            return
        area, on = circle.areas[-1], london_date(self._clock.now())
        told = [one for one in find_told(circle, self._directory, area, on) if self._may_see(one, event)]
        told = [one for one in told if one != event.actor]
        if told:
            stream = f"{TELLING.kind}/{event.id}"
            command = Tell(person_id, event, area, told)
            # The body is always the same: heard again, the event finds what was told the first time.
            self._store.execute(
                TELLING, stream, command, SYSTEM_ACTOR, key=stream, body={}, operation="circle.tell", begins=True
            )

    def raise_objection(self, request: Request) -> Answer:
        """Object to an entry about the person in the path.

        Raises UnknownStream for an entry that the actor may not see, and Forbidden for somebody outside the circle.
        """
        person_id, event_id, actor = request.path["person_id"], str(request.body["event_id"]), request.actor
        circle, evidence = self._circle_of(person_id)
        about = (item.event for item in evidence if is_about([person_id], item) and not is_act(item.event))
        entry = next((event for event in about if event.id == event_id), None)
        hidden = self._evidence.find_protected().find_hidden(actor.role, actor.team, actor.areas)
        is_seen = entry is not None and is_event_disclosed(entry, actor.role, actor.team)
        is_seen = is_seen and not (entry and hidden.withholds_entry(entry))
        if entry is None or not is_seen:
            raise UnknownStream("there is no such entry about this person")
        if not self._is_of(circle, actor):
            raise Forbidden("no-standing", "only the circle of a person objects to an entry about them")
        if entry.team == actor.team:
            raise Forbidden("own-entry", "your team made this entry; retract it instead")
        told = [entry.actor] if self._directory.member(entry.actor) else []
        command = Object(person_id, entry, circle.areas[-1], request.body["reason_code"], told)
        return self._record(request, stream_id(actor.id, request.key), command)

    def answer(self, request: Request) -> Answer:
        """A safeguarding lead answers the objection in the path. Raises UnknownStream."""
        return self._record(request, request.path["objection_id"], AnswerObjection(request.body["outcome"]))

    def _circle_of(self, person_id: str) -> tuple[Circle, list[Evidence]]:
        people = self._evidence.ids_of(person_id)
        evidence = self._evidence.find_around(people)
        return circle_of(person_id, people, evidence), evidence

    def _is_of(self, circle: Circle, actor: Actor) -> bool:
        return not set(actor.areas).isdisjoint(circle.areas) or actor.team in {part.team for part in circle.parts}

    def _may_see(self, person: str, event: Event) -> bool:
        member = self._directory.member(person)
        return member is not None and is_event_disclosed(event, member.role, member.team)

    def _record(self, request: Request, objection_id: str, command: Any) -> Answer:
        stream, creates = f"{AGGREGATE.kind}/{objection_id}", isinstance(command, Object)
        recorded = execute_for(request, self._store, AGGREGATE, stream, command, creates=creates)
        raised = recorded.state.raised.data
        body = {"objection_id": objection_id, "person": raised["person_id"], "event_id": raised["event_id"]}
        return Answer(201, {**body, "version": recorded.version}, version=recorded.version)
