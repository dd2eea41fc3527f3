"""The checks of a service. An invariant is a rule for the stored data. It yields what breaks the rule.

Guarantees: an invariant is checked on the data as they are stored, not on the data of one period. So a missed night
loses nothing. If an invariant cannot be checked, that is a finding too, and the other invariants are still checked. A
requested check is stored once, reported once, and kept for ninety days. Findings contain ids and codes, and no content
of events.
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
NOT_CHECKED = "not-looked"
KEPT_SECONDS = 90 * 24 * 3600
MOST_IDS = 100

log = get_logger()


@dataclass(frozen=True, slots=True)
class CheckFinding:
    """A rule that the stored data break: in how many places, the first hundred ids, and what to do."""

    code: str
    count: int
    ids: tuple[str, ...]
    what_to_do: str


Invariant = Callable[[], Iterable[CheckFinding]]
"""Yields a finding for each code, when the stored data break the rule."""


def report(code: str, ids: Iterable[str], what_to_do: str) -> Iterator[CheckFinding]:
    """The finding that names these ids. Yields nothing when there are no ids."""
    first: list[str] = []
    count = 0
    for each in ids:
        count += 1
        if count <= MOST_IDS:
            first.append(each)
    if count:
        yield CheckFinding(code, count, tuple(first), what_to_do)


def check_all(invariants: Mapping[str, Invariant]) -> list[CheckFinding]:
    """All findings, in the order of the invariants. Raises when the store cannot be reached."""
    findings: list[CheckFinding] = []
    failed = []
    for name, invariant in invariants.items():
        try:
            findings += invariant()
        except Exception as error:
            if is_store_away(error):
                raise
            log.error("invariant failed", code=name, exc_info=error)
            failed.append(name)
    return [*findings, *report(NOT_CHECKED, failed, "these could not be checked; the log of this process says why")]


@dataclass(frozen=True, slots=True)
class Finish:
    """Ends a check. Each item of `findings` is `{code, count, since}`."""

    findings: tuple[Mapping[str, Any], ...]


def _decide(state: None, command: Finish, context: Context) -> Fact:
    return Fact(FINISHED, {"findings": [dict(finding) for finding in command.findings]}, context.now)


def _evolve(state: None, event: Event) -> None:
    """A check has no state: it does not depend on earlier checks."""


AGGREGATE: Aggregate[None] = Aggregate(kind="check", initial=None, decide=_decide, evolve=_evolve)


class Checker:
    """The checks of one service. `build_invariants` is called for each check. Its argument is true for a full check."""

    def __init__(
        self,
        database: Database[dict[str, Any]],
        store: EventStore,
        build_invariants: Callable[[bool], Mapping[str, Invariant]],
    ) -> None:
        self._checks = database["checks"]
        self._store = store
        self._build_invariants = build_invariants

    def ensure_indexes(self) -> None:
        """Create the index that removes checks after ninety days of real time. Safe to repeat."""
        self._checks.create_index([("finished_at", ASCENDING)], name="kept", expireAfterSeconds=KEPT_SECONDS)

    def run(self, full: bool = False) -> list[CheckFinding]:
        """Check now and store nothing. With `full`, check all data, not a sample. Raises when the store is away."""
        return check_all(self._build_invariants(full))

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """Do each requested check. Raises when the store cannot be reached."""
        return [self._receive(delivery) for delivery in deliveries]

    def read_last(self) -> dict[str, Any] | None:
        """The last check that was stored: when it finished (real time), and the count of each finding."""
        check = self._checks.find_one({}, sort=[("finished_at", DESCENDING)])
        if check is None:
            return None
        return {
            "finished_at": to_text(check["finished_at"]),
            "findings": {finding["code"]: finding["count"] for finding in check["findings"]},
        }

    def observe(self) -> None:
        """Set the gauges from the last check."""
        last = self.read_last()
        FINDINGS.clear()
        if last:
            CHECK_FINISHED.set(datetime.fromisoformat(last["finished_at"]).timestamp())
            for code, count in last["findings"].items():
                FINDINGS.labels(code).set(count)

    def _receive(self, delivery: Delivery) -> Outcome:
        check_id = read_request(delivery, "check")
        if isinstance(check_id, Park):
            return check_id
        self.record(check_id)
        return Done()

    def record(self, check_id: str) -> None:
        """Check, store the findings, and record the event that reports them. A repeat reports the first findings."""
        check = self._checks.find_one({"_id": check_id}) or self._run_and_store(check_id)
        findings = tuple(
            {"code": finding["code"], "count": finding["count"], "since": to_text(finding["since"])}
            for finding in check["findings"]
        )
        stream = f"{AGGREGATE.kind}/{check_id}"
        self._store.execute(
            AGGREGATE,
            stream,
            Finish(findings),
            SYSTEM_ACTOR,
            key=f"check:{check_id}",
            body={},
            operation="check",
            creates=True,
        )
        log.info("check finished", id=check_id, count=len(findings))

    def _run_and_store(self, check_id: str) -> dict[str, Any]:
        started_at = to_ms(datetime.now(UTC))
        before = self._checks.find_one({}, sort=[("finished_at", DESCENDING)])
        since = {finding["code"]: finding["since"] for finding in before["findings"]} if before else {}
        findings = [
            {**asdict(finding), "ids": list(finding.ids), "since": since.get(finding.code, started_at)}
            for finding in self.run()
        ]
        check = {
            "_id": check_id,
            "started_at": started_at,
            "finished_at": to_ms(datetime.now(UTC)),
            "findings": findings,
        }
        with suppress(DuplicateKeyError):  # another worker has the same check
            self._checks.insert_one(check)
        return self._checks.find_one({"_id": check_id}) or check
