"""Follow-ups as they stood at an instant, folded from the evidence whenever somebody asks.

Guarantees: what is answered is exact (`domain/as_of.py`); nobody is told more than the lists of today would tell them.
Cost grows with the history of the person or the team that is asked about, never with everybody's; chunks of it are read
and folded in turn, so that other requests are answered in between.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from services.referrals_followup.api import queries
from services.referrals_followup.api.schemas import ANY
from services.referrals_followup.domain.as_of import AsOf
from services.referrals_followup.domain.disclosure import is_disclosed
from services.referrals_followup.domain.follow_up import Acts, FollowUp, owner_of
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger.views import THREADS_AT_A_TIME, chunks
from shared.events.errors import UnknownStream
from shared.kernel.decisions import Actor, Invalid
from shared.kernel.envelope import Event
from shared.kernel.history import require_area
from shared.runtime.observability import get_logger
from shared.web.pages import encode_cursor

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies

log = get_logger()

Pair = tuple[FollowUp, Acts]


def asked(dependencies: Dependencies, query: Mapping[str, Any]) -> datetime | None:
    """The instant (UTC) that a query asks about, None for now. Refuses, as invalid, one that lies ahead."""
    at: datetime | None = query.get("as_of")
    if at is not None and at > dependencies.clock.now():
        fields = {"as_of": ["lies in the future"]}
        raise Invalid("in-the-future", "nothing is known yet of what lies ahead", fields=fields)
    return at


class Past:
    """Threads as they stood at an instant. `left_out` counts those that could not be folded: one stops no others."""

    def __init__(self, dependencies: Dependencies, at: datetime) -> None:
        history = dependencies.rules.history()
        self.then = AsOf.of(history, at)
        self._matters = history.relevant
        self.left_out = 0
        self._evidence = dependencies.evidence

    def of_threads(self, threads: Iterable[str]) -> Iterator[Pair]:
        """The follow-ups about these threads, with what had been done about each."""
        for some in chunks(threads, THREADS_AT_A_TIME):
            for thread, evidence in self._evidence.scenes(some, self._matters).items():
                yield from self._of_thread(thread, evidence)

    def _of_thread(self, thread: str, evidence: list[Evidence]) -> tuple[Pair, ...]:
        try:
            return self.then.follow_ups(thread, evidence)
        except Exception as error:
            log.error("thread_left_out", thread=thread, reason=f"fold raised {type(error).__name__}")
            self.left_out += 1
            return ()


def listed(dependencies: Dependencies, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """A page of the follow-ups of one person or one team as they stood. Narrowed and sorted as `queries.listed` does.

    Raises Forbidden for another area, Invalid for an instant that lies ahead or a foreign cursor.
    """
    at = asked(dependencies, query) or dependencies.clock.now()
    if "area" in query:
        require_area(actor, query["area"])
    known = dependencies.known.so_far()
    people = dependencies.evidence.ids_of(query["person"], at) if "person" in query else None
    areas = {query["area"]} if "area" in query else set(actor.areas)
    past = Past(dependencies, at)
    found = [
        (follow_up, acts)
        for follow_up, acts in past.of_threads(sorted(_threads(dependencies, people, query, at)))
        if areas.intersection(follow_up.areas)
        and (people is None or follow_up.person in people)
        and (not queries.asks_for_content(query) or is_disclosed(follow_up, acts, actor.role, actor.team))
        and _is_wanted(follow_up, acts, query, at)
    ]
    names, descending = queries.order_of(query), query["sort"].startswith("-")

    def place(pair: Pair) -> tuple[Any, ...]:
        return tuple(getattr(pair[0], name) for name in names)

    found.sort(key=place, reverse=descending)
    if "cursor" in query:
        last = queries.last_shown(query)
        found = [pair for pair in found if (place(pair) < last if descending else place(pair) > last)]
    page = found[: query["limit"]]
    return {
        "items": [queries.shown(dependencies, actor, follow_up, acts, at, known.problems) for follow_up, acts in page],
        "next": encode_cursor(query["sort"], *place(page[-1])) if len(found) > len(page) else None,
        "as_of": at,
        "left_out": past.left_out,
        "evidence": known.told,
    }


def _threads(
    dependencies: Dependencies, people: Collection[str] | None, query: Mapping[str, Any], at: datetime
) -> set[str]:
    kinds = dependencies.rules.history().thread_kinds()
    if people is not None:
        return dependencies.evidence.threads_of(people, kinds)
    return dependencies.evidence.threads_of_team(query["team"], kinds, at)


def _is_wanted(follow_up: FollowUp, acts: Acts, query: Mapping[str, Any], at: datetime) -> bool:
    """Whether it is one that the query asks for, area and person apart."""
    owner = owner_of(follow_up, acts)
    is_so = {"team": owner.team, "owner": owner.person}
    is_so |= {name: getattr(follow_up, name) for name in ("standard", "step", "inherited")}
    if "overdue_by_days" in query and follow_up.due_at > at - timedelta(days=query["overdue_by_days"]):
        return False
    return query["state"] in (ANY, follow_up.state) and all(
        query[name] == value for name, value in is_so.items() if name in query
    )


def read(
    dependencies: Dependencies, actor: Actor, said: str, query: Mapping[str, Any]
) -> tuple[dict[str, Any], int | None, list[str]]:
    """Everything about one follow-up, now or as it stood; its version, if it is as of now; and whom it is about.

    Raises what `found` raises, and Invalid for an instant that lies ahead.
    """
    at = asked(dependencies, query)
    known = dependencies.known.so_far()
    follow_up, acts, own = found(dependencies, actor, said, at)
    body = queries.detailed(dependencies, actor, follow_up, acts, own, known, at)
    return body, None if at else len(own), [follow_up.person] if follow_up.person else []


def found(
    dependencies: Dependencies, actor: Actor, said: str, at: datetime | None
) -> tuple[FollowUp, Acts, list[Event]]:
    """What `queries.found` finds, as it stood at an instant (UTC) when one is given.

    Whether the actor may see it is decided by how it stands now. Raises UnknownStream when there was none then.
    """
    follow_up, acts, own = queries.found(dependencies, actor, said)
    if at is None:
        return follow_up, acts, own
    stood = dependencies.views.current(follow_up.id, follow_up.thread, own, at)
    if stood is None:
        raise UnknownStream("there was no such follow-up then")
    return *stood, [event for event in own if event.recorded_at <= at]
