"""The three services on databases and a virtual host of their own: their processes, and what they have stored."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from deploy.local.folders import ROOT
from deploy.local.replay import REACTIONS
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.contracts import CATALOGUE
from shared.recording.reactions import has_settled

VIEWS = {
    "perinatal": ("referral_views", "pregnancy_views"),
    "leaving_care": ("care_leaver_views", "plan_item_views"),
    "referrals_followup": ("follow_ups",),
}
PROCESSES = (
    ("perinatal", "serve"),
    ("leaving_care", "serve"),
    ("referrals_followup", "serve"),
    ("perinatal", "relay"),
    ("leaving_care", "relay"),
    ("referrals_followup", "relay"),
)


@dataclass(frozen=True, slots=True)
class System:
    """Where one system keeps its data, and the environment of each of its services."""

    amqp_uri: str
    databases: Mapping[str, Database[dict[str, Any]]]
    environments: Mapping[str, Mapping[str, str]]

    def run(self, service: str, *role: str) -> str:
        """Runs a role to its end and returns its standard output."""
        command = [sys.executable, "-W", "ignore", "-m", f"services.{service}", *role]
        done = subprocess.run(
            command, cwd=ROOT, env=self.environments[service], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs the processes that record, publish and fold."""
        with ExitStack() as running:
            for service, *role in PROCESSES:
                command = [sys.executable, "-W", "ignore", "-m", f"services.{service}", *role]
                process = subprocess.Popen(command, cwd=ROOT, env=self.environments[service])
                running.callback(process.wait, 20)
                running.callback(process.terminate)
            yield

    def events(self, service: str) -> list[dict[str, Any]]:
        """Everything that was ever recorded, without what the relay notes."""
        return list(self.databases[service].events.find({}, {"relay": 0}, sort=[("_id", 1)]))

    def views(self) -> dict[str, list[list[Any]]]:
        """Every view of every service, field by field in their order."""
        return {
            name: [list(view.items()) for view in self.databases[service][name].find(sort=[("_id", 1)])]
            for service, names in VIEWS.items()
            for name in names
        }

    def is_settled(self, now: datetime) -> bool:
        """Whether everything that was recorded up to now is published and folded."""
        recording = [self.databases[service] for service in REACTIONS]
        if not all(has_settled(of, self.databases[service], recording) for service, of in REACTIONS.items()):
            return False
        waiting = ("relay.pending", "relay.unlisted")
        if any(database.events.find_one({part: True}) for database in self.databases.values() for part in waiting):
            return False
        complete = EvidenceStore(self.databases["referrals_followup"], CATALOGUE).complete_until()
        return all(until is not None and until >= now for until in complete.values())
