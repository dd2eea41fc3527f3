"""A calendar is adopted by a command: what is open moves and says why, and what is closed keeps its day."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from services.referrals_followup.domain.rules import ADOPTED
from shared.kernel.calendar import WorkingCalendar, england
from shared.kernel.decisions import Refused
from shared.kernel.envelope import to_text
from shared.messaging.incoming import Done
from shared.runtime.clock import MovableClock, ReplayClock
from tests.integration.following import following
from tests.integration.ledger import MONDAY, Ledger, config, referral_noted, referral_sent
from tests.integration.recording import Running

YEAR = {day: name for day, name in england(2013).holidays.items() if day.year == 2013}
EXTRA = WorkingCalendar({**YEAR, MONDAY.date() + timedelta(days=2): "Jubilee"}, "2013.1")


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri), MovableClock(MONDAY - timedelta(days=1)))
    ledger.clock.set(MONDAY)
    yield ledger
    ledger.dependencies.store.collection.delete_many({"event.data.pack": "calendar"})
    ledger.dependencies.database.evidence.delete_many({"event.data.pack": "calendar"})
    ledger.close()


def test_what_is_open_moves_and_says_why_and_what_is_closed_keeps_its_day(ledger: Ledger) -> None:
    sent, waiting = referral_noted(), referral_noted()
    ledger.hear(sent, waiting, referral_sent(sent, MONDAY + timedelta(hours=2)))
    ledger.clock.set(MONDAY + timedelta(hours=3))
    assert ledger.dependencies.rules.adopt_calendar(EXTRA, "the government") is True
    assert ledger.dependencies.rules.adopt_calendar(EXTRA, "the government") is False
    ledger.catch_up()
    moved = ledger.follow_up(thread=waiting.stream)
    assert (to_text(moved.due_at), moved.why["skipped"]) == ("2013-01-17T17:00:00.000Z", ["2013-01-16 (Jubilee)"])
    assert moved.rules["calendar"].endswith("+2013.1")
    assert to_text(ledger.follow_up(thread=sent.stream).due_at) == "2013-01-16T17:00:00.000Z"
    ledger.days_pass("2013-01-16T17:30:00Z")
    assert ledger.chases(moved) == []
    ledger.days_pass("2013-01-17T17:30:00Z")
    assert len(ledger.chases(moved)) == 1


def test_the_calendar_may_be_heard_before_or_after_what_it_moves(ledger: Ledger) -> None:
    ledger.dependencies.rules.adopt_calendar(EXTRA, "the government")
    late = referral_noted()
    ledger.hear(late)
    ledger.catch_up()
    assert to_text(ledger.follow_up(thread=late.stream).due_at) == "2013-01-17T17:00:00.000Z"
    (adopted,) = ledger.dependencies.store.collection.find({"event.data.pack": "calendar"})
    assert adopted["event"]["data"]["content"]["source"] == "the government"
    assert ledger.dependencies.views.rebuild() > 0
    assert to_text(ledger.follow_up(thread=late.stream).due_at) == "2013-01-17T17:00:00.000Z"
    assert ledger.sweep() == Done()


def test_other_days_under_one_version_are_refused(ledger: Ledger) -> None:
    ledger.dependencies.rules.adopt_calendar(EXTRA, "the government")
    with pytest.raises(Refused) as refusal:
        ledger.dependencies.rules.adopt_calendar(WorkingCalendar(YEAR, "2013.1"), "the government")
    assert refusal.value.code == "version-in-use"


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def service(backends: Backends, tmp_path: Path) -> Iterator[Running]:
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY)
    with following(backends, tmp_path, "serve", "http", clock=clock) as service:
        yield service


def run(service: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service._command("calendar", "import", *arguments),
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_the_differences_adopts_them_once_and_tells_every_fault(
    service: Running, tmp_path: Path
) -> None:
    adopted = {"event.type": ADOPTED}
    file = tmp_path / "calendar.yaml"
    days = "".join(f'  {day}: "{name}"\n' for day, name in EXTRA.holidays.items())
    file.write_text(f'calendar: england\nversion: "2013.1"\nsource: the government\nholidays:\n{days}')
    before = service.database.events.count_documents(adopted)
    dry = run(service, "--dry-run", str(file))
    assert (dry.returncode, dry.stdout.splitlines()) == (
        0,
        ["added: 2013-01-16 Jubilee", "calendar 2013.1 would be in force; nothing is recorded"],
    )
    assert service.database.events.count_documents(adopted) == before
    done = run(service, str(file))
    assert done.stdout.splitlines()[-1] == "calendar 2013.1 is in force"
    again = run(service, str(file))
    assert (again.returncode, again.stdout) == (0, "calendar 2013.1 was in force already\n")
    assert service.database.events.count_documents(adopted) == before + 1
    service.run("adopt")
    assert service.database.events.count_documents(adopted) == before + 1
    file.write_text(file.read_text().replace("Jubilee", "Another day"))
    refused = run(service, str(file))
    assert refused.returncode == 2
    assert "give the file another version" in refused.stderr
    file.write_text("calendar: england\nversion: 2\nholidays: {tomorrow: Feast}\n")
    faulty = run(service, str(file))
    assert faulty.returncode == 2
    assert "calendar.yaml:3: holidays.tomorrow: is a day such as" in faulty.stderr
    assert "Traceback" not in faulty.stderr
