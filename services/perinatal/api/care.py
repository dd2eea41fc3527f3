"""Routes of mental-health screens, of support such as listening visits, and of what was offered."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN, find_assessor, find_supports, require_same_person
from services.perinatal.domain import offer, screen, support
from shared.recording.routes import RecordRoutes
from shared.web.fields import FreeText

screens = RecordRoutes(screen.AGGREGATE, "/v1/screens", KNOWN)
supports = RecordRoutes(support.AGGREGATE, "/v1/support", KNOWN)
offers = RecordRoutes(offer.AGGREGATE, "/v1/offers", KNOWN)


class CareRoutes:
    record_screen = screens.begin(
        "screen.record",
        "screen.recorded.v1",
        "Record the score of a screen; no answer is kept",
        look_up=require_same_person,
    )
    read_screen = screens.read("screen.read", "A screen, with its history")
    follow_up_screen = screens.step(
        "followed-up",
        "screen.record",
        "screen.followed_up.v1",
        "What a clinician made of it, and what follows",
        look_up=find_assessor("assessed_by"),
    )
    retract_of_screen = screens.retract()
    confirm_doubts_of_screen = screens.confirm_doubts()
    confirm_claim_of_screen = screens.confirm_claim()
    reject_claim_of_screen = screens.reject_claim()

    start_support = supports.begin(
        "support.record", "support.started.v1", "Support begins, such as listening visits", look_up=find_supports
    )
    read_support = supports.read("support.read", "Support, with its sessions and reviews")
    hold_session = supports.step("session-held", "support.record", "support.session_held.v1", "A session was held")
    miss_session = supports.step(
        "session-missed", "support.record", "support.session_missed.v1", "A session was missed, and how"
    )
    contact_after_missed_session = supports.step(
        "miss-contacted", "support.record", "support.miss_contacted.v1", "They were asked why a session was missed"
    )
    review_missed_sessions = supports.step(
        "misses-reviewed",
        "support.record",
        "support.misses_reviewed.v1",
        "After missed sessions in a row: the safeguarding discussion, and whether the referrer was told",
    )
    review_support = supports.step(
        "reviewed",
        "support.record",
        "support.reviewed.v1",
        "Whether to step up, end or extend it, with the repeated score",
        reason=FreeText(),
    )
    end_support = supports.step("ended", "support.record", "support.ended.v1", "The support ended, and why")
    retract_of_support = supports.retract()
    confirm_claim_of_support = supports.confirm_claim()
    reject_claim_of_support = supports.reject_claim()

    make_offer = offers.begin("offer.record", "offer.made.v1", "Somebody was offered help")
    read_offer = offers.read("offer.read", "An offer, with what became of it")
    make_offer_again = offers.step(
        "made-again", "offer.record", "offer.made.v1", "The same was offered again", optional=("what",)
    )
    accept_offer = offers.step("accepted", "offer.record", "offer.accepted.v1", "It was accepted")
    decline_offer = offers.step("declined", "offer.record", "offer.declined.v1", "It was declined; that ends nothing")
    defer_offer = offers.step("deferred", "offer.record", "offer.deferred.v1", "Not yet, and when to offer it again")
    start_fallback = offers.step(
        "fallback-started", "offer.record", "offer.fallback_started.v1", "Something else was started instead"
    )
    end_offer = offers.step(
        "ended",
        "offer.record",
        "offer.ended.v1",
        "It ended, with a reason and a manager's name, and the person's own words",
        derived=("view_given",),
        persons_view=FreeText(),
    )
    retract_of_offer = offers.retract()
    confirm_claim_of_offer = offers.confirm_claim()
    reject_claim_of_offer = offers.reject_claim()
