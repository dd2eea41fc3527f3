"""Lines of management: one reckoning of who is above a team, and no line with fewer than three different people."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.directory import Absence, Area, Directory, DutyRole, Member, Post, Team
from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.lines import (
    IN_THE_END,
    REACHED_BY_A_LINE,
    find_lines_broken,
    find_short_lines,
)
from shared.config.yamlfile import FaultyFile
from tests.unit.tables import write_yaml

MONDAY = date(2013, 1, 14)
FRIDAY = MONDAY + timedelta(days=4)


def worker(name: str, team: str, role: str = "health_visitor", **more: object) -> Member:
    return Member(name, name.title(), f"{name}@essex.example", role, team, **more)  # type: ignore[arg-type]


def a_directory(*people: Member, duties: tuple[DutyRole, ...] = ()) -> Directory:
    """A team with its manager, and a board with the lead; without more, a visitor's line has exactly three people."""
    listed = {
        "visitor": worker("visitor", "visiting"),
        "manager": worker("manager", "visiting", "manager"),
        "lead": worker("lead", "board", "safeguarding_lead"),
        "chair": worker("chair", "board", "manager"),
        **{one.id: one for one in people},
    }
    return Directory(
        (Area("essex", "Essex"),),
        (
            Team("visiting", "Visiting", "essex", "health_visitor", "manager", "visitor"),
            Team("board", "Board", "essex", "safeguarding_lead", "chair", "lead"),
        ),
        tuple(listed.values()),
        (
            DutyRole("safeguarding_lead", "essex", "lead"),
            DutyRole("operator", "essex", "chair"),
            DutyRole("head_of_service", "essex", "chair"),
            *duties,
        ),
    )


def left(directory: Directory, name: str, on: date = MONDAY) -> Member:
    return replace(directory.people[name], left_on=on)


def test_the_head_of_service_of_the_area_is_above_every_team_of_it_after_the_lead_and_the_deputies() -> None:
    directory = a_directory(
        worker("deputy", "visiting"), duties=(DutyRole("deputy_safeguarding_lead", "essex", "deputy"),)
    )
    assert directory.line_of_team("visiting") == ("manager", "lead", "deputy", "chair")
    assert directory.leads_of("essex") == ("lead", "deputy")


def test_whoever_leaves_breaks_the_lines_that_have_three_people_with_them_only() -> None:
    directory = a_directory(worker("other", "visiting"))
    assert find_lines_broken(directory, left(directory, "visitor"), MONDAY) == {}
    assert find_lines_broken(directory, left(directory, "manager"), MONDAY) == {}
    assert find_lines_broken(directory, left(directory, "lead"), MONDAY) == {"visiting": ("chair", "manager")}
    three = a_directory(duties=(DutyRole("deputy_safeguarding_lead", "essex", "manager"),))
    assert set(find_lines_broken(three, left(three, "lead"), MONDAY)) == {"visiting", "board"}


def test_an_absence_breaks_a_line_only_if_the_others_are_not_there_on_one_of_its_days() -> None:
    away = (Absence(FRIDAY, FRIDAY + timedelta(days=20)),)
    deputies = (worker(name, "board", "safeguarding_lead") for name in ("deputy", "second"))
    directory = a_directory(worker("chair", "board", "manager", absent=away), *deputies)
    absent = replace(directory.people["lead"], absent=(Absence(MONDAY, FRIDAY),))
    assert find_lines_broken(directory, absent, MONDAY, FRIDAY - timedelta(days=1)) == {}
    assert find_lines_broken(directory, absent, MONDAY, FRIDAY) == {"board": ("deputy", "second")}


def test_a_line_that_is_short_already_refuses_no_further_change() -> None:
    directory = a_directory()
    directory = a_directory(left(directory, "lead"), left(directory, "manager"))
    assert [line.worker for line in find_short_lines(directory, MONDAY)] == ["visitor", "chair"]
    assert find_lines_broken(directory, left(directory, "visitor"), MONDAY) == {}


def test_nobody_asks_for_the_line_of_a_closed_team() -> None:
    directory = a_directory(left(a_directory(), "lead"))
    assert {line.team for line in find_short_lines(directory, MONDAY)} == {"visiting", "board"}
    teams = tuple(replace(team, closed_on=MONDAY) for team in directory.teams.values())
    closed = Directory(tuple(directory.areas.values()), teams, tuple(directory.people.values()), directory.duty_roles)
    assert list(find_short_lines(closed, MONDAY)) == []


# --- whoever asks gets the same answer ------------------------------------------------------------------------------

