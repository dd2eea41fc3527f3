"""The envelope of a recorded fact: a CloudEvents 1.0 event, immutable, with aware UTC instants in milliseconds.

`Event.to_cloudevent` returns exactly what is published of an event. It has no field for anything personal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

CONTENT_TYPE = "application/cloudevents+json"
PRECISIONS = ("minute", "day", "month", "year")
# Which standing the actor had with the people whom the event is about. `shared.recording.standing` has the rules.
CIRCLE, RECEIVER, OWNER, NONE = STANDINGS = ("circle", "receiver", "owner", "none")


class UnreadableEvent(ValueError):
    """The body is not a CloudEvents envelope of this project. The message names fields, and never their values."""


def to_ms(instant: datetime) -> datetime:
    """The instant in UTC, cut to whole milliseconds (MongoDB keeps no more). Raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no place on a time line")
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    beyond = instant.microsecond % 1000
    return instant.replace(microsecond=instant.microsecond - beyond) if beyond else instant


def to_text(instant: datetime) -> str:
    """RFC 3339 in UTC with three decimals, for example `2013-01-14T09:30:00.000Z`."""
    return to_ms(instant).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """The aware UTC instant of an RFC 3339 text. Raises ValueError."""
    return to_ms(datetime.fromisoformat(text))


@dataclass(frozen=True, slots=True)
class Event:
    """One recorded fact. `occurred_at` is when it happened, `recorded_at` when this system learnt of it (both UTC).

    `precision` says how exactly `occurred_at` is known: a minute, or a day, month or year of the London calendar.
    `subject` is the opaque id of the person concerned. `(stream, version)` is unique; versions start at 1.
    `standing` is one of `STANDINGS`. Earlier events, and acts on follow-ups, have none, and count as having standing.
    `unknown` are the fields that name nothing which the directory lists, with a space between them; `team` alone may be
    that of the event itself. `doubts` are the codes of what is impossible or unlikely in it and that nobody confirmed,
    in the same form. Only what can raise an alarm has any of these.
    """

    id: str
    source: str
    type: str
    subject: str | None
    occurred_at: datetime
    recorded_at: datetime
    stream: str
    version: int
    actor: str
    role: str
    team: str
    area: str
    correlation_id: str
    causation_id: str | None = None
    precision: str = "minute"
    data: Mapping[str, Any] = field(default_factory=dict)
    standing: str | None = None
    unknown: str | None = None
    doubts: str | None = None

    @property
    def is_claim(self) -> bool:
        """Whether its actor was outside the circle of somebody whom the event is about."""
        return self.standing is not None and self.standing != CIRCLE

    def has_standing_on(self, thread: str) -> bool:
        """Whether the event may lower follow-ups of this thread. A receiver's or owner's may on its own record only."""
        return not self.is_claim or (self.standing != NONE and self.stream == thread)

    def to_attributes(self) -> dict[str, Any]:
        """The CloudEvents attributes by name, without absent values. The two instants are datetimes."""
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.occurred_at,
            "precision": self.precision,
            "recordedat": self.recorded_at,
            "stream": self.stream,
            "streamversion": self.version,
            "actor": self.actor,
            "role": self.role,
            "team": self.team,
            "area": self.area,
            "standing": self.standing,
            "unknown": self.unknown,
            "doubts": self.doubts,
            "correlationid": self.correlation_id,
            "causationid": self.causation_id,
            "datacontenttype": "application/json",
            "data": dict(self.data),
        }
        for name in _OPTIONAL:
            if attributes[name] is None:
                del attributes[name]
        return attributes

    def to_cloudevent(self) -> dict[str, Any]:
        """The event as structured CloudEvents JSON. Attribute names are in lower case. Absent values are left out."""
        attributes = self.to_attributes()
        attributes.update(time=to_text(self.occurred_at), recordedat=to_text(self.recorded_at))
        return attributes

    @classmethod
    def from_cloudevent(cls, body: Any) -> Event:
        """The event of a structured CloudEvents body. Raises UnreadableEvent that names every faulty field."""
        if not isinstance(body, Mapping):
            raise UnreadableEvent("the body is not a JSON object")
        faults = [name for name in _REQUIRED if not body.get(name) or not isinstance(body[name], str)]
        faults += [name for name in _OPTIONAL if not isinstance(body.get(name, ""), str)]
        version = body.get("streamversion")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            faults.append("streamversion")
        if not isinstance(body.get("data", {}), Mapping):
            faults.append("data")
        if body.get("specversion") != "1.0":
            faults.append("specversion")
        if body.get("precision", "minute") not in PRECISIONS:
            faults.append("precision")
        if body.get("standing", CIRCLE) not in STANDINGS:
            faults.append("standing")
        instants = {}
        for name in ("time", "recordedat"):
            try:
                instants[name] = from_text(body[name])
            except (KeyError, TypeError, ValueError):
                faults.append(name)
        if faults:
            raise UnreadableEvent("missing or ill-formed: " + ", ".join(sorted(set(faults))))
        return cls.of_attributes(body, instants["time"], instants["recordedat"])

    @classmethod
    def of_attributes(cls, attributes: Mapping[str, Any], occurred_at: datetime, recorded_at: datetime) -> Event:
        """The event of these well-formed attributes. The caller has already read the instants (aware UTC)."""
        return cls(
            id=attributes["id"],
            source=attributes["source"],
            type=attributes["type"],
            subject=attributes.get("subject"),
            occurred_at=occurred_at,
            precision=attributes.get("precision", "minute"),
            recorded_at=recorded_at,
            stream=attributes["stream"],
            version=attributes["streamversion"],
            actor=attributes["actor"],
            role=attributes["role"],
            team=attributes["team"],
            area=attributes["area"],
            correlation_id=attributes["correlationid"],
            causation_id=attributes.get("causationid"),
            standing=attributes.get("standing"),
            unknown=attributes.get("unknown"),
            doubts=attributes.get("doubts"),
            data=dict(attributes.get("data", {})),
        )


_REQUIRED = ("id", "source", "type", "stream", "actor", "role", "team", "area", "correlationid")
_OPTIONAL = ("subject", "causationid", "standing", "unknown", "doubts")
