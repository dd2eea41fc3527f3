"""The ledger: from the rules and the events to the follow-ups. Pure, total, without a clock, whatever the order.

For one thread, `fold` gives the same follow-ups for every permutation and duplication of the same events. Each has an
id that depends only on its step, its thread and what opened it, so chases and acts stay with it whatever comes later.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

from services.referrals_followup.domain.claims import (
    find_answers,
    find_claims,
    find_lacking,
    find_lowering,
    find_worlds,
    join,
)
from services.referrals_followup.domain.follow_up import (
    ACCEPTED,
    ASSIGNED,
    ENDED_STATE,
    GROWN,
    MET,
    OPEN,
    REFUSED,
    VOID,
    FollowUp,
    Matter,
    Rung,
    acts_of,
    find_ending,
    owner_of,
)
from services.referrals_followup.domain.holders import find_owner, find_present_holders
from services.referrals_followup.domain.predicates import find_judged
from services.referrals_followup.domain.rules_history import UNASKED, Ruleset, RulesHistory, StepIndex
from services.referrals_followup.domain.sides import find_asked_side
from services.referrals_followup.domain.standards import (
    ENDS,
    HOUSEHOLD,
    NEVER_ENDS,
    Computed,
    Count,
    Matcher,
    Step,
    explain,
    is_inherited,
)
from services.referrals_followup.domain.thread_history import (
    CASE_CLOSED,
    DIED,
    MOVED,
    PARENTHOOD_LOST,
    PREGNANCY_ENDED,
    Evidence,
    ThreadHistory,
    happened_before,
    is_act,
    last_moment_of,
    order_key,
)
from shared.contracts.agreed import find_asked
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id, reference_of
from shared.kernel.time import due, london_date, span

BEREAVEMENT = "bereavement"
CONTACT = "contact.received.v1"

_BY_OWN_OPENER = attrgetter("by_opener")
_BY_OTHER_OPENER = attrgetter("by_other_opener")
_BY_COUNTED = attrgetter("by_counted")
_BY_CLOSING = attrgetter("by_closing")


def fold(rules: RulesHistory, thread: str, evidence: Iterable[Evidence]) -> list[FollowUp]:
    """Every follow-up about `thread`, sorted by id. `evidence` holds the thread's events and those about its people.

    Where some of it lacks standing, it is folded without these claims and with them, and the more alarming counts.
    """
    known = list(evidence)
    lacking = find_lacking(thread, known)
    if not lacking:
        return _fold(rules, ThreadHistory(thread, known))
    claims = find_claims(thread, known)
    trusted = _fold(rules, ThreadHistory(thread, (item for item in known if item.event.id not in claims)))
    worlds = (_fold(rules, ThreadHistory(thread, world, claims)) for world in find_worlds(claims, known))
    found = join(trusted, worlds) if claims else trusted
    questions = list(_questions(rules, ThreadHistory(thread, known, claims), known, lacking, trusted))
    found = [_hold(rules, follow_up, questions, lacking) for follow_up in found]
    return sorted([*found, *questions], key=lambda follow_up: follow_up.id)


def _fold(rules: RulesHistory, history: ThreadHistory) -> list[FollowUp]:
    found = [*_simple(rules, history), *_counted(rules, history)]
    found += _for_each_open(rules, history, found)
    missing = history.acted_on - {follow_up.id for follow_up in found}
    if missing:
        found += _no_longer_asked_for(rules, history, missing, found)
    return sorted(found, key=lambda follow_up: follow_up.id)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What opens a follow-up: the event, the id it leads to, and the retraction that voids it, if any.

    `continues`: the event met the round before, or starts again what had ended. `is_episode`: it completes a count.
    `acted_on`: shown in any case. `on`: the obligation that was open when the event closed a case, or that the event
    would lower. `counted` are the events that complete the count, `taken_in` those that came after it.
    """

    event: Event
    follow_up_id: str
    retraction: Event | None = None
    continues: bool = False
    is_episode: bool = False
    acted_on: bool = False
    on: FollowUp | None = None
    counted: tuple[Event, ...] = ()
    taken_in: tuple[Event, ...] = ()

    def is_asked_for(self, step: Step, history: ThreadHistory) -> bool:
        if self.is_episode:
            return step.counted is not None
        if step.opened_by_claims:
            return self.on is not None
        return self.continues or step.opened_by(self.event, history)


