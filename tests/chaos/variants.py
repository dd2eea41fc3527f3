"""Deliberate faults, each against a remedy of the design. A run with one of them must fail.

A fault is put into its processes before the crash points, so that a point between two steps stays between them when
the fault swaps the steps.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from tests.chaos.points import BUS, RELAYS, replace_function


def ack_before_write(process: str) -> None:
    """Acknowledges a batch as soon as it has arrived."""
    if process not in BUS:
        return
    from shared.messaging.session import Session

    acknowledge = Session.acknowledge

    def at_once(receive: Callable[..., Any]) -> Callable[..., Any]:
        def received(session: Any, most: int, *, within: float) -> Any:
            messages = receive(session, most, within=within)
            if messages:
                acknowledge(session, messages)
            return messages

        return received

    replace_function("shared.messaging.session:Session.receive", at_once)
    replace_function("shared.messaging.session:Session.acknowledge", lambda _: lambda *_: None)


def mark_before_publish(process: str) -> None:
    """Lets the relay mark a batch before it publishes it."""
    if process not in RELAYS:
        return
    from shared.relay.relay import Relay

    publish, mark = Relay._publish_all, Relay._mark_published
    in_hand: list[Any] = []

    def marks(relay: Any, documents: Any) -> set[str]:
        in_hand.extend(documents)
        ids = {document["_id"] for document in documents}
        if ids:
            mark(relay, ids)
        return ids

    def publishes(relay: Any, ids: set[str]) -> None:
        publish(relay, in_hand)
        in_hand.clear()

    replace_function("shared.relay.relay:Relay._publish_all", lambda _: marks)
    replace_function("shared.relay.relay:Relay._mark_published", lambda _: publishes)


def no_version_check(process: str) -> None:
    """Lets two replicas append the same version."""
    from pymongo.errors import OperationFailure

    def without(ensure_indexes: Callable[..., None]) -> Callable[..., None]:
        def wrapped(store: Any) -> None:
            ensure_indexes(store)
            with contextlib.suppress(OperationFailure):  # another process dropped it first
                store.collection.drop_index("stream_version")

        return wrapped

    replace_function("shared.events.store:EventStore.ensure_indexes", without)


def two_of_a_stream_in_one_group(process: str) -> None:
    """Lets one replica decide on events that are not stored yet, and store both in one group commit."""
    if process != "perinatal.serve":
        return
    from shared.events.recorder import stored_of

    unstored: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def reads(read: Callable[..., Any]) -> Callable[..., Any]:
        return lambda recorder, stream: [*read(recorder, stream), *map(stored_of, unstored[stream])]

    def inserts(insert: Callable[..., None]) -> Callable[..., None]:
        def wrapped(commit: Any, document: dict[str, Any]) -> None:
            of_stream = unstored[document["event"]["stream"]]
            of_stream.append(document)
            try:
                insert(commit, document)
            finally:
                of_stream.remove(document)

        return wrapped

    def leads(lead: Callable[..., None]) -> Callable[..., None]:
        def wrapped(commit: Any) -> None:
            time.sleep(0.2)  # so that others join the group, and the other replica comes first
            lead(commit)

        return wrapped

    def everybody(commit: Any) -> list[Any]:
        group = list(commit._waiting)
        commit._waiting.clear()
        return group

    replace_function("shared.events.store:_LockPerKey.held", lambda _: lambda *_: contextlib.nullcontext())
    replace_function("shared.events.recorder:MongoRecorder.read", reads)
    replace_function("shared.events.recorder:GroupCommit.insert", inserts)
    replace_function("shared.events.recorder:GroupCommit._lead", leads)
    replace_function("shared.events.recorder:GroupCommit._next_group", lambda _: everybody)


def chase_outside_its_stream(process: str) -> None:
    """Gives each chase a stream of its own, so that no version and no earlier chase stops it."""
    if process not in BUS:
        return
    from services.referrals_followup.domain.follow_up import Sweep

    def elsewhere(execute: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(store: Any, aggregate: Any, stream: str, command: Any, actor: Any, *, key: str, **more: Any) -> Any:
            of = f"{stream}/{key}" if isinstance(command, Sweep) else stream
            return execute(store, aggregate, of, command, actor, key=key, **more)

        return wrapped

    replace_function("shared.events.store:EventStore.execute", elsewhere)


def sweep_ahead_of_the_position(process: str) -> None:
    """Lets a sweep look as of now, even if a source is not complete up to now."""
    if process in BUS:
        replace_function(
            "services.referrals_followup.domain.silence:find_horizon", lambda _: lambda complete_until, now: now
        )


def seen_and_not_folded(process: str) -> None:
    """Treats evidence that is stored already as folded already."""
    if process not in BUS:
        return
    new: set[str] = set()

    def keeps(keep: Callable[..., None]) -> Callable[..., None]:
        def wrapped(store: Any, events: Any) -> Any:
            ids = {event.id for event in events}
            known = {found["_id"] for found in store._evidence.find({"_id": {"$in": list(ids)}}, {"_id": 1})}
            new.difference_update(known)
            new.update(ids - known)
            return keep(store, events)

        return wrapped

    def hears(hear: Callable[..., None]) -> Callable[..., None]:
        def wrapped(views: Any, kept: Any) -> None:
            hear(views, [item for item in kept if item.event.id in new])
            views._evidence.mark_folded([item.event.id for item in kept])

        return wrapped

    replace_function("services.referrals_followup.ledger.evidence:EvidenceStore.keep", keeps)
    replace_function("services.referrals_followup.ledger.views:FollowUpViews.refresh_for", hears)


VARIANTS: Mapping[str, Callable[[str], None]] = {
    "ack-before-write": ack_before_write,
    "mark-before-publish": mark_before_publish,
    "no-version-check": no_version_check,
    "two-of-a-stream-in-one-group": two_of_a_stream_in_one_group,
    "chase-outside-its-stream": chase_outside_its_stream,
    "sweep-ahead-of-the-position": sweep_ahead_of_the_position,
    "seen-and-not-folded": seen_and_not_folded,
}
