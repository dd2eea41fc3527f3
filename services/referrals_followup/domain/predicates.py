"""The conditions of a pack: matchers, which say what events count, and the predicates in them.

`PREDICATES` holds one spec for each predicate. A spec says how the predicate is compiled, described and checked, and
which events it reads; nothing else in the service knows a predicate by its name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Protocol

from services.referrals_followup.domain.holders import are_told, changes_holder, leaves_unheld
from services.referrals_followup.domain.standards import (
    HOUSEHOLD,
    OWN,
    PEOPLE,
    PERSON,
    SIBLINGS,
    VIA,
    Matcher,
    Predicate,
    Reading,
)
from services.referrals_followup.domain.thread_history import (
    BOOKED,
    CASE_CLOSED,
    EDD_SAID,
    HOLDING,
    JOINED,
    MOVED,
    PARTNER_NAMED,
    PREGNANCY_ENDED,
    ThreadHistory,
    came_first,
    happened_before,
    order_key,
)
from services.referrals_followup.domain.wording import age_in_words, event_in_words, in_words
from shared.kernel.envelope import Event
from shared.kernel.time import london_date, span

ASSIGNED, ADVISER_ASSIGNED, TAKEN_OVER = "practitioner.assigned.v1", "adviser.assigned.v1", "handover.acknowledged.v1"
# What names the team of somebody in a role, and what shows that somebody is a parent or lives with a child.
NAMING = (ASSIGNED, ADVISER_ASSIGNED, TAKEN_OVER)
NAMING_PARENTS = (*BOOKED, PREGNANCY_ENDED, PARTNER_NAMED, "household.adult_joined.v1")

Place = tuple[Any, ...]
# A place in the content of a step, and what is wrong there.
Problem = tuple[Place, str]


class Names(Protocol):
    """The names that a step may use. Each method returns what is wrong with a name at its place in the step."""

    def check_event(self, place: Place, event: Any) -> list[Problem]:
        """Whether there is such a type of event."""

    def check_event_of_thread(self, place: Place, event: Any) -> list[Problem]:
        """Whether there is such a type of event, and whether it can name a thread of the step's kind."""

    def check_field(self, place: Place, field: Any, events: Collection[str]) -> list[Problem]:
        """Whether one of these types of event has such a field."""

    def check_date(self, place: Place, field: Any, events: Collection[str]) -> list[Problem]:
        """Whether the field is a date wherever one of these types of event has it."""

    def check_roles(self, place: Place, roles: Collection[str]) -> list[Problem]:
        """Whether there are such roles."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a condition stands in a step: its place, the types of event that it is about, and the names it may use."""

    place: Place
    events: tuple[str, ...]
    names: Names

    def at(self, *parts: Any) -> Site:
        return replace(self, place=(*self.place, *parts))

    def about(self, *events: str) -> Site:
        return replace(self, events=events)

    def fault(self, message: str) -> list[Problem]:
        return [(self.place, message)]

    def check_field(self, field: Any) -> list[Problem]:
        return self.names.check_field(self.place, field, self.events)


@dataclass(frozen=True, slots=True)
class PredicateSpec:
    """All that the service knows about one predicate; each part takes the predicate's argument as a pack states it.

    `compile` gives the function that decides. `describe` says it in words. `check` takes the predicate's name, the
    argument and where it stands, and returns what is wrong. `reads` names every type of event that deciding looks at,
    beside the event that is decided on: a thread is folded again when one of them arrives.
    """

    name: str
    compile: Callable[[Any], Predicate]
    describe: Callable[[Any], str]
    check: Callable[[str, Any, Site], list[Problem]]
    reads: Callable[[Any], Iterable[Reading]]


BY_NONE_WHO = "by_none_who"

# --- matchers -----------------------------------------------------------------------------------------------------

_OF_A_MATCHER = {"event", "when", "via", "agrees", "by_another", "names_opening", "until"}
_VIA_IN_WORDS = {
    PERSON: "of the same person",
    PEOPLE: "of anybody named here",
    SIBLINGS: "of an older child",
    HOUSEHOLD: "of anybody of the household",
}


def compile_matchers(content: Any) -> tuple[Matcher, ...]:
    return tuple(map(compile_matcher, _listed(content)))


def compile_matcher(item: Any) -> Matcher:
    if isinstance(item, str):
        return Matcher(item)
    return Matcher(
        item["event"],
        compile_predicates(item.get("when", [])),
        item.get("via", OWN),
        tuple(item.get("agrees", {}).items()),
        item.get("by_another", False),
        item.get("names_opening", False),
        compile_matchers(item.get("until", [])),
    )


def any_in_words(content: Any) -> str:
    return "; or ".join(map(matcher_in_words, _listed(content)))


