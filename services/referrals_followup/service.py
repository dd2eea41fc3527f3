"""The follow-up service: its routes and its queues. They translate; the ledger computes and `domain/` decides."""

from __future__ import annotations

from services.referrals_followup.api import acts, as_of, chronology, queries
from services.referrals_followup.api.schemas import (
    ActAnswer,
    AsOfQuery,
    AssignedBody,
    ChronologyAnswer,
    ChronologyQuery,
    EmptyBody,
    FollowUpDetail,
    FollowUpList,
    FollowUpsQuery,
    NoteBody,
    NotedBody,
    ReasonBody,
    ReassignmentAnswer,
    ReassignmentBody,
    ScopeQuery,
    StandardsAnswer,
    StandardsQuery,
    SummaryAnswer,
)
from services.referrals_followup.bootstrap import SERVICE, Dependencies, build
from services.referrals_followup.domain.follow_up import Accept, Acknowledge, End, Note, Refuse
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.messaging.topology import EVIDENCE, SWEEP, check_queue_of
from shared.runtime.dependencies import BootstrapProvider
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.parked import ParkedRoutes

CHECK = check_queue_of(SERVICE)
FOLLOW_UPS = "/v1/follow-ups"
ONE = f"{FOLLOW_UPS}/<follow_up>"
ACT_ERRORS = (404, 409, 412)


class ReferralsFollowupService(ParkedRoutes):
    """What is expected next, of whom, by when and why; who was chased; and people's acts on it."""

    name = SERVICE
    dependencies: Dependencies = BootstrapProvider(build)  # type: ignore[assignment]

    @endpoint(
        "GET",
        FOLLOW_UPS,
        command="follow_up.read",
        query=FollowUpsQuery,
        answers={200: FollowUpList},
        summary="Follow-ups in your areas; those that are open, unless `state` says otherwise; with `as_of`, those of "
        "a person or a team as they stood then",
        reads_person=True,
    )
    def list_follow_ups(self, request: Request) -> Answer:
        read = as_of.listed if "as_of" in request.query else queries.listed
        page = read(self.dependencies, request.actor, request.query)
        return Answer(200, page, subjects=[item["person"] for item in page["items"] if item["person"]])

    @endpoint(
        "GET",
        f"{FOLLOW_UPS}/summary",
        command="follow_up.read",
        query=ScopeQuery,
        answers={200: SummaryAnswer},
        summary="Open follow-ups counted by standard, area and owning team, each with the oldest",
    )
    def sum_up(self, request: Request) -> Answer:
        return Answer(200, queries.summed(self.dependencies, request.actor, request.query))

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
        body, version, subjects = as_of.read(self.dependencies, request.actor, request.path["follow_up"], request.query)
        return Answer(200, body, version=version, subjects=subjects)

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
        body, people = chronology.read(self.dependencies, request.actor, request.path["person_id"], request.query)
        return Answer(200, body, subjects=people)

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
        return acts.act(self.dependencies, request, lambda follow_up: Acknowledge(follow_up, request.body.get("note")))

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
        return acts.act(self.dependencies, request, lambda follow_up: Note(follow_up, request.body["note"]))

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
        return acts.act(self.dependencies, request, acts.assignment(self.dependencies, request))

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
        return acts.act(self.dependencies, request, Accept)

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
        body = request.body
        return acts.act(
            self.dependencies, request, lambda follow_up: Refuse(follow_up, body["reason_code"], body.get("note"))
        )

    @endpoint(
        "POST",
        f"{ONE}/ended",
        command="follow_up.end",
        body=ReasonBody,
        answers={201: ActAnswer},
        summary="Nothing more is expected, and why",
        errors=ACT_ERRORS,
    )
    def end(self, request: Request) -> Answer:
        body = request.body
        return acts.act(
            self.dependencies, request, lambda follow_up: End(follow_up, body["reason_code"], body.get("note"))
        )

    @endpoint(
        "POST",
        "/v1/reassignments",
        command="follow_up.assign",
        body=ReassignmentBody,
        answers={200: ReassignmentAnswer},
        summary="Give all open follow-ups of one person to another, in your areas",
        errors=(409,),
    )
    def reassign(self, request: Request) -> Answer:
        return acts.reassign(self.dependencies, request)

    @endpoint(
        "GET",
        "/v1/standards",
        command="standards.read",
        query=StandardsQuery,
        answers={200: StandardsAnswer},
        summary="The practice standards in force in an area, each with its basis and source",
    )
    def read_standards(self, request: Request) -> Answer:
        return Answer(200, queries.standards(self.dependencies, request.actor, request.query))

    @consume(EVIDENCE, batch=500)
    def hear_evidence(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.ingest.receive(deliveries)

    @consume(SWEEP, batch=1)
    def sweep(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.sweeps.receive(deliveries)

    @consume(CHECK, batch=1)
    def check(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.checker.receive(deliveries)
