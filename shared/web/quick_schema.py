"""Loads and dumps bodies as their schemas do, but faster: what depends on the schema alone is found once.

A body that the quick way does not accept is for the schema to load, which also says what is wrong. A schema with rules
beyond its fields has no quick way. Tests compare both ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, missing

from shared.contracts.quick_check import has_hooks

Load = Callable[[Any], dict[str, Any]]
Dump = Callable[[Mapping[str, Any]], dict[str, Any]]

_AS_THEY_ARE: Mapping[type, tuple[type, ...]] = {
    fields.String: (str, type(None)),
    fields.Integer: (int, type(None)),
    fields.Boolean: (bool, type(None)),
}


def compile_load(schema: Schema) -> Load:
    """A function that loads a body. Raises what `schema.load` raises."""
    load: Load = schema.load
    if schema.unknown != RAISE or has_hooks(schema):
        return load
    declared = {field.data_key or name: (field.attribute or name, field) for name, field in schema.load_fields.items()}
    required = frozenset(given for given, (_, field) in declared.items() if field.required)
    # A field is asked for its default each time, because the default may be a new list or mapping.
    with_default = [
        (given, name, field) for given, (name, field) in declared.items() if field.load_default is not missing
    ]

    def load_quickly(body: Any) -> dict[str, Any]:
        if not isinstance(body, Mapping) or not required <= body.keys() <= declared.keys():
            return load(body)
        loaded = {name: field.deserialize(missing) for given, name, field in with_default if given not in body}
        try:
            for given, value in body.items():
                name, field = declared[given]
                loaded[name] = field.deserialize(value, given, body)
        except ValidationError:
            return load(body)
        return loaded

    return load_quickly


def compile_dump(schema: Schema) -> Dump:
    """A function that dumps the body of an answer."""
    if has_hooks(schema):
        dump: Dump = schema.dump
        return dump
    plan = [
        (name, field.data_key or name, field.attribute or name, _AS_THEY_ARE.get(type(field), ()), field)
        for name, field in schema.dump_fields.items()
    ]

    def dump_quickly(body: Mapping[str, Any]) -> dict[str, Any]:
        dumped = {}
        for name, key, attribute, kinds, field in plan:
            value = body.get(attribute, missing)
            if type(value) not in kinds:
                value = field.serialize(name, body)
            if value is not missing:
                dumped[key] = value
        return dumped

    return dump_quickly
