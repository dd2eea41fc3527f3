"""The OpenAPI 3.1 document of a service. It is built from the endpoints, and nothing in it is written by hand.

Guarantee: the document has every endpoint, with its parameters, body, answers, possible problems and roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared.contracts.access import ACCESS
from shared.contracts.fields import UUID, WORDS
from shared.contracts.titles import words_of
from shared.web.exchange import ENTITY_TAG, HELD_TAGS, JSON, KEY
from shared.web.problems import CONTENT_TYPE

VERSION = "1.0.0"

OPERATIONS: Mapping[str, tuple[str, str, tuple[int, ...]]] = {
    "/openapi.json": ("This document", JSON, ()),
    "/docs": ("This document as a page", "text/html", ()),
    "/health/live": ("The process is alive", JSON, ()),
    "/health/ready": ("The process can do its work", JSON, (503,)),
    "/metrics": ("Metrics in the Prometheus text format", "text/plain", ()),
}

PROBLEMS = {
    400: "The request is malformed: JSON, Idempotency-Key, If-Match or query",
    401: "No token, or one that is not valid any more",
    403: "Not for this role or this area",
    404: "There is no such thing",
    405: "The path does not know this method",
    408: "The body did not arrive in time",
    409: "It does not follow from the present state, or others kept writing first",
    412: "The version in If-Match is no longer the present one",
    413: "The body is too large",
    414: "The address is too long",
    415: "The body is not of a media type that this route takes",
    422: "Fields are not acceptable (each is named), or the Idempotency-Key was used with another body",
    429: "Too many looks at people in a short time; `Retry-After` says when to go on",
    431: "The headers are too large",
    500: "Something unexpected; `instance` is what to quote",
    503: "The database cannot be reached; send the same request again",
}
_BEFORE_ROUTING = (400, 414, 431)
_ALWAYS = (*_BEFORE_ROUTING, 401, 403, 422, 500, 503)
_POST = (408, 409, 412, 413, 415)
# If a part of the path is empty or has a slash, the path is another path.
_PATH = (404, 405)
_CORRELATION_ID: Mapping[str, Any] = {
    "description": "names this request in the logs",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}

EXAMPLE_TAG = 'W/"0f343b0931126a20f133d67c2b018a3b"'
_TAG: Mapping[str, Any] = {
    "description": "names this state of the answer, for If-None-Match; some answers have none",
    "schema": {"type": "string"},
}
_UNCHANGED: Mapping[str, Any] = {
    "description": "The answer that you hold has not changed",
    "headers": {"ETag": _TAG, "X-Correlation-Id": _CORRELATION_ID},
}


class Route(Protocol):
    """The data about an endpoint that the document needs."""

    method: str
    url: str
    command: str
    summary: str
    keyed: bool
    query: type[Schema] | None
    answers: Mapping[int, type[Schema]]
    errors: tuple[int, ...]
    conditional: bool

    @property
    def parameters(self) -> list[str]: ...
    def content(self) -> dict[str, Any]: ...


class ProblemField(Schema):
    field = fields.String(required=True, metadata={"description": "path of the field, such as `contact.phones.0`"})
    message = fields.String(required=True)


class NeededField(Schema):
    """A field without which the request is refused."""

    field = fields.String(required=True)
    title = fields.String(required=True)


class NextRequest(Schema):
    """A request that you may make next about this record. `verb` is the HTTP method.

    `body` names the schema of its body in /openapi.json, where each field has its title and its hint. `needs` are the
    fields that the body must have.
    """

    verb = fields.String(required=True)
    title = fields.String(required=True)
    address = fields.String(required=True)
    body = fields.String()
    needs = fields.List(fields.Nested(NeededField))


def next_request(title: str, address: str, body: type[Schema]) -> dict[str, Any]:
    """A `NextRequest`: the POST with this body to this address."""
    return {"verb": "POST", "title": title, "address": address, **_say_body(body)}


@cache
def _say_body(body: type[Schema]) -> dict[str, Any]:
    needs = [
        {"field": field.data_key or name, "title": field.metadata.get("title", name)}
        for name, field in body().fields.items()
        if field.required
    ]
    return {"body": _name_of(body), "needs": needs}


class ProblemDoubt(ProblemField):
    """A doubt that the request may confirm by its code."""

    code = fields.String(required=True)


class ProblemDetails(Schema):
    """RFC 9457."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True, metadata={"format": "uri", "description": "names this occurrence"})
    errors = fields.List(fields.Nested(ProblemField))
    next = fields.List(
        fields.Nested(NextRequest), metadata={"description": "the requests that can be made instead of this one"}
    )
    person_id = fields.String(metadata={"description": "of who is known already, for whoever may know it"})
    care_leaver_id = fields.String(metadata={"description": "of who is known already, for whoever may know it"})
    doubts = fields.List(
        fields.Nested(ProblemDoubt), metadata={"description": "what is unlikely: confirm it by its code in `confirms`"}
    )


