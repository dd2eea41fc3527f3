"""The contents of digests: the chased follow-ups that are still open, silent sources, parked work and findings."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from services.referrals_followup.domain.digest_text import (
    ChasedItem,
    DecidedItem,
    FindingItem,
    Item,
    ParkedItem,
    SilentSource,
    WithheldItem,
    write_begun_record,
    write_broken_glass,
    write_objection,
)
from services.referrals_followup.domain.directory import Directory, Member
from services.referrals_followup.domain.disclosure import find_withheld_of
from services.referrals_followup.domain.follow_up import (
    ENDED,
    OPEN,
    REOPENED,
    Acts,
    FollowUp,
    owner_of,
    timed,
)
from services.referrals_followup.domain.glass import BROKEN
from services.referrals_followup.domain.links import Links
from services.referrals_followup.domain.objection import OBJECTED, TOLD
from services.referrals_followup.domain.parked_work import FINDING, STALLED
from services.referrals_followup.domain.protection import NOTHING_HIDDEN, Hidden, Protected
from services.referrals_followup.domain.silence import FELL_SILENT
from services.referrals_followup.domain.thread_history import is_act
from services.referrals_followup.ledger.data_problems import DataProblems
from services.referrals_followup.ledger.evidence import EvidenceStore
from services.referrals_followup.ledger.views import FollowUpViews
from shared.contracts.access import WHEREABOUTS, signposts_to
from shared.events.documents import event_of
from shared.events.mongo import is_store_away
from shared.events.store import EventStore
from shared.kernel.chunks import chunks
from shared.kernel.envelope import Event, from_text
from shared.kernel.time import london_date

# The most follow-ups that are in memory at once, each with everything about it.
FOLDED_AT_A_TIME = 100


class NotKnownNow(Exception):
    """The thread of a chase does not have its follow-up now, so nobody can say whether the follow-up is still open."""


class DigestContents:
    """The contents of some digests. Most follow-ups are in several of the digests, and are read once."""

    def __init__(
        self,
        digests: Iterable[Event],
        problems: DataProblems,
        store: EventStore,
        views: FollowUpViews,
        directory: Directory,
        links: Links,
        evidence: EvidenceStore,
    ) -> None:
        self._evidence = evidence
        self._problems = problems
        self._store = store
        self._views = views
        self._directory = directory
        self._links = links
        ids = sorted({chase for digest in digests for chase in digest.data["chases"]})
        found = store.collection.find({"_id": {"$in": ids}}, {"event": 1})
        self._chases = {document["_id"]: event_of(document) for document in found}

    def select(self, digest: Event, recipient: Member) -> list[Item]:
        """The items of the digest, as its recipient may see them. Follow-ups that have closed since are left out.

        Raises NotKnownNow, or any error of the fold of a parked thread, if nobody can say whether a follow-up is open.
        """
        chases = [self._chases[chase] for chase in sorted(digest.data["chases"]) if chase in self._chases]
        # If two chases are about one follow-up, the later one names the rungs that are owed now.
        latest = {(chase.stream, chase.type): chase for chase in chases}
        items: list[Item] = []
        for some in chunks(latest.values(), FOLDED_AT_A_TIME):
            current = self._all_current if self._all_current is not None else self._fold(some)
            selected = (self._item(chase, recipient, current) for chase in some)
            items += [item for item in selected if item is not None]
        return items

    @cached_property
    def _protected(self) -> Protected:
        return self._evidence.find_protected()

    def _hidden_from(self, recipient: Member) -> Hidden:
        """Of whom it is hidden from the recipient where they are."""
        if not self._protected.protections:
            return NOTHING_HIDDEN
        teams = (self._directory.team(post.team) for post in recipient.posts)
        areas = {team.area for team in teams if team}
        areas |= {area for area in self._directory.areas if recipient.id in self._directory.leads_of(area)}
        return self._protected.find_hidden(recipient.role, recipient.team, areas)

    @cached_property
    def _all_current(self) -> Mapping[str, tuple[FollowUp, Acts]] | None:
        """The follow-ups of all the digests. None if there are too many at once, or a thread cannot be folded. Then
        each digest reads its own follow-ups.
        """
        if len(self._chases) > FOLDED_AT_A_TIME:
            return None
        try:
            return self._fold(self._chases.values())
        except Exception as error:
            if is_store_away(error):
                raise
            return None

    def _fold(self, chases: Iterable[Event]) -> Mapping[str, tuple[FollowUp, Acts]]:
        """The chased follow-ups by id, with the other follow-ups of their threads and the acts on each. Raises any
        error of the fold of a parked thread.
        """
        threads = {chase.stream: chase.data["thread"] for chase in chases if is_act(chase)}
        stored = self._store.read_all(list(threads)) if threads else {}
        own: dict[str, list[Event]] = defaultdict(list)
        for stream, thread in threads.items():
            own[thread] += [one.event for one in stored[stream]]
        return self._views.fold_all(own) if own else {}

    def _item(self, chase: Event, recipient: Member, current: Mapping[str, tuple[FollowUp, Acts]]) -> Item | None:
        if chase.type == FELL_SILENT:
            until = chase.data["complete_until"]
            return SilentSource(chase.data["service"], from_text(until) if until else None)
        if chase.type in (BROKEN, TOLD, OBJECTED):
            return self._notice(chase, self._hidden_from(recipient))
        if chase.type == STALLED and chase.data["kind"] == FINDING:
            return FindingItem(chase.data["what"].partition("/")[2])
        if chase.type == STALLED:
            return ParkedItem(chase.data["kind"], chase.data["what"], chase.data["reason_code"])
        if chase.data["follow_up_id"] not in current:
            raise NotKnownNow
        follow_up, acts = current[chase.data["follow_up_id"]]
        if chase.type in (ENDED, REOPENED):
            return self._decided_item(chase, recipient, follow_up, acts)
        if follow_up.state != OPEN:
            return None
        hidden = self._hidden_from(recipient)
        if withheld := self._find_withheld(follow_up, acts, recipient, hidden):
            return WithheldItem(tuple(signposts_to(withheld)))
        item = self._chased_item(chase, recipient, follow_up, acts)
        if hidden.covers(follow_up.person, follow_up.thread):
            return replace(item, area=None, others_told=None, because=None, source="")
        return item

    def _find_withheld(self, follow_up: FollowUp, acts: Acts, recipient: Member, hidden: Hidden) -> frozenset[str]:
        if hidden.withholds(follow_up, acts):
            return frozenset({WHEREABOUTS})
        return find_withheld_of(follow_up, acts, recipient.role, recipient.team)

    def _notice(self, event: Event, hidden: Hidden) -> Item:
        """What somebody did who is not of the recipient's own team."""
        data, by = event.data, f"{event.actor} ({event.team})"
        who = f"{data['by']} ({data['by_team']})" if event.type == TOLD else by
        if hidden.covers(data["person_id"], None):
            by = who = "somebody"
        circle = self._links.circle(data["person_id"])
        if event.type == BROKEN:
            return write_broken_glass(by, data["reason_code"], from_text(data["until"]), circle)
        record = self._links.record(data["record"])
        if event.type == OBJECTED:
            return write_objection(by, data["reason_code"], data["event_id"], record)
        kind = data["record"].partition("/")[0]
        return write_begun_record(who, kind, data["event_id"], record, circle)

    def _decided_item(self, act: Event, recipient: Member, follow_up: FollowUp, acts: Acts) -> Item | None:
        """What somebody decided about the follow-up; None if it was decided otherwise since."""
        if acts.ended != (act.type == ENDED):
            return None
        hidden = self._hidden_from(recipient)
        if withheld := self._find_withheld(follow_up, acts, recipient, hidden):
            return WithheldItem(tuple(signposts_to(withheld)))
        reason = act.data.get("reason_code")
        by = "somebody" if hidden.covers(follow_up.person, follow_up.thread) else act.actor
        return DecidedItem(follow_up.reference, follow_up.step, follow_up.title, by, act.type == ENDED, reason)

    def _chased_item(self, chase: Event, recipient: Member, follow_up: FollowUp, acts: Acts) -> ChasedItem:
        return ChasedItem(
            reference=follow_up.reference,
            step=follow_up.step,
            title=follow_up.title,
            expects=follow_up.expects,
            area=self._directory.area_name(follow_up.area),
            due_at=follow_up.due_at,
            basis=follow_up.basis,
            source=follow_up.source,
            others_told=tuple(person for person in chase.data["recipients"] if person != recipient.id),
            record_url=self._links.record(follow_up.thread),
            urgent=chase.data["urgent"],
            inherited=chase.data["inherited"],
            gap=follow_up.gap,
            data_problem=self._problems.bear_on(follow_up.thread, follow_up.person),
            because=self._why_told(chase, recipient, follow_up, acts),
        )

    def _why_told(self, chase: Event, recipient: Member, follow_up: FollowUp, acts: Acts) -> str | None:
        """Why a rung of the chase told this person, by the present directory; None if it would tell others today."""
        names = {rung["name"] for rung in chase.data["rungs"] if recipient.id in rung["to"]}
        owner, on = owner_of(follow_up, acts), london_date(from_text(chase.data["as_of"]))
        rungs = (rung for rung in timed(follow_up, acts) if rung.name in names)
        found = (one for rung in rungs for one in self._directory.find_recipients(follow_up, rung, owner, on))
        return next((one.because for one in found if one.person == recipient.id), None)
