"""A directory written as a file or as tables in CSV, for the tests of its import."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from services.referrals_followup.directory.tables import rows_of
from services.referrals_followup.domain.directory import Directory


def write(folder: Path, directory: Directory) -> Path:
    """Writes the tables of this directory into the folder, as somebody would with a spreadsheet."""
    folder.mkdir(exist_ok=True)
    teams, people = directory.teams.values(), directory.people.values()
    tables = {
        "areas": ["id,name,closed_on", *([one.id, one.name, one.closed_on] for one in directory.areas.values())],
        "teams": [
            "id,name,area,role,services,manager,duty,from,until,days,out_of_hours_duty,closed_on",
            *(
                [
                    *(one.id, one.name, one.area, one.role, " ".join(one.services), one.manager, one.duty),
                    *((one.hours.opens, one.hours.closes, one.hours.days) if one.hours else ("", "", "")),
                    *(one.out_of_hours_duty, one.closed_on),
                ]
                for one in teams
            ),
        ],
        "workers": [
            "id,name,email,role,team,also,absent,left_on",
            *(
                [
                    *(one.id, one.name, one.email, one.role, one.team),
                    " ".join(f"{post.role}/{post.team}" for post in one.also),
                    " ".join(f"{away.first}/{away.last}" for away in one.absent),
                    one.left_on,
                ]
                for one in people
            ),
        ],
        "duties": ["role,area,team,person", *([d.role, d.area, d.team, d.person] for d in directory.duty_roles)],
    }
    for name, (header, *rows) in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            file.write(f"{header}\n")
            csv.writer(file, lineterminator="\n").writerows(rows)
    return folder


def write_yaml(file: Path, directory: Directory) -> Path:
    """Writes the directory into a YAML file, an entry in each line."""
    sections = (
        f"{section}:\n" + "".join(f"  - {json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        for section, rows in rows_of(directory).items()
    )
    file.write_text("".join(sections), encoding="utf-8")
    return file


def change(folder: Path, table: str, old: str, new: str) -> int:
    """Replaces a text that stands once in the table; the line where it stood."""
    file = folder / f"{table}.csv"
    text = file.read_text()
    assert text.count(old) == 1, (old, text.count(old))
    file.write_text(text.replace(old, new))
    return text[: text.index(old)].count("\n") + 1
