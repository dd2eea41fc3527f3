"""Follow-ups as they stood at an instant, folded from the evidence for each question.

Guarantees: the answer is exact (`domain/as_of.py`), and a reader learns no more than from the list of the present. The
cost grows with the history of the person or team in question and with nobody else's. Threads are read and folded in
chunks, so that other requests are answered in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from services.referrals_followup.api.filters import Criteria, is_descending, tells_content
from services.referrals_followup.api.presenter import FollowUpPresenter
from services.referrals_followup.api.queries import order_of, parse_as_of, parse_cursor, scope_of
from services.referrals_followup.domain.as_of import AsOf
from services.referrals_followup.domain.disclosure import is_disclosed
from services.referrals_followup.domain.follow_up import Acts, FollowUp
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.view_codec import document_of
from services.referrals_followup.ledger.views import THREADS_AT_A_TIME
from services.referrals_followup.standards.rules import Rules
from shared.events.pages import encode_cursor
from shared.kernel.chunks import chunks
from shared.kernel.decisions import Actor
from shared.runtime.clock import Clock
from shared.runtime.observability import get_logger

log = get_logger()

Pair = tuple[FollowUp, Acts]


class PastThreads:
    """Threads as they stood at an instant (UTC). `left_out` counts those that could not be folded."""

    def __init__(self, evidence: EvidenceStore, rules: RulesHistory, at: datetime) -> None:
        self.as_of = AsOf.of(rules, at)
        self.left_out = 0
        self._matters = rules.relevant
        self._evidence = evidence

    def fold(self, threads: Iterable[str]) -> Iterator[Pair]:
        """The follow-ups of these threads, each with the acts on it by then."""
        for some in chunks(threads, THREADS_AT_A_TIME):
            for thread, evidence in self._evidence.read_threads(some, self._matters).items():
                yield from self._fold_thread(thread, evidence)

    def _fold_thread(self, thread: str, evidence: list[Evidence]) -> tuple[Pair, ...]:
        try:
            return self.as_of.follow_ups(thread, evidence)
        except Exception as error:
            log.error("thread_left_out", thread=thread, reason=f"fold raised {type(error).__name__}")
            self.left_out += 1
            return ()


class PastFollowUps:
    """Lists the follow-ups of one person or one team as they stood."""

    def __init__(
        self,
        evidence: EvidenceStore,
        rules: Rules,
        known: Completeness,
        presenter: FollowUpPresenter,
        clock: Clock,
    ) -> None:
        self._evidence = evidence
        self._rules = rules
        self._known = known
        self._presenter = presenter
        self._clock = clock

    def list_page(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the list as of the instant, with the filters and sorts of `FollowUpQueries.list_page`.

        Raises Forbidden for another area, Invalid for an instant in the future or the cursor of another list.
        """
        now = self._clock.now()
        at = parse_as_of(query, now) or now
        scope = scope_of(actor, query)
        known = self._known.report()
        people = self._evidence.ids_of(query["person"], at) if "person" in query else None
        if people is not None:
            scope["person"] = people
        criteria, only_disclosed = Criteria(scope, at), tells_content(query)
        rules = self._rules.history()
        past = PastThreads(self._evidence, rules, at)
        threads = self._threads(people, query, at, rules.thread_kinds())
        found = [
            (follow_up, acts)
            for follow_up, acts in past.fold(sorted(threads))
            if criteria.accept(document_of(follow_up, acts, None))
            and (not only_disclosed or is_disclosed(follow_up, acts, actor.role, actor.team))
        ]
        names, descending = order_of(query), is_descending(query)

        def place(pair: Pair) -> tuple[Any, ...]:
            return tuple(getattr(pair[0], name) for name in names)

        found.sort(key=place, reverse=descending)
        if "cursor" in query:
            last = parse_cursor(query)
            found = [pair for pair in found if (place(pair) < last if descending else place(pair) > last)]
        page = found[: query["limit"]]
        views = [document_of(follow_up, acts, None) for follow_up, acts in page]
        return {
            "items": self._presenter.present(actor, views, at, known.problems),
            "next": encode_cursor(query["sort"], *place(page[-1])) if len(found) > len(page) else None,
            "as_of": at,
            "left_out": past.left_out,
            "evidence": known.evidence,
        }

    def _threads(
        self, people: Collection[str] | None, query: Mapping[str, Any], at: datetime, kinds: Collection[str]
    ) -> set[str]:
        if people is not None:
            return self._evidence.threads_of(people, kinds)
        return self._evidence.threads_of_team(query["team"], kinds, at)