def matcher_in_words(item: Any) -> str:
    """Which events count, with their conditions in brackets."""
    if isinstance(item, str):
        return event_in_words(item)
    words = event_in_words(item["event"])
    if "via" in item:
        words += f" ({_VIA_IN_WORDS[item['via']]})"
    if item.get("agrees"):
        same = " and ".join(in_words(name).removesuffix(" id") for name in item["agrees"].values())
        words += f" (about the same {same})"
    if item.get("by_another"):
        words += " (recorded by somebody else)"
    if item.get("names_opening"):
        words += " (about this very entry)"
    if item.get("when"):
        words += f", if {all_in_words(item['when'])}"
    return f"{words}, until {any_in_words(item['until'])}" if item.get("until") else words


def check_matchers(content: Any, site: Site) -> list[Problem]:
    if not isinstance(content, list):
        return check_matcher(content, site)
    return [problem for index, item in enumerate(content) for problem in check_matcher(item, site.at(index))]


def check_matcher(item: Any, site: Site) -> list[Problem]:
    if not isinstance(item, Mapping):
        return site.names.check_event_of_thread(site.place, item)
    if not {"event"} <= set(item) <= _OF_A_MATCHER or item.get("via", VIA[0]) not in VIA:
        return site.fault("has `event` and, if need be, `when` and `via: person`, `people`, `siblings` or `household`")
    for flag in ("by_another", "names_opening"):
        if not isinstance(item.get(flag, False), bool):
            return site.at(flag).fault("is true or false")
    event = item["event"]
    here = site.about(*([event] if isinstance(event, str) else []))
    check_event = site.names.check_event if "via" in item else site.names.check_event_of_thread
    return [
        *check_matchers(item.get("until", []), site.at("until")),
        *_check_agreeing(item.get("agrees", {}), here.at("agrees")),
        *check_event(site.place, event),
        *check_predicates(item.get("when", []), here.at("when")),
    ]


def _check_agreeing(agrees: Any, site: Site) -> list[Problem]:
    if not isinstance(agrees, Mapping) or not all(isinstance(name, str) for name in agrees.values()):
        return site.fault("maps fields of this event to fields of the opening")
    return [problem for name in agrees for problem in site.check_field(name)]


def read_matchers(content: Any) -> Iterator[Reading]:
    for item in _listed(content):
        yield from read_matcher(item)


def read_matcher(item: Any, via: str | None = None) -> Iterator[Reading]:
    """The events that a matcher and its conditions read; `via` replaces the matcher's own."""
    if isinstance(item, str):
        yield Reading(item, via or OWN)
    else:
        yield Reading(item["event"], via or item.get("via", OWN))
        yield from read_matchers(item.get("until", []))
        yield from read_predicates(item.get("when", []))


def _listed(content: Any) -> list[Any]:
    return content if isinstance(content, list) else [content]


# --- values -------------------------------------------------------------------------------------------------------


def value_of(expression: Any, opening: Event, history: ThreadHistory) -> Any:
    """A field of the opening event, or of the latest standing event of a type.

    That event is one of the thread's own where it has any, else one about its people. A list names several types: the
    thread's last event of any of them decides, even when it leaves the field out. `until` is a type of event that ends
    what the field names: from then on there is no value.
    """
    if isinstance(expression, list):
        fields = {item["event"]: item["field"] for item in expression}
        own = [event for event in history.standing_of(*fields) if event.id in history.own_ids]
        return own[-1].data.get(fields[own[-1].type]) if own else None
    if not isinstance(expression, Mapping):
        return None
    if "event" not in expression:
        return opening.data.get(expression["field"])
    named = (event for event in history.about(expression["event"]) if event.data.get(expression["field"]) is not None)
    latest = next(named, None)
    return None if latest is None or _has_ended(expression, latest, history) else latest.data[expression["field"]]


def _has_ended(expression: Mapping[str, Any], named: Event, history: ThreadHistory) -> bool:
    """Whether a later event of the same record ends what the field names."""
    field = expression["field"]
    ends = history.about(expression["until"]) if "until" in expression else ()
    later = (end for end in ends if end.stream == named.stream and order_key(end) > order_key(named))
    return any(end.data.get(field) == named.data[field] for end in later)


def check_value(expression: Mapping[str, Any], site: Site) -> list[Problem]:
    if "event" not in expression:
        return site.check_field(expression.get("field"))
    types = [expression[name] for name in ("event", "until") if name in expression]
    unknown = [problem for event in types for problem in site.names.check_event(site.place, event)]
    return unknown or [problem for event in types for problem in site.about(event).check_field(expression.get("field"))]


