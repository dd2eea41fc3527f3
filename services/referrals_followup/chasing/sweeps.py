"""A sweep finds the open follow-ups whose next rung is due, chases each of them, and sends the digests about them.

Guarantees: nobody is chased for an act that any source has already recorded. For this, a sweep only looks at the period
that all sources have completely reported. It leaves follow-ups that opened at the very end of that period to the next
sweep. It does not chase on a thread that could not be folded. If a sweep is killed and delivered again, no rung is lost
or doubled. If one follow-up cannot be chased, the others are not delayed. The cost grows with the number of due
follow-ups, and not with the number of open ones. Memory grows with neither, because a limited number of follow-ups is
read and recorded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.referrals_followup.chasing.composing import DigestComposer
from services.referrals_followup.chasing.parked_work import ParkedWork
from services.referrals_followup.chasing.sending import DigestSender
from services.referrals_followup.domain import follow_up as follow_ups
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import OPEN, FollowUp, Owner, Rung
from services.referrals_followup.domain.silence import TellOf
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.view_codec import follow_up_of
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.batch_store import BatchStore
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.chunks import chunks
from shared.kernel.decisions import Refused
from shared.kernel.time import london_date
from shared.messaging.incoming import Delivery, Done, Outcome, Park, read_request
from shared.runtime.clock import Clock
from shared.runtime.observability import FOLLOWUPS_CHASED, SWEEP_FINISHED, get_logger

KEPT_SECONDS = 30 * 24 * 3600
VIEWS_AT_A_TIME = 500

log = get_logger()


@dataclass(frozen=True, slots=True)
class SweepReport:
    """The result of one sweep. `now` and `as_of` are domain time. If `as_of` is None, a source never reported, and
    nobody was chased.

    `silent` maps each silent source to the position at which its silence was first noticed.
    """

    sweep_id: str
    now: datetime
    as_of: datetime | None
    chased: int
    failed: int
    silent: Mapping[str, datetime | None]


class SweepLog:
    """The record of each sweep, kept for thirty days of real time."""

    def __init__(self, database: Database[dict[str, Any]]) -> None:
        self._sweeps = database["sweeps"]

    def ensure_indexes(self) -> None:
        """Safe to repeat."""
        self._sweeps.create_index([("started_at", ASCENDING)], name="kept", expireAfterSeconds=KEPT_SECONDS)

    def note_start(self, sweep_id: str) -> None:
        entry = {"$setOnInsert": {"started_at": datetime.now(UTC)}}
        self._sweeps.update_one({"_id": sweep_id}, entry, upsert=True)

    def note_end(self, report: SweepReport) -> None:
        """Record that the sweep ran to its end. If such records stop, something is wrong."""
        done = {name: value for name, value in asdict(report).items() if name != "sweep_id"}
        self._sweeps.update_one(
            {"_id": report.sweep_id}, {"$set": {**done, "finished_at": datetime.now(UTC)}}, upsert=True
        )

    def find_silent_before(self, sweep_id: str) -> Mapping[str, datetime | None]:
        """The `silent` of the last finished sweep other than this one."""
        last = self._sweeps.find_one(
            {"_id": {"$ne": sweep_id}, "finished_at": {"$exists": True}}, sort=[("started_at", DESCENDING)]
        )
        return last["silent"] if last else {}

    def find_last_end(self) -> tuple[str, datetime] | None:
        """The last sweep that ran to its end, and when it ended (real time). None if there is no such sweep."""
        last = self._sweeps.find_one({"finished_at": {"$exists": True}}, sort=[("finished_at", DESCENDING)])
        return (last["_id"], last["finished_at"]) if last else None


class SweepRound:
    """All tasks that follow from a request to sweep, in order."""

    def __init__(
        self,
        *,
        sweeper: Sweeper,
        sweep_log: SweepLog,
        parked_work: ParkedWork,
        composer: DigestComposer,
        sender: DigestSender,
        views: FollowUpViews,
        clock: Clock,
    ) -> None:
        self._sweeper = sweeper
        self._sweep_log = sweep_log
        self._parked_work = parked_work
        self._composer = composer
        self._sender = sender
        self._views = views
        self._clock = clock

    def receive(self, deliveries: list[Delivery]) -> list[Outcome]:
        """Do each requested sweep, and send the digests. Raises when the store cannot be reached."""
        return [self._receive(delivery) for delivery in deliveries]

    def _receive(self, delivery: Delivery) -> Outcome:
        sweep_id = read_request(delivery, "sweep")
        if isinstance(sweep_id, Park):
            return sweep_id
        self._parked_work.retry_threads()
        report = self._sweeper.sweep(sweep_id)
        self._parked_work.tell()
        self._composer.compose()
        self._sender.send()
        self._views.totals.settle(self._clock.now())
        self._sweep_log.note_end(report)
        SWEEP_FINISHED.set_to_current_time()
        log.info("sweep finished", sweep_id=sweep_id, count=report.chased, now=report.now, until=report.as_of)
        return Done()


class Sweeper:
    """Chases what is owed, and tells the operators of silent sources."""

    def __init__(
        self,
        *,
        sweep_log: SweepLog,
        store: EventStore,
        evidence: EvidenceStore,
        views: FollowUpViews,
        rules: Rules,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._sweep_log = sweep_log
        self._store = store
        self._evidence = evidence
        self._views = views
        self._rules = rules
        self._directory = directory
        self._clock = clock

    def sweep(self, sweep_id: str) -> SweepReport:
        """Chase all that is owed as of the latest instant up to which every source is complete."""
        self._sweep_log.note_start(sweep_id)
        # The clock is read before the positions. So nothing that is recorded between the two can be missed.
        now = self._clock.now()
        complete_until = self._evidence.complete_until()
        silent = self._note_silence(sweep_id, complete_until, now)
        as_of = silence.find_horizon(complete_until, now)
        chased = failed = 0
        if as_of is not None:
            # The parked threads are read after the positions and before the views. So no view lacks an act that the
            # positions cover.
            parked = {thread["_id"] for thread in self._views.parked_threads()}
            for views in chunks(self._find_due(as_of), VIEWS_AT_A_TIME):
                owed = {view["_id"]: view for view in views if view["thread"] not in parked}
                chases = Chases(self._store, self._rules, self._directory, as_of, sweep_id, owed)
                chases.record()
                chased, failed = chased + chases.recorded, failed + chases.failed
        FOLLOWUPS_CHASED.inc(chased)
        return SweepReport(sweep_id, now, as_of, chased, failed, silent)

    def _find_due(self, as_of: datetime) -> Iterator[dict[str, Any]]:
        """The due follow-ups, the longest due first. That is the order of the index, so any number of them needs little
        memory.

        If a fold moves a follow-up meanwhile, it may come again. It is still chased once, as a sweep records each chase
        once.
        """
        # A position is complete for what was recorded before its instant. Of what opened at that instant, a part may be
        # missing.
        due = {"state": OPEN, "next_rung_at": {"$lte": as_of}, "opened_recorded_at": {"$lt": as_of}}
        found = self._views.collection.find(due, batch_size=VIEWS_AT_A_TIME)
        with found.sort([("next_rung_at", ASCENDING), ("_id", ASCENDING)]) as views:
            yield from views

    def _note_silence(
        self, sweep_id: str, complete_until: Mapping[str, datetime | None], now: datetime
    ) -> dict[str, datetime | None]:
        """Tell the operators, once each day, of each source that this sweep and the sweep before it both found silent.
        Both sweeps have to find it, because a relay that has just started again needs a moment to report.
        """
        noticed = self._sweep_log.find_silent_before(sweep_id)
        silent: dict[str, datetime | None] = {}
        for service in sorted(silence.find_silent(complete_until, now)):
            silent[service] = noticed.get(service, complete_until[service])
            if service in noticed:
                self._tell_operators(service, silent[service], now)
        return silent

    def _tell_operators(self, service: str, since: datetime | None, now: datetime) -> None:
        on = london_date(now)
        operators = tuple(operator.person for operator in self._directory.operators(on))
        self._store.execute(
            silence.AGGREGATE,
            f"{silence.AGGREGATE.kind}/{service}",
            TellOf(since, operators),
            SYSTEM_ACTOR,
            key=f"silent:{service}:{since}:{on}",
            body={},
            operation="silence.tell",
            creates=True,
        )


class Chases:
    """The chases of some follow-ups, by the ids of their views. Their streams are read at once, and their chases are
    inserted at once.

    `recorded` counts the chases that this sweep recorded now, and `failed` the follow-ups that could not be chased.
    """

    def __init__(
        self,
        store: EventStore,
        rules: Rules,
        directory: Directory,
        as_of: datetime,
        sweep_id: str,
        views: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._store = store
        self._directory = directory
        self._as_of = as_of
        self._sweep_id = sweep_id
        self._views = views
        self._rules = rules.history()
        self.recorded = 0
        self.failed = 0

    def record(self) -> None:
        """Raises when the store is away. The same sweep does not record again what is recorded by then."""
        store = BatchStore(self._store)
        store.read_ahead([_stream(follow_up_id) for follow_up_id in self._views])
        owed = [follow_up_id for follow_up_id in self._views if self._is_chased(follow_up_id, store)]
        for follow_up_id, is_recorded in zip(owed, store.record(), strict=True):
            # If somebody has acted on the follow-up meanwhile, the owed rungs are decided again.
            self.recorded += is_recorded or self._is_chased(follow_up_id, self._store)

    def _is_chased(self, follow_up_id: str, store: EventStore) -> bool:
        """Whether a chase was recorded, or gathered, now. A failed chase is counted, and delays no other."""
        try:
            return self._chase(follow_up_of(self._views[follow_up_id]), store)
        except Exception as error:
            if is_store_away(error):
                raise
            self.failed += 1
            log.error("follow-up not chased", sweep_id=self._sweep_id, followup_id=follow_up_id, exc_info=error)
            return False

    def _chase(self, follow_up: FollowUp, store: EventStore) -> bool:
        """Returns False if nothing is owed after all, because a view may be older than the stream."""
        ruleset = self._rules.newest(follow_up.area)
        if ruleset is None:
            return False
        tell = recipients_of(self._directory, follow_up, london_date(self._as_of))
        command = follow_ups.Sweep(follow_up, self._as_of, ruleset.calendar, tell)
        key = f"sweep:{self._sweep_id}:{follow_up.id}"
        try:
            recorded = store.execute(
                follow_ups.AGGREGATE,
                _stream(follow_up.id),
                command,
                SYSTEM_ACTOR,
                key=key,
                body={},
                operation="sweep",
                creates=True,
            )
        except Refused:
            return False
        return not recorded.replayed


def _stream(follow_up_id: str) -> str:
    return f"{follow_ups.AGGREGATE.kind}/{follow_up_id}"


def recipients_of(directory: Directory, follow_up: FollowUp, on: date) -> Callable[[Rung, Owner], tuple[str, ...]]:
    """The people whom each rung of this follow-up tells on that day, according to the directory."""

    def find_recipients(rung: Rung, owner: Owner) -> tuple[str, ...]:
        return tuple(recipient.person for recipient in directory.find_recipients(follow_up, rung, owner, on))

    return find_recipients
