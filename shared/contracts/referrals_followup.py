"""The events of `referrals_followup`: chases, acts on follow-ups, digests, the rules, the directory and the glass."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from shared.contracts.access import ROLES
from shared.contracts.catalogue import OPERATIONAL, EventType
from shared.contracts.fields import Choice, Day, EventData, EventId, Instant, Ref, Slug, Whole
from shared.contracts.words import (
    CARE_SERVICES,
    DEATH_SOURCES,
    GLASS_OUTCOMES,
    GLASS_REASONS,
    OBJECTION_OUTCOMES,
    OBJECTION_REASONS,
    TEAM_DAYS,
)

_ME = ("referrals_followup",)
# The recording services keep a copy of the directory, and check whom and what a command names.
_ALL = ("perinatal", "leaving_care", "referrals_followup")


_TIME_OF_DAY = validate.Regexp(r"^([01][0-9]|2[0-3]):[0-5][0-9]\Z", error="is not a time such as 08:30")


class _FollowUp(EventData):
    follow_up_id = Ref("follow-up", required=True)
    thread = fields.String(required=True, validate=validate.Regexp(r"^[a-z-]+/[\w-]+$"), metadata={"ref": "*"})


class ChasedRung(EventData):
    name = Slug(required=True)
    at = Instant(required=True)
    alarm = fields.Boolean(required=True)
    to = fields.List(Slug(names="worker"), required=True)


class FollowUpChased(_FollowUp):
    """Every rung owed as of `as_of`, in one act, and the people in the directory who are told."""

    step = fields.String(required=True, validate=validate.Regexp(r"^[A-Z]+-\d\d(\.[a-z-]+)?$"))
    due_at = Instant(required=True)
    as_of = Instant(required=True)
    urgent = fields.Boolean(required=True)
    inherited = fields.Boolean(required=True)
    rungs = fields.List(fields.Nested(ChasedRung), required=True, validate=validate.Length(min=1))
    recipients = fields.List(Slug(names="worker"), required=True)


class FollowUpAct(_FollowUp):
    """An act that needs no more than who and when, which the envelope says."""


class FollowUpAssigned(_FollowUp):
    person = Slug(names="worker", required=True)
    team = Slug(names="team", required=True)


class FollowUpGivenBack(_FollowUp):
    """An assignment was undone: person and team as before it. They are null if the facts alone named the owner."""

    assignment = EventId(required=True)
    person = Slug(names="worker", required=True, allow_none=True)
    team = Slug(names="team", required=True, allow_none=True)
    given_team = Slug(names="team", required=True, allow_none=True)


class FollowUpReasoned(_FollowUp):
    reason_code = Slug(required=True)


class DigestComposed(EventData):
    """One digest for one recipient: the chases it covers. The address is looked up at sending."""

    recipient = Slug(names="worker", required=True)
    urgent = fields.Boolean(required=True)
    chases = fields.List(EventId(), required=True)


class DigestAccepted(EventData):
    """The channel took the digest; without a channel, by e-mail."""

    recipient = Slug(names="worker", required=True)
    digest_id = EventId(required=True)
    channel = Slug()


class DigestOvertaken(DigestAccepted):
    """Everything in the digest closed before the channel took it, so it is not sent."""


class RulesAdopted(EventData):
    """A pack of practice standards, whole, with the calendar of working days it is to be read with."""

    pack = Slug(required=True)
    version = fields.String(required=True, validate=validate.Regexp(r"^[\w.-]{1,40}$"))
    digest = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{64}$"))
    content = fields.Dict(keys=fields.String(), required=True)
    calendar = fields.Dict(keys=fields.String(), required=True)


class SourceFellSilent(EventData):
    """A service's position is older than five minutes: nobody is chased on its evidence until it speaks again."""

    service = Slug(required=True)
    complete_until = Instant(required=True, allow_none=True)
    recipients = fields.List(Slug(names="worker"), required=True)


class WorkStalled(EventData):
    """A message, a thread or a digest could not be handled and is parked, or a check has a finding.

    `what` is `<kind>/<id>`; of a finding `finding/<service>-<code>`.
    """

    kind = Choice("message", "thread", "letter", "finding", required=True)
    what = fields.String(required=True, validate=validate.Regexp(r"^[a-z-]+/[\w-]+\Z"))
    reason_code = Slug(required=True)
    recipients = fields.List(Slug(names="worker"), required=True)


class AreaListed(EventData):
    """The directory lists the area like this from now on; its name is private. It is gone from `closed_on`."""

    area = Slug(names="area", required=True)
    closed_on = Day()


class TeamHours(EventData):
    """When the team works. The times are London's."""

    opens = fields.String(required=True, validate=_TIME_OF_DAY)
    closes = fields.String(required=True, validate=_TIME_OF_DAY)
    days = Choice(*TEAM_DAYS, required=True)


class TeamListed(EventData):
    """The directory lists the team like this from now on; its name is private. `role` is what its members act as."""

    team = Slug(names="team", required=True)
    area = Slug(names="area", required=True)
    role = Choice(*sorted(ROLES), required=True)
    services = fields.List(Choice(*CARE_SERVICES, *DEATH_SOURCES), required=True)
    manager = Slug(names="worker", required=True)
    duty = Slug(names="worker", required=True)
    hours = fields.Nested(TeamHours)
    out_of_hours_duty = Slug(names="worker")
    closed_on = Day()


