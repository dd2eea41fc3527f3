"""Counts how many round trips one act costs, for fixed inputs. The counts are the same on every machine.

pymongo's monitoring counts the commands to MongoDB and their documents. Messages are counted at the channel. `measured`
needs a real MongoDB and a real RabbitMQ. The counts are compared with `counts.json`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from pymongo import MongoClient, monitoring

from deploy.local.backends import Backends
from services.perinatal.bootstrap import build as build_perinatal
from services.perinatal.service import PerinatalService
from services.referrals_followup.api.schemas import FollowUpsQuery, ScopeQuery
from services.referrals_followup.service import ReferralsFollowupService
from shared.config.config import SERVICES, Config
from shared.events.mongo import open_database
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event
from shared.messaging import consumer
from shared.messaging.incoming import Delivery
from shared.messaging.publisher import ConfirmedPublisher, Outgoing
from shared.messaging.topology import EVIDENCE, declare, exchange_of
from shared.recording.bulk import Bulk, Order, Source
from shared.relay.relay import Relay
from shared.runtime.clock import MovableClock
from shared.runtime.dependencies import SETTINGS
from shared.web.endpoint import endpoints_of
from shared.web.exchange import Answer, Request
from tests.bench.histories import message, shuffled, together
from tests.contract.toy import free_port
from tests.integration.bus import record
from tests.integration.ledger import MONDAY, Inbox, Ledger, config, mail_server, referral_noted

COUNTS = Path(__file__).with_name("counts.json")
GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))
MANAGER = Actor("lead-marchetti", "safeguarding_lead", "safeguarding-essex", ("essex",))
NAMES = {"given_name": "Wren", "family_name": "Exampleton"}
NOTED = {"stage": "intended", "service": "camhs", "reason_code": "depression", "urgency": "routine"}
DUE = MONDAY + timedelta(days=3)

Counts = dict[str, int]

_CARRIED = {"insert": "documents", "update": "updates", "delete": "deletes"}
_QUERIES = ("find", "aggregate", "count", "distinct", "getMore", "findAndModify")


class Tally(monitoring.CommandListener):
    """Counts the commands that clients opened after it was registered send to one database at a time."""

    def __init__(self) -> None:
        self._database: str | None = None
        self._counts: Counter[str] = Counter()

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.database_name != self._database:
            return
        name = event.command_name
        if name in _CARRIED:
            self._counts[f"{name}s"] += 1
            self._counts[f"documents in {name}s"] += len(event.command[_CARRIED[name]])
        elif name in _QUERIES:
            self._counts[f"{name} queries"] += 1

    def succeeded(self, event: Any) -> None:
        """Only what was asked is counted."""

    def failed(self, event: Any) -> None:
        """Only what was asked is counted."""

    @contextmanager
    def counting(self, database: str) -> Iterator[Counter[str]]:
        """What is asked of this database inside the block; more may be added to it."""
        self._database, self._counts = database, Counter()
        try:
            yield self._counts
        finally:
            self._database = None


TALLY = Tally()
monitoring.register(TALLY)


def accepted() -> dict[str, Counts]:
    """The accepted counts."""
    counts: dict[str, Counts] = json.loads(COUNTS.read_text())
    return counts


def accept(counts: Mapping[str, Counts]) -> None:
    """Accepts these counts."""
    COUNTS.write_text(json.dumps(counts, indent=2) + "\n")


def changed(counts: Mapping[str, Counts], agreed: Mapping[str, Counts]) -> list[str]:
    """The differences, a line each, for a person."""
    return [
        f"{what}: {name} {agreed.get(what, {}).get(name, 0)} -> {counts.get(what, {}).get(name, 0)}"
        for what in sorted({*counts, *agreed})
        for name in sorted({*counts.get(what, {}), *agreed.get(what, {})})
        if counts.get(what, {}).get(name, 0) != agreed.get(what, {}).get(name, 0)
    ]


def measured(backends: Backends) -> dict[str, Counts]:
    """Every count, each on a database of its own; in well under a minute."""
    found: dict[str, Counts] = {}
    for count in (_recording, _relaying, _ledger_batches, _sweeps, _questions):
        found |= {what: dict(sorted(counts.items())) for what, counts in count(backends).items()}
    return found


# --- recording ------------------------------------------------------------------------------------------------------


def _recording(backends: Backends) -> dict[str, Counter[str]]:
    with _database(backends) as name, TemporaryDirectory() as folder:
        key = Path(folder) / "person.key"
        key.write_text("5" * 64)
        service = PerinatalService()
        service.dependencies = build_perinatal(
            Config(
                service="perinatal",
                role="import",
                mongodb_uri=backends.mongodb_uri,
                mongodb_database=name,
                public_url="http://perinatal.example",
                bank_holidays_until=2016,
                person_id_key_file=key,
            )
        )
        try:
            with TALLY.counting(name) as registered:
                person = _post(service, "/v1/people", NAMES)
            noted_body = {**NOTED, "person_id": person.body["person_id"]}
            with TALLY.counting(name) as noted:
                referral = _post(service, "/v1/referrals", noted_body)
            with TALLY.counting(name) as sent:
                of = {"referral_id": str(referral.body["referral_id"])}
                _post(service, "/v1/referrals/<referral_id>/sent", {"channel": "letter"}, **of)
            orders = [order for number in range(250) for order in _two_orders(f"bulk-{number}")]
            with TALLY.counting(name) as bulk:
                results = Bulk(service).give(orders, str(uuid4()))
        finally:
            service.dependencies.close()
        assert all(result.is_recorded for result in results), results
    return {
        "recording: a person": registered,
        "recording: a referral noted": noted,
        "recording: a referral sent": sent,
        "recording: 500 commands at once": bulk,
    }


def _post(service: PerinatalService, url: str, body: Mapping[str, Any], **path: str) -> Answer:
    name, endpoint = next(
        (name, one) for name, one in endpoints_of(PerinatalService) if (one.method, one.url) == ("POST", url)
    )
    request = Request(GP, str(uuid4()), path, body=endpoint.loaded(body), key=uuid4().hex)
    answer: Answer = getattr(service, name)(request)
    return answer


def _two_orders(key: str) -> list[Order]:
    sources = {"person_id": Source(f"{key}-person", "person_id")}
    return [
        Order(GP, f"{key}-person", "/v1/people", NAMES),
        Order(GP, f"{key}-noted", "/v1/referrals", NOTED, sources=sources),
    ]


# --- the relay ------------------------------------------------------------------------------------------------------


class _Counted:
    """A publisher that counts into whatever `counts` is at the time."""

    def __init__(self, publisher: ConfirmedPublisher) -> None:
        self._publisher = publisher
        self.counts: Counter[str] = Counter()

    def publish(self, messages: list[Outgoing]) -> set[str]:
        self.counts["publishes"] += len(messages)
        self.counts["waits for confirms"] += 1
        return self._publisher.publish(messages)


def _relaying(backends: Backends) -> dict[str, Counter[str]]:
    with _database(backends) as name, _vhost(backends) as amqp_uri:
        for service in SERVICES:
            declare(amqp_uri, service)
        database = open_database(backends.mongodb_uri, name)
        publisher = ConfirmedPublisher(amqp_uri, exchange_of("perinatal"))
        publisher.open()
        counted = _Counted(publisher)
        relay = Relay(database, counted, service="perinatal", clock=MovableClock(MONDAY))
        relay.ensure_indexes()
        found = {}
        # How often a position is told depends on real time: here with each step.
        with patch("shared.relay.relay.REPORT_EVERY", 0.0):
            relay.step()
            for events in (1, 500):
                record(database, events, at=MONDAY)
                with TALLY.counting(name) as counts:
                    counted.counts = counts
                    relay.step()
                found[f"relay: a step over {events}"] = counts
        publisher.close()
        database.client.close()
    return found


# --- the ledger -----------------------------------------------------------------------------------------------------


class _Container:
    """What a consumer needs of a nameko container, without greenlets: the handler runs at once."""

    def __init__(self, settings: Config, handle: Callable[[list[Delivery]], Any]) -> None:
        self.config = {SETTINGS: settings}
        self._handle = handle

    def spawn_worker(self, entrypoint: Any, args: Any, kwargs: Any, handle_result: Callable[..., Any]) -> None:
        outcomes = self._handle(*args)
        entrypoint._stopping.send(True)  # one batch is enough
        handle_result(None, outcomes, None)


class _Session(consumer.Session):
    """A stay at the broker that is counted: what is acknowledged, and in how many messages of the protocol."""

    counts: Counter[str]

    def acknowledge(self, messages: Sequence[Any]) -> None:
        with patch.object(self._channel, "basic_ack", wraps=self._channel.basic_ack) as ack:
            super().acknowledge(messages)
        self.counts["acks"] += ack.call_count
        self.counts["messages acknowledged"] += len(messages)


def _ledger_batches(backends: Backends) -> dict[str, Counter[str]]:
    one, mixed = together(people=1), shuffled(people=50)
    inputs = {
        "ledger: a batch of 1": (one[:1], one[1:2]),
        "ledger: a batch of 500 together": ([], together(people=25)),
        "ledger: a batch of 500 shuffled": (mixed[:500], mixed[500:]),
    }
    found = {}
    for what, (before, events) in inputs.items():
        with _ledger(backends) as (ledger, name), _vhost(backends) as amqp_uri:
            for first in range(0, len(before), 500):
                ledger.hear(*before[first : first + 500])
            with TALLY.counting(name) as counts:
                _consume(ledger, amqp_uri, events, counts)
            found[what] = counts
    return found


def _consume(ledger: Ledger, amqp_uri: str, events: Sequence[Event], counts: Counter[str]) -> None:
    """Lets these events be heard as one batch by the consumer of the service, from a real queue."""
    declare(amqp_uri, "referrals_followup")
    publisher = ConfirmedPublisher(amqp_uri, exchange_of("perinatal"))
    publisher.open()
    assert len(publisher.publish([Outgoing(one.id, one.type, message(one)) for one in events])) == len(events)
    publisher.close()
    one = consumer.Consumer(EVIDENCE, most=len(events))
    settings = replace(ledger.dependencies.config, amqp_uri=amqp_uri)
    one.container = _Container(settings, ledger.dependencies.ingest.receive)
    with (
        patch.object(consumer, "Session", type("Counted", (_Session,), {"counts": counts})),
        patch("shared.messaging.session._LINGER", 5.0),
        patch("shared.messaging.session._LINGER_IN_ALL", 30.0),
    ):
        one.setup()
        one._run()


# --- sweeps and questions -------------------------------------------------------------------------------------------


def _sweeps(backends: Backends) -> dict[str, Counter[str]]:
    found = {}
    for still_open in (100, 1_000):
        with _ledger(backends) as (ledger, name):
            _open(ledger, due=10, later=still_open - 10)
            ledger.clock.set(DUE)
            ledger.catch_up()
            with TALLY.counting(name) as counts:
                ledger.sweep()
            assert len(ledger.chases()) == 10
            found[f"sweep: 10 due among {still_open} open"] = counts
    return found


def _questions(backends: Backends) -> dict[str, Counter[str]]:
    with _ledger(backends) as (ledger, name):
        _open(ledger, due=10, later=190)
        ledger.clock.set(DUE)
        ledger.catch_up()
        service = ReferralsFollowupService()
        service.dependencies = ledger.dependencies
        listing = Request(MANAGER, str(uuid4()), {}, FollowUpsQuery().load({}))
        summing = Request(MANAGER, str(uuid4()), {}, ScopeQuery().load({}))
        # The first question notes how far all is complete.
        first = service.sum_up(summing)
        with TALLY.counting(name) as listed:
            page = service.list_follow_ups(listing)
        with TALLY.counting(name) as summed:
            summary = service.sum_up(summing)
        with TALLY.counting(name) as listed_again:
            unchanged = service.list_follow_ups(replace(listing, held_tags=frozenset({page.tag})))
        with TALLY.counting(name) as summed_again:
            unchanged_sums = service.sum_up(replace(summing, held_tags=frozenset({first.tag})))
        assert page.body["items"]
        assert (page.status, summary.status, unchanged.status, unchanged_sums.status) == (200, 200, 304, 304)
    return {
        "a manager's list, first page": listed,
        "a manager's list, unchanged": listed_again,
        "a manager's summary": summed,
        "a manager's summary, unchanged": summed_again,
    }


def _open(ledger: Ledger, due: int, later: int) -> None:
    """So many referrals that were noted, of as many people: some due by `DUE`, the others a week after that."""
    at = [*[MONDAY] * due, *[MONDAY + timedelta(days=7)] * later]
    ledger.clock.set(max(at))
    noted = [referral_noted(when, person=f"p_{number:032x}") for number, when in enumerate(at)]
    for first in range(0, len(noted), 500):
        ledger.hear(*noted[first : first + 500])


# --- what they stand on ---------------------------------------------------------------------------------------------


@contextmanager
def _database(backends: Backends) -> Iterator[str]:
    name = f"counts_{uuid4().hex}"
    yield name
    with MongoClient[Any](backends.mongodb_uri) as client:
        client.drop_database(name)


@contextmanager
def _vhost(backends: Backends) -> Iterator[str]:
    name = f"counts_{uuid4().hex}"
    yield backends.new_vhost(name)
    backends.drop_vhost(name)


@contextmanager
def _ledger(backends: Backends) -> Iterator[tuple[Ledger, str]]:
    """A follow-up service without its processes, and the name of its database."""
    port = free_port()
    with _database(backends) as name, MongoClient[Any](backends.mongodb_uri) as client, mail_server(Inbox(), port):
        ledger = Ledger(config(client[name], backends.mongodb_uri, port), MovableClock(MONDAY - timedelta(days=300)))
        ledger.clock.set(MONDAY)
        yield ledger, name
        ledger.close()
