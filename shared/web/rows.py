"""Rows of an answer, of which there may be hundreds. They are written as marshmallow writes them, but faster: the kind
of each field is found once, and not for every row.

A row is a mapping. It has every field of its schema, by the field's name and with a value of the field's kind. A test
compares the result with that of `fields.List(fields.Nested(schema))`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import itemgetter
from typing import Any

from marshmallow import Schema, fields

from shared.kernel.envelope import to_text
from shared.web.fields import Instant

Write = Callable[[Any], Any]

_AS_THEY_ARE = (fields.String, fields.Integer, fields.Boolean)


class Rows(fields.List):
    """A list of rows of one schema. Its fields are texts, numbers, booleans, instants and such schemas. For any other
    field, the first answer raises TypeError.
    """

    def __init__(self, row: type[Schema], **options: Any) -> None:
        super().__init__(fields.Nested(row), **options)

    @cached_property
    def _write(self) -> Write:
        return _writer_of(self.inner)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else [self._write(row) for row in value]


def _writer_of(field: fields.Field[Any]) -> Write:
    if isinstance(field, Instant):
        return to_text
    if not isinstance(field, fields.Nested) or field.many:
        raise TypeError(f"{type(field).__name__} is no field of a row")
    names = tuple(field.schema.dump_fields)
    take = itemgetter(*names)
    made = [(name, _writer_of(one)) for name, one in field.schema.dump_fields.items() if type(one) not in _AS_THEY_ARE]

    def write(row: Mapping[str, Any]) -> dict[str, Any]:
        told = dict(zip(names, take(row), strict=True))
        for name, make in made:
            if told[name] is not None:
                told[name] = make(told[name])
        return told

    return write
