"""Identifiers. Each is a pure function of its arguments, so the same arguments always give the same id.

An identifier reveals nothing personal: of an NHS number it has only a keyed hash.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from datetime import datetime
from functools import lru_cache
from uuid import UUID, uuid5

from shared.kernel.nhs_number import digits_of, why_invalid

_STREAMS = UUID("6f1c7a52-3f0e-5d0b-9a41-0d2b8f3c5e71")
_DERIVED = UUID("b0a4d9e6-74c2-5b1f-8e3d-5c9f1a7e2046")
_REMEMBERED = 10_000

_ID = re.compile("(p_)?([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
_DASHES = dict.fromkeys(map(ord, "-\u2010\u2011\u2012\u2013\u2014\u2212"))
# A longer text is no id, whatever blanks and dashes are in it.
_LONGEST_TYPED = 80

# Crockford's base 32: no I, L, O or U, so that a reference survives being read out on the telephone.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_READ_AS = str.maketrans("OIL", "011", " -")


def uuid7(now: datetime, random: bytes | None = None) -> str:
    """A UUIDv7 (RFC 9562, 5.7): ids of different milliseconds sort by time. `random`, when given, is 10 bytes."""
    noise = int.from_bytes(secrets.token_bytes(10) if random is None else random, "big")
    if noise >> 80:
        raise ValueError("random must be 10 bytes")
    milliseconds = int(now.timestamp()) * 1000 + now.microsecond // 1000
    value = milliseconds << 80 | 0x7 << 76 | (noise >> 68) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
    digits = f"{value:032x}"  # a UUID object would take twice the time
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


@lru_cache(_REMEMBERED)
def stream_id(actor_id: str, key: str) -> str:
    """The id of the stream that this actor begins with this idempotency key. A retry finds the same stream."""
    return str(uuid5(_STREAMS, _joined(actor_id, key)))


@lru_cache(_REMEMBERED)
def derived_id(*parts: str) -> str:
    """An id made from parts that together name one thing. Different parts always give different ids."""
    return str(uuid5(_DERIVED, _joined(*parts)))


def person_id_from_nhs_number(number: str, key: bytes) -> str:
    """The opaque id of the person with this NHS number: `p_` and 32 hex digits. Raises ValueError if it is invalid."""
    fault = why_invalid(number)
    if fault:
        raise ValueError(fault)
    return "p_" + hmac.new(key, digits_of(number).encode(), hashlib.sha256).hexdigest()[:32]


def new_person_id(actor_id: str, key: str) -> str:
    """An opaque id for a person without a known NHS number. Only a retry of the same request gives it again."""
    return "p_" + UUID(stream_id(actor_id, key)).hex


@lru_cache(_REMEMBERED)
def reference_of(uuid_text: str) -> str:
    """A reference that can be said aloud, for example `FT-7K3M-2HXQ-Q`: 40 bits of SHA-256 and a check character."""
    bits = int.from_bytes(hashlib.sha256(uuid_text.encode()).digest()[:5], "big")
    values = [bits >> shift & 31 for shift in range(35, -1, -5)]
    return _written([*values, _check(values)])


def normal_reference(text: str) -> str:
    """The reference as `reference_of` writes it, made from what a person typed.

    Accepts any case, with or without `FT`, hyphens and spaces. Reads O as 0, and I and L as 1. Raises ValueError.
    """
    letters = text.strip().upper().translate(_READ_AS)
    if len(letters) == 11:
        letters = letters.removeprefix("FT")
    if len(letters) != 9 or not set(letters) <= set(_ALPHABET):
        raise ValueError("a reference reads FT-XXXX-XXXX-X, in digits and letters without U")
    values = [_ALPHABET.index(letter) for letter in letters]
    if _check(values[:-1]) != values[-1]:
        raise ValueError("the check character does not fit: one character is wrong, or two have changed places")
    return _written(values)


def read_id(text: str) -> str:
    """The id that a person typed, as it is written. A text that is no id stays as it is.

    Accepts any case, blanks, and dashes of any kind or none.
    """
    if not 32 <= len(text) <= _LONGEST_TYPED:
        return text
    match = _ID.fullmatch("".join(text.split()).translate(_DASHES).lower())
    if match is None:
        return text
    person, *groups = match.groups()
    return f"{person}{''.join(groups)}" if person else "-".join(groups)


def _joined(*parts: str) -> str:
    return _ENCODER.encode(parts)


def _written(values: list[int]) -> str:
    letters = "".join(_ALPHABET[value] for value in values)
    return f"FT-{letters[:4]}-{letters[4:8]}-{letters[8]}"


def _check(values: list[int]) -> int:
    """The sum of the values, each times its own power of x in GF(32). It reveals a wrong value, or two swapped."""
    total = 0
    for value in values:
        total = _times_x(total ^ value)
    return total


def _times_x(value: int) -> int:
    return value << 1 ^ (0b100101 if value & 0b10000 else 0)
