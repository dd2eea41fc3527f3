"""Many commands in one batch. Each command is handled as by its own route. It has its own key and its own result.

Guarantees: the results are in the order of the commands. If two commands touch one record, the earlier one is handled
first. A refused command stops only the commands that use an id from it. The event of a recorded command is on a
majority. If the same commands are given again, nothing changes, and the results are the same.
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

from marshmallow import ValidationError, fields, validate
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.routing import MapAdapter, Rule

from shared.contracts.access import ROLES
from shared.contracts.fields import PERSON_ID, UUID, Choice, Slug
from shared.events.batch_store import BatchStore, Deferred
from shared.events.errors import StoreUnavailable
from shared.events.requests import key_of
from shared.events.store import EventStore
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.ids import new_person_id, read_id, stream_id
from shared.kernel.nhs_number import digits_of
from shared.runtime.observability import get_logger
from shared.web.endpoint import Endpoint, endpoints_of
from shared.web.exchange import KEY, Answer, Request, load_body
from shared.web.fields import Body, Whole
from shared.web.problems import Problem, invalid, problem_of, unexpected
from shared.web.quick_schema import Load, compile_load
from shared.web.server import routes
from shared.web.typed_ids import read_path
from shared.web.unserved import problem_of_unserved

YIELD_EVERY = 20

_ID = re.compile(rf"{PERSON_ID}|{UUID}")
_PLACE = re.compile(r"\{([a-z_]+)\}")

log = get_logger()


class Source(NamedTuple):
    """An id that another command of the same actor recorded: the field `field` of the command with this `key`."""

    key: str
    field: str


class Sources(fields.Field):
    """`{"person_id": "row-1"}` is the person id that the command `row-1` recorded. A field of another name takes
    `{"partner_id": {"key": "row-1", "field": "person_id"}}`, and a list takes a list of either."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError("is an object: for each name the key of an earlier command")
        faults, loaded = {}, {}
        for name, given in value.items():
            sources = [_source(name, one) for one in _each(given)]
            if None in sources:
                faults[name] = ["is the key of a command, an object with its `key` and the `field`, or a list of these"]
            loaded[name] = sources if isinstance(given, list) else sources[0]
        if faults:
            raise ValidationError(faults)
        return loaded


def _source(name: str, given: Any) -> Source | None:
    if isinstance(given, str):
        return Source(given, name)
    if not isinstance(given, dict) or given.keys() != {"key", "field"}:
        return None
    return Source(**given) if all(isinstance(one, str) for one in given.values()) else None


class Line(Body):
    """One command: the body of `POST path`, with an idempotency key of its own."""

    key = fields.String(
        required=True, validate=validate.Regexp(rf"^{KEY}\Z", error="is 1 to 200 visible ASCII characters")
    )
    path = fields.String(
        required=True,
        validate=validate.Length(1, 500),
        metadata={
            "description": "the path of a POST of this service; an id may be its name in braces, filled by `from`",
            "examples": ["/v1/referrals/{referral_id}/sent"],
        },
    )
    body = fields.Dict(keys=fields.String(), load_default=dict, metadata={"description": "the body of that POST"})
    if_match = Whole(0, 999_999_999)
    sources = Sources(data_key="from", metadata={"type": "object", "description": Sources.__doc__})


class Who(Body):
    """Who gave a command, with the claims of a token."""

    id = Slug(required=True)
    role = Choice(*sorted(ROLES), required=True)
    team = Slug(required=True)
    areas = fields.List(Slug(), required=True, validate=validate.Length(1))


class SignedLine(Line):
    """A command that names who gave it."""

    actor = fields.Nested(Who, required=True)


_load_line, _load_signed_line = compile_load(Line()), compile_load(SignedLine())


