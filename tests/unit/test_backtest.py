"""A back-test says what a changed pack would have raised, when and to whom; an unchanged one differs in nothing."""

from __future__ import annotations

from typing import Any

import pytest

from services.referrals_followup.domain.as_of import AsOf
from services.referrals_followup.domain.backtest import (
    Difference,
    Period,
    Totals,
    compare,
    raise_in,
    substitute,
    week_of,
)
from services.referrals_followup.domain.backtest_text import difference_lines, total_lines
from services.referrals_followup.domain.thread_history import Evidence
from shared.contracts import CATALOGUE
from shared.kernel.time import london_date
from tests.unit.practice import DIRECTORY, PACKS, PERSON, Practice, as_text, london

YEAR = Period(london("2013-01-01"), london("2013-12-31 23:59"))


def changed(pack: str = "england", **steps: Any) -> dict[str, Any]:
    """The pack with these steps changed or added; those that are None are no longer in it. `REF_01` is REF-01."""
    content = dict(PACKS[pack]["steps"])
    for name, change in steps.items():
        step = name.replace("_", "-", 1).replace("_", ".")
        if change is None:
            del content[step]
        else:
            content[step] = {**content.get(step, {}), **change}
    return {"pack": pack, "version": "tried", "steps": content}


class Tried:
    """What a pack would have raised on one thread, as far as it differs from what was."""

    def __init__(self, practice: Practice, thread: str, pack: dict[str, Any], period: Period = YEAR) -> None:
        evidence = [Evidence(event, frozenset(CATALOGUE.refs(event))) for event in practice.events()]

        def find_recipients(follow_up, rung, owner, at):
            return tuple(one.person for one in DIRECTORY.find_recipients(follow_up, rung, owner, london_date(at)))

        was = AsOf.of(practice.history, period.end)
        sides = []
        self.totals = Totals()
        for number, side in enumerate((was, AsOf(period.end, substitute(was.rules, pack, period.start)))):
            raised = raise_in(side.follow_ups(thread, evidence), side.rules.calendar, period, find_recipients)
            self.totals.count(raised.values(), number, period)
            sides.append(raised)
        self.differences: list[Difference] = list(compare(*sides))

    def told(self, step: str) -> list[tuple[list[str], list[str]]]:
        """For each differing follow-up of the step, what was told and what would be, as `when rung`."""
        return [
            tuple(
                [f"{as_text(one.at)} {one.rung}" for one in side.tellings] if side else []
                for side in (found.was, found.would_be)
            )
            for found in self.differences
            if found.follow_up.step == step
        ]


@pytest.fixture
def practice() -> Practice:
    return Practice()


@pytest.fixture
def referral(practice):
    """Decided on, sent after four working days, and never acknowledged."""
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    referral.was("sent", "2013-01-18 10:00")
    return referral


@pytest.mark.parametrize("pack", PACKS)
def test_an_unchanged_pack_differs_in_nothing(practice, referral, pack):
    tried = Tried(practice, referral.name, {**PACKS[pack], "version": "tried"})
    assert tried.differences == []
    assert all(was == would_be for was, would_be in (*tried.totals.told.values(), *tried.totals.load.values()))
    assert tried.totals.told["REF-01"] == [1, 1]


def test_a_changed_number_moves_what_is_told_and_when(practice, referral):
    late = {"due": {"working_days": 3}}
    assert Tried(practice, referral.name, changed(REF_01=late)).told("REF-01") == [
        (["2013-01-16 17:00 owner"], ["2013-01-17 17:00 owner"])
    ]


def test_a_number_under_which_it_was_done_in_time_tells_nobody(practice, referral):
    tried = Tried(practice, referral.name, changed(REF_01={"due": {"working_days": 6}}))
    assert tried.told("REF-01") == [(["2013-01-16 17:00 owner"], [])]
    assert tried.totals.told["REF-01"] == [1, 0]
    assert tried.totals.asked["REF-01"] == [1, 1]


