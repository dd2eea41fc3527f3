"""Where the record behind a follow-up is read: in the service that recorded it, which may show names."""

from __future__ import annotations

from shared.config.config import Config

_PERINATAL = {
    "person": "people",
    "condition": "conditions",
    "referral": "referrals",
    "pregnancy": "pregnancies",
    "screen": "screens",
    "support": "support",
    "offer": "offers",
    "move": "moves",
    "concern": "concerns",
    "consultation": "consultations",
    "notification": "notifications",
    "contact": "contacts",
    "case": "cases",
}
_LEAVING_CARE = {"care-leaver": "care-leavers", "plan-item": "plan-items"}
_ROUTES = {
    **{kind: ("perinatal_url", f"/v1/{path}/") for kind, path in _PERINATAL.items()},
    **{kind: ("leaving_care_url", f"/v1/{path}/") for kind, path in _LEAVING_CARE.items()},
}


def record_url(config: Config, thread: str) -> str | None:
    """The address of the record that the thread `<kind>/<id>` names; None for a kind that no service shows."""
    kind, _, key = thread.partition("/")
    if kind not in _ROUTES:
        return None
    setting, route = _ROUTES[kind]
    return f"{getattr(config, setting)}{route}{key}"
