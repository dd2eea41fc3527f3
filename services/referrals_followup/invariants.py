"""What must hold in the follow-up service: as predicates over what it has stored, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from services.referrals_followup.domain import silence
from services.referrals_followup.domain.follow_up import OPEN, Owner
from services.referrals_followup.domain.rules_history import NATIONAL
from shared.checks.checker import Finding, Predicate, found
from shared.checks.invariants import SAMPLE, SETTLED_AFTER, of_every_service, sampled, version_gaps
from shared.contracts import CATALOGUE
from shared.kernel.time import london_date
from shared.messaging.parked import DISCARDED, PARKED

if TYPE_CHECKING:
    from services.referrals_followup.bootstrap import Dependencies

CHASE_MAILED_WITHIN = timedelta(minutes=15)
MAIL_ACCEPTED_WITHIN = timedelta(hours=1)


def predicates(dependencies: Dependencies, full: bool) -> Mapping[str, Predicate]:
    """Everything that is looked at, by name. With `full` nothing is sampled."""
    now, sample, evidence = dependencies.clock.now(), None if full else SAMPLE, dependencies.database.evidence
    unheard = "have the source publish again (`relay --republish-since`); if it stays, restore this store"
    return {
        **of_every_service(dependencies.store.collection, [evidence], dependencies.parked, CATALOGUE, now, sample),
        "positions": partial(_positions, dependencies, now),
        "evidence": lambda: version_gaps(
            "evidence-gaps", evidence, now, unheard, without=dependencies.parked.named(PARKED, DISCARDED)
        ),
        "folding": partial(_unfolded, dependencies, now),
        "threads": partial(_parked_threads, dependencies),
        "owners": partial(_owners, dependencies, now),
        "rungs": partial(_rungs, dependencies),
        "chases": partial(_chases, dependencies, now),
        "mails": partial(_mails, dependencies, now),
        "views": partial(_views, dependencies, sample),
        "sums": partial(_sums, dependencies, full, now),
        "sweeps": partial(_sweeps, dependencies),
        "holidays": partial(_holidays, dependencies, now),
    }


def _positions(dependencies: Dependencies, now: datetime) -> Iterator[Finding]:
    """Sources that have said nothing for five minutes: nobody is chased on what they may know."""
    behind = sorted(silence.silent(dependencies.evidence.complete_until(), now))
    yield from found(
        "positions-behind", behind, "see that the relay of each of these services runs, and `serve bus` of this one"
    )


def _unfolded(dependencies: Dependencies, now: datetime) -> Iterator[Finding]:
    """Evidence recorded more than five minutes ago that no follow-up shows."""
    waiting = dependencies.database.evidence.find(
        {"folded": False, "event.recordedat": {"$lt": now - SETTLED_AFTER}}, {"_id": 1}
    )
    yield from found(
        "evidence-not-folded",
        (document["_id"] for document in waiting.sort("_id")),
        "see that `serve bus` runs; then have the source publish again with `relay --republish-since`",
    )


def _parked_threads(dependencies: Dependencies) -> Iterator[Finding]:
    yield from found(
        "threads-parked",
        (thread["_id"] for thread in dependencies.views.parked_threads()),
        "the log says which fold raised what; mend the pack or the code, every sweep tries again",
    )


def _owners(dependencies: Dependencies, now: datetime) -> Iterator[Finding]:
    """Open follow-ups of which nobody in the owner's own team can be told."""
    fields = ("area", "owner_role", "owner_team", "owner_person")
    owned_alike: list[Mapping[str, Any]] = [
        {"$match": {"state": OPEN}},
        {"$group": {"_id": {name: {"$ifNull": [f"${name}", None]} for name in fields}}},
    ]
    on = london_date(now)
    orphaned = [
        group["_id"]
        for group in dependencies.views.collection.aggregate(owned_alike)
        if not dependencies.directory.is_owned(_owner(group["_id"]), group["_id"]["area"], on)
    ]
    ids = sorted(
        view["_id"]
        for group in orphaned
        for view in dependencies.views.collection.find({"state": OPEN, **group}, {"_id": 1})
    )
    yield from found(
        "owner-missing",
        ids,
        "name the team or person in the directory, or assign them; the safeguarding lead is told till then",
    )


