"""One real MongoDB and one real RabbitMQ for the whole run; each test has its own database and virtual host in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson.codec_options import CodecOptions
from hypothesis import HealthCheck, settings
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.backends import Backends, local_backends
from deploy.local.folders import fresh_name
from shared.config.config import SERVICES
from tests.support import without_foreign_backends

# The files that take longest, the longest first. Workers begin with them, so that none is left alone at the end.
LONGEST = (
    "e2e/test_case_s.py",
    "contract/test_http_fuzz.py",
    "chaos/test_chaos.py",
    "integration/test_relay_outages.py",
    "integration/test_consumer.py",
    "integration/test_mails.py",
    "integration/test_watch.py",
    "integration/test_chronology_api.py",
    "integration/test_local_stack_services.py",
    "integration/test_follow_up_api.py",
    "integration/test_sweeps.py",
    "e2e/test_never_chased_for_what_is_recorded.py",
)

pytest.register_assert_rewrite("tests.unit.family_steps", "tests.unit.pathway_steps")

_slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("here", **_slow_is_fine)
settings.register_profile("ci", derandomize=True, print_blob=True, **_slow_is_fine)
settings.load_profile("ci" if os.environ.get("CI") else "here")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests of the longest files first, and leaves the others in their order."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session")
def backends() -> Iterator[Backends]:
    """A real MongoDB, a real RabbitMQ and a mail sink, for this run of pytest only."""
    with local_backends(fresh_name("test")) as backends:
        yield backends


@pytest.fixture(scope="session")
def mongo_client(backends: Backends) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient(backends.mongodb_uri) as client:
        yield client


@pytest.fixture
def mongodb_uri(backends: Backends) -> str:
    return backends.mongodb_uri


@pytest.fixture
def database(mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """An empty database for this test. Instants are read as aware UTC, as the services read them."""
    name = f"test_{uuid4().hex}"
    yield mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True))
    mongo_client.drop_database(name)


@pytest.fixture(scope="session")
def _ledger_database(mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    name = f"test_{uuid4().hex}"
    yield mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True))
    mongo_client.drop_database(name)


@pytest.fixture
def ledger_database(_ledger_database: Database[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """An empty database for a ledger. It may have the 45 indexes already: to make them takes longer than most tests."""
    yield _ledger_database
    for name in _ledger_database.list_collection_names():
        _ledger_database[name].delete_many({})


@pytest.fixture
def amqp_uri(backends: Backends) -> Iterator[str]:
    """The address of an empty virtual host for this test."""
    name = f"test_{uuid4().hex}"
    yield backends.new_vhost(name)
    backends.drop_vhost(name)


@pytest.fixture(scope="module")
def stack_environment(backends: Backends) -> Iterator[dict[str, str]]:
    """The environment of a stack on the MongoDB and the RabbitMQ of this run.

    What the stack stores is dropped afterwards. So on servers of somebody else, the stack starts its own.
    """
    if backends.mongod_pid() is None or backends.rabbit_pid() is None:
        yield without_foreign_backends()
        return
    name = f"test_{uuid4().hex}"
    addresses = {"MONGODB_URI": backends.mongodb_uri, "AMQP_URI": backends.new_vhost(name)}
    yield {**os.environ, **addresses, "AMQP_MANAGEMENT_URI": backends.management_uri or ""}
    backends.drop_vhost(name)
    with MongoClient[Any](backends.mongodb_uri) as client:
        for service in SERVICES:
            client.drop_database(service)
