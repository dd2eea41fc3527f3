"""A few lives of made-up people, heard and folded by the real code, and how each is copied as its bytes.

A copy has ids of its own, those of its follow-ups derived as the fold derives them: it is what a fold of its evidence
makes, and costs a fraction of that. Every life has `EVENTS_EACH` events and `OPEN_EACH` open follow-ups. Of those that
began long ago all that is open is due at `NOW`, of the others nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from random import Random
from typing import Any

from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from services.referrals_followup.domain.directory import Team
from services.referrals_followup.domain.follow_up import OPEN
from shared.kernel.envelope import Event
from shared.kernel.ids import derived_id, reference_of
from tests.bench.ground import Stuck
from tests.bench.histories import GOLDEN
from tests.integration.ledger import MONDAY, Ledger, an_event

EVENTS_EACH, OPEN_EACH = 20, 10
LONG_AGO = [MONDAY - timedelta(days=250)]
LATELY = [MONDAY + timedelta(minutes=minutes) for minutes in (0, 60)]
NOW = MONDAY + timedelta(hours=2)
AREAS = ("essex", "norfolk")
STORED = ("evidence", "follow_ups", "threads")
HEARD_AT_A_TIME = 500

# Of each event: its type, and which of the person's things of that kind it is about.
Kinds = Sequence[tuple[str, int]]
HEALTH: Kinds = (
    ("person.registered.v1", 0),
    ("practitioner.assigned.v1", 0),
    ("pregnancy.booked.v1", 0),
    ("screen.recorded.v1", 0),
    ("offer.declined.v1", 0),
    ("referral.intended.v1", 0),
    *((f"referral.{step}.v1", 1) for step in ("intended", "sent")),
    *((f"referral.{step}.v1", 2) for step in ("intended", "sent", "acknowledged")),
    *[("child.seen.v1", 0)] * 9,
)
SEVERAL: Kinds = (
    ("person.registered.v1", 0),
    ("contact.received.v1", 0),
    ("household.adult_joined.v1", 0),
    ("support.session_missed.v1", 0),
    ("referral.outcome_returned.v1", 1),
    *(("referral.rejected.v1", number) for number in (2, 3, 4, 5)),
    *[("child.seen.v1", 0)] * 11,
)
LEAVING: Kinds = (
    ("person.registered.v1", 0),
    ("care_leaver.registered.v1", 0),
    ("adviser.assigned.v1", 0),
    ("plan_item.added.v1", 0),
    ("care_leaver.moved.v1", 0),
    *[("child.seen.v1", 0)] * 15,
)

_ID = re.compile(rb"p_[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|FT(?:-[0-9A-Z]{4}){2}-[0-9A-Z]")
_RAW: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)


@dataclass(frozen=True)
class Named:
    """A follow-up of a life: its id is derived from its step, its thread, and its opening or a number."""

    id: bytes
    reference: bytes
    step: str
    kind: str
    thread: bytes
    rest: bytes


class Life:
    """The documents of one life as bytes, and where in them the ids stand."""

    def __init__(self, documents: Mapping[str, Sequence[bytes]], follow_ups: Sequence[Named]) -> None:
        self._bytes = b"".join(one for found in documents.values() for one in found)
        self._parts: dict[str, list[slice]] = {}
        at = 0
        for name, found in documents.items():
            self._parts[name] = []
            for one in found:
                self._parts[name].append(slice(at, at + len(one)))
                at += len(one)
        self._places: dict[bytes, list[slice]] = {}
        for match in _ID.finditer(self._bytes):
            self._places.setdefault(match.group(), []).append(slice(*match.span()))
        derived = {one for of in follow_ups for one in (of.id, of.reference)}
        self._random = [old for old in self._places if old not in derived]
        self._follow_ups = follow_ups

    def copy(self, random: Random) -> dict[str, list[RawBSONDocument]]:
        """The same life of somebody else."""
        noise = random.randbytes(16 * len(self._random)).hex().encode()
        ids = {old: _another(old, noise[32 * turn : 32 * turn + 32]) for turn, old in enumerate(self._random)}
        for one in self._follow_ups:
            thread = f"{one.kind}/{ids[one.thread].decode()}"
            new = derived_id(one.step, thread, ids.get(one.rest, one.rest).decode())
            ids[one.id], ids[one.reference] = new.encode(), reference_of(new).encode()
        copied = bytearray(self._bytes)
        for old, places in self._places.items():
            new_id = ids[old]
            for place in places:
                copied[place] = new_id
        whole = bytes(copied)
        return {name: [RawBSONDocument(whole[part]) for part in parts] for name, parts in self._parts.items()}


def _another(old: bytes, noise: bytes) -> bytes:
    """An id of the same form, made of 32 hexadecimal digits; of an event, of the same millisecond."""
    if old.startswith(b"p_"):
        return b"p_" + noise
    if old[14:15] == b"7":
        return old[:15] + noise[:3] + b"-" + old[19:20] + noise[3:6] + b"-" + noise[6:18]
    return b"-".join((noise[:8], noise[8:12], old[14:15] + noise[13:16], old[19:20] + noise[17:20], noise[20:]))


def made(ledger: Ledger) -> tuple[list[Life], list[Life]]:
    """Those of long ago, and those that began in the last hours: for each team one of each kind. Raises Stuck when one
    is not as this module says."""
    numbers, database = count(), ledger.dependencies.database
    teams = [team for team in ledger.dependencies.directory.teams.values() if team.area in AREAS]
    long_ago, lately = (
        [
            list(_events(kinds, team, at, next(numbers)))
            for at in instants
            for kinds in (HEALTH, SEVERAL, LEAVING)
            for team in teams
        ]
        for instants in (LONG_AGO, LATELY)
    )
    events = [event for life in (*long_ago, *lately) for event in life]
    for first in range(0, len(events), HEARD_AT_A_TIME):
        ledger.hear(*events[first : first + HEARD_AT_A_TIME])
    return (
        [_life(database, life, is_due=True) for life in long_ago],
        [_life(database, life, is_due=False) for life in lately],
    )


def _life(database: Database[dict[str, Any]], events: Sequence[Event], *, is_due: bool) -> Life:
    of_life = {"_id": {"$in": [event.id for event in events]}}
    refs = [ref for found in database.evidence.find(of_life, {"refs": 1}) for ref in found["refs"]]
    wanted = {"evidence": of_life, "follow_ups": {"thread": {"$in": refs}}, "threads": {"_id": {"$in": refs}}}
    documents = {
        name: [found.raw for found in database.get_collection(name, codec_options=_RAW).find(query)]
        for name, query in wanted.items()
    }
    follow_ups = list(database.follow_ups.find(wanted["follow_ups"]))
    still_open = [found for found in follow_ups if found["state"] == OPEN]
    if len(still_open) != OPEN_EACH or len(documents["evidence"]) != EVENTS_EACH:
        raise Stuck(f"a life of {len(events)} events has {[found['step'] for found in still_open]} open")
    if any((found["next_rung_at"] <= NOW) != is_due for found in still_open):
        raise Stuck(f"due are {[(found['step'], found['next_rung_at']) for found in still_open]}")
    return Life(documents, [named(found) for found in follow_ups])


def _events(kinds: Kinds, team: Team, at: datetime, number: int) -> Iterator[Event]:
    for turn, (kind, which) in enumerate(kinds):
        yield _event(kind, which, team, at, number, turn)


def _event(kind: str, which: int, team: Team, at: datetime, number: int, turn: int) -> Event:
    """One of the `number`-th life, told by this team; for the rest as the golden example has it."""
    golden = json.loads((GOLDEN / f"{kind}.json").read_text())
    data: dict[str, Any] = {
        name: _own(name, value, number, which) if name.endswith("_id") else value
        for name, value in golden["data"].items()
    }
    person = data["person_id"]
    later = {"edd": 100, "review_by": 56}
    data |= {name: (at + timedelta(days=days)).date().isoformat() for name, days in later.items() if name in data}
    if kind == "screen.recorded.v1":
        data["self_harm"] = False
    if kind == "adviser.assigned.v1":
        data |= {"adviser": team.duty, "team": team.id}
    if kind == "practitioner.assigned.v1":
        data |= {"practitioner": team.duty, "team": team.id}
    thing = golden["stream"].partition("/")[0]
    return an_event(
        kind,
        f"{thing}/{person if thing == 'person' else data[thing.replace('-', '_') + '_id']}",
        data,
        at=at + timedelta(seconds=turn),
        version=turn + 1,
        source=golden["source"],
        subject=person,
        actor=team.duty,
        role=team.role,
        team=team.id,
        area=team.area,
    )


def _own(name: str, golden: str, number: int, which: int) -> str:
    """The id of a thing, or of a person, in the `number`-th life."""
    if golden.startswith("p_"):
        return "p_" + derived_id("stock", str(number), name).replace("-", "")
    return derived_id("stock", str(number), name, str(which))


def named(view: Mapping[str, Any]) -> Named:
    """How the id of this follow-up is derived. Raises Stuck when that is not known."""
    rests = (view["opened_by"], *map(str, range(4)))
    rest = next((one for one in rests if derived_id(view["step"], view["thread"], one) == view["_id"]), None)
    if rest is None:
        raise Stuck(f"it is not known how the id of {view['step']} is derived")
    kind, _, thread = view["thread"].partition("/")
    return Named(view["_id"].encode(), view["reference"].encode(), view["step"], kind, thread.encode(), rest.encode())
