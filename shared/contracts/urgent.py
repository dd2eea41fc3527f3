"""The facts that can open an urgent step, and those that settle one. A doubt never delays an alarm.

An alarm is recorded whomever it names. What settles an urgent step opens it again when it is retracted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ALARMS: Mapping[str, Mapping[str, str]] = {
    "screen.recorded.v1": {},
    "concern.raised.v1": {},
    "injury.reported.v1": {},
    "harm.alleged.v1": {},
    "child.not_found.v1": {},
    "glass.broken.v1": {},
    "consultation.held.v1": {},
    "consultation.account_added.v1": {},
    "consultation.linked.v1": {},
    "consultation.referred.v1": {},
    "notification.sent.v1": {},
    "contact.received.v1": {},
    "prebirth.referral_accepted.v1": {},
    "person.died.v1": {},
    "case.closed.v1": {},
    "case.closed.v2": {},
    "referral.intended.v1": {"urgency": "urgent"},
    "referral.sent.v1": {"urgency": "urgent"},
}
"""By event type: the values of fields without which it opens no urgent step. A test compares it with the packs."""

SETTLING = frozenset(
    {
        "accumulation.lead_named.v1",
        "accumulation.reviewed.v1",
        "case.opened.v1",
        "child.seen.v1",
        "closing.reread.v1",
        "consultation.held.v1",
        "consultation.linked.v1",
        "consultation.referred.v1",
        "contact.received.v1",
        "contacts.reviewed.v1",
        "glass.reviewed.v1",
        "harm.decided.v1",
        "injury.decided.v1",
        "person.died.v1",
        "prebirth.assessment_completed.v1",
        "pregnancy.ended.v1",
        "referral.accepted.v1",
        "referral.acknowledged.v1",
        "referral.more_info_requested.v1",
        "referral.redirected.v1",
        "referral.rejected.v1",
        "referral.sent.v1",
        "referral.withdrawn.v1",
        "screen.followed_up.v1",
    }
)
"""The types that meet or end an urgent or guarded step. A test compares them with the packs."""


def is_recorded_whoever_it_names(event_type: str, data: Mapping[str, Any]) -> bool:
    """Whether an event with this data can open an urgent step, so that no unknown name may refuse it."""
    values = ALARMS.get(event_type)
    return values is not None and all(data.get(name) == value for name, value in values.items())
