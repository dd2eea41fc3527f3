"""The backends survive the kill of any of their processes, and keep what was written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pika
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from deploy.local.backends import Backends, local_backends
from deploy.local.folders import InstanceBusy, fresh_name, instance_folder
from tests.support import eventually, the_broker_has_saved_the_name_of


@pytest.fixture(scope="module")
def own() -> Iterator[Backends]:
    """Backends that these tests may kill: those of the session serve the other tests."""
    with local_backends(fresh_name("test")) as backends:
        yield backends


def test_mongodb_refuses_a_client_without_an_account(own: Backends) -> None:
    address = own.mongodb_uri.partition("@")[2].partition("/")[0]
    with MongoClient(f"mongodb://{address}/?directConnection=true") as anyone, pytest.raises(OperationFailure):
        anyone.somewhere.things.insert_one({})


def test_secrets_and_addresses_can_be_read_by_their_owner_only(own: Backends) -> None:
    private = [own.folder / "stack.json", own.folder / "rabbit" / "rabbitmq.conf"]
    for path in [*private, *(own.folder / "secrets").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
    assert own.folder.stat().st_mode & 0o077 == 0


def test_a_pid_file_holds_one_number(own: Backends) -> None:
    pids = {path.name: int(path.read_text()) for path in (own.folder / "pids").iterdir()}
    assert pids == {name: own.processes.pid(name) for name in own.processes.names}


def test_no_file_of_a_stack_holds_anything_of_the_environment_of_its_caller() -> None:
    secret = "a-secret-of-the-caller"
    with local_backends(fresh_name("test"), environment={**os.environ, "CALLER": secret}) as backends:
        (smtp,) = [pid for name in ("smtp",) if (pid := backends.processes.pid(name))]
        assert secret.encode() in Path(f"/proc/{smtp}/environ").read_bytes()
        files = [path for path in backends.folder.rglob("*") if path.is_file()]
        assert files
        assert [path for path in files if secret.encode() in path.read_bytes()] == []


def test_mongodb_and_the_broker_listen_on_the_loopback_only(own: Backends) -> None:
    listening = {address for name in own.processes.names for address in listening_addresses(own, name)}
    assert listening
    assert listening <= {"127.0.0.1", "::1"}


def test_a_document_outlives_the_kill_of_mongodb(own: Backends) -> None:
    with MongoClient(own.mongodb_uri) as client:
        client.somewhere.things.insert_one({"_id": 1})
        killed = own.kill("mongod")
        eventually(lambda: own.mongod_pid() not in (killed, None))
        own.wait_until_ready()
        assert client.somewhere.things.find_one({"_id": 1})


def test_a_confirmed_message_in_a_quorum_queue_outlives_the_kill_of_the_broker(own: Backends) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(own.amqp_uri))
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    eventually(lambda: the_broker_has_saved_the_name_of("kept", own, own.amqp_uri))
    channel.basic_publish("", "kept", b"still here", pika.BasicProperties(delivery_mode=2), mandatory=True)

    killed = own.kill("rabbitmq")
    eventually(lambda: own.rabbit_pid() not in (killed, None))
    own.wait_until_ready()

    with pika.BlockingConnection(pika.URLParameters(own.amqp_uri)) as again:
        _, _, body = eventually(lambda: message_or_none(again))
    assert body == b"still here"


@pytest.mark.parametrize("name", ["epmd", "smtp"])
def test_epmd_and_the_mail_sink_are_started_again_after_a_kill(own: Backends, name: str) -> None:
    killed = own.kill(name)
    eventually(lambda: own.processes.pid(name) not in (killed, None))
    own.wait_until_ready()


def test_two_stacks_of_one_name_do_not_run_at_once() -> None:
    name = fresh_name("test")
    with (
        instance_folder(name, keep=False),
        pytest.raises(InstanceBusy, match=name),
        instance_folder(name, keep=False, wait_for=0),
    ):
        pass


def message_or_none(connection: pika.BlockingConnection) -> tuple | None:
    message = connection.channel().basic_get("kept", auto_ack=True)
    return message if message[0] else None


def listening_addresses(backends: Backends, name: str) -> set[str]:
    """The addresses on which a process listens, as the kernel tells."""
    pid = backends.processes.pid(name)
    sockets = set()
    for entry in os.scandir(f"/proc/{pid}/fd"):
        target = ""
        with suppress(FileNotFoundError):  # a server closes descriptors while they are listed
            target = os.readlink(entry.path)
        if target.startswith("socket:["):
            sockets.add(target[8:-1])
    found = set()
    for table, words in (("tcp", 1), ("tcp6", 4)):
        with open(f"/proc/{pid}/net/{table}") as lines:
            for fields in map(str.split, list(lines)[1:]):
                if fields[3] == "0A" and fields[9] in sockets:
                    found.add(_readable(fields[1].partition(":")[0], words))
    return found


def _readable(address: str, words: int) -> str:
    raw = b"".join(bytes.fromhex(address[8 * i : 8 * i + 8])[::-1] for i in range(words))
    return ".".join(map(str, raw)) if words == 1 else ("::1" if raw == bytes(15) + b"\1" else raw.hex(":", 2))
