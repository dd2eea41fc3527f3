"""Digests over real SMTP: every recipient is told once, of everything, whatever fails in between."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from services.referrals_followup import bootstrap
from services.referrals_followup.chasing import contents, sending
from services.referrals_followup.chasing.channels import Accepted, Message
from services.referrals_followup.chasing.composing import DigestComposer
from services.referrals_followup.chasing.outbox import DigestOutbox
from services.referrals_followup.chasing.smtp import SmtpChannel
from services.referrals_followup.directory.loader import load_directory
from services.referrals_followup.domain import follow_up as follow_ups
from services.referrals_followup.domain.digest import AGGREGATE, Accept, Compose
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.follow_up import End, FollowUp, Line, Reopen
from shared.contracts import CATALOGUE
from shared.contracts.access import SYSTEM_ACTOR
from shared.events.errors import Contended
from shared.kernel.decisions import Actor
from shared.kernel.envelope import Event, from_text
from shared.messaging.incoming import Delivery, Done, Park
from shared.messaging.topology import EVIDENCE
from shared.runtime.clock import MovableClock
from tests.contract.memory_channel import MemoryChannel
from tests.integration.ledger import (
    DIRECTORY,
    MONDAY,
    PERSON,
    Inbox,
    Ledger,
    config,
    item_planned,
    mail_server,
    referral_noted,
    referral_sent,
    text_of,
    unfoldable,
)

GP = "ngozi.okafor@essex.example"
DUE = "2013-01-16T17:00:00Z"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def smtp_port() -> int:
    from tests.contract.toy import free_port

    return free_port()


@pytest.fixture
def server(inbox: Inbox, smtp_port: int) -> Iterator[None]:
    with mail_server(inbox, smtp_port):
        yield


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str, smtp_port: int) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri, smtp_port), MovableClock(MONDAY))
    yield ledger
    ledger.close()


def try_again_now(ledger: Ledger) -> None:
    """The delay of a letter that failed, or whose sender died, is over."""
    ledger.dependencies.store.collection.update_many(
        {"relay.smtp": {"$exists": True}}, {"$set": {"relay.smtp.due_at": datetime.now(UTC)}}
    )


@pytest.mark.usefixtures("server")
def test_a_chase_is_delivered_as_one_mail_that_explains_itself(ledger: Ledger, inbox: Inbox) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    ledger.days_pass(DUE)
    (mail,) = inbox.mails
    (letter,) = ledger.digests()
    follow_up = ledger.follow_up()
    assert mail["To"] == GP
    assert mail["Subject"] == "[Followthrough] 1 overdue: REF-01 (Essex)"
    assert mail["Message-ID"] == f"<{letter.id}@followthrough>"
    assert parsedate_to_datetime(mail["Date"]) == from_text(DUE)
    assert f"http://follow-ups.example/v1/follow-ups/{follow_up.reference}" in text_of(mail)
    assert f"http://perinatal.example/v1/{noted.stream.replace('referral/', 'referrals/')}" in text_of(mail)
    (accepted,) = ledger.digests("digest.accepted.v1")
    assert accepted.data == {"recipient": "gp-okafor", "digest_id": letter.id}
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_mail_about_somebody_of_whom_a_message_could_not_be_read_says_so_in_one_line(
    ledger: Ledger, inbox: Inbox
) -> None:
    ledger.hear(referral_noted(), referral_noted(person=f"p_{'b' * 32}", actor="gp-adeyemi"))
    ledger.dependencies.parked.park([(Delivery(EVIDENCE, f'"{PERSON}'.encode()), Park("not JSON"))])
    ledger.days_pass(DUE)
    line = "Data problem: something about this person or record could not be read and may change this"
    (about_her,) = inbox.to(GP)
    assert text_of(about_her).count(line) == 1
    assert line not in text_of(*inbox.to("tunde.adeyemi@essex.example"))


@pytest.mark.usefixtures("server")
def test_what_falls_due_together_comes_in_one_mail(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted(), referral_noted(), referral_noted())
    ledger.days_pass(DUE)
    (mail,) = inbox.mails
    assert mail["Subject"] == "[Followthrough] 3 overdue: REF-01 (Essex)"


@pytest.mark.usefixtures("server")
def test_everybody_who_is_told_gets_a_mail_and_each_reads_who_else_was_told(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass("2013-01-18T17:00:00Z")
    assert "Also told: gp-safeguarding-rahman" in text_of(*inbox.to(GP))
    assert "Also told: gp-okafor" in text_of(*inbox.to("shirin.rahman@essex.example"))


def decide_about(ledger: Ledger, command: Any, key: str) -> None:
    """The owner's manager decides."""
    manager = Actor("gp-manager-hale", "manager", "gp-mill-road", ("essex",))
    stream = f"follow-up/{command.follow_up.id}"
    options: dict[str, Any] = {"key": key, "body": {}, "operation": "test", "creates": True}
    ledger.dependencies.store.execute(follow_ups.AGGREGATE, stream, command, manager, **options)
    ledger.catch_up()


