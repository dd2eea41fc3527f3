"""The follow-ups with a data problem: a message about their person or record is parked, or their own thread is parked.

Their due dates do not change. The problem is looked up when somebody reads a follow-up. It is not part of the fold,
because the content of a parked message is not known.
"""

from __future__ import annotations

from functools import cached_property

from services.referrals_followup.domain.thread_history import PERSON
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from shared.messaging.parked import ParkedMessages


class DataProblems:
    """The parked work when this object is made: people and records that parked messages name, and parked threads."""

    def __init__(self, evidence: EvidenceStore, parked: ParkedMessages, views: FollowUpViews) -> None:
        self._evidence = evidence
        self._messages = parked
        self._waiting = parked.waiting()
        self._threads = {thread["_id"] for thread in views.parked_threads()}
        self._people: dict[str, bool] = {}

    @property
    def parked(self) -> int:
        """The number of parked messages and threads."""
        return self._waiting + len(self._threads)

    @cached_property
    def _named(self) -> set[str]:
        return self._messages.named() if self._waiting else set()

    @property
    def names(self) -> list[str] | None:
        """What decides which follow-ups have a data problem: the threads and records that parked work names.

        None if it names people. Then the answer also depends on the links of each of them.
        """
        if any(name.startswith(f"{PERSON}/") for name in self._named):
            return None
        return sorted(self._threads | self._named)

    def bear_on(self, thread: str, person: str | None) -> bool:
        """Whether parked work names the thread of a follow-up, or its person by any id that is linked to theirs."""
        if thread in self._threads or thread in self._named:
            return True
        return bool(self._named) and person is not None and self._bear_on_person(person)

    def _bear_on_person(self, person: str) -> bool:
        if person not in self._people:
            ids = {f"person/{person_id}" for person_id in self._evidence.ids_of(person)}
            self._people[person] = not self._named.isdisjoint(ids)
        return self._people[person]
