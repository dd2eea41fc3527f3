"""How far the evidence is complete, and what is parked.

Ask for the report before reading what an answer shows: what is folded in between is then shown and not yet claimed.
Requests that ask at the same time share one report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.referrals_followup.domain import silence
from services.referrals_followup.ledger.data_problems import DataProblems
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from shared.events.coalescing import Coalescer
from shared.events.errors import store_away
from shared.messaging.parked import ParkedMessages
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class CompletenessReport:
    """How far the evidence is complete, as answers show it, and the people and records that parked work is about."""

    evidence: Mapping[str, Any]
    problems: DataProblems


class Completeness:
    """Reports how far everything that happened is known in this service."""

    def __init__(self, evidence: EvidenceStore, parked: ParkedMessages, views: FollowUpViews, clock: Clock) -> None:
        self._evidence = evidence
        self._parked = parked
        self._views = views
        self._clock = clock
        self._asked: Coalescer[None, CompletenessReport] = Coalescer(
            lambda group: [self._read()] * len(group), lost=store_away
        )

    def report(self) -> CompletenessReport:
        """The instant up to which all sources are complete, the same for each source, whether one of them is stale, and
        how much is parked.

        Raises StoreUnavailable or PyMongoError.
        """
        return self._asked.ask(None)

    def _read(self) -> CompletenessReport:
        sources = self._evidence.complete_until()
        problems = DataProblems(self._evidence, self._parked, self._views)
        known = [until for until in sources.values() if until is not None]
        evidence = {
            "complete_until": min(known) if len(known) == len(sources) else None,
            "stale": bool(silence.find_silent(sources, self._clock.now())),
            "sources": sources,
            "set_aside": problems.parked,
        }
        return CompletenessReport(evidence, problems)
