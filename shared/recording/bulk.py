"""Many commands in one batch: each goes the way of its own route, with its own key and its own result.

Guarantees: the results stand in the order of the commands; of two commands that touch one record the earlier is given
first; a command that is refused hinders only those that build on it; a result that says "recorded" is of an event that
is durable on a majority; the same commands given again change nothing and have the same results.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields, validate
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter, Rule

from shared.contracts.access import ROLES
from shared.contracts.fields import PERSON_ID, UUID, Choice, Slug
from shared.events.batch_store import BatchStore, Deferred
from shared.events.errors import StoreUnavailable
from shared.events.requests import key_of
from shared.events.store import EventStore
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.ids import new_person_id, stream_id
from shared.runtime.observability import get_logger
from shared.web.endpoint import Endpoint, endpoints_of
from shared.web.exchange import KEY, Answer, Request, load_body
from shared.web.fields import Body, Whole
from shared.web.problems import Problem, invalid, problem_of, unexpected
from shared.web.server import routes

YIELD_EVERY = 20

_ID = re.compile(rf"{PERSON_ID}|{UUID}")
_PLACE = re.compile(r"\{([a-z_]+)\}")

log = get_logger()


class Source(NamedTuple):
    """An id from what another command of the same actor recorded: `field` of the one with this `key`."""

    key: str
    field: str


class Sources(fields.Field):
    """`{"person_id": "row-1"}`: that id of what the command `row-1` recorded. A field of another name is filled by
    `{"partner_id": {"key": "row-1", "field": "person_id"}}`, a list by a list of either."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("is an object: for each name the key of an earlier command")
        faults, found = {}, {}
        for name, said in value.items():
            sources = [_source(name, one) for one in (said if isinstance(said, list) else [said])]
            if None in sources:
                faults[name] = ["is the key of a command, an object with its `key` and the `field`, or a list of these"]
            found[name] = sources if isinstance(said, list) else sources[0]
        if faults:
            raise ValidationError(faults)
        return found


def _source(name: str, said: Any) -> Source | None:
    if isinstance(said, str):
        return Source(said, name)
    if not isinstance(said, dict) or said.keys() != {"key", "field"}:
        return None
    return Source(**said) if all(isinstance(one, str) for one in said.values()) else None


class Line(Body):
    """One command: what `POST path` takes, under an idempotency key of its own."""

    key = fields.String(
        required=True, validate=validate.Regexp(rf"^{KEY}\Z", error="is 1 to 200 visible ASCII characters")
    )
    path = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={
            "description": "of a POST of this service; an id in it may stand as its name in braces, to be filled",
            "examples": ["/v1/referrals/{referral_id}/sent"],
        },
    )
    body = fields.Dict(keys=fields.String(), load_default=dict, metadata={"description": "the body of that POST"})
    if_match = Whole(0, 999_999_999)
    sources = Sources(data_key="from", metadata={"type": "object", "description": Sources.__doc__})


class Who(Body):
    """Who gave a command, as a token says it."""

    id = Slug(required=True)
    role = Choice(*sorted(ROLES), required=True)
    team = Slug(required=True)
    areas = fields.List(Slug(), required=True, validate=validate.Length(1))


class SignedLine(Line):
    """A command that says who gave it."""

    actor = fields.Nested(Who, required=True)


_LINE, _SIGNED_LINE = Line(), SignedLine()


@dataclass(frozen=True)
class Order:
    """A command that can be read. Whether it can be given is for its route to say."""

    actor: Actor
    key: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: int | None = None
    sources: Mapping[str, Source | list[Source]] = field(default_factory=dict)

    @cached_property
    def touches(self) -> frozenset[str]:
        """Everything by which it may have to do with another command: its key, and the ids and keys that it names."""
        said = [*self.path.split("/"), *(one for value in self.body.values() for one in _each(value))]
        ids = {one for one in said if isinstance(one, str) and _ID.fullmatch(one)}
        number = str(self.body.get("nhs_number", "")).replace(" ", "")
        return frozenset({self.key, number, *self.named_keys, *ids} - {""})

    @cached_property
    def named_keys(self) -> frozenset[str]:
        """The keys of the commands that it builds on."""
        return frozenset(source.key for sources in self.sources.values() for source in _each(sources))


