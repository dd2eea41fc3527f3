"""What the directory of all of England costs: 200 areas, 5,000 teams, 60,000 workers.

`python -m tests.bench.directory` makes it up, imports it, and measures what every process does with it.
`--areas 2` makes a small one.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar
from uuid import uuid4

from deploy.local.backends import local_backends
from deploy.local.folders import fresh_name
from services.referrals_followup.directory.current import OVERLAP, CurrentDirectory, import_directory
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.directory.stored import StoredDirectory, list_entry
from services.referrals_followup.directory.tables import load_tables
from services.referrals_followup.domain.directory import Area, Directory, DutyRole, Member, Team
from services.referrals_followup.domain.directory_entries import KIND_OF, entry_of_worker
from services.referrals_followup.domain.follow_up import Owner
from services.referrals_followup.domain.lines import find_lines_broken
from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.documents import event_of
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.recording.directory_copy import DirectoryCopy
from shared.runtime.clock import MovableClock, SystemClock
from tests.bench.usage import memory
from tests.unit.tables import write, write_yaml

TEAMS, WORKERS = 25, 12
ROLES = ("health_visitor", "midwife", "gp_practice", "social_worker", "personal_adviser")
HEARD_TOGETHER = 1_000
T = TypeVar("T")


def make_up(areas: int) -> Directory:
    """A directory with so many areas. The first team of each has its leads."""
    teams: list[Team] = []
    people: list[Member] = []
    duties: list[DutyRole] = []
    for area in range(areas):
        for number in range(TEAMS):
            team, role = f"team-{area}-{number}", ROLES[number % 5] if number else "safeguarding_lead"
            ids = [f"worker-{len(people) + n}" for n in range(WORKERS)]
            acting = ("manager" if number else role, *[role] * (WORKERS - 1))
            people += [
                Member(one, f"Worker {one}", f"{one}@area{area}.example", does, team)
                for one, does in zip(ids, acting, strict=True)
            ]
            teams.append(Team(team, f"Team {number} of {area}", f"area-{area}", role, ids[0], ids[1]))
            if not number:
                held = ("safeguarding_lead", "deputy_safeguarding_lead", "operator", "head_of_service")
                duties += [DutyRole(duty, f"area-{area}", one) for duty, one in zip(held, ids, strict=False)]
    names = tuple(Area(f"area-{area}", f"Area {area}") for area in range(areas))
    return Directory(names, tuple(teams), tuple(people), tuple(duties))


def timed(what: str, act: Callable[[], T], times: int = 1) -> T:
    """Does it, and prints the time and the processor time of this process, each for one time."""
    began, used = time.monotonic(), time.process_time()
    for _ in range(times):
        done = act()
    took, used = (time.monotonic() - began) / times, (time.process_time() - used) / times
    print(f"{what:58} {1000 * took:10.2f} ms {1000 * used:10.2f} ms of processor", flush=True)
    return done


def alone(service: str, uri: str, name: str) -> None:
    """Reads the directory as a process does when it starts, in a process of its own, and prints what that takes."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        pool.submit(start, service, uri, name).result()


def start(service: str, uri: str, name: str) -> None:
    database = open_database(uri, name)
    before = memory(os.getpid(), "VmRSS")
    copy, stored = (
        DirectoryCopy(database),
        StoredDirectory(EventStore(database, source="referrals_followup", clock=SystemClock(), catalogue=CATALOGUE)),
    )
    reads = {"ledger": lambda: CurrentDirectory(stored, SystemClock()), "recording": copy.refresh}
    kept = timed(f"{service}: read it when a process starts", reads[service])
    after = memory(os.getpid(), "VmRSS")
    print(f"{service + ': memory that a process takes for it':58} {after - before:10.0f} MB", flush=True)
    assert kept


def measure(areas: int, folder: Path) -> None:
    made = make_up(areas)
    print(f"{len(made.areas)} areas, {len(made.teams)} teams, {len(made.people)} workers")
    file, tables = write_yaml(folder / "directory.yaml", made), write(folder / "tables", made)
    directory = timed("read the YAML file", lambda: load_directory(file))
    timed("read the tables in CSV", lambda: load_tables(tables))
    with local_backends(fresh_name("bench")) as backends:
        database = open_database(backends.mongodb_uri, f"bench_{uuid4().hex}")
        clock = MovableClock(SystemClock().now())
        store = EventStore(database, source="referrals_followup", clock=clock, catalogue=CATALOGUE)
        store.ensure_indexes()
        stored = StoredDirectory(store)
        stored.ensure_indexes()
        timed("import it", lambda: import_directory(stored, directory, clock))
        timed("import it again", lambda: import_directory(stored, directory, clock))
        alone("ledger", backends.mongodb_uri, database.name)
        current = CurrentDirectory(stored, clock)
        timed("ledger: look again, just after an import", current.refresh)
        clock.advance(seconds=2 * OVERLAP.total_seconds())
        current.refresh()
        timed("ledger: look again, later", current.refresh, 200)
        member = current.people["worker-77"]
        list_entry(store, entry_of_worker(replace(member, name="New"), "area-0"), SYSTEM_ACTOR, uuid4().hex)
        timed("ledger: follow a change of one worker", current.refresh)
        owner, on = Owner("midwife", "team-1-1", "worker-320"), clock.now().date()
        timed("ledger: who is above somebody", lambda: current.line_above(owner, "area-1", on), 1_000)
        leaver = replace(current.people["worker-300"], left_on=on)
        timed("ledger: which lines a leaving would break", lambda: find_lines_broken(current, leaver, on))
        copy = DirectoryCopy(database)
        copy.ensure_indexes()
        found = store.collection.find({"event.type": {"$in": list(KIND_OF)}}, {"event": 1})
        events = [event_of(document) for document in found]
        batches = [events[at : at + HEARD_TOGETHER] for at in range(0, len(events), HEARD_TOGETHER)]
        timed("recording: keep all of it", lambda: [copy.keep(batch) for batch in batches])
        alone("recording", backends.mongodb_uri, database.name)
        copy.refresh()
        timed("recording: look again", copy.refresh, 200)
        copy.keep(events[-1:])
        timed("recording: follow a change, just after an import", copy.refresh)
        timed("recording: look up a known worker", lambda: copy.why_not("worker", "worker-4711", on), 10_000)
        timed("recording: name the nearest of a mistyped team", lambda: copy.why_not("team", "team-1-300", on))
        timed("recording: name the nearest of a mistyped worker", lambda: copy.why_not("worker", "wroker-77", on))
        database.client.drop_database(database.name)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--areas", type=int, default=200)
    with TemporaryDirectory() as scratch:
        measure(parser.parse_args(sys.argv[1:]).areas, Path(scratch))
