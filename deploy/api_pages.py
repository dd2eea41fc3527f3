"""The API of each service as files in `docs/api/`: its OpenAPI document, and a page for reading made from it.

`make api` writes them; a test fails while they are stale. No server is needed.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from shared.config.config import SERVICES
from shared.contracts.access import ROLES
from shared.contracts.fields import SLUG, WORDS

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "api"
METHODS = ("get", "post")
FORMATS = {"date": "date", "date-time": "instant", "uuid": "UUID"}
TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}

Json = Mapping[str, Any]
Route = tuple[str, str, Json]
"""Path, method and operation."""

_HEAD = """# The API of `{title}`

{description}

`make api` makes this page from the service's OpenAPI document, [{title}.json]({title}.json). A running service serves
the same document at `/openapi.json`, and a page to browse it at `/docs`.

Every route but those under [Without a token](#without-a-token) needs a token: `Authorization: Bearer <token>`. The
token names the person, their role, their team and their areas. "For" lists the roles that may use a route; a role
counts only in the areas of its token. A field that a table does not list is refused.

A *slug* is a lower-case name such as `hv-chelmsford`: letters and digits, joined by single dots, dashes or underscores.
"""
_HEADERS = """## Headers

| header | on | meaning |
| --- | --- | --- |
"""
_PROBLEMS = """## Problems

A refusal is a problem document (RFC 9457, `application/problem+json`): [ProblemDetails](#problemdetails). It names
every field that is wrong. The table says where each problem is possible. A route lists only those that it adds.

| status | on | meaning |
| --- | --- | --- |
"""
_CODES = """## Codes

| field | code | meaning |
| --- | --- | --- |
"""
_UNGUARDED = """## Without a token

| route | answer |
| --- | --- |
"""


def files_of(document: Json) -> dict[str, str]:
    """The files of a service, by suffix: its OpenAPI document and the page made from it."""
    return {"json": json.dumps(document, indent=1, ensure_ascii=False) + "\n", "md": page(document)}


def page(document: Json) -> str:
    """The page made from an OpenAPI document, as Markdown."""
    routes = [
        (path, method, operations[method])
        for path, operations in document["paths"].items()
        for method in METHODS
        if method in operations
    ]
    guarded = [route for route in routes if route[2]["security"]]
    unguarded = [f"| `GET {path}` | {_cell(told['summary'])} |\n" for path, _, told in routes if not told["security"]]
    usual = _usual_problems(guarded)
    schemas, responses = document["components"]["schemas"], document["components"]["responses"]
    parts = [_HEAD.format(**document["info"]), _headers(guarded), _problem_table(guarded, usual, responses)]
    for resource, members in groupby(guarded, key=lambda route: route[0].split("/")[2]):
        parts.append(f"## {resource.replace('-', ' ').capitalize()}\n")
        parts += ["\n".join(_route(*route, usual, schemas)) + "\n" for route in members]
    parts += [_code_table(document), _UNGUARDED + "".join(unguarded), "## Objects\n"]
    bodies = [body for _, _, operation in guarded for body in _content(operation, "requestBody")]
    beside_routes = {_name(schema) for media_type, schema in bodies if media_type == "application/json"}
    parts += [f"### {name}\n\n{_fields(schemas[name])}" for name in sorted(schemas) if name not in beside_routes]
    return "\n".join(parts)


def _headers(routes: Sequence[Route]) -> str:
    parameters = [(path, method, each) for path, method, told in routes for each in told["parameters"]]
    headers = {each["name"]: each for _, _, each in parameters if each["in"] == "header"}
    lines = []
    for name, header in headers.items():
        having = {(path, method) for path, method, each in parameters if each["name"] == name}
        if len(having) == len(routes):
            where = "every route"
        elif not any(method == "post" for _, method in having):
            where = ", ".join(f"`GET {path}`" for path, _ in sorted(having))
        else:
            lacking = [path for path, method, _ in routes if method == "post" and (path, method) not in having]
            where = "POST" + "".join(f", but not `{path}`" for path in lacking)
        required = "; required" if header["required"] else ""
        lines.append(f"| `{name}` | {where}{required} | {_cell(header['description'])} |\n")
    return _HEADERS + "".join(lines)


def _problem_table(routes: Sequence[Route], usual: Mapping[str, set[str]], responses: Json) -> str:
    lines = []
    for status in sorted({status for _, _, operation in routes for status in _problems(operation)}):
        methods = [method.upper() for method, problems in usual.items() if status in problems]
        where = "every route" if len(methods) == len(usual) else " ".join(methods) or "where a route says so"
        lines.append(f"| {status} | {where} | {_cell(responses[f'Problem{status}']['description'])} |\n")
    return _PROBLEMS + "".join(lines)


def _code_table(document: Json) -> str:
    """Each code of each closed list that a field may have, with its words."""
    rows = dict.fromkeys(
        f"| `{name}` | `{code}` | {_cell(words)} |\n"
        for name, field in sorted(_named_fields(document), key=lambda named: named[0])
        for code, words in field.get("items", field).get(WORDS, {}).items()
    )
    return _CODES + "".join(rows)


def _named_fields(document: Json) -> Iterator[tuple[str, Json]]:
    for schema in document["components"]["schemas"].values():
        yield from schema.get("properties", {}).items()
    for operations in document["paths"].values():
        for operation in operations.values():
            yield from ((each["name"], each["schema"]) for each in operation.get("parameters", ()))


def _usual_problems(routes: Sequence[Route]) -> dict[str, set[str]]:
    """The problems that every route of a method may answer."""
    usual: dict[str, set[str]] = {}
    for _, method, operation in routes:
        problems = set(_problems(operation))
        usual[method] = usual.get(method, problems) & problems
    return usual


def _route(path: str, method: str, operation: Json, usual: Mapping[str, set[str]], schemas: Json) -> Iterator[str]:
    yield f"### {method.upper()} {path}\n"
    yield f"{operation['summary'].rstrip('.')}.\n"
    yield f"For: {_roles(operation['x-roles'])}. Command: `{operation['x-command']}`.\n"
    query = [parameter for parameter in operation["parameters"] if parameter["in"] == "query"]
    if query:
        yield "Query:\n"
        yield _table((each["name"], each["schema"], each["required"], _said(each["schema"], each)) for each in query)
    for media_type, schema in _content(operation, "requestBody"):
        yield from _body(media_type, schema, schemas)
    answers = [
        f"{status} with {_type(schema)}"
        for status in operation["responses"]
        for _, schema in _content(operation["responses"], status)
    ]
    added = [status for status in _problems(operation) if status not in usual[method]]
    yield f"Answers: {', '.join(answers)}." + (f" Further problems: {', '.join(added)}." if added else "")


def _roles(roles: Iterable[str]) -> str:
    others = ROLES.difference(roles)
    if len(others) > 2:
        return ", ".join(role.replace("_", " ") for role in sorted(roles))
    but = " and ".join(role.replace("_", " ") for role in sorted(others))
    return f"every role but {but}" if but else "every role"


def _body(media_type: str, schema: Json, schemas: Json) -> Iterator[str]:
    if _name(schema) == "" or media_type != "application/json":
        each = " on each line" if media_type == "application/x-ndjson" else ""
        yield f"Body, as `{media_type}`: {_type(schema)}{each}.\n"
    elif schemas[_name(schema)]["properties"]:
        yield f"Body:\n\n{_fields(schemas[_name(schema)])}"
    else:
        yield "Body: an empty object.\n"


def _problems(operation: Json) -> list[str]:
    return [status for status, answer in operation["responses"].items() if "$ref" in answer]


def _content(parent: Json, part: str) -> list[tuple[str, Json]]:
    """The schemas of a body or an answer, each with its media type."""
    return [(kind, content["schema"]) for kind, content in parent.get(part, {}).get("content", {}).items()]


def _fields(schema: Json) -> str:
    """The table of an object's fields, the required ones first."""
    required = schema.get("required", ())
    fields = sorted(schema.get("properties", {}).items(), key=lambda field: field[0] not in required)
    return _table((name, field, name in required, _said(field)) for name, field in fields)


def _said(*schemas: Json) -> str:
    """Title and hint of a field, as far as it has them."""
    title, hint = (next((one[part] for one in schemas if part in one), "") for part in ("title", "description"))
    return f"**{title}.** {hint}".rstrip() if title else hint


def _table(rows: Iterable[tuple[str, Json, bool, str]]) -> str:
    lines = ["| field | type | required | description |\n| --- | --- | --- | --- |\n"]
    for name, schema, required, description in rows:
        lines.append(f"| `{name}` | {_type(schema)} | {'yes' if required else ''} | {_cell(description)} |\n")
    return "".join(lines)


def _type(schema: Json) -> str:
    """The type of a field in words, ready for a cell of a table."""
    if name := _name(schema):
        return f"[{name}](#{name.lower()})"
    declared = schema.get("type", "")
    kinds = [declared] if isinstance(declared, str) else declared
    words = _plain_type(next((kind for kind in kinds if kind != "null"), ""), schema)
    return f"{words}, or null" if "null" in kinds else words


def _plain_type(kind: str, schema: Json) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(f"`{value}`" for value in schema["enum"] if value is not None)
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}{_bounds(schema, 'Items', '')}"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"object of {_type(values)} by name" if values else "object"
    if kind == "string" and schema.get("pattern") == f"^{SLUG}$":
        return "slug" + _bounds(schema, "Length", " characters")
    if kind == "string":
        words = FORMATS.get(schema.get("format", ""), "text") + _bounds(schema, "Length", " characters")
        return f"{words}, matching `{_cell(schema['pattern'])}`" if "pattern" in schema else words
    return TYPES.get(kind, "anything") + _bounds(schema, "imum", "")


def _bounds(schema: Json, ending: str, unit: str) -> str:
    least, most = schema.get(f"min{ending}"), schema.get(f"max{ending}")
    if least is not None and most is not None:
        return f", {least} to {most}{unit}"
    if most is not None:
        return f", at most {most}{unit}"
    return "" if least is None else f", at least {least}{unit}"


def _name(schema: Json) -> str:
    """The name of the schema that is referred to; empty where there is none."""
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def document_of_service(name: str) -> dict[str, Any]:
    """The OpenAPI document of a service, made from its class alone."""
    # They bring eventlet with them, which has no place in a process that imports only the functions above.
    from shared.web.endpoint import endpoints_of
    from shared.web.openapi import document_of

    module = importlib.import_module(f"services.{name}.service")
    classes = (each for each in vars(module).values() if isinstance(each, type))
    (service_class,) = (each for each in classes if vars(each).get("name") == name)
    return document_of(service_class, endpoints_of(service_class))


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in SERVICES:
        for suffix, text in files_of(document_of_service(name)).items():
            path = FOLDER / f"{name}.{suffix}"
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
