"""Routes of people: the chronology."""

from __future__ import annotations

from typing import Protocol

from services.referrals_followup.api.chronology import Chronologies
from services.referrals_followup.api.schemas import ChronologyAnswer, ChronologyQuery
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request


class PersonHandlers(Protocol):
    """What this route calls."""

    @property
    def chronologies(self) -> Chronologies: ...


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
        body, people = self.dependencies.chronologies.read(request.actor, request.path["person_id"], request.query)
        return Answer(200, body, subjects=people)