def read_value(expression: Any) -> Iterator[Reading]:
    for item in _listed(expression):
        if isinstance(item, Mapping) and "event" in item:
            yield Reading(item["event"], PERSON)
            if "until" in item:
                yield Reading(item["until"], PERSON)


# --- predicates ---------------------------------------------------------------------------------------------------


def compile_predicates(content: Iterable[Mapping[str, Any]]) -> tuple[Predicate, ...]:
    return tuple(map(compile_predicate, content))


def compile_predicate(item: Mapping[str, Any]) -> Predicate:
    ((name, argument),) = item.items()
    return PREDICATES[name].compile(argument)


def all_in_words(content: Iterable[Mapping[str, Any]]) -> str:
    return " and ".join(map(predicate_in_words, content))


def predicate_in_words(item: Mapping[str, Any]) -> str:
    """One condition."""
    ((name, argument),) = item.items()
    return PREDICATES[name].describe(argument)


def check_predicates(content: Any, site: Site) -> list[Problem]:
    if not isinstance(content, list):
        return site.fault("is a list of predicates")
    return [problem for index, item in enumerate(content) for problem in check_predicate(item, site.at(index))]


def check_predicate(item: Any, site: Site) -> list[Problem]:
    if not isinstance(item, Mapping) or len(item) != 1 or next(iter(item)) not in PREDICATES:
        return site.fault(f"is one of: {', '.join(PREDICATES)}")
    ((name, argument),) = item.items()
    return PREDICATES[name].check(name, argument, site)


def read_predicates(content: Iterable[Mapping[str, Any]]) -> Iterator[Reading]:
    for item in content:
        yield from read_predicate(item)


def read_predicate(item: Mapping[str, Any]) -> Iterator[Reading]:
    ((name, argument),) = item.items()
    yield from PREDICATES[name].reads(argument)


# Checks of an argument, by its form.


def is_positive(value: Any) -> bool:
    """Whether this is a whole number from 1."""
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _takes_field(name: str, argument: Any, site: Site) -> list[Problem]:
    return site.check_field(argument)


def _takes_field_and(kind: Any = object, kind_in_words: str = "anything") -> Callable[[str, Any, Site], list[Problem]]:
    def check(name: str, argument: Any, site: Site) -> list[Problem]:
        if not isinstance(argument, list) or len(argument) != 2:
            return site.fault(f"{name} takes a field and a value")
        if not isinstance(argument[1], kind):
            return site.fault(f"the value of {name} is {kind_in_words}")
        return site.check_field(argument[0])

    return check


def _takes_number(name: str, argument: Any, site: Site) -> list[Problem]:
    return [] if is_positive(argument) else site.fault(f"{name} takes a whole number from 1")


def _takes_flag(name: str, argument: Any, site: Site) -> list[Problem]:
    return [] if isinstance(argument, bool) else site.fault(f"{name} is true or false")


def _takes_roles(name: str, argument: Any, site: Site) -> list[Problem]:
    if not isinstance(argument, list) or not all(isinstance(role, str) for role in argument):
        return site.fault(f"{name} takes a list of roles")
    return site.names.check_roles(site.place, argument)


def _takes_matcher(name: str, argument: Any, site: Site) -> list[Problem]:
    return check_matcher(argument, site)


def _takes_matcher_of_people(name: str, argument: Any, site: Site) -> list[Problem]:
    if not isinstance(argument, Mapping):
        return site.names.check_event(site.place, argument)
    return check_matcher({**argument, "via": PERSON}, site)


def _takes_matcher_and_days(name: str, argument: Any, site: Site) -> list[Problem]:
    if not isinstance(argument, Mapping) or set(argument) != {"of", "days"} or not is_positive(argument["days"]):
        return site.fault(f"{name} has `of` and `days`")
    return [found for item in _listed(argument["of"]) for found in _takes_matcher_of_people(name, item, site)]


def _takes_predicate(name: str, argument: Any, site: Site) -> list[Problem]:
    return check_predicate(argument, site)


def _takes_predicates(name: str, argument: Any, site: Site) -> list[Problem]:
    return check_predicates(argument, site)


def _takes_groups(name: str, argument: Any, site: Site) -> list[Problem]:
    is_right = isinstance(argument, list) and argument and all(isinstance(group, list) and group for group in argument)
    return [] if is_right else site.fault(f"{name} takes a list of lists of words")


def _takes_of_and_since(name: str, argument: Any, site: Site) -> list[Problem]:
    if not isinstance(argument, Mapping) or set(argument) != {"of", "since"}:
        return site.fault(f"{name} has `of` and `since`")
    return [problem for part in ("of", "since") for problem in check_matchers(argument[part], site.at(part))]