def _simple(rules: RulesHistory, history: ThreadHistory) -> Iterable[FollowUp]:
    """One follow-up for each opening; one more for each event that met the one before, of a recurring step, and for
    each event that starts again what had ended."""
    found: dict[str, FollowUp] = {}
    continuing: list[tuple[str, Event]] = []

    def look_at(step_id: str, opening: _Opening) -> None:
        if opening.follow_up_id in found:
            return
        follow_up, step = _under_the_rules_in_force(rules, history, step_id, opening)
        if follow_up is not None and step is not None:
            found[follow_up.id] = follow_up
            again = _next_opening(step, follow_up, opening, history)
            if again is not None:
                continuing.append((step.id, again))

    for event in history.facts:
        is_own = event.id in history.own_ids
        for step_id in _steps(rules, history, event, _BY_OWN_OPENER if is_own else _BY_OTHER_OPENER):
            opening_id = derived_id(step_id, history.thread, event.id)
            look_at(step_id, _Opening(event, opening_id, history.retraction_of(event)))
    while continuing:
        step_id, event = continuing.pop()
        look_at(step_id, _Opening(event, derived_id(step_id, history.thread, event.id), continues=True))
    return found.values()


def _next_opening(step: Step, follow_up: FollowUp, opening: _Opening, history: ThreadHistory) -> Event | None:
    """What opens the step again: the event that met a round of it, or the event until which it had ended."""
    if follow_up.state == MET and step.recurs:
        return next(event for event in history.standing if event.id == follow_up.closed_by)
    if follow_up.state != ENDED_STATE or not any(matcher.until for matcher in step.ended_by):
        return None
    end = next((event for event in history.standing if event.id == follow_up.closed_by), None)
    until = [
        one
        for matcher in step.ended_by
        if end is not None
        and (is_act(end) or (matcher.event == end.type and matcher.closes(end, opening.event, history)))
        for one in matcher.until
    ]
    return next(
        (
            event
            for event in history.standing_of(*{one.event for one in until})
            if end is not None
            and order_key(event) > order_key(end)
            and event.id not in history.claims
            and any(one.event == event.type and one.matches(event, history) for one in until)
        ),
        None,
    )


def _steps(
    rules: RulesHistory,
    history: ThreadHistory,
    event: Event,
    index: Callable[[StepIndex], Mapping[str, tuple[str, ...]]],
) -> Sequence[str]:
    """The steps for this kind of thread that `index` lists for the event's type.

    They are those of the area where it was recorded and those of the area where its person lives.
    """
    if event.type not in index(rules.of_any_area(history.kind)):
        return ()
    here, there = event.area, history.area_of(event)
    found = index(rules.of_kind(here, history.kind)).get(event.type, ())
    if there == here:
        return found
    return sorted({*found, *index(rules.of_kind(there, history.kind)).get(event.type, ())})


def _under_the_rules_in_force(
    rules: RulesHistory, history: ThreadHistory, step_id: str, opening: _Opening
) -> tuple[FollowUp | None, Step | None]:
    """The follow-up: closed by the rules in force when it closed, open by the newest, void when these ask for none."""
    area = rules.area_for(step_id, opening.event, history)
    found = _in_area(rules, history, step_id, opening, area)
    if found[0] is None and opening.acted_on:
        # The rules of an area asked for it where, by later facts, the person never lived.
        others = (_in_area(rules, history, step_id, opening, other) for other in (opening.event.area, *rules.packs()))
        void = next((pair for pair in others if pair[0] is not None), found)
        return void[0] and _void(replace(void[0], area=area), rules.newest(area)), void[1]
    return found


def _in_area(
    rules: RulesHistory, history: ThreadHistory, step_id: str, opening: _Opening, area: str
) -> tuple[FollowUp | None, Step | None]:
    follow_up: FollowUp | None = None
    step: Step | None = None
    for ruleset, until in rules.since(area, opening.event.recorded_at):
        asking = ruleset.steps.get(step_id)
        if asking is None:
            follow_up = follow_up and _void(follow_up, ruleset)
            continue
        is_asked = opening.is_asked_for(asking, history)
        if not is_asked and follow_up is None and not opening.acted_on:
            continue
        step = asking
        follow_up = _evaluate(ruleset, step, history, opening, until)
        if not is_asked:
            follow_up = _void(follow_up, ruleset)
        elif follow_up.state != OPEN:
            break
    return follow_up, step


