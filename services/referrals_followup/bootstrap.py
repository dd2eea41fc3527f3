"""What this service is made of, built once from its configuration by whichever role runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

from services.referrals_followup import invariants as watch
from services.referrals_followup.api import acts
from services.referrals_followup.api.acts import FollowUpActs
from services.referrals_followup.api.as_of import PastFollowUps
from services.referrals_followup.api.chronology import Chronologies
from services.referrals_followup.api.presenter import FollowUpPresenter
from services.referrals_followup.api.queries import FollowUpQueries
from services.referrals_followup.api.standards_in_force import StandardsInForce
from services.referrals_followup.chasing import digests as mails
from services.referrals_followup.chasing import sweeps
from services.referrals_followup.chasing.smtp import Mailer
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.links import Links
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.checks.checker import Watch
from shared.config.config import Config
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.envelope import to_text
from shared.messaging.parked import ParkedMessages
from shared.runtime.clock import Clock
from shared.runtime.observability import PARKED_WAITING, POSITION_LAG_SECONDS
from shared.web.access_log import AccessLog

SERVICE = "referrals_followup"


@dataclass(frozen=True, slots=True)
class Dependencies:
    config: Config
    clock: Clock
    database: Database[dict[str, Any]]
    store: EventStore
    evidence: EvidenceStore
    rules: Rules
    views: FollowUpViews
    parked: ParkedMessages
    known: Completeness
    directory: Directory
    mailer: Mailer
    links: Links
    access_log: AccessLog
    queries: FollowUpQueries
    past_follow_ups: PastFollowUps
    chronologies: Chronologies
    acts: FollowUpActs
    standards_in_force: StandardsInForce
    checks: Mapping[str, Callable[[], object]]

    @property
    def watch(self) -> Watch:
        """The checks of what is stored here."""
        return Watch(self.database, self.store, lambda full: watch.predicates(self, full))

    def details(self) -> dict[str, Any]:
        """What readiness shows beside: how far the evidence is complete, how many messages wait, the last check."""
        known = self.evidence.complete_until()
        sources = {name: until and to_text(until) for name, until in known.items()}
        stale = sorted(silence.silent(known, self.clock.now()))
        return {
            "evidence": {"sources": sources, "stale": stale},
            "parked": self.parked.waiting(),
            "check": self.watch.last(),
        }

    def observe(self) -> None:
        """Bring the gauges up to date."""
        now = self.clock.now()
        for source, until in self.evidence.complete_until().items():
            if until is not None:
                POSITION_LAG_SECONDS.labels(source=source).set(max(0.0, (now - until).total_seconds()))
        PARKED_WAITING.set(self.parked.waiting())
        self.watch.observe()

    def close(self) -> None:
        self.database.client.close()


def build(config: Config, clock: Clock | None = None) -> Dependencies:
    """The parts, with every index in place; `clock` replaces the configured one.

    Raises FaultyFile for a faulty directory, PyMongoError when MongoDB cannot be reached.
    """
    directory = load_directory(config.directory_file)
    clock = clock or config.clock()
    database = open_database(config.mongodb_uri, config.mongodb_database)
    store = EventStore(database, source=SERVICE, clock=clock, catalogue=CATALOGUE)
    evidence = EvidenceStore(database, CATALOGUE)
    rules = Rules(store)
    views, parked = FollowUpViews(database, evidence, rules), ParkedMessages(database)
    known = Completeness(evidence, parked, views, clock)
    links = Links(config.public_url, config.perinatal_url, config.leaving_care_url)
    presenter = FollowUpPresenter(directory, links)
    queries = FollowUpQueries(store, views, evidence, rules, known, presenter, clock)
    dependencies = Dependencies(
        config=config,
        clock=clock,
        database=database,
        store=store,
        evidence=evidence,
        rules=rules,
        views=views,
        parked=parked,
        known=known,
        directory=directory,
        mailer=Mailer(config.smtp_host, config.smtp_port, config.mail_from),
        links=links,
        access_log=AccessLog(database, clock),
        queries=queries,
        past_follow_ups=PastFollowUps(evidence, rules, known, presenter, clock),
        chronologies=Chronologies(evidence, rules, known, presenter, clock),
        acts=FollowUpActs(store, views, queries, directory, known, clock),
        standards_in_force=StandardsInForce(rules, clock),
        checks={"mongodb": lambda: database.command("ping")},
    )
    for keeper in (
        store,
        evidence,
        rules,
        dependencies.views,
        dependencies.parked,
        dependencies.watch,
        dependencies.access_log,
    ):
        keeper.ensure_indexes()
    for events_of in (mails, acts):
        events_of.ensure_indexes(store.collection)
    sweeps.ensure_indexes(database)
    return dependencies
