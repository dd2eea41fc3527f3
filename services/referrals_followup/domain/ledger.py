"""The ledger: from the rules and the events to the follow-ups. Pure, total, without a clock, and free of order.

For one thread, `fold` gives the same follow-ups for every permutation and duplication of the same events. Each has an
id that depends only on its step, its thread and what opened it, so chases and acts stay with it whatever comes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from services.referrals_followup.domain.follow_up import (
    ENDED,
    ENDED_STATE,
    MET,
    OPEN,
    VOID,
    FollowUp,
    Rung,
)
from services.referrals_followup.domain.in_force import Ruleset, RulesHistory
from services.referrals_followup.domain.scene import Evidence, Scene, happened_before, order_key
from services.referrals_followup.domain.standards import Computed, Step, explained, is_inherited
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id, reference_of
from shared.kernel.time import due


def fold(rules: RulesHistory, thread: str, evidence: Iterable[Evidence]) -> list[FollowUp]:
    """Every follow-up about `thread`, sorted by id. `evidence` holds the thread's events and those about its people."""
    scene = Scene(thread, evidence)
    found = [*_simple(rules, scene), *_counted(rules, scene)]
    return sorted(found, key=lambda follow_up: follow_up.id)


@dataclass(frozen=True, slots=True)
class _Opening:
    """What opens a follow-up: the event, the id it leads to, and the retraction that voids it, if any.

    `continues`: the event met the round before. `is_episode`: it completes a count. `acted_on`: shown in any case.
    """

    event: Event
    follow_up_id: str
    retraction: Event | None = None
    continues: bool = False
    is_episode: bool = False
    acted_on: bool = False

    def is_asked_for(self, step: Step, scene: Scene) -> bool:
        if self.is_episode:
            return step.counted is not None
        return self.continues or step.opened_by(self.event, scene)


def _simple(rules: RulesHistory, scene: Scene) -> Iterable[FollowUp]:
    """One follow-up for each opening; of a recurring step, one more for each event that met the one before."""
    found: dict[str, FollowUp] = {}
    continuing: list[tuple[Step, FollowUp]] = []

    def look_at(step_id: str, opening: _Opening) -> None:
        if opening.follow_up_id in found:
            return
        follow_up, step = _under_the_rules_in_force(rules, scene, step_id, opening)
        if follow_up is not None and step is not None:
            found[follow_up.id] = follow_up
            if step.recurs and follow_up.state == MET:
                continuing.append((step, follow_up))

    openings = [
        (step_id, _Opening(event, derived_id(step_id, scene.thread, event.id), scene.retraction_of(event)))
        for event in scene.own
        for step_id in rules.step_ids(event.area, scene.kind)
    ]
    for step_id, opening in openings:
        look_at(step_id, opening)
    while continuing:
        step, met = continuing.pop()
        event = next(event for event in scene.standing if event.id == met.closed_by)
        look_at(step.id, _Opening(event, derived_id(step.id, scene.thread, event.id), continues=True))
    # Last, what somebody acted on although nothing asks for it any longer: it stays visible, as void.
    for step_id, opening in openings:
        if opening.follow_up_id in scene.acted_on:
            look_at(step_id, replace(opening, acted_on=True))
    return found.values()


def _under_the_rules_in_force(
    rules: RulesHistory, scene: Scene, step_id: str, opening: _Opening
) -> tuple[FollowUp | None, Step | None]:
    """Closed: as of the rules in force when it closed. Open: as of the newest. Asked for once but no longer: void."""
    follow_up: FollowUp | None = None
    step: Step | None = None
    for ruleset, until in rules.since(opening.event.area, opening.event.recorded_at):
        asking = ruleset.steps.get(step_id)
        if asking is None:
            follow_up = follow_up and _void(follow_up, ruleset)
            continue
        is_asked = opening.is_asked_for(asking, scene)
        if not is_asked and follow_up is None and not opening.acted_on:
            continue
        step = asking
        follow_up = _evaluated(ruleset, step, scene, opening, until)
        if not is_asked:
            follow_up = _void(follow_up, ruleset)
        elif follow_up.state != OPEN:
            break
    return follow_up, step


def _void(follow_up: FollowUp, ruleset: Ruleset) -> FollowUp:
    return replace(_closed(follow_up, VOID, None, "no longer asked for"), rules=dict(ruleset.versions))


def _evaluated(ruleset: Ruleset, step: Step, scene: Scene, opening: _Opening, until: datetime | None) -> FollowUp:
    event = opening.event
    computed = step.due(event, scene, ruleset.calendar)
    due_at = computed.at or event.recorded_at
    visible = step.visible(event, scene, ruleset.calendar).at if step.visible else None
    follow_up = FollowUp(
        id=opening.follow_up_id,
        reference=reference_of(opening.follow_up_id),
        step=step.id,
        standard=step.standard,
        title=step.text["title"],
        expects=step.text["expects"],
        thread=scene.thread,
        person=event.subject,
        area=event.area,
        state=OPEN,
        opened_by=event.id,
        opened_type=event.type,
        opened_at=event.occurred_at,
        opened_recorded_at=event.recorded_at,
        opened_actor=event.actor,
        opened_team=event.team,
        due_at=due_at,
        visible_from=visible or event.occurred_at,
        owner=step.owner(event, scene),
        rungs=_rungs(ruleset, step, event, scene, due_at, computed),
        rules=dict(ruleset.versions),
        basis=step.text["basis"],
        source=step.text["source"],
        confidence=step.text["confidence"],
        inherited=is_inherited(step, event),
        gap=computed.gap,
        fallback=step.fallback,
        receiver_role=step.receiver_role(event, scene),
        receiver_team=step.receiver_team(event, scene),
        why=explained(computed, event, ruleset.calendar.covers(due_at.year)),
    )
    if opening.retraction is not None:
        return _closed(follow_up, VOID, opening.retraction, "opening recorded in error")
    closing = _closing(step, scene, opening, until)
    if closing is None:
        return follow_up
    closer, state = closing
    reason = closer.data.get("reason_code") or closer.type
    return _closed(follow_up, state, closer, reason)


