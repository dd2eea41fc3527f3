"""The longest times without an answer or a new event: the measure of what a trouble costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pymongo.collection import Collection
from pymongo.errors import PyMongoError
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Span:
    """A trouble, from its beginning to that of the next one, in seconds of the monotonic clock."""

    what: str
    begun: float
    over: float


def longest_gap(times: Sequence[float], begun: float, over: float) -> float:
    """The longest time between two of `times` that follow each other, the later one after `begun` and by `over`.

    Infinite when there is none before `begun`, or none from `over` on.
    """
    in_order = sorted(times)
    if not in_order or in_order[0] > begun or in_order[-1] < over:
        return float("inf")
    return max((after - before for before, after in pairwise(in_order) if begun < after <= over), default=over - begun)


def table_of(spans: Sequence[Span], answered: dict[str, list[float]], heard: Sequence[float], limit: float) -> Table:
    """A row for each trouble: the longest gap of each recording service, and how long the ledger learnt nothing."""
    table = Table(title=f"The longest gap between two 2xx answers, in seconds; the limit is {limit:.0f}")
    for title in ("trouble", *answered, "ledger learnt nothing"):
        table.add_column(title, justify="left" if title == "trouble" else "right")
    for span in spans:
        gaps = [longest_gap(times, span.begun, span.over) for times in (*answered.values(), heard)]
        table.add_row(span.what, *(f"{gap:.1f}" for gap in gaps))
    return table


class Hearing(threading.Thread):
    """Notes the instants at which the ledger has received new events, in `heard`."""

    def __init__(self, evidence: Collection[dict[str, Any]]) -> None:
        super().__init__(name="hearing", daemon=True)
        self._evidence = evidence
        self._over = threading.Event()
        self.heard: list[float] = []

    def run(self) -> None:
        last = -1
        while not self._over.wait(0.2):
            with suppress(PyMongoError):
                count = self._evidence.estimated_document_count()
                if count != last:
                    last = count
                    self.heard.append(time.monotonic())

    def end(self) -> None:
        self._over.set()
        self.join()
