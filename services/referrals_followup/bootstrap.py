"""Builds all objects of this service from its configuration, once in each process. Every role uses them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pymongo.database import Database

from services.referrals_followup.api import acts
from services.referrals_followup.api.acts import FollowUpActs
from services.referrals_followup.api.as_of import PastFollowUps
from services.referrals_followup.api.chronology import Chronologies
from services.referrals_followup.api.circle import Circles
from services.referrals_followup.api.directory_acts import DirectoryActs
from services.referrals_followup.api.glass import Glasses
from services.referrals_followup.api.objections import Objections
from services.referrals_followup.api.presenter import FollowUpPresenter
from services.referrals_followup.api.queries import FollowUpQueries
from services.referrals_followup.api.standards_in_force import StandardsInForce
from services.referrals_followup.api.tags import AnswerTags, ShownPeople
from services.referrals_followup.chasing.channels import Channel
from services.referrals_followup.chasing.composing import DigestComposer
from services.referrals_followup.chasing.outbox import DigestOutbox
from services.referrals_followup.chasing.parked_work import ParkedWork
from services.referrals_followup.chasing.sending import DigestSender
from services.referrals_followup.chasing.smtp import SmtpChannel
from services.referrals_followup.chasing.sweeps import Sweeper, SweepLog, SweepRound
from services.referrals_followup.directory.current import CurrentDirectory, import_directory
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.directory.stored import StoredDirectory
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.links import Links
from services.referrals_followup.invariants import Invariants
from services.referrals_followup.ledger.completeness import Completeness
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.ingest import Ingest
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.checks.checker import FINISHED, Checker
from shared.config.config import Config
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.envelope import to_text
from shared.messaging.parked import ParkedMessages
from shared.relay.position import POSITION
from shared.runtime.clock import Clock
from shared.runtime.observability import PARKED_WAITING, POSITION_LAG_SECONDS
from shared.web.access_log import AccessLog

SERVICE = "referrals_followup"
CHANNELS: dict[str, Callable[[Config], Channel | None]] = {SmtpChannel.name: SmtpChannel.of}
"""The function that builds each channel, by the channel's name. It returns None for a channel without its settings."""


def build_channels(config: Config) -> list[Channel]:
    """The channels that have their settings. Every digest is sent on all of them."""
    built = (build_channel(config) for build_channel in CHANNELS.values())
    return [channel for channel in built if channel is not None]


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
    directory: CurrentDirectory
    links: Links
    access_log: AccessLog
    queries: FollowUpQueries
    shown_people: ShownPeople
    past_follow_ups: PastFollowUps
    chronologies: Chronologies
    circles: Circles
    glasses: Glasses
    objections: Objections
    acts: FollowUpActs
    directory_acts: DirectoryActs
    standards_in_force: StandardsInForce
    checks: Mapping[str, Callable[[], object]]
    ingest: Ingest
    sweeps: SweepRound
    sweeper: Sweeper
    parked_work: ParkedWork
    outbox: DigestOutbox
    composer: DigestComposer
    sender: DigestSender
    invariants: Invariants
    checker: Checker

    def details(self) -> dict[str, Any]:
        """Further parts of readiness: how far the evidence is complete, what is parked, and the last check."""
        known = self.evidence.complete_until()
        sources = {name: until and to_text(until) for name, until in known.items()}
        stale = sorted(silence.find_silent(known, self.clock.now()))
        return {
            "evidence": {"sources": sources, "stale": stale},
            "parked": self.parked.waiting(),
            "check": self.checker.read_last(),
        }

    def observe(self) -> None:
        """Update the gauges."""
        now = self.clock.now()
        for source, until in self.evidence.complete_until().items():
            if until is not None:
                POSITION_LAG_SECONDS.labels(source=source).set(max(0.0, (now - until).total_seconds()))
        PARKED_WAITING.set(self.parked.waiting())
        self.checker.observe()

    def refresh(self) -> bool:
        """Bring the directory up to date, and say whether it changed. The process asks for it every few seconds."""
        return self.directory.refresh()

    def close(self) -> None:
        self.database.client.close()


