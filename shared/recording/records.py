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
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from marshmallow import Schema, fields

from shared.contracts import CATALOGUE
from shared.contracts.access import ACCESS, WHEREABOUTS, may_lead, may_see, signposts_to, workers_of
from shared.contracts.circle import teams_of, with_standing
from shared.contracts.fields import Slug
from shared.contracts.whereabouts import (
    fields_of_records,
    hide_whereabouts,
    is_of_team,
    naming_fields,
    tell_whereabouts,
)
from shared.events.errors import UnknownStream
from shared.events.store import EventStore
from shared.kernel.decisions import (
    ABOUT_AN_ENTRY,
    RETRACTION,
    Actor,
    Aggregate,
    Context,
    Fact,
    Forbidden,
    Invalid,
    ids_left_out,
)
from shared.kernel.envelope import Event
from shared.kernel.history import (
    Command,
    ConfirmClaim,
    ConfirmDoubts,
    History,
    RejectClaim,
    Retract,
    people_of,
    require_area,
)
from shared.kernel.ids import new_person_id, person_id_from_nhs_number
from shared.kernel.nhs_number import format_nhs_number
from shared.kernel.tables import AppendEntry
from shared.kernel.time import occurred_on
from shared.recording.directory_copy import DirectoryCopy
from shared.recording.doubts import DoubtCheck
from shared.recording.glass_copy import GlassCopy
from shared.recording.names import NameCheck
from shared.recording.protection import Protections, find_hidden
from shared.recording.standing import DIED, LivesIn, Standings, nowhere_else
from shared.recording.views import RecordView
from shared.web.exchange import Answer, Request
from shared.web.fields import CommandBody, Instant, OccurredOn, timing


class RetractionBody(CommandBody):
    """Retracts one entry of the record as made in error."""

    event_id = fields.UUID(required=True)
    reason_code = Slug(required=True)


class ConfirmationBody(CommandBody):
    """Confirms one entry of the record that somebody without standing made."""

    event_id = fields.UUID(required=True)


class DoubtsConfirmationBody(CommandBody):
    """Confirms that one doubtful entry of the record is right."""

    event_id = fields.UUID(required=True, metadata={"description": "the entry, by its `event_id`"})


class RejectionBody(ConfirmationBody):
    """Rejects one entry of the record that somebody without standing made."""

    reason_code = Slug(required=True)


class RecordedAnswer(Schema):
    """What every record answers. `version` is how many of its entries you may read, and the value for If-Match.

    Of a protected person, only those who protect them and the leads of their area see the area, and the teams and
    workers of others: for everybody else these are null.
    """

    person_id = fields.String(required=True)
    area = fields.String(required=True, allow_none=True)
    state = fields.String(attribute="status", allow_none=True, required=True)
    version = fields.Integer(required=True)


class Entry(Schema):
    """One entry of a record that you may read. `private` is what stays in this service: notes, names, references.

    `withheld` is always null: an entry that you may not read is in no answer.
    """

    event_id = fields.String(required=True)
    type = fields.String(required=True, allow_none=True)
    occurred_at = Instant(required=True)
    occurred_on = OccurredOn()
    precision = fields.String(required=True)
    recorded_at = Instant(required=True)
    actor = fields.String(required=True, allow_none=True)
    role = fields.String(required=True)
    team = fields.String(required=True, allow_none=True)
    data = fields.Dict(keys=fields.String(), required=True)
    private = fields.Dict(keys=fields.String(), required=True)
    retracted = fields.Boolean(required=True)
    withheld = fields.String(required=True, allow_none=True)


IDENTITY: Mapping[str, fields.Field] = {
    name: fields.String(allow_none=True) for name in ("given_name", "family_name", "date_of_birth", "nhs_number")
}
"""What only this service holds of a person. The NHS number is written 3-3-4."""


# Private parts that say who of the other side acted, and under which reference.
_NAMES_THE_OTHER_SIDE = {"receiver_person", "reference", "account"}

Permit = Callable[[list[Event]], Actor | None]
Require = Callable[[list[Event]], None]


class ReadableRecord(NamedTuple):
    """A record for one reader: fold, number and list of the entries that they may read; whom to ask about others.

    `glass` is the broken glass under which they read it, if it is. `is_hidden`: it is about somebody of whom the reader
    may not see where they are.
    """

    state: Any
    version: int
    entries: list[dict[str, Any]]
    signposts: list[str]
    glass: str | None = None
    is_hidden: bool = False


