"""Compares what a run left behind with what its answers promise, and prints the result in one line."""

from __future__ import annotations

import email
import email.policy
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pymongo.database import Database

from deploy.local.mongo import NotInstalled
from deploy.local.processes import NotReady
from services.referrals_followup.domain.follow_up import FollowUp
from shared.kernel.envelope import from_text
from tests.chaos.clients import Accepted, Ledger
from tests.chaos.reference import (
    Expected,
    Record,
    by_hand,
    falls_due,
    is_kept,
    reactions_expected,
    reactions_found,
)

RECORDING = ("perinatal", "leaving_care")
VIEWS = {
    "referral": ("perinatal", "referral_views"),
    "pregnancy": ("perinatal", "pregnancy_views"),
    "care-leaver": ("leaving_care", "care_leaver_views"),
    "plan-item": ("leaving_care", "plan_item_views"),
}
COMPARED = ("step", "thread", "person", "area", "state", "opened_by", "due_at", "closed_by", "closed_at", "inherited")
AT_MOST_SHOWN = 5
INSTANT = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class Left:
    """What a run left behind: answers, records as GET shows them, databases, the mail server's files, poison sent."""

    ledger: Ledger
    records: Mapping[str, Record]
    databases: Mapping[str, Database[dict[str, Any]]]
    maildir: Path
    poison: int
    deaths_while_mailing: int
    until: datetime


@dataclass
class Verdict:
    """The counts of the last line, and each disagreement in words."""

    accepted: int = 0
    kept: int = 0
    lost: int = 0
    doubled: int = 0
    poison: int = 0
    parked: int = 0
    follow_ups_right: int = 0
    follow_ups: int = 0
    rungs_lost: int = 0
    rungs_doubled: int = 0
    mails_repeated: int = 0
    deaths_while_mailing: int = 0
    faults: list[str] = field(default_factory=list)

    def blame(self, what: str, which: Iterable[Any]) -> int:
        """Notes the first few of these faults and returns their number."""
        found = list(which)
        if found:
            self.faults.append(f"{what}: {len(found)}, such as {'; '.join(map(str, found[:AT_MOST_SHOWN]))}")
        return len(found)

    @property
    def agrees(self) -> bool:
        """Whether nothing is lost, doubled, unparked or wrong, and every repeated mail has a death to its name."""
        counts = (self.lost, self.doubled, self.rungs_lost, self.rungs_doubled)
        return (
            not any(counts)
            and not self.faults
            and self.kept == self.accepted
            and self.parked == self.poison
            and self.follow_ups_right == self.follow_ups
            and self.mails_repeated <= self.deaths_while_mailing
        )

    def line(self) -> str:
        """The last line of a run."""
        return (
            f"chaos: accepted={self.accepted} kept={self.kept} lost={self.lost} doubled={self.doubled}"
            f" poison={self.poison} parked={self.parked} followups={self.follow_ups_right}/{self.follow_ups}"
            f" rungs_lost={self.rungs_lost} rungs_doubled={self.rungs_doubled}"
            f" mails_repeated={self.mails_repeated} deaths_while_mailing={self.deaths_while_mailing}"
        )


def conclude(run: Callable[[], Verdict]) -> int:
    """Prints each disagreement and the last line of the run. Returns the exit status."""
    try:
        verdict = run()
    except (NotInstalled, NotReady) as error:
        print(error, file=sys.stderr)
        return 1
    for fault in verdict.faults:
        print(fault)
    print(verdict.line())
    return 0 if verdict.agrees else 1


def judge(left: Left) -> Verdict:
    """Compares everything."""
    verdict = Verdict(poison=left.poison, deaths_while_mailing=left.deaths_while_mailing)
    _events(left, verdict)
    _views(left, verdict)
    _parked(left, verdict)
    expected = Expected.of(left.records.values())
    follow_ups = expected.follow_ups()
    _follow_ups(left, follow_ups, verdict)
    _rungs(left, expected, follow_ups, verdict)
    _mails(left, verdict)
    return verdict


