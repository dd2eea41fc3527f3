"""A real event store of `perinatal` with people in it, whose clock a test moves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from pymongo.database import Database

from services.perinatal.domain import person
from shared.archive.export import Exported, export
from shared.archive.sealing import Sealer
from shared.contracts import CATALOGUE
from shared.events.store import EventStore
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.kernel.tables import AppendEntry, BeginRecord
from shared.runtime.clock import MovableClock

NOW = datetime(2020, 3, 2, 9, tzinfo=UTC)
GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))
NAME, NUMBER, NOTE = "Wrenlingford", "9990000018", "She was low after the birth."
PRACTITIONER = {"role": "health_visitor", "practitioner": "hv-lindqvist", "team": "hv-colne"}


class Kept:
    """A store of `perinatal` with its database, and a clock that a test moves."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self.database = database
        self.clock = MovableClock(NOW)
        self.store = EventStore(database, source="perinatal", clock=self.clock, catalogue=CATALOGUE)
        self.store.ensure_indexes()

    def register(self, number: int = 0, key: str | None = None) -> Event:
        """A person with a name, a number and a note."""
        command = BeginRecord(
            type=person.REGISTERED,
            data={},
            private={"given_name": NAME, "family_name": f"Of {number}", "nhs_number": NUMBER},
            note=NOTE,
        )
        stream = f"person/p_{number:032x}"
        key = key or uuid4().hex
        return self.store.execute(
            person.AGGREGATE, stream, command, GP, key=key, body={"name": NAME}, operation="test", creates=True
        ).event

    def tell(self, number: int, event_type: str, data: dict[str, Any]) -> Event:
        command = AppendEntry(type=event_type, data=data, note=NOTE)
        stream = f"person/p_{number:032x}"
        return self.store.execute(
            person.AGGREGATE, stream, command, GP, key=uuid4().hex, body=data, operation="test"
        ).event

    def people(self, count: int) -> list[Event]:
        """So many people, two events each, all of them settled by now."""
        events = [self.register(number) for number in range(count)]
        self.clock.advance(minutes=1)
        events += [self.tell(number, "practitioner.assigned.v1", PRACTITIONER) for number in range(count)]
        self.clock.advance(hours=1)
        return events

    def export(self, path: Path, key_file: Path | None = None) -> Exported:
        sealer = Sealer.fresh(key_file) if key_file else None
        return export(self.database, "perinatal", path, clock=self.clock, sealer=sealer)

    def documents(self) -> list[dict[str, Any]]:
        return list(self.database.events.find({}, {"relay": 0}, sort=[("_id", 1)]))
