"""How far an answer is known, and what is set aside: asked before what it is said of is looked up, so that what is
folded in between is shown and not yet claimed. Who asks at the same time shares one answer.
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
    """How far it is known: as answers tell it, and on what bears that something is set aside."""

    told: Mapping[str, Any]
    problems: DataProblems


class Completeness:
    """How far all that happened is known in this service."""

    def __init__(self, evidence: EvidenceStore, parked: ParkedMessages, views: FollowUpViews, clock: Clock) -> None:
        self._evidence = evidence
        self._parked = parked
        self._views = views
        self._clock = clock
        self._asked: Coalescer[None, CompletenessReport] = Coalescer(
            lambda group: [self._look()] * len(group), lost=store_away
        )

    def so_far(self) -> CompletenessReport:
        """The instant for all sources together, for each one, whether that is stale, and how much is set aside.

        Raises StoreUnavailable or PyMongoError.
        """
        return self._asked.call(None)

    def _look(self) -> CompletenessReport:
        sources = self._evidence.complete_until()
        problems = DataProblems(self._evidence, self._parked, self._views)
        known = [until for until in sources.values() if until is not None]
        told = {
            "complete_until": min(known) if len(known) == len(sources) else None,
            "stale": bool(silence.silent(sources, self._clock.now())),
            "sources": sources,
            "set_aside": problems.set_aside,
        }
        return CompletenessReport(told, problems)