def _takes_last(check: Callable[[str, Any, Site], list[Problem]]) -> Callable[[str, Any, Site], list[Problem]]:
    """`check` is that of one matcher."""

    def check_last(name: str, argument: Any, site: Site) -> list[Problem]:
        if not isinstance(argument, Mapping) or set(argument) != {"of", "is"} or not isinstance(argument["of"], list):
            return site.fault(f"{name} takes `of`, a list of events, and `is`, some of them with their conditions")
        unknown = [found for event in argument["of"] for found in site.names.check_event(site.place, event)]
        return unknown or [found for item in _listed(argument["is"]) for found in check(name, item, site.at("is"))]

    return check_last


def _takes_begun(name: str, argument: Any, site: Site) -> list[Problem]:
    if not isinstance(argument, Mapping) or set(argument) != {"event", "until", "same"}:
        return site.fault(f"{name} takes `event`, `until`, a list of events, and `same`, the field that they share")
    if not isinstance(argument["until"], list):
        return site.at("until").fault("is a list of events")
    types = [argument["event"], *argument["until"]]
    unknown = [found for event in types for found in site.names.check_event_of_thread(site.place, event)]
    return unknown or [found for event in types for found in site.about(event).check_field(argument["same"])]


# Readings.


def _reads_household(argument: Any) -> Iterator[Reading]:
    for item in _listed(argument["of"]):
        yield from read_matcher(item, HOUSEHOLD)


def _reads_no_other(argument: Any) -> Iterable[Reading]:
    """The event that is decided on is all that it looks at."""
    return ()


def _reads(*event_types: str, via: str) -> Callable[[Any], Iterable[Reading]]:
    readings = [Reading(event_type, via) for event_type in event_types]
    return lambda argument: readings


def _reads_matched(via: str) -> Callable[[Any], Iterable[Reading]]:
    return lambda argument: read_matcher(argument, via)


def _reads_types(via: str, *lists: str) -> Callable[[Any], Iterable[Reading]]:
    def read(argument: Any) -> Iterator[Reading]:
        yield from (Reading(event, via) for name in lists for event in _listed(argument[name]))
        if "is" in argument:
            yield from (found for item in _listed(argument["is"]) for found in read_matcher(item, via))

    return read


# What decides.


def _field_equals(argument: list[Any]) -> Predicate:
    name, value = argument
    return lambda event, history: event.data.get(name) == value


def _field_in(argument: list[Any]) -> Predicate:
    name, values = argument
    return lambda event, history: event.data.get(name) in values


def _field_present(name: str) -> Predicate:
    return lambda event, history: event.data.get(name) is not None


def _field_at_least(argument: list[Any]) -> Predicate:
    name, least = argument
    return lambda event, history: isinstance(event.data.get(name), int | float) and event.data[name] >= least


def _field_has_any(argument: list[Any]) -> Predicate:
    name, wanted = argument
    return lambda event, history: is_named_in(event.data.get(name), wanted)


def is_named_in(value: Any, names: Iterable[str]) -> bool:
    """Whether a field, a word or a list of words, holds one of the names."""
    return not set(names).isdisjoint(value if isinstance(value, list) else [value])


def _role_in(roles: list[str]) -> Predicate:
    """Whether somebody in one of these roles recorded the event."""
    return lambda event, history: event.role in roles


def _recorded_by_own(roles: list[str]) -> Predicate:
    """Whether the person's own team in one of these roles recorded the event; if none is named, anybody of the role."""
    return lambda event, history: _is_of_own(event, event.subject, roles, history.standing_of(*NAMING), history)


def _caused_by_own(roles: list[str]) -> Predicate:
    """The same of the event because of which the service recorded this one by itself."""

    def is_caused(event: Event, history: ThreadHistory) -> bool:
        naming, causes = history.standing_of(*NAMING), history.standing_of(*NAMING_PARENTS)
        return any(
            _is_of_own(cause, event.subject, roles, naming, history)
            for cause in causes
            if cause.id == event.causation_id
        )

    return is_caused


def _is_of_own(
    event: Event, person: str | None, roles: list[str], naming: Iterable[Event], history: ThreadHistory
) -> bool:
    """Whether it was recorded by the team that was named for the person in one of these roles by then."""
    before = [one for one in naming if came_first(one, event)]
    for role in roles:
        teams = [one.data["team"] for one in before if _names_in(role, one, person, history)]
        if event.team == teams[-1] if teams else event.role == role:
            return True
    return False


def _names_in(role: str, event: Event, person: str | None, history: ThreadHistory) -> bool:
    if event.type == TAKEN_OVER:
        return role == "health_visitor" and history.moved_along(event, person)
    if event.type == ADVISER_ASSIGNED:
        return role == "personal_adviser" and history.is_about(event, person)
    return event.data["role"] == role and history.is_about(event, person)


