"""What must hold in the follow-up service, and what to do about it when something does not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import Any

from pymongo.database import Database

from services.referrals_followup.chasing.outbox import DigestOutbox
from services.referrals_followup.chasing.sweeps import SweepLog
from services.referrals_followup.domain import silence
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import OPEN, Owner
from services.referrals_followup.domain.rules_history import NATIONAL
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from services.referrals_followup.standards.rules import Rules
from shared.checks.checker import CheckFinding, Invariant, report
from shared.checks.invariants import (
    SAMPLE,
    SETTLED_AFTER,
    build_shared_invariants,
    find_version_gaps,
    read_sample,
)
from shared.contracts import CATALOGUE
from shared.events.store import EventStore
from shared.kernel.time import london_date
from shared.messaging.parked import DISCARDED, PARKED, ParkedMessages
from shared.runtime.clock import Clock

COMPOSED_WITHIN = timedelta(minutes=15)
SENT_WITHIN = timedelta(hours=1)


class Invariants:
    """What must hold in this service. Each method yields what does not."""

    def __init__(
        self,
        *,
        database: Database[dict[str, Any]],
        store: EventStore,
        evidence: EvidenceStore,
        views: FollowUpViews,
        rules: Rules,
        parked: ParkedMessages,
        outbox: DigestOutbox,
        sweep_log: SweepLog,
        sweep_interval: timedelta,
        directory: Directory,
        clock: Clock,
    ) -> None:
        self._database = database
        self._store = store
        self._evidence = evidence
        self._views = views
        self._rules = rules
        self._parked = parked
        self._outbox = outbox
        self._sweep_log = sweep_log
        self._sweep_interval = sweep_interval
        self._directory = directory
        self._clock = clock

    def build(self, full: bool) -> Mapping[str, Invariant]:
        """Every invariant as of now, by name. With `full` nothing is sampled."""
        now, sample, evidence = self._clock.now(), None if full else SAMPLE, self._database.evidence
        return {
            **build_shared_invariants(self._store.collection, [evidence], self._parked, CATALOGUE, now, sample),
            "positions": partial(self._find_positions_behind, now),
            "evidence": partial(self._find_evidence_gaps, now),
            "folding": partial(self._find_unfolded, now),
            "threads": self._find_parked_threads,
            "owners": partial(self._find_without_owner, now),
            "rungs": self._find_without_rung,
            "chases": partial(self._find_uncomposed, now),
            "mails": partial(self._find_unsent, now),
            "views": partial(self._find_differing_views, sample),
            "sums": partial(self._find_differing_sums, full, now),
            "sweeps": self._find_late_sweep,
            "holidays": partial(self._find_missing_holidays, now),
        }

    def _find_positions_behind(self, now: datetime) -> Iterator[CheckFinding]:
        """Sources that have said nothing for five minutes: nobody is chased on what they may know."""
        behind = sorted(silence.find_silent(self._evidence.complete_until(), now))
        yield from report(
            "positions-behind", behind, "see that the relay of each of these services runs, and `serve bus` of this one"
        )

    def _find_evidence_gaps(self, now: datetime) -> Iterator[CheckFinding]:
        """Streams of which an event never came, and is not among the parked messages either."""
        parked = self._parked.named(PARKED, DISCARDED)
        unheard = "have the source publish again (`relay --republish-since`); if it stays, restore this store"
        yield from find_version_gaps("evidence-gaps", self._database.evidence, now, unheard, without=parked)

    def _find_unfolded(self, now: datetime) -> Iterator[CheckFinding]:
        """Evidence recorded more than five minutes ago that no follow-up shows."""
        waiting = self._database.evidence.find(
            {"folded": False, "event.recordedat": {"$lt": now - SETTLED_AFTER}}, {"_id": 1}
        )
        yield from report(
            "evidence-not-folded",
            (document["_id"] for document in waiting.sort("_id")),
            "see that `serve bus` runs; then have the source publish again with `relay --republish-since`",
        )

    def _find_parked_threads(self) -> Iterator[CheckFinding]:
        yield from report(
            "threads-parked",
            (thread["_id"] for thread in self._views.parked_threads()),
            "the log says which fold raised what; mend the pack or the code, every sweep tries again",
        )

    def _find_without_owner(self, now: datetime) -> Iterator[CheckFinding]:
        """Open follow-ups of which nobody in the owner's own team can be told."""
        fields = ("area", "owner_role", "owner_team", "owner_person")
        owned_alike: list[Mapping[str, Any]] = [
            {"$match": {"state": OPEN}},
            {"$group": {"_id": {name: {"$ifNull": [f"${name}", None]} for name in fields}}},
        ]
        on = london_date(now)
        orphaned = [
            group["_id"]
            for group in self._views.collection.aggregate(owned_alike)
            if not self._directory.is_owned(_owner(group["_id"]), group["_id"]["area"], on)
        ]
        ids = sorted(
            view["_id"]
            for group in orphaned
            for view in self._views.collection.find({"state": OPEN, **group}, {"_id": 1})
        )
        yield from report(
            "owner-missing",
            ids,
            "name the team or person in the directory, or assign them; the safeguarding lead is told till then",
        )

    def _find_without_rung(self) -> Iterator[CheckFinding]:
        """Open follow-ups about which nobody will ever be told again, except inherited ones that nobody has taken on
        yet."""
        silent = {
            "state": OPEN,
            "next_rung_at": None,
            "acts.ended": {"$ne": True},
            "$nor": [{"inherited": True, "acts.accepted_at": None}],
        }
        ids = (view["_id"] for view in self._views.collection.find(silent, {"_id": 1}).sort("_id"))
        yield from report(
            "rung-missing", ids, "run `rebuild`; if it stays, the ladder of its step has no rung that repeats"
        )

    def _find_uncomposed(self, now: datetime) -> Iterator[CheckFinding]:
        """Chases recorded more than 15 minutes ago that some recipient has no digest about."""
        yield from report(
            "chase-not-mailed",
            self._outbox.find_uncomposed(now - COMPOSED_WITHIN),
            "see that sweeps run; their log says which mail could not be composed",
        )

    def _find_unsent(self, now: datetime) -> Iterator[CheckFinding]:
        """Digests composed more than an hour ago that some channel has not taken."""
        yield from report(
            "mail-not-accepted",
            self._outbox.find_unsent(now - SENT_WITHIN),
            "see that the mail server answers and that the recipient's address is right; every sweep tries again",
        )

    def _find_differing_views(self, sample: int | None) -> Iterator[CheckFinding]:
        """Threads whose follow-ups are not what their evidence says: found so twice, and with nothing on its way."""
        kinds = self._rules.history().thread_kinds()
        if sample is None:
            threads = set(self._evidence.threads(kinds))
        else:
            chosen = read_sample(self._database.evidence, {}, sample, {"refs": 1})
            threads = {ref for item in chosen for ref in item["refs"] if ref.partition("/")[0] in kinds}
        views = read_sample(self._views.collection, {}, sample, {"thread": 1})
        threads = set(chain(threads, (view["thread"] for view in views)))
        parked = {thread["_id"] for thread in self._views.parked_threads()}
        suspects = sorted(set(self._views.find_differing(sorted(threads - parked))))
        ids = (
            thread
            for thread in self._views.find_differing(suspects)
            if not self._database.evidence.count_documents({"refs": thread, "folded": False}, limit=1)
        )
        yield from report(
            "views-differ", ids, "run `rebuild`, which folds them again in place, and tell the developers"
        )

    def _find_differing_sums(self, full: bool, now: datetime) -> Iterator[CheckFinding]:
        """Sums of open follow-ups that differ from a count of them. Only a full check counts them all."""
        differing = self._views.totals.find_differing(now) if full else ()
        yield from report("sums-differ", differing, "run `rebuild`, which makes them anew, and tell the developers")

    def _find_late_sweep(self) -> Iterator[CheckFinding]:
        """The last sweep that ran to its end, when it is older than two intervals of real time."""
        last = self._sweep_log.find_last_end()
        if last is None or datetime.now(UTC) - last[1] > 2 * self._sweep_interval:
            yield from report(
                "sweep-late",
                [last[0] if last else "none so far"],
                "see that `tick` and `serve bus` run; until then nobody is chased",
            )

    def _find_missing_holidays(self, now: datetime) -> Iterator[CheckFinding]:
        """The calendar in force must know next year's bank holidays: some due dates are a year ahead."""
        ruleset, next_year = self._rules.history().newest(NATIONAL), london_date(now).year + 1
        if ruleset is None or not ruleset.calendar.covers(next_year):
            yield from report(
                "bank-holidays-missing",
                [str(next_year)],
                f"set BANK_HOLIDAYS_UNTIL to {next_year} or later and run `adopt`, or run `calendar import`",
            )


def _owner(group: Mapping[str, Any]) -> Owner:
    return Owner(group["owner_role"], group["owner_team"], group["owner_person"])
