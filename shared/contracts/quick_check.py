"""A quick check of payloads: a function, made once for each schema, that accepts most valid payloads.

It accepts nothing that the schema refuses. What it does not accept is for the schema to judge, which also says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

from marshmallow import Schema, fields, validate

from shared.contracts.fields import DAY, Choice, Day, EventId, Instant, Mention, Ref, Slug, Whole, YesNo
from shared.contracts.limits import SaidLength, SaidOneOf, SaidRange
from shared.kernel.envelope import from_text

Check = Callable[[Any], bool]

_TEXTS = (fields.String, Slug, Choice, Ref, Mention, EventId)


def has_hooks(schema: Schema) -> bool:
    """Whether the schema has rules beyond its fields, such as `@validates_schema`."""
    return any(type(schema).resolve_hooks().values())


def compile_quick_check(schema: Schema) -> Check:
    """A function that says whether a payload is surely valid by this schema. With rules beyond its fields, none is."""
    if has_hooks(schema):
        return _unknown
    checks = {name: _check_of(declared) for name, declared in schema.fields.items() if declared.data_key is None}
    required = frozenset(name for name, declared in schema.fields.items() if declared.required)

    def is_valid(data: Any) -> bool:
        if not isinstance(data, Mapping) or not required <= data.keys() <= checks.keys():
            return False
        return all(checks[name](value) for name, value in data.items())

    return is_valid


def _check_of(declared: fields.Field[Any]) -> Check:
    check, validators = _by_type(declared), [_by_validator(each) for each in declared.validators]
    if declared.allow_none:
        return lambda value: value is None or (check(value) and all(holds(value) for holds in validators))
    if len(validators) == 1:
        (only,) = validators
        return lambda value: check(value) and only(value)
    return lambda value: check(value) and all(holds(value) for holds in validators)


def _by_type(declared: fields.Field[Any]) -> Check:
    kind = type(declared)
    if kind in _TEXTS:
        return _is_text
    if isinstance(declared, fields.List):
        item = _check_of(declared.inner)
        return lambda value: isinstance(value, list) and all(map(item, value))
    if isinstance(declared, fields.Nested) and not declared.many:
        return compile_quick_check(declared.schema)
    return _OF_TYPE.get(kind, _unknown)


def _by_validator(validator: Any) -> Check:
    kind = type(validator)
    if kind is validate.Regexp:
        return lambda value: validator.regex.match(value) is not None
    if kind in (validate.OneOf, SaidOneOf):
        choices = frozenset(validator.choices)
        return lambda value: value in choices
    if kind in (validate.Length, SaidLength) and validator.equal is None:
        least, most = validator.min or 0, validator.max
        return lambda value: least <= len(value) and (most is None or len(value) <= most)
    if kind in (validate.Range, SaidRange) and validator.min_inclusive and validator.max_inclusive:
        low, high = validator.min, validator.max
        return lambda value: (low is None or low <= value) and (high is None or value <= high)
    return _unknown


def _unknown(_value: Any) -> bool:
    return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_true_or_false(value: Any) -> bool:
    return isinstance(value, bool)


def _is_instant(value: Any) -> bool:
    return isinstance(value, str) and _parses(from_text, value)


def _is_day(value: Any) -> bool:
    return isinstance(value, str) and DAY.fullmatch(value) is not None and _parses(date.fromisoformat, value)


def _parses(parse: Callable[[str], Any], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, OverflowError):
        return False
    return True


_OF_TYPE: Mapping[type, Check] = {
    Whole: _is_whole,
    YesNo: _is_true_or_false,
    fields.Boolean: _is_true_or_false,
    fields.Integer: _is_whole,
    Instant: _is_instant,
    Day: _is_day,
}
