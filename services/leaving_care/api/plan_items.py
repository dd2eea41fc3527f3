"""Routes of the items of pathway plans, from their addition to their completion or end."""

from __future__ import annotations

from services.leaving_care.api.schemas import PlanItemAnswer, PlanItemRow, PlanItemsQuery
from services.leaving_care.domain import care_leaver, plan_item
from shared.kernel.ids import stream_id
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.routes import RecordRoutes, RouteBody
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import FreeText

PLAN_ITEMS = "/v1/plan-items"
routes = RecordRoutes(plan_item.AGGREGATE, PLAN_ITEMS, answers=PlanItemAnswer, repeats=("care_leaver_id",))

ADDITION = RouteBody("plan_item.added.v1")


class PlanItemRoutes:
    dependencies: RecordingDependencies

    @endpoint(
        "POST",
        PLAN_ITEMS,
        command="plan_item.add",
        body=ADDITION.schema("PlanItemBody", {"plan_item_id", "person_id"}),
        answers={201: PlanItemAnswer},
        summary="Add an item to the plan of a care leaver who is known here, with its condition and its fallback",
    )
    def add_plan_item(self, request: Request) -> Answer:
        records = self.dependencies.records
        leaver = records.state_of(care_leaver.AGGREGATE, request.body["care_leaver_id"], "care_leaver_id")
        plan_item_id = stream_id(request.actor.id, request.key)
        return routes.record_beginning(
            records, request, ADDITION, plan_item_id, person_id=leaver.person_id, area=leaver.area
        )

    read_plan_item = routes.read("plan_item.read", "A plan item as it stands, with its history; always current")
    list_plan_items = routes.list_page(
        "plan_item.read",
        "Plan items in your areas, newest first",
        query=PlanItemsQuery,
        row=PlanItemRow,
        begun_by="plan_item.added.v1",
        columns={"care_leaver": "care_leaver_id", "state": "status", "owner": "owner"},
    )
    arrange = routes.step(
        "arranged", "plan_item.arrange", "plan_item.arranged.v1", "It has an owner, a trigger and a review date"
    )
    offer = routes.step("offered", "plan_item.record", "plan_item.offered.v1", "It was offered")
    take_up = routes.step("taken-up", "plan_item.record", "plan_item.taken_up.v1", "The young person took it up")
    decline = routes.step("declined", "plan_item.record", "plan_item.declined.v1", "The young person declined")
    defer = routes.step("deferred", "plan_item.record", "plan_item.deferred.v1", "Not now: offer it again")
    review = routes.step("reviewed", "plan_item.record", "plan_item.reviewed.v1", "It was looked at again")
    start_fallback = routes.step(
        "fallback-started", "plan_item.record", "plan_item.fallback_started.v1", "The agreed fallback was started"
    )
    complete = routes.step("completed", "plan_item.record", "plan_item.completed.v1", "It is done")
    end = routes.step(
        "ended",
        "plan_item.end",
        "plan_item.ended.v1",
        "It ends undone: why, who agreed, the young person's view",
        derived=("young_person_view_given",),
        young_person_view=FreeText(),
    )
    retract_of_plan_item = routes.retract()
    confirm_claim_of_plan_item = routes.confirm_claim()
    reject_claim_of_plan_item = routes.reject_claim()
