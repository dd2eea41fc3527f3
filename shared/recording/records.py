"""From a request to a recorded fact and back: what the recording services' routes have in common.

Guarantee: an answer tells of the state that the stored stream folds to. A reader outside the record's area (and, once
its person has moved, outside the new one; a move is open to both of its areas), or outside its disclosure class and
with no part in it, gets none of it; of what they may read, an entry of another class stays withheld. The answer to a
command tells no more than that.
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
from shared.kernel.decisions import RETRACTION, Actor, Aggregate, Forbidden, Invalid
from shared.kernel.envelope import Event
from shared.kernel.history import Command, History, Retract, require_area, teams_of
from shared.kernel.ids import new_person_id, person_id_from_nhs_number
from shared.kernel.nhs_number import format_nhs_number
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import CommandBody, Instant, timing

STEP_ERRORS = (404, 409, 412)

LivesIn = Callable[[str], Collection[str]]
"""The areas in which a person has come to live by recorded moves."""


def nowhere_else(person_id: str) -> Collection[str]:
    """The answer of a service that knows of no moves between areas."""
    return ()


class RetractionBody(CommandBody):
    """Strikes out one entry of the record as made in error."""

    event_id = fields.UUID(required=True, metadata={"description": "the entry, by its `event_id`"})
    reason_code = Slug(required=True)


class RecordedAnswer(Schema):
    """What every record answers; `version` is the number of its entries, and what If-Match takes."""

    person_id = fields.String(required=True)
    area = fields.String(required=True)
    state = fields.String(attribute="status", allow_none=True, required=True)
    version = fields.Integer(required=True)


class Entry(Schema):
    """One entry of a record. `private` is what stays in this service: notes, names, references.

    `withheld` names the disclosure class of an entry that is not for the reader's role: its type, data and private part
    are left out; the team that made it can be asked.
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


class Shown(NamedTuple):
    """A record as its reader may see it; `seen` is what the entries that they may read fold to."""

    state: Any
    seen: Any
    version: int
    entries: list[dict[str, Any]]


class Records:
    """Records of one service, by aggregate and id. What it raises, the table of problems answers."""

    def __init__(self, store: EventStore, lives_in: LivesIn = nowhere_else) -> None:
        self._store = store
        self._lives_in = lives_in

    def begin(
        self, aggregate: Aggregate[Any], record_id: str, command: Command, request: Request, location: str
    ) -> Answer:
        """Record the command that begins a history."""
        return self._give(aggregate, record_id, command, request, location=f"{location}/{record_id}", begins=True)

    def follow(self, aggregate: Aggregate[Any], record_id: str, command: Command, request: Request) -> Answer:
        """Record a further command on a history that exists."""
        return self._give(aggregate, record_id, command, request)

    def retract(self, aggregate: Aggregate[Any], record_id: str, request: Request) -> Answer:
        """Strike out an entry, from a `RetractionBody`."""
        said = command_fields(request.body)
        return self.follow(aggregate, record_id, Retract(**{**said, "event_id": str(said["event_id"])}), request)

    def show(self, aggregate: Aggregate[Any], record_id: str, actor: Actor) -> Shown:
        """The record with every entry, private parts included. Raises UnknownStream, or Forbidden."""
        stream = f"{aggregate.kind}/{record_id}"
        history = self._store.load(stream)
        if not history:
            raise UnknownStream(f"there is no {aggregate.kind} with this id")
        self._admitted(aggregate, history, actor)
        state = aggregate.fold(history)
        private = self._store.private_of(stream)
        readable = _readable(history, actor)
        seen = _seen(aggregate, history, readable)
        return Shown(state, seen, len(history), list(_entries(history, private, state, readable)))

    def lives_among(self, person_id: str, actor: Actor) -> bool:
        """Whether the person has come to live in an area of the actor's."""
        return bool(set(actor.areas).intersection(self._lives_in(person_id)))

    def knows(self, aggregate: Aggregate[Any], record_id: str) -> bool:
        """Whether there is such a record, and its beginning stands."""
        return aggregate.fold(self._store.load(f"{aggregate.kind}/{record_id}")).status is not None

    def last_private(self, aggregate: Aggregate[Any], record_id: str, event_type: str) -> Mapping[str, Any]:
        """The private part of the last standing entry of this type; empty when there is none."""
        stream = f"{aggregate.kind}/{record_id}"
        history = self._store.load(stream)
        struck_out = aggregate.fold(history).retracted
        standing = [event.id for event in history if event.type == event_type and event.id not in struck_out]
        return self._store.private_of(stream)[standing[-1]] if standing else {}

    def state_of(self, aggregate: Aggregate[Any], record_id: str, field: str) -> Any:
        """The state of a record that a body names in `field`. Raises Invalid for one that is unknown or retracted."""
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
            permit=lambda history: None if begins else self._admitted(aggregate, history, request.actor),
        )
        told = _told(aggregate, recorded.history, request.actor)
        is_whole = len(told) == len(recorded.history)
        seen = recorded.state if is_whole else _seen(aggregate, recorded.history, told)
        body = {**body_of(aggregate, record_id, seen, recorded.version), "event_id": recorded.event.id}
        return Answer(201, body, version=recorded.version, location=location)

    def _admitted(self, aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor) -> Actor:
        """The actor as they may act on this record. Refuses, as forbidden, who may not.

        Where its person has come to live, and where it is open to besides, they go on with it as with their own.
        """
        if history and history[0].area not in actor.areas:
            state = aggregate.fold(history)
            is_open = not set(actor.areas).isdisjoint(state.also_open_to)
            if is_open or (state.person_id and self.lives_among(state.person_id, actor)):
                actor = replace(actor, also_in=(history[0].area,))
        require_part_in(history, actor)
        return actor


