"""What becomes visible, and when: all first follow-ups, or those of one event a second beside a backlog."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pika
from pymongo.errors import PyMongoError

from shared.kernel.envelope import CONTENT_TYPE, Event
from shared.messaging.topology import EVIDENCE
from tests.bench import histories
from tests.bench.ground import Field

SEEN_WITHIN = 60.0
EVERY = 1.0
# More than there are seconds in any race.
MOST = 1_200


@dataclass
class LiveEvents:
    """Each is a new referral. `published` and `seen` have the instants (epoch seconds) by referral."""

    events: list[Event]
    published: dict[str, float]
    seen: dict[str, float]

    def are_seen(self) -> bool:
        """Whether each that was published has a follow-up."""
        return self.published.keys() <= self.seen.keys()

    def slowest(self) -> float:
        """The most seconds from publishing to the follow-up."""
        return max((self.seen[referral] - at for referral, at in self.published.items()), default=0.0)


@contextmanager
def live_events(field: Field) -> Iterator[LiveEvents]:
    """Publishes one event a second to the ledger, behind what waits there, as a relay does. At the end it waits until
    each has its follow-up. Raises Stuck."""
    events = [histories.new_referral(number) for number in range(MOST)]
    over = threading.Event()
    with first_seen(field, [event.stream for event in events]) as seen:
        live = LiveEvents(events, {}, seen)

        def publish() -> None:
            how = pika.BasicProperties(content_type=CONTENT_TYPE, delivery_mode=2)
            with field.channel() as channel:
                for event in events:
                    if over.wait(EVERY):
                        return
                    live.published[event.data["referral_id"]] = time.time()
                    channel.basic_publish("", EVIDENCE, histories.message(event), how)

        publisher = threading.Thread(target=publish, daemon=True)
        publisher.start()
        try:
            yield live
        finally:
            over.set()
            publisher.join()
        field.wait("every live event is seen", live.are_seen, SEEN_WITHIN)


@contextmanager
def first_seen(field: Field, threads: Collection[str] | None = None) -> Iterator[dict[str, float]]:
    """When each referral, or each of these threads, had its first follow-up (epoch seconds): told by a change stream,
    so on a majority."""
    seen: dict[str, float] = {}
    wanted: dict[str, Any] = {"operationType": "insert"}
    if threads is not None:
        wanted["fullDocument.thread"] = {"$in": list(threads)}

    def watch(stream: Any) -> None:
        try:
            for change in stream:
                kind, _, referral = change["fullDocument"]["thread"].partition("/")
                if kind == "referral":
                    seen.setdefault(referral, time.time())
        except PyMongoError:
            return  # closed

    with field.database("referrals_followup").follow_ups.watch([{"$match": wanted}]) as stream:
        watcher = threading.Thread(target=watch, args=(stream,), daemon=True)
        watcher.start()
        yield seen
    watcher.join(5)
