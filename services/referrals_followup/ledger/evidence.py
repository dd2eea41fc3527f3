"""The evidence: every event of every service, kept once, and the instant up to which it is complete.

Evidence is complete up to an instant on two conditions. The relay of each source has reported which events it published
by then. Each of these events is kept *and folded* here, or parked. An event that is already kept is still folded again.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pymongo import ASCENDING, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.collection import Collection as MongoCollection
from pymongo.database import Database

from services.referrals_followup.domain.claims import HANDOVERS, without_claims
from services.referrals_followup.domain.follow_up import ACT_TYPES
from services.referrals_followup.domain.protection import Protected, Protection
from services.referrals_followup.domain.rules_history import UNASKED, RelevantTypes
from services.referrals_followup.domain.thread_history import (
    DIED,
    LINKED,
    MOVED,
    OF_FAMILIES,
    OF_HOUSEHOLD,
    OF_SIBLINGS,
    PERSON,
    PREGNANCY,
    PREGNANCY_ENDED,
    UNLINKED,
    Evidence,
    ThreadHistory,
    is_act,
)
from shared.config.config import SERVICES
from shared.contracts.access import SYSTEM
from shared.contracts.catalogue import Catalogue
from shared.contracts.circle import PROTECTED, UNPROTECTED, find_protectors
from shared.events.documents import event_of
from shared.events.mongo import despite_duplicates
from shared.kernel.decisions import ABOUT_AN_ENTRY, CLAIM_ANSWERS, RETRACTION
from shared.kernel.envelope import Event, from_text
from shared.messaging.parked import ParkedMessages

LINKS = (LINKED, UNLINKED)
# A link can join a child or a parent with a person about whom there is more evidence.
_BEARING_ON_BEREAVEMENT = {*OF_FAMILIES, *LINKS}
_BEARING_ON_SIBLINGS = {*OF_SIBLINGS, *OF_HOUSEHOLD, *_BEARING_ON_BEREAVEMENT}
# What all threads read about the families of their people, and what those of some kinds read about the children too.
_ABOUT_FAMILIES = frozenset({*OF_FAMILIES, *LINKS})
_ABOUT_SIBLINGS = {PREGNANCY: _ABOUT_FAMILIES.union(OF_SIBLINGS), PERSON: _ABOUT_FAMILIES.union(OF_HOUSEHOLD)}
# The first look at a family finds parents, children and their other parents, the second one brothers and sisters.
_LOOKS_AT_A_FAMILY = 2
_NO_ACT = {"event.stream": {"$not": {"$regex": "^follow-up/"}}}
# The fields in which an event names a team that can become the owner of a follow-up.
TEAM_FIELDS = ("team", "to_team", "from_team", "contact_team")
# As many as a manifest names. MongoDB gives only about a hundred at first.
IDS_AT_A_TIME = 1_000


class EvidenceStore:
    """The collection `evidence`, and the positions that its sources have reported."""

    def __init__(self, database: Database, catalogue: Catalogue) -> None:
        self._evidence: MongoCollection = database.evidence
        self._manifests: MongoCollection = database.reported_manifests
        self._positions: MongoCollection = database.positions
        self._parked = ParkedMessages(database)
        self._catalogue = catalogue

    def ensure_indexes(self) -> None:
        """Create the indexes that serve folds and questions about people and teams. Safe to repeat."""
        self._evidence.create_index([("refs", ASCENDING), ("event.type", ASCENDING)], name="refs_type")
        self._evidence.create_index(
            [("event.data.event_id", ASCENDING)],
            name="struck_out",
            partialFilterExpression={"event.type": RETRACTION},
        )
        self._evidence.create_index([("teams", ASCENDING), ("event.recordedat", ASCENDING)], name="teams")
        self._evidence.create_index(
            [("event.type", ASCENDING)], name="protected", partialFilterExpression={"event.type": PROTECTED}
        )
        self._evidence.create_index([("folded", ASCENDING)], name="unfolded", partialFilterExpression={"folded": False})

    def keep(self, events: Collection[Event]) -> list[Evidence]:
        """Store each event once, on a majority. Returns the events with all that they name."""
        kept = [Evidence(event, frozenset(self._catalogue.refs(event))) for event in events]
        if kept:
            with despite_duplicates():
                self._evidence.insert_many(map(_document, kept), ordered=False)
        return kept

    def mark_folded(self, ids: Collection[str], session: ClientSession | None = None) -> None:
        """Record that all views that the events with these ids affect are written."""
        if ids:
            unfolded = {"_id": {"$in": list(ids)}, "folded": False}
            self._evidence.update_many(unfolded, {"$set": {"folded": True}}, session=session)

    def threads_touched_by(self, kept: Collection[Evidence], matters: Mapping[str, RelevantTypes]) -> list[str]:
        """The threads that these events affect. Those of one person are next to each other.

        An event affects the threads that it names. If its type matters there, it also affects the threads of the people
        it names (one hop). An event that affects a younger sibling, or a birth, also affects the pregnancies of the
        child's parents, and the threads of the parents and of their children. A death affects every thread about the
        family, and so does a birth or a link in a family where somebody died. A retraction affects what the retracted
        event affects, and the answer to a claim what the claim affects. An act on a follow-up affects only the thread
        of that follow-up.

        Call this method after `keep`. If two workers have one event each, at least one of them then finds both events.
        """
        touched = {ref for item in kept if is_act(item.event) for ref in item.refs}
        facts = [(item.event.type, item.refs) for item in kept if not is_act(item.event)]
        retracted = [item.event.data["event_id"] for item in kept if item.event.type in ABOUT_AN_ENTRY]
        if retracted:
            found = self._evidence.find({"_id": {"$in": retracted}}, {"refs": 1, "event.type": 1})
            facts += [(document["event"]["type"], frozenset(document["refs"])) for document in found]
        handed_over = {item.event.stream for item in kept if item.event.type in HANDOVERS}
        if handed_over:
            # They may show that the area that was left agrees to a move, which concerns everybody who moved.
            moves = self._evidence.find({"refs": {"$in": sorted(handed_over)}, "event.type": MOVED}, {"refs": 1})
            facts += [(MOVED, frozenset(document["refs"])) for document in moves]
        named = {ref for _, refs in facts for ref in _people(refs)}
        linked = self._find_joined(named)
        about: dict[str, set[str]] = defaultdict(set)
        for event_type, refs in facts:
            people = _people(refs)
            is_linked = not linked.isdisjoint(people)
            touched |= refs - people
            if _is_of_person(event_type, refs, matters) or is_linked:
                touched |= people
            for kind, types in matters.items():
                if event_type in types.far or is_linked:
                    about[kind] |= people
        people = set[str]().union(*about.values())
        for documents in self._find_about(people, {"refs": 1, "event.type": 1}):
            for document in documents:
                touched |= _of_kinds(about.keys(), document["refs"])
        fact_types = {event_type for event_type, _ in facts}
        if not fact_types.isdisjoint(_BEARING_ON_SIBLINGS):
            family, has_died = self._find_families(people | linked | named)
            touched |= family
            if has_died and not fact_types.isdisjoint(_BEARING_ON_BEREAVEMENT):
                touched |= self.threads_of(self.people([ref.partition("/")[2] for ref in _people(family)]), matters)
        person_of = {ref: min(_people(refs), default=ref) for _, refs in facts for ref in refs}
        return sorted(_of_kinds(matters, touched), key=lambda thread: (person_of.get(thread, thread), thread))

    def people(self, person_ids: Collection[str]) -> set[str]:
        """Every id of these people: the given ids, and all ids that a link ever joined with them, retracted or not."""
        found = set(_refs_of(person_ids))
        return {ref.partition("/")[2] for ref in found | self._find_joined(found)}

    def _find_joined(self, people: Collection[str]) -> set[str]:
        """All people whom links (also retracted ones) ever joined with these people, directly or through others."""
        fields, links = {"refs": 1, "event.type": 1}, {"event.type": {"$in": LINKS}}
        return {
            ref
            for documents in self._find_about(people, fields, links)
            for document in documents
            for ref in _people(document["refs"])
        }

    def ids_of(self, person_id: str, as_of: datetime | None = None) -> set[str]:
        """This id, and the ids that standing links join with it. With `as_of` (UTC), as recorded by then."""
        ids = self.people([person_id])
        if len(ids) == 1:
            return ids
        known = [item for item in self.find_around(ids) if as_of is None or item.event.recorded_at <= as_of]
        thread = f"{PERSON}/{person_id}"
        history = ThreadHistory(thread, without_claims(thread, known))
        return {other for other in ids if history.person(other) == history.person(person_id)}

    def find_protected(self) -> Protected:
        """Everybody who is protected now. The cost grows with how many people ever were."""
        ever = {
            document["event"]["stream"]
            for document in self._evidence.find({"event.type": PROTECTED}, {"event.stream": 1}, hint="protected")
        }
        histories: dict[str, list[Event]] = defaultdict(list)
        for item in self._find(ever, {"event.type": {"$in": [PROTECTED, UNPROTECTED, RETRACTION]}}):
            if item.event.stream in ever and not item.event.is_claim:
                histories[item.event.stream].append(item.event)
        in_order = {stream: sorted(history, key=lambda event: event.version) for stream, history in histories.items()}
        teams = {stream.partition("/")[2]: find_protectors(history) for stream, history in sorted(in_order.items())}
        ids = [person_id for person_id, protectors in teams.items() if protectors]
        joined = self.people(ids) if ids else set()
        people = {one: frozenset({one} if len(joined) == len(ids) else self.ids_of(one)) for one in ids}
        moves: dict[str, set[str]] = defaultdict(set)
        for item in self._find(_refs_of(joined), {"event.type": MOVED}):
            for ref in _people(item.refs):
                moves[ref.partition("/")[2]].add(item.event.stream)
        return Protected(
            tuple(
                Protection(
                    teams[one],
                    in_order[f"{PERSON}/{one}"][0].area,
                    people[one],
                    frozenset(move for person_id in people[one] for move in moves[person_id]),
                )
                for one in ids
            )
        )

    def find_around(self, person_ids: Collection[str]) -> list[Evidence]:
        """Every event that names one of these ids of people, every event on a thread that such an event names, and the
        retractions of all of them."""
        found = {item.event.id: item for item in self._find(_refs_of(person_ids))}
        named = {ref for item in found.values() for ref in item.refs}
        found.update((item.event.id, item) for item in self._find(named - _people(named)))
        self._add_retractions({"": found})
        return list(found.values())

    def threads_of(self, person_ids: Collection[str], kinds: Collection[str]) -> set[str]:
        """The threads of the events about these people. Every follow-up about them is on one of these."""
        return _of_kinds(kinds, self._refs({"refs": {"$in": _refs_of(person_ids)}})) if person_ids else set()

    def threads_of_team(self, team: str, kinds: Collection[str], until: datetime) -> set[str]:
        """Every thread on which the team can have owned a follow-up by `until` (UTC).

        These are the threads of the events that the team recorded or that name it, and those of the people in these
        events (one hop). The cost grows only with the history of this team and its people.
        """
        refs = self._refs({"teams": team, "event.recordedat": {"$lte": until}})
        people = self.people([ref.partition("/")[2] for ref in _people(refs)])
        return _of_kinds(kinds, refs) | self.threads_of(people, kinds)

    def read_threads(
        self,
        threads: Collection[str],
        matters: Mapping[str, RelevantTypes],
        known: Mapping[str, Evidence] = MappingProxyType({}),
    ) -> dict[str, list[Evidence]]:
        """For each thread, its own evidence, and the evidence about the people whom its events name, as far as it
        matters there.

        If links join people, all evidence about them is read: any event can show which of their ids was known first.
        Events that are `known` (by their id) are not built again.
        """
        by_thread = self._read(threads, matters, known)
        linked = [
            thread for thread, items in by_thread.items() if any(one.event.type in LINKS for one in items.values())
        ]
        by_thread |= self._read(linked, None, known)
        self._add_families(by_thread)
        self._add_retractions(by_thread)
        return {thread: list(items.values()) for thread, items in by_thread.items()}

    def _read(
        self, threads: Collection[str], matters: Mapping[str, RelevantTypes] | None, known: Mapping[str, Evidence]
    ) -> dict[str, dict[str, Evidence]]:
        """The evidence of each thread by event id, without acts on the follow-ups of other threads. There are many such
        acts, and no fold reads them.
        """
        by_thread: dict[str, dict[str, Evidence]] = {thread: {} for thread in threads}
        read = dict(known)
        people_of: dict[str, set[str]] = defaultdict(set)
        for item in self._find(threads, None, read):
            read[item.event.id] = item
            for thread in item.refs & by_thread.keys():
                if (
                    matters
                    and thread.startswith(f"{PERSON}/")
                    and not _is_of_person(item.event.type, item.refs, matters)
                ):
                    continue
                by_thread[thread][item.event.id] = item
                for person in _people(item.refs) - ({thread} if matters else set()):
                    people_of[person].add(thread)
        far = {thread: matters.get(thread.partition("/")[0], UNASKED).far for thread in threads} if matters else {}
        also = {"event.type": {"$in": sorted(set().union(*far.values()))}} if matters else _NO_ACT
        while people_of:
            linked: dict[str, set[str]] = defaultdict(set)
            for item in self._find(list(people_of), also, read):
                for person in item.refs & people_of.keys():
                    for thread in people_of[person]:
                        if matters and item.event.type not in far[thread]:
                            continue
                        if item.event.id not in by_thread[thread] and item.event.type in LINKS:
                            for other in _people(item.refs) - {person}:
                                linked[other].add(thread)
                        by_thread[thread][item.event.id] = item
            people_of = linked
        return by_thread

    def _add_families(self, by_thread: Mapping[str, dict[str, Evidence]]) -> None:
        """Add the evidence about the families of the people of each thread, as far as it matters there.

        What names a person whom the thread itself names was read before.
        """
        read = {event_id: item for items in by_thread.values() for event_id, item in items.items()}
        known: dict[str, set[str]] = defaultdict(set)
        for thread, items in by_thread.items():
            if any(item.event.type == PREGNANCY_ENDED for item in items.values()):
                for ref in set[str]().union(*(_people(item.refs) for item in items.values() if thread in item.refs)):
                    known[ref].add(thread)
        asked: dict[str, set[str]] = defaultdict(set)
        for _ in range(_LOOKS_AT_A_FAMILY):
            new: dict[str, set[str]] = defaultdict(set)
            for thread, items in by_thread.items():
                for birth in (item for item in items.values() if item.event.type == PREGNANCY_ENDED):
                    children = {f"{PERSON}/{child}" for child in birth.event.data["children"]}
                    of_siblings = children if thread.partition("/")[0] in _ABOUT_SIBLINGS else set()
                    for ref in _people(birth.refs):
                        if thread not in asked[ref] and (ref in of_siblings or thread not in known[ref]):
                            new[ref].add(thread)
            self._add_about(new, asked, by_thread, read)

    def _add_about(
        self,
        new: Mapping[str, set[str]],
        asked: Mapping[str, set[str]],
        by_thread: Mapping[str, dict[str, Evidence]],
        read: Mapping[str, Evidence],
    ) -> None:
        """Add to each thread what matters there about these people, and about those whom links join with them.

        `new` has the threads by person; they are added to `asked`.
        """
        types = sorted(_ABOUT_FAMILIES.union(*_ABOUT_SIBLINGS.values()))
        while new:
            for ref, threads in new.items():
                asked[ref].update(threads)
            joined: dict[str, set[str]] = defaultdict(set)
            for item in self._find(list(new), {"event.type": {"$in": types}}, read):
                found = _people(item.refs)
                for thread in set[str]().union(*(new.get(ref, ()) for ref in found)):
                    if item.event.type in _ABOUT_SIBLINGS.get(thread.partition("/")[0], _ABOUT_FAMILIES):
                        by_thread[thread].setdefault(item.event.id, item)
                        for ref in found if item.event.type in LINKS else ():
                            if thread not in asked[ref]:
                                joined[ref].add(thread)
            new = joined

    def _find_families(self, members: Collection[str]) -> tuple[set[str], bool]:
        """The parents of these children under any of their ids, all children whom they have, and their pregnancies; and
        whether anybody of them has died."""
        births = self._evidence.find({"refs": {"$in": list(members)}, "event.type": PREGNANCY_ENDED}, {"refs": 1})
        parents = {ref for birth in births for ref in _people(birth["refs"])}
        of_parents = {"refs": {"$in": _refs_of(self.people([ref.partition("/")[2] for ref in parents]))}}
        found, has_died = set(parents), False
        for document in self._evidence.find(of_parents, {"refs": 1, "event.type": 1}):
            is_birth = document["event"]["type"] == PREGNANCY_ENDED
            has_died = has_died or document["event"]["type"] == DIED
            found |= {ref for ref in document["refs"] if is_birth or ref.startswith(f"{PREGNANCY}/")}
        return found, has_died

    def _add_retractions(self, by_thread: Mapping[str, dict[str, Evidence]]) -> None:
        """Add the retractions, and the answers to claims.

        A retraction or an answer names the event by its id and may name none of its people.
        """
        threads_of: dict[str, list[str]] = defaultdict(list)
        for thread, items in by_thread.items():
            for event_id in items:
                threads_of[event_id].append(thread)
        retracting = {"event.type": RETRACTION, "event.data.event_id": {"$in": list(threads_of)}}
        for document in self._evidence.find(retracting, {"event": 1, "refs": 1}) if threads_of else ():
            retraction = Evidence(event_of(document), frozenset(document["refs"]))
            for thread in threads_of[retraction.event.data["event_id"]]:
                by_thread[thread].setdefault(retraction.event.id, retraction)
        claimed: dict[str, set[str]] = defaultdict(set)
        for thread, items in by_thread.items():
            for item in items.values():
                if item.event.is_claim:
                    claimed[item.event.stream].add(thread)
        for answer in self._find(claimed, {"event.type": {"$in": [*CLAIM_ANSWERS, *HANDOVERS]}}):
            for thread in claimed[answer.event.stream]:
                by_thread[thread].setdefault(answer.event.id, answer)

    def _find_about(
        self, people: Collection[str], fields: Mapping[str, int], also: Mapping[str, Any] | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """The documents about these people, then those about people whom links in these join with them, and so on."""
        known, new = set(people), set(people)
        while new:
            documents = list(self._evidence.find({"refs": {"$in": list(new)}, **(also or {})}, dict(fields)))
            yield documents
            joined = {ref for document in documents if document["event"]["type"] in LINKS for ref in document["refs"]}
            new = _people(joined) - known
            known |= new

    def threads(self, kinds: Collection[str]) -> Iterator[str]:
        """Every thread that has evidence, once. They come one by one, as there are too many for one answer."""
        of_these_kinds = {"refs": {"$regex": f"^({'|'.join(map(re.escape, sorted(kinds)))})/"}}
        stages: list[Mapping[str, Any]] = [
            {"$match": of_these_kinds},
            {"$unwind": "$refs"},
            {"$match": of_these_kinds},
            {"$group": {"_id": "$refs"}},
        ]
        for found in self._evidence.aggregate(stages, allowDiskUse=True) if kinds else ():
            yield found["_id"]

    def note_positions(self, events: Iterable[Event]) -> None:
        """Store the positions that relays reported, and the manifests that came with them, in one write."""
        notes = []
        for event in events:
            source, manifest, until = event.source, event.data["manifest"], event.data["until"]
            if manifest:
                notes.append((f"{source}/{manifest['number']}", {"$set": {"ids": manifest["ids"]}}))
            if until:
                notes.append((f"{source}/{event.data['last']}", {"$max": {"until": from_text(until)}}))
        if notes:
            _upsert(self._manifests, *notes)

    def complete_until(self) -> dict[str, datetime | None]:
        """For each source, the instant (UTC) up to which all its events are folded here. None if unknown."""
        positions: dict[str, dict[str, Any]] = {source: {"number": 0, "until": None} for source in SERVICES}
        for found in self._positions.find({"_id": {"$in": list(positions)}}):
            positions[found["_id"]] |= found
        near = [f"{source}/{one['number'] + ahead}" for source, one in positions.items() for ahead in (0, 1)]
        manifests = {found["_id"]: found for found in self._manifests.find({"_id": {"$in": near}})}
        return {source: self._advance(source, position, manifests) for source, position in positions.items()}

    def _advance(
        self, source: str, position: Mapping[str, Any], manifests: Mapping[str, Mapping[str, Any]]
    ) -> datetime | None:
        number, until = known = position["number"], position["until"]
        until = _latest(until, manifests.get(f"{source}/{number}", {}).get("until"))
        manifest = manifests.get(f"{source}/{number + 1}")
        while manifest and self._holds(manifest):
            number += 1
            until = _latest(until, manifest.get("until"))
            manifest = self._manifests.find_one({"_id": f"{source}/{number + 1}"})
        if (number, until) != known:
            changes: dict[str, Any] = {"$max": {"number": number}}
            if until is not None:
                changes["$max"]["until"] = until
            _upsert(self._positions, (source, changes))
        return until

    def _holds(self, manifest: Mapping[str, Any]) -> bool:
        """Whether every event that the manifest names is folded or parked."""
        ids = manifest.get("ids")
        if ids is None:
            return False
        folded = self._evidence.find({"_id": {"$in": ids}, "folded": True}, {"_id": 1}, batch_size=IDS_AT_A_TIME)
        kept = {found["_id"] for found in folded}
        missing = [event_id for event_id in ids if event_id not in kept]
        return not missing or self._parked.among(missing) == set(missing)

    def _find(
        self, refs: Collection[str], also: Mapping[str, Any] | None = None, read: Mapping[str, Evidence] | None = None
    ) -> Iterable[Evidence]:
        """The evidence that names one of these. Items in `read` are used again, and not built a second time."""
        if not refs:
            return
        wanted = {"refs": {"$in": list(refs)}, **(also or {})}
        for document in self._evidence.find(wanted, {"event": 1, "refs": 1}):
            known = read.get(document["_id"]) if read else None
            yield known or Evidence(event_of(document), frozenset(document["refs"]))

    def _refs(self, wanted: Mapping[str, Any]) -> set[str]:
        return {ref for document in self._evidence.find(wanted, {"refs": 1}) for ref in document["refs"]}


def _document(item: Evidence) -> dict[str, Any]:
    return {
        "_id": item.event.id,
        "event": item.event.to_attributes(),
        "refs": sorted(item.refs),
        "teams": _teams_of(item.event),
        "folded": False,
    }


def _people(refs: Iterable[str]) -> set[str]:
    return {ref for ref in refs if ref.startswith("person/")}


def _refs_of(person_ids: Iterable[str]) -> list[str]:
    return [f"person/{person_id}" for person_id in person_ids]


def _is_of_person(event_type: str, refs: Iterable[str], matters: Mapping[str, RelevantTypes]) -> bool:
    """Whether an event belongs to the thread of a person whom it names.

    It does if it matters there, if it is an act, or if it names other people, whose events then affect that thread.
    """
    types = matters.get(PERSON, UNASKED).own
    return event_type in types or event_type in ACT_TYPES or len(_people(refs)) > 1


def _of_kinds(kinds: Collection[str], refs: Iterable[str]) -> set[str]:
    return {ref for ref in refs if ref.partition("/")[0] in kinds}


def _teams_of(event: Event) -> list[str]:
    """The team that recorded the event, and the teams it names. The system is left out: it only chases."""
    found = {event.team, *(event.data.get(field) for field in TEAM_FIELDS)} - {SYSTEM}
    return sorted(team for team in found if team)


def _upsert(collection: MongoCollection, *changes: tuple[str, Mapping[str, Any]]) -> None:
    """Upsert each document. If two inserts run at once, the second one is repeated as an update. Safe to repeat."""
    writes = [UpdateOne({"_id": key}, update, upsert=True) for key, update in changes]
    with despite_duplicates():
        collection.bulk_write(writes, ordered=False)
        return
    collection.bulk_write(writes, ordered=False)


def _latest(*instants: datetime | None) -> datetime | None:
    return max((instant for instant in instants if instant is not None), default=None)