def step(
    aggregate: Aggregate[Any],
    url: str,
    answer: type[Schema],
    verb: str,
    access: str,
    body: type[Schema],
    gives: type[Command],
    summary: str,
) -> Callable[[Any, Request], Answer]:
    """A route `POST <url>/<verb>` that records one further step: its body is the command `gives`.

    `url` ends in the record's id, in angle brackets; `access` is the command in the access table.
    """

    @endpoint(
        "POST", f"{url}/{verb}", command=access, body=body, answers={201: answer}, summary=summary, errors=STEP_ERRORS
    )
    def record(self: Any, request: Request) -> Answer:
        records: Records = self.dependencies.records
        (record_id,) = request.path.values()
        return records.follow(aggregate, record_id, gives(**command_fields(request.body)), request)

    return record


def retraction(aggregate: Aggregate[Any], url: str, answer: type[Schema]) -> Callable[[Any, Request], Answer]:
    """The route `POST <url>/retractions`, which strikes out an entry of a record."""

    @endpoint(
        "POST",
        f"{url}/retractions",
        command="record.retract",
        body=RetractionBody,
        answers={201: answer},
        summary="Strike out one entry as recorded in error; it stays visible as such",
        errors=STEP_ERRORS,
    )
    def record(self: Any, request: Request) -> Answer:
        records: Records = self.dependencies.records
        (record_id,) = request.path.values()
        return records.retract(aggregate, record_id, request)

    return record


def body_of(aggregate: Aggregate[Any], record_id: str, state: History, version: int) -> dict[str, Any]:
    """A state as an answer's schema takes it: its fields, its version, and `<kind>_id`."""
    said = {declared.name: getattr(state, declared.name) for declared in dataclasses.fields(state)}
    return {**said, f"{aggregate.kind.replace('-', '_')}_id": record_id, "version": version}


def command_fields(body: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """The fields of a loaded body as a command takes them, without those that only steer the request."""
    said = {name: value for name, value in body.items() if name not in ("occurred_at", *without)}
    return {**said, **timing(body)}


def person_id_for(request: Request, person_id_key: Callable[[], bytes]) -> str:
    """The person id that a registration leads to: from the NHS number if the body has one, else from the request."""
    number = request.body.get("nhs_number")
    if number:
        return person_id_from_nhs_number(number, person_id_key())
    return new_person_id(request.actor.id, request.key)


def identity_of(shown: Shown, registered: str) -> dict[str, str]:
    """Name, date of birth and NHS number (written 3-3-4) from the last standing event of the type `registered`."""
    standing = [entry for entry in shown.entries if entry["type"] == registered and not entry["retracted"]]
    identity = dict(standing[-1]["private"]) if standing else {}
    identity.pop("note", None)
    if "nhs_number" in identity:
        identity["nhs_number"] = format_nhs_number(identity["nhs_number"])
    return identity


def require_part_in(history: Sequence[Event], actor: Actor) -> None:
    """Refuse (403) whoever is outside the record's area, or may not see it and whose team has no part in it."""
    if history:
        require_area(actor, history[0].area)
        require_disclosure(actor, history[0].type, teams_of(history))


def require_disclosure(actor: Actor, event_type: str, teams: Collection[str]) -> None:
    """Refuse (403) an actor whose role may not see such events and whose team has no part in the record."""
    if not may_see(actor.role, CATALOGUE[event_type].disclosure) and actor.team not in teams:
        raise Forbidden("not-disclosed", "this record is not for your role; ask the team that keeps it to contact you")


def _readable(history: Sequence[Event], actor: Actor) -> set[str]:
    """The entries that the actor may read: of a class for their role, written by or addressed to their team.

    A part in the record opens the class that it began in, and no other.
    """
    begun_in = CATALOGUE[history[0].type].disclosure
    has_part = actor.team in teams_of(history)

    def is_readable(event: Event) -> bool:
        disclosure = CATALOGUE[event.type].disclosure
        if may_see(actor.role, disclosure) or actor.team in teams_of([event]):
            return True
        return has_part and disclosure == begun_in

    return {event.id for event in history if is_readable(event)}


def _told(aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor) -> set[str]:
    """The entries that the answer to the actor's command may tell of: those of their own team for a role that may give
    a command on such a record and not read it."""
    if actor.role in ACCESS.get(f"{aggregate.kind.replace('-', '_')}.read", ()):
        return _readable(history, actor)
    return {event.id for event in history if event.team == actor.team}


def _seen(aggregate: Aggregate[Any], history: Sequence[Event], readable: Collection[str]) -> Any:
    """What the readable entries fold to, those struck out left out."""
    return aggregate.fold(event for event in history if event.type == RETRACTION or event.id in readable)


def _entries(
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
