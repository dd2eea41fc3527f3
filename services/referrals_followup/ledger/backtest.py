"""A back-test over what is stored: reads the evidence of some threads at a time, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from services.referrals_followup.domain.as_of import AsOf
from services.referrals_followup.domain.backtest import (
    Difference,
    FindRecipients,
    Period,
    Raised,
    Totals,
    compare,
    raise_in,
    substitute,
)
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.kernel.chunks import chunks

THREADS_AT_A_TIME = 200

log = structlog.get_logger()


@dataclass
class BackTest:
    """The differences come one by one. After the last, `totals` and the three counts are complete.

    What is known at the end of the period is folded, as adopted by then. Memory grows with the steps, and with the
    workers and weeks of the period, and not with what is stored.
    """

    evidence: EvidenceStore
    rules: RulesHistory
    period: Period
    area: str | None
    find_recipients: FindRecipients
    totals: Totals = field(default_factory=Totals)
    threads: int = 0
    failed: int = 0
    differing: int = 0

    def run(self, pack: Mapping[str, Any]) -> Iterator[Difference]:
        """Every follow-up that would tell something else if this pack had been in force in the period."""
        was = AsOf.of(self.rules, self.period.end)
        would_be = AsOf(self.period.end, substitute(was.rules, pack, self.period.start))
        kinds = was.rules.thread_kinds() | would_be.rules.thread_kinds()
        for threads in chunks(self.evidence.threads(kinds), THREADS_AT_A_TIME):
            self.threads += len(threads)
            read = [(side, self._read(threads, side.rules)) for side in (was, would_be)]
            for thread in threads:
                yield from self._compare(thread, [(side, evidence.get(thread, [])) for side, evidence in read])

    def _read(self, threads: list[str], rules: RulesHistory) -> dict[str, list[Evidence]]:
        kinds = rules.thread_kinds()
        return self.evidence.read_threads([one for one in threads if one.partition("/")[0] in kinds], rules.relevant)

    def _compare(self, thread: str, pairs: list[tuple[AsOf, list[Evidence]]]) -> Iterator[Difference]:
        try:
            sides = [self._fold(side, thread, evidence) for side, evidence in pairs]
        except Exception as error:
            # The other threads are compared all the same, and the exit status says that one was not.
            self.failed += 1
            log.error("thread not folded", thread=thread, exc_info=error)
            return
        for number, raised in enumerate(sides):
            self.totals.count(raised.values(), number, self.period)
        for difference in compare(*sides):
            self.differing += 1
            yield difference

    def _fold(self, side: AsOf, thread: str, evidence: list[Evidence]) -> dict[str, Raised]:
        found = raise_in(side.follow_ups(thread, evidence), side.rules.calendar, self.period, self.find_recipients)
        return {key: one for key, one in found.items() if self.area in (None, one.follow_up.area)}
