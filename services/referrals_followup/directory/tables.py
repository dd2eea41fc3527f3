"""The directory as a folder of four tables in CSV: areas.csv, teams.csv, workers.csv and duties.csv.

Guarantee: a bad row is told with its file, its line and the reason. The good rows are used only if what is left is a
valid directory; what the bad rows are about stays as it was.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from services.referrals_followup.directory.loader import is_one_line, load_located
from services.referrals_followup.domain.directory import Directory, Hours
from shared.config.yamlfile import Fault, FaultyFile, Located, Position

Row = Mapping[str, Any]


def _list_words(cell: str) -> list[str]:
    return cell.split()


def _list_pairs(first: str, second: str) -> Callable[[str], list[dict[str, str]]]:
    """Reads pairs such as `midwife/midwifery-colne`, with spaces between them."""
    return lambda cell: [dict(zip((first, second), pair.split("/", 1), strict=False)) for pair in cell.split()]


# The table of each section of a directory's file: its name, the columns that it needs, and further ones.
_TABLES: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "areas": ("areas.csv", ("id", "name"), ("closed_on",)),
    "teams": (
        "teams.csv",
        ("id", "name", "area", "role", "manager", "duty"),
        ("services", "from", "until", "days", "out_of_hours_duty", "closed_on"),
    ),
    "people": ("workers.csv", ("id", "name", "email", "role", "team"), ("also", "absent", "left_on")),
    "duty_roles": ("duties.csv", ("role", "area", "person"), ("team",)),
}
_LISTS: Mapping[str, Callable[[str], list[Any]]] = {
    "services": _list_words,
    "also": _list_pairs("role", "team"),
    "absent": _list_pairs("from", "until"),
}
_HOURS = ("from", "until", "days")


@dataclass(frozen=True, slots=True)
class Tables(Located):
    """The rows of the tables, as the directory's file would have them, with the line of each. Line 0: it is stored."""

    def fault(self, position: Position, message: str) -> Fault:
        section, *row = position
        file = os.path.join(self.file, _TABLES[str(section)][0])
        where = ".".join(part for part in row if isinstance(part, str))
        line = self.line(position) if row else 0
        if row and not line:
            where = f"{self.at(position[:2]).get('id', 'a duty')}, as it is stored: {where}"
        return Fault(file, line, where, message)


def load_tables(folder: Path, stored: Directory | None = None) -> tuple[Directory, list[Fault]]:
    """The directory in this folder, and the faults of the rows that were left out.

    If rows were left out, the directory is the stored one with what the other rows add or change. Raises FaultyFile if
    the tables cannot be read, or if the directory without the bad rows is not valid.
    """
    rows, left_out = _read(folder)
    beside = stored if left_out else None
    while True:
        try:
            return load_located(_tables_of(folder, rows, beside)), left_out
        except FaultyFile as error:
            if beside is not stored:  # What a bad row is about may be stored.
                beside = stored
                continue
            bad = {(Path(fault.file).name, fault.line) for fault in error.faults}
            left_out += error.faults
            kept = {
                section: {line: row for line, row in listed.items() if (_TABLES[section][0], line) not in bad}
                for section, listed in rows.items()
            }
            if kept == rows or not any(kept.values()) or any(not fault.line for fault in error.faults):
                raise FaultyFile(left_out) from None
            rows = kept


def _tables_of(folder: Path, rows: Mapping[str, Mapping[int, Row]], stored: Directory | None) -> Tables:
    """The rows, and after them what is stored of everything that they do not list."""
    value: dict[str, list[Row]] = {section: list(listed.values()) for section, listed in rows.items()}
    lines: dict[Position, int] = {
        (section, index): line for section, listed in rows.items() for index, line in enumerate(listed)
    }
    for section, listed in (rows_of(stored) if stored else {}).items():
        known = {_key_of(section, row) for row in value[section]}
        for row in listed:
            if _key_of(section, row) not in known:
                lines[section, len(value[section])] = 0
                value[section].append(row)
    return Tables(os.fspath(folder), value, lines)


