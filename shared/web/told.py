"""Routes of records that are told as a table (`shared.kernel.tables`): each body is its event's contract.

Guarantee: what a body may publish is what the contract of its event has room for; every text is private. Whatever a
body names by id is known here, or refused by field.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from marshmallow import Schema, fields

from shared.contracts import CATALOGUE
from shared.contracts.fields import Ref, Slug
from shared.kernel.decisions import Aggregate
from shared.kernel.ids import stream_id
from shared.kernel.tables import Start, Tell
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import CommandBody
from shared.web.records import STEP_ERRORS, Entry, RecordedAnswer, Records, body_of, command_fields, retraction

Route = Callable[[Any, Request], Answer]
Derive = Callable[[Any, Request], Mapping[str, Any]]


class ToldAnswer(RecordedAnswer):
    """`facts`: each field as it was said last. `person_id` is null until somebody is named."""

    person_id = fields.String(required=True, allow_none=True)
    facts = fields.Dict(keys=fields.String(), required=True)
    event_id = fields.String()


class ToldRecord(ToldAnswer):
    history = fields.List(fields.Nested(Entry), required=True)


@dataclass(frozen=True)
class Told:
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
        name = f"{_words(self.aggregate.kind)}Answer"
        return self.answers or _schema(name, ToldAnswer, {self._own_id: fields.String(required=True)})

    def begin(
        self,
        access: str,
        event_type: str,
        summary: str,
        *,
        url: str | None = None,
        derived: Collection[str] = (),
        derive: Derive | None = None,
        **private: fields.Field,
    ) -> Route:
        """The route that begins a record with this event. `derive` gives the `derived` fields, which no body has."""
        body = self._body(event_type, {self._own_id, *derived}, private)
        body = _schema(body.__name__, body, {"area": Slug(metadata={"description": "needed by who acts in several"})})
        told = self

        @endpoint("POST", url or self.url, command=access, body=body, answers={201: self.answer}, summary=summary)
        def record(self: Any, request: Request) -> Answer:
            records: Records = self.parts.records
            record_id = stream_id(request.actor.id, request.key)
            said = told._said(self, request, event_type, private, derive, "area")
            command = Start(**said, area=request.body.get("area"))
            return records.begin(told.aggregate, record_id, command, request, told.url)

        return record

    def step(
        self,
        verb: str,
        access: str,
        event_type: str,
        summary: str,
        *,
        derived: Collection[str] = (),
        derive: Derive | None = None,
        **private: fields.Field,
    ) -> Route:
        """The route `POST <url>/<id>/<verb>` that records one further event."""
        declared = CATALOGUE[event_type].schema().fields
        # The person is that of the record, but for a record that has none yet.
        without = {self._own_id, *derived, *({"person_id"} if self.aggregate.kind != "consultation" else ())}
        body = self._body(event_type, without & declared.keys(), private)
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
            records: Records = self.parts.records
            (record_id,) = request.path.values()
            command = Tell(**told._said(self, request, event_type, private, derive))
            return records.follow(told.aggregate, record_id, command, request)

        return record

    def show(self, access: str, summary: str) -> Route:
        """The route that shows one, with its history."""
        record_schema = _schema(
            f"{_words(self.aggregate.kind)}Record", ToldRecord, {self._own_id: fields.String(required=True)}
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
            shown = self.parts.records.show(told.aggregate, record_id, request.actor)
            body = {**body_of(told.aggregate, record_id, shown.state, shown.version), "history": shown.entries}
            person_id = shown.state.person_id
            return Answer(200, body, shown.version, subjects=[person_id] if person_id else [])

        return read

    def retract(self) -> Route:
        """The route that strikes out an entry."""
        return retraction(self.aggregate, self.one, self.answer)

    def _body(self, event_type: str, without: Collection[str], private: Mapping[str, fields.Field]) -> type[Schema]:
        """The contract of the event as a body, without ids that the route knows and what the service derives."""
        declared = CATALOGUE[event_type].schema._declared_fields
        public = {name: declared[name] for name in declared if name not in without}
        name = _words(event_type.rpartition(".")[0])
        return _schema(f"{name}Body", CommandBody, {**public, **private})

    def _said(
        self,
        service: Any,
        request: Request,
        event_type: str,
        private: Mapping[str, fields.Field],
        derive: Derive | None,
        *without: str,
    ) -> dict[str, Any]:
        said = command_fields(request.body, *without)
        timing: dict[str, Any] = {name: said.pop(name) for name in ("occurred_at", "precision", "note") if name in said}
        for name, kind, record_id in _named(event_type, said):
            if kind in self.known:
                service.parts.records.state_of(self.known[kind], record_id, name)
        return {
            **timing,
            "type": event_type,
            "data": {
                **{name: value for name, value in said.items() if name not in private},
                **(derive(service, request) if derive else {}),
            },
            "private": {name: said[name] for name in private if name in said},
        }


def _named(event_type: str, said: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each id in a body: its field, its kind, and the id."""
    for name, declared in CATALOGUE[event_type].schema().fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, Ref) and said.get(name) is not None:
            for record_id in said[name] if isinstance(declared, fields.List) else [said[name]]:
                yield name, inner.metadata["ref"], record_id


def _schema(name: str, base: type[Schema], declared: Mapping[str, fields.Field]) -> type[Schema]:
    return type(name, (base,), {"__doc__": base.__doc__, **declared})


def _words(text: str) -> str:
    return "".join(part.capitalize() for part in text.replace(".", "_").replace("-", "_").split("_"))
