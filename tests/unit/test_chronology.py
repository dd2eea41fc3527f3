"""A person's chronology as each reader may see it: order, lateness, what was struck out, areas and disclosure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from services.referrals_followup.domain.as_of import AsOf
from services.referrals_followup.domain.chronology import Entry, entries_of, has_outline, own_streams
from services.referrals_followup.domain.disclosure import Reader, areas_opened, find_withheld_of_past
from services.referrals_followup.domain.follow_up import Accept, Assign
from services.referrals_followup.domain.thread_history import Evidence
from shared.contracts import CATALOGUE
from shared.contracts.access import signposts_to
from shared.kernel.decisions import CLAIM_CONFIRMED, RETRACTION
from shared.kernel.envelope import NONE, Event
from tests.unit.practice import FRONT_DOOR, MANAGER, NORFOLK_GP, NURSERY, PERSON, Practice, london

GP_READER = Reader("gp_practice", "gp-mill-road", frozenset({"essex"}))
PA_READER = Reader("personal_adviser", "leaving-care-essex", frozenset({"essex"}))
SOCIAL_WORKER = Reader("social_worker", "childrens-social-care-essex", frozenset({"essex"}))
OTHER = f"p_{'b' * 32}"
LEAVING_CARE = "leaving care: contact the PA"


@pytest.fixture
def practice() -> Practice:
    return Practice()


def chronology(practice: Practice, reader: Reader = SOCIAL_WORKER, at: str = "2014-01-01", person: str = PERSON):
    events = practice._events.values()
    evidence = [Evidence(event, frozenset(CATALOGUE.refs(event))) for event in events]
    then = AsOf.of(practice.history, london(at))
    threads = sorted({event.stream for event in events if event.stream.startswith(("referral/", "plan-item/"))})
    pairs = [pair for thread in threads for pair in then.follow_ups(thread, evidence)]
    withheld = {pair[0].id: find_withheld_of_past(pair[0], pair, reader) for pair in pairs}
    return entries_of([person], then.known(evidence), withheld, reader)


def types(entries: list[Entry]) -> list[str]:
    return [entry.event.type for entry in entries]


def whom_to_ask(entries: list[Entry]) -> list[list[str]]:
    return [signposts_to(entry.withheld) for entry in entries]


def test_entries_stand_in_the_order_in_which_things_happened_whenever_they_were_recorded(practice):
    referral = practice.referral()
    referral.was("intended", "2013-01-14 09:30")
    referral.was("acknowledged", "2013-01-16 10:00")
    referral.was("sent", "2013-01-15 10:00", recorded="2013-01-25 09:00")
    found = chronology(practice)
    assert types(found) == ["referral.intended.v1", "referral.sent.v1", "referral.acknowledged.v1"]
    assert [entry.recorded_late_by_days for entry in found] == [0, 10, 0]


@pytest.mark.parametrize(
    ("precision", "recorded", "days"),
    [
        ("minute", "2013-01-15 00:30", 1),
        ("minute", "2013-01-14 23:30", 0),
        ("day", "2013-01-14 23:00", 0),
        ("day", "2013-01-16 09:00", 2),
        ("month", "2013-01-25 09:00", 0),
        ("month", "2013-02-03 09:00", 3),
    ],
)
def test_it_is_late_by_whole_days_from_the_last_day_on_which_it_can_have_happened(practice, precision, recorded, days):
    practice.referral().was("intended", "2013-01-14 09:30", recorded=recorded, precision=precision)
    (entry,) = chronology(practice)
    assert entry.recorded_late_by_days == days


def test_who_was_told_when_stands_among_the_entries(practice):
    practice.referral().was("intended", "2013-01-14 09:30")
    practice.days_pass("2013-01-17 00:00")
    found = chronology(practice)
    assert types(found) == ["referral.intended.v1", "follow_up.chased.v1"]
    assert found[1].event.data["recipients"] == ["gp-okafor"]


def test_what_is_about_somebody_else_is_not_among_them(practice):
    practice.referral().was("intended", "2013-01-14 09:30")
    practice.referral(person_id=OTHER).was("intended", "2013-01-14 10:00")
    practice.days_pass("2013-01-17 00:00")
    assert len(chronology(practice)) == len(chronology(practice, person=OTHER)) == 2


def test_an_entry_that_was_struck_out_says_so_from_the_retraction_on(practice):
    referral = practice.referral()
    noted = referral.was("intended", "2013-01-14 09:30")
    retraction = referral.retracted(noted, "2013-01-18 09:00")
    before, after = chronology(practice, at="2013-01-17 00:00"), chronology(practice)
    assert [entry.retraction for entry in before] == [None]
    assert [entry.retraction for entry in after] == [retraction, None]


# --- disclosure ---------------------------------------------------------------------------------------------------


def test_outside_the_class_only_whom_to_ask_is_told_also_of_chases_acts_and_retractions(practice):
    item = practice.plan_item()
    added = item.was("added", "2013-01-14 09:30")
    practice.act(Assign(item.the("CL-01.arrange"), "pa-moreau", "leaving-care-essex"), "2013-01-15 09:00", MANAGER)
    practice.days_pass("2013-02-14 00:00")
    item.retracted(added, "2013-02-14 09:00")
    entries = chronology(practice, GP_READER)
    assert {"plan_item.added.v1", "follow_up.assigned.v1", "follow_up.chased.v1", RETRACTION} == set(types(entries))
    assert whom_to_ask(entries) == [[LEAVING_CARE]] * len(entries)
    assert not any(whom_to_ask(chronology(practice, PA_READER)))


def test_the_team_that_made_an_entry_sees_it_whatever_its_role(practice):
    item = practice.plan_item()
    added = item.was("added", "2013-01-14 09:30")
    item.retracted(added, "2013-01-14 10:00")
    worker = Reader("mental_health_service", "leaving-care-essex", frozenset({"essex"}))
    assert whom_to_ask(chronology(practice, worker)) == [[], []]


def test_taking_a_follow_up_on_opens_it_to_nobody_else_of_the_team(practice):
    item = practice.plan_item()
    item.was("added", "2013-01-14 09:30")
    lead = type(MANAGER)("gp-manager-hale", "manager", "gp-mill-road", ("essex",))
    practice.act(Accept(item.the("CL-01.arrange")), "2013-01-15 09:00", lead)
    assert whom_to_ask(chronology(practice, GP_READER)) == [[LEAVING_CARE]] * 2


def test_a_retraction_of_what_is_not_known_here_is_shown_to_the_team_that_made_it_only(practice):
    practice.referral().was(RETRACTION, "2013-01-14 09:30", event_id=str(UUID(int=99)), reason_code="wrong-patient")
    assert whom_to_ask(chronology(practice, GP_READER)) == [[]]
    assert whom_to_ask(chronology(practice, SOCIAL_WORKER)) == [["contact the operator"]]


# --- the outline -----------------------------------------------------------------------------------------------------


NURSERY_READER = Reader(NURSERY.role, NURSERY.team, frozenset({"essex"}))


def evidence_of(practice: Practice) -> list[Evidence]:
    return [Evidence(event, frozenset(CATALOGUE.refs(event))) for event in practice._events.values()]


def test_who_recorded_one_concern_learns_of_nothing_else_until_another_team_of_the_area_knows_the_person(practice):
    concern = practice.record_of("concern", by=NURSERY, person_id=PERSON)
    concern.was("concern.raised.v1", "2013-01-14 09:30")
    practice.referral(by=NORFOLK_GP).was("intended", "2013-01-15 09:30")
    assert not has_outline(NURSERY_READER, [PERSON], evidence_of(practice))
    assert has_outline(SOCIAL_WORKER, [PERSON], evidence_of(practice))
    # What others record on their own record does not open the outline either.
    concern.was("child.seen.v1", "2013-01-16 09:30", by=FRONT_DOOR)
    assert not has_outline(NURSERY_READER, [PERSON], evidence_of(practice))
    assert own_streams(NURSERY_READER, evidence_of(practice)) == {concern.name}
    referral = practice.referral()
    noted = referral.was("intended", "2013-01-17 09:30")
    assert has_outline(NURSERY_READER, [PERSON], evidence_of(practice))
    referral.retracted(noted, "2013-01-18 09:30")
    assert not has_outline(NURSERY_READER, [PERSON], evidence_of(practice))


# --- areas --------------------------------------------------------------------------------------------------------


def test_an_entry_of_another_area_is_withheld_even_from_its_own_team(practice):
    practice.referral().was("intended", "2013-01-14 09:30")
    practice.referral(by=NORFOLK_GP).was("intended", "2013-01-15 09:30")
    assert whom_to_ask(chronology(practice)) == [[], ["health: contact the health visitor"]]
    elsewhere = Reader("gp_practice", "gp-mill-road", frozenset({"norfolk"}))
    assert whom_to_ask(chronology(practice, elsewhere)) == [["health: contact the health visitor"], []]


def event(event_type: str, stream: str, area: str, **data) -> Event:
    at = london("2014-09-01 09:00") + timedelta(hours=len(stream))
    return Event(
        id=f"{event_type}-{stream}",
        source="perinatal",
        type=event_type,
        subject=PERSON,
        occurred_at=at,
        recorded_at=at,
        stream=stream,
        version=1,
        actor="hv-pereira",
        role="health_visitor",
        team="hv-harwich",
        area=area,
        correlation_id="x",
        data=data,
    )


def moved(stream: str, area: str, to_area: str) -> Event:
    return event("household.moved.v1", stream, area, people=[PERSON], from_area=area, to_area=to_area)


def acknowledged(stream: str, area: str) -> Event:
    return event("handover.acknowledged.v1", stream, area)


def test_a_move_opens_nothing_until_its_handover_is_acknowledged():
    left = moved("move/1", "essex", "norfolk")
    assert areas_opened([left], {"norfolk"}) == frozenset()
    assert areas_opened([left, acknowledged("move/2", "norfolk")], {"norfolk"}) == frozenset()
    assert areas_opened([left, acknowledged("move/1", "norfolk")], {"norfolk"}) == {"essex"}


def test_what_is_recorded_after_a_move_is_not_open_to_the_area_that_was_left():
    assert (
        areas_opened([moved("move/1", "essex", "norfolk"), acknowledged("move/1", "essex")], {"essex"}) == frozenset()
    )


def test_the_word_of_a_bystander_that_a_handover_was_acknowledged_opens_nothing_until_it_is_confirmed():
    left = moved("move/1", "essex", "norfolk")
    claim = replace(acknowledged("move/1", "essex"), standing=NONE, version=2)
    answer = replace(event(CLAIM_CONFIRMED, "move/1", "essex", event_id=claim.id), version=3)
    assert areas_opened([left, claim], {"norfolk"}) == frozenset()
    assert areas_opened([left, claim, answer], {"norfolk"}) == {"essex"}


def test_what_the_new_area_acknowledged_counts_once_the_area_that_was_left_agrees():
    left, claim = (
        replace(one, standing=NONE) for one in (moved("move/1", "essex", "norfolk"), acknowledged("move/1", "essex"))
    )
    given = event("handover.given.v1", "move/1", "essex", recorded_in="essex")
    assert areas_opened([left, replace(claim, version=2)], {"norfolk"}) == frozenset()
    assert areas_opened([left, replace(claim, version=2), replace(given, version=3)], {"norfolk"}) == {"essex"}


def test_further_moves_open_what_the_area_before_was_handed():
    first, second = moved("move/1", "essex", "norfolk"), moved("move/2", "norfolk", "suffolk")
    both = [first, acknowledged("move/1", "norfolk"), second, acknowledged("move/2", "suffolk")]
    assert areas_opened(both, {"suffolk"}) == {"norfolk", "essex"}
    assert areas_opened(both[1:], {"suffolk"}) == {"norfolk"}
    assert areas_opened(both, {"essex", "norfolk", "suffolk"}) == frozenset()
