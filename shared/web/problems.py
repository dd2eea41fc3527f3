"""All error answers over HTTP: RFC 9457 problem details. One table maps each exception type to a status and a code.

Guarantee: an answer has no value of the request, and no text of an unexpected exception. It lists all faulty fields of
a body at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from werkzeug.exceptions import MethodNotAllowed, NotFound

from shared.events.errors import Contended, KeyReused, StaleVersion, StoreUnavailable, UnknownStream
from shared.events.mongo import is_store_away
from shared.kernel.decisions import Forbidden, Invalid, Refused

CONTENT_TYPE = "application/problem+json"
LONGEST_FIELD_NAME = 120


class FieldError(NamedTuple):
    """One fault of a body, a query or a header. `field` is a path such as `contact.phones.0`."""

    field: str
    message: str


@dataclass(eq=False)
class Problem(Exception):
    """An answer that says what is wrong and what to do. `headers` are added to those of the answer.

    `more` are further members of the document, such as the id of what was found instead, or the requests
    that can be made instead (`next`).
    """

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The code in words. It is the same for every occurrence, as RFC 9457 requires."""
        return self.code.replace("-", " ").capitalize()

    def body(self, correlation_id: str) -> bytes:
        """The problem document, as it is sent."""
        return json.dumps(self.document(correlation_id)).encode()

    def document(self, correlation_id: str) -> dict[str, Any]:
        """The problem document. `instance` names this occurrence by its correlation id."""
        document: dict[str, Any] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": f"urn:uuid:{correlation_id}",
            **self.more,
        }
        if self.errors:
            document["errors"] = [error._asdict() for error in self.errors]
        return document


class Row(NamedTuple):
    """The answer to one type of exception. Without `detail`, the exception's own `message` is shown."""

    status: int
    code: str
    detail: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


REFUSALS: Mapping[type[Refused], int] = {Refused: 409, Invalid: 422, Forbidden: 403}
"""The status for each kind of refusal. The code and the fields come from the refusal."""

AGAIN_SOON = (("Retry-After", "2"),)

TABLE: Mapping[type[Exception], Row] = {
    NotFound: Row(404, "no-such-route", "nothing is served under this path; /openapi.json lists what is"),
    UnknownStream: Row(404, "not-found"),
    StaleVersion: Row(412, "stale-version"),
    KeyReused: Row(422, "key-reused"),
    Contended: Row(409, "contended"),
    StoreUnavailable: Row(503, "store-unavailable", None, AGAIN_SOON),
}


def problem_of(error: Exception) -> Problem | None:
    """The problem for this exception. None if the exception is unexpected."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Refused):
        return refusal_of(error)
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return Problem(405, "method-not-allowed", f"this path knows {allowed}", headers=(("Allow", allowed),))
    for kind in type(error).__mro__:
        if kind in TABLE:
            row = TABLE[kind]
            return Problem(
                row.status, row.code, row.detail or str(getattr(error, "message", row.code)), headers=row.headers
            )
    if is_store_away(error):
        detail = "the database cannot be reached; send the same request again"
        return Problem(503, "store-unavailable", detail, headers=AGAIN_SOON)
    return None


def refusal_of(error: Refused, **more: Any) -> Problem:
    """The problem for a refusal. `more` are further members of the document."""
    status = next(REFUSALS[kind] for kind in type(error).__mro__ if kind in REFUSALS)
    return Problem(status, error.code, error.message, flattened(error.fields), more={**error.more, **more})


def unexpected() -> Problem:
    """The answer to an unexpected exception. It does not show the exception's text, which may have somebody's data."""
    return Problem(500, "unexpected", "something went wrong here; give the operator the id in `instance`")


def invalid(messages: Mapping[Any, Any], what: str = "body") -> Problem:
    """The 422 problem for a marshmallow `messages` mapping, with all faulty fields at once."""
    return Problem(422, "invalid", f"the {what} is not acceptable; `errors` names each field", flattened(messages))


def flattened(messages: Mapping[Any, Any]) -> tuple[FieldError, ...]:
    """Nested marshmallow messages as `a.b.0: message`, in the order of the paths."""
    return tuple(sorted(set(_walk(messages, ()))))


def _walk(node: Any, path: tuple[str, ...]) -> Iterator[FieldError]:
    if isinstance(node, Mapping):
        for name, inner in node.items():
            yield from _walk(inner, path if name == "_schema" else (*path, str(name)))
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from _walk(inner, path)
    else:
        yield FieldError(".".join(path)[:LONGEST_FIELD_NAME], str(node))
