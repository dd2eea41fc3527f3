"""The checklists of CONTRIBUTING.md name the files that such a change needs: the files exist, and hold such things."""

from __future__ import annotations

import re

import pytest

from deploy.local.folders import ROOT
from services.referrals_followup.api.filters import FILTERS
from services.referrals_followup.bootstrap import CHANNELS

GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
MOST_FILES = {"a standard with a new event": 12, "a filter of the manager's list": 3, "a channel for digests": 5}
FOLDERS = ("deploy/", "docs/", "services/", "shared/", "tests/")


def section(change: str) -> str:
    return GUIDE.partition(f"## Checklist: {change}\n")[2].partition("\n## ")[0]


def steps(change: str) -> list[str]:
    """The file or folder that each numbered step begins with."""
    return re.findall(r"^\d+\. `([^`]+)`", section(change), re.MULTILINE)


@pytest.mark.parametrize("change", MOST_FILES)
def test_every_path_that_a_checklist_names_exists(change: str) -> None:
    paths = [name for name in re.findall(r"`([^`]+)`", section(change)) if name.startswith(FOLDERS)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(("change", "most"), MOST_FILES.items())
def test_a_usual_change_touches_few_files(change: str, most: int) -> None:
    assert 0 < len(steps(change)) <= most


@pytest.mark.parametrize("path", [path for path in steps("a standard with a new event") if not path.endswith(".md")])
def test_an_event_that_a_standard_reads_is_in_each_code_file_of_the_checklist(path: str) -> None:
    """`support.ended.v1` is such an event."""
    place = ROOT / path
    if place.is_dir():
        place /= "support.ended.v1.json"
    assert "support.ended" in place.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", steps("a filter of the manager's list"))
def test_every_filter_is_in_each_file_of_the_checklist(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8")
    assert [name for name in FILTERS if not re.search(rf"\b{name}\b", text)] == []


def test_every_channel_has_a_module_and_a_receiver() -> None:
    folder, _, _, suite, _ = steps("a channel for digests")
    for name, build in CHANNELS.items():
        assert (ROOT / folder / f"{name}.py").exists()
        assert build.__qualname__.partition(".")[0] in (ROOT / suite).read_text(encoding="utf-8")
