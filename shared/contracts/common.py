"""The events that every service records: retractions, erasures, positions of its relay, and findings of its checks."""

from __future__ import annotations

from marshmallow import fields, validate

from shared.contracts.catalogue import OPERATIONAL, EventType
from shared.contracts.fields import EventData, EventId, Instant, Ref, Slug

_ALL = ("perinatal", "leaving_care", "referrals_followup")
_RECORDING = ("perinatal", "leaving_care")
_LEDGER = ("referrals_followup",)


class RecordRetracted(EventData):
    """The named event of the same stream was recorded in error; folds leave it out from here on."""

    event_id = EventId(required=True)
    reason_code = Slug(required=True)


class ClaimConfirmed(EventData):
    """Somebody with standing confirms the named event of the same stream, whose actor had none.

    With `people` it is confirmed for these only, because others of its people are for somebody else to answer for.
    """

    event_id = EventId(required=True)
    people = fields.List(Ref("person"))


class ClaimRejected(EventData):
    """Somebody with standing rejects the named event of the same stream; folds leave it out from here on."""

    event_id = EventId(required=True)
    reason_code = Slug(required=True)


class DoubtsConfirmed(EventData):
    """Somebody has looked at the named event of the same stream: it is right, although it was doubtful."""

    event_id = EventId(required=True)


class PrivatePartErased(EventData):
    """The private parts of the named events of this service were lawfully erased, for good."""

    event_ids = fields.List(EventId(), required=True, validate=validate.Length(min=1, max=1000))
    reason_code = Slug(required=True)


class Manifest(EventData):
    """The ids of published events, at most 1,000. Manifests are numbered from 1 without a gap."""

    number = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    ids = fields.List(EventId(), required=True, validate=validate.Length(min=1, max=1000))


class ParkedReported(EventData):
    """How many parked messages a service has, and the id of the oldest."""

    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    oldest = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{64}\Z"))


class PositionReported(EventData):
    """Everything recorded before `until` is published, and manifests 1 to `last` name all of it.

    A message that only brings a manifest has no `until`. `parked` comes with one that has, when something is.
    """

    until = Instant(required=True, allow_none=True)
    last = fields.Integer(required=True, strict=True, validate=validate.Range(min=0))
    manifest = fields.Nested(Manifest, required=True, allow_none=True)
    parked = fields.Nested(ParkedReported)


class FoundAmiss(EventData):
    """A finding: its code, how many things it names, and since when (real time) every check has had it."""

    code = Slug(required=True)
    count = fields.Integer(required=True, strict=True, validate=validate.Range(min=1))
    since = Instant(required=True)


class CheckFinished(EventData):
    """A service checked what it has stored; these are its findings."""

    findings = fields.List(fields.Nested(FoundAmiss), required=True)


TYPES = (
    EventType("record.retracted.v1", RecordRetracted, _RECORDING, _ALL, OPERATIONAL),
    EventType("record.claim_confirmed.v1", ClaimConfirmed, _RECORDING, _ALL, OPERATIONAL),
    EventType("record.claim_rejected.v1", ClaimRejected, _RECORDING, _ALL, OPERATIONAL),
    EventType("record.doubts_confirmed.v1", DoubtsConfirmed, _RECORDING, _ALL, OPERATIONAL),
    EventType("private_part.erased.v1", PrivatePartErased, _ALL, _LEDGER, OPERATIONAL),
    EventType("position.reported.v1", PositionReported, _ALL, _LEDGER, OPERATIONAL),
    EventType("check.finished.v1", CheckFinished, _ALL, _LEDGER, OPERATIONAL),
)
