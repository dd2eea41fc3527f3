"""A file of bank holidays is adopted whole or not at all, and every fault of it names its line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from services.referrals_followup.standards.calendar_file import find_differences, load_calendar
from shared.config.yamlfile import FaultyFile
from shared.kernel.calendar import england

DAYS = {str(day): name for day, name in england(2027).holidays.items() if day.year == 2027}


def write(folder: Path, days: dict[str, str] = DAYS, **head: str) -> Path:
    said = {"calendar": "england", "version": "2027.1", "source": "gov.uk/bank-holidays", **head}
    lines = [f'{name}: "{value}"' for name, value in said.items()]
    lines += ["holidays:", *(f'  {day}: "{name}"' for day, name in days.items())]
    file = folder / "calendar.yaml"
    file.write_text("\n".join(lines) + "\n")
    return file


def faults_of(file: Path) -> list[str]:
    with pytest.raises(FaultyFile) as caught:
        load_calendar(file)
    return [str(fault).removeprefix(f"{file}:") for fault in caught.value.faults]


def test_a_file_gives_the_days_of_its_years_its_version_and_its_source(tmp_path: Path) -> None:
    found = load_calendar(write(tmp_path))
    assert {str(day): name for day, name in found.calendar.holidays.items()} == DAYS
    assert (found.calendar.version, found.source) == ("2027.1", "gov.uk/bank-holidays")


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        ({"calendar": "wales"}, "1: calendar: is england"),
        ({"version": "a b"}, "2: version: String does not match expected pattern."),
        ({"source": "x"}, "3: source: Length must be between 5 and 300."),
        ({"other": "x"}, "4: other: Unknown field."),
    ],
)
def test_each_fault_of_the_head_names_its_line(tmp_path: Path, head: dict[str, str], fault: str) -> None:
    assert faults_of(write(tmp_path, **head)) == [fault]


@pytest.mark.parametrize(
    ("day", "name", "message"),
    [
        ("2027-02-30", "Nobody's day", "is a day such as 2027-05-03"),
        ("2011-05-02", "Long ago", "lies outside the years 2012 to 2100"),
        ("2027-06-01", "x", "Length must be between 2 and 80."),
    ],
)
def test_each_day_that_is_none_names_its_line(tmp_path: Path, day: str, name: str, message: str) -> None:
    (fault,) = faults_of(write(tmp_path, {day: name, **DAYS}))
    assert fault.startswith("5: holidays.")
    assert fault.endswith(message)


def test_a_year_of_which_most_days_are_missing_is_refused(tmp_path: Path) -> None:
    (fault,) = faults_of(write(tmp_path, {**DAYS, "2028-05-05": "One more"}))
    assert fault.startswith("4: holidays: lists 1 of 2028")


@pytest.mark.parametrize("text", ["", "[]", "just words", "holidays: {}", "a: 1\na: 2"])
def test_what_is_no_calendar_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "calendar.yaml"
    file.write_text(text)
    assert faults_of(file)


def test_the_differences_are_those_of_the_years_in_the_file() -> None:
    known = england(2028)
    days = {day: name for day, name in known.holidays.items() if day.year == 2027}
    first = min(days)
    more = known.__class__({**days, date(2027, 5, 10): "Jubilee", first: "First day"}, "new")
    del more.holidays[max(days)]  # type: ignore[attr-defined]
    assert list(find_differences(known, more)) == [
        f"renamed: {first} {known.holidays[first]} -> First day",
        "added: 2027-05-10 Jubilee",
        f"gone: {max(days)} {known.holidays[max(days)]}",
    ]
