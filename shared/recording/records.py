"""From a request to a recorded fact and back: what the routes of the recording services share.

Guarantee: an answer is made from the fold of the stored stream. Only readers of the record's area may read the record.
After its person has moved, readers of the new area may too. Readers of both areas may read a move. The role of the
reader may see the record's disclosure class, or their team has a part in the record. Entries of another class are
withheld. The answer to a command shows no more than that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from marshmallow import Schema, fields

from shared.contracts import CATALOGUE
from shared.contracts.access import ACCESS, may_see
from shared.contracts.fields import Slug
from shared.events.errors import UnknownStream
from shared.events.store import EventStore
from shared.kernel.decisions import RETRACTION, Actor, Aggregate, Fact, Forbidden, Invalid
from shared.kernel.envelope import Event
from shared.kernel.history import Command, History, Retract, require_area, teams_of
from shared.kernel.ids import new_person_id, person_id_from_nhs_number
from shared.kernel.nhs_number import format_nhs_number
from shared.recording.directory_copy import DirectoryCopy
from shared.recording.names import NameCheck
from shared.web.exchange import Answer, Request
from shared.web.fields import CommandBody, Instant, timing

LivesIn = Callable[[str], Collection[str]]
"""The areas where a person lives, according to their recorded moves."""


def nowhere_else(person_id: str) -> Collection[str]:
    """The function for a service that records no moves between areas."""
    return ()


class RetractionBody(CommandBody):
    """Retracts one entry of the record as made in error."""

    event_id = fields.UUID(required=True, metadata={"description": "the entry, by its `event_id`"})
    reason_code = Slug(required=True)


class RecordedAnswer(Schema):
    """What every record answers. `version` is the number of its entries, and the value for If-Match."""

    person_id = fields.String(required=True)
    area = fields.String(required=True)
    state = fields.String(attribute="status", allow_none=True, required=True)
    version = fields.Integer(required=True)


class Entry(Schema):
    """One entry of a record. `private` is what stays in this service: notes, names, references.

    `withheld` names the disclosure class of an entry that is not for the reader's role. Its type, data and private part
    are left out; the reader can ask the team that made it.
    """

    event_id = fields.String(required=True)
    type = fields.String(required=True, allow_none=True)
    occurred_at = Instant(required=True)
    precision = fields.String(required=True)
    recorded_at = Instant(required=True)
    actor = fields.String(required=True)
    role = fields.String(required=True)
    team = fields.String(required=True)
    data = fields.Dict(keys=fields.String(), required=True)
    private = fields.Dict(keys=fields.String(), required=True)
    retracted = fields.Boolean(required=True)
    withheld = fields.String(required=True, allow_none=True)


IDENTITY: Mapping[str, fields.Field] = {
    name: fields.String(allow_none=True) for name in ("given_name", "family_name", "date_of_birth", "nhs_number")
}
"""What only this service holds of a person. The NHS number is written 3-3-4."""


class ReadableRecord(NamedTuple):
    """A record for one reader. `readable_state` is the fold of the entries that they may read."""

    state: Any
    readable_state: Any
    version: int
    entries: list[dict[str, Any]]


class Records:
    """The records of one service, by aggregate and id. The table of problems answers what its methods raise."""

    def __init__(self, store: EventStore, lives_in: LivesIn = nowhere_else, names: NameCheck | None = None) -> None:
        self._store = store
        self._lives_in = lives_in
        self._names = names

    @property
    def directory(self) -> DirectoryCopy | None:
        """The copy of the directory; None while this service has never heard of it."""
        return None if self._names is None or self._names.directory.is_empty else self._names.directory

    def begin(
        self, aggregate: Aggregate[Any], record_id: str, command: Command, request: Request, location: str
    ) -> Answer:
        """Record the command that begins a history."""
        return self._give(aggregate, record_id, command, request, location=f"{location}/{record_id}", begins=True)

    def follow(self, aggregate: Aggregate[Any], record_id: str, command: Command, request: Request) -> Answer:
        """Record a further command in an existing history."""
        return self._give(aggregate, record_id, command, request)

    def retract(self, aggregate: Aggregate[Any], record_id: str, request: Request) -> Answer:
        """Retract an entry, from a `RetractionBody`."""
        given = command_fields(request.body)
        return self.follow(aggregate, record_id, Retract(**{**given, "event_id": str(given["event_id"])}), request)

    def present(self, aggregate: Aggregate[Any], record_id: str, actor: Actor) -> ReadableRecord:
        """The record with every entry, private parts included. Raises UnknownStream, or Forbidden."""
        stream = f"{aggregate.kind}/{record_id}"
        history = self._store.load(stream)
        if not history:
            raise UnknownStream(f"there is no {aggregate.kind} with this id")
        self._admit(aggregate, history, actor)
        state = aggregate.fold(history)
        private = self._store.private_of(stream)
        readable = _readable(history, actor)
        return ReadableRecord(
            state,
            _fold_readable(aggregate, history, readable),
            len(history),
            list(_present_entries(history, private, state, readable)),
        )

    def lives_among(self, person_id: str, actor: Actor) -> bool:
        """Whether a recorded move says that the person now lives in one of the actor's areas."""
        return bool(set(actor.areas).intersection(self._lives_in(person_id)))

    def has(self, aggregate: Aggregate[Any], record_id: str) -> bool:
        """Whether the record exists and its beginning was not retracted."""
        return aggregate.fold(self._store.load(f"{aggregate.kind}/{record_id}")).status is not None

    def last_private(self, aggregate: Aggregate[Any], record_id: str, event_type: str) -> Mapping[str, Any]:
        """The private part of the last standing entry of this type. Empty if there is no such entry."""
        stream = f"{aggregate.kind}/{record_id}"
        history = self._store.load(stream)
        retracted = aggregate.fold(history).retracted
        standing = [event.id for event in history if event.type == event_type and event.id not in retracted]
        return self._store.private_of(stream)[standing[-1]] if standing else {}

    def find(self, aggregate: Aggregate[Any], record_id: str) -> Any:
        """The present state of a record. Raises UnknownStream."""
        return self._store.state_of(aggregate, f"{aggregate.kind}/{record_id}")[0]

    def state_of(self, aggregate: Aggregate[Any], record_id: str, field: str) -> Any:
        """The state of the record that a body names in `field`. Raises Invalid if it is unknown or retracted."""
        state = aggregate.fold(self._store.load(f"{aggregate.kind}/{record_id}"))
        if state.status is None:
            noun = aggregate.kind.replace("-", " ")
            raise Invalid("unknown-reference", f"no such {noun}", fields={field: [f"no such {noun} here"]})
        return state

    def _give(
        self,
        aggregate: Aggregate[Any],
        record_id: str,
        command: Command,
        request: Request,
        *,
        location: str | None = None,
        begins: bool = False,
    ) -> Answer:
        recorded = self._store.execute(
            aggregate,
            f"{aggregate.kind}/{record_id}",
            command,
            request.actor,
            key=request.key,
            body=request.body,
            operation=request.operation,
            expected_version=request.expected_version,
            correlation_id=request.correlation_id,
            begins=begins,
            permit=lambda history: None if begins else self._admit(aggregate, history, request.actor),
            check=lambda fact: self._check_names(fact, command, request.actor),
        )
        readable = _readable_after_command(aggregate, recorded.history, request.actor)
        is_whole = len(readable) == len(recorded.history)
        state = recorded.state if is_whole else _fold_readable(aggregate, recorded.history, readable)
        body = {**body_of(aggregate, record_id, state, recorded.version), "event_id": recorded.event.id}
        return Answer(201, body, version=recorded.version, location=location)

    def _check_names(self, fact: Fact, command: Command, actor: Actor) -> None:
        if self._names is not None:
            self._names.require_known(fact, getattr(command, "data", {}), actor)

    def _admit(self, aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor) -> Actor:
        """The actor, with the areas in which they may act on this record. Refuses everybody else as forbidden.

        Actors of the area where the person now lives, and of areas that share the record, act on it as on their own.
        """
        if history and history[0].area not in actor.areas:
            state = aggregate.fold(history)
            is_open = not set(actor.areas).isdisjoint(state.also_open_to)
            if is_open or (state.person_id and self.lives_among(state.person_id, actor)):
                actor = replace(actor, also_in=(history[0].area,))
        require_part_in(history, actor)
        return actor


