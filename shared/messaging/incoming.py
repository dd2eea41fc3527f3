"""Messages from a queue, read without trusting them, and the outcome of handling one, as a value."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from shared.contracts.catalogue import Catalogue
from shared.contracts.fields import PERSON_ID, UUID
from shared.kernel.envelope import CONTENT_TYPE, Event, UnreadableEvent
from shared.messaging.backoff import RETRY_AFTER

# An unknown name may hold anything; a reason repeats it only if it has the form of an event type.
_TYPE = re.compile(r"[a-z_-]{1,40}\.[a-z_-]{1,40}\.v[0-9]{1,4}")
_EVENT_ID = re.compile(UUID)
_STREAM = re.compile(r"[a-z-]{1,40}/[0-9A-Za-z_-]{1,64}")
_SOURCE = re.compile(r"[a-z_]{1,40}")
_PERSON = re.compile(rb"\b" + PERSON_ID.encode() + rb"\b")
_MOST_NAMED = 200
_LONGEST_ID = 64
ASKED_AS = "application/json"
"""The content type of a message that asks for a sweep or a check."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message as it was delivered. The body is not decoded."""

    queue: str
    body: bytes
    content_type: str | None = None
    message_id: str | None = None
    routing_key: str = ""
    headers: Mapping[str, Any] = field(default_factory=dict)
    redelivered: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The message is handled: its effect is stored."""


@dataclass(frozen=True, slots=True)
class Park:
    """The message cannot be handled and is parked whole for a person. The reason names fields, never their values."""

    reason: str


@dataclass(frozen=True, slots=True)
class Later:
    """The message cannot be handled yet. It is parked whole and tried again after so many (real) seconds."""

    reason: str
    after_seconds: float


Outcome = Done | Park | Later


def read_event(delivery: Delivery, catalogue: Catalogue) -> Event | Park | Later:
    """The event in the message, checked against its contract, or why the message must be parked.

    A message of an unknown type is tried again: the type may be in the catalogue of the next deployment.
    """
    if (delivery.content_type or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        return Park("foreign content type")
    try:
        body = _JSON.decode(delivery.body.decode(json.detect_encoding(delivery.body), "surrogatepass"))
    except (ValueError, RecursionError):
        return Park("not JSON")
    try:
        event = Event.from_cloudevent(body)
    except UnreadableEvent as error:
        return Park(f"not an event: {error}")
    except OverflowError:
        return Park("not an event: an instant outside the calendar")
    if event.type not in catalogue:
        if not _TYPE.fullmatch(event.type):
            return Park("unknown type of no known form")
        return Later(f"unknown type {event.type}", RETRY_AFTER[0].total_seconds())
    faults = catalogue.faults(event.type, event.data)
    if faults:
        declared = catalogue[event.type].schema().fields
        names = sorted({name if name in declared else "(not declared)" for name in faults})
        return Park(f"payload of {event.type}: fields {', '.join(names)}")
    return event


def read_request(delivery: Delivery, what: str) -> str | Park:
    """The id of the sweep or check (`what`) that the message asks for as `{"<what>_id": id}`, or why it is parked."""
    if delivery.content_type != ASKED_AS:
        return Park("foreign content type")
    try:
        request_id = json.loads(delivery.body)[f"{what}_id"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return Park(f"not a {what}")
    return request_id if isinstance(request_id, str) and 0 < len(request_id) <= _LONGEST_ID else Park(f"not a {what}")


@dataclass(frozen=True, slots=True)
class Legible:
    """What can still be read of a broken message: ids and codes of the right form, and nothing else.

    `names` are the people that it names anywhere, as `person/<id>`, and its stream.
    """

    event_id: str | None = None
    event_type: str | None = None
    source: str | None = None
    names: tuple[str, ...] = ()


def read_legible(delivery: Delivery) -> Legible:
    """What can be read of the message. Raises nothing; a body that is not JSON yields only the people."""
    people = sorted({found.decode() for found in _PERSON.findall(delivery.body)})[:_MOST_NAMED]
    try:
        body = json.loads(delivery.body)
    except (ValueError, RecursionError):
        body = None
    said: Mapping[str, Any] = body if isinstance(body, dict) else {}
    stream = match_form(_STREAM, said.get("stream"))
    return Legible(
        event_id=match_form(_EVENT_ID, said.get("id")),
        event_type=match_form(_TYPE, said.get("type")),
        source=match_form(_SOURCE, said.get("source")),
        names=(*(f"person/{person}" for person in people), *((stream,) if stream else ())),
    )


def match_form(form: re.Pattern[str], said: Any) -> str | None:
    """The value if it is a text of exactly this form, else None."""
    return said if isinstance(said, str) and form.fullmatch(said) else None


def _not_json(_constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are not JSON")


# `json.loads` would make a decoder for each message.
_JSON = json.JSONDecoder(parse_constant=_not_json)
