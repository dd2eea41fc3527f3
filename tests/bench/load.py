"""The load generator: a process that reads its task as JSON, and writes its measurements as JSON.

Each connection tells one story after the other: a person is registered, a referral noted, and sent. Asked for a `rate`
it sends so many requests a second until the time is over, and otherwise each as soon as the answer before it has come.
The first second is not counted. It reports its own use of the CPU: near 1.0, it measured only itself.
"""

from __future__ import annotations

import asyncio
import json
import random
import string
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any
from uuid import uuid4

RUN_IN = 1.0
NOTED = {"stage": "intended", "service": "camhs", "to_team": "camhs-essex", "reason_code": "depression"}


def a_person() -> dict[str, str]:
    """Somebody with a name and a birthday of their own: others of the same would be possible duplicates."""
    name = "".join(random.choices(string.ascii_lowercase, k=12))
    born = date(1994, 1, 1) + timedelta(days=random.randrange(5_000))
    return {"given_name": "Wren", "family_name": name.capitalize(), "date_of_birth": born.isoformat()}


@dataclass
class Measured:
    """`seconds` of each request that was answered after the run-in; when each referral was answered (epoch seconds)."""

    took: list[float] = field(default_factory=list)
    refused: int = 0
    noted: dict[str, float] = field(default_factory=dict)


class Client:
    """One connection, kept alive. Raises ConnectionError or IncompleteReadError when the other side ends it.

    `tag` is the weak ETag of the last answer, without its `W/`; empty if it had none.
    """

    tag = ""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self._reader, self._writer = reader, writer
        self._head = (
            f"HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer {token}\r\n"
        )

    async def post(self, path: str, body: Any) -> tuple[int, bytes]:
        """Status and body of the answer."""
        sent = json.dumps(body).encode()
        lines = f"POST {path} {self._head}Idempotency-Key: {uuid4().hex}\r\nContent-Length: {len(sent)}\r\n\r\n"
        self._writer.write(lines.encode() + sent)
        return await self._answer()

    async def get(self, path: str, held: str = "") -> tuple[int, bytes]:
        """Status and body of the answer. `held` is the tag of an answer that is not to be sent again unchanged."""
        condition = f"If-None-Match: {held}\r\n" if held else ""
        self._writer.write(f"GET {path} {self._head}{condition}\r\n".encode())
        return await self._answer()

    async def _answer(self) -> tuple[int, bytes]:
        head = await self._reader.readuntil(b"\r\n\r\n")
        lowered = head.lower()
        length, tag = (lowered.partition(name)[2].partition(b"\r\n")[0] for name in (b"content-length:", b"\netag: w/"))
        self.tag = tag.decode()
        return int(head[9:12]), await self._reader.readexactly(int(length or 0))


async def main(asked: dict[str, Any]) -> dict[str, Any]:
    """Raises what a connection raises."""
    measured = Measured()
    began, began_at = time.monotonic(), time.time()
    until = began + RUN_IN + asked["seconds"]
    cpu = time.process_time()
    await asyncio.gather(
        *(_tell(asked, number, token, measured, began, until) for number, token in enumerate(asked["tokens"]))
    )
    took = sorted(measured.took)
    return {
        "began_at": began_at,
        "rate": len(took) / asked["seconds"],
        "requests": len(took),
        "refused": measured.refused,
        "p50_ms": _share(took, 0.5),
        "p95_ms": _share(took, 0.95),
        "own_cpu": (time.process_time() - cpu) / (time.monotonic() - began),
        "noted": measured.noted if asked.get("tells_noted") else {},
    }


def _share(took: list[float], share: float) -> float | None:
    """The milliseconds that this share of them took at most; None when nothing was counted."""
    return 1_000 * took[int(len(took) * share)] if took else None


class _Over(Exception):
    """The next turn lies beyond the end."""


async def _tell(asked: dict[str, Any], number: int, token: str, measured: Measured, began: float, until: float) -> None:
    host, port = asked["address"].split(":")
    client = Client(*await asyncio.open_connection(host, int(port)), token)
    pause = len(asked["tokens"]) / asked["rate"] if asked.get("rate") else 0.0
    turns = (began + pause * (turn + number / len(asked["tokens"])) for turn in count())

    async def post(path: str, body: Any) -> Any:
        turn = next(turns)
        if pause and turn > until:
            raise _Over
        await asyncio.sleep(max(0.0, turn - time.monotonic()) if pause else 0.0)
        at = time.monotonic()
        status, answer = await client.post(path, body)
        now = time.monotonic()
        if status != 201:
            measured.refused += 1
            if measured.refused > 100:
                raise SystemExit(f"{path}: {status} {answer[:300]!r}")
            return {}
        if began + RUN_IN <= at and now <= until:
            measured.took.append(now - at)
        return json.loads(answer)

    async def tell() -> None:
        person = (await post("/v1/people", a_person())).get("person_id", "")
        referral = (await post("/v1/referrals", {**NOTED, "person_id": person})).get("referral_id", "")
        if time.monotonic() >= began + RUN_IN:
            measured.noted[referral] = time.time()
        await post(f"/v1/referrals/{referral}/sent", {"channel": "letter"})

    with suppress(_Over):
        while time.monotonic() < until:
            await tell()


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.load(sys.stdin)))))
