"""Each event type has a speaker, a hearer and a golden example that loads, and no room for a person's words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest
from marshmallow import RAISE, Schema, ValidationError, fields

from shared.config.config import SERVICES
from shared.contracts import CATALOGUE, leaving_care, perinatal, referrals_followup
from shared.contracts.catalogue import DISCLOSURE_CLASSES, EventType
from shared.contracts.fields import Choice, EventId, Instant, Ref, Slug
from shared.kernel.envelope import Event, UnreadableEvent

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
TYPES = list(CATALOGUE)
# What a person might write, and what must fit nowhere: names, sentences, birthdays in words, NHS numbers.
PERSONAL = [
    "Wren Example",
    "wren example",
    "She was low after the birth.",
    "2 March 1996",
    "9990000018",
    "999 000 0018",
]
# The rules of the engine are published whole; they are written by the project and reviewed, not typed by professionals.
RULES = {("rules.adopted.v1", name) for name in ("content", "calendar", "version")}


def named(event_type: EventType) -> str:
    return event_type.name


def golden(event_type: EventType) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((GOLDEN / f"{event_type.name}.json").read_text(encoding="utf-8"))
    return body


def leaves(schema: Schema, path: str = "") -> Iterator[tuple[str, fields.Field]]:
    for name, declared in schema.fields.items():
        inner = declared.inner if isinstance(declared, fields.List) else declared
        if isinstance(inner, fields.Nested):
            yield from leaves(inner.schema, f"{path}{name}.")
        else:
            yield f"{path}{name}", inner


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_every_event_type_has_speakers_hearers_and_a_disclosure_class(event_type: EventType) -> None:
    assert event_type.speakers
    assert set(event_type.speakers) <= set(SERVICES)
    assert event_type.hearers
    assert set(event_type.hearers) <= set(SERVICES)
    assert event_type.disclosure in DISCLOSURE_CLASSES


@pytest.mark.parametrize(
    "declare",
    [EventType, perinatal._type, leaving_care._type, referrals_followup._type],
    ids=lambda one: one.__module__,
)
def test_whoever_declares_an_event_type_states_its_hearers_and_its_disclosure_class(declare: Any) -> None:
    parameters = signature(declare).parameters
    assert {"hearers", "disclosure"} <= set(parameters)
    assert all(parameter.default is Parameter.empty for parameter in parameters.values())


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_every_event_type_has_a_golden_example_that_loads(event_type: EventType) -> None:
    body = golden(event_type)
    event = Event.from_cloudevent(body)
    assert event.type == event_type.name
    assert event.source in event_type.speakers
    assert CATALOGUE.faults(event.type, event.data) == {}
    assert event.to_cloudevent() == body


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("*.json")), ids=lambda path: path.stem)
def test_every_golden_example_still_has_its_type(path: Path) -> None:
    """One that shows fields added later has a date behind the type's name."""
    name = path.stem.partition("@")[0]
    assert name in CATALOGUE
    assert CATALOGUE.faults(name, json.loads(path.read_text(encoding="utf-8"))["data"]) == {}


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_the_golden_examples_have_every_field_of_their_schema(event_type: EventType) -> None:
    later = [json.loads(path.read_text(encoding="utf-8")) for path in GOLDEN.glob(f"{event_type.name}@*.json")]
    shown = {name for body in [golden(event_type), *later] for name in body["data"]}
    assert shown == set(event_type.schema().fields)


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_a_payload_with_a_field_that_was_not_declared_is_refused(event_type: EventType) -> None:
    assert event_type.schema().unknown == RAISE
    assert "note" in CATALOGUE.faults(event_type.name, {**golden(event_type)["data"], "note": "free"})


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_a_payload_without_its_required_fields_is_refused_and_each_is_named(event_type: EventType) -> None:
    required = {name for name, declared in event_type.schema().fields.items() if declared.required}
    assert set(CATALOGUE.faults(event_type.name, {})) == required


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_no_published_field_has_room_for_a_persons_words(event_type: EventType) -> None:
    for name, field in leaves(event_type.schema()):
        if (event_type.name, name) in RULES:
            continue
        allowed = (Slug, Choice, Ref, EventId, Instant, fields.UUID, fields.Date, fields.Boolean, fields.Number)
        assert isinstance(field, allowed) or _has_pattern(field), f"{event_type.name}.{name} is free text"
        for text in PERSONAL:
            if isinstance(field, fields.String):
                with pytest.raises(ValidationError):
                    field.deserialize(text)


def _has_pattern(field: fields.Field) -> bool:
    return isinstance(field, fields.String) and any(hasattr(check, "regex") for check in field.validators)


@pytest.mark.parametrize("event_type", TYPES, ids=named)
def test_an_event_refers_to_every_id_that_it_names(event_type: EventType) -> None:
    event = Event.from_cloudevent(golden(event_type))
    refs = set(CATALOGUE.refs(event))
    assert event.stream in refs
    for name, field in leaves(event_type.schema()):
        if isinstance(field, Ref) and name in event.data:
            named = event.data[name]
            for one in named if isinstance(named, list) else [named]:
                assert f"{field.metadata['ref']}/{one}" in refs


@pytest.mark.parametrize("missing", ["id", "source", "type", "stream", "streamversion", "time", "recordedat", "area"])
def test_an_envelope_without_one_of_its_parts_is_unreadable_and_the_part_is_named(missing: str) -> None:
    body = json.loads((GOLDEN / "referral.sent.v1.json").read_text(encoding="utf-8"))
    del body[missing]
    with pytest.raises(UnreadableEvent, match=missing):
        Event.from_cloudevent(body)
