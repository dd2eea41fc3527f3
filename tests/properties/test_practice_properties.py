"""The ledger's promises under the real packs and the real catalogue, for the whole of a family's threads."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.referrals_followup.domain.as_of import with_acts
from services.referrals_followup.domain.follow_up import (
    ACCEPTED,
    ENDED,
    OPEN,
    FollowUp,
    acts_of,
    next_rung_at,
    owed,
)
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.ledger.view_codec import document_of
from services.referrals_followup.ledger.view_schema import FollowUpView
from shared.contracts import CATALOGUE
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id
from tests.properties.families import (
    HISTORY,
    PEOPLE,
    SPAN_DAYS,
    START,
    THINGS,
    TYPES,
    act_of,
    chase_of,
    data_of,
    evidence_of,
    kind_of_record,
    lives,
    threads_of,
)
from tests.unit.practice import CALENDAR, MANAGER

# More of them when asked for: FAMILIES=1500.
EXAMPLES = int(os.environ.get("FAMILIES", "60"))


def folded(events: list[Event]) -> dict[str, list[FollowUp]]:
    """Everything about every thread."""
    evidence = evidence_of(events)
    return {thread: fold(HISTORY, thread, evidence) for thread in threads_of(events)}


@st.composite
def acted_on(draw: st.DrawFn) -> list[Event]:
    """A family's events, and what sweeps and people did about some of the follow-ups they led to."""
    events = draw(lives())
    return [*events, *draw(acts_on(events))]


@st.composite
def acted_on_and_later(draw: st.DrawFn) -> tuple[list[Event], list[Event]]:
    """The same, and what becomes known after that."""
    events = draw(lives())
    return [*events, *draw(acts_on(events))], draw(lives(most=8, before=tuple(events)))


@st.composite
def acts_on(draw: st.DrawFn, events: list[Event]) -> list[Event]:
    acts = []
    for found in (one for several in folded(events).values() for one in several):
        at = START + timedelta(days=draw(st.integers(0, SPAN_DAYS + 400)))
        what = draw(st.sampled_from(["nothing", "chase", "chase", "accept", "end"]))
        if what == "chase":
            acts += [chase_of(found, at)]
        elif what != "nothing" and found.state == OPEN:
            acts += [act_of(found, ENDED, {"reason_code": "done"}, at, MANAGER)] if what == "end" else []
            acts += [act_of(found, ACCEPTED, {}, at, MANAGER)] if what == "accept" else []
    return [act for act in acts if act is not None]


def test_the_made_up_data_keep_every_contract():
    for name, entry in TYPES.items():
        for variant in range(31):
            data = data_of(entry, "00000000-0000-0000-0000-000000000001", "p_" + "a" * 32, variant, START.date())
            assert CATALOGUE.faults(name, data) == {}, name


@settings(max_examples=EXAMPLES)
@given(acted_on(), st.randoms(use_true_random=False))
def test_any_order_and_any_repetition_give_the_same_follow_ups(events, random):
    shuffled = events + random.choices(events, k=len(events))
    random.shuffle(shuffled)
    assert folded(shuffled) == folded(events)


@settings(max_examples=EXAMPLES)
@given(acted_on())
def test_every_follow_up_has_one_id_a_due_date_a_ladder_and_a_visible_ending(events):
    known = {event.id for event in events}
    ids = []
    for thread, several in folded(events).items():
        for found in several:
            ids.append(found.id)
            assert found.thread == thread and found.rungs and found.expects and found.source
            assert found.due_at.tzinfo and found.area in found.areas
            assert (found.closed_reason is None) == (found.state == OPEN)
            assert found.closed_by in known or found.state in (OPEN, "void")
    assert len(set(ids)) == len(ids)


@settings(max_examples=EXAMPLES)
@given(acted_on_and_later())
def test_what_was_acted_on_stays_listed_whatever_becomes_known_later(history):
    """Counted steps, links, moves, losses and closings included: a chase that was sent can always be explained."""
    events, later = history
    chased = {(event.data["thread"], event.data["follow_up_id"]) for event in events if "thread" in event.data}
    for known in (events, events + later):
        listed = {(thread, found.id) for thread, several in folded(known).items() for found in several}
        assert chased <= listed


