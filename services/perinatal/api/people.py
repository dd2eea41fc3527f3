"""Routes of people and of the conditions found in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from services.perinatal.api.lookups import (
    KNOWN,
    find_assessor,
    find_birth,
    find_birth_of,
    find_birthday,
    find_two_people,
)
from services.perinatal.api.schemas import ConditionAnswer, PersonAnswer
from services.perinatal.domain import condition, person
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.people import find_corrected_details, search_route
from shared.recording.records import Records, person_id_for
from shared.recording.routes import AREA, STEP_ERRORS, RecordRoutes, RouteBody
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import Day, NhsNumber, PersonName

PEOPLE = "/v1/people"
routes = RecordRoutes(person.AGGREGATE, PEOPLE, KNOWN, PersonAnswer)
conditions = RecordRoutes(condition.AGGREGATE, "/v1/conditions", KNOWN, ConditionAnswer)

REGISTRATION = RouteBody(
    person.REGISTERED,
    derived=("nhs_number_known", "possible_duplicates"),
    private={
        "given_name": PersonName(required=True),
        "family_name": PersonName(required=True),
        "date_of_birth": Day(),
        "nhs_number": NhsNumber(),
    },
)


def find_corrected(records: Records, request: Request) -> Mapping[str, Any]:
    """Which details in the body differ from the record of the person of the path, and the birth that names them."""
    person_id = request.path["person_id"]
    identity = records.identity(person.AGGREGATE, person_id, person.REGISTERED)
    birth_on = find_birth_of(records, person_id) if "date_of_birth" in request.body else None
    return {"details": find_corrected_details(identity, request.body), "birth_on": birth_on}


CORRECTION = RouteBody(
    person.CORRECTED,
    derived=("details", "nhs_number_known", "number_person_id"),
    look_up=find_corrected,
    private={
        "given_name": PersonName(),
        "family_name": PersonName(),
        "date_of_birth": Day(),
        "nhs_number": NhsNumber(),
    },
)


class PeopleRoutes:
    dependencies: RecordingDependencies

    @endpoint(
        "POST",
        PEOPLE,
        command="person.register",
        body=REGISTRATION.schema("PersonBody", {"person_id"}, area=AREA),
        answers={201: PersonAnswer},
        summary="Register a person; the conflict for a known NHS number says which details differ",
        errors=(429,),
    )
    def register_person(self, request: Request) -> Answer:
        person_id = person_id_for(request, self.dependencies.person_id_key)
        return self.dependencies.people.register(self.dependencies.records, request, routes, REGISTRATION, person_id)

    search_people = search_route("person.search", "Find people by NHS number, or by family name and date of birth")
    read_person = routes.read(
        "person.read",
        "A person by id, with name and NHS number; every reading is entered in the access log",
        identity=person.REGISTERED,
    )

    @endpoint(
        "POST",
        f"{routes.one}/corrected",
        command="person.correct",
        body=CORRECTION.schema("PersonCorrectedBody", {"person_id"}),
        answers={201: PersonAnswer},
        summary="Correct name, date of birth or NHS number; the former value stays in the history",
        errors=(*STEP_ERRORS, 429),
    )
    def correct_person(self, request: Request) -> Answer:
        return self.dependencies.people.correct(self.dependencies.records, request, routes, CORRECTION)

    tell_apart = routes.step(
        "told-apart",
        "person.link",
        "person.told_apart.v1",
        "The person is none of these others: somebody has looked",
    )
    link_person = routes.step(
        "linked",
        "person.link",
        "person.linked.v1",
        "Another id is this person's too, confirmed by a named person",
        elsewhere=("other_person_id",),
        look_up=find_two_people,
    )
    unlink_person = routes.step(
        "unlinked",
        "person.link",
        "person.unlinked.v1",
        "Another id is not this person's after all",
        elsewhere=("other_person_id",),
    )
    protect_person = routes.step(
        "protected",
        "person.protect",
        "person.protected.v1",
        "Protect a person (refuge, adoption, witness): where they are shows to your team and the leads alone",
    )
    unprotect_person = routes.step(
        "unprotected", "person.protect", "person.unprotected.v1", "The person is protected no more, and why"
    )
    record_death = routes.step(
        "died",
        "person.record_death",
        "person.died.v1",
        "The person died, and who are the family",
        look_up=find_birthday,
    )
    assign_practitioner = routes.step(
        "practitioner", "practitioner.assign", "practitioner.assigned.v1", "Who is named for the person, in which role"
    )
    record_adult_joined = routes.step(
        "adult-joined", "household.record", "household.adult_joined.v1", "An adult came to live with the person"
    )
    check_bereavement = routes.step(
        "bereavement-checked", "bereavement.check", "bereavement.checked.v1", "Who must be told of a death was told"
    )
    offer_review = routes.step(
        "review-offered",
        "review.record",
        "review.offered.v1",
        "A review was offered",
        derived=("birth_known",),
        look_up=find_birth,
    )
    complete_review = routes.step(
        "review-completed",
        "review.record",
        "review.completed.v1",
        "A review took place",
        derived=("birth_known",),
        look_up=find_birth,
    )
    decline_review = routes.step(
        "review-declined",
        "review.record",
        "review.declined.v1",
        "A review was declined",
        derived=("birth_known",),
        look_up=find_birth,
    )
    check_parents = routes.step(
        "parent-checks", "parent.check", "parent.checks_recorded.v1", "Both parents were checked, and who was told"
    )
    name_lead = routes.step(
        "lead-named",
        "accumulation.review",
        "accumulation.lead_named.v1",
        "Who leads on what has added up",
        look_up=find_assessor("lead"),
    )
    review_accumulation = routes.step(
        "accumulation-reviewed",
        "accumulation.review",
        "accumulation.reviewed.v1",
        "The whole chronology was read, and what the lead decided",
        look_up=find_assessor("lead"),
    )
    review_contacts = routes.step(
        "contacts-reviewed",
        "contacts.review",
        "contacts.reviewed.v1",
        "Contacts about a household were read together, and what was decided",
    )
    reread_closing = routes.step(
        "closing-reread",
        "closings.review",
        "closing.reread.v1",
        "What led to a closing was read again after a new contact",
    )
    review_closings = routes.step(
        "closings-reviewed",
        "closings.review",
        "closings.reviewed.v1",
        "Several closings were read together, by somebody who closed none of them",
    )
    retract_of_person = routes.retract()
    confirm_doubts_of_person = routes.confirm_doubts()
    confirm_claim_of_person = routes.confirm_claim()
    reject_claim_of_person = routes.reject_claim()

    record_condition = conditions.begin(
        "condition.record", "condition.recorded.v1", "Record a condition found in a person who is known here"
    )
    read_condition = conditions.read("condition.read", "A condition, with its history")
    retract_of_condition = conditions.retract()
    confirm_claim_of_condition = conditions.confirm_claim()
    reject_claim_of_condition = conditions.reject_claim()
