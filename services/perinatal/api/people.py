"""Routes of people and of the conditions found in them."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN
from services.perinatal.api.schemas import (
    ConditionAnswer,
    ConditionBody,
    ConditionRecord,
    PersonAnswer,
    PersonBody,
    PersonRecord,
)
from services.perinatal.domain import condition, person
from shared.kernel.ids import stream_id
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.records import body_of, command_fields, identity_of, person_id_for, retraction
from shared.recording.routes import RecordRoutes
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request

PEOPLE, CONDITIONS = "/v1/people", "/v1/conditions"
told = RecordRoutes(person.AGGREGATE, PEOPLE, KNOWN, answers=PersonAnswer)


class PeopleRoutes:
    dependencies: RecordingDependencies

    @endpoint(
        "POST",
        PEOPLE,
        command="person.register",
        body=PersonBody,
        answers={201: PersonAnswer},
        summary="Register a person; one who is known already is a conflict that says under which id",
    )
    def register_person(self, request: Request) -> Answer:
        person_id = person_id_for(request, self.dependencies.person_id_key)
        command = person.Register(**command_fields(request.body))
        return self.dependencies.records.begin(person.AGGREGATE, person_id, command, request, PEOPLE)

    @endpoint(
        "GET",
        f"{PEOPLE}/<person_id>",
        command="person.read",
        answers={200: PersonRecord},
        summary="A person by id, with name and NHS number; every reading is entered in the access log",
        errors=(404,),
        reads_person=True,
    )
    def read_person(self, request: Request) -> Answer:
        person_id = request.path["person_id"]
        shown = self.dependencies.records.show(person.AGGREGATE, person_id, request.actor)
        body = {
            **body_of(person.AGGREGATE, person_id, shown.state, shown.version),
            **identity_of(shown, person.REGISTERED),
            "history": shown.entries,
        }
        return Answer(200, body, version=shown.version, subjects=[person_id])

    link_person = told.step(
        "linked",
        "person.link",
        "person.linked.v1",
        "Another id is this person's too: a named person says so",
        elsewhere=("other_person_id",),
    )
    unlink_person = told.step(
        "unlinked",
        "person.link",
        "person.unlinked.v1",
        "Another id is not this person's after all",
        elsewhere=("other_person_id",),
    )
    record_death = told.step("died", "person.record_death", "person.died.v1", "The person died, and who are the family")
    assign_practitioner = told.step(
        "practitioner", "practitioner.assign", "practitioner.assigned.v1", "Who is named for the person, in which role"
    )
    record_adult_joined = told.step(
        "adult-joined", "household.record", "household.adult_joined.v1", "An adult came to live with the person"
    )
    check_bereavement = told.step(
        "bereavement-checked", "bereavement.check", "bereavement.checked.v1", "Who must be told of a death was told"
    )
    offer_review = told.step("review-offered", "review.record", "review.offered.v1", "A review was offered")
    complete_review = told.step("review-completed", "review.record", "review.completed.v1", "A review took place")
    decline_review = told.step("review-declined", "review.record", "review.declined.v1", "A review was declined")
    check_parents = told.step(
        "parent-checks", "parent.check", "parent.checks_recorded.v1", "Both parents were checked, and who was told"
    )
    name_lead = told.step(
        "lead-named", "accumulation.review", "accumulation.lead_named.v1", "Who leads on what has added up"
    )
    review_accumulation = told.step(
        "accumulation-reviewed",
        "accumulation.review",
        "accumulation.reviewed.v1",
        "The whole chronology was read, and what the lead decided",
    )
    retract_of_person = told.retract()

    @endpoint(
        "POST",
        CONDITIONS,
        command="condition.record",
        body=ConditionBody,
        answers={201: ConditionAnswer},
        summary="Record a condition found in a person who is known here",
    )
    def record_condition(self, request: Request) -> Answer:
        self.dependencies.records.state_of(person.AGGREGATE, request.body["person_id"], "person_id")
        command = condition.Record(**command_fields(request.body))
        condition_id = stream_id(request.actor.id, request.key)
        return self.dependencies.records.begin(condition.AGGREGATE, condition_id, command, request, CONDITIONS)

    @endpoint(
        "GET",
        f"{CONDITIONS}/<condition_id>",
        command="condition.read",
        answers={200: ConditionRecord},
        summary="A condition, with its history",
        errors=(404,),
        reads_person=True,
    )
    def read_condition(self, request: Request) -> Answer:
        condition_id = request.path["condition_id"]
        shown = self.dependencies.records.show(condition.AGGREGATE, condition_id, request.actor)
        body = body_of(condition.AGGREGATE, condition_id, shown.state, shown.version)
        return Answer(200, {**body, "history": shown.entries}, shown.version, subjects=[shown.state.person_id])

    retract_of_condition = retraction(condition.AGGREGATE, f"{CONDITIONS}/<condition_id>", ConditionAnswer)
