"""A MongoDB or a broker that runs elsewhere is used as it is; where none can be had, the error says what to install."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from pymongo import MongoClient

from deploy.local import apt, mongo, rabbit
from deploy.local.backends import Backends, local_backends
from deploy.local.folders import fresh_name
from deploy.local.mongo import NotInstalled
from deploy.local.processes import NotReady
from shared.config.kinds import amqp_hosts, mongodb_hosts

pytestmark = pytest.mark.heavy


def test_a_stack_uses_the_mongodb_and_the_broker_that_it_is_given_and_starts_none(backends: Backends) -> None:
    given = {"MONGODB_URI": backends.mongodb_uri, "AMQP_URI": backends.amqp_uri}
    with local_backends(fresh_name("test"), environment={**os.environ, **given}) as other:
        assert other.processes.names == ("smtp",)
        assert (other.mongodb_uri, other.amqp_uri) == (backends.mongodb_uri, backends.amqp_uri)
        told = json.loads((other.folder / "stack.json").read_text())
        assert mongodb_hosts(told["mongodb_uri"]) == mongodb_hosts(backends.mongodb_uri)
        assert amqp_hosts(told["amqp_uri"]) == amqp_hosts(backends.amqp_uri)
        passwords = (backends.secrets.mongo_password, backends.secrets.rabbit_password)
        files = [path for path in other.folder.rglob("*") if path.is_file()]
        assert [path for path in files for password in passwords if password in path.read_text()] == []
        with pytest.raises(NotReady, match="AMQP_MANAGEMENT_URI"):
            other.new_vhost("somewhere")


def test_where_no_broker_can_be_had_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rabbit, "SERVERS", (Path("/nowhere/rabbitmq-server"),))
    monkeypatch.setattr(apt, "can_install", lambda: False)
    with pytest.raises(NotInstalled, match="apt-get install --no-install-recommends rabbitmq-server"):
        rabbit.find_server()


def test_where_no_mongodb_can_be_had_the_answer_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(mongo, "WHEEL", "no-such-package")
    with pytest.raises(NotInstalled, match="set MONGODB_URI"):
        mongo.find_mongod()


def test_a_kept_stack_finds_its_data_again_even_on_other_ports() -> None:
    name = f"kept{os.getpid()}"
    with local_backends(name, keep=True) as first:
        with MongoClient(first.mongodb_uri) as client:
            client.somewhere.things.insert_one({"_id": "kept"})
        address = first.mongodb_uri
        ports_file = first.folder / "ports.json"
    ports_file.unlink()
    with local_backends(name) as second:
        assert second.mongodb_uri != address
        with MongoClient(second.mongodb_uri) as client:
            assert client.somewhere.things.find_one({"_id": "kept"})
