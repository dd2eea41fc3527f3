"""Queries of follow-ups: lists and sums from the views, one follow-up from a fold of its evidence.

Guarantees: a reader learns of no follow-up outside their areas or their disclosure class, not even because a filter
finds it, a sum counts it, a sort places it or a tag changes with it. A question that names a person also gets
signposts: whom to ask about what is withheld of them, each once, whatever else the question asks for. Every answer says
up to when its evidence is complete. That instant is read before anything else, so the answer holds at least what was
known then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from pymongo import ASCENDING, DESCENDING

from services.referrals_followup.api.filters import (
    Criteria,
    disclosed_to,
    is_descending,
    parts_for,
    shown_to,
    sort_of,
)
from services.referrals_followup.api.presenter import LINE, FollowUpPresenter, present_entry, withheld_of
from services.referrals_followup.api.summary import hide_whereabouts
from services.referrals_followup.api.tags import AnswerTags, Prepared
from services.referrals_followup.domain.claims import OPENED, find_claims, is_question_about
from services.referrals_followup.domain.disclosure import (
    Reader,
    find_withheld_of_past,
    is_event_disclosed,
    sees_every_class,
)
from services.referrals_followup.domain.follow_up import OPEN, Acts, FollowUp
from services.referrals_followup.domain.protection import Hidden
from services.referrals_followup.domain.thread_history import Evidence, order_key
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.totals import Grouping, oldest_of
from services.referrals_followup.ledger.view_codec import LINE_OPTIONS, line_of
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.contracts.access import WHEREABOUTS, signposts_to
from shared.events.errors import UnknownStream
from shared.events.pages import decode_cursor, encode_cursor, split_rest
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Invalid, Refused
from shared.kernel.envelope import Event, to_text
from shared.kernel.history import require_area
from shared.kernel.ids import normal_reference
from shared.kernel.time import london_date, span
from shared.runtime.clock import Clock


class FollowUpState(NamedTuple):
    """A follow-up, the acts on it, the events of its own stream, and the open questions about claims to lower it."""

    follow_up: FollowUp
    acts: Acts
    events: Sequence[Event]
    questions: Sequence[FollowUp] = ()


class Opened(NamedTuple):
    """A follow-up, the acts on it, and the event of a source that opened it."""

    follow_up: FollowUp
    acts: Acts
    opening: Event | None


class FollowUpQueries:
    """Finds, lists and sums up follow-ups for an actor."""

    def __init__(
        self,
        store: EventStore,
        views: FollowUpViews,
        evidence: EvidenceStore,
        rules: Rules,
        known: Completeness,
        presenter: FollowUpPresenter,
        tags: AnswerTags,
        clock: Clock,
    ) -> None:
        self._store = store
        self._views = views
        self._evidence = evidence
        self._rules = rules
        self._known = known
        self._presenter = presenter
        self._tags = tags
        self._clock = clock

    def list_page(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        """The page of `prepare_page`."""
        return self.prepare_page(actor, query).make()

    def prepare_page(self, actor: Actor, query: Mapping[str, Any]) -> Prepared:
        """A page of the follow-ups in the actor's areas that are disclosed to the actor.

        Raises Forbidden for another area, Invalid for the cursor of another list.
        """
        now = self._clock.now()
        scope = scope_of(actor, query)
        known = self._known.report()
        last = parse_cursor(query) if "cursor" in query else None
        hidden = self.find_hidden(actor)
        if "person" in query:
            scope["person"] = self._evidence.ids_of(query["person"])

        def find_tag() -> str | None:
            names = known.problems.names
            if names is None:
                return None
            version = self._views.totals.version(areas_of(scope))
            due = self._find_last_due(scope, now) if "overdue_by_days" in scope else None
            today = london_date(now).isoformat()
            return self._tags.make("list", actor, scope, version, known.evidence, names, today, due)

        def make() -> dict[str, Any]:
            found = self._find_page(actor, query, Criteria(scope, now), last, hidden)
            page = found[: query["limit"]]
            following = None
            if len(found) > len(page):
                following = encode_cursor(query["sort"], *(page[-1][key] for key in keys_of(query)))
            items = self._presenter.present(page, now, known.problems, hidden)
            return {
                "items": items,
                "next": following,
                "signposts": self.find_signposts(actor, scope, hidden),
                "as_of": None,
                "evidence": known.evidence,
            }

        if sees_every_class(actor.role) and not hidden:
            return Prepared(find_tag, make)
        return self._tags.of_answer("list", actor, scope, make())

    def find_hidden(self, actor: Actor) -> Hidden:
        """Of whom it is hidden from the actor where they are."""
        return self._evidence.find_protected().find_hidden(actor.role, actor.team, actor.areas)

    def _find_page(
        self, actor: Actor, query: Mapping[str, Any], criteria: Criteria, last: Sequence[Any] | None, hidden: Hidden
    ) -> list[dict[str, Any]]:
        """The views of the page that follows the row `last`, and of the first row of the page after it."""
        documents: list[dict[str, Any]] = []
        views, descending = self._views.collection.with_options(LINE_OPTIONS), is_descending(query)
        shown = shown_to(actor, query, hidden)
        for rest, order in split_rest(last, keys_of(query), descending=descending):
            left = query["limit"] + 1 - len(documents)
            some: list[dict[str, Any]] = []
            for condition, index in parts_for(actor, query) if left else ():
                wanted = {"$and": [criteria.condition(), condition, rest, *shown]}
                found = views.find(wanted, LINE).sort(order).limit(left)
                # Without the hint MongoDB may sort all of a standard, or read every id after the last row.
                some += found.hint(index) if index else found
            some.sort(key=lambda document: [document[key] for key, _ in order], reverse=descending)
            documents += some[:left]
        return [line_of(document) for document in documents]

    def find_signposts(self, actor: Actor, scope: Mapping[str, Any], hidden: Hidden) -> list[str]:
        """Whom to ask about what is withheld of the person in the scope, in its areas; none if it names nobody.

        The other filters do not matter: otherwise a reader could try out what is withheld. Nor does an instant of the
        past, which would tell since when something is.
        """
        if "person" not in scope:
            return []
        more = [] if hidden.people.isdisjoint(scope["person"]) else [WHEREABOUTS]
        if sees_every_class(actor.role):
            return signposts_to(more)
        theirs = {"person": {"$in": sorted(scope["person"])}, "areas": {"$in": list(areas_of(scope))}}
        withheld = self._views.collection.find(
            {**theirs, "$nor": [disclosed_to(actor)]}, {"matters": 1, "acts.given_team": 1}
        )
        return signposts_to([*more, *(one for document in withheld for one in withheld_of(document, actor))])

    def _find_last_due(self, scope: Mapping[str, Any], now: datetime) -> datetime | None:
        """When the last follow-up fell due that is as many days overdue as the scope asks for, by area and state only.

        As long as this instant and the views stay the same, exactly the same follow-ups are.
        """
        criteria = Criteria({name: scope[name] for name in ("area", "state", "overdue_by_days")}, now)
        newest = [("due_at", DESCENDING)]
        found = self._views.collection.find_one(
            criteria.condition(), {"due_at": 1, "_id": 0}, sort=newest, hint="area_due"
        )
        return found["due_at"] if found else None

    def sum_up(self, actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
        """The sums of `prepare_summary`."""
        return self.prepare_summary(actor, query).make()

    def prepare_summary(self, actor: Actor, query: Mapping[str, Any]) -> Prepared:
        """Open follow-ups counted by standard, area and owning team, each with the oldest.

        Only those that are disclosed to the actor are counted. Raises Forbidden.
        """
        now, scope = self._clock.now(), scope_of(actor, query)
        criteria = Criteria({name: value for name, value in scope.items() if name != "area"}, now)
        known, hidden = self._known.report(), self.find_hidden(actor)
        counted = self._views.totals.read(areas_of(scope), now)

        def find_tag() -> str:
            due = self._find_last_due({"area": scope["area"], "state": OPEN, "overdue_by_days": 0}, now)
            return self._tags.make("summary", actor, scope, counted.version, known.evidence, due)

        def standard_of(one: Mapping[str, Any]) -> str | None:
            is_counted = criteria.accept(one) and not withheld_of(one, actor)
            return str(one["standard"]) if is_counted else None

        def make() -> dict[str, Any]:
            key = actor.role, actor.team, tuple(sorted(query.items()))
            rows = self._views.totals.rows(counted, now, Grouping(key, standard_of))
            rows = self._hide_in_rows(rows, actor, query, now, hidden) if hidden else rows
            return {"rows": rows, "evidence": known.evidence}

        if sees_every_class(actor.role) and not hidden:
            return Prepared(find_tag, make)
        return self._tags.of_answer("summary", actor, scope, make())

    def _hide_in_rows(
        self, rows: list[dict[str, Any]], actor: Actor, query: Mapping[str, Any], now: datetime, hidden: Hidden
    ) -> list[dict[str, Any]]:
        """The rows of the summary without what tells where protected people are."""
        views = self._views.collection
        criteria = Criteria({"state": OPEN, **scope_of(actor, query)}, now)
        disclosed = {"$and": [criteria.condition(), disclosed_to(actor)]}
        of_hidden = {"$and": [disclosed, hidden.of_follow_ups()]}

        def find_oldest(key: tuple[str, str | None, str | None]) -> dict[str, Any] | None:
            of_row = dict(zip(("standard", "area", "owner_team"), key, strict=True))
            others = {"$and": [disclosed, of_row, {"$nor": [hidden.of_follow_ups()]}]}
            found = views.find_one(others, sort=[("due_at", ASCENDING), ("_id", ASCENDING)])
            return oldest_of(found) if found else None

        shown = {"$and": [of_hidden, *shown_to(actor, query, hidden)]}
        return hide_whereabouts(rows, views.find(of_hidden), views.find(shown), find_oldest, now, actor.team)

    def read(
        self, actor: Actor, name: str, query: Mapping[str, Any]
    ) -> tuple[dict[str, Any], int | None, list[str], Opened]:
        """Everything about one follow-up that the actor may see, its version (None as of the past) and its people.

        Last comes what it was made from.

        Raises what `find` raises, and Invalid for an instant in the future.
        """
        as_of = parse_as_of(query, self._clock.now())
        known = self._known.report()
        found = self.find(actor, name, as_of)
        follow_up, acts, events = found[:3]
        hidden = self.find_hidden(actor)
        evidence = self._read_evidence(follow_up.thread, as_of)
        opening, closing = self._find_ends(found, evidence)
        if closing and actor.team != acts.given_team and not is_event_disclosed(closing, actor.role, actor.team):
            closing, follow_up = None, replace(follow_up, closed_actor=None, closed_reason=None)
        body = {
            **self._presenter.present_in_full(follow_up, acts, as_of or self._clock.now(), known.problems, hidden),
            "version": len(events),
            "history": self._history(found, opening, closing, hidden),
            "claims": [
                self._presenter.present_claim(claim, would, hidden)
                for claim, would in _find_claims(found, evidence)
                if is_event_disclosed(claim, actor.role, actor.team) and not hidden.withholds_entry(claim)
            ],
            "as_of": as_of,
            "evidence": known.evidence,
        }
        subjects = [follow_up.person] if follow_up.person else []
        return body, None if as_of else len(events), subjects, Opened(follow_up, acts, opening)

    def find(self, actor: Actor, name: str, as_of: datetime | None = None) -> FollowUpState:
        """The follow-up with this id or reference, folded afresh. With `as_of` (UTC), as it stood then.

        What holds at present decides whether the actor may see it. Raises UnknownStream when there is none, was none
        then, or it is withheld; Refused when several that the actor may see share the reference.
        """
        follow_up_id = self._id_of(actor, name)
        events = self._store.load(f"follow-up/{follow_up_id}")
        # Without a view, as during a rebuild, its own events name its thread.
        thread = self._views.thread_of(follow_up_id) or (events[0].data["thread"] if events else None)
        now = self._views.fold_all({thread: events}) if thread else {}
        current = now.get(follow_up_id)
        if thread is None or current is None:
            raise UnknownStream("there is no such follow-up")
        then = now if as_of is None else self._views.fold_all({thread: events}, as_of)
        past = then.get(follow_up_id)
        reader = Reader(actor.role, actor.team, frozenset(actor.areas), self.find_hidden(actor))
        if past is None or find_withheld_of_past(past[0], current, reader):
            raise UnknownStream("there is no such follow-up")
        questions = [one for one, _ in then.values() if is_question_about(past[0], one) and one.state == OPEN]
        known = [event for event in events if as_of is None or event.recorded_at <= as_of]
        return FollowUpState(*past, known, questions)

    def find_person(self, actor: Actor, name: str) -> str | None:
        """The person whom this follow-up is about; None if there is no follow-up that the actor may see."""
        try:
            return self.find(actor, name).follow_up.person
        except UnknownStream:
            return None

    def _id_of(self, actor: Actor, name: str) -> str:
        try:
            reference = normal_reference(name)
        except ValueError:
            return name
        mine = {"reference": reference, "areas": {"$in": list(actor.areas)}, **disclosed_to(actor)}
        shown = shown_to(actor, {}, self.find_hidden(actor))
        own = list(self._views.collection.find({"$and": [mine, *shown]}, {"_id": 1}))
        if len(own) > 1:
            raise Refused("ambiguous-reference", f"several follow-ups share {reference}; ask for one by its id")
        return own[0]["_id"] if own else reference

    def _read_evidence(self, thread: str, as_of: datetime | None) -> list[Evidence]:
        """The evidence of the thread; with `as_of` (UTC), as recorded by then."""
        read = self._evidence.read_threads([thread], self._rules.history().relevant)[thread]
        return [item for item in read if as_of is None or item.event.recorded_at <= as_of]

    def _find_ends(self, found: FollowUpState, evidence: Iterable[Evidence]) -> list[Event | None]:
        """The event that opened it and the one that closed it, if these are events of a source."""
        events = {item.event.id: item.event for item in evidence}
        own_ids = {event.id for event in found.events}
        ends = (found.follow_up.opened_by, found.follow_up.closed_by)
        return [events.get(event_id) if event_id and event_id not in own_ids else None for event_id in ends]

    def _history(
        self, found: FollowUpState, opening: Event | None, closing: Event | None, hidden: Hidden
    ) -> list[dict[str, Any]]:
        """What opened it, the acts on it and what closed it."""
        follow_up = found.follow_up
        notes = self._store.private_of(f"follow-up/{follow_up.id}")
        of_hidden = hidden if hidden.covers(follow_up.person, follow_up.thread) else None
        events = (*filter(None, (opening,)), *found.events, *filter(None, (closing,)))
        return [present_entry(event, notes.get(event.id, {}), of_hidden) for event in events]


def _find_claims(found: FollowUpState, evidence: Collection[Evidence]) -> Iterator[tuple[Event, str]]:
    """Each claim that bears on the follow-up and waits for an answer, and what it would do or did to it."""
    waiting = find_claims(found.follow_up.thread, evidence)
    events = {item.event.id: item.event for item in evidence if item.event.id in waiting}
    own = found.follow_up.why.get("would") or OPENED
    bearing = {found.follow_up.opened_by: own, **{one.opened_by: one.why["would"] for one in found.questions}}
    for event_id in sorted(bearing.keys() & events.keys(), key=lambda one: order_key(events[one])):
        yield events[event_id], bearing[event_id]


def scope_of(actor: Actor, query: Mapping[str, Any]) -> dict[str, Any]:
    """The query within the actor's areas. Raises Forbidden for an area where they may not act."""
    if "area" in query:
        require_area(actor, query["area"])
    return {"area": tuple(actor.areas), **query}


