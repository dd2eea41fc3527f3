"""The rows of the summary for a reader from whom it is hidden where protected people are.

Their follow-ups leave the rows of their area and team, and are counted in a row without both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from services.referrals_followup.ledger.totals import oldest_of

Row = dict[str, Any]
Key = tuple[str, str | None, str | None]


def hide_whereabouts(
    rows: Iterable[Row],
    counted: Iterable[Mapping[str, Any]],
    shown: Iterable[Mapping[str, Any]],
    find_oldest: Callable[[Key], Row | None],
    now: datetime,
    own_team: str,
) -> list[Row]:
    """The rows at `now` (UTC). `counted` are the views of hidden people in the rows, `shown` those of them that count.

    `find_oldest` finds the oldest follow-up of a row that is not of a hidden person.
    """
    by_key: dict[Key, Row] = {(row["standard"], row["area"], row["team"]): dict(row) for row in rows}
    left: dict[Key, set[str]] = {}
    for view in counted:
        key = view["standard"], view["area"], view["owner_team"]
        if key in by_key:
            _count(by_key[key], view, -1, now)
            left.setdefault(key, set()).add(view["_id"])
    for key, ids in left.items():
        row = by_key[key]
        oldest = find_oldest(key) if row["oldest"]["id"] in ids else row["oldest"]
        if oldest is None or row["open"] + row["inherited"] <= 0:
            del by_key[key]
        else:
            row["oldest"] = oldest
    for view in shown:
        key = view["standard"], None, own_team if view["owner_team"] == own_team else None
        row = by_key.setdefault(key, _begin(key, view))
        _count(row, view, 1, now)
        row["oldest"] = min(row["oldest"], oldest_of(view), key=lambda one: (one["due_at"], one["id"]))
    return [by_key[key] for key in sorted(by_key, key=lambda key: tuple(part or "" for part in key))]


def _begin(key: Key, view: Mapping[str, Any]) -> Row:
    named = dict(zip(("standard", "area", "team"), key, strict=True))
    return {**named, "open": 0, "overdue": 0, "inherited": 0, "oldest": oldest_of(view)}


def _count(row: Row, view: Mapping[str, Any], by: int, now: datetime) -> None:
    if view["inherited"] and view["acts"]["accepted_at"] is None:
        row["inherited"] += by
    else:
        row["open"] += by
        row["overdue"] += by if view["due_at"] <= now else 0
