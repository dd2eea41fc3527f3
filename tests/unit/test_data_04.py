"""DATA-04: what contradicts what. Two records of a pregnancy that go on at once are asked about on both sides, and
joined ones end together. What is doubtful in an alarm is looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.perinatal.service import PerinatalService
from services.referrals_followup.domain.follow_up import FollowUp
from shared.contracts.urgent import ALARMS
from shared.kernel.envelope import CIRCLE, NONE, OWNER, Event
from shared.web.endpoint import endpoints_of
from tests.unit.practice import CHILD, GP, HV, MIDWIFE, NORFOLK_GP, OTHER, PERSON, Practice, Thread, as_text

STEP = "DATA-04.pregnancy"
BOOKED, NOTIFIED, ENDED, JOINED = (f"pregnancy.{what}.v1" for what in ("booked", "notified", "ended", "joined"))


def booked(practice: Practice, at: str = "2014-01-15 10:00", mother: str = PERSON, by=MIDWIFE, **said) -> Thread:
    thread = practice.record_of("pregnancy", by=by, person_id=mother)
    thread.was(BOOKED, at, edd=said.pop("edd", "2014-06-16"), mother_age_band="from_20", **said)
    return thread


def asked(thread: Thread) -> list[tuple[str, str, str | None]]:
    return [(one.state, as_text(one.due_at), one.owner.person) for one in thread.all(STEP)]


def stamp(practice: Practice, event: Event, standing: str) -> Event:
    practice._events[event.id] = replace(event, standing=standing)
    return practice._events[event.id]


def joined(practice: Practice, thread: Thread, other: Thread, at: str = "2014-01-20 10:00", **said) -> Event:
    return thread.was(JOINED, at, other_pregnancy_id=other.id, **said)


def open_about(practice: Practice, thread: Thread) -> list[str]:
    return [one.step for one in practice.follow_ups(thread.name) if one.state == "open"]


def as_seen(found: list[FollowUp]) -> list[tuple[str, str]]:
    return [(one.step, one.state) for one in found]


def test_each_side_is_asked_when_a_second_pregnancy_begins_while_the_first_goes_on():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00", by=GP), booked(practice)
    assert asked(first) == [("open", "2014-01-22 17:00", "gp-okafor")]
    assert asked(second) == [("open", "2014-01-22 17:00", "midwife-ekwueme")]


def test_each_side_is_asked_when_the_second_record_is_in_another_area():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00"), booked(practice, by=NORFOLK_GP)
    assert [found[0] for found in (*asked(first), *asked(second))] == ["open", "open"]


@pytest.mark.parametrize("linked_on", ["2014-01-02 10:00", "2014-02-03 10:00"])
def test_records_under_two_ids_are_asked_about_once_the_ids_are_linked_and_until_they_are_unlinked(linked_on):
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00", by=GP), booked(practice, mother=OTHER)
    assert asked(first) == asked(second) == []
    record = practice.record_of("person", key=PERSON)
    record.was("person.linked.v1", linked_on, other_person_id=OTHER)
    assert [found[0] for found in (*asked(first), *asked(second))] == ["open", "open"]
    record.was("person.unlinked.v1", "2014-02-04 10:00", other_person_id=OTHER)
    assert asked(first) == asked(second) == []


def test_the_booking_of_a_notified_pregnancy_is_no_second_one_and_twins_are_one():
    practice = Practice()
    thread = practice.record_of("pregnancy", by=GP)
    thread.was(NOTIFIED, "2014-01-08 10:00")
    thread.was(BOOKED, "2014-01-15 10:00", edd="2014-06-16", mother_age_band="from_20")
    assert thread.all(STEP) == []


def test_a_pregnancy_after_one_that_ended_or_that_nobody_ended_for_months_is_no_second_one():
    practice = Practice()
    ended, forgotten = booked(practice, "2012-01-09 10:00", edd="2012-06-18"), practice.record_of("pregnancy")
    ended.was(ENDED, "2012-06-18 10:00", outcome="birth", children=[OTHER], parents=[PERSON])
    forgotten.was(NOTIFIED, "2010-09-15 10:00")  # without an expected date: 40 months before the next
    assert asked(booked(practice)) == asked(ended) == asked(forgotten) == []


def test_an_end_that_is_recorded_late_takes_the_question_back():
    practice = Practice()
    first, second = booked(practice, "2013-06-10 10:00", edd="2014-01-13"), booked(practice)
    assert len(asked(first)) == len(asked(second)) == 1
    first.was(ENDED, "2014-01-10 10:00", recorded="2014-01-17 10:00", outcome="miscarriage", parents=[PERSON])
    assert asked(first) == asked(second) == []


def test_a_record_that_was_a_mistake_takes_the_question_back():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00"), booked(practice)
    (begun,) = (event for event in practice.events() if event.stream == second.name)
    second.retracted(begun, "2014-01-16 10:00")
    assert [found[0] for found in asked(first)] == [found[0] for found in asked(second)] == ["void"]


@pytest.mark.parametrize("side", [0, 1])
def test_joining_the_records_on_either_one_answers_both_sides_until_it_is_taken_back(side):
    practice = Practice()
    records = [booked(practice, "2014-01-08 10:00", by=GP), booked(practice)]
    said = joined(practice, records[side], records[1 - side])
    assert [found[0] for one in records for found in asked(one)] == ["met", "met"]
    records[side].retracted(said, "2014-01-21 10:00")
    assert [found[0] for one in records for found in asked(one)] == ["open", "open"]


@pytest.mark.parametrize("outcome", ["birth", "miscarriage"])
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("joined_at", ["2014-01-20 10:00", "2014-07-01 10:00"])
def test_the_end_on_one_of_two_joined_records_closes_what_hangs_on_both_and_the_undoing_opens_it(
    outcome, side, joined_at
):
    practice = Practice()
    records = [booked(practice, "2014-01-08 10:00", by=GP), booked(practice)]
    ends = {"birth": {"children": [OTHER]}, "miscarriage": {}}[outcome]
    records[0].was(ENDED, "2014-06-16 10:00", outcome=outcome, parents=[PERSON], **ends)
    before = as_seen(practice.follow_ups(records[1].name))
    assert ("DATA-01.birth", "open") in before
    said = joined(practice, records[side], records[1 - side], joined_at)
    assert not {"DATA-01.birth", "HV-01.antenatal"} & set(open_about(practice, records[1]))
    assert open_about(practice, records[1]) == []
    records[side].retracted(said, "2014-07-21 10:00")
    assert as_seen(practice.follow_ups(records[1].name)) == before


def test_records_of_two_women_are_joined_by_no_word():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00", by=GP), booked(practice, mother=OTHER)
    joined(practice, second, first, other_person_id=PERSON)
    first.was(ENDED, "2014-06-16 10:00", outcome="miscarriage", parents=[PERSON])
    assert "DATA-01.birth" in open_about(practice, second)
    practice.record_of("person", key=PERSON).was("person.linked.v1", "2014-02-03 10:00", other_person_id=OTHER)
    assert "DATA-01.birth" not in open_about(practice, second)


def test_a_join_without_standing_closes_nothing_and_its_owner_is_asked():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00", by=MIDWIFE), booked(practice, by=NORFOLK_GP)
    stamp(practice, joined(practice, second, first), NONE)
    second.was(ENDED, "2014-06-16 10:00", outcome="miscarriage", parents=[PERSON])
    assert "DATA-01.birth" in open_about(practice, first)
    assert "DATA-02.lowers" in open_about(practice, first)


def test_whoever_claims_a_pregnancy_or_a_link_learns_nothing_of_another_one_and_its_side_is_asked():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00"), booked(practice, by=NORFOLK_GP)
    (begun,) = (event for event in practice.events() if event.stream == second.name)
    stamp(practice, begun, OWNER)
    assert [found[0] for found in asked(first)] == ["open"]
    assert asked(second) == []
    answer = second.was("record.claim_confirmed.v1", "2014-01-16 10:00", by=MIDWIFE, event_id=begun.id)
    stamp(practice, answer, CIRCLE)
    assert [found[0] for found in (*asked(first), *asked(second))] == ["open", "open"]


def test_whoever_claimed_the_first_record_learns_nothing_of_the_second():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00", by=NORFOLK_GP), booked(practice)
    (begun,) = (event for event in practice.events() if event.stream == first.name)
    stamp(practice, begun, OWNER)
    assert asked(first) == []
    assert [found[0] for found in asked(second)] == ["open"]


def test_a_claimed_link_tells_neither_side_of_a_pregnancy():
    practice = Practice()
    first, second = booked(practice, "2014-01-08 10:00"), booked(practice, mother=OTHER, by=NORFOLK_GP)
    record = practice.record_of("person", key=OTHER, by=NORFOLK_GP)
    stamp(practice, record.was("person.linked.v1", "2014-01-16 10:00", other_person_id=PERSON), NONE)
    assert asked(first) == asked(second) == []


# --- doubts of alarms -----------------------------------------------------------------------------------------------

KINDS = {"injury": "concern", "harm": "concern", "child": "concern", "prebirth": "pregnancy"}
DOUBT, CONFIRMED = "DATA-04.doubt", "record.doubts_confirmed.v1"
# The glass is broken in the service that follows up.
RECORDED = sorted(ALARMS.keys() - {"glass.broken.v1"})


def alarm(practice: Practice, event_type: str, doubts: str | None, **said) -> tuple[Thread, Event]:
    noun = event_type.partition(".")[0]
    thread = practice.record_of(KINDS.get(noun, noun), by=HV, **said)
    event = thread.was(event_type, "2014-01-15 10:00", **ALARMS[event_type])
    practice._events[event.id] = replace(event, doubts=doubts)
    return thread, practice._events[event.id]


def doubted(
    practice: Practice, thread: str = f"person/{PERSON}", step: str = DOUBT
) -> list[tuple[str, str, str | None]]:
    found = [one for one in practice.follow_ups(thread) if one.step == step]
    return [(one.state, as_text(one.due_at), one.owner.person) for one in found]


@pytest.mark.parametrize("event_type", RECORDED)
@pytest.mark.parametrize("doubts", ["out-of-order", "out-of-order score-and-self-harm", None])
def test_every_doubtful_alarm_asks_who_recorded_it_to_look_and_no_other_does(event_type, doubts):
    practice = Practice()
    alarm(practice, event_type, doubts)
    assert doubted(practice) == ([("open", "2014-01-17 17:00", "hv-pereira")] if doubts else [])


@pytest.mark.parametrize("event_type", RECORDED)
def test_a_confirmation_of_that_very_entry_answers_it_and_a_retraction_ends_it(event_type):
    practice = Practice()
    thread, event = alarm(practice, event_type, "out-of-order")
    alarm(practice, event_type, "edd-far-out")
    confirmed = thread.was(CONFIRMED, "2014-01-16 10:00", event_id=event.id)
    assert sorted(found[0] for found in doubted(practice)) == ["met", "open"]
    thread.retracted(confirmed, "2014-01-16 11:00")
    assert sorted(found[0] for found in doubted(practice)) == ["open", "open"]
    thread.retracted(event, "2014-01-16 12:00")
    assert sorted(found[0] for found in doubted(practice)) == ["open", "void"]


def test_a_consultation_about_a_child_who_is_not_named_asks_too_and_is_answered_likewise():
    practice = Practice()
    thread, held = alarm(practice, "consultation.held.v1", "out-of-order", person_id=None)
    practice._events[held.id] = replace(held, subject=None)
    assert [found[0] for found in doubted(practice, thread.name, "DATA-04.consultation")] == ["open"]
    thread.was(CONFIRMED, "2014-01-16 10:00", event_id=held.id)
    assert [found[0] for found in doubted(practice, thread.name, "DATA-04.consultation")] == ["met"]


def test_the_doubt_about_a_death_is_not_ended_by_it_and_that_about_a_screen_of_one_who_died_is():
    practice = Practice()
    alarm(practice, "screen.recorded.v1", "score-and-self-harm", person_id=CHILD)
    practice.record_of("person", key=CHILD).was("person.died.v1", "2014-01-16 10:00", family=[])
    alarm(practice, "person.died.v1", "out-of-order")
    assert [found[0] for found in doubted(practice)] == ["open"]
    assert [found[0] for found in doubted(practice, f"person/{CHILD}")] == ["ended"]


def test_every_kind_of_record_that_can_hold_an_alarm_has_the_route_that_confirms_its_doubts():
    urls = {endpoint.url for _, endpoint in endpoints_of(PerinatalService) if endpoint.method == "POST"}
    nouns = {event_type.partition(".")[0] for event_type in RECORDED}
    for kind in {KINDS.get(noun, noun) for noun in nouns}:
        assert any(url.endswith(f"/<{kind}_id>/doubts/confirmed") for url in urls), kind
