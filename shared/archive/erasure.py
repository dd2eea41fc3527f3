"""Lawful erasure: removes the private parts of some events for good. Records which events, who is responsible and why.

The record is an event that names the emptied events. It is written before anything is removed. So an interrupted
erasure is on record, and can be run again. The published part of each event, its fingerprints and its place in the
stream do not change. So folds, follow-ups and chains of fingerprints come out the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from pymongo import ASCENDING

from shared.contracts.access import SYSTEM
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Aggregate, Context, Fact
from shared.kernel.envelope import Event

ERASED = "private_part.erased.v1"
MOST_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Erase:
    event_ids: tuple[str, ...]
    reason_code: str


def _decide(state: None, command: Erase, context: Context) -> Fact:
    data = {"event_ids": list(command.event_ids), "reason_code": command.reason_code}
    return Fact(ERASED, data, context.now, area="england")


def _evolve(state: None, event: Event) -> None:
    """An erasure has no state to change."""


AGGREGATE: Aggregate[None] = Aggregate(kind="erasure", initial=None, decide=_decide, evolve=_evolve)


def erase(store: EventStore, which: Mapping[str, Any], *, by: str, reason_code: str) -> int:
    """Removes the private parts of the events that match. Returns their number. `by` is the responsible person.

    The hash of the idempotency key stays, so that a repeated request is still recognised. Raises ValueError when
    `reason_code` is not a code. Raises StoreUnavailable or PyMongoError when the store cannot be reached. Run the
    erasure again then.
    """
    actor = Actor(id=by, role="operator", team=SYSTEM, areas=("england",))
    total = 0
    while ids := _next(store, which):
        store.execute(
            AGGREGATE,
            f"{AGGREGATE.kind}/{uuid4()}",
            Erase(tuple(ids), reason_code),
            actor,
            key=uuid4().hex,
            body={},
            operation="private_part.erase",
            creates=True,
        )
        _forget(store, ids)
        emptied = {"private.personal": "", "private.salt": "", "private.request.body": ""}
        store.collection.update_many({"_id": {"$in": ids}}, {"$unset": emptied})
        total += len(ids)
    return total


def erased_in(store_events: Any) -> set[str]:
    """The ids of the events whose private parts were lawfully erased, read from the erasures in this collection."""
    found = store_events.find({"event.type": ERASED}, {"event.data.event_ids": 1})
    return {event_id for document in found for event_id in document["event"]["data"]["event_ids"]}


def _next(store: EventStore, which: Mapping[str, Any]) -> list[str]:
    with_private = {**which, "private.personal": {"$exists": True}}
    found = store.collection.find(with_private, {"_id": 1}, sort=[("_id", ASCENDING)], limit=MOST_AT_ONCE)
    return [document["_id"] for document in found]


def _forget(store: EventStore, ids: list[str]) -> None:
    """Removes the keyed hashes of names, dates and numbers from the index of people, if the service has one."""
    streams = store.collection.distinct("event.stream", {"_id": {"$in": ids}})
    hashes = {"number": "", "born": "", "spellings": ""}
    store.database["person_index"].update_many({"_id": {"$in": streams}}, {"$unset": hashes})