def _lacks_standing(wanted: bool) -> Predicate:
    """Whether whoever recorded the event had no standing with somebody whom it is about."""
    return lambda event, history: event.is_claim == wanted


def _names_nobody(wanted: bool) -> Predicate:
    """Whether the event names what the directory did not list when it was recorded."""
    return lambda event, history: (event.unknown is not None) == wanted


def _is_doubtful(wanted: bool) -> Predicate:
    """Whether something about the event was impossible or unlikely when it was recorded, and nobody confirmed it."""
    return lambda event, history: (event.doubts is not None) == wanted


def _moved_with_the_person(wanted: bool) -> Predicate:
    """Whether the move that the event belongs to took along the person whom the thread is about."""
    return lambda event, history: history.moved_along(event, history.person_of(event)) == wanted


def _thread_is(name: str) -> Predicate:
    """Whether the field names the thread, as one id or among several; of a person, by any of their ids."""
    return lambda event, history: is_named_in(event.data.get(name), [history.thread_id])


def _thread_has(argument: Any) -> Predicate:
    matcher = compile_matcher(argument)
    return lambda event, history: any(
        other.id in history.own_ids and matcher.matches(other, history) for other in history.standing_of(matcher.event)
    )


def _person_has(argument: Any) -> Predicate:
    matcher = compile_matcher(argument)
    return lambda event, history: any(
        history.is_about(other, event.subject) and matcher.holds(other, history)
        for other in history.standing_of(matcher.event)
    )


def _earlier(via: str) -> Callable[[Any], Predicate]:
    """Whether such an event happened before this one: on the thread, or about its person or its people."""

    def compile_earlier(argument: Any) -> Predicate:
        matcher = replace(compile_matcher(argument), via=via)
        return lambda event, history: any(
            came_first(other, event) and matcher.matches(other, history) for other in history.standing_of(matcher.event)
        )

    return compile_earlier


def _of_household(content: Any) -> list[Matcher]:
    """The matchers of a predicate, each looking over the whole household."""
    return [replace(matcher, via=HOUSEHOLD) for matcher in compile_matchers(content)]


def _had_within(argument: Mapping[str, Any]) -> Predicate:
    """Whether such an event of the household happened at most so many days before this one."""
    matchers = _of_household(argument["of"])
    days = timedelta(days=argument["days"])

    def had(event: Event, history: ThreadHistory) -> bool:
        first = london_date(span(event.occurred_at, event.precision)[0]) - days
        return any(
            order_key(other) < order_key(event)
            and london_date(span(other.occurred_at, other.precision)[1]) >= first
            and matcher.matches(other, history)
            for matcher in matchers
            for other in history.standing_of(matcher.event)
        )

    return had


def _since_it_began(argument: Any) -> Predicate:
    """Whether there was such an event about the person before this one, since the record of the thread began."""
    matcher = replace(compile_matcher(argument), via=PERSON)

    def is_there(event: Event, history: ThreadHistory) -> bool:
        begun = history.find_beginning()
        return begun is not None and any(
            order_key(other) < order_key(event)
            and not happened_before(other, begun)
            and matcher.matches(other, history)
            for other in history.standing_of(matcher.event)
        )

    return is_there


def _people_who_did(argument: Mapping[str, Any], since: Event, history: ThreadHistory) -> dict[str, date]:
    """Who recorded such an event of the household, from so many days before this one on; each with the first day."""
    matchers = _of_household(argument["of"])
    first = london_date(since.occurred_at) - timedelta(days=argument["days"])
    found: dict[str, date] = {}
    for other in history.standing_of(*(matcher.event for matcher in matchers)):
        on = london_date(span(other.occurred_at, other.precision)[0])
        if on >= first and any(matcher.matches(other, history) for matcher in matchers):
            found.setdefault(other.actor, on)
    return found


def _by_none_who(argument: Mapping[str, Any]) -> Predicate:
    """Whether neither who recorded the event nor who is named in it did the other thing before, or on the same day."""

    def is_by_another(event: Event, history: ThreadHistory) -> bool:
        named = {event.actor, *(event.data.get(name) for name in ("lead", "reviewer"))}
        did = _people_who_did(argument, event, history)
        return not any(person in named and on <= london_date(event.occurred_at) for person, on in did.items())

    return is_by_another


def find_judged(content: Any, opening: Event, history: ThreadHistory) -> list[str]:
    """Whose work is judged by meeting a step with these matchers, so that they may neither meet nor end it."""
    conditions = [one for item in _listed(content) if isinstance(item, Mapping) for one in item.get("when", ())]
    named = [argument for one in conditions for name, argument in one.items() if name == BY_NONE_WHO]
    return sorted({person for argument in named for person in _people_who_did(argument, opening, history)})


