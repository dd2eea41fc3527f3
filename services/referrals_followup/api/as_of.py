"""Follow-ups as they stood at an instant, folded from the evidence for each question.

Guarantees: the answer is exact (`domain/as_of.py`), and what holds today decides what a reader may see of it. The cost
grows with the history of the person or team in question and with nobody else's. Threads are read and folded in chunks,
so that other requests are answered in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.referrals_followup.api.filters import Criteria, asks_for_whereabouts, is_descending
from services.referrals_followup.api.presenter import FollowUpPresenter
from services.referrals_followup.api.queries import FollowUpQueries, order_of, parse_as_of, parse_cursor, scope_of
from services.referrals_followup.domain.as_of import AsOf
from services.referrals_followup.domain.disclosure import Pair, Reader, find_withheld_of_past, is_event_disclosed
from services.referrals_followup.domain.follow_up import Acts, FollowUp, owner_of
from services.referrals_followup.domain.protection import Hidden
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
from shared.kernel.envelope import Event
from shared.runtime.clock import Clock
from shared.runtime.observability import get_logger

log = get_logger()


@dataclass(frozen=True, slots=True)
class PastFollowUp:
    """A follow-up as it stood at an instant, with the acts on it by then, and as it stands today, if it still does."""

    then: FollowUp
    acts: Acts
    today: Pair | None

    def find_withheld(self, reader: Reader) -> frozenset[str]:
        """The disclosure classes that are withheld from this reader by what holds today."""
        return find_withheld_of_past(self.then, self.today, reader)

    def is_shown_where(self, hidden: Hidden) -> bool:
        """Whether its area, team and worker are not hidden."""
        is_own = owner_of(self.then, self.acts).team == hidden.team
        return is_own or not hidden.covers(self.then.person, self.then.thread)


class PastThreads:
    """Threads as they stood at an instant and as they stand `now` (both UTC).

    `left_out` counts the threads that could not be folded and of which the reader may see something. `today` has the
    follow-ups of the folded threads as they stand.
    """

    def __init__(
        self, evidence: EvidenceStore, rules: RulesHistory, at: datetime, now: datetime, reader: Reader
    ) -> None:
        self.as_of, self._now = AsOf.of(rules, at), AsOf.of(rules, now)
        self.today: list[Pair] = []
        self.left_out = 0
        self._matters = rules.relevant
        self._evidence = evidence
        self._reader = reader

    def fold(self, threads: Iterable[str]) -> Iterator[PastFollowUp]:
        """The follow-ups of these threads."""
        for some in chunks(threads, THREADS_AT_A_TIME):
            for thread, evidence in self._evidence.read_threads(some, self._matters).items():
                yield from self._fold_thread(thread, evidence)

    def _fold_thread(self, thread: str, evidence: list[Evidence]) -> Iterable[PastFollowUp]:
        try:
            then = self.as_of.follow_ups(thread, evidence)
            today = then if self._now == self.as_of else self._now.follow_ups(thread, evidence)
        except Exception as error:
            log.error("thread_left_out", thread=thread, reason=f"fold raised {type(error).__name__}")
            self.left_out += any(self._may_see(item.event) for item in evidence if thread in item.refs)
            return ()
        self.today += today
        known = {pair[0].id: pair for pair in today}
        return [PastFollowUp(follow_up, acts, known.get(follow_up.id)) for follow_up, acts in then]

    def _may_see(self, event: Event) -> bool:
        return event.area in self._reader.areas and is_event_disclosed(event, self._reader.role, self._reader.team)


class PastFollowUps:
    """Lists the follow-ups of one person or one team as they stood."""

    def __init__(
        self,
        evidence: EvidenceStore,
        rules: Rules,
        known: Completeness,
        presenter: FollowUpPresenter,
        queries: FollowUpQueries,
        clock: Clock,
    ) -> None:
        self._evidence = evidence
        self._rules = rules
        self._known = known
        self._presenter = presenter
        self._queries = queries
        self._clock = clock

    def list_page(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        """A page of the list as of the instant, with the filters and sorts of `FollowUpQueries.list_page`.

        Raises Forbidden for another area, Invalid for an instant in the future or the cursor of another list.
        """
        now = self._clock.now()
        at = parse_as_of(query, now) or now
        scope = scope_of(actor, query)
        known = self._known.report()
        today, people = dict(scope), None
        if "person" in query:
            scope["person"] = people = self._evidence.ids_of(query["person"], at)
            today["person"] = self._evidence.ids_of(query["person"])
        criteria, rules = Criteria(scope, at), self._rules.history()
        hidden = self._evidence.find_protected().find_hidden(actor.role, actor.team, actor.areas)
        reader = Reader(actor.role, actor.team, frozenset(actor.areas), hidden)
        asks_where = asks_for_whereabouts(actor, query)
        past = PastThreads(self._evidence, rules, at, now, reader)
        threads = self._threads(people, query, at, rules.thread_kinds())
        found = [
            (one.then, one.acts)
            for one in past.fold(sorted(threads))
            if criteria.accept(document_of(one.then, one.acts, None)) and not one.find_withheld(reader)
            if not asks_where or one.is_shown_where(hidden)
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
            "items": self._presenter.present(views, at, known.problems, hidden),
            "next": encode_cursor(query["sort"], *place(page[-1])) if len(found) > len(page) else None,
            "signposts": self._queries.find_signposts(actor, today, hidden),
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
