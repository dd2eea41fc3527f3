"""Races against ourselves: what an act costs as the stored data grow, and how much memory the processes take.

Where two stocks are compared, both are there in the same round, and the act is done in each in turn: A B A B. A ratio
is that of the medians of the turns, the bigger over the smaller.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import median
from typing import Any

import requests

from deploy.local.die_with_parent import die_with_parent
from deploy.local.tokens import mint
from shared.kernel.envelope import to_text
from shared.runtime.clock import ReplayClock
from tests.bench.alone import LONG, SHORT
from tests.bench.asking import FOLLOW_UPS, GRACE, LIST, SUMMARY, UNCHANGED
from tests.bench.contestants import Figures
from tests.bench.ground import READY_WITHIN, ROOT, Field, Stuck
from tests.bench.lives import AREAS, NOW, OPEN_EACH
from tests.bench.stock import Stock, forget_chases, spoilt, stocks

SERVICE = "referrals_followup"
# Who asks: the manager of a team in one area, of one in the other, and somebody who acts in both.
MANAGERS = (
    ("gp-manager-hale", "gp-mill-road", ("essex",)),
    ("gp-manager-fox", "gp-wensum", ("norfolk",)),
    ("lc-manager-varga", "leaving-care-essex", AREAS),
)


@dataclass(frozen=True)
class Sweeping:
    """One sweep and the letters it leads to, unsent, where so many of `lives` are due: among many, and among few."""

    name: str
    lives: int
    few: int
    due: int
    turns: int = 2

    def run(self, field: Field) -> Figures:
        big, small = stocks(field.backends.mongodb_uri, (self.lives, self.due), (self.few, self.due))
        found: dict[str, list[Mapping[str, float]]] = {big.database: [], small.database: []}
        with _alone(field) as act:
            for _ in range(self.turns):
                for stock in (big, small):
                    cost = act("sweep", stock)
                    if cost["failed"] or cost["chased"] != self.due * OPEN_EACH:
                        raise Stuck(f"chased {cost['chased']:.0f}, failed {cost['failed']:.0f}")
                    found[stock.database].append(cost)
                    forget_chases(field.client[stock.database])
        return {
            **_compared(found[big.database], found[small.database]),
            "chased": found[big.database][0]["chased"],
            "open": big.open,
            "open_few": small.open,
        }


@dataclass(frozen=True)
class Growing:
    """Batches of 500 events of new people, heard where much is stored and where less is. The first is not counted."""

    name: str
    lives: int
    few: int
    due: int
    turns: int = 12

    def run(self, field: Field) -> Figures:
        big, small = stocks(field.backends.mongodb_uri, (self.lives, self.due), (self.few, self.due))
        found: dict[str, list[Mapping[str, float]]] = {big.database: [], small.database: []}
        with _alone(field) as act:
            for _ in range(self.turns + 1):
                for stock in (big, small):
                    found[stock.database].append(act("hear", stock))
        spoilt(field.backends.mongodb_uri, big, small)
        costs = found[big.database][1:], found[small.database][1:]
        return {
            **_compared(*costs),
            "ms_an_event": 1_000 * median(cost["seconds"] / cost["events"] for cost in costs[0]),
            "events": big.events,
            "events_few": small.events,
        }


@dataclass(frozen=True)
class Living:
    """A batch of one event about somebody of whom 500 events are known, and of whom 50 are."""

    name: str
    turns: int = 3

    def run(self, field: Field) -> Figures:
        field.run(SERVICE, "adopt")
        empty = Stock(field.database(SERVICE).name, 0, 0)
        found: dict[str, list[dict[str, float]]] = {SHORT: [], LONG: []}
        with _alone(field) as act:
            act(SHORT, empty)  # the first compiles the rules
            for _ in range(self.turns):
                for what, costs in found.items():
                    costs.append(act(what, empty))
        long, short = found[LONG], found[SHORT]
        return {
            **_compared(long, short),
            "ms": 1_000 * median(cost["seconds"] for cost in long),
            "cpu_ms": 1_000 * median(cost["cpu"] for cost in long),
            "events": long[0]["events"],
            "events_few": short[0]["events"],
        }


@dataclass(frozen=True)
class Asking:
    """What managers ask of one `serve http`: four at once, of many follow-ups and of few; then fifty, of many.

    Then four and fifty ask again and again whether the answers that they have still hold. Nothing has changed.
    """

    name: str
    lives: int
    few: int
    due: int
    seconds: float = 4.0
    turns: int = 3

    def run(self, field: Field) -> Figures:
        big, small = stocks(field.backends.mongodb_uri, (self.lives, self.due), (self.few, self.few // 100))
        addresses = {stock: _serve_http(field, stock) for stock in (big, small)}
        figures = {"open": float(big.open), "open_few": float(small.open), **_look(field, addresses[big], big)}
        of_4 = {stock: [] for stock in (big, small)}  # type: dict[Stock, list[dict[str, Any]]]
        for _ in range(self.turns):
            for stock in (big, small):
                of_4[stock].append(_ask(field, addresses[stock], 4, self.seconds))
        of_50 = _ask(field, addresses[big], 50, 2 * self.seconds)
        again = {callers: _ask(field, addresses[big], callers, 2 * self.seconds, again=True) for callers in (4, 50)}
        many, few = (median(_p95_ms(asked, LIST, SUMMARY) for asked in of_4[stock]) for stock in (big, small))
        return {
            "ratio": many / few,
            "p95_of_4_ms": many,
            "p95_of_4_few_ms": few,
            "p95_of_50_ms": _p95_ms(of_50, LIST, SUMMARY),
            **{
                f"{kind}_p95_of_{callers}_ms": median(_p95_ms(asked, kind) for asked in turns)
                for callers, turns in ((4, of_4[big]), (50, [of_50]))
                for kind in (LIST, SUMMARY)
                if all(asked[kind] for asked in turns)  # none, where the other kind takes all the time
            },
            **{f"unchanged_p95_of_{callers}_ms": _p95_ms(asked, UNCHANGED) for callers, asked in again.items()},
            "answers_a_second": (len(of_50[LIST]) + len(of_50[SUMMARY])) / (2 * self.seconds),
            "unanswered": of_50["unanswered"] + sum(asked["unanswered"] for asked in of_4[big]),
            **figures,
        }


def _compared(big: Sequence[Mapping[str, float]], small: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found = {
        name: (median(cost[name] for cost in big), median(cost[name] for cost in small)) for name in ("seconds", "cpu")
    }
    return {
        "ratio": found["seconds"][0] / found["seconds"][1],
        "cpu_ratio": found["cpu"][0] / found["cpu"][1],
        **{name: many for name, (many, _) in found.items()},
        **{f"{name}_few": few for name, (_, few) in found.items()},
    }


# --- the processes --------------------------------------------------------------------------------------------------


@contextmanager
def _alone(field: Field) -> Iterator[Any]:
    """Lets the service do one act after the other in its own process. Yields what each cost. Raises Stuck."""
    argv = die_with_parent([sys.executable, "-m", "tests.bench.alone"])
    log = field.folder / "alone.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            argv,
            cwd=field.root,
            env=field.settings(SERVICE),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None

        def act(what: str, stock: Stock) -> dict[str, float]:
            asked = {"act": what, "database": stock.database, "now": to_text(NOW)}
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            if not line:
                raise Stuck(log.read_text()[-2000:])
            cost: dict[str, float] = json.loads(line)
            return cost

        yield act


def serve_at(field: Field, instant: datetime, database: str, *role: str, **more: str) -> None:
    """A role of the follow-up service on a stock, with a clock that stands still."""
    clock: Path = field.folder / "clock"
    ReplayClock(clock).set(instant)
    replay = {"REPLAY_CLOCK_FILE": str(clock), "LOCAL_STACK_DIR": str(field.backends.folder)}
    field.serve(SERVICE, "serve", *role, MONGODB_DATABASE=database, **replay, **more)


def _serve_http(field: Field, stock: Stock) -> str:
    address = field.address()
    serve_at(field, NOW, stock.database, "http", HTTP_ADDRESS=address)
    field.wait_for(address)
    return address


def _ask(field: Field, address: str, callers: int, seconds: float, *, again: bool = False) -> dict[str, Any]:
    """The seconds of each answer, by kind."""
    who = list(islice(cycle(_managers(field)), callers))
    asked = {"address": address, "seconds": seconds, "callers": who, "again": again}
    argv = [sys.executable, "-m", "tests.bench.asking"]
    within = seconds + GRACE + READY_WITHIN
    ran = subprocess.run(argv, cwd=ROOT, input=json.dumps(asked).encode(), capture_output=True, timeout=within)
    if ran.returncode:
        raise Stuck(ran.stderr.decode()[-2000:])
    took: dict[str, Any] = json.loads(ran.stdout)
    return took


def _managers(field: Field) -> list[dict[str, str]]:
    secret = field.backends.secrets.jwt_private_key_file.read_text()
    return [
        {"token": mint(secret, person, "manager", team, areas), "team": team, "area": areas[0]}
        for person, team, areas in MANAGERS
    ]


def _look(field: Field, address: str, stock: Stock) -> dict[str, float]:
    """How many rows the summary has, and standards and teams in them. Raises Stuck when it does not count what is
    stored: then its time would say nothing."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {_managers(field)[-1]['token']}"}
        answer = session.get(f"http://{address}{FOLLOW_UPS}/summary", headers=headers, timeout=READY_WITHIN)
    rows = answer.json()["rows"] if answer.ok else []
    if sum(row["open"] for row in rows) != stock.open:
        raise Stuck(f"the summary: {answer.status_code}, {sum(row['open'] for row in rows)} open of {stock.open}")
    return {"rows": len(rows), **{f"{name}s": len({row[name] for row in rows}) for name in ("standard", "team")}}


def _p95_ms(asked: Mapping[str, Any], *kinds: str) -> float:
    took = sorted(seconds for kind in kinds for seconds in asked[kind])
    if not took:
        raise Stuck(f"no answer of {' and '.join(kinds)}")
    return float(1_000 * took[int(len(took) * 0.95)])
