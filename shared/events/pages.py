"""Pages of a list: a cursor holds the sort values of the last row of a page, opaque to the caller, checked on return.

Guarantee: what comes out of a cursor has the types that its list asked for, so it can never smuggle in a query.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING

from shared.kernel.decisions import Invalid
from shared.kernel.envelope import from_text, to_text


def encode_cursor(*values: str | float | bool | datetime | None) -> str:
    """A cursor of the last row's sort values."""
    plain = [{"at": to_text(value)} if isinstance(value, datetime) else value for value in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(text: str, types: Sequence[type | tuple[type, ...]]) -> tuple[Any, ...]:
    """The sort values of a cursor, one for each of `types`. Raises Invalid naming the field `cursor`."""
    try:
        plain = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        values = tuple(from_text(value["at"]) if isinstance(value, dict) else value for value in plain)
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        values = ()
    if len(values) != len(types) or not all(isinstance(value, kind) for value, kind in zip(values, types, strict=True)):
        message = "not a cursor of this list; begin again without one"
        raise Invalid("bad-cursor", "the cursor is not one of this list", fields={"cursor": [message]})
    return values


def split_rest(
    last: Sequence[Any] | None, keys: Sequence[str], *, descending: bool
) -> Iterator[tuple[dict[str, Any], list[tuple[str, int]]]]:
    """Divide what follows a row of a list into parts, each a condition and an order; read one after the other.

    `keys` order the list and `last` are the row's values of them; without `last` the one part is the whole list. The
    first part has the rows that differ from that row in the last key only, the last part those that differ in the first
    key. In parts, because MongoDB then starts at the right place of an index, however many rows have the same values.
    """
    direction, beyond = (DESCENDING, "$lt") if descending else (ASCENDING, "$gt")
    order = [(key, direction) for key in keys]
    if last is None:
        yield {}, order
        return
    for place in reversed(range(len(keys))):
        same = dict(zip(keys[:place], last, strict=False))
        yield {**same, keys[place]: {beyond: last[place]}}, order[place:]
