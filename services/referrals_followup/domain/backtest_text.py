"""A back-test in words: one paragraph for each follow-up that differs, then a table of steps and one of weeks.

It has references, steps, days and the ids of workers, and nothing about any person whom a follow-up is about.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from services.referrals_followup.domain.backtest import Difference, Raised, Telling, Totals
from shared.kernel.time import LONDON

NOTHING = "nothing"


def difference_lines(difference: Difference) -> Iterator[str]:
    """A heading, then what was and what would be."""
    follow_up = difference.follow_up
    yield f"{follow_up.reference} {follow_up.step} in {follow_up.area}, opened {_in_london(follow_up.opened_at)}"
    yield f"  was       {_in_words(difference.was)}"
    yield f"  would be  {_in_words(difference.would_be)}"


def _in_words(raised: Raised | None) -> str:
    if raised is None:
        return NOTHING
    follow_up = raised.follow_up
    told = "; ".join(_grouped(raised.tellings)) or "nobody told"
    return f"due {_in_london(follow_up.due_at)}, {follow_up.state}: {told}"


def _grouped(tellings: tuple[Telling, ...]) -> Iterator[str]:
    """Each rung once for the same people, with how often it is said again."""
    groups: dict[tuple[str, tuple[str, ...]], list[datetime]] = {}
    for telling in tellings:
        groups.setdefault((telling.rung, telling.people), []).append(telling.at)
    for (rung, people), instants in groups.items():
        again = f" and {len(instants) - 1} more until {_in_london(instants[-1])}" if len(instants) > 1 else ""
        yield f"{_in_london(instants[0])} {rung} to {', '.join(people)}{again}"


def total_lines(totals: Totals) -> Iterator[str]:
    """The steps that differ in number, and for each week and worker how often they are told, was and would be."""
    steps = sorted(totals.asked.keys() | totals.told.keys())
    rows = [(step, totals.asked.get(step, [0, 0]), totals.told.get(step, [0, 0])) for step in steps]
    yield f"{'step':<24}{'opened':>8}{'would be':>10}{'told':>8}{'would be':>10}"
    for step, asked, told in rows:
        yield f"{step:<24}{asked[0]:>8}{asked[1]:>10}{told[0]:>8}{told[1]:>10}"
    yield ""
    yield f"{'week':<10}{'worker':<32}{'told':>8}{'would be':>10}"
    yield from _load_lines(totals.load)


def _load_lines(load: Mapping[tuple[str, str], Any]) -> Iterator[str]:
    for (week, person), (was, would_be) in sorted(load.items()):
        yield f"{week:<10}{person:<32}{was:>8}{would_be:>10}"


def _in_london(at: datetime) -> str:
    return at.astimezone(LONDON).strftime("%Y-%m-%d %H:%M")
