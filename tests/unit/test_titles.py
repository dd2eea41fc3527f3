"""Every field that a request or an event may have has a title and a hint, and every code of a closed list its words."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from marshmallow import Schema, fields, validate

from deploy.api_pages import document_of_service
from shared.config.config import SERVICES
from shared.contracts import CATALOGUE, titles
from shared.contracts.fields import WORDS, EventData, StrictSchema
from shared.web.endpoint import Endpoint, endpoints_of
from shared.web.openapi import next_request

PLACE = "shared/contracts/titles.py"
LONGEST_TITLE, LONGEST_HINT = 30, 220


class FieldOf(NamedTuple):
    """A field that is bound to its schema, and where it is asked for."""

    where: str
    schema: Schema
    name: str
    field: fields.Field[Any]

    @property
    def codes(self) -> list[str]:
        inner = self.field.inner if isinstance(self.field, fields.List) else self.field
        return [code for check in inner.validators if isinstance(check, validate.OneOf) for code in check.choices]

    @property
    def words(self) -> dict[str, str]:
        inner = self.field.inner if isinstance(self.field, fields.List) else self.field
        return dict(inner.metadata.get(WORDS, {}))


def endpoints() -> Iterator[Endpoint]:
    for service in SERVICES:
        module = importlib.import_module(f"services.{service}.service")
        (service_class,) = (one for one in vars(module).values() if isinstance(one, type) and _is_named(one, service))
        for _, endpoint in endpoints_of(service_class):
            yield endpoint


def _is_named(one: type, service: str) -> bool:
    return vars(one).get("name") == service


def walk(where: str, schema: Schema) -> Iterator[FieldOf]:
    for name, field in schema.fields.items():
        yield FieldOf(where, schema, name, field)
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            yield from walk(f"{where}, {name}", inner.schema)


def fields_asked_for() -> Iterator[FieldOf]:
    for event_type in CATALOGUE:
        yield from walk(event_type.name, event_type.schema())
    for endpoint in endpoints():
        for schema in filter(None, (endpoint.body, endpoint.query)):
            yield from walk(f"{endpoint.method} {endpoint.url}", schema())


def test_every_body_query_and_payload_is_a_strict_schema() -> None:
    assert [field for field in fields_asked_for() if not isinstance(field.schema, StrictSchema)] == []


def test_every_field_has_a_title_and_a_hint() -> None:
    missing = {
        f'    "{one.name}": ("…", "….")  # of {type(one.schema).__name__}, asked for in {one.where}'
        for one in fields_asked_for()
        if not one.field.metadata.get("title") or not one.field.metadata.get("description")
    }
    assert not missing, f"add to FIELDS in {PLACE}, with a title and a hint:\n" + "\n".join(sorted(missing))


def test_every_code_of_a_closed_list_has_its_words() -> None:
    missing = {
        f'    "{code}": "…"  # of {one.name} in {type(one.schema).__name__}, asked for in {one.where}'
        for one in fields_asked_for()
        for code in one.codes
        if not one.words.get(code) or (code not in titles.CODES and one.words[code] == code)
    }
    assert not missing, f"add to CODES in {PLACE}, with the words for it:\n" + "\n".join(sorted(missing))


def test_every_code_of_a_closed_list_in_an_answer_has_its_words() -> None:
    missing = {
        f'    "{code}": "…"  # of {place}'
        for service in SERVICES
        for place, field in enums_in(document_of_service(service), service)
        for code in field["enum"]
        if code is not None and (code not in titles.CODES or not field[WORDS].get(code))
    }
    assert not missing, f"add to CODES in {PLACE}, with the words for it:\n" + "\n".join(sorted(missing))


def enums_in(part: Any, place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, list):
        part = dict(enumerate(part))
    if isinstance(part, dict):
        if "enum" in part:
            yield place, part
        for name, inner in part.items():
            yield from enums_in(inner, f"{place} {name}")


def test_a_title_is_short_and_a_hint_is_whole_sentences() -> None:
    for name, (title, hint) in titles.FIELDS.items():
        assert 1 <= len(title) <= LONGEST_TITLE and title[0].isupper() and title[-1] not in ".:", f"{name}: {title}"
        assert 1 <= len(hint) <= LONGEST_HINT and not hint[0].islower() and hint[-1] == ".", f"{name}: {hint}"


def test_every_line_is_used() -> None:
    """A line for a schema that is gone, or under a name that no field has, would mislead whoever looks it up."""
    asked = list(fields_asked_for())
    names = {one.name for one in asked}
    schemas = {cls.__name__ for one in asked for cls in (*type(one.schema).__mro__, *one.schema.contract.__mro__)}
    for line in titles.FIELDS:
        schema, _, name = line.rpartition(".")
        assert not schema or schema in schemas, f"{PLACE}: no schema {schema}"
        assert name in names or line in IN_BULK, f"{PLACE}: no field {line}"


IN_BULK = {"key", "path", "body", "if_match", "sources", "actor", "id", "areas"}
"""The fields of a command in a list or a file, whose schemas no endpoint names."""


def test_the_lines_of_a_list_of_codes_are_codes_of_it() -> None:
    for codes, lines in titles.OF_LISTS.items():
        assert set(lines) <= set(codes)


def test_a_line_for_one_schema_goes_before_the_line_for_the_name() -> None:
    class Toy(EventData):
        outcome = fields.String()

    class ScreenFollowedUp(Toy):
        pass

    assert Toy().fields["outcome"].metadata["title"] == titles.FIELDS["outcome"][0]
    hint = ScreenFollowedUp().fields["outcome"].metadata["description"]
    assert hint == titles.FIELDS["ScreenFollowedUp.outcome"][1]


@pytest.mark.parametrize("url", ["/v1/support/<support_id>/reviewed", "/v1/screens/<screen_id>/followed-up"])
def test_a_body_has_the_titles_of_the_contract_of_its_event(url: str) -> None:
    (body,) = (one.body for one in endpoints() if one.url == url and one.body is not None)
    schema = body()
    contract = schema.contract()
    shared = schema.fields.keys() & contract.fields.keys()
    assert shared
    for name in shared:
        assert schema.fields[name].metadata["title"] == contract.fields[name].metadata["title"]


def test_every_get_of_a_record_says_what_may_follow() -> None:
    reads = [one for one in endpoints() if one.method == "GET" and "history" in _names_of(one)]
    assert reads
    lacking = [one.url for one in reads if "next" not in _names_of(one)]
    assert not lacking, f"these answers need `next`, a list of NextRequest, as RecordRoutes.read has it: {lacking}"


def _names_of(endpoint: Endpoint) -> set[str]:
    return set(endpoint.answers[200]._declared_fields) if 200 in endpoint.answers else set()


def test_what_may_follow_names_the_body_and_what_it_needs() -> None:
    steps = [one for one in endpoints() if one.url == "/v1/referrals/<referral_id>/withdrawn"]
    (body,) = (one.body for one in steps if one.body is not None)
    request = next_request("A clinician withdrew it", "/v1/referrals/1/withdrawn", body)
    assert request["body"] == body.__name__
    assert {"field": "decided_by", "title": "Decided by"} in request["needs"]
    assert {one["field"] for one in request["needs"]} == {name for name, one in body().fields.items() if one.required}
