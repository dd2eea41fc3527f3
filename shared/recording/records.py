"""From a request to a recorded fact and back: what the routes of the recording services share.

Guarantee: an answer is made from the fold of the stored stream. Only readers of the record's area may read the record.
After its person has moved, readers of the new area may too. Readers of both areas may read a move. The role of the
reader may see the record's disclosure class, or their team has a part in the record. Entries of another class are
withheld: an answer depends on them only by whom to ask about them. Version, state and facts are those of the other
entries. The answer to a command shows no more than that.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

from marshmallow import Schema, fields

from shared.contracts import CATALOGUE
from shared.contracts.access import ACCESS, may_see, signposts_to
from shared.contracts.fields import Slug
from shared.events.errors import UnknownStream
from shared.events.store import EventStore
from shared.kernel.decisions import ABOUT_AN_ENTRY, Actor, Aggregate, Fact, Forbidden, Invalid
from shared.kernel.envelope import Event
from shared.kernel.history import Command, ConfirmClaim, History, RejectClaim, Retract, require_area, teams_of
from shared.kernel.ids import new_person_id, person_id_from_nhs_number
from shared.kernel.nhs_number import format_nhs_number
from shared.recording.directory_copy import DirectoryCopy
from shared.recording.names import NameCheck
from shared.recording.standing import LivesIn, Standings, nowhere_else
from shared.recording.views import RecordView
from shared.web.exchange import Answer, Request
from shared.web.fields import CommandBody, Instant, timing


class RetractionBody(CommandBody):
    """Retracts one entry of the record as made in error."""

    event_id = fields.UUID(required=True, metadata={"description": "the entry, by its `event_id`"})
    reason_code = Slug(required=True)


class ConfirmationBody(CommandBody):
    """Confirms one entry of the record that somebody without standing made."""

    event_id = fields.UUID(required=True, metadata={"description": "the entry, by its `event_id`"})


class RejectionBody(ConfirmationBody):
    """Rejects one entry of the record that somebody without standing made."""

    reason_code = Slug(required=True)


class RecordedAnswer(Schema):
    """What every record answers. `version` is how many of its entries you may read, and the value for If-Match."""

    person_id = fields.String(required=True)
    area = fields.String(required=True)
    state = fields.String(attribute="status", allow_none=True, required=True)
    version = fields.Integer(required=True)


class Entry(Schema):
    """One entry of a record that you may read. `private` is what stays in this service: notes, names, references.

    `withheld` is always null: an entry that you may not read is in no answer.
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


Permit = Callable[[list[Event]], Actor | None]


class ReadableRecord(NamedTuple):
    """A record for one reader: fold, number and list of the entries that they may read; whom to ask about others."""

    state: Any
    version: int
    entries: list[dict[str, Any]]
    signposts: list[str]


