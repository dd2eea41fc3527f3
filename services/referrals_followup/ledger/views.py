"""Follow-ups as documents to be listed: written whole, under a guard, and always the same for the same evidence.

Each thread has a record of its last fold: a guard `(rules, seen)`, how many adoptions and how many events it had read,
and a digest of each view. In one transaction a worker reads the record, leaves the thread alone where the guard is
higher than its own, and writes the record, the views that differ, and what that changes in the sums. So the fullest
fold has the last word, whatever the interleaving; nothing that it no longer asks for stays behind; and what stays as it
was costs no write.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from hashlib import md5
from itertools import islice
from typing import Any, NamedTuple, TypeVar

import structlog
from bson import decode, encode
from bson.codec_options import CodecOptions
from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    ListField,
    StringField,
)
from mongoengine.queryset import QuerySet
from pymongo import DeleteOne, ReplaceOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from services.referrals_followup.domain.as_of import AsOf, with_acts
from services.referrals_followup.domain.follow_up import Acts, FollowUp, Matter, Owner, Rung, next_rung_at, owner_of
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.totals import SUMMED_IN, Change, Sum, Totals, sum_of
from services.referrals_followup.standards.rules import Rules
from shared.events.mongo import in_transaction, is_store_away
from shared.kernel.envelope import Event
from shared.kernel.time import Offset
from shared.recording.views import STALE

THREADS_AT_A_TIME = 200
# Why a thread is parked whose evidence was read once and is there no more: a copy of the database that is too old, say.
EVIDENCE_MISSING = "evidence is missing"
# The parts of a view that no line of a list tells of; they are most of it.
NOT_IN_A_LINE = {"rungs": False, "rules": False, "why": False}
T = TypeVar("T")
AWARE: CodecOptions[Any] = CodecOptions(tz_aware=True)

log = structlog.get_logger()


class FollowUpView(Document):
    """One follow-up as the lists show it. All instants are UTC; `summed_in` is the sum that counts it while open."""

    meta = {
        "collection": "follow_ups",
        "auto_create_index": False,
        "strict": False,
        "index_cls": False,
        "indexes": [
            {"fields": ["state", "next_rung_at", "id"], "name": "sweep_in_order"},
            {"fields": ["areas", "state", "due_at", "id"], "name": "area_due"},
            {"fields": ["areas", "state", "opened_at", "id"], "name": "area_opened"},
            {"fields": ["areas", "state", "standard", "due_at", "id"], "name": "area_standard_due"},
            {"fields": ["areas", "state", "standard", "opened_at", "id"], "name": "area_standard_opened"},
            {"fields": ["areas", "state", "step", "due_at", "id"], "name": "area_step"},
            {"fields": ["areas", "state", "due_at", "id"], "name": "area_inherited", "partial": {"inherited": True}},
            {"fields": ["owner_team", "state", "due_at", "id"], "name": "team_due"},
            {"fields": ["owner_person", "state", "due_at", "id"], "name": "owner_due"},
            {"fields": ["person", "state", "due_at", "id"], "name": "person_due"},
            {"fields": ["thread"], "name": "thread"},
            {"fields": ["reference"], "name": "reference"},
        ],
    }

    id = StringField(primary_key=True)
    reference = StringField()
    step = StringField()
    standard = StringField()
    title = StringField()
    expects = StringField()
    thread = StringField()
    person = StringField(null=True)
    area = StringField()
    areas = ListField(StringField())
    state = StringField()
    opened_by = StringField()
    opened_type = StringField()
    opened_at = DateTimeField()
    opened_recorded_at = DateTimeField()
    opened_actor = StringField()
    opened_team = StringField()
    due_at = DateTimeField()
    visible_from = DateTimeField()
    asked_of = DictField()
    owner_role = StringField()
    owner_team = StringField(null=True)
    owner_person = StringField(null=True)
    rungs = ListField(DictField())
    rules = DictField()
    basis = StringField()
    source = StringField()
    confidence = StringField()
    inherited = BooleanField()
    gap = StringField(null=True)
    fallback = StringField(null=True)
    on = StringField(null=True)
    matters = ListField(DictField())
    receiver_role = StringField(null=True)
    receiver_team = StringField(null=True)
    closed_by = StringField(null=True)
    closed_at = DateTimeField(null=True)
    closed_recorded_at = DateTimeField(null=True)
    closed_actor = StringField(null=True)
    closed_reason = StringField(null=True)
    why = DictField()
    acts = DictField()
    next_rung_at = DateTimeField(null=True)
    summed_in = StringField()


_NESTED = ("owner", "rungs", "rules", "why", "areas", "about")
_COPIED = tuple(name.name for name in fields(FollowUp) if name.name not in _NESTED)
_READ = tuple(name for name in _COPIED if name != "id")
_FIELDS = {kind: tuple(declared.name for declared in fields(kind)) for kind in (Owner, Acts)}
_WRITTEN = tuple((name, field.db_field, field.null) for name, field in FollowUpView._fields.items())


def document_of(follow_up: FollowUp, acts: Acts, next_at: datetime | None) -> dict[str, Any]:
    """The view's document, fields in the order of the schema."""
    owner = owner_of(follow_up, acts)
    values = {
        **{name: getattr(follow_up, name) for name in _COPIED},
        "areas": list(follow_up.areas),
        "matters": [{"type": matter.type, "teams": list(matter.teams)} for matter in follow_up.matters],
        "asked_of": _shallow(follow_up.owner),
        "owner_role": owner.role,
        "owner_team": owner.team,
        "owner_person": owner.person,
        "rungs": [_rung_document(rung) for rung in follow_up.rungs],
        "rules": {name.replace(".", "_"): version for name, version in sorted(follow_up.rules.items())},
        "why": dict(follow_up.why),
        "acts": {**_shallow(acts), "chased": dict(acts.chased)},
        "next_rung_at": next_at,
        SUMMED_IN: None,  # who writes the view says in which sum it is
    }
    # What mongoengine would make of a FollowUpView, which costs more than the fold itself; a test holds them together.
    return {key: values[name] for name, key, null in _WRITTEN if values[name] is not None or null}


