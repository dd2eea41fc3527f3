"""Routes of pregnancies, with what is decided and done before a birth."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN, mother, mother_of_record, partner
from services.perinatal.api.schemas import PregnanciesQuery, PregnancyList
from services.perinatal.domain import pregnancy
from shared.recording.bootstrap import RecordingDependencies
from shared.recording.routes import RecordRoutes
from shared.recording.views import newest_first
from shared.web.endpoint import endpoint
from shared.web.exchange import Answer, Request
from shared.web.fields import FreeText

PREGNANCIES = "/v1/pregnancies"
told = RecordRoutes(pregnancy.AGGREGATE, PREGNANCIES, KNOWN)


class PregnancyRoutes:
    dependencies: RecordingDependencies

    book_pregnancy = told.begin(
        "pregnancy.book",
        "pregnancy.booked.v1",
        "Book a pregnancy: each one is a record of its own",
        derived=("mother_age_band",),
        look_up=mother,
    )
    notify_pregnancy = told.begin(
        "pregnancy.notify",
        "pregnancy.notified.v1",
        "Tell of a pregnancy that is not booked yet",
        url=f"{PREGNANCIES}/notified",
        derived=("mother_age_band",),
        look_up=mother,
    )
    read_pregnancy = told.show("pregnancy.read", "A pregnancy as it stands, with its history")

    @endpoint(
        "GET",
        PREGNANCIES,
        command="pregnancy.read",
        query=PregnanciesQuery,
        answers={200: PregnancyList},
        summary="Pregnancies in your areas, newest first; of one mother also those from before a move to one of them",
        reads_person=True,
    )
    def list_pregnancies(self, request: Request) -> Answer:
        query = request.query
        found = self.dependencies.listed("pregnancy", request.actor, "pregnancy.booked.v1", query.get("person"))
        if "state" in query:
            found = found.filter(status=query["state"])
        rows, following = newest_first(found, query)
        return Answer(200, {"items": rows, "next": following}, subjects=[row.person_id for row in rows])

    book_notified_pregnancy = told.step(
        "booked",
        "pregnancy.book",
        "pregnancy.booked.v1",
        "A pregnancy of which was told is booked now",
        derived=("mother_age_band",),
        look_up=mother_of_record,
    )
    correct_edd = told.step(
        "edd-corrected",
        "pregnancy.record",
        "pregnancy.edd_corrected.v1",
        "The expected date of delivery changed",
    )
    note_concern = told.step(
        "concern-noted", "pregnancy.record", "pregnancy.concern_noted.v1", "A concern that came up since the booking"
    )
    name_partner = told.step(
        "partner-named",
        "pregnancy.record",
        "pregnancy.partner_named.v1",
        "Who the father, or the mother's partner, is",
        derived=("partner_known", "partner_age_band"),
        look_up=partner,
    )
    end_pregnancy = told.step(
        "ended",
        "pregnancy.record",
        "pregnancy.ended.v1",
        "How it ended; a birth names every child, and its time is the day of birth",
        derived=("parents",),
        optional=("children",),
    )
    decide_screening = told.step(
        "screening-decided",
        "prebirth.decide",
        "prebirth.screening_decided.v1",
        "What follows before this birth, decided by a named person with a reason",
        reason=FreeText(),
    )
    refer_prebirth = told.step(
        "prebirth-referred", "prebirth.refer", "prebirth.referred.v1", "A pre-birth assessment was asked for"
    )
    accept_prebirth = told.step(
        "prebirth-accepted", "prebirth.assess", "prebirth.referral_accepted.v1", "Social care takes the assessment on"
    )
    start_assessment = told.step(
        "assessment-started", "prebirth.assess", "prebirth.assessment_started.v1", "The pre-birth assessment began"
    )
    complete_assessment = told.step(
        "assessment-completed",
        "prebirth.assess",
        "prebirth.assessment_completed.v1",
        "The pre-birth assessment is complete, and with whom it was shared",
    )
    decide_strategy = told.step(
        "strategy-decided", "prebirth.assess", "prebirth.strategy_decided.v1", "Whether there is to be a conference"
    )
    hold_conference = told.step(
        "conference-held", "prebirth.assess", "prebirth.conference_held.v1", "The pre-birth conference was held"
    )
    record_threshold_not_met = told.step(
        "threshold-not-met", "prebirth.assess", "prebirth.threshold_not_met.v1", "No conference after all, and why"
    )
    check_parents_of_pregnancy = told.step(
        "parent-checks", "parent.check", "parent.checks_recorded.v1", "Both parents were checked, and who was told"
    )
    check_bereavement_of_pregnancy = told.step(
        "bereavement-checked", "bereavement.check", "bereavement.checked.v1", "Who must be told of the loss was told"
    )
    offer_antenatal_review = told.step(
        "review-offered",
        "review.record",
        "review.offered.v1",
        "The antenatal review was offered",
        optional=("review",),
    )
    complete_antenatal_review = told.step(
        "review-completed",
        "review.record",
        "review.completed.v1",
        "The antenatal review took place",
        optional=("review",),
    )
    decline_antenatal_review = told.step(
        "review-declined",
        "review.record",
        "review.declined.v1",
        "The antenatal review was declined",
        optional=("review",),
    )
    retract_of_pregnancy = told.retract()
