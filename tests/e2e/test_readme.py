"""The commands in the READMEs work as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from deploy.local.folders import ROOT, fresh_name
from deploy.local.stack import LocalStack, local_stack
from deploy.local.up import write_shell_variables
from shared.config.config import SERVICES

PAGES = {
    path.relative_to(ROOT).as_posix(): path
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("services/*/README.md"))
}
WALK = "Follow a referral of your own"
SECONDS = 40

_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def code_in(page: str) -> list[str]:
    """Every block and span of code on a page."""
    blocks = _BLOCK.findall(page)
    return blocks + _SPAN.findall(_BLOCK.sub("", page))


def walk() -> str:
    """The shell blocks under the walk's heading, but for the one that starts the system."""
    _, _, section = (ROOT / "README.md").read_text().partition(f"\n## {WALK}\n")
    section, _, _ = section.partition("\n## ")
    start, *rest = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert start == "make up\n"
    return "\n".join(rest)


@pytest.fixture
def stack(stack_environment: dict[str, str]) -> Iterator[LocalStack]:
    settings = {"SWEEP_INTERVAL_SECONDS": "1"}
    with local_stack(fresh_name("test"), settings=settings, environment=stack_environment) as stack:
        yield stack


def test_the_walk_of_the_readme_leads_from_a_late_entry_to_a_delivered_mail_and_a_met_follow_up(
    stack: LocalStack, tmp_path: Path
) -> None:
    assert write_shell_variables(stack).stat().st_mode & 0o077 == 0
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "up").symlink_to(stack.folder)

    # `-e`: a line that fails ends it; `pipefail` likewise within a line, and every variable must have been set.
    said = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", walk()],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    manager = stack.mint("gp-manager-hale", "manager", "gp-mill-road", ["essex"])
    answer = requests.get(
        f"{stack.urls['referrals_followup']}/v1/follow-ups?state=any",
        headers={"Authorization": f"Bearer {manager}"},
        timeout=10,
    )
    states = {item["step"]: item["state"] for item in answer.json()["items"]}
    assert states == {"REF-01": "met", "REF-02": "open"}
    (reference,) = [item["reference"] for item in answer.json()["items"] if item["step"] == "REF-01"]
    mails = [path.read_text() for path in (stack.backends.maildir / "new").iterdir()]
    to = [re.search(r"^To: (\S+)$", mail, re.MULTILINE)[1] for mail in mails if reference in mail]
    assert "ngozi.okafor@essex.example" in to
    assert "Dear Dr Ngozi Okafor" in said.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_make_command_on_a_page_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {name for code in code_in(PAGES[page].read_text()) for name in re.findall(r"\bmake ([a-z-]+)", code)}
    assert named <= targets


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_page_names_exactly_the_roles_that_the_service_has(service: str) -> None:
    command = [sys.executable, "-m", f"services.{service}", "--help"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
    roles = set(re.search(r"\{([a-z,]+)\}", told)[1].split(","))
    pattern = rf"python -m services\.{service} ([a-z]+)"
    assert set(re.findall(pattern, PAGES[f"services/{service}/README.md"].read_text())) == roles
    everywhere = {role for page in PAGES.values() for role in re.findall(pattern, page.read_text())}
    assert everywhere <= roles
