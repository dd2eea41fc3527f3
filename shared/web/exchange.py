"""Requests and answers of an endpoint, and how a request is read from its bytes.

Guarantee: a body is never read beyond the limit, whatever the headers claim. JSON is read strictly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from marshmallow import Schema, ValidationError, fields

from shared.kernel.decisions import Actor
from shared.web.problems import FieldError, Problem, invalid
from shared.web.quick_schema import Load

JSON = "application/json"
MOST_QUERY_FIELDS = 50

KEY = r"[\x21-\x7e]{1,200}"
ENTITY_TAG = r'"([0-9]{1,9})"'
HELD_TAGS = r'(\*|(W/)?"[!#-~]*"( *, *(W/)?"[!#-~]*")*)'
ANY_TAG = "*"
_KEY = re.compile(KEY)
_ENTITY_TAG = re.compile(ENTITY_TAG)
# The opaque part of each tag in If-None-Match. Whether a tag is weak does not matter there (RFC 9110, 13.1.2).
_OPAQUE_TAG = re.compile(r'"([!#-~]*)"')
_ESCAPE = re.compile(rb"\\u[dD]")

Environ = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """A request that has passed every check that needs no stored data.

    `key` is the Idempotency-Key (empty for GET). `expected_version` is the version of `If-Match: "7"`. `body` and
    `query` are loaded by their schemas. `path` has the parts of the URL as text. `operation` names the route,
    and `command` is its row in the access table.
    `held_tags` are those of `If-None-Match`.
    """

    actor: Actor
    correlation_id: str
    path: Mapping[str, str]
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    raw_body: bytes = b""
    key: str = ""
    expected_version: int | None = None
    operation: str = ""
    command: str = ""
    held_tags: frozenset[str] = frozenset()

    def holds(self, tag: str) -> bool:
        """Whether the client has an answer with this tag, and wants another one only if that one has changed."""
        return tag in self.held_tags or ANY_TAG in self.held_tags


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of an endpoint. `version` becomes the ETag. `subjects` are the people whose records it shows,
    `glass` is the broken glass under which they are read, if it is.

    `tag` becomes a weak ETag, which is also made without making the body. If the client holds an answer with this tag,
    the endpoint answers 304, and the body does not matter.
    """

    status: int
    body: Mapping[str, Any]
    version: int | None = None
    location: str | None = None
    subjects: Sequence[str] = ()
    tag: str | None = None
    glass: str | None = None


