"""What this service runs besides serving, such as adopting rules and rebuilding. None of it imports eventlet."""

from __future__ import annotations

from typing import Any

from pymongo.database import Database

from services.referrals_followup.bootstrap import build
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import AGGREGATE
from services.referrals_followup.standards.loader import load_packs
from shared.checks.checker import CheckFinding
from shared.cli.main import Role
from shared.config.config import Config
from shared.config.yamlfile import Fault, FaultyFile
from shared.contracts import CATALOGUE
from shared.kernel.calendar import england


def load_files(config: Config) -> tuple[Directory, list[dict[str, Any]]]:
    """The directory and the packs of standards. Raises FaultyFile with every fault of all of them."""
    faults: list[Fault] = []
    directory = None
    try:
        directory = load_directory(config.directory_file)
    except FaultyFile as error:
        faults += error.faults
    try:
        # Without a directory nobody knows which roles there are, so the recipients in the packs are not checked.
        known = (directory.roles, directory.areas) if directory else (None, None)
        packs = load_packs(config.standards_dir, CATALOGUE, *known)
    except FaultyFile as error:
        faults += error.faults
    if faults or directory is None:
        raise FaultyFile(faults)
    return directory, packs


def rebuild(config: Config) -> int:
    """Fold the follow-ups again from the evidence, in place. Returns how many there are then."""
    return build(config).views.rebuild()


def events_about(database: Database[dict[str, Any]], person_id: str) -> dict[str, Any]:
    """The events about this person, as a query: all those of the follow-ups that the views show as theirs."""
    found = database["follow_ups"].find({"person": person_id}, {"_id": 1})
    return {"event.stream": {"$in": [f"{AGGREGATE.kind}/{follow_up['_id']}" for follow_up in found]}}


def run_check(config: Config, full: bool) -> list[CheckFinding]:
    """Every finding in what is stored now; with `full` nothing is sampled."""
    return build(config).checker.run(full)


def adopt(config: Config) -> None:
    """Bring into force the packs of standards whose content or calendar is new."""
    _, packs = load_files(config)
    for adopted in build(config).rules.adopt(packs, england(config.bank_holidays_until)):
        print(f"adopted {adopted}")


def tick(config: Config) -> None:
    from shared.scheduling.tick import run_tick

    run_tick(config)


OWN = (
    Role("adopt", "bring into force the packs of standards that are new", adopt),
    Role("tick", "ask for a sweep, every so often", tick),
)