def _owner(group: Mapping[str, Any]) -> Owner:
    return Owner(group["owner_role"], group["owner_team"], group["owner_person"])


def _rungs(dependencies: Dependencies) -> Iterator[Finding]:
    """Open follow-ups about which nobody will ever be told again. An inherited one waits for somebody to take it on."""
    silent = {
        "state": OPEN,
        "next_rung_at": None,
        "acts.ended": {"$ne": True},
        "$nor": [{"inherited": True, "acts.accepted_at": None}],
    }
    ids = (view["_id"] for view in dependencies.views.collection.find(silent, {"_id": 1}).sort("_id"))
    yield from found("rung-missing", ids, "run `rebuild`; if it stays, the ladder of its step has no rung that repeats")


def _chases(dependencies: Dependencies, now: datetime) -> Iterator[Finding]:
    waiting = {"relay.mail_for": {"$exists": True}, "event.recordedat": {"$lt": now - CHASE_MAILED_WITHIN}}
    ids = (event["_id"] for event in dependencies.store.collection.find(waiting, {"_id": 1}).sort("_id"))
    yield from found("chase-not-mailed", ids, "see that sweeps run; their log says which mail could not be composed")


def _mails(dependencies: Dependencies, now: datetime) -> Iterator[Finding]:
    waiting = {"relay.smtp.due_at": {"$exists": True}, "event.recordedat": {"$lt": now - MAIL_ACCEPTED_WITHIN}}
    ids = (event["_id"] for event in dependencies.store.collection.find(waiting, {"_id": 1}).sort("_id"))
    yield from found(
        "mail-not-accepted",
        ids,
        "see that the mail server answers and that the recipient's address is right; every sweep tries again",
    )


def _views(dependencies: Dependencies, sample: int | None) -> Iterator[Finding]:
    """Threads whose follow-ups are not what their evidence says: found so twice, and with nothing on its way."""
    kinds = dependencies.rules.history().thread_kinds()
    if sample is None:
        threads = set(dependencies.evidence.threads(kinds))
    else:
        chosen = sampled(dependencies.database.evidence, {}, sample, {"refs": 1})
        threads = {ref for item in chosen for ref in item["refs"] if ref.partition("/")[0] in kinds}
    listed = sampled(dependencies.views.collection, {}, sample, {"thread": 1})
    threads = set(chain(threads, (view["thread"] for view in listed)))
    parked = {thread["_id"] for thread in dependencies.views.parked_threads()}
    suspects = sorted(set(dependencies.views.find_differing(sorted(threads - parked))))
    ids = (
        thread
        for thread in dependencies.views.find_differing(suspects)
        if not dependencies.database.evidence.count_documents({"refs": thread, "folded": False}, limit=1)
    )
    yield from found("views-differ", ids, "run `rebuild`, which folds them again in place, and tell the developers")


def _sums(dependencies: Dependencies, full: bool, now: datetime) -> Iterator[Finding]:
    """Sums of open follow-ups that are not what a count of them makes; looked at in a full check, which counts all."""
    differing = dependencies.views.totals.differing(now) if full else ()
    yield from found("sums-differ", differing, "run `rebuild`, which makes them anew, and tell the developers")


def _sweeps(dependencies: Dependencies) -> Iterator[Finding]:
    """The last sweep that came to its end is older than two intervals of real time."""
    last = dependencies.database.sweeps.find_one({"finished_at": {"$exists": True}}, sort=[("finished_at", -1)])
    tolerated = 2 * timedelta(seconds=dependencies.config.sweep_interval_seconds)
    if last is None or datetime.now(UTC) - last["finished_at"] > tolerated:
        yield from found(
            "sweep-late",
            [last["_id"] if last else "none so far"],
            "see that `tick` and `serve bus` run; until then nobody is chased",
        )


def _holidays(dependencies: Dependencies, now: datetime) -> Iterator[Finding]:
    """The calendar in force must know next year's bank holidays; some due dates are a year ahead."""
    ruleset, next_year = dependencies.rules.history().newest(NATIONAL), london_date(now).year + 1
    if ruleset is None or not ruleset.calendar.covers(next_year):
        yield from found(
            "bank-holidays-missing",
            [str(next_year)],
            f"set BANK_HOLIDAYS_UNTIL to {next_year} or later and run `adopt`",
        )
