"""The catalogue: every event type on the bus, its publishers, its hearers, its disclosure class and its schema.

Contracts only grow: a type that was ever published is never removed, and its golden example must load for ever. A field
marked `metadata={"ref": "<kind>"}` names another thing. `refs` collects these names as `<kind>/<id>`. `"*"` marks a
field whose value already has that form.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import Schema, fields

from shared.kernel.envelope import Event

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
        for event_type in (entry for group in groups for entry in group):
            if event_type.name in self._types:
                raise ValueError(f"{event_type.name} is in the catalogue twice")
            self._types[event_type.name] = event_type
            self._schemas[event_type.name] = event_type.schema()

    def __contains__(self, name: str) -> bool:
        return name in self._types

    def __getitem__(self, name: str) -> EventType:
        return self._types[name]

    def __iter__(self) -> Iterator[EventType]:
        return iter(self._types.values())

    def faults(self, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
        """What is wrong with a payload of this type, by field. Empty if it is valid. KeyError for an unknown type."""
        return self._schemas[name].validate(data)

    def refs(self, event: Event) -> tuple[str, ...]:
        """All things that the event names, as sorted `<kind>/<id>`: its stream, its subject, and its marked fields."""
        found = {event.stream}
        if event.subject:
            found.add(f"person/{event.subject}")
        schema = self._schemas.get(event.type)
        if schema is not None:
            _collect(schema, event.data, found)
        return tuple(sorted(found))


def _ref_kinds(schema: Schema) -> Iterator[str]:
    for declared in schema.fields.values():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            yield from _ref_kinds(inner.schema)
        kind = inner.metadata.get("ref") or declared.metadata.get("ref")
        if kind:
            yield kind


def _collect(schema: Schema, data: Mapping[str, Any], found: set[str]) -> None:
    for name, declared in schema.fields.items():
        value = data.get(name)
        if value is None:
            continue
        inner = declared.inner if isinstance(declared, fields.List) else declared
        values = value if isinstance(declared, fields.List) else [value]
        if isinstance(inner, fields.Nested):
            for item in values:
                _collect(inner.schema, item, found)
        kind = inner.metadata.get("ref") or declared.metadata.get("ref")
        if kind:
            found.update(item if kind == "*" else f"{kind}/{item}" for item in values)
