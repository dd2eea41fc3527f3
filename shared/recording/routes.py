"""Routes of records whose rules are a table (`shared.kernel.tables`). Each body is the contract of its event.

Guarantee: only fields of the event's contract can be published, and every free text is private. Each id that a body
names is known here. If an id is unknown, the answer names its field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

from marshmallow import Schema, fields, missing

from shared.contracts import CATALOGUE
from shared.contracts.access import may
from shared.contracts.fields import Ref, Slug
from shared.kernel.decisions import Actor, Aggregate, Forbidden, Invalid, Refused
from shared.kernel.history import ConfirmClaim, RejectClaim
from shared.kernel.ids import stream_id
from shared.kernel.tables import AppendEntry, BeginRecord
from shared.recording.records import (
    IDENTITY,
    ConfirmationBody,
    DoubtsConfirmationBody,
    Entry,
    RecordedAnswer,
    Records,
    RejectionBody,
    RetractionBody,
    body_of,
    command_fields,
    identity_of,
)
from shared.recording.views import list_page
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Body, CommandBody
from shared.web.openapi import NextRequest, next_request
from shared.web.problems import refusal_of

AREA = Slug()
STEP_ERRORS = (404, 409, 412)

Route = Callable[[Any, Request], Answer]
LookUp = Callable[[Records, Request], Mapping[str, Any]]


class Step(NamedTuple):
    """A route that adds an entry to a record: the last part of its URL, its command, its event, title and body."""

    verb: str
    access: str
    event_type: str
    title: str
    body: type[Schema]


class RecordAnswer(RecordedAnswer):
    """`facts`: the last value of each field. `person_id` is null until somebody is named."""

    person_id = fields.String(required=True, allow_none=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    event_id = fields.String()


@dataclass(frozen=True)
class RouteBody:
    """The event that a route records, and how the body of the route differs from the event's contract.

    `derived`: fields that the row sets, and that no body has. `optional`: fields that the row sets if the body leaves
    them out. `defaults`: the values of fields that a body leaves out. `elsewhere`: fields whose ids need not be known
    here. `look_up` reads what the check of the row needs from other records, and may refuse. `private`: fields that
    stay here. `base`: a schema with further fields and rules.
    """

    event_type: str
    derived: Collection[str] = ()
    optional: Collection[str] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    elsewhere: Collection[str] = ()
    look_up: LookUp | None = None
    private: Mapping[str, fields.Field] = field(default_factory=dict)
    base: type[Schema] = CommandBody

    def schema(self, name: str, known_by_the_route: Collection[str], **more: fields.Field) -> type[Schema]:
        """The schema of the body, without the fields that the route already has."""
        declared = CATALOGUE[self.event_type].schema._declared_fields
        left_out = {*self.derived, *known_by_the_route}
        public = {name: self._field(name, one) for name, one in declared.items() if name not in left_out}
        return _schema(name, self.base, {**public, **self.private, **more}, contract=CATALOGUE[self.event_type].schema)

    def begin(
        self, records: Records, request: Request, known: Mapping[str, Aggregate[Any]], **data: Any
    ) -> BeginRecord:
        """The command that begins a record, from a loaded body. `data` has the fields that the route sets.

        Refuses unknown ids as invalid.
        """
        given = self._command(records, request, known)
        area = data.pop("area", request.body.get("area"))
        return BeginRecord(**{**given, "data": {**given["data"], **data}}, area=area)

    def append(self, records: Records, request: Request, known: Mapping[str, Aggregate[Any]]) -> AppendEntry:
        """The command that adds an entry, from a loaded body. Refuses unknown ids as invalid."""
        return AppendEntry(**self._command(records, request, known))

    def _command(self, records: Records, request: Request, known: Mapping[str, Aggregate[Any]]) -> dict[str, Any]:
        given = command_fields(request.body)
        declared = CATALOGUE[self.event_type].schema._declared_fields
        data = {name: value for name, value in given.items() if name in declared}
        self._require_known(records, data, known)
        return {
            **{name: given[name] for name in ("occurred_at", "precision", "note") if name in given},
            "type": self.event_type,
            "data": data,
            "private": {name: given[name] for name in self.private if name in given},
            "known": self.look_up(records, request) if self.look_up else {},
        }

    def _field(self, name: str, declared: fields.Field) -> fields.Field:
        if name not in self.optional and name not in self.defaults:
            return declared
        copied = deepcopy(declared)
        copied.required = False
        copied.load_default = self.defaults.get(name, missing)
        return copied

    def _require_known(self, records: Records, data: Mapping[str, Any], known: Mapping[str, Aggregate[Any]]) -> None:
        faults = {
            path: [say_unknown(kind)]
            for name, path, kind, record_id in _named(self.event_type, data)
            if kind in known and name not in self.elsewhere and not records.has(known[kind], record_id)
        }
        if faults:
            message = "the body names what is not known here; `errors` says where"
            raise Invalid("unknown-reference", message, fields=faults)


@dataclass(frozen=True)
class RecordRoutes:
    """The routes of one kind of record under `url`, such as `/v1/pregnancies`.

    `known`: the aggregates, by kind, in which the ids of a body have to exist. `answers`: the schema of the answer, for
    a record that has other fields than its facts. `repeats`: the fields that every later entry copies from the record.
    """

    aggregate: Aggregate[Any]
    url: str
    known: Mapping[str, Aggregate[Any]] = field(default_factory=dict)
    answers: type[Schema] | None = None
    repeats: Collection[str] = ()
    steps: list[Step] = field(default_factory=list, init=False, compare=False)

    @property
    def one(self) -> str:
        return f"{self.url}/<{self._own_id}>"

    @property
    def _own_id(self) -> str:
        return f"{self.aggregate.kind.replace('-', '_')}_id"

    @property
    def _name(self) -> str:
        return _words(self.aggregate.kind)

    @cached_property
    def answer(self) -> type[Schema]:
        own_id = {self._own_id: fields.String(required=True)}
        return self.answers or _schema(f"{self._name}Answer", RecordAnswer, own_id)

    def begin(
        self,
        access: str,
        event_type: str,
        summary: str,
        *,
        url: str | None = None,
        derived: Collection[str] = (),
        optional: Collection[str] = (),
        look_up: LookUp | None = None,
        **private: fields.Field,
    ) -> Route:
        """The route that begins a record with this event. The further arguments are those of `RouteBody`."""
        routes, body = self, RouteBody(event_type, derived, optional, look_up=look_up, private=private)
        schema = body.schema(f"Begin{_words(event_type.rpartition('.')[0])}Body", {self._own_id}, area=AREA)

        @endpoint("POST", url or self.url, command=access, body=schema, answers={201: self.answer}, summary=summary)
        def record(self: Any, request: Request) -> Answer:
            return routes.record_beginning(
                self.dependencies.records, request, body, stream_id(request.actor.id, request.key)
            )

        return record

    def record_beginning(
        self, records: Records, request: Request, body: RouteBody, record_id: str, **data: Any
    ) -> Answer:
        """Begin a record under this id. `data` has the fields that the route sets, with the area if that is known."""
        command = body.begin(records, request, self.known, **data)
        return records.begin(self.aggregate, record_id, command, request, self.url)

    def step(
        self,
        verb: str,
        access: str,
        event_type: str,
        summary: str,
        *,
        names_person: bool = False,
        derived: Collection[str] = (),
        optional: Collection[str] = (),
        defaults: Mapping[str, Any] | None = None,
        elsewhere: Collection[str] = (),
        look_up: LookUp | None = None,
        **private: fields.Field,
    ) -> Route:
        """The route `POST <url>/<id>/<verb>` that adds one entry, about the person of the record.

        `names_person`: the body names that person. The further arguments are those of `RouteBody`.
        """
        routes, body = self, RouteBody(event_type, derived, optional, defaults or {}, elsewhere, look_up, private)
        known = {self._own_id, *self.repeats, *(() if names_person else ("person_id",))}
        schema = body.schema(f"{self._name}{_words(verb)}Body", known)
        self.steps.append(Step(verb, access, event_type, summary, schema))

        @endpoint(
            "POST",
            f"{self.one}/{verb}",
            command=access,
            body=schema,
            answers={201: self.answer},
            summary=summary,
            errors=STEP_ERRORS,
        )
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.dependencies.records
            (record_id,) = request.path.values()
            command = body.append(records, request, routes.known)
            try:
                return records.follow(routes.aggregate, record_id, command, request)
            except Refused as refused:
                if isinstance(refused, Forbidden | Invalid):
                    raise
                possible = refused.possible or records.find_possible(routes.aggregate, record_id, request.actor)
                following = routes.find_next(record_id, possible, request.actor)
                raise refusal_of(refused, next=following) from None

        return record

    def find_next(self, record_id: str, possible: Collection[str], actor: Actor) -> list[dict[str, Any]]:
        """The requests with which this actor can add entries of these types to the record."""
        return [
            next_request(step.title, f"{self.url}/{record_id}/{step.verb}", step.body)
            for step in self.steps
            if step.event_type in possible and may(actor.role, step.access)
        ]

    def read(self, access: str, summary: str, *, identity: str | None = None, **more: fields.Field) -> Route:
        """The route that reads one record, with its history.

        `identity`: the type of event whose private part has name, date of birth and NHS number, and the fields `more`.
        """
        private = {**(IDENTITY if identity else {}), **more}
        history = fields.List(fields.Nested(Entry), required=True)
        told = {"description": "whom to ask about the entries that you may not read, each once, sorted"}
        signposts = fields.List(fields.String(), required=True, metadata=told)
        following = fields.List(fields.Nested(NextRequest), required=True)
        more_fields = {**private, "history": history, "signposts": signposts, "next": following}
        schema = _schema(f"{self._name}Record", self.answer, more_fields)
        routes, aggregate = self, self.aggregate

        @endpoint(
            "GET",
            self.one,
            command=access,
            answers={200: schema},
            summary=summary,
            errors=(404,),
            reads_person=True,
        )
        def read(self: Any, request: Request) -> Answer:
            (record_id,) = request.path.values()
            record = self.dependencies.records.present(aggregate, record_id, request.actor)
            body = body_of(aggregate, record_id, record.state, record.version)
            if record.is_hidden:
                body = self.dependencies.records.hide_whereabouts(body, request.actor)
            person_id = record.state.person_id
            return Answer(
                200,
                {
                    **body,
                    **(identity_of(record, identity) if identity else {}),
                    "history": record.entries,
                    "signposts": record.signposts,
                    "next": routes.find_next(
                        record_id, aggregate.find_possible(record.state, request.actor), request.actor
                    ),
                },
                record.version,
                subjects=[person_id] if person_id else [],
                glass=record.glass,
            )

        return read

    def list_page(
        self,
        access: str,
        summary: str,
        *,
        query: type[Schema],
        row: type[Schema],
        begun_by: str,
        columns: Mapping[str, str],
    ) -> Route:
        """The route that lists records in the reader's areas, newest first.

        The disclosure class of the records is that of the event `begun_by`. `columns`: for each field of the query
        except `person`, the field of the view that it filters.
        """
        cursor = fields.String(
            allow_none=True, required=True, metadata={"description": "cursor of the next page, if any"}
        )
        schema = _schema(
            f"{self._name}List", Body, {"items": fields.List(fields.Nested(row), required=True), "next": cursor}
        )
        kind = self.aggregate.kind

        @endpoint(
            "GET", self.url, command=access, query=query, answers={200: schema}, summary=summary, reads_person=True
        )
        def list_views(self: Any, request: Request) -> Answer:
            given = request.query
            person_id = given.get("person")
            glass = self.dependencies.records.find_glass(request.actor, [person_id]) if person_id else None
            views = self.dependencies.readable_views(kind, request.actor, begun_by, person_id, glass)
            asked = {column: given[name] for name, column in columns.items() if name in given}
            views = views.filter(**asked)
            if glass is None and not {request.actor.id}.issuperset(asked.values()):
                hidden = self.dependencies.records.find_all_hidden(request.actor, asked)
                views = views.filter(person_id__nin=sorted(hidden)) if hidden else views
            page, following = list_page(views, given)
            if glass is None:
                self.dependencies.records.cut_to_readable(kind, page, request.actor)
            subjects = [view.person_id for view in page]
            return Answer(200, {"items": page, "next": following}, subjects=subjects, glass=glass)

        return list_views

    def confirm_claim(self) -> Route:
        """The route that confirms an entry of somebody without standing."""
        summary = "Confirm one entry of somebody without standing; from then on it counts like any other"
        return self._answer_claim("confirmed", ConfirmClaim, ConfirmationBody, summary)

    def reject_claim(self) -> Route:
        """The route that rejects an entry of somebody without standing."""
        summary = "Reject one entry of somebody without standing; it stays visible as such and counts nowhere"
        return self._answer_claim("rejected", RejectClaim, RejectionBody, summary)

    def _answer_claim(
        self, verb: str, command: type[ConfirmClaim | RejectClaim], body: type[Schema], summary: str
    ) -> Route:
        aggregate = self.aggregate

        @endpoint(
            "POST",
            f"{self.one}/claims/{verb}",
            command="claim.answer",
            body=body,
            answers={201: self.answer},
            summary=summary,
            errors=STEP_ERRORS,
        )
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.dependencies.records
            (record_id,) = request.path.values()
            return records.answer_claim(aggregate, record_id, request, command)

        return record

    def confirm_doubts(self) -> Route:
        """The route that confirms a doubtful entry. Every kind of record has it that an alarm can be an entry of."""
        aggregate = self.aggregate

        @endpoint(
            "POST",
            f"{self.one}/doubts/confirmed",
            command="doubts.confirm",
            body=DoubtsConfirmationBody,
            answers={201: self.answer},
            summary="Confirm one doubtful entry: somebody has looked, and it is right",
            errors=STEP_ERRORS,
        )
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.dependencies.records
            (record_id,) = request.path.values()
            return records.confirm_doubts(aggregate, record_id, request)

        return record

    def retract(self) -> Route:
        """The route that retracts an entry."""
        aggregate = self.aggregate

        @endpoint(
            "POST",
            f"{self.one}/retractions",
            command="record.retract",
            body=RetractionBody,
            answers={201: self.answer},
            summary="Retract one entry that was recorded in error; it stays visible as such",
            errors=STEP_ERRORS,
        )
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.dependencies.records
            (record_id,) = request.path.values()
            return records.retract(aggregate, record_id, request)

        return record


def say_unknown(kind: str) -> str:
    """What a body is told of the id of a record of this kind that is not known here."""
    search = "; find the person with POST /v1/people/search, or register them first" if kind == "person" else ""
    return f"no such {kind.replace('-', ' ')} here{search}"


def _named(event_type: str, data: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Each id in a body: its field, the path to it, its kind, and the id."""
    for name, kind in _kinds_named_by(event_type).items():
        value = data.get(name)
        if isinstance(value, list):
            for place, record_id in enumerate(value):
                yield name, f"{name}.{place}", kind, record_id
        elif value is not None:
            yield name, name, kind, value


@cache
def _kinds_named_by(event_type: str) -> Mapping[str, str]:
    """The kind of record that each field names, for the fields of this type of event that name one, or several."""
    declared = CATALOGUE[event_type].schema().fields
    inner = {name: one.inner if isinstance(one, fields.List) else one for name, one in declared.items()}
    return {name: one.metadata["ref"] for name, one in inner.items() if isinstance(one, Ref)}


def _schema(name: str, base: type[Schema], declared: Mapping[str, fields.Field], **more: Any) -> type[Schema]:
    return type(name, (base,), {"__doc__": base.__doc__, **declared, **more})


def _words(text: str) -> str:
    return "".join(part.capitalize() for part in text.replace(".", "_").replace("-", "_").split("_"))