def _void(follow_up: FollowUp, ruleset: Ruleset | None) -> FollowUp:
    rules = dict(ruleset.versions) if ruleset else follow_up.rules
    return replace(follow_up, state=VOID, rules=rules, **_closing_fields(None, "no longer asked for"))


def _evaluate(
    ruleset: Ruleset, step: Step, history: ThreadHistory, opening: _Opening, until: datetime | None
) -> FollowUp:
    event = opening.event
    computed = step.due(event, history, ruleset.calendar)
    due_at = computed.at or event.recorded_at
    visible = step.visible(event, history, ruleset.calendar).at if step.visible else None
    begun_for = history.person_of(event)
    person = history.find_child() or begun_for
    # A claim shows whom it is about to nobody more, and a claim on somebody else's record not that record either.
    is_claimed = event.id in history.claims
    recorded_in = set() if is_claimed and event.stream != history.thread else {event.area}
    lives_in = set() if is_claimed else {history.lives_in(one) for one in (person, begun_for)}
    seen_in = {ruleset.area, *recorded_in, *lives_in, *(() if is_claimed else _both_ends(event))}
    state, closer, reason = _ending(step, history, opening, until)
    rungs = _rungs(ruleset, step, opening, history, due_at, computed)
    is_routine = step.after_loss == ENDS and not step.guarded and not any(rung.urgent for rung in rungs)
    return FollowUp(
        id=opening.follow_up_id,
        reference=reference_of(opening.follow_up_id),
        step=step.id,
        standard=step.standard,
        title=step.text["title"],
        expects=step.text["expects"],
        thread=history.thread,
        person=person,
        area=ruleset.area,
        areas=tuple(sorted(area for area in seen_in if area)),
        state=state,
        opened_by=event.id,
        opened_type=event.type,
        opened_at=event.occurred_at,
        opened_recorded_at=event.recorded_at,
        opened_actor=event.actor,
        opened_team=event.team,
        due_at=due_at,
        visible_from=visible or event.occurred_at,
        owner=find_owner(step.owner(event, history), event, history, {person, begun_for}),
        rungs=rungs,
        rules=dict(ruleset.versions),
        basis=step.text["basis"],
        source=step.text["source"],
        confidence=step.text["confidence"],
        inherited=is_inherited(step, event, history, ruleset.calendar),
        guarded=step.guarded,
        gap=computed.gap,
        fallback=step.fallback,
        on=opening.on.reference if opening.on else None,
        about=_about_what(opening, history),
        receiver_role=step.receiver_role(event, history),
        receiver_team=step.receiver_team(event, history),
        why={
            **explain(computed, event, ruleset.calendar.covers(due_at.year)),
            **({"judged": judged} if (judged := find_judged(step.content.get("met_by", []), event, history)) else {}),
        },
        holders=find_present_holders(history, {person, begun_for}),
        held_until=_find_pause(ruleset, history, event, {person, begun_for}) if state == OPEN and is_routine else None,
        **_closing_fields(closer, reason),
    )


def _ending(
    step: Step, history: ThreadHistory, opening: _Opening, until: datetime | None
) -> tuple[str, Event | None, str | None]:
    """The state of the follow-up, the event that closed it, and the reason."""
    if opening.retraction is not None:
        return VOID, opening.retraction, "opening recorded in error"
    loss = min(_ending_losses(step, history, opening.event), key=order_key, default=None)
    closing = _closing(step, history, opening, until, loss)
    if closing is None:
        return OPEN, None, None
    closer, state = closing
    reason = closer.data.get("reason_code") or closer.type
    return state, closer, BEREAVEMENT if loss and closer.id == loss.id else reason


def _ending_losses(step: Step, history: ThreadHistory, opening: Event) -> Iterator[Event]:
    """A step that goes on after a loss still ends when the person it is about dies, unless a loss opened it."""
    for loss in history.losses_for(opening) if step.after_loss != NEVER_ENDS else ():
        if step.after_loss == ENDS or (loss.type == DIED and opening.type not in (DIED, PREGNANCY_ENDED)):
            yield loss


def _find_pause(
    ruleset: Ruleset, history: ThreadHistory, opening: Event, people: Collection[str | None]
) -> datetime | None:
    """Until when these people are not chased about routinely, because of a death in their family or a loss; None where
    it was over before the opening became known."""
    losses = {loss.id: loss for person in people if person for loss in history.bereavements_of(person)}
    pauses = [
        due(pause, last_moment_of(loss), "minute", ruleset.calendar).at
        for loss in losses.values()
        # His own service learns of the loss of a pregnancy under another type.
        if (pause := ruleset.pauses.get(PREGNANCY_ENDED if loss.type == PARENTHOOD_LOST else loss.type))
    ]
    last = max(pauses, default=None)
    return last if last and last > opening.recorded_at else None


