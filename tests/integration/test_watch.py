"""Checks: each thing that must not be is made so in a real database, and the check finds it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from services.perinatal.bootstrap import build as build_perinatal
from services.perinatal.domain import referral
from services.referrals_followup.chasing import parked_work as stalled
from services.referrals_followup.domain.follow_up import AGGREGATE, Assign
from shared.checks.checker import FINISHED, CheckFinding
from shared.config.config import Config
from shared.contracts.access import SYSTEM_ACTOR
from shared.kernel.decisions import Actor
from shared.kernel.envelope import from_text, to_text
from shared.messaging.incoming import Delivery, Done, Later, Park
from shared.messaging.topology import EVIDENCE, check_queue_of
from shared.recording.bootstrap import RecordingDependencies
from shared.runtime.clock import MovableClock, ReplayClock
from shared.scheduling.tick import Nights
from tests.contract.toy import free_port
from tests.integration.ledger import (
    MONDAY,
    PERSON,
    Inbox,
    Ledger,
    an_event,
    config,
    delivery,
    mail_server,
    referral_noted,
    referral_sent,
    text_of,
    unfoldable,
)
from tests.unit.referrals import append, begin

OPERATOR = "marta.kowalski@operations.example"
LATER = "2013-01-18T17:00:00Z"
DAY = timedelta(days=1)


@pytest.fixture
def smtp_port() -> int:
    return free_port()


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def ledger(
    ledger_database: Database[dict[str, Any]], mongodb_uri: str, smtp_port: int, inbox: Inbox
) -> Iterator[Ledger]:
    """One where all is well: some things are late, chased and mailed, one is done, and one thread is another's."""
    settings = config(ledger_database, mongodb_uri, smtp_port, sweep_interval_seconds=3600)
    ledger = Ledger(settings, MovableClock(MONDAY - timedelta(days=1)))
    with mail_server(inbox, smtp_port):
        sent = referral_noted()
        ledger.hear(referral_noted(), referral_noted(actor="gp-adeyemi"), sent)
        ledger.hear(referral_sent(sent, MONDAY + timedelta(hours=1)))
        ledger.days_pass(LATER)
        yield ledger
    ledger.close()


def codes(findings: list[CheckFinding]) -> dict[str, int]:
    assert all(finding.ids and finding.what_to_do for finding in findings)
    return {finding.code: finding.count for finding in findings}


def run_check(ledger: Ledger) -> dict[str, int]:
    return codes(ledger.dependencies.checker.run(full=True))


def test_where_all_is_well_nothing_is_found(ledger: Ledger) -> None:
    assert len(ledger.chases()) == 3
    assert run_check(ledger) == {}
    assert codes(ledger.dependencies.checker.run()) == {}
    ledger.days_pass("2013-03-20T12:00:00Z")
    assert run_check(ledger) == {}


def minutes_pass(ledger: Ledger) -> None:
    ledger.clock.advance(minutes=6)
    ledger.catch_up()


# --- in every service ---------------------------------------------------------------------------------------------


def an_old_event_is_pending(ledger: Ledger) -> None:
    minutes_pass(ledger)
    ledger.dependencies.store.collection.update_one(
        {"event.type": "follow_up.chased.v1"}, {"$set": {"relay.pending": True}}
    )


def an_event_is_gone(ledger: Ledger) -> None:
    minutes_pass(ledger)
    ledger.dependencies.store.collection.delete_one({"event.type": "digest.composed.v1"})


def a_message_lies_parked_for_days(ledger: Ledger) -> None:
    ledger.dependencies.parked.park([(Delivery(EVIDENCE, b"not JSON"), Park("not JSON"))])
    ledger.dependencies.database.parked.update_many({}, {"$set": {"parked_at": datetime.now(UTC) - 2 * DAY}})


