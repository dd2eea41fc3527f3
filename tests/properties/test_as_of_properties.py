"""The past's promise: what was known on a day is what had been recorded by then, whatever is recorded later."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.referrals_followup.domain.as_of import AsOf, with_acts
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import NATIONAL, RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from tests.properties.ledgers import START, evidence_of, histories, rules
from tests.properties.test_ledger_properties import worlds

instants = st.integers(-100, 3_000).map(lambda hours: START + timedelta(hours=hours))


def _present(history: RulesHistory, thread: str, evidence: list[Evidence]):
    """What a ledger that knows no more than this shows, with what was done about each."""
    return with_acts(fold(history, thread, evidence), evidence)


@given(worlds(), instants)
def test_an_instant_shows_what_a_ledger_showed_that_had_heard_everything_recorded_by_then(world, at):
    history, thread, evidence = world
    adopted: list = []
    heard: list[Evidence] = []
    recorded = [(adoption.at, 0, adoption) for adoption in history.adoptions]
    recorded += [(item.event.recorded_at, 1, item) for item in evidence]
    for instant, kind, what in sorted(recorded, key=lambda entry: entry[:2]):
        if instant <= at:
            (heard if kind else adopted).append(what)
    # Before any pack was adopted, the first national one holds.
    shown = RulesHistory.of(adopted or history.adoptions[:1])
    assert AsOf.of(history, at).follow_ups(thread, evidence) == _present(shown, thread, heard)


@given(worlds())
def test_as_of_now_everything_is_as_the_lists_show_it(world):
    history, thread, evidence = world
    now = max([item.event.recorded_at for item in evidence] + [adoption.at for adoption in history.adoptions])
    assert AsOf.of(history, now).follow_ups(thread, evidence) == _present(history, thread, evidence)


@given(worlds(), st.data(), instants)
def test_what_is_recorded_or_adopted_later_changes_nothing(world, data, at):
    history, thread, evidence = world
    more = [
        Evidence(replace(item.event, id=f"later-{item.event.id}"), item.refs)
        for item in evidence_of(data.draw(histories()))
        if item.event.recorded_at > at
    ]
    newer = [adoption for adoption in data.draw(rules()).adoptions if adoption.at > max(at, START)]
    longer = RulesHistory.of([*history.adoptions, *newer])
    assert AsOf.of(longer, at).follow_ups(thread, evidence + more) == AsOf.of(history, at).follow_ups(thread, evidence)


@given(rules(), instants)
def test_there_is_always_a_national_pack(history, at):
    then = AsOf.of(history, at).rules
    assert then.adoptions == history.adoptions[: then.number]
    assert any(adoption.pack == NATIONAL for adoption in then.adoptions)