def _about_what(opening: _Opening, history: ThreadHistory) -> tuple[Matter, ...]:
    """What a follow-up is about beside its opening: the obligation left open, or the record."""
    if opening.on is not None:
        return opening.on.matters
    begun = history.find_beginning() if opening.event.id not in history.own_ids else None
    return (Matter(begun.type, (begun.team,)),) if begun else ()


def _both_ends(opening: Event) -> set[str]:
    """Both areas of a move see its handover: the one left and the one that takes over."""
    return {opening.data["from_area"], opening.data["to_area"]} if opening.type == MOVED else set()


def _rungs(
    ruleset: Ruleset, step: Step, opened: _Opening, history: ThreadHistory, due_at: datetime, computed: Computed
) -> tuple[Rung, ...]:
    opening = opened.event
    is_urgent = bool(step.urgent_when) and all(predicate(opening, history) for predicate in step.urgent_when)
    rungs = (
        [Rung("data-gap", opening.recorded_at, ("owner",), alarm=opening.recorded_at >= due_at)] if computed.gap else []
    )
    for rung in step.ladder:
        start = last_moment_of(opening) if rung.from_opening else due_at
        at = due(rung.after, start, "minute", ruleset.calendar).at if rung.after else due_at
        rungs.append(Rung(rung.name, at, rung.to, rung.urgent or is_urgent, at >= due_at, rung.repeat))
    return (*rungs, *_grown(opened, rungs)) if step.counted and step.counted.tells_growth else tuple(rungs)


def _grown(opened: _Opening, rungs: Sequence[Rung]) -> Iterator[Rung]:
    """A rung for each day on which the count grew after somebody was told of it: it is new again for the same people.

    Each has a name of its own, so that whoever was told of one is told of the next.
    """
    first = min((rung for rung in rungs if rung.name != "data-gap"), key=lambda rung: rung.at)
    known = sorted((*opened.counted, *opened.taken_in), key=_order_of_recording)
    told_from = max([first.at, opened.event.recorded_at, *(one.recorded_at for one in known[: len(opened.counted)])])
    grown: dict[date, datetime] = {}
    for event in known[len(opened.counted) :]:
        if event.recorded_at > told_from:
            grown.setdefault(london_date(event.recorded_at), event.recorded_at)
    for number, at in enumerate(grown.values(), 1):
        yield Rung(f"{GROWN}-{number}", at, first.to, first.urgent, True)


def _closing(
    step: Step, history: ThreadHistory, opening: _Opening, until: datetime | None, loss: Event | None = None
) -> tuple[Event, str] | None:
    """The first event that closes it, of those recorded before the rules changed, and the state it leads to."""

    def is_in_time(event: Event) -> bool:
        return until is None or event.recorded_at < until

    def first(matcher: Matcher) -> Event | None:
        """The first match in order. Later matches close nothing."""
        for event in history.standing_of(matcher.event):
            if (
                is_in_time(event)
                and _reads_what_was_counted(event, opening)
                and event.id not in history.claims
                and _counts_after(event, opening)
                and matcher.closes(event, opening.event, history)
            ):
                return event
        return None

    candidates = [
        (event, state)
        for matchers, state in ((step.met_by, MET), (step.ended_by, ENDED_STATE))
        for matcher in matchers
        if (event := first(matcher)) is not None
    ]
    others = [(event, ENDED_STATE) for event in find_ending(history.acts, opening.follow_up_id)]
    if step.met_by_acceptance:
        others += _taken_over(history, opening)
    if loss is not None:
        others.append((loss, ENDED_STATE))
    candidates += [(event, state) for event, state in others if is_in_time(event)]
    return min(candidates, key=lambda candidate: (order_key(candidate[0]), candidate[1]), default=None)


def _taken_over(history: ThreadHistory, opening: _Opening) -> Iterator[tuple[Event, str]]:
    """Somebody other than the person who closed the case has taken the obligation on, or the obligation has closed."""
    obligation = opening.on
    for follow_up_id in (opening.follow_up_id, obligation.id if obligation else None):
        acts = [act for act in history.acts if act.data["follow_up_id"] == follow_up_id]
        decisive = [act for act in sorted(acts, key=order_key) if act.type in (ACCEPTED, ASSIGNED, REFUSED)]
        # An obligation that was handed back, or given to somebody who has not answered yet, belongs to nobody.
        if decisive and decisive[-1].type == ACCEPTED and decisive[-1].actor != opening.event.actor:
            yield decisive[-1], MET
    for event in (*history.standing, *history.retractions):
        if obligation and event.id == obligation.closed_by:
            yield event, MET
            break


