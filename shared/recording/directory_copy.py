"""A recording service's copy of the directory of `referrals_followup`: ids, roles, teams, areas and dates; no names.

Guarantees: the copy is the same in whatever order and however often the events arrive. It says nothing until it has
heard of the directory, so recording never depends on the follow-up service.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from pymongo import ASCENDING, UpdateOne
from pymongo.database import Database

from shared.contracts import CATALOGUE
from shared.events.recorder import available
from shared.kernel.chunks import chunks
from shared.kernel.envelope import Event
from shared.kernel.nearest import say_nearest
from shared.messaging.incoming import Delivery, Done, Outcome, read_event

AREA, TEAM, WORKER = "area", "team", "worker"
_KIND_OF = {f"directory.{kind}_listed.v1": kind for kind in (AREA, TEAM, WORKER)}
_CHANGES = "changes"
AT_A_TIME = 1_000
# A write becomes visible after the time that the database stamps it with.
_OVERLAP = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class CopiedTeam:
    """A team as the directory lists it. `closed_on` is the first day on which it is gone."""

    id: str
    area: str
    role: str
    services: tuple[str, ...]
    manager: str
    duty: str
    closed_on: date | None = None


class CopiedPost(NamedTuple):
    """What somebody acts as, and in which team."""

    role: str
    team: str


@dataclass(frozen=True, slots=True)
class CopiedWorker:
    """A worker as the directory lists them, the main post first. `left_on` is the first day on which they are gone."""

    id: str
    posts: tuple[CopiedPost, ...]
    left_on: date | None = None

    @property
    def roles(self) -> frozenset[str]:
        return frozenset(post.role for post in self.posts)

    @property
    def teams(self) -> frozenset[str]:
        return frozenset(post.team for post in self.posts)


class DirectoryCopy:
    """The copy in the collection `directory`, which each process keeps in memory and brings up to date."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._stored = database["directory"]
        self._areas: dict[str, date | None] = {}
        self._teams: dict[str, CopiedTeam] = {}
        self._workers: dict[str, CopiedWorker] = {}
        self._taken: dict[str, tuple[int, datetime]] = {}
        self._changes = 0
        self._newest: datetime | None = None
        self._began_at: datetime | None = None

    def ensure_indexes(self) -> None:
        """Create the index that finds what changed; safe to repeat."""
        self._stored.create_index([("heard_at", ASCENDING)], name="heard_at")

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """Keep what these messages list. Returns the outcome of each message. Raises PyMongoError."""
        read = [read_event(delivery, CATALOGUE) for delivery in deliveries]
        self.keep(event for event in read if isinstance(event, Event))
        return [Done() if isinstance(event, Event) else event for event in read]

    def keep(self, events: Iterable[Event]) -> None:
        """Store what the directory's events among these list, unless a later version is stored."""
        writes = [_write_of(event) for event in events if event.type in _KIND_OF]
        if writes:
            self._stored.bulk_write(writes, ordered=False)
            # After the entries. If the process is killed in between, the messages come again.
            self._stored.update_one({"_id": _CHANGES}, {"$inc": {"number": 1}}, upsert=True)

    def refresh(self) -> bool:
        """Bring what this process keeps up to date, and say whether it changed: one small query when nothing did.

        Raises StoreUnavailable.
        """
        with available():
            found = self._stored.find_one({"_id": _CHANGES}) or {"number": 0}
            if found["number"] == self._changes:
                return False
            since = {"$gte": self._newest - _OVERLAP} if self._newest else {"$exists": True}
            recent = self._stored.find({"heard_at": since}, {"version": 1, "first_at": 1})
            newer = [one["_id"] for one in recent if self._taken.get(one["_id"]) != (one["version"], one["first_at"])]
            for some in chunks(newer, AT_A_TIME):
                for document in self._stored.find({"_id": {"$in": some}}):
                    self._take(document)
        self._changes = found["number"]
        return True

    @property
    def is_empty(self) -> bool:
        """Whether this service has never heard of the directory. Then it knows no name, and checks none."""
        return not self._areas

    @property
    def began_at(self) -> datetime | None:
        """When the first entry of the directory was recorded (UTC)."""
        return self._began_at

    @property
    def areas(self) -> Collection[str]:
        return self._areas.keys()

    def team(self, name: str | None) -> CopiedTeam | None:
        return self._teams.get(name or "")

    def worker(self, name: str | None) -> CopiedWorker | None:
        return self._workers.get(name or "")

    def why_not(self, kind: str, name: str, on: date) -> str | None:
        """Why an act of that day cannot name this area, team or worker; None when it can."""
        known = self._of(kind)
        if name not in known:
            return f"is not the id of a known {kind}{say_nearest(name, known)}"
        one = known[name]
        gone_on = (
            one.left_on if isinstance(one, CopiedWorker) else one.closed_on if isinstance(one, CopiedTeam) else one
        )
        if gone_on is None or on < gone_on:
            return None
        return f"{'left' if kind == WORKER else 'was closed'} on {gone_on.isoformat()}"

    def _of(self, kind: str) -> Mapping[str, Any]:
        by_kind: Mapping[str, Mapping[str, Any]] = {AREA: self._areas, TEAM: self._teams, WORKER: self._workers}
        return by_kind[kind]

    def _take(self, document: Mapping[str, Any]) -> None:
        data, kind = document["data"], document["kind"]
        if kind == AREA:
            self._areas[data["area"]] = _day(data.get("closed_on"))
        elif kind == TEAM:
            self._teams[data["team"]] = CopiedTeam(
                id=data["team"],
                area=data["area"],
                role=data["role"],
                services=tuple(data["services"]),
                manager=data["manager"],
                duty=data["duty"],
                closed_on=_day(data.get("closed_on")),
            )
        else:
            posts = tuple(CopiedPost(post["role"], post["team"]) for post in data["posts"])
            self._workers[data["worker"]] = CopiedWorker(data["worker"], posts, _day(data.get("left_on")))
        heard_at, first_at = document["heard_at"], document["first_at"]
        self._taken[document["_id"]] = (document["version"], first_at)
        self._newest = max(self._newest or heard_at, heard_at)
        self._began_at = min(self._began_at or first_at, first_at)


def _write_of(event: Event) -> UpdateOne:
    """Stores what the event lists, unless a later version is stored. `first_at` is the earliest recording time."""
    listed = {"version": event.version, "kind": _KIND_OF[event.type], "data": dict(event.data)}
    is_later = {"$gte": ["$version", event.version]}
    taken = {"$mergeObjects": [{"$literal": {"_id": event.stream, **listed}}, {"heard_at": "$$NOW"}]}
    first_at = {"first_at": {"$min": ["$first_at", event.recorded_at]}}
    kept = {"$mergeObjects": [{"$cond": [is_later, "$$ROOT", taken]}, first_at]}
    return UpdateOne({"_id": event.stream}, [{"$replaceWith": kept}], upsert=True)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
