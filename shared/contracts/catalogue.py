"""The catalogue: every event type on the bus, its publishers, its hearers, its disclosure class and its schema.

Contracts only grow: a type that was ever published is never removed, and its golden example must load for ever. A field
marked `metadata={"ref": "<kind>"}` names another thing. `refs` collects these names as `<kind>/<id>`. `"*"` marks a
field whose value already has that form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields

from shared.contracts.quick_check import Check, compile_quick_check
from shared.kernel.envelope import Event

Collect = Callable[[Mapping[str, Any], set[str]], None]

HEALTH, LEAVING_CARE, SOCIAL_CARE, OPERATIONAL = "health", "leaving_care", "social_care", "operational"
DISCLOSURE_CLASSES = (HEALTH, LEAVING_CARE, SOCIAL_CARE, OPERATIONAL)


@dataclass(frozen=True, slots=True)
class EventType:
    """One type and version: `<noun>.<past_verb>.v<n>`."""

    name: str
    schema: type[Schema]
    speakers: tuple[str, ...]
    hearers: tuple[str, ...]
    disclosure: str

    def ref_kinds(self) -> frozenset[str]:
        """The kinds of things that a payload of this type can name."""
        return frozenset(_ref_kinds(self.schema()))


class Catalogue:
    """All event types by name."""

    def __init__(self, *groups: tuple[EventType, ...]) -> None:
        self._types: dict[str, EventType] = {}
        self._schemas: dict[str, Schema] = {}
        self._is_valid: dict[str, Check] = {}
        self._refs_of: dict[str, Collect] = {}
        for event_type in (entry for group in groups for entry in group):
            if event_type.name in self._types:
                raise ValueError(f"{event_type.name} is in the catalogue twice")
            self._types[event_type.name] = event_type
            schema = self._schemas[event_type.name] = event_type.schema()
            self._is_valid[event_type.name] = compile_quick_check(schema)
            self._refs_of[event_type.name] = _compile_refs(schema)

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def __getitem__(self, name: str) -> EventType:
        return self._types[name]

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._types.values())

    def faults(self, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with a payload of this type, by field. Empty if it is valid. KeyError for an unknown type."""
        return {} if self._is_valid[name](data) else self._schemas[name].validate(data)

    def refs(self, event: Event) -> tuple[str, ...]:
        """All things that the event names, as sorted `<kind>/<id>`: its stream, its subject, and its marked fields."""
        found = {event.stream}
        if event.subject:
            found.add(f"person/{event.subject}")
        if event.type in self._refs_of:
            self._refs_of[event.type](event.data, found)
        return tuple(sorted(found))


def _ref_kinds(schema: Schema) -> Iterator[str]:
    for declared in schema.fields.values():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            yield from _ref_kinds(inner.schema)
        kind = inner.metadata.get("ref") or declared.metadata.get("ref")
        if kind:
            yield kind


def _compile_refs(schema: Schema) -> Collect:
    """A function that collects the marked fields of a payload. The schema is read only once, as that is slow."""
    plain: list[tuple[str, str, bool]] = []
    nested: list[tuple[str, Collect, bool]] = []
    for name, declared in schema.fields.items():
        is_list = isinstance(declared, fields.List)
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            nested.append((name, _compile_refs(inner.schema), is_list))
        kind = inner.metadata.get("ref") or declared.metadata.get("ref")
        if kind:
            plain.append((name, "" if kind == "*" else f"{kind}/", is_list))

    def collect(data: Mapping[str, Any], found: set[str]) -> None:
        for name, prefix, is_list in plain:
            value = data.get(name)
            if value is not None:
                found.update(prefix + item for item in (value if is_list else (value,)))
        for name, collect_inner, is_list in nested:
            value = data.get(name)
            if value is not None:
                for item in value if is_list else (value,):
                    collect_inner(item, found)

    return collect
