"""The instant up to which the evidence is complete, and what is parked.

Read the report before you read what an answer shows. Then the answer may show more than the report claims, and never
less. Requests at the same time share one report.
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
    """The completeness of the evidence, as answers show it, and the people and records that parked work is about."""

    evidence: Mapping[str, Any]
    problems: DataProblems


class Completeness:
    """Reports up to which instant this service has received everything."""

    def __init__(self, evidence: EvidenceStore, parked: ParkedMessages, views: FollowUpViews, clock: Clock) -> None:
        self._evidence = evidence
        self._parked = parked
        self._views = views
        self._clock = clock
        self._asked: Coalescer[None, CompletenessReport] = Coalescer(
            lambda group: [self._read()] * len(group), lost=store_away
        )

    def report(self) -> CompletenessReport:
        """The instant up to which all sources are complete, the instant for each source, whether a source is stale, and
        how much is parked.

        Raises StoreUnavailable or PyMongoError.
        """
        return self._asked.call(None)

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