def _last(via: str) -> Callable[[Any], Predicate]:
    """Whether the last of these events before this one was as it says: on the thread, or about its person."""

    def compile_last(argument: Mapping[str, Any]) -> Predicate:
        last = [replace(matcher, via=via) for matcher in compile_matchers(argument["is"])]
        those = [Matcher(event, via=via) for event in argument["of"]]

        def was_last(event: Event, history: ThreadHistory) -> bool:
            before = [
                other
                for other in history.standing_of(*argument["of"])
                if order_key(other) < order_key(event) and any(matcher.matches(other, history) for matcher in those)
            ]
            return bool(before) and any(matcher.matches(before[-1], history) for matcher in last)

        return was_last

    return compile_last


def _left_open(argument: Mapping[str, Any]) -> Predicate:
    """Whether something that was begun on the thread by then, such as an item of a plan, was not finished by then."""
    begins, ends, name = argument["event"], argument["until"], argument["same"]

    def is_left_open(event: Event, history: ThreadHistory) -> bool:
        by_then = [
            other
            for other in history.standing_of(begins, *ends)
            if other.id in history.own_ids and order_key(other) <= order_key(event)
        ]
        finished = {other.data[name] for other in by_then if other.type in ends}
        return any(other.type == begins and other.data[name] not in finished for other in by_then)

    return is_left_open


def _weeks_pregnant_from(weeks: int) -> Predicate:
    return lambda event, history: (history.weeks_pregnant(event) or 0) >= weeks


def _is_pregnant(wanted: bool) -> Predicate:
    return lambda event, history: history.is_pregnant(history.person_of(event), event) == wanted


def _is_second_pregnancy(wanted: bool) -> Predicate:
    return lambda event, history: history.is_second_pregnancy(event) == wanted


def _is_about_partner(wanted: bool) -> Predicate:
    """Whether the event is a standing link between two ids of a partner named for the thread's pregnancy."""

    def is_of_partner(event: Event, history: ThreadHistory) -> bool:
        ids = {history.person(str(one)) for one in (event.subject, event.data.get("other_person_id")) if one}
        return len(ids) == 1 and not ids.isdisjoint(history.partners)

    return lambda event, history: is_of_partner(event, history) == wanted


def _is_parent_of_child_under(months: int) -> Predicate:
    return lambda event, history: history.had_child_within(history.person_of(event), months, event)


def _gave_birth_within(months: int) -> Predicate:
    return lambda event, history: history.gave_birth_within(history.person_of(event), months, event)


def _is_child_under(months: int) -> Predicate:
    return lambda event, history: history.is_under(history.person_of(event), months, event)


def _leaves_unheld(wanted: bool) -> Predicate:
    return lambda event, history: leaves_unheld(event, history) == wanted


def _changes_holder(wanted: bool) -> Predicate:
    return lambda event, history: changes_holder(event, history) == wanted


def _told_one_of_each(groups: list[list[str]]) -> Predicate:
    return lambda event, history: are_told(groups, event, history)


def _people_had_since(argument: Mapping[str, Any]) -> Predicate:
    """Whether something about anybody named here happened after the last of `since`, up to this event."""
    of, since = compile_matchers(argument["of"]), compile_matchers(argument["since"])

    def had(event: Event, history: ThreadHistory) -> bool:
        def found(matchers: tuple[Matcher, ...]) -> list[Any]:
            return [
                order_key(other)
                for matcher in matchers
                for other in history.standing_of(matcher.event)
                if order_key(other) <= order_key(event) and matcher.matches(other, history)
            ]

        latest = max(found(since), default=())
        return any(key > latest for key in found(of))

    return had


def _not(argument: Mapping[str, Any]) -> Predicate:
    inner = compile_predicate(argument)
    return lambda event, history: not inner(event, history)


def _all_of(argument: list[Mapping[str, Any]]) -> Predicate:
    inner = compile_predicates(argument)
    return lambda event, history: all(predicate(event, history) for predicate in inner)


def _any_of(argument: list[Mapping[str, Any]]) -> Predicate:
    inner = compile_predicates(argument)
    return lambda event, history: any(predicate(event, history) for predicate in inner)


