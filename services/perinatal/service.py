"""The perinatal service: its routes and its queue. They translate; `domain/` decides and `views.py` remembers."""

from __future__ import annotations

from functools import partial

from mongoengine.queryset.visitor import Q

from services.perinatal.domain import condition, person, referral
from services.perinatal.parts import SERVICE, build
from services.perinatal.schemas import (
    AcknowledgedBody,
    AppointmentBookedBody,
    AppointmentCancelledBody,
    ConditionAnswer,
    ConditionBody,
    ConditionRecord,
    NotAttendedBody,
    OutcomeReturnedBody,
    PersonAnswer,
    PersonBody,
    PersonRecord,
    ReasonBody,
    RedirectedBody,
    ReferralAnswer,
    ReferralBody,
    ReferralList,
    ReferralRecord,
    ReferralsQuery,
    SentBody,
    StepBody,
    WithdrawnBody,
)
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see
from shared.kernel.decisions import Refused
from shared.kernel.ids import stream_id
from shared.messaging.consumer import consume
from shared.messaging.incoming import Delivery, Outcome
from shared.recording import RecordingParts
from shared.views import heard, newest_first
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.parts import Parts
from shared.web.records import body_of, command_fields, identity_of, person_id_for, retraction, step

PEOPLE, CONDITIONS, REFERRALS = "/v1/people", "/v1/conditions", "/v1/referrals"

referral_step = partial(step, referral.AGGREGATE, f"{REFERRALS}/<referral_id>", ReferralAnswer)


