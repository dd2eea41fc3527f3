"""`POST /v1/commands`: many commands in one request, as a JSON array or as one JSON object on each line.

Guarantee: an error in one command is the result of that command. A body is refused as a whole only if it cannot be
split into commands, or has too many.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, fields
from nameko.extensions import register_entrypoint

from shared.recording.bulk import Bulk, Line, Order, Result, order_of, unreadable
from shared.web.endpoint import Endpoint
from shared.web.exchange import JSON, Answer, Environ, Request, json_value, media_type, name_kind, read_body
from shared.web.problems import Problem

URL = "/v1/commands"
NDJSON = "application/x-ndjson"
MOST_COMMANDS = 1_000
MOST_BYTES = 4 * 1024 * 1024


class CommandResult(Schema):
    """The result of one command. `body` is the answer of its own route, or the problem."""

    key = fields.String(required=True, allow_none=True, metadata={"description": "null when it cannot be read"})
    status = fields.Integer(required=True)
    location = fields.String(required=True, allow_none=True)
    body = fields.Dict(keys=fields.String(), required=True)


class CommandResults(Schema):
    """One result for each command, in their order."""

    recorded = fields.Integer(required=True)
    refused = fields.Integer(required=True)
    results = fields.List(fields.Nested(CommandResult), required=True)


class CommandsEndpoint(Endpoint):
    """The route. Each command in its body has a key of its own, so the request needs none."""

    keyed = False

    def request_of(self, environ: Environ, path: Mapping[str, str], correlation_id: str) -> Request:
        actor = self.server.tokens.actor_of(environ.get("HTTP_AUTHORIZATION"))
        self.admit(actor)
        raw = read_body(environ, MOST_BYTES)
        read = READERS.get(media_type(environ.get("CONTENT_TYPE")))
        if read is None:
            raise Problem(415, "wrong-content-type", f"send the commands as {' or '.join(READERS)}, in UTF-8")
        commands = read(raw)
        if len(commands) > MOST_COMMANDS:
            detail = f"a request may have {MOST_COMMANDS} commands at most; this one has {len(commands)}"
            raise Problem(413, "too-many-commands", detail)
        return Request(actor, correlation_id, path, body={"commands": commands})

    def dumped(self, answer: Answer) -> dict[str, Any]:
        # The answer of each command is dumped already, by its own route.
        return dict(answer.body)

    def content(self) -> dict[str, Any]:
        array = {"type": "array", "maxItems": MOST_COMMANDS, "items": Line}
        return {JSON: {"schema": array}, NDJSON: {"schema": Line}}


def _read_array(raw: bytes) -> list[Any]:
    loaded = json_value(raw)
    if not isinstance(loaded, list):
        raise Problem(400, "malformed-json", f"the body is JSON, but {name_kind(loaded)} and not an array of commands")
    return loaded


def _read_lines(raw: bytes) -> list[Any]:
    """The value of each line that is not empty. For a line that is not JSON, the value is its Problem."""
    return [_read_line(line) for line in raw.split(b"\n") if line.strip()]


def _read_line(raw: bytes) -> Any:
    try:
        return json_value(raw)
    except Problem as problem:
        return problem


READERS: Mapping[str, Callable[[bytes], list[Any]]] = {JSON: _read_array, NDJSON: _read_lines}


class CommandRoutes:
    """A base for service classes that have the dependencies of a recording service."""

    dependencies: Any

    def record_commands(self, request: Request) -> Answer:
        results: list[Result | None] = []
        orders: list[Order] = []
        for command in request.body["commands"]:
            try:
                if isinstance(command, Problem):
                    raise command
                orders.append(order_of(command, request.actor))
                results.append(None)
            except Problem as problem:
                results.append(unreadable(command, problem, request.correlation_id))
        of_orders = iter(Bulk(self).give(orders, request.correlation_id))
        complete = [result or next(of_orders) for result in results]
        recorded = sum(result.is_recorded for result in complete)
        documents = [result.document() for result in complete]
        return Answer(200, {"recorded": recorded, "refused": len(complete) - recorded, "results": documents})

    register_entrypoint(
        record_commands,
        CommandsEndpoint(
            "POST",
            URL,
            command="commands.record",
            answers={200: CommandResults},
            summary="Record up to 1,000 commands; each has its own key and its own result",
        ),
    )
