"""The command `backtest` on a real store: what it prints, and that it changes nothing."""

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
from services.referrals_followup.domain.backtest import Period
from services.referrals_followup.ledger import backtest
from services.referrals_followup.ledger.backtest import BackTest
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.standards.loader import load_packs
from shared.contracts import CATALOGUE
from shared.kernel.envelope import from_text
from shared.runtime.clock import MovableClock, ReplayClock
from tests.integration.following import following
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    STANDARDS,
    Ledger,
    config,
    item_planned,
    referral_noted,
    referral_sent,
    unfoldable,
)
from tests.integration.recording import Running

YEAR = Period(MONDAY, from_text("2013-12-31T23:59:59Z"))
DAYS = ("--from", "2013-01-14", "--to", "2013-03-31")


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri), MovableClock(MONDAY - timedelta(days=1)))
    ledger.clock.set(MONDAY)
    yield ledger
    ledger.close()


def tried(ledger: Ledger, period: Period = YEAR, area: str | None = None) -> BackTest:
    stored = ledger.dependencies
    return BackTest(stored.evidence, stored.rules.history(), period, area, lambda *asked: (asked[2].role,))


def everything(database: Database[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {name: list(database[name].find().sort("_id")) for name in sorted(database.list_collection_names())}


@pytest.fixture
def filled(ledger: Ledger) -> Ledger:
    """Five people with a referral each, of which two were sent, and a plan."""
    for number in range(5):
        person = f"p_{number:032x}"
        noted = referral_noted(person=person)
        ledger.hear(noted, *item_planned(person=person))
        if number < 2:
            ledger.hear(referral_sent(noted, MONDAY + timedelta(days=3)))
    ledger.catch_up()
    return ledger


def test_of_the_packs_that_are_adopted_it_finds_what_is_stored(filled: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backtest, "THREADS_AT_A_TIME", 3)
    stored = {one["_id"]: follow_up_of(one) for one in filled.dependencies.views.collection.find()}
    found = {}
    real = BackTest._fold

    def fold(self: BackTest, *arguments: Any) -> Any:
        raised = real(self, *arguments)
        found.update({key: one.follow_up for key, one in raised.items()})
        return raised

    monkeypatch.setattr(BackTest, "_fold", fold)
    for pack in load_packs(STANDARDS, CATALOGUE):
        test = tried(filled)
        assert list(test.run(pack)) == []
        assert (test.differing, test.failed) == (0, 0)
    assert found == stored
    assert len(stored) > 10


def test_it_writes_nothing_and_a_thread_that_cannot_be_folded_holds_up_no_other(filled: Ledger) -> None:
    (pack, *_) = load_packs(STANDARDS, CATALOGUE)
    less = {**pack, "steps": {name: step for name, step in pack["steps"].items() if name != "REF-01"}}
    before = everything(filled.dependencies.database)
    test = tried(filled)
    differences = list(test.run(less))
    assert {one.follow_up.step for one in differences} == {"REF-01"}
    assert len(differences) == test.differing == 5
    assert everything(filled.dependencies.database) == before
    assert list(tried(filled, area="norfolk").run(less)) == []
    with unfoldable(differences[0].follow_up.thread):
        broken = tried(filled)
        assert len(list(broken.run(less))) == 5 - broken.failed


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def service(backends: Backends, tmp_path: Path) -> Iterator[Running]:
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY)
    with following(backends, tmp_path, "serve", "http", clock=clock) as service:
        yield service


def run(service: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service._command("backtest", *arguments),
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_what_would_be_raised_and_says_what_is_wrong_with_a_pack(
    service: Running, mongodb_uri: str, tmp_path: Path
) -> None:
    ledger = Ledger(config(service.database, mongodb_uri), MovableClock(MONDAY))
    noted = referral_noted(person=PERSON)
    ledger.hear(noted)
    ledger.close()
    file = tmp_path / "england.yaml"
    text = (STANDARDS / "england.yaml").read_text()
    file.write_text(text)
    before = everything(service.database)
    same = run(service, str(file), *DAYS)
    assert (same.returncode, same.stderr) == (0, "")
    assert same.stdout.splitlines()[-1].endswith("threads read, 0 follow-ups differ; nothing was changed")
    file.write_text(text.replace("        - then: {working_days: 2}\n", "        - then: {working_days: 4}\n", 1))
    done = run(service, str(file), *DAYS, "--area", "essex")
    assert done.returncode == 0
    assert " REF-01 in essex, opened 2013-01-14 09:30" in done.stdout
    assert "was       due 2013-01-16 17:00, open: 2013-01-16 17:00 owner to gp-okafor" in done.stdout
    assert "would be  due 2013-01-18 17:00, open: 2013-01-18 17:00 owner to gp-okafor" in done.stdout
    assert PERSON not in done.stdout
    wrong = text.replace("due: {working_days: 5}", "due: {working_days: several}", 1)
    file.write_text(wrong)
    (line,) = [number for number, one in enumerate(wrong.splitlines(), 1) if "days: several" in one]
    faulty = run(service, str(file), *DAYS)
    assert (faulty.returncode, faulty.stdout) == (2, "")
    assert f"{file}:{line}: steps." in faulty.stderr
    assert ".due" in faulty.stderr
    missing = run(service, str(tmp_path / "nothing.yaml"), *DAYS)
    assert missing.returncode == 2
    assert "nothing.yaml: cannot be read" in missing.stderr
    turned = run(service, str(STANDARDS / "england.yaml"), "--from", "2013-02-01", "--to", "2013-01-01")
    assert (turned.returncode, turned.stderr) == (2, "--to lies before --from\n")
    nowhere = run(service, str(STANDARDS / "england.yaml"), *DAYS, "--area", "atlantis")
    assert (nowhere.returncode, nowhere.stderr) == (2, "there is no area atlantis\n")
    assert everything(service.database) == before