def line_of(ledger: Ledger, follow_up: FollowUp) -> Line:
    return ledger.dependencies.directory.line_of(follow_up, MONDAY.date())


@pytest.mark.usefixtures("server")
def test_the_owner_reads_who_ended_a_follow_up_and_why_and_who_reopened_it(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted())
    follow_up = ledger.follow_up()
    decide_about(ledger, End(follow_up, "not_needed_after_review", line=line_of(ledger, follow_up)), "end")
    ledger.sweep()
    (mail,) = inbox.mails
    assert (mail["To"], mail["Subject"]) == (GP, "[Followthrough] 1 ended")
    ended = f"gp-manager-hale has ended REF-01: {follow_up.title} [{follow_up.reference}] (not needed after review)."
    assert ended in text_of(mail)
    assert f"http://follow-ups.example/v1/follow-ups/{follow_up.reference}" in text_of(mail)
    decide_about(ledger, Reopen(ledger.follow_up(), line=line_of(ledger, follow_up)), "reopen")
    ledger.sweep()
    assert inbox.mails[1]["Subject"] == "[Followthrough] 1 reopened"
    assert f"gp-manager-hale has reopened REF-01: {follow_up.title}" in text_of(inbox.mails[1])
    ledger.days_pass(DUE)
    assert inbox.mails[2]["Subject"] == "[Followthrough] 1 overdue: REF-01 (Essex)"


@pytest.mark.usefixtures("server")
def test_an_end_that_was_taken_back_before_the_digest_went_is_not_told(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted())
    follow_up = ledger.follow_up()
    decide_about(ledger, End(follow_up, "duplicate", line=line_of(ledger, follow_up)), "end")
    decide_about(ledger, Reopen(ledger.follow_up(), line=line_of(ledger, follow_up)), "reopen")
    ledger.sweep()
    (mail,) = inbox.mails
    assert "has ended" not in text_of(mail)
    assert "has reopened" in text_of(mail)


@pytest.mark.usefixtures("server")
def test_whoever_is_told_in_place_of_the_owner_reads_why(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted(actor="gp-locum"))  # not in the directory
    ledger.days_pass(DUE)
    (mail,) = inbox.to("tunde.adeyemi@essex.example")
    assert "You are told as: duty person of gp-mill-road; gp-locum is not of gp-mill-road" in text_of(mail)


@pytest.mark.usefixtures("server")
def test_the_letters_of_a_sweep_go_over_one_connection(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted(), *item_planned(MONDAY - timedelta(days=5)))
    ledger.days_pass(DUE)
    assert (len(inbox.mails), inbox.connections) == (2, 1)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("rude", [False, True], ids=["refuses", "hangs up"])
def test_a_server_that_takes_one_mail_on_a_connection_takes_them_on_several(
    ledger: Ledger, inbox: Inbox, rude: bool
) -> None:
    inbox.most, inbox.rude = 1, rude
    ledger.hear(referral_noted(), *item_planned(MONDAY - timedelta(days=5)))
    ledger.days_pass(DUE)
    assert (len(inbox.mails), inbox.connections) == (2, 2)
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_an_urgent_chase_goes_alone(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted(), referral_noted())
    ledger.dependencies.views.collection.update_one({"step": "REF-01"}, {"$set": {"rungs.0.urgent": True}})
    ledger.days_pass(DUE)
    first, second = (mail["Subject"] for mail in inbox.mails)
    assert first == "[Followthrough] urgent, 1 overdue: REF-01 (Essex)"
    assert second == "[Followthrough] 1 overdue: REF-01 (Essex)"


