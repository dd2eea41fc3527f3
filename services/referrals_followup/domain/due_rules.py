"""When something is due, as a pack states it: an offset from a start, the first or last of several, or by case.

`DUE_RULES` holds one spec for each form of a due rule and each start. A spec says how the rule is compiled, described
and checked, and which events it reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from services.referrals_followup.domain.predicates import (
    Problem,
    Site,
    all_in_words,
    check_matcher,
    check_predicates,
    check_value,
    compile_matcher,
    compile_predicates,
    is_positive,
    read_matcher,
    read_predicates,
    read_value,
    value_of,
)
from services.referrals_followup.domain.standards import OWN, Computed, DueRule, Reading
from services.referrals_followup.domain.thread_history import EDD_SAID, ThreadHistory, happened_before, last_moment_of
from services.referrals_followup.domain.wording import event_in_words, in_words
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event
from shared.kernel.time import Offset, at_london, due, span

EARLIEST, LATEST, CHOOSE = "earliest", "latest", "choose"
EDD, OPENING, NTH, FIELD = "edd", "opening", "nth", "field"

# The instant (aware UTC) at which the clock starts; or the name of the input that is missing; or None when what starts
# the clock has not happened yet.
Start = datetime | str | None


@dataclass(frozen=True, slots=True)
class DueSpec:
    """All that the service knows about one form of a due rule; each part takes the rule as a pack states it.

    `compile` gives the function that computes. `describe` says it in words. `check` returns what is wrong at a site.
    `reads` names every type of event that computing looks at, beside the opening.
    """

    compile: Callable[[Mapping[str, Any]], DueRule]
    describe: Callable[[Mapping[str, Any]], str]
    check: Callable[[Mapping[str, Any], Site], list[Problem]]
    reads: Callable[[Mapping[str, Any]], Iterable[Reading]]


def compile_due(content: Mapping[str, Any]) -> DueRule:
    return DUE_RULES[_form_of(content)].compile(content)


def due_in_words(content: Mapping[str, Any]) -> str:
    """The due rule as a practitioner would say it."""
    return DUE_RULES[_form_of(content)].describe(content)


def check_due(content: Any, site: Site) -> list[Problem]:
    """What is wrong with a due rule; the site is about the events that open the step."""
    if not isinstance(content, Mapping):
        return site.fault("is a mapping such as {working_days: 2}")
    form = _form_of(content)
    if form is None:
        offers = "has `event` and `nth`, or `field`"
        if not isinstance(content["after"], Mapping):
            offers = "is `opening`, `edd`, or a mapping with `event` and `nth`, or `field`"
        return [*site.at("after").fault(offers), *_check_offset(content, site)]
    return DUE_RULES[form].check(content, site)


def read_due(content: Mapping[str, Any]) -> Iterator[Reading]:
    yield from DUE_RULES[_form_of(content)].reads(content)


def _form_of(content: Mapping[str, Any]) -> Any:
    """The name of the rule's spec; None when there is none."""
    for form in (EARLIEST, LATEST, CHOOSE):
        if form in content:
            return form
    anchor = content.get("after", OPENING)
    if isinstance(anchor, Mapping):
        return NTH if NTH in anchor else FIELD if FIELD in anchor and set(anchor) <= {FIELD, "event"} else None
    return anchor if anchor in (OPENING, EDD) else None


# --- the first or last of several ---------------------------------------------------------------------------------


