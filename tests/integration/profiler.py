"""What the store did for each question of a piece of code, and by which plan, as its profiler saw it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pymongo.database import Database

A_FEW = 60


@contextmanager
def profiled(database: Database[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """What the store did for each question and update of the block, and by which plan; filled at its end."""
    seen: list[dict[str, Any]] = []
    database.drop_collection("system.profile")
    database.command("profile", 2)
    try:
        yield seen
    finally:
        database.command("profile", 0)
        ours = {"op": {"$in": ["query", "command", "getmore", "update", "remove"]}, "planSummary": {"$exists": True}}
        seen += database["system.profile"].find({**ours, "ns": {"$ne": f"{database.name}.system.profile"}})


def dear(seen: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Those that examined more than twice what they gave and a few, or sorted more than a few in memory."""
    return [
        (asked["ns"], asked["planSummary"], asked.get("nreturned"), asked["keysExamined"], asked["docsExamined"])
        for asked in seen
        if max(asked["keysExamined"], asked["docsExamined"]) > 2 * given(asked) + A_FEW
        or (asked.get("hasSortStage") and given(asked) > A_FEW)
    ]


def given(asked: dict[str, Any]) -> int:
    return max(asked.get("nreturned", 0), asked.get("nMatched", 0), asked.get("ndeleted", 0))
