"""Routes of the directory, for managers: who works where, who is absent, and who is on duty."""

from __future__ import annotations

from typing import Protocol

from marshmallow import fields, validate

from services.referrals_followup.api.directory_acts import DirectoryActs
from services.referrals_followup.directory.loader import address_field, text_field, time_of_day
from shared.contracts.access import ROLES
from shared.contracts.fields import Choice, Slug
from shared.contracts.words import TEAM_DAYS
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Body, Day

WORKERS, TEAMS = "/v1/directory/workers", "/v1/directory/teams"
ONE = f"{WORKERS}/<worker>"
ACT_ERRORS = (404, 409, 412)


class PostBody(Body):
    role = Choice(*sorted(ROLES), required=True)
    team = Slug(required=True)


class JoinedBody(Body):
    """A new worker, the main post first."""

    worker = Slug(required=True)
    name = text_field()
    email = address_field()
    posts = fields.List(fields.Nested(PostBody), required=True, validate=validate.Length(1, 20))


class AbsenceBody(Body):
    """From the first day to the last, both included."""

    first = Day(required=True)
    last = Day(required=True)


class ReturnedBody(Body):
    on = Day(required=True)


class LeftBody(Body):
    left_on = Day(required=True)


class HoursBody(Body):
    """London's time."""

    opens = time_of_day()
    closes = time_of_day()
    days = Choice(*TEAM_DAYS, required=True)


class DutyBody(Body):
    duty = Slug(required=True)
    out_of_hours_duty = Slug()
    hours = fields.Nested(HoursBody)


class HoursAnswer(Body):
    opens = fields.String(required=True)
    closes = fields.String(required=True)
    days = fields.String(required=True)


class TeamAnswer(Body):
    team = fields.String(required=True)
    name = fields.String(required=True)
    area = fields.String(required=True)
    role = fields.String(required=True)
    services = fields.List(fields.String(), required=True)
    manager = fields.String(required=True)
    duty = fields.String(required=True)
    out_of_hours_duty = fields.String(required=True, allow_none=True)
    hours = fields.Nested(HoursAnswer, required=True, allow_none=True)


class NamedWorker(Body):
    id = fields.String(required=True)
    name = fields.String(required=True)


class TeamRow(TeamAnswer):
    workers = fields.List(fields.Nested(NamedWorker), required=True)


class TeamList(Body):
    items = fields.List(fields.Nested(TeamRow), required=True)


class PostAnswer(Body):
    role = fields.String(required=True)
    team = fields.String(required=True)


class AbsenceAnswer(Body):
    first = fields.Date(required=True)
    last = fields.Date(required=True)


class CoverAnswer(Body):
    reference = fields.String(required=True)
    person = fields.String(required=True, metadata={"description": "who is told of it in their place"})
    because = fields.String(required=True)


class WorkerAnswer(Body):
    """`open_work`: the references of the open follow-ups that they own in your areas and you may see, 200 at most.

    `cover`: for each of these, who is told in their place from the day on which they are away. It is empty while
    they are there.
    """

    worker = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    posts = fields.List(fields.Nested(PostAnswer), required=True)
    absences = fields.List(fields.Nested(AbsenceAnswer), required=True)
    left_on = fields.Date(required=True, allow_none=True)
    open_work = fields.List(fields.String(), required=True)
    cover = fields.List(fields.Nested(CoverAnswer), required=True)


class DirectoryHandlers(Protocol):
    """What these routes call."""

    @property
    def directory_acts(self) -> DirectoryActs: ...


class DirectoryRoutes:
    dependencies: DirectoryHandlers

    @endpoint(
        "GET",
        TEAMS,
        command="directory.read",
        answers={200: TeamList},
        summary="The teams of your areas: who manages them, who is on duty, and who works there",
    )
    def list_teams(self, request: Request) -> Answer:
        return Answer(200, self.dependencies.directory_acts.list_teams(request.actor))

    @endpoint(
        "GET",
        ONE,
        command="directory.read",
        answers={200: WorkerAnswer},
        summary="One worker of your areas: posts, absences, and the follow-ups that they own",
        errors=(404,),
    )
    def read_worker(self, request: Request) -> Answer:
        return Answer(200, self.dependencies.directory_acts.read_worker(request.actor, request.path["worker"]))

    @endpoint(
        "POST",
        WORKERS,
        command="directory.change",
        body=JoinedBody,
        answers={201: WorkerAnswer},
        summary="Somebody joins your team, or comes back to it",
        errors=(409, 412),
    )
    def join(self, request: Request) -> Answer:
        return self.dependencies.directory_acts.join(request)

    @endpoint(
        "POST",
        f"{ONE}/absences",
        command="directory.change",
        body=AbsenceBody,
        answers={201: WorkerAnswer},
        summary="Somebody of your team is absent; the answer has their open work, and who covers it meanwhile",
        errors=ACT_ERRORS,
    )
    def note_absence(self, request: Request) -> Answer:
        return self.dependencies.directory_acts.note_absence(request)

    @endpoint(
        "POST",
        f"{ONE}/returned",
        command="directory.change",
        body=ReturnedBody,
        answers={201: WorkerAnswer},
        summary="Somebody of your team is there again, earlier than was said or as it was said",
        errors=ACT_ERRORS,
    )
    def note_return(self, request: Request) -> Answer:
        return self.dependencies.directory_acts.note_return(request)

    @endpoint(
        "POST",
        f"{ONE}/left",
        command="directory.change",
        body=LeftBody,
        answers={201: WorkerAnswer},
        summary="Somebody leaves your team; the answer has the follow-ups that they own, and to whom these go",
        errors=ACT_ERRORS,
    )
    def leave(self, request: Request) -> Answer:
        return self.dependencies.directory_acts.leave(request)

    @endpoint(
        "POST",
        f"{TEAMS}/<team>/duty",
        command="directory.change",
        body=DutyBody,
        answers={201: TeamAnswer},
        summary="Who is on duty for your team, within its hours and outside them",
        errors=ACT_ERRORS,
    )
    def set_duty(self, request: Request) -> Answer:
        return self.dependencies.directory_acts.set_duty(request)