def order_of(said: Any, actor: Actor) -> Order:
    """The command of one line. Raises a Problem (422) naming every bad field."""
    return Order(actor, **_loaded(_LINE, said))


def signed_order_of(said: Any) -> Order:
    """The command of one line that says who gave it. Raises a Problem (422) naming every bad field."""
    line = _loaded(_SIGNED_LINE, said)
    who = line.pop("actor")
    return Order(Actor(who["id"], who["role"], who["team"], tuple(who["areas"])), **line)


def _loaded(schema: Schema, said: Any) -> dict[str, Any]:
    if not isinstance(said, dict):
        raise Problem(422, "invalid", "a command is an object with at least `key` and `path`")
    return load_body(schema, said, "command")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a command. `body` is the answer of its route, or a problem document."""

    key: str | None
    status: int
    body: Mapping[str, Any]
    location: str | None = None

    @property
    def is_recorded(self) -> bool:
        return self.status < 300


class Bulk:
    """The commands of one service class, given to its parts.

    `service` is any instance of the class that has them. Commands are given over a store of their own, which gathers.
    """

    def __init__(self, service: Any) -> None:
        self._alone = service
        self._routes = _routes(service.__class__)

    def give(self, orders: Sequence[Order], correlation_id: str) -> list[Result]:
        """Give them all; the result of each. Raises nothing: a store that is away is the result of those it fails."""
        return _Batch(self._alone, self._routes, orders, correlation_id).given()


class _Batch:
    """One batch: pass after pass over what still waits, each over what is durable by then."""

    def __init__(self, alone: Any, commands: MapAdapter, orders: Sequence[Order], correlation_id: str) -> None:
        self._alone = alone
        self._routes = commands
        self._orders = orders
        self._correlation_id = correlation_id
        self._store = BatchStore(alone.dependencies.store)
        self._gathering = copy.copy(alone)
        self._gathering.dependencies = alone.dependencies.over(self._store)
        self._matched: dict[str, tuple[str, Endpoint, Mapping[str, str]]] = {}
        self._results: dict[int, Result] = {}

    def given(self) -> list[Result]:
        with suppress(StoreUnavailable):  # whoever needs any of it is told so
            self._store.read_ahead(
                {stream for order in self._orders for stream in self._streams_of(order)},
                {key_of(order.actor, key) for order in self._orders for key in order.named_keys},
            )
        waiting = list(range(len(self._orders)))
        while waiting:
            waiting = self._pass(waiting)
        return [self._results[number] for number in range(len(self._orders))]

    def _pass(self, waiting: Sequence[int]) -> list[int]:
        """Gives what can be given now; what has to wait for it."""
        put_off: list[int] = []
        blocked: set[str] = set()
        gathered: list[int] = []
        for number in waiting:
            order = self._orders[number]
            try:
                if not blocked.isdisjoint(order.touches):
                    raise Deferred
                self._results[number] = self._given(order, self._gathering)
            except Deferred:
                put_off.append(number)
                blocked |= order.touches
            if self._store.pending > len(gathered):
                gathered.append(number)
            if number % YIELD_EVERY == 0:
                time.sleep(0)  # lets other requests have their turn
        for number, refused in zip(gathered, self._store.flush(), strict=True):
            if refused is not None:
                # Another request was faster, or the database is away: alone it is told what it would be told.
                self._results[number] = self._given(self._orders[number], self._alone)
        return put_off

    def _given(self, order: Order, service: Any) -> Result:
        """Raises Deferred."""
        try:
            name, endpoint, path = self._route(order)
            ids, body = self._filled(order, path, service.dependencies.store)
            if self._store.defers(ids.values()):
                raise Deferred
            endpoint.admit(order.actor)
            request = Request(
                order.actor,
                self._correlation_id,
                ids,
                body=endpoint.loaded(body),
                key=order.key,
                expected_version=order.if_match,
                operation=endpoint.operation,
            )
            answer: Answer = getattr(service, name)(request)
            return Result(order.key, answer.status, endpoint.dumped(answer), answer.location)
        except Deferred:
            raise
        except Exception as error:
            return refusal(order.key, error, self._correlation_id)

    def _route(self, order: Order) -> tuple[str, Endpoint, Mapping[str, str]]:
        if order.path not in self._matched:
            (name, endpoint), path = self._routes.match(order.path, "POST")
            self._matched[order.path] = name, endpoint, path
        return self._matched[order.path]

    def _streams_of(self, order: Order) -> Iterator[str]:
        """The streams that it may need, as far as one can tell: a `referral_id` is that of a `referral`."""
        try:
            _, endpoint, path = self._route(order)
        except HTTPException:
            return
        ids: dict[str, Any] = {**order.body, **path}
        if not path:
            begun = {name for name in endpoint.answers[201]._declared_fields if name not in ids}
            ids |= dict.fromkeys(begun, stream_id(order.actor.id, order.key))
            ids |= {"person_id": new_person_id(order.actor.id, order.key)} if "person_id" in begun else {}
        for name, value in ids.items():
            if name.endswith("_id") and isinstance(value, str) and _ID.fullmatch(value):
                yield f"{name.removesuffix('_id').replace('_', '-')}/{value}"

    def _filled(
        self, order: Order, path: Mapping[str, str], store: EventStore
    ) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The ids of the path and the body, with what earlier commands gave. Raises a Problem (422 or 424)."""
        found = {name: self._from(order, sources, store) for name, sources in order.sources.items()}
        places = {name: match[1] for name, value in path.items() if (match := _PLACE.fullmatch(value))}
        missing = sorted(set(places.values()) - found.keys())
        if missing:
            raise invalid({"from": {name: ["is to fill the path, and nothing says from what"] for name in missing}})
        ids = {name: found[places[name]] if name in places else value for name, value in path.items()}
        body = {name: value for name, value in found.items() if name not in places.values()}
        twice = sorted(body.keys() & order.body.keys())
        if twice:
            raise invalid({"from": {name: ["is in the body too"] for name in twice}})
        return ids, {**order.body, **body}

    def _from(self, order: Order, sources: Source | list[Source], store: EventStore) -> Any:
        found = [_id_of(source, store.recorded_under(order.actor, source.key)) for source in _each(sources)]
        return found if isinstance(sources, list) else found[0]


