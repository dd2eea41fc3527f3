"""Whether every line of management reaches three different people, so that whoever is told next is somebody new."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from services.referrals_followup.domain.directory import DEPUTY_LEAD, HEAD_OF_SERVICE, Directory, Member, Team
from services.referrals_followup.domain.follow_up import Owner

REACHED_BY_A_LINE = 3
# On this day whoever ever leaves has left, and nobody is away.
IN_THE_END = date.max


@dataclass(frozen=True, slots=True)
class ShortLine:
    """The line of a worker in a team, and the fewer than three people whom it reaches."""

    worker: str
    team: str
    reached: tuple[str, ...]


def find_short_lines(directory: Directory, on: date, teams: Collection[str] | None = None) -> Iterator[ShortLine]:
    """The lines, in these teams or in all, that reach fewer than three different people who are there on that day.

    A line is a worker and everybody above them in one of their teams. Nobody asks for the line of somebody who has
    left, nor in a closed team.
    """
    for member in directory.people.values():
        if member.has_left(on) or not (teams is None or member.also or member.team in teams):
            continue
        for name in dict.fromkeys(post.team for post in member.posts):
            if teams is None or name in teams:
                reached = _reached(directory, member.id, name, on)
                if reached and len(reached) < REACHED_BY_A_LINE:
                    yield ShortLine(member.id, name, reached)


def find_lines_broken(
    directory: Directory, member: Member, first: date, last: date = IN_THE_END
) -> dict[str, tuple[str, ...]]:
    """The teams in which a line becomes short, on any day from the first to the last, if the member is listed so.

    For each team there is whom the shortest such line reaches. Lines that are short already do not count.
    """
    people = {**directory.people, member.id: member}
    changed = Directory(
        tuple(directory.areas.values()), tuple(directory.teams.values()), tuple(people.values()), directory.duty_roles
    )
    above = {name: changed.line_of_team(name) for name in changed.teams}
    teams = {post.team for post in member.posts} | {name for name, line in above.items() if member.id in line}
    concerned = {member.id}.union(*(above.get(name, ()) for name in teams))
    broken: dict[str, tuple[str, ...]] = {}
    for day in _days_of_change([people[one] for one in concerned], first, last):
        known = {(line.worker, line.team) for line in find_short_lines(directory, day, teams)}
        for line in find_short_lines(changed, day, teams):
            if (line.worker, line.team) not in known:
                broken[line.team] = min(broken.get(line.team, line.reached), line.reached, key=len)
    return broken


def say_what_to_do(team: Team) -> str:
    """What makes the lines of this team longer."""
    above = f"a {HEAD_OF_SERVICE} or {DEPUTY_LEAD} of {team.area}"
    return f"name another manager of {team.id}, or {above} among the duty_roles"


def _reached(directory: Directory, worker: str, name: str, on: date) -> tuple[str, ...]:
    """The worker and whoever is above them in this team and there; nobody for a team that is closed or not listed."""
    team = directory.team(name)
    if team is None or (team.closed_on is not None and team.closed_on <= on):
        return ()
    above = directory.line_above(Owner(team.role, team.id, worker), team.area, on)
    return tuple(sorted([worker, *(one for one in above if not directory.people[one].why_away(on))]))


def _days_of_change(people: Iterable[Member], first: date, last: date) -> list[date]:
    """The first day, and each later one on which one of these people begins to be away."""
    begins = {absence.first for member in people for absence in member.absent}
    leaves = {member.left_on for member in people if member.left_on is not None}
    return sorted({first, *(day for day in begins | leaves if first < day <= last)})
