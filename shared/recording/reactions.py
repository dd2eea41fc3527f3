"""Reactions: what a service records by itself because of events that it receives. It also receives its own events.

Guarantees: in the end there are the same reactions, each once, whatever the order, the repetitions and the crashes. If
the cause of a reaction is retracted, the reaction is retracted. If a person retracts a reaction, it is not recorded
again. A message is done when its event is stored on a majority and all its reactions are recorded.

A worker first stores the events, and then reads the streams. After it has recorded anything, it reads the stored events
again. So if two workers run at the same time, at least one of them reads the events of both, and that worker records
last.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database

from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM
from shared.events.documents import document_of, event_of
from shared.events.errors import Contended
from shared.events.mongo import despite_duplicates
from shared.events.recorder import EVENTS_AT_A_TIME
from shared.events.store import EventStore
from shared.kernel.chunks import chunks
from shared.kernel.decisions import CLAIM_CONFIRMED, LEAVES_OUT, Actor, Refused
from shared.kernel.envelope import CIRCLE, NONE, Event
from shared.kernel.history import Command, ConfirmClaim, Retract
from shared.kernel.tables import AppendEntry
from shared.messaging.incoming import Delivery, Done, Outcome, read_event
from shared.recording.reaction_rules import Reaction, ReactionRules
from shared.runtime.observability import get_logger

CAUSE_RETRACTED = "cause_retracted"
_OPERATIONS: dict[type[Command], str] = {
    AppendEntry: "reaction.record",
    Retract: "reaction.retract",
    ConfirmClaim: "reaction.confirm",
}

log = get_logger()


class Reactions:
    """The relevant events that a service has received, and the reactions that follow from them."""

    def __init__(self, database: Database[dict[str, Any]], store: EventStore, rules: ReactionRules) -> None:
        self._received = database["heard"]
        self._store = store
        self._rules = rules

    def ensure_indexes(self) -> None:
        """Create the index for the search for related events. Safe to repeat."""
        self._received.create_index([("refs", ASCENDING)], name="refs")

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """React to the events of these deliveries. Returns the outcome of each delivery.

        Raises when the store cannot be reached. Then nothing is acknowledged.
        """
        read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
        self.react(event for event in read if isinstance(event, Event))
        return [Done() if isinstance(event, Event) else event for event in read]

    def react(self, events: Iterable[Event]) -> None:
        """Store the relevant events, and record all that follows from them. Raises StoreUnavailable."""
        relevant = (event for event in events if event.type in self._rules.relevant_types)
        for some in chunks(relevant, EVENTS_AT_A_TIME):
            self._settle(some)

    def _settle(self, events: list[Event]) -> None:
        self._keep(events)
        while self._record_all(self._find_related(events)):
            pass
        settled = {"_id": {"$in": [event.id for event in events]}, "settled": False}
        self._received.update_many(settled, {"$set": {"settled": True}})

    def _keep(self, events: list[Event]) -> None:
        with despite_duplicates():
            self._received.insert_many([_document(event) for event in events], ordered=False)

    def _find_related(self, events: list[Event]) -> list[Event]:
        """The stored events about the people and records that these events name, then about those that these name, and
        so on.

        A retraction is about its own record. A retracted link or entry still leads to what followed from it.
        """
        related: dict[str, Event] = {}
        known: set[str] = set()
        further = {ref for event in events for ref in CATALOGUE.refs(event)}
        while further:
            known |= further
            documents = list(self._received.find({"refs": {"$in": sorted(further)}}))
            related |= {document["_id"]: event_of(document) for document in documents}
            further = {ref for document in documents for ref in document["refs"]} - known
        return list(related.values())

    def _record_all(self, known: list[Event]) -> bool:
        """Record what follows on every stream that these events touch. Returns whether anything was recorded."""
        own = f"{self._rules.aggregate.kind}/"
        reactions: dict[str, list[Reaction]] = {event.stream: [] for event in known if event.stream.startswith(own)}
        for reaction in self._rules.rule(known):
            if reaction.stream in reactions:
                reactions[reaction.stream].append(reaction)
        answers = (event for event in known if event.type == CLAIM_CONFIRMED and "people" not in event.data)
        confirmed = {event.data["event_id"] for event in answers}
        trusted = [event for event in known if not event.is_claim or event.id in confirmed]
        standing = self._rules.rule(trusted) if len(trusted) < len(known) else None
        recorded = [
            self._record(_StreamHistory(events), reactions[stream], standing)
            for histories in self._store.load_all(reactions)
            for stream, events in histories.items()
            if events
        ]
        return any(recorded)

    def _record(
        self, history: _StreamHistory, reactions: list[Reaction], standing: Collection[Reaction] | None
    ) -> bool:
        """Record the missing reactions and retract those without a cause. Returns whether anything was recorded.

        A reaction that is not among `standing` follows from a claim only, and is itself one. It is confirmed with it.
        """
        wanted = [reaction for reaction in reactions if not history.rules_out(reaction)]
        recorded = False
        for reaction in wanted:
            entries = history.entries_of(reaction)
            is_claim = standing is not None and not any(reaction.is_same_as(one) for one in standing)
            if not entries:
                recorded |= self._append(history, reaction, NONE if is_claim else CIRCLE)
            elif not is_claim and history.waits_for_an_answer(entries[0]):
                recorded |= self._execute(history, ConfirmClaim(event_id=entries[0].id), entries[0].id, CIRCLE)
        caused = {entries[0].id for reaction in wanted if (entries := history.entries_of(reaction))}
        for event in history.standing:
            if event.type in self._rules.records and event.role == SYSTEM and event.id not in caused:
                retract = Retract(event_id=event.id, reason_code=CAUSE_RETRACTED)
                recorded |= self._execute(history, retract, f"{event.id}/{CAUSE_RETRACTED}", event.standing)
        return recorded

    def _append(self, history: _StreamHistory, reaction: Reaction, standing: str) -> bool:
        command = AppendEntry(type=reaction.type, data=reaction.data, caused_by=reaction.cause)
        # A reaction that was retracted with its cause may get a new cause, and then needs a new key.
        times = sum(reaction.matches(event) for event in history.events)
        key = "/".join((reaction.cause, reaction.type, reaction.stream, str(reaction.data[reaction.about]), str(times)))
        return self._execute(history, command, key, standing, lambda events: _require_missing(reaction, events))

    def _execute(
        self,
        history: _StreamHistory,
        command: Command,
        key: str,
        standing: str | None,
        permit: Callable[[list[Event]], None] = lambda events: None,
    ) -> bool:
        """Whether the reaction was recorded now. A refusal is final: the record was retracted, or has ended."""
        first = history.events[0]
        actor = Actor(id=SYSTEM, role=SYSTEM, team=SYSTEM, areas=(first.area,))
        try:
            recorded = self._store.execute(
                self._rules.aggregate,
                first.stream,
                command,
                actor,
                key=key,
                body={},
                operation=_OPERATIONS[type(command)],
                permit=permit,
                stamp=lambda events, event: standing,
            )
        except _AlreadyRecorded:
            return False
        except Refused as refused:
            log.info("reaction refused", stream=first.stream, code=refused.code)
            return False
        except Contended:
            return True  # others are recording there, so read it again
        return not recorded.replayed


def has_settled(
    rules: ReactionRules, receiver: Database[dict[str, Any]], sources: Iterable[Database[dict[str, Any]]]
) -> bool:
    """Whether the service has received all relevant events of these sources, and recorded what follows from them."""
    relevant = {"event.type": {"$in": sorted(rules.relevant_types)}}
    recorded = sum(source["events"].count_documents(relevant) for source in sources)
    return receiver["heard"].count_documents({"settled": True}) == recorded


class _AlreadyRecorded(Exception):
    """Another worker recorded the reaction first, or a person retracted it."""


class _StreamHistory:
    """The entries of one stream: those that are not retracted, and those that a person retracted."""

    def __init__(self, events: list[Event]) -> None:
        retracted_by = {event.data["event_id"]: event.role for event in events if event.type in LEAVES_OUT}
        self.events = events
        self.standing = [event for event in events if event.id not in retracted_by]
        self._confirmed = {event.data["event_id"] for event in events if event.type == CLAIM_CONFIRMED}
        self._retracted = [event for event in events if retracted_by.get(event.id, SYSTEM) != SYSTEM]

    def entries_of(self, reaction: Reaction) -> list[Event]:
        """The standing entries that record this reaction."""
        return [event for event in self.standing if reaction.matches(event)]

    def waits_for_an_answer(self, entry: Event) -> bool:
        """Whether the entry follows from a claim, and nobody has confirmed it."""
        return entry.is_claim and entry.id not in self._confirmed

    def rules_out(self, reaction: Reaction) -> bool:
        """Whether a person retracted the reaction, which is final."""
        return any(reaction.is_ruled_out_by(event) for event in self._retracted)


def _require_missing(reaction: Reaction, events: list[Event]) -> None:
    history = _StreamHistory(events)
    if history.entries_of(reaction) or history.rules_out(reaction):
        raise _AlreadyRecorded


def _document(event: Event) -> dict[str, Any]:
    document = document_of(event, private={}, relay={})
    return {"_id": event.id, "event": document["event"], "refs": list(CATALOGUE.refs(event)), "settled": False}
