"""Sweeps on a real store: the guilty are chased, the innocent are not, and no rung is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.database import Database
from pymongo.errors import AutoReconnect

from services.referrals_followup.chasing.composing import DigestComposer
from services.referrals_followup.chasing.parked_work import ParkedWork
from services.referrals_followup.chasing.sending import DigestSender
from services.referrals_followup.domain.thread_history import Evidence
from services.referrals_followup.ledger import ingest
from shared.contracts.catalogue import Catalogue
from shared.kernel.envelope import CONTENT_TYPE, Event, from_text, to_text
from shared.messaging.incoming import Delivery, Done, Later, Park
from shared.messaging.topology import EVIDENCE, SWEEP
from shared.runtime.clock import MovableClock
from tests.integration.ledger import (
    MONDAY,
    Ledger,
    an_event,
    config,
    delivery,
    item_planned,
    referral_noted,
    referral_sent,
    unfoldable,
)


@pytest.fixture
def ledger(ledger_database: Database[dict[str, Any]], mongodb_uri: str) -> Iterator[Ledger]:
    ledger = Ledger(config(ledger_database, mongodb_uri), MovableClock(MONDAY - timedelta(days=300)))
    ledger.clock.set(MONDAY)
    yield ledger
    ledger.close()


def rungs(ledger: Ledger) -> list[list[str]]:
    return [[rung["name"] for rung in chase.data["rungs"]] for chase in ledger.chases()]


def whose(noted: Event) -> dict[str, Any]:
    return {name: noted.data[name] for name in ("referral_id", "person_id")}


def test_a_referral_that_was_only_noted_is_chased_after_two_working_days(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass("2013-01-16T16:59:00Z")
    assert ledger.chases() == []
    ledger.days_pass("2013-01-16T17:00:00Z")
    (chase,) = ledger.chases()
    assert chase.data["recipients"] == ["gp-okafor"]
    assert [rung["name"] for rung in chase.data["rungs"]] == ["owner"]
    assert chase.area == "essex"


def test_a_referral_that_was_sent_in_time_is_not_chased(ledger: Ledger) -> None:
    noted = referral_noted()
    ledger.hear(noted, referral_sent(noted, MONDAY + timedelta(hours=1)))
    ledger.days_pass("2013-01-16T17:00:00Z")
    assert [chase for chase in ledger.chases() if chase.data["step"] == "REF-01"] == []


def test_nobody_is_chased_twice_for_one_rung_and_the_ladder_goes_on_to_the_practices_lead(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    for day in ("16", "17", "18"):
        ledger.days_pass(f"2013-01-{day}T17:00:00Z")
    first, second = ledger.chases()
    assert [rung["name"] for rung in first.data["rungs"]] == ["owner"]
    assert second.data["recipients"] == ["gp-okafor", "gp-safeguarding-rahman"]


def test_after_a_long_outage_all_owed_rungs_go_into_one_chase(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass("2013-03-01T12:00:00Z")
    assert rungs(ledger) == [["owner", "practice-lead", "named-gp"]]


def test_a_sweep_delivered_again_changes_nothing(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.clock.set(from_text("2013-01-16T17:00:00Z"))
    ledger.catch_up()
    for _ in range(3):  # its own chase has not come back yet: the stream itself says that it was made
        assert ledger.sweep("sweep-1") == Done()
    ledger.sweep("sweep-2")
    assert len(ledger.chases()) == 1
    assert len(ledger.digests()) == 1


@pytest.mark.parametrize("killed_after", ["sweep", "compose"])
def test_a_sweep_that_was_killed_and_delivered_again_loses_and_doubles_nothing(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, killed_after: str
) -> None:
    ledger.hear(referral_noted(), referral_noted(), *item_planned(MONDAY - timedelta(days=10)))
    ledger.clock.set(from_text("2013-01-21T17:00:00Z"))
    ledger.catch_up()
    with monkeypatch.context() as dying:
        killed_in, step = (DigestComposer, "compose") if killed_after == "sweep" else (DigestSender, "send")
        dying.setattr(killed_in, step, lambda self: (_ for _ in ()).throw(AutoReconnect()))
        with pytest.raises(AutoReconnect):
            ledger.sweep("sweep-1")
    assert ledger.dependencies.database.sweeps.find_one({"_id": "sweep-1", "finished_at": {"$exists": True}}) is None
    ledger.sweep("sweep-1")
    assert len(ledger.chases()) == 3
    covered = [chase for letter in ledger.digests() for chase in letter.data["chases"]]
    by_recipient = {letter.data["recipient"] for letter in ledger.digests()}
    assert by_recipient == {recipient for chase in ledger.chases() for recipient in chase.data["recipients"]}
    assert len(covered) == sum(len(chase.data["recipients"]) for chase in ledger.chases())


def test_an_act_recorded_while_the_relay_was_down_is_never_chased(ledger: Ledger) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    ledger.catch_up()
    sent = referral_sent(noted, from_text("2013-01-16T10:00:00Z"))  # recorded, but its relay says nothing
    ledger.days_pass("2013-01-18T17:00:00Z", "perinatal")
    assert ledger.chases() == []
    ledger.hear(sent)
    ledger.days_pass("2013-01-18T17:01:00Z")
    assert [chase for chase in ledger.chases() if chase.data["step"] == "REF-01"] == []


def test_what_opened_at_the_very_instant_of_a_position_is_chased_by_the_next_sweep_unless_it_is_answered(
    ledger: Ledger,
) -> None:
    """A position is complete for what was recorded before it: of its own instant, part may still be on its way."""
    noted, forgotten, now = referral_noted(), referral_noted(), MONDAY + timedelta(hours=1)
    ledger.hear(noted, forgotten)
    withdrawn, closed, closed_unanswered = (
        an_event(event_type, of.stream, {**whose(of), **data}, at=now, version=version, subject=of.subject)
        for event_type, of, version, data in (
            ("referral.withdrawn.v1", noted, 2, {"reason_code": "declined", "decided_by": "gp-okafor"}),
            ("referral.closed.v1", noted, 3, {"reason_code": "done"}),
            ("referral.closed.v1", forgotten, 2, {"reason_code": "done"}),
        )
    )
    ledger.hear(closed, closed_unanswered)
    ledger.days_pass(to_text(now))
    assert ledger.chases() == []
    ledger.hear(withdrawn)
    ledger.days_pass(to_text(now + timedelta(minutes=1)))
    assert [chase.data["thread"] for chase in ledger.chases()] == [forgotten.stream]


def test_what_fell_due_before_a_source_fell_silent_is_chased_all_the_same(ledger: Ledger) -> None:
    ledger.hear(referral_noted())
    ledger.days_pass("2013-01-16T16:59:00Z")
    ledger.clock.set(from_text("2013-01-16T17:00:00Z"))
    ledger.catch_up()
    ledger.days_pass("2013-01-17T17:00:00Z", "leaving_care")
    assert rungs(ledger) == [["owner"]]


def test_a_source_that_falls_silent_is_told_to_the_operator_once_a_day(ledger: Ledger) -> None:
    ledger.days_pass("2013-01-15T09:00:00Z")
    ledger.days_pass("2013-01-15T09:05:00Z", "perinatal")
    assert ledger.digests() == []  # five minutes are tolerated
    ledger.days_pass("2013-01-15T09:06:00Z", "perinatal")
    assert ledger.digests() == []  # a relay that just came back needs a moment
    for minute in ("07", "08", "09"):
        ledger.days_pass(f"2013-01-15T09:{minute}:00Z", "perinatal")
    (letter,) = ledger.digests()
    assert letter.data["recipient"] == "operator-kowalski"
    (silence,) = ledger.digests("source.fell_silent.v1")
    assert silence.data["service"] == "perinatal"
    assert silence.data["complete_until"] == "2013-01-15T09:00:00.000Z"
    ledger.days_pass("2013-01-15T10:00:00Z")
    ledger.days_pass("2013-01-15T11:00:00Z", "perinatal")
    ledger.days_pass("2013-01-15T11:01:00Z", "perinatal")
    assert len(ledger.digests("source.fell_silent.v1")) == 2  # another silence
    for hour in ("01", "02"):
        ledger.days_pass(f"2013-01-16T{hour}:00:00Z", "perinatal")
    assert len(ledger.digests("source.fell_silent.v1")) == 3  # it lasts, and a day is over


def test_while_a_source_never_spoke_nobody_is_chased(database: Database[dict[str, Any]], mongodb_uri: str) -> None:
    ledger = Ledger(config(database, mongodb_uri), MovableClock(MONDAY))
    ledger.hear(referral_noted())
    ledger.dependencies.database.positions.delete_many({"_id": "leaving_care"})
    ledger.dependencies.database.reported_manifests.delete_many({"_id": {"$regex": "^leaving_care/"}})
    ledger.days_pass("2013-02-01T17:00:00Z", "leaving_care")
    assert ledger.chases() == []
    ledger.close()


def test_one_follow_up_that_cannot_be_chased_stops_nobody_elses(ledger: Ledger) -> None:
    broken, sound = referral_noted(), referral_noted()
    ledger.hear(broken, sound)
    ledger.dependencies.views.collection.update_one({"thread": broken.stream}, {"$set": {"rungs": [{"name": "?"}]}})
    ledger.days_pass("2013-01-16T17:00:00Z")
    assert [chase.data["thread"] for chase in ledger.chases()] == [sound.stream]
    report = ledger.dependencies.database.sweeps.find_one({}, sort=[("started_at", -1)])
    assert report is not None
    assert (report["chased"], report["failed"]) == (1, 1)


def test_an_owner_who_is_away_is_not_told_but_the_duty_person_is(ledger: Ledger) -> None:
    ledger.hear(referral_noted(actor="gp-locum"))  # not in the directory
    ledger.days_pass("2013-01-16T17:00:00Z")
    (chase,) = ledger.chases()
    assert chase.data["recipients"] == ["gp-adeyemi"]


def test_an_assigned_person_is_the_one_who_is_told(ledger: Ledger) -> None:
    from services.referrals_followup.domain.follow_up import AGGREGATE, Assign
    from shared.contracts.access import SYSTEM_ACTOR

    ledger.hear(referral_noted())
    follow_up = ledger.follow_up()
    assign = Assign(follow_up, "gp-adeyemi", "gp-mill-road")
    ledger.dependencies.store.execute(
        AGGREGATE, f"follow-up/{follow_up.id}", assign, SYSTEM_ACTOR, key="k", body={}, operation="test", creates=True
    )
    ledger.days_pass("2013-01-16T17:00:00Z")
    assert ledger.chases()[0].data["recipients"] == ["gp-adeyemi"]


def test_inherited_ones_lead_to_one_summary_for_the_manager_and_no_ladder(ledger: Ledger) -> None:
    ledger.hear(*(referral_noted(from_text(f"2011-06-0{day}T09:00:00Z"), recorded_at=MONDAY) for day in range(1, 6)))
    for until in ("2013-01-14T10:00:00Z", "2013-01-21T17:00:00Z", "2013-03-21T17:00:00Z"):
        ledger.days_pass(until)
    assert rungs(ledger) == [["inherited"]] * 5
    (letter,) = ledger.digests()
    assert letter.data["recipient"] == "gp-manager-hale"
    assert len(letter.data["chases"]) == 5


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"not JSON", "application/json"),
        (b'"text"', "application/json"),
        (b"{}", "application/json"),
        (b'{"sweep_id": 7}', "application/json"),
        (b'{"sweep_id": "x"}', "text/plain"),
    ],
)
def test_a_message_that_asks_for_no_sweep_is_parked(ledger: Ledger, body: bytes, content_type: str) -> None:
    (outcome,) = ledger.dependencies.sweeps.receive([Delivery(SWEEP, body, content_type)])
    assert isinstance(outcome, Park)


def test_a_sweep_leaves_the_record_that_it_ran(ledger: Ledger) -> None:
    ledger.days_pass("2013-01-16T17:00:00Z")
    report = ledger.dependencies.database.sweeps.find_one({})
    assert report is not None
    assert report["now"] == report["as_of"] == from_text("2013-01-16T17:00:00Z")
    assert report["finished_at"] >= report["started_at"]


def test_the_cost_of_a_sweep_grows_with_what_is_due_not_with_what_is_open(ledger: Ledger) -> None:
    ledger.hear(*(referral_noted(MONDAY + timedelta(days=90)) for _ in range(50)), referral_noted())
    due = {"state": "open", "next_rung_at": {"$lte": from_text("2013-01-16T17:00:00Z")}}
    stats = ledger.dependencies.views.collection.find(due).explain()["executionStats"]
    assert (stats["nReturned"], stats["totalDocsExamined"]) == (1, 1)


def test_a_follow_up_whose_thread_could_not_be_folded_is_not_chased_until_it_is_folded_again(ledger: Ledger) -> None:
    recorded, forgotten = referral_noted(), referral_noted()
    ledger.hear(recorded, forgotten)
    with unfoldable(recorded.stream, forgotten.stream):
        ledger.hear(referral_sent(recorded, MONDAY + timedelta(hours=1)))
        ledger.hear(forgotten)
        ledger.days_pass("2013-01-16T17:00:00Z")
    assert ledger.chases() == []
    ledger.days_pass("2013-01-16T17:01:00Z")
    assert [chase.data["thread"] for chase in ledger.chases()] == [forgotten.stream]
    assert ledger.dependencies.views.parked_threads() == []


def test_the_operator_is_told_of_a_parked_thread_once_and_again_when_it_is_parked_anew(ledger: Ledger) -> None:
    noted = referral_noted()
    for again in range(2):
        with unfoldable(noted.stream):
            ledger.hear(noted)
            ledger.sweep()
            ledger.sweep()
        told = ledger.digests("work.stalled.v1")
        assert len(told) == again + 1
        assert told[again].data == {
            "kind": "thread",
            "what": noted.stream,
            "reason_code": "fold-raised-typeerror",
            "recipients": ["operator-kowalski"],
        }
        ledger.sweep()


def parked_by(ledger: Ledger, message: Delivery) -> None:
    """What the consumer does with a message that is not done."""
    (outcome,) = ledger.dependencies.ingest.receive([message])
    assert isinstance(outcome, Park | Later)
    ledger.dependencies.parked.park([(message, outcome)])


def retry_is_due(ledger: Ledger) -> None:
    ledger.dependencies.database.parked.update_many(
        {"retry_at": {"$ne": None}}, {"$set": {"retry_at": datetime.now(UTC)}}
    )


def test_the_operator_is_told_once_of_a_message_that_nobody_can_read(ledger: Ledger) -> None:
    ledger.catch_up()
    parked_by(ledger, Delivery(EVIDENCE, b"not JSON", CONTENT_TYPE, message_id="poison"))
    for _ in range(3):
        ledger.sweep()
    (told,) = ledger.digests("work.stalled.v1")
    (message,) = ledger.dependencies.parked.parked()
    assert told.data == {
        "kind": "message",
        "what": f"message/{message.id}",
        "reason_code": "not-json",
        "recipients": ["operator-kowalski"],
    }
    assert [letter.data["recipient"] for letter in ledger.digests()] == ["operator-kowalski"]


def test_an_event_of_a_type_that_is_not_known_yet_is_heard_after_the_deployment_that_knows_it(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    with monkeypatch.context() as before:
        before.setattr(ingest, "CATALOGUE", Catalogue())
        parked_by(ledger, delivery(referral_sent(noted, MONDAY + timedelta(hours=1))))
        retry_is_due(ledger)
        ledger.retry()
        ledger.sweep()
        assert len(ledger.dependencies.parked.parked()) == 1
        assert [told.data["kind"] for told in ledger.digests("work.stalled.v1")] == ["message"]
    ledger.retry()
    assert ledger.follow_up().state == "open"  # its time has not come
    retry_is_due(ledger)
    ledger.retry()
    assert ledger.follow_up().state == "met"
    assert ledger.dependencies.parked.parked() == []


LADDER = (
    # Monday: set aside. Saturdays, Sundays and bank holidays are no working days.
    ("2013-01-14T09:30:00Z", 1, ["operator-kowalski"]),
    ("2013-01-15T16:59:00Z", 1, ["operator-kowalski"]),
    ("2013-01-15T17:00:00Z", 2, ["operator-kowalski", "lead-achterberg", "lead-marchetti"]),
    ("2013-01-16T17:00:00Z", 3, ["operator-kowalski", "lead-achterberg", "lead-marchetti"]),
    ("2013-01-18T17:00:00Z", 4, ["operator-kowalski", "lead-achterberg", "lead-marchetti"]),
    ("2013-01-20T17:00:00Z", 4, ["operator-kowalski", "lead-achterberg", "lead-marchetti"]),
    ("2013-01-21T17:00:00Z", 5, ["operator-kowalski", "lead-achterberg", "lead-marchetti"]),
)


def test_a_parked_message_climbs_a_ladder_until_somebody_discards_it(ledger: Ledger) -> None:
    ledger.catch_up()
    parked_by(ledger, Delivery(EVIDENCE, b"not JSON", CONTENT_TYPE, message_id="poison"))
    for until, times, recipients in LADDER:
        ledger.days_pass(until)
        ledger.sweep()  # a second look on the same day tells nobody again
        told = ledger.digests("work.stalled.v1")
        assert (len(told), told[-1].data["recipients"]) == (times, recipients), until
    (message,) = ledger.dependencies.parked.parked()
    ledger.dependencies.parked.discard(message.id, "operator-kowalski", "a test of the network team", "k")
    ledger.days_pass("2013-01-25T17:00:00Z")
    assert len(ledger.digests("work.stalled.v1")) == 5


def test_what_lies_parked_in_another_service_has_the_same_ladder(ledger: Ledger) -> None:
    first, second = "1" * 64, "2" * 64
    for until, parked in (
        ("2013-01-14T10:00:00Z", (first, second)),
        ("2013-01-14T10:01:00Z", (first, second)),
        ("2013-01-15T17:00:00Z", (first, second)),
        ("2013-01-15T17:01:00Z", (second,)),  # the oldest was discarded, the other is left
        ("2013-01-15T17:02:00Z", ()),
        ("2013-01-16T17:00:00Z", ()),
    ):
        ledger.parks("leaving_care", *parked)
        ledger.days_pass(until)
    told = [event.data for event in ledger.digests("work.stalled.v1")]
    assert [(data["what"], data["reason_code"], len(data["recipients"])) for data in told] == [
        (f"message/{first}", "parked-in-leaving-care", 1),
        (f"message/{first}", "parked-in-leaving-care", 3),
        (f"message/{second}", "parked-in-leaving-care", 1),
    ]


def test_a_position_that_comes_late_brings_nothing_back(ledger: Ledger) -> None:
    ledger.parks("leaving_care", "1" * 64)
    late = delivery(ledger._position("leaving_care"))
    ledger.catch_up()
    ledger.parks("leaving_care")
    ledger.clock.advance(minutes=1)
    ledger.catch_up()
    ledger.dependencies.ingest.receive([late])
    ledger.sweep()
    assert ledger.digests("work.stalled.v1") == []


@pytest.mark.parametrize("forgets", ["note_told", "_tell_of"])
def test_killed_between_telling_of_it_and_noting_that_no_rung_is_told_twice(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch, forgets: str
) -> None:
    parked_by(ledger, Delivery(EVIDENCE, b"not JSON", CONTENT_TYPE, message_id="poison"))
    real = ParkedWork._tell_of

    def told_and_killed(*asked: Any) -> None:
        real(*asked)
        raise AutoReconnect

    for until, times in (("2013-01-14T10:00:00Z", 1), ("2013-01-15T17:00:00Z", 2), ("2013-01-16T17:00:00Z", 3)):
        ledger.clock.set(from_text(until))
        ledger.catch_up()
        with monkeypatch.context() as dying:
            if forgets == "note_told":
                dying.setattr(
                    type(ledger.dependencies.parked), "note_told", lambda *_: (_ for _ in ()).throw(AutoReconnect())
                )
            else:
                dying.setattr(ParkedWork, "_tell_of", told_and_killed)
            with pytest.raises(AutoReconnect):
                ledger.sweep("killed")
        ledger.sweep("killed")
        ledger.sweep()
        assert len(ledger.digests("work.stalled.v1")) == times


def test_a_parked_thread_and_its_ladder_begin_anew_when_it_is_parked_anew(ledger: Ledger) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    with unfoldable(noted.stream):
        ledger.hear(noted)
        ledger.days_pass("2013-01-14T10:00:00Z")
        ledger.days_pass("2013-01-15T17:00:00Z")
    ledger.days_pass("2013-01-15T17:01:00Z")
    with unfoldable(noted.stream):
        ledger.hear(noted)
        ledger.days_pass("2013-01-15T17:02:00Z")
    told = [len(event.data["recipients"]) for event in ledger.digests("work.stalled.v1")]
    assert told == [1, 3, 1]


def test_a_thread_stays_parked_when_only_less_of_its_evidence_can_be_folded(ledger: Ledger) -> None:
    noted = referral_noted()
    ledger.hear(noted)
    with unfoldable(noted.stream):
        ledger.hear(referral_sent(noted, MONDAY + timedelta(hours=1)))
    views = ledger.dependencies.views
    slower = views._fold_thread(
        noted.stream, [Evidence(noted, frozenset({noted.stream}))], ledger.dependencies.rules.history()
    )
    views._write([slower], ledger.dependencies.rules.history(), ())
    assert [thread["_id"] for thread in views.parked_threads()] == [noted.stream]


def test_a_thread_whose_evidence_was_lost_is_parked_and_no_worker_waits_for_it_until_a_rebuild(ledger: Ledger) -> None:
    noted = referral_noted()
    sent = referral_sent(noted, MONDAY + timedelta(hours=1))
    ledger.hear(noted, sent)
    ledger.dependencies.database.evidence.delete_one({"_id": sent.id})
    views = ledger.dependencies.views
    views.refresh([noted.stream])
    assert [(parked["_id"], parked["reason"]) for parked in views.parked_threads()] == [
        (noted.stream, "evidence is missing")
    ]
    assert ledger.follow_up("REF-01").state == "met", "what is listed was folded from more than there is now"
    views.rebuild()
    assert views.parked_threads() == []
    assert ledger.follow_up("REF-01").state == "open"
    ledger.hear(sent)
    assert ledger.follow_up("REF-01").state == "met"
