"""What this service runs besides serving, such as adopting rules and importing the directory. None imports eventlet."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from services.referrals_followup.bootstrap import SERVICE, build
from services.referrals_followup.directory.current import import_directory
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.directory.stored import Listed, StoredDirectory
from services.referrals_followup.directory.tables import load_tables
from services.referrals_followup.domain.backtest import Period
from services.referrals_followup.domain.backtest_text import difference_lines, total_lines
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.directory_entries import ADDED, CHANGED, GONE, parts_of
from services.referrals_followup.domain.follow_up import AGGREGATE, FollowUp, Owner, Rung
from services.referrals_followup.domain.rules_history import NATIONAL
from services.referrals_followup.ledger.backtest import BackTest
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.standards.calendar_file import find_differences, load_calendar
from services.referrals_followup.standards.loader import locate_packs
from services.referrals_followup.standards.rules import Rules
from shared.checks.checker import CheckFinding
from shared.cli.main import Role
from shared.config.config import Config
from shared.config.yamlfile import Fault, FaultyFile, Located, load_yaml
from shared.contracts import CATALOGUE
from shared.events.errors import StaleVersion, StoreUnavailable
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.calendar import england
from shared.kernel.decisions import Refused
from shared.kernel.time import at_london, london_date


def check_files(config: Config) -> list[Located]:
    """The packs of standards. Raises FaultyFile with every fault of them, and of the directory's file if it is needed.

    The file is needed until a directory was imported.
    """
    faults: list[Fault] = []
    directory = None
    try:
        directory = _find_directory(config)
    except FaultyFile as error:
        faults += error.faults
    try:
        # Without a directory nobody knows the roles, so the packs' recipients are not checked.
        known = (directory.roles, directory.areas) if directory else (None, None)
        packs = locate_packs(config.standards_dir, CATALOGUE, *known)
    except FaultyFile as error:
        faults += error.faults
    if faults:
        raise FaultyFile(faults)
    return packs


def _find_directory(config: Config) -> Directory:
    """The stored directory; without one, or without a store, that of the configured file. Raises FaultyFile."""
    database = open_database(config.mongodb_uri, config.mongodb_database)
    with closing(database.client), suppress(StoreUnavailable):
        stored = StoredDirectory(_store(config, database))
        if stored.was_imported():
            parts, _ = parts_of(listed.entry for listed in stored.read().values())
            return Directory(*parts)
    return load_directory(config.directory_file)


def _store(config: Config, database: Database[dict[str, Any]]) -> EventStore:
    return EventStore(database, source=SERVICE, clock=config.clock(), catalogue=CATALOGUE)


def check_before_serving(config: Config) -> list[Located]:
    """The packs of standards. Raises FaultyFile for a fault of the directory or a pack, or for a pack that needs a new
    version.
    """
    packs = check_files(config)
    database = open_database(config.mongodb_uri, config.mongodb_database)
    # Without a store nothing can be compared; serving then fails by itself and says why.
    with closing(database.client), suppress(StoreUnavailable):
        _check_versions(packs, Rules(_store(config, database)))
    return packs


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


def adopt(config: Config, arguments: argparse.Namespace) -> int:
    """Bring into force every pack of standards whose content or calendar is new.

    Raises FaultyFile, and adopts nothing, when a pack has changed and its version has not.
    """
    packs = check_before_serving(config)
    rules = build(config).rules
    for adopted in rules.adopt((pack.value for pack in packs), england(config.bank_holidays_until)):
        print(f"adopted {adopted}")
    return 0


def tick(config: Config, arguments: argparse.Namespace) -> int:
    from shared.scheduling.tick import run_tick

    run_tick(config)
    return 0


def add_directory_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True)
    importing = acts.add_parser("import", help="make the directory list what the file lists, and nothing else")
    importing.add_argument("file", type=Path, metavar="FILE", help="a YAML file, or a folder of tables in CSV")
    importing.add_argument("--dry-run", action="store_true", help="print the differences, and record nothing")


def change_directory(config: Config, arguments: argparse.Namespace) -> int:
    """Record how the file, or the folder of tables, differs from the stored directory, and print it.

    Exit status 0: it is done; 1: bad rows were left out, or somebody else changed the directory meanwhile; 2: the
    file or the store is at fault, and nothing is recorded.
    """
    database = open_database(config.mongodb_uri, config.mongodb_database)
    store, clock = _store(config, database), config.clock()
    stored = StoredDirectory(store)
    with closing(database.client):
        try:
            listed = stored.read()
            directory, left_out = _load(arguments.file, listed)
            store.ensure_indexes()
            stored.ensure_indexes()
            differences = import_directory(stored, directory, clock, dry_run=arguments.dry_run, listed=listed)
        except FaultyFile as error:
            print(f"nothing is imported:\n{error}", file=sys.stderr)
            return 2
        except (PyMongoError, StoreUnavailable):
            print("the database cannot be reached; run the same command again", file=sys.stderr)
            return 2
        except StaleVersion:
            print("somebody changed the directory meanwhile; run the same command again", file=sys.stderr)
            return 1
    if left_out:
        print(f"left out:\n{FaultyFile(left_out)}", file=sys.stderr)
    for difference in differences:
        print(difference)
    would = "would be " if arguments.dry_run else ""
    counts = (f"{sum(one.what == what for one in differences)} {would}{what}" for what in (ADDED, CHANGED, GONE))
    print(", ".join(counts))
    return 1 if left_out else 0


def _load(path: Path, listed: Mapping[str, Listed]) -> tuple[Directory, list[Fault]]:
    """The directory in the file or folder, and the faults of the rows that were left out. Raises FaultyFile."""
    if not path.is_dir():
        return load_directory(path), []
    return load_tables(path, Directory(*parts_of(one.entry for one in listed.values())[0]))


def add_calendar_arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True)
    importing = acts.add_parser("import", help="bring the bank holidays of some whole years into force")
    importing.add_argument("file", type=Path, metavar="FILE", help="a YAML file")
    importing.add_argument("--dry-run", action="store_true", help="print the differences, and record nothing")


def change_calendar(config: Config, arguments: argparse.Namespace) -> int:
    """Adopt the bank holidays of the file, and print how they differ from those in force.

    Exit status 0: it is done; 1: somebody else adopted a calendar meanwhile; 2: the file or the store is at fault.
    """
    loaded = load_calendar(arguments.file)
    database = open_database(config.mongodb_uri, config.mongodb_database)
    with closing(database.client):
        try:
            rules = Rules(_store(config, database))
            ruleset = rules.history().newest(NATIONAL)
            if ruleset is None:
                print("nothing is adopted yet; run `adopt` first", file=sys.stderr)
                return 2
            for difference in find_differences(ruleset.calendar, loaded.calendar):
                print(difference)
            if arguments.dry_run:
                print(f"calendar {loaded.calendar.version} would be in force; nothing is recorded")
            elif rules.adopt_calendar(loaded.calendar, loaded.source):
                print(f"calendar {loaded.calendar.version} is in force")
            else:
                print(f"calendar {loaded.calendar.version} was in force already")
        except Refused as refusal:
            print(f"nothing is adopted: {refusal.message}; give the file another version", file=sys.stderr)
            return 2
        except (PyMongoError, StoreUnavailable):
            print("the database cannot be reached; run the same command again", file=sys.stderr)
            return 2
        except StaleVersion:
            print("somebody adopted a calendar meanwhile; run the same command again", file=sys.stderr)
            return 1
    return 0


def add_backtest_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("pack", type=Path, metavar="PACK", help="a pack of standards, as a YAML file")
    for name, dest, text in (("--from", "start", "its first day, as 2013-01-31"), ("--to", "end", "its last day")):
        parser.add_argument(name, dest=dest, type=date.fromisoformat, required=True, metavar="DAY", help=text)
    parser.add_argument("--area", help="only the follow-ups of this area")


def backtest(config: Config, arguments: argparse.Namespace) -> int:
    """Print what the pack would have raised in these days, when and to whom, beside what was; change nothing.

    Exit status 0: it is done; 1: some threads could not be folded; 2: the pack, the days or the store are at fault.
    """
    if arguments.end < arguments.start:
        print("--to lies before --from", file=sys.stderr)
        return 2
    directory = _find_directory(config)
    candidate = load_yaml(arguments.pack)
    try:
        locate_packs(config.standards_dir, CATALOGUE, directory.roles, directory.areas, instead=candidate)
    except FaultyFile as error:
        # Packs of areas that override a step which the candidate lacks are no fault of the candidate.
        own = [fault for fault in error.faults if fault.file == candidate.file]
        if own:
            print(f"nothing is tried:\n{FaultyFile(own)}", file=sys.stderr)
            return 2
    if arguments.area is not None and arguments.area not in directory.areas:
        print(f"there is no area {arguments.area}", file=sys.stderr)
        return 2
    until = at_london(arguments.end + timedelta(days=1), time.min) - timedelta(milliseconds=1)
    period = Period(at_london(arguments.start, time.min), until)

    def find_recipients(follow_up: FollowUp, rung: Rung, owner: Owner, at: datetime) -> tuple[str, ...]:
        return tuple(one.person for one in directory.find_recipients(follow_up, rung, owner, london_date(at)))

    database = open_database(config.mongodb_uri, config.mongodb_database)
    with closing(database.client):
        try:
            rules = Rules(_store(config, database)).history()
            if not rules.adoptions:
                print("nothing is adopted yet; run `adopt` first", file=sys.stderr)
                return 2
            test = BackTest(EvidenceStore(database, CATALOGUE), rules, period, arguments.area, find_recipients)
            for difference in test.run(candidate.value):
                print(*difference_lines(difference), "", sep="\n")
        except (PyMongoError, StoreUnavailable):
            print("the database cannot be reached; run the same command again", file=sys.stderr)
            return 2
    print(*total_lines(test.totals), "", sep="\n")
    failed = f"; {test.failed} could not be folded" if test.failed else ""
    print(f"{test.threads} threads read, {test.differing} follow-ups differ{failed}; nothing was changed")
    return 1 if test.failed else 0


OWN = (
    Role("adopt", "bring into force the packs of standards that are new", adopt),
    Role("calendar", "import a file of bank holidays", change_calendar, add_calendar_arguments),
    Role("backtest", "say what a changed pack would have raised, and change nothing", backtest, add_backtest_arguments),
    Role("tick", "ask for a sweep, every so often", tick),
    Role("directory", "import a file of who works where", change_directory, add_directory_arguments),
)
