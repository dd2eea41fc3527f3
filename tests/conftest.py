"""One real MongoDB and one real RabbitMQ for the whole run; each test has its own database and virtual host in them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from bson.codec_options import CodecOptions
from hypothesis import HealthCheck, settings
from pymongo import MongoClient
from pymongo.database import Database

from deploy.local.backends import Backends, local_backends
from deploy.local.folders import fresh_name

pytest.register_assert_rewrite("tests.unit.family_steps", "tests.unit.pathway_steps")

_slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("here", **_slow_is_fine)
settings.register_profile("ci", derandomize=True, print_blob=True, **_slow_is_fine)
settings.load_profile("ci" if os.environ.get("CI") else "here")


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


@pytest.fixture
def amqp_uri(backends: Backends) -> Iterator[str]:
    """The address of an empty virtual host for this test."""
    name = f"test_{uuid4().hex}"
    yield backends.new_vhost(name)
    backends.drop_vhost(name)
