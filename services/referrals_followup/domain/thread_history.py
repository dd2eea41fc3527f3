"""The history of one thread: its own events, and the events about the people whom they name.

Two ids that a standing link joins are one person here. The events keep the ids they were recorded with.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from shared.contracts.agreed import may_answer
from shared.contracts.words import LOSSES
from shared.kernel.decisions import ABOUT_AN_ENTRY, CLAIM_CONFIRMED, CLAIM_REJECTED, LEAVES_OUT
from shared.kernel.envelope import Event
from shared.kernel.gestation import TERM, gestation_on
from shared.kernel.time import last_moment, london_date, plus_months, span

LINKED, UNLINKED = "person.linked.v1", "person.unlinked.v1"
MOVED = "household.moved.v1"
BOOKED = ("pregnancy.booked.v1", "pregnancy.notified.v1")
EDD_SAID = (*BOOKED, "pregnancy.edd_corrected.v1")
PREGNANCY_ENDED, JOINED = "pregnancy.ended.v1", "pregnancy.joined.v1"
BIRTHS = ("birth", "stillbirth")
DIED = "person.died.v1"
PARTNER_NAMED = "pregnancy.partner_named.v1"
# The leaving-care service records a loss under this type when it learns of one.
PARENTHOOD_LOST = "parenthood.lost.v1"
LIVES = ("person", "care-leaver", "pregnancy")
# A pregnancy without a recorded end counts as going on until this long after the expected date. Without that date, the
# first entry counts as its first day.
_OVERDUE = timedelta(weeks=6)
# Nobody notices a pregnancy before its fourth week, counted from its first day as weeks of pregnancy are.
_NOTICED = timedelta(weeks=4)
PERSON, PREGNANCY, ACTION = "person", "pregnancy", "action"
# Events about a child that bear on the pregnancies of the child's parents.
OF_SIBLINGS = ("case.opened.v1", "injury.decided.v1")
# What shows who has died in a family, and who belongs to it.
OF_FAMILIES = (DIED, PREGNANCY_ENDED)
# What says who holds a case, and that it closed.
HOLDER_ENDED = "case.holder_ended.v1"
HOLDING = ("case.holder_named.v1", "case.taken_on.v1", HOLDER_ENDED)
CASE_CLOSED = ("case.closed.v1", "case.closed.v2")
# What is counted, decided and reviewed over the people of one household.
OF_HOUSEHOLD = (
    *("contact.received.v1", "contact.decided.v1", "concern.raised.v1", "injury.reported.v1", "harm.alleged.v1"),
    *("consultation.held.v1", "consultation.linked.v1", "consultation.referred.v1", *CASE_CLOSED),
    *("accumulation.lead_named.v1", "accumulation.reviewed.v1", "contacts.reviewed.v1"),
    *("closing.reread.v1", "closings.reviewed.v1"),
)
# What shows who belongs to one household, beside the births.
_LIVE_TOGETHER = ("case.opened.v1", "household.adult_joined.v1", "household.moved.v1")
# Events that bear on every thread about the people whom they name, whatever the standards read.
BEARS_ON_ALL = frozenset(
    {
        LINKED,
        UNLINKED,
        *ABOUT_AN_ENTRY,
        MOVED,
        *EDD_SAID,
        PREGNANCY_ENDED,
        JOINED,
        DIED,
        PARENTHOOD_LOST,
        *HOLDING,
        *CASE_CLOSED,
    }
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event of any service, and everything that it names as `<kind>/<id>`."""

    event: Event
    refs: frozenset[str]


def order_key(event: Event) -> tuple[Any, ...]:
    """The order in which events happened: the same for every worker, whatever order they arrive in."""
    return (event.occurred_at, event.recorded_at, event.stream, event.version, event.id)


def last_moment_of(event: Event) -> datetime:
    """The last instant at which the event can have happened. Clocks count from it."""
    return last_moment(event.occurred_at, event.precision, event.recorded_at)


def happened_before(event: Event, opening: Event) -> bool:
    """Whether the event was over before the opening began.

    On the stream of a process, such as a referral, the order of recording decides, unless the event recorded first is
    dated later than the opening: the opening was recorded late, and what was done since answers it. On the stream of a
    life, where many things go on at once, only the time decides.
    """
    earliest, latest = span(event.occurred_at, event.precision)[0], last_moment_of(event)
    opened_from, opened_until = span(opening.occurred_at, opening.precision)[0], last_moment_of(opening)
    if event.stream == opening.stream and event.stream.partition("/")[0] not in LIVES:
        return event.version < opening.version and earliest <= opened_until
    return latest < opened_from