def _reads_what_was_counted(event: Event, opening: _Opening) -> bool:
    """Whether a review that names the contacts it read names all of those that were counted."""
    return all(_has_read(event, one) for one in opening.counted if one.type == CONTACT and "contacts" in event.data)


def _counts_after(event: Event, opening: _Opening) -> bool:
    if opening.continues:
        return order_key(event) > order_key(opening.event)
    return event.id != opening.event.id and not happened_before(event, opening.event)


def _closing_fields(closer: Event | None, reason: str | None) -> dict[str, Any]:
    """The fields of a follow-up that describe its closing."""
    return {
        "closed_by": closer.id if closer else None,
        "closed_at": closer.occurred_at if closer else None,
        "closed_recorded_at": closer.recorded_at if closer else None,
        "closed_actor": closer.actor if closer else None,
        "closed_reason": reason,
    }


# --- counts -------------------------------------------------------------------------------------------------------


def _counted(rules: RulesHistory, history: ThreadHistory) -> Iterator[FollowUp]:
    """Episodes of "n within d days". Their ids go by ordinal, so a late event that moves an opening moves no chase.

    The people of a household have their episodes in common. Each is about the person whom the event is about that
    completes it. What an event ended starts again as the steps do that count nothing.
    """
    listed: set[str] = set()
    asked = {step_id for event in history.facts for step_id in _steps(rules, history, event, _BY_COUNTED)}
    for step_id in sorted(asked):
        types = rules.types_counted(step_id)
        standing = list(_episodes(rules, history, step_id, history.standing_of(*types)))
        ever = [event for event in history.everything if event.type in types] if history.retractions else []
        claimed = list(_episodes(rules, history, step_id, ever)) if ever else standing
        for ordinal in range(max(len(standing), len(claimed))):
            # Only retracted facts made up the episodes after the standing ones. These stay as void.
            is_standing = ordinal < len(standing)
            episode = standing[ordinal] if is_standing else claimed[ordinal]
            if _is_of_another(rules, history, step_id, episode.event):
                continue
            retraction = None if is_standing else _last_retraction_of(rules, history, step_id, ever)
            opening = replace(episode, retraction=retraction)
            follow_up, step = _under_the_rules_in_force(rules, history, step_id, opening)
            while follow_up is not None and step is not None and follow_up.id not in listed:
                listed.add(follow_up.id)
                yield follow_up
                again = _next_opening(step, follow_up, opening, history) if follow_up.state == ENDED_STATE else None
                if again is None:
                    break
                opening = _Opening(again, derived_id(step_id, history.thread, again.id), continues=True)
                follow_up, step = _under_the_rules_in_force(rules, history, step_id, opening)


def _is_of_another(rules: RulesHistory, history: ThreadHistory, step_id: str, event: Event) -> bool:
    """Whether an event that completes the count of a household is about somebody else of it."""
    rule = _count_for(rules, history, step_id, event)[2]
    of_household = rule is not None and any(matcher.via == HOUSEHOLD for matcher in rule.of)
    return of_household and history.person(str(event.subject)) not in history.subjects


def _last_retraction_of(rules: RulesHistory, history: ThreadHistory, step_id: str, events: Iterable[Event]) -> Event:
    """The last retraction of an event that the step counts or resets its count by; else of any event known here."""
    retractions = [
        retraction
        for event in events
        if (retraction := history.retraction_of(event))
        and (rule := _count_for(rules, history, step_id, event)[2])
        and _any_matches((*rule.of, *rule.reset_by), event, history)
    ]
    return max(retractions, key=order_key, default=history.retractions[-1])


def _count_for(
    rules: RulesHistory, history: ThreadHistory, step_id: str, event: Event
) -> tuple[str, Step | None, Count | None]:
    """The area whose numbers count for the event, and the step and its count under that area's newest rules."""
    area = rules.area_for(step_id, event, history)
    ruleset = rules.newest(area)
    step = ruleset.steps.get(step_id) if ruleset else None
    return area, step, step.counted if step else None


