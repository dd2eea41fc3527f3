"""Case S has the same result while every process, the broker, the store and the mail server are killed at random."""

from __future__ import annotations

import email
import email.policy
import os
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import bson
import pytest
from pymongo.database import Database

from deploy.local.case import Alarm, Case, judge, load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import PROCESSES, LocalStack, local_stack
from shared.config.config import SERVICES
from shared.events.mongo import open_database
from shared.kernel.envelope import from_text
from shared.kernel.time import london_date
from shared.messaging.topology import QUEUES
from tests.chaos.killer import Killer, plan_kills
from tests.support import eventually, the_broker_has_saved_the_name_of, without_foreign_backends

pytestmark = pytest.mark.heavy

ROUNDS = int(os.environ.get("CHAOS_ROUNDS", "1"))
UNTIL = date(2013, 2, 20)
# The last rungs of MH-04 (on Thursday 17 January) and REF-01 (on Wednesday 30 January) repeat every ten working days.
REPEATED = [
    ("MH-04", "practice-lead", date(2013, 1, 31)),
    ("MH-04", "practice-lead", date(2013, 2, 14)),
    ("REF-01", "named-gp", date(2013, 2, 13)),
]
VICTIMS = [name for name in PROCESSES if name != "referrals_followup.tick"] + ["rabbitmq", "mongod", "smtp", "epmd"]


@dataclass(frozen=True, slots=True)
class Survived:
    """The stack after the replay, with every process running again, and the result."""

    stack: LocalStack
    case: Case
    alarms: list[Alarm]
    known: dict[str, str]
    killed: list[str]

    def database(self, service: str) -> Database[dict[str, Any]]:
        return open_database(self.stack.backends.mongodb_uri, service)

    def events(self, event_type: str) -> list[dict[str, Any]]:
        """The follow-up service's own events of this type, in order."""
        found = self.database("referrals_followup").events.find({"event.type": event_type}).sort("_id")
        return [document["event"] for document in found]


@pytest.fixture(scope="module")
def survived() -> Iterator[Survived]:
    seed = 1 if os.environ.get("CI") else random.SystemRandom().randrange(1_000_000)
    seed = int(os.environ.get("CHAOS_SEED", seed))
    print(f"CHAOS_SEED={seed} kills the same processes on the same days")
    case = load_case().until(UNTIL)
    days = [case.begins.date() + timedelta(days=n) for n in range((UNTIL - case.begins.date()).days + 1)]
    eventful = sorted({london_date(fact.at) for fact in case.facts} | {expected.first for expected in case.must})
    environment = without_foreign_backends()
    with local_stack(fresh_name("test"), replay_clock=case.begins, environment=environment) as stack:
        assert set(VICTIMS) == set(stack.names())
        for queue in QUEUES:
            eventually(lambda name=queue.name: _is_saved(stack, name))
        replay = Replay(stack, case)
        with Killer(stack, plan_kills(VICTIMS, eventful, days, seed, ROUNDS)) as killer:
            killer.day_begins(days[0])
            for day, _ in replay.days():
                killer.day_begins(day + timedelta(days=1))
        stack.wait_until_ready()
        yield Survived(stack, case, replay.alarms(), replay.known, killer.killed)


def _is_saved(stack: LocalStack, queue: str) -> bool:
    return the_broker_has_saved_the_name_of(queue, stack.backends, stack.backends.amqp_uri)


def test_every_process_was_killed_during_the_replay(survived: Survived) -> None:
    assert Counter(survived.killed) == dict.fromkeys(VICTIMS, ROUNDS)


def test_the_alarms_are_those_of_an_undisturbed_replay(survived: Survived) -> None:
    judgement = judge(survived.case, survived.alarms, survived.known)
    assert judgement.missing == []
    assert list(judgement.unexpected) == []
    assert len(survived.alarms) == len(survived.case.must)


