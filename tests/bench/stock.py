"""The stored data before a race: the evidence and the follow-ups of many made-up people, copied from a few lives.

The first `due` lives of a stock are of long ago, the others of the last hours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any
from uuid import uuid4

from bson.raw_bson import RawBSONDocument
from pymongo import IndexModel, MongoClient, WriteConcern
from pymongo.database import Database

from services.referrals_followup.domain.rules import ADOPTED
from shared.runtime.clock import MovableClock
from tests.bench.lives import EVENTS_EACH, NOW, OPEN_EACH, STORED, Life, made
from tests.integration.ledger import MONDAY, Ledger, config

AT_A_TIME = 5_000
WRITERS = 2


@dataclass(frozen=True)
class Stock:
    """A database of the follow-up service with so many lives in it."""

    database: str
    lives: int
    due: int

    @property
    def open(self) -> int:
        return self.lives * OPEN_EACH

    @property
    def events(self) -> int:
        return self.lives * EVENTS_EACH


def stocks(mongodb_uri: str, *sizes: tuple[int, int]) -> list[Stock]:
    """A stock for each number of lives and of those that are due. What a run has made it keeps, for all its races."""
    return [_stock(mongodb_uri, lives, due) for lives, due in sizes]


def spoilt(mongodb_uri: str, *stocks: Stock) -> None:
    """Drops the stocks, because a race changed them. They are made again when they are needed."""
    _stock.cache_clear()
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        for stock in stocks:
            client.drop_database(stock.database)


def forget_chases(database: Database[dict[str, Any]]) -> None:
    """Removes what sweeps recorded, so that the same chases are owed again."""
    database.events.delete_many({"event.type": {"$ne": ADOPTED}})
    database.sweeps.delete_many({})


@cache
def _stock(mongodb_uri: str, lives: int, due: int) -> Stock:
    stock = Stock(f"stock_{uuid4().hex}", lives, due)
    long_ago, lately = _lives(mongodb_uri)
    # Of another client than the service's: to make the indexes of so much takes longer than it would wait.
    with _ledger(mongodb_uri, stock.database) as ledger, MongoClient[dict[str, Any]](mongodb_uri) as client:
        database = client.get_database(stock.database, write_concern=WriteConcern(w=1))
        indexes = {name: _without_indexes(database, name) for name in STORED}
        _fill(database, long_ago, due, Random(1))
        _fill(database, lately, lives - due, Random(2))
        for name, models in indexes.items():
            if models:
                database[name].create_indexes(models)
        ledger.dependencies.views.totals.recount(NOW)
        say_complete(ledger, NOW)
    return stock


@contextmanager
def _ledger(mongodb_uri: str, database: str) -> Iterator[Ledger]:
    """A follow-up service on this database, with all packs in force since long before."""
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        ledger = Ledger(config(client[database], mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    try:
        yield ledger
    finally:
        ledger.close()


def say_complete(ledger: Ledger, until: datetime) -> None:
    """Reports that every source is complete up to then, so that a sweep looks as of then."""
    ledger.clock.set(until)
    ledger.catch_up()


def _fill(database: Database[dict[str, Any]], lives: Sequence[Life], number: int, random: Random) -> None:
    """Store so many copies, of each of these lives in turn."""
    with ThreadPoolExecutor(WRITERS) as writers:
        written = []
        waiting: dict[str, list[RawBSONDocument]] = {name: [] for name in STORED}
        for turn in range(number):
            for name, documents in lives[turn % len(lives)].copy(random).items():
                waiting[name] += documents
                if len(waiting[name]) >= AT_A_TIME or turn == number - 1:
                    written.append(writers.submit(database[name].insert_many, waiting[name], ordered=False))
                    waiting[name] = []
            while len(written) > 2 * WRITERS:
                written.pop(0).result()
        for one in written:
            one.result()


def _without_indexes(database: Database[dict[str, Any]], name: str) -> list[IndexModel]:
    """Drops the indexes and returns them, to be made again: this is quicker once all documents are there."""
    found = [dict(index) for index in database[name].list_indexes() if index["name"] != "_id_"]
    for index in found:
        database[name].drop_index(index["name"])
        index.pop("v")
    return [IndexModel(list(index.pop("key").items()), **index) for index in found]


@cache
def _lives(mongodb_uri: str) -> tuple[list[Life], list[Life]]:
    with _ledger(mongodb_uri, f"lives_{uuid4().hex}") as ledger:
        found = made(ledger)
        ledger.dependencies.database.client.drop_database(ledger.dependencies.database.name)
    return found
