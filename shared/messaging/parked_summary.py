"""The parts of a parked message that may be shown: ids, codes, sizes and instants.

Guarantee: no part of a body, no person and no text of a sender; of an envelope only what has the form of an id or code.
"""

from __future__ import annotations

import re
from typing import Any

from shared.messaging.incoming import match_form
from shared.messaging.parked import Parked

OTHER = "(other)"
"""Stands for a text of the sender that does not have the usual form."""

_ROUTING_KEY = re.compile(r"[a-z_-]{1,40}(\.[a-z0-9_-]{1,40}){1,3}")
_CONTENT_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,40}(; ?charset=[a-z0-9-]{1,20})?")
_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,40}")


def summarise(message: Parked) -> dict[str, Any]:
    """The message as an item of a list."""
    names = ("id", "state", "reason", "parked_at", "retry_at", "failures")
    read = message.legible
    return {
        **{name: getattr(message, name) for name in names},
        "queue": message.delivery.queue,
        "event_id": read.event_id,
        "event_type": read.event_type,
        "source": read.source,
        "names_people": sum(name.startswith("person/") for name in read.names),
    }


def describe(message: Parked) -> dict[str, Any]:
    """All that may be shown of the message."""
    delivery = message.delivery
    content_type = (delivery.content_type or "").lower()
    return {
        **summarise(message),
        "content_type": (match_form(_CONTENT_TYPE, content_type) or OTHER) if content_type else None,
        "routing_key": match_form(_ROUTING_KEY, delivery.routing_key) or OTHER,
        "headers": sorted({match_form(_HEADER, name) or OTHER for name in delivery.headers}),
        "body_size": message.body_size,
        "body_sha256": message.body_sha256,
        "is_whole": message.is_whole,
    }