@dataclass(frozen=True)
class Order:
    """A command in a readable form. Its route decides whether to accept it."""

    actor: Actor
    key: str
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    if_match: int | None = None
    sources: Mapping[str, Source | list[Source]] = field(default_factory=dict)

    @cached_property
    def touches(self) -> frozenset[str]:
        """Everything that can connect it to another command: its key, and the ids and keys that it names."""
        values = [*self.path.split("/"), *(one for value in self.body.values() for one in _each(value))]
        ids = {read for one in values if isinstance(one, str) and _ID.fullmatch(read := read_id(one))}
        number = digits_of(str(self.body.get("nhs_number", "")))
        return frozenset({self.key, number, *self.named_keys, *ids} - {""})

    @cached_property
    def named_keys(self) -> frozenset[str]:
        """The keys of the commands from which it takes ids."""
        return frozenset(source.key for sources in self.sources.values() for source in _each(sources))


def order_of(given: Any, actor: Actor) -> Order:
    """The command of one line. Raises a Problem (422) naming every bad field."""
    return Order(actor, **_load(_load_line, given))


def signed_order_of(given: Any) -> Order:
    """The command of one line that names its actor. Raises a Problem (422) naming every bad field."""
    line = _load(_load_signed_line, given)
    who = line.pop("actor")
    return Order(Actor(who["id"], who["role"], who["team"], tuple(who["areas"])), **line)