def build(config: Config, clock: Clock | None = None) -> Dependencies:
    """Build all objects and create all indexes. `clock` replaces the configured clock.

    When no directory was ever imported, the configured file is. Raises FaultyFile when it has faults, and PyMongoError
    when MongoDB cannot be reached.
    """
    clock = clock or config.clock()
    database = open_database(config.mongodb_uri, config.mongodb_database)
    store = EventStore(database, source=SERVICE, clock=clock, catalogue=CATALOGUE)
    directory = _open_directory(config, store, clock)
    evidence = EvidenceStore(database, CATALOGUE)
    rules = Rules(store)
    views, parked = FollowUpViews(database, evidence, rules), ParkedMessages(database)
    known = Completeness(evidence, parked, views, clock)
    links = Links(config.public_url, config.perinatal_url, config.leaving_care_url)
    presenter = FollowUpPresenter(directory, links)
    queries = FollowUpQueries(store, views, evidence, rules, known, presenter, AnswerTags(directory, links), clock)
    channels = build_channels(config)
    outbox = DigestOutbox(store.collection, [channel.name for channel in channels])
    sweep_log = SweepLog(database)
    parked_work = ParkedWork(
        database=database,
        store=store,
        views=views,
        parked=parked,
        outbox=outbox,
        rules=rules,
        directory=directory,
        clock=clock,
    )
    sweeper = Sweeper(
        sweep_log=sweep_log,
        store=store,
        evidence=evidence,
        views=views,
        rules=rules,
        directory=directory,
        clock=clock,
    )
    composer = DigestComposer(store, outbox, directory)
    sender = DigestSender(
        outbox=outbox,
        channels=channels,
        store=store,
        evidence=evidence,
        views=views,
        parked=parked,
        directory=directory,
        links=links,
        clock=clock,
    )
    invariants = Invariants(
        database=database,
        store=store,
        evidence=evidence,
        views=views,
        rules=rules,
        parked=parked,
        outbox=outbox,
        sweep_log=sweep_log,
        sweep_interval=timedelta(seconds=config.sweep_interval_seconds),
        directory=directory,
        clock=clock,
    )
    objections = Objections(store, evidence, directory, clock)
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
        links=links,
        access_log=AccessLog(database, clock),
        queries=queries,
        shown_people=ShownPeople(),
        past_follow_ups=PastFollowUps(evidence, rules, known, presenter, queries, clock),
        chronologies=Chronologies(evidence, rules, known, presenter, clock),
        circles=Circles(evidence, directory, known),
        glasses=Glasses(store, evidence, directory, clock),
        objections=objections,
        acts=FollowUpActs(store, views, queries, rules, directory, known, links, clock),
        directory_acts=DirectoryActs(store, directory, views, evidence),
        standards_in_force=StandardsInForce(rules, clock),
        checks={"mongodb": lambda: database.command("ping")},
        ingest=Ingest(
            evidence,
            views,
            {POSITION: parked_work.note_reported, FINISHED: parked_work.tell_of_findings},
            objections.hear,
        ),
        sweeps=SweepRound(
            sweeper=sweeper,
            sweep_log=sweep_log,
            parked_work=parked_work,
            composer=composer,
            sender=sender,
            views=views,
            clock=clock,
        ),
        sweeper=sweeper,
        parked_work=parked_work,
        outbox=outbox,
        composer=composer,
        sender=sender,
        invariants=invariants,
        checker=Checker(database, store, invariants.build),
    )
    for keeper in (
        store,
        evidence,
        rules,
        dependencies.views,
        dependencies.parked,
        dependencies.checker,
        dependencies.access_log,
        dependencies.glasses,
        outbox,
        sweep_log,
    ):
        keeper.ensure_indexes()
    acts.ensure_indexes(store.collection)
    return dependencies


def _open_directory(config: Config, store: EventStore, clock: Clock) -> CurrentDirectory:
    stored = StoredDirectory(store)
    stored.ensure_indexes()
    if not stored.was_imported():
        # The index that refuses a second event of one version is needed before the first event.
        store.ensure_indexes()
        import_directory(stored, load_directory(config.directory_file), clock)
    return CurrentDirectory(stored, clock)
