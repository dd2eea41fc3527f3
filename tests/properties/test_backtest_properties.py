"""A back-test's promise: of a pack that is in force it finds what is stored, whatever the rules and the history."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.referrals_followup.domain.as_of import with_acts
from services.referrals_followup.domain.backtest import Period, compare, raise_in, substitute
from services.referrals_followup.domain.ledger import fold
from tests.properties.ledgers import START
from tests.properties.test_ledger_properties import worlds

PERIOD = Period(START - timedelta(days=30), START + timedelta(days=400))


def _find_recipients(follow_up, rung, owner, at):
    return (owner.role, rung.name)


@given(worlds(), st.data(), st.integers(-40, 90))
def test_the_adopted_pack_raises_what_is_stored(world, data, days):
    """From any day on since its last adoption, or, if it was adopted once, from any day at all."""
    history, thread, evidence = world
    pack = data.draw(st.sampled_from(history.packs()))
    adopted = [one for one in history.adoptions if one.pack == pack]
    since = START + timedelta(days=days)
    if len(adopted) > 1:
        since = max(since, adopted[-1].at + timedelta(days=1))
    newest = {"pack": pack, "version": adopted[-1].version, "steps": adopted[-1].content["steps"]}
    tried = substitute(history, newest, since)
    found = fold(tried, thread, evidence)
    assert found == fold(history, thread, evidence)
    was, would_be = (
        raise_in(with_acts(found, evidence), rules.calendar, PERIOD, _find_recipients) for rules in (history, tried)
    )
    assert list(compare(was, would_be)) == []
    assert was == would_be


@given(worlds(), st.integers(-40, 90))
def test_a_pack_without_steps_raises_nothing_more_and_the_rest_stays(world, days):
    history, thread, evidence = world
    since = START + timedelta(days=days)
    tried = substitute(history, {"pack": "england", "version": "none", "steps": {}}, since)
    assert [one.at for one in tried.adoptions if one.pack != "england"] == [
        one.at for one in history.adoptions if one.pack != "england"
    ]
    found = with_acts(fold(tried, thread, evidence), evidence)
    would_be = raise_in(found, tried.calendar, PERIOD, _find_recipients)
    ours = {step for one in history.adoptions if one.pack != "england" for step in one.content["steps"]}
    later = [one for one in would_be.values() if one.follow_up.opened_recorded_at >= since]
    assert {one.follow_up.step for one in later} <= ours