def _rungs(
    ruleset: Ruleset, step: Step, opening: Event, scene: Scene, due_at: datetime, computed: Computed
) -> tuple[Rung, ...]:
    is_urgent = bool(step.urgent_when) and all(predicate(opening, scene) for predicate in step.urgent_when)
    rungs = [Rung("data-gap", opening.recorded_at, ("owner",))] if computed.gap else []
    for rung in step.ladder:
        start, precision = (opening.occurred_at, opening.precision) if rung.from_opening else (due_at, "minute")
        at = due(rung.after, start, precision, ruleset.calendar).at if rung.after else due_at
        rungs.append(Rung(rung.name, at, rung.to, rung.urgent or is_urgent, at >= due_at, rung.repeat))
    return tuple(rungs)


def _closing(step: Step, scene: Scene, opening: _Opening, until: datetime | None) -> tuple[Event, str] | None:
    """The first thing to close it, of all that was recorded before the rules changed, and the state it leads to."""
    candidates: list[tuple[Event, str]] = []
    for matchers, state in ((step.met_by, MET), (step.ended_by, ENDED_STATE)):
        for matcher in matchers:
            candidates += [(event, state) for event in matcher.candidates(scene) if matcher.matches(event, scene)]
    candidates = [(event, state) for event, state in candidates if _counts_after(event, opening)]
    candidates += [
        (event, ENDED_STATE)
        for event in scene.acts
        if event.type == ENDED and event.data["follow_up_id"] == opening.follow_up_id
    ]
    in_time = [(event, state) for event, state in candidates if until is None or event.recorded_at < until]
    return min(in_time, key=lambda candidate: (order_key(candidate[0]), candidate[1]), default=None)


def _counts_after(event: Event, opening: _Opening) -> bool:
    if opening.continues:
        return order_key(event) > order_key(opening.event)
    return event.id != opening.event.id and not happened_before(event, opening.event)


def _closed(follow_up: FollowUp, state: str, closer: Event | None, reason: str) -> FollowUp:
    return replace(
        follow_up,
        state=state,
        closed_by=closer.id if closer else None,
        closed_at=closer.occurred_at if closer else None,
        closed_recorded_at=closer.recorded_at if closer else None,
        closed_actor=closer.actor if closer else None,
        closed_reason=reason,
    )


def _counted(rules: RulesHistory, scene: Scene) -> Iterator[FollowUp]:
    """Episodes of "n within d days". Their ids go by ordinal, so a late event that moves an opening moves no chase."""
    areas = {event.area for event in scene.own}
    for step_id in sorted({found for area in areas for found in rules.step_ids(area, scene.kind, counted=True)}):
        standing = list(_episodes(rules, scene, step_id, scene.own_standing))
        claimed = list(_episodes(rules, scene, step_id, scene.own))
        for ordinal in count():
            follow_up_id = derived_id(step_id, scene.thread, str(ordinal))
            retraction = None
            if ordinal < len(standing):
                event = standing[ordinal]
            elif ordinal < len(claimed) or (follow_up_id in scene.acted_on and scene.own):
                # Retracted or redated facts no longer make up this episode; what was asked stays visible, as void.
                event = claimed[ordinal] if ordinal < len(claimed) else scene.own[-1]
                retraction = max(scene.retracted_by.values(), key=order_key, default=event)
            else:
                break
            acted_on = follow_up_id in scene.acted_on
            opening = _Opening(event, follow_up_id, retraction, is_episode=True, acted_on=acted_on)
            follow_up, _ = _under_the_rules_in_force(rules, scene, step_id, opening)
            if follow_up is not None:
                yield follow_up


def _episodes(rules: RulesHistory, scene: Scene, step_id: str, events: Iterable[Event]) -> Iterator[Event]:
    """The event that completes the count, for each episode; an open episode takes in every later event."""
    counted: list[Event] = []
    reviewed: Event | None = None
    for event in events:
        ruleset = rules.newest(event.area)
        step = ruleset.steps.get(step_id) if ruleset else None
        if step is None or step.counted is None or (reviewed and order_key(event) <= order_key(reviewed)):
            continue
        if not any(matcher.matches(event, scene) for matcher in step.counted.of):
            continue
        opens_at = event.occurred_at - timedelta(days=step.counted.within_days)
        counted = [earlier for earlier in counted if earlier.occurred_at >= opens_at] + [event]
        if len(counted) < step.counted.n:
            continue
        yield event
        closing = _closing(step, scene, _Opening(event, ""), None)
        if closing is None:
            return
        reviewed, counted = closing[0], []
