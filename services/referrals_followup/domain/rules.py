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
IN_FORCE_ALREADY = "already-in-force"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Bring a pack into force from now on. `fingerprint` is the SHA-256 of its content, calendar and version."""

    pack: str
    version: str
    fingerprint: str
    content: Mapping[str, Any]
    calendar: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InForce:
    """The pack that is in force, as its adoption recorded it."""

    version: str
    fingerprint: str
    content: Mapping[str, Any]

    def conflicts_with(self, version: str, content: Mapping[str, Any]) -> bool:
        """Whether this other content claims the same version, so that nobody could tell the two apart."""
        return version == self.version and content != self.content


def decide(in_force: InForce | None, command: Adopt, context: Context) -> Fact:
    """The adoption. Raises Refused when the pack is in force already, or when its content changed under one version."""
    if in_force is not None and in_force.fingerprint == command.fingerprint:
        raise Refused(IN_FORCE_ALREADY, f"{command.pack} {command.version} is in force already")
    if in_force is not None and in_force.conflicts_with(command.version, command.content):
        raise Refused("version-in-use", f"{command.pack} {command.version} is in force with another content")
    return Fact(
        type=ADOPTED,
        data={
            "pack": command.pack,
            "version": command.version,
            "digest": command.fingerprint,
            "content": command.content,
            "calendar": command.calendar,
        },
        occurred_at=context.now,
    )


def evolve(in_force: InForce | None, event: Event) -> InForce:
    """The pack in force after the event."""
    return InForce(event.data["version"], event.data["digest"], event.data["content"])


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


AGGREGATE: Aggregate[InForce | None] = Aggregate(kind="rules", initial=None, decide=decide, evolve=evolve)
