"""The ledger's promise: the same events, in any order and any number, give the same follow-ups."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.referrals_followup.domain.follow_up import (
    CHASED,
    ENDED,
    OPEN,
    Acts,
    FollowUp,
    acts_of,
    next_rung_at,
    owed,
)
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from shared.kernel.envelope import Event, to_text
from tests.properties.ledgers import CALENDAR, START, evidence_of, histories, rules, threads_of


def _act(follow_up: FollowUp, event_type: str, number: int, at_hours: int) -> Event:
    """Somebody, or a sweep, does something about the follow-up."""
    at = START + timedelta(hours=at_hours)
    data = {"follow_up_id": follow_up.id, "thread": follow_up.thread}
    if event_type == CHASED:
        data |= {"as_of": to_text(at), "rungs": [{"name": "first"}, {"name": "second"}]}
    else:
        data |= {"reason_code": "done"}
    return Event(
        id=f"act-{follow_up.id}-{number}",
        source="referrals_followup",
        type=event_type,
        subject=None,
        occurred_at=at,
        recorded_at=at,
        stream=f"follow-up/{follow_up.id}",
        version=number,
        actor="mia",
        role="manager",
        team="team-a",
        area=follow_up.area,
        correlation_id="x",
        data=data,
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[RulesHistory, str, list[Evidence]]:
    """Rules, a thread, and its evidence: the events, and acts on some of the follow-ups they lead to."""
    history = draw(rules())
    events = draw(histories())
    thread = draw(st.sampled_from(threads_of(events) or ["thing/none"]))
    evidence = evidence_of(events)
    for follow_up in fold(history, thread, evidence):
        for number in range(1, draw(st.integers(0, 2)) + 1):
            event_type = draw(st.sampled_from([CHASED, CHASED, ENDED]))
            act = _act(follow_up, event_type, number, draw(st.integers(0, 2_000)))
            evidence.append(Evidence(act, frozenset({thread, act.stream})))
    return history, thread, evidence


@given(worlds(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_follow_ups(world, random):
    history, thread, evidence = world
    expected = fold(history, thread, evidence)
    shuffled = evidence + random.choices(evidence, k=len(evidence))
    random.shuffle(shuffled)
    assert fold(history, thread, shuffled) == expected


@given(worlds())
def test_every_follow_up_has_one_id_a_due_date_a_ladder_and_a_visible_ending(world):
    history, thread, evidence = world
    follow_ups = fold(history, thread, evidence)
    assert len({follow_up.id for follow_up in follow_ups}) == len(follow_ups)
    for follow_up in follow_ups:
        assert follow_up.rungs
        assert follow_up.why["rule"] or follow_up.gap or follow_up.due_at == follow_up.opened_recorded_at
        assert (follow_up.closed_reason is None) == (follow_up.state == OPEN)
        if follow_up.state in ("met", "ended"):
            assert follow_up.closed_by in {item.event.id for item in evidence}


@given(worlds())
def test_what_was_chased_never_disappears(world):
    history, thread, evidence = world
    chased = {item.event.data["follow_up_id"] for item in evidence if item.event.type == CHASED}
    assert chased <= {follow_up.id for follow_up in fold(history, thread, evidence)}


@given(worlds())
def test_a_chase_changes_nothing_that_is_asked_for(world):
    history, thread, evidence = world
    but_ended = [item for item in evidence if item.event.type != ENDED]
    unchased = [item for item in but_ended if item.event.type != CHASED]
    assert fold(history, thread, but_ended) == fold(history, thread, unchased)


@given(worlds(), st.data())
def test_what_was_chased_stays_listed_whatever_becomes_known_later(world, data):
    history, thread, evidence = world
    chased = {item.event.data["follow_up_id"] for item in evidence if item.event.type == CHASED}
    later = [
        Evidence(item.event, item.refs)
        for item in evidence_of(data.draw(histories()))
        if item.event.id not in {known.event.id for known in evidence}
    ]
    assert chased <= {follow_up.id for follow_up in fold(history, thread, evidence + later)}


@given(worlds(), st.integers(0, 3_000))
def test_a_follow_up_is_owed_a_rung_exactly_when_its_next_rung_has_come(world, hours):
    history, thread, evidence = world
    now = START + timedelta(hours=hours)
    acts: dict[str, list[Event]] = {}
    for item in evidence:
        if item.event.stream.startswith("follow-up/"):
            acts.setdefault(item.event.data["follow_up_id"], []).append(item.event)
    for follow_up in fold(history, thread, evidence):
        done = acts_of(acts.get(follow_up.id, []))
        following = next_rung_at(follow_up, done, CALENDAR)
        assert bool(owed(follow_up, done, CALENDAR, now)) == (following is not None and following <= now)


@given(worlds(), st.integers(0, 3_000))
def test_a_rung_that_was_chased_is_not_owed_again_at_the_same_instant(world, hours):
    history, thread, evidence = world
    now = START + timedelta(hours=hours)
    for follow_up in fold(history, thread, evidence):
        names = {rung.name for rung in owed(follow_up, Acts(), CALENDAR, now)}
        assert not owed(follow_up, Acts(chased=dict.fromkeys(names, now)), CALENDAR, now)
