"""Outages of an hour to 400 days: when everything is back, all that is owed is chased once, and nothing else is.

The ledger, its store and the mail server are real; time is the test's. What ought to be chased is worked out apart, by
folding what had been recorded by then, whether or not it had arrived.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import Message
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo import MongoClient

from services.referrals_followup.domain import follow_up as follow_ups
from services.referrals_followup.domain.as_of import with_acts
from services.referrals_followup.domain.follow_up import OPEN, Acts, FollowUp
from services.referrals_followup.domain.ledger import fold
from services.referrals_followup.domain.rules_history import Adoption, RulesHistory
from shared.events.mongo import open_database
from shared.kernel.calendar import WorkingCalendar
from shared.kernel.envelope import Event
from shared.kernel.time import london_date
from shared.messaging.incoming import Done
from shared.runtime.clock import MovableClock
from tests.integration.ledger import Inbox, Ledger, config, mail_server, text_of
from tests.properties.families import HISTORY, START, evidence_of, lives, threads_of
from tests.unit.practice import CALENDAR, PACKS

SCHEDULER, RELAY, BROKER = "scheduler", "relay", "broker"
REFERENCE = re.compile(r"\[(FT-[0-9A-Z-]+)\]")


@dataclass(frozen=True, slots=True)
class Outage:
    """`what` is away from `start` until `end`."""

    what: str
    start: datetime
    end: datetime


@st.composite
def outages(draw: st.DrawFn) -> list[Outage]:
    found = []
    for _ in range(draw(st.integers(1, 3))):
        start = START + timedelta(hours=draw(st.integers(0, 200 * 24)))
        hours = draw(st.one_of(st.integers(1, 72), st.integers(1, 400 * 24)))
        found.append(Outage(draw(st.sampled_from([SCHEDULER, RELAY, BROKER])), start, start + timedelta(hours=hours)))
    return found


class Witness:
    """Lets the time of a history pass on a ledger, and holds every sweep against what was known and owed."""

    def __init__(self, ledger: Ledger, inbox: Inbox, events: Sequence[Event], away: Sequence[Outage]) -> None:
        self.ledger = ledger
        self.inbox = inbox
        self.away = away
        self.to_come = sorted(events, key=lambda event: event.recorded_at)
        self.events = list(self.to_come)
        self.chased: list[Event] = []
        self.complete_until = ledger.clock.now()
        self.rules = ledger.dependencies.rules.history()

    def is_away(self, *parts: str) -> bool:
        now = self.ledger.clock.now()
        return any(outage.what in parts and outage.start <= now < outage.end for outage in self.away)

    def at(self, instant: datetime) -> None:
        """What is due to be recorded is recorded; what is up does its work."""
        self.ledger.clock.set(instant)
        if self.is_away(BROKER):
            return
        if self.is_away(RELAY):
            self.ledger.catch_up("perinatal")
        else:
            arrived = [event for event in self.to_come if event.recorded_at <= instant]
            self.to_come = self.to_come[len(arrived) :]
            self.ledger.hear(*arrived)
            self.ledger.catch_up()
            self.complete_until = instant
        if not self.is_away(SCHEDULER):
            self._sweep(instant)

    def _sweep(self, instant: datetime) -> None:
        expected = {
            found.id: names for found, acts in self.known(self.complete_until) if (names := self.owed(found, acts))
        }
        mailed = len(self.inbox.mails)
        assert self.ledger.sweep() == Done()
        new = self.ledger.chases()[len(self.chased) :]
        self.chased += new
        assert {chase.data["follow_up_id"]: self._names(chase) for chase in new} == expected
        assert len(new) == len(expected)
        self._letters_cover(new)
        self._mails_are_right(self.inbox.mails[mailed:], instant)

    def known(self, until: datetime) -> list[tuple[FollowUp, Acts]]:
        """Every follow-up by what had been recorded until then, with what had been done about it."""
        recorded = [event for event in self.events if event.recorded_at <= until]
        evidence = evidence_of([*recorded, *self.chased])
        folds = (fold(self.rules, thread, evidence) for thread in threads_of(recorded))
        return [pair for found in folds for pair in with_acts(found, evidence)]

    def owed(self, found: FollowUp, acts: Acts) -> list[str]:
        """What opened at the very instant up to which all is known waits for the next sweep."""
        if found.state != OPEN or found.opened_recorded_at >= self.complete_until:
            return []
        calendar = self.rules.calendar(found.area)
        return [rung.name for rung in follow_ups.owed(found, acts, calendar, self.complete_until)]

    @staticmethod
    def _names(chase: Event) -> list[str]:
        return [rung["name"] for rung in chase.data["rungs"]]

    def _letters_cover(self, new: Sequence[Event]) -> None:
        """Each recipient has one letter about all of it, but for what is urgent, which goes alone."""
        letters = self.ledger.digests()
        for recipient in {person for chase in new for person in chase.data["recipients"]}:
            told = [chase for chase in new if recipient in chase.data["recipients"]]
            about = [
                letter
                for letter in letters
                if letter.data["recipient"] == recipient and {chase.id for chase in told} & set(letter.data["chases"])
            ]
            covered = Counter(chase for letter in about for chase in letter.data["chases"])
            assert all(covered[chase.id] == 1 for chase in told)
            urgent = [chase for chase in told if chase.data["urgent"]]
            assert len(about) == len(urgent) + (len(urgent) < len(told))

    def _mails_are_right(self, mails: Sequence[Message], instant: datetime) -> None:
        """What a mail names is open by all that was recorded, and each says how late it is. Only what is urgent goes
        while the relay is away, and by what was known before."""
        until = self.complete_until if self.is_away(RELAY) else instant
        due_at = {found.reference: found.due_at for found, _ in self.known(until) if found.state == OPEN}
        for paragraph in (
            paragraph for mail in mails for paragraph in "\n".join(text_of(mail).splitlines()).split("\n\n")
        ):
            for reference in REFERENCE.findall(paragraph):
                late = re.search(r"Due: .*, (\d+) days? late", paragraph)
                days = (london_date(instant) - london_date(due_at[reference])).days
                assert (int(late[1]) if late else 0) == max(days, 0), paragraph


@pytest.fixture(scope="module")
def new_ledger(
    backends: Any, mongo_client: MongoClient[dict[str, Any]]
) -> Iterator[Callable[[], tuple[Ledger, Inbox]]]:
    """A ledger that knows nothing but the rules, whose sources have never spoken, and the inbox of all it mails."""
    names: list[str] = []
    inbox, port = Inbox(), backends.ports.take(f"test_{uuid4().hex}")
    ledgers: list[Ledger] = []

    def make() -> tuple[Ledger, Inbox]:
        names.append(f"test_{uuid4().hex}")
        inbox.mails.clear()
        database = open_database(backends.mongodb_uri, names[-1])
        ledgers.append(Ledger(config(database, backends.mongodb_uri, port), MovableClock(START - timedelta(days=300))))
        return ledgers[-1], inbox

    with mail_server(inbox, port):
        yield make
    for ledger in ledgers:
        ledger.close()
    for name in names:
        mongo_client.drop_database(name)


@settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # to shrink one of these takes longer than to read it
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=lives(most=6), away=outages(), looks=st.lists(st.integers(0, 900), max_size=6))
def test_after_any_outage_all_that_is_owed_is_chased_once_and_nobody_for_what_was_recorded(
    new_ledger, events, away, looks
):
    ledger, inbox = new_ledger()
    witness = Witness(ledger, inbox, events, away)
    instants = {event.recorded_at for event in events} | {outage.end for outage in away}
    instants |= {outage.start + timedelta(minutes=30) for outage in away}
    instants |= {START + timedelta(days=days) for days in looks}
    end = max(instants) + timedelta(days=1)
    for instant in [*sorted(instants), end, end + timedelta(minutes=1)]:
        witness.at(instant)
    assert witness.to_come == []
    assert not any(witness.owed(found, acts) for found, acts in witness.known(end))
    waiting = [{field: {"$exists": True}} for field in ("relay.smtp", "relay.mail_for")]
    assert ledger.dependencies.store.collection.count_documents({"$or": waiting}) == 0


PLAIN = sorted(step for step, content in PACKS["england"]["steps"].items() if set(content["due"]) == {"working_days"})


@settings(max_examples=40, deadline=None)
@given(events=lives(), on=st.integers(0, 700), holiday=st.integers(0, 700), changed=st.sampled_from(PLAIN))
def test_what_is_adopted_meanwhile_moves_what_is_open_for_a_reason_it_gives_and_nothing_that_has_closed(
    events, on, holiday, changed
):
    at, day = START + timedelta(days=on), (START + timedelta(days=holiday)).date()
    calendar = WorkingCalendar({**CALENDAR.holidays, day: "Jubilee"}, "with-a-jubilee")
    steps = PACKS["england"]["steps"]
    longer = {"working_days": steps[changed]["due"]["working_days"] + 1}
    content = {"steps": {**steps, changed: {**steps[changed], "due": longer}}}
    after = RulesHistory.of([*HISTORY.adoptions, Adoption(at, "england", "next", content, calendar, "next")])
    evidence = evidence_of(events)
    for thread in threads_of(events):
        now = {found.id: found for found in fold(after, thread, evidence)}
        for before in fold(HISTORY, thread, evidence):
            found = now[before.id]
            known_since = (before.opened_recorded_at, before.closed_recorded_at or at)
            if max(known_since) < at:
                assert found == before
            elif found.state == OPEN:
                assert (found.rules["england"], found.rules["calendar"]) == ("next", "with-a-jubilee")
                if found.due_at != before.due_at and found.step != changed:
                    assert f"{day.isoformat()} (Jubilee)" in found.why["skipped"], found.why