def follow_up_of(document: Mapping[str, Any]) -> FollowUp:
    """The follow-up of a view's document, read with aware instants; without what was not read."""
    values: dict[str, Any] = dict(zip(_READ, map(document.get, _READ), strict=True))
    return FollowUp(
        id=document["_id"],
        **values,
        areas=tuple(document["areas"]),
        about=tuple(Matter(matter["type"], tuple(matter["teams"])) for matter in document["matters"][1:]),
        owner=Owner(**document["asked_of"]),
        rungs=tuple(_rung_of(rung) for rung in document.get("rungs", ())),
        rules=document.get("rules", {}),
        why=document.get("why", {}),
    )


def _rung_document(rung: Rung) -> dict[str, Any]:
    return {
        "name": rung.name,
        "at": rung.at,
        "to": list(rung.to),
        "urgent": rung.urgent,
        "alarm": rung.alarm,
        "repeat": rung.repeat.to_json() if rung.repeat else None,
    }


def _shallow(value: Owner | Acts) -> dict[str, Any]:
    return {name: getattr(value, name) for name in _FIELDS[type(value)]}


def _rung_of(document: Mapping[str, Any]) -> Rung:
    repeat = Offset.parse(document["repeat"]) if document["repeat"] else None
    return Rung(
        name=document["name"],
        at=document["at"],
        to=tuple(document["to"]),
        urgent=document["urgent"],
        alarm=document["alarm"],
        repeat=repeat,
    )


@dataclass(frozen=True, slots=True, order=True)
class Guard:
    """How much a fold had read: adoptions first, then events. A higher guard is never overwritten by a lower one."""

    rules: int
    seen: int


class View(NamedTuple):
    """A view as it is written, its digest, and how it is counted while it is open."""

    document: dict[str, Any]
    digest: bytes
    due_at: datetime
    sum: Sum | None