def nobody_tries_a_parked_message_again(ledger: Ledger) -> None:
    ledger.dependencies.parked.park([(Delivery("nobodys.queue", b"1"), Later("unknown type", 5))])
    ledger.dependencies.database.parked.update_many(
        {}, {"$set": {"retry_at": datetime.now(UTC) - timedelta(minutes=11)}}
    )


def a_name_came_into_what_is_published(ledger: Ledger) -> None:
    ledger.dependencies.store.collection.update_one(
        {"event.type": "follow_up.chased.v1"}, {"$set": {"event.data.note": "Jane Doe"}}
    )


def a_private_part_came_into_the_evidence(ledger: Ledger) -> None:
    ledger.dependencies.database.evidence.update_one({}, {"$set": {"private": {"personal": {"name": "Jane Doe"}}}})


# --- in this one --------------------------------------------------------------------------------------------------


def time_goes_on_and_no_source_speaks(ledger: Ledger) -> None:
    ledger.clock.advance(minutes=6)


def one_source_falls_silent(ledger: Ledger) -> None:
    ledger.clock.advance(minutes=6)
    ledger.catch_up("leaving_care")


def an_event_of_a_source_never_came(ledger: Ledger) -> None:
    ledger.hear(referral_sent(referral_noted(), MONDAY + timedelta(hours=1)))


def an_event_was_kept_and_never_folded(ledger: Ledger) -> None:
    ledger.dependencies.evidence.keep(
        [an_event("person.registered.v1", f"person/{PERSON}", REGISTERED, subject=PERSON)]
    )


def a_thread_cannot_be_folded(ledger: Ledger) -> None:
    thread = ledger.follow_up().thread
    with unfoldable(thread):
        ledger.dependencies.views.refresh([thread])


def an_owner_is_in_no_team(ledger: Ledger) -> None:
    change = {"owner_role": "lighthouse_keeper", "owner_team": None, "owner_person": None}
    ledger.dependencies.views.collection.update_one({"state": "open"}, {"$set": change})


def the_whole_team_of_an_owner_has_left(ledger: Ledger) -> None:
    team = ledger.dependencies.directory.teams["gp-mill-road"]
    gone = {member.id for member in ledger.dependencies.directory.people.values() if member.team == team.id}
    for person in gone | {team.duty, team.manager}:
        object.__setattr__(ledger.dependencies.directory.people[person], "left_on", MONDAY.date())


def an_open_one_has_no_next_rung(ledger: Ledger) -> None:
    ledger.dependencies.views.collection.update_one({"state": "open"}, {"$set": {"next_rung_at": None}})


def nobody_composed_a_digest(ledger: Ledger) -> None:
    ledger.dependencies.store.collection.update_one(
        {"event.type": "follow_up.chased.v1"}, {"$set": {"relay.mail_for": ["gp-okafor"]}}
    )
    ledger.clock.advance(minutes=20)
    ledger.catch_up()


def no_server_took_a_digest(ledger: Ledger) -> None:
    ledger.dependencies.store.collection.update_one(
        {"event.type": "digest.composed.v1"}, {"$set": {"relay.smtp": {"due_at": datetime.now(UTC), "attempts": 9}}}
    )
    ledger.clock.advance(minutes=61)
    ledger.catch_up()


def a_view_is_not_what_the_evidence_says(ledger: Ledger) -> None:
    ledger.dependencies.views.collection.update_one({"state": "met"}, {"$set": {"state": "ended"}})


def a_view_is_gone(ledger: Ledger) -> None:
    ledger.dependencies.views.collection.delete_one({"state": "met"})


def a_view_is_of_nothing(ledger: Ledger) -> None:
    view = ledger.dependencies.views.collection.find_one({"state": "met"})
    assert view is not None
    other = {**view, "_id": "of-nothing", "thread": "referral/00000000-0000-0000-0000-000000000000"}
    ledger.dependencies.views.collection.insert_one(other)


def a_sum_is_off_by_one(ledger: Ledger) -> None:
    ledger.dependencies.views.totals.settle(MONDAY)
    ledger.dependencies.database.totals.update_one({"open": {"$gt": 0}}, {"$inc": {"open": 1}})