class Reply(NamedTuple):
    """An answer as it is sent."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


def idempotency_key(environ: Environ) -> str:
    """The required Idempotency-Key. Raises a Problem (400)."""
    key: str = environ.get("HTTP_IDEMPOTENCY_KEY", "")
    if not key:
        raise _bad_header("idempotency-key-missing", "Idempotency-Key", "is required on every POST")
    if not _KEY.fullmatch(key):
        message = f"is 1 to 200 visible ASCII characters; this one has {len(key)}, and no space may be among them"
        raise _bad_header("idempotency-key-invalid", "Idempotency-Key", message)
    return key


def expected_version(environ: Environ) -> int | None:
    """The version that `If-Match` gives, or None without that header. Raises a Problem (400)."""
    tag = environ.get("HTTP_IF_MATCH")
    if tag is None:
        return None
    match = _ENTITY_TAG.fullmatch(tag.strip())
    if match is None:
        raise _bad_header("if-match-invalid", "If-Match", 'is one version in quotes, such as "7", as the ETag gave it')
    return int(match[1])


def held_tags(environ: Environ) -> frozenset[str]:
    """The tags in `If-None-Match`. A header that is malformed holds none: the client then gets the whole answer."""
    given = environ.get("HTTP_IF_NONE_MATCH", "").strip()
    return frozenset({ANY_TAG} if given == ANY_TAG else _OPAQUE_TAG.findall(given))


def read_body(environ: Environ, limit: int) -> bytes:
    """The body, of at most `limit` bytes. Raises a Problem: 413 if it is longer, 400 if it breaks off."""
    stream = environ["wsgi.input"]
    chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    length = 0 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
    if length > limit:
        raise _too_large(limit, str(length))
    if not chunked and not length:
        return b""
    try:
        raw: bytes = stream.read(limit + 1)
    except TimeoutError:
        raise Problem(408, "too-slow", "the body did not arrive in time; send it again") from None
    except (OSError, ValueError):
        raise Problem(400, "broken-body", "the body broke off or its chunks are malformed") from None
    if len(raw) > limit:
        raise _too_large(limit, "more")
    if len(raw) < length:
        detail = f"the body is shorter than its Content-Length says: {len(raw)} bytes of {length}"
        raise Problem(400, "broken-body", detail)
    return raw


def json_object(raw: bytes, content_type: str | None) -> dict[str, Any]:
    """The JSON object in `raw`. Raises a Problem: 415 for another content type, 400 if the body is not one object."""
    if media_type(content_type) != JSON:
        raise Problem(415, "wrong-content-type", f"send the body with Content-Type: {JSON}, in UTF-8")
    loaded = json_value(raw)
    if not isinstance(loaded, dict):
        raise Problem(400, "malformed-json", f"the body is JSON, but {name_kind(loaded)} and not an object: send {{…}}")
    return loaded


def media_type(content_type: str | None) -> str:
    """The media type that the header names. Empty if the header is not in UTF-8."""
    name, _, parameters = (content_type or "").lower().partition(";")
    return "" if "charset" in parameters and "utf-8" not in parameters else name.strip()


def json_value(raw: bytes) -> Any:
    """The JSON value in `raw`. Raises a Problem (400)."""
    try:
        loaded = json.loads(raw, object_pairs_hook=_without_repeats, parse_constant=_refuse_constant)
        if _ESCAPE.search(raw):
            # A lone surrogate cannot be stored in a database or sent over a network.
            json.dumps(loaded, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        detail = "the body is not JSON as RFC 8259 has it (names once per object, no NaN, UTF-8)"
        raise Problem(400, "malformed-json", detail) from None
    return loaded


def name_kind(value: Any) -> str:
    """What kind of JSON value it is, in words."""
    kinds = {list: "an array", dict: "an object", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def load_body(load: Load, value: Mapping[str, Any], what: str = "body") -> dict[str, Any]:
    """The value as `load` loads it. `what` names the value. Raises a Problem (422) naming every bad field."""
    try:
        return load(value)
    except ValidationError as error:
        raise invalid(error.normalized_messages(), what) from None


def load_query(schema: Schema, load: Load, query_string: str) -> dict[str, Any]:
    """The query of this schema, as `load` loads it. A list field may be repeated.

    Raises a Problem (422) naming every bad field.
    """
    try:
        given = parse_qs(query_string, keep_blank_values=True, max_num_fields=MOST_QUERY_FIELDS)
    except ValueError:
        count = query_string.count("&") + 1
        detail = f"the query has more than {MOST_QUERY_FIELDS} fields: {count}"
        raise Problem(400, "malformed-query", detail) from None
    repeatable = {name for name, declared in schema.fields.items() if isinstance(declared, fields.List)}
    twice = sorted(name for name, values in given.items() if len(values) > 1 and name not in repeatable)
    if twice:
        raise invalid({name: ["is given more than once"] for name in twice}, "query")
    plain = {name: values if name in repeatable else values[0] for name, values in given.items()}
    return load_body(load, plain, "query")


def _bad_header(code: str, header: str, message: str) -> Problem:
    return Problem(400, code, f"{header} {message}", (FieldError(header, message),))


def _too_large(limit: int, given: str) -> Problem:
    return Problem(413, "body-too-large", f"a body may have {limit} bytes at most; this one has {given}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is repeated")
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(name)
