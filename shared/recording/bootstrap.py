"""Builds the parts of a recording service: its event store, its views, its reactions and its access log.

Each process builds them once, from the configuration. A service gives the table of its views and its reaction rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

from mongoengine.queryset import QuerySet
from mongoengine.queryset.visitor import Q
from pymongo.database import Database

from shared.checks.checker import Checker, CheckFinding, Invariant, report
from shared.checks.invariants import SAMPLE, SETTLED_AFTER, build_shared_invariants
from shared.config.config import Config
from shared.contracts import CATALOGUE
from shared.contracts.access import may_see
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.decisions import Actor, Aggregate
from shared.kernel.hands import HandRules
from shared.messaging.parked import ParkedMessages
from shared.recording.directory_copy import DirectoryCopy
from shared.recording.doubts import DoubtCheck
from shared.recording.glass_copy import GlassCopy
from shared.recording.names import NameCheck
from shared.recording.people import LookLimit, People
from shared.recording.person_index import PersonIndex
from shared.recording.protection import OwnProtections, ProtectionCopy, open_protections
from shared.recording.reaction_rules import ReactionRules
from shared.recording.reactions import Reactions
from shared.recording.records import Records
from shared.recording.standing import NO_RULES, LivesIn, RecordOf, Standings, nowhere_else, person_record
from shared.recording.views import ViewOf, Views
from shared.runtime.clock import Clock
from shared.runtime.observability import PARKED_WAITING
from shared.web.access_log import AccessLog

Registration = tuple[Aggregate[Any], str]
"""The record that registers people, and the type of the event that does."""
NO_DOUBTS = DoubtCheck()
NO_RECORDS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class RecordingDependencies:
    """The parts of one recording service. `views` has its views, by the kind of stream that they are folded from."""

    database: Database[dict[str, Any]]
    store: EventStore
    records: Records
    views: Mapping[str, Views[Any]]
    reactions: Reactions
    parked: ParkedMessages
    access_log: AccessLog
    checker: Checker
    person_id_key: Callable[[], bytes]
    checks: Mapping[str, Callable[[], object]]
    lives_in: Callable[[EventStore], LivesIn]
    record_of: RecordOf
    names: NameCheck
    people: People
    doubts: DoubtCheck
    glass: GlassCopy
    protections: OwnProtections | ProtectionCopy
    begun_by: Mapping[str, str]
    hands: HandRules

    @property
    def directory(self) -> DirectoryCopy:
        """The copy of the directory of `referrals_followup`."""
        return self.names.directory

    def over(self, store: EventStore) -> RecordingDependencies:
        """The same parts, with the records in another store."""
        return replace(self, store=store, records=self._records_in(store, self.names, self.doubts))

    def for_import(self, confirmed: Collection[str] = ()) -> RecordingDependencies:
        """The same parts, without a limit for looks, which keep the names in facts from before the directory began.

        `confirmed` are the doubts that every row confirms.
        """
        names, doubts = replace(self.names, spares_past=True), replace(self.doubts, confirmed=frozenset(confirmed))
        records = self._records_in(self.store, names, doubts)
        return replace(self, names=names, doubts=doubts, people=self.people.unlimited(), records=records)

    def _records_in(self, store: EventStore, names: NameCheck, doubts: DoubtCheck) -> Records:
        lives_in = self.lives_in(store)
        standings = Standings(store, self.views, lives_in, self.record_of, self.begun_by, names.directory, self.hands)
        return Records(store, standings, lives_in, names, doubts, self.glass, self.protections)

    def readable_views(
        self, kind: str, actor: Actor, begun_by: str, person_id: str | None, glass: str | None = None
    ) -> QuerySet:
        """The views of the actor's areas that they may read, by their role or because their team has a part in them.

        The disclosure class of the views is that of the event `begun_by`. If a person now lives in one of the actor's
        areas, the views of that person include those of other areas. Under a broken `glass` they include all of them.
        """
        views = self.views[kind].objects
        if person_id is not None:
            views = views.filter(person_id=person_id)
        if glass is not None:
            return views
        if person_id is None or not self.records.lives_among(person_id, actor):
            views = views.filter(area__in=actor.areas)
        return views if may_see(actor.role, CATALOGUE[begun_by].disclosure) else views.filter(Q(teams=actor.team))

    def details(self) -> dict[str, Any]:
        """Further parts of readiness: the number of parked messages, and the last check."""
        return {"parked": self.parked.waiting(), "check": self.checker.read_last()}

    def observe(self) -> None:
        """Update the gauges."""
        PARKED_WAITING.set(self.parked.waiting())
        self.checker.observe()

    def refresh(self) -> bool:
        """Bring the copy of the directory up to date, and say whether it changed. The process asks for it every few
        seconds.
        """
        return self.directory.refresh()

    def close(self) -> None:
        self.database.client.close()


def build_recording(
    config: Config,
    service: str,
    views: Mapping[str, ViewOf],
    reactions: ReactionRules,
    people: Registration,
    lives_in: Callable[[EventStore], LivesIn] = lambda store: nowhere_else,
    record_of: RecordOf = person_record,
    doubts: DoubtCheck = NO_DOUBTS,
    begun_by: Mapping[str, str] = NO_RECORDS,
    hands: HandRules = NO_RULES,
) -> RecordingDependencies:
    """Build the parts of the service and create all indexes. `lives_in` reads recorded moves from the store.

    `people` is the record that registers people, with the type of the event; `record_of` names its stream. `doubts`
    has the service's table of what is unlikely. `begun_by` has the events that begin records about care which have no
    view, each with the field that names the person. `hands` has the rules about whose hand an entry takes.
    Raises PyMongoError when MongoDB cannot be reached.
    """
    database = open_database(config.mongodb_uri, config.mongodb_database)
    clock = config.clock()
    store = EventStore(database, source=service, clock=clock, catalogue=CATALOGUE)
    parked = ParkedMessages(database)
    names = NameCheck(DirectoryCopy(database))
    glass = GlassCopy(database, clock)
    protections = open_protections(store, database)
    lists = {
        kind: Views(view.document, kind=kind, fold=view.fold, database=database, store=store)
        for kind, view in views.items()
    }
    moves = lives_in(store)
    standings = Standings(store, lists, moves, record_of, begun_by, names.directory, hands)
    index = PersonIndex(database, store, config.person_id_key, *people)
    access_log = AccessLog(database, clock)
    dependencies = RecordingDependencies(
        database=database,
        store=store,
        records=Records(store, standings, moves, names, doubts, glass, protections),
        views=lists,
        reactions=Reactions(database, store, reactions),
        parked=parked,
        checker=Checker(database, store, partial(_build_invariants, database, parked, (*lists.values(), index), clock)),
        access_log=access_log,
        people=People(index, access_log, LookLimit(database), config.person_id_key),
        person_id_key=config.person_id_key,
        checks={"mongodb": lambda: database.command("ping")},
        lives_in=lives_in,
        names=names,
        record_of=record_of,
        doubts=doubts,
        glass=glass,
        protections=protections,
        begun_by=begun_by,
        hands=hands,
    )
    dependencies.store.ensure_indexes()
    for event_type, name in (*doubts.indexes, *begun_by.items()):
        dependencies.store.index_of(event_type, name)
    dependencies.access_log.ensure_indexes()
    dependencies.reactions.ensure_indexes()
    dependencies.parked.ensure_indexes()
    dependencies.checker.ensure_indexes()
    dependencies.people.ensure_indexes()
    dependencies.directory.ensure_indexes()
    dependencies.glass.ensure_indexes()
    dependencies.protections.ensure_indexes()
    dependencies.directory.refresh()
    for view in dependencies.views.values():
        view.ensure_indexes()
    return dependencies


def _build_invariants(
    database: Database[dict[str, Any]],
    parked: ParkedMessages,
    views: Collection[Views[Any] | PersonIndex],
    clock: Clock,
    full: bool,
) -> Mapping[str, Invariant]:
    """The invariants of a recording service."""
    now, sample = clock.now(), None if full else SAMPLE
    return {
        **build_shared_invariants(database["events"], [database["heard"]], parked, CATALOGUE, now, sample),
        "views": lambda: report(
            "views-differ",
            (stream for view in views for stream in view.find_differing(sample, now - SETTLED_AFTER)),
            "see that `serve bus` consumes the queue of its views, then run `rebuild`",
        ),
    }


def run_check_of_recording(
    config: Config,
    full: bool,
    service: str,
    views: Mapping[str, ViewOf],
    reactions: ReactionRules,
    people: Registration,
) -> list[CheckFinding]:
    """Check the configured database now and return all findings. Raises when the database cannot be reached."""
    return build_recording(config, service, views, reactions, people).checker.run(full)


def rebuild_recording(
    config: Config, service: str, views: Mapping[str, ViewOf], reactions: ReactionRules, people: Registration
) -> int:
    """Fold every view of the configured database again, in place, and index all people.

    Returns the number of views.
    """
    dependencies = build_recording(config, service, views, reactions, people)
    dependencies.people.index.rebuild()
    return sum(view.rebuild() for view in dependencies.views.values())