class Records:
    """The records of one service, by aggregate and id. The table of problems answers what its methods raise."""

    def __init__(
        self,
        store: EventStore,
        standings: Standings,
        lives_in: LivesIn = nowhere_else,
        names: NameCheck | None = None,
        doubts: DoubtCheck | None = None,
        glass: GlassCopy | None = None,
        protections: Protections | None = None,
    ) -> None:
        self._protections = protections
        self._doubts = doubts or DoubtCheck()
        self._store = store
        self._standings = standings
        self._lives_in = lives_in
        self._names = names
        self._glass = glass

    @property
    def directory(self) -> DirectoryCopy | None:
        """The copy of the directory; None while this service has never heard of it."""
        return None if self._names is None or self._names.directory.is_empty else self._names.directory

    def _listed_for(self, occurred_at: datetime) -> DirectoryCopy | None:
        """The copy of the directory, for an act of that time; None if nothing of then is compared with it."""
        return None if self._names is None or self._names.spares(occurred_at) else self._names.directory

    def begin(
        self,
        aggregate: Aggregate[Any],
        record_id: str,
        command: Command,
        request: Request,
        location: str,
        require: Require = lambda history: None,
    ) -> Answer:
        """Record the command that begins a history. `require` may refuse what would follow the history so far."""
        place = f"{location}/{record_id}"
        return self._give(aggregate, record_id, command, request, location=place, begins=True, require=require)

    def follow(
        self,
        aggregate: Aggregate[Any],
        record_id: str,
        command: Command,
        request: Request,
        require: Require = lambda history: None,
    ) -> Answer:
        """Record a further command in an existing history. `require` may refuse what would follow it."""
        return self._give(aggregate, record_id, command, request, require=require)

    def retract(self, aggregate: Aggregate[Any], record_id: str, request: Request) -> Answer:
        """Retract an entry, from a `RetractionBody`."""
        given = command_fields(request.body)
        return self.follow(aggregate, record_id, Retract(**{**given, "event_id": str(given["event_id"])}), request)

    def confirm_doubts(self, aggregate: Aggregate[Any], record_id: str, request: Request) -> Answer:
        """Confirm a doubtful entry, from a `DoubtsConfirmationBody`."""
        given = command_fields(request.body)
        return self.follow(
            aggregate, record_id, ConfirmDoubts(**{**given, "event_id": str(given["event_id"])}), request
        )

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
            raise UnknownStream(f"there is no {stream}")
        readable, glass = self._find_readable_to(aggregate, history, actor)
        is_hidden = glass is None and self._hides_whereabouts(readable, actor)
        shown = _without_places(readable, actor) if is_hidden else readable
        if not shown:
            raise UnknownStream(f"there is no {stream}")
        state = aggregate.fold(shown)
        entries = list(_present_entries(shown, self._store.private_of(stream), state))
        if is_hidden:
            entries = [_hide_in_entry(entry, actor) for entry in entries]
        withheld = {*_find_withheld(history, readable), *([WHEREABOUTS] if is_hidden else [])}
        return ReadableRecord(state, len(shown), entries, signposts_to(withheld), glass, is_hidden)

    def _hides_whereabouts(self, readable: Sequence[Event], actor: Actor) -> bool:
        """Whether these entries name somebody of whom the actor may not see where they are."""
        if self._protections is None or not readable:
            return False
        refs = {ref for event in readable for ref in CATALOGUE.refs(event) if ref.startswith("person/")}
        return bool(find_hidden(self._protections, actor, [ref.partition("/")[2] for ref in refs]))

    def find_possible(self, aggregate: Aggregate[Any], record_id: str, actor: Actor) -> Collection[str]:
        """The types of the entries that the actor could add to the record, as far as they may read it."""
        with suppress(Forbidden, UnknownStream):
            return aggregate.find_possible(self.present(aggregate, record_id, actor).state, actor)
        return ()

    def _find_readable_to(
        self, aggregate: Aggregate[Any], history: list[Event], actor: Actor
    ) -> tuple[list[Event], str | None]:
        """The entries that the actor may read, and the glass if they may only under it. Raises as `present` does."""
        refused: Exception | None = None
        readable: list[Event] = []
        try:
            self._admit(aggregate, history, actor)
            readable = _find_readable(history, actor)
        except (Forbidden, UnknownStream) as error:
            refused = error
        # Only whoever does not see all of it needs the glass, so nobody else is looked up.
        glass = self.find_glass(actor, people_of(history[0])) if len(readable) < len(history) else None
        if glass is not None:
            return history, glass
        if refused is not None:
            raise refused
        return readable, None

    def find_glass(self, actor: Actor, people: Collection[str]) -> str | None:
        """The glass under which the actor may read about one of these people now, if there is one."""
        return self._glass.find_open(actor, people) if self._glass else None

    def cut_to_readable(self, kind: str, views: Sequence[RecordView], actor: Actor) -> None:
        """Give each view the version and the last change that the actor may read of its record.

        The other fields of a view depend on no entry of another class than the record's own.
        """
        people = {view.person_id for view in views}
        hidden = find_hidden(self._protections, actor, people) if self._protections and people else frozenset()
        if _may_see_all_of(self._store.source, actor.role):
            views = [view for view in views if view.person_id in hidden]
        names = [f"{kind}/{view.id}" for view in views]
        histories = {name: history for some in self._store.load_all(names) for name, history in some.items()}
        for name, view in zip(names, views, strict=True):
            readable = _find_readable(histories[name][: view.version], actor)
            if view.person_id in hidden:
                readable = _without_places(readable, actor)
                shown = hide_whereabouts({one: view[one] for one in view}, self._naming, (actor.team, actor.id))
                for one in self._naming.intersection(shown):
                    view[one] = shown[one]
            view.version, view.changed_at = len(readable), readable[-1].recorded_at

    @property
    def _naming(self) -> frozenset[str]:
        """The fields of this service's entries and answers that name an area, a team or a worker."""
        return fields_of_records(self._store.source) | {"area"}

    def find_all_hidden(self, actor: Actor, names: Collection[str]) -> frozenset[str]:
        """The people whom a list that asks for these fields of views may not find for this actor."""
        asks = self._protections is not None and not self._naming.isdisjoint(names)
        return find_hidden(self._protections, actor) if asks and self._protections else frozenset()

    def hide_whereabouts(self, body: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
        """The body of an answer without the areas, teams and workers that it names, but the actor's own."""
        return hide_whereabouts(body, self._naming, (actor.team, actor.id))

    def lives_among(self, person_id: str, actor: Actor) -> bool:
        """Whether a recorded move says that the person now lives in one of the actor's areas."""
        return bool(set(actor.areas).intersection(self._lives_in(person_id)))

    def has(self, aggregate: Aggregate[Any], record_id: str) -> bool:
        """Whether the record exists and its beginning was not retracted."""
        return aggregate.fold(self._load(f"{aggregate.kind}/{record_id}")).status is not None

    def identity(self, aggregate: Aggregate[Any], record_id: str, registered: str) -> Mapping[str, Any]:
        """Name, date of birth and NHS number of the person whom this record registers with the type `registered`.

        Empty if there is no standing registration, or if its private part was erased. A correction that is only claimed
        changes nothing.
        """
        stream = f"{aggregate.kind}/{record_id}"
        history = self._store.load(stream)
        retracted = aggregate.fold(history).retracted
        standing = [event for event in with_standing(history) if event.id not in retracted]
        private = self._store.private_of(stream) if standing else {}
        return identity_in(((event.type, private.get(event.id, {})) for event in standing), registered)

    def private_of(self, aggregate: Aggregate[Any], record_id: str) -> Mapping[str, Mapping[str, Any]]:
        """The private part of each entry of a record, by its id."""
        return self._store.private_of(f"{aggregate.kind}/{record_id}")

    def may_read(self, aggregate: Aggregate[Any], record_id: str, actor: Actor) -> bool:
        """Whether the actor may read the record, by role, area and disclosure class."""
        if actor.role not in ACCESS[_reads(aggregate)]:
            return False
        try:
            self._admit(aggregate, self._load(f"{aggregate.kind}/{record_id}"), actor)
        except (Forbidden, UnknownStream):
            return False
        return True

    def require_new_key(self, aggregate: Aggregate[Any], record_id: str, request: Request) -> None:
        """Raises KeyReused if the request has the idempotency key of an entry of another record."""
        self._store.require_new_key(request.actor, request.key, f"{aggregate.kind}/{record_id}")

    def require_as_new(self, aggregate: Aggregate[Any], record_id: str, command: Command, request: Request) -> None:
        """Raises what would refuse the command that begins a record if there were none under this id."""
        context = Context(self._store.clock.now(), request.actor, f"{aggregate.kind}/{record_id}")
        self._check([], aggregate.decide(aggregate.initial, command, context), command, request)

    def find_others(
        self, aggregate: Aggregate[Any], begun_by: Collection[str], person_id: str, actor: Actor
    ) -> Iterator[tuple[str, list[Event]]]:
        """The records of a person that one of these events began and that the actor may read: ids and histories.

        `begun_by` are event types that `DoubtCheck.indexes` has with `person_id`.
        """
        if actor.role not in ACCESS.get(f"{aggregate.kind.replace('-', '_')}.read", ()):
            return
        found = {
            history[0].stream: history
            for kind in begun_by
            for history in self.find_naming(kind, "person_id", person_id)
        }
        for stream, history in sorted(found.items()):
            with suppress(Forbidden, UnknownStream):
                self._admit(aggregate, history, actor)
                yield stream.partition("/")[2], history

    def find_naming(self, event_type: str, name: str, value: str) -> Iterator[list[Event]]:
        """The histories with an event of this type whose field is the value, or lists it."""
        for stream in sorted(self._store.naming(event_type, name, value)):
            yield self._load(stream)

    def history(self, aggregate: Aggregate[Any], record_id: str) -> list[Event]:
        """The events of a record. Empty if there is none."""
        return self._load(f"{aggregate.kind}/{record_id}")

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
        require: Require = lambda history: None,
    ) -> Answer:
        self._require_own_work(request)

        def stamp(history: list[Event], event: Event) -> str:
            require(history)
            private, listed = getattr(command, "private", {}), self._listed_for(event.occurred_at)
            return self._standings.find(aggregate, history, event, request.actor, private, listed)

        recorded = self._store.execute(
            aggregate,
            f"{aggregate.kind}/{record_id}",
            command,
            request.actor,
            key=request.key,
            body={name: value for name, value in request.body.items() if name != "confirms"},
            operation=request.operation,
            expected_version=request.expected_version,
            correlation_id=request.correlation_id,
            begins=begins,
            permit=permit
            or (lambda history: None if begins else self._admit_command(aggregate, history, command, request.actor)),
            check=lambda history, fact: self._check(history, fact, command, request),
            stamp=stamp,
            version_of=lambda history: len(self._find_shown(aggregate, history, request.actor)[0]),
        )
        readable, is_hidden = self._find_shown(aggregate, recorded.history, request.actor)
        version, is_whole = len(readable), len(readable) == len(recorded.history)
        state = recorded.state if is_whole else aggregate.fold(readable)
        body = {**body_of(aggregate, record_id, state, version), "event_id": recorded.event.id}
        body = self.hide_whereabouts(body, request.actor) if is_hidden else body
        return Answer(201, body, version=version, location=location)

    def _find_shown(
        self, aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor
    ) -> tuple[list[Event], bool]:
        """The entries that the answer to a command may show, and whether it is hidden where their person is.

        Only an entry of another team can tell that, so usually nothing is looked up.
        """
        if self._standings.is_source_elsewhere(history, actor):
            shown = _with_retractions(history, (event for event in history if event.team == actor.team))
            return shown, self._hides_whereabouts(shown, actor)
        readable = _find_readable_after_command(aggregate, history, actor)
        own = (actor.team, actor.id, *actor.areas)
        if all(_names_only(event, own) for event in readable if event.team != actor.team):
            return readable, False
        if not self._hides_whereabouts(readable, actor):
            return readable, False
        return _without_places(readable, actor), True

    def _require_own_work(self, request: Request) -> None:
        """Raises Forbidden for managers of a team that does not do such work, as the directory has it."""
        team = self.directory.team(request.actor.team) if request.actor.role == "manager" and self.directory else None
        if team is not None and request.command and not may_lead(team.role, request.command):
            roles = ", ".join(sorted(workers_of(request.command)))
            message = (
                f"{team.id} does no such work: {request.command} is not for the role {team.role}; it is for: {roles}"
            )
            raise Forbidden("not-your-work", message)

    def _check(self, history: Sequence[Event], fact: Fact, command: Command, request: Request) -> Fact:
        """The fact to record, with its unknown names if it is an alarm.

        Raises Invalid for the unknown names of any other fact, and for what is impossible or unlikely about it.
        """
        if self._names is not None:
            unknown = self._names.require_known(fact, getattr(command, "data", {}), request.actor)
            fact = replace(fact, unknown=unknown)
        known = getattr(command, "known", {})
        if fact.type == RETRACTION:
            known = {"readable": {event.id for event in _find_readable(history, request.actor)}}
        return self._doubts.settle(fact, history, known, request.body.get("confirms", ()))

    def _admit_command(
        self, aggregate: Aggregate[Any], history: Sequence[Event], command: Command, actor: Actor
    ) -> Actor:
        """`_admit`, but a registered source tells of a death in any area, and takes back what it said."""
        if self._standings.is_source_elsewhere(history, actor):
            retracted = command.event_id if isinstance(command, Retract) else None
            own = {event.id for event in history if event.type == DIED and event.team == actor.team}
            if retracted in own or (isinstance(command, AppendEntry) and command.type == DIED):
                return replace(actor, also_in=(history[0].area,))
        return self._admit(aggregate, history, actor)

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
    of_the_request = ("occurred_at", "confirms")
    return {**{name: value for name, value in body.items() if name not in of_the_request}, **timing(body)}