def no_sweep_has_come_to_its_end_for_hours(ledger: Ledger) -> None:
    ledger.dependencies.database.sweeps.update_many(
        {}, {"$set": {"finished_at": datetime.now(UTC) - timedelta(hours=3)}}
    )


def there_never_was_a_sweep(ledger: Ledger) -> None:
    ledger.dependencies.database.sweeps.delete_many({})


def next_year_is_not_in_the_calendar(ledger: Ledger) -> None:
    ledger.days_pass("2016-12-01T12:00:00Z")


def an_invariant_cannot_be_checked(ledger: Ledger) -> None:
    ledger.dependencies.invariants._directory = None  # type: ignore[assignment]


REGISTERED = {"person_id": PERSON, "nhs_number_known": False}
WRONG: list[tuple[Callable[[Ledger], None], dict[str, int]]] = [
    (an_old_event_is_pending, {"events-unpublished": 1}),
    (an_event_is_gone, {"version-gaps": 1}),
    (a_message_lies_parked_for_days, {"parked-waiting": 1}),
    (nobody_tries_a_parked_message_again, {"parked-not-retried": 1}),
    (a_name_came_into_what_is_published, {"private-leftovers": 1}),
    (a_private_part_came_into_the_evidence, {"private-leftovers": 1}),
    (time_goes_on_and_no_source_speaks, {"positions-behind": 3}),
    (one_source_falls_silent, {"positions-behind": 1}),
    (an_event_of_a_source_never_came, {"evidence-gaps": 1}),
    (an_event_was_kept_and_never_folded, {"evidence-not-folded": 1}),
    (a_thread_cannot_be_folded, {"threads-parked": 1}),
    (an_owner_is_in_no_team, {"owner-missing": 1, "views-differ": 1}),
    (an_open_one_has_no_next_rung, {"rung-missing": 1, "views-differ": 1}),
    (nobody_composed_a_digest, {"chase-not-mailed": 1}),
    (no_server_took_a_digest, {"mail-not-accepted": 1}),
    (a_view_is_not_what_the_evidence_says, {"views-differ": 1}),
    (a_view_is_gone, {"views-differ": 1}),
    (a_view_is_of_nothing, {"views-differ": 1}),
    (a_sum_is_off_by_one, {"sums-differ": 1}),
    (no_sweep_has_come_to_its_end_for_hours, {"sweep-late": 1}),
    (there_never_was_a_sweep, {"sweep-late": 1}),
    (next_year_is_not_in_the_calendar, {"bank-holidays-missing": 1}),
    (an_invariant_cannot_be_checked, {"not-looked": 1}),
]


@pytest.mark.parametrize(("make_wrong", "found"), WRONG, ids=lambda value: getattr(value, "__name__", ""))
def test_what_is_wrong_is_found_and_nothing_else(
    ledger: Ledger, make_wrong: Callable[[Ledger], None], found: dict[str, int]
) -> None:
    make_wrong(ledger)
    assert run_check(ledger) == found


def test_every_invariant_has_something_wrong_that_it_finds(ledger: Ledger) -> None:
    assert len(ledger.dependencies.invariants.build(True)) <= len({code for _, found in WRONG for code in found})


def test_an_owner_whose_whole_team_has_left_is_found_with_all_that_is_theirs(ledger: Ledger) -> None:
    the_whole_team_of_an_owner_has_left(ledger)
    (finding,) = ledger.dependencies.checker.run(full=True)
    open_ones = ledger.dependencies.views.collection.find({"state": "open", "owner_team": "gp-mill-road"}).sort("_id")
    assert (finding.code, list(finding.ids)) == ("owner-missing", [view["_id"] for view in open_ones])


