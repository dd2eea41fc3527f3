"""Sums of the open follow-ups. They are stored, so that no query has to count the follow-ups.

A worker that writes views also inserts a note, in the same transaction, of what enters and leaves each sum. Notes are
only inserted, so writers never wait for each other. `settle` adds the notes to the sums in a separate transaction. So a
sum with its notes always equals a count of the views, whichever process dies and when.

A note also names the areas of the views that were written or deleted, even if no sum changes. So the notes that wait,
and the versions that `settle` gives to the areas of the others, say whether anything changed in an area.

All sums count the overdue follow-ups as of the same instant. When that instant moves, the follow-ups that fell due in
between are counted. The cost grows with the number of follow-ups that changed or fell due since, and with the number of
sums.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any, NamedTuple

from bson import ObjectId
from pymongo import ASCENDING, DeleteOne, ReplaceOne, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection
from pymongo.database import Database

from services.referrals_followup.domain.follow_up import OPEN
from shared.events.coalescing import Coalescer
from shared.events.errors import store_away
from shared.events.mongo import in_transaction
from shared.kernel.envelope import to_ms

SUMMED_IN = "summed_in"
_IS_SUMMED = {SUMMED_IN: {"$exists": True}}
_AS_OF = "as of"
OLDEST = "oldest_of_sum"
# Under this name, which is that of no area, stands the version that counts for every area.
_ALL = "*"
_BEFORE_ALL = datetime(1970, 1, 1, tzinfo=UTC)
# Until then, each query itself counts the follow-ups that fell due since.
MOVED_ON_AFTER = timedelta(hours=1)
ROWS_AT_A_TIME = 5_000
# So many sums are kept in memory at most.
MOST_KEPT = 5_000
# For so many kinds of reader, the rows of the same sums are kept.
MOST_GROUPED = 20
_OF_A_ROW = dict.fromkeys(
    ("standard", "area", "owner_team", "matters", "acts", "waits", "open", "overdue", "oldest"), True
)


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum of follow-ups that are the same for every reader. `fields`: how they are counted, and who may see them.

    The field `waits` says that the follow-ups are inherited and nobody has taken them on.
    """

    key: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """A follow-up entered a sum (`by` is 1) or left it (-1). `due_at` is when it is due (UTC)."""

    key: str
    by: int
    follow_up_id: str
    due_at: datetime


@dataclass(slots=True)
class _Delta:
    open: int = 0
    overdue: int = 0
    left: set[str] = field(default_factory=set)
    earliest: datetime | None = None

    def add(self, change: Mapping[str, Any], as_of: datetime) -> None:
        self.open += change["by"]
        self.overdue += change["by"] if change["due_at"] <= as_of else 0
        if change["by"] < 0:
            self.left.add(change["id"])
        else:
            self.earliest = min(self.earliest or change["due_at"], change["due_at"])

    def affects(self, oldest: Mapping[str, Any] | None) -> bool:
        """Whether the oldest follow-up of the sum can have changed."""
        if oldest is None or oldest["id"] in self.left:
            return True
        return self.earliest is not None and self.earliest <= oldest["due_at"]


def sum_of(view: Mapping[str, Any]) -> Sum | None:
    """The sum that counts the view with this document. None if the view is not open."""
    if view["state"] != OPEN:
        return None
    fields = {
        **{name: view[name] for name in ("standard", "area", "areas", "owner_team", "matters")},
        "acts": {"given_team": view["acts"]["given_team"]},
        "waits": view["inherited"] and view["acts"]["accepted_at"] is None,
    }
    return Sum(md5(json.dumps(fields, sort_keys=True).encode(), usedforsecurity=False).hexdigest(), fields)


class Version(NamedTuple):
    """The version of each area in question since its last settled note, and the notes that wait. All are unique ids."""

    settled: tuple[str, ...]
    waiting: tuple[str, ...] = ()


class Grouping(NamedTuple):
    """How a reader sees the sums. Readers with the same `key` see the same.

    `standard_of` names the standard of the row to which a sum belongs. It is None for a sum that is left out.
    """

    key: Hashable
    standard_of: Callable[[Mapping[str, Any]], str | None]


class Grouped(NamedTuple):
    """Rows of sums, and the place of the row that counts the overdue follow-ups of each sum."""

    rows: list[dict[str, Any]]
    row_of: Mapping[str, int]


class Counted(NamedTuple):
    """Sums as they were read, all at one version. `as_of` is when they count what is overdue (UTC).

    `grouped` keeps their rows for each kind of reader.
    """

    version: Version
    as_of: datetime
    sums: tuple[Mapping[str, Any], ...]
    grouped: dict[Hashable, Grouped]


