"""What must hold in what every service has stored.

`now` is domain time, unless a docstring says real time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pymongo.collection import Collection as MongoCollection

from shared.checks.checker import CheckFinding, Invariant, report
from shared.contracts.catalogue import Catalogue
from shared.messaging.parked import ParkedMessages

SETTLED_AFTER = timedelta(minutes=5)
"""How long an event may take from being recorded to being handled everywhere."""

PARKED_TOLERATED = timedelta(days=1)
RETRY_TOLERATED = timedelta(minutes=10)
SAMPLE = 200

Documents = MongoCollection[dict[str, Any]]


def build_shared_invariants(
    events: Documents,
    copies: Iterable[Documents],
    parked: ParkedMessages,
    catalogue: Catalogue,
    now: datetime,
    sample: int | None,
) -> dict[str, Invariant]:
    """The invariants of every service, by name. `copies` are its collections of events of other services."""
    lost = "an event was lost or removed: restore the store"
    return {
        "unpublished": partial(find_unpublished, events, now),
        "versions": partial(find_version_gaps, "version-gaps", events, now, lost),
        "parked": partial(find_waiting_messages, parked),
        "private": partial(find_private_leftovers, events, copies, catalogue, sample),
    }


def find_unpublished(events: Documents, now: datetime) -> Iterator[CheckFinding]:
    """Events recorded more than five minutes ago that the broker has not confirmed."""
    waiting = events.find({"relay.pending": True, "event.recordedat": {"$lt": now - SETTLED_AFTER}}, {"_id": 1})
    yield from report(
        "events-unpublished",
        (document["_id"] for document in waiting.sort("_id")),
        "see that the relay runs, the broker answers and the topology is declared; nothing is lost meanwhile",
    )


def find_version_gaps(
    code: str, events: Documents, now: datetime, what_to_do: str, without: Collection[str] = ()
) -> Iterator[CheckFinding]:
    """Streams, except those in `without`, that lack a version recorded more than five minutes ago."""
    stages: list[Mapping[str, Any]] = [
        {"$match": {"event.recordedat": {"$lt": now - SETTLED_AFTER}}},
        {
            "$group": {
                "_id": "$event.stream",
                "count": {"$sum": 1},
                "last": {"$max": "$event.streamversion"},
            }
        },
        {"$match": {"$expr": {"$ne": ["$count", "$last"]}}},
        {"$sort": {"_id": 1}},
    ]
    streams = (document["_id"] for document in events.aggregate(stages, allowDiskUse=True))
    yield from report(code, (stream for stream in streams if stream not in without), what_to_do)


def find_waiting_messages(parked: ParkedMessages, real_now: datetime | None = None) -> Iterator[CheckFinding]:
    """Parked messages that have waited for a day (real time), and those that were not retried when it was time."""
    now = real_now or datetime.now(UTC)
    old, unheard = parked.overdue(now - PARKED_TOLERATED, now - RETRY_TOLERATED)
    yield from report(
        "parked-waiting",
        old,
        "`parked show` says why each is set aside; then `parked replay` it or `parked discard` it",
    )
    yield from report(
        "parked-not-retried", unheard, "see that `serve bus` runs and consumes the queue that `parked show` names"
    )


def find_private_leftovers(
    events: Documents, copies: Iterable[Documents], catalogue: Catalogue, sample: int | None
) -> Iterator[CheckFinding]:
    """Events whose published part breaks its contract, and copies of events that have a private part.

    With `sample` only so many of each collection are checked, chosen anew each time.
    """
    ids = [
        document["_id"]
        for document in read_sample(events, {}, sample, {"event.type": 1, "event.data": 1})
        if document["event"]["type"] in catalogue
        and catalogue.faults(document["event"]["type"], document["event"]["data"])
    ]
    for copy in copies:
        ids += [kept["_id"] for kept in read_sample(copy, {}, sample, {"private": 1}) if kept.get("private")]
    yield from report(
        "private-leftovers",
        sorted(ids),
        "tell the safeguarding lead and the data protection officer; find out how it came there before erasing it",
    )


def read_sample(
    collection: Documents, wanted: Mapping[str, Any], size: int | None, fields: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The wanted documents, with these fields; with `size`, so many of them at random."""
    if size is None:
        yield from collection.find(wanted, fields)
    else:
        yield from collection.aggregate([{"$match": wanted}, {"$sample": {"size": size}}, {"$project": fields}])
