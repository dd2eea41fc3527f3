"""The directory as entries: one for each area, team, worker and duty, each the last version of a stream of its own.

An entry is never removed: a worker leaves, a team or an area closes, and a duty is held by nobody. So whatever a
recorded fact names stays known.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.referrals_followup.domain.directory import (
    Absence,
    Area,
    Directory,
    DutyRole,
    Hours,
    Member,
    Post,
    Team,
)
from shared.kernel.decisions import Aggregate, Context, Fact
from shared.kernel.ids import derived_id

AREA, TEAM, WORKER, DUTY = "area", "team", "worker", "duty"
# A team names its manager, so its workers are recorded before it. A duty names people, a team and an area.
RECORDED_IN_ORDER = (AREA, WORKER, TEAM, DUTY)
IMPORTED = "directory.imported.v1"
LISTED = {kind: f"directory.{kind}_listed.v1" for kind in RECORDED_IN_ORDER}
KIND_OF = {event_type: kind for kind, event_type in LISTED.items()}
ADDED, CHANGED, GONE = "added", "changed", "gone"

Parts = tuple[tuple[Area, ...], tuple[Team, ...], tuple[Member, ...], tuple[DutyRole, ...]]
# What each entry lists, by its kind and its id.
Kinds = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing as the directory lists it. `data` is published; `private` has its name, and a worker's address."""

    kind: str
    id: str
    data: Mapping[str, Any]
    private: Mapping[str, str] = field(default_factory=dict)
    area: str | None = field(default=None, compare=False)

    @property
    def stream(self) -> str:
        return f"{self.kind}/{self.id}"

    @property
    def is_gone(self) -> bool:
        """Whether the worker has left, the team or the area is closed, or nobody holds the duty."""
        if self.kind == DUTY:
            return not self.data["people"]
        return ("left_on" if self.kind == WORKER else "closed_on") in self.data

    def gone(self, on: date) -> Entry:
        """The entry from this day on, when its thing is no longer there."""
        change: Mapping[str, Any] = (
            {"people": []} if self.kind == DUTY else {"left_on" if self.kind == WORKER else "closed_on": on.isoformat()}
        )
        return Entry(self.kind, self.id, {**self.data, **change}, self.private, self.area)


@dataclass(frozen=True, slots=True)
class Difference:
    """What is to be recorded, and what stands there now."""

    what: str
    entry: Entry
    before: Entry | None = None

    def __str__(self) -> str:
        """In one line, without names and addresses."""
        if self.what != CHANGED or self.before is None:
            return f"{self.what}: {self.entry.stream}{_duty_of(self.entry)}"
        changes = [
            f"{name} {_shown(self.before.data.get(name))} -> {_shown(self.entry.data.get(name))}"
            for name in sorted({*self.before.data, *self.entry.data})
            if self.before.data.get(name) != self.entry.data.get(name)
        ]
        private = {*self.before.private, *self.entry.private}
        changes += [name for name in sorted(private) if self.before.private.get(name) != self.entry.private.get(name)]
        return f"{self.what}: {self.entry.stream}{_duty_of(self.entry)}: {', '.join(changes)}"


def find_differences(now: Mapping[str, Entry], wanted: Iterable[Entry], on: date) -> list[Difference]:
    """What has to be recorded on this day so that the directory lists what is wanted and nothing else.

    `now` has the present entries by stream. The differences are in the order in which they must be recorded.
    """
    differences = []
    listed = {entry.stream: entry for entry in wanted}
    for stream, entry in listed.items():
        before = now.get(stream)
        if before != entry:
            differences.append(Difference(CHANGED if before else ADDED, entry, before))
    for stream, before in now.items():
        if stream not in listed and not before.is_gone:
            differences.append(Difference(GONE, before.gone(on), before))
    return sorted(differences, key=lambda one: (RECORDED_IN_ORDER.index(one.entry.kind), one.entry.stream))


def entries_of(directory: Directory) -> Iterator[Entry]:
    """The entries of a directory."""
    for area in directory.areas.values():
        yield Entry(
            AREA, area.id, _without_none({"area": area.id, "closed_on": area.closed_on}), {"name": area.name}, area.id
        )
    for team in directory.teams.values():
        yield entry_of_team(team)
    for member in directory.people.values():
        yield entry_of_worker(member, directory.teams[member.team].area)
    holders: dict[tuple[str, str, str | None], list[str]] = defaultdict(list)
    for duty in directory.duty_roles:
        holders[duty.role, duty.area, duty.team].append(duty.person)
    for (role, area_id, team_id), people in holders.items():
        yield entry_of_duty(role, area_id, team_id, people)


def entry_of_team(team: Team) -> Entry:
    hours = team.hours and {"opens": team.hours.opens, "closes": team.hours.closes, "days": team.hours.days}
    data = {
        "team": team.id,
        "area": team.area,
        "role": team.role,
        "services": list(team.services),
        "manager": team.manager,
        "duty": team.duty,
        "hours": hours,
        "out_of_hours_duty": team.out_of_hours_duty,
        "closed_on": team.closed_on,
    }
    return Entry(TEAM, team.id, _without_none(data), {"name": team.name}, team.area)


def entry_of_worker(member: Member, area: str) -> Entry:
    data = {
        "worker": member.id,
        "posts": [{"role": post.role, "team": post.team} for post in member.posts],
        "absences": [{"first": one.first.isoformat(), "last": one.last.isoformat()} for one in member.absent],
        "left_on": member.left_on,
    }
    return Entry(WORKER, member.id, _without_none(data), {"name": member.name, "email": member.email}, area)


