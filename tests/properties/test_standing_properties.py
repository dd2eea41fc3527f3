"""Whose hand: somebody without standing may raise at once, and lowers nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.referrals_followup.domain.follow_up import OPEN, FollowUp
from services.referrals_followup.domain.ledger import fold
from shared.kernel.decisions import RETRACTION
from shared.kernel.envelope import CIRCLE, NONE, STANDINGS, Event
from shared.kernel.ids import derived_id
from tests.properties.families import AREAS, HISTORY, PEOPLE, evidence_of, lives, threads_of

STRANGERS, OTHERS = "strangers-elsewhere", "others-elsewhere"
SLOW = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def follow_ups(thread: str, events: list[Event]) -> dict[str, FollowUp]:
    return {found.id: found for found in fold(HISTORY, thread, evidence_of(events))}


def find_agreed_moves(events: list[Event]) -> set[str]:
    """The moves that the area which was left has agreed to: on them the new area acts as the receiver."""
    return {event.stream for event in events if not event.is_claim and event.stream.startswith("move/")}


@st.composite
def acts_of_strangers(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """A family's events, of the circle or claimed by one team, and what another team without standing adds."""
    events = draw(lives())
    known, added = [], []
    for event in events:
        who = draw(st.sampled_from(["circle", "circle", "others", "strangers"]))
        if who == "circle":
            known.append(replace(event, standing=draw(st.sampled_from([None, CIRCLE]))))
        else:
            standing = draw(st.sampled_from([NONE, NONE, *STANDINGS[1:]]))
            team = OTHERS if who == "others" else STRANGERS
            (known if who == "others" else added).append(replace(event, standing=standing, team=team))
    agreed = find_agreed_moves(known)
    return known, [event for event in added if not event.has_standing_on(event.stream) and event.stream not in agreed]


@SLOW
@given(acts_of_strangers())
def test_no_event_without_standing_makes_a_follow_up_closed_later_owned_or_visible_to_somebody_else(world):
    known, added = world
    assume(added)
    for thread in threads_of(known):
        trusted = follow_ups(thread, [event for event in known if event.has_standing_on(thread)])
        after = follow_ups(thread, [*known, *added])
        for follow_up in follow_ups(thread, known).values():
            then = after[follow_up.id]
            if follow_up.id in trusted and trusted[follow_up.id].state == OPEN:
                assert then.owner == follow_up.owner
                assert (then.area, then.areas) == (follow_up.area, follow_up.areas)
            if follow_up.state != OPEN:
                continue
            assert then.state == OPEN
            assert then.due_at <= follow_up.due_at
            assert then.visible_from <= follow_up.visible_from
            rungs = {rung.name: rung for rung in then.rungs}
            for rung in follow_up.rungs:
                assert rungs[rung.name].at <= rung.at
                assert rungs[rung.name].urgent >= rung.urgent
                assert rungs[rung.name].to == rung.to or follow_up.id not in trusted


@SLOW
@given(lives(), st.data())
def test_whatever_would_lower_a_follow_up_asks_its_owner_and_lowers_nothing_until_it_is_confirmed(events, data):
    events = [replace(event, standing=CIRCLE) for event in events]
    act = data.draw(st.sampled_from(events))
    claim = replace(act, standing=NONE, team=STRANGERS)
    known = [event for event in events if event.id != act.id]
    if claim.type == RETRACTION:
        assume(not any(event.id == claim.data["event_id"] and event.is_claim for event in known))
        # A retraction is no entry, so nobody takes one back.
        assume(not any(event.type == RETRACTION and event.data["event_id"] == act.id for event in known))
    assume(act.stream not in find_agreed_moves(known))
    for thread in threads_of(events):
        without, claimed = follow_ups(thread, known), follow_ups(thread, [*known, claim])
        confirmed = follow_ups(thread, [*known, replace(claim, standing=CIRCLE)])
        questions = {one.on: one for one in claimed.values() if one.step == "DATA-02.lowers"}
        for follow_up in without.values():
            if follow_up.state != OPEN or follow_up.standard == "DATA-02":
                continue
            then, now = confirmed.get(follow_up.id), claimed[follow_up.id]
            assert (now.state, now.owner) == (OPEN, follow_up.owner)
            assert now.due_at <= follow_up.due_at
            is_lower = then is None or then.state != OPEN or then.due_at > follow_up.due_at
            if is_lower or then.owner != follow_up.owner:
                question = questions[follow_up.reference]
                assert (question.state, question.owner) == (OPEN, follow_up.owner)
                assert (question.area, question.areas) == (follow_up.area, follow_up.areas)