def body_of(aggregate: Aggregate[Any], record_id: str, state: History, version: int) -> dict[str, Any]:
    """A state in the form that the schema of an answer needs: its fields, its version, and `<kind>_id`."""
    values = {declared.name: getattr(state, declared.name) for declared in dataclasses.fields(state)}
    return {**values, f"{aggregate.kind.replace('-', '_')}_id": record_id, "version": version}


def command_fields(body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a loaded body in the form that a command needs."""
    return {**{name: value for name, value in body.items() if name != "occurred_at"}, **timing(body)}


def person_id_for(request: Request, person_id_key: Callable[[], bytes]) -> str:
    """The id for the person in a registration: made from the NHS number if the body has one, or from the request."""
    number = request.body.get("nhs_number")
    if number:
        return person_id_from_nhs_number(number, person_id_key())
    return new_person_id(request.actor.id, request.key)


def identity_of(record: ReadableRecord, registered: str) -> dict[str, str]:
    """The private part of the last standing event of the type `registered`, with the NHS number written 3-3-4."""
    standing = [entry for entry in record.entries if entry["type"] == registered and not entry["retracted"]]
    identity = dict(standing[-1]["private"]) if standing else {}
    identity.pop("note", None)
    if "nhs_number" in identity:
        identity["nhs_number"] = format_nhs_number(identity["nhs_number"])
    return identity


def require_part_in(history: Sequence[Event], actor: Actor) -> None:
    """Refuse as forbidden an actor outside the record's area, or without a part in it if their role may not see it."""
    if history:
        require_area(actor, history[0].area)
        require_disclosure(actor, history[0].type, teams_of(history))


def require_disclosure(actor: Actor, event_type: str, teams: Collection[str]) -> None:
    """Refuse as forbidden an actor whose role may not see such events and whose team has no part in the record."""
    if not may_see(actor.role, CATALOGUE[event_type].disclosure) and actor.team not in teams:
        raise Forbidden("not-disclosed", "this record is not for your role; ask the team that keeps it to contact you")


def _readable(history: Sequence[Event], actor: Actor) -> set[str]:
    """The entries that the actor may read: entries whose class is open to their role, and entries by or to their team.

    A team with a part in the record may also read entries of the class of the first entry, but of no other class.
    """
    begun_in = CATALOGUE[history[0].type].disclosure
    has_part = actor.team in teams_of(history)

    def is_readable(event: Event) -> bool:
        disclosure = CATALOGUE[event.type].disclosure
        if may_see(actor.role, disclosure) or actor.team in teams_of([event]):
            return True
        return has_part and disclosure == begun_in

    return {event.id for event in history if is_readable(event)}


def _readable_after_command(aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor) -> set[str]:
    """The entries that the answer to a command may show: only the team's own, if the role may not read such records."""
    if actor.role in ACCESS.get(f"{aggregate.kind.replace('-', '_')}.read", ()):
        return _readable(history, actor)
    return {event.id for event in history if event.team == actor.team}


def _fold_readable(aggregate: Aggregate[Any], history: Sequence[Event], readable: Collection[str]) -> Any:
    """The fold of the readable entries, without retracted ones."""
    return aggregate.fold(event for event in history if event.type == RETRACTION or event.id in readable)


def _present_entries(
    history: Sequence[Event], private: Mapping[str, Any], state: History, readable: Collection[str]
) -> Iterator[dict[str, Any]]:
    for event in history:
        is_readable = event.id in readable
        yield {
            "event_id": event.id,
            "type": event.type if is_readable else None,
            "occurred_at": event.occurred_at,
            "precision": event.precision,
            "recorded_at": event.recorded_at,
            "actor": event.actor,
            "role": event.role,
            "team": event.team,
            "data": event.data if is_readable else {},
            "private": private.get(event.id, {}) if is_readable else {},
            "retracted": event.id in state.retracted,
            "withheld": None if is_readable else CATALOGUE[event.type].disclosure,
        }