class PerinatalService:
    """People, their conditions, and referrals from the decision to refer until the outcome is back."""

    name = SERVICE
    parts: RecordingParts = Parts(build)  # type: ignore[assignment]

    @endpoint(
        "POST",
        PEOPLE,
        command="person.register",
        body=PersonBody,
        answers={201: PersonAnswer},
        summary="Register a person; one who is known already is a conflict that says under which id",
    )
    def register_person(self, request: Request) -> Answer:
        person_id = person_id_for(request, self.parts.person_id_key)
        command = person.Register(**command_fields(request.body))
        return self.parts.records.begin(person.AGGREGATE, person_id, command, request, PEOPLE)

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
        shown = self.parts.records.show(person.AGGREGATE, person_id, request.actor)
        body = {
            **body_of(person.AGGREGATE, person_id, shown.state, shown.version),
            **identity_of(shown, "person.registered.v1"),
            "history": shown.entries,
        }
        return Answer(200, body, version=shown.version, subjects=[person_id])

    @endpoint(
        "POST",
        CONDITIONS,
        command="condition.record",
        body=ConditionBody,
        answers={201: ConditionAnswer},
        summary="Record a condition found in a person who is known here",
    )
    def record_condition(self, request: Request) -> Answer:
        self.parts.records.state_of(person.AGGREGATE, request.body["person_id"], "person_id")
        command = condition.Record(**command_fields(request.body))
        condition_id = stream_id(request.actor.id, request.key)
        return self.parts.records.begin(condition.AGGREGATE, condition_id, command, request, CONDITIONS)

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
        shown = self.parts.records.show(condition.AGGREGATE, condition_id, request.actor)
        body = body_of(condition.AGGREGATE, condition_id, shown.state, shown.version)
        return Answer(200, {**body, "history": shown.entries}, shown.version, subjects=[shown.state.person_id])

    @endpoint(
        "POST",
        REFERRALS,
        command="referral.note",
        body=ReferralBody,
        answers={201: ReferralAnswer},
        summary="Begin a referral: intended (decided, not sent), or sent at once",
    )
    def begin_referral(self, request: Request) -> Answer:
        body = request.body
        self.parts.records.state_of(person.AGGREGATE, body["person_id"], "person_id")
        if "condition_id" in body:
            found = self.parts.records.state_of(condition.AGGREGATE, body["condition_id"], "condition_id")
            if found.person_id != body["person_id"]:
                fields = {"condition_id": ["is a condition of another person"]}
                raise Refused("unknown-reference", "the condition is another person's", status=422, fields=fields)
        gives = referral.Intend if body["stage"] == "intended" else referral.Send
        referral_id = stream_id(request.actor.id, request.key)
        command = gives(**command_fields(body, "stage"))
        return self.parts.records.begin(referral.AGGREGATE, referral_id, command, request, REFERRALS)

    @endpoint(
        "GET",
        f"{REFERRALS}/<referral_id>",
        command="referral.read",
        answers={200: ReferralRecord},
        summary="A referral as it stands, with its history; always current",
        errors=(404,),
        reads_person=True,
    )
    def read_referral(self, request: Request) -> Answer:
        referral_id = request.path["referral_id"]
        shown = self.parts.records.show(referral.AGGREGATE, referral_id, request.actor)
        body = body_of(referral.AGGREGATE, referral_id, shown.state, shown.version)
        return Answer(200, {**body, "history": shown.entries}, shown.version, subjects=[shown.state.person_id])

    @endpoint(
        "GET",
        REFERRALS,
        command="referral.read",
        query=ReferralsQuery,
        answers={200: ReferralList},
        summary="Referrals in your areas, newest first",
        reads_person=True,
    )
    def list_referrals(self, request: Request) -> Answer:
        actor, query = request.actor, request.query
        found = self.parts.views["referral"].objects.filter(area__in=actor.areas)
        if not may_see(actor.role, CATALOGUE["referral.sent.v1"].disclosure):
            found = found.filter(Q(teams=actor.team))
        for name, field in (("person", "person_id"), ("state", "status"), ("service", "service")):
            if name in query:
                found = found.filter(**{field: query[name]})
        rows, following = newest_first(found, query)
        return Answer(200, {"items": rows, "next": following}, subjects=[row.person_id for row in rows])

    mark_sent = referral_step("sent", "referral.mark_sent", SentBody, referral.MarkSent, "It was sent")
    withdraw = referral_step(
        "withdrawn", "referral.withdraw", WithdrawnBody, referral.Withdraw, "A clinician withdrew it, with a reason"
    )
    acknowledge = referral_step(
        "acknowledged",
        "referral.acknowledge",
        AcknowledgedBody,
        referral.Acknowledge,
        "The receiver has it; by anybody else, with the receiver's person, channel and reference",
    )
    accept = referral_step("accepted", "referral.triage", StepBody, referral.Accept, "The receiver took it on")
    reject = referral_step("rejected", "referral.triage", ReasonBody, referral.Reject, "The receiver refused it")
    redirect = referral_step(
        "redirected", "referral.triage", RedirectedBody, referral.Redirect, "The receiver passed it to another service"
    )
    request_more_info = referral_step(
        "more-info-requested", "referral.triage", StepBody, referral.RequestMoreInfo, "The receiver asked for more"
    )
    give_more_info = referral_step(
        "more-info-given", "referral.answer_question", StepBody, referral.GiveMoreInfo, "The referrer answered"
    )
    offer = referral_step("offered", "referral.offer", StepBody, referral.Offer, "An appointment was offered")
    book_appointment = referral_step(
        "appointment-booked", "referral.book", AppointmentBookedBody, referral.BookAppointment, "A date was agreed"
    )
    record_attended = referral_step(
        "attended", "referral.record_attendance", StepBody, referral.RecordAttended, "The appointment took place"
    )
    record_not_attended = referral_step(
        "not-attended",
        "referral.record_attendance",
        NotAttendedBody,
        referral.RecordNotAttended,
        "The appointment was missed, and how",
    )
    cancel_appointment = referral_step(
        "appointment-cancelled",
        "referral.record_attendance",
        AppointmentCancelledBody,
        referral.CancelAppointment,
        "The appointment was called off, and by whom",
    )
    start_treatment = referral_step(
        "treatment-started", "referral.start_treatment", StepBody, referral.StartTreatment, "Treatment began"
    )
    end_treatment = referral_step(
        "treatment-ended", "referral.end_treatment", ReasonBody, referral.EndTreatment, "Treatment ended"
    )
    return_outcome = referral_step(
        "outcome-returned",
        "referral.return_outcome",
        OutcomeReturnedBody,
        referral.ReturnOutcome,
        "The outcome went back to those who need it",
    )
    close = referral_step("closed", "referral.close", ReasonBody, referral.Close, "It was closed; always recorded")

    retract_of_person = retraction(person.AGGREGATE, f"{PEOPLE}/<person_id>", PersonAnswer)
    retract_of_condition = retraction(condition.AGGREGATE, f"{CONDITIONS}/<condition_id>", ConditionAnswer)
    retract_of_referral = retraction(referral.AGGREGATE, f"{REFERRALS}/<referral_id>", ReferralAnswer)

    @consume("perinatal.views")
    def fill_views(self, deliveries: list[Delivery]) -> list[Outcome]:
        return heard(deliveries, *self.parts.views.values())