def _several(form: str, pick: Callable[..., Computed], words: str) -> DueSpec:
    def compile_several(content: Mapping[str, Any]) -> DueRule:
        options = [compile_due(option) for option in content[form]]

        def compute(opening: Event, history: ThreadHistory, calendar: WorkingCalendar) -> Computed:
            results = [option(opening, history, calendar) for option in options]
            gap = next((result.gap for result in results if result.gap), None)
            known = [result for result in results if result.at is not None]
            if not known:
                return Computed(None, gap=gap)
            best = pick(known, key=lambda result: result.at)
            return Computed(best.at, best.skipped, best.because, gap)

        return compute

    def check(content: Mapping[str, Any], site: Site) -> list[Problem]:
        options = content[form]
        if not isinstance(options, list) or len(content) != 1 or not options:
            return site.fault(f"{form} is a list of due rules and stands alone")
        return [problem for i, option in enumerate(options) for problem in check_due(option, site.at(form, i))]

    return DueSpec(
        compile=compile_several,
        describe=lambda content: f"{words}: " + "; ".join(map(due_in_words, content[form])),
        check=check,
        reads=lambda content: (reading for option in content[form] for reading in read_due(option)),
    )


# --- by case ------------------------------------------------------------------------------------------------------


def _compile_cases(content: Mapping[str, Any]) -> DueRule:
    cases = [(compile_predicates(case.get("when", [])), compile_due(case["then"])) for case in content[CHOOSE]]

    def compute(opening: Event, history: ThreadHistory, calendar: WorkingCalendar) -> Computed:
        for predicates, rule in cases:
            if all(predicate(opening, history) for predicate in predicates):
                return rule(opening, history, calendar)
        return Computed(None, gap="due-rule")

    return compute


def _describe_case(case: Mapping[str, Any]) -> str:
    conditions = all_in_words(case.get("when", []))
    return f"{conditions or 'otherwise'}: {due_in_words(case['then'])}"


def _check_cases(content: Mapping[str, Any], site: Site) -> list[Problem]:
    if len(content) != 1:
        return site.fault("choose stands alone")
    site, cases = site.at(CHOOSE), content[CHOOSE]
    if not isinstance(cases, list) or not cases:
        return site.fault("is a list of cases")
    problems: list[Problem] = []
    for index, case in enumerate(cases):
        here = site.at(index)
        if not isinstance(case, Mapping) or not set(case) <= {"when", "then"} or "then" not in case:
            problems += here.fault("a case has `then` and, unless it is the last, `when`")
            continue
        problems += check_predicates(case.get("when", []), here.at("when"))
        problems += check_due(case["then"], here.at("then"))
    if isinstance(cases[-1], Mapping) and cases[-1].get("when"):
        problems += site.fault("the last case has no `when`, so that there is always a due date")
    return problems


def _read_cases(content: Mapping[str, Any]) -> Iterator[Reading]:
    for case in content[CHOOSE]:
        yield from read_predicates(case.get("when", []))
        yield from read_due(case["then"])


# --- an offset from a start ---------------------------------------------------------------------------------------


def _offset_from(
    start: Callable[[Any], Callable[[Event, ThreadHistory], Start]],
    describe: Callable[[Any, str], str],
    check: Callable[[Any, Site], list[Problem]],
    reads: Callable[[Any], Iterable[Reading]],
) -> DueSpec:
    """The spec of an offset from one kind of start. All parts take the anchor; `describe` also the offset in words."""

    def compile_offset(content: Mapping[str, Any]) -> DueRule:
        find_start, offset, words = start(_anchor_of(content)), _offset_of(content), due_in_words(content)

        def compute(opening: Event, history: ThreadHistory, calendar: WorkingCalendar) -> Computed:
            found = find_start(opening, history)
            if found is None or isinstance(found, str):
                return Computed(None, gap=found)
            end = due(offset, found, "minute", calendar)
            return Computed(end.at, end.skipped, words)

        return compute

    return DueSpec(
        compile=compile_offset,
        describe=lambda content: describe(_anchor_of(content), _offset_of(content).text()),
        check=lambda content, site: [*check(_anchor_of(content), site.at("after")), *_check_offset(content, site)],
        reads=lambda content: reads(_anchor_of(content)),
    )


def _anchor_of(content: Mapping[str, Any]) -> Any:
    return content.get("after", OPENING)


