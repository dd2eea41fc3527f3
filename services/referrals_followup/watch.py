"""What must hold in the follow-up service: as predicates over what it has stored, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from services.referrals_followup.domain import silence
from services.referrals_followup.domain.follow_up import OPEN, Owner
from services.referrals_followup.domain.in_force import NATIONAL
from shared.contracts import CATALOGUE
from shared.kernel.time import london_date
from shared.messaging.parked import DISCARDED, PARKED
from shared.predicates import SAMPLE, SETTLED_AFTER, of_every_service, sampled, version_gaps
from shared.watching import Finding, Predicate, found

if TYPE_CHECKING:
    from services.referrals_followup.parts import Parts

CHASE_MAILED_WITHIN = timedelta(minutes=15)
MAIL_ACCEPTED_WITHIN = timedelta(hours=1)


def predicates(parts: Parts, full: bool) -> Mapping[str, Predicate]:
    """Everything that is looked at, by name. With `full` nothing is sampled."""
    now, sample, evidence = parts.clock.now(), None if full else SAMPLE, parts.database.evidence
    unheard = "have the source publish again (`relay --republish-since`); if it stays, restore this store"
    return {
        **of_every_service(parts.store.collection, [evidence], parts.parked, CATALOGUE, now, sample),
        "positions": partial(_positions, parts, now),
        "evidence": lambda: version_gaps(
            "evidence-gaps", evidence, now, unheard, without=parts.parked.named(PARKED, DISCARDED)
        ),
        "folding": partial(_unfolded, parts, now),
        "threads": partial(_parked_threads, parts),
        "owners": partial(_owners, parts, now),
        "rungs": partial(_rungs, parts),
        "chases": partial(_chases, parts, now),
        "mails": partial(_mails, parts, now),
        "views": partial(_views, parts, sample),
        "sums": partial(_sums, parts, full, now),
        "sweeps": partial(_sweeps, parts),
        "holidays": partial(_holidays, parts, now),
    }


def _positions(parts: Parts, now: datetime) -> Iterator[Finding]:
    """Sources that have said nothing for five minutes: nobody is chased on what they may know."""
    behind = sorted(silence.silent(parts.evidence.complete_until(), now))
    yield from found(
        "positions-behind", behind, "see that the relay of each of these services runs, and `serve bus` of this one"
    )


def _unfolded(parts: Parts, now: datetime) -> Iterator[Finding]:
    """Evidence recorded more than five minutes ago that no follow-up shows."""
    waiting = parts.database.evidence.find(
        {"folded": False, "event.recordedat": {"$lt": now - SETTLED_AFTER}}, {"_id": 1}
    )
    yield from found(
        "evidence-not-folded",
        (document["_id"] for document in waiting.sort("_id")),
        "see that `serve bus` runs; then have the source publish again with `relay --republish-since`",
    )


def _parked_threads(parts: Parts) -> Iterator[Finding]:
    yield from found(
        "threads-parked",
        (thread["_id"] for thread in parts.views.parked_threads()),
        "the log says which fold raised what; mend the pack or the code, every sweep tries again",
    )


def _owners(parts: Parts, now: datetime) -> Iterator[Finding]:
    """Open follow-ups of which nobody in the owner's own team can be told."""
    fields = ("area", "owner_role", "owner_team", "owner_person")
    owned_alike: list[Mapping[str, Any]] = [
        {"$match": {"state": OPEN}},
        {"$group": {"_id": {name: {"$ifNull": [f"${name}", None]} for name in fields}}},
    ]
    on = london_date(now)
    orphaned = [
        group["_id"]
        for group in parts.views.collection.aggregate(owned_alike)
        if not parts.directory.is_owned(_owner(group["_id"]), group["_id"]["area"], on)
    ]
    ids = sorted(
        view["_id"] for group in orphaned for view in parts.views.collection.find({"state": OPEN, **group}, {"_id": 1})
    )
    yield from found(
        "owner-missing",
        ids,
        "name the team or person in the directory, or assign them; the safeguarding lead is told till then",
    )