_SPECS = (
    PredicateSpec(
        "field_equals",
        compile=_field_equals,
        describe=lambda argument: f"{in_words(argument[0])} is {in_words(argument[1])}",
        check=_takes_field_and(),
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "field_in",
        compile=_field_in,
        describe=lambda argument: f"{in_words(argument[0])} is one of {in_words(argument[1])}",
        check=_takes_field_and(list, "a list"),
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "field_present",
        compile=_field_present,
        describe=lambda name: f"{in_words(name)} is given",
        check=_takes_field,
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "field_has_any",
        compile=_field_has_any,
        describe=lambda argument: f"{in_words(argument[0])} include any of {in_words(argument[1])}",
        check=_takes_field_and(list, "a list"),
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "field_at_least",
        compile=_field_at_least,
        describe=lambda argument: f"{in_words(argument[0])} at least {argument[1]}",
        check=_takes_field_and(int | float, "a number"),
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "role_in",
        compile=_role_in,
        describe=lambda roles: f"recorded by one of {in_words(roles)}",
        check=_takes_roles,
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "recorded_by_own",
        compile=_recorded_by_own,
        describe=lambda roles: f"recorded by the person's own {' or '.join(map(in_words, roles))}",
        check=_takes_roles,
        reads=_reads(*NAMING, via=PERSON),
    ),
    PredicateSpec(
        "caused_by_own",
        compile=_caused_by_own,
        describe=lambda roles: f"it follows from an entry of the person's own {' or '.join(map(in_words, roles))}",
        check=_takes_roles,
        reads=_reads(*NAMING, *NAMING_PARENTS, via=PERSON),
    ),
    PredicateSpec(
        "lacks_standing",
        compile=_lacks_standing,
        describe=lambda wanted: f"recorded by somebody {'without' if wanted else 'with'} standing",
        check=_takes_flag,
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "names_nobody",
        compile=_names_nobody,
        describe=lambda wanted: f"it {'names' if wanted else 'does not name'} what the directory does not list",
        check=_takes_flag,
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "doubtful",
        compile=_is_doubtful,
        describe=lambda wanted: f"something about it is {'' if wanted else 'not '}doubtful",
        check=_takes_flag,
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "moved_with_the_person",
        compile=_moved_with_the_person,
        describe=lambda wanted: f"the person {'was' if wanted else 'was not'} among those who moved",
        check=_takes_flag,
        reads=_reads(MOVED, via=PERSON),
    ),
    PredicateSpec(
        "thread_is",
        compile=_thread_is,
        describe=lambda name: (
            f"it is about one of its {in_words(name)}" if name == "children" else "it is about this one"
        ),
        check=_takes_field,
        reads=_reads_no_other,
    ),
    PredicateSpec(
        "thread_has",
        compile=_thread_has,
        describe=lambda item: f"the record has: {matcher_in_words(item)}",
        check=_takes_matcher,
        reads=_reads_matched(OWN),
    ),
    PredicateSpec(
        "thread_had",
        compile=_earlier(OWN),
        describe=lambda item: f"the record had before: {matcher_in_words(item)}",
        check=_takes_matcher,
        reads=_reads_matched(OWN),
    ),
    PredicateSpec(
        "person_has",
        compile=_person_has,
        describe=lambda item: f"about the person there is: {matcher_in_words(item)}",
        check=_takes_matcher_of_people,
        reads=_reads_matched(PERSON),
    ),
    PredicateSpec(
        "person_had",
        compile=_earlier(PERSON),
        describe=lambda item: f"about the person there was before: {matcher_in_words(item)}",
        check=_takes_matcher_of_people,
        reads=_reads_matched(PERSON),
    ),
    PredicateSpec(
        "people_had",
        compile=_earlier(PEOPLE),
        describe=lambda item: f"about anybody named here there was before: {matcher_in_words(item)}",
        check=_takes_matcher_of_people,
        reads=_reads_matched(PEOPLE),
    ),
    PredicateSpec(
        "siblings_had",
        compile=_earlier(SIBLINGS),
        describe=lambda item: f"about an older child there was before: {matcher_in_words(item)}",
        check=_takes_matcher_of_people,
        reads=_reads_matched(SIBLINGS),
    ),
    PredicateSpec(
        "household_had_within",
        compile=_had_within,
        describe=lambda item: (
            f"about the household there was, at most {item['days']} days before: {any_in_words(item['of'])}"
        ),
        check=_takes_matcher_and_days,
        reads=_reads_household,
    ),
    PredicateSpec(
        "person_had_since",
        compile=_since_it_began,
        describe=lambda item: f"about the person there was before, since this began: {matcher_in_words(item)}",
        check=_takes_matcher_of_people,
        reads=_reads_matched(PERSON),
    ),
    PredicateSpec(
        BY_NONE_WHO,
        compile=_by_none_who,
        describe=lambda item: (
            f"by nobody who recorded about the household, in {item['days']} days: {any_in_words(item['of'])}"
        ),
        check=_takes_matcher_and_days,
        reads=_reads_household,
    ),
    PredicateSpec(
        "thread_last",
        compile=_last(OWN),
        describe=lambda item: f"the last of its kind on the record before was: {any_in_words(item['is'])}",
        check=_takes_last(_takes_matcher),
        reads=_reads_types(OWN, "of"),
    ),
    PredicateSpec(
        "person_last",
        compile=_last(PERSON),
        describe=lambda item: f"the last of its kind about the person before was: {any_in_words(item['is'])}",
        check=_takes_last(_takes_matcher_of_people),
        reads=_reads_types(PERSON, "of"),
    ),
    PredicateSpec(
        "left_open",
        compile=_left_open,
        describe=lambda item: (
            f"there is {event_in_words(item['event'])} without {' or '.join(map(event_in_words, item['until']))}"
        ),
        check=_takes_begun,
        reads=_reads_types(OWN, "event", "until"),
    ),
    PredicateSpec(
        "weeks_pregnant_from",
        compile=_weeks_pregnant_from,
        describe=lambda weeks: f"{weeks} weeks of pregnancy are completed",
        check=_takes_number,
        reads=_reads(*EDD_SAID, via=OWN),
    ),
    PredicateSpec(
        "pregnant",
        compile=_is_pregnant,
        describe=lambda wanted: "she is pregnant then" if wanted else "she is not pregnant then",
        check=_takes_flag,
        reads=_reads(*BOOKED, *EDD_SAID, PREGNANCY_ENDED, JOINED, via=PERSON),
    ),
    PredicateSpec(
        "second_pregnancy",
        compile=_is_second_pregnancy,
        describe=lambda wanted: f"{'a' if wanted else 'no'} pregnancy of hers on another record goes on then",
        check=_takes_flag,
        reads=_reads(*BOOKED, *EDD_SAID, PREGNANCY_ENDED, JOINED, via=PERSON),
    ),
    PredicateSpec(
        "about_partner",
        compile=_is_about_partner,
        describe=lambda wanted: f"it {'names' if wanted else 'does not name'} a partner of this pregnancy",
        check=_takes_flag,
        reads=_reads(PARTNER_NAMED, via=OWN),
    ),
    PredicateSpec(
        "parent_of_child_under_months",
        compile=_is_parent_of_child_under,
        describe=lambda months: f"a parent of a child under {age_in_words(months)}",
        check=_takes_number,
        reads=_reads(PREGNANCY_ENDED, via=PERSON),
    ),
    PredicateSpec(
        "gave_birth_within_months",
        compile=_gave_birth_within,
        describe=lambda months: f"she gave birth less than {months} months before",
        check=_takes_number,
        reads=_reads(PREGNANCY_ENDED, via=PERSON),
    ),
    PredicateSpec(
        "child_under_months",
        compile=_is_child_under,
        describe=lambda months: f"the child is under {age_in_words(months)}, or of unknown age",
        check=_takes_number,
        reads=_reads(PREGNANCY_ENDED, via=PERSON),
    ),
    PredicateSpec(
        "leaves_unheld",
        compile=_leaves_unheld,
        describe=lambda wanted: f"{'nobody' if wanted else 'somebody'} holds the case from then on",
        check=_takes_flag,
        reads=_reads(*HOLDING, via=OWN),
    ),
    PredicateSpec(
        "changes_holder",
        compile=_changes_holder,
        describe=lambda wanted: f"somebody else {'held' if wanted else 'did not hold'} the case before",
        check=_takes_flag,
        reads=_reads(*HOLDING, via=OWN),
    ),
    PredicateSpec(
        "told_one_of_each",
        compile=_told_one_of_each,
        describe=lambda groups: "by then were told: " + " and ".join(" or ".join(map(in_words, one)) for one in groups),
        check=_takes_groups,
        reads=_reads(*HOLDING, *CASE_CLOSED, "case.told.v1", via=OWN),
    ),
    PredicateSpec(
        "people_had_since",
        compile=_people_had_since,
        describe=lambda item: f"since {any_in_words(item['since'])} there was {any_in_words(item['of'])}",
        check=_takes_of_and_since,
        reads=lambda item: (*read_matchers(item["of"]), *read_matchers(item["since"])),
    ),
    PredicateSpec(
        "not",
        compile=_not,
        describe=lambda item: f"not ({predicate_in_words(item)})",
        check=_takes_predicate,
        reads=read_predicate,
    ),
    PredicateSpec(
        "all_of",
        compile=_all_of,
        describe=lambda items: f"({all_in_words(items)})",
        check=_takes_predicates,
        reads=read_predicates,
    ),
    PredicateSpec(
        "any_of",
        compile=_any_of,
        describe=lambda items: "(" + " or ".join(map(predicate_in_words, items)) + ")",
        check=_takes_predicates,
        reads=read_predicates,
    ),
)
PREDICATES: Mapping[str, PredicateSpec] = {spec.name: spec for spec in _SPECS}