def came_first(event: Event, other: Event) -> bool:
    """Whether the event came before the other one; if either order is possible, by the order of events."""
    if happened_before(event, other):
        return True
    return order_key(event) < order_key(other) and not happened_before(other, event)


class ThreadHistory:
    """The history of one thread, in the order in which events happened.

    `everything` is all that bears on the thread. `own` are the events that name it, `facts` all events but people's
    acts on follow-ups, `standing` all that were not retracted. `ever` also holds facts about people whom no link joins
    any longer. `own_ids` are the ids of the thread's own events and, for a person, of those under their other ids.
    For a pregnancy `of_siblings` are the ids of the events that are here only because of an older child. For a person
    `household` are they themselves and those who live or lived with them, as far as records show. `claims` are
    the ids of the events that lack standing here: they raise and lower nothing. The deaths and births of the families
    of its people are known too, and are among none of these.
    """

    def __init__(self, thread: str, evidence: Iterable[Evidence], claims: Collection[str] = ()) -> None:
        known = {item.event.id: item for item in evidence}
        ordered = sorted(known.values(), key=lambda item: order_key(item.event))
        self.thread = thread
        self.claims = claims
        self._evidence = ordered
        self._as_known: dict[datetime, ThreadHistory] = {}
        self.kind, _, self.thread_id = thread.partition("/")
        self._retractions: dict[str, list[Event]] = {}
        for item in ordered:
            if item.event.type in LEAVES_OUT:
                self._retractions.setdefault(item.event.data["event_id"], []).append(item.event)
        self._canonical = _link_ids(
            (item.event for item in ordered if not self._is_retracted(item.event)), (item.event for item in ordered)
        )
        own = [item for item in ordered if thread in item.refs]
        people = {self.person(ref) for item in own for ref in _people(item.refs)}
        about_people = {
            item.event.id for item in ordered if thread in item.refs or not people.isdisjoint(self._persons(item.refs))
        }
        siblings = self._children_of(people, ordered) if self.kind == PREGNANCY else frozenset()
        self.household = self._find_household(ordered)
        self.of_siblings = frozenset(
            item.event.id
            for item in ordered
            if item.event.type in OF_SIBLINGS and not siblings.isdisjoint(self._persons(item.refs))
        ).difference(about_people)
        of_household = {
            item.event.id
            for item in ordered
            if item.event.type in OF_HOUSEHOLD and not self.household.isdisjoint(self._persons(item.refs))
        }
        here = about_people | self.of_siblings | of_household
        items = [item for item in ordered if item.event.id in here]
        self.everything = tuple(item.event for item in items)
        self.facts = tuple(event for event in self.everything if not is_act(event))
        self.ever = tuple(item.event for item in ordered if not is_act(item.event))
        self.own = tuple(item.event for item in own if not is_act(item.event))
        self.acts = tuple(item.event for item in own if is_act(item.event))
        self.acted_on = frozenset(event.data["follow_up_id"] for event in self.acts)
        self.standing = tuple(event for event in self.everything if not self._is_retracted(event))
        mine = {item.event.id for item in items if thread in item.refs or self._is_mine_under_another_id(item.refs)}
        self.own_ids = frozenset(mine)
        of_families = [item.event for item in ordered if item.event.type in OF_FAMILIES]
        of_families = [event for event in of_families if event.id not in claims and not self._is_retracted(event)]
        self._deaths = tuple(event for event in of_families if event.type == DIED)
        self._births = tuple(event for event in of_families if event.type == PREGNANCY_ENDED)
        self._areas: dict[str, str] = {}
        self._standing_of: dict[tuple[str, ...], tuple[Event, ...]] = {}

    def _children_of(self, people: Collection[str], evidence: Iterable[Evidence]) -> frozenset[str]:
        births = (item.event for item in evidence if item.event.type == PREGNANCY_ENDED)
        return frozenset(
            self.person(child)
            for birth in births
            if not self._is_retracted(birth) and not self._parents_in(birth).isdisjoint(people)
            for child in birth.data["children"]
        )

    def _find_household(self, evidence: Iterable[Evidence]) -> frozenset[str]:
        """The person of the thread, their parents, children, brothers and sisters, and those whom records join."""
        if self.kind != PERSON:
            return frozenset()
        standing = [item.event for item in evidence if not self._is_retracted(item.event)]
        me = self.person(self.thread_id)
        births = [event for event in standing if event.type == PREGNANCY_ENDED]
        parents = {me}.union(*(self._parents_in(birth) for birth in births if me in self._children_in(birth)))
        of_them = (self._children_in(birth) for birth in births if not parents.isdisjoint(self._parents_in(birth)))
        found = parents.union(*of_them)
        for event in standing:
            if event.type in _LIVE_TOGETHER:
                named = (event.subject, event.data.get("adult_id"), *event.data.get("children", ()))
                people = {self.person(str(one)) for one in (*named, *event.data.get("people", ())) if one}
                found |= people if me in people else set()
        return frozenset(found - {""})

    def _parents_in(self, birth: Event) -> set[str]:
        return {self.person(one) for one in (birth.subject or "", *birth.data["parents"])}

    def _children_in(self, birth: Event) -> set[str]:
        return {self.person(one) for one in birth.data["children"]}

    def _is_mine_under_another_id(self, refs: Iterable[str]) -> bool:
        return self.kind == PERSON and self.person(self.thread_id) in self._persons(refs)

    def _persons(self, refs: Iterable[str]) -> Iterator[str]:
        return (self.person(ref) for ref in _people(refs))

    def _is_retracted(self, event: Event) -> bool:
        return self.retraction_of(event) is not None

    def retraction_of(self, event: Event) -> Event | None:
        """The event that retracted this one or rejected this claim, if any; only an event of the same stream can."""
        return next((found for found in self._retractions.get(event.id, ()) if self._may_retract(found, event)), None)

    def _may_retract(self, found: Event, event: Event) -> bool:
        if found.stream != event.stream:
            return False
        if found.type == CLAIM_REJECTED:
            return event.is_claim and not found.is_claim and may_answer(event, found)
        return found.id not in self.claims or (found.team == event.team and event.id in self.claims)

    @cached_property
    def _by_type(self) -> Mapping[str, list[Event]]:
        found: dict[str, list[Event]] = {}
        for event in self.standing:
            found.setdefault(event.type, []).append(event)
        return found

    def standing_of(self, *types: str) -> tuple[Event, ...]:
        """The standing events of these types, in order. Each combination of types is sorted once."""
        if types not in self._standing_of:
            found = [event for event_type in dict.fromkeys(types) for event in self._by_type.get(event_type, ())]
            self._standing_of[types] = tuple(found if len(types) == 1 else sorted(found, key=order_key))
        return self._standing_of[types]

    @cached_property
    def retractions(self) -> list[Event]:
        """The retractions of events known here, in order."""
        found = (self.retraction_of(event) for event in self.everything)
        return sorted((retraction for retraction in found if retraction), key=order_key)

    def as_known(self, at: datetime) -> ThreadHistory:
        """The history as it was recorded by this instant (UTC)."""
        if at not in self._as_known:
            known = [item for item in self._evidence if item.event.recorded_at <= at]
            is_all = len(known) == len(self._evidence)
            self._as_known[at] = self if is_all else ThreadHistory(self.thread, known, self.claims)
        return self._as_known[at]

    # --- people ---------------------------------------------------------------------------------------------------

    def person(self, person_id: str) -> str:
        """The one id for this person and for all ids linked with it: the id that was known first."""
        return self._canonical.get(person_id, person_id)

    def is_joined_by_claim(self, event: Event) -> bool:
        """Whether the event is about the people of the thread only by a link that somebody claims."""
        if not self.claims or event.stream == self.thread:
            return False
        own = [one for one in self.own if one.id not in self.claims] or self.own
        mine = {self.thread_id} if self.kind == PERSON else {person for one in own for person in _named_in(one)}
        named = _named_in(event)
        if {self.person(one) for one in named}.isdisjoint({self.person(one) for one in mine}):
            return False
        known = self._by_standing_links
        return {known.get(one, one) for one in named}.isdisjoint({known.get(one, one) for one in mine})

    @cached_property
    def _by_standing_links(self) -> Mapping[str, str]:
        """As `person` for each id, by the links that have standing alone."""
        standing = (event for event in self.ever if event.id not in self.claims and not self._is_retracted(event))
        return _link_ids(standing, self.ever)

    @property
    def is_counted_elsewhere(self) -> bool:
        """Whether this is the thread of a person who is counted under another of their ids."""
        return self.kind == PERSON and self.person(self.thread_id) != self.thread_id

    def person_of(self, event: Event) -> str | None:
        """The person whom a follow-up opened by this event is about."""
        if self.kind == PERSON:
            return self.thread_id
        if event.id in self.own_ids or not self.own:
            return event.subject
        return self.own[0].subject

    def find_child(self) -> str | None:
        """The child to whom an action goes on that was decided for an unborn child. Of twins, the first who lives."""
        unborn = {event.data.get("pregnancy_id") for event in self.own} - {None} if self.kind == ACTION else set()
        births = self.births() if unborn else ()
        children: list[str] = next((birth.data["children"] for birth in births if _is_birth_of(birth, unborn)), [])
        dead = {self.person(str(death.subject)) for death in self._deaths} if children else set()
        return next((child for child in children if self.person(child) not in dead), next(iter(children), None))

    def find_beginning(self) -> Event | None:
        """The event that began the thread's record, retracted or not; None for a person's thread."""
        if self.kind == PERSON:
            return None
        return min(
            self.own, key=lambda event: (event.stream != self.thread, event.version, order_key(event)), default=None
        )

    @cached_property
    def subjects(self) -> frozenset[str]:
        """The people that the thread's own events are about."""
        if self.kind == PERSON:
            return frozenset({self.person(self.thread_id)})
        return frozenset(self.person(event.subject) for event in self.own if event.subject)

    def is_about(self, event: Event, person_id: str | None) -> bool:
        """Whether this person is the event's subject or among the `people` it names."""
        named = {event.subject, *event.data.get("people", ())} - {None}
        return person_id is not None and self.person(person_id) in {self.person(str(one)) for one in named}

    # --- families -------------------------------------------------------------------------------------------------

    def is_pregnant(self, person_id: str | None, at: Event) -> bool:
        """Whether this mother was pregnant when the event happened, whether or not anybody knew it by then.

        A pregnancy's thread looks at itself only, and begins with its first entry: nobody was asked anything before.
        """
        return any(
            self.is_about(booked, person_id) and self._had_begun(booked, at) and self._is_live(booked, at)
            for booked in self.standing_of(*BOOKED)
            if self.kind != PREGNANCY or booked.id in self.own_ids
        )

    def _had_begun(self, booked: Event, at: Event) -> bool:
        if self.kind == PREGNANCY:
            return not happened_before(at, booked)
        first_day = self._latest_edd_of(booked.data["pregnancy_id"]) - TERM
        known_from = london_date(span(booked.occurred_at, booked.precision)[0]) - _NOTICED
        return _days_of(at)[1] >= min(first_day, known_from) or not happened_before(at, booked)

    def _is_live(self, booked: Event, at: Event) -> bool:
        if london_date(at.occurred_at) > self._latest_edd_of(booked.data["pregnancy_id"]) + _OVERDUE:
            return False
        return not any(
            self.pregnancy(ended.data["pregnancy_id"]) == self.pregnancy(booked.data["pregnancy_id"])
            and not happened_before(at, ended)
            for ended in self.standing_of(PREGNANCY_ENDED)
            if ended.id != at.id
        )

    def is_second_pregnancy(self, begun: Event) -> bool:
        """Whether this event begins a record of a pregnancy while another one goes on, and the thread is one of them.

        It asks only those whose own record has standing with the mother: nobody learns by a record or a link that they
        claim whether she is pregnant. While a link is claimed, only records under the same id count.
        """
        if self.kind != PREGNANCY or begun.type not in BOOKED:
            return False
        pregnancy_id = begun.data["pregnancy_id"]
        first = self._beginnings.get(pregnancy_id, begun)
        mine = begun if pregnancy_id == self.thread_id else self._beginnings.get(self.thread_id)
        if mine is None or first.version < begun.version or (mine.is_claim and not self._is_confirmed(mine)):
            return False
        return any(
            other.data["pregnancy_id"] != pregnancy_id
            and order_key(other) < order_key(begun)
            and self._is_live(other, begun)
            and (other.subject == begun.subject or (not self.claims and self._is_same_person(other, begun)))
            for other in (self._beginnings.values() if mine is begun else [mine])
        )

    def _is_same_person(self, one: Event, other: Event) -> bool:
        return self.person(str(one.subject)) == self.person(str(other.subject))

    @cached_property
    def _beginnings(self) -> Mapping[str, Event]:
        """The first standing entry of each record of a pregnancy, by its id."""
        found: dict[str, Event] = {}
        for event in sorted(self.standing_of(*BOOKED), key=lambda event: event.version):
            found.setdefault(str(event.data["pregnancy_id"]), event)
        return found

    def _is_confirmed(self, claim: Event) -> bool:
        return any(
            answer.data["event_id"] == claim.id and answer.stream == claim.stream and may_answer(claim, answer)
            for answer in self.standing_of(CLAIM_CONFIRMED)
            if not answer.is_claim
        )

    # --- joined records -------------------------------------------------------------------------------------------

    def pregnancy(self, pregnancy_id: str) -> str:
        """The one id for all records that were joined because they are of this pregnancy: the least of theirs."""
        return self._one_pregnancy.get(pregnancy_id, pregnancy_id)

    @cached_property
    def _one_pregnancy(self) -> Mapping[str, str]:
        groups: dict[str, set[str]] = {}
        for event in self.standing_of(JOINED):
            mothers = {self.person(str(one)) for one in (event.subject, event.data.get("other_person_id")) if one}
            if len(mothers) == 1:
                pair = (str(event.data["pregnancy_id"]), str(event.data["other_pregnancy_id"]))
                group = set().union(*(groups.get(one, {one}) for one in pair))
                groups.update(dict.fromkeys(group, group))
        return {pregnancy_id: min(group) for pregnancy_id, group in groups.items()}

    @cached_property
    def ends_of_joined(self) -> frozenset[str]:
        """The ids of the events with which records end that were joined with the thread's own."""
        if self.kind != PREGNANCY or not self._one_pregnancy:
            return frozenset()
        mine = self.pregnancy(self.thread_id)
        return frozenset(
            event.id
            for event in self.standing_of(PREGNANCY_ENDED)
            if self.pregnancy(event.data["pregnancy_id"]) == mine
        )

    def gave_birth_within(self, person_id: str | None, months: int, at: Event) -> bool:
        """Whether this mother gave birth less than so many months before the event. A stillbirth counts."""
        first, last = _days_of(at)
        return person_id is not None and any(
            born <= last and first < plus_months(born, months)
            for birth in self.standing_of(PREGNANCY_ENDED)
            if birth.data["outcome"] in BIRTHS and self.person(person_id) == self.person(birth.subject or "")
            for born in [london_date(birth.occurred_at)]
        )

    def had_child_within(self, person_id: str | None, months: int, at: Event) -> bool:
        """Whether a child of this parent was born less than so many months before the event."""
        first, last = _days_of(at)
        return person_id is not None and any(
            self.person(person_id) in map(self.person, {*birth.data["parents"], birth.subject or ""})
            and born <= last
            and first < plus_months(born, months)
            for birth in self.births()
            for born in [london_date(birth.occurred_at)]
        )

    def about(self, event_type: str) -> Iterator[Event]:
        """The standing events of this type, latest first: the thread's own or, without any, those about its people."""
        standing = self.standing_of(event_type)
        own = [event for event in standing if event.id in self.own_ids]
        for event in reversed(own or standing):
            if own or any(self.is_about(event, person) for person in self.subjects):
                yield event

    def births(self) -> Iterator[Event]:
        return (event for event in self.standing_of(PREGNANCY_ENDED) if event.data["outcome"] not in LOSSES)

    def born_on(self, child_id: str | None) -> date | None:
        """The child's day of birth; None when the birth is not known here."""
        return next(
            (
                london_date(birth.occurred_at)
                for birth in self.births()
                if child_id is not None and self.person(child_id) in map(self.person, birth.data["children"])
            ),
            None,
        )

    def is_under(self, child_id: str | None, months: int, at: Event) -> bool:
        """Whether this child was under that age when the event happened. A child of unknown birth counts."""
        born = self.born_on(child_id)
        return born is None or london_date(at.occurred_at) < plus_months(born, months)

    def edd(self) -> str | None:
        """The expected delivery date of the thread's pregnancy, as recorded last.

        A date that cannot be, 40 weeks after the first entry, is a mistake: then the last day that can be.
        """
        edd = self._edd_of(self._own_pregnancy)
        return edd and min(edd, self._last_edd_possible(self._own_pregnancy).isoformat())

    def _edd_of(self, pregnancy_id: str | None) -> str | None:
        dated = [event for event in self.standing_of(*EDD_SAID) if event.data.get("edd")]
        dates = [str(event.data["edd"]) for event in dated if event.data["pregnancy_id"] == pregnancy_id]
        return dates[-1] if dates else None

    def _latest_edd_of(self, pregnancy_id: str) -> date:
        """The expected date of a pregnancy that was booked or notified; the latest that it can be if nobody gave it."""
        edd = self._edd_of(pregnancy_id)
        return date.fromisoformat(edd) if edd is not None else self._last_edd_possible(pregnancy_id)

    def _last_edd_possible(self, pregnancy_id: str | None) -> date:
        """40 weeks after the first entry of a pregnancy: nobody books before it begins."""
        said = [event for event in self.standing_of(*EDD_SAID) if event.data["pregnancy_id"] == pregnancy_id]
        return min(london_date(last_moment_of(event)) for event in said) + TERM

    def weeks_pregnant(self, at: Event) -> int | None:
        """Completed weeks of the thread's pregnancy when the event happened, at most; None without a delivery date."""
        edd = self.edd()
        return gestation_on(date.fromisoformat(edd), _days_of(at)[1])[0] if edd else None

    @cached_property
    def partners(self) -> frozenset[str]:
        """The partners named for the thread's pregnancy."""
        named = (event.data["partner_id"] for event in self.standing_of(PARTNER_NAMED) if event.id in self.own_ids)
        return frozenset(map(self.person, named))

    # --- where people live ----------------------------------------------------------------------------------------

    def area_of(self, event: Event) -> str:
        """The area where the person of the event lived that day; the event's own area when no move is known."""
        if event.id not in self._areas:
            self._areas[event.id] = self._area_of(event)
        return self._areas[event.id]

    def _area_of(self, event: Event) -> str:
        moves = self._moves_of(self.person_of(event)) if self._moves else []
        if self.kind == PERSON and event.id in self.claims:
            moves = [move for move in moves if move.id not in self.claims]
        if not moves:
            return (event.is_claim and self._home_of(self.person_of(event))) or event.area
        day = london_date(event.occurred_at)
        before = [move for move in moves if london_date(span(move.occurred_at, move.precision)[0]) <= day]
        return str(before[-1].data["to_area"] if before else moves[0].data["from_area"])

    def _home_of(self, person_id: str | None) -> str | None:
        """The area where the person's circle recorded something first. A claim is made elsewhere."""
        own = [
            event
            for event in self.standing
            if not event.is_claim and self.is_about(event, person_id) and not self.is_joined_by_claim(event)
        ]
        return min(own, key=lambda event: (event.recorded_at, event.id)).area if own else None

    def lives_in(self, person_id: str | None) -> str | None:
        """The area where the person lives after the last known move; None when no move is known."""
        moves = self._moves_of(person_id)
        return str(moves[-1].data["to_area"]) if moves else None

    def _moves_of(self, person_id: str | None) -> list[Event]:
        return [event for event in self._moves if self.is_about(event, person_id)]

    def moved_along(self, event: Event, person_id: str | None) -> bool:
        """Whether this person took part in the move whose stream holds the event."""
        return any(self.is_about(move, person_id) for move in self._moves if move.stream == event.stream)

    @cached_property
    def _moves(self) -> list[Event]:
        return list(self.standing_of(MOVED))

    # --- losses ---------------------------------------------------------------------------------------------------

    def losses_for(self, opening: Event) -> Iterator[Event]:
        """The losses and deaths that end the routine follow-ups of this opening.

        A pregnancy also counts as lost when every child born of it has died.
        """
        named = {self.find_child() or self.person_of(opening), opening.data.get("household_person_id")} - {None}
        people = {self.person(str(one)) for one in named}
        expected = {opening.data.get("pregnancy_id"), self._own_pregnancy} - {None}
        pregnancies = {self.pregnancy(str(one)) for one in expected}
        deaths = {self.person(str(death.subject)): death for death in reversed(self._deaths)}
        yield from (loss for person, loss in deaths.items() if person in people)
        for loss in self._losses:
            is_its = self.pregnancy(str(loss.data.get("pregnancy_id"))) in pregnancies
            if loss.type == PREGNANCY_ENDED and is_its:
                yield loss
            elif loss.type == PARENTHOOD_LOST and loss.data["care_leaver_id"] == opening.data.get("care_leaver_id"):
                household = loss.data.get("household_person_id")
                if is_its or (household and household == opening.data.get("household_person_id")):
                    yield loss
        for birth in (birth for birth in self.births() if birth.id not in self.claims) if deaths else ():
            children = {self.person(child) for child in birth.data["children"]}
            if self.pregnancy(birth.data["pregnancy_id"]) in pregnancies and children and children <= deaths.keys():
                yield max((deaths[child] for child in children), key=order_key)

    def bereavements_of(self, person_id: str) -> Iterator[Event]:
        """The deaths in this person's family, and the losses of their pregnancies. What is claimed is none of them."""
        me = self.person(person_id)
        family = self._family_of(me) if self._deaths else frozenset[str]()
        for death in self._deaths:
            dead = self.person(str(death.subject))
            if dead != me and (dead in family or me in map(self.person, death.data["family"])):
                yield death
        for loss in self._losses:
            if me in (self._parents_in(loss) if loss.type == PREGNANCY_ENDED else {self.person(str(loss.subject))}):
                yield loss

    def _family_of(self, me: str) -> frozenset[str]:
        """This person's parents, children, brothers and sisters, and those with whom they have children."""
        mine = [birth for birth in self._births if me in self._children_in(birth)]
        parents = set[str]().union(*map(self._parents_in, mine)) - {""}
        found = set(parents)
        for birth in self._births:
            of_birth = self._parents_in(birth)
            if me in of_birth:
                found |= of_birth | self._children_in(birth)
            elif not parents.isdisjoint(of_birth):
                found |= self._children_in(birth)
        return frozenset(found - {me, ""})

    @property
    def _own_pregnancy(self) -> str | None:
        return self.thread_id if self.kind == PREGNANCY else None

    @cached_property
    def _losses(self) -> list[Event]:
        return [
            event
            for event in self.standing_of(PARENTHOOD_LOST, PREGNANCY_ENDED)
            if event.id not in self.claims and (event.type != PREGNANCY_ENDED or event.data["outcome"] in LOSSES)
        ]