def test_each_rung_is_chased_once_each_time_that_it_is_due(survived: Survived) -> None:
    chased = Counter(
        (event["data"]["follow_up_id"], rung["name"], rung["at"])
        for event in survived.events("follow_up.chased.v1")
        for rung in event["data"]["rungs"]
    )
    assert [rung for rung, times in chased.items() if times > 1] == []
    rungs = [
        (event["data"]["step"], rung["name"], london_date(from_text(rung["at"])))
        for event in survived.events("follow_up.chased.v1")
        for rung in event["data"]["rungs"]
    ]
    assert sorted(rungs) == sorted(
        [*((expected.step, expected.rung, expected.first) for expected in survived.case.must), *REPEATED]
    )


def test_everybody_is_told_once_of_each_chase_in_one_digest_a_day(survived: Survived) -> None:
    letters = survived.events("digest.composed.v1")
    covered = Counter((chase, letter["data"]["recipient"]) for letter in letters for chase in letter["data"]["chases"])
    assert covered == {
        (chase["id"], recipient): 1
        for chase in survived.events("follow_up.chased.v1")
        for recipient in chase["data"]["recipients"]
    }
    per_day = Counter((letter["data"]["recipient"], london_date(letter["time"])) for letter in letters)
    assert [who for who, times in per_day.items() if times > 1] == []


def test_a_mail_is_repeated_only_under_the_same_message_id(survived: Survived) -> None:
    copies: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for path in (survived.stack.backends.maildir / "new").iterdir():
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        copies[mail["Message-ID"]].add((mail["To"], mail["Subject"]))
    assert copies.keys() == {f"<{letter['id']}@followthrough>" for letter in survived.events("digest.composed.v1")}
    assert all(len(different) == 1 for different in copies.values())
    accepted = Counter(event["data"]["digest_id"] for event in survived.events("digest.accepted.v1"))
    assert accepted == {letter["id"]: 1 for letter in survived.events("digest.composed.v1")}


@pytest.mark.parametrize("service", SERVICES)
def test_no_stream_has_a_gap(survived: Survived, service: str) -> None:
    versions: dict[str, list[int]] = defaultdict(list)
    for document in survived.database(service).events.find({}, {"event": 1}):
        versions[document["event"]["stream"]].append(document["event"]["streamversion"])
    assert versions
    gaps = {stream for stream, found in versions.items() if sorted(found) != list(range(1, len(found) + 1))}
    assert gaps == set()


def test_each_fact_is_recorded_once(survived: Survived) -> None:
    recorded = [
        document["event"]["type"]
        for service in ("perinatal", "leaving_care")
        for document in survived.database(service).events.find({}, {"event": 1})
    ]
    assert len(recorded) == len(survived.case.recorded)


def test_nothing_is_left_to_publish_fold_or_mail(survived: Survived) -> None:
    evidence = survived.database("referrals_followup").evidence
    folded = {document["_id"] for document in evidence.find({"folded": True}, {"_id": 1})}
    for service in SERVICES:
        events = survived.database(service).events
        for part in ("pending", "unlisted", "mail_for", "smtp"):
            assert events.count_documents({f"relay.{part}": {"$exists": True}}) == 0, (service, part)
        assert {document["_id"] for document in events.find({}, {"_id": 1})} <= folded


def test_an_outage_parks_no_message_and_no_thread(survived: Survived) -> None:
    blamed = {
        (service, name): survived.database(service)[name].count_documents({})
        for service in SERVICES
        for name in ("parked", "parked_threads")
    }
    assert not any(blamed.values()), blamed


def test_the_follow_ups_are_those_that_a_rebuild_gives(survived: Survived) -> None:
    def views() -> list[bytes]:
        found = survived.database("referrals_followup").follow_ups.find().sort("_id")
        return [bson.encode(document) for document in found]

    before = views()
    survived.stack.run("referrals_followup", "rebuild")
    assert before
    assert views() == before
