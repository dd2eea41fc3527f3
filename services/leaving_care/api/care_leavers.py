"""Routes of care leavers: their category, their personal adviser, and what happened to them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import fields, validate

from services.leaving_care.api.schemas import (
    CareLeaverAnswer,
    CareLeaverRow,
    CareLeaversQuery,
    CategorisedBody,
    LookedAfter,
)
from services.leaving_care.domain import care_leaver
from shared.kernel.decisions import Forbidden
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.people import FoundCareLeavers, find_corrected_details, search_route
from shared.recording.records import Records, person_id_for
from shared.recording.routes import AREA, STEP_ERRORS, RecordRoutes, RouteBody
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Day, NhsNumber, PersonName

CARE_LEAVERS = "/v1/care-leavers"
routes = RecordRoutes(care_leaver.AGGREGATE, CARE_LEAVERS, answers=CareLeaverAnswer)

REGISTRATION = RouteBody(
    care_leaver.REGISTERED,
    derived=("entitlement_review_on", "possible_duplicates"),
    optional=("category",),
    private={
        "given_name": PersonName(required=True),
        "family_name": PersonName(required=True),
        "date_of_birth": Day(required=True),
        "nhs_number": NhsNumber(),
        "looked_after": fields.List(fields.Nested(LookedAfter), validate=validate.Length(1, 50)),
    },
    base=CategorisedBody,
)


def find_corrected(records: Records, request: Request) -> Mapping[str, Any]:
    """Which details in the body differ from the record of the care leaver of the path."""
    identity = records.identity(care_leaver.AGGREGATE, request.path["care_leaver_id"], care_leaver.REGISTERED)
    return {"details": find_corrected_details(identity, request.body)}


CORRECTION = RouteBody(
    care_leaver.CORRECTED,
    derived=("details", "number_person_id", "entitlement_review_on"),
    look_up=find_corrected,
    private={
        "given_name": PersonName(),
        "family_name": PersonName(),
        "date_of_birth": Day(),
        "nhs_number": NhsNumber(),
    },
)


def find_date_of_birth(records: Records, request: Request) -> Mapping[str, Any]:
    """The date of birth that this service holds of a care leaver, if it was not erased."""
    known = records.identity(care_leaver.AGGREGATE, request.path["care_leaver_id"], care_leaver.REGISTERED)
    born = known.get("date_of_birth")
    return {"date_of_birth": date.fromisoformat(born)} if born else {}


def require_leaving_care(records: Records, request: Request) -> Mapping[str, Any]:
    """Refuse, as forbidden, whoever is of a team that does not act as personal advisers, as the directory has it."""
    if records.directory:
        team = records.directory.team(request.actor.team)
        if team is None or team.role != "personal_adviser":
            message = f"{request.actor.team} is not a leaving-care team; ask the manager of theirs"
            raise Forbidden("not-leaving-care", message)
    return {}


class CareLeaverRoutes:
    dependencies: RecordingDependencies

    @endpoint(
        "POST",
        CARE_LEAVERS,
        command="care_leaver.register",
        body=REGISTRATION.schema("CareLeaverBody", {"care_leaver_id", "person_id"}, area=AREA),
        answers={201: CareLeaverAnswer},
        summary="Register a care leaver; the conflict for a known NHS number says which details differ",
        errors=(429,),
    )
    def register_care_leaver(self, request: Request) -> Answer:
        person_id = person_id_for(request, self.dependencies.person_id_key)
        care_leaver_id = care_leaver.care_leaver_id_of(person_id)
        records = self.dependencies.records
        return self.dependencies.people.register(
            records, request, routes, REGISTRATION, care_leaver_id, person_id=person_id
        )

    search_people = search_route(
        "care_leaver.search",
        "Find care leavers by NHS number, or by family name and date of birth",
        FoundCareLeavers,
    )
    read_care_leaver = routes.read(
        "care_leaver.read",
        "A care leaver by id, with name and NHS number; every reading is entered in the access log",
        identity=care_leaver.REGISTERED,
        looked_after=fields.List(fields.Dict(keys=fields.String(), values=fields.String())),
    )

    @endpoint(
        "POST",
        f"{routes.one}/corrected",
        command="care_leaver.correct",
        body=CORRECTION.schema("CareLeaverCorrectedBody", {"care_leaver_id", "person_id"}),
        answers={201: CareLeaverAnswer},
        summary="Correct name, date of birth or NHS number; the former value stays in the history",
        errors=(*STEP_ERRORS, 429),
    )
    def correct_care_leaver(self, request: Request) -> Answer:
        return self.dependencies.people.correct(self.dependencies.records, request, routes, CORRECTION)

    tell_apart = routes.step(
        "told-apart",
        "care_leaver.record",
        "care_leaver.told_apart.v1",
        "The care leaver is none of these others: somebody has looked",
    )
    list_care_leavers = routes.list_page(
        "care_leaver.read",
        "Care leavers in your areas, newest first",
        query=CareLeaversQuery,
        row=CareLeaverRow,
        begun_by=care_leaver.REGISTERED,
        columns={"category": "category", "adviser": "adviser", "state": "status"},
    )
    assign_adviser = routes.step(
        "adviser",
        "adviser.assign",
        "adviser.assigned.v1",
        "Who their personal adviser is from now on; said by a manager of leaving care",
        look_up=require_leaving_care,
    )
    end_adviser = routes.step(
        "adviser-ended",
        "adviser.assign",
        "adviser.ended.v1",
        "The present adviser stops; nobody follows yet; said by a manager of leaving care",
        look_up=require_leaving_care,
    )
    change_category = routes.step(
        "category",
        "care_leaver.decide",
        "care_leaver.category_changed.v1",
        "Somebody determines the category again, whatever the dates of care say",
        derived=("entitlement_review_on",),
        look_up=find_date_of_birth,
    )
    decide_entitlement = routes.step(
        "entitlement-decided",
        "care_leaver.decide",
        "care_leaver.entitlement_decided.v1",
        "What becomes of the support at 21 or 25, and who decided it",
        derived=("entitlement_review_on",),
        look_up=find_date_of_birth,
    )
    request_support = routes.step(
        "support-requested",
        "care_leaver.record",
        "care_leaver.support_requested.v1",
        "They ask for support again, at 21 to 24",
        derived=("entitlement_review_on",),
        look_up=find_date_of_birth,
    )
    remind = routes.step(
        "reminded",
        "care_leaver.record",
        "care_leaver.reminded.v1",
        "They were told that they may ask for support again",
        derived=("entitlement_review_on",),
        look_up=find_date_of_birth,
    )
    plan_ending = routes.step(
        "ending-planned",
        "care_leaver.record",
        "care_leaver.ending_planned.v1",
        "What is planned before age changes the support",
    )
    tell_authority = routes.step(
        "authority-told",
        "care_leaver.record",
        "care_leaver.authority_told.v1",
        "The authority of the area where they now live was told of them, if they agreed",
    )
    contact_made = routes.step(
        "contact-made", "care_leaver.record", "pa_contact.made.v1", "They were in touch, and how"
    )
    contact_failed = routes.step(
        "contact-failed", "care_leaver.record", "pa_contact.failed.v1", "An attempt to be in touch, and how"
    )
    contact_lost = routes.step("contact-lost", "care_leaver.record", "pa_contact.lost.v1", "Nobody can reach them")
    pathway_assessed = routes.step(
        "pathway-assessed", "care_leaver.record", "pathway.assessed.v1", "Their needs were assessed"
    )
    pathway_planned = routes.step("pathway-planned", "care_leaver.record", "pathway.planned.v1", "The plan was made")
    pathway_reviewed = routes.step(
        "pathway-reviewed", "care_leaver.record", "pathway.reviewed.v1", "The plan was reviewed, and why"
    )
    accommodation = routes.step(
        "accommodation", "care_leaver.record", "accommodation.changed.v1", "Where they live now, and who provides it"
    )
    moved = routes.step(
        "moved", "care_leaver.record", "care_leaver.moved.v1", "They moved to another area, or within it"
    )
    authority_confirmed = routes.step(
        "authority-confirmed", "care_leaver.record", "authority.confirmed.v1", "Which authority is responsible for them"
    )
    parenthood_acknowledged = routes.step(
        "parenthood-acknowledged",
        "care_leaver.record",
        "parenthood.acknowledged.v1",
        "The adviser knows that they are to be a parent, or live with a child",
    )
    support_offered = routes.step(
        "support-offered", "care_leaver.record", "support_offer.made.v1", "Support was offered to them as a parent"
    )
    retract_of_care_leaver = routes.retract()
    confirm_claim_of_care_leaver = routes.confirm_claim()
    reject_claim_of_care_leaver = routes.reject_claim()
