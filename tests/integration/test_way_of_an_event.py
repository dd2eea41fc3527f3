"""One event on its way: recorded, folded, swept, sent. The architecture page names exactly the files that it passes."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pymongo.database import Database

from deploy.local.backends import Backends
from deploy.local.folders import ROOT
from services.perinatal.bootstrap import build
from services.perinatal.service import PerinatalService
from shared.config.config import Config
from shared.kernel.decisions import Actor
from shared.kernel.envelope import from_text
from shared.runtime.clock import MovableClock
from shared.web.endpoint import endpoints_of
from tests.integration.ledger import MONDAY, Ledger, config, referral_noted
from tests.integration.way import trace_way

PAGE = ROOT / "docs" / "architecture.md"
MOST_FILES = {"record": 10, "fold": 8}
GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))


@pytest.fixture
def perinatal(database: Database[dict[str, Any]], mongodb_uri: str, tmp_path: Path) -> Iterator[PerinatalService]:
    """The service class with its dependencies, without a container."""
    (tmp_path / "person.key").write_text("5" * 64)
    service = PerinatalService()
    service.dependencies = build(
        Config(
            service="perinatal",
            role="serve",
            mongodb_uri=mongodb_uri,
            mongodb_database=database.name,
            public_url="http://perinatal.example",
            bank_holidays_until=2016,
            person_id_key_file=tmp_path / "person.key",
        )
    )
    yield service
    service.dependencies.close()


@pytest.fixture
def ledger(database: Database[dict[str, Any]], backends: Backends) -> Iterator[Ledger]:
    ledger = Ledger(config(database, backends.mongodb_uri, smtp_port=backends.smtp[1]), MovableClock(MONDAY))
    yield ledger
    ledger.close()


def post(service: PerinatalService, url: str, body: dict[str, Any], key: str) -> dict[str, Any]:
    """What the service answers to a GP, without a socket and a token."""
    ((name, endpoint),) = [
        (name, endpoint)
        for name, endpoint in endpoints_of(PerinatalService)
        if (endpoint.method, endpoint.url) == ("POST", url)
    ]
    endpoint.method_name = name
    server = SimpleNamespace(
        tokens=SimpleNamespace(actor_of=lambda _: GP),
        service=service,
        body_limit=65536,
        dependencies=service.dependencies,
    )
    raw = json.dumps(body).encode()
    environ = {
        "HTTP_IDEMPOTENCY_KEY": key,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(raw)),
        "wsgi.input": io.BytesIO(raw),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(endpoint), "server", server)
        reply = endpoint.respond(environ, {}, "00000000-0000-4000-8000-000000000000")
    assert reply.status == 201, reply
    answer: dict[str, Any] = json.loads(reply.body)
    return answer


def files_on_the_page(stage: str) -> list[str]:
    """The files that the page names for a stage, in its order."""
    section = PAGE.read_text(encoding="utf-8").partition("### The files on the way")[2].partition("\n## ")[0]
    listed = section.partition(f"#### {stage.capitalize()}\n")[2].partition("\n#### ")[0]
    return re.findall(r"^\d+\. `([^`]+)`", listed, re.MULTILINE)


def test_the_page_names_the_files_that_recording_passes(perinatal: PerinatalService) -> None:
    person = post(perinatal, "/v1/people", {"given_name": "Robin", "family_name": "Example"}, "person")
    noted = {"stage": "intended", "person_id": person["person_id"], "service": "camhs", "reason_code": "low_mood"}
    with trace_way() as way:
        post(perinatal, "/v1/referrals", noted, "referral")
    assert way == files_on_the_page("record")
    assert len(way) <= MOST_FILES["record"]


def test_the_page_names_the_files_that_folding_passes(ledger: Ledger) -> None:
    noted = referral_noted()
    ledger.hear(referral_noted())
    with trace_way() as way:
        ledger.hear(noted)
    assert way == files_on_the_page("fold")
    assert len(way) <= MOST_FILES["fold"]


def test_the_page_names_the_files_that_a_sweep_and_its_digest_pass(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.clock.set(from_text("2013-01-16T18:00:00Z"))
    ledger.catch_up()
    with trace_way() as way:
        ledger.sweep()
    assert len(ledger.digests("digest.accepted.v1")) == 1
    assert way == files_on_the_page("sweep and send")
