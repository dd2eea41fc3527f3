"""The adoption of a pack as a fact: which standards are in force is itself recorded and never deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.referrals_followup.domain.rules_history import Adoption
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.decisions import Aggregate, Context, Fact, Refused
from shared.kernel.envelope import Event

ADOPTED = "rules.adopted.v1"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Bring a pack into force from now on. `digest` is the SHA-256 of its content and its calendar."""

    pack: str
    version: str
    digest: str
    content: Mapping[str, Any]
    calendar: Mapping[str, Any]


def decide(digest: str | None, command: Adopt, context: Context) -> Fact:
    """The adoption. Raises Refused when this very content is in force already."""
    if digest == command.digest:
        raise Refused("already-in-force", f"{command.pack} {command.version} is in force already")
    return Fact(
        type=ADOPTED,
        data={
            "pack": command.pack,
            "version": command.version,
            "digest": command.digest,
            "content": command.content,
            "calendar": command.calendar,
        },
        occurred_at=context.now,
    )


def evolve(digest: str | None, event: Event) -> str | None:
    """The digest in force after the event."""
    return str(event.data["digest"])


def adoption_of(event: Event) -> Adoption:
    """The adoption that the event records."""
    return Adoption(
        at=event.recorded_at,
        pack=event.data["pack"],
        version=event.data["version"],
        content=event.data["content"],
        calendar=WorkingCalendar.from_json(event.data["calendar"]),
        event_id=event.id,
    )


AGGREGATE: Aggregate[str | None] = Aggregate(kind="rules", initial=None, decide=decide, evolve=evolve)
