"""The addresses that answers and digests point to: a follow-up, and the record that it is about."""

from __future__ import annotations

from dataclasses import dataclass

_PERINATAL_PATHS = {
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
    "action": "actions",
}
_LEAVING_CARE_PATHS = {"care-leaver": "care-leavers", "plan-item": "plan-items"}


@dataclass(frozen=True, slots=True)
class Links:
    """`public_url` is that of the follow-up service; the others are those of the services that record."""

    public_url: str
    perinatal_url: str
    leaving_care_url: str

    def follow_up(self, reference: str) -> str:
        return f"{self.public_url}/v1/follow-ups/{reference}"

    def circle(self, person_id: str) -> str:
        return f"{self.public_url}/v1/people/{person_id}/circle"

    @property
    def inherited(self) -> str:
        """The list of the inherited follow-ups."""
        return f"{self.public_url}/v1/follow-ups?inherited=true"

    def record(self, thread: str) -> str | None:
        """The record that the thread `<kind>/<id>` names, in the service that recorded it, which may show names.

        None for a kind of thread that no service shows.
        """
        kind, _, key = thread.partition("/")
        for url, paths in ((self.perinatal_url, _PERINATAL_PATHS), (self.leaving_care_url, _LEAVING_CARE_PATHS)):
            if kind in paths:
                return f"{url}/v1/{paths[kind]}/{key}"
        return None
