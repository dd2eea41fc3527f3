"""Routes of records that are told as a table (`shared.kernel.tables`): each body is its event's contract.

Guarantee: what a body may publish is what the contract of its event has room for; every text is private. Whatever a
body names by id is known here, or each unknown one is refused by its field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from marshmallow import Schema, fields

from shared.contracts import CATALOGUE
from shared.contracts.fields import Ref, Slug
from shared.kernel.decisions import Aggregate, Invalid
from shared.kernel.ids import stream_id
from shared.kernel.tables import AppendEntry, BeginRecord
from shared.recording.records import STEP_ERRORS, Entry, RecordedAnswer, Records, body_of, command_fields, retraction
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import CommandBody

Route = Callable[[Any, Request], Answer]
LookUp = Callable[[Any, Request], Mapping[str, Any]]


class RecordAnswer(RecordedAnswer):
    """`facts`: each field as it was said last. `person_id` is null until somebody is named."""

    person_id = fields.String(required=True, allow_none=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    event_id = fields.String()


class RecordWithHistory(RecordAnswer):
    history = fields.List(fields.Nested(Entry), required=True)


@dataclass(frozen=True)
class RouteBody:
    """What one route records, and how its body differs from the contract of the event.

    `derived`: the fields that the row's check gives, which no body has; `optional`: those that it gives when a body has
    none. `elsewhere`: the fields whose ids need not be known here. `look_up` finds what the check has to know and the
    record does not say; it may refuse. `private`: the texts that stay here.
    """

    event_type: str
    derived: Collection[str] = ()
    optional: Collection[str] = ()
    elsewhere: Collection[str] = ()
    look_up: LookUp | None = None
    private: Mapping[str, fields.Field] = field(default_factory=dict)

    def body(self, name: str, known_by_the_route: Collection[str], **more: fields.Field) -> type[Schema]:
        """The schema of the body, without what the route knows already."""
        declared = CATALOGUE[self.event_type].schema._declared_fields
        public = {
            name: _optional(one) if name in self.optional else one
            for name, one in declared.items()
            if name not in self.derived and name not in known_by_the_route
        }
        return _schema(name, CommandBody, {**public, **self.private, **more})

    def command(
        self, service: Any, request: Request, known: Mapping[str, Aggregate[Any]], *without: str
    ) -> dict[str, Any]:
        """The fields of the `Start` or `Tell` that a loaded body asks for, but those `without` which the event goes.

        Refuses, as invalid, ids that are unknown here.
        """
        said = command_fields(request.body, *without)
        timing: dict[str, Any] = {name: said.pop(name) for name in ("occurred_at", "precision", "note") if name in said}
        self._require_known(service.dependencies.records, said, known)
        return {
            **timing,
            "type": self.event_type,
            "data": {name: value for name, value in said.items() if name not in self.private},
            "private": {name: said[name] for name in self.private if name in said},
            "known": self.look_up(service, request) if self.look_up else {},
        }

    def _require_known(self, records: Records, said: Mapping[str, Any], known: Mapping[str, Aggregate[Any]]) -> None:
        faults = {
            path: [f"no such {kind} here"]
            for name, path, kind, record_id in _named(self.event_type, said)
            if kind in known and name not in self.elsewhere and not records.knows(known[kind], record_id)
        }
        if faults:
            message = "the body names what is not known here; `errors` says where"
            raise Invalid("unknown-reference", message, fields=faults)


@dataclass(frozen=True)
class RecordRoutes:
    """The routes of one kind of record under `url`, such as `/v1/pregnancies`.

    `known`: the aggregates by kind in which an id that a body names has to exist. `answers`: what a command answers,
    for a record that has more to say than its facts.
    """

    aggregate: Aggregate[Any]
    url: str
    known: Mapping[str, Aggregate[Any]] = field(default_factory=dict)
    answers: type[Schema] | None = None

    @property
    def one(self) -> str:
        return f"{self.url}/<{self._own_id}>"

    @property
    def _own_id(self) -> str:
        return f"{self.aggregate.kind.replace('-', '_')}_id"

    @cached_property
    def answer(self) -> type[Schema]:
        own_id = {self._own_id: fields.String(required=True)}
        return self.answers or _schema(f"{_words(self.aggregate.kind)}Answer", RecordAnswer, own_id)

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
        """The route that begins a record with this event; the further arguments are those of `Said`."""
        said = RouteBody(event_type, derived, optional, (), look_up, private)
        area = Slug(metadata={"description": "needed by who acts in several"})
        body = said.body(f"Begin{_words(event_type.rpartition('.')[0])}Body", {self._own_id}, area=area)
        told = self

        @endpoint("POST", url or self.url, command=access, body=body, answers={201: self.answer}, summary=summary)
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.dependencies.records
            record_id = stream_id(request.actor.id, request.key)
            command = BeginRecord(**said.command(self, request, told.known, "area"), area=request.body.get("area"))
            return records.begin(told.aggregate, record_id, command, request, told.url)

        return record

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
        elsewhere: Collection[str] = (),
        look_up: LookUp | None = None,
        **private: fields.Field,
    ) -> Route:
        """The route `POST <url>/<id>/<verb>` that records one further event, about the person of the record.

        `names_person`: the body says who that is. The further arguments are those of `Said`.
        """
        said = RouteBody(event_type, derived, optional, elsewhere, look_up, private)
        body = said.body(
            f"{_words(self.aggregate.kind)}{_words(verb)}Body",
            {self._own_id} if names_person else {self._own_id, "person_id"},
        )
        told = self

        @endpoint(
            "POST",
            f"{self.one}/{verb}",
            command=access,
            body=body,
            answers={201: self.answer},
            summary=summary,
            errors=STEP_ERRORS,
        )
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.dependencies.records
            (record_id,) = request.path.values()
            return records.follow(
                told.aggregate, record_id, AppendEntry(**said.command(self, request, told.known)), request
            )

        return record

    def show(self, access: str, summary: str) -> Route:
        """The route that shows one, with its history."""
        record_schema = _schema(
            f"{_words(self.aggregate.kind)}Record", RecordWithHistory, {self._own_id: fields.String(required=True)}
        )
        told = self

        @endpoint(
            "GET",
            self.one,
            command=access,
            answers={200: record_schema},
            summary=summary,
            errors=(404,),
            reads_person=True,
        )
        def read(self: Any, request: Request) -> Answer:
            (record_id,) = request.path.values()
            shown = self.dependencies.records.show(told.aggregate, record_id, request.actor)
            body = body_of(told.aggregate, record_id, shown.state, shown.version)
            person_id = shown.state.person_id
            return Answer(
                200,
                {**body, "facts": shown.seen.facts, "history": shown.entries},
                shown.version,
                subjects=[person_id] if person_id else [],
            )

        return read

    def retract(self) -> Route:
        """The route that strikes out an entry."""
        return retraction(self.aggregate, self.one, self.answer)


def _named(event_type: str, said: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Each id in a body: its field, the path to it, its kind, and the id."""
    for name, declared in CATALOGUE[event_type].schema().fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if not isinstance(inner, Ref) or said.get(name) is None:
            continue
        if isinstance(declared, fields.List):
            for place, record_id in enumerate(said[name]):
                yield name, f"{name}.{place}", inner.metadata["ref"], record_id
        else:
            yield name, name, inner.metadata["ref"], said[name]


def _optional(declared: fields.Field) -> fields.Field:
    copied = deepcopy(declared)
    copied.required = False
    return copied


def _schema(name: str, base: type[Schema], declared: Mapping[str, fields.Field]) -> type[Schema]:
    return type(name, (base,), {"__doc__": base.__doc__, **declared})


def _words(text: str) -> str:
    return "".join(part.capitalize() for part in text.replace(".", "_").replace("-", "_").split("_"))
