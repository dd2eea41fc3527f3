"""Requests made up from a service's own OpenAPI document, sent to the running service, each answer held against it.

Ids that answers show are used in later requests, and a refused body is mended as its answer says, so that most routes
are reached behind their checks too.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from itertools import count
from typing import Any
from urllib.parse import quote, urlsplit

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import (
    CheckFunction,
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.core.failures import FailureGroup

CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AREAS = (("essex",), ("essex", "norfolk"))
MOST_KNOWN = 5
MOST_MENDED = 3
ROUNDS = 3
PATIENCE = 60.0
JSON = "application/json"
# What breaks programs that take the kind of a value for granted. (Lone surrogates, which schemathesis cannot send, are
# sent by the tests of the edge.)
ODDITIES: list[Any] = [
    *("", " ", "\x00", "a\x00b", "\r\n", "\u202e", "\ufeff", "\U0001f600"),
    *("a/b", "../..", "%2e", "?", "#", "$ne", "9" * 5000, "a" * 5000),
    *("0001-01-01", "9999-12-31", "2013-02-30", "1900-01", "2199-12"),
    *("9999-12-31T23:59:59.999999999+14:00", "1900-01-01T00:00:00+23:59", "2199-12-31T23:59:59-23:59"),
    *("p_" + "0" * 32, "00000000-0000-0000-0000-000000000000"),
    *(None, True, 0, -1, 1.5, 1e308, 2**31, 2**63, 10**30, [], ["a"], [[]], [None], {}, {"$gt": ""}),
]
ODD_TEXTS = [odd for odd in ODDITIES if isinstance(odd, str) and odd]

Token = Callable[[str, tuple[str, ...]], str]
Draw = Callable[[st.SearchStrategy[Any]], Any]


class Fuzzing:
    """What was asked of one service, and what it answered outside its document.

    `token` mints one for a role and areas. `known` are values that fields of that name, and those whose names end so,
    mostly have.
    """

    def __init__(self, url: str, token: Token, known: Mapping[str, str], *, examples: int, seed: int) -> None:
        self.failures: dict[tuple[str, ...], str] = {}
        self.statuses: dict[str, Counter[int]] = defaultdict(Counter)
        self._examples = examples
        self._seeds, self._keys = count(seed), count(1)
        self._token = token
        self._schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
        self._document: dict[str, Any] = requests.get(f"{url}/openapi.json", timeout=10).json()
        # What answers showed: ids by the name of their field, and every value that a body's field has had.
        self._known: dict[str, deque[str]] = defaultdict(lambda: deque(maxlen=MOST_KNOWN))
        for name, value in known.items():
            self._know(name, value)
        self._said: dict[str, Any] = {}
        self._taken: dict[str, dict[str, Any]] = {}
        self._templates = [re.compile(_template(path)) for path in self._document["paths"] if "{" in path]

    def run(self) -> None:
        """Begin records and read lists, ask everything of every operation, then try again what nobody got through."""
        operations = [found.ok() for found in self._schema.get_all_operations()]
        above = [operation for operation in operations if "{" not in operation.path]
        with requests.Session() as self._session:
            for _ in range(ROUNDS):
                self._try(above)
            for operation in operations:
                self._ask(operation, list(GenerationMode))
            for _ in range(ROUNDS):
                self._try(operations)

    @property
    def never_passed(self) -> set[str]:
        """The operations that refused every request."""
        return {label for label, statuses in self.statuses.items() if not any(status < 300 for status in statuses)}

    def _try(self, operations: list[APIOperation]) -> None:
        for operation in operations:
            if operation.label not in self.statuses or operation.label in self.never_passed:
                self._ask(operation, [GenerationMode.POSITIVE])

    def _ask(self, operation: APIOperation, modes: list[GenerationMode]) -> None:
        known = {name: tuple(values) for name, values in self._known.items()}
        if not operation.definition.raw.get("security"):
            modes = [GenerationMode.POSITIVE]
        cases = {mode: operation.as_strategy(generation_mode=mode) for mode in modes}
        taken = self._taken.get(operation.label)

        @st.composite
        def draw_request(draw: Draw) -> tuple[Case, dict[str, str]]:
            odd = len(modes) > 1 and not draw(st.integers(0, 2))
            case = draw(cases[GenerationMode.POSITIVE if odd else draw(st.sampled_from(modes))])
            _put_known_ids(draw, case, known)
            if odd:
                _put_an_oddity(draw, case, taken)
            return case, self._headers(draw, case)

        @seed(next(self._seeds))
        @settings(
            max_examples=self._examples,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            verbosity=Verbosity.quiet,
        )
        @given(draw_request())
        def ask(asked: tuple[Case, dict[str, str]]) -> None:
            self._converse(*asked)

        ask()

    def _headers(self, draw: Draw, case: Case) -> dict[str, str]:
        """A token that the operation allows, and mostly headers that let the request through."""
        roles = case.operation.definition.raw.get("x-roles", [])
        headers = {}
        if roles:
            token = self._token(draw(st.sampled_from(roles)), draw(st.sampled_from(AREAS)))
            headers["Authorization"] = f"Bearer {token}"
        if draw(st.integers(0, 3)):
            case.headers.pop("If-Match", None)
            if case.operation.method == "post":
                headers["Idempotency-Key"] = f"fuzz-{next(self._keys)}"
        return headers

    def _converse(self, case: Case, headers: dict[str, str]) -> None:
        response = self._send(case, headers)
        for _ in range(MOST_MENDED):
            mended = self._mended(case, response)
            if mended is None:
                return
            case.body = mended
            response = self._send(case, headers)

    def _send(self, case: Case, headers: dict[str, str]) -> Response | None:
        label = case.operation.label
        try:
            response = case.call(session=self._session, headers=headers, timeout=PATIENCE)
        except requests.RequestException as error:
            self.failures.setdefault(
                (label, type(error).__name__), "\n".join([str(error), *getattr(error, "__notes__", [])])
            )
            return None
        self.statuses[label][response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS, headers=headers)
        except FailureGroup as group:
            kinds = sorted({type(failure).__name__ for failure in group.exceptions})
            self.failures.setdefault((label, *kinds), str(group))
        if response.status_code < 300:
            if isinstance(case.body, dict):
                self._taken[label] = case.body
            if response.headers["content-type"] == [JSON]:
                self._learn(response)
        return response

    def _learn(self, response: Response) -> None:
        for name, value in _texts(json.loads(response.content)):
            if name.endswith("_id"):
                self._know(name, value)
            self._learn_place(value)
        for place in response.headers.get("location", []):
            self._learn_place(place)

    def _learn_place(self, place: str) -> None:
        for template in self._templates if "/" in place else ():
            if match := template.fullmatch(urlsplit(place).path):
                for name, value in match.groupdict().items():
                    self._know(name, value)

    def _know(self, name: str, value: str) -> None:
        if value not in self._known[name]:
            self._known[name].append(value)

    def _mended(self, case: Case, response: Response | None) -> dict[str, Any] | None:
        """The body without optional fields that the answer names, with those it misses; None if that is the same.

        It confirms what the answer doubts, and is about now where the answer says that it cannot be.
        """
        if not isinstance(case.body, dict):
            return None
        self._said.update(case.body)
        if response is None or response.status_code != 422:
            return None
        declared = self._body_schema(case.operation)
        problem = json.loads(response.content)
        if "doubts" in problem:
            return {**case.body, "confirms": sorted({doubt["code"] for doubt in problem["doubts"]})}
        named = {error["field"].partition(".")[0] for error in problem.get("errors", [])}
        without = named - set(declared.get("required", []))
        if problem["type"] == "/problems/impossible":
            without.add("occurred_at")
        body = {name: value for name, value in case.body.items() if name not in without}
        missing = named & (declared.get("properties", {}).keys() - case.body.keys()) & self._said.keys()
        body |= {name: self._said[name] for name in missing}
        return body if body != case.body else None

    def _body_schema(self, operation: APIOperation) -> Mapping[str, Any]:
        content = operation.definition.raw.get("requestBody", {}).get("content", {})
        schema: dict[str, Any] = content.get(JSON, {}).get("schema", {})
        name = schema.get("$ref", "").rpartition("/")[2]
        found: dict[str, Any] = self._document["components"]["schemas"].get(name, schema)
        return found


def _put_known_ids(draw: Draw, case: Case, known: Mapping[str, tuple[str, ...]]) -> None:
    """Mostly, the ids of a request are those of something that exists."""
    for name in case.path_parameters:
        if name in known and draw(st.integers(0, 7)):
            case.path_parameters[name] = draw(st.sampled_from(known[name]))
    if not isinstance(case.body, dict) or not draw(st.integers(0, 7)):
        return
    for field in case.body:
        of = next((name for name in known if field == name or field.endswith(f"_{name}")), None)
        if of is not None:
            case.body[field] = draw(st.sampled_from(known[of]))


def _put_an_oddity(draw: Draw, case: Case, taken: dict[str, Any] | None) -> None:
    """One value of a request, or of one that was taken before, becomes an odd one."""
    if isinstance(case.body, dict):
        case.body = deepcopy(taken or case.body)
    places = [(case.path_parameters, name) for name in case.path_parameters]
    places += [(case.query, name) for name in case.query]
    places += _places(case.body)
    if places:
        where, name = draw(st.sampled_from(places))
        if where is case.path_parameters:
            where[name] = quote(draw(st.sampled_from(ODD_TEXTS)), safe="")
        else:
            where[name] = draw(st.sampled_from(ODD_TEXTS if where is case.query else ODDITIES))


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as its container and the name or number in it."""
    for name in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        yield node, name
        yield from _places(node[name])


def _template(path: str) -> str:
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))


def _texts(node: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every text in a JSON value, with the name of its field."""
    if isinstance(node, str):
        yield name, node
    for inner_name, inner in node.items() if isinstance(node, dict) else ():
        yield from _texts(inner, inner_name)
    for inner in node if isinstance(node, list) else ():
        yield from _texts(inner, name)