def person_id_for(request: Request, person_id_key: Callable[[], bytes]) -> str:
    """The id for the person in a registration: made from the NHS number if the body has one, or from the request."""
    number = request.body.get("nhs_number")
    if number:
        return person_id_from_nhs_number(number, person_id_key())
    return new_person_id(request.actor.id, request.key)


def identity_in(standing: Iterable[tuple[str, Mapping[str, Any]]], registered: str) -> dict[str, Any]:
    """Name, date of birth and NHS number in these entries, each a type with its private part, in order.

    `registered` is the type of the entry that registers; entries that correct it change only what they name.
    """
    corrected, identity = registered.replace(".registered.", ".corrected."), {}
    for event_type, private in standing:
        if event_type == registered:
            identity = dict(private)
        elif event_type == corrected:
            identity |= {name: private[name] for name in IDENTITY if name in private}
    identity.pop("note", None)
    return identity


def identity_of(record: ReadableRecord, registered: str) -> dict[str, str]:
    """The identity in the standing entries of a record, with the NHS number written 3-3-4. Claims change nothing."""
    claimed = record.state.claims.keys() - record.state.confirmed
    standing = (
        (entry["type"], entry["private"])
        for entry in record.entries
        if not entry["retracted"] and entry["event_id"] not in claimed
    )
    identity = identity_in(standing, registered)
    if "nhs_number" in identity:
        identity["nhs_number"] = format_nhs_number(identity["nhs_number"])
    return identity