def _days_of(event: Event) -> tuple[date, date]:
    """The first and the last day in London on which the event can have happened."""
    return london_date(span(event.occurred_at, event.precision)[0]), london_date(last_moment_of(event))


def _named_in(event: Event) -> set[str]:
    return {str(one) for one in (event.subject, *event.data.get("people", ())) if one}


def _is_birth_of(birth: Event, pregnancies: Collection[Any]) -> bool:
    return birth.data["pregnancy_id"] in pregnancies and bool(birth.data["children"])


def is_act(event: Event) -> bool:
    """Whether the event is an act of a person or a sweep on a follow-up."""
    return event.stream.startswith("follow-up/")


def _people(refs: Iterable[str]) -> Iterator[str]:
    return (ref.partition("/")[2] for ref in refs if ref.startswith("person/"))


def _link_ids(standing: Iterable[Event], facts: Iterable[Event]) -> dict[str, str]:
    """Map each linked id of a person to the id that was known first, so that follow-ups under that id stay.

    The last event about a pair of ids counts.
    """
    word: dict[frozenset[str], bool] = {}
    for event in standing:
        if event.type in (LINKED, UNLINKED):
            pair = frozenset({str(event.data["person_id"]), str(event.data["other_person_id"])})
            word[pair] = event.type == LINKED
    groups: dict[str, set[str]] = {}
    for pair in (pair for pair, holds in word.items() if holds):
        group = set().union(*(groups.get(one, {one}) for one in pair))
        groups.update(dict.fromkeys(group, group))
    if not groups:
        return {}
    known = {str(event.subject): event for event in sorted(facts, key=lambda event: event.recorded_at, reverse=True)}
    return {
        person_id: min(group, key=lambda one: (one not in known, one in known and known[one].recorded_at, one))
        for person_id, group in groups.items()
    }