def _key_of(section: str, row: Row) -> Hashable:
    """What the row lists: an id, or for a duty the whole row."""
    return tuple(sorted(row.items())) if section == "duty_roles" else row.get("id")


def _read(folder: Path) -> tuple[dict[str, dict[int, Row]], list[Fault]]:
    """The rows of each table, by line, and the faults of what is no row. Raises FaultyFile for what is no table."""
    rows: dict[str, dict[int, Row]] = {}
    bad_rows: list[Fault] = []
    bad_tables: list[Fault] = []
    for section, (name, needed, optional) in _TABLES.items():
        rows[section] = {}
        try:
            for line, row in _read_table(folder / name, needed, (*needed, *optional)):
                if isinstance(row, str):
                    bad_rows.append(Fault(os.fspath(folder / name), line, "", row))
                else:
                    rows[section][line] = row
        except FaultyFile as error:
            bad_tables += error.faults
    if bad_tables:
        raise FaultyFile([*bad_tables, *bad_rows])
    return rows, bad_rows


def _read_table(path: Path, needed: tuple[str, ...], known: tuple[str, ...]) -> Iterator[tuple[int, Row | str]]:
    """Each row with its line; for what is no row of the table, the reason."""
    file = os.fspath(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FaultyFile([Fault(file, 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError:
        raise FaultyFile([Fault(file, 0, "", "is not UTF-8 text")]) from None
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        found = [f"has no column `{name}`" for name in needed if name not in header]
        found += [f"has an unknown column {name!r}" for name in header if name not in known]
        found += ["names a column twice"] if len(set(header)) < len(header) else []
        if found:
            raise FaultyFile(Fault(file, 1, "", fault) for fault in found)
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                yield line, _row_of(header, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        raise FaultyFile([Fault(file, reader.line_num, "", f"is not CSV: {error}")]) from None


def _row_of(header: list[str], cells: list[str]) -> Row | str:
    """The row as an entry of a directory's file, or why it is none."""
    if len(cells) != len(header):
        return f"has {len(cells)} cells, and the table has {len(header)} columns"
    if broken := [name for name, cell in zip(header, cells, strict=True) if not is_one_line(cell)]:
        return f"{', '.join(broken)}: has a line break, a control character or a direction character"
    row: dict[str, Any] = {name: cell.strip() for name, cell in zip(header, cells, strict=True) if cell.strip()}
    row = {name: _LISTS[name](cell) if name in _LISTS else cell for name, cell in row.items()}
    hours = {name: row.pop(name) for name in _HOURS if name in row}
    return {**row, "hours": hours} if hours else row


def rows_of(directory: Directory) -> dict[str, list[Row]]:
    """The directory as rows of its file."""
    return {
        "areas": [_without_none(id=one.id, name=one.name, closed_on=one.closed_on) for one in directory.areas.values()],
        "teams": [
            _without_none(
                id=team.id,
                name=team.name,
                area=team.area,
                role=team.role,
                manager=team.manager,
                duty=team.duty,
                services=list(team.services),
                hours=_hours_of(team.hours),
                out_of_hours_duty=team.out_of_hours_duty,
                closed_on=team.closed_on,
            )
            for team in directory.teams.values()
        ],
        "people": [
            _without_none(
                id=one.id,
                name=one.name,
                email=one.email,
                role=one.role,
                team=one.team,
                also=[{"role": post.role, "team": post.team} for post in one.also],
                absent=[{"from": away.first.isoformat(), "until": away.last.isoformat()} for away in one.absent],
                left_on=one.left_on,
            )
            for one in directory.people.values()
        ],
        "duty_roles": [
            _without_none(role=duty.role, area=duty.area, person=duty.person, team=duty.team)
            for duty in directory.duty_roles
        ],
    }


def _hours_of(hours: Hours | None) -> Row | None:
    return {"from": hours.opens, "until": hours.closes, "days": hours.days} if hours else None


def _without_none(**values: Any) -> Row:
    return {
        name: value.isoformat() if hasattr(value, "isoformat") else value
        for name, value in values.items()
        if value is not None
    }
