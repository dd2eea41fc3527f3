"""Routes of people: their chronology, their circle and its objections, and the glass that others break."""

from __future__ import annotations

from typing import Protocol

from services.referrals_followup.api.chronology import Chronologies
from services.referrals_followup.api.circle import Circles
from services.referrals_followup.api.glass import GlassAnswer, GlassBody, Glasses, GlassReviewBody
from services.referrals_followup.api.objections import ObjectionAnswer, ObjectionAnswerBody, ObjectionBody, Objections
from services.referrals_followup.api.schemas import ChronologyAnswer, ChronologyQuery, CircleAnswer
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request


class PersonHandlers(Protocol):
    """What these routes call."""

    @property
    def chronologies(self) -> Chronologies: ...

    @property
    def circles(self) -> Circles: ...

    @property
    def glasses(self) -> Glasses: ...

    @property
    def objections(self) -> Objections: ...


class PersonRoutes:
    dependencies: PersonHandlers

    @endpoint(
        "GET",
        "/v1/people/<person_id>/chronology",
        command="chronology.read",
        query=ChronologyQuery,
        answers={200: ChronologyAnswer},
        summary="Everything about a person across the services, in order, with who learnt what when; now, or `as_of`",
        errors=(404,),
        reads_person=True,
    )
    def read_chronology(self, request: Request) -> Answer:
        person_id = request.path["person_id"]
        reader, glass = self.dependencies.glasses.find_reader(request.actor, person_id)
        body, people = self.dependencies.chronologies.read(reader, person_id, request.query)
        return Answer(200, body, subjects=people, glass=glass)

    @endpoint(
        "GET",
        "/v1/people/<person_id>/circle",
        command="chronology.read",
        answers={200: CircleAnswer},
        summary="Which teams have a live part in a person's care, and why; as of today",
        errors=(404,),
        reads_person=True,
    )
    def read_circle(self, request: Request) -> Answer:
        person_id = request.path["person_id"]
        reader, glass = self.dependencies.glasses.find_reader(request.actor, person_id)
        body, people = self.dependencies.circles.read(reader, person_id)
        return Answer(200, body, subjects=people, glass=glass)

    @endpoint(
        "POST",
        "/v1/people/<person_id>/glass",
        command="glass.break",
        body=GlassBody,
        answers={201: GlassAnswer},
        summary="Break the glass: for 24 hours you read what is recorded about the person, and the circle is told",
        errors=(404, 409),
    )
    def break_glass(self, request: Request) -> Answer:
        return self.dependencies.glasses.break_for(request)

    @endpoint(
        "POST",
        "/v1/glass/<glass_id>/reviewed",
        command="glass.review",
        body=GlassReviewBody,
        answers={201: GlassAnswer},
        summary="A safeguarding lead has looked at why the glass was broken",
        errors=(404, 409, 412),
    )
    def review_glass(self, request: Request) -> Answer:
        return self.dependencies.glasses.review(request)

    @endpoint(
        "POST",
        "/v1/people/<person_id>/objections",
        command="objection.raise",
        body=ObjectionBody,
        answers={201: ObjectionAnswer},
        summary="Object, as one of the circle, to an entry of somebody else about the person; it lowers nothing",
        errors=(404, 409),
    )
    def object_to_entry(self, request: Request) -> Answer:
        return self.dependencies.objections.raise_objection(request)

    @endpoint(
        "POST",
        "/v1/objections/<objection_id>/answered",
        command="objection.answer",
        body=ObjectionAnswerBody,
        answers={201: ObjectionAnswer},
        summary="A safeguarding lead of the area answers an objection",
        errors=(404, 409, 412),
    )
    def answer_objection(self, request: Request) -> Answer:
        return self.dependencies.objections.answer(request)
