"""How a run comes to rest: every event is published and folded, no chase is owed, and no digest waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pymongo import DESCENDING

from deploy.local.replay import outbox_of
from services.leaving_care.domain.reactions import REACTIONS as OF_LEAVING_CARE
from services.perinatal.domain.reactions import REACTIONS as OF_PERINATAL
from services.referrals_followup.domain.follow_up import OPEN
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts import CATALOGUE
from shared.recording.reactions import has_settled
from tests.chaos.verdict import RECORDING, VIEWS

if TYPE_CHECKING:
    from tests.chaos.arena import Arena

# What opened at an instant is chased by a sweep that looks later.
A_MOMENT = timedelta(minutes=1)
REACTIONS = {"perinatal": OF_PERINATAL, "leaving_care": OF_LEAVING_CARE}


def come_to_rest(ours: Arena, until: datetime, within: float) -> None:
    """Stops all deaths, moves the clock past `until`, and waits until nothing is left to do.

    A condition that is not met in time is a fault of the run.
    """
    ours.deaths.arm(0)
    over = time.monotonic() + within

    def comes(what: str, condition: Callable[[], Any]) -> bool:
        return ours.wait(what, condition, over - time.monotonic())

    if comes("every process is ready", ours.is_ready) and comes("all is recorded and told", lambda: is_told(ours)):
        ours.clock.set(max(until, ours.clock.now()) + A_MOMENT)
    if (
        comes("all is told", lambda: is_told(ours))
        and comes("the lists are full", lambda: _lists_are_full(ours))
        and comes("all poison is parked", lambda: _poison_is_parked(ours))
        and comes("nothing is owed and no mail waits", lambda: is_at_rest(ours))
    ):
        swept = sweeps(ours)
        comes("one more sweep changes nothing", lambda: sweeps(ours) > swept and is_at_rest(ours))


def is_told(ours: Arena) -> bool:
    """Whether every event up to now is published, reacted to and folded."""
    return not unpublished(ours) and not untold(ours)


def unpublished(ours: Arena) -> list[str]:
    """The services of which something is not published yet, or not named in a manifest."""
    return [
        f"{part}: {service}"
        for service, database in ours.databases.items()
        for part in ("relay.pending", "relay.unlisted")
        if database.events.find_one({part: True}, {"_id": 1})
    ]


def untold(ours: Arena) -> list[str]:
    """The services that have not reacted to all that is recorded, and those of which not all is folded up to now."""
    now = ours.clock.now()
    recording = {service: ours.databases[service] for service in RECORDING}
    unsettled = [name for name, of in recording.items() if not has_settled(REACTIONS[name], of, recording.values())]
    ledger = ours.databases["referrals_followup"]
    complete = EvidenceStore(ledger, CATALOGUE).complete_until()
    behind = [f"complete until {until}: {source}" for source, until in complete.items() if until is None or until < now]
    # What is recorded in the very instant of a position is not among what that speaks of.
    held = {position["_id"]: position["number"] for position in ledger.positions.find()}
    last = {
        source: database.manifests.find_one({}, sort=[("_id", DESCENDING)])
        for source, database in ours.databases.items()
    }
    missing = [
        f"a manifest is not held: {source}" for source, one in last.items() if one and one["_id"] > held.get(source, 0)
    ]
    return [*(f"not reacted: {name}" for name in unsettled), *behind, *missing]


def is_at_rest(ours: Arena) -> bool:
    """Whether no chase is owed, no digest waits, and every event is folded."""
    database = ours.databases["referrals_followup"]
    now = ours.clock.now()
    owed = {"state": OPEN, "next_rung_at": {"$lte": now}, "opened_recorded_at": {"$lt": now}}
    outbox = outbox_of(ours.stack.environments["referrals_followup"], database)
    return not database.follow_ups.find_one(owed) and outbox.is_idle() and is_told(ours)


def sweeps(ours: Arena) -> int:
    """How many sweeps have looked as of now."""
    finished = {"finished_at": {"$exists": True}, "as_of": ours.clock.now()}
    return ours.databases["referrals_followup"].sweeps.count_documents(finished)


def _lists_are_full(ours: Arena) -> bool:
    for kind, (service, collection) in VIEWS.items():
        recorded = ours.databases[service].events.count_documents({"event.stream": {"$regex": f"^{kind}/"}})
        shown = ours.databases[service][collection].aggregate([{"$group": {"_id": 0, "all": {"$sum": "$version"}}}])
        if sum(found["all"] for found in shown) != recorded:
            return False
    return True


def _poison_is_parked(ours: Arena) -> bool:
    wanted = {"message_id": {"$regex": "^poison-"}}
    return sum(one.parked.count_documents(wanted) for one in ours.databases.values()) >= len(ours.poison)
