"""Routes of follow-ups: the list, the summary, one follow-up, and people's acts on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol

from services.referrals_followup.api.acts import FollowUpActs
from services.referrals_followup.api.as_of import PastFollowUps
from services.referrals_followup.api.glass import Glasses
from services.referrals_followup.api.queries import FollowUpQueries, Opened
from services.referrals_followup.api.schemas import (
    ActAnswer,
    AsOfQuery,
    AssignedBody,
    EmptyBody,
    EndedBody,
    FollowUpDetail,
    FollowUpList,
    FollowUpsQuery,
    NoteBody,
    NotedBody,
    ReasonBody,
    ReassignmentAnswer,
    ReassignmentBody,
    ScopeQuery,
    SummaryAnswer,
    UndoneAnswer,
)
from services.referrals_followup.api.tags import ShownPeople
from services.referrals_followup.domain.follow_up import Acknowledge, Note
from shared.contracts.access import may
from shared.events.errors import UnknownStream
from shared.kernel.decisions import Actor, Forbidden, Invalid, Refused
from shared.web.endpoint import Endpoint, endpoint, endpoints_of
from shared.web.exchange import Answer, Request
from shared.web.openapi import next_request
from shared.web.problems import refusal_of

FOLLOW_UPS = "/v1/follow-ups"
ONE = f"{FOLLOW_UPS}/<follow_up>"
ACT_ERRORS = (404, 409, 412)


class FollowUpHandlers(Protocol):
    """What these routes call."""

    @property
    def queries(self) -> FollowUpQueries: ...
    @property
    def past_follow_ups(self) -> PastFollowUps: ...
    @property
    def acts(self) -> FollowUpActs: ...
    @property
    def glasses(self) -> Glasses: ...
    @property
    def shown_people(self) -> ShownPeople: ...


class FollowUpRoutes:
    dependencies: FollowUpHandlers

    @endpoint(
        "GET",
        FOLLOW_UPS,
        command="follow_up.read",
        query=FollowUpsQuery,
        answers={200: FollowUpList},
        summary="Follow-ups in your areas; those that are open, unless `state` says otherwise; with `as_of`, those of "
        "a person or a team as they stood then",
        reads_person=True,
        conditional=True,
    )
    def list_follow_ups(self, request: Request) -> Answer:
        reader, glass = self.dependencies.glasses.find_reader(request.actor, request.query.get("person"))
        if "as_of" in request.query:
            past = self.dependencies.past_follow_ups.list_page(reader, request.query)
            return Answer(200, past, subjects=_people_in(past, request.query), glass=glass)
        shown = self.dependencies.shown_people
        prepared = self.dependencies.queries.prepare_page(reader, request.query)
        tag = prepared.find_tag()
        if tag is not None and request.holds(tag) and (people := shown.find(tag)) is not None:
            return Answer(304, {}, tag=tag, subjects=people, glass=glass)
        page = prepared.make()
        people = _people_in(page, request.query)
        if tag is not None:
            shown.remember(tag, people)
        return Answer(200, page, tag=tag, subjects=people, glass=glass)

    @endpoint(
        "GET",
        f"{FOLLOW_UPS}/summary",
        command="follow_up.read",
        query=ScopeQuery,
        answers={200: SummaryAnswer},
        summary="Open follow-ups counted by standard, area and owning team, each with the oldest",
        conditional=True,
    )
    def sum_up(self, request: Request) -> Answer:
        prepared = self.dependencies.queries.prepare_summary(request.actor, request.query)
        tag = prepared.find_tag()
        if tag is not None and request.holds(tag):
            return Answer(304, {}, tag=tag)
        return Answer(200, prepared.make(), tag=tag)

    @endpoint(
        "GET",
        ONE,
        command="follow_up.read",
        query=AsOfQuery,
        answers={200: FollowUpDetail},
        summary="One follow-up by id or reference: why it is due, its ladder and its history; current, or `as_of`",
        errors=(404, 409),
        reads_person=True,
    )
    def read_follow_up(self, request: Request) -> Answer:
        name, glasses = request.path["follow_up"], self.dependencies.glasses
        try:
            body, version, subjects, found = self.dependencies.queries.read(request.actor, name, request.query)
            glass = None
        except UnknownStream:
            queries = self.dependencies.queries
            reader, glass = glasses.find_reader_by(request.actor, lambda under: queries.find_person(under, name))
            if glass is None:
                raise
            body, version, subjects, found = queries.read(reader, name, request.query)
        body["next"] = self._list_next(request.actor, found, is_glass=glass is not None) if version is not None else []
        return Answer(200, body, version=version, subjects=subjects, glass=glass)

    @contextmanager
    def _naming_next(self, request: Request) -> Iterator[None]:
        """Let a refusal because of the state of the follow-up name the acts that can be recorded instead."""
        try:
            yield
        except Refused as refused:
            if isinstance(refused, Forbidden | Invalid):
                raise
            found = self.dependencies.queries.find(request.actor, request.path["follow_up"])
            following = self._list_next(request.actor, Opened(found.follow_up, found.acts, None), is_glass=False)
            raise refusal_of(refused, next=following) from None

    def _list_next(self, actor: Actor, found: Opened, *, is_glass: bool) -> list[dict[str, Any]]:
        """What the actor may do on the follow-up, and what they may record that meets it.

        Whoever reads under the glass records, and does nothing on the follow-up.
        """
        acts, address = self.dependencies.acts, f"{FOLLOW_UPS}/{found.follow_up.id}"
        possible = [] if is_glass else acts.list_possible(actor, found)
        own = [
            next_request(route.summary, f"{address}/{name}", route.body or EmptyBody)
            for name, route in _list_acts().items()
            if name in possible and may(actor.role, route.command)
        ]
        return own + [{"verb": "POST", **one._asdict()} for one in acts.find_meeting(actor, found)]

    @endpoint(
        "POST",
        f"{ONE}/acknowledged",
        command="follow_up.acknowledge",
        body=NoteBody,
        answers={201: ActAnswer},
        summary="You have seen it. This never stops the ladder",
        errors=ACT_ERRORS,
    )
    def acknowledge(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.record(
                request, lambda follow_up: Acknowledge(follow_up, request.body.get("note"))
            )

    @endpoint(
        "POST",
        f"{ONE}/noted",
        command="follow_up.note",
        body=NotedBody,
        answers={201: ActAnswer},
        summary="Add a note, which stays in this service",
        errors=ACT_ERRORS,
    )
    def note(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.record(request, lambda follow_up: Note(follow_up, request.body["note"]))

    @endpoint(
        "POST",
        f"{ONE}/assigned",
        command="follow_up.assign",
        body=AssignedBody,
        answers={201: ActAnswer},
        summary="Give it to a person in the directory",
        errors=ACT_ERRORS,
    )
    def assign(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.assign(request)

    @endpoint(
        "POST",
        f"{ONE}/accepted",
        command="follow_up.accept",
        body=EmptyBody,
        answers={201: ActAnswer},
        summary="You take it on; you own it from here",
        errors=ACT_ERRORS,
    )
    def accept(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.accept(request)

    @endpoint(
        "POST",
        f"{ONE}/refused",
        command="follow_up.accept",
        body=ReasonBody,
        answers={201: ActAnswer},
        summary="You do not take it on, and why; it goes back to where it came from",
        errors=ACT_ERRORS,
    )
    def refuse(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.refuse(request)

    @endpoint(
        "POST",
        f"{ONE}/ended",
        command="follow_up.end",
        body=EndedBody,
        answers={201: ActAnswer},
        summary="Nothing more is expected, and why. Only people above the owner, or an area's lead, say so",
        errors=ACT_ERRORS,
    )
    def end(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.end(request)

    @endpoint(
        "POST",
        f"{ONE}/reopened",
        command="follow_up.reopen",
        body=NoteBody,
        answers={201: ActAnswer},
        summary="It was ended wrongly: it is expected again, with its clock as it was",
        errors=ACT_ERRORS,
    )
    def reopen(self, request: Request) -> Answer:
        with self._naming_next(request):
            return self.dependencies.acts.reopen(request)

    @endpoint(
        "POST",
        "/v1/reassignments",
        command="follow_up.assign",
        body=ReassignmentBody,
        answers={200: ReassignmentAnswer},
        summary="Give the open follow-ups of one person to another, in your areas; with `preview`, only say so",
        errors=(404, 409),
    )
    def reassign(self, request: Request) -> Answer:
        return self.dependencies.acts.reassign(request)

    @endpoint(
        "POST",
        "/v1/reassignments/<reassignment>/undone",
        command="follow_up.assign",
        body=EmptyBody,
        answers={200: UndoneAnswer},
        summary="Give back what a reassignment gave, unless somebody has given it away or taken it on since",
        errors=(404, 409),
    )
    def undo(self, request: Request) -> Answer:
        return self.dependencies.acts.undo(request)


@cache
def _list_acts() -> Mapping[str, Endpoint]:
    """The routes of the acts on one follow-up, by the last part of their address."""
    routes = (endpoint for _, endpoint in endpoints_of(FollowUpRoutes) if endpoint.url.startswith(f"{ONE}/"))
    return {route.url.rpartition("/")[2]: route for route in routes}


def _people_in(page: Mapping[str, Any], query: Mapping[str, Any]) -> list[str]:
    """The people whom the page shows, and the one whom its signposts are about."""
    asked = [query["person"]] if page["signposts"] else []
    return [item["person"] for item in page["items"] if item["person"]] or asked
