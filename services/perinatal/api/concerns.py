"""Routes of concerns about a child, of injuries, and of consultations with the front door."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN, find_assessor
from services.perinatal.domain import concern, consultation
from shared.recording.routes import RecordRoutes
from shared.web.fields import FreeText

concerns = RecordRoutes(concern.AGGREGATE, "/v1/concerns", KNOWN)
consultations = RecordRoutes(consultation.AGGREGATE, "/v1/consultations", KNOWN)


class ConcernRoutes:
    raise_concern = concerns.begin("concern.raise", "concern.raised.v1", "A concern about a child")
    report_injury = concerns.begin(
        "concern.raise", "injury.reported.v1", "An injury of a child; it is read as a concern", url="/v1/injuries"
    )
    allege_harm = concerns.begin(
        "concern.raise",
        "harm.alleged.v1",
        "Harm that somebody alleges, with or without anything to see; it is read as a concern",
        url="/v1/alleged-harm",
    )
    read_concern = concerns.read("concern.read", "A concern or an injury, with its history")
    see_child = concerns.step("child-seen", "concern.look", "child.seen.v1", "A professional saw the child")
    miss_child = concerns.step(
        "child-not-found", "concern.look", "child.not_found.v1", "A visit or a search in vain: who looked, and where"
    )
    decide_harm = concerns.step(
        "harm-decided",
        "concern.decide",
        "harm.decided.v1",
        "Whether there is a medical, and what follows on alleged harm",
        look_up=find_assessor("decided_by"),
    )
    decide_injury = concerns.step(
        "decided",
        "concern.decide",
        "injury.decided.v1",
        "Whether the account fits the injury, and what follows",
        look_up=find_assessor("decided_by"),
    )
    retract_of_concern = concerns.retract()
    confirm_doubts_of_concern = concerns.confirm_doubts()
    confirm_claim_of_concern = concerns.confirm_claim()
    reject_claim_of_concern = concerns.reject_claim()

    hold_consultation = consultations.begin(
        "consultation.record",
        "consultation.held.v1",
        "A consultation, of a child named or not, with the account of one side",
    )
    read_consultation = consultations.read("consultation.read", "A consultation, with the account of each side")
    add_account = consultations.step(
        "account", "consultation.record", "consultation.account_added.v1", "The account of one side"
    )
    give_outcome = consultations.step(
        "outcome-given",
        "consultation.answer",
        "consultation.outcome_given.v1",
        "The written outcome went to the caller",
        outcome=FreeText(required=True),
    )
    acknowledge_written_outcome = consultations.step(
        "outcome-acknowledged",
        "consultation.record",
        "consultation.outcome_acknowledged.v1",
        "The caller has the written outcome",
    )
    recheck_consultation = consultations.step(
        "rechecked", "consultation.answer", "consultation.rechecked.v1", "What the caller said when asked again"
    )
    link_consultation = consultations.step(
        "linked",
        "consultation.record",
        "consultation.linked.v1",
        "Which child it was about",
        names_person=True,
    )
    refer_consultation = consultations.step(
        "referred",
        "consultation.record",
        "consultation.referred.v1",
        "It became a named referral, about this child",
        names_person=True,
    )
    retract_of_consultation = consultations.retract()
    confirm_doubts_of_consultation = consultations.confirm_doubts()
    confirm_claim_of_consultation = consultations.confirm_claim()
    reject_claim_of_consultation = consultations.reject_claim()
