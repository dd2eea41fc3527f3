"""The directory in the store of the follow-up service: imported, followed while it changes, and in no thread."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from services.referrals_followup.bootstrap import build
from services.referrals_followup.directory.current import import_directory
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.directory.stored import StoredDirectory
from services.referrals_followup.domain.directory import Directory
from shared.runtime.clock import MovableClock, ReplayClock
from tests.integration.following import following
from tests.integration.ledger import DIRECTORY, MONDAY, Ledger, config, referral_noted
from tests.integration.recording import Running
from tests.unit.tables import change, write

OURS = {"event.type": {"$regex": r"^directory\."}}


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri), MovableClock(MONDAY - timedelta(days=1)))
    ledger.clock.set(MONDAY)
    yield ledger
    ledger.close()


def changed(folder: Path, *replacements: tuple[str, str]) -> Path:
    file = folder / "directory.yaml"
    text = DIRECTORY.read_text()
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    return file


def without_line(text: str) -> tuple[str, str]:
    (line,) = [one for one in DIRECTORY.read_text().splitlines(keepends=True) if text in one]
    return line, ""


def test_at_the_first_start_the_configured_file_is_imported_and_never_again(
    ledger: Ledger, mongodb_uri: str, tmp_path: Path
) -> None:
    events = ledger.dependencies.store.collection
    recorded = events.count_documents(OURS)
    known = load_directory(DIRECTORY)
    directory = ledger.dependencies.directory
    assert (directory.areas, directory.teams, directory.people) == (known.areas, known.teams, known.people)
    file = changed(tmp_path, ("Emi Sato", "Emi Sato-Smith"))
    other = build(replace(config(ledger.dependencies.database, mongodb_uri), directory_file=file), ledger.clock)
    assert other.directory.people["hv-sato"].name == "Emi Sato"
    assert events.count_documents(OURS) == recorded
    other.close()


def test_an_import_that_broke_off_at_the_first_start_goes_on_at_the_next(
    ledger_database: Database[dict[str, Any]], mongodb_uri: str
) -> None:
    clock = MovableClock(MONDAY)
    first = build(config(ledger_database, mongodb_uri), clock)
    whole = first.store.collection.count_documents(OURS)
    first.store.collection.delete_many({"event.type": {"$in": ["directory.imported.v1", "directory.duty_listed.v1"]}})
    first.close()
    second = build(config(ledger_database, mongodb_uri), clock)
    assert second.store.collection.count_documents(OURS) == whole
    assert second.directory.duty_roles
    second.close()


def test_an_import_records_only_what_differs_and_twice_nothing(ledger: Ledger, tmp_path: Path) -> None:
    stored = StoredDirectory(ledger.dependencies.store)
    before = ledger.dependencies.store.collection.count_documents(OURS)
    file = changed(
        tmp_path,
        ("duty: hv-sato}", "duty: hv-pereira}"),
        ("name: Emi Sato", "name: Emi Sato-Smith"),
        without_line("id: lc-mental-health-greer"),
        (
            "{role: health_lead, area: essex, person: lc-mental-health-greer}",
            "{role: health_lead, area: essex, person: pa-moreau}",
        ),
    )
    import_directory(stored, load_directory(file), ledger.clock)
    # A team, two workers, a duty, and that it was an import.
    assert ledger.dependencies.store.collection.count_documents(OURS) == before + 5
    import_directory(stored, load_directory(file), ledger.clock)
    assert ledger.dependencies.store.collection.count_documents(OURS) == before + 5


def test_a_process_follows_what_another_one_records(ledger: Ledger, tmp_path: Path) -> None:
    mine, stored = ledger.dependencies.directory, StoredDirectory(ledger.dependencies.store)
    before = mine.people
    mine.refresh()
    assert mine.people is before
    file = changed(
        tmp_path,
        ("duty: hv-sato}", "duty: hv-pereira}"),
        without_line("id: lc-mental-health-greer"),
        (
            "{role: health_lead, area: essex, person: lc-mental-health-greer}",
            "{role: health_lead, area: essex, person: pa-moreau}",
        ),
    )
    ledger.clock.advance(hours=1)
    import_directory(stored, load_directory(file), ledger.clock)
    assert mine.teams["hv-harwich"].duty == "hv-sato"
    mine.refresh()
    assert mine.teams["hv-harwich"].duty == "hv-pereira"
    assert mine.people["lc-mental-health-greer"].left_on == MONDAY.date()


def test_while_an_import_is_under_way_the_directory_before_it_stays_in_use(ledger: Ledger, tmp_path: Path) -> None:
    mine, stored = ledger.dependencies.directory, StoredDirectory(ledger.dependencies.store)
    new = "  - {id: hv-new, name: Nia Newcomer, email: nia@essex.example, role: health_visitor, team: hv-new}\n"
    team = "  - {id: hv-new, name: New visitors, area: essex, role: health_visitor, manager: hv-new, duty: hv-new}\n"
    import_directory(
        stored,
        load_directory(changed(tmp_path, ("\npeople:\n", f"\npeople:\n{new}"), ("\nteams:\n", f"\nteams:\n{team}"))),
        ledger.clock,
    )
    half = ledger.dependencies.store.collection.find_one_and_delete({"event.stream": "team/hv-new"})
    mine.refresh()
    assert "hv-new" not in mine.people
    assert half is not None
    ledger.dependencies.store.collection.insert_one(half)
    mine.refresh()
    assert mine.people["hv-new"].team == "hv-new"


def test_the_directory_is_in_no_thread_and_holds_up_nobody(ledger: Ledger) -> None:
    """Its events are kept as evidence, so that their source is complete, and no follow-up depends on them."""
    ledger.hear(referral_noted())
    ledger.catch_up()
    kept = ledger.dependencies.database.evidence.find(OURS, {"folded": 1, "event.private": 1})
    assert all(document["folded"] for document in kept)
    assert ledger.dependencies.known.report().evidence["complete_until"] == MONDAY
    assert {document["thread"].partition("/")[0] for document in ledger.dependencies.views.collection.find()} <= {
        "referral"
    }


def test_no_name_and_no_address_of_the_directory_is_published(ledger: Ledger) -> None:
    directory: Directory = load_directory(DIRECTORY)
    published = "\n".join(str(document["event"]) for document in ledger.dependencies.database.evidence.find(OURS))
    assert published
    for member in directory.people.values():
        assert member.name not in published
        assert member.email not in published


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def service(backends: Backends, tmp_path: Path) -> Iterator[Running]:
    clock = ReplayClock(backends.folder / f"clock-{uuid4().hex}")
    clock.set(MONDAY)
    with following(backends, tmp_path, "serve", "http", clock=clock) as service:
        yield service


def run(service: Running, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        service._command("directory", "import", *arguments),
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_prints_the_differences_records_them_once_and_tells_every_fault(
    service: Running, tmp_path: Path
) -> None:
    file = changed(tmp_path, ("name: Emi Sato", "name: Emi Sato-Smith"), ("duty: hv-sato}", "duty: hv-pereira}"))
    before = service.database.events.count_documents(OURS)
    dry = run(service, "--dry-run", str(file))
    assert dry.stdout.splitlines() == [
        "changed: worker/hv-sato: name",
        "changed: team/hv-harwich: duty hv-sato -> hv-pereira",
        "0 would be added, 2 would be changed, 0 would be gone",
    ]
    assert service.database.events.count_documents(OURS) == before
    done = run(service, str(file))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "0 added, 2 changed, 0 gone")
    assert "Sato" not in done.stdout
    again = run(service, str(file))
    assert (again.returncode, again.stdout) == (0, "0 added, 0 changed, 0 gone\n")
    assert service.database.events.count_documents(OURS) == before + 3
    file.write_text(file.read_text().replace("area: essex, role: gp_practice", "area: sussex, role: gp", 1))
    faulty = run(service, str(file))
    assert faulty.returncode == 2
    assert "teams[0].area: is not the id of one of the areas" in faulty.stderr
    assert "teams[0].role:" in faulty.stderr
    assert "Traceback" not in faulty.stderr
    assert run(service, str(DIRECTORY)).returncode == 0


def test_a_folder_of_tables_is_imported_as_a_file_is_and_a_bad_row_is_told_and_left_out(
    service: Running, tmp_path: Path
) -> None:
    folder = write(tmp_path / "tables", load_directory(DIRECTORY))
    assert run(service, str(folder)).stdout == "0 added, 0 changed, 0 gone\n"
    line = change(folder, "workers", "emi.sato@essex.example", "nowhere")
    change(folder, "teams", "hv-manager-ito,hv-sato", "hv-manager-ito,hv-pereira")
    before = service.database.events.count_documents(OURS)
    dry = run(service, "--dry-run", str(folder))
    assert dry.stdout.splitlines() == [
        "changed: team/hv-harwich: duty hv-sato -> hv-pereira",
        "0 would be added, 1 would be changed, 0 would be gone",
    ]
    assert service.database.events.count_documents(OURS) == before
    done = run(service, str(folder))
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 added, 1 changed, 0 gone")
    assert f"workers.csv:{line}: email: Not a valid email address." in done.stderr
    assert service.database.events.count_documents(OURS) == before + 2
    (folder / "areas.csv").unlink()
    refused = run(service, str(folder))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "areas.csv: cannot be read" in refused.stderr
    assert run(service, str(DIRECTORY)).returncode == 0
