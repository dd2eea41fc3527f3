"""What was known at an instant: the evidence recorded by then, under the rules adopted by then.

Guarantees: nothing that is recorded later changes the answer, not even a retraction. As of now, it is what lists show.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from services.referrals_followup.domain.follow_up import Acts, FollowUp, acts_of
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import NATIONAL, RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from shared.kernel.envelope import Event


@dataclass(frozen=True, slots=True)
class AsOf:
    """One instant (UTC) and the rules adopted by then. Make it with `of`."""

    at: datetime
    rules: RulesHistory

    @classmethod
    def of(cls, rules: RulesHistory, at: datetime) -> AsOf:
        return cls(at, adopted_by(rules, at))

    def known(self, evidence: Iterable[Evidence]) -> list[Evidence]:
        """What was recorded by then, whenever it happened."""
        return [item for item in evidence if item.event.recorded_at <= self.at]

    def follow_ups(self, thread: str, evidence: Iterable[Evidence]) -> tuple[tuple[FollowUp, Acts], ...]:
        """The follow-ups of the thread as they stood then, each with the acts on it by then."""
        known = self.known(evidence)
        return with_acts(fold(self.rules, thread, known), known)


def adopted_by(rules: RulesHistory, at: datetime) -> RulesHistory:
    """The adoptions by then. The first national pack also holds before its adoption, as it does in every fold."""
    known = sum(adoption.at <= at for adoption in rules.adoptions)
    first = next((number for number, adoption in enumerate(rules.adoptions, 1) if adoption.pack == NATIONAL), 0)
    known = max(known, first)
    return rules if known == rules.number else RulesHistory(rules.adoptions[:known])


def with_acts(follow_ups: Iterable[FollowUp], evidence: Iterable[Evidence]) -> tuple[tuple[FollowUp, Acts], ...]:
    """Each follow-up with the acts on it, folded from the events of its own stream among the evidence."""
    own: dict[str, list[Event]] = {}
    for item in evidence:
        if item.event.stream.startswith("follow-up/"):
            own.setdefault(item.event.stream.partition("/")[2], []).append(item.event)
    return tuple((follow_up, acts_of(own.get(follow_up.id, ()))) for follow_up in follow_ups)
