"""The directory's file. It is used whole or not at all: every fault is reported at once, with its file and line.

A line of management that does not reach three different people is a fault: nobody new could be told of what is late.
"""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from services.referrals_followup.domain.directory import (
    NEEDED_IN_EACH_AREA,
    Absence,
    Area,
    Directory,
    DutyRole,
    Hours,
    Member,
    Post,
    Team,
)
from services.referrals_followup.domain.lines import IN_THE_END, find_short_lines, say_what_to_do
from shared.config.yamlfile import FaultyFile, Located, faults, load_yaml
from shared.contracts.access import ROLES
from shared.contracts.fields import Choice, Slug
from shared.contracts.words import CARE_SERVICES, DEATH_SOURCES, TEAM_DAYS

Place = tuple[str | int, ...]
_ROLE = sorted(ROLES)
_JOINERS = "\u200c\u200d"


class _Entry(Schema):
    class Meta:
        unknown = RAISE


def is_one_line(text: str) -> bool:
    """Whether the text has no line break, control or direction character. Letters of some scripts need joiners."""
    return not any(unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp") and one not in _JOINERS for one in text)


def require_one_line(text: str) -> None:
    """Raises ValidationError for a text that would break a line of a digest, or show in another order."""
    if not is_one_line(text):
        raise ValidationError("has a line break, a control character or a direction character")


def text_field() -> fields.String:
    """A name: one line of at most 120 characters."""
    return fields.String(required=True, validate=[validate.Length(1, 120), require_one_line])


def address_field() -> fields.Email:
    """An e-mail address."""
    return fields.Email(required=True, validate=require_one_line)


_FROM, _UNTIL = "from", "until"


class _AreaEntry(_Entry):
    id = Slug(required=True)
    name = text_field()
    closed_on = fields.Date()


def time_of_day(key: str | None = None) -> fields.String:
    """A time such as `08:30`."""
    is_time = validate.Regexp(r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="is not a time such as 08:30")
    return fields.String(required=True, data_key=key, validate=is_time)


class _HoursEntry(_Entry):
    opens = time_of_day(_FROM)
    closes = time_of_day(_UNTIL)
    days = Choice(*TEAM_DAYS, load_default=TEAM_DAYS[0])


class _TeamEntry(_Entry):
    id = Slug(required=True)
    name = text_field()
    area = Slug(required=True)
    role = Choice(*_ROLE, required=True)
    services = fields.List(Choice(*CARE_SERVICES, *DEATH_SOURCES))
    manager = Slug(required=True)
    duty = Slug(required=True)
    hours = fields.Nested(_HoursEntry)
    out_of_hours_duty = Slug()
    closed_on = fields.Date()


class _AbsenceEntry(_Entry):
    first = fields.Date(required=True, data_key=_FROM)
    last = fields.Date(required=True, data_key=_UNTIL)


class _PostEntry(_Entry):
    role = Choice(*_ROLE, required=True)
    team = Slug(required=True)


class _MemberEntry(_Entry):
    id = Slug(required=True)
    name = text_field()
    email = address_field()
    role = Choice(*_ROLE, required=True)
    team = Slug(required=True)
    also = fields.List(fields.Nested(_PostEntry), validate=validate.Length(max=19))
    absent = fields.List(fields.Nested(_AbsenceEntry))
    left_on = fields.Date()


class _DutyRoleEntry(_Entry):
    role = Slug(required=True)
    area = Slug(required=True)
    team = Slug()
    person = Slug(required=True)


class _DirectoryFile(_Entry):
    areas = fields.List(fields.Nested(_AreaEntry), required=True, validate=validate.Length(min=1))
    teams = fields.List(fields.Nested(_TeamEntry), required=True)
    people = fields.List(fields.Nested(_MemberEntry), required=True)
    duty_roles = fields.List(fields.Nested(_DutyRoleEntry), required=True)


def load_directory(path: str | os.PathLike[str]) -> Directory:
    """The directory in this file. Raises FaultyFile, which lists every fault."""
    return load_located(load_yaml(path))


def load_located(located: Located) -> Directory:
    """The directory with this content. Raises FaultyFile, which lists every fault."""
    found = [located.fault(place, message) for place, message in _cross_faults(located)]
    try:
        loaded = _DirectoryFile().load(located.value)
    except ValidationError as error:
        raise FaultyFile([*faults(located, error.messages), *found]) from None
    if found:
        raise FaultyFile(found)
    directory = Directory(
        areas=tuple(Area(**entry) for entry in loaded["areas"]),
        teams=tuple(_team_of(entry) for entry in loaded["teams"]),
        people=tuple(_member_of(entry) for entry in loaded["people"]),
        duty_roles=tuple(DutyRole(**entry) for entry in loaded["duty_roles"]),
    )
    if found := [located.fault(place, message) for place, message in _short_lines(directory, loaded["people"])]:
        raise FaultyFile(found)
    return directory


def _team_of(entry: Mapping[str, Any]) -> Team:
    hours = Hours(**entry["hours"]) if "hours" in entry else None
    return Team(**{**entry, "services": tuple(entry.get("services", ())), "hours": hours})


def _member_of(entry: Mapping[str, Any]) -> Member:
    absent = tuple(Absence(**absence) for absence in entry.get("absent", ()))
    return Member(**{**entry, "absent": absent, "also": tuple(Post(**post) for post in entry.get("also", ()))})


def _cross_faults(located: Located) -> Iterator[tuple[Place, str]]:
    """The faults between entries: ids used twice or never defined, roles that nobody holds, dates out of order."""
    known = {section: _ids(located, section) for section in ("areas", "teams", "people")}
    for section in known:
        yield from _twice(located, section)
    for section, name, meant in (
        ("teams", "area", "areas"),
        ("teams", "manager", "people"),
        ("teams", "duty", "people"),
        ("teams", "out_of_hours_duty", "people"),
        ("people", "team", "teams"),
        ("duty_roles", "area", "areas"),
        ("duty_roles", "team", "teams"),
        ("duty_roles", "person", "people"),
    ):
        for index, entry in _entries(located, section):
            if isinstance(entry.get(name), str) and entry[name] not in known[meant]:
                yield (section, index, name), f"is not the id of one of the {meant}"
    yield from _posts_nowhere(located, known["teams"])
    yield from _teams_elsewhere(located)
    yield from _unheld(located)
    yield from _backwards(located)


def _entries(located: Located, section: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    listed = located.at((section,))
    for index, entry in enumerate(listed if isinstance(listed, list) else []):
        if isinstance(entry, Mapping):
            yield index, entry


def _ids(located: Located, section: str) -> set[Any]:
    return {entry["id"] for _, entry in _entries(located, section) if isinstance(entry.get("id"), str)}


def _twice(located: Located, section: str) -> Iterator[tuple[Place, str]]:
    counted: Counter[str] = Counter()
    for index, entry in _entries(located, section):
        if isinstance(entry.get("id"), str):
            counted[entry["id"]] += 1
            if counted[entry["id"]] > 1:
                yield (section, index, "id"), f"is the id of another one of the {section}"


def _posts_nowhere(located: Located, teams: set[Any]) -> Iterator[tuple[Place, str]]:
    for index, entry in _entries(located, "people"):
        posts = entry.get("also")
        for number, post in enumerate(posts if isinstance(posts, list) else []):
            if isinstance(post, Mapping) and isinstance(post.get("team"), str) and post["team"] not in teams:
                yield ("people", index, "also", number, "team"), "is not the id of one of the teams"


def _teams_elsewhere(located: Located) -> Iterator[tuple[Place, str]]:
    areas = {entry.get("id"): entry.get("area") for _, entry in _entries(located, "teams")}
    for index, entry in _entries(located, "duty_roles"):
        team = entry.get("team")
        if isinstance(team, str) and team in areas and areas[team] != entry.get("area"):
            yield ("duty_roles", index, "team"), f"belongs to the area {areas[team]}"


def _unheld(located: Located) -> Iterator[tuple[Place, str]]:
    held = {
        (str(entry.get("area")), str(entry.get("role")))
        for _, entry in _entries(located, "duty_roles")
        if "team" not in entry
    }
    for index, entry in _entries(located, "areas"):
        for role in NEEDED_IN_EACH_AREA:
            if "closed_on" not in entry and (str(entry.get("id")), role) not in held:
                yield ("areas", index), f"has no {role} for the whole area among the duty_roles"


def _backwards(located: Located) -> Iterator[tuple[Place, str]]:
    for index, entry in _entries(located, "people"):
        absences = entry.get("absent")
        for number, absence in enumerate(absences if isinstance(absences, list) else []):
            if isinstance(absence, Mapping) and str(absence.get(_FROM, "")) > str(absence.get(_UNTIL, "~")):
                yield ("people", index, "absent", number, _UNTIL), f"lies before `{_FROM}`"


def _short_lines(directory: Directory, people: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Place, str]]:
    """Whoever has nobody new above them, in one of their teams. Nobody asks about people who have left."""
    places = {entry["id"]: index for index, entry in enumerate(people)}
    for line in find_short_lines(directory, IN_THE_END):
        reached, team = " and ".join(line.reached), directory.teams[line.team]
        yield (
            ("people", places[line.worker], "team"),
            f"the line from here reaches only {reached}; three different people are needed: {say_what_to_do(team)}",
        )