ROLES = st.sampled_from(["health_visitor", "manager", "safeguarding_lead"])
HEADS = ("head_of_service", "service_manager", "deputy_safeguarding_lead", "safeguarding_lead")


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """A few teams in two areas. The same few people manage them and hold the duties; some have left."""
    people = [f"p{number}" for number in range(draw(st.integers(1, 7)))]
    somebody = st.sampled_from(people)
    areas = ("essex", "norfolk")
    names = [f"t{number}" for number in range(draw(st.integers(1, 3)))]
    teams = {
        name: Team(name, name, draw(st.sampled_from(areas)), "health_visitor", draw(somebody), draw(somebody))
        for name in names
    }
    members = tuple(
        worker(
            one,
            draw(st.sampled_from(names)),
            draw(ROLES),
            left_on=draw(st.sampled_from([None, None, MONDAY])),
            also=tuple(draw(st.lists(st.builds(Post, ROLES, st.sampled_from(names)), max_size=1))),
        )
        for one in people
    )
    duties = [DutyRole(role, area, draw(somebody)) for area in areas for role in ("operator", "safeguarding_lead")]
    for role in draw(st.lists(st.sampled_from(HEADS), max_size=3)):
        team = draw(st.sampled_from([None, *names]))
        area = teams[team].area if team else draw(st.sampled_from(areas))
        duties.append(DutyRole(role, area, draw(somebody), team))
    return Directory(tuple(Area(one, one.title()) for one in areas), tuple(teams.values()), members, tuple(duties))


def loaded_from_a_file(directory: Directory) -> set[str]:
    """The workers whose line the file's loader finds too short."""
    with TemporaryDirectory() as folder:
        file = write_yaml(Path(folder) / "directory.yaml", directory)
        try:
            load_directory(file)
        except FaultyFile as error:
            found = error.faults
        else:
            found = []
    assert all("three different people" in fault.message for fault in found)
    people = list(directory.people)
    return {people[int(fault.where.partition("[")[2].partition("]")[0])] for fault in found}


def has_short_line(directory: Directory, member: Member) -> bool:
    """Whether the ladder, in one of the member's teams, ever comes to fewer than three different people."""
    teams = (directory.teams[post.team] for post in member.posts)
    owners = ((Owner(team.role, team.id, member.id), team.area) for team in teams)
    return any(
        len({member.id, *directory.line_above(owner, area, IN_THE_END)}) < REACHED_BY_A_LINE for owner, area in owners
    )


@given(directories())
def test_the_ladder_the_file_and_a_joining_agree_on_whose_line_is_too_short(directory: Directory) -> None:
    """A joining asks about the newcomer as one more worker. Here everybody who has not left joins again."""
    there = [member for member in directory.people.values() if member.left_on is None]
    short = {member.id for member in there if has_short_line(directory, member)}
    assert {line.worker for line in find_short_lines(directory, IN_THE_END)} == short
    assert loaded_from_a_file(directory) == short
    newcomer = worker("newcomer", "t0")
    broken = find_lines_broken(directory, newcomer, IN_THE_END)
    joined = Directory(
        tuple(directory.areas.values()),
        tuple(directory.teams.values()),
        (*directory.people.values(), newcomer),
        directory.duty_roles,
    )
    assert bool(broken) == has_short_line(joined, newcomer) == ("newcomer" in loaded_from_a_file(joined))


@given(directories(), st.data())
def test_whoever_is_above_a_worker_of_a_team_is_above_the_team(directory: Directory, data: st.DataObject) -> None:
    team = data.draw(st.sampled_from(sorted(directory.teams)))
    known = directory.teams[team]
    for member in directory.people.values():
        above = directory.line_above(Owner(known.role, team, member.id), known.area, MONDAY)
        assert set(above) <= set(directory.line_of_team(team, MONDAY))


@given(directories(), st.data())
def test_after_a_leaving_that_breaks_no_line_no_further_line_is_short(
    directory: Directory, data: st.DataObject
) -> None:
    member = data.draw(st.sampled_from(sorted(directory.people.values(), key=lambda one: one.id)))
    gone = replace(member, left_on=MONDAY)
    people = {**directory.people, member.id: gone}
    after = Directory(
        tuple(directory.areas.values()), tuple(directory.teams.values()), tuple(people.values()), directory.duty_roles
    )
    before = {(line.worker, line.team) for line in find_short_lines(directory, MONDAY)}
    added = {(line.worker, line.team) for line in find_short_lines(after, MONDAY)} - before
    assert {team for _, team in added} == set(find_lines_broken(directory, gone, MONDAY))


@pytest.mark.parametrize("name", ["manager", "lead"])
def test_the_manager_of_a_team_and_the_lead_of_its_area_are_above_it(name: str) -> None:
    assert name in a_directory().line_of_team("visiting", MONDAY)
    assert name not in a_directory(left(a_directory(), name)).line_of_team("visiting", MONDAY)