def test_a_mail_server_that_is_away_delays_the_mail_and_loses_nothing(
    ledger: Ledger, inbox: Inbox, smtp_port: int
) -> None:
    ledger.hear(referral_noted(), *item_planned(MONDAY - timedelta(days=5)))
    ledger.days_pass(DUE)
    assert len(ledger.digests()) == 2
    waiting = list(ledger.dependencies.store.collection.find({"relay.smtp": {"$exists": True}}))
    attempts = sorted(document["relay"]["smtp"]["attempts"] for document in waiting)
    assert attempts == [0, 1]  # one try was enough to see that nobody answers
    with mail_server(inbox, smtp_port):
        try_again_now(ledger)
        ledger.dependencies.sender.send()
    assert len(inbox.mails) == 2
    assert len(ledger.digests("digest.accepted.v1")) == 2
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_mail_that_is_refused_is_tried_again_ever_more_rarely(ledger: Ledger, inbox: Inbox) -> None:
    inbox.refuses = True
    ledger.hear(referral_noted())
    ledger.days_pass(DUE)
    delays = []
    for attempts in range(1, 6):
        (waiting,) = ledger.dependencies.store.collection.find({"relay.smtp": {"$exists": True}})
        assert waiting["relay"]["smtp"]["attempts"] == attempts
        delays.append(waiting["relay"]["smtp"]["due_at"] - datetime.now(UTC))
        ledger.dependencies.sender.send()  # not due: nothing happens
        try_again_now(ledger)
        ledger.dependencies.sender.send()
    assert [round(delay.total_seconds(), -1) for delay in delays[1:]] == [60, 600, 3600, 3600]
    assert ledger.digests("digest.accepted.v1") == []
    inbox.refuses = False
    try_again_now(ledger)
    ledger.dependencies.sender.send()
    assert len(inbox.mails) == 1