def _owner(group: Mapping[str, Any]) -> Owner:
    return Owner(group["owner_role"], group["owner_team"], group["owner_person"])


def _rungs(parts: Parts) -> Iterator[Finding]:
    """Open follow-ups about which nobody will ever be told again. An inherited one waits for somebody to take it on."""
    silent = {
        "state": OPEN,
        "next_rung_at": None,
        "acts.ended": {"$ne": True},
        "$nor": [{"inherited": True, "acts.accepted_at": None}],
    }
    ids = (view["_id"] for view in parts.views.collection.find(silent, {"_id": 1}).sort("_id"))
    yield from found("rung-missing", ids, "run `rebuild`; if it stays, the ladder of its step has no rung that repeats")


def _chases(parts: Parts, now: datetime) -> Iterator[Finding]:
    waiting = {"relay.mail_for": {"$exists": True}, "event.recordedat": {"$lt": now - CHASE_MAILED_WITHIN}}
    ids = (event["_id"] for event in parts.store.collection.find(waiting, {"_id": 1}).sort("_id"))
    yield from found("chase-not-mailed", ids, "see that sweeps run; their log says which mail could not be composed")


def _mails(parts: Parts, now: datetime) -> Iterator[Finding]:
    waiting = {"relay.smtp.due_at": {"$exists": True}, "event.recordedat": {"$lt": now - MAIL_ACCEPTED_WITHIN}}
    ids = (event["_id"] for event in parts.store.collection.find(waiting, {"_id": 1}).sort("_id"))
    yield from found(
        "mail-not-accepted",
        ids,
        "see that the mail server answers and that the recipient's address is right; every sweep tries again",
    )


def _views(parts: Parts, sample: int | None) -> Iterator[Finding]:
    """Threads whose follow-ups are not what their evidence says: found so twice, and with nothing on its way."""
    kinds = parts.rules.history().thread_kinds()
    if sample is None:
        threads = set(parts.evidence.threads(kinds))
    else:
        chosen = sampled(parts.database.evidence, {}, sample, {"refs": 1})
        threads = {ref for item in chosen for ref in item["refs"] if ref.partition("/")[0] in kinds}
    listed = sampled(parts.views.collection, {}, sample, {"thread": 1})
    threads = set(chain(threads, (view["thread"] for view in listed)))
    parked = {thread["_id"] for thread in parts.views.parked_threads()}
    suspects = sorted(set(parts.views.differing(sorted(threads - parked))))
    ids = (
        thread
        for thread in parts.views.differing(suspects)
        if not parts.database.evidence.count_documents({"refs": thread, "folded": False}, limit=1)
    )
    yield from found("views-differ", ids, "run `rebuild`, which folds them again in place, and tell the developers")


def _sums(parts: Parts, full: bool, now: datetime) -> Iterator[Finding]:
    """Sums of open follow-ups that are not what a count of them makes; looked at in a full check, which counts all."""
    differing = parts.views.totals.differing(now) if full else ()
    yield from found("sums-differ", differing, "run `rebuild`, which makes them anew, and tell the developers")


def _sweeps(parts: Parts) -> Iterator[Finding]:
    """The last sweep that came to its end is older than two intervals of real time."""
    last = parts.database.sweeps.find_one({"finished_at": {"$exists": True}}, sort=[("finished_at", -1)])
    tolerated = 2 * timedelta(seconds=parts.config.sweep_interval_seconds)
    if last is None or datetime.now(UTC) - last["finished_at"] > tolerated:
        yield from found(
            "sweep-late",
            [last["_id"] if last else "none so far"],
            "see that `tick` and `serve bus` run; until then nobody is chased",
        )


def _holidays(parts: Parts, now: datetime) -> Iterator[Finding]:
    """The calendar in force must know next year's bank holidays; some due dates are a year ahead."""
    ruleset, next_year = parts.rules.history().newest(NATIONAL), london_date(now).year + 1
    if ruleset is None or not ruleset.calendar.covers(next_year):
        yield from found(
            "bank-holidays-missing",
            [str(next_year)],
            f"set BANK_HOLIDAYS_UNTIL to {next_year} or later and run `adopt`",
        )