@dataclass(frozen=True, slots=True)
class Folded:
    """One thread's follow-ups with the acts on each, and the guard they were folded under."""

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
        """Create the indexes that serve sweeps and lists; safe to repeat."""
        for spec in FollowUpView._meta["index_specs"]:
            partial = {"partialFilterExpression": spec["partial"]} if "partial" in spec else {}
            self.collection.create_index(spec["fields"], name=spec["name"], **partial)
        self.totals.ensure_indexes()

    @property
    def objects(self) -> QuerySet:
        """A new mongoengine query over the follow-ups."""
        return QuerySet(FollowUpView, self.collection)

    def hear(self, events: Collection[Event]) -> None:
        """Write the views that these events, already kept, bear on."""
        history = self._rules.history()
        self.refresh(self._evidence.threads_touched_by(events, history.relevant), history)
        if any(event.type == "rules.adopted.v1" for event in events):
            self.refresh(self._evidence.threads(history.thread_kinds()), history)

    def refresh(self, threads: Iterable[str], history: RulesHistory | None = None) -> None:
        """Fold these threads from the evidence and write their follow-ups, until nobody has claimed a fuller fold.

        Where the evidence that a claim has seen is not there, the thread is parked: to read again would find no more.
        """
        history = history or self._rules.history()
        for some in chunks(threads, THREADS_AT_A_TIME):
            waiting: Collection[str] = some
            before: dict[str, Guard] = {}
            while waiting:
                folds = [*self._fold(waiting, history)]
                fuller = self._write(folds, history)
                for folded in folds:
                    if folded.thread in fuller and before.get(folded.thread) == folded.guard:
                        self._park(folded.thread, fuller.pop(folded.thread).seen, EVIDENCE_MISSING)
                before = {folded.thread: folded.guard for folded in folds}
                waiting = list(fuller)
                history = self._rules.history() if waiting else history

    def rebuild(self) -> int:
        """Fold every view again from the evidence, in place, while others read and write; how many there are then.

        Each view stands until its fold replaces it. What nothing replaced is asked for no more: it goes. The sums are
        made anew. Run it again after a crash.
        """
        history = self._rules.history()
        self.collection.update_many({}, {"$set": {STALE: True}})
        # A record of more than there is would have its thread folded for ever; without digests each view is written.
        self._threads.update_many({}, {"$set": {"rules_number": 0, "seen": 0}, "$unset": {"views": ""}})
        self._parked_threads.delete_many({"reason": EVIDENCE_MISSING})
        self.refresh(self._evidence.threads(history.thread_kinds()), history)
        # A thread that cannot be folded now keeps what it had: nobody has said that it is no longer asked for.
        left = {STALE: True, "thread": {"$nin": self._parked_threads.distinct("_id")}}
        self.collection.delete_many(left)
        self.collection.update_many({STALE: True}, {"$unset": {STALE: ""}})
        self.totals.recount(datetime.now(UTC))
        return self.collection.count_documents({})

    def thread_of(self, follow_up_id: str) -> str | None:
        """The thread that a follow-up is listed under; None for one that has no view."""
        found = self.collection.find_one({"_id": follow_up_id}, {"thread": 1})
        return found["thread"] if found else None

    def parked_threads(self) -> list[dict[str, Any]]:
        """The threads that could not be folded: what their views say of them may be out of date."""
        return list(self._parked_threads.find().sort("_id"))

    def current(
        self, follow_up_id: str, thread: str, own_events: Collection[Event], as_of: datetime | None = None
    ) -> tuple[FollowUp, Acts] | None:
        """One follow-up of this thread folded afresh; `own_events` is its own stream, which may not be evidence yet.

        With `as_of` (UTC) as it stood then. None when the thread has, or had, no such follow-up. Raises whatever the
        fold of a thread that is parked raises.
        """
        return self.all_current({thread: own_events}, as_of).get(follow_up_id)

    def all_current(
        self, own_events: Mapping[str, Collection[Event]], as_of: datetime | None = None
    ) -> dict[str, tuple[FollowUp, Acts]]:
        """The same for all follow-ups of some threads, by id; `own_events` are by thread the streams of some of its
        follow-ups."""
        history = self._rules.history()
        found = {}
        for thread, known in self._evidence.scenes(own_events, history.relevant).items():
            scene = {item.event.id: item for item in known}
            scene.update({event.id: Evidence(event, frozenset({thread, event.stream})) for event in own_events[thread]})
            evidence = list(scene.values())
            if as_of is None:
                pairs = self._folded(thread, evidence, history).follow_ups
            else:
                pairs = AsOf.of(history, as_of).follow_ups(thread, evidence)
            found.update({follow_up.id: (follow_up, acts) for follow_up, acts in pairs})
        return found

    def differing(self, threads: Iterable[str]) -> Iterator[str]:
        """The threads whose follow-ups are not what a fold of the evidence makes now, or that cannot be folded."""
        history = self._rules.history()
        for some in chunks(threads, THREADS_AT_A_TIME):
            for thread, evidence in self._evidence.scenes(some, history.relevant).items():
                stored = {found["_id"]: found for found in self.collection.find({"thread": thread})}
                try:
                    folded = self._folded(thread, evidence, history)
                    fresh = {key: _as_read(view) for key, view in self._views_of(folded, history).items()}
                except Exception as error:
                    if is_store_away(error):
                        raise
                    yield thread
                else:
                    if stored != fresh:
                        yield thread

    def _fold(self, threads: Collection[str], history: RulesHistory) -> Iterator[Folded]:
        for thread, evidence in self._evidence.scenes(threads, history.relevant).items():
            try:
                folded = self._folded(thread, evidence, history)
            except Exception as error:
                if is_store_away(error):
                    raise
                # One thread that cannot be folded must not stop everybody's; it is set aside where the check finds it.
                self._park(thread, len(evidence), f"fold raised {type(error).__name__}")
            else:
                yield folded

    def _folded(self, thread: str, evidence: list[Evidence], history: RulesHistory) -> Folded:
        pairs = with_acts(fold(history, thread, evidence), evidence)
        return Folded(thread, pairs, Guard(history.number, len(evidence)))

    def _park(self, thread: str, seen: int, reason: str) -> None:
        log.error("thread_parked", thread=thread, reason=reason)
        parked = {"$set": {"reason": reason}, "$max": {"seen": seen}, "$setOnInsert": {"parked_at": datetime.now(UTC)}}
        self._parked_threads.update_one({"_id": thread}, parked, upsert=True)

    def _write(self, folds: list[Folded], history: RulesHistory) -> dict[str, Guard]:
        """Write the views of these folds; the threads of which a fuller one is written already, with its guard."""
        made = [(folded, self._views_of(folded, history)) for folded in folds]
        fuller = in_transaction(self._database, lambda session: self._write_in(session, made)) if made else {}
        self._no_longer_parked(folds)
        return fuller

    def _write_in(self, session: ClientSession, made: list[tuple[Folded, dict[str, View]]]) -> dict[str, Guard]:
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
            new = {key: view for key, view in views.items() if known.get(key) != view.digest}
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
        return fuller

    def _records(self, threads: list[str], session: ClientSession) -> dict[str, tuple[Guard, dict[str, bytes]]]:
        """The guard of each thread that was ever written, and the digest of each of its views; an empty one where only
        the views say that there are some."""
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
        """Note what comes into the sums with these views, and what leaves them with those that were there `before`."""
        counted = {SUMMED_IN: 1, "due_at": 1}
        found = self.collection.find({"_id": {"$in": list(before)}}, counted, session=session) if before else ()
        old = {one["_id"]: (one[SUMMED_IN], one["due_at"]) for one in found if SUMMED_IN in one}
        new = {key: (view.sum.key, view.due_at) for key, view in written.items() if view.sum}
        changes = [Change(of, -1, key, at) for key, (of, at) in old.items() if new.get(key) != (of, at)]
        changes += [Change(of, 1, key, at) for key, (of, at) in new.items() if old.get(key) != (of, at)]
        self.totals.note([view.sum for view in written.values() if view.sum], changes, session)

    def _views_of(self, folded: Folded, history: RulesHistory) -> dict[str, View]:
        found = {}
        for follow_up, acts in folded.follow_ups:
            next_at = next_rung_at(follow_up, acts, history.calendar(follow_up.area))
            document = document_of(follow_up, acts, next_at)
            counted = sum_of(document)
            if counted:
                document[SUMMED_IN] = counted.key
            digest = md5(encode(document), usedforsecurity=False).digest()
            found[follow_up.id] = View(document, digest, follow_up.due_at, counted)
        return found

    def _no_longer_parked(self, folds: list[Folded]) -> None:
        """These threads can be folded again, unless it was with less evidence than they were parked with."""
        seen = {folded.thread: folded.guard.seen for folded in folds}
        for parked in self._parked_threads.find({"_id": {"$in": list(seen)}}):
            self._parked_threads.delete_one({"_id": parked["_id"], "seen": {"$lte": seen[parked["_id"]]}})


def _as_read(view: View) -> dict[str, Any]:
    """What comes out of the store when the view is read."""
    return dict(decode(encode(view.document), AWARE))


def _record(folded: Folded, views: Mapping[str, View]) -> dict[str, Any]:
    digests = {key: view.digest for key, view in views.items()}
    return {"_id": folded.thread, "rules_number": folded.guard.rules, "seen": folded.guard.seen, "views": digests}


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of this size; the last one may be shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
