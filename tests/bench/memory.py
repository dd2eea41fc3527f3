"""How much memory the processes take: while catching up after a long outage, and after many events."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta

from shared.recording.bulk_routes import MOST_COMMANDS
from shared.runtime.clock import MovableClock
from shared.scheduling.tick import publish_sweep
from tests.bench.contestants import Figures, start_ledger
from tests.bench.ground import Field
from tests.bench.lives import NOW
from tests.bench.stock import forget_chases, say_complete, stocks
from tests.bench.stored import SERVICE, serve_at
from tests.bench.usage import memory
from tests.bench.whole import given, stories
from tests.integration.ledger import Ledger, config

AWAY = timedelta(days=400)
SWEPT_WITHIN = FED_WITHIN = 1_500.0
LOOK_EVERY = 0.25


@dataclass(frozen=True)
class CatchingUp:
    """The first sweep after 400 days without one, by one `serve bus`: all that is open is chased, and everybody told.

    `megabytes` is the most that the process ever had in memory.
    """

    name: str
    lives: int
    due: int

    def run(self, field: Field) -> Figures:
        (stock,) = stocks(field.backends.mongodb_uri, (self.lives, self.due))
        database, until = field.client[stock.database], NOW + AWAY
        ledger = Ledger(config(database, field.backends.mongodb_uri), MovableClock(NOW))
        say_complete(ledger, until)
        ledger.close()
        field.run(SERVICE, "topology")
        serve_at(field, until, stock.database, "bus", HTTP_ADDRESS=field.address())
        pid = field.started[-1].pid
        field.wait("the hearer is there", lambda: field.hearers_of("referrals_followup.sweep"))
        before, began = memory(pid, "VmRSS"), time.monotonic()
        publish_sweep(field.amqp_uri, MovableClock(until))
        done = {"finished_at": {"$exists": True}}
        field.wait("the sweep ends", lambda: database.sweeps.find_one(done), SWEPT_WITHIN, LOOK_EVERY)
        sweep = database.sweeps.find_one(done) or {}
        found = {
            "megabytes": memory(pid, "VmHWM"),
            "megabytes_before": before,
            "seconds": time.monotonic() - began,
            "open": stock.open,
            "chased": sweep["chased"],
            "letters": database.events.count_documents({"event.type": "digest.accepted.v1"}),
        }
        forget_chases(database)
        return found


@dataclass(frozen=True)
class Remembering:
    """What `serve` of perinatal and `serve bus` of the follow-up service take after many events, over what they take
    after few; the worse of both is the ratio."""

    name: str
    events: int
    few: int

    def run(self, field: Field) -> Figures:
        address = field.address()
        for service in ("perinatal", "leaving_care", SERVICE):
            field.run(service, "topology")
        start_ledger(field)
        bus = field.started[-1].pid
        field.serve("perinatal", "relay")
        field.serve("perinatal", "serve", HTTP_ADDRESS=address)
        recording = field.started[-1].pid
        field.wait_for(address)
        began = time.monotonic()
        few = self._fed(field, address, 0, self.few, recording, bus)
        many = self._fed(field, address, self.few, self.events, recording, bus)
        ratios = [after / before for after, before in zip(many, few, strict=True)]
        return {
            "ratio": max(ratios),
            "recording_ratio": ratios[0],
            "ledger_ratio": ratios[1],
            "recording_mb": many[0],
            "ledger_mb": many[1],
            "recording_mb_few": few[0],
            "ledger_mb_few": few[1],
            "events": self.events,
            "events_few": self.few,
            "seconds": time.monotonic() - began,
        }

    def _fed(self, field: Field, address: str, have: int, events: int, *pids: int) -> list[float]:
        """The memory of each process once so many are recorded and folded."""
        token, evidence = field.token(0), field.database(SERVICE).evidence
        for _ in range(have, events, MOST_COMMANDS):
            given(address, token, list(stories(MOST_COMMANDS // 4)))
        field.wait(
            f"{events} events are folded",
            lambda: evidence.estimated_document_count() >= events and evidence.find_one({"folded": False}) is None,
            FED_WITHIN,
            LOOK_EVERY,
        )
        return [memory(pid, "VmRSS") for pid in pids]
