"""The OpenAPI 3.1 document of a service, built from its endpoints: nothing in it is written by hand a second time.

Guarantee: every endpoint appears with its parameters, body, answers, every problem it may answer, and its roles.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema, fields

from shared.contracts.access import ACCESS
from shared.web.exchange import JSON
from shared.web.problems import CONTENT_TYPE

if TYPE_CHECKING:
    from shared.web.endpoint import Endpoint

VERSION = "1.0.0"

OPERATIONS: Mapping[str, tuple[str, str, tuple[int, ...]]] = {
    "/openapi.json": ("This document", JSON, ()),
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
    415: "The body is not application/json",
    422: "Fields are not acceptable (each is named), or the Idempotency-Key was used with another body",
    500: "Something unexpected; `instance` is what to quote",
    503: "The database cannot be reached; send the same request again",
}
_ALWAYS = (401, 403, 500, 503)
_QUERY = (400, 422)
_POST = (400, 408, 409, 413, 415, 422)


class ProblemField(Schema):
    field = fields.String(required=True, metadata={"description": "path of the field, such as `contact.phones.0`"})
    message = fields.String(required=True)


class ProblemDetails(Schema):
    """RFC 9457."""

    type = fields.String(required=True, metadata={"format": "uri-reference"})
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    instance = fields.String(required=True, metadata={"format": "uri", "description": "names this occurrence"})
    errors = fields.List(fields.Nested(ProblemField))


def document_of(service_cls: Any, endpoints: Iterable[tuple[str, Endpoint]]) -> dict[str, Any]:
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
    spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT (EdDSA)"})
    for status, description in PROBLEMS.items():
        content = {CONTENT_TYPE: {"schema": ProblemDetails}}
        spec.components.response(f"Problem{status}", {"description": description, "content": content})
    for name, endpoint in endpoints:
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", endpoint.url)
        spec.path(path, operations={endpoint.method.lower(): _operation(name, endpoint)})
    for path, (summary, content_type, problems) in OPERATIONS.items():
        spec.path(path, operations={"get": _unguarded(path, summary, content_type, problems)})
    return spec.to_dict()


def _operation(name: str, endpoint: Endpoint) -> dict[str, Any]:
    posts = endpoint.method == "POST"
    problems = {*_ALWAYS, *endpoint.errors, *_QUERY, *(_POST if posts else ())}
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": endpoint.summary,
        "tags": [endpoint.command.partition(".")[0]],
        "security": [{"bearer": []}],
        "x-command": endpoint.command,
        "x-roles": sorted(ACCESS[endpoint.command]),
        "parameters": _parameters(endpoint, posts),
        "responses": {
            **{str(status): _answer(status, schema) for status, schema in endpoint.answers.items()},
            **{str(status): f"Problem{status}" for status in sorted(problems)},
        },
    }
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": endpoint.body}}}
    return operation


def _parameters(endpoint: Endpoint, posts: bool) -> list[Any]:
    parameters: list[Any] = [
        {"name": part, "in": "path", "required": True, "schema": {"type": "string"}} for part in endpoint.parameters
    ]
    if endpoint.query is not None:
        parameters.append({"in": "query", "schema": endpoint.query})
    if posts:
        parameters.append(
            _header(
                "Idempotency-Key",
                "the same key with the same body gives the same answer",
                True,
                200,
                ["4bfb0e3c-8a57-4f0e-9c0e-0d7c1f6f6a52"],
            )
        )
        parameters.append(_header("If-Match", "record only if this is still the version", False, 12, ['"7"']))
    parameters.append(_header("X-Correlation-Id", "a UUID to find this request by", False, 36, []))
    return parameters


def _header(name: str, description: str, required: bool, longest: int, examples: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": longest}
    if examples:
        schema["examples"] = examples
    return {"name": name, "in": "header", "required": required, "description": description, "schema": schema}


def _answer(status: int, schema: type[Schema]) -> dict[str, Any]:
    headers = {
        "ETag": {"description": "the version, for If-Match", "schema": {"type": "string"}},
        "X-Correlation-Id": {"description": "names this request in the logs", "schema": {"type": "string"}},
    }
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
            **{str(status): f"Problem{status}" for status in problems},
        },
    }


def _pattern_for_everybody(_converter: Any, _field: Any, ret: Mapping[str, Any], **_: Any) -> dict[str, str]:
    """Python's end of text, `\\Z`, is an ordinary letter in the regular expressions of JSON Schema."""
    return {"pattern": ret["pattern"].replace("\\Z", "$")} if "pattern" in ret else {}


def _name_of(schema: type[Schema] | Schema) -> str:
    """A schema's name in the document: that of its class."""
    return schema.__name__ if isinstance(schema, type) else type(schema).__name__
