"""Routes of what passes between agencies: notifications, contacts with social care, and the cases agencies hold."""

from __future__ import annotations

from services.perinatal.api.lookups import KNOWN, RECEIVER, require_same_person
from services.perinatal.domain import case, contact, notification
from shared.recording.routes import RecordRoutes
from shared.web.fields import FreeText

notifications = RecordRoutes(notification.AGGREGATE, "/v1/notifications", KNOWN)
contacts = RecordRoutes(contact.AGGREGATE, "/v1/contacts", KNOWN)
cases = RecordRoutes(case.AGGREGATE, "/v1/cases", KNOWN)


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
    confirm_claim_of_notification = notifications.confirm_claim()
    reject_claim_of_notification = notifications.reject_claim()

    receive_contact = contacts.begin(
        "contact.record", "contact.received.v1", "Social care was contacted about a person"
    )
    read_contact = contacts.read("contact.read", "A contact, with its history")
    decide_contact = contacts.step("decided", "contact.record", "contact.decided.v1", "What was decided on it")
    tell_referrer = contacts.step(
        "referrer-told", "contact.record", "contact.referrer_told.v1", "The person who made the contact was told"
    )
    retract_of_contact = contacts.retract()
    confirm_claim_of_contact = contacts.confirm_claim()
    reject_claim_of_contact = contacts.reject_claim()

    open_case = cases.begin("case.record", "case.opened.v1", "An agency opened a case about some people")
    read_case = cases.read("case.read", "A case, with its history")
    close_case = cases.step(
        "closed",
        "case.record",
        "case.closed.v1",
        "It was closed, and why; always recorded",
        derived=("agency", "people"),
    )
    retract_of_case = cases.retract()
    confirm_claim_of_case = cases.confirm_claim()
    reject_claim_of_case = cases.reject_claim()
