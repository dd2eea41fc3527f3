"""Fingerprints of recorded values. Equal values have equal fingerprints, in whatever order their fields are.

The fingerprint of a private part is keyed with a salt, which is stored in that part. Without the salt, a fingerprint
reveals nothing. Nobody can even test a guess, such as a date of birth. The salt is erased together with the values.
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
    """The value as JSON, always in one form: keys sorted, no spaces, UTF-8, instants as RFC 3339 in milliseconds."""
    return _CANONICAL.encode(value).encode("utf-8", "surrogatepass")


def private_fingerprint(private: Mapping[str, Any]) -> str:
    """HMAC-SHA-256 of a private part under its own `salt` (hexadecimal digits). Raises KeyError without one."""
    covered = {name: value for name, value in private.items() if name != "salt"}
    return hmac.digest(bytes.fromhex(private["salt"]), canonical(covered), "sha256").hex()


def event_fingerprint(cloudevent: Mapping[str, Any], of_private: str) -> str:
    """SHA-256 of the published part of an event and of the fingerprint of its private part."""
    return hashlib.sha256(canonical({"event": cloudevent, "private": of_private})).hexdigest()


def chained(before: str, said: Any) -> str:
    """SHA-256 of the chain so far and the next value. It depends on all values of the chain and on their order."""
    return hashlib.sha256(before.encode("ascii") + canonical(said)).hexdigest()


def _instant(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in what is recorded")
    return to_text(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_instant)
