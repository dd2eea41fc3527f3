"""The leaving-care service: its routes and its queues. They translate; `domain/` decides and `views.py` remembers."""

from __future__ import annotations

from datetime import date
from functools import partial
from typing import Any

from mongoengine.queryset.visitor import Q

from services.leaving_care.api.schemas import (
    AdviserBody,
    ArrangedBody,
    CareLeaverAnswer,
    CareLeaverBody,
    CareLeaverList,
    CareLeaverRecord,
    CareLeaversQuery,
    CategoryBody,
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
from services.leaving_care.bootstrap import SERVICE, build
from services.leaving_care.domain import care_leaver, plan_item
from services.leaving_care.domain.category import Period
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see
from shared.kernel.ids import derived_id, stream_id
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.bulk_routes import CommandRoutes
from shared.recording.records import STEP_ERRORS, body_of, command_fields, identity_of, person_id_for, retraction, step
from shared.recording.routes import RecordRoutes
from shared.recording.views import newest_first, refresh_views
from shared.runtime.dependencies import BootstrapProvider
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.parked import ParkedRoutes

CARE_LEAVERS, PLAN_ITEMS = "/v1/care-leavers", "/v1/plan-items"

told = RecordRoutes(care_leaver.AGGREGATE, CARE_LEAVERS, answers=CareLeaverAnswer)
care_leaver_step = partial(step, care_leaver.AGGREGATE, told.one, CareLeaverAnswer)
plan_item_step = partial(step, plan_item.AGGREGATE, f"{PLAN_ITEMS}/<plan_item_id>", PlanItemAnswer)


class LeavingCareService(CommandRoutes, ParkedRoutes):
    """Care leavers, their personal advisers, and what becomes of each item of their pathway plans."""

    name = SERVICE
    dependencies: RecordingDependencies = BootstrapProvider(build)  # type: ignore[assignment]

    @endpoint(
        "POST",
        CARE_LEAVERS,
        command="care_leaver.register",
        body=CareLeaverBody,
        answers={201: CareLeaverAnswer},
        summary="Register a care leaver; one who is known already is a conflict that says under which id",
    )
    def register_care_leaver(self, request: Request) -> Answer:
        person_id = person_id_for(request, self.dependencies.person_id_key)
        # One person is one care leaver, whoever registers them and however often.
        care_leaver_id = derived_id("care-leaver", person_id)
        periods = tuple(Period(**period) for period in request.body.get("looked_after", ()))
        said = command_fields(request.body, "looked_after")
        command = care_leaver.Register(person_id=person_id, looked_after=periods, **said)
        return self.dependencies.records.begin(care_leaver.AGGREGATE, care_leaver_id, command, request, CARE_LEAVERS)

    @endpoint(
        "GET",
        told.one,
        command="care_leaver.read",
        answers={200: CareLeaverRecord},
        summary="A care leaver by id, with name and NHS number; every reading is entered in the access log",
        errors=(404,),
        reads_person=True,
    )
    def read_care_leaver(self, request: Request) -> Answer:
        care_leaver_id = request.path["care_leaver_id"]
        shown = self.dependencies.records.show(care_leaver.AGGREGATE, care_leaver_id, request.actor)
        body = {
            **body_of(care_leaver.AGGREGATE, care_leaver_id, shown.state, shown.version),
            **identity_of(shown, "care_leaver.registered.v1"),
            "history": shown.entries,
        }
        return Answer(200, body, version=shown.version, subjects=[shown.state.person_id])

    @endpoint(
        "GET",
        CARE_LEAVERS,
        command="care_leaver.read",
        query=CareLeaversQuery,
        answers={200: CareLeaverList},
        summary="Care leavers in your areas, newest first",
        reads_person=True,
    )
    def list_care_leavers(self, request: Request) -> Answer:
        columns = {"person": "person_id", "category": "category", "adviser": "adviser", "state": "status"}
        return self._list(care_leaver.KIND, "care_leaver.registered.v1", request, columns)

    assign_adviser = care_leaver_step(
        "adviser", "adviser.assign", AdviserBody, care_leaver.AssignAdviser, "Who their personal adviser is from now on"
    )
    end_adviser = told.step(
        "adviser-ended", "adviser.assign", "adviser.ended.v1", "The present adviser stops; nobody follows yet"
    )

    @endpoint(
        "POST",
        f"{told.one}/category",
        command="care_leaver.decide",
        body=CategoryBody,
        answers={201: CareLeaverAnswer},
        summary="Somebody determines the category again, whatever the dates of care say",
        errors=STEP_ERRORS,
    )
    def change_category(self, request: Request) -> Answer:
        care_leaver_id = request.path["care_leaver_id"]
        shown = self.dependencies.records.show(care_leaver.AGGREGATE, care_leaver_id, request.actor)
        born = identity_of(shown, "care_leaver.registered.v1").get("date_of_birth")
        command = care_leaver.ChangeCategory(
            date_of_birth=date.fromisoformat(born) if born else None, **command_fields(request.body)
        )
        return self.dependencies.records.follow(care_leaver.AGGREGATE, care_leaver_id, command, request)

    decide_entitlement = told.step(
        "entitlement-decided",
        "care_leaver.decide",
        "care_leaver.entitlement_decided.v1",
        "What becomes of the support at 21 or 25, and who decided it",
    )
    contact_made = told.step("contact-made", "care_leaver.record", "pa_contact.made.v1", "They were in touch, and how")
    contact_failed = told.step(
        "contact-failed", "care_leaver.record", "pa_contact.failed.v1", "An attempt to be in touch, and how"
    )
    contact_lost = told.step("contact-lost", "care_leaver.record", "pa_contact.lost.v1", "Nobody can reach them")
    pathway_assessed = told.step(
        "pathway-assessed", "care_leaver.record", "pathway.assessed.v1", "Their needs were assessed"
    )
    pathway_planned = told.step("pathway-planned", "care_leaver.record", "pathway.planned.v1", "The plan was made")
    pathway_reviewed = told.step(
        "pathway-reviewed", "care_leaver.record", "pathway.reviewed.v1", "The plan was reviewed, and why"
    )
    accommodation = told.step(
        "accommodation", "care_leaver.record", "accommodation.changed.v1", "Where they live now, and who provides it"
    )
    moved = told.step("moved", "care_leaver.record", "care_leaver.moved.v1", "They moved to another area, or within it")
    authority_confirmed = told.step(
        "authority-confirmed", "care_leaver.record", "authority.confirmed.v1", "Which authority is responsible for them"
    )
    parenthood_acknowledged = told.step(
        "parenthood-acknowledged",
        "care_leaver.record",
        "parenthood.acknowledged.v1",
        "The adviser knows that they are to be a parent, or live with a child",
    )
    support_offered = told.step(
        "support-offered", "care_leaver.record", "support_offer.made.v1", "Support was offered to them as a parent"
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
        leaver = self.dependencies.records.state_of(
            care_leaver.AGGREGATE, request.body["care_leaver_id"], "care_leaver_id"
        )
        plan_item_id = stream_id(request.actor.id, request.key)
        command = plan_item.Add(person_id=leaver.person_id, area=leaver.area, **command_fields(request.body))
        return self.dependencies.records.begin(plan_item.AGGREGATE, plan_item_id, command, request, PLAN_ITEMS)

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
        shown = self.dependencies.records.show(plan_item.AGGREGATE, plan_item_id, request.actor)
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
        columns = {"care_leaver": "care_leaver_id", "person": "person_id", "state": "status", "owner": "owner"}
        return self._list("plan-item", "plan_item.added.v1", request, columns)

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

    retract_of_care_leaver = told.retract()
    retract_of_plan_item = retraction(plan_item.AGGREGATE, f"{PLAN_ITEMS}/<plan_item_id>", PlanItemAnswer)

    @consume("leaving_care.views")
    def fill_views(self, deliveries: list[Delivery]) -> list[Outcome]:
        return refresh_views(deliveries, *self.dependencies.views.values())

    @consume("leaving_care.reactions")
    def react(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.reactions.hear(deliveries)

    @consume("leaving_care.check", batch=1)
    def check(self, deliveries: list[Delivery]) -> list[Outcome]:
        return self.dependencies.checker.receive(deliveries)

    def _list(self, kind: str, begun_by: str, request: Request, columns: dict[str, str]) -> Answer:
        """A page of views that the actor may see; `columns` by field of the query."""
        actor, query = request.actor, request.query
        found = self.dependencies.views[kind].objects.filter(area__in=actor.areas)
        if not may_see(actor.role, CATALOGUE[begun_by].disclosure):
            found = found.filter(Q(teams=actor.team))
        asked: dict[str, Any] = {column: query[name] for name, column in columns.items() if name in query}
        rows, following = newest_first(found.filter(**asked), query)
        return Answer(200, {"items": rows, "next": following}, subjects=[row.person_id for row in rows])
