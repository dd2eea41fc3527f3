"""The page of the standards says what the packs say, and never less."""

from __future__ import annotations

from services.referrals_followup.standards.page import PAGE, current
from tests.unit.practice import PACKS


def test_the_page_is_what_make_standards_writes_now() -> None:
    assert PAGE.read_text(encoding="utf-8") == current(), "run `make standards` and commit the page"


def test_every_step_is_on_the_page_with_its_numbers_and_its_source() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for pack in PACKS.values():
        for step_id, step in pack["steps"].items():
            assert f"### {step_id}: " in page
            assert step["source"] in page
