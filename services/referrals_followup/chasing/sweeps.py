"""A sweep: find the open follow-ups whose next rung is due, chase each, and put what is to be told into the mail.

Guarantees: nobody is chased for an act that any source has already recorded (a sweep looks no later than every source's
complete position, leaves what opened at that very instant for the next one, and leaves alone a thread that could not be
folded); killed anywhere and delivered again, no rung is lost or doubled; one follow-up that cannot be chased stops
nobody else's. Cost grows with what is due, not with what is open; memory with neither: so many at a time are read and
recorded at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

from services.referrals_followup.chasing import digests as mails
from services.referrals_followup.chasing import parked_work as stalled
from services.referrals_followup.domain import follow_up as follow_ups
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.directory import Parties
from services.referrals_followup.domain.follow_up import OPEN, FollowUp, Owner, Rung
from services.referrals_followup.domain.silence import TellOf
from services.referrals_followup.ledger.views import chunks, follow_up_of
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.batch_store import BatchStore
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.decisions import Refused
from shared.kernel.time import london_date
from shared.messaging.incoming import Delivery, Done, Outcome, Park, read_request
from shared.runtime.observability import FOLLOWUPS_CHASED, SWEEP_FINISHED, get_logger

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies

KEPT_SECONDS = 30 * 24 * 3600
VIEWS_AT_A_TIME = 500

log = get_logger()


@dataclass(frozen=True, slots=True)
class SweepReport:
    """What one sweep did. `now` and `as_of` are domain time; `as_of` None: a source never spoke, so nobody was chased.

    `silent` maps each silent source to the position at which its silence was first noticed.
    """

    sweep_id: str
    now: datetime
    as_of: datetime | None
    chased: int
    failed: int
    silent: Mapping[str, datetime | None]


def ensure_indexes(database: Database[dict[str, Any]]) -> None:
    """The record of sweeps is kept for thirty days of real time."""
    database.sweeps.create_index([("started_at", ASCENDING)], name="kept", expireAfterSeconds=KEPT_SECONDS)


def hear(dependencies: Dependencies, deliveries: list[Delivery]) -> list[Outcome]:
    """Do each sweep that was asked for, and the mails it leads to. Raises when the store cannot be reached."""
    return [_heard(dependencies, delivery) for delivery in deliveries]


def _heard(dependencies: Dependencies, delivery: Delivery) -> Outcome:
    sweep_id = read_request(delivery, "sweep")
    if isinstance(sweep_id, Park):
        return sweep_id
    stalled.try_again(dependencies)
    report = sweep(dependencies, sweep_id)
    stalled.tell(dependencies)
    mails.compose(dependencies)
    mails.send(dependencies)
    dependencies.views.totals.settle(dependencies.clock.now())
    _finished(dependencies, report)
    return Done()


def sweep(dependencies: Dependencies, sweep_id: str) -> SweepReport:
    """Chase all that is owed as of the latest instant up to which every source is complete."""
    _started(dependencies, sweep_id)
    # The clock before the positions: what is recorded between the two cannot be missed.
    now = dependencies.clock.now()
    complete_until = dependencies.evidence.complete_until()
    silent = _note_silence(dependencies, sweep_id, complete_until, now)
    as_of = silence.looked_as_of(complete_until, now)
    chased = failed = 0
    if as_of is not None:
        # Looked up between the positions and the views: of what was known by then, no act is missing from a view.
        parked = {thread["_id"] for thread in dependencies.views.parked_threads()}
        for views in chunks(_due(dependencies, as_of), VIEWS_AT_A_TIME):
            owed = {view["_id"]: view for view in views if view["thread"] not in parked}
            chases = Chases(dependencies, as_of, sweep_id, owed)
            chases.record()
            chased, failed = chased + chases.recorded, failed + chases.failed
    FOLLOWUPS_CHASED.inc(chased)
    return SweepReport(sweep_id, now, as_of, chased, failed, silent)


def _due(dependencies: Dependencies, as_of: datetime) -> Iterator[dict[str, Any]]:
    """What is due, the longest due first, in the order of the index, so that any number of them need little memory.

    One that a fold moves meanwhile may come again, and is then chased once: a chase is recorded once in a sweep.
    """
    # A position speaks of what was recorded before its instant: of what opened in it, the rest may not be known yet.
    due = {"state": OPEN, "next_rung_at": {"$lte": as_of}, "opened_recorded_at": {"$lt": as_of}}
    found = dependencies.views.collection.find(due, batch_size=VIEWS_AT_A_TIME)
    with found.sort([("next_rung_at", ASCENDING), ("_id", ASCENDING)]) as views:
        yield from views


class Chases:
    """The chases of some follow-ups, by the ids of their views: one read of their streams, one insert of what is owed.

    `recorded` counts those that this sweep recorded now, `failed` those that could not be told.
    """

    def __init__(
        self, dependencies: Dependencies, as_of: datetime, sweep_id: str, views: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._parts = dependencies
        self._as_of = as_of
        self._sweep_id = sweep_id
        self._views = views
        self._rules = dependencies.rules.history()
        self.recorded = 0
        self.failed = 0

    def record(self) -> None:
        """Raises when the store is away; what is recorded by then is not recorded again by the same sweep."""
        store = BatchStore(self._parts.store)
        store.read_ahead([_stream(follow_up_id) for follow_up_id in self._views])
        owed = [follow_up_id for follow_up_id in self._views if self._is_chased(follow_up_id, store)]
        for follow_up_id, is_recorded in zip(owed, store.record(), strict=True):
            # Where somebody has acted on it meanwhile, what is owed is decided anew.
            self.recorded += is_recorded or self._is_chased(follow_up_id, self._parts.store)

    def _is_chased(self, follow_up_id: str, store: EventStore) -> bool:
        """Whether a chase was recorded, or gathered, now. One that cannot be is counted, and stops no other."""
        try:
            return self._chase(follow_up_of(self._views[follow_up_id]), store)
        except Exception as error:
            if is_store_away(error):
                raise
            self.failed += 1
            log.error("follow-up not chased", sweep_id=self._sweep_id, followup_id=follow_up_id, exc_info=error)
            return False

    def _chase(self, follow_up: FollowUp, store: EventStore) -> bool:
        """False when nothing is owed after all: a view may be older than the stream."""
        ruleset = self._rules.newest(follow_up.area)
        if ruleset is None:
            return False
        tell = recipients_of(self._parts, follow_up, london_date(self._as_of))
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


def recipients_of(
    dependencies: Dependencies, follow_up: FollowUp, on: date
) -> Callable[[Rung, Owner], tuple[str, ...]]:
    """Whom each rung of this follow-up tells on that day, as the directory has it."""

    def tell(rung: Rung, owner: Owner) -> tuple[str, ...]:
        parties = Parties.of(follow_up, owner)
        found = (recipient.person for to in rung.to for recipient in dependencies.directory.resolve(to, parties, on))
        return tuple(dict.fromkeys(found))

    return tell


def _note_silence(
    dependencies: Dependencies, sweep_id: str, complete_until: Mapping[str, datetime | None], now: datetime
) -> dict[str, datetime | None]:
    """Tell the operators, once each day, of each source that this sweep and the one before it both found silent.

    Twice, because a relay that has just come back needs a moment to say so.
    """
    last = dependencies.database.sweeps.find_one(
        {"_id": {"$ne": sweep_id}, "finished_at": {"$exists": True}}, sort=[("started_at", DESCENDING)]
    )
    noticed: Mapping[str, datetime | None] = last["silent"] if last else {}
    silent: dict[str, datetime | None] = {}
    for service in sorted(silence.silent(complete_until, now)):
        silent[service] = noticed.get(service, complete_until[service])
        if service in noticed:
            _tell_operators(dependencies, service, silent[service], now)
    return silent


def _tell_operators(dependencies: Dependencies, service: str, since: datetime | None, now: datetime) -> None:
    on = london_date(now)
    operators = tuple(operator.person for operator in dependencies.directory.operators(on))
    dependencies.store.execute(
        silence.AGGREGATE,
        f"{silence.AGGREGATE.kind}/{service}",
        TellOf(since, operators),
        SYSTEM_ACTOR,
        key=f"silent:{service}:{since}:{on}",
        body={},
        operation="silence.tell",
        creates=True,
    )


def _started(dependencies: Dependencies, sweep_id: str) -> None:
    entry = {"$setOnInsert": {"started_at": datetime.now(UTC)}}
    dependencies.database.sweeps.update_one({"_id": sweep_id}, entry, upsert=True)


def _finished(dependencies: Dependencies, report: SweepReport) -> None:
    """The record that a sweep ran to its end; its absence is the sign that something is wrong."""
    done = {name: value for name, value in asdict(report).items() if name != "sweep_id"}
    dependencies.database.sweeps.update_one(
        {"_id": report.sweep_id}, {"$set": {**done, "finished_at": datetime.now(UTC)}}, upsert=True
    )
    SWEEP_FINISHED.set_to_current_time()
    log.info("sweep finished", sweep_id=report.sweep_id, count=report.chased, now=report.now, until=report.as_of)
