"""The shape of a stored event, `{_id, event, private, relay, digests}`, and the conversions to and from it.

`event` holds exactly the attributes that are published; its two instants are BSON dates. `digests` holds the
fingerprints of the private part and of the event; they stay when the private part is erased.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC
from typing import Any

from shared.kernel.envelope import Event, to_text
from shared.kernel.fingerprints import event_fingerprint, private_fingerprint

_INSTANTS = ("time", "recordedat")


def document_of(event: Event, *, private: Mapping[str, Any], relay: Mapping[str, Any]) -> dict[str, Any]:
    """The document that records `event`."""
    return {"_id": event.id, "event": event.to_attributes(), "private": dict(private), "relay": dict(relay)}


def sealed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as it is recorded: with its own salt in the private part, and with its fingerprints."""
    private = {**document["private"], "salt": secrets.token_hex(16)}
    of_private = private_fingerprint(private)
    digests = {"private": of_private, "event": event_fingerprint(cloudevent_of(document), of_private)}
    return {**document, "private": private, "digests": digests}


def cloudevent_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of a stored document; equal to `event_of(document).to_cloudevent()`."""
    attributes = document["event"]
    return {name: to_text(value) if name in _INSTANTS else value for name, value in attributes.items()}


def event_of(document: Mapping[str, Any]) -> Event:
    """The event of a stored document. Raises ValueError unless its instants were read as aware (`tz_aware=True`)."""
    attributes = document["event"]
    occurred_at, recorded_at = (attributes[name] for name in _INSTANTS)
    if occurred_at.tzinfo is None or recorded_at.tzinfo is None:
        raise ValueError("a naive datetime has no place on a time line")
    return Event.of_attributes(attributes, occurred_at.astimezone(UTC), recorded_at.astimezone(UTC))
