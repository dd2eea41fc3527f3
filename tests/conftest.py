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

from deploy.local.folders import fresh_name
from deploy.local.parts import Parts, local_parts

_slow_is_fine = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("here", **_slow_is_fine)
settings.register_profile("ci", derandomize=True, print_blob=True, **_slow_is_fine)
settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def parts() -> Iterator[Parts]:
    """MongoDB, RabbitMQ and a mail sink, real ones, for this run of pytest only."""
    with local_parts(fresh_name("test")) as parts:
        yield parts


@pytest.fixture(scope="session")
def mongo_client(parts: Parts) -> Iterator[MongoClient[dict[str, Any]]]:
    with MongoClient(parts.mongodb_uri) as client:
        yield client


@pytest.fixture
def mongodb_uri(parts: Parts) -> str:
    return parts.mongodb_uri


@pytest.fixture
def database(mongo_client: MongoClient[dict[str, Any]]) -> Iterator[Database[dict[str, Any]]]:
    """An empty database of this test's own, as the services open theirs: instants are read as aware UTC."""
    name = f"test_{uuid4().hex}"
    yield mongo_client.get_database(name, codec_options=CodecOptions(tz_aware=True))
    mongo_client.drop_database(name)


@pytest.fixture
def amqp_uri(parts: Parts) -> Iterator[str]:
    """The address of an empty virtual host of this test's own."""
    name = f"test_{uuid4().hex}"
    yield parts.new_vhost(name)
    parts.drop_vhost(name)
