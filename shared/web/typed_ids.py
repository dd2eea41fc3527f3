"""Reads ids as people type them: in any case, with blanks, with dashes missing. Whatever is no id stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import Schema, fields

from shared.contracts.fields import EventId, Ref
from shared.kernel.ids import read_id
from shared.web.quick_schema import Load

Read = Callable[[Any], Any]


def read_ids_before(load: Load, schema: Schema) -> Load:
    """The load of this schema, for plain values in which the ids are as people type them."""
    read = _compile(schema)
    return load if read is None else lambda plain: load(read(plain))


def read_path(path: str) -> str:
    """The path of an address, with each id in it as it is written."""
    return "/".join(map(read_id, path.split("/")))


def _compile(schema: Schema) -> Read | None:
    """A function that reads the ids in a plain value of this schema. None if the schema has no field for an id."""
    readers = {
        declared.data_key or name: read
        for name, declared in schema.load_fields.items()
        if (read := _reader_of(declared)) is not None
    }
    if not readers:
        return None

    def read_ids(body: Any) -> Any:
        if not isinstance(body, Mapping):
            return body
        return {name: readers[name](value) if name in readers else value for name, value in body.items()}

    return read_ids


def _reader_of(declared: fields.Field[Any]) -> Read | None:
    if isinstance(declared, Ref | EventId):
        return lambda value: read_id(value) if isinstance(value, str) else value
    if isinstance(declared, fields.Nested):
        read = _compile(declared.schema)
        return _read_each(read) if read and declared.many else read
    if isinstance(declared, fields.List):
        read = _reader_of(declared.inner)
        return read and _read_each(read)
    return None


def _read_each(read: Read) -> Read:
    return lambda value: [read(one) for one in value] if isinstance(value, list) else value
