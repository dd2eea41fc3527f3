"""The directory as tables in CSV: the same directory as in YAML, and what comes of bad rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.directory.tables import load_tables
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.directory_entries import ADDED, CHANGED, GONE, entries_of, find_differences
from shared.config.yamlfile import FaultyFile
from tests.unit.tables import change, write
from tests.unit.test_directory import EXAMPLE
from tests.unit.test_directory_entries import FULL, TODAY, by_stream

KNOWN = load_directory(EXAMPLE)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "tables", KNOWN)


def faults_of(folder: Path, stored: Directory | None = None) -> list[tuple[str, int, str]]:
    """The faults of what cannot be used at all: file, line and place."""
    with pytest.raises(FaultyFile) as caught:
        load_tables(folder, stored)
    return [(Path(fault.file).name, fault.line, fault.where) for fault in caught.value.faults]


def differences(stored: Directory, directory: Directory) -> list[tuple[str, str]]:
    found = find_differences(by_stream(stored), entries_of(directory), TODAY)
    return [(one.what, one.entry.stream) for one in found]


@pytest.mark.parametrize("directory", [KNOWN, FULL], ids=["the example", "with everything"])
def test_tables_give_the_same_directory_as_they_were_written_from(tmp_path: Path, directory: Directory) -> None:
    loaded, left_out = load_tables(write(tmp_path / "tables", directory))
    assert left_out == []
    assert by_stream(loaded) == by_stream(directory)


def test_columns_come_in_any_order_further_ones_may_be_left_out_and_a_spreadsheets_mark_does_no_harm(
    folder: Path,
) -> None:
    rows = [f"{area.name},{area.id}" for area in KNOWN.areas.values()]
    (folder / "areas.csv").write_text("\n".join(["name,id", *rows, ""]), encoding="utf-8-sig")
    assert by_stream(load_tables(folder)[0]) == by_stream(KNOWN)


def test_a_bad_row_is_told_with_its_line_and_the_good_ones_are_used(folder: Path) -> None:
    line = change(folder, "workers", "emi.sato@essex.example", "no address")
    change(folder, "workers", "Joana Pereira", "Joana Sousa Pereira")
    change(folder, "teams", "Harwich health visiting", "Harwich visitors")
    directory, left_out = load_tables(folder, KNOWN)
    assert [(Path(one.file).name, one.line, one.where) for one in left_out] == [("workers.csv", line, "email")]
    assert differences(KNOWN, directory) == [(CHANGED, "worker/hv-pereira"), (CHANGED, "team/hv-harwich")]
    assert directory.people["hv-sato"] == KNOWN.people["hv-sato"]


def test_with_a_bad_row_nothing_that_the_tables_leave_out_is_gone(folder: Path) -> None:
    lines = (folder / "workers.csv").read_text().splitlines(keepends=True)
    (folder / "workers.csv").write_text("".join(line for line in lines if not line.startswith("fd-laurent,")))
    change(folder, "teams", "fd-manager-kaya,fd-laurent", "fd-manager-kaya,fd-manager-kaya")
    whole, left_out = load_tables(folder, KNOWN)
    assert left_out == []
    assert (GONE, "worker/fd-laurent") in differences(KNOWN, whole)
    change(folder, "workers", "emi.sato@essex.example", "no address")
    part, left_out = load_tables(folder, KNOWN)
    assert len(left_out) == 1
    assert differences(KNOWN, part) == [(CHANGED, "team/front-door-essex")]


def test_what_names_a_new_worker_whose_row_is_bad_is_left_out_with_it_and_told(folder: Path) -> None:
    with (folder / "workers.csv").open("a") as file:
        file.write("hv-new,Nia New,nowhere,health_visitor,hv-harwich,,,\n")
    with (folder / "duties.csv").open("a") as file:
        file.write("night_lead,essex,,hv-new\nnight_nurse,essex,,hv-sato\n")
    directory, left_out = load_tables(folder, KNOWN)
    assert [(Path(one.file).name, one.where) for one in left_out] == [
        ("workers.csv", "email"),
        ("duties.csv", "person"),
    ]
    assert [what for what, _ in differences(KNOWN, directory)] == [ADDED]


def test_a_bad_row_without_a_stored_directory_leaves_out_whatever_needs_it_or_everything(folder: Path) -> None:
    change(folder, "workers", "emi.sato@essex.example", "no address")
    directory, left_out = load_tables(folder)
    assert [fault.where for fault in left_out[:2]] == ["email", "duty"]
    assert {"hv-sato", "hv-pereira"}.isdisjoint(directory.people)
    assert "hv-harwich" not in directory.teams
    assert "hv-yare" in directory.teams


BROKEN = ['"Emi\nSato"', "Emi\u2028Sato", "Emi\u0007Sato", "Emi\u202eSato", '"Emi Sato\n"', "Emi\x00Sato"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_cell_that_breaks_a_line_or_changes_its_direction_makes_the_row_a_bad_one(folder: Path, name: str) -> None:
    line = change(folder, "workers", "Emi Sato", name)
    directory, left_out = load_tables(folder, KNOWN)
    ((where, message),) = [(fault.line, fault.message) for fault in left_out]
    assert (where, "line break, a control character" in message) == (line, True)
    assert directory.people["hv-sato"].name == "Emi Sato"


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("workers", "hv-sato,", "hv-pereira,"),  # twice
        ("workers", "emi.sato@essex.example", "emi.sato@essex.example,more"),
        ("workers", "emi.sato@essex.example,health_visitor", "emi.sato@essex.example,surgeon"),
        ("workers", "emi.sato@essex.example,health_visitor,hv-harwich,,", "emi.sato@essex.example,health_visitor,x,,"),
        ("workers", "emi.sato@essex.example,health_visitor,hv-harwich,,", "e@x.example,midwife,hv-harwich,midwife,"),
        ("workers", "emi.sato@essex.example,health_visitor,hv-harwich,,", "e@x.example,midwife,hv-harwich,,2013-01-01"),
        ("workers", "emi.sato@essex.example,health_visitor,hv-harwich,,,", "e@x.example,midwife,hv-harwich,,,soon"),
        ("teams", "health_visiting,hv-manager-ito,hv-sato,,,", "health_visiting,hv-manager-ito,hv-sato,8 am,18:00,"),
        ("teams", "health_visiting,hv-manager-ito,", "health_visiting,nobody,"),
        ("duties", "hv_lead,essex,,hv-manager-ito", "hv_lead,essex,hv-yare,hv-manager-ito"),
        ("areas", "england,England", "Eng land,England"),
    ],
)
def test_every_kind_of_bad_row_is_told_and_leaves_the_stored_directory_as_it_was(
    folder: Path, table: str, old: str, new: str
) -> None:
    line = change(folder, table, old, new)
    directory, left_out = load_tables(folder, KNOWN)
    assert {(Path(fault.file).name, fault.line) for fault in left_out} == {(f"{table}.csv", line)}
    assert differences(KNOWN, directory) == []


@pytest.mark.parametrize(
    ("table", "old", "new", "fault"),
    [
        ("areas", "id,name", "id,title", ("areas.csv", 1, "")),
        ("teams", "id,name", "id,id", ("teams.csv", 1, "")),
        ("duties", "role,area", '"role,area', ("duties.csv", 75, "")),
    ],
)
def test_what_is_no_table_of_the_directory_is_refused_whole(
    folder: Path, table: str, old: str, new: str, fault: tuple[str, int, str]
) -> None:
    change(folder, table, old, new)
    assert {one[0] for one in faults_of(folder, KNOWN)} == {fault[0]}


def test_a_folder_without_one_of_the_tables_is_refused_whole(folder: Path) -> None:
    (folder / "duties.csv").unlink()
    (folder / "teams.csv").write_bytes(b"\xff\xfe")
    assert faults_of(folder, KNOWN) == [("duties.csv", 0, ""), ("teams.csv", 0, "")]


def test_if_what_is_stored_is_not_valid_with_the_good_rows_nothing_is_used(folder: Path) -> None:
    change(folder, "workers", "emi.sato@essex.example", "no address")
    change(
        folder, "duties", "deputy_safeguarding_lead,england,,designated-nurse-hartigan", "deputy_safeguarding_lead,,,x"
    )
    short = Directory(
        tuple(KNOWN.areas.values()),
        tuple(KNOWN.teams.values()),
        tuple(KNOWN.people.values()),
        tuple(d for d in KNOWN.duty_roles if (d.role, d.area) != ("deputy_safeguarding_lead", "england")),
    )
    lines = (folder / "workers.csv").read_text().splitlines(keepends=True)
    gone = ("operator-kowalski,", "reviewer-thorne,")
    (folder / "workers.csv").write_text("".join(line for line in lines if not line.startswith(gone)))
    found = faults_of(folder, short)
    assert ("workers.csv", 0) in {(file, line) for file, line, _ in found}
    assert any("operator-kowalski" in where for _, _, where in found)
