"""The bars, as data: the limit for each race, and whether the rounds meet it.

A ratio compares figures of the same round, so it depends little on the machine. A bar that is not met is printed and
fails nothing: seconds depend on the machine, only counts do not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tests.bench import races
from tests.bench.contestants import WHOLE

Round = Mapping[str, Mapping[str, float]]
Value = Callable[[Round], float]


@dataclass(frozen=True)
class Bar:
    """`value` of a round of `race` is to be at least, or at most, `limit`."""

    race: str
    what: str
    value: Value
    limit: float
    at_least: bool = True
    unit: str = ""


@dataclass(frozen=True)
class Verdict:
    """The median over the rounds with the least and the most; None when a figure is missing."""

    bar: Bar
    middle: float | None
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool | None:
        if self.middle is None:
            return None
        return self.middle >= self.bar.limit if self.bar.at_least else self.middle <= self.bar.limit

    @property
    def word(self) -> str:
        return {True: "met", False: "NOT MET", None: "not measured"}[self.is_met]

    def to_json(self) -> dict[str, Any]:
        bar = self.bar
        return {
            "race": bar.race,
            "bar": bar.what,
            "limit": bar.limit,
            "at_least": bar.at_least,
            "unit": bar.unit,
            "median": self.middle,
            "min": self.least,
            "max": self.most,
            "verdict": self.word,
        }


def of_ours(name: str) -> Value:
    return lambda found: found[races.OURS][name]


def ratio(to: str, name: str = "rate") -> Value:
    """Ours over somebody else's, in the same round."""
    return lambda found: found[races.OURS][name] / found[to][name]


def at_least(race: str, what: str, value: Value, limit: float, unit: str = "/s") -> Bar:
    return Bar(race, what, value, limit, at_least=True, unit=unit)


def at_most(race: str, what: str, value: Value, limit: float, unit: str = " ms") -> Bar:
    return Bar(race, what, value, limit, at_least=False, unit=unit)


BARS = (
    at_least(races.RECORDING, "2x nameko, the usual idiom (a)", ratio(races.NAMEKO), 2.0, "x"),
    at_least(races.RECORDING, "2x FastAPI + FastStream (b)", ratio(races.FAST), 2.0, "x"),
    at_most(races.RECORDING, "p95 no worse than (a)'s", ratio(races.NAMEKO, "p95_ms"), 1.0, "x"),
    at_most(races.RECORDING, "p95 no worse than (b)'s", ratio(races.FAST, "p95_ms"), 1.0, "x"),
    at_least(races.TOGETHER, "3,700 events/s", of_ours(WHOLE), 3_700),
    at_least(races.TOGETHER, "4,000 events/s", of_ours(WHOLE), 4_000),
    at_least(races.TOGETHER, "0.25 of the floor", ratio(races.FLOOR, WHOLE), 0.25, "x"),
    at_least(races.SHUFFLED, "2,000 events/s", of_ours(WHOLE), 2_000),
    at_least(races.SHUFFLED, "2,300 events/s", of_ours(WHOLE), 2_300),
    at_least(races.SHUFFLED, "0.25 of the floor", ratio(races.FLOOR, WHOLE), 0.25, "x"),
    at_least(races.SHUFFLED, "2x FastAPI + FastStream (b)", ratio(races.FAST, WHOLE), 2.0, "x"),
    at_least(races.SHUFFLED, "2x Celery (c)", ratio(races.CELERY, WHOLE), 2.0, "x"),
    at_least(races.SHUFFLED, "3x FastAPI + FastStream (b)", ratio(races.FAST, WHOLE), 3.0, "x"),
    at_least(races.SHUFFLED, "3x Celery (c)", ratio(races.CELERY, WHOLE), 3.0, "x"),
    at_least(races.BACKLOG, "1,500 events/s", of_ours(WHOLE), 1_500),
    at_most(races.BACKLOG, "under 250 MB", of_ours("megabytes"), 250, " MB"),
    at_most(races.BACKLOG, "a live event is visible within 8 s", of_ours("live_s"), 8, " s"),
    at_most(races.VISIBLE, "p95 under 100 ms", of_ours("p95_ms"), 100),
    at_most(races.VISIBLE, "p95 under 150 ms", of_ours("p95_ms"), 150),
    at_least(races.BULK, "1,200 events/s", of_ours("rate"), 1_200),
    at_least(races.BULK, "2,000 events/s", of_ours("rate"), 2_000),
    at_least(races.BULK, "4x nameko, the usual idiom (a)", ratio(races.NAMEKO), 4.0, "x"),
    at_most(races.SWEEP, "10,000 due of 1,000,000: 1.3x of 20,000", of_ours("ratio"), 1.3, "x"),
    at_most(races.QUESTIONS, "1,000,000, 4 callers: p95 under 70 ms", of_ours("p95_of_4_ms"), 70),
    at_most(races.QUESTIONS, "1,000,000, 4 callers: p95 under 100 ms", of_ours("p95_of_4_ms"), 100),
    at_most(races.QUESTIONS, "1,000,000, 50 callers: p95 under 450 ms", of_ours("p95_of_50_ms"), 450),
    at_most(races.QUESTIONS, "1,000,000, 50 callers: p95 under 500 ms", of_ours("p95_of_50_ms"), 500),
    at_most(races.QUESTIONS, "unchanged, asked again: p95 under 20 ms", of_ours("unchanged_p95_of_4_ms"), 20),
    at_most(races.QUESTIONS, "at most 1.5x that at 10,000", of_ours("ratio"), 1.5, "x"),
    at_most(races.CATCH_UP, "400 days, 100,000 open: under 300 MB", of_ours("megabytes"), 300, " MB"),
    at_most(races.GROWTH, "an event at 2,000,000: 1.2x of 100,000", of_ours("ratio"), 1.2, "x"),
    at_most(races.LENGTH, "an event of a person of 500: under 10 ms", of_ours("ms"), 10),
    at_most(races.LENGTH, "an event of a person of 500: under 12 ms", of_ours("ms"), 12),
    at_most(races.IDLE, "8 % of a core", of_ours("percent"), 8, " %"),
    at_most(races.MEMORY, "serve after 200,000: 1.3x of 20,000", of_ours("ratio"), 1.3, "x"),
)


def judge(rounds: Mapping[str, Sequence[Round]]) -> list[Verdict]:
    """The verdict on every bar."""
    return [_judge(bar, rounds.get(bar.race, ())) for bar in BARS]


def _judge(bar: Bar, rounds: Sequence[Round]) -> Verdict:
    values = []
    for found in rounds:
        try:
            values.append(bar.value(found))
        except (KeyError, ZeroDivisionError):  # a contestant was stuck in that round
            continue
    return Verdict(bar, median(values), min(values), max(values)) if values else Verdict(bar, None)
