"""Routes of pregnancies, with what is decided and done before a birth."""

from __future__ import annotations

from services.perinatal.api.lookups import (
    KNOWN,
    find_children,
    find_mother,
    find_mother_of_record,
    find_other_record,
    find_partner,
)
from services.perinatal.api.schemas import PregnanciesQuery, PregnancyRow
from services.perinatal.domain import pregnancy
from shared.recording.routes import RecordRoutes
from shared.web.fields import FreeText

PREGNANCIES = "/v1/pregnancies"
routes = RecordRoutes(pregnancy.AGGREGATE, PREGNANCIES, KNOWN)


class PregnancyRoutes:
    book_pregnancy = routes.begin(
        "pregnancy.book",
        "pregnancy.booked.v1",
        "Book a pregnancy: each one is a record of its own",
        derived=("mother_age_band",),
        look_up=find_mother,
    )
    notify_pregnancy = routes.begin(
        "pregnancy.notify",
        "pregnancy.notified.v1",
        "Record a pregnancy that is not booked yet",
        url=f"{PREGNANCIES}/notified",
        derived=("mother_age_band",),
        look_up=find_mother,
    )
    read_pregnancy = routes.read("pregnancy.read", "A pregnancy as it stands, with its history")

    list_pregnancies = routes.list_page(
        "pregnancy.read",
        "Pregnancies in your areas, newest first; for one mother also those from before a move to one of your areas",
        query=PregnanciesQuery,
        row=PregnancyRow,
        begun_by="pregnancy.booked.v1",
        columns={"state": "status"},
    )
    book_notified_pregnancy = routes.step(
        "booked",
        "pregnancy.book",
        "pregnancy.booked.v1",
        "A notified pregnancy is booked now",
        derived=("mother_age_band",),
        look_up=find_mother_of_record,
    )
    correct_edd = routes.step(
        "edd-corrected",
        "pregnancy.record",
        "pregnancy.edd_corrected.v1",
        "The expected date of delivery changed",
    )
    note_concern = routes.step(
        "concern-noted", "pregnancy.record", "pregnancy.concern_noted.v1", "A concern that came up since the booking"
    )
    name_partner = routes.step(
        "partner-named",
        "pregnancy.record",
        "pregnancy.partner_named.v1",
        "Who the father, or the mother's partner, is",
        derived=("partner_known", "partner_age_band"),
        look_up=find_partner,
    )
    end_pregnancy = routes.step(
        "ended",
        "pregnancy.record",
        "pregnancy.ended.v1",
        "How it ended; a birth names every child, and its time is the day of birth",
        derived=("parents",),
        optional=("children",),
        look_up=find_children,
    )
    join_pregnancy = routes.step(
        "joined",
        "pregnancy.record",
        "pregnancy.joined.v1",
        "Another record is of this pregnancy too, confirmed by a named person; what ends the one ends both",
        derived=("other_person_id",),
        look_up=find_other_record,
    )
    decide_screening = routes.step(
        "screening-decided",
        "prebirth.decide",
        "prebirth.screening_decided.v1",
        "What follows before this birth, decided by a named person with a reason",
        reason=FreeText(),
    )
    refer_prebirth = routes.step(
        "prebirth-referred", "prebirth.refer", "prebirth.referred.v1", "A pre-birth assessment was asked for"
    )
    accept_prebirth = routes.step(
        "prebirth-accepted", "prebirth.assess", "prebirth.referral_accepted.v1", "Social care takes the assessment on"
    )
    start_assessment = routes.step(
        "assessment-started", "prebirth.assess", "prebirth.assessment_started.v1", "The pre-birth assessment began"
    )
    complete_assessment = routes.step(
        "assessment-completed",
        "prebirth.assess",
        "prebirth.assessment_completed.v1",
        "The pre-birth assessment is complete, and with whom it was shared",
    )
    decide_strategy = routes.step(
        "strategy-decided", "prebirth.assess", "prebirth.strategy_decided.v1", "Whether there is to be a conference"
    )
    hold_conference = routes.step(
        "conference-held", "prebirth.assess", "prebirth.conference_held.v1", "The pre-birth conference was held"
    )
    record_threshold_not_met = routes.step(
        "threshold-not-met", "prebirth.assess", "prebirth.threshold_not_met.v1", "No conference after all, and why"
    )
    check_parents_of_pregnancy = routes.step(
        "parent-checks", "parent.check", "parent.checks_recorded.v1", "Both parents were checked, and who was told"
    )
    check_bereavement_of_pregnancy = routes.step(
        "bereavement-checked", "bereavement.check", "bereavement.checked.v1", "Who must be told of the loss was told"
    )
    offer_antenatal_review = routes.step(
        "review-offered",
        "review.record",
        "review.offered.v1",
        "The antenatal review was offered",
        derived=("birth_known",),
        optional=("review",),
    )
    complete_antenatal_review = routes.step(
        "review-completed",
        "review.record",
        "review.completed.v1",
        "The antenatal review took place",
        derived=("birth_known",),
        optional=("review",),
    )
    decline_antenatal_review = routes.step(
        "review-declined",
        "review.record",
        "review.declined.v1",
        "The antenatal review was declined",
        derived=("birth_known",),
        optional=("review",),
    )
    retract_of_pregnancy = routes.retract()
    confirm_doubts_of_pregnancy = routes.confirm_doubts()
    confirm_claim_of_pregnancy = routes.confirm_claim()
    reject_claim_of_pregnancy = routes.reject_claim()