def areas_of(scope: Mapping[str, Any]) -> tuple[str, ...]:
    """The areas of a scope."""
    return (scope["area"],) if isinstance(scope["area"], str) else tuple(scope["area"])


def parse_as_of(query: Mapping[str, Any], now: datetime) -> datetime | None:
    """The instant (UTC) that a query asks about, None for the present. Raises Invalid for one in the future.

    The end of today is the present.
    """
    as_of: datetime | None = query.get("as_of")
    if as_of == span(now, "day")[1]:
        return None
    if as_of is not None and as_of > now:
        fields = {"as_of": [f"lies in the future: it is {to_text(now)} here"]}
        raise Invalid("in-the-future", "nothing is known yet of what lies ahead", fields=fields)
    return as_of


def order_of(query: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields of a follow-up that the list is sorted by, last its id."""
    return (*sort_of(query).fields, "id")


def keys_of(query: Mapping[str, Any]) -> list[str]:
    """The fields of a view that the list is sorted by, last its id."""
    return ["_id" if name == "id" else name for name in order_of(query)]


def parse_cursor(query: Mapping[str, Any]) -> tuple[Any, ...]:
    """What the last row of the page before has in each field of the order. Raises Invalid for another list's cursor."""
    kinds = [datetime if name.endswith("_at") else str for name in order_of(query)]
    of_sort, *last = decode_cursor(query["cursor"], (str, *kinds))
    if of_sort != query["sort"]:
        message = f"belongs to a list sorted by {of_sort}; begin again without it"
        raise Invalid("bad-cursor", "the cursor is not one of this list", fields={"cursor": [message]})
    return tuple(last)
