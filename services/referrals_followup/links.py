"""Where the record behind a follow-up is read: in the service that recorded it, which may show names."""

from __future__ import annotations

from shared.config import Config

_ROUTES = {
    "referral": ("perinatal_url", "/v1/referrals/"),
    "person": ("perinatal_url", "/v1/people/"),
    "condition": ("perinatal_url", "/v1/conditions/"),
    "care-leaver": ("leaving_care_url", "/v1/care-leavers/"),
    "plan-item": ("leaving_care_url", "/v1/plan-items/"),
}


def record_url(config: Config, thread: str) -> str | None:
    """The address of the record that the thread `<kind>/<id>` names; None for a kind that no service shows."""
    kind, _, key = thread.partition("/")
    if kind not in _ROUTES:
        return None
    setting, route = _ROUTES[kind]
    return f"{getattr(config, setting)}{route}{key}"
