"""The stock that the bench asks and sweeps is what the real fold makes, though it was copied and not folded."""

from __future__ import annotations

from typing import Any

from pymongo import MongoClient

from services.referrals_followup.bootstrap import build
from shared.runtime.clock import MovableClock
from tests.bench.lives import EVENTS_EACH, NOW, OPEN_EACH
from tests.bench.stock import stocks
from tests.integration.ledger import config

LIVES, DUE = 30, 10


def test_what_is_copied_is_what_a_fold_of_its_own_evidence_makes_and_some_of_it_is_due(
    mongo_client: MongoClient[dict[str, Any]], mongodb_uri: str
) -> None:
    (stock,) = stocks(mongodb_uri, (LIVES, DUE))
    dependencies = build(config(mongo_client[stock.database], mongodb_uri), MovableClock(NOW))
    try:
        threads = dependencies.database.threads.distinct("_id")
        assert list(dependencies.views.find_differing(threads)) == []
        # The rules and the directory are evidence too.
        others = {"event.type": {"$regex": r"^(rules|directory)\."}}
        kept = dependencies.database.evidence
        assert kept.count_documents({}) == LIVES * EVENTS_EACH + kept.count_documents(others)
        assert dependencies.views.collection.count_documents({"state": "open"}) == stock.open == LIVES * OPEN_EACH
        assert dependencies.sweeper.sweep("sweep-1").chased == DUE * OPEN_EACH
    finally:
        dependencies.close()
        mongo_client.drop_database(stock.database)
