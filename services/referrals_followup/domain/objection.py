"""What the circle of a person is told when somebody outside it begins a record, and what follows if they object.

An objection changes nothing by itself. The recorder is told of it, and a safeguarding lead of the area answers it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any

from shared.kernel.decisions import Aggregate, Context, Fact, Forbidden, Refused
from shared.kernel.envelope import Event

TOLD = "circle.told.v1"
OBJECTED, ANSWERED = "entry.objected.v1", "objection.answered.v1"
# Each of these is about the entry that it names, and is seen by whoever may see that.
ABOUT_AN_ENTRY_OF_OTHERS = (TOLD, OBJECTED)


@dataclass(frozen=True, slots=True)
class Tell:
    """Tell these people that `begun` began a record about the person, who lives in `area`."""

    person_id: str
    begun: Event
    area: str
    recipients: Collection[str]


@dataclass(frozen=True, slots=True)
class Object:
    """Object to `entry`, which is about the person, who lives in `area`. `told` is who recorded it."""

    person_id: str
    entry: Event
    area: str
    reason_code: str
    told: Collection[str]


@dataclass(frozen=True, slots=True)
class AnswerObjection:
    outcome: str


@dataclass(frozen=True, slots=True)
class Objection:
    """The event that raised it, and whether it is answered."""

    raised: Event | None = None
    is_answered: bool = False


def decide(objection: Objection, command: Object | AnswerObjection, context: Context) -> Fact:
    """The fact that a command leads to. Raises Refused for a second answer, and Forbidden for one from elsewhere."""
    if isinstance(command, Object):
        more = {"objection_id": context.stream_id, "reason_code": command.reason_code}
        return _about(OBJECTED, command.person_id, command.entry, command.area, command.told, context, **more)
    raised = objection.raised
    if raised is None or objection.is_answered:
        raise Refused("already-answered", "a safeguarding lead has answered this objection before")
    if context.actor.id == raised.actor:
        raise Forbidden("own-objection", "somebody else answers your objection")
    if raised.area not in context.actor.areas:
        raise Forbidden("wrong-area", "a safeguarding lead of the person's area answers this objection")
    data = {name: raised.data[name] for name in ("objection_id", "person_id")}
    return Fact(ANSWERED, {**data, "outcome": command.outcome}, context.now, subject=raised.subject, area=raised.area)


def _decide_telling(told: bool, command: Tell, context: Context) -> Fact:
    if told:
        raise Refused("already-told", "the circle was told of this record before")
    recipients = sorted(command.recipients)
    more = {"by": command.begun.actor, "by_team": command.begun.team, "recipients": recipients}
    return _about(TOLD, command.person_id, command.begun, command.area, recipients, context, **more)


def _about(
    event_type: str, person_id: str, entry: Event, area: str, told: Collection[str], context: Context, **more: Any
) -> Fact:
    data = {"person_id": person_id, "event_id": entry.id, "record": entry.stream, **more}
    outbox = {"mail_for": sorted(told)} if told else {}
    return Fact(event_type, data, context.now, subject=person_id, area=area, outbox=outbox, causation_id=entry.id)


def evolve(objection: Objection, event: Event) -> Objection:
    """The objection after one more event of its stream."""
    return replace(objection, raised=event) if event.type == OBJECTED else replace(objection, is_answered=True)


AGGREGATE: Aggregate[Any] = Aggregate(kind="objection", initial=Objection(), decide=decide, evolve=evolve)
TELLING: Aggregate[Any] = Aggregate(
    kind="circle", initial=False, decide=_decide_telling, evolve=lambda told, event: True
)
