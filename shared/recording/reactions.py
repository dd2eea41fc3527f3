"""Reactions: what a service records by itself because of what it heard, from others and from itself.

Guarantees: in any order, with any repetition and a crash anywhere, the same reactions end up standing, each once; one
whose reason was retracted is retracted. A message is done when what it says is kept on a majority and all that follows
from it is recorded.

Whoever hears keeps first and reads the streams then; whoever has recorded something reads what is kept once more. So of
two who work at once, at least one knows what both know, and it has the last word. What a person struck out is not said
again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM
from shared.events.documents import document_of, event_of
from shared.events.errors import Contended
from shared.events.mongo import despite_duplicates
from shared.events.store import EventStore
from shared.kernel.decisions import RETRACTION, Actor, Refused
from shared.kernel.envelope import Event
from shared.kernel.history import Command, Retract
from shared.kernel.tables import AppendEntry
from shared.messaging.incoming import Delivery, Done, Outcome, read_event
from shared.recording.reaction_rules import Reaction, ReactionsOf
from shared.runtime.observability import get_logger

CAUSE_RETRACTED = "cause_retracted"

log = get_logger()


class Reactions:
    """The events that a service has heard and that can matter to it, and the reactions that follow from them."""

    def __init__(self, database: Database[dict[str, Any]], store: EventStore, of: ReactionsOf) -> None:
        self._heard = database["heard"]
        self._store = store
        self._of = of

    def ensure_indexes(self) -> None:
        """Safe to repeat."""
        self._heard.create_index([("refs", ASCENDING)], name="refs")

    def hear(self, deliveries: list[Delivery]) -> list[Outcome]:
        """The outcome of each delivery. Raises when the store cannot be reached; nothing is acknowledged then."""
        read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
        self.react(event for event in read if isinstance(event, Event))
        return [Done() if isinstance(event, Event) else event for event in read]

    def react(self, events: Iterable[Event]) -> None:
        """Keep those of the events that can matter, and record all that follows. Raises StoreUnavailable."""
        matter = [event for event in events if event.type in self._of.matters]
        if not matter:
            return
        self._keep(matter)
        while self._record_all(self._bearing_on(matter)):
            pass
        settled = {"_id": {"$in": [event.id for event in matter]}, "settled": False}
        self._heard.update_many(settled, {"$set": {"settled": True}})

    def _keep(self, events: list[Event]) -> None:
        with despite_duplicates():
            self._heard.insert_many([_document(event) for event in events], ordered=False)

    def _bearing_on(self, events: list[Event]) -> list[Event]:
        """All that is kept of the people and records that these events name, of those which that names, and so on.

        A retraction is of the record that it is in. What once bore on something always does, so a link or an entry that
        stands no more still leads to what followed from it.
        """
        found: dict[str, Event] = {}
        known: set[str] = set()
        further = {ref for event in events for ref in CATALOGUE.refs(event)}
        while further:
            known |= further
            documents = list(self._heard.find({"refs": {"$in": sorted(further)}}))
            found |= {document["_id"]: event_of(document) for document in documents}
            further = {ref for document in documents for ref in document["refs"]} - known
        return list(found.values())

    def _record_all(self, known: list[Event]) -> bool:
        """Bring every stream that these events touch to what follows from them. Whether anything was recorded."""
        reactions = self._of.rule(known)
        streams = {event.stream for event in known if event.stream.startswith(f"{self._of.aggregate.kind}/")}
        recorded = [
            self._record(stream, [reaction for reaction in reactions if reaction.stream == stream])
            for stream in sorted(streams)
        ]
        return any(recorded)

    def _record(self, stream: str, reactions: list[Reaction]) -> bool:
        """Say what is missing here and strike out what has no reason any more. Whether anything was recorded."""
        past = _Past(self._store.load(stream))
        if not past.events:
            return False
        wanted = [reaction for reaction in reactions if not past.denies(reaction)]
        recorded = False
        for reaction in wanted:
            if not past.says(reaction):
                recorded |= self._tell(past, reaction)
        reasoned = {said[0].id for reaction in wanted if (said := past.says(reaction))}
        for event in past.standing:
            if event.type in self._of.says and event.role == SYSTEM and event.id not in reasoned:
                retract = Retract(event_id=event.id, reason_code=CAUSE_RETRACTED)
                recorded |= self._execute(past, retract, f"{event.id}/{CAUSE_RETRACTED}")
        return recorded

    def _tell(self, past: _Past, reaction: Reaction) -> bool:
        command = AppendEntry(type=reaction.type, data=reaction.data, caused_by=reaction.cause)
        # What was said and struck out for want of a reason may get one again.
        times = sum(reaction.is_said_by(event) for event in past.events)
        key = "/".join((reaction.cause, reaction.type, reaction.stream, str(reaction.data[reaction.about]), str(times)))
        return self._execute(past, command, key, lambda history: _require_missing(reaction, history))

    def _execute(
        self, past: _Past, command: Command, key: str, permit: Callable[[list[Event]], None] = lambda history: None
    ) -> bool:
        """Whether it was recorded now. A refusal is an answer: the record was retracted, or has come to an end."""
        first = past.events[0]
        actor = Actor(id=SYSTEM, role=SYSTEM, team=SYSTEM, areas=(first.area,))
        try:
            recorded = self._store.execute(
                self._of.aggregate,
                first.stream,
                command,
                actor,
                key=key,
                body={},
                operation="reaction.retract" if isinstance(command, Retract) else "reaction.record",
                permit=permit,
            )
        except _AlreadySaid:
            return False
        except Refused as refused:
            log.info("reaction refused", stream=first.stream, code=refused.code)
            return False
        except Contended:
            return True  # others are recording there: look again
        return not recorded.replayed


def has_settled(of: ReactionsOf, hearer: Database[dict[str, Any]], sources: Iterable[Database[dict[str, Any]]]) -> bool:
    """Whether the service has heard all that can matter of what these have recorded, and recorded what follows."""
    wanted = {"event.type": {"$in": sorted(of.matters)}}
    recorded = sum(source["events"].count_documents(wanted) for source in sources)
    return hearer["heard"].count_documents({"settled": True}) == recorded


class _AlreadySaid(Exception):
    """Another worker said it first, or a person struck it out."""


class _Past:
    """The entries of one stream: those that stand, and those that a person struck out."""

    def __init__(self, events: list[Event]) -> None:
        struck_by = {event.data["event_id"]: event.role for event in events if event.type == RETRACTION}
        self.events = events
        self.standing = [event for event in events if event.id not in struck_by]
        self._denied = [event for event in events if struck_by.get(event.id, SYSTEM) != SYSTEM]

    def says(self, reaction: Reaction) -> list[Event]:
        """The standing entries that say it."""
        return [event for event in self.standing if reaction.is_said_by(event)]

    def denies(self, reaction: Reaction) -> bool:
        """Whether a person struck it out, which is final."""
        return any(reaction.is_denied_by(event) for event in self._denied)


def _require_missing(reaction: Reaction, history: list[Event]) -> None:
    past = _Past(history)
    if past.says(reaction) or past.denies(reaction):
        raise _AlreadySaid


def _document(event: Event) -> dict[str, Any]:
    document = document_of(event, private={}, relay={})
    return {"_id": event.id, "event": document["event"], "refs": list(CATALOGUE.refs(event)), "settled": False}
