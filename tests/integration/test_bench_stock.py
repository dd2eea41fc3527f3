"""The stock that the bench asks and sweeps is what the real fold makes, though it was copied and not folded."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient

from services.referrals_followup import sweeps
from services.referrals_followup.parts import build
from shared.clock import MovableClock
from tests.bench.lives import EVENTS_EACH, NOW, OPEN_EACH
from tests.bench.stock import stocks
from tests.integration.ledger import config

LIVES, DUE = 30, 10


def test_what_is_copied_is_what_a_fold_of_its_own_evidence_makes_and_some_of_it_is_due(
    mongo_client: MongoClient[dict[str, Any]], mongodb_uri: str
) -> None:
    (stock,) = stocks(mongodb_uri, (LIVES, DUE))
    parts = build(config(mongo_client[stock.database], mongodb_uri), MovableClock(NOW))
    try:
        threads = parts.database.threads.distinct("_id")
        assert list(parts.views.differing(threads)) == []
        # The rules are evidence too, one event for each pack.
        packs = parts.store.collection.count_documents({"event.type": "rules.adopted.v1"})
        assert parts.database.evidence.count_documents({}) == LIVES * EVENTS_EACH + packs
        assert parts.views.collection.count_documents({"state": "open"}) == stock.open == LIVES * OPEN_EACH
        assert sweeps.sweep(parts, "sweep-1").chased == DUE * OPEN_EACH
    finally:
        parts.close()
        mongo_client.drop_database(stock.database)