@pytest.mark.usefixtures("server")
def test_one_mail_that_is_refused_does_not_hold_up_the_others(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hear(referral_noted(), *item_planned(MONDAY - timedelta(days=5)))
    real = smtplib.SMTP.send_message

    def refuse_the_first(server: smtplib.SMTP, message: Any, *args: Any) -> Any:
        if message["To"] == GP:
            raise smtplib.SMTPRecipientsRefused({GP: (550, b"unknown")})
        return real(server, message, *args)

    monkeypatch.setattr(smtplib.SMTP, "send_message", refuse_the_first)
    ledger.days_pass(DUE)
    assert [mail["To"] for mail in inbox.mails] == ["maja.lindqvist@essex.example"]


@pytest.mark.usefixtures("server")
def test_a_crash_after_the_mail_was_taken_repeats_it_under_the_same_message_id(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hear(referral_noted())
    real = SmtpChannel.send

    def die_after(self: SmtpChannel, message: Message) -> None:
        real(self, message)
        raise AutoReconnect

    with monkeypatch.context() as dying:
        dying.setattr(SmtpChannel, "send", die_after)
        with pytest.raises(AutoReconnect):
            ledger.days_pass(DUE)
    try_again_now(ledger)
    ledger.sweep("again")
    first, second = inbox.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert len(ledger.digests("digest.accepted.v1")) == 1


@pytest.mark.usefixtures("server")
def test_two_sweeps_at_once_send_each_letter_once(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hear(referral_noted(), *item_planned(MONDAY - timedelta(days=5)))
    real = SmtpChannel.send

    def while_another_sweep_sends(self: SmtpChannel, message: Message) -> Any:
        with monkeypatch.context() as alone:
            alone.setattr(SmtpChannel, "send", real)
            ledger.dependencies.sender.send()
        return real(self, message)

    monkeypatch.setattr(SmtpChannel, "send", while_another_sweep_sends)
    ledger.days_pass(DUE)
    assert sorted(mail["To"] for mail in inbox.mails) == ["maja.lindqvist@essex.example", GP]
    assert len(ledger.digests("digest.accepted.v1")) == 2
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_letter_that_a_slow_sweep_records_as_sent_meanwhile_is_not_sent_again(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hear(referral_noted(), referral_noted(actor="gp-adeyemi"))
    real = SmtpChannel.send

    def while_the_other_is_recorded(self: SmtpChannel, message: Message) -> Any:
        assert real(self, message) == Accepted()
        (other,) = (digest for digest in ledger.digests() if digest.id != message.id)
        sent = Accept(other.id, other.data["recipient"])
        ledger.dependencies.store.execute(
            AGGREGATE, other.stream, sent, SYSTEM_ACTOR, key="slow", body={}, operation="test"
        )
        return Accepted()

    monkeypatch.setattr(SmtpChannel, "send", while_the_other_is_recorded)
    ledger.days_pass(DUE)
    assert len(inbox.mails) == 1
    assert len(ledger.digests("digest.accepted.v1")) == 2
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_crash_after_the_acceptance_was_recorded_sends_no_second_mail(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass(DUE)
    (letter,) = ledger.digests()
    ledger.dependencies.store.collection.update_one(
        {"_id": letter.id}, {"$set": {"relay.smtp": {"due_at": datetime.now(UTC), "attempts": 0}}}
    )
    ledger.dependencies.sender.send()
    assert len(inbox.mails) == 1
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_crash_between_the_letter_and_crossing_off_its_chases_writes_no_second_letter(
    ledger: Ledger, inbox: Inbox
) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass(DUE)
    (chase,) = ledger.chases()
    ledger.dependencies.store.collection.update_one({"_id": chase.id}, {"$set": {"relay.mail_for": ["gp-okafor"]}})
    ledger.dependencies.composer.compose()
    ledger.dependencies.sender.send()
    assert len(ledger.digests()) == len(inbox.mails) == 1
    assert ledger.dependencies.outbox.is_idle()


def test_two_who_compose_at_once_write_one_letter(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.hear(referral_noted())
    ledger.clock.set(from_text(DUE))
    ledger.catch_up()
    ledger.dependencies.sweeper.sweep("s")
    real = DigestComposer._append
    rivals = iter([True])

    def after_a_rival(*digest: Any) -> Any:
        if next(rivals, False):
            ledger.dependencies.composer.compose()
        return real(*digest)

    monkeypatch.setattr(DigestComposer, "_append", after_a_rival)
    ledger.dependencies.composer.compose()
    assert len(ledger.digests()) == 1
    assert ledger.dependencies.store.collection.find_one({"relay.mail_for": {"$exists": True}}) is None


def test_contention_without_end_leaves_the_chase_waiting(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    ledger.hear(referral_noted())
    ledger.clock.set(from_text(DUE))
    ledger.catch_up()
    with monkeypatch.context() as contended:

        def lose(*_: Any) -> None:
            raise Contended("lost")

        contended.setattr(DigestComposer, "_append", lose)
        ledger.sweep()
    assert ledger.digests() == []
    ledger.dependencies.composer.compose()
    assert len(ledger.digests()) == 1


def test_what_has_closed_before_the_mail_could_go_is_left_out(ledger: Ledger, inbox: Inbox, smtp_port: int) -> None:
    sent_late, still_open = referral_noted(), referral_noted(actor="gp-adeyemi")
    ledger.hear(sent_late, still_open)
    ledger.days_pass(DUE)  # no mail server
    ledger.hear(referral_sent(sent_late, from_text(DUE) + timedelta(minutes=5)))
    with mail_server(inbox, smtp_port):
        try_again_now(ledger)
        ledger.dependencies.sender.send()
    (mail,) = inbox.mails
    assert mail["To"] == "tunde.adeyemi@essex.example"
    (overtaken,) = ledger.digests("digest.overtaken.v1")
    assert overtaken.data["recipient"] == "gp-okafor"
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_recipient_whom_the_directory_no_longer_knows_has_a_stand_in(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.hear(referral_noted())
    known = load_directory(DIRECTORY)
    without = Directory(
        tuple(known.areas.values()),
        tuple(known.teams.values()),
        tuple(member for member in known.people.values() if member.id != "gp-okafor"),
        known.duty_roles,
    )
    ledger.clock.set(from_text(DUE))
    ledger.catch_up()
    ledger.dependencies.sweeper.sweep("s")
    for part in (ledger.dependencies.composer, ledger.dependencies.sender):
        monkeypatch.setattr(part, "_directory", without)
    ledger.dependencies.composer.compose()
    ledger.dependencies.sender.send()
    assert [mail["To"] for mail in inbox.mails] == ["saskia.achterberg@essex.example"]
    assert ledger.digests("digest.accepted.v1")[0].data["recipient"] == "lead-achterberg"


@pytest.mark.usefixtures("server")
def test_a_recipient_outside_the_disclosure_class_reads_only_whom_to_ask(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(*item_planned())
    follow_up = ledger.follow_up("CL-01.arrange")
    ledger.dependencies.store.execute(
        follow_ups.AGGREGATE,
        f"follow-up/{follow_up.id}",
        follow_ups.Accept(follow_up),  # which discloses nothing
        Actor("gp-okafor", "manager", "gp-mill-road", ("essex",)),
        key="k",
        body={},
        operation="test",
        creates=True,
    )
    ledger.days_pass("2013-01-21T17:00:00Z")
    text = text_of(*inbox.to(GP))
    assert "Please ask:\r\n  leaving care: contact the PA\r\n" in text
    assert follow_up.reference not in text
    assert "CL-01" not in text
    assert "Due:" not in text
    assert "Record:" not in text
    assert "Expected:" not in text


@pytest.mark.usefixtures("server")
def test_the_operator_gets_a_mail_of_a_silent_source(ledger: Ledger, inbox: Inbox) -> None:
    for minute in (0, 10, 11):
        ledger.days_pass(f"2013-01-15T09:{minute:02d}:00Z", *(["perinatal"] if minute else []))
    (mail,) = inbox.mails
    assert mail["Subject"] == "[Followthrough] silent: perinatal"


@pytest.mark.usefixtures("server")
def test_every_event_about_mails_keeps_its_contract(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass(DUE)
    said: list[Event] = [*ledger.digests(), *ledger.digests("digest.accepted.v1"), *ledger.chases()]
    assert len(said) == 3
    assert all(CATALOGUE.faults(event.type, event.data) == {} for event in said)


def refused_first(ledger: Ledger, inbox: Inbox, *facts: Event) -> None:
    """What these facts lead to is composed, and no server has taken it yet."""
    inbox.refuses = True
    ledger.hear(*facts)
    ledger.days_pass(DUE)
    inbox.refuses = False
    try_again_now(ledger)


@pytest.mark.usefixtures("server")
def test_one_letter_that_cannot_be_written_stops_no_other_letter_and_no_sweep(ledger: Ledger, inbox: Inbox) -> None:
    faulty = referral_noted()
    refused_first(ledger, inbox, faulty, referral_noted(actor="gp-adeyemi"))
    with unfoldable(faulty.stream):
        assert ledger.sweep("s") == Done()
    assert [mail["To"] for mail in inbox.mails] == ["tunde.adeyemi@essex.example"]
    assert ledger.dependencies.database.sweeps.find_one({"_id": "s", "finished_at": {"$exists": True}})
    assert ledger.digests("digest.overtaken.v1") == []
    try_again_now(ledger)
    ledger.sweep()
    assert [mail["To"] for mail in inbox.mails][1:] == [GP]


@pytest.mark.usefixtures("server")
def test_one_recipient_whose_letter_cannot_be_composed_stops_no_other(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = DigestComposer._append

    def append(self: DigestComposer, store: Any, stream: str, digest: Compose) -> Any:
        if digest.recipient == "gp-adeyemi":
            raise KeyError(digest.recipient)
        return real(self, store, stream, digest)

    monkeypatch.setattr(DigestComposer, "_append", append)
    ledger.hear(referral_noted(), referral_noted(actor="gp-adeyemi"))
    ledger.days_pass(DUE)
    assert [mail["To"] for mail in inbox.mails] == [GP]
    monkeypatch.undo()
    ledger.sweep()
    assert [mail["To"] for mail in inbox.mails][1:] == ["tunde.adeyemi@essex.example"]


@pytest.mark.usefixtures("server")
def test_a_letter_is_written_without_the_views_which_a_rebuild_may_just_be_making(ledger: Ledger, inbox: Inbox) -> None:
    refused_first(ledger, inbox, referral_noted())
    ledger.dependencies.views.collection.delete_many({})
    ledger.sweep()
    assert [mail["To"] for mail in inbox.mails] == [GP]


@pytest.mark.usefixtures("server")
def test_a_letter_about_a_follow_up_that_nobody_knows_at_present_waits_and_is_not_overtaken(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused_first(ledger, inbox, referral_noted())
    with monkeypatch.context() as unknown:
        unknown.setattr(type(ledger.dependencies.views), "fold_all", lambda *_: {})
        ledger.sweep()
    assert inbox.mails == ledger.digests("digest.overtaken.v1") == []
    try_again_now(ledger)
    ledger.sweep()
    assert [mail["To"] for mail in inbox.mails] == [GP]


@pytest.mark.usefixtures("server")
def test_while_a_source_is_silent_no_routine_letter_asks_for_what_may_be_recorded_there(
    ledger: Ledger, inbox: Inbox
) -> None:
    noted = referral_noted()
    refused_first(ledger, inbox, noted, referral_noted(actor="gp-adeyemi"))
    ledger.clock.set(from_text("2013-01-17T09:00:00Z"))
    ledger.catch_up("perinatal")
    ledger.sweep()
    assert inbox.mails == []
    ledger.hear(referral_sent(noted, from_text(DUE) + timedelta(hours=1)))  # its relay is back
    ledger.catch_up()
    ledger.sweep()
    assert [mail["To"] for mail in inbox.mails] == ["tunde.adeyemi@essex.example"]
    assert [letter.data["recipient"] for letter in ledger.digests("digest.overtaken.v1")] == ["gp-okafor"]


@pytest.mark.usefixtures("server")
def test_an_urgent_letter_goes_even_while_a_source_is_silent(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted())
    ledger.dependencies.views.collection.update_one({"step": "REF-01"}, {"$set": {"rungs.0.urgent": True}})
    ledger.clock.set(from_text(DUE))
    ledger.catch_up()
    ledger.clock.advance(minutes=6)
    ledger.sweep()
    assert [mail["Subject"] for mail in inbox.mails] == ["[Followthrough] urgent, 1 overdue: REF-01 (Essex)"]


@pytest.mark.usefixtures("server")
def test_the_operator_is_told_once_of_a_letter_that_was_rejected_four_times_and_never_of_the_telling(
    ledger: Ledger, inbox: Inbox
) -> None:
    inbox.refuses = True
    ledger.hear(referral_noted())
    ledger.days_pass(DUE)
    (letter,) = ledger.digests()
    for _ in range(2):
        try_again_now(ledger)
        ledger.sweep()
    assert ledger.digests("work.stalled.v1") == []
    for _ in range(8):
        try_again_now(ledger)
        ledger.sweep()
    (told,) = ledger.digests("work.stalled.v1")
    assert told.data == {
        "kind": "letter",
        "what": f"letter/{letter.id}",
        "reason_code": "rejected",
        "recipients": ["operator-kowalski"],
    }
    inbox.refuses = False
    try_again_now(ledger)
    ledger.sweep()
    subjects = {mail["To"]: mail["Subject"] for mail in inbox.mails}
    assert subjects["marta.kowalski@operations.example"] == "[Followthrough] set aside: 1 letter"
    assert ledger.dependencies.outbox.is_idle()


def test_two_letters_to_one_recipient_never_cover_the_same_chase(ledger: Ledger) -> None:
    ledger.hear(referral_noted(), referral_noted())
    ledger.clock.set(from_text(DUE))
    ledger.catch_up()
    ledger.dependencies.sweeper.sweep("s")
    one, both = ledger.chases()[:1], ledger.chases()
    ledger.dependencies.composer._compose_for("gp-okafor", one)
    with pytest.MonkeyPatch.context() as unaware:
        unaware.setattr(DigestOutbox, "find_covered", lambda *_: set())  # the other one composed a moment later
        with pytest.raises(Contended):
            ledger.dependencies.composer._compose_for("gp-okafor", both)
    ledger.dependencies.composer.compose()
    covered = [chase for letter in ledger.digests() for chase in letter.data["chases"]]
    assert sorted(covered) == sorted(chase.id for chase in both)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(("at_a_time", "looked_up"), [(100, [4]), (3, [2, 2]), (1, [1, 1, 1, 1])])
def test_what_letters_are_about_is_looked_up_for_many_at_once_but_not_for_too_many(
    ledger: Ledger, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, at_a_time: int, looked_up: list[int]
) -> None:
    for module in (contents, sending):
        monkeypatch.setattr(module, "FOLDED_AT_A_TIME", at_a_time)
    found: list[int] = []
    real = type(ledger.dependencies.views).fold_all

    def fold_all(views: Any, own: Any, *more: Any) -> Any:
        found.append(len(own))
        return real(views, own, *more)

    monkeypatch.setattr(type(ledger.dependencies.views), "fold_all", fold_all)
    ledger.hear(*(referral_noted(actor=actor) for actor in ("gp-okafor", "gp-adeyemi") * 2))
    ledger.days_pass(DUE)
    assert sorted(mail["To"] for mail in inbox.mails) == [GP, "tunde.adeyemi@essex.example"]
    assert found == looked_up


@pytest.mark.usefixtures("server")
def test_the_cost_of_a_letter_does_not_grow_with_the_letters_before_it(ledger: Ledger, inbox: Inbox) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass(DUE)
    ledger.hear(referral_noted(from_text(DUE)))
    ledger.days_pass("2013-01-18T17:00:00Z")
    letters = [letter for letter in ledger.digests() if letter.data["recipient"] == "gp-okafor"]
    assert [letter.version for letter in letters] == [1] * len(letters)
    assert len({letter.stream for letter in letters}) == len(letters) > 1


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> MemoryChannel:
    """A second channel, of every ledger that is built from here on."""
    memory = MemoryChannel()
    monkeypatch.setitem(bootstrap.CHANNELS, MemoryChannel.name, lambda config: memory)
    return memory


@pytest.fixture
def on_two_channels(memory: MemoryChannel, ledger: Ledger) -> Ledger:
    return ledger


def endings(ledger: Ledger, event_type: str = "digest.accepted.v1") -> list[str]:
    """The channels on which digests ended so; e-mail is not named."""
    return [ending.data.get("channel", "smtp") for ending in ledger.digests(event_type)]


@pytest.mark.usefixtures("server")
def test_a_digest_is_sent_once_on_every_channel(on_two_channels: Ledger, memory: MemoryChannel, inbox: Inbox) -> None:
    on_two_channels.hear(referral_noted())
    on_two_channels.days_pass(DUE)
    on_two_channels.sweep()
    (digest,) = on_two_channels.digests()
    (mail,), (message,) = inbox.mails, memory.messages
    assert message.id == digest.id
    assert (message.to.email, message.subject) == (mail["To"], mail["Subject"])
    assert sorted(endings(on_two_channels)) == ["memory", "smtp"]
    assert on_two_channels.dependencies.outbox.is_idle()
    assert all(
        CATALOGUE.faults(event.type, event.data) == {} for event in on_two_channels.digests("digest.accepted.v1")
    )


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("trouble", ["refuses", "is_away"])
def test_each_channel_has_its_own_attempts_at_a_digest_and_its_own_end(
    on_two_channels: Ledger, memory: MemoryChannel, inbox: Inbox, trouble: str
) -> None:
    ledger = on_two_channels
    setattr(memory, trouble, True)
    noted = referral_noted()
    ledger.hear(noted)
    ledger.days_pass(DUE)
    (waiting,) = ledger.dependencies.store.collection.find({"relay.memory": {"$exists": True}})
    assert waiting["relay"]["memory"]["attempts"] == 1
    assert "smtp" not in waiting["relay"]
    assert (len(inbox.mails), endings(ledger)) == (1, ["smtp"])
    ledger.hear(referral_sent(noted, from_text(DUE) + timedelta(minutes=5)))
    setattr(memory, trouble, False)
    ledger.dependencies.store.collection.update_one(
        {"_id": waiting["_id"]}, {"$set": {"relay.memory.due_at": datetime.now(UTC)}}
    )
    ledger.dependencies.sender.send()
    assert (memory.messages, endings(ledger, "digest.overtaken.v1")) == ([], ["memory"])
    assert (len(inbox.mails), endings(ledger)) == (1, ["smtp"])
    assert ledger.dependencies.outbox.is_idle()


@pytest.mark.usefixtures("server")
def test_a_crash_before_the_outbox_forgets_a_digest_repeats_it_on_no_channel(
    on_two_channels: Ledger, memory: MemoryChannel, inbox: Inbox
) -> None:
    on_two_channels.hear(referral_noted())
    on_two_channels.days_pass(DUE)
    (digest,) = on_two_channels.digests()
    entry = {"due_at": datetime.now(UTC), "attempts": 0}
    on_two_channels.dependencies.store.collection.update_one(
        {"_id": digest.id}, {"$set": {"relay.smtp": entry, "relay.memory": entry}}
    )
    on_two_channels.dependencies.sender.send()
    assert len(inbox.mails) == len(memory.messages) == 1
    assert on_two_channels.dependencies.outbox.is_idle()