def require_part_in(history: Sequence[Event], actor: Actor) -> None:
    """Refuse as forbidden an actor outside the record's area.

    For an actor without a part in it whose role may not see it, the record is unknown. Raises UnknownStream then.
    """
    if history:
        require_area(actor, history[0].area)
        is_seen = may_see(actor.role, CATALOGUE[history[0].type].disclosure)
        if not is_seen and actor.team not in teams_of(history):
            raise UnknownStream(f"there is no {history[0].stream}")


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
    has_part, left_out = actor.team in teams_of(history), ids_left_out(history)

    def is_readable(event: Event) -> bool:
        disclosure = CATALOGUE[event.type].disclosure
        if actor.team in ({event.team} if event.id in left_out else teams_of([event])):
            return True
        is_open = may_see(actor.role, disclosure) or (has_part and disclosure == begun_in)
        return event.type not in ABOUT_AN_ENTRY and is_open

    return _with_retractions(history, filter(is_readable, history))


def _find_readable_after_command(aggregate: Aggregate[Any], history: Sequence[Event], actor: Actor) -> list[Event]:
    """The entries that the answer to a command may show: only the team's own, if the role may not read such records."""
    if actor.role in ACCESS.get(_reads(aggregate), ()):
        return _find_readable(history, actor)
    return _with_retractions(history, (event for event in history if event.team == actor.team))


