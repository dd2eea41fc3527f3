"""Our whole stack and that of peer (a): from a recorded event to the follow-up in the lists."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import requests

from shared.recording.bulk_routes import MOST_COMMANDS, URL
from tests.bench.contestants import (
    CONNECTIONS,
    LOOK_AT_PEERS_EVERY,
    Figures,
    count_heard,
    nameko_http,
    start_ledger,
    start_nameko_bus,
)
from tests.bench.ground import Field, Stuck
from tests.bench.live_events import SEEN_WITHIN, first_seen
from tests.bench.load import NOTED, a_person


@dataclass(frozen=True)
class Visible:
    """From the 201 of a referral noted to its follow-up in the lists, at so many requests a second."""

    name: str
    rate: float
    seconds: float = 10.0

    def run(self, field: Field) -> Figures:
        address = start_stack(field)
        with first_seen(field) as seen:
            measured = field.load(
                address, connections=CONNECTIONS, seconds=self.seconds, rate=self.rate, tells_noted=True
            )
            noted: dict[str, float] = measured["noted"]
            field.wait("every follow-up is seen", lambda: noted.keys() <= seen.keys(), SEEN_WITHIN)
        took = sorted(max(0.0, seen[referral] - at) for referral, at in noted.items())
        return {
            "rate": measured["rate"],
            "p50_ms": 1_000 * took[len(took) // 2],
            "p95_ms": 1_000 * took[int(len(took) * 0.95)],
        }


@dataclass(frozen=True)
class OursInBulk:
    """So many commands, a thousand to a request, from the first request to the last follow-up in the lists."""

    name: str
    commands: int = 20_000
    clients: int = 2

    def run(self, field: Field) -> Figures:
        address = start_stack(field)
        evidence = field.database("referrals_followup").evidence
        batches = [list(stories(MOST_COMMANDS // 4)) for _ in range(self.commands // MOST_COMMANDS)]
        token = field.token(0)
        began = time.monotonic()
        with ThreadPoolExecutor(self.clients) as clients:
            recorded = sum(clients.map(lambda batch: given(address, token, batch), batches))
        took = time.monotonic() - began
        of_perinatal = {"folded": True, "event.source": "perinatal"}
        field.wait(
            "every event is folded",
            lambda: (
                evidence.estimated_document_count() >= recorded
                and evidence.find_one({"folded": False}) is None
                and evidence.count_documents(of_perinatal) >= recorded
            ),
            SEEN_WITHIN * 2,
        )
        return {"rate": recorded / (time.monotonic() - began), "recorded_rate": recorded / took}


@dataclass(frozen=True)
class NamekoToTheEnd:
    """Peer (a) recording over HTTP as fast as it can, until the last of it is in its rows."""

    name: str
    seconds: float = 8.0

    def run(self, field: Field) -> Figures:
        address = field.address()
        nameko_http(field, address)
        start_nameko_bus(field)
        field.wait_for(address)
        measured = field.load(address, connections=CONNECTIONS, seconds=self.seconds)
        total = field.database("peer").events.estimated_document_count()
        field.wait("every row is written", lambda: count_heard(field) >= total, SEEN_WITHIN * 2, LOOK_AT_PEERS_EVERY)
        return {"rate": total / (time.time() - measured["began_at"])}


def start_stack(field: Field) -> str:
    """Perinatal and the follow-up service, each a process for HTTP, one for the bus, and a relay. Where to record."""
    address = field.address()
    for service in ("perinatal", "leaving_care", "referrals_followup"):
        field.run(service, "topology")
    start_ledger(field)
    field.serve("referrals_followup", "relay")
    field.serve("perinatal", "serve", "bus", HTTP_ADDRESS=field.address())
    field.serve("perinatal", "relay")
    field.serve("perinatal", "serve", "http", HTTP_ADDRESS=address)
    field.wait_for(address)
    evidence = field.database("referrals_followup").evidence
    field.wait("the ledger hears", lambda: evidence.find_one({"event.source": "referrals_followup", "folded": True}))
    return address


def given(address: str, token: str, commands: list[dict[str, Any]]) -> int:
    """How many of them were recorded, which is all. Raises Stuck."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {token}"}
        answer = session.post(f"http://{address}{URL}", json=commands, headers=headers, timeout=SEEN_WITHIN)
    if not answer.ok or answer.json()["recorded"] != len(commands):
        raise Stuck(f"{URL}: {answer.status_code} {answer.text[:500]}")
    return len(commands)


def stories(people: int) -> Iterator[dict[str, Any]]:
    """The commands of so many people, four each."""
    for _ in range(people):
        key = uuid4().hex
        yield {"key": f"{key}-person", "path": "/v1/people", "body": a_person()}
        yield {"key": f"{key}-noted", "path": "/v1/referrals", "body": NOTED, "from": {"person_id": f"{key}-person"}}
        of = {"from": {"referral_id": f"{key}-noted"}}
        yield {"key": f"{key}-sent", "path": "/v1/referrals/{referral_id}/sent", "body": {"channel": "letter"}, **of}
        given = {"reason_code": "declined", "decided_by": "gp-0"}
        yield {"key": f"{key}-withdrawn", "path": "/v1/referrals/{referral_id}/withdrawn", "body": given, **of}