class Totals:
    """The collections `totals` and `totals_notes`, which sum up the collection of views."""

    def __init__(self, database: Database[dict[str, Any]], views: MongoCollection[dict[str, Any]]) -> None:
        self._database = database
        self._sums = database.totals
        self._notes = database.totals_notes
        self._views = views
        self._kept: Mapping[frozenset[str], Counted] = {}
        self._settled: Coalescer[datetime, Mapping[str, Any]] = Coalescer(self._settle_for, lost=store_away)
        self._asked: Coalescer[frozenset[str], Version] = Coalescer(self._versions, lost=store_away)

    def ensure_indexes(self) -> None:
        """Create the indexes of the sums and of the two queries on the views. Safe to repeat."""
        self._sums.create_index([("areas", ASCENDING)], name="areas")
        self._notes.create_index([("areas", ASCENDING), ("_id", ASCENDING)], name="areas")
        oldest = [(SUMMED_IN, ASCENDING), ("due_at", ASCENDING), ("_id", ASCENDING)]
        due = [("due_at", ASCENDING), (SUMMED_IN, ASCENDING)]
        for name, keys in ((OLDEST, oldest), ("due_of_sums", due)):
            self._views.create_index(keys, name=name, partialFilterExpression=_IS_SUMMED)

    def note(
        self, sums: Iterable[Sum], changes: Iterable[Change], areas: Collection[str], session: ClientSession
    ) -> None:
        """Insert a note of these changes as part of the transaction. `sums` are the sums that a follow-up enters.

        `areas` are those of all views that the transaction writes or deletes, as they were and as they are.
        """
        if areas:
            noted = [{"sum": one.key, "by": one.by, "id": one.follow_up_id, "due_at": one.due_at} for one in changes]
            named = {one.key: {"_id": one.key, **one.fields} for one in sums} if noted else {}
            note = {"sums": list(named.values()), "changes": noted, "areas": sorted(areas)}
            self._notes.insert_one(note, session=session)

    def version(self, areas: Collection[str]) -> Version:
        """What differs after every change of a view that is, or was, in one of these areas."""
        return self._asked.call(frozenset(areas))

    def _versions(self, group: Sequence[frozenset[str]]) -> list[Version]:
        # The notes first. Otherwise, when they are settled in between, they would be seen neither here nor there.
        waiting = {areas: self._waiting_in(areas) for areas in set(group)}
        settled = self._read_settled()
        return [_version_of(areas, settled)._replace(waiting=waiting[areas]) for areas in group]

    def _waiting_in(self, areas: Iterable[str]) -> tuple[str, ...]:
        found = self._notes.find({"areas": {"$in": sorted(areas)}}, {"_id": 1}).sort("_id", ASCENDING)
        return tuple(str(note["_id"]) for note in found)

    def read(self, areas: Collection[str], now: datetime) -> Counted:
        """The sums of these areas, with every note added. `now` is as for `settle`.

        Sums are kept in memory until a note of one of their areas is settled, or for an hour.
        """
        of_these = frozenset(areas)
        while True:
            settled = self._settled.call(now)
            version, as_of = _version_of(of_these, settled), _as_of(settled)
            kept = self._kept.get(of_these)
            if kept and kept.version == version and abs(now - kept.as_of) < MOVED_ON_AFTER:
                return kept
            wanted = {"areas": {"$in": sorted(of_these)}}
            sums = tuple(self._sums.find(wanted, _OF_A_ROW, batch_size=ROWS_AT_A_TIME))
            for one in sums:
                one["oldest"]["due_at"] = to_ms(one["oldest"]["due_at"])  # so that it is written faster
            if self._read_settled() == settled:  # If not, some of the sums may be newer than their version.
                counted = Counted(version, as_of, sums, {})
                self._keep(of_these, counted)
                return counted

    def _keep(self, areas: frozenset[str], counted: Counted) -> None:
        kept = {**{key: one for key, one in self._kept.items() if key != areas}, areas: counted}
        while kept and sum(len(one.sums) for one in kept.values()) > MOST_KEPT:
            del kept[next(iter(kept))]
        self._kept = kept

    def rows(self, counted: Counted, now: datetime, group: Grouping) -> list[dict[str, Any]]:
        """The counts and the oldest follow-up, by standard, area and owning team, at `now` (UTC)."""
        grouped = counted.grouped.get(group.key)
        if grouped is None:
            grouped = counted.grouped[group.key] = _group(counted.sums, group.standard_of)
            while len(counted.grouped) > MOST_GROUPED:
                del counted.grouped[next(iter(counted.grouped))]
        sign, due = self._due_between(counted.as_of, now)
        fallen = {key: grouped.row_of[key] for key in due.keys() & grouped.row_of.keys()}
        rows = [*grouped.rows]
        for place in set(fallen.values()):
            rows[place] = {**rows[place]}
        for key, place in fallen.items():
            rows[place]["overdue"] += sign * due[key]
        return rows

    def settle(self, now: datetime) -> datetime:
        """Add the notes to the sums. Returns the instant as of which the sums say what is overdue (both UTC).

        That instant moves to `now` when there were notes, or when `now` is an hour or more away from it.
        """
        return _as_of(self._settled.call(now))

    def _settle_for(self, group: Sequence[datetime]) -> list[Mapping[str, Any]]:
        now = max(group)
        settled = self._find_settled(now)
        if settled is None:
            in_transaction(self._database, lambda session: self._settle(now, session))
            settled = self._read_settled()
        return [settled] * len(group)

    def _find_settled(self, now: datetime) -> Mapping[str, Any] | None:
        """As of when and with which versions all is settled; None if there is something to do."""
        # The notes first. Otherwise, when they are settled in between, the versions would be those from before.
        if self._notes.find_one({}, {"_id": 1}) is not None:
            return None
        settled = self._read_settled()
        return settled if abs(now - _as_of(settled)) < MOVED_ON_AFTER else None

    def _settle(self, now: datetime, session: ClientSession) -> None:
        as_of = _as_of(self._read_settled(session))
        deltas: dict[str, _Delta] = defaultdict(_Delta)
        named: dict[str, dict[str, Any]] = {}
        noted = []
        areas: set[str] = set()
        for note in self._notes.find(session=session):
            noted.append(note["_id"])
            areas.update(note.get("areas", (_ALL,)))
            named.update((one["_id"], one) for one in note["sums"])
            for change in note["changes"]:
                deltas[change["sum"]].add(change, as_of)
        known = {one["_id"]: one for one in self._sums.find({"_id": {"$in": list(deltas)}}, session=session)}
        writes: list[Any] = []
        for key, delta in deltas.items():
            if key not in known and key not in named:
                continue  # never counted here, as after a loss of the sums; the check finds that
            found = known.get(key) or {**named[key], "open": 0, "overdue": 0, "oldest": None}
            if found["open"] + delta.open == 0:
                writes.append(DeleteOne({"_id": key}))
                continue
            oldest = self._oldest(key, session) if delta.affects(found["oldest"]) else found["oldest"]
            counts = {"open": found["open"] + delta.open, "overdue": found["overdue"] + delta.overdue}
            writes.append(ReplaceOne({"_id": key}, {**found, **counts, "oldest": oldest}, upsert=True))
        if noted:
            self._notes.delete_many({"_id": {"$in": noted}}, session=session)
        if writes:
            self._sums.bulk_write(writes, ordered=False, session=session)
        self._move_on(as_of, now, areas, session)

    def _move_on(self, as_of: datetime, now: datetime, areas: Iterable[str], session: ClientSession) -> None:
        sign, found = self._due_between(as_of, now, session)
        if found:
            moves = [UpdateOne({"_id": key}, {"$inc": {"overdue": sign * due}}) for key, due in found.items()]
            self._sums.bulk_write(moves, ordered=False, session=session)
        versions = dict.fromkeys((f"versions.{area}" for area in areas), ObjectId())
        self._sums.update_one({"_id": _AS_OF}, {"$set": {"at": now, **versions}}, upsert=True, session=session)

    def recount(self, now: datetime) -> None:
        """Count every sum again from the views, in one transaction, while others write."""
        in_transaction(self._database, lambda session: self._recount(now, session))

    def _recount(self, now: datetime, session: ClientSession) -> None:
        self._notes.delete_many({}, session=session)
        self._sums.delete_many({}, session=session)
        counted = self._count(now, session)
        if counted:
            self._sums.insert_many(counted, session=session)
        self._sums.insert_one({"_id": _AS_OF, "at": now, "versions": {_ALL: ObjectId()}}, session=session)

    def _count(self, now: datetime, session: ClientSession) -> list[dict[str, Any]]:
        """The correct sums, counted in an index. Reads only the oldest view of each sum."""
        stages: list[Mapping[str, Any]] = [
            {"$match": {SUMMED_IN: {"$gt": ""}}},
            {"$sort": {SUMMED_IN: 1, "due_at": 1, "_id": 1}},
            {
                "$group": {
                    "_id": f"${SUMMED_IN}",
                    "open": {"$sum": 1},
                    "overdue": {"$sum": {"$cond": [{"$lte": ["$due_at", now]}, 1, 0]}},
                    "oldest": {"$first": "$_id"},
                }
            },
        ]
        counted = list(self._views.aggregate(stages, session=session, hint=OLDEST))
        oldest = {"_id": {"$in": [one["oldest"] for one in counted]}}
        views = {view["_id"]: view for view in self._views.find(oldest, session=session)}
        return [_as_counted(views[one["oldest"]], one) for one in counted]

    def find_differing(self, now: datetime) -> list[str]:
        """The sums that differ from a count of the views. It counts all views, so only the full check uses it."""
        self.settle(now)

        def compare(session: ClientSession) -> list[str]:
            as_of = _as_of(self._read_settled(session))
            should = {one["_id"]: _comparable(one) for one in self._count(as_of, session)}
            if self._notes.find_one(session=session) is not None:
                return []  # Others are writing. The next check compares again.
            are = {one["_id"]: _comparable(one) for one in self._sums.find({"_id": {"$ne": _AS_OF}}, session=session)}
            return sorted(key for key in should.keys() | are.keys() if should.get(key) != are.get(key))

        return in_transaction(self._database, compare)

    def _oldest(self, key: str, session: ClientSession) -> dict[str, Any] | None:
        wanted = {SUMMED_IN: key}
        order = [("due_at", ASCENDING), ("_id", ASCENDING)]
        fields = {"due_at": 1, "reference": 1}
        found = self._views.find_one(wanted, fields, sort=order, session=session)
        return _oldest(found) if found else None

    def _due_between(
        self, as_of: datetime, now: datetime, session: ClientSession | None = None
    ) -> tuple[int, dict[str, int]]:
        """How many of each sum fell due after `as_of` and until `now`, with the sign 1.

        If `now` is before `as_of`, the number that is due in between, with the sign -1.
        """
        earlier, later = sorted((as_of, now))
        between = {"due_at": {"$gt": earlier, "$lte": later}, **_IS_SUMMED}
        found = self._views.aggregate(
            [{"$match": between}, {"$group": {"_id": f"${SUMMED_IN}", "due": {"$sum": 1}}}], session=session
        )
        return (1 if now >= as_of else -1), {one["_id"]: one["due"] for one in found}

    def _read_settled(self, session: ClientSession | None = None) -> Mapping[str, Any]:
        """As of when the sums count what is overdue (`at`), and the `versions` of their areas."""
        return self._sums.find_one({"_id": _AS_OF}, session=session) or {}


