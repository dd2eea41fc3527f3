"""Practice standards as data: packs of steps, compiled once, and the history of what was in force where and when.

A step is one expectation about one thread with one due date. Area packs override numbers of the national pack. What was
adopted stays in force until the next adoption and is never deleted, so an old due date can always be explained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

from services.referrals_followup.domain.follow_up import Owner
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import Event, to_text
from shared.kernel.time import Offset, at_london, due, london_date, span

NATIONAL = "england"
BEGINNING = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Evidence:
    """One event of any service with every thing that it names, as `<kind>/<id>`."""

    event: Event
    refs: frozenset[str]


def order_key(event: Event) -> tuple[Any, ...]:
    """The order in which things happened; the same for every worker, whatever order they arrived in."""
    return (event.occurred_at, event.recorded_at, event.stream, event.version, event.id)


class Scene:
    """What the ledger knows when it looks at one thread: its own events, and those about the people they name."""

    def __init__(self, thread: str, evidence: Iterable[Evidence]) -> None:
        known = {item.event.id: item for item in evidence}
        ordered = sorted(known.values(), key=lambda item: order_key(item.event))
        self.thread = thread
        self.kind = thread.partition("/")[0]
        self.retracted_by: dict[str, Event] = {
            item.event.data["event_id"]: item.event for item in reversed(ordered) if item.event.type == RETRACTION
        }
        self.everything = tuple(item.event for item in ordered)
        self.own = tuple(item.event for item in ordered if thread in item.refs and not self._is_act(item.event))
        self.acts = tuple(item.event for item in ordered if thread in item.refs and self._is_act(item.event))
        self.acted_on = frozenset(event.data["follow_up_id"] for event in self.acts)
        self.standing = tuple(event for event in self.everything if not self._is_struck(event))
        self.own_standing = tuple(event for event in self.own if not self._is_struck(event))

    def _is_struck(self, event: Event) -> bool:
        retraction = self.retracted_by.get(event.id)
        return retraction is not None and retraction.stream == event.stream

    @staticmethod
    def _is_act(event: Event) -> bool:
        return event.stream.startswith("follow-up/")

    def retraction_of(self, event: Event) -> Event | None:
        """The event that struck this one out, if any."""
        return self.retracted_by[event.id] if self._is_struck(event) else None


Predicate = Callable[[Event, Scene], bool]


@dataclass(frozen=True, slots=True)
class Matcher:
    """Which events count: a type, conditions on it, and whether they carry the thread or only concern its people."""

    event: str
    when: tuple[Predicate, ...] = ()
    via_person: bool = False

    def matches(self, event: Event, scene: Scene) -> bool:
        return event.type == self.event and all(predicate(event, scene) for predicate in self.when)

    def candidates(self, scene: Scene) -> tuple[Event, ...]:
        """The standing events it may match."""
        return scene.standing if self.via_person else scene.own_standing


@dataclass(frozen=True, slots=True)
class Count:
    """`n` matching events within so many days; an episode takes in every further one until its review is recorded."""

    n: int
    of: tuple[Matcher, ...]
    within_days: int


@dataclass(frozen=True, slots=True)
class Computed:
    """A due date with what it rests on. `gap` names an input that is missing; `at` is None when nothing can be said."""

    at: datetime | None
    skipped: tuple[tuple[date, str], ...] = ()
    because: str = ""
    gap: str | None = None


DueRule = Callable[[Event, Scene, WorkingCalendar], Computed]


@dataclass(frozen=True, slots=True)
class LadderRung:
    """A rung as the pack states it: an offset from the due date, or from the opening."""

    name: str
    to: tuple[str, ...]
    after: Offset | None
    from_opening: bool
    urgent: bool
    repeat: Offset | None


@dataclass(frozen=True, slots=True)
class Step:
    """One expectation. `text` is what people read: title, expects, basis, source, confidence, the due rule in words."""

    id: str
    standard: str
    thread: str
    opens_on: tuple[Matcher, ...]
    counted: Count | None
    due: DueRule
    met_by: tuple[Matcher, ...]
    ended_by: tuple[Matcher, ...]
    recurs: bool
    owner: Callable[[Event, Scene], Owner]
    ladder: tuple[LadderRung, ...]
    fallback: str | None
    visible: DueRule | None
    applies_from: date
    text: Mapping[str, str]
    content: Mapping[str, Any]

    def opened_by(self, event: Event, scene: Scene) -> bool:
        """Whether this event, which carries the scene's thread, opens the step."""
        return any(matcher.matches(event, scene) for matcher in self.opens_on)


