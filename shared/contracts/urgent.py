"""The facts that can open an urgent step. They are recorded whomever they name: a doubt never delays an alarm."""

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


def is_recorded_whoever_it_names(event_type: str, data: Mapping[str, Any]) -> bool:
    """Whether an event with this data can open an urgent step, so that no unknown name may refuse it."""
    values = ALARMS.get(event_type)
    return values is not None and all(data.get(name) == value for name, value in values.items())
