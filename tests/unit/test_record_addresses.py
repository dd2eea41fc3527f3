"""A digest leads to the record: every kind of thread that a standard is about is shown by some service."""

from __future__ import annotations

import pytest

from services.referrals_followup.domain.links import Links
from tests.unit.practice import PACKS

LINKS = Links("http://follow-ups.example", "http://perinatal.example", "http://leaving-care.example")


@pytest.mark.parametrize("kind", sorted({step["thread"] for step in PACKS["england"]["steps"].values()} - {"any"}))
def test_every_kind_of_thread_of_a_standard_leads_to_its_record(kind: str) -> None:
    address = LINKS.record(f"{kind}/x")
    assert address is not None
    assert address.endswith("/x")


def test_a_thread_that_no_service_shows_leads_nowhere() -> None:
    assert LINKS.record("links/x") is None