@dataclass(frozen=True)
class Ruleset:
    """The steps in force in one area from one instant on, with the calendar and the pack versions they come from."""

    area: str
    since: datetime
    steps: Mapping[str, Step]
    calendar: WorkingCalendar
    versions: Mapping[str, str]

    @cached_property
    def by_thread(self) -> Mapping[str, tuple[Step, ...]]:
        """The steps by kind of thread."""
        found: dict[str, list[Step]] = {}
        for step in self.steps.values():
            found.setdefault(step.thread, []).append(step)
        return {kind: tuple(steps) for kind, steps in found.items()}


@dataclass(frozen=True, slots=True)
class Adoption:
    """A pack was adopted: from `at` (UTC) on it is in force, whole, with this calendar."""

    at: datetime
    pack: str
    version: str
    content: Mapping[str, Any]
    calendar: WorkingCalendar
    event_id: str


@dataclass(frozen=True)
class RulesHistory:
    """Every adoption there ever was. The first set is taken to hold for all that was recorded before it."""

    adoptions: tuple[Adoption, ...]
    _timelines: dict[str, tuple[Ruleset, ...]] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, adoptions: Iterable[Adoption]) -> RulesHistory:
        return cls(tuple(sorted(adoptions, key=lambda adoption: (adoption.at, adoption.event_id))))

    @property
    def number(self) -> int:
        """How many adoptions are known; views computed under a higher number replace those under a lower one."""
        return len(self.adoptions)

    def timeline(self, area: str) -> tuple[Ruleset, ...]:
        """The rulesets of an area, oldest first; empty before the national pack is adopted."""
        if area not in self._timelines:
            self._timelines[area] = tuple(self._compiled(area))
        return self._timelines[area]

    def in_force(self, area: str, at: datetime) -> Ruleset | None:
        """What is in force in the area at this instant; the earliest set for any time before it."""
        timeline = self.timeline(area)
        return next(
            (ruleset for ruleset in reversed(timeline) if ruleset.since <= at), timeline[0] if timeline else None
        )

    def since(self, area: str, at: datetime) -> Iterator[tuple[Ruleset, datetime | None]]:
        """The rulesets in force from `at` on, oldest first, each with the instant at which the next replaced it."""
        timeline = self.timeline(area)
        for position, ruleset in enumerate(timeline):
            until = timeline[position + 1].since if position + 1 < len(timeline) else None
            if until is None or until > at:
                yield ruleset, until

    def counted_steps(self, area: str, kind: str) -> frozenset[str]:
        """The ids of the counted steps that were ever in force in the area for this kind of thread."""
        return frozenset(
            step.id
            for ruleset in self.timeline(area)
            for step in ruleset.by_thread.get(kind, ())
            if step.counted is not None
        )

    def newest(self, area: str) -> Ruleset | None:
        """The last set adopted for the area."""
        timeline = self.timeline(area)
        return timeline[-1] if timeline else None

    def calendar(self, area: str) -> WorkingCalendar:
        """The calendar adopted last for the area. Raises LookupError before anything is adopted."""
        ruleset = self.newest(area)
        if ruleset is None:
            raise LookupError(f"no rules are in force in {area}")
        return ruleset.calendar

    def thread_kinds(self) -> frozenset[str]:
        """Every kind of thread that any adopted step is about."""
        return frozenset(
            step["thread"]
            for adoption in self.adoptions
            for step in adoption.content["steps"].values()
            if "thread" in step
        )

    def _compiled(self, area: str) -> Iterable[Ruleset]:
        national: Adoption | None = None
        local: Adoption | None = None
        for adoption in self.adoptions:
            if adoption.pack == NATIONAL:
                national = adoption
            elif adoption.pack == area:
                local = adoption
            else:
                continue
            if national is not None:
                yield _ruleset(area, adoption.at, national, local)


def _ruleset(area: str, since: datetime, national: Adoption, local: Adoption | None) -> Ruleset:
    contents = dict(national.content["steps"])
    versions = {national.pack: national.version, "calendar": national.calendar.version}
    if local is not None:
        versions[local.pack] = local.version
        for step_id, overrides in local.content["steps"].items():
            contents[step_id] = {**contents.get(step_id, {}), **overrides}
    steps = {step_id: compile_step(step_id, content) for step_id, content in contents.items()}
    return Ruleset(area, since, steps, national.calendar, versions)


# --- compiling one step -------------------------------------------------------------------------------------------