def _load(load: Load, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Problem(422, "invalid", "a command is an object with at least `key` and `path`")
    line = load_body(load, given, "command")
    return {**line, "path": read_path(line["path"])}


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a command. `body` is the answer of its route, or a problem document."""

    key: str | None
    status: int
    body: Mapping[str, Any]
    location: str | None = None

    @property
    def is_recorded(self) -> bool:
        return self.status < 300

    def document(self) -> dict[str, Any]:
        """The result as it is sent."""
        return {"key": self.key, "status": self.status, "location": self.location, "body": self.body}


class Bulk:
    """Gives batches of commands to the routes of one service.

    `service` is any instance of the service class. The routes use a batch store, which gathers events and inserts many
    at once.
    """

    def __init__(self, service: Any) -> None:
        self._service = service
        self._routes = _routes(service.__class__)

    def give(self, orders: Sequence[Order], correlation_id: str) -> list[Result]:
        """Give all these commands. Returns a result for each, even when the store is away. Raises nothing."""
        return _Batch(self._service, self._routes, orders, correlation_id).run()


class _Batch:
    """One batch, handled in passes. Each pass sees what the passes before it have recorded."""

    def __init__(self, service: Any, routes: MapAdapter, orders: Sequence[Order], correlation_id: str) -> None:
        self._service = service
        self._routes = routes
        self._orders = orders
        self._correlation_id = correlation_id
        self._store = BatchStore(service.dependencies.store)
        self._gathering = copy.copy(service)
        self._gathering.dependencies = service.dependencies.over(self._store)
        self._matched: dict[str, tuple[str, Endpoint, Mapping[str, str]]] = {}
        self._results: dict[int, Result] = {}

    def run(self) -> list[Result]:
        with suppress(StoreUnavailable):  # each command that needs the store gets this as its result
            self._store.read_ahead(
                {stream for order in self._orders for stream in self._streams_of(order)},
                {key_of(order.actor, key) for order in self._orders for key in order.named_keys},
            )
        waiting = list(range(len(self._orders)))
        while waiting:
            waiting = self._pass(waiting)
        return [self._results[number] for number in range(len(self._orders))]

    def _pass(self, waiting: Sequence[int]) -> list[int]:
        """Give the commands that can be given now. Returns the commands that have to wait for these."""
        deferred: list[int] = []
        blocked: set[str] = set()
        gathered: list[int] = []
        for number in waiting:
            order = self._orders[number]
            try:
                if not blocked.isdisjoint(order.touches):
                    raise Deferred
                self._results[number] = self._give(order, self._gathering)
            except Deferred:
                deferred.append(number)
                blocked |= order.touches
            if self._store.pending > len(gathered):
                gathered.append(number)
            if number % YIELD_EVERY == 0:
                time.sleep(0)  # gives other requests a turn
        for number, refused in zip(gathered, self._store.flush(), strict=True):
            if refused is not None:
                # Another request was faster, or the database is away. Run the command alone, so that it gets its own
                # error.
                self._results[number] = self._give(self._orders[number], self._service)
        return deferred

    def _give(self, order: Order, service: Any) -> Result:
        """Raises Deferred."""
        try:
            name, endpoint, path = self._route(order)
            ids, body = self._fill(order, path, service.dependencies.store)
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
                command=endpoint.command,
            )
            answer: Answer = getattr(service, name)(request)
            return Result(order.key, answer.status, endpoint.dumped(answer), answer.location)
        except Deferred:
            raise
        except Exception as error:
            return refusal(order.key, error, self._correlation_id)

    def _route(self, order: Order) -> tuple[str, Endpoint, Mapping[str, str]]:
        if order.path not in self._matched:
            try:
                (name, endpoint), path = self._routes.match(order.path, "POST")
            except NotFound:
                raise problem_of_unserved(order.path, {rule.rule for rule in self._routes.map.iter_rules()}) from None
            self._matched[order.path] = name, endpoint, path
        return self._matched[order.path]

    def _streams_of(self, order: Order) -> Iterator[str]:
        """The streams that the command may need, by the names of its ids: a `referral_id` is the id of a `referral`."""
        try:
            _, endpoint, path = self._route(order)
        except (HTTPException, Problem):
            return
        ids: dict[str, Any] = {**order.body, **path}
        if not path:
            begun = {name for name in endpoint.answers[201]._declared_fields if name not in ids}
            ids |= dict.fromkeys(begun, stream_id(order.actor.id, order.key))
            ids |= {"person_id": new_person_id(order.actor.id, order.key)} if "person_id" in begun else {}
        for name, value in ids.items():
            if name.endswith("_id") and isinstance(value, str) and _ID.fullmatch(read := read_id(value)):
                yield f"{name.removesuffix('_id').replace('_', '-')}/{read}"

    def _fill(
        self, order: Order, path: Mapping[str, str], store: EventStore
    ) -> tuple[Mapping[str, str], Mapping[str, Any]]:
        """The ids of the path and the body, including the ids from earlier commands. Raises a Problem (422 or 424)."""
        filled = {name: self._read_sources(order, sources, store) for name, sources in order.sources.items()}
        places = {name: match[1] for name, value in path.items() if (match := _PLACE.fullmatch(value))}
        missing = sorted(set(places.values()) - filled.keys())
        if missing:
            raise invalid(
                {"from": {name: ["is in braces in the path, and `from` does not fill it"] for name in missing}}
            )
        ids = {name: filled[places[name]] if name in places else value for name, value in path.items()}
        body = {name: value for name, value in filled.items() if name not in places.values()}
        twice = sorted(body.keys() & order.body.keys())
        if twice:
            raise invalid({"from": {name: ["is in the body too"] for name in twice}})
        return ids, {**order.body, **body}

    def _read_sources(self, order: Order, sources: Source | list[Source], store: EventStore) -> Any:
        ids = [_id_of(source, store.recorded_under(order.actor, source.key)) for source in _each(sources)]
        return ids if isinstance(sources, list) else ids[0]


def refusal(key: str | None, error: Exception, correlation_id: str) -> Result:
    """The result of a command that was refused, or that failed unexpectedly."""
    problem = problem_of(error)
    if problem is None:
        problem = unexpected()
        log.error("command failed", correlation_id=correlation_id, exc_info=error)
    return Result(key, problem.status, problem.document(correlation_id))


def unreadable(given: Any, problem: Problem, correlation_id: str) -> Result:
    """The result of a line that is not a command."""
    key = given.get("key") if isinstance(given, dict) else None
    return refusal(key if isinstance(key, str) else None, problem, correlation_id)


@cache
def _routes(service_cls: Any) -> MapAdapter:
    """Every POST of the service that takes one command."""
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
