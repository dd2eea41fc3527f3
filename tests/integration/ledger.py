"""A follow-up service without its processes: real MongoDB, a real mail server, a clock that the test moves.

What the sources record reaches it as the messages that their relays publish, positions included.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes
from email.message import Message
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from pymongo.database import Database

from services.referrals_followup.bootstrap import build
from services.referrals_followup.domain.follow_up import FollowUp
from services.referrals_followup.domain.rules import ADOPTED
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger import views
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.standards.loader import load_packs
from shared.config.config import SERVICES, Config
from shared.contracts import CATALOGUE
from shared.events.documents import event_of
from shared.kernel.calendar import england
from shared.kernel.envelope import CONTENT_TYPE, Event, from_text, to_text
from shared.kernel.ids import uuid7
from shared.messaging.incoming import Delivery, Done, Outcome
from shared.messaging.topology import EVIDENCE, SWEEP
from shared.runtime.clock import MovableClock, ReplayClock

SERVICE_FOLDER = Path(__file__).parents[2] / "services" / "referrals_followup"
DIRECTORY = SERVICE_FOLDER / "directory" / "directory.example.yaml"
STANDARDS = SERVICE_FOLDER / "standards"
PUBLIC_URL = "http://follow-ups.example"
MONDAY = from_text("2013-01-14T09:30:00Z")
PERSON = f"p_{'a' * 32}"


class Inbox:
    """A mail server that keeps what it takes. While `refuses`, it answers and takes nothing.

    On one connection it takes `most` mails and refuses others, or, when it is `rude`, hangs up.
    """

    def __init__(self) -> None:
        self.mails: list[Message] = []
        self.refuses = False
        self.refusal = "451 try again later"
        self.connections = 0
        self.most = 100
        self.rude = False

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, replies: list[str]) -> list[str]:  # noqa: N802
        self.connections += 1
        session.host_name, session.taken = name, 0
        return replies

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802
        if session.taken == self.most:
            return "421 enough for one connection"
        envelope.mail_from = address
        return "250 go on"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        if self.refuses:
            return self.refusal
        self.mails.append(message_from_bytes(envelope.content))
        session.taken += 1
        return "250 taken"

    async def handle_NOOP(self, server: Any, session: Any, envelope: Any, argument: str) -> str:  # noqa: N802
        if self.rude and session.taken == self.most:
            server.transport.close()
        return "250 here"

    def to(self, address: str) -> list[Message]:
        return [mail for mail in self.mails if mail["To"] == address]


@contextmanager
def mail_server(inbox: Inbox, port: int) -> Iterator[None]:
    """The server runs inside the block only; outside it nothing listens on the port."""
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def text_of(mail: Message) -> str:
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode()


def config(database: Database[dict[str, Any]], mongodb_uri: str, smtp_port: int = 1, **more: Any) -> Config:
    return Config(
        service="referrals_followup",
        role="serve",
        mongodb_uri=mongodb_uri,
        mongodb_database=database.name,
        public_url=PUBLIC_URL,
        bank_holidays_until=2016,
        directory_file=DIRECTORY,
        standards_dir=STANDARDS,
        smtp_host="127.0.0.1",
        smtp_port=smtp_port,
        mail_from="followthrough@localhost",
        perinatal_url="http://perinatal.example",
        leaving_care_url="http://leaving-care.example",
        **more,
    )


@contextmanager
def unfoldable(*threads: str) -> Iterator[None]:
    """The fold of these threads raises, as a fault of a pack or of the code would make it."""
    real = views.fold

    def fold(history: RulesHistory, thread: str, evidence: Iterable[Evidence]) -> list[FollowUp]:
        if thread in threads:
            raise TypeError
        return real(history, thread, evidence)

    with pytest.MonkeyPatch.context() as faulty:
        faulty.setattr(views, "fold", fold)
        yield


@cache
def _packs(folder: Path, roles: frozenset[str]) -> list[dict[str, Any]]:
    """Read once for all tests: it takes half a second."""
    return load_packs(folder, CATALOGUE, roles)


class Ledger:
    """Everything a test needs of the service: facts in, time on, sweeps, and what came of them."""

    def __init__(self, config: Config, clock: MovableClock | ReplayClock) -> None:
        self.clock = clock
        self.dependencies = build(config, clock)
        self._published: dict[str, list[Event]] = {service: [] for service in SERVICES}
        self._manifests = dict.fromkeys(SERVICES, 0)
        self._parked: dict[str, tuple[str, ...]] = {}
        packs = _packs(config.standards_dir, frozenset(self.dependencies.directory.roles))
        self.dependencies.rules.adopt(packs, england(config.bank_holidays_until))
        self.catch_up()

    def close(self) -> None:
        self.dependencies.close()

    def forget(self) -> None:
        """Nothing was ever recorded but the rules, nothing is parked, and no source has spoken."""
        but_rules = {"event.type": {"$ne": ADOPTED}}
        self.dependencies.views.collection.delete_many({})
        for made in ("threads", "totals", "totals_notes"):
            self.dependencies.database[made].delete_many({})
        self.dependencies.database.evidence.delete_many(but_rules)
        self.dependencies.store.collection.delete_many(but_rules)
        for said in ("positions", "reported_manifests", "reported_parked", "parked"):
            self.dependencies.database[said].delete_many({})
        self._manifests = dict.fromkeys(SERVICES, 0)
        self._parked.clear()
        for published in self._published.values():
            published.clear()

    def hear(self, *events: Event) -> None:
        """Events arrive, as published. They count as complete only when their source reports its position."""
        outcomes = self.dependencies.ingest.receive([delivery(event) for event in events])
        assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
        for event in events:
            self._published[event.source].append(event)

    def catch_up(self, *but_not: str) -> None:
        """Own events arrive, and every source (but those named) reports that it is complete until now."""
        own = self.dependencies.store.collection.find({"relay.pending": True}).sort("_id")
        events = [event_of(document) for document in own]
        if events:
            self.hear(*events)
            self.dependencies.store.collection.update_many(
                {"_id": {"$in": [event.id for event in events]}}, {"$unset": {"relay.pending": ""}}
            )
        for service in SERVICES:
            if service not in but_not:
                self.dependencies.ingest.receive([delivery(self._position(service))])

    def retry(self) -> None:
        """What the consumer of the evidence does every second: parked messages whose time has come are heard again."""
        self.dependencies.parked.try_again(EVIDENCE, self.dependencies.ingest.receive)

    def sweep(self, sweep_id: str | None = None) -> Outcome:
        body = json.dumps({"sweep_id": sweep_id or uuid7(self.clock.now())}).encode()
        (outcome,) = self.dependencies.sweeps.receive([Delivery(SWEEP, body, "application/json")])
        return outcome

    def days_pass(self, until: str, *but_not: str) -> None:
        """Time moves to this instant, every source reports, and a sweep looks."""
        self.clock.set(from_text(until))
        self.catch_up(*but_not)
        assert self.sweep() == Done()
        self.catch_up(*but_not)

    def chases(self, follow_up: FollowUp | None = None) -> list[Event]:
        wanted: dict[str, Any] = {"event.type": "follow_up.chased.v1"}
        if follow_up:
            wanted["event.stream"] = f"follow-up/{follow_up.id}"
        return [event_of(document) for document in self.dependencies.store.collection.find(wanted).sort("_id")]

    def follow_up(self, step: str = "REF-01", thread: str | None = None) -> FollowUp:
        wanted = {"step": step, **({"thread": thread} if thread else {})}
        document = self.dependencies.views.collection.find_one(wanted)
        assert document is not None, f"there is no {step}"
        return follow_up_of(document)

    def digests(self, event_type: str = "digest.composed.v1") -> list[Event]:
        found = self.dependencies.store.collection.find({"event.type": event_type}).sort("_id")
        return [event_of(document) for document in found]

    def parks(self, service: str, *ids: str) -> None:
        """With its next position the service says that these messages lie parked in it."""
        self._parked[service] = ids

    def _position(self, service: str) -> Event:
        events, self._published[service] = self._published[service], []
        manifest = None
        if events:
            self._manifests[service] += 1
            manifest = {"number": self._manifests[service], "ids": [event.id for event in events]}
        data: dict[str, Any] = {
            "until": to_text(self.clock.now()),
            "last": self._manifests[service],
            "manifest": manifest,
        }
        if ids := self._parked.get(service):
            data["parked"] = {"count": len(ids), "oldest": ids[0]}
        return an_event("position.reported.v1", f"position/{service}", data, at=self.clock.now(), source=service)


def an_event(
    event_type: str,
    stream: str,
    data: dict[str, Any],
    *,
    at: datetime = MONDAY,
    recorded_at: datetime | None = None,
    source: str = "perinatal",
    version: int = 1,
    actor: str = "gp-okafor",
    role: str = "gp_practice",
    team: str = "gp-mill-road",
    area: str = "essex",
    subject: str | None = None,
) -> Event:
    event_id = uuid7(at)
    return Event(
        id=event_id,
        source=source,
        type=event_type,
        subject=subject,
        occurred_at=at,
        recorded_at=recorded_at or at,
        stream=stream,
        version=version,
        actor=actor,
        role=role,
        team=team,
        area=area,
        correlation_id=event_id,
        data=data,
    )


def referral_noted(at: datetime = MONDAY, *, urgency: str = "routine", person: str = PERSON, **more: Any) -> Event:
    """A GP decided to refer to CAMHS, and did not send it."""
    referral_id = str(uuid4())
    data = {
        "referral_id": referral_id,
        "person_id": person,
        "service": "camhs",
        "service_kind": "health",
        "urgency": urgency,
        "reason_code": "depression",
    }
    return an_event("referral.intended.v1", f"referral/{referral_id}", data, at=at, subject=person, **more)


def referral_sent(noted: Event, at: datetime, **more: Any) -> Event:
    """The same referral was sent after all."""
    kept = {name: value for name, value in noted.data.items() if name != "reason_code"}
    data = {**kept, "channel": "letter", "evidence": True}
    return an_event("referral.sent.v1", noted.stream, data, at=at, version=2, subject=noted.subject, **more)


def item_planned(at: datetime = MONDAY, *, person: str = PERSON) -> tuple[Event, Event]:
    """A personal adviser was assigned, and an item stands in the pathway plan."""
    care_leaver_id, plan_item_id = str(uuid4()), str(uuid4())
    by: dict[str, Any] = {
        "at": at,
        "source": "leaving_care",
        "actor": "pa-lindqvist",
        "role": "personal_adviser",
        "team": "leaving-care-essex",
        "subject": person,
    }
    whose = {"care_leaver_id": care_leaver_id, "person_id": person}
    assigned = {**whose, "adviser": "pa-lindqvist", "team": "leaving-care-essex"}
    added = {
        **whose,
        "plan_item_id": plan_item_id,
        "kind": "counselling",
        "condition": "when_ready",
        "fallback": "mental_health_worker",
    }
    return (
        an_event("adviser.assigned.v1", f"care-leaver/{care_leaver_id}", assigned, version=2, **by),
        an_event("plan_item.added.v1", f"plan-item/{plan_item_id}", added, **by),
    )


def delivery(event: Event) -> Delivery:
    return Delivery(EVIDENCE, json.dumps(event.to_cloudevent()).encode(), CONTENT_TYPE, message_id=event.id)
