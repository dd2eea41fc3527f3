"""At three in the morning a nurse whom nobody knows tells of a hurt baby: whoever is on duty has it in two minutes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest
import requests

from deploy.local.case import load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import LocalStack, local_stack
from tests.e2e.world import World, world_on
from tests.support import eventually

AT_THREE = datetime(2013, 1, 16, 3, 0, tzinfo=UTC)
GP = "gp-okafor"
TICK, DEADLINE = 60, 120
NAMES = {"given_name": "Wren", "family_name": "Exampleton"}
INJURY = {
    "kind": "bruise",
    "site": "face",
    "mobility": "not_mobile",
    "seen": True,
    "clustered": False,
    "presented": True,
}


@pytest.fixture(scope="module")
def stack(stack_environment: dict[str, str]) -> Iterator[LocalStack]:
    with local_stack(
        fresh_name("test"), replay_clock=AT_THREE, without=("perinatal.relay",), environment=stack_environment
    ) as stack:
        yield stack


@pytest.fixture(scope="module")
def world(stack: LocalStack) -> Iterator[World]:
    with world_on(stack, Replay(stack, load_case())) as world:
        yield world


def test_the_duty_of_that_hour_has_the_injury_in_two_minutes_and_somebody_is_asked_who_is_meant(
    stack: LocalStack, world: World
) -> None:
    baby = world.record(GP, "/v1/people", NAMES)["person_id"]
    mistyped: dict[str, Any] = {"stage": "sent", "person_id": baby, "service": "camhs", "channel": "letter"}
    mistyped["to_team"] = "no-such-team"
    eventually(lambda: world.post(GP, "/v1/referrals", mistyped).status_code == 422, 30)
    token = stack.mint("nurse-nightingale", "health_visitor", "night-ward-of-nowhere", ["essex"])
    told = {"person_id": baby, "to_role": "health_visitor", "about": "injury", "channel": "phone"}

    began = monotonic()
    for number, (path, body) in enumerate(
        [
            ("/v1/injuries", {**INJURY, "person_id": baby}),
            ("/v1/notifications", {**told, "to_team": "no-such-team"}),
        ]
    ):
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": f"walk-{number}"}
        answer = requests.post(stack.urls["perinatal"] + path, json=body, headers=headers, timeout=20)
        assert answer.status_code == 201, answer.text
    world.move_to(AT_THREE + timedelta(seconds=TICK))  # the next sweep is that of the next minute
    world.sweep()
    page = world.get("lead-achterberg", f"/v1/follow-ups?person={baby}&limit=200")
    immediate = next(item for item in page["items"] if item["step"] == "SG-01.immediate")
    eventually(lambda: [to for to, _, text in world.mails() if immediate["reference"] in text], 30)
    assert monotonic() - began + TICK < DEADLINE
    assert "nurse-nightingale" not in recipients_of(world, immediate)
    asked = [item for item in page["items"] if item["step"] == "DATA-03.who"]
    assert len(asked) == 2
    for item in asked:  # nobody is woken for these: their owners have them in the next digest
        assert "nurse-nightingale" not in recipients_of(world, item)


def recipients_of(world: World, follow_up: Mapping[str, Any]) -> set[str]:
    """Everybody whom its ladder tells; there is somebody."""
    detail = world.get("lead-achterberg", f"/v1/follow-ups/{follow_up['id']}")
    recipients = {one["person"] for rung in detail["ladder"] for one in rung["tells"]}
    assert recipients
    return recipients
