"""Case T, replayed like Case S: a made-up family with a loss, twins, a late import, a late NHS number and two moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from deploy.local.case import CASE_T, Alarm, Case, Judgement, judge, load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import local_stack
from shared.events.mongo import open_database
from shared.kernel.time import london_date
from tests.support import without_foreign_backends

pytestmark = pytest.mark.heavy

LOST_ON = date(2016, 2, 8)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of the replay: its alarms, judged, every chase, and every follow-up as it stood at the end."""

    case: Case
    alarms: list[Alarm]
    judgement: Judgement
    known: dict[str, str]
    chases: list[dict[str, Any]]
    follow_ups: list[dict[str, Any]]

    def recipients_of(self, step: str, rung: str, on: date) -> set[str]:
        """Everybody whom the alarm told."""
        found = [alarm for alarm in self.alarms if (alarm.step, alarm.rung, alarm.on) == (step, rung, on)]
        assert len(found) == 1
        return set(found[0].told)

    def about(self, name: str) -> list[dict[str, Any]]:
        """The follow-ups about what the case remembers under this name."""
        return [found for found in self.follow_ups if found["thread"].partition("/")[2] == self.known[name]]


@pytest.fixture(scope="module")
def replayed() -> Iterator[Replayed]:
    case = load_case(CASE_T)
    environment = without_foreign_backends()
    with local_stack(fresh_name("test"), replay_clock=case.begins, environment=environment) as stack:
        replay = Replay(stack, case)
        for _ in replay.days():
            pass
        database = open_database(stack.backends.mongodb_uri, "referrals_followup")
        chases = [found["event"] for found in database.events.find({"event.type": "follow_up.chased.v1"})]
        alarms, follow_ups = replay.alarms(), list(database.follow_ups.find())
        yield Replayed(case, alarms, judge(case, alarms, replay.known), replay.known, chases, follow_ups)


def test_every_expected_alarm_is_raised_and_no_other(replayed: Replayed) -> None:
    assert replayed.judgement.missing == []
    assert list(replayed.judgement.unexpected) == []


def test_after_a_loss_the_only_question_is_who_must_be_told(replayed: Replayed) -> None:
    later = [
        chase["data"]["step"]
        for chase in replayed.chases
        if chase["data"]["thread"] == f"pregnancy/{replayed.known['lost_pregnancy']}"
        and london_date(chase["time"]) >= LOST_ON
    ]
    assert later == ["BEREAVE-01.loss"]
    assert {found["state"] for found in replayed.about("lost_pregnancy")} == {"ended", "met"}


def test_the_loss_of_one_pregnancy_ends_nothing_that_is_asked_for_another(replayed: Replayed) -> None:
    asked = [found for found in replayed.about("leaver") if found["step"].startswith("CL-03.")]
    met = {found["step"] for found in asked if found["state"] == "met"}
    assert met == {"CL-03.told", "CL-03.contact", "CL-03.review"}
    assert [found["step"] for found in asked if found["state"] == "open"] == ["CL-03.support"]


def test_openings_from_before_a_standard_applied_are_listed_and_a_manager_is_told_once(replayed: Replayed) -> None:
    (noted,) = (found for found in replayed.about("referral_2010") if found["step"] == "REF-01")
    assert (noted["inherited"], noted["state"]) == (True, "open")
    told = [chase["data"] for chase in replayed.chases if chase["data"]["follow_up_id"] == noted["_id"]]
    assert [(chase["inherited"], chase["recipients"]) for chase in told] == [(True, ["gp-manager-hale"])]


def test_each_twin_has_follow_ups_of_their_own(replayed: Replayed) -> None:
    reviews = {
        name: {found["step"]: found["state"] for found in replayed.about(name) if found["step"].startswith("HV-01.")}
        for name in ("first_twin", "second_twin")
    }
    assert reviews["first_twin"] == reviews["second_twin"]
    assert {step for step, state in reviews["first_twin"].items() if state == "met"} == {
        "HV-01.new-birth",
        "HV-01.six-week",
    }
    assert "hv-pereira" in replayed.recipients_of("HV-01.new-birth", "owner", date(2017, 3, 20))


def test_the_named_nurses_of_both_areas_are_told_after_two_calls_in_vain(replayed: Replayed) -> None:
    on = date(2017, 1, 11)
    assert "named-nurse-penhale" in replayed.recipients_of("HV-02.unreached", "owner", on)
    assert "named-nurse-lovelock" in replayed.recipients_of("HV-02.unreached-there", "owner", on)
