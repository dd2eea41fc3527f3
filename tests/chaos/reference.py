"""What must be there after a run, worked out from the 2xx answers alone, without the services' write path.

The events are put together from the answers and from what GET shows of each record. Follow-ups are folded by the pure
ledger over threads that are grouped here; a few simple steps are worked out by hand beside it, for openings from
14 January to 22 March 2013, which no bank holiday bears on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deploy.local.stack import STANDARDS
from services.referrals_followup.domain.follow_up import FollowUp, Rung
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import Adoption, RulesHistory
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.standards.loader import load_packs
from shared.contracts import CATALOGUE
from shared.kernel.calendar import england
from shared.kernel.envelope import Event, from_text
from shared.kernel.time import due
from tests.chaos.clients import Accepted

LONDON = ZoneInfo("Europe/London")
BEGINS = datetime(2013, 1, 14, 9, tzinfo=UTC)
ENDS = datetime(2013, 3, 28, 12, tzinfo=UTC)
CALENDAR = england(2013)
SYSTEM = "system"

# What each entry of a story makes of its record, and what it may follow; the other entries change no state.
BECOMES: Mapping[str, tuple[str, frozenset[str | None]]] = {
    event_type: (state, frozenset(after))
    for event_type, state, after in (
        ("person.registered.v1", "registered", [None]),
        ("pregnancy.booked.v1", "booked", [None]),
        ("care_leaver.registered.v1", "registered", [None]),
        ("referral.intended.v1", "intended", [None]),
        ("referral.sent.v1", "sent", [None, "intended"]),
        ("referral.withdrawn.v1", "withdrawn", ["intended", "sent", "acknowledged"]),
        ("referral.acknowledged.v1", "acknowledged", ["sent"]),
        ("referral.more_info_requested.v1", "more_info_requested", ["acknowledged"]),
        ("referral.more_info_given.v1", "more_info_given", ["more_info_requested"]),
        ("referral.rejected.v1", "rejected", ["acknowledged", "more_info_given"]),
        ("referral.accepted.v1", "accepted", ["acknowledged", "more_info_given"]),
        ("referral.appointment_booked.v1", "booked", ["accepted", "attended", "did_not_attend"]),
        ("referral.not_attended.v1", "did_not_attend", ["booked"]),
        ("referral.attended.v1", "attended", ["booked"]),
        ("referral.assessed.v1", "assessed", ["attended", "did_not_attend"]),
        ("referral.treatment_started.v1", "in_treatment", ["assessed"]),
        ("referral.treatment_ended.v1", "ended", ["in_treatment"]),
        ("referral.outcome_returned.v1", "outcome_returned", ["ended"]),
        ("referral.outcome_acknowledged.v1", "outcome_acknowledged", ["outcome_returned"]),
        ("referral.closed.v1", "closed", ["outcome_returned", "outcome_acknowledged"]),
        ("plan_item.added.v1", "added", [None]),
        ("plan_item.arranged.v1", "arranged", ["added"]),
        ("plan_item.offered.v1", "offered", ["arranged", "declined"]),
        ("plan_item.declined.v1", "declined", ["offered"]),
        ("plan_item.taken_up.v1", "taken_up", ["offered"]),
        ("plan_item.fallback_started.v1", "fallback_started", ["declined"]),
        ("plan_item.completed.v1", "completed", ["taken_up", "fallback_started"]),
    )
}
IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Record:
    """One record as GET shows it: its events, in the order of their versions."""

    service: str
    stream: str
    events: tuple[Event, ...]

    @classmethod
    def of(cls, service: str, stream: str, shown: Mapping[str, Any]) -> Record:
        """From the body of an answer to GET."""
        events = tuple(
            Event(
                id=entry["event_id"],
                source=service,
                type=entry["type"],
                subject=shown["person_id"],
                occurred_at=from_text(entry["occurred_at"]),
                precision=entry["precision"],
                recorded_at=from_text(entry["recorded_at"]),
                stream=stream,
                version=version,
                actor=entry["actor"],
                role=entry["role"],
                team=entry["team"],
                area=shown["area"],
                correlation_id=entry["event_id"],
                data=entry["data"],
            )
            for version, entry in enumerate(shown["history"], 1)
        )
        return cls(service, stream, events)

    def states(self) -> Iterator[str | None]:
        """The state after each event."""
        state: str | None = None
        for event in self.events:
            if event.type in BECOMES:
                becomes, after = BECOMES[event.type]
                state = becomes if state in after else IMPOSSIBLE
            yield state


def is_kept(accepted: Accepted, record: Record | None) -> bool:
    """Whether the event of an answer is in its record, once, where and as it was answered."""
    if record is None or [event.id for event in record.events].count(accepted.event_id) != 1:
        return False
    at = accepted.version - 1
    if at >= len(record.events) or record.events[at].id != accepted.event_id:
        return False
    event = record.events[at]
    said = {name: value for name, value in accepted.post.body.items() if name in event.data}
    right = event.type == accepted.post.type and event.actor == accepted.post.by
    told = accepted.state in (None, list(record.states())[at])
    return right and told and all(event.data[name] == value for name, value in said.items())


def reactions_expected(records: Iterable[Record]) -> set[tuple[str, str, str]]:
    """Stream, type and subject matter of all that the services say by themselves: of a mother who is a care leaver."""
    leavers, mothers = {}, defaultdict(list)
    for record in records:
        begun = record.events[0]
        if begun.type == "care_leaver.registered.v1":
            leavers[begun.data["person_id"]] = record.stream
        elif begun.type == "pregnancy.booked.v1":
            mothers[begun.data["person_id"]].append(record.stream)
    expected = set()
    for person, pregnancies in mothers.items():
        if person in leavers:
            for stream in pregnancies:
                expected.add((stream, "pregnancy.care_leaver_learnt.v1", person))
                expected.add((leavers[person], "parenthood.learnt.v1", stream.partition("/")[2]))
    return expected


def reactions_found(records: Iterable[Record]) -> list[tuple[str, str, str]]:
    """The same of what the records hold."""
    return [
        (record.stream, event.type, str(event.data.get("parent_id") or event.data.get("pregnancy_id")))
        for record in records
        for event in record.events
        if event.role == SYSTEM
    ]


@dataclass(frozen=True)
class Expected:
    """The follow-ups that all this evidence leads to, by id, and the rungs of each."""

    rules: RulesHistory
    events: Sequence[Event]
    _threads: dict[str, list[Evidence]] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Expected:
        packs = load_packs(STANDARDS, CATALOGUE)
        adoptions = (
            Adoption(BEGINS, pack["pack"], pack["version"], {"steps": pack["steps"]}, CALENDAR, pack["pack"])
            for pack in packs
        )
        return cls(RulesHistory.of(adoptions), [event for record in records for event in record.events])

    def threads(self) -> Mapping[str, list[Evidence]]:
        """What bears on each thread: the events that name it, and those about the people whom these name."""
        if not self._threads:
            kinds = self.rules.thread_kinds()
            naming: dict[str, list[Evidence]] = defaultdict(list)
            for event in self.events:
                item = Evidence(event, frozenset(CATALOGUE.refs(event)))
                for ref in item.refs:
                    naming[ref].append(item)
            for thread, own in naming.items():
                if thread.partition("/")[0] in kinds:
                    people = {ref for item in own for ref in item.refs if ref.startswith("person/")}
                    about = {item.event.id: item for ref in (thread, *people) for item in naming[ref]}
                    self._threads[thread] = list(about.values())
        return self._threads

    def follow_ups(self) -> dict[str, FollowUp]:
        """All of them, by id."""
        found = (fold(self.rules, thread, evidence) for thread, evidence in self.threads().items())
        return {follow_up.id: follow_up for follow_ups in found for follow_up in follow_ups}

    def as_known_before(self, thread: str, instant: datetime) -> dict[str, FollowUp]:
        """Those of one thread from what was recorded before this instant."""
        known = [item for item in self.threads()[thread] if item.event.recorded_at < instant]
        return {follow_up.id: follow_up for follow_up in fold(self.rules, thread, known)}


def falls_due(rung: Rung, recorded_at: datetime, until: datetime) -> list[datetime]:
    """Every instant up to `until` at which a rung is owed anew; none before its opening was recorded."""
    at = max(rung.at, recorded_at)
    found = []
    while at <= until:
        found.append(at)
        if rung.repeat is None:
            break
        at = due(rung.repeat, at, "minute", CALENDAR).at
    return found


def by_hand(records: Iterable[Record]) -> dict[tuple[str, str], tuple[str, datetime]]:
    """State and due time by step and opening event, for REF-01, REF-02 and CL-01.revisit, without the ledger."""
    found: dict[tuple[str, str], tuple[str, datetime]] = {}
    for record in records:
        events = record.events
        types = [event.type.removesuffix(".v1") for event in events]
        if types[0] == "referral.intended":
            closed = _state(types[1:], met={"referral.sent"}, ended={"referral.withdrawn"})
            wait = 0 if events[0].data["urgency"] == "urgent" else 2
            by = time(23, 59) if wait == 0 else time(17)
            found["REF-01", events[0].id] = closed, _after(events[0].occurred_at, wait, by, working=wait > 0)
        if "referral.sent" in types:
            at = types.index("referral.sent")
            answers = {"acknowledged", "accepted", "rejected", "redirected", "more_info_requested"}
            met = {f"referral.{answer}" for answer in answers}
            closed = _state(types[at + 1 :], met=met, ended={"referral.withdrawn"})
            wait = 3 if events[0].area == "essex" else 2
            found["REF-02", events[at].id] = closed, _after(events[at].occurred_at, wait, time(17), working=True)
        if types[0] == "plan_item.added":
            found |= _revisits(events, types)
    return found


def _revisits(events: Sequence[Event], types: Sequence[str]) -> dict[tuple[str, str], tuple[str, datetime]]:
    """Each visit of a plan item opens the next one, eight weeks on, until the item comes to an end."""
    names = ("offered", "reviewed", "declined", "deferred", "fallback_started", "taken_up")
    visits = {f"plan_item.{name}" for name in names}
    found = {}
    for at, event in enumerate(events):
        if types[at] == "plan_item.added" or types[at] in visits:
            closed = _state(types[at + 1 :], met=visits, ended={"plan_item.completed", "plan_item.ended"})
            found["CL-01.revisit", event.id] = closed, _after(event.occurred_at, 56, time(17), working=False)
    return found


def _state(later: Iterable[str], met: set[str], ended: set[str]) -> str:
    return next(("met" if name in met else "ended" for name in later if name in met | ended), "open")


def _after(occurred_at: datetime, days: int, by: time, *, working: bool) -> datetime:
    day = occurred_at.date()
    if working:
        while day.weekday() > 4:
            day += timedelta(days=1)
        for _ in range(days):
            day += timedelta(days=3 if day.weekday() == 4 else 1)
    else:
        day += timedelta(days=days)
    return datetime.combine(day, by, tzinfo=LONDON).astimezone(UTC)