@settings(max_examples=EXAMPLES)
@given(acted_on(), st.integers(0, SPAN_DAYS + 400))
def test_a_follow_up_is_owed_a_rung_exactly_when_its_next_rung_has_come(events, days):
    now = START + timedelta(days=days)
    acts = defaultdict(list)
    for event in events:
        acts[event.stream].append(event)
    for found in (one for several in folded(events).values() for one in several):
        done = acts_of(acts[f"follow-up/{found.id}"])
        following = next_rung_at(found, done, CALENDAR)
        assert bool(owed(found, done, CALENDAR, now)) == (following is not None and following <= now)
        assert following is None or following >= found.opened_recorded_at


@settings(max_examples=EXAMPLES)
@given(lives(), st.data())
def test_knowing_less_about_the_hour_never_makes_anything_due_later(events, data):
    """Never later than the same entry known to the minute of its recording."""
    vague = data.draw(st.sampled_from(events))
    exact = replace(vague, occurred_at=vague.recorded_at, precision="minute")
    known = folded([exact if event is vague else event for event in events])
    dues = {found.id: found.due_at for several in known.values() for found in several}
    for found in (one for several in folded(events).values() for one in several):
        if found.opened_by == vague.id and found.id in dues:
            assert found.due_at <= dues[found.id], found.step


@settings(max_examples=EXAMPLES)
@given(lives(), st.sampled_from(["case.closed.v1", "referral.closed.v1", "support.ended.v1"]), st.data())
def test_a_closing_lowers_no_count_and_ends_no_expectation_that_is_not_its_own(events, name, data):
    on = START + timedelta(days=data.draw(st.integers(0, SPAN_DAYS)))
    thing, person = data.draw(st.sampled_from(THINGS)), data.draw(st.sampled_from(PEOPLE))
    stream = f"{kind_of_record(TYPES[name])}/{thing}"
    closing = replace(
        events[0],
        id=derived_id("closing", name),
        type=name,
        subject=person,
        stream=stream,
        version=1 + sum(event.stream == stream for event in events),
        occurred_at=on,
        recorded_at=on,
        precision="minute",
        data=data_of(TYPES[name], thing, person, data.draw(st.integers(0, 30)), on.date()),
    )
    after = {found.id: found for several in folded([*events, closing]).values() for found in several}
    for found in (one for thread, several in folded(events).items() for one in several if thread != stream):
        again = after[found.id]
        assert (again.state, again.due_at, again.closed_by) == (found.state, found.due_at, found.closed_by), found.step


@settings(max_examples=EXAMPLES)
@given(lives(), st.data())
def test_a_fact_recorded_later_leads_to_what_it_would_have_led_to_then(events, data):
    """All but who is chased when. Two ids of one person go by the id that was known first, so links are left out."""
    assume(not any(event.type.startswith("person.") for event in events))
    told = data.draw(st.sampled_from(events))
    assume(told.precision == "minute")
    later = replace(told, recorded_at=told.recorded_at + timedelta(days=data.draw(st.integers(1, 400))))

    def outcome(known: list[Event]) -> dict[str, tuple[object, ...]]:
        several = (found for many in folded(known).values() for found in many)
        return {found.id: (found.state, found.opened_by, found.due_at, found.closed_by) for found in several}

    assert outcome([later if event is told else event for event in events]) == outcome(events)


@settings(max_examples=EXAMPLES // 2, deadline=None)
@given(events=acted_on())
def test_a_view_is_written_as_mongoengine_would_write_it(events):
    for several in folded(events).values():
        for found, acts in with_acts(several, evidence_of(events)):
            written = document_of(found, acts, next_rung_at(found, acts, CALENDAR))
            again = FollowUpView._from_son(written).to_mongo()
            assert list(again.items()) == list(written.items())
