"""What the perinatal service is made of, built once from its configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.database import Database

from services.perinatal.views import ReferralView, referral_views
from shared.config import Config
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.events.store import EventStore
from shared.views import Views
from shared.web.access_log import AccessLog
from shared.web.records import Records

SERVICE = "perinatal"


@dataclass(frozen=True)
class PerinatalParts:
    database: Database[dict[str, Any]]
    store: EventStore
    records: Records
    referrals: Views[ReferralView]
    access_log: AccessLog
    person_id_key: Callable[[], bytes]
    checks: Mapping[str, Callable[[], object]]

    def ensure_indexes(self) -> None:
        self.store.ensure_indexes()
        self.referrals.ensure_indexes()
        self.access_log.ensure_indexes()

    def close(self) -> None:
        self.database.client.close()


def build(config: Config) -> PerinatalParts:
    """The parts, with every index in place. Raises PyMongoError when MongoDB cannot be reached."""
    database = open_database(config.mongodb_uri, config.mongodb_database)
    clock = config.clock()
    store = EventStore(database, source=SERVICE, clock=clock, catalogue=CATALOGUE)
    parts = PerinatalParts(
        database=database,
        store=store,
        records=Records(store),
        referrals=referral_views(database, store),
        access_log=AccessLog(database, clock),
        person_id_key=config.person_id_key,
        checks={"mongodb": lambda: database.command("ping")},
    )
    parts.ensure_indexes()
    return parts
