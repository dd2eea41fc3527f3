"""Routes of moves between areas, and of the handover that goes with one."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN, RECEIVER
from services.perinatal.domain import move
from shared.recording.routes import RecordRoutes
from shared.web.fields import FreeText

routes = RecordRoutes(move.AGGREGATE, "/v1/moves", KNOWN)


class MoveRoutes:
    record_move = routes.begin(
        "move.record", "household.moved.v1", "People moved from one area to another", derived=("recorded_in",)
    )
    read_move = routes.read("move.read", "A move and its handover, with its history; for both areas")
    attempt_handover = routes.step(
        "handover-attempted",
        "handover.record",
        "handover.attempted.v1",
        "Whether the new area was reached",
        derived=("recorded_in",),
    )
    give_handover = routes.step(
        "handover-given",
        "handover.record",
        "handover.given.v1",
        "The account was given, and what it is about",
        derived=("recorded_in",),
        context=FreeText(required=True),
    )
    acknowledge_handover = routes.step(
        "handover-acknowledged",
        "handover.record",
        "handover.acknowledged.v1",
        "The new area has it; by others, or while the old area is silent, with person, channel and reference",
        derived=("reported_by",),
        optional=("team",),
        receiver_person=FreeText(200, metadata=RECEIVER),
        reference=FreeText(200),
    )
    record_first_contact = routes.step(
        "first-contact", "handover.record", "handover.first_contact_made.v1", "The new area has met the family"
    )
    retract_of_move = routes.retract()
    confirm_claim_of_move = routes.confirm_claim()
    reject_claim_of_move = routes.reject_claim()
