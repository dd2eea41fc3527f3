"""What must hold in every service, as predicates over what it has stored. Each yields what does not hold.

`now` is domain time, except where real time is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from pymongo.collection import Collection as MongoCollection

from shared.checks.checker import Finding, Predicate, found
from shared.contracts.catalogue import Catalogue
from shared.messaging.parked import ParkedMessages

SETTLED_AFTER = timedelta(minutes=5)
"""How long what was just recorded may be on its way."""

PARKED_TOLERATED = timedelta(days=1)
RETRY_TOLERATED = timedelta(minutes=10)
SAMPLE = 200

Documents = MongoCollection[dict[str, Any]]


def of_every_service(
    events: Documents,
    copies: Iterable[Documents],
    parked: ParkedMessages,
    catalogue: Catalogue,
    now: datetime,
    sample: int | None,
) -> dict[str, Predicate]:
    """What is looked at in every service, by name. `copies` are where it keeps events that it heard."""
    lost = "an event was lost or removed: restore the store"
    return {
        "unpublished": partial(unpublished, events, now),
        "versions": partial(version_gaps, "version-gaps", events, now, lost),
        "parked": partial(parked_messages, parked),
        "private": partial(private_leftovers, events, copies, catalogue, sample),
    }


def unpublished(events: Documents, now: datetime) -> Iterator[Finding]:
    """Events recorded more than five minutes ago that the broker has not confirmed."""
    waiting = events.find({"relay.pending": True, "event.recordedat": {"$lt": now - SETTLED_AFTER}}, {"_id": 1})
    yield from found(
        "events-unpublished",
        (document["_id"] for document in waiting.sort("_id")),
        "see that the relay runs, the broker answers and the topology is declared; nothing is lost meanwhile",
    )


def version_gaps(
    code: str, events: Documents, now: datetime, what_to_do: str, without: Collection[str] = ()
) -> Iterator[Finding]:
    """Streams, but for those `without`, of which a version recorded more than five minutes ago is missing."""
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
    yield from found(code, (stream for stream in streams if stream not in without), what_to_do)


def parked_messages(parked: ParkedMessages, real_now: datetime | None = None) -> Iterator[Finding]:
    """Messages that have waited for a day (real time), and those that nobody has tried again when it was time."""
    now = real_now or datetime.now(UTC)
    old, unheard = parked.overdue(now - PARKED_TOLERATED, now - RETRY_TOLERATED)
    yield from found(
        "parked-waiting",
        old,
        "`parked show` says why each is set aside; then `parked replay` it or `parked discard` it",
    )
    yield from found(
        "parked-not-retried", unheard, "see that `serve bus` runs and consumes the queue that `parked show` names"
    )


def private_leftovers(
    events: Documents, copies: Iterable[Documents], catalogue: Catalogue, sample: int | None
) -> Iterator[Finding]:
    """Events whose published part holds what its contract has no room for, and copies of events with a private part.

    With `sample` only so many of each collection are looked at, another choice each time.
    """
    ids = [
        document["_id"]
        for document in sampled(events, {}, sample, {"event.type": 1, "event.data": 1})
        if document["event"]["type"] in catalogue
        and catalogue.faults(document["event"]["type"], document["event"]["data"])
    ]
    for copy in copies:
        ids += [kept["_id"] for kept in sampled(copy, {}, sample, {"private": 1}) if kept.get("private")]
    yield from found(
        "private-leftovers",
        sorted(ids),
        "tell the safeguarding lead and the data protection officer; find out how it came there before erasing it",
    )


def sampled(
    collection: Documents, wanted: Mapping[str, Any], sample: int | None, fields: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """The documents that are wanted, with these fields; with `sample` so many of them, chosen by chance."""
    if sample is None:
        yield from collection.find(wanted, fields)
    else:
        yield from collection.aggregate([{"$match": wanted}, {"$sample": {"size": sample}}, {"$project": fields}])
