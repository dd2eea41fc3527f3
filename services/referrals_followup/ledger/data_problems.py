"""Which follow-ups are told with a data problem: something about their person or record is set aside at the moment.

Their clocks run on. The problem is looked up when somebody reads, and is no part of the fold: what is set aside is not
known, only that it is there.
"""

from __future__ import annotations

from functools import cached_property

from services.referrals_followup.domain.follow_up import FollowUp
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from shared.messaging.parked import ParkedMessages


class DataProblems:
    """What is set aside when this is made: the people and records that parked messages name, and parked threads."""

    def __init__(self, evidence: EvidenceStore, parked: ParkedMessages, views: FollowUpViews) -> None:
        self._evidence = evidence
        self._parked = parked
        self._messages = parked.waiting()
        self._threads = {thread["_id"] for thread in views.parked_threads()}
        self._people: dict[str, bool] = {}

    @property
    def set_aside(self) -> int:
        """How many messages and threads are set aside."""
        return self._messages + len(self._threads)

    @cached_property
    def _named(self) -> set[str]:
        return self._parked.named() if self._messages else set()

    def bear_on(self, follow_up: FollowUp) -> bool:
        """Whether what is set aside names the follow-up's thread, or its person by any id that is linked to theirs."""
        if follow_up.thread in self._threads or follow_up.thread in self._named:
            return True
        return bool(self._named) and follow_up.person is not None and self._bear_on_person(follow_up.person)

    def _bear_on_person(self, person: str) -> bool:
        if person not in self._people:
            ids = {f"person/{person_id}" for person_id in self._evidence.ids_of(person)}
            self._people[person] = not self._named.isdisjoint(ids)
        return self._people[person]