def _events(left: Left, verdict: Verdict) -> None:
    accepted = {one.event_id: one for one in left.ledger.accepted}
    verdict.accepted = len(accepted)
    missing = [one for one in accepted.values() if not is_kept(one, left.records.get(one.stream))]
    verdict.lost = verdict.blame("answered 2xx and not there as answered", map(_named, missing))
    verdict.kept = verdict.accepted - verdict.lost
    verdict.blame("refused", left.ledger.refused)
    verdict.blame("the same key was answered twice over", left.ledger.contradicted)
    stored: list[dict[str, Any]] = []
    for service in RECORDING:
        fields = {"event.stream": 1, "event.streamversion": 1, "event.role": 1}
        stored += left.databases[service].events.find({}, fields)
    nobodys = [one for one in stored if one["_id"] not in accepted and one["event"]["role"] != "system"]
    verdict.doubled += verdict.blame("recorded though nobody was answered so", (one["_id"] for one in nobodys))
    versions: dict[str, list[int]] = defaultdict(list)
    for one in stored:
        versions[one["event"]["stream"]].append(one["event"]["streamversion"])
    twice = [stream for stream, found in versions.items() if len(set(found)) < len(found)]
    verdict.doubled += verdict.blame("streams with a version twice", twice)
    gaps = [stream for stream, found in versions.items() if set(found) != set(range(1, len(found) + 1))]
    verdict.blame("streams with a gap", set(gaps) - set(twice))
    found = Counter(reactions_found(left.records.values()))
    wanted = Counter(reactions_expected(left.records.values()))
    verdict.lost += verdict.blame("reactions missing", (wanted - found).elements())
    verdict.doubled += verdict.blame("reactions too many", (found - wanted).elements())


def _named(one: Accepted) -> str:
    return f"{one.post.type} {one.stream} v{one.version}"


def _views(left: Left, verdict: Verdict) -> None:
    for kind, (service, collection) in VIEWS.items():
        records = {stream.partition("/")[2]: record for stream, record in left.records.items() if _is(kind, stream)}
        views = {view["_id"]: view for view in left.databases[service][collection].find()}
        wrong = [
            f"{kind}/{record_id}"
            for record_id in records.keys() | views.keys()
            if not _shows(views.get(record_id), records.get(record_id))
        ]
        verdict.blame(f"{collection} that are not what the record says", wrong)


def _is(kind: str, stream: str) -> bool:
    return stream.partition("/")[0] == kind


def _shows(view: Mapping[str, Any] | None, record: Record | None) -> bool:
    if view is None or record is None:
        return False
    last = record.events[-1]
    return (view["version"], view["status"], view["changed_at"]) == (
        len(record.events),
        list(record.states())[-1],
        last.recorded_at,
    )


def _parked(left: Left, verdict: Verdict) -> None:
    for database in left.databases.values():
        verdict.parked += database.parked.count_documents({"state": "parked", "message_id": {"$regex": "^poison-"}})
        others = database.parked.find({"message_id": {"$not": {"$regex": "^poison-"}}}, {"reason": 1})
        verdict.blame(f"{database.name}: parked without being poison", (one["reason"] for one in others))
        verdict.blame(f"{database.name}: threads parked", (one["_id"] for one in database.parked_threads.find()))


def _follow_ups(left: Left, follow_ups: Mapping[str, FollowUp], verdict: Verdict) -> None:
    views = {view["_id"]: view for view in left.databases["referrals_followup"].follow_ups.find()}
    every = follow_ups.keys() | views.keys()
    wrong = [one for one in every if one not in follow_ups or one not in views or _differs(follow_ups[one], views[one])]
    verdict.follow_ups = len(every)
    verdict.follow_ups_right = len(every) - len(wrong)
    verdict.blame("follow-ups that are not what the evidence says", wrong)
    hand = by_hand(left.records.values())
    shown = {
        (view["step"], view["opened_by"]): (view["state"], view["due_at"])
        for view in views.values()
        if view["step"] in ("REF-01", "REF-02", "CL-01.revisit")
    }
    verdict.blame("follow-ups that differ from the reckoning by hand", hand.items() ^ shown.items())


def _differs(follow_up: FollowUp, view: Mapping[str, Any]) -> bool:
    if any(getattr(follow_up, name) != view.get(name) for name in COMPARED):
        return True
    rungs = [(rung.name, rung.at, rung.urgent) for rung in follow_up.rungs]
    return rungs != [(rung["name"], rung["at"], rung["urgent"]) for rung in view["rungs"]]


