"""What an event keeps of the request that it was recorded for: the fingerprints of its key and of what it asked for.

Guarantee: both follow only from what the caller sent, so a repeated request is recognised whatever the code is called.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from shared.contracts.former_commands import former_names
from shared.kernel.decisions import Actor


def key_of(actor: Actor, key: str) -> str:
    """An idempotency key as it is stored: each actor has their own."""
    return _sha256(f"{actor.id}\n{key}")


def fingerprint(operation: str, body: Mapping[str, Any] | bytes) -> str:
    """The fingerprint of a request: `operation` is its route, or the name of the job that makes it."""
    return _sha256(f"{operation}\n{_text(body)}")


def former_fingerprints(operation: str, command: Any, body: Mapping[str, Any] | bytes) -> Iterator[str]:
    """The fingerprints that the same request may have had when it was made with the name of the command's class.

    A command of a record's table had the type of its event in that place.
    """
    names = (*former_names(operation), *([command.type] if hasattr(command, "type") else []))
    return (_sha256(f"{name}\n{_text(body)}") for name in names)


def _text(body: Mapping[str, Any] | bytes) -> str:
    return body.decode("utf-8", "replace") if isinstance(body, bytes) else json.dumps(body, sort_keys=True, default=str)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