def test_an_assigned_one_is_owned_by_who_was_assigned(ledger: Ledger) -> None:
    the_whole_team_of_an_owner_has_left(ledger)
    for view in list(ledger.dependencies.views.collection.find({"state": "open", "owner_team": "gp-mill-road"})):
        assign = Assign(ledger.follow_up(view["step"], view["thread"]), "camhs-castellanos", "camhs-essex")
        stream = f"follow-up/{view['_id']}"
        ledger.dependencies.store.execute(
            AGGREGATE, stream, assign, SYSTEM_ACTOR, key="k" + stream, body={}, operation="test", creates=True
        )
    ledger.catch_up()
    assert "owner-missing" not in run_check(ledger)


def test_what_was_discarded_leaves_a_gap_that_is_known(ledger: Ledger) -> None:
    noted = referral_noted()
    ledger.dependencies.parked.park([(delivery(noted), Park("payload of referral.intended.v1: fields service"))])
    ledger.hear(referral_sent(noted, MONDAY + timedelta(hours=1)))
    assert run_check(ledger) == {}
    (waiting,) = ledger.dependencies.parked.parked()
    ledger.dependencies.parked.discard(waiting.id, "operator-kowalski", "recorded again by hand", "k")
    assert run_check(ledger) == {}


def test_what_was_only_just_recorded_is_not_found(ledger: Ledger) -> None:
    now = ledger.clock.now()
    noted = referral_noted(now)
    ledger.dependencies.evidence.keep([referral_sent(noted, now)])  # the first has not come yet, and nothing is folded
    just_now = {"$set": {"relay.pending": True, "event.recordedat": now}}
    ledger.dependencies.store.collection.update_one({"event.type": "follow_up.chased.v1"}, just_now)
    assert run_check(ledger) == {}


# --- at night -----------------------------------------------------------------------------------------------------


def check(ledger: Ledger, check_id: str) -> None:
    message = Delivery(
        check_queue_of("referrals_followup"), json.dumps({"check_id": check_id}).encode(), "application/json"
    )
    assert ledger.dependencies.checker.receive([message]) == [Done()]


def found_by_perinatal(ledger: Ledger, night: int, since: int, *codes: str) -> None:
    """`perinatal` says what its check of that night found, and has found since that night."""
    at = from_text(f"2013-01-{night}T02:30:00Z")
    since_at = to_text(from_text(f"2013-01-{since}T02:30:00Z"))
    data = {"findings": [{"code": code, "count": 1, "since": since_at} for code in codes]}
    ledger.hear(an_event(FINISHED, f"check/{night}", data, at=at, actor="system", role="system", team="system"))


def test_a_check_that_is_asked_for_is_stored_with_what_to_do_and_said_once(ledger: Ledger) -> None:
    a_view_is_gone(ledger)
    for _ in range(2):
        check(ledger, "check-1")
    (stored,) = ledger.dependencies.database.checks.find()
    (finding,) = stored["findings"]
    assert (finding["code"], finding["count"], len(finding["ids"])) == ("views-differ", 1, 1)
    assert finding["what_to_do"]
    assert stored["started_at"] <= stored["finished_at"]
    (said,) = ledger.digests(FINISHED)
    assert said.data == {"findings": [{"code": "views-differ", "count": 1, "since": to_text(finding["since"])}]}
    last = ledger.dependencies.checker.read_last()
    assert last is not None and last["findings"] == {"views-differ": 1}
    assert ledger.dependencies.details()["check"] == last


def test_a_finding_is_dated_from_the_first_check_that_has_had_it_ever_since(ledger: Ledger) -> None:
    since = []
    for number, is_wrong in enumerate((True, True, False, True)):
        ledger.dependencies.database.parked.delete_many({})
        if is_wrong:
            a_message_lies_parked_for_days(ledger)
        check(ledger, f"check-{number}")
        stored = ledger.dependencies.database.checks.find_one({"_id": f"check-{number}"})
        assert stored is not None
        since += [finding["since"] for finding in stored["findings"]]
    assert since[0] == since[1] < since[2]


