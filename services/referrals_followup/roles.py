"""What this service runs besides serving, such as adopting rules and rebuilding. None of it imports eventlet."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing, suppress
from typing import Any

from pymongo.database import Database

from services.referrals_followup.bootstrap import SERVICE, build
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import AGGREGATE
from services.referrals_followup.standards.loader import locate_packs
from services.referrals_followup.standards.rules import Rules
from shared.checks.checker import CheckFinding
from shared.cli.main import Role
from shared.config.config import Config
from shared.config.yamlfile import Fault, FaultyFile, Located
from shared.contracts import CATALOGUE
from shared.events.errors import StoreUnavailable
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.calendar import england


def check_files(config: Config) -> tuple[Directory, list[Located]]:
    """The directory and the packs of standards. Raises FaultyFile with every fault of all of them."""
    faults: list[Fault] = []
    directory = None
    try:
        directory = load_directory(config.directory_file)
    except FaultyFile as error:
        faults += error.faults
    try:
        # Without a directory nobody knows the roles, so the packs' recipients are not checked.
        known = (directory.roles, directory.areas) if directory else (None, None)
        packs = locate_packs(config.standards_dir, CATALOGUE, *known)
    except FaultyFile as error:
        faults += error.faults
    if faults or directory is None:
        raise FaultyFile(faults)
    return directory, packs


def check_before_serving(config: Config) -> None:
    """Raises FaultyFile for a fault of the directory or a pack, or for a pack that needs a new version."""
    _, packs = check_files(config)
    database = open_database(config.mongodb_uri, config.mongodb_database)
    # Without a store nothing can be compared; serving then fails by itself and says why.
    with closing(database.client), suppress(StoreUnavailable):
        _check_versions(packs, Rules(EventStore(database, source=SERVICE, clock=config.clock(), catalogue=CATALOGUE)))


def _check_versions(packs: Iterable[Located], rules: Rules) -> None:
    """Raises FaultyFile for each pack whose content differs from that in force under the same version."""
    found = [
        pack.fault(
            ("version",),
            f"pack {pack.value['pack']} {pack.value['version']} is in force with another content: raise the version, "
            "so that people can tell which rules applied, or put the former content back",
        )
        for pack in packs
        if rules.is_changed_under_one_version(pack.value)
    ]
    if found:
        raise FaultyFile(found)


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
    """Bring into force every pack of standards whose content or calendar is new.

    Raises FaultyFile, and adopts nothing, when a pack has changed and its version has not.
    """
    _, packs = check_files(config)
    rules = build(config).rules
    _check_versions(packs, rules)
    for adopted in rules.adopt((pack.value for pack in packs), england(config.bank_holidays_until)):
        print(f"adopted {adopted}")


def tick(config: Config) -> None:
    from shared.scheduling.tick import run_tick

    run_tick(config)


OWN = (
    Role("adopt", "bring into force the packs of standards that are new", adopt),
    Role("tick", "ask for a sweep, every so often", tick),
)