def _version_of(areas: Iterable[str], settled: Mapping[str, Any]) -> Version:
    versions = settled.get("versions", {})
    return Version(tuple(f"{area} {versions[area]}" for area in sorted({_ALL, *areas} & versions.keys())))


def _group(sums: Iterable[Mapping[str, Any]], standard_of: Callable[[Mapping[str, Any]], str | None]) -> Grouped:
    rows: dict[tuple[str, str, str | None], dict[str, Any]] = {}
    counts: dict[str, tuple[str, str, str | None]] = {}
    for one in sums:
        standard = standard_of(one)
        if standard is None:
            continue
        key = standard, one["area"], one["owner_team"]
        row = rows.get(key)
        if row is None:
            named = dict(zip(("standard", "area", "team"), key, strict=True))
            row = rows[key] = {**named, "open": 0, "overdue": 0, "inherited": 0, "oldest": one["oldest"]}
        elif _place(one["oldest"]) < _place(row["oldest"]):
            row["oldest"] = one["oldest"]
        if one["waits"]:
            row["inherited"] += one["open"]
        else:
            row["open"] += one["open"]
            row["overdue"] += one["overdue"]
            counts[one["_id"]] = key
    in_order = sorted(rows, key=lambda key: (key[0], key[1], key[2] or ""))
    places = {key: place for place, key in enumerate(in_order)}
    return Grouped([rows[key] for key in in_order], {one: places[key] for one, key in counts.items()})


def _as_of(settled: Mapping[str, Any]) -> datetime:
    at: datetime = settled.get("at", _BEFORE_ALL)
    return at


def _comparable(one: Mapping[str, Any]) -> tuple[Any, ...]:
    return one["open"], one["overdue"], one["oldest"]


def _place(oldest: Mapping[str, Any]) -> tuple[datetime, str]:
    return oldest["due_at"], oldest["id"]


def _oldest(view: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": view["_id"], "due_at": view["due_at"], "reference": view["reference"]}


def oldest_of(view: Mapping[str, Any]) -> dict[str, Any]:
    """What a row of the summary says of its oldest follow-up, from the view of that."""
    return {**_oldest(view), "due_at": to_ms(view["due_at"])}


def _as_counted(oldest: Mapping[str, Any], counts: Mapping[str, Any]) -> dict[str, Any]:
    """The document of a sum, from its oldest view and its counts."""
    found = sum_of(oldest)
    return {**(found.fields if found else {}), **counts, "oldest": _oldest(oldest)}
