"""Routes of referrals, from the decision to refer until the outcome is back."""

from __future__ import annotations

from functools import partial

from services.perinatal.api.schemas import (
    AcknowledgedBody,
    AlternativeBody,
    AppointmentBookedBody,
    AppointmentCancelledBody,
    AssessedBody,
    MissContactedBody,
    MissesReviewedBody,
    NotAttendedBody,
    OutcomeReturnedBody,
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
from services.perinatal.domain import condition, person, referral
from shared.kernel.decisions import Invalid
from shared.kernel.ids import stream_id
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.records import body_of, command_fields, retraction, step
from shared.recording.views import newest_first
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request

REFERRALS = "/v1/referrals"
FILTERS = {"state": "status", "service": "service"}

referral_step = partial(step, referral.AGGREGATE, f"{REFERRALS}/<referral_id>", ReferralAnswer)


class ReferralRoutes:
    dependencies: RecordingDependencies

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
        self.dependencies.records.state_of(person.AGGREGATE, body["person_id"], "person_id")
        if "condition_id" in body:
            found = self.dependencies.records.state_of(condition.AGGREGATE, body["condition_id"], "condition_id")
            if found.person_id != body["person_id"]:
                fields = {"condition_id": ["is a condition of another person"]}
                raise Invalid("unknown-reference", "the condition is another person's", fields=fields)
        gives = referral.Intend if body["stage"] == "intended" else referral.Send
        referral_id = stream_id(request.actor.id, request.key)
        command = gives(**command_fields(body, "stage"))
        return self.dependencies.records.begin(referral.AGGREGATE, referral_id, command, request, REFERRALS)

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
        shown = self.dependencies.records.show(referral.AGGREGATE, referral_id, request.actor)
        body = body_of(referral.AGGREGATE, referral_id, shown.state, shown.version)
        return Answer(200, {**body, "history": shown.entries}, shown.version, subjects=[shown.state.person_id])

    @endpoint(
        "GET",
        REFERRALS,
        command="referral.read",
        query=ReferralsQuery,
        answers={200: ReferralList},
        summary="Referrals in your areas, newest first; of one person also those from before a move to one of them",
        reads_person=True,
    )
    def list_referrals(self, request: Request) -> Answer:
        query = request.query
        found = self.dependencies.listed("referral", request.actor, "referral.sent.v1", query.get("person"))
        found = found.filter(**{field: query[name] for name, field in FILTERS.items() if name in query})
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
    contact_after_miss = referral_step(
        "miss-contacted",
        "referral.review_misses",
        MissContactedBody,
        referral.RecordMissContacted,
        "Whoever was missed was asked why",
    )
    review_misses = referral_step(
        "misses-reviewed",
        "referral.review_misses",
        MissesReviewedBody,
        referral.RecordMissesReviewed,
        "The safeguarding discussion after misses in a row",
    )
    cancel_appointment = referral_step(
        "appointment-cancelled",
        "referral.record_attendance",
        AppointmentCancelledBody,
        referral.CancelAppointment,
        "The appointment was called off, and by whom",
    )
    record_assessed = referral_step(
        "assessed", "referral.assess", AssessedBody, referral.RecordAssessed, "The assessment was held, and its outcome"
    )
    start_treatment = referral_step(
        "treatment-started", "referral.start_treatment", StepBody, referral.StartTreatment, "Treatment began"
    )
    decline_treatment = referral_step(
        "treatment-declined",
        "referral.start_treatment",
        StepBody,
        referral.DeclineTreatment,
        "Treatment was offered and declined",
    )
    end_treatment = referral_step(
        "treatment-ended", "referral.end_treatment", ReasonBody, referral.EndTreatment, "Treatment ended"
    )
    record_alternative = referral_step(
        "alternative-recorded",
        "referral.answer",
        AlternativeBody,
        referral.RecordAlternative,
        "What the referrer does instead",
    )
    return_outcome = referral_step(
        "outcome-returned",
        "referral.return_outcome",
        OutcomeReturnedBody,
        referral.ReturnOutcome,
        "The outcome went back to those who need it",
    )
    acknowledge_outcome = referral_step(
        "outcome-acknowledged",
        "referral.answer",
        StepBody,
        referral.AcknowledgeOutcome,
        "The referrer has the outcome",
    )
    close = referral_step("closed", "referral.close", ReasonBody, referral.Close, "It was closed; always recorded")
    retract_of_referral = retraction(referral.AGGREGATE, f"{REFERRALS}/<referral_id>", ReferralAnswer)
