"""Breaking the glass: somebody outside a person's circle reads what is recorded about them for 24 hours.

It opens reading and nothing else: it gives no standing, so it ends, delays and hands over nothing. The circle and the
safeguarding lead are told at once, and the lead looks at why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from shared.kernel.decisions import Aggregate, Context, Fact, Forbidden, Refused
from shared.kernel.envelope import Event, to_text

BROKEN, REVIEWED = "glass.broken.v1", "glass.reviewed.v1"
LASTS = timedelta(hours=24)
# Whoever reads under the glass sees what this role sees in every area.
READS_AS = "safeguarding_lead"


@dataclass(frozen=True, slots=True)
class Glass:
    """The event that broke it, and whether a lead has looked at it."""

    broken: Event | None = None
    is_reviewed: bool = False


@dataclass(frozen=True, slots=True)
class Break:
    """`people` has every id of the person, `area` is where they live, `told` are the people of the circle."""

    person_id: str
    people: Collection[str]
    reason_code: str
    area: str
    told: Collection[str]


@dataclass(frozen=True, slots=True)
class Review:
    outcome: str


def decide(glass: Glass, command: Break | Review, context: Context) -> Fact:
    """The fact that a command leads to. Raises Refused for a second review, and Forbidden for one of one's own."""
    if isinstance(command, Break):
        return _break(command, context)
    broken = glass.broken
    if broken is None or glass.is_reviewed:
        raise Refused("already-reviewed", "a safeguarding lead has looked at this before")
    if context.actor.id == broken.actor:
        raise Forbidden("own-glass", "somebody else looks at why you broke the glass")
    if broken.area not in context.actor.areas:
        raise Forbidden("wrong-area", "a safeguarding lead of the person's area looks at this")
    data = {name: broken.data[name] for name in ("glass_id", "person_id")}
    return Fact(REVIEWED, {**data, "outcome": command.outcome}, context.now, subject=broken.subject, area=broken.area)


def _break(command: Break, context: Context) -> Fact:
    data = {
        "glass_id": context.stream_id,
        "person_id": command.person_id,
        "people": sorted(command.people),
        "reason_code": command.reason_code,
        "until": to_text(context.now + LASTS),
    }
    outbox = {"mail_for": sorted(command.told)} if command.told else {}
    return Fact(BROKEN, data, context.now, subject=command.person_id, area=command.area, outbox=outbox)


def evolve(glass: Glass, event: Event) -> Glass:
    """The glass after one more event of its stream."""
    return replace(glass, broken=event) if event.type == BROKEN else replace(glass, is_reviewed=True)


AGGREGATE: Aggregate[Any] = Aggregate(kind="glass", initial=Glass(), decide=decide, evolve=evolve)