def entry_of_duty(role: str, area: str, team: str | None, people: Collection[str]) -> Entry:
    data = {"role": role, "area": area, "team": team, "people": list(people)}
    return Entry(DUTY, derived_id(DUTY, role, area, team or ""), _without_none(data), {}, area)


def entry_of(event: Mapping[str, Any], private: Mapping[str, str]) -> Entry:
    """The entry that an event with these attributes records."""
    kind, _, key = event["stream"].partition("/")
    return Entry(kind, key, event["data"], private, event["area"])


def parts_of(entries: Iterable[Entry]) -> tuple[Parts, list[str]]:
    """The parts of the directory with these entries, and the streams that were left out of it."""
    listed = {entry.stream: entry for entry in entries}
    left_out = find_incomplete(listed)
    kinds: Kinds = {kind: {} for kind in RECORDED_IN_ORDER}
    for stream in listed.keys() - left_out:
        kinds[listed[stream].kind][listed[stream].id] = part_of(listed[stream])
    return in_order(kinds), sorted(left_out)


def find_incomplete(listed: Mapping[str, Entry], known: Container[str] = ()) -> set[str]:
    """The streams that name something that is neither known nor listed (yet), and what names these in turn."""
    naming: dict[str, list[str]] = defaultdict(list)
    missing: list[str] = []
    for stream, entry in listed.items():
        for named in named_by(entry):
            if named in listed:
                naming[named].append(stream)
            elif named not in known:
                missing.append(stream)
    found: set[str] = set()
    while missing:
        stream = missing.pop()
        if stream not in found:
            found.add(stream)
            missing += naming[stream]
    return found


def in_order(kinds: Kinds) -> Parts:
    """These parts, each kind in an order that does not depend on the order here."""
    areas, teams, workers, held = (
        tuple(kinds[kind][key] for key in sorted(kinds[kind])) for kind in (AREA, TEAM, WORKER, DUTY)
    )
    return areas, teams, workers, tuple(sorted((duty for duties in held for duty in duties), key=_order_of))


def part_of(entry: Entry) -> Area | Team | Member | tuple[DutyRole, ...]:
    """What the entry lists: an area, a team, a worker, or everybody who holds a duty."""
    if entry.kind == AREA:
        return Area(entry.id, _name(entry), _day(entry.data.get("closed_on")))
    if entry.kind == DUTY:
        data = entry.data
        return tuple(DutyRole(data["role"], data["area"], person, data.get("team")) for person in data["people"])
    return _team_of(entry) if entry.kind == TEAM else _member_of(entry)


@dataclass(frozen=True, slots=True)
class List:
    """Record that the directory lists the entry like this from now on."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Change:
    """Record the entry that `make` gives. It may refuse."""

    make: Callable[[], Entry]


@dataclass(frozen=True, slots=True)
class FinishImport:
    """Record that a whole directory was imported: how many entries were added, changed and gone."""

    counts: Mapping[str, int]


def _decide(state: None, command: List | Change | FinishImport, context: Context) -> Fact:
    if isinstance(command, FinishImport):
        return Fact(IMPORTED, dict(command.counts), context.now)
    entry = command.make() if isinstance(command, Change) else command.entry
    return Fact(LISTED[entry.kind], entry.data, context.now, area=entry.area, private=entry.private)


AGGREGATE: Aggregate[None] = Aggregate("directory", None, _decide, lambda state, event: None)


def named_by(entry: Entry) -> list[str]:
    """The streams that the entry cannot do without. Further posts of a worker may be in unlisted teams."""
    data = entry.data
    if entry.kind == TEAM:
        return [f"{AREA}/{data['area']}", f"{WORKER}/{data['manager']}", f"{WORKER}/{data['duty']}"]
    if entry.kind == WORKER:
        return [f"{TEAM}/{data['posts'][0]['team']}"]
    if entry.kind == DUTY:
        team = [f"{TEAM}/{data['team']}"] if "team" in data else []
        return [f"{AREA}/{data['area']}", *team, *(f"{WORKER}/{person}" for person in data["people"])]
    return []


def _team_of(entry: Entry) -> Team:
    data = entry.data
    hours = data.get("hours")
    return Team(
        id=entry.id,
        name=_name(entry),
        area=data["area"],
        role=data["role"],
        manager=data["manager"],
        duty=data["duty"],
        services=tuple(data["services"]),
        hours=Hours(**hours) if hours else None,
        out_of_hours_duty=data.get("out_of_hours_duty"),
        closed_on=_day(data.get("closed_on")),
    )


def _member_of(entry: Entry) -> Member:
    data = entry.data
    first, *others = (Post(**post) for post in data["posts"])
    return Member(
        id=entry.id,
        name=_name(entry),
        email=entry.private.get("email", ""),
        role=first.role,
        team=first.team,
        absent=tuple(
            Absence(date.fromisoformat(one["first"]), date.fromisoformat(one["last"])) for one in data["absences"]
        ),
        left_on=_day(data.get("left_on")),
        also=tuple(others),
    )


def _order_of(duty: DutyRole) -> tuple[str, str, str]:
    return duty.role, duty.area, duty.team or ""


def _name(entry: Entry) -> str:
    """The name; the id when the name was lawfully erased."""
    return entry.private.get("name", entry.id)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in data.items()
        if value is not None
    }


def _duty_of(entry: Entry) -> str:
    if entry.kind != DUTY:
        return ""
    return f" ({entry.data['role']} of {entry.data.get('team', entry.data['area'])})"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    if isinstance(value, Mapping):
        return " ".join(map(str, value.values()))
    return "nothing" if value is None else str(value)