def _rungs(left: Left, expected: Expected, follow_ups: Mapping[str, FollowUp], verdict: Verdict) -> None:
    answered = {one.event_id: one.answered_at for one in left.ledger.accepted}
    chased: dict[str, list[tuple[str, datetime, datetime]]] = defaultdict(list)
    for chase in _events_of(left, "follow_up.chased.v1"):
        data = chase["data"]
        for rung in data["rungs"]:
            chased[data["follow_up_id"]].append((rung["name"], from_text(rung["at"]), from_text(data["as_of"])))
    again = [
        (follow_up_id, name, at)
        for follow_up_id, found in chased.items()
        for (name, at), times in Counter((name, at) for name, at, _ in found).items()
        for _ in range(times - 1)
    ]
    verdict.rungs_doubled += verdict.blame("rungs chased more than once", again)
    undue = [
        (follow_up_id, *one)
        for follow_up_id, found in chased.items()
        for one in found
        if not _is_owed(follow_ups.get(follow_up_id), one, expected, answered)
    ]
    verdict.rungs_doubled += verdict.blame("rungs chased that nobody owed", undue)
    owed = [
        (follow_up.id, rung.name, instants[-1])
        for follow_up in follow_ups.values()
        if follow_up.state == "open"
        for rung in follow_up.rungs
        if (instants := falls_due(rung, follow_up.opened_recorded_at, left.until))
    ]
    never = [
        one for one in owed if not any(name == one[1] and as_of >= one[2] for name, _, as_of in chased.get(one[0], ()))
    ]
    verdict.rungs_lost += verdict.blame("rungs owed and never chased", never)


def _is_owed(
    follow_up: FollowUp | None,
    chase: tuple[str, datetime, datetime],
    expected: Expected,
    answered: Mapping[str, datetime],
) -> bool:
    """Whether the rung was owed at that time, given what had been answered before."""
    if follow_up is None:
        return False
    closed_at = answered.get(follow_up.closed_by or "")
    name, at, as_of = chase
    if closed_at is not None and closed_at < as_of:
        return False
    if _falls_due_at(follow_up, name, at, as_of):
        return True
    # What was recorded at that very instant may have been known by then, or not.
    earlier = [expected.as_known_before(follow_up.thread, instant) for instant in (as_of, as_of + INSTANT)]
    return any(_falls_due_at(then[follow_up.id], name, at, as_of) for then in earlier if follow_up.id in then)


def _falls_due_at(follow_up: FollowUp, name: str, at: datetime, as_of: datetime) -> bool:
    return any(
        at in falls_due(rung, follow_up.opened_recorded_at, as_of) for rung in follow_up.rungs if rung.name == name
    )


def _mails(left: Left, verdict: Verdict) -> None:
    letters = {letter["id"]: letter["data"] for letter in _events_of(left, "digest.composed.v1")}
    told = Counter((chase, letter["recipient"]) for letter in letters.values() for chase in letter["chases"])
    wanted = {
        (event["id"], recipient)
        for event_type in ("follow_up.chased.v1", "source.fell_silent.v1", "work.stalled.v1")
        for event in _events_of(left, event_type)
        for recipient in event["data"]["recipients"]
    }
    verdict.rungs_lost += verdict.blame("chases that no letter tells a recipient of", wanted - told.keys())
    twice = [one for one, times in told.items() if times > 1]
    verdict.rungs_doubled += verdict.blame("chases that a recipient is told of twice", twice)
    sent = Counter(letter["data"]["digest_id"] for letter in _events_of(left, "digest.accepted.v1"))
    overtaken = Counter(letter["data"]["digest_id"] for letter in _events_of(left, "digest.overtaken.v1"))
    fates = sent + overtaken
    verdict.blame("letters that came to no one end", (one for one in letters if fates[one] != 1))
    copies = Counter(_delivered(left.maildir))
    verdict.rungs_lost += verdict.blame("letters called accepted that were not delivered", sent.keys() - copies.keys())
    verdict.blame("mails that no letter is", copies.keys() - letters.keys())
    verdict.mails_repeated = sum(copies.values()) - len(copies)


def _delivered(maildir: Path) -> Iterator[str]:
    for path in (maildir / "new").iterdir():
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        yield mail["Message-ID"].removeprefix("<").partition("@")[0]


def _events_of(left: Left, event_type: str) -> Sequence[dict[str, Any]]:
    found = left.databases["referrals_followup"].events.find({"event.type": event_type}, {"event": 1})
    return [document["event"] for document in found]