class Records:
    """The records of one service, by aggregate and id. The table of problems answers what its methods raise."""

    def __init__(
        self,
        store: EventStore,
        standings: Standings,
        lives_in: LivesIn = nowhere_else,
        names: NameCheck | None = None,
    ) -> None:
        self._store = store
        self._standings = standings
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

    def answer_claim(
        self, aggregate: Aggregate[Any], record_id: str, request: Request, command: type[ConfirmClaim | RejectClaim]
    ) -> Answer:
        """Confirm or reject an entry, from a `ConfirmationBody` or a `RejectionBody`."""
        given = command_fields(request.body)
        given["event_id"] = event_id = str(given["event_id"])
        is_rejection = issubclass(command, RejectClaim)
        if not is_rejection:
            history = self._load(f"{aggregate.kind}/{record_id}")
            given["people"] = self._standings.find_people_to_confirm(history, event_id, request.actor)
        return self._give(
            aggregate,
            record_id,
            command(**given),
            request,
            permit=lambda history: self._standings.admit_to_answer(
                history, event_id, request.actor, for_all=is_rejection
            ),
        )

    def present(self, aggregate: Aggregate[Any], record_id: str, actor: Actor) -> ReadableRecord:
        """The record with every entry that the actor may read, private parts included.

        Raises UnknownStream, or Forbidden.
        """
        stream = f"{aggregate.kind}/{record_id}"
        history = self._store.load(stream)
        if not history:
            raise UnknownStream(f"there is no {aggregate.kind} with this id")
        self._admit(aggregate, history, actor)
        readable = _find_readable(history, actor)
        state = aggregate.fold(readable)
        entries = _present_entries(readable, self._store.private_of(stream), state)
        return ReadableRecord(state, len(readable), list(entries), signposts_to(_find_withheld(history, readable)))

    def cut_to_readable(self, kind: str, views: Sequence[RecordView], actor: Actor) -> None:
        """Give each view the version and the last change that the actor may read of its record.

        The other fields of a view depend on no entry of another class than the record's own.
        """
        if _may_see_all_of(self._store.source, actor.role):
            return
        names = [f"{kind}/{view.id}" for view in views]
        histories = {name: history for some in self._store.load_all(names) for name, history in some.items()}
        for name, view in zip(names, views, strict=True):
            readable = _find_readable(histories[name][: view.version], actor)
            view.version, view.changed_at = len(readable), readable[-1].recorded_at

    def lives_among(self, person_id: str, actor: Actor) -> bool:
        """Whether a recorded move says that the person now lives in one of the actor's areas."""
        return bool(set(actor.areas).intersection(self._lives_in(person_id)))

    def has(self, aggregate: Aggregate[Any], record_id: str) -> bool:
        """Whether the record exists and its beginning was not retracted."""
        return aggregate.fold(self._load(f"{aggregate.kind}/{record_id}")).status is not None

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
        state = aggregate.fold(self._load(f"{aggregate.kind}/{record_id}"))
        if state.status is None:
            noun = aggregate.kind.replace("-", " ")
            raise Invalid("unknown-reference", f"no such {noun}", fields={field: [f"no such {noun} here"]})
        return state

    def _load(self, stream: str) -> list[Event]:
        history = self._store.load(stream)
        self._standings.note(stream, history)
        return history

    def _give(
        self,
        aggregate: Aggregate[Any],
        record_id: str,
        command: Command,
        request: Request,
        *,
        location: str | None = None,
        begins: bool = False,
        permit: Permit | None = None,
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
            permit=permit or (lambda history: None if begins else self._admit(aggregate, history, request.actor)),
            check=lambda fact: self._check_names(fact, command, request.actor),
            stamp=lambda history, event: self._standings.find(aggregate, history, event, request.actor),
            version_of=lambda history: len(_find_readable_after_command(aggregate, history, request.actor)),
        )
        readable = _find_readable_after_command(aggregate, recorded.history, request.actor)
        version, is_whole = len(readable), len(readable) == len(recorded.history)
        state = recorded.state if is_whole else aggregate.fold(readable)
        body = {**body_of(aggregate, record_id, state, version), "event_id": recorded.event.id}
        return Answer(201, body, version=version, location=location)

    def _check_names(self, fact: Fact, command: Command, actor: Actor) -> str | None:
        return self._names.require_known(fact, getattr(command, "data", {}), actor) if self._names else None

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


@cache
def _may_see_all_of(service: str, role: str) -> bool:
    """Whether the role may see every class of the events that the service records."""
    return all(may_see(role, one.disclosure) for one in CATALOGUE if service in one.speakers)


def _find_readable(history: Sequence[Event], actor: Actor) -> list[Event]:
    """The entries that the actor may read: entries whose class is open to their role, and entries by or to their team.

    A team with a part in the record may also read entries of the class of the first entry, but of no other class.
    Whoever may read an entry may read its retraction.
    """
    if not history:
        return []
    begun_in = CATALOGUE[history[0].type].disclosure
    has_part = actor.team in teams_of(history)

    def is_readable(event: Event) -> bool:
        disclosure = CATALOGUE[event.type].disclosure
        if actor.team in teams_of([event]):
            return True
        is_open = may_see(actor.role, disclosure) or (has_part and disclosure == begun_in)
        return event.type not in ABOUT_AN_ENTRY and is_open

    return _with_retractions(history, filter(is_readable, history))


def _find_readable_after_command(aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor) -> list[Event]:
    """The entries that the answer to a command may show: only the team's own, if the role may not read such records."""
    if actor.role in ACCESS.get(f"{aggregate.kind.replace('-', '_')}.read", ()):
        return _find_readable(history, actor)
    return _with_retractions(history, (event for event in history if event.team == actor.team))


def _with_retractions(history: Sequence[Event], readable: Iterable[Event]) -> list[Event]:
    ids = {event.id for event in readable}
    retracting = (event.id for event in history if event.type in ABOUT_AN_ENTRY and event.data["event_id"] in ids)
    shown = ids.union(retracting)
    return [event for event in history if event.id in shown]


def _find_withheld(history: Sequence[Event], readable: Sequence[Event]) -> set[str]:
    """The disclosure classes of the other entries. A retraction is of the class of what it retracts."""
    shown = {event.id for event in readable}
    others = (event for event in history if event.id not in shown and event.type not in ABOUT_AN_ENTRY)
    return {CATALOGUE[event.type].disclosure for event in others}


def _present_entries(readable: Sequence[Event], private: Mapping[str, Any], state: History) -> Iterator[dict[str, Any]]:
    for event in readable:
        yield {
            "event_id": event.id,
            "type": event.type,
            "occurred_at": event.occurred_at,
            "precision": event.precision,
            "recorded_at": event.recorded_at,
            "actor": event.actor,
            "role": event.role,
            "team": event.team,
            "data": event.data,
            "private": private.get(event.id, {}),
            "retracted": event.id in state.retracted,
            "withheld": None,
        }