def test_the_operator_gets_one_mail_of_what_the_checks_found_for_as_long_as_they_find_it(
    ledger: Ledger, inbox: Inbox
) -> None:
    mails = len(inbox.to(OPERATOR))
    found_by_perinatal(ledger, 15, 15, "version-gaps", "views-differ")
    ledger.days_pass("2013-01-21T09:00:00Z")
    (mail,) = inbox.to(OPERATOR)[mails:]
    subject = " ".join(mail["Subject"].split())
    assert subject == "[Followthrough] the check found: perinatal-version-gaps, perinatal-views-differ"
    assert "perinatal-version-gaps\n  perinatal-views-differ" in text_of(mail).replace("\r\n", "\n")
    found_by_perinatal(ledger, 16, 15, "version-gaps")
    ledger.days_pass("2013-01-25T09:00:00Z")
    assert len(inbox.to(OPERATOR)) == mails + 1
    found_by_perinatal(ledger, 18, 18, "version-gaps")  # a night without it lay between
    ledger.days_pass("2013-01-28T09:00:00Z")
    assert len(inbox.to(OPERATOR)) == mails + 2


def test_telling_of_a_finding_that_fails_loses_no_evidence(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as faulty:
        faulty.setattr(stalled, "reason_code", lambda reason: {}["none"])
        found_by_perinatal(ledger, 15, 15, "version-gaps")
    assert ledger.digests("work.stalled.v1") == []
    found_by_perinatal(ledger, 16, 15, "version-gaps")
    assert len(ledger.digests("work.stalled.v1")) == 1


@pytest.mark.parametrize("body", [b"not JSON", b"{}", b'{"check_id": 7}', b'"x"'])
def test_a_message_that_asks_for_no_check_is_parked(ledger: Ledger, body: bytes) -> None:
    (outcome,) = ledger.dependencies.checker.receive([Delivery("q", body, "application/json")])
    assert isinstance(outcome, Park)


def test_every_service_is_asked_once_a_night_and_one_that_cannot_be_asked_is_asked_again(
    database: Database[dict[str, Any]],
) -> None:
    asked: list[str] = []
    away = {"perinatal"}

    def ask(service: str) -> None:
        if service in away:
            raise ConnectionError
        asked.append(service)

    nights = Nights(database, ask)
    nights.ask_when_due(from_text("2026-11-24T12:00:00Z"))
    assert asked == []  # a system that is new waits for its first night
    nights.ask_when_due(from_text("2026-11-25T02:29:59Z"))
    assert asked == []
    for minute in (30, 31):
        nights.ask_when_due(from_text(f"2026-11-25T02:{minute}:00Z"))
    assert asked == ["leaving_care", "referrals_followup"]
    away.clear()
    for minute in (32, 33):
        nights.ask_when_due(from_text(f"2026-11-25T02:{minute}:00Z"))
    assert asked[2:] == ["perinatal"]
    nights.ask_when_due(from_text("2026-11-27T09:00:00Z"))  # one night was slept through
    assert len(asked) == 6


def test_a_tick_that_was_down_at_night_asks_when_it_is_back(database: Database[dict[str, Any]]) -> None:
    database["checks"].insert_one({"_id": "c", "started_at": from_text("2026-11-24T02:30:01Z"), "finished_at": MONDAY})
    asked: list[str] = []
    Nights(database, asked.append).ask_when_due(from_text("2026-11-24T23:00:00Z"))
    assert asked == []
    Nights(database, asked.append).ask_when_due(from_text("2026-11-25T09:00:00Z"))
    assert len(asked) == 3


# --- a recording service ------------------------------------------------------------------------------------------

GP = Actor("gp-okafor", "gp_practice", "gp-mill-road", ("essex",))


@pytest.fixture
def recorder(database: Database[dict[str, Any]], mongodb_uri: str, tmp_path: Path) -> Iterator[RecordingDependencies]:
    """`perinatal` with two referrals, all of it published and heard."""
    clock = ReplayClock(tmp_path / "clock")
    clock.set(MONDAY)
    dependencies = build_perinatal(
        Config(
            service="perinatal",
            role="check",
            mongodb_uri=mongodb_uri,
            mongodb_database=database.name,
            public_url="http://perinatal.example",
            bank_holidays_until=2016,
            replay_clock_file=clock.path,
        )
    )
    streams = [f"referral/00000000-0000-0000-0000-00000000000{number}" for number in range(2)]
    for stream in streams:
        for command in (
            begin("intended", person_id=PERSON, service="camhs", reason_code="depression", area="essex"),
            append("sent", channel="letter"),
        ):
            dependencies.store.execute(
                referral.AGGREGATE,
                stream,
                command,
                GP,
                key=f"{stream}{command}",
                body={},
                operation="test",
                creates=True,
            )
    dependencies.views["referral"].refresh(streams)
    dependencies.reactions.react([event for stream in streams for event in dependencies.store.load(stream)])
    database["events"].update_many({}, {"$unset": {"relay.pending": ""}})
    clock.set(MONDAY + DAY)
    yield dependencies
    dependencies.close()


def test_where_all_is_well_in_a_recording_service_nothing_is_found(recorder: RecordingDependencies) -> None:
    assert codes(recorder.checker.run(full=True)) == codes(recorder.checker.run()) == {}


@pytest.mark.parametrize(
    ("collection", "change", "found"),
    [
        ("events", {"$set": {"relay.pending": True}}, {"events-unpublished": 1}),
        ("events", {"$set": {"event.data.note": "Jane Doe"}}, {"private-leftovers": 1}),
        ("referral_views", {"$set": {"status": "closed"}}, {"views-differ": 1}),
        ("referral_views", None, {"views-differ": 1}),
        ("events", None, {"version-gaps": 1, "views-differ": 1}),
    ],
)
def test_what_is_wrong_in_a_recording_service_is_found(
    recorder: RecordingDependencies, collection: str, change: dict[str, Any] | None, found: dict[str, int]
) -> None:
    if change is None:
        recorder.database[collection].delete_one({})
    else:
        recorder.database[collection].update_one({}, change)
    assert codes(recorder.checker.run(full=True)) == found


def test_parked_messages_of_a_recording_service_are_found_and_shown_with_its_readiness(
    recorder: RecordingDependencies,
) -> None:
    recorder.parked.park([(Delivery("perinatal.views", b"?"), Park("not JSON"))])
    assert codes(recorder.checker.run()) == {}  # for a day it is the operators' to look at
    recorder.database["parked"].update_many({}, {"$set": {"parked_at": datetime.now(UTC) - 2 * DAY}})
    assert codes(recorder.checker.run()) == {"parked-waiting": 1}
    assert recorder.details() == {"parked": 1, "check": None}


def test_a_view_without_a_stream_and_a_change_that_was_not_heard_yet(
    recorder: RecordingDependencies, tmp_path: Path
) -> None:
    view = recorder.database["referral_views"].find_one({})
    assert view is not None
    recorder.database["referral_views"].insert_one({**view, "_id": "of-nothing"})
    (finding,) = recorder.checker.run(full=True)
    assert (finding.code, finding.ids) == ("views-differ", ("referral/of-nothing",))
    recorder.database["referral_views"].delete_one({"_id": "of-nothing"})
    stream = f"referral/{view['_id']}"
    withdraw = append("withdrawn", reason_code="declined", decided_by="gp-okafor")
    recorder.store.execute(referral.AGGREGATE, stream, withdraw, GP, key="w", body={}, operation="test")
    assert codes(recorder.checker.run(full=True)) == {}
    ReplayClock(tmp_path / "clock").set(MONDAY + 2 * DAY)
    assert codes(recorder.checker.run(full=True)) == {"events-unpublished": 1, "views-differ": 1}
