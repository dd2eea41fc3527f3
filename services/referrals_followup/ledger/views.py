"""Writes the views of follow-ups. A view is written whole, under a guard, and is the same for the same evidence.

The record of a thread has a fingerprint of each of its views. It also has the guard of its last fold: the number of
adoptions of rules and of events that the fold had read. One transaction does all the work. It reads the record, and
skips the thread if the guard is higher than the worker's own guard. It writes the record, the views that differ, and
the changes of the sums. So the fold that has read most is kept, in whatever order workers write. Views that the fold no
longer gives are deleted. Unchanged views are not written.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from itertools import chain
from typing import Any, NamedTuple

import structlog
from bson import decode, encode
from bson.codec_options import CodecOptions
from pymongo import DeleteOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.referrals_followup.domain.as_of import AsOf, with_acts
from services.referrals_followup.domain.follow_up import Acts, FollowUp, next_rung_at
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules import ADOPTED
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.overlap import store_beside
from services.referrals_followup.ledger.totals import SUMMED_IN, Change, Sum, Totals, sum_of
from services.referrals_followup.ledger.view_codec import document_of
from services.referrals_followup.ledger.view_schema import ensure_indexes
from services.referrals_followup.standards.rules import Rules
from shared.events.mongo import in_transaction, is_store_away
from shared.kernel.chunks import chunks
from shared.kernel.envelope import Event
from shared.recording.views import STALE
from shared.runtime.stopping import go_on

THREADS_AT_A_TIME = 200
# A thread is parked for this reason when an earlier fold read more events than there are. The database may have been
# restored from an old copy.
EVIDENCE_MISSING = "evidence is missing"
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, order=True)
class Guard:
    """How much a fold had read: adoptions of rules first, then events. A lower guard never replaces a higher one."""

    rules: int
    seen: int


class View(NamedTuple):
    """A view as it is written, its fingerprint, and the sum that counts the view while it is open."""

    document: dict[str, Any]
    fingerprint: bytes
    due_at: datetime
    sum: Sum | None


@dataclass(frozen=True, slots=True)
class ThreadFold:
    """The follow-ups of one thread with the acts on each, and the guard of this fold."""

    thread: str
    follow_ups: tuple[tuple[FollowUp, Acts], ...]
    guard: Guard


class FollowUpViews:
    """The collection `follow_ups` and the fold that fills it."""

    def __init__(self, database: Database, evidence: EvidenceStore, rules: Rules) -> None:
        self.collection = database.follow_ups
        self.totals = Totals(database, self.collection)
        self._database = database
        self._threads = database.threads
        self._parked_threads = database.parked_threads
        self._evidence = evidence
        self._rules = rules

    def ensure_indexes(self) -> None:
        """Create the indexes that serve sweeps, lists and sums. Safe to repeat."""
        ensure_indexes(self.collection)
        self.totals.ensure_indexes()

    def refresh_for(self, kept: Collection[Evidence]) -> None:
        """Write the views that these events affect, and then mark the events as folded. They must already be kept."""
        history = self._rules.history()
        threads: Iterable[str] = self._evidence.threads_touched_by(kept, history.relevant)
        if any(item.event.type == ADOPTED for item in kept):
            threads = chain(threads, self._evidence.threads(history.thread_kinds()))
        self._refresh(threads, history, {item.event.id: item for item in kept})

    def refresh(self, threads: Iterable[str], history: RulesHistory | None = None) -> None:
        """Fold these threads from the evidence and write their follow-ups."""
        self._refresh(threads, history or self._rules.history(), {})

    def _refresh(self, threads: Iterable[str], history: RulesHistory, kept: Mapping[str, Evidence]) -> None:
        """Fold and write the threads in chunks. One chunk is folded while the store writes the chunk before it.

        The transaction of the last chunk also marks the events in `kept` as folded.
        """
        some = chunks(threads, THREADS_AT_A_TIME)
        first, second = next(some, []), next(some, [])
        if second:
            folded = self._fold_in_turn(chain((first, second), some), history, kept)
            store_beside(folded, lambda piece: self._write_until_done(piece[0], history, piece[1]))
        else:
            self._write_until_done(kept, history, [*self._fold(first, history, kept)])

    def _fold_in_turn(
        self, some: Iterator[list[str]], history: RulesHistory, kept: Mapping[str, Evidence]
    ) -> Iterator[tuple[Mapping[str, Evidence], list[ThreadFold]]]:
        """The folds of each chunk, and the events that its transaction marks as folded: all of them with the last.

        Raises Stopping when the process is asked to stop. Then no event is marked as folded.
        """
        chunk = next(some)
        while chunk:
            go_on()
            folds = [*self._fold(chunk, history, kept)]
            chunk = next(some, [])
            yield {} if chunk else kept, folds

    def _write_until_done(self, kept: Mapping[str, Evidence], history: RulesHistory, folds: list[ThreadFold]) -> None:
        """Write these folds, and mark the events in `kept` as folded.

        If another worker has written a fold of more events, the thread is folded again. If the second fold reads no
        more than the first, the thread is parked, because some evidence of the other fold is missing.
        """
        before: dict[str, Guard] = {}
        while fuller := self._write(folds, history, kept):
            for folded in folds:
                if folded.thread in fuller and before.get(folded.thread) == folded.guard:
                    self._park(folded.thread, fuller.pop(folded.thread).seen, EVIDENCE_MISSING)
            before = {folded.thread: folded.guard for folded in folds}
            history = self._rules.history()
            folds = [*self._fold(list(fuller), history, kept)]

    def rebuild(self) -> int:
        """Fold every view again from the evidence, in place, while others read and write. Returns how many there are.

        Each view stays until its fold replaces it. A view that no fold replaced is deleted. The sums are counted again.
        Run it again after a crash.
        """
        history = self._rules.history()
        self.collection.update_many({}, {"$set": {STALE: True}})
        # A guard that is higher than the evidence would keep its thread from being written. Without fingerprints, every
        # view is written.
        self._threads.update_many({}, {"$set": {"rules_number": 0, "seen": 0}, "$unset": {"views": ""}})
        self._parked_threads.delete_many({"reason": EVIDENCE_MISSING})
        self.refresh(self._evidence.threads(history.thread_kinds()), history)
        # A thread that cannot be folded keeps its views.
        left = {STALE: True, "thread": {"$nin": self._parked_threads.distinct("_id")}}
        self.collection.delete_many(left)
        self.collection.update_many({STALE: True}, {"$unset": {STALE: ""}})
        self.totals.recount(datetime.now(UTC))
        return self.collection.count_documents({})

    def thread_of(self, follow_up_id: str) -> str | None:
        """The thread of a follow-up. None if the follow-up has no view."""
        found = self.collection.find_one({"_id": follow_up_id}, {"thread": 1})
        return found["thread"] if found else None

    def parked_threads(self) -> list[dict[str, Any]]:
        """The threads that could not be folded. Their views may be out of date."""
        return list(self._parked_threads.find().sort("_id"))

    def fold_all(
        self, own_events: Mapping[str, Collection[Event]], as_of: datetime | None = None
    ) -> dict[str, tuple[FollowUp, Acts]]:
        """All follow-ups of some threads by id, from a new fold.

        `own_events` has, for each thread, the streams of some of its follow-ups, which may not be evidence yet. With
        `as_of` (UTC), the follow-ups as they were then. Raises what the fold raises.
        """
        history = self._rules.history()
        folded = {}
        for thread, kept in self._evidence.read_threads(own_events, history.relevant).items():
            items = {item.event.id: item for item in kept}
            items.update({event.id: Evidence(event, frozenset({thread, event.stream})) for event in own_events[thread]})
            evidence = list(items.values())
            if as_of is None:
                pairs = self._fold_thread(thread, evidence, history).follow_ups
            else:
                pairs = AsOf.of(history, as_of).follow_ups(thread, evidence)
            folded.update({follow_up.id: (follow_up, acts) for follow_up, acts in pairs})
        return folded

    def find_differing(self, threads: Iterable[str]) -> Iterator[str]:
        """The threads whose views differ from a new fold of the evidence, or that cannot be folded."""
        history = self._rules.history()
        for some in chunks(threads, THREADS_AT_A_TIME):
            for thread, evidence in self._evidence.read_threads(some, history.relevant).items():
                stored = {view["_id"]: view for view in self.collection.find({"thread": thread})}
                try:
                    folded = self._fold_thread(thread, evidence, history)
                    fresh = {key: _as_read(view) for key, view in self._views_of(folded, history).items()}
                except Exception as error:
                    if is_store_away(error):
                        raise
                    yield thread
                else:
                    if stored != fresh:
                        yield thread

    def _fold(
        self, threads: Collection[str], history: RulesHistory, kept: Mapping[str, Evidence]
    ) -> Iterator[ThreadFold]:
        for thread, evidence in self._evidence.read_threads(threads, history.relevant, kept).items():
            try:
                folded = self._fold_thread(thread, evidence, history)
            except Exception as error:
                if is_store_away(error):
                    raise
                # If one thread cannot be folded, the others carry on. The check finds the parked one.
                self._park(thread, len(evidence), f"fold raised {type(error).__name__}")
            else:
                yield folded

    def _fold_thread(self, thread: str, evidence: list[Evidence], history: RulesHistory) -> ThreadFold:
        pairs = with_acts(fold(history, thread, evidence), evidence)
        return ThreadFold(thread, pairs, Guard(history.number, len(evidence)))

    def _park(self, thread: str, seen: int, reason: str) -> None:
        log.error("thread_parked", thread=thread, reason=reason)
        parked = {"$set": {"reason": reason}, "$max": {"seen": seen}, "$setOnInsert": {"parked_at": datetime.now(UTC)}}
        self._parked_threads.update_one({"_id": thread}, parked, upsert=True)

    def _write(self, folds: list[ThreadFold], history: RulesHistory, kept: Collection[str]) -> dict[str, Guard]:
        """Write the views of these folds. Returns the guard of each thread that already has a fold of more events.

        If there is none, all views that the events in `kept` affect are written, and they are marked as folded.
        """
        made = [(folded, self._views_of(folded, history)) for folded in folds]
        if not made:
            self._evidence.mark_folded(kept)
            return {}
        fuller = in_transaction(self._database, lambda session: self._write_in(session, kept, made))
        self._unpark(folds)
        return fuller

    def _write_in(
        self, session: ClientSession, kept: Collection[str], made: list[tuple[ThreadFold, dict[str, View]]]
    ) -> dict[str, Guard]:
        records = self._records([folded.thread for folded, _ in made], session)
        fuller: dict[str, Guard] = {}
        changed: dict[str, View] = {}
        left: set[str] = set()
        gone: set[str] = set()
        claims: list[Any] = []
        for folded, views in made:
            guard, known = records.get(folded.thread, (Guard(0, 0), {}))
            if guard > folded.guard:
                fuller[folded.thread] = guard
                continue
            new = {key: view for key, view in views.items() if known.get(key) != view.fingerprint}
            changed |= new
            left |= new.keys() & known.keys()
            gone |= known.keys() - views.keys()
            if new or guard != folded.guard or known.keys() != views.keys():
                claims.append(ReplaceOne({"_id": folded.thread}, _record(folded, views), upsert=True))
        self._note_changes(changed, left | gone, session)
        if claims:
            self._threads.bulk_write(claims, ordered=False, session=session)
        writes: list[Any] = [ReplaceOne({"_id": key}, view.document, upsert=True) for key, view in changed.items()]
        writes += [DeleteOne({"_id": key}) for key in sorted(gone)]
        if writes:
            self.collection.bulk_write(writes, ordered=False, session=session)
        if not fuller:
            self._evidence.mark_folded(kept, session)
        return fuller

    def _records(self, threads: list[str], session: ClientSession) -> dict[str, tuple[Guard, dict[str, bytes]]]:
        """The guard of each thread that was ever written, and the fingerprint of each of its views.

        If the record has no fingerprints, they are empty, and the ids come from the views themselves.
        """
        found = {one["_id"]: one for one in self._threads.find({"_id": {"$in": threads}}, session=session)}
        unknown = [thread for thread, record in found.items() if "views" not in record]
        listed: dict[str, dict[str, bytes]] = {thread: {} for thread in unknown}
        if unknown:
            for view in self.collection.find({"thread": {"$in": unknown}}, {"thread": 1}, session=session):
                listed[view["thread"]][view["_id"]] = b""
        return {
            thread: (Guard(record["rules_number"], record["seen"]), listed.get(thread) or record.get("views", {}))
            for thread, record in found.items()
        }

    def _note_changes(self, written: Mapping[str, View], before: Collection[str], session: ClientSession) -> None:
        """Note what these views add to the sums, and what the views with the ids `before` remove from them."""
        counted = {SUMMED_IN: 1, "due_at": 1, "areas": 1}
        found = list(self.collection.find({"_id": {"$in": list(before)}}, counted, session=session)) if before else []
        areas = {area for one in (*found, *(view.document for view in written.values())) for area in one["areas"]}
        old = {one["_id"]: (one[SUMMED_IN], one["due_at"]) for one in found if SUMMED_IN in one}
        new = {key: (view.sum.key, view.due_at) for key, view in written.items() if view.sum}
        changes = [Change(of, -1, key, at) for key, (of, at) in old.items() if new.get(key) != (of, at)]
        changes += [Change(of, 1, key, at) for key, (of, at) in new.items() if old.get(key) != (of, at)]
        self.totals.note([view.sum for view in written.values() if view.sum], changes, areas, session)

    def _views_of(self, folded: ThreadFold, history: RulesHistory) -> dict[str, View]:
        views = {}
        for follow_up, acts in folded.follow_ups:
            next_at = next_rung_at(follow_up, acts, history.calendar(follow_up.area))
            document = document_of(follow_up, acts, next_at)
            counted = sum_of(document)
            if counted:
                document[SUMMED_IN] = counted.key
            fingerprint = md5(encode(document), usedforsecurity=False).digest()
            views[follow_up.id] = View(document, fingerprint, follow_up.due_at, counted)
        return views

    def _unpark(self, folds: list[ThreadFold]) -> None:
        """Unpark the threads of these folds, except where a fold read less evidence than the one that failed."""
        seen = {folded.thread: folded.guard.seen for folded in folds}
        for parked in self._parked_threads.find({"_id": {"$in": list(seen)}}):
            self._parked_threads.delete_one({"_id": parked["_id"], "seen": {"$lte": seen[parked["_id"]]}})


def _as_read(view: View) -> dict[str, Any]:
    """The document that a reader of the view gets."""
    return dict(decode(encode(view.document), AWARE))


def _record(folded: ThreadFold, views: Mapping[str, View]) -> dict[str, Any]:
    fingerprints = {key: view.fingerprint for key, view in views.items()}
    return {"_id": folded.thread, "rules_number": folded.guard.rules, "seen": folded.guard.seen, "views": fingerprints}
