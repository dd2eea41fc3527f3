"""The shape of a stored event: `{_id, event, private, relay}`, and the ways into and out of it.

`event` holds exactly the attributes that are published; only its two instants are kept as BSON dates.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.kernel.envelope import Event, to_text

_INSTANTS = ("time", "recordedat")


def document_of(event: Event, *, private: Mapping[str, Any], relay: Mapping[str, Any]) -> dict[str, Any]:
    """The document that records `event`."""
    attributes = event.to_cloudevent()
    attributes.update(time=event.occurred_at, recordedat=event.recorded_at)
    return {"_id": event.id, "event": attributes, "private": dict(private), "relay": dict(relay)}


def cloudevent_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of a stored document; equal to `event_of(document).to_cloudevent()`."""
    attributes = document["event"]
    return {name: to_text(value) if name in _INSTANTS else value for name, value in attributes.items()}


def event_of(document: Mapping[str, Any]) -> Event:
    """The event of a stored document. The instants must have been read as aware datetimes (`tz_aware=True`)."""
    return Event.from_cloudevent(cloudevent_of(document))
