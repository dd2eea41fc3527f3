"""A mail leads to the record: every kind of thread that a standard is about is shown by some service."""

from __future__ import annotations

import pytest

from services.referrals_followup.chasing import links
from services.referrals_followup.chasing.links import record_url
from tests.unit.practice import PACKS


class Addresses:
    perinatal_url = "http://perinatal.example"
    leaving_care_url = "http://leaving-care.example"


@pytest.mark.parametrize("kind", sorted({step["thread"] for step in PACKS["england"]["steps"].values()} - {"any"}))
def test_every_kind_of_thread_of_a_standard_leads_to_its_record(kind: str) -> None:
    address = record_url(Addresses(), f"{kind}/x")  # type: ignore[arg-type]
    assert address is not None
    assert address.endswith("/x")


def test_a_thread_that_no_service_shows_leads_nowhere() -> None:
    assert record_url(Addresses(), f"{links.__name__}/x") is None  # type: ignore[arg-type]
