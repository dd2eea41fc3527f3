"""Routes of referrals, from the decision to refer until the outcome is back."""

from __future__ import annotations

from dataclasses import replace

from services.perinatal.api.lookups import KNOWN, RECEIVER, require_same_person
from services.perinatal.api.schemas import ReferralAnswer, ReferralRow, ReferralsQuery, StagedBody
from services.perinatal.domain import referral
from shared.kernel.ids import stream_id
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.routes import AREA, RecordRoutes, RouteBody
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import FreeText

REFERRALS = "/v1/referrals"
routes = RecordRoutes(referral.AGGREGATE, REFERRALS, KNOWN, ReferralAnswer)

BEGINNING = RouteBody(
    "referral.sent.v1",
    derived=("service_kind", "evidence"),
    optional=("channel",),
    defaults={"urgency": "routine"},
    elsewhere=("condition_id",),
    look_up=require_same_person,
    private={"reference": FreeText(200)},
    base=StagedBody,
)
ReferralBody = BEGINNING.schema("ReferralBody", {"referral_id"}, area=AREA)


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
        body = replace(BEGINNING, event_type=f"referral.{request.body['stage']}.v1")
        referral_id = stream_id(request.actor.id, request.key)
        return routes.record_beginning(self.dependencies.records, request, body, referral_id)

    read_referral = routes.read("referral.read", "A referral as it stands, with its history; always current")
    list_referrals = routes.list_page(
        "referral.read",
        "Referrals in your areas, newest first; for one person also those from before a move to one of your areas",
        query=ReferralsQuery,
        row=ReferralRow,
        begun_by="referral.sent.v1",
        columns={"state": "status", "service": "service"},
    )
    mark_sent = routes.step(
        "sent",
        "referral.mark_sent",
        "referral.sent.v1",
        "It was sent",
        derived=("service", "service_kind", "urgency", "to_team", "condition_id", "evidence", "reason_code"),
        reference=FreeText(200),
    )
    withdraw = routes.step(
        "withdrawn", "referral.withdraw", "referral.withdrawn.v1", "A clinician withdrew it, with a reason"
    )
    acknowledge = routes.step(
        "acknowledged",
        "referral.acknowledge",
        "referral.acknowledged.v1",
        "The receiver has it; by anybody else, with the receiver's person, channel and reference",
        derived=("reported_by",),
        receiver_person=FreeText(200, metadata=RECEIVER),
        reference=FreeText(200),
    )
    accept = routes.step("accepted", "referral.triage", "referral.accepted.v1", "The receiver took it on")
    reject = routes.step("rejected", "referral.triage", "referral.rejected.v1", "The receiver refused it")
    redirect = routes.step(
        "redirected",
        "referral.triage",
        "referral.redirected.v1",
        "The receiver passed it to another service",
        derived=("to_service_kind",),
    )
    request_more_info = routes.step(
        "more-info-requested", "referral.triage", "referral.more_info_requested.v1", "The receiver asked for more"
    )
    give_more_info = routes.step(
        "more-info-given", "referral.answer_question", "referral.more_info_given.v1", "The referrer answered"
    )
    offer = routes.step("offered", "referral.offer", "referral.offered.v1", "An appointment was offered")
    book_appointment = routes.step(
        "appointment-booked", "referral.book", "referral.appointment_booked.v1", "A date was agreed"
    )
    record_attended = routes.step(
        "attended", "referral.record_attendance", "referral.attended.v1", "The appointment took place"
    )
    record_not_attended = routes.step(
        "not-attended",
        "referral.record_attendance",
        "referral.not_attended.v1",
        "The appointment was missed, and how",
    )
    contact_after_miss = routes.step(
        "miss-contacted",
        "referral.review_misses",
        "referral.miss_contacted.v1",
        "Somebody asked why the appointment was missed",
    )
    review_misses = routes.step(
        "misses-reviewed",
        "referral.review_misses",
        "referral.misses_reviewed.v1",
        "The safeguarding discussion after misses in a row",
    )
    cancel_appointment = routes.step(
        "appointment-cancelled",
        "referral.record_attendance",
        "referral.appointment_cancelled.v1",
        "The appointment was called off, and by whom",
    )
    record_assessed = routes.step(
        "assessed", "referral.assess", "referral.assessed.v1", "The assessment was held, and its outcome"
    )
    start_treatment = routes.step(
        "treatment-started", "referral.start_treatment", "referral.treatment_started.v1", "Treatment began"
    )
    decline_treatment = routes.step(
        "treatment-declined",
        "referral.start_treatment",
        "referral.treatment_declined.v1",
        "Treatment was offered and declined",
    )
    end_treatment = routes.step(
        "treatment-ended", "referral.end_treatment", "referral.treatment_ended.v1", "Treatment ended"
    )
    record_alternative = routes.step(
        "alternative-recorded",
        "referral.answer",
        "referral.alternative_recorded.v1",
        "What the referrer does instead",
    )
    return_outcome = routes.step(
        "outcome-returned",
        "referral.return_outcome",
        "referral.outcome_returned.v1",
        "The outcome went back to those who need it",
        defaults={"to": "referrer"},
    )
    acknowledge_outcome = routes.step(
        "outcome-acknowledged",
        "referral.answer",
        "referral.outcome_acknowledged.v1",
        "The referrer has the outcome",
    )
    close = routes.step("closed", "referral.close", "referral.closed.v1", "It was closed; always recorded")
    retract_of_referral = routes.retract()
    confirm_doubts_of_referral = routes.confirm_doubts()
    confirm_claim_of_referral = routes.confirm_claim()
    reject_claim_of_referral = routes.reject_claim()
