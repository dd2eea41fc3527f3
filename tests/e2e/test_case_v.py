"""Case V, replayed like Case S: a made-up household, small contacts from many mouths, and two closings."""

from __future__ import annotations

import pytest

from deploy.local.case import CASE_V, judge, load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import local_stack
from tests.support import without_foreign_backends

pytestmark = pytest.mark.heavy


def test_every_expected_alarm_is_raised_and_no_other() -> None:
    case = load_case(CASE_V)
    environment = without_foreign_backends()
    with local_stack(fresh_name("test"), replay_clock=case.begins, environment=environment) as stack:
        replay = Replay(stack, case)
        for _ in replay.days():
            pass
        judgement = judge(case, replay.alarms(), replay.known)
    assert judgement.missing == []
    assert list(judgement.unexpected) == []
