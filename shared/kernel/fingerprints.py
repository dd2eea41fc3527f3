"""Digests of what was recorded: pure functions, the same for the same values, whatever order their fields came in.

The digest of a private part is keyed with a salt that lies inside that part. Without the salt it tells nothing, not
even of a value that could be guessed, such as a date of birth; the salt is erased along with the values.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.kernel.envelope import to_text


def canonical(value: Any) -> bytes:
    """The one way of writing a value as JSON: keys sorted, no spaces, UTF-8, instants as RFC 3339 in milliseconds."""
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


def private_digest(private: Mapping[str, Any]) -> str:
    """HMAC-SHA-256 of a private part under its own `salt` (hexadecimal digits). Raises KeyError without one."""
    covered = {name: value for name, value in private.items() if name != "salt"}
    return hmac.digest(bytes.fromhex(private["salt"]), canonical(covered), "sha256").hex()


def event_digest(cloudevent: Mapping[str, Any], of_private: str) -> str:
    """SHA-256 of what is published of an event and the digest of what is not."""
    return hashlib.sha256(canonical({"event": cloudevent, "private": of_private})).hexdigest()


def chained(before: str, said: Any) -> str:
    """SHA-256 over the chain so far and the next thing said: it stands for all that came before, in its order."""
    return hashlib.sha256(before.encode("ascii") + canonical(said)).hexdigest()


def _instant(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in what is recorded")
    return to_text(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_instant)