def _without_places(readable: Sequence[Event], actor: Actor) -> list[Event]:
    """The entries of a protected person without those of moves, but for what is by or to the actor's own team."""
    kept = (event for event in readable if not tell_whereabouts(event.type) or is_of_team(event, actor.team))
    ids = {event.id for event in kept if event.type not in ABOUT_AN_ENTRY}
    return [
        event
        for event in readable
        if event.id in ids or (event.type in ABOUT_AN_ENTRY and event.data["event_id"] in ids)
    ]


def _names_only(event: Event, own: Collection[str]) -> bool:
    """Whether the entry names no area, team or worker but these."""
    names = naming_fields(event.type)
    return not tell_whereabouts(event.type) and all(
        event.data[name] in own for name in names & event.data.keys() if event.data[name] is not None
    )


def _hide_in_entry(entry: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """The entry of another team without what tells where its person is, in the private part too."""
    if entry["team"] == actor.team:
        return entry
    data = hide_whereabouts(entry["data"], naming_fields(entry["type"]), (actor.team, actor.id))
    private = {name: value for name, value in entry["private"].items() if name not in _NAMES_THE_OTHER_SIDE}
    return {**entry, "actor": None, "team": None, "data": data, "private": private}


def _reads(aggregate: Aggregate[Any]) -> str:
    """The command of the access table that reads such records."""
    return f"{aggregate.kind.replace('-', '_')}.read"


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
            "occurred_on": occurred_on(event.occurred_at, event.precision),
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
