"""The addresses that answers and digests point to: a follow-up, and the record that it is about."""

from __future__ import annotations

from dataclasses import dataclass

from shared.contracts.paths import LEAVING_CARE, PERINATAL, REFERRALS_FOLLOWUP


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
        records = self.records(kind)
        return f"{records}/{key}" if records and kind not in REFERRALS_FOLLOWUP else None

    def act(self, stream: str, verb: str) -> str | None:
        """The address of the request that adds this entry to the record `<kind>/<id>`. None as for `records`."""
        kind, _, key = stream.partition("/")
        records = self.records(kind)
        return f"{records}/{key}/{verb}" if records else None

    def records(self, kind: str) -> str | None:
        """The address of the records of this kind. None for a kind that no service shows."""
        for url, paths in (
            (self.perinatal_url, PERINATAL),
            (self.leaving_care_url, LEAVING_CARE),
            (self.public_url, REFERRALS_FOLLOWUP),
        ):
            if kind in paths:
                return f"{url}/v1/{paths[kind]}"
        return None