def _episode_id(step_id: str, history: ThreadHistory, ordinal: int) -> str:
    return derived_id(step_id, history.thread, str(ordinal))


def _episodes(rules: RulesHistory, history: ThreadHistory, step_id: str, events: Iterable[Event]) -> Iterator[_Opening]:
    """Each episode: the event that completes the count, what was counted, and what the episode took in since.

    An open episode takes in every later event of its area. Where the family has moved on, what was counted before the
    move counts on: nobody there has seen it yet. A review empties only of what it read.
    """
    if history.is_counted_elsewhere:
        return
    counted: list[Event] = []
    closed: dict[str, Event | None] = {}
    newest: dict[str, int] = {}
    seen: set[Any] = set()
    episodes: list[_Opening] = []
    for event in events:
        area, step, rule = _count_for(rules, history, step_id, event)
        if step is None or rule is None:
            continue
        if event.id not in history.claims and _any_matches(rule.reset_by, event, history):
            counted = []
        if not _any_matches(rule.of, event, history):
            continue
        keys = {_notice_of(event, history), *((event.stream,) if rule.once_per_record else ())}
        if not seen.isdisjoint(keys):
            continue
        seen |= keys
        readings = (one for one in _find_readings(rule, history) if order_key(one) < order_key(event))
        counted = _still_counted(rule, counted, event, [*closed.values(), *readings])
        if area in closed and _takes_in(closed[area], event):
            episode = episodes[newest[area]]
            episodes[newest[area]] = replace(episode, taken_in=(*episode.taken_in, event))
            continue
        complete = _find_complete(rule, counted, event)
        if not complete:
            continue
        episode = _Opening(event, _episode_id(step_id, history, len(episodes)), is_episode=True, counted=complete)
        newest[area] = len(episodes)
        episodes.append(episode)
        closing = _closing(step, history, episode, None)
        closed[area] = closing[0] if closing else None
    yield from episodes


def _notice_of(event: Event, history: ThreadHistory) -> Any:
    """What all notices of one event have in common: their group, what it was, and its day.

    Of an injury and of alleged harm also the child counts, and the place on the body: a group that is used again hides
    no second one. Without a group each entry is an event of its own, save that an agency closes the cases of one
    household on one day by one decision.
    """
    data = event.data
    if event.type in CASE_CLOSED:
        return (event.type, data["agency"], london_date(span(event.occurred_at, event.precision)[0]))
    if not data.get("group_id"):
        return event.id
    day = data.get("happened_on") or london_date(span(event.occurred_at, event.precision)[0]).isoformat()
    what = tuple(sorted(data["about"])) if data.get("about") else (data.get("kind"), data.get("site"))
    child = None if event.type == CONTACT else history.person(str(event.subject))
    return (event.type, data["group_id"], day, what, child)


def _any_matches(matchers: Iterable[Matcher], event: Event, history: ThreadHistory) -> bool:
    return any(event.type == matcher.event and matcher.matches(event, history) for matcher in matchers)


def _still_counted(rule: Count, counted: list[Event], event: Event, reviews: Iterable[Event | None]) -> list[Event]:
    """The events that can count together with this one: those that no review has read that did not read this one too,
    and within the most days by London's dates at their latest."""
    since_day = _days_before(event, max(days for _, days in rule.thresholds))
    unread = [review for review in reviews if review and not _has_read(review, event)]
    return [
        one for one in counted if _last_day(one) >= since_day and not any(_has_read(review, one) for review in unread)
    ] + [event]


def _find_readings(rule: Count, history: ThreadHistory) -> Iterator[Event]:
    """The reviews that empty the count of what they read."""
    for matcher in rule.emptied_by:
        for event in history.standing_of(matcher.event):
            if event.id not in history.claims and matcher.matches(event, history):
                yield event


def _find_complete(rule: Count, counted: Sequence[Event], event: Event) -> tuple[Event, ...]:
    """The events that complete one of the counts; none while there are too few."""
    for n, days in rule.thresholds:
        near = tuple(one for one in counted if _last_day(one) >= _days_before(event, days))
        if len(near) >= n:
            return near
    return ()


def _days_before(event: Event, days: int) -> date:
    return london_date(span(event.occurred_at, event.precision)[0]) - timedelta(days=days)


def _last_day(event: Event) -> date:
    return london_date(span(event.occurred_at, event.precision)[1])


def _takes_in(closing: Event | None, event: Event) -> bool:
    return closing is None or _has_read(closing, event)


