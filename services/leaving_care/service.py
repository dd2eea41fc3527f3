"""The leaving-care service: its routes and its queue. They translate; `domain/` decides and `views.py` remembers."""

from __future__ import annotations

from functools import partial

from mongoengine.queryset.visitor import Q

from services.leaving_care.domain import care_leaver, plan_item
from services.leaving_care.parts import SERVICE, build
from services.leaving_care.schemas import (
    AdviserBody,
    ArrangedBody,
    CareLeaverAnswer,
    CareLeaverBody,
    CareLeaverRecord,
    DeferredBody,
    EndedBody,
    PlanItemAnswer,
    PlanItemBody,
    PlanItemList,
    PlanItemRecord,
    PlanItemsQuery,
    ReviewedBody,
    StepBody,
)
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see
from shared.kernel.ids import derived_id, stream_id
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.recording import RecordingParts
from shared.views import heard, newest_first
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.parts import Parts
from shared.web.records import body_of, command_fields, identity_of, person_id_for, retraction, step

CARE_LEAVERS, PLAN_ITEMS = "/v1/care-leavers", "/v1/plan-items"

care_leaver_step = partial(step, care_leaver.AGGREGATE, f"{CARE_LEAVERS}/<care_leaver_id>", CareLeaverAnswer)
plan_item_step = partial(step, plan_item.AGGREGATE, f"{PLAN_ITEMS}/<plan_item_id>", PlanItemAnswer)


class LeavingCareService:
    """Care leavers, their personal advisers, and what becomes of each item of their pathway plans."""

    name = SERVICE
    parts: RecordingParts = Parts(build)  # type: ignore[assignment]

    @endpoint(
        "POST",
        CARE_LEAVERS,
        command="care_leaver.register",
        body=CareLeaverBody,
        answers={201: CareLeaverAnswer},
        summary="Register a care leaver; one who is known already is a conflict that says under which id",
    )
    def register_care_leaver(self, request: Request) -> Answer:
        person_id = person_id_for(request, self.parts.person_id_key)
        # One person is one care leaver, whoever registers them and however often.
        care_leaver_id = derived_id("care-leaver", person_id)
        command = care_leaver.Register(person_id=person_id, **command_fields(request.body))
        return self.parts.records.begin(care_leaver.AGGREGATE, care_leaver_id, command, request, CARE_LEAVERS)

    @endpoint(
        "GET",
        f"{CARE_LEAVERS}/<care_leaver_id>",
        command="care_leaver.read",
        answers={200: CareLeaverRecord},
        summary="A care leaver by id, with name and NHS number; every reading is entered in the access log",
        errors=(404,),
        reads_person=True,
    )
    def read_care_leaver(self, request: Request) -> Answer:
        care_leaver_id = request.path["care_leaver_id"]
        shown = self.parts.records.show(care_leaver.AGGREGATE, care_leaver_id, request.actor)
        body = {
            **body_of(care_leaver.AGGREGATE, care_leaver_id, shown.state, shown.version),
            **identity_of(shown, "care_leaver.registered.v1"),
            "history": shown.entries,
        }
        return Answer(200, body, version=shown.version, subjects=[shown.state.person_id])

    assign_adviser = care_leaver_step(
        "adviser", "adviser.assign", AdviserBody, care_leaver.AssignAdviser, "Who their personal adviser is from now on"
    )

    @endpoint(
        "POST",
        PLAN_ITEMS,
        command="plan_item.add",
        body=PlanItemBody,
        answers={201: PlanItemAnswer},
        summary="Add an item to the plan of a care leaver who is known here, with its condition and its fallback",
    )
    def add_plan_item(self, request: Request) -> Answer:
        leaver = self.parts.records.state_of(care_leaver.AGGREGATE, request.body["care_leaver_id"], "care_leaver_id")
        plan_item_id = stream_id(request.actor.id, request.key)
        command = plan_item.Add(person_id=leaver.person_id, area=leaver.area, **command_fields(request.body))
        return self.parts.records.begin(plan_item.AGGREGATE, plan_item_id, command, request, PLAN_ITEMS)

    @endpoint(
        "GET",
        f"{PLAN_ITEMS}/<plan_item_id>",
        command="plan_item.read",
        answers={200: PlanItemRecord},
        summary="A plan item as it stands, with its history; always current",
        errors=(404,),
        reads_person=True,
    )
    def read_plan_item(self, request: Request) -> Answer:
        plan_item_id = request.path["plan_item_id"]
        shown = self.parts.records.show(plan_item.AGGREGATE, plan_item_id, request.actor)
        body = body_of(plan_item.AGGREGATE, plan_item_id, shown.state, shown.version)
        return Answer(200, {**body, "history": shown.entries}, shown.version, subjects=[shown.state.person_id])

    @endpoint(
        "GET",
        PLAN_ITEMS,
        command="plan_item.read",
        query=PlanItemsQuery,
        answers={200: PlanItemList},
        summary="Plan items in your areas, newest first",
        reads_person=True,
    )
    def list_plan_items(self, request: Request) -> Answer:
        actor, query = request.actor, request.query
        found = self.parts.views["plan-item"].objects.filter(area__in=actor.areas)
        if not may_see(actor.role, CATALOGUE["plan_item.added.v1"].disclosure):
            found = found.filter(Q(teams=actor.team))
        columns = (("care_leaver", "care_leaver_id"), ("person", "person_id"), ("state", "status"), ("owner", "owner"))
        for name, column in columns:
            if name in query:
                found = found.filter(**{column: query[name]})
        rows, following = newest_first(found, query)
        return Answer(200, {"items": rows, "next": following}, subjects=[row.person_id for row in rows])

    arrange = plan_item_step(
        "arranged", "plan_item.arrange", ArrangedBody, plan_item.Arrange, "It has an owner, a trigger and a review date"
    )
    offer = plan_item_step("offered", "plan_item.record", StepBody, plan_item.Offer, "It was offered")
    take_up = plan_item_step("taken-up", "plan_item.record", StepBody, plan_item.TakeUp, "The young person took it up")
    decline = plan_item_step("declined", "plan_item.record", StepBody, plan_item.Decline, "The young person declined")
    defer = plan_item_step("deferred", "plan_item.record", DeferredBody, plan_item.Defer, "Not now: offer it again")
    review = plan_item_step("reviewed", "plan_item.record", ReviewedBody, plan_item.Review, "It was looked at again")
    start_fallback = plan_item_step(
        "fallback-started", "plan_item.record", StepBody, plan_item.StartFallback, "The agreed fallback was started"
    )
    complete = plan_item_step("completed", "plan_item.record", StepBody, plan_item.Complete, "It is done")
    end = plan_item_step(
        "ended",
        "plan_item.end",
        EndedBody,
        plan_item.End,
        "It ends undone: why, who agreed, the young person's view",
    )

    retract_of_care_leaver = retraction(care_leaver.AGGREGATE, f"{CARE_LEAVERS}/<care_leaver_id>", CareLeaverAnswer)
    retract_of_plan_item = retraction(plan_item.AGGREGATE, f"{PLAN_ITEMS}/<plan_item_id>", PlanItemAnswer)

    @consume("leaving_care.views")
    def fill_views(self, deliveries: list[Delivery]) -> list[Outcome]:
        return heard(deliveries, *self.parts.views.values())
