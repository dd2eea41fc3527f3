"""A body is loaded and dumped quickly to the same as by its schema, and refused with the same faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from services.leaving_care.service import LeavingCareService
from services.perinatal.service import PerinatalService
from services.referrals_followup.service import ReferralsFollowupService
from shared.recording.bulk import Line, SignedLine
from shared.web.endpoint import endpoints_of
from shared.web.fields import Body
from shared.web.quick_schema import compile_dump, compile_load

ENDPOINTS = [
    endpoint
    for service in (PerinatalService, LeavingCareService, ReferralsFollowupService)
    for _, endpoint in endpoints_of(service)
]
BODIES = sorted({Line, SignedLine, *(one.body for one in ENDPOINTS if one.body)}, key=lambda body: body.__name__)
ANSWERS = sorted({answer for one in ENDPOINTS for answer in one.answers.values()}, key=lambda answer: answer.__name__)

WORDS = st.sampled_from(
    [
        *("", "a", "A b", "camhs", "routine", "sent", "essex", "two\nlines", "\x00", "x" * 65),
        *("2013-01-14", "2013-01", "2013-02-30", "2013-01-14T09:30:00Z", "999 000 0018"),
        *(f"p_{'a' * 32}", "0193f2a0-0000-7000-8000-000000000001", "/v1/people"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-2, 2**33) | st.floats(allow_nan=False) | WORDS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2), max_leaves=3
)


class Everything(Body):
    """What no body of a service has today: defaults of each kind, and other names inside and outside."""

    one = fields.String(load_default="1")
    many = fields.List(fields.String(), load_default=list)
    inner = fields.String(data_key="outer", attribute="within")
    none = fields.String(allow_none=True)


LOADS = {schema: compile_load(schema) for schema in (body() for body in (Everything, *BODIES))}
DUMPS = {schema: compile_dump(schema) for schema in (answer() for answer in ANSWERS)}


def loaded(load: Callable[[Any], Any], body: Any) -> Any:
    """What it loads, or the faults."""
    try:
        return load(body)
    except ValidationError as error:
        return ("refused", error.normalized_messages())


def usual(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    """Values of about the right kind."""
    if isinstance(field, fields.Boolean):
        return st.booleans()
    if isinstance(field, fields.Integer):
        return st.integers(0, 30)
    if isinstance(field, fields.List):
        return st.lists(usual(field.inner), max_size=2)
    choices = [choice for one in field.validators for choice in getattr(one, "choices", ())]
    return st.sampled_from(choices) if choices else WORDS


@st.composite
def bodies(draw: st.DrawFn, schema: Schema) -> Any:
    declared = {field.data_key or name: field for name, field in schema.load_fields.items()}
    likely = [name for name, field in declared.items() if field.required]
    names = {*likely, *draw(st.lists(st.sampled_from([*declared, "not declared"]), max_size=3))}
    names -= set(draw(st.lists(st.sampled_from(sorted(names)), max_size=1))) if draw(st.booleans()) and names else set()
    return {
        name: draw(usual(declared[name]) if name in declared and draw(st.integers(0, 5)) else VALUES)
        for name in sorted(names)
    }


@settings(max_examples=1_000)
@given(st.data(), st.sampled_from(list(LOADS)))
def test_a_body_is_loaded_as_its_schema_loads_it(data: st.DataObject, schema: Schema) -> None:
    given = data.draw(bodies(schema))
    assert loaded(LOADS[schema], given) == loaded(schema.load, given)


@pytest.mark.parametrize("given", [None, [], "", 1, [{}]])
def test_what_is_no_body_is_refused_as_by_its_schema(given: Any) -> None:
    schema = Everything()
    assert loaded(compile_load(schema), given) == loaded(schema.load, given)


def test_each_body_has_defaults_of_its_own() -> None:
    load = compile_load(Everything())
    first = load({})
    first["many"].append("mine")
    assert load({}) == {"one": "1", "many": []}


def test_a_valid_body_does_not_need_its_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    schema = Line()
    load = compile_load(schema)
    monkeypatch.setattr(Schema, "load", None)
    assert load({"key": "k", "path": "/v1/people", "from": {"person_id": "j"}})["path"] == "/v1/people"


DUMPED = st.none() | st.booleans() | st.integers(0, 9) | WORDS | st.just(datetime(2013, 1, 14, tzinfo=UTC))


@settings(max_examples=500)
@given(st.data(), st.sampled_from(list(DUMPS)))
def test_an_answer_is_dumped_as_its_schema_dumps_it(data: st.DataObject, schema: Schema) -> None:
    body = data.draw(
        st.fixed_dictionaries(
            {}, optional={field.attribute or name: _dumped(field) for name, field in schema.dump_fields.items()}
        )
    )
    assert _outcome(DUMPS[schema], body) == _outcome(schema.dump, body)


def _dumped(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    return DUMPED | usual(field)


def _outcome(dump: Callable[[Mapping[str, Any]], Any], body: Mapping[str, Any]) -> Any:
    try:
        return list(dump(body).items())
    except Exception as error:
        return type(error)


def test_a_schema_with_more_rules_is_left_as_it_is() -> None:
    with_rules = [schema for schema in LOADS if any(type(schema).resolve_hooks().values())]
    assert with_rules
    assert all(LOADS[schema] == schema.load for schema in with_rules)
    lenient = Schema.from_dict({"a": fields.String()})(unknown="exclude")
    assert compile_load(lenient) == lenient.load
