"""The directory's file. It is read whole or not at all: every fault in it is told at once, with its file and line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from services.referrals_followup.domain.directory import (
    NEEDED_IN_EACH_AREA,
    Absence,
    Area,
    Directory,
    DutyRole,
    Member,
    Team,
)
from shared.config.yamlfile import FaultyFile, Located, faults, load_yaml
from shared.contracts.access import ROLES
from shared.contracts.fields import Choice, Slug
from shared.contracts.words import CARE_SERVICES

Place = tuple[str | int, ...]
_ROLE = sorted(ROLES)


class _Entry(Schema):
    class Meta:
        unknown = RAISE


def _text() -> fields.String:
    return fields.String(required=True, validate=validate.Length(1, 120))


class _AreaEntry(_Entry):
    id = Slug(required=True)
    name = _text()


class _TeamEntry(_Entry):
    id = Slug(required=True)
    name = _text()
    area = Slug(required=True)
    role = Choice(*_ROLE, required=True)
    services = fields.List(Choice(*CARE_SERVICES))
    manager = Slug(required=True)
    duty = Slug(required=True)


_FROM, _UNTIL = "from", "until"


class _AbsenceEntry(_Entry):
    first = fields.Date(required=True, data_key=_FROM)
    last = fields.Date(required=True, data_key=_UNTIL)


class _MemberEntry(_Entry):
    id = Slug(required=True)
    name = _text()
    email = fields.Email(required=True)
    role = Choice(*_ROLE, required=True)
    team = Slug(required=True)
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
    located = load_yaml(path)
    found = [located.fault(place, message) for place, message in _cross_faults(located)]
    try:
        loaded = _DirectoryFile().load(located.value)
    except ValidationError as error:
        raise FaultyFile([*faults(located, error.messages), *found]) from None
    if found:
        raise FaultyFile(found)
    return Directory(
        areas=tuple(Area(**entry) for entry in loaded["areas"]),
        teams=tuple(Team(**{**entry, "services": tuple(entry.get("services", ()))}) for entry in loaded["teams"]),
        people=tuple(
            Member(**{**entry, "absent": tuple(Absence(**absence) for absence in entry.get("absent", ()))})
            for entry in loaded["people"]
        ),
        duty_roles=tuple(DutyRole(**entry) for entry in loaded["duty_roles"]),
    )


def _cross_faults(located: Located) -> Iterator[tuple[Place, str]]:
    """What no single entry can tell: ids that are there twice or nowhere, roles nobody holds, dates in disorder."""
    known = {section: _ids(located, section) for section in ("areas", "teams", "people")}
    for section in known:
        yield from _twice(located, section)
    for section, name, meant in (
        ("teams", "area", "areas"),
        ("teams", "manager", "people"),
        ("teams", "duty", "people"),
        ("people", "team", "teams"),
        ("duty_roles", "area", "areas"),
        ("duty_roles", "team", "teams"),
        ("duty_roles", "person", "people"),
    ):
        for index, entry in _entries(located, section):
            if isinstance(entry.get(name), str) and entry[name] not in known[meant]:
                yield (section, index, name), f"is not the id of one of the {meant}"
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
            if (str(entry.get("id")), role) not in held:
                yield ("areas", index), f"has no {role} for the whole area among the duty_roles"


def _backwards(located: Located) -> Iterator[tuple[Place, str]]:
    for index, entry in _entries(located, "people"):
        absences = entry.get("absent")
        for number, absence in enumerate(absences if isinstance(absences, list) else []):
            if isinstance(absence, Mapping) and str(absence.get(_FROM, "")) > str(absence.get(_UNTIL, "~")):
                yield ("people", index, "absent", number, _UNTIL), f"lies before `{_FROM}`"
