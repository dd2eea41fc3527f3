"""Replays a case on a local stack: records each fact at its time through the APIs and lets the days pass.

The clock goes from one instant to the next at which something happens: a fact, or a rung that falls due. It moves only
when nothing is left to do: the services have recorded their reactions to every fact, nothing is owed, and no digest
waits. A sweep is only asked for when every source has reported that it is complete up to that instant. So the result
depends neither on the speed of the machine nor on which processes were killed meanwhile.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any, TypeVar

import pika.exceptions
import requests
from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.errors import PyMongoError
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from deploy.local.case import Alarm, Case, Fact
from deploy.local.processes import NotReady
from deploy.local.stack import LocalStack
from services.leaving_care.domain.reactions import REACTIONS as OF_LEAVING_CARE
from services.perinatal.domain.reactions import REACTIONS as OF_PERINATAL
from services.referrals_followup.bootstrap import build_channels
from services.referrals_followup.chasing.outbox import DigestOutbox
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain.follow_up import OPEN
from services.referrals_followup.ledger.evidence import EvidenceStore
from shared.config.config import SERVICES, load_config
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.kernel.envelope import from_text
from shared.kernel.time import at_london, london_date
from shared.recording.reactions import has_settled
from shared.runtime.clock import ReplayClock
from shared.scheduling.tick import publish_sweep

PATIENCE_SECONDS = 120.0
ONE_SWEEP_SECONDS = 20.0
FOLDED_SECONDS = 5.0
# As often as `tick` asks for a sweep: the next sweep chases what is owed at once.
BETWEEN_SWEEPS = timedelta(minutes=1)
READER = "reviewer-thorne"
REACTIONS = {"perinatal": OF_PERINATAL, "leaving_care": OF_LEAVING_CARE}

Answer = TypeVar("Answer")


def outbox_of(environment: Mapping[str, str], database: Database[dict[str, Any]]) -> DigestOutbox:
    """The outbox of a running service, with the channels that its environment configures."""
    config = load_config(environment, service="referrals_followup", role="serve bus")
    return DigestOutbox(database.events, [channel.name for channel in build_channels(config)])


class Replay:
    """One replay of one case. `known` has the ids that the services answered, by the names that the case gives."""

    def __init__(self, stack: LocalStack, case: Case) -> None:
        self.stack = stack
        self.case = case
        self.known: dict[str, str] = {}
        self._directory = load_directory(self.stack.directory_file)
        self._database = open_database(self.stack.backends.mongodb_uri, "referrals_followup")
        stores = {service: open_database(self.stack.backends.mongodb_uri, service) for service in SERVICES}
        self._events = [store.events for store in stores.values()]
        self._recording = {service: stores[service] for service in REACTIONS}
        self._evidence = EvidenceStore(self._database, CATALOGUE)
        self._outbox = outbox_of(self.stack.environments["referrals_followup"], self._database)
        if self.stack.clock_file is None:
            raise ValueError("a replay needs a stack with a replay clock")
        self._clock = ReplayClock(self.stack.clock_file)
        self._http = requests.Session()
        self._http.trust_env = False
        retry = Retry(
            total=None,
            connect=60,
            read=60,
            status=60,
            status_forcelist=(503,),
            allowed_methods=None,
            backoff_factor=0.05,
        )
        retry.DEFAULT_BACKOFF_MAX = 1
        self._http.mount("http://", HTTPAdapter(max_retries=retry))

    def days(self) -> Iterator[tuple[date, list[Fact]]]:
        """Lets the days pass and yields each with its facts. A day on which nothing happens takes no time."""
        waiting = deque(self.case.facts)
        day = london_date(self.case.begins)
        while day <= self.case.ends:
            following = day + timedelta(days=1)
            before = at_london(following, clock_time())
            facts = []
            while waiting and waiting[0].at < before:
                facts.append(waiting.popleft())
            self._let_pass(deque(fact for fact in facts if fact.is_recorded), before)
            yield day, facts
            day = following
        self._wait("everything recorded is told", self._is_told)

    def _let_pass(self, waiting: deque[Fact], before: datetime) -> None:
        """Records facts and sweeps, each at its time, until nothing is left to record or to chase before `before`."""
        while True:
            owed_at = self._owed_at()
            if waiting and (owed_at is None or waiting[0].at <= owed_at):
                now = waiting[0].at
                self._move_to(now)
                while waiting and waiting[0].at == now:
                    self._record(waiting.popleft())
                self._wait("everything recorded is told", self._is_told)
                self._move_to(now + BETWEEN_SWEEPS)
            elif owed_at is not None and owed_at < before:
                self._move_to(max(owed_at, self._clock.now()))
                self._sweep_until_nothing_waits()
            else:
                return

    def alarms(self) -> list[Alarm]:
        """Every alarm raised so far, in order, from the follow-up API."""
        found = [alarm for item in self._follow_ups() for alarm in self._alarms_of(item["id"])]
        return sorted(found, key=lambda alarm: (alarm.on, alarm.step, alarm.thread, alarm.rung))

    def _alarms_of(self, follow_up_id: str) -> Iterator[Alarm]:
        detail = self._get(f"/v1/follow-ups/{follow_up_id}")
        chases = [entry for entry in detail["history"] if entry.get("rungs")]
        for height, rung in enumerate(rung["name"] for rung in detail["ladder"] if rung["alarm"]):
            of_rung = [entry for entry in chases if rung in entry["rungs"]]
            if not of_rung:
                continue
            days = [london_date(from_text(entry["at"])) for entry in of_rung]
            yield Alarm(
                on=days[0],
                step=detail["step"],
                rung=rung,
                told=tuple(sorted(of_rung[0]["recipients"])),
                thread=detail["thread"],
                person=detail["person"],
                reference=detail["reference"],
                basis=detail["basis"],
                title=detail["title"],
                height=height,
                again=tuple(days[1:]),
                closed_on=london_date(from_text(detail["closed_at"])) if detail["closed_at"] else None,
                closed_because=detail["closed_reason"],
            )

    def token(self, person: str) -> str:
        """A token for somebody in the directory."""
        member, team = self._directory.member(person), self._directory.team_of(person)
        if member is None or team is None:
            raise NotReady(f"the directory knows nobody called {person}")
        return self.stack.mint(member.id, member.role, team.id, [team.area])

    def _record(self, fact: Fact) -> None:
        path, body = fact.fill_in(self.known)
        key = f"{fact.at:%Y%m%d%H%M}:{self.case.facts.index(fact)}"
        headers = {"Authorization": f"Bearer {self.token(fact.by)}", "Idempotency-Key": key}
        answer = self._http.post(self.stack.urls[fact.service] + path, json=body, headers=headers, timeout=30)
        if answer.status_code != 201:
            raise NotReady(f"{fact.happened}: {fact.service} answered {answer.status_code}: {answer.text}")
        for name, part in fact.remember.items():
            self.known[name] = answer.json()[part]

    def _follow_ups(self) -> Iterator[dict[str, Any]]:
        query: dict[str, Any] | None = {"state": "any", "limit": 200}
        while query:
            page = self._get("/v1/follow-ups", query)
            yield from page["items"]
            query = {"state": "any", "limit": 200, "cursor": page["next"]} if page["next"] else None

    def _get(self, path: str, query: dict[str, Any] | None = None) -> dict[str, Any]:
        reader = self._directory.people[READER]
        token = self.stack.mint(reader.id, reader.role, reader.team, sorted(self._directory.areas))
        headers = {"Authorization": f"Bearer {token}"}
        answer = self._http.get(self.stack.urls["referrals_followup"] + path, params=query, headers=headers, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _move_to(self, instant: datetime) -> None:
        """Moves the clock on, and waits until everything recorded before `instant` is folded."""
        self._clock.set(instant)
        self._wait("every source says how far it is", self._is_complete)

    def _owed_at(self) -> datetime | None:
        """The next instant (UTC) at which a rung is due, as far as is known now."""

        def find() -> tuple[dict[str, Any] | None]:
            owed = {"state": OPEN, "next_rung_at": {"$type": "date"}}
            return (self._database.follow_ups.find_one(owed, sort=[("next_rung_at", ASCENDING)]),)

        (first,) = self._wait("the follow-ups can be read", find)
        return first["next_rung_at"].replace(tzinfo=UTC) if first else None

    def _sweep_until_nothing_waits(self) -> None:
        """Asks for sweeps, as `tick` does each minute, until one has seen everything and left nothing owed."""

        def swept() -> bool:
            sweep_id = publish_sweep(self.stack.backends.amqp_uri, self._clock)
            try:
                self._wait("the sweep has run", lambda: self._has_finished(sweep_id), ONE_SWEEP_SECONDS)
                self._wait("what was owed is chased", lambda: not self._is_owed_now(), FOLDED_SECONDS)
            except NotReady:  # a process is coming back; another sweep does no harm
                return False
            return self._outbox.is_idle()

        self._wait("no chase and no mail is left", swept)

    def _is_owed_now(self) -> bool:
        owed_at = self._owed_at()
        return owed_at is not None and owed_at <= self._clock.now()

    def _has_finished(self, sweep_id: str) -> bool:
        sweep = self._database.sweeps.find_one({"_id": sweep_id, "finished_at": {"$exists": True}})
        return sweep is not None and sweep["as_of"] == self._clock.now()

    def _is_told(self) -> bool:
        # The condition that is met last is checked first: most checks end there.
        return self._is_complete() and self._is_published() and self._is_complete()

    def _is_complete(self) -> bool:
        now = self._clock.now()
        return all(until is not None and until >= now for until in self._evidence.complete_until().values())

    def _is_published(self) -> bool:
        """Whether every event is published, and every reaction to it recorded and published."""
        recording = self._recording.values()
        return all(
            has_settled(REACTIONS[service], store, recording) for service, store in self._recording.items()
        ) and not any(
            events.find_one({part: True}) for events in self._events for part in ("relay.pending", "relay.unlisted")
        )

    def _wait(self, what: str, condition: Callable[[], Answer], within: float = PATIENCE_SECONDS) -> Answer:
        """Waits for a truthy answer of the condition and returns it. Raises NotReady."""
        deadline = time.monotonic() + within
        pause = 0.005
        while True:
            try:
                if answer := condition():
                    return answer
            except (PyMongoError, pika.exceptions.AMQPError, OSError):
                pass  # a process is away; the stack starts it again
            if time.monotonic() > deadline:
                raise NotReady(f"waited {within:.0f} s in vain until {what}; see the logs in {self.stack.folder}/logs")
            time.sleep(pause)
            pause = min(2 * pause, 0.02)