def _offset_of(content: Mapping[str, Any]) -> Offset:
    return Offset.parse({name: value for name, value in content.items() if name != "after"})


def _check_offset(content: Mapping[str, Any], site: Site) -> list[Problem]:
    try:
        _offset_of(content)
    except ValueError as error:
        return site.fault(str(error))
    return []


def _after(words: str, start: str) -> str:
    return f"{words} {'' if words.endswith('before') else 'after '}{start}"


def _day(text: str) -> Start:
    return span(at_london(date.fromisoformat(text), datetime.min.time()), "day")[1]


def _start_at_edd(anchor: str) -> Callable[[Event, ThreadHistory], Start]:
    def find_start(opening: Event, history: ThreadHistory) -> Start:
        edd = history.edd()
        return EDD if edd is None else _day(edd)

    return find_start


def _start_at_nth(anchor: Mapping[str, Any]) -> Callable[[Event, ThreadHistory], Start]:
    matcher, is_since = compile_matcher(anchor), anchor.get("since") == OPENING

    def find_start(opening: Event, history: ThreadHistory) -> Start:
        matching = [
            event
            for event in history.standing_of(matcher.event)
            if matcher.matches(event, history) and not (is_since and happened_before(event, opening))
        ]
        if len(matching) < anchor[NTH]:
            return None
        return last_moment_of(matching[anchor[NTH] - 1])

    return find_start


def _describe_nth(anchor: Mapping[str, Any], words: str) -> str:
    start = f"{words} after {event_in_words(anchor['event'])} number {anchor[NTH]}"
    return f"{start} from the opening on" if "since" in anchor else start


def _check_nth(anchor: Mapping[str, Any], site: Site) -> list[Problem]:
    problems = check_matcher({name: value for name, value in anchor.items() if name not in (NTH, "since")}, site)
    if not is_positive(anchor[NTH]):
        problems += site.at(NTH).fault("is a whole number from 1")
    if anchor.get("since", OPENING) != OPENING:
        problems += site.at("since").fault("is `opening`: of the events from then on")
    return problems


def _start_at_field(anchor: Mapping[str, Any]) -> Callable[[Event, ThreadHistory], Start]:
    def find_start(opening: Event, history: ThreadHistory) -> Start:
        value = value_of(anchor, opening, history)
        return str(anchor[FIELD]) if value is None else _day(value)

    return find_start


def _check_date(anchor: Mapping[str, Any], site: Site) -> list[Problem]:
    events = (anchor["event"],) if "event" in anchor else site.events
    return [*check_value(anchor, site), *site.names.check_date(site.place, anchor[FIELD], events)]


DUE_RULES: Mapping[str, DueSpec] = {
    EARLIEST: _several(EARLIEST, min, "whichever comes first of"),
    LATEST: _several(LATEST, max, "whichever comes last of"),
    CHOOSE: DueSpec(
        compile=_compile_cases,
        describe=lambda content: "; ".join(map(_describe_case, content[CHOOSE])),
        check=_check_cases,
        reads=_read_cases,
    ),
    OPENING: _offset_from(
        lambda anchor: lambda opening, history: last_moment_of(opening),
        describe=lambda anchor, words: words if words == "the same day" else f"{words} after it opened",
        check=lambda anchor, site: [],
        reads=lambda anchor: (),
    ),
    EDD: _offset_from(
        _start_at_edd,
        describe=lambda anchor, words: _after(words, "the expected delivery date"),
        check=lambda anchor, site: [],
        reads=lambda anchor: (Reading(event_type, OWN) for event_type in EDD_SAID),
    ),
    NTH: _offset_from(_start_at_nth, _describe_nth, _check_nth, read_matcher),
    FIELD: _offset_from(
        _start_at_field,
        describe=lambda anchor, words: _after(words, f"the {in_words(anchor[FIELD])}"),
        check=_check_date,
        reads=read_value,
    ),
}
