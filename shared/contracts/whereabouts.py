"""What tells where a protected person is: moves, and every area, team and worker that an entry names.

It shows only to the teams that protect the person, to safeguarding leads of the area of the person's record, and to a
team as far as it recorded it itself or it was sent to that team.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from typing import Any

from marshmallow import Schema, fields

from shared.contracts import CATALOGUE
from shared.contracts.catalogue import OPERATIONAL, EventType
from shared.kernel.envelope import Event

# The other side names its own team and worker, who need not be in the directory.
_OF_ANYBODY = {"from_team", "from_person"}


def tell_whereabouts(event_type: str) -> bool:
    """Whether an entry of this type says nothing but where somebody is, or went."""
    return event_type in place_types()


@cache
def place_types() -> frozenset[str]:
    """The types of all entries of moves, and of every other entry about a person that names an area."""
    return frozenset(one.name for one in CATALOGUE if one.disclosure != OPERATIONAL and _is_about_a_place(one))


@cache
def naming_fields(event_type: str) -> frozenset[str]:
    """The fields of this type that name an area, team or worker, also inside of other fields."""
    return frozenset(_find_naming(CATALOGUE[event_type].schema())) if event_type in CATALOGUE else frozenset()


@cache
def fields_of_records(service: str) -> frozenset[str]:
    """The fields of all entries that this service records which name an area, team or worker."""
    return frozenset(name for one in CATALOGUE if service in one.speakers for name in naming_fields(one.name))


def hide_whereabouts(data: Mapping[str, Any], names: Collection[str], own: Collection[str]) -> dict[str, Any]:
    """The data with null for each area, team and worker in the fields `names`, but for those that are `own`."""
    return {
        name: _hide(value, own) if name in names else _hide_within(value, names, own) for name, value in data.items()
    }


def is_of_team(event: Event, team: str) -> bool:
    """Whether the team recorded the event, or it was sent to the team."""
    return team in (event.team, event.data.get("to_team"), event.data.get("team"))


def _hide(value: Any, own: Collection[str]) -> Any:
    if isinstance(value, list):
        return [one for one in value if one in own]
    return value if value in own else None


def _hide_within(value: Any, names: Collection[str], own: Collection[str]) -> Any:
    if isinstance(value, Mapping):
        return hide_whereabouts(value, names, own)
    return [_hide_within(one, names, own) for one in value] if isinstance(value, list) else value


def _is_about_a_place(one: EventType) -> bool:
    schema = one.schema()
    names = {declared.metadata.get("names") for declared in schema.fields.values()}
    of_a_move = "move_id" in schema.fields
    return of_a_move or "area" in names


def _find_naming(schema: Schema) -> Iterator[str]:
    for name, declared in schema.fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            yield from _find_naming(inner.schema)
        elif "names" in inner.metadata or name in _OF_ANYBODY:
            yield name