def _has_read(review: Event, event: Event) -> bool:
    """Whether a review can have read what this event says: it was known by then. One that names the contacts which it
    read has read no other contact."""
    if event.type == CONTACT and "contacts" in review.data:
        return event.data["contact_id"] in review.data["contacts"]
    return order_key(event) <= order_key(review) and event.recorded_at <= review.recorded_at


# --- closings -----------------------------------------------------------------------------------------------------


def _for_each_open(rules: RulesHistory, history: ThreadHistory, found: list[FollowUp]) -> Iterator[FollowUp]:
    """One follow-up for each obligation that was still open when an agency closed its case about the same person.

    A claim of a closing opens none: it would show somebody else's obligations to whoever claims it.
    """
    for event in (event for event in history.facts if event.id not in history.claims):
        for step_id in _steps(rules, history, event, _BY_CLOSING):
            for obligation in found:
                if _was_open(obligation, event, history) and obligation.standard != step_id.partition(".")[0]:
                    yield from _about(rules, history, step_id, obligation, event)


def _about(
    rules: RulesHistory, history: ThreadHistory, step_id: str, obligation: FollowUp, closing: Event
) -> Iterator[FollowUp]:
    follow_up_id = derived_id(step_id, obligation.id, closing.id)
    opening = _Opening(closing, follow_up_id, history.retraction_of(closing), on=obligation)
    follow_up, _ = _under_the_rules_in_force(rules, history, step_id, opening)
    if follow_up is not None:
        yield replace(follow_up, expects=f"{follow_up.expects}: {obligation.step} {obligation.reference}")


def _was_open(obligation: FollowUp, closing: Event, history: ThreadHistory) -> bool:
    """Whether this was expected, and visible, when the case closed, about somebody whose case it was.

    A closing known by its day or month counts from its last moment, as a due date does.
    """
    at = last_moment_of(closing)
    if obligation.state == VOID or not history.is_about(closing, obligation.person):
        return False
    if obligation.opened_by == closing.id or obligation.opened_at > at or obligation.visible_from > at:
        return False
    return obligation.closed_at is None or (obligation.closed_at > at and obligation.closed_by != closing.id)


# --- questions about claims ---------------------------------------------------------------------------------------


def _questions(
    rules: RulesHistory,
    history: ThreadHistory,
    known: Collection[Evidence],
    lacking: Mapping[str, Evidence],
    trusted: list[FollowUp],
) -> Iterator[FollowUp]:
    """One question for each follow-up and each claim that would lower it, for the owner of the follow-up.

    Each claim is weighed alone against what has standing, so no further claim silences a question.
    """
    step_ids = rules.of_any_area(history.kind).opened_by_claims
    counted = [item for item in known if item.event.id not in history.claims]
    for item in lacking.values() if step_ids else ():
        claim, answers = item.event, find_answers(item.event, known)
        waits = claim.id in history.claims and not answers
        left_out = {claim.id, *(answer.id for answer in answers)}
        without = [one for one in counted if one.event.id not in left_out]
        confirmed = ThreadHistory(history.thread, [*without, item])
        after = {follow_up.id: follow_up for follow_up in _fold(rules, confirmed)}
        for follow_up in trusted if waits else _fold(rules, ThreadHistory(history.thread, without)):
            would = find_lowering(follow_up, after.get(follow_up.id)) if follow_up.state == OPEN else None
            is_asked = would is not None and (bool(answers) or (waits and history.retraction_of(claim) is None))
            for step_id in step_ids if not _is_question(follow_up, step_ids) else ():
                opening = _Opening(claim, derived_id(step_id, follow_up.id, claim.id), on=follow_up)
                if is_asked or opening.follow_up_id in history.acted_on:
                    yield from _question(rules, confirmed, step_id, opening, follow_up, would, answers, is_asked)


def _is_question(follow_up: FollowUp, step_ids: Iterable[str]) -> bool:
    """Whether it asks about a claim itself."""
    return follow_up.standard in {step_id.partition(".")[0] for step_id in step_ids}


