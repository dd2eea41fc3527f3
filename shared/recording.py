"""What a recording service is made of: its event store, the lists folded from it, and who read what.

Built once from the configuration by whichever role runs; a service adds only the table of its views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mongoengine import Document
from pymongo.database import Database

from shared.config import Config
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.kernel.envelope import Event
from shared.views import Views
from shared.web.access_log import AccessLog
from shared.web.records import Records


@dataclass(frozen=True, slots=True)
class ViewOf:
    """A list of one kind of record: the document it consists of, and how a stream's history folds to one."""

    document: type[Document]
    fold: Callable[[list[Event]], Document]


@dataclass(frozen=True)
class RecordingParts:
    """The parts of one recording service. `views` are its lists by the kind of stream they are folded from."""

    database: Database[dict[str, Any]]
    store: EventStore
    records: Records
    views: Mapping[str, Views[Any]]
    access_log: AccessLog
    person_id_key: Callable[[], bytes]
    checks: Mapping[str, Callable[[], object]]

    def close(self) -> None:
        self.database.client.close()


def build_recording(config: Config, service: str, views: Mapping[str, ViewOf]) -> RecordingParts:
    """The parts, with every index in place. Raises PyMongoError when MongoDB cannot be reached."""
    database = open_database(config.mongodb_uri, config.mongodb_database)
    clock = config.clock()
    store = EventStore(database, source=service, clock=clock, catalogue=CATALOGUE)
    parts = RecordingParts(
        database=database,
        store=store,
        records=Records(store),
        views={
            kind: Views(view.document, kind=kind, fold=view.fold, database=database, store=store)
            for kind, view in views.items()
        },
        access_log=AccessLog(database, clock),
        person_id_key=config.person_id_key,
        checks={"mongodb": lambda: database.command("ping")},
    )
    parts.store.ensure_indexes()
    parts.access_log.ensure_indexes()
    for view in parts.views.values():
        view.ensure_indexes()
    return parts


def rebuild_recording(config: Config, service: str, views: Mapping[str, ViewOf]) -> int:
    """Drop every view of the configured database and fold it again; returns how many."""
    parts = build_recording(config, service, views)
    return sum(view.rebuild() for view in parts.views.values())