@SLOW
@given(lives(), st.data())
def test_a_claimed_death_holds_only_open_routine_follow_ups_about_that_person_and_only_once(events, data):
    events = [replace(event, standing=CIRCLE) for event in events]
    person = data.draw(st.sampled_from(PEOPLE))
    death, again = (claimed_death(person, events[-1], number) for number in (1, 2))
    for thread in threads_of(events):
        before, held = follow_ups(thread, events), follow_ups(thread, [*events, death])
        twice = follow_ups(thread, data.draw(st.permutations([again, *events, death])))
        for follow_up in before.values():
            now = held[follow_up.id]
            assert replace(now, held_until=follow_up.held_until) == follow_up
            if now.held_until != follow_up.held_until:
                assert now.state == OPEN
                assert not now.guarded
                assert not any(rung.urgent for rung in now.rungs)
            assert twice[follow_up.id].held_until == now.held_until


def claimed_death(person: str, last: Event, number: int) -> Event:
    """A death that one more team without standing claims, after all the rest."""
    at = last.recorded_at + timedelta(days=200 * number)
    return replace(
        last,
        id=derived_id("claimed", str(number)),
        type="person.died.v1",
        stream=f"person/{person}",
        version=100 + number,
        subject=person,
        data={"person_id": person, "family": []},
        occurred_at=at,
        recorded_at=at,
        precision="minute",
        team=f"{STRANGERS}-{number}",
        standing=NONE,
    )


@SLOW
@given(lives(), st.data())
def test_what_raises_has_the_same_effect_whether_or_not_its_actor_has_standing(events, data):
    area = data.draw(st.sampled_from(AREAS))
    events = [replace(event, area=area, standing=CIRCLE) for event in events]
    raising = data.draw(st.sampled_from(events))
    known = [event for event in events if event.id != raising.id]
    for thread in threads_of(events):
        before = follow_ups(thread, known)
        by_circle = follow_ups(thread, [*known, raising])
        if any(follow_up.closed_by == raising.id for follow_up in by_circle.values()):
            continue  # it lowers something here
        by_stranger = follow_ups(thread, [*known, replace(raising, standing=NONE)])
        for follow_up in by_circle.values():
            was = before.get(follow_up.id)
            if follow_up.state != OPEN or (was and (was.state != OPEN or was.due_at < follow_up.due_at)):
                continue  # it lowers this one, or does not touch it
            if follow_up.on is not None:
                continue  # a claim of a closing shows nobody's obligations
            same = by_stranger[follow_up.id]
            assert (same.state, same.due_at) == (OPEN, follow_up.due_at)
            assert {(rung.name, rung.to) for rung in follow_up.rungs} <= {(rung.name, rung.to) for rung in same.rungs}


@SLOW
@given(lives(), st.data())
def test_any_order_of_claims_gives_the_same_follow_ups(events, data):
    stamps = data.draw(st.lists(st.sampled_from([None, *STANDINGS]), min_size=len(events), max_size=len(events)))
    events = [replace(event, standing=stamp) for event, stamp in zip(events, stamps, strict=True)]
    shuffled = data.draw(st.permutations([*events, *events[:3]]))
    for thread in threads_of(events):
        assert follow_ups(thread, list(shuffled)) == follow_ups(thread, events)


@SLOW
@given(lives())
def test_events_from_before_standing_was_stamped_count_as_they_did(events):
    for thread in threads_of(events):
        stamped = [replace(event, standing=CIRCLE) for event in events]
        assert follow_ups(thread, stamped) == follow_ups(thread, events)