def document_of(service_cls: Any, endpoints: Iterable[tuple[str, Route]]) -> dict[str, Any]:
    """The document of a nameko service class with these endpoints, each with the name of its method."""
    marshmallow = MarshmallowPlugin(schema_name_resolver=_name_of)
    spec = APISpec(
        title=service_cls.name,
        version=VERSION,
        openapi_version="3.1.0",
        info={"description": (service_cls.__doc__ or "").strip()},
        plugins=[marshmallow],
    )
    converter: Any = marshmallow.converter
    converter.add_attribute_function(_pattern_for_everybody)
    converter.add_attribute_function(_words_of_codes)
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (EdDSA)"})
    for status, description in PROBLEMS.items():
        spec.components.response(f"Problem{status}", _problem(status, description))
    for name, endpoint in endpoints:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", endpoint.url)
        spec.path(path, operations={endpoint.method.lower(): _operation(name, endpoint)})
    for path, (summary, content_type, problems) in OPERATIONS.items():
        spec.path(path, operations={"get": _unguarded(path, summary, content_type, problems)})
    return spec.to_dict()


def _operation(name: str, endpoint: Route) -> dict[str, Any]:
    posts = endpoint.method == "POST"
    problems = {*_ALWAYS, *endpoint.errors, *(_POST if posts else ()), *(_PATH if endpoint.parameters else ())}
    answers = {str(status): _answer(status, schema, endpoint) for status, schema in endpoint.answers.items()}
    if endpoint.conditional:
        answers["304"] = dict(_UNCHANGED)
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": endpoint.summary,
        "tags": [endpoint.command.partition(".")[0]],
        "security": [{"bearer": []}],
        "x-command": endpoint.command,
        "x-roles": sorted(ACCESS[endpoint.command]),
        "parameters": _parameters(endpoint, posts),
        "responses": {
            **answers,
            **{str(status): f"Problem{status}" for status in sorted(problems)},
        },
    }
    if content := endpoint.content():
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _parameters(endpoint: Route, posts: bool) -> list[Any]:
    parameters: list[Any] = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string"}} for part in endpoint.parameters
    ]
    if endpoint.query is not None:
        parameters.append({"in": "query", "schema": endpoint.query})
    if posts and endpoint.keyed:
        key = "the same key with the same body gives the same answer"
        parameters.append(_header("Idempotency-Key", key, KEY, "4bfb0e3c-8a57-4f0e-9c0e-0d7c1f6f6a52", required=True))
        parameters.append(_header("If-Match", "record only if this is still the version", ENTITY_TAG, '"7"'))
    if endpoint.conditional:
        held = "the ETag of an answer that you hold; if nothing has changed since, you get 304 without a body"
        parameters.append(_header("If-None-Match", held, HELD_TAGS, EXAMPLE_TAG))
    parameters.append(
        _header("X-Correlation-Id", "to find this request by", UUID, "0d9f8a52-3b7c-4a43-9f6e-2f3c5a1d7b10")
    )
    return parameters


def _header(name: str, description: str, pattern: str, example: str, *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string", "pattern": f"^{pattern}$", "examples": [example]}
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _problem(status: int, description: str) -> dict[str, Any]:
    headers = {"X-Correlation-Id": _CORRELATION_ID}
    if status == 401:
        headers["WWW-Authenticate"] = {
            "description": "what to come back with",
            "required": True,
            "schema": {"type": "string"},
        }
    return {"description": description, "headers": headers, "content": {CONTENT_TYPE: {"schema": ProblemDetails}}}


def _answer(status: int, schema: type[Schema], endpoint: Route) -> dict[str, Any]:
    version = {"description": "the version, for If-Match", "schema": {"type": "string"}}
    etag = _TAG if endpoint.conditional else version
    headers: dict[str, Any] = {"ETag": etag, "X-Correlation-Id": _CORRELATION_ID}
    if status == 201:
        headers["Location"] = {"description": "where it can be read", "schema": {"type": "string"}}
    meaning = {200: "The answer", 201: "Recorded", 202: "Taken on"}.get(status, "The answer")
    return {"description": meaning, "headers": headers, "content": {JSON: {"schema": schema}}}


def _unguarded(path: str, summary: str, content_type: str, problems: tuple[int, ...]) -> dict[str, Any]:
    kind = "string" if content_type.startswith("text/") else "object"
    return {
        "operationId": path.strip("/").replace("/", "_").replace(".json", ""),
        "summary": summary,
        "tags": ["operations"],
        "security": [],
        "responses": {
            "200": {"description": summary, "content": {content_type: {"schema": {"type": kind}}}},
            **{str(status): f"Problem{status}" for status in (*_BEFORE_ROUTING, *problems)},
        },
    }


def _pattern_for_everybody(_converter: Any, _field: Any, ret: Mapping[str, Any], **_: Any) -> dict[str, str]:
    """Python's end of text, `\\Z`, is an ordinary letter in the regular expressions of JSON Schema."""
    return {"pattern": ret["pattern"].replace("\\Z", "$")} if "pattern" in ret else {}


def _words_of_codes(_converter: Any, _field: Any, ret: Mapping[str, Any], **_: Any) -> dict[str, Any]:
    """The words of a closed list. A field of a body has them already."""
    codes = [code for code in ret.get("enum", ()) if code is not None]
    return {WORDS: words_of(codes)} if codes and WORDS not in ret else {}


def _name_of(schema: type[Schema] | Schema) -> str:
    """The name of a schema in the document: the name of its class."""
    return schema.__name__ if isinstance(schema, type) else type(schema).__name__
