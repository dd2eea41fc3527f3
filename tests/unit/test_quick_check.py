"""The quick check of payloads accepts what is usual, and nothing that the contract refuses."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError, validates_schema

from shared.contracts import CATALOGUE
from shared.contracts.catalogue import EventType
from shared.contracts.fields import EventData, Slug
from shared.contracts.quick_check import compile_quick_check

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TYPES = list(CATALOGUE)
SCHEMAS = {event_type.name: event_type.schema() for event_type in TYPES}
QUICK = {name: compile_quick_check(schema) for name, schema in SCHEMAS.items()}
# Their content is a mapping of any form, which only the schema checks.
LEFT_TO_THE_SCHEMA = {"rules.adopted.v1"}

TEXTS = st.sampled_from(
    [
        *(
            "",
            "a",
            "a\n",
            "A",
            "two words",
            "a.b",
            "x" * 65,
            "camhs",
            "2013-01-14",
            "2013-02-30",
            "20130114",
            "2013-W03-1",
        ),
        *("2013-01-14T09:30:00Z", "2013-01-14T09:30:00", "0001-01-01T00:00:00+14:00", "1899-12-31", "２013-01-14"),
        *(f"p_{'a' * 32}", f"p_{'a' * 32}\n", "person/p_1", "0193f2a0-0000-7000-8000-000000000001", "\ud800"),
    ]
)
LEAVES = st.none() | st.booleans() | st.integers(-2, 2**33) | st.floats(allow_nan=True) | TEXTS | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4
)


def golden(event_type: EventType) -> dict[str, Any]:
    body = json.loads((GOLDEN / f"{event_type.name}.json").read_text(encoding="utf-8"))
    data: dict[str, Any] = body["data"]
    return data


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something is, within a JSON value."""
    found = [path]
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(inner, (*path, key))
    return found


@st.composite
def payloads(draw: st.DrawFn, event_type: EventType) -> Any:
    """The golden example of the type, changed in up to three places."""
    data: Any = deepcopy(golden(event_type))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from(places(data)))
        if not path:
            name = draw(st.sampled_from([*event_type.schema().fields, "note"]))
            data = {**data, name: draw(VALUES)} if isinstance(data, dict) else data
            continue
        *way, last = path
        owner = data
        for key in way:
            owner = owner[key]
        if draw(st.booleans()) and isinstance(owner, dict):
            del owner[last]
        else:
            owner[last] = draw(VALUES)
    return data


@pytest.mark.parametrize("event_type", TYPES, ids=lambda one: one.name)
def test_it_accepts_the_golden_example_of_a_type(event_type: EventType) -> None:
    assert QUICK[event_type.name](golden(event_type)) == (event_type.name not in LEFT_TO_THE_SCHEMA)


@settings(max_examples=2_000)
@given(st.data(), st.sampled_from(TYPES))
def test_it_accepts_nothing_that_the_contract_refuses(data: st.DataObject, event_type: EventType) -> None:
    payload = data.draw(payloads(event_type))
    if QUICK[event_type.name](payload):
        assert SCHEMAS[event_type.name].validate(payload) == {}


@pytest.mark.parametrize("event_type", TYPES, ids=lambda one: one.name)
def test_what_is_no_payload_at_all_is_left_to_the_contract(event_type: EventType) -> None:
    assert not any(QUICK[event_type.name](payload) for payload in (None, [], "", 1, {"note": 1}))


def test_a_contract_with_a_rule_beyond_its_fields_is_left_to_the_contract() -> None:
    class Ruled(EventData):
        reason_code = Slug(required=True)

        @validates_schema
        def check(self, data: dict[str, Any], **_: Any) -> None:
            raise ValidationError("never")

    assert not compile_quick_check(Ruled())({"reason_code": "moved"})
