"""Replays a case on a local stack: records each fact on its day through the APIs and lets the days pass.

The clock moves only when nothing is left to do: all that was recorded is published and folded, what the services record
because of it is recorded, and no mail waits. So the result does not depend on how quickly anything runs, nor on which
process was killed and came back meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from datetime import time as clock_time
from typing import Any

import pika.exceptions
import requests
from pymongo.errors import PyMongoError
from requests.adapters import HTTPAdapter
from urllib3 import Retry

from deploy.local.case import Case, Expected, Fact
from deploy.local.processes import NotReady
from deploy.local.stack import SERVICES, LocalStack
from services.leaving_care.domain.reactions import REACTIONS as OF_LEAVING_CARE
from services.perinatal.domain.reactions import REACTIONS as OF_PERINATAL
from services.referrals_followup import mails
from services.referrals_followup.directory_file import load_directory
from services.referrals_followup.evidence import EvidenceStore
from shared.clock import ReplayClock
from shared.contracts import CATALOGUE
from shared.events.mongo import open_database
from shared.kernel.envelope import from_text
from shared.kernel.time import at_london, london_date
from shared.reactions import has_settled
from shared.scheduling.tick import publish_sweep

END_OF_DAY = clock_time(18, 0)
PATIENCE_SECONDS = 120.0
ONE_SWEEP_SECONDS = 20.0
REACTIONS = {"perinatal": OF_PERINATAL, "leaving_care": OF_LEAVING_CARE}


@dataclass(frozen=True, slots=True, order=True)
class Alarm:
    """A rung that was chased, for the first time: when (London day), under which step, who was told."""

    on: date
    step: str
    rung: str
    told: tuple[str, ...]
    reference: str = field(compare=False)
    basis: str = field(compare=False)
    title: str = field(compare=False)


class Replay:
    """One replay of one case. `known` holds the ids that the services answered."""

    def __init__(self, stack: LocalStack, case: Case) -> None:
        self.stack = stack
        self.case = case
        self.known: dict[str, str] = {}
        self._directory = load_directory(self.stack.directory_file)
        self._database = open_database(self.stack.parts.mongodb_uri, "referrals_followup")
        stores = {service: open_database(self.stack.parts.mongodb_uri, service) for service in SERVICES}
        self._events = [store.events for store in stores.values()]
        self._recording = {service: stores[service] for service in REACTIONS}
        self._evidence = EvidenceStore(self._database, CATALOGUE)
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
        """Lets one day after the other pass; each with what was recorded on it."""
        day = london_date(self.case.begins)
        while day <= self.case.ends:
            facts = [fact for fact in self.case.facts if london_date(fact.at) == day]
            for fact in facts:
                self._move_to(fact.at)
                self._record(fact)
            self._move_to(at_london(day, END_OF_DAY))
            self._sweep_until_nothing_waits()
            yield day, facts
            day += timedelta(days=1)

    def alarms(self) -> list[Alarm]:
        """Every alarm raised so far: the first chase of each rung, as the follow-up API tells it."""
        found: dict[tuple[str, str], Alarm] = {}
        for item in self._follow_ups():
            detail = self._get(f"/v1/follow-ups/{item['id']}")
            alarming = {rung["name"] for rung in detail["ladder"] if rung["alarm"]}
            for entry in detail["history"]:
                for rung in alarming & set(entry.get("rungs", ())):
                    alarm = Alarm(
                        on=london_date(from_text(entry["at"])),
                        step=detail["step"],
                        rung=rung,
                        told=tuple(sorted(entry["recipients"])),
                        reference=detail["reference"],
                        basis=detail["basis"],
                        title=detail["title"],
                    )
                    found.setdefault((detail["id"], rung), alarm)
        return sorted(found.values())

    def token(self, person: str) -> str:
        """A token for somebody in the directory."""
        member, team = self._directory.member(person), self._directory.team_of(person)
        if member is None or team is None:
            raise NotReady(f"the directory knows nobody called {person}")
        return self.stack.mint(member.id, member.role, team.id, [team.area])

    def _record(self, fact: Fact) -> None:
        path, body = fact.filled(self.known)
        headers = {"Authorization": f"Bearer {self.token(fact.by)}", "Idempotency-Key": f"{fact.at:%Y%m%d%H%M}{path}"}
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
        headers = {"Authorization": f"Bearer {self.token('lc-manager-varga')}"}
        answer = self._http.get(self.stack.urls["referrals_followup"] + path, params=query, headers=headers, timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found

    def _move_to(self, instant: datetime) -> None:
        self._wait("everything recorded is told", self._is_told)
        self._clock.set(instant)
        self._wait("every source says how far it is", self._is_told)

    def _sweep_until_nothing_waits(self) -> None:
        """Calls what APScheduler calls every minute, until a sweep has seen all of today and left nothing."""

        def swept() -> bool:
            sweep_id = publish_sweep(self.stack.parts.amqp_uri, self._clock)
            try:
                self._wait("the sweep has run", lambda: self._has_finished(sweep_id), ONE_SWEEP_SECONDS)
            except NotReady:  # it waits for a part that is coming back; another one does no harm
                return False
            return self._is_told() and mails.is_idle(self._database.events)

        self._wait("no chase and no mail is left", swept)
        self._wait("everything chased is told", self._is_told)

    def _has_finished(self, sweep_id: str) -> bool:
        sweep = self._database.sweeps.find_one({"_id": sweep_id, "finished_at": {"$exists": True}})
        return sweep is not None and sweep["as_of"] == self._clock.now()

    def _is_told(self) -> bool:
        now = self._clock.now()
        recording = self._recording.values()
        if not all(has_settled(REACTIONS[service], store, recording) for service, store in self._recording.items()):
            return False
        if any(
            events.find_one({part: True}) for events in self._events for part in ("relay.pending", "relay.unlisted")
        ):
            return False
        return all(until is not None and until >= now for until in self._evidence.complete_until().values())

    def _wait(self, what: str, condition: Callable[[], bool], within: float = PATIENCE_SECONDS) -> None:
        deadline = time.monotonic() + within
        while True:
            try:
                if condition():
                    return
            except (PyMongoError, pika.exceptions.AMQPError, OSError):
                pass  # a part is away; the stack starts it again
            if time.monotonic() > deadline:
                raise NotReady(f"waited {within:.0f} s in vain until {what}; see the logs in {self.stack.folder}/logs")
            time.sleep(0.005)


def judged(case: Case, alarms: list[Alarm]) -> tuple[list[tuple[Expected, Alarm | None]], list[Alarm]]:
    """Each expected alarm with the one that was raised as expected, if any; and the alarms that nobody expected."""
    left = list(alarms)
    pairs: list[tuple[Expected, Alarm | None]] = []
    for expected in case.must:
        raised = next((alarm for alarm in left if _fits(alarm, expected)), None)
        pairs.append((expected, raised))
        if raised:
            left.remove(raised)
    return pairs, [alarm for alarm in left if alarm.step not in case.may]


def _fits(alarm: Alarm, expected: Expected) -> bool:
    raised = (alarm.step, alarm.rung, alarm.on, frozenset(alarm.told))
    return raised == (expected.step, expected.rung, expected.on, expected.told)
