"""Routes of practice standards."""

from __future__ import annotations

from typing import Protocol

from services.referrals_followup.api.schemas import StandardsAnswer, StandardsQuery
from services.referrals_followup.api.standards_in_force import StandardsInForce
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request


class StandardHandlers(Protocol):
    """What this route calls."""

    @property
    def standards_in_force(self) -> StandardsInForce: ...


class StandardRoutes:
    dependencies: StandardHandlers

    @endpoint(
        "GET",
        "/v1/standards",
        command="standards.read",
        query=StandardsQuery,
        answers={200: StandardsAnswer},
        summary="The practice standards in force in an area, each with its basis and source",
    )
    def read_standards(self, request: Request) -> Answer:
        return Answer(200, self.dependencies.standards_in_force.read(request.actor, request.query))
