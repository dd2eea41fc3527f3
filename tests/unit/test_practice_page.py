"""`docs/practice.md` gives every step of the national pack once, with the basis and confidence that the pack has."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.practice import PACKS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "practice.md").read_text(encoding="utf-8")


def test_every_step_of_the_national_pack_stands_there_once_with_its_basis_and_confidence() -> None:
    rows = re.findall(r"^\| `([A-Z]+-\d\d[a-z.-]*)` \|[^|]*\| ([A-Z]+, [A-Z]) \|", PAGE, re.MULTILINE)
    steps = PACKS["england"]["steps"]
    assert sorted(rows) == sorted((name, f"{step['basis']}, {step['confidence']}") for name, step in steps.items())
