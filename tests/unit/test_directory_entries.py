"""The directory as recorded entries: what differs from a file, and what is left out while something is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.directory import Absence, Directory, DutyRole, Hours, Post
from services.referrals_followup.domain.directory_entries import (
    ADDED,
    AGGREGATE,
    CHANGED,
    GONE,
    LISTED,
    Entry,
    FinishImport,
    List,
    entries_of,
    find_differences,
    parts_of,
)
from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM_ACTOR
from shared.kernel.decisions import Context
from shared.kernel.envelope import from_text

EXAMPLE = Path(__file__).parents[2] / "services" / "referrals_followup" / "directory" / "directory.example.yaml"
TODAY = date(2026, 11, 30)
DIRECTORY = load_directory(EXAMPLE)
TEAM, WORKER = "hv-harwich", "hv-sato"


def by_stream(directory: Directory) -> dict[str, Entry]:
    return {entry.stream: entry for entry in entries_of(directory)}


def a_directory(**parts: object) -> Directory:
    """The example, with some parts replaced."""
    whole = {
        "areas": tuple(DIRECTORY.areas.values()),
        "teams": tuple(DIRECTORY.teams.values()),
        "people": tuple(DIRECTORY.people.values()),
        "duty_roles": DIRECTORY.duty_roles,
    }
    return Directory(**{**whole, **parts})  # type: ignore[arg-type]


def with_team(**changes: object) -> Directory:
    teams = {**DIRECTORY.teams, TEAM: replace(DIRECTORY.teams[TEAM], **changes)}  # type: ignore[arg-type]
    return a_directory(teams=tuple(teams.values()))


def with_worker(**changes: object) -> Directory:
    people = {**DIRECTORY.people, WORKER: replace(DIRECTORY.people[WORKER], **changes)}  # type: ignore[arg-type]
    return a_directory(people=tuple(people.values()))


FULL = a_directory(
    teams=tuple(
        with_team(
            hours=Hours("08:00", "18:00", "every_day"), out_of_hours_duty="hv-pereira", closed_on=TODAY
        ).teams.values()
    ),
    people=tuple(
        with_worker(
            absent=(Absence(TODAY, TODAY),), left_on=TODAY, also=(Post("midwife", "midwifery-colne"),)
        ).people.values()
    ),
)


@pytest.mark.parametrize("directory", [DIRECTORY, FULL], ids=["the example", "with everything"])
def test_a_directory_is_the_same_after_it_was_recorded(directory: Directory) -> None:
    parts, left_out = parts_of(entries_of(directory))
    again = Directory(*parts)
    assert left_out == []
    assert (again.areas, again.teams, again.people) == (directory.areas, directory.teams, directory.people)
    assert set(again.duty_roles) == set(directory.duty_roles)


def test_what_is_published_of_an_entry_has_no_name_and_no_address() -> None:
    private = {word for entry in entries_of(FULL) for word in entry.private.values()}
    for entry in entries_of(FULL):
        assert CATALOGUE.faults(LISTED[entry.kind], entry.data) == {}
        assert not any(word in str(entry.data) for word in private)


def test_the_same_directory_differs_in_nothing() -> None:
    assert find_differences(by_stream(FULL), entries_of(FULL), TODAY) == []


def test_what_is_new_changed_or_gone_is_named_and_in_the_order_of_recording() -> None:
    team = DIRECTORY.teams[TEAM]
    new = replace(DIRECTORY.people[WORKER], id="hv-new", name="New Person")
    directory = a_directory(
        teams=tuple({**DIRECTORY.teams, TEAM: replace(team, manager="hv-new", name="Harwich")}.values()),
        people=(*(one for one in DIRECTORY.people.values() if one.id != "hv-pereira"), new),
        duty_roles=tuple(duty for duty in DIRECTORY.duty_roles if (duty.role, duty.area) != ("named_gp", "essex")),
    )
    differences = find_differences(by_stream(DIRECTORY), entries_of(directory), TODAY)
    assert [(one.what, one.entry.kind) for one in differences] == [
        (ADDED, "worker"),
        (GONE, "worker"),
        (CHANGED, "team"),
        (GONE, "duty"),
    ]
    added, left, changed, unheld = differences
    assert left.entry.data["left_on"] == "2026-11-30"
    assert unheld.entry.data["people"] == []
    assert str(added) == "added: worker/hv-new"
    assert str(changed) == "changed: team/hv-harwich: manager hv-manager-ito -> hv-new, name"
    assert str(unheld) == f"gone: {unheld.entry.stream} (named_gp of essex)"
    assert "Harwich" not in str(changed)


def test_whoever_is_gone_stays_known_and_is_not_gone_again() -> None:
    without = a_directory(people=tuple(one for one in DIRECTORY.people.values() if one.id != "hv-pereira"))
    now = by_stream(DIRECTORY)
    (left,) = find_differences(now, entries_of(without), TODAY)
    now[left.entry.stream] = left.entry
    parts, _ = parts_of(now.values())
    assert Directory(*parts).people["hv-pereira"].left_on == TODAY
    assert find_differences(now, entries_of(without), date(2027, 1, 1)) == []


def test_a_closed_team_takes_on_nothing() -> None:
    assert DIRECTORY._team_acting_as("health_visitor", "essex") is DIRECTORY.teams[TEAM]
    assert with_team(closed_on=TODAY)._team_acting_as("health_visitor", "essex") is None


@pytest.mark.parametrize(
    ("missing", "left_out"),
    [
        ("worker/hv-manager-ito", {"team/hv-harwich", "worker/hv-pereira", "worker/hv-sato"}),
        ("area/norfolk", {"team/hv-yare", "worker/hv-castro"}),
    ],
)
def test_what_names_something_that_is_not_listed_is_left_out_with_all_that_names_it(
    missing: str, left_out: set[str]
) -> None:
    entries = by_stream(DIRECTORY)
    del entries[missing]
    parts, found = parts_of(entries.values())
    assert left_out <= set(found)
    directory = Directory(*parts)
    for team in directory.teams.values():
        assert {team.manager, team.duty} <= directory.people.keys()
    assert all(member.team in directory.teams for member in directory.people.values())
    assert all(duty.person in directory.people for duty in directory.duty_roles)


def test_several_people_may_hold_one_duty_in_their_order() -> None:
    first, second = DutyRole("named_gp", "norfolk", "gp-lindholm"), DutyRole("named_gp", "norfolk", "gp-manager-fox")
    others = tuple(duty for duty in DIRECTORY.duty_roles if (duty.role, duty.area) != ("named_gp", "norfolk"))
    parts, _ = parts_of(entries_of(a_directory(duty_roles=(*others, first, second))))
    assert [duty for duty in parts[3] if (duty.role, duty.area) == ("named_gp", "norfolk")] == [first, second]


def test_a_name_that_was_erased_shows_as_the_id() -> None:
    entries = by_stream(DIRECTORY)
    entries[f"worker/{WORKER}"] = replace(entries[f"worker/{WORKER}"], private={})
    parts, _ = parts_of(entries.values())
    member = Directory(*parts).people[WORKER]
    assert (member.name, member.email) == (WORKER, "")


def test_an_entry_is_recorded_with_its_area_and_its_private_part() -> None:
    context = Context(from_text("2026-11-30T10:00:00Z"), SYSTEM_ACTOR, f"team/{TEAM}")
    fact = AGGREGATE.decide(None, List(by_stream(DIRECTORY)[f"team/{TEAM}"]), context)
    assert (fact.type, fact.area, fact.private) == (
        "directory.team_listed.v1",
        "essex",
        {"name": "Harwich health visiting"},
    )
    done = AGGREGATE.decide(None, FinishImport({"added": 1, "changed": 0, "gone": 0}), context)
    assert CATALOGUE.faults(done.type, done.data) == {}
