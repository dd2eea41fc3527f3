"""The whole local stack: every process comes up, comes back when it is killed, and takes the tokens it hands out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from deploy.local.folders import fresh_name
from deploy.local.processes import NotReady
from deploy.local.stack import LocalStack, local_stack
from deploy.local.up import requests_to_paste
from tests.support import eventually

BEGIN = datetime(2013, 1, 14, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def stack(stack_environment: dict[str, str]) -> Iterator[LocalStack]:
    with local_stack(fresh_name("test"), replay_clock=BEGIN, environment=stack_environment) as stack:
        yield stack


def test_a_replay_runs_no_tick(stack: LocalStack) -> None:
    assert "referrals_followup.tick" not in stack.names()
    assert "referrals_followup.relay" in stack.names()


def test_every_role_of_the_directory_gets_a_request_that_is_answered(stack: LocalStack) -> None:
    lines = [line for line in requests_to_paste(stack) if line.startswith("curl")]
    assert len(lines) >= 10
    for line in lines:
        token, url = re.fullmatch(r"curl -sS -H 'Authorization: (Bearer \S+)' '(\S+)'", line).groups()
        assert "/v1/" in url
        assert requests.get(url, headers={"Authorization": token}, timeout=10).status_code == 200, url


def test_every_process_of_the_services_comes_back_when_it_is_killed(stack: LocalStack) -> None:
    killed = {name: stack.kill(name) for name in stack.processes.names}
    for name, pid in killed.items():
        eventually(lambda name=name, pid=pid: stack.pid(name) not in (pid, None))
    stack.wait_until_ready()


def test_setting_the_replay_clock_writes_its_file(stack: LocalStack) -> None:
    stack.set_clock(BEGIN.replace(day=16))
    assert stack.clock_file.read_text().strip() == "2013-01-16T09:00:00.000Z"


def test_a_stack_whose_services_cannot_start_says_why(stack_environment: dict[str, str]) -> None:
    with (
        pytest.raises(NotReady, match="BODY_LIMIT_BYTES"),
        local_stack(fresh_name("test"), settings={"BODY_LIMIT_BYTES": "many"}, environment=stack_environment),
    ):
        pass
