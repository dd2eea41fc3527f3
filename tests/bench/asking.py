"""Managers who read lists: a process that reads its task as JSON, and writes how long the answers took as JSON.

Each caller asks for the summary, then for three pages of a list, then for the summary and the next list; every second
caller begins with a list. Each question follows the answer before it at once. Answers of the first second
are not counted. A question without an answer some seconds after the end counts with its time so far, so a figure can be
too small; `unanswered` says so.

With `again`, each caller has one list. It first gets the summary and the pages of that list, and then asks again and
again whether these answers still hold.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

from tests.bench.load import RUN_IN, Client

FOLLOW_UPS = "/v1/follow-ups"
PAGES = 3
GRACE = 10.0
LIST, SUMMARY, UNCHANGED = "lists", "summaries", "unchanged"
LISTS = (
    "sort=due_at",
    "sort=-opened_at",
    "team={team}",
    "sort=standard",
    "standard=REF-01&sort=-due_at",
    "state=any&sort=opened_at",
    "overdue_by_days=14",
    "area={area}&sort=-standard",
)


@dataclass
class Took:
    """Seconds of each answer, by kind of question."""

    lists: list[float] = field(default_factory=list)
    summaries: list[float] = field(default_factory=list)
    unchanged: list[float] = field(default_factory=list)
    unanswered: int = 0


# The tag and the next page of each answer that a caller holds, by address.
Held = dict[str, tuple[str, dict[str, Any]]]


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Raises what a connection raises; SystemExit for an answer that is neither 200 nor 304."""
    took = Took()
    held: list[Held | None] = [{} if asked["again"] else None for _ in asked["callers"]]
    if asked["again"]:
        await _ask_all(asked, held, took, math.inf, math.inf, turns=2)
    counted_from = time.monotonic() + RUN_IN
    await _ask_all(asked, held, took, counted_from, counted_from + asked["seconds"])
    return vars(took)


async def _ask_all(
    asked: dict[str, Any],
    held: list[Held | None],
    took: Took,
    counted_from: float,
    until: float,
    turns: int = sys.maxsize,
) -> None:
    await asyncio.gather(
        *(
            _ask(asked["address"], caller, number, held[number], took, counted_from, until, turns)
            for number, caller in enumerate(asked["callers"])
        )
    )


async def _ask(
    address: str,
    caller: dict[str, str],
    number: int,
    held: Held | None,
    took: Took,
    counted_from: float,
    until: float,
    turns: int,
) -> None:
    host, port = address.split(":")
    client = Client(*await asyncio.open_connection(host, int(port)), caller["token"])

    async def get(kind: str, path: str) -> Any:
        tag, known = (held or {}).get(path, ("", {}))
        at = time.monotonic()
        answer = await _in_time(client.get(path, tag), until + GRACE)
        if answer is None:
            took.unanswered += 1
        elif answer[0] not in {200, 304}:
            raise SystemExit(f"{path}: {answer[0]} {answer[1][:300]!r}")
        now = time.monotonic()
        is_unchanged = answer is not None and answer[0] == 304
        if now >= counted_from:
            getattr(took, UNCHANGED if is_unchanged else kind).append(now - at)
        body = json.loads(answer[1]) if answer and not is_unchanged else known
        if held is not None and answer:
            held[path] = client.tag, {"next": body.get("next")}
        return body

    mine = (*LISTS[number % len(LISTS) :], *LISTS[: number % len(LISTS)])
    lists = cycle(mine if held is None else mine[:1])
    for turn in range(number, number + turns):
        if time.monotonic() >= until:
            return
        if turn % 2 == 0:
            await get(SUMMARY, f"{FOLLOW_UPS}/summary")
            continue
        path = f"{FOLLOW_UPS}?{next(lists).format(**caller)}"
        following: str | None = ""
        for _ in range(PAGES):
            if following is None or time.monotonic() >= until:
                break
            page = await get(LIST, path + (f"&cursor={following}" if following else ""))
            following = page.get("next")


async def _in_time(answer: Awaitable[tuple[int, bytes]], deadline: float) -> tuple[int, bytes] | None:
    try:
        return await asyncio.wait_for(answer, max(0.0, deadline - time.monotonic()))
    except TimeoutError:
        return None


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
