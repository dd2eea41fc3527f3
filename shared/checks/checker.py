"""Watching the watcher: a service looks at what it has stored for what must hold and does not, and says what to do.

Guarantees: each predicate looks at what is stored, never at a window of time, so a night that was missed loses nothing;
one that fails stops no other and is itself a finding. A check that was asked for is stored once, told once, and kept
for ninety days. Findings hold ids and codes, and nothing of anybody's content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from shared.contracts.access import SYSTEM_ACTOR
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.decisions import Aggregate, Context, Fact
from shared.kernel.envelope import Event, to_ms, to_text
from shared.messaging.incoming import Delivery, Done, Outcome, Park, read_request
from shared.runtime.observability import CHECK_FINISHED, FINDINGS, get_logger

FINISHED = "check.finished.v1"
NOT_LOOKED = "not-looked"
KEPT_SECONDS = 90 * 24 * 3600
MOST_IDS = 100

log = get_logger()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that must hold and does not: of `count` things the first hundred ids, and what to do about it."""

    code: str
    count: int
    ids: tuple[str, ...]
    what_to_do: str


Predicate = Callable[[], Iterable[Finding]]


def found(code: str, ids: Iterable[str], what_to_do: str) -> Iterator[Finding]:
    """The finding that names these ids; none when there are none."""
    first: list[str] = []
    count = 0
    for found_id in ids:
        count += 1
        if count <= MOST_IDS:
            first.append(found_id)
    if count:
        yield Finding(code, count, tuple(first), what_to_do)


def look_at(predicates: Mapping[str, Predicate]) -> list[Finding]:
    """Every finding, in the order of the predicates. Raises when the store cannot be reached."""
    findings: list[Finding] = []
    failed = []
    for name, predicate in predicates.items():
        try:
            findings += predicate()
        except Exception as error:
            if is_store_away(error):
                raise
            log.error("predicate failed", code=name, exc_info=error)
            failed.append(name)
    return [*findings, *found(NOT_LOOKED, failed, "these could not be looked at; the log of this process says why")]


@dataclass(frozen=True, slots=True)
class Finish:
    """A check is over; `findings` are `{code, count, since}`."""

    findings: tuple[Mapping[str, Any], ...]


def _decide(state: None, command: Finish, context: Context) -> Fact:
    return Fact(FINISHED, {"findings": [dict(finding) for finding in command.findings]}, context.now)


def _evolve(state: None, event: Event) -> None:
    """Each check stands for itself."""


AGGREGATE: Aggregate[None] = Aggregate(kind="check", initial=None, decide=_decide, evolve=_evolve)


class Watch:
    """The checks of one service. `predicates` are asked for each time, with whether all is to be looked at."""

    def __init__(
        self,
        database: Database[dict[str, Any]],
        store: EventStore,
        predicates: Callable[[bool], Mapping[str, Predicate]],
    ) -> None:
        self._checks = database["checks"]
        self._store = store
        self._predicates = predicates

    def ensure_indexes(self) -> None:
        """The record of checks is kept for ninety days of real time; safe to repeat."""
        self._checks.create_index([("finished_at", ASCENDING)], name="kept", expireAfterSeconds=KEPT_SECONDS)

    def look(self, full: bool = False) -> list[Finding]:
        """Look now; nothing is stored. `full`: nothing is sampled. Raises when the store is away."""
        return look_at(self._predicates(full))

    def hear(self, deliveries: list[Delivery]) -> list[Outcome]:
        """Do each check that was asked for. Raises when the store cannot be reached."""
        return [self._heard(delivery) for delivery in deliveries]

    def last(self) -> dict[str, Any] | None:
        """The last check that was stored: when it was over (real time), and how many of what it found."""
        check = self._checks.find_one({}, sort=[("finished_at", DESCENDING)])
        if check is None:
            return None
        return {
            "finished_at": to_text(check["finished_at"]),
            "findings": {finding["code"]: finding["count"] for finding in check["findings"]},
        }

    def observe(self) -> None:
        """Bring the gauges up to date with the last check."""
        last = self.last()
        FINDINGS.clear()
        if last:
            CHECK_FINISHED.set(datetime.fromisoformat(last["finished_at"]).timestamp())
            for code, count in last["findings"].items():
                FINDINGS.labels(code).set(count)

    def _heard(self, delivery: Delivery) -> Outcome:
        check_id = read_request(delivery, "check")
        if isinstance(check_id, Park):
            return check_id
        self.check(check_id)
        return Done()

    def check(self, check_id: str) -> None:
        """Look, store what was found, and say so. Repeated, it says what it found first."""
        check = self._checks.find_one({"_id": check_id}) or self._stored(check_id)
        told = tuple(
            {"code": finding["code"], "count": finding["count"], "since": to_text(finding["since"])}
            for finding in check["findings"]
        )
        stream = f"{AGGREGATE.kind}/{check_id}"
        self._store.execute(
            AGGREGATE,
            stream,
            Finish(told),
            SYSTEM_ACTOR,
            key=f"check:{check_id}",
            body={},
            operation="check",
            creates=True,
        )
        log.info("check finished", id=check_id, count=len(told))

    def _stored(self, check_id: str) -> dict[str, Any]:
        started_at = to_ms(datetime.now(UTC))
        before = self._checks.find_one({}, sort=[("finished_at", DESCENDING)])
        since = {finding["code"]: finding["since"] for finding in before["findings"]} if before else {}
        findings = [
            {**asdict(finding), "ids": list(finding.ids), "since": since.get(finding.code, started_at)}
            for finding in self.look()
        ]
        check = {
            "_id": check_id,
            "started_at": started_at,
            "finished_at": to_ms(datetime.now(UTC)),
            "findings": findings,
        }
        with suppress(DuplicateKeyError):  # another worker was given the same one
            self._checks.insert_one(check)
        return self._checks.find_one({"_id": check_id}) or check
