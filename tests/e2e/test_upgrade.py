"""What an earlier version recorded is read by this one: the same follow-ups, the same views, the same first answers."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from bson.json_util import CANONICAL_JSON_OPTIONS, loads
from pymongo import MongoClient

from deploy.local.backends import Backends
from deploy.local.folders import ROOT
from deploy.local.stack import DIRECTORY, STANDARDS
from deploy.local.tokens import AUDIENCE, ISSUER, mint
from services.referrals_followup.directory.loader import load_directory
from shared.archive.erasure import erased_in
from shared.events.mongo import open_database
from shared.runtime.clock import ReplayClock
from tests.e2e.system import VIEWS, System
from tests.integration.recording import is_ready
from tests.support import eventually

RECORDED = ROOT / "tests" / "data" / "upgrade"
ADDED = {"follow_ups": ("classes", "teams", "guarded")}
"""The fields that later versions add to the views."""
_AS_STORED = CANONICAL_JSON_OPTIONS.with_options(tz_aware=True)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The recorded history in this version: folded, and its services running."""

    system: System
    urls: dict[str, str]
    private_key: str
    exports: Path

    def send_again(self, command: dict[str, Any]) -> requests.Response:
        """Sends a recorded command as its sender did: by the same person, with the same key and body."""
        directory = load_directory(DIRECTORY)
        member, team = directory.member(command["by"]), directory.team_of(command["by"])
        assert member
        assert team
        token = mint(self.private_key, member.id, member.role, team.id, [team.area])
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": command["key"]}
        url = self.urls[command["service"]] + command["path"]
        return requests.post(url, json=command["body"], headers=headers, timeout=10)


def read_lines(name: str) -> list[str]:
    with gzip.open(RECORDED / f"{name}.gz", "rt") as file:
        return file.read().splitlines()


def recorded_commands() -> list[dict[str, Any]]:
    return [json.loads(line) for line in read_lines("commands.json")]


def recorded_views() -> dict[str, list[list[Any]]]:
    """Every view as the earlier version stored it, field by field in their order."""
    return {
        name: [list(loads(line, json_options=_AS_STORED).items()) for line in read_lines(f"{service}.{name}.ndjson")]
        for service, names in VIEWS.items()
        for name in names
    }


@pytest.fixture(scope="module")
def upgraded(backends: Backends, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgraded]:
    """The exports, restored into empty databases by the command line and folded by the processes of each service."""
    folder, name = tmp_path_factory.mktemp("upgrade"), f"upgrade-{uuid4().hex}"
    clock = Path(shutil.copy(RECORDED / "clock", backends.folder / f"{name}.clock"))
    addresses = {service: f"127.0.0.1:{backends.ports.take(f'{name} {service}')}" for service in VIEWS}
    urls = {service: f"http://{address}" for service, address in addresses.items()}
    common = {
        **os.environ,
        "MONGODB_URI": backends.mongodb_uri,
        "AMQP_URI": backends.new_vhost(name),
        "REPLAY_CLOCK_FILE": str(clock),
        "LOCAL_STACK_DIR": str(backends.folder),
        "JWT_PUBLIC_KEY_FILE": str(backends.secrets.jwt_public_key_file),
        "JWT_ISSUER": ISSUER,
        "JWT_AUDIENCE": AUDIENCE,
        "PERSON_ID_KEY_FILE": str(RECORDED / "person-id.key"),
        "DIRECTORY_FILE": str(DIRECTORY),
        "STANDARDS_DIR": str(STANDARDS),
        "SMTP_HOST": backends.smtp[0],
        "SMTP_PORT": str(backends.smtp[1]),
        "MAIL_FROM": "followthrough@localhost",
        "PERINATAL_URL": urls["perinatal"],
        "LEAVING_CARE_URL": urls["leaving_care"],
        "LOG_LEVEL": "warning",
    }
    environments = {
        service: {**common, "MONGODB_DATABASE": f"{name}-{service}", "HTTP_ADDRESS": address}
        for service, address in addresses.items()
    }
    databases = {service: open_database(backends.mongodb_uri, f"{name}-{service}") for service in VIEWS}
    system = System(common["AMQP_URI"], databases, environments)
    try:
        for service in VIEWS:
            export = folder / f"{service}.ndjson"
            export.write_bytes(gzip.decompress((RECORDED / f"{export.name}.gz").read_bytes()))
            system.run(service, "topology")
            system.run(service, "restore", str(export), "--key-file", str(RECORDED / "export.key"))
        with system.running():
            eventually(lambda: all(is_ready(url) for url in urls.values()), within=60)
            eventually(lambda: system.is_settled(ReplayClock(clock).now()), within=120)
            private_key = backends.secrets.jwt_private_key_file.read_text()
            yield Upgraded(system, urls, private_key, folder)
    finally:
        backends.drop_vhost(name)
        with MongoClient[dict[str, Any]](backends.mongodb_uri) as client:
            for service in VIEWS:
                client.drop_database(f"{name}-{service}")