class WorkerPost(EventData):
    role = Choice(*sorted(ROLES), required=True)
    team = Slug(names="team", required=True)


class WorkerAbsence(EventData):
    """From the first day to the last, both included."""

    first = Day(required=True)
    last = Day(required=True)


class WorkerListed(EventData):
    """The directory lists the worker like this from now on, the main post first; name and address are private.

    `left_on` is the first day on which they no longer work there.
    """

    worker = Slug(names="worker", required=True)
    posts = fields.List(fields.Nested(WorkerPost), required=True, validate=validate.Length(1, 20))
    absences = fields.List(fields.Nested(WorkerAbsence), required=True)
    left_on = Day()


class DutyListed(EventData):
    """Who holds the role in the area, or for one team of it, from now on. `people` is empty when nobody does."""

    role = Slug(required=True)
    area = Slug(names="area", required=True)
    team = Slug(names="team")
    people = fields.List(Slug(names="worker"), required=True)


class DirectoryImported(EventData):
    """A whole directory was imported: how many entries were added and changed, and how many are gone."""

    added = Whole(required=True)
    changed = Whole(required=True)
    gone = Whole(required=True)


class GlassData(EventData):
    glass_id = Ref("glass", required=True)
    person_id = Ref("person", required=True)


class GlassBroken(GlassData):
    """Somebody outside the circle reads what is recorded about the person, until this instant.

    `people` has every id of the person.
    """

    people = fields.List(Ref("person"), required=True, validate=validate.Length(min=1))
    reason_code = Choice(*GLASS_REASONS, required=True)
    until = Instant(required=True)


class GlassReviewed(GlassData):
    """A safeguarding lead has looked at why the glass was broken."""

    outcome = Choice(*GLASS_OUTCOMES, required=True)


class AboutEntry(EventData):
    """`event_id` is an entry of a record about the person, `record` that record as `<kind>/<id>`."""

    person_id = Ref("person", required=True)
    event_id = EventId(required=True)
    record = fields.String(required=True, validate=validate.Regexp(r"^[a-z-]+/[\w-]+\Z"))


class CircleTold(AboutEntry):
    """Somebody outside the circle of the person began a record; these people of the circle are told."""

    by = Slug(names="worker", required=True)
    by_team = Slug(names="team", required=True)
    recipients = fields.List(Slug(names="worker"), required=True, validate=validate.Length(min=1))


class EntryObjected(AboutEntry):
    """Somebody of the circle objects to an entry of somebody else. By itself this changes nothing."""

    objection_id = Ref("objection", required=True)
    reason_code = Choice(*OBJECTION_REASONS, required=True)


class ObjectionAnswered(EventData):
    objection_id = Ref("objection", required=True)
    person_id = Ref("person", required=True)
    outcome = Choice(*OBJECTION_OUTCOMES, required=True)


def _type(name: str, schema: type[Schema], hearers: tuple[str, ...], disclosure: str) -> EventType:
    return EventType(name, schema, speakers=_ME, hearers=hearers, disclosure=disclosure)


TYPES = (
    _type("follow_up.chased.v1", FollowUpChased, _ME, OPERATIONAL),
    _type("follow_up.acknowledged.v1", FollowUpAct, _ME, OPERATIONAL),
    _type("follow_up.noted.v1", FollowUpAct, _ME, OPERATIONAL),
    _type("follow_up.assigned.v1", FollowUpAssigned, _ME, OPERATIONAL),
    _type("follow_up.given_back.v1", FollowUpGivenBack, _ME, OPERATIONAL),
    _type("follow_up.accepted.v1", FollowUpAct, _ME, OPERATIONAL),
    _type("follow_up.refused.v1", FollowUpReasoned, _ME, OPERATIONAL),
    _type("follow_up.ended.v1", FollowUpReasoned, _ME, OPERATIONAL),
    _type("follow_up.reopened.v1", FollowUpAct, _ME, OPERATIONAL),
    _type("digest.composed.v1", DigestComposed, _ME, OPERATIONAL),
    _type("digest.accepted.v1", DigestAccepted, _ME, OPERATIONAL),
    _type("digest.overtaken.v1", DigestOvertaken, _ME, OPERATIONAL),
    _type("rules.adopted.v1", RulesAdopted, _ME, OPERATIONAL),
    _type("source.fell_silent.v1", SourceFellSilent, _ME, OPERATIONAL),
    _type("work.stalled.v1", WorkStalled, _ME, OPERATIONAL),
    _type("directory.area_listed.v1", AreaListed, _ALL, OPERATIONAL),
    _type("directory.team_listed.v1", TeamListed, _ALL, OPERATIONAL),
    _type("directory.worker_listed.v1", WorkerListed, _ALL, OPERATIONAL),
    _type("directory.duty_listed.v1", DutyListed, _ALL, OPERATIONAL),
    _type("directory.imported.v1", DirectoryImported, _ME, OPERATIONAL),
    _type("glass.broken.v1", GlassBroken, _ALL, OPERATIONAL),
    _type("glass.reviewed.v1", GlassReviewed, _ME, OPERATIONAL),
    _type("circle.told.v1", CircleTold, _ME, OPERATIONAL),
    _type("entry.objected.v1", EntryObjected, _ME, OPERATIONAL),
    _type("objection.answered.v1", ObjectionAnswered, _ME, OPERATIONAL),
)
