"""Every command of the runbook does what it says, as it stands there, on a system that is in use."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.folders import ROOT, fresh_name
from deploy.local.stack import LocalStack, local_stack
from shared.events.mongo import open_database
from tests.e2e.load import GP, LEAD, PA, Client, care_leaver, referral
from tests.support import eventually, without_foreign_backends

pytestmark = pytest.mark.heavy

RUNBOOK = ROOT / "deploy" / "RUNBOOK.md"
SECONDS = 120

_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks() -> list[tuple[str, str]]:
    """Each block of commands, with the heading that it stands under."""
    found = []
    for section in RUNBOOK.read_text().split("\n## ")[1:]:
        heading, _, body = section.partition("\n")
        found += [(heading, block) for block in _BLOCK.findall(body)]
    return found


@dataclass(frozen=True, slots=True)
class Operator:
    """Somebody at a shell with the settings of the system."""

    stack: LocalStack
    environment: dict[str, str]

    def run(self, commands: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    folder = tmp_path_factory.mktemp("backups")
    (folder / "export.key").write_text("k" * 40)
    settings = {"SWEEP_INTERVAL_SECONDS": "1"}
    with local_stack(fresh_name("test"), settings=settings, environment=without_foreign_backends()) as stack:
        person = Client(stack, "perinatal", GP).post("/v1/people", {"given_name": "Wren", "family_name": "Example"})
        Client(stack, "perinatal", GP).post("/v1/referrals", {**referral(person["person_id"]), "note": "By letter."})
        Client(stack, "leaving_care", PA).post("/v1/care-leavers", care_leaver())
        ledger = Client(stack, "referrals_followup", LEAD)
        found = eventually(lambda: ledger.get(f"/v1/follow-ups?person={person['person_id']}")["items"])
        ledger.post(f"/v1/follow-ups/{found[0]['id']}/noted", {"note": "Wren asked for a letter."})
        environment = {**os.environ, **stack.environments["perinatal"], **stack.environments["referrals_followup"]}
        del environment["MONGODB_DATABASE"]
        environment |= {name.upper(): url for name, url in stack.urls.items()}
        environment |= {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONWARNINGS": "ignore",
            "REFERRALS_FOLLOWUP_BUS": stack.health["referrals_followup.bus"].removesuffix("/health/ready"),
            "BACKUPS": str(folder),
            "EXPORT_KEY": str(folder / "export.key"),
            "PERSON": person["person_id"],
            "no_proxy": "127.0.0.1",
        }
        yield Operator(stack, environment)


def test_the_table_of_symptoms_leads_to_every_section() -> None:
    text = RUNBOOK.read_text()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\(#([a-z-]+)\)", text)) == headings
    table = text.partition("| you see | go to |")[2].partition("\n\n")[0]
    assert set(re.findall(r"\(#([a-z-]+)\)", table)) == headings


def test_every_block_is_commands_for_a_shell() -> None:
    text = RUNBOOK.read_text()
    assert text.count("```") == 2 * len(blocks())


@pytest.mark.parametrize(
    "number", range(len(blocks())), ids=[f"{n}-{heading}" for n, (heading, _) in enumerate(blocks())]
)
def test_the_commands_of_the_runbook_run(operator: Operator, number: int) -> None:
    heading, commands = blocks()[number]
    if heading == "Restore" and not Path(operator.environment["BACKUPS"], "perinatal.ndjson").exists():
        operator.run(next(block for title, block in blocks() if title == "Every night"))
    said = operator.run(commands)
    if heading == "Not ready":
        assert said.count('"ready"') == 4
    elif heading == "No mails":
        assert re.search(r"^[0-9]{10}$", said, re.MULTILINE)
    elif heading in ("Verify", "MongoDB is away"):
        assert "the database holds: " in said
    elif heading == "A wrong list":
        assert said.count("views rebuilt") == 3
    elif heading == "Restore":
        assert said.count("events restored, with private parts") == 3
        assert said.count("the database holds: ") == 3
    elif heading == "Erase":
        assert re.findall(r"^(\d+) private", said, re.MULTILINE) == ["2", "0", "1", "0"]
        for service in ("perinatal", "referrals_followup"):
            database = open_database(operator.stack.backends.mongodb_uri, service)
            assert not [event for event in database.events.find({}, {"private": 1}) if "Wren" in str(event)]
            operator.run(f"python -m services.{service} verify --database")