def compile_step(step_id: str, content: Mapping[str, Any]) -> Step:
    """The step that this content of a pack describes. The content has been validated; nonsense raises KeyError."""
    opening = content["opens_on"]
    counted = None
    if isinstance(opening, Mapping) and "count" in opening:
        counted = Count(opening["count"], _matchers(opening["of"]), opening["within_days"])
    return Step(
        id=step_id,
        standard=step_id.partition(".")[0],
        thread=content["thread"],
        opens_on=() if counted else _matchers(opening),
        counted=counted,
        due=compile_due(content["due"]),
        met_by=_matchers(content.get("met_by", [])),
        ended_by=_matchers(content.get("ended_by", [])),
        recurs=content.get("recurs", False),
        owner=_compile_owner(content["owner"]),
        ladder=tuple(_compile_rung(rung) for rung in content["ladder"]),
        fallback=content.get("fallback"),
        visible=compile_due(content["visible_from"]) if "visible_from" in content else None,
        applies_from=date.fromisoformat(content["applies_from"]),
        text={
            **{name: content[name] for name in ("title", "expects", "basis", "source", "confidence")},
            "due": due_in_words(content["due"]),
        },
        content=content,
    )


def _matchers(content: Any) -> tuple[Matcher, ...]:
    items = content if isinstance(content, list) else [content]
    return tuple(_matcher(item) for item in items)


def _matcher(item: Any) -> Matcher:
    if isinstance(item, str):
        return Matcher(item)
    return Matcher(item["event"], _predicates(item.get("when", [])), item.get("via") == "person")


def _compile_rung(content: Mapping[str, Any]) -> LadderRung:
    after = content.get("after")
    return LadderRung(
        name=content["name"],
        to=tuple(content["to"]),
        after=Offset.parse(after) if after else None,
        from_opening=content.get("from") == "opening",
        urgent=content.get("urgent", False),
        repeat=Offset.parse(content["repeat"]) if "repeat" in content else None,
    )


def _compile_owner(content: Mapping[str, Any]) -> Callable[[Event, Scene], Owner]:
    def owner(opening: Event, scene: Scene) -> Owner:
        role = opening.role if content["role"] == "actor" else content["role"]
        person = opening.actor if content.get("person") == "actor" else _value(content.get("person"), opening, scene)
        team = opening.team if content.get("team") == "actor" else _value(content.get("team"), opening, scene)
        if team is None and role == opening.role:
            team = opening.team
        return Owner(role, team, person)

    return owner


def _value(expression: Mapping[str, str] | str | None, opening: Event, scene: Scene) -> Any:
    """A field of the opening event, or of the latest standing event of a type."""
    if not isinstance(expression, Mapping):
        return None
    wanted = expression.get("event")
    if wanted is None:
        return opening.data.get(expression["field"])
    found = (event.data.get(expression["field"]) for event in reversed(scene.standing) if event.type == wanted)
    return next((value for value in found if value is not None), None)


# --- named predicates ---------------------------------------------------------------------------------------------


def _predicates(content: Iterable[Mapping[str, Any]]) -> tuple[Predicate, ...]:
    return tuple(_predicate(item) for item in content)


def _predicate(item: Mapping[str, Any]) -> Predicate:
    ((name, argument),) = item.items()
    return PREDICATES[name](argument)


def _field_equals(argument: list[Any]) -> Predicate:
    name, value = argument
    return lambda event, scene: event.data.get(name) == value


def _field_in(argument: list[Any]) -> Predicate:
    name, values = argument
    return lambda event, scene: event.data.get(name) in values


def _field_present(name: str) -> Predicate:
    return lambda event, scene: event.data.get(name) is not None


def _field_at_least(argument: list[Any]) -> Predicate:
    name, least = argument
    return lambda event, scene: isinstance(event.data.get(name), int | float) and event.data[name] >= least


def _thread_has(argument: Any) -> Predicate:
    matcher = _matcher(argument)
    return lambda event, scene: any(matcher.matches(other, scene) for other in scene.own_standing)


def _person_has(argument: Any) -> Predicate:
    matcher = _matcher(argument)
    return lambda event, scene: any(
        other.subject == event.subject and matcher.matches(other, scene) for other in scene.standing
    )


def _not(argument: Mapping[str, Any]) -> Predicate:
    inner = _predicate(argument)
    return lambda event, scene: not inner(event, scene)


def _any_of(argument: list[Mapping[str, Any]]) -> Predicate:
    inner = _predicates(argument)
    return lambda event, scene: any(predicate(event, scene) for predicate in inner)


PREDICATES: Mapping[str, Callable[[Any], Predicate]] = {
    "field_equals": _field_equals,
    "field_in": _field_in,
    "field_present": _field_present,
    "field_at_least": _field_at_least,
    "thread_has": _thread_has,
    "person_has": _person_has,
    "not": _not,
    "any_of": _any_of,
}


# --- due dates ----------------------------------------------------------------------------------------------------


