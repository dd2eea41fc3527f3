"""`import FILE`: every good row is recorded once, every bad one told with its number, whatever befalls the import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from shared.cli.import_file import LONGEST_ROW, ROWS
from shared.events.rehearsal import COLLECTION
from tests.integration.recording import ROOT
from tests.integration.test_bulk import GP, a_story
from tests.support import eventually

ACTOR = {"id": GP.id, "role": GP.role, "team": GP.team, "areas": list(GP.areas)}
SECRET = "Wrenlingford"


@dataclass(frozen=True)
class Importing:
    """A file to import into an empty database, by the command line of `perinatal`."""

    path: Path
    environment: Mapping[str, str]
    database: Database[dict[str, Any]]

    def command(self, *options: str) -> list[str]:
        return [sys.executable, "-W", "ignore", "-m", "services.perinatal", "import", str(self.path), *options]

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*options), cwd=ROOT, env=self.environment, capture_output=True, text=True, timeout=120
        )

    def kill_when_more_is_recorded_than(self, before: int) -> None:
        with subprocess.Popen(self.command(), cwd=ROOT, env=self.environment) as killed:
            eventually(lambda: self.beside("progress").exists() and self.recorded() > before, within=60)
            killed.kill()
        assert before < self.recorded() < 3 * ROWS

    def write(self, rows: Iterable[dict[str, Any] | str]) -> None:
        with self.path.open("w") as file:
            for row in rows:
                file.write(f"{row if isinstance(row, str) else json.dumps(row)}\n")

    def refused(self, name: str = "refused") -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.beside(name).read_text().splitlines()]

    def beside(self, name: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{name}")

    def recorded(self) -> int:
        return self.database.events.count_documents({})


@pytest.fixture
def importing(database: Database[dict[str, Any]], mongodb_uri: str, tmp_path: Path) -> Importing:
    (tmp_path / "person.key").write_text("5" * 64)
    environment = {
        **os.environ,
        "MONGODB_URI": mongodb_uri,
        "MONGODB_DATABASE": database.name,
        "PERSON_ID_KEY_FILE": str(tmp_path / "person.key"),
        "LOG_LEVEL": "warning",
    }
    return Importing(tmp_path / "rows.ndjson", environment, database)


def stories(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        yield from ({**one, "actor": ACTOR} for one in a_story(str(number)))


def with_faults(rows: list[dict[str, Any]]) -> list[dict[str, Any] | str]:
    """After the rows: no JSON, no route, no actor, a role that may not, too long, nothing at all, a bad body."""
    person = {"path": "/v1/people", "body": {"given_name": SECRET, "family_name": SECRET}}
    return [
        *rows,
        f'{{"key": "{SECRET}',
        {"key": "a", "path": "/v1/nowhere", "actor": ACTOR},
        {"key": "b", **person},
        {"key": "c", **person, "actor": {**ACTOR, "role": "reviewer"}},
        {"key": "d", "path": "/v1/people", "actor": ACTOR, "body": {"given_name": SECRET * LONGEST_ROW}},
        "",
        {"key": "e", "path": "/v1/people", "actor": ACTOR, "body": {"given_name": SECRET, "nhs_number": SECRET}},
    ]


FAULTS = [(1, 400, []), (2, 404, []), (3, 422, ["actor"]), (4, 403, []), (5, 413, [])]
FAULTS_OF_BODY = (7, 422, ["family_name", "nhs_number"])


def faults_after(rows: int, found: list[dict[str, Any]]) -> list[tuple[int, int, list[str]]]:
    return [(one["row"] - rows, one["status"], [fault["field"] for fault in one.get("errors", [])]) for one in found]


def test_good_rows_are_recorded_and_bad_ones_are_listed_by_number_and_reason_without_a_value(
    importing: Importing,
) -> None:
    importing.write(with_faults(list(stories(3))))
    done = importing.run()
    assert done.returncode == 1, done.stderr
    path = importing.beside("refused")
    assert done.stdout.strip() == f"12 rows recorded, 6 refused; each with its reasons: {path}"
    assert faults_after(12, importing.refused()) == [*FAULTS, FAULTS_OF_BODY]
    assert SECRET not in path.read_text()
    assert importing.recorded() == 12
    stored = importing.database.events.find({}, {"event": 1})
    assert {(one["event"]["actor"], one["event"]["role"], one["event"]["team"]) for one in stored} == {
        (GP.id, GP.role, GP.team)
    }


def test_a_dry_run_refuses_the_same_rows_and_records_nothing(importing: Importing) -> None:
    importing.write(with_faults(list(stories(3))))
    tried = importing.run("--dry-run")
    assert tried.returncode == 1, tried.stderr
    assert tried.stdout.startswith("12 rows would be recorded, 6 would be refused")
    assert importing.recorded() == 0
    assert COLLECTION not in importing.database.list_collection_names()
    assert importing.run().returncode == 1
    told = [{**one, "instance": ""} for one in importing.refused("would-be-refused")]
    assert told == [{**one, "instance": ""} for one in importing.refused()]


def test_a_dry_run_knows_what_is_recorded(importing: Importing) -> None:
    rows = list(stories(2))
    importing.write(rows[:6])
    assert importing.run().returncode == 0
    used_for_another = {**rows[0], "path": "/v1/referrals", "body": {"stage": "sent"}}
    importing.write([*rows, used_for_another, {**rows[0], "body": {"given_name": "Other", "family_name": "Other"}}])
    tried, before = importing.run("--dry-run"), importing.recorded()
    assert tried.stdout.startswith("8 rows would be recorded, 2 would be refused"), tried.stderr
    done = importing.run()
    assert done.stdout.startswith("8 rows recorded, 2 refused"), done.stderr
    assert (before, importing.recorded()) == (6, 8)


def test_a_file_without_faults_leaves_nothing_beside_it_and_a_second_import_records_nothing(
    importing: Importing,
) -> None:
    importing.write(stories(2))
    for _ in range(2):
        done = importing.run()
        assert (done.returncode, done.stdout) == (0, "8 rows recorded, 0 refused\n"), done.stderr
    assert importing.recorded() == 8
    assert [path.name for path in importing.path.parent.glob("rows.ndjson*")] == ["rows.ndjson"]


def test_an_empty_file_is_imported_and_a_missing_one_is_reported(importing: Importing) -> None:
    assert importing.run().returncode == 2
    importing.write([])
    done = importing.run()
    assert (done.returncode, done.stdout) == (0, "0 rows recorded, 0 refused\n")


def test_an_import_that_was_killed_goes_on_where_it_stopped_and_doubles_nothing(importing: Importing) -> None:
    """Killed twice with its progress kept, then that is lost: the keys alone are enough."""
    rows = with_faults(list(stories(3 * ROWS // 4)))
    importing.write([*rows[-7:], *rows])
    importing.kill_when_more_is_recorded_than(0)
    importing.kill_when_more_is_recorded_than(importing.recorded())
    importing.beside("progress").unlink()
    done = importing.run()
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith(f"{3 * ROWS} rows recorded, 12 refused"), done.stderr
    assert importing.recorded() == 3 * ROWS
    assert faults_after(3 * ROWS + 7, importing.refused()[6:]) == [*FAULTS, FAULTS_OF_BODY]


def test_the_progress_of_one_file_is_not_used_for_another(importing: Importing) -> None:
    kept = {"file": "another", "end": 10**6, "row": 10**6, "recorded": 10**6}
    for said in (json.dumps({**kept, "refused": 0, "refused_bytes": 0}), '{"file": 7}', "{", "[]"):
        importing.beside("progress").write_text(said)
        importing.write(stories(1))
        assert importing.run().stdout == "4 rows recorded, 0 refused\n"


def test_a_row_in_the_wrong_order_names_the_requests_that_may_follow(importing: Importing) -> None:
    rows: list[dict[str, Any]] = [
        {"key": "p", "path": "/v1/people", "body": {"given_name": "Wren", "family_name": "Exampleton"}},
        {
            "key": "r",
            "path": "/v1/referrals",
            "body": {"stage": "sent", "service": "camhs", "channel": "letter"},
            "from": {"person_id": "p"},
        },
        {"key": "i", "path": "/v1/referrals/{referral_id}/more-info-given", "from": {"referral_id": "r"}},
    ]
    importing.write({**row, "actor": ACTOR} for row in rows)
    importing.run()
    (row,) = importing.refused()
    assert (row["row"], row["status"]) == (3, 409), row
    verbs = {request["address"].rpartition("/")[2] for request in row["next"]}
    assert "withdrawn" in verbs
    assert "more-info-given" not in verbs