def _question(
    rules: RulesHistory,
    history: ThreadHistory,
    step_id: str,
    opening: _Opening,
    lowered: FollowUp,
    would: str | None,
    answers: list[Event],
    is_asked: bool,
) -> Iterator[FollowUp]:
    """The question, as the rules of the follow-up's area ask it. Its owner owns the question, its readers see it.

    Where the claiming team owns the follow-up itself, the side that stands to lose is asked, unless the claim names
    somebody who is to agree to it.
    """
    question, _ = _in_area(rules, history, step_id, opening, lowered.area)
    if question is None:
        return
    acts = acts_of(act for act in history.acts if act.data["follow_up_id"] == lowered.id)
    owner, claim = owner_of(lowered, acts), opening.event
    is_own = claim.team == owner.team and find_asked(claim) is None
    question = replace(
        question,
        owner=find_asked_side(claim, history) if is_own else owner,
        person=lowered.person,
        areas=lowered.areas,
        expects=f"{question.expects}: {lowered.step} {lowered.reference}",
        why={**question.why, "would": would},
    )
    if answers:
        yield replace(question, state=MET, **_closing_fields(answers[0], answers[0].type))
    else:
        yield replace(question, state=OPEN, **_closing_fields(None, None)) if is_asked else _void(question, None)


def _hold(
    rules: RulesHistory, follow_up: FollowUp, questions: Iterable[FollowUp], lacking: Mapping[str, Evidence]
) -> FollowUp:
    """A routine follow-up, held while the first claim that its person died waits for an answer, and not for longer.

    A later claim of the same death holds nothing, so nobody can go on delaying. Of two people's deaths
    the shorter hold counts.
    """
    if follow_up.state != OPEN or follow_up.guarded or any(rung.urgent for rung in follow_up.rungs):
        return follow_up
    deaths = [item.event for item in lacking.values() if item.event.type == DIED]
    first = {death.subject: death for death in sorted(deaths, key=_order_of_recording, reverse=True)}
    holds_until: list[datetime] = []
    for question in questions:
        asks_about = lacking[question.opened_by].event
        if question.state != OPEN or question.id != derived_id(question.step, follow_up.id, asks_about.id):
            continue
        ruleset = rules.newest(follow_up.area)
        holds = ruleset.steps[question.step].holds if ruleset and question.step in ruleset.steps else None
        if ruleset and holds and first.get(asks_about.subject) is asks_about:
            holds_until.append(due(holds, asks_about.recorded_at, "minute", ruleset.calendar).at)
    if not holds_until:
        return follow_up
    until = min(holds_until)
    # What a death in the family holds by itself, no claim makes shorter.
    return replace(follow_up, held_until=max(until, follow_up.held_until or until))


def _order_of_recording(event: Event) -> tuple[datetime, str]:
    return (event.recorded_at, event.id)


# --- what was acted on --------------------------------------------------------------------------------------------


def _no_longer_asked_for(
    rules: RulesHistory, history: ThreadHistory, missing: frozenset[str], found: list[FollowUp]
) -> Iterator[FollowUp]:
    """The follow-ups that somebody acted on and that nothing asks for any longer. They stay visible as void.

    Their ids are found again among all that can ever have opened one here, whichever ids were joined and wherever
    people were thought to live.
    """
    kinds = [rules.of_kind(pack, history.kind) for pack in rules.packs()]
    openings = [
        (step_id, _Opening(event, derived_id(step_id, history.thread, event.id), history.retraction_of(event)))
        for event in history.ever
        for step_id in sorted({one for kind in kinds for one in kind.by_opener.get(event.type, ())})
    ]
    types = rules.relevant.get(history.kind, UNASKED).own
    relevant = [event for event in history.own if event.type in types]
    openings += [
        (step_id, _Opening(relevant[-1], _episode_id(step_id, history, ordinal)))
        for step_id in sorted({one for kind in kinds for several in kind.by_counted.values() for one in several})
        for ordinal in range(len(history.ever) if relevant else 0)
    ]
    closings = [
        (step_id, event)
        for event in history.ever
        for step_id in sorted({one for kind in kinds for one in kind.by_closing.get(event.type, ())})
    ]
    listed = {follow_up.id: follow_up for follow_up in found}
    for step_id, opening in openings:
        about = [
            closing for closing in closings if derived_id(closing[0], opening.follow_up_id, closing[1].id) in missing
        ]
        if opening.follow_up_id not in listed and (about or opening.follow_up_id in missing):
            follow_up, _ = _under_the_rules_in_force(rules, history, step_id, replace(opening, acted_on=True))
            if follow_up is not None:
                listed[follow_up.id] = follow_up
                yield follow_up
        for closing_step, event in about if opening.follow_up_id in listed else ():
            for follow_up in _about(rules, history, closing_step, listed[opening.follow_up_id], event):
                yield _void(follow_up, None) if follow_up.state == OPEN else follow_up
