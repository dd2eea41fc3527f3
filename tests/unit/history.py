"""A stream in memory: commands in, events out, with the same rules of folding as the event store."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from shared.contracts import CATALOGUE
from shared.kernel.decisions import Actor, Aggregate, Context
from shared.kernel.envelope import Event

NOW = datetime(2013, 1, 14, 10, 0, tzinfo=UTC)
PERSON = "p_" + "a" * 32
CONDITION = str(UUID(int=7))


@dataclass
class Stream:
    """One aggregate's history. `give` records what the command leads to, checked against its contract."""

    aggregate: Aggregate[Any]
    id: str
    now: datetime = NOW
    events: list[Event] = field(default_factory=list)
    private: list[dict[str, Any]] = field(default_factory=list)

    @property
    def state(self) -> Any:
        return self.aggregate.fold(self.events)

    def give(self, command: Any, actor: Actor) -> Event:
        self.now += timedelta(minutes=1)
        name = f"{self.aggregate.kind}/{self.id}"
        fact = self.aggregate.decide(self.state, command, Context(now=self.now, actor=actor, stream=name))
        assert CATALOGUE.faults(fact.type, fact.data) == {}
        version = len(self.events) + 1
        event = Event(
            id=str(UUID(int=version)),
            source="test",
            type=fact.type,
            subject=fact.subject,
            occurred_at=fact.occurred_at,
            precision=fact.precision,
            recorded_at=self.now,
            stream=name,
            version=version,
            actor=actor.id,
            role=actor.role,
            team=actor.team,
            area=fact.area or actor.areas[0],
            correlation_id=str(UUID(int=version)),
            causation_id=fact.causation_id,
            data=fact.data,
        )
        self.events.append(event)
        self.private.append(dict(fact.private))
        return event