def refusal(key: str | None, error: Exception, correlation_id: str) -> Result:
    """The result of a command that was refused, or that something unexpected happened to."""
    problem = problem_of(error)
    if problem is None:
        problem = unexpected()
        log.error("command failed", correlation_id=correlation_id, exc_info=error)
    return Result(key, problem.status, problem.document(correlation_id))


def unreadable(said: Any, problem: Problem, correlation_id: str) -> Result:
    """The result of a line that is no command."""
    key = said.get("key") if isinstance(said, dict) else None
    return refusal(key if isinstance(key, str) else None, problem, correlation_id)


@cache
def _routes(service_cls: Any) -> MapAdapter:
    """What may be given: every POST of the service that takes one command."""
    return routes(
        [
            Rule(endpoint.url, methods=["POST"], endpoint=(name, endpoint))
            for name, endpoint in endpoints_of(service_cls)
            if endpoint.method == "POST" and endpoint.keyed
        ]
    )


def _id_of(source: Source, event: Event | None) -> str:
    if event is None:
        raise Problem(424, "nothing-recorded", "nothing is recorded under a key that `from` names")
    kind, _, record_id = event.stream.partition("/")
    ids = {"person_id": event.subject, f"{kind.replace('-', '_')}_id": record_id}
    if ids.get(source.field) is None:
        raise invalid({"from": {source.field: ["what was recorded under this key has no such id"]}})
    return str(ids[source.field])


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