def test_an_added_step_says_what_it_would_have_raised(practice, referral):
    added = {**PACKS["england"]["steps"]["REF-01"], "due": {"working_days": 1}}
    tried = Tried(practice, referral.name, changed(REF_99=added))
    assert tried.told("REF-99") == [([], ["2013-01-15 17:00 owner", "2013-01-17 17:00 practice-lead"])]
    assert tried.totals.asked["REF-99"] == [0, 1]
    (found,) = [one for one in tried.differences if one.follow_up.step == "REF-99"]
    assert [telling.people for telling in found.would_be.tellings] == [
        ("gp-okafor",),
        ("gp-okafor", "gp-safeguarding-rahman"),
    ]


def test_a_removed_step_says_what_would_not_have_been_raised(practice, referral):
    tried = Tried(practice, referral.name, changed(REF_01=None))
    assert tried.told("REF-01") == [(["2013-01-16 17:00 owner"], [])]
    assert tried.totals.asked["REF-01"] == [1, 0]


def test_an_area_pack_is_tried_in_its_area_alone(practice, referral):
    pack = changed("norfolk", REF_02={"due": {"working_days": 9}})
    assert Tried(practice, referral.name, pack).differences == []
    assert Tried(practice, referral.name, changed("essex", REF_02={"due": {"working_days": 9}})).told("REF-02")


def test_a_later_version_is_replaced_and_what_closed_before_keeps_the_one_in_force(practice, referral):
    practice.adopt("england", "2013-06-03 09:00", {"REF-02": {"due": {"working_days": 5}}})
    tried = Tried(
        practice, referral.name, changed(REF_01={"due": {"working_days": 3}}), Period(london("2013-03-01"), YEAR.end)
    )
    assert tried.told("REF-01") == []
    assert practice.history.number == 4


def test_what_is_recorded_after_the_last_day_is_not_known(practice, referral):
    until = Period(london("2013-01-01"), london("2013-01-17 23:59"))
    referral.was("acknowledged", "2013-01-17 10:00", recorded="2013-02-01 10:00")
    assert Tried(practice, referral.name, changed(REF_01=None), until).totals.told["REF-01"] == [1, 0]


def test_what_was_retracted_was_raised_until_then(practice):
    referral = practice.referral()
    intended = referral.was("intended", "2013-01-14 09:30")
    referral.retracted(intended, "2013-01-17 10:00")
    assert Tried(practice, referral.name, changed(REF_01=None)).told("REF-01") == [(["2013-01-16 17:00 owner"], [])]


def test_the_load_is_counted_by_worker_and_week(practice, referral):
    tried = Tried(practice, referral.name, changed(REF_01={"due": {"working_days": 3}}))
    week = week_of(london("2013-01-16"))
    assert week == "2013-W03"
    assert tried.totals.load[week, "gp-okafor"] == [1, 1]
    assert tried.totals.load["2013-W04", "gp-okafor"] == tried.totals.load["2013-W04", "gp-okafor"][::-1]


def test_the_report_names_steps_workers_and_days_and_nobody_whom_it_is_about(practice, referral):
    tried = Tried(practice, referral.name, changed(REF_01={"due": {"working_days": 3}}))
    lines = [line for found in tried.differences for line in difference_lines(found)]
    follow_up = tried.differences[0].follow_up
    assert lines[:3] == [
        f"{follow_up.reference} REF-01 in essex, opened 2013-01-14 09:30",
        "  was       due 2013-01-16 17:00, met: 2013-01-16 17:00 owner to gp-okafor",
        "  would be  due 2013-01-17 17:00, met: 2013-01-17 17:00 owner to gp-okafor",
    ]
    totals = list(total_lines(tried.totals))
    assert totals[0].split() == ["step", "opened", "would", "be", "told", "would", "be"]
    assert ["2013-W03", "gp-okafor", "1", "1"] in [line.split() for line in totals]
    assert PERSON not in "".join([*lines, *totals])


def test_a_rung_that_is_said_again_is_one_line(practice, referral):
    tried = Tried(practice, referral.name, changed(REF_02=None))
    text = "\n".join(line for found in tried.differences for line in difference_lines(found))
    assert " more until 2013-12-" in text
    assert "would be  nothing" in text
