"""Routes of what passes between agencies: notifications, contacts with social care, cases, and decided actions."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN, RECEIVER, find_evidence, find_teams, require_same_person
from services.perinatal.domain import action, case, contact, notification, referral
from shared.recording.routes import RecordRoutes
from shared.web.fields import FreeText

notifications = RecordRoutes(notification.AGGREGATE, "/v1/notifications", KNOWN)
contacts = RecordRoutes(contact.AGGREGATE, "/v1/contacts", KNOWN)
cases = RecordRoutes(case.AGGREGATE, "/v1/cases", KNOWN, repeats=case.OF_THE_CASE)
OF_ACTIONS = {one.kind: one for one in (case.AGGREGATE, action.AGGREGATE, referral.AGGREGATE)}
actions = RecordRoutes(action.AGGREGATE, "/v1/actions", {**KNOWN, **OF_ACTIONS})


class AgencyRoutes:
    send_notification = notifications.begin(
        "notification.record",
        "notification.sent.v1",
        "Another professional was notified, and of what",
        look_up=require_same_person,
    )
    read_notification = notifications.read("notification.read", "A notification, with its history")
    acknowledge_notification = notifications.step(
        "acknowledged",
        "notification.acknowledge",
        "notification.acknowledged.v1",
        "The receiver has it; by the sender, with the receiver's person, channel and reference",
        derived=("reported_by", "to_role", "condition_id", "pregnancy_id"),
        receiver_person=FreeText(200, metadata=RECEIVER),
        reference=FreeText(200),
    )
    retract_of_notification = notifications.retract()
    confirm_doubts_of_notification = notifications.confirm_doubts()
    confirm_claim_of_notification = notifications.confirm_claim()
    reject_claim_of_notification = notifications.reject_claim()

    receive_contact = contacts.begin(
        "contact.record",
        "contact.received.v1",
        "Social care was contacted about a person",
        referrer=FreeText(
            200, metadata={"description": "who speaks and how to reach them; it never leaves this service"}
        ),
    )
    read_contact = contacts.read("contact.read", "A contact, with its history")
    decide_contact = contacts.step("decided", "contact.record", "contact.decided.v1", "What was decided on it")
    tell_referrer = contacts.step(
        "referrer-told", "contact.record", "contact.referrer_told.v1", "The person who made the contact was told"
    )
    chase_contact = contacts.step(
        "chased", "contact.chase", "contact.chased.v1", "The referrer has heard nothing and asked what was decided"
    )
    retract_of_contact = contacts.retract()
    confirm_doubts_of_contact = contacts.confirm_doubts()
    confirm_claim_of_contact = contacts.confirm_claim()
    reject_claim_of_contact = contacts.reject_claim()

    open_case = cases.begin("case.record", "case.opened.v1", "An agency opened a case about some people")
    read_case = cases.read("case.read", "A case, with its history")
    close_case = cases.step(
        "closed",
        "case.record",
        "case.closed.v1",
        "It was closed, and why; always recorded",
    )
    close_case_with_reason = cases.step(
        "closure",
        "case.manage",
        "case.closed.v2",
        "It was closed: why, who was told, who authorised it and who leads the care now; always recorded",
        defaults={"told": []},
    )
    name_holder = cases.step(
        "holder-named",
        "case.manage",
        "case.holder_named.v1",
        "Who holds the case from now on",
        defaults={"held_as": "employed"},
    )
    end_holder = cases.step(
        "holder-ended",
        "case.manage",
        "case.holder_ended.v1",
        "Somebody holds the case no longer, and why",
        optional=("holder",),
    )
    announce_leaving = cases.step(
        "leaving-announced",
        "case.manage",
        "case.leaving_announced.v1",
        "Whoever holds the case leaves, and their last day",
        optional=("holder", "team"),
    )
    hand_over_case = cases.step(
        "handover-given",
        "case.manage",
        "case.handover_given.v1",
        "The new holder was told what is still open",
        defaults={"joint_visit": False},
        account=FreeText(),
    )
    take_on_case = cases.step(
        "taken-on",
        "case.manage",
        "case.taken_on.v1",
        "The new holder takes the case on; reported for them, with channel and reference",
        derived=("reported_by",),
        optional=("holder", "team"),
        reference=FreeText(200),
    )
    review_unheld_case = cases.step(
        "unheld-reviewed",
        "case.oversee",
        "case.unheld_reviewed.v1",
        "A manager looked at a case that nobody holds: the risk, and when the child was seen",
    )
    tell_of_case = cases.step("told", "case.manage", "case.told.v1", "Family and professionals were told, and of what")
    propose_closing = cases.step(
        "closing-proposed", "case.manage", "case.closing_proposed.v1", "It is to close, on which day and why"
    )
    check_closing = cases.step(
        "closing-checked",
        "case.manage",
        "case.closing_checked.v1",
        "What was looked at before it closes; the rest is missing",
        derived=("missing",),
    )
    retract_of_case = cases.retract()
    confirm_doubts_of_case = cases.confirm_doubts()
    confirm_claim_of_case = cases.confirm_claim()
    reject_claim_of_case = cases.reject_claim()

    decide_action = actions.begin(
        "action.record",
        "action.decided.v1",
        "A meeting decided an action: what, and as far as known whose and by when",
        optional=("chair", "chair_team"),
        look_up=find_teams,
        what=FreeText(required=True, metadata={"description": "what is to be done; it never leaves this service"}),
    )
    read_action = actions.read("action.read", "A decided action, with what became of it")
    arrange_action = actions.step(
        "arranged",
        "action.record",
        "action.arranged.v1",
        "Whose it is and by when",
        optional=("team",),
        look_up=find_teams,
    )
    do_action = actions.step(
        "done",
        "action.record",
        "action.done.v1",
        "It was done, and what shows it",
        look_up=find_evidence,
        reference=FreeText(200),
    )
    replace_action = actions.step(
        "replaced", "action.record", "action.replaced.v1", "Another action, or none, takes its place, and why"
    )
    sweep_action = actions.step(
        "swept", "action.record", "action.swept.v1", "A meeting went through it, and when the next one is"
    )
    retract_of_action = actions.retract()
    confirm_claim_of_action = actions.confirm_claim()
    reject_claim_of_action = actions.reject_claim()