def compile_due(content: Mapping[str, Any]) -> DueRule:
    """A due rule: an offset after something, the earliest or latest of several, or the first case that applies."""
    if "earliest" in content:
        return _chosen(min, [compile_due(option) for option in content["earliest"]])
    if "latest" in content:
        return _chosen(max, [compile_due(option) for option in content["latest"]])
    if "choose" in content:
        return _first_case(
            [(_predicates(case.get("when", [])), compile_due(case["then"])) for case in content["choose"]]
        )
    return _after(content.get("after", "opening"), Offset.parse(offset_part(content)), due_in_words(content))


def offset_part(content: Mapping[str, Any]) -> dict[str, Any]:
    """The offset of a plain due rule, without its anchor."""
    return {name: value for name, value in content.items() if name != "after"}


def _after(anchor: Any, offset: Offset, words: str) -> DueRule:
    def computed(opening: Event, scene: Scene, calendar: WorkingCalendar) -> Computed:
        if anchor == "opening":
            found = due(offset, opening.occurred_at, opening.precision, calendar)
            return Computed(found.at, found.skipped, words)
        if "nth" in anchor:
            matcher = _matcher(anchor)
            matching = [event for event in matcher.candidates(scene) if matcher.matches(event, scene)]
            if len(matching) < anchor["nth"]:
                return Computed(None)
            event = matching[anchor["nth"] - 1]
            found = due(offset, event.occurred_at, event.precision, calendar)
            return Computed(found.at, found.skipped, words)
        value = _value(anchor, opening, scene)
        if value is None:
            return Computed(None, gap=anchor["field"])
        day = at_london(date.fromisoformat(value), datetime.min.time())
        found = due(offset, day, "day", calendar)
        return Computed(found.at, found.skipped, words)

    return computed


def _chosen(pick: Callable[..., Computed], options: list[DueRule]) -> DueRule:
    def computed(opening: Event, scene: Scene, calendar: WorkingCalendar) -> Computed:
        results = [option(opening, scene, calendar) for option in options]
        gap = next((result.gap for result in results if result.gap), None)
        known = [result for result in results if result.at is not None]
        if not known:
            return Computed(None, gap=gap)
        best = pick(known, key=lambda result: result.at)
        return Computed(best.at, best.skipped, best.because, gap)

    return computed


def _first_case(cases: list[tuple[tuple[Predicate, ...], DueRule]]) -> DueRule:
    def computed(opening: Event, scene: Scene, calendar: WorkingCalendar) -> Computed:
        for predicates, rule in cases:
            if all(predicate(opening, scene) for predicate in predicates):
                return rule(opening, scene, calendar)
        return Computed(None, gap="due-rule")

    return computed


def due_in_words(content: Mapping[str, Any]) -> str:
    """The due rule as a practitioner would say it."""
    if "earliest" in content:
        return "whichever comes first of: " + "; ".join(due_in_words(option) for option in content["earliest"])
    if "latest" in content:
        return "whichever comes last of: " + "; ".join(due_in_words(option) for option in content["latest"])
    if "choose" in content:
        return "; ".join(_case_in_words(case) for case in content["choose"])
    anchor = content.get("after", "opening")
    words = Offset.parse(offset_part(content)).text()
    if anchor == "opening":
        return f"{words} after it opened" if words != "the same day" else "the same day"
    if "nth" in anchor:
        return f"{words} after {anchor['event']} number {anchor['nth']}"
    return f"{words} {'' if words.endswith('before') else 'after '}the {anchor['field'].replace('_', ' ')}"


def _case_in_words(case: Mapping[str, Any]) -> str:
    conditions = " and ".join(_predicate_in_words(predicate) for predicate in case.get("when", []))
    return f"{conditions or 'otherwise'}: {due_in_words(case['then'])}"


def _predicate_in_words(item: Mapping[str, Any]) -> str:
    ((name, argument),) = item.items()
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
        value = argument[1]
        shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        return f"{argument[0].replace('_', ' ')} {'is' if name != 'field_at_least' else 'at least'} {shown}"
    return f"{name.replace('_', ' ')} {argument}"


def happened_before(event: Event, opening: Event) -> bool:
    """Whether the event is over before the opening began. On one stream the order of recording decides."""
    if event.stream == opening.stream:
        return event.version < opening.version
    return span(event.occurred_at, event.precision)[1] < span(opening.occurred_at, opening.precision)[0]


def is_inherited(step: Step, opening: Event) -> bool:
    """Whether the opening lies before the day from which the step applies in its area."""
    return london_date(opening.occurred_at) < step.applies_from


def explained(computed: Computed, opening: Event) -> dict[str, Any]:
    """The due date's reasons, for people: the rule in words, the clock's start, the days that did not count."""
    return {
        "rule": computed.because,
        "clock_started": to_text(opening.occurred_at),
        "precision": opening.precision,
        "skipped": [f"{day.isoformat()} ({why})" for day, why in computed.skipped],
    }