def test_the_recorded_history_holds_every_kind_of_record_and_follow_up() -> None:
    streams = {json.loads(line)["event"]["stream"].partition("/")[0] for line in _exported_events()}
    assert streams >= {"person", "pregnancy", "referral", "condition", "screen", "support", "offer", "move", "concern"}
    assert streams >= {"consultation", "notification", "contact", "case", "care-leaver", "plan-item", "follow-up"}
    types = {json.loads(line)["event"]["type"] for line in _exported_events()}
    assert types >= {"digest.accepted.v1", "follow_up.chased.v1", "follow_up.ended.v1", "rules.adopted.v1"}
    assert types >= {"record.retracted.v1", "person.linked.v1", "parenthood.learnt.v1", "private_part.erased.v1"}
    states = {dict(view)["state"] for view in recorded_views()["follow_ups"]}
    assert states == {"open", "met", "ended", "void"}


def _exported_events() -> Iterator[str]:
    for service in VIEWS:
        yield from (line for line in read_lines(f"{service}.ndjson") if '"event":' in line)


def test_follow_ups_and_lists_are_those_that_the_earlier_version_made_of_the_same_events(upgraded: Upgraded) -> None:
    expected = recorded_views()
    assert_same(upgraded.system.views(), expected)
    for service in VIEWS:
        upgraded.system.run(service, "rebuild")
    assert_same(upgraded.system.views(), expected)


def assert_same(views: dict[str, list[list[Any]]], expected: dict[str, list[list[Any]]]) -> None:
    """Follow-ups have the same fields in the same order. Other views have the same fields, whatever their order.

    Fields that a later version adds are left out.
    """
    assert views.keys() == expected.keys()
    for name in views:
        found = [[field for field in view if field[0] not in ADDED.get(name, ())] for view in views[name]]
        if name == "follow_ups":
            assert found == expected[name]
        assert [dict(view) for view in found] == [dict(view) for view in expected[name]], name


def test_what_was_restored_holds_beside_its_export(upgraded: Upgraded) -> None:
    key = str(RECORDED / "export.key")
    for service in VIEWS:
        export = str(upgraded.exports / f"{service}.ndjson")
        assert "the database holds: " in upgraded.system.run(service, "verify", export, "--database", "--key-file", key)


def test_a_command_that_is_sent_again_gets_its_first_answer_and_records_nothing(upgraded: Upgraded) -> None:
    before = {service: upgraded.system.events(service) for service in VIEWS}
    erased = erased_in(upgraded.system.databases["perinatal"].events)
    commands = [command for command in recorded_commands() if command["answer"].get("event_id") not in erased]
    answers = [(command, upgraded.send_again(command)) for command in commands]
    differing = [
        (command["path"], answer.status_code, answer.text)
        for command, answer in answers
        if (answer.status_code, answer.headers.get("ETag"), answer.json()) != (201, command["etag"], command["answer"])
    ]
    assert differing == []
    assert {service: upgraded.system.events(service) for service in VIEWS} == before
